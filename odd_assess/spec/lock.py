"""The lock of a spec: what its criteria were before anything was drawn, so that a later change shows.

Decision, 2026-11-21: the lock holds both digests of bytes and the content of each criterion. Bytes answer an auditor who compares files; content answers what a
change means. Where bytes changed and nothing that was read from them did (a comment, line endings), the run says so and its criteria count as locked;
``--require-lock`` refuses it all the same, because it promises the very files that were locked. What else the spec declares is held by the digest of each
section: a domain that shrank after the first result is as good as a criterion that was loosened.

A lock proves nothing by itself, because whoever can change the criteria can lock again: it is worth as much as the place where it is kept, such as a commit.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from odd_assess.criteria.changes import added, changed, content, dropped
from odd_assess.errors import InputError, Location, Problem
from odd_assess.records import Change, Lock, Spec
from odd_assess.spec.document import Document
from odd_assess.spec.files import content_of
from odd_assess.spec.words import shown


def _date(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a date and time, found {shown(value)}")  # noqa: TRY004 - what pydantic turns into a problem
    datetime.fromisoformat(value)
    return value


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LockedFile(_Part):
    """A file that the spec names, by its bytes."""

    kind: str
    name: str
    sha256: str


class LockedCriterion(_Part):
    """What one criterion asks."""

    sha256: str
    content: dict[str, Any]


class LockedSpec(_Part):
    """The spec, by its bytes and by the content of each section."""

    name: str
    sha256: str
    sections: dict[str, str]


class LockFile(_Part):
    """The lock file; JSON, the same for the same files but for its date."""

    odd_assess_lock: Literal[1]
    odd_assess: str
    locked: Annotated[str, BeforeValidator(_date)]
    spec: LockedSpec
    files: list[LockedFile]
    criteria: dict[str, LockedCriterion]

    def text(self) -> str:
        """As it is written."""
        return json.dumps(self.model_dump(), indent=2, ensure_ascii=False) + "\n"


def lock_path(spec: Path) -> Path:
    """Where the lock of a spec lies: beside it, ``spec.lock.json`` for ``spec.yaml``."""
    return spec.with_name(f"{spec.stem}.lock.json")


def stated(spec: Spec, data: Mapping[Any, Any], *, date: str, version: str) -> LockFile:
    """What there is to lock of a spec, whose plain data are ``data``."""
    criteria = {criterion.id: content(criterion) for group in spec.criteria for criterion in group.criteria}
    first, *others = spec.documents
    return LockFile(
        odd_assess_lock=1,
        odd_assess=version,
        locked=date,
        spec=LockedSpec(name=first.name, sha256=first.sha256, sections={str(key): _digest(value) for key, value in data.items()}),
        files=[LockedFile(kind=other.kind, name=other.name, sha256=other.sha256) for other in others if other.kind != "lock"],
        criteria={name: LockedCriterion(sha256=_digest(asked), content=asked) for name, asked in criteria.items()},
    )


def parsed(raw: bytes) -> LockFile | str:
    """The lock that these bytes are, or what is wrong with them."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return "must be the JSON that odd-assess lock writes, found something else"
    version = data.get("odd_assess_lock") if isinstance(data, dict) else None
    if isinstance(version, int) and version > 1:
        return f"must be a lock of version 1, found {version}: it was written by a newer odd-assess; update odd-assess"
    try:
        lock = LockFile.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        return f"must be a lock as odd-assess lock writes it, but {where or 'it'} is not sound: {first['msg'][:200]}"
    for name, criterion in lock.criteria.items():
        if _digest(criterion.content) != criterion.sha256:
            return f"must hold the digest of each criterion, but that of {name} is another: the lock was edited"
    return lock


def compared(lock: LockFile, now: LockFile) -> Lock:
    """What is another than it was when it was locked."""
    before, after = ({name: criterion.content for name, criterion in side.criteria.items()} for side in (lock, now))
    changes: list[Change] = []
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            changes.append(dropped(name, before=before[name]))
        elif name not in before:
            changes.append(added(name, after=after[name]))
        else:
            changes += changed(name, before[name], after[name])
    old, new = lock.spec.sections, now.spec.sections
    sections = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
    then, here = ({(file.kind, file.name): file.sha256 for file in side.files} for side in (lock, now))
    files = [key for key in dict.fromkeys((*then, *here)) if then.get(key) != here.get(key)]
    own = [now.spec.name] if lock.spec.sha256 != now.spec.sha256 else []
    return Lock(
        date=lock.locked,
        version=lock.odd_assess,
        changes=tuple(changes),
        spec_changes=(*sections, *(name for kind, name in files if kind == "numbers")),
        files=(*own, *(name for _, name in files)),
    )


def with_lock(spec: Spec, document: Document) -> tuple[Spec | None, list[Problem]]:
    """The spec with what its lock says, which becomes one of its documents; None and a problem where the lock cannot be read."""
    path = lock_path(document.path)
    if not (("lock", path.name) in document.kept if document.kept is not None else os.path.isfile(path)):  # noqa: PTH113
        return spec, []
    try:
        raw = content_of(document, "lock", path.name, path)
    except OSError as error:
        return None, [_problem(path, f"the lock cannot be read: {(error.strerror or type(error).__name__).lower()}")]
    found = parsed(raw)
    if isinstance(found, str):
        return None, [_problem(path, f"{found}; write it again with odd-assess lock --force, or delete it")]
    now = stated(spec, document.data, date=found.locked, version=found.odd_assess)
    return replace(spec, lock=compared(found, now), documents=(*spec.documents, document.others[-1])), []


def require_lock(spec: Spec) -> None:
    """Nothing, where a lock fits the spec to the last byte.

    Raises: InputError where there is none, or anything is another than it was when it was locked.
    """
    path = lock_path(spec.path)
    if spec.lock is None:
        raise InputError(f"{path}: there must be a lock, found none; write one before the run: odd-assess lock {spec.path.name}")
    if spec.lock.state != "locked":
        lines = "\n".join(f"  {line}" for line in spec.lock.details)
        raise InputError(
            f"{path}: what is assessed must be what was locked on {spec.lock.date[:10]}, found {spec.lock.state}:\n{lines}\n"
            "Restore the files, or review the change and lock again: odd-assess lock --force"
        )


def _problem(path: Path, message: str) -> Problem:
    return Problem(location=Location(path=path, line=1, column=1), key="", message=message)


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
