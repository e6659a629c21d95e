"""Files and folders that a spec names: relative to the spec's folder, and there (or kept by a run that is over), or a problem."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Literal

from odd_assess.records import SourceFile
from odd_assess.spec.document import Document, KeyPath
from odd_assess.spec.words import did_you_mean, shortened


def existing_file(document: Document, path: KeyPath, text: str, *, suffixes: tuple[str, ...] = ()) -> Path | None:
    """The absolute path of a file, or None (and a problem) where there is none, or one of another kind."""
    found = resolved(document, text)
    if document.kept is not None or os.path.isfile(found):  # noqa: PTH113 - Path.is_file raises for names that cannot be
        if suffixes and not found.name.lower().endswith(suffixes):
            document.add(path, f"must end in {' or '.join(suffixes)}, found {shortened(repr(text))}")
            return None
        return found
    what = "a folder" if os.path.isdir(found) else "nothing"  # noqa: PTH112
    document.add(path, f"must name an existing file, found {what} at {found}{_sibling(found)}")
    return None


def existing_folder(document: Document, path: KeyPath, text: str) -> Path | None:
    """The absolute path of a folder, or None (and a problem) where there is none."""
    found = resolved(document, text)
    if document.kept is not None or os.path.isdir(found):  # noqa: PTH112
        return found
    what = "a file" if os.path.isfile(found) else "nothing"  # noqa: PTH113
    document.add(path, f"must name an existing folder, found {what} at {found}{_sibling(found)}")
    return None


def content_of(document: Document, kind: Literal["criteria", "numbers", "lock"], text: str, file: Path) -> bytes:
    """The bytes of a file that the document calls ``text``: those that a run kept, or those of ``file``, which the document then remembers.

    Raises: OSError where there are none.
    """
    if document.kept is not None:
        if (kind, text) not in document.kept:
            raise FileNotFoundError(f"the evidence does not hold {text}")
        document.others.append(document.kept[kind, text])
        return document.kept[kind, text].content
    content = file.read_bytes()
    document.others.append(SourceFile(kind=kind, name=text, sha256=hashlib.sha256(content).hexdigest(), content=content))
    return content


def resolved(document: Document, text: str) -> Path:
    """A path as the spec means it: relative to the spec's own folder."""
    return Path(os.path.abspath(document.path.parent / os.path.expanduser(text)))  # noqa: PTH100, PTH111 - they never raise


def _sibling(path: Path) -> str:
    try:
        names = [name for name in os.listdir(path.parent) if name != path.name]  # noqa: PTH208 - what is there is no file
    except (OSError, ValueError):
        return ""
    return did_you_mean(path.name, names)
