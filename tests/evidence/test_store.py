"""The evidence file: what goes in comes out, a kill loses nothing that was committed, and its bytes do not depend on the order of work."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from odd_assess.errors import RunError, RunFolderError
from odd_assess.evidence import MAIN, REFERENCE, EvidenceStore, Row, results
from odd_assess.odd import Continuous, Domain
from odd_assess.records import (
    Abstained,
    AverageCasePlan,
    Certificate,
    Certified,
    Counts,
    Criterion,
    Exhibit,
    Finding,
    OddPoint,
    Part,
    PointEstimates,
    SourceFile,
    State,
)


def row(index: int) -> Row:
    point = OddPoint(
        index=index, values={"light": 20.5 + index, "dirt": "clean", "wet": True, "lanes": 3}, cell=index % 4, frame=None
    )
    return Row(point=point, base=index * 7, label=1, clean=2, input_sha256="ab" * 32)


def certificate(index: int) -> Certificate:
    counts = Counts(n=100, by_class=((0, 3), (1, 97)))
    selection = Counts(n=10, by_class=((1, 10),))
    common = {
        "label": 1,
        "p_a_lower": 0.875,
        "n0": 10,
        "n": 100,
        "sigma": 0.25,
        "alpha": 0.001,
        "procedure": "reduced",
        "counts": counts,
    }
    if index % 3:
        return Certified(radius=0.1 + 1e-17 + index / 997, selection=selection, **common)  # type: ignore[arg-type]
    return Abstained(selection=None, **common)  # type: ignore[arg-type]


FINDING = Finding(
    criterion=Criterion(id="CA", title="t", metric="certified_accuracy", comparator=">=", required=0.8, radius=0.25),
    state=State.MET, kind="domain claim", points=9, observed=0.9, lower=0.82, upper=0.97, message="lower bound 0.82 >= 0.80",
)  # fmt: skip


def add_many(store: EvidenceStore, count: int) -> None:
    for i in range(1, count):
        store.add(MAIN, row(i), certificate(i))


def fill(path: Path, order: list[int]) -> bytes:
    with EvidenceStore.create(path, {"spec": "ff"}) as store:
        for i in order:
            store.add(MAIN, row(i), certificate(i))
        store.finish([FINDING], [Exhibit(index=2, base=b"a", realised=b"b", noisy=b"c")])
    return path.read_bytes()


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    """Points and certificates survive exactly, radius bits included, in design order."""
    fill(tmp_path / "e.sqlite", [3, 1, 2, 0])
    with EvidenceStore.open(tmp_path / "e.sqlite") as store:
        assert list(store.rows(MAIN)) == [(row(i), certificate(i)) for i in range(4)]
        assert store.done(MAIN) == {0, 1, 2, 3}
        assert store.done(REFERENCE) == frozenset()
        assert store.meta() == {"schema": "5", "spec": "ff"}


def test_bytes_do_not_depend_on_the_order_of_work(tmp_path: Path) -> None:
    """However the points were interleaved, the finished file is the same, byte by byte, and stands alone."""
    order = list(range(300))
    first = fill(tmp_path / "a.sqlite", order)
    random.Random(1).shuffle(order)
    assert fill(tmp_path / "b.sqlite", order) == first
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.sqlite", "b.sqlite"]


def test_finishing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """A run that is resumed after it was complete changes nothing."""
    first = fill(tmp_path / "a.sqlite", [0, 1, 2])
    with EvidenceStore.open(tmp_path / "a.sqlite", writable=True) as store:
        store.finish([FINDING], [Exhibit(index=2, base=b"a", realised=b"b", noisy=b"c")])
    assert (tmp_path / "a.sqlite").read_bytes() == first


def test_evidence_is_not_replaced_under_a_reader(tmp_path: Path) -> None:
    """While another program reads an older state, what is in the log cannot move to the file: the run ends in one message and is completed later."""
    path = tmp_path / "a.sqlite"
    with EvidenceStore.create(path, {}) as store:
        for i in range(3):
            store.add(MAIN, row(i), certificate(i))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM points").fetchone()
        store.add(MAIN, row(3), certificate(3))
        store._db.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(RunError, match="could not be completed: another program reads it"):
            store.finish([FINDING], [])
        assert not (tmp_path / "a.compact").exists()
        reader.close()
        store.finish([FINDING], [])
    with EvidenceStore.open(path) as store:
        assert store.done(MAIN) == {0, 1, 2, 3}


def test_damaged_evidence_is_not_gone_on_with(tmp_path: Path) -> None:
    """A page in the middle that some other program overwrote: one message, before anything is added."""
    path = tmp_path / "a.sqlite"
    content = bytearray(fill(path, list(range(300))))
    content[2 * 4096 : 9 * 4096] = b"Z" * 7 * 4096
    path.write_bytes(content)
    with pytest.raises(RunFolderError, match="must be an odd-assess evidence file, got: "):
        EvidenceStore.open(path, writable=True)


def test_reading_changes_no_byte(tmp_path: Path) -> None:
    """An auditor's copy stays the auditor's copy."""
    before = fill(tmp_path / "a.sqlite", [0, 1, 2])
    with EvidenceStore.open(tmp_path / "a.sqlite") as store:
        assert len(list(store.rows(MAIN))) == 3
    assert (tmp_path / "a.sqlite").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.sqlite"]


def test_a_point_is_certified_once(tmp_path: Path) -> None:
    """A second certificate of one point and stage is refused: nothing is counted twice."""
    with EvidenceStore.create(tmp_path / "a.sqlite", {}) as store:
        store.add(MAIN, row(1), certificate(1))
        store.add(REFERENCE, row(1), certificate(1))
        with pytest.raises(RunError, match="could not be written: UNIQUE constraint failed"):
            store.add(MAIN, row(1), certificate(1))
        assert store.done(MAIN) == {1}


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_store import MAIN, EvidenceStore, certificate, row
with EvidenceStore.create(Path(sys.argv[1]), {}) as store:
    for i in range(5):
        store.add(MAIN, row(i), certificate(i))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    """After SIGKILL every certificate that was added is there, and the run can go on."""
    path = tmp_path / "e.sqlite"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(Path(__file__).parent)], check=False)
    assert done.returncode == -signal.SIGKILL
    with EvidenceStore.open(path, writable=True) as store:
        assert list(store.rows(MAIN)) == [(row(i), certificate(i)) for i in range(5)]
        store.add(MAIN, row(5), certificate(5))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_ends_in_one_message(tmp_path: Path) -> None:
    """When the disk refuses, what was committed is kept and the message says how to go on."""
    with EvidenceStore.create(tmp_path / "e.sqlite", {}) as store:
        store.add(MAIN, row(0), certificate(0))
        store._db.execute("PRAGMA max_page_count = 1")  # SQLite's own way to be full
        with pytest.raises(
            RunError, match=r"database or disk is full\. What is certified is kept: make room, then go on with --resume"
        ):
            add_many(store, 2000)
        assert 0 in store.done(MAIN)


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be taken for one by its size " * 20])
def test_a_file_that_is_no_evidence_is_refused(tmp_path: Path, content: bytes) -> None:
    """Damaged or foreign files are named, never half read."""
    (tmp_path / "e.sqlite").write_bytes(content)
    with pytest.raises(RunFolderError, match="must be an odd-assess evidence file"):
        EvidenceStore.open(tmp_path / "e.sqlite")


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    """A file of a later schema is not guessed at."""
    fill(tmp_path / "e.sqlite", [0])
    db = sqlite3.connect(tmp_path / "e.sqlite")
    db.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    db.commit()
    db.close()
    with pytest.raises(RunFolderError, match="written by a newer odd-assess"):
        EvidenceStore.open(tmp_path / "e.sqlite")


def test_missing_evidence_is_named(tmp_path: Path) -> None:
    """Nothing to go on from is said so."""
    with pytest.raises(RunFolderError, match="found none"):
        EvidenceStore.open(tmp_path / "e.sqlite")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    """An evidence file that cannot be made is an error before anything is spent."""
    tmp_path.chmod(0o500)
    with pytest.raises(RunFolderError, match="must be writable"):
        EvidenceStore.create(tmp_path / "e.sqlite", {})


def test_columns_are_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read as columns, in parts of any size and from any point on, certificates say what they say one by one."""
    fill(tmp_path / "e.sqlite", list(range(11)))
    monkeypatch.setattr("odd_assess.evidence.store.CHUNK", 4)
    attributes = (Continuous(id="light", low=0, high=100, buckets=(0, 22, 24, 26, 100)),)
    domain = Domain(attributes=attributes)
    with EvidenceStore.open(tmp_path / "e.sqlite") as store:
        found = results(store.columns(MAIN, first=2, below=10), domain)
        rows = list(store.rows(MAIN))[2:10]
        nothing = results(store.columns(REFERENCE), domain)
        points = store.points(MAIN, domain)
    certificates = [certificate for _, certificate in rows]
    assert len(nothing) == 0
    assert found.index.tolist() == [r.point.index for r, _ in rows] == list(range(2, 10))
    assert found.level[:, 0].tolist() == found.cell.tolist() == [r.point.cell for r, _ in rows]
    assert found.certified.tolist() == [isinstance(c, Certified) for c in certificates]
    assert found.radius.tolist() == [getattr(c, "radius", 0.0) for c in certificates]
    assert found.hits.tolist() == found.label_hits.tolist() == [97] * 8
    assert found.anytime.tolist() == [False] * 8
    for name in ("n0", "n", "sigma", "alpha", "p_a_lower", "ties"):
        assert getattr(found, name).tolist() == [getattr(c, name) for c in certificates], name
    assert [point.values["light"] for point in points] == [20.5 + i for i in range(11)]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("UPDATE certificates SET counts = '[[1,' WHERE idx = 2", "damaged"),
        ("UPDATE certificates SET radius = 'large' WHERE idx = 2", "must hold nothing else"),
        ("UPDATE points SET cell = 99 WHERE idx = 2", "must hold points in cells 0 to 3"),
    ],
)
def test_damaged_columns_are_named(tmp_path: Path, damage: str, message: str) -> None:
    """What is no number, no counts or no cell ends in one message, not in numbers."""
    fill(tmp_path / "e.sqlite", list(range(4)))
    db = sqlite3.connect(tmp_path / "e.sqlite")
    db.execute(damage)
    db.commit()
    db.close()
    domain = Domain(attributes=(Continuous(id="light", low=0, high=100, buckets=(0, 22, 24, 26, 100)),))
    with EvidenceStore.open(tmp_path / "e.sqlite") as store, pytest.raises(RunFolderError, match=message):
        results(store.columns(MAIN), domain)


