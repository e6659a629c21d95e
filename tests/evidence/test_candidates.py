"""Estimates of candidates in the evidence: what goes in comes out, also where one is no number; other runs have no table of them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from odd_assess.errors import RunFolderError
from odd_assess.evidence import EvidenceStore, candidate_estimates
from odd_assess.records import RankedSets

SETS = RankedSets(candidates=3, low_ranks=1, points=(1, 1))
VALUES = np.array([[0.25, 1.0, np.nan], [0.1 + 1e-17, 0.0, 0.5]])


def tables(path: Path) -> set[str]:
    """The tables of an evidence file."""
    db = sqlite3.connect(path)
    found = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    db.close()
    return found


def filled(path: Path, numbers: list[int]) -> EvidenceStore:
    """A store with the estimates of some candidates, committed in that order."""
    store = EvidenceStore.create(path, {"spec": "ff"})
    for number in numbers:
        store.add_candidates(np.array([number // 3]), np.array([number % 3]), VALUES.ravel()[[number]])
    return store


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    """Before the file is finished and after, to the last bit, in whatever order it came; the bytes do not tell the order."""
    for name, order in (("a", [0, 1, 2, 3, 4, 5]), ("b", [5, 3, 0, 2, 1, 4])):
        path = tmp_path / f"{name}.sqlite"
        with filled(path, order) as store:
            np.testing.assert_array_equal(candidate_estimates(store, SETS), VALUES)
            store.finish([], [])
        with EvidenceStore.open(path) as again:
            np.testing.assert_array_equal(candidate_estimates(again, SETS), VALUES)
    assert (tmp_path / "a.sqlite").read_bytes() == (tmp_path / "b.sqlite").read_bytes()


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    """The numbers that are there, so that a run goes on with the others; all of them are needed to choose."""
    with filled(tmp_path / "a.sqlite", [0, 4]) as store:
        assert store.candidates_known(3).tolist() == [0, 4]
        with pytest.raises(RunFolderError, match="an estimate of each of 2 x 3 candidates, found 2"):
            candidate_estimates(store, SETS)


def test_other_runs_have_no_such_table(tmp_path: Path) -> None:
    """Nothing is known, and the file has no trace of it."""
    path = tmp_path / "a.sqlite"
    with EvidenceStore.create(path, {"spec": "ff"}) as store:
        assert store.candidates_known(3).tolist() == []
        store.finish([], [])
    assert "candidates" not in tables(path)
    with EvidenceStore.open(path) as store, pytest.raises(RunFolderError, match="found 0"):
        candidate_estimates(store, SETS)
