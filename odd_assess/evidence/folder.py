"""The run folder: where evidence, manifest and reports of one run lie."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odd_assess.errors import RunFolderError
from odd_assess.evidence.manifest import differences, read_manifest
from odd_assess.evidence.store import EvidenceStore
from odd_assess.records import SourceFile

EVIDENCE = "evidence.sqlite"
LOCK = ".lock"
PROBE = ".probe"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """A folder that a run may write to, checked before anything is spent."""

    path: Path

    @property
    def evidence(self) -> Path:
        """The evidence file."""
        return self.path / EVIDENCE

    @classmethod
    @contextmanager
    def claim(cls, path: Path, *, resume: bool) -> Iterator[RunFolder]:
        """The folder of a new run (made if need be, empty of evidence), or of one to go on with; no other process may claim it meanwhile.

        Raises: RunFolderError when it cannot be written, when another run is at work in it, when a new run would overwrite evidence, or when there is
        nothing to resume.
        """
        folder = cls(path=path.absolute())
        with _unmade_when_refused(folder.path):
            try:
                folder.path.mkdir(parents=True, exist_ok=True)
                probe = folder.path / PROBE
                probe.write_bytes(b"\0" * 65536)
                probe.unlink(missing_ok=True)
            except OSError as error:
                raise RunFolderError(
                    f"{path}: the run folder must be writable, got: {error.strerror or error}; give another --out"
                ) from error
            with alone(folder.path):
                has_evidence = folder.evidence.exists()
                if resume and not has_evidence:
                    raise RunFolderError(
                        f"{path}: there must be an interrupted run to resume, found no {EVIDENCE}; leave --resume out to begin one"
                    )
                if has_evidence and not resume:
                    raise RunFolderError(f"{path}: must not hold a run already; go on with it by --resume, or give another --out")
                yield folder

    def check_same_run(self, identity: Mapping[str, Any]) -> Mapping[str, Any]:
        """The interrupted run's manifest, when it is the run that ``identity`` describes.

        Raises: RunFolderError that names every digest or setting that differs.
        """
        before = read_manifest(self.path)
        if changed := differences(before["identity"], identity):
            listed = "\n".join(f"  {line}" for line in changed)
            raise RunFolderError(
                f"{self.path}: a resumed run must be the same run, but these differ:\n{listed}\nGive another --out to begin a new run"
            )
        return before

    def open_evidence(self, *, meta: Mapping[str, str], documents: Sequence[SourceFile]) -> EvidenceStore:
        """The evidence file: the one that is there, or a new one that carries ``meta`` and the files that the run was declared by.

        Raises: RunFolderError when it cannot be written or is none.
        """
        return (
            EvidenceStore.open(self.evidence, writable=True)
            if self.evidence.exists()
            else EvidenceStore.create(self.evidence, meta, documents)
        )


@contextmanager
def _unmade_when_refused(folder: Path) -> Iterator[None]:
    """Folders that are made for a run go again where it breaks before anything is written into them."""
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        yield
    except BaseException:
        with suppress(OSError):  # those that hold something stay
            for one in made:
                one.rmdir()
        raise


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: SQLite's own file lock, which works on every system and ends with the process, however that dies.

    Raises: RunFolderError where another process holds it.
    """
    path = folder / LOCK
    path.touch()
    file = path.stat().st_ino
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
            if (
                not path.exists() or path.stat().st_ino != file
            ):  # a run that ended meanwhile took the file with it: this lock holds nobody off
                raise sqlite3.OperationalError("another run has just ended")
        except sqlite3.Error as error:
            raise RunFolderError(
                f"{folder}: no other run may be at work in it, found its lock held ({error}); wait for it, or give another --out"
            ) from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