def test_findings_pictures_and_documents_come_back(tmp_path: Path) -> None:
    """What the report quotes is read as it was written, the pictures in their order; a finding about another criterion is damage."""
    exhibits = [Exhibit(index=2, base=b"a", realised=b"b", noisy=b"c"), Exhibit(index=0, base=b"d", realised=b"e", noisy=b"f")]
    part = Part(name="cell", state=State.INCONCLUSIVE, points=3, observed=0.5, lower=None, upper=0.9)
    finding = replace(FINDING, parts=(part,), advice="more", points_needed=7, draws_needed=None)
    files = (SourceFile(kind="spec", name="spec.yaml", sha256="ff", content=b"\xef\xbb\xbfx"),)
    with EvidenceStore.create(tmp_path / "e.sqlite", {}, files) as store:
        store.finish([finding], exhibits)
    with EvidenceStore.open(tmp_path / "e.sqlite") as store:
        assert store.findings([FINDING.criterion]) == (finding,)
        assert list(store.exhibits()) == exhibits
        assert store.documents() == files
        with pytest.raises(RunFolderError, match="must be about the criteria of its spec"):
            store.findings([replace(FINDING.criterion, id="OTHER")])
        with pytest.raises(RunFolderError, match="damaged"):
            store.findings([])


PLAN = AverageCasePlan(sigma=0.25)


