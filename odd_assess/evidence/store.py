"""The evidence store: one SQLite file with a row for every document, point, certificate, estimate, finding and picture.

Counts are the evidence: every bound and radius follows from them. A row is committed as soon as its certificate is known (WAL), so a kill at any moment
loses at most the points in flight. ``finish`` rewrites the file compactly in key order: the bytes depend on what was found, not on the order in
which it was found. Times and machine names are not in here; they are in the manifest.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from odd_assess.errors import RunError, RunFolderError
from odd_assess.evidence.columns import QUERY, Columns, estimates_of
from odd_assess.evidence.reused import Answers, packed, reused_text, unpacked, what_was_reused
from odd_assess.odd.domain import Domain
from odd_assess.odd.points import OddPoint, OddPoints, codes_of_conditions
from odd_assess.records import (
    Abstained,
    AverageCasePlan,
    Certificate,
    Certified,
    Counts,
    Criterion,
    Exhibit,
    Finding,
    Floats,
    Ints,
    LevelCounts,
    Part,
    PointEstimates,
    SourceFile,
    State,
)
from odd_assess.stats.balls import Pairs

SCHEMA_VERSION = 5
OLDEST_SCHEMA = 4
"""Files of this schema lack the table of estimates, and are otherwise the same."""

_ESTIMATES = """
CREATE TABLE estimates (
    idx INTEGER PRIMARY KEY REFERENCES points, clean INTEGER NOT NULL, value REAL NOT NULL, low REAL NOT NULL, high REAL NOT NULL,
    cdf_error REAL NOT NULL, dead_gradient INTEGER NOT NULL);
"""

_CANDIDATES = """
CREATE TABLE candidates (point INTEGER NOT NULL, place INTEGER NOT NULL, estimate REAL, PRIMARY KEY (point, place)) WITHOUT ROWID;
"""
"""Only runs of the design ranked have this table. An estimate that is no number is NULL."""

_SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    position INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, content BLOB NOT NULL);
CREATE TABLE points (
    idx INTEGER PRIMARY KEY, cell INTEGER NOT NULL, attributes TEXT NOT NULL, frame INTEGER, base INTEGER,
    label INTEGER NOT NULL, clean INTEGER NOT NULL, input_sha256 TEXT NOT NULL);
CREATE TABLE certificates (
    stage TEXT NOT NULL, idx INTEGER NOT NULL REFERENCES points, procedure TEXT NOT NULL, outcome TEXT NOT NULL, label INTEGER NOT NULL,
    n0 INTEGER NOT NULL, n INTEGER NOT NULL, selection TEXT, counts TEXT NOT NULL, ties INTEGER NOT NULL, sigma REAL NOT NULL, alpha REAL NOT NULL,
    p_a_lower REAL NOT NULL, radius REAL NOT NULL, levels TEXT, reused TEXT, PRIMARY KEY (stage, idx)) WITHOUT ROWID;
CREATE TABLE answers (idx INTEGER PRIMARY KEY REFERENCES points, draws INTEGER NOT NULL, content BLOB NOT NULL);
CREATE TABLE pairs (i INTEGER NOT NULL, j INTEGER NOT NULL, near REAL NOT NULL, far REAL NOT NULL, PRIMARY KEY (i, j)) WITHOUT ROWID;
{_ESTIMATES.strip()}
CREATE TABLE findings (
    position INTEGER PRIMARY KEY, criteria TEXT NOT NULL, criterion TEXT NOT NULL, severity TEXT NOT NULL, state TEXT NOT NULL, kind TEXT NOT NULL,
    points INTEGER NOT NULL, observed REAL, lower REAL, upper REAL, message TEXT NOT NULL, advice TEXT NOT NULL, parts TEXT NOT NULL,
    points_needed INTEGER, draws_needed INTEGER);
CREATE TABLE pictures (position INTEGER PRIMARY KEY, idx INTEGER NOT NULL, base BLOB NOT NULL, realised BLOB NOT NULL, noisy BLOB NOT NULL);
"""

_ORDER = {
    "meta": "key",
    "documents": "position",
    "points": "idx",
    "certificates": "stage, idx",
    "answers": "idx",
    "pairs": "i, j",
    "estimates": "idx",
    "findings": "position",
    "pictures": "position",
}
_FIELDS = ", ".join(16 * "?")
"""Of a row of ``certificates``."""
CHUNK = 50_000
"""Certificates that are read at a time: enough to be fast, few enough that memory stays flat."""

