"""What counts after a memory, and what the evidence keeps of a policy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from odd_assess.errors import RunFolderError
from odd_assess.evidence import EvidenceStore, note_levels, noted_levels
from odd_assess.evidence.noise_levels import MEMORY, after_memory, remembered
from odd_assess.policies import MultiStart
from odd_assess.records import Results
from odd_assess.stats.balls import Pairs


def found(chosen: list[int], radius: list[float]) -> Results:
    """Points whose levels were fitted to them, of the classes and with the radii that they certified alone."""
    m, radii = len(chosen), np.array(radius)
    ones = np.ones(m, dtype=np.int64)
    return Results(
        index=np.arange(m), cell=0 * ones, level=np.zeros((m, 1), dtype=np.int64), label=0 * ones, clean=0 * ones, chosen=np.array(chosen),
        certified=radii > 0, hits=90 * ones, label_hits=90 * ones, n0=10 * ones, n=100 * ones, sigma=0.2 * ones, alpha=0.001 * ones,
        p_a_lower=np.where(radii > 0, 0.8, 0.4), radius=radii, anytime=radii < 0, ties=0 * ones, base_n=0 * ones, p_upper=np.nan * ones, policy=MultiStart(),
    )  # fmt: skip


def pairs(*rows: tuple[int, int, float]) -> Pairs:
    i, j, apart = zip(*rows, strict=True) if rows else ((), (), ())
    return Pairs(i=np.array(i, np.int64), j=np.array(j, np.int64), near=np.array(apart), far=np.array(apart))


@pytest.mark.parametrize(
    ("chosen", "radius", "apart", "certified", "counted", "labels"),
    [
        ([0, 1], [0.3, 0.1], [], [True, True], [0.3, 0.1], [0, 1]),
        ([0, 1], [0.3, 0.1], [(0, 1, 0.2)], [True, True], [0.15, 0.05], [0, 1]),  # cut in proportion
        ([0, 1], [0.3, 0.1], [(0, 1, 0.0)], [False, False], [0.0, 0.0], [0, 1]),  # equal inputs lose both
        ([0, 0], [0.3, 0.1], [(0, 1, 0.05)], [True, True], [0.3, 0.1], [0, 0]),  # never more than alone
        ([0, 1], [0.3, 0.0], [(0, 1, 0.1)], [True, False], [0.3, 0.0], [0, 0]),  # the memory answers where nothing was certified
    ],
)
def test_what_counts(
    chosen: list[int],
    radius: list[float],
    apart: list[tuple[int, int, float]],
    certified: list[bool],
    counted: list[float],
    labels: list[int],
) -> None:
    """The smaller radius of the two, nothing where the memory answers with another class; all that was found at the point alone stays."""
    alone = found(chosen, radius)
    results, answers = after_memory(alone, pairs(*apart))
    assert results.certified.tolist() == certified
    assert results.radius.tolist() == pytest.approx(counted, rel=1e-6)
    assert answers.tolist() == labels
    assert all(
        np.array_equal(getattr(results, name), getattr(alone, name), equal_nan=name == "p_upper")
        for name in Results.columns()
        if name not in ("certified", "radius")
    )


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    """Levels of cells and distances, to the last bit; a second writing takes the place of the first."""
    with EvidenceStore.create(tmp_path / "e.sqlite", {}) as store:
        for levels in ((0.5, 0.25), (0.12, 1 / 3)):
            note_levels(store, levels)
            assert noted_levels(store, 2) == levels
        with pytest.raises(RunFolderError, match="the noise level of each of 3 cells, found 2"):
            noted_levels(store, 3)
        for kept in (pairs((0, 1, 1 / 3), (0, 2, 0.1)), pairs((1, 2, 1 / 7)), pairs()):
            store.keep_pairs(kept)
            back = store.pairs()
            assert all(np.array_equal(getattr(back, name), getattr(kept, name)) for name in ("i", "j", "near", "far"))


def test_a_memory_of_other_points_is_refused(tmp_path: Path) -> None:
    """One of fewer points would let too much count."""
    alone = found([0, 1], [0.3, 0.1])
    with EvidenceStore.create(tmp_path / "e.sqlite", {}) as store:
        with pytest.raises(RunFolderError, match="the memory must be one of 2 points, found none"):
            remembered(alone, store)
        store.note(MEMORY, "1")
        with pytest.raises(RunFolderError, match="the memory must be one of 2 points, found 1"):
            remembered(alone, store)
        store.note(MEMORY, "2")
        store.keep_pairs(pairs((0, 1, 0.2)))
        assert remembered(alone, store)[0].radius.tolist() == pytest.approx([0.15, 0.05], rel=1e-6)