def guessed(first: int, count: int) -> PointEstimates:
    """Estimates at ``count`` points from ``first`` on."""
    value = (first + np.arange(count)) / 97
    return PointEstimates(
        plan=PLAN,
        index=np.arange(first, first + count),
        clean=np.arange(count) % 3,
        value=value,
        low=value / 3,
        high=np.sqrt(value),
        cdf_error=np.full(count, 1e-5),
        dead_gradient=np.arange(count) % 2 == 0,
    )


def test_estimates_come_out_as_they_went_in(tmp_path: Path) -> None:
    """To the last bit, in design order, all or the first of them; the finished file does not depend on how they were cut."""

    def written(name: str, *cuts: tuple[int, int]) -> bytes:
        with EvidenceStore.create(tmp_path / name, {}) as store:
            add_many(store, 12)
            store.add(MAIN, row(0), certificate(0))
            for first, count in cuts:
                whole = guessed(0, 10)
                store.add_estimates(whole.take(np.arange(first, first + count)))
            store.finish([], [])
        return (tmp_path / name).read_bytes()

    assert written("a.sqlite", (0, 4), (4, 6)) == written("b.sqlite", (4, 6), (0, 4))
    with EvidenceStore.open(tmp_path / "a.sqlite") as store:
        found, first = store.estimates(PLAN), store.estimates(PLAN, below=4)
        assert store.estimated() == frozenset(range(10))
    for name in PointEstimates.columns():
        np.testing.assert_array_equal(getattr(found, name), getattr(guessed(0, 10), name))
        np.testing.assert_array_equal(getattr(first, name), getattr(guessed(0, 10), name)[:4])


