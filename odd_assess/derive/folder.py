"""The folder of a derived model: written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from odd_assess.errors import RunFolderError

RECORD = "derived.json"


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A draft beside ``out`` that takes its place when nothing went wrong; else ``out`` stays as it was.

    Raises: RunFolderError where ``out`` is a file, holds something, or cannot be written.
    """
    out = out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        found = "a folder with files in it" if out.is_dir() else "a file"
        raise RunFolderError(f"{out}: the folder of a derived model must be new or empty, found {found}; give another --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise RunFolderError(f"{out}: the folder must be writable, got: {error.strerror or error}; give another --out") from error
    try:
        yield draft
        mask = _umask()
        draft.chmod(0o777 & ~mask)
        for file in draft.iterdir():
            file.chmod(0o666 & ~mask)
        if out.exists():
            out.rmdir()
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
