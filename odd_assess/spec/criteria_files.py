"""Which criteria files there are: those that a spec names, and those that they extend, each read once.

A file is looked for beside the one that names it, then among those that come with odd-assess. A run keeps every one of them by its path from the spec's folder.
"""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import Any

from odd_assess.records import CriteriaSet, Criterion
from odd_assess.shipped import shipped
from odd_assess.spec.criteria import Written, criteria_set
from odd_assess.spec.document import Document, KeyPath, document_of, read_document
from odd_assess.spec.extending import extended, place_of
from odd_assess.spec.files import content_of, resolved
from odd_assess.spec.words import did_you_mean, listed


def criteria_of(document: Document) -> tuple[CriteriaSet | None, list[Document]]:
    """(the criteria of a document, None where something is wrong; the document and those that it extends)."""
    files = _Files(document)
    written = files.declared(document, document.path.name, ())
    return None if written is None else written.criteria, files.documents


def referenced_criteria(document: Document, data: object) -> tuple[tuple[CriteriaSet, ...], list[Document], bool]:
    """(the sets that are valid, every document that was read, whether all are valid) of a spec's key ``criteria``."""
    names: list[Any] = data if isinstance(data, list) else []
    files = _Files(document)
    sets: dict[int, CriteriaSet] = {}
    seen: dict[Path, int] = {}
    for i, name in enumerate(names):
        file = find_criteria(document, ("criteria", i), name, host=document, key=name) if isinstance(name, str) and name else None
        if file is None:
            continue
        if seen.setdefault(Path(os.path.abspath(file)), i) != i:  # noqa: PTH100
            document.add(("criteria", i), "names the same file twice: delete one of them")
            continue
        written = files.read(name, file, ())
        if written is not None:
            sets[i] = written.criteria
    _refuse_ids_of_two_files(document, sets, files.documents)
    return tuple(sets.values()), files.documents, bool(names) and len(sets) == len(names)


class _Files:
    """Criteria files as they are read for one spec (or for one criteria file that is read by itself), the ``host``."""

    def __init__(self, host: Document) -> None:
        self.host = host
        self.documents: list[Document] = []
        self._known: dict[Path, Written | None] = {}

    def read(self, key: str, file: Path, chain: tuple[Path, ...]) -> Written | None:
        """The criteria of a file that is kept as ``key`` and that the files of ``chain`` rest on; None where something is wrong."""
        whole = Path(os.path.abspath(file))  # noqa: PTH100
        if whole not in self._known:
            try:
                document = document_of(file, content_of(self.host, "criteria", key, file))
            except OSError:
                document = read_document(file)  # which says what is wrong
            self._known[whole] = self.declared(document, key, chain)
        return self._known[whole]

    def declared(self, document: Document, key: str, chain: tuple[Path, ...]) -> Written | None:
        """The criteria of a document, once those that it extends are read."""
        self.documents.append(document)
        name = extended(document)
        base = None if name is None else self._base(document, key, name, (*chain, Path(os.path.abspath(document.path))))  # noqa: PTH100
        return criteria_set(document, base)

    def _base(self, document: Document, key: str, name: str, chain: tuple[Path, ...]) -> Written | None:
        inner = posixpath.normpath(posixpath.join(posixpath.dirname(key), name))
        file = find_criteria(document, ("extends",), name, host=self.host, key=inner)
        if file is None:
            return None
        if (whole := Path(os.path.abspath(file))) in chain:  # noqa: PTH100
            circle = " -> ".join(path.name for path in (*chain[chain.index(whole) :], whole))
            document.add(("extends",), f"must not lead back to the file itself: {circle}")
            return None
        return self.read(inner, file, chain)


def find_criteria(document: Document, path: KeyPath, text: str, *, host: Document, key: str) -> Path | None:
    """The criteria file that a spec or a criteria file names: beside it (kept as ``key`` by the host's run), else among those that come with odd-assess."""
    near = resolved(document, text)
    if host.kept is not None and ("criteria", key) in host.kept:
        return near
    if os.path.isfile(near):  # noqa: PTH113
        relative = document.path.parent / text
        return relative if os.path.isfile(relative) else near  # noqa: PTH113
    folder = shipped("acceptance_criteria")
    known = sorted(file.name for file in folder.glob("*.yaml"))
    parts = Path(text).parts
    if parts and parts[-1] in known and parts[:-1] in ((), ("acceptance_criteria",)):
        return folder / parts[-1]
    offered = [f"acceptance_criteria/{name}" for name in known]
    hint = did_you_mean(text, offered)
    come = f"; with odd-assess come {listed(offered)}" if offered else ""
    document.add(path, f"must name an existing criteria file, found nothing at {near}{hint}{come}")
    return None


def _refuse_ids_of_two_files(document: Document, sets: dict[int, CriteriaSet], documents: list[Document]) -> None:
    """Over all files of a spec an id names one criterion."""
    owners: dict[str, tuple[int, Criterion]] = {}
    for i, criteria in sets.items():
        brought = []
        for criterion in criteria.criteria:
            owner, other = owners.setdefault(criterion.id, (i, criterion))
            if owner == i:
                continue
            read, path = place_of(criterion, documents)
            if os.path.abspath(read.path) == str(criteria.path):  # noqa: PTH100
                message = (
                    f"{criterion.id!r} names another criterion at {other.location}: ids must be unique over all criteria files"
                )
                read.add((*path, "id"), message)
            else:
                brought.append(criterion.id)
        if brought:
            message = f"the file takes over {listed(brought)} from the one that it extends, but another file holds them too: ids must be unique"
            document.add(("criteria", i), message)