MAIN = "main"
REFERENCE = "reference"
PILOT = "pilot"
BASELINE = "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One realised point: its condition, the base image it came from, the true class and the answer without noise."""

    point: OddPoint
    base: int | None
    label: int
    clean: int
    input_sha256: str


class EvidenceStore:
    """Reads and writes one evidence file. Use ``create`` or ``open``; it is a context manager that closes the file."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection

    @classmethod
    def create(cls, path: Path, meta: Mapping[str, str], documents: Iterable[SourceFile] = ()) -> EvidenceStore:
        """A new store without points that carries ``meta`` and the files that the run was declared by.

        Raises: RunFolderError when the file cannot be written.
        """
        draft = path.with_suffix(".draft")  # made whole under another name: an evidence file that exists is valid
        try:
            draft.unlink(missing_ok=True)
            with closing(_new(draft)) as db:
                db.executemany("INSERT INTO meta VALUES (?, ?)", sorted({"schema": str(SCHEMA_VERSION), **meta}.items()))
                db.executemany(
                    "INSERT INTO documents VALUES (?, ?, ?, ?, ?)",
                    ((i, d.kind, d.name, d.sha256, d.content) for i, d in enumerate(documents)),
                )
                db.commit()
            draft.replace(path)
        except (sqlite3.Error, OSError) as error:
            raise RunFolderError(f"{path}: the evidence file must be writable, got: {error}") from error
        return cls.open(path, writable=True)

    @classmethod
    def open(cls, path: Path, *, writable: bool = False, finished: bool = False) -> EvidenceStore:
        """An existing store. Unless ``writable``, reading it changes no byte of the file.

        ``finished``: nothing writes to it any more, so that all is in this one file, and a log that lies beside it is none of its own.

        Raises: RunFolderError when it is missing, no evidence file, or of another schema.
        """
        if not path.is_file():
            raise RunFolderError(f"{path}: there must be an evidence file to go on from, found none")
        try:
            mode = "rw" if writable else "ro&immutable=1" if finished else "ro"
            store = cls(path, sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None))
            schema = int(store.meta()["schema"])
            if writable and (damage := store._db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(f"damaged, {damage.splitlines()[-1]}")
        except (sqlite3.Error, KeyError, ValueError) as error:
            raise RunFolderError(f"{path}: must be an odd-assess evidence file, got: {error}") from error
        if schema > SCHEMA_VERSION:
            raise RunFolderError(
                f"{path}: written by a newer odd-assess (schema {schema}, this one reads {SCHEMA_VERSION}); update odd-assess"
            )
        if schema < OLDEST_SCHEMA:
            raise RunFolderError(
                f"{path}: written by an older odd-assess (schema {schema}, this one reads {OLDEST_SCHEMA} to {SCHEMA_VERSION}); "
                "use the version that the manifest names"
            )
        if writable:
            store._db.execute("PRAGMA journal_mode = WAL")
            store._db.execute("PRAGMA synchronous = NORMAL")
            if schema < SCHEMA_VERSION:
                store._update()
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self._db.close()

    def meta(self) -> dict[str, str]:
        """What the store says of its run."""
        return dict(self._db.execute("SELECT key, value FROM meta"))

    def _update(self) -> None:
        """Give a file of the oldest schema the table that it lacks.

        Raises: RunError when the disk refuses.
        """
        with self._writing():
            self._db.execute(_ESTIMATES)
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA_VERSION),))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise RunError(
                f"{self.path}: the evidence could not be written: {error}. What is certified is kept: make room, then go on with --resume"
            ) from error

    def add(self, stage: str, row: Row, certificate: Certificate) -> None:
        """Commit one certificate, the point it belongs to, and the answers that the certificate carries.

        Raises: RunError when the disk refuses.
        """
        point = row.point
        with self._writing():
            self._db.execute(
                "INSERT OR IGNORE INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (point.index, point.cell, _json(point.values), point.frame, row.base, row.label, row.clean, row.input_sha256),
            )
            self._db.execute(
                f"INSERT INTO certificates VALUES ({_FIELDS})",  # noqa: S608 - our own text
                (stage, point.index, *_certificate_columns(certificate)),
            )
            if certificate.answers is not None:
                self._db.execute(
                    "INSERT INTO answers VALUES (?, ?, ?)", (point.index, len(certificate.answers), packed(certificate.answers))
                )

    def note(self, key: str, value: str) -> None:
        """Commit an entry of `meta`, in place of the one that is there.

        Raises: RunError when the disk refuses.
        """
        with self._writing():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def keep_pairs(self, pairs: Pairs) -> None:
        """Commit the pairs of points whose balls may meet, in place of those that are there.

        Raises: RunError when the disk refuses.
        """
        with self._writing():
            self._db.execute("DELETE FROM pairs")
            columns = (pairs.i.tolist(), pairs.j.tolist(), pairs.near.tolist(), pairs.far.tolist())
            self._db.executemany("INSERT INTO pairs VALUES (?, ?, ?, ?)", zip(*columns, strict=True))

    def pairs(self) -> Pairs:
        """The pairs of points whose balls may meet.

        Raises: RunFolderError where the file holds something else.
        """
        with self._making_sense():
            rows = self._reading("SELECT i, j, near, far FROM pairs ORDER BY i, j").fetchall()
            i, j, near, far = zip(*rows, strict=True) if rows else ((), (), (), ())
            return Pairs(
                i=np.array(i, np.int64), j=np.array(j, np.int64), near=np.array(near, np.float64), far=np.array(far, np.float64)
            )

    def records(self, stage: str) -> list[tuple[Any, ...]]:
        """The certificates of ``stage`` as they are stored, without their stage, in design order.

        Raises: RunFolderError where the file holds something else.
        """
        with self._making_sense():
            return self._reading("SELECT * FROM certificates WHERE stage = ? ORDER BY idx", (stage,)).fetchall()

    def adopt(self, stage: str, records: Iterable[tuple[Any, ...]]) -> None:
        """Commit certificates of another run, as `records` gives them, as those of ``stage``; what is there already stays.

        Raises: RunError when the disk refuses.
        """
        with self._writing():
            self._db.executemany(
                f"INSERT OR IGNORE INTO certificates VALUES ({_FIELDS})",  # noqa: S608 - our own text
                ((stage, *record[1:]) for record in records),
            )

    def answers(self, only: Iterable[int] | None = None) -> dict[int, Answers]:
        """The answers that were kept at each point; only at some, where they are given.

        Raises: RunFolderError where the file holds something else.
        """
        some = "" if only is None else "WHERE idx IN (SELECT value FROM json_each(?))"
        arguments = () if only is None else (_json(sorted(only)),)
        with self._making_sense():
            rows = self._reading(f"SELECT idx, draws, content FROM answers {some}", arguments)  # noqa: S608 - our own text
            return {idx: unpacked(content, draws) for idx, draws, content in rows}

    def number_of_answers(self) -> int:
        """The points at which answers were kept."""
        return int(self._reading("SELECT COUNT(*) FROM answers").fetchone()[0])

    def adopt_answers(self, other: EvidenceStore) -> None:
        """Commit the answers that another run kept, as they are stored there; what is there already stays.

        Raises: RunError when the disk refuses; RunFolderError where the other file holds something else.
        """
        rows = other._reading("SELECT idx, draws, content FROM answers ORDER BY idx")
        with self._writing():
            self._db.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?)", rows)

    def add_estimates(self, found: PointEstimates) -> None:
        """Commit the estimates of average-case robustness at some points, all or none of them.

        Raises: RunError when the disk refuses.
        """
        columns = (getattr(found, name).tolist() for name in found.columns())
        with self._writing():
            self._db.executemany("INSERT INTO estimates VALUES (?, ?, ?, ?, ?, ?, ?)", zip(*columns, strict=True))

    def estimates(self, plan: AverageCasePlan, *, below: int | None = None) -> PointEstimates:
        """The estimates of average-case robustness by ``plan``, in design order; those with index < ``below``. None are in a file of the oldest schema.

        Raises: RunFolderError where the file holds something else.
        """
        rows: list[tuple[Any, ...]] = []
        with self._making_sense():
            if self._has_estimates():
                query = "SELECT idx, clean, value, low, high, cdf_error, dead_gradient FROM estimates WHERE idx < ? ORDER BY idx"
                rows = self._reading(query, (2**62 if below is None else below,)).fetchall()
            return estimates_of(plan, rows)

    def estimated(self) -> frozenset[int]:
        """The points that have an estimate."""
        return frozenset(idx for (idx,) in self._db.execute("SELECT idx FROM estimates")) if self._has_estimates() else frozenset()

    def _has_estimates(self) -> bool:
        """Whether the file has the table: those of the oldest schema have not."""
        return int(self.meta()["schema"]) > OLDEST_SCHEMA

    def add_candidates(self, point: Ints, place: Ints, estimate: Floats) -> None:
        """Commit the estimates (c,) of candidates, by the point that they may become and their place in its set, all or none of them.

        Raises: RunError when the disk refuses.
        """
        numbers = (None if math.isnan(value) else value for value in estimate.tolist())
        with self._writing():
            if not self._has_candidates():
                self._db.execute(_CANDIDATES)
            self._db.executemany(
                "INSERT INTO candidates VALUES (?, ?, ?)", zip(point.tolist(), place.tolist(), numbers, strict=True)
            )

    def candidates_known(self, each: int) -> Ints:
        """The numbers (c,) of the candidates that have an estimate, where each set has ``each``."""
        rows = self._db.execute("SELECT point, place FROM candidates ORDER BY point, place") if self._has_candidates() else ()
        return np.array([point * each + place for point, place in rows], dtype=np.int64)

    def candidates(self, points: int, each: int) -> Floats:
        """The estimates (points, each) of all candidates; NaN where one is no number.

        Raises: RunFolderError unless there is one for each candidate and no other, or where the file holds something else.
        """
        with self._making_sense():
            known = (
                self._reading("SELECT point, place, estimate FROM candidates ORDER BY point, place")
                if self._has_candidates()
                else ()
            )
            rows = list(known)
            if [row[:2] for row in rows] != [(point, place) for point in range(points) for place in range(each)]:
                raise ValueError(f"there must be an estimate of each of {points} x {each} candidates, found {len(rows)}")
            if set(map(type, (row[2] for row in rows))) - {float, int, type(None)}:
                raise ValueError("an estimate of a candidate must be a number")
            values = [math.nan if row[2] is None else float(row[2]) for row in rows]
            return np.array(values, dtype=np.float64).reshape(points, each)

    def _has_candidates(self) -> bool:
        """Whether the file has the table: only those of the design ranked have."""
        return self._db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'candidates'").fetchone() is not None

    def inputs(self, stage: str) -> dict[int, str]:
        """The digest of the input of each point that has a certificate of ``stage``."""
        query = "SELECT p.idx, p.input_sha256 FROM certificates c JOIN points p USING (idx) WHERE c.stage = ?"
        with self._making_sense():
            return dict(self._reading(query, (stage,)))

    def digest(self, stage: str, clean: Ints) -> str:
        """SHA-256 over the certificates of ``stage``, the inputs and labels of their points, and the answers without noise ``clean`` (m,).

        Raises: RunFolderError where the file holds something else.
        """
        query = "SELECT p.label, p.input_sha256, c.* FROM certificates c JOIN points p USING (idx) WHERE c.stage = ? ORDER BY c.idx"
        digest = hashlib.sha256(_json(clean.tolist()).encode())
        with self._making_sense():
            for label, image, _, *certificate in self._reading(query, (stage,)):
                digest.update(_json([label, image, *certificate]).encode())
        return digest.hexdigest()

    def done(self, stage: str) -> frozenset[int]:
        """The points that have a certificate of ``stage``."""
        return frozenset(idx for (idx,) in self._db.execute("SELECT idx FROM certificates WHERE stage = ?", (stage,)))

    def rows(self, stage: str, only: Iterable[int] | None = None) -> Iterator[tuple[Row, Certificate]]:
        """Points and certificates of ``stage``, in design order; only some points, where they are given."""
        query = "SELECT p.*, c.* FROM certificates c JOIN points p USING (idx) WHERE c.stage = ?1 {} ORDER BY c.idx"
        some = "" if only is None else "AND c.idx IN (SELECT value FROM json_each(?2))"
        arguments = (stage,) if only is None else (stage, _json(sorted(only)))
        for record in self._db.execute(query.format(some), arguments):
            (idx, cell, attributes, frame, base, label, clean, digest), certificate = record[:8], record[8:]
            point = OddPoint(index=idx, values=json.loads(attributes), cell=cell, frame=frame)
            yield Row(point=point, base=base, label=label, clean=clean, input_sha256=digest), _certificate(certificate[2:])

    def columns(self, stage: str, *, first: int = 0, below: int | None = None) -> Iterator[Columns]:
        """Certificates of ``stage`` with their points as columns, some at a time, in design order; those with ``first`` <= index < ``below``.

        Raises: RunFolderError where the file holds something else than certificates.
        """
        cursor = self._reading(QUERY, (stage, first, 2**62 if below is None else below))
        with self._making_sense():
            while records := cursor.fetchmany(CHUNK):
                yield Columns.of(records)

    def points(self, stage: str, domain: Domain) -> OddPoints:
        """The conditions that have a certificate of ``stage``, in design order; a value that its attribute cannot have has the code NaN.

        Raises: RunFolderError where the file holds something else than conditions.
        """
        query = "SELECT p.idx, p.cell, p.frame, p.attributes FROM certificates c JOIN points p USING (idx) WHERE c.stage = ? ORDER BY c.idx"
        cursor = self._reading(query, (stage,))
        parts = [_points((), domain)]
        with self._making_sense():
            while records := cursor.fetchmany(CHUNK):
                parts.append(_points(records, domain))
            return OddPoints.joined(parts)

    def documents(self) -> tuple[SourceFile, ...]:
        """The files that the run was declared by, as they were read: the spec first, its criteria files, then others. Their digests are not checked.

        Raises: RunFolderError where the file holds something else.
        """
        with self._making_sense():
            rows = self._reading("SELECT kind, name, sha256, content FROM documents ORDER BY position")
            return tuple(SourceFile(kind=kind, name=name, sha256=sha256, content=content) for kind, name, sha256, content in rows)

    def findings(self, criteria: Iterable[Criterion]) -> tuple[Finding, ...]:
        """What the checker found, about the given criteria.

        Raises: RunFolderError unless there is one finding for each criterion, in order.
        """
        with self._making_sense():
            rows = self._reading(
                "SELECT criterion, severity, state, kind, points, observed, lower, upper, message, advice, parts, points_needed, draws_needed FROM findings "
                "ORDER BY position"
            )
            return tuple(_finding(criterion, row) for criterion, row in zip(criteria, rows, strict=True))

    def exhibits(self) -> tuple[Exhibit, ...]:
        """The pictures of the report, the weakest point first.

        Raises: RunFolderError where the file holds something else.
        """
        with self._making_sense():
            rows = self._reading("SELECT idx, base, realised, noisy FROM pictures ORDER BY position")
            return tuple(Exhibit(index=idx, base=base, realised=realised, noisy=noisy) for idx, base, realised, noisy in rows)

    def _reading(self, query: str, arguments: tuple[object, ...] = ()) -> sqlite3.Cursor:
        with self._making_sense():
            return self._db.execute(query, arguments)

    @contextmanager
    def _making_sense(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError, TypeError, KeyError, OverflowError) as error:
            if isinstance(error, RunFolderError):
                raise
            raise RunFolderError(f"{self.path}: must be the evidence of a run, but it is damaged: {error}") from error

    def finish(self, findings: Iterable[Finding], exhibits: Iterable[Exhibit]) -> None:
        """Store what the checker found and the pictures of the report, and rewrite the file compactly: the run is complete.

        Raises: RunError when the disk refuses.
        """
        with self._writing():
            self._db.execute("DELETE FROM findings")
            self._db.execute("DELETE FROM pictures")
            self._db.executemany(
                "INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (_finding_columns(i, f) for i, f in enumerate(findings)),
            )
            self._db.executemany(
                "INSERT INTO pictures VALUES (?, ?, ?, ?, ?)",
                ((i, e.index, e.base, e.realised, e.noisy) for i, e in enumerate(exhibits)),
            )
        compact = self.path.with_suffix(".compact")
        try:
            compact.unlink(missing_ok=True)
            with closing(_new(compact)) as fresh:
                fresh.execute("ATTACH ? AS old", (str(self.path),))
                order = dict(_ORDER)
                if self._has_candidates():
                    fresh.execute(_CANDIDATES.strip())
                    order["candidates"] = "point, place"
                for table, key in order.items():
                    fresh.execute(f"INSERT INTO main.{table} SELECT * FROM old.{table} ORDER BY {key}")  # noqa: S608 - our own table names
                fresh.commit()
            if self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:  # a log beside another file would spoil that
                raise sqlite3.OperationalError("another program reads it")
            self._db.close()
            compact.replace(self.path)
            for leftover in ("-wal", "-shm"):
                self.path.with_name(self.path.name + leftover).unlink(missing_ok=True)
        except (sqlite3.Error, OSError) as error:
            with suppress(OSError):
                compact.unlink(missing_ok=True)
            raise RunError(
                f"{self.path}: the evidence could not be completed: {error}. What is certified is kept: make room, then go on with --resume"
            ) from error


def _new(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.executescript(_SCHEMA)
    return connection


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _certificate_columns(certificate: Certificate) -> tuple[object, ...]:
    return (
        certificate.procedure,
        "certified" if isinstance(certificate, Certified) else "abstained",
        certificate.label,
        certificate.n0,
        certificate.n,
        None if certificate.selection is None else tally_text(certificate.selection),
        tally_text(certificate.counts),
        certificate.ties,
        certificate.sigma,
        certificate.alpha,
        certificate.p_a_lower,
        certificate.radius if isinstance(certificate, Certified) else 0.0,
        _json([[one.sigma, one.selection.by_class, one.counts.by_class] for one in certificate.levels])
        if certificate.levels
        else None,
        None if certificate.reused is None else reused_text(certificate.reused),
    )


def _certificate(columns: tuple[Any, ...]) -> Certificate:
    procedure, outcome, label, n0, n, selection, counts, ties, sigma, alpha, p_a_lower, radius, levels, reused = columns
    common = {
        "label": label,
        "p_a_lower": p_a_lower,
        "n0": n0,
        "n": n,
        "sigma": sigma,
        "alpha": alpha,
        "procedure": procedure,
        "counts": _counts(n, counts),
        "selection": None if selection is None else _counts(n0, selection),
        "ties": ties,
        "levels": () if levels is None else level_counts(levels, n0=n0, n=n),
        "reused": None if reused is None else what_was_reused(reused),
    }
    return Certified(radius=radius, **common) if outcome == "certified" else Abstained(**common)


def level_counts(text: str, *, n0: int, n: int) -> tuple[LevelCounts, ...]:
    """The draws of each level of a cascade, from the text that the file keeps: ``[[sigma, selection, counts], ...]``.

    Raises: ValueError or TypeError where it is none.
    """
    return tuple(
        LevelCounts(sigma=float(sigma), selection=_tallied(n0, selection), counts=_tallied(n, counts))
        for sigma, selection, counts in json.loads(text)
    )


def tally_text(counts: Counts) -> str:
    """Class counts as the file keeps them."""
    return _json(counts.by_class)


def _tallied(n: int, pairs: Sequence[Sequence[int]]) -> Counts:
    return Counts(n=n, by_class=tuple((label, count) for label, count in pairs))


def _counts(n: int, text: str) -> Counts:
    return _tallied(n, json.loads(text))


def _finding_columns(position: int, finding: Finding) -> tuple[object, ...]:
    criterion = finding.criterion
    parts = [
        {"name": p.name, "state": p.state.value, "points": p.points, "observed": p.observed, "lower": p.lower, "upper": p.upper}
        for p in finding.parts
    ]
    source = criterion.location.path.name if criterion.location else ""
    return (
        position,
        source,
        criterion.id,
        criterion.severity,
        finding.state.value,
        finding.kind,
        finding.points,
        finding.observed,
        finding.lower,
        finding.upper,
        finding.message,
        finding.advice,
        _json(parts),
        finding.points_needed,
        finding.draws_needed,
    )


def _finding(criterion: Criterion, columns: tuple[Any, ...]) -> Finding:
    name, severity, state, kind, points, observed, lower, upper, message, advice, parts, points_needed, draws_needed = columns
    if (name, severity) != (criterion.id, criterion.severity):
        raise ValueError(
            f"its findings must be about the criteria of its spec, found {name!r} ({severity}) where {criterion.id!r} ({criterion.severity}) stands"
        )
    return Finding(
        criterion=criterion,
        state=State(state),
        kind=kind,
        points=points,
        observed=observed,
        lower=lower,
        upper=upper,
        message=message,
        advice=advice,
        parts=tuple(Part(**{**part, "state": State(part["state"])}) for part in json.loads(parts)),
        points_needed=points_needed,
        draws_needed=draws_needed,
    )


def _points(records: Sequence[tuple[Any, ...]], domain: Domain) -> OddPoints:
    """Points from rows (index, cell, frame, conditions as JSON)."""
    indices, cells, frames, texts = zip(*records, strict=True) if records else ((), (), (), ())
    conditions = json.loads(f"[{','.join(texts)}]")
    known = [frame for frame in frames if frame is not None]
    if known and len(known) < len(frames):
        raise ValueError("all points must have a frame or none")
    return OddPoints(
        attributes=domain.attributes,
        indices=np.array(indices, dtype=np.int64),
        cell=np.array(cells, dtype=np.int64),
        codes=codes_of_conditions(domain.attributes, conditions),
        frame=np.array(known, dtype=np.int64) if known else None,
    )