def test_estimates_are_committed_all_or_none(tmp_path: Path) -> None:
    """Where one of a chunk is there already, nothing of the chunk is written."""
    with EvidenceStore.create(tmp_path / "e.sqlite", {}) as store:
        add_many(store, 9)
        store.add_estimates(guessed(4, 2))
        with pytest.raises(RunError, match="could not be written"):
            store.add_estimates(guessed(2, 3))
        assert store.estimated() == {4, 5}


@pytest.mark.parametrize("column", ["value", "dead_gradient", "clean"])
def test_estimates_of_another_kind_are_refused(tmp_path: Path, column: str) -> None:
    """A text where a number belongs, or 7 for a yes or no, is a damaged file."""
    with EvidenceStore.create(tmp_path / "e.sqlite", {}) as store:
        store.add(MAIN, row(1), certificate(1))
        store.add_estimates(guessed(1, 1))
    db = sqlite3.connect(tmp_path / "e.sqlite")
    db.execute(f"UPDATE estimates SET {column} = ?", (7 if column == "dead_gradient" else "many",))
    db.commit()
    db.close()
    with EvidenceStore.open(tmp_path / "e.sqlite") as store, pytest.raises(RunFolderError, match="damaged"):
        store.estimates(PLAN)


def as_schema_4(path: Path) -> None:
    """The file as it was written before there were estimates."""
    db = sqlite3.connect(path)
    db.execute("DROP TABLE estimates")
    db.execute("UPDATE meta SET value = '4' WHERE key = 'schema'")
    db.commit()
    db.close()


def test_a_file_from_before_there_were_estimates_is_still_read(tmp_path: Path) -> None:
    """It holds none, and reading changes no byte; opened for writing it gets the table."""
    path = tmp_path / "e.sqlite"
    fill(path, [0, 1])
    as_schema_4(path)
    before = path.read_bytes()
    with EvidenceStore.open(path, finished=True) as store:
        assert len(store.estimates(PLAN)) == 0
        assert [one.point.index for one, _ in store.rows(MAIN)] == [0, 1]
    assert path.read_bytes() == before
    with EvidenceStore.open(path, writable=True) as store:
        store.add_estimates(guessed(0, 2))
        store.finish([], [])
    with EvidenceStore.open(path, finished=True) as store:
        assert store.meta()["schema"] == "5"
        assert len(store.estimates(PLAN)) == 2
