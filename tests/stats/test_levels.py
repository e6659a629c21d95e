"""A noise level for each cell: what is chosen where the true shares are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from odd_assess.stats import expected_radius, level_of_cells

GRID = (0.1, 0.2, 0.4, 0.8)


def shares(margin: float) -> np.ndarray:
    """(levels,): a classifier whose boundary lies at ``margin``, and that fails at noise far beyond it, as networks do."""
    sigma = np.array(GRID)
    return np.asarray(ndtr(margin / sigma - 2 * np.maximum(0.0, sigma - margin)))


@pytest.mark.parametrize("margins", [(0.15, 0.8), (0.8, 0.15), (0.3, 0.3)])
def test_with_many_points_every_cell_takes_its_best_level(margins: tuple[float, float]) -> None:
    """The best by exact expectation, cell by cell."""
    rng = np.random.default_rng(0)
    cell = np.repeat([0, 1], 200)
    p = np.array([shares(margin) for margin in margins]).T
    found = level_of_cells(rng.binomial(100, p[:, cell]), 100, cell, GRID, cells=2, n=1000, alpha=0.001)
    exact = np.array([expected_radius(p[level], 1000, alpha=0.001, sigma=sigma) for level, sigma in enumerate(GRID)])
    assert found == tuple(exact.argmax(axis=0).tolist())


def test_a_cell_with_few_points_follows_the_others() -> None:
    """One point that says otherwise does not outweigh two hundred; a cell without any takes what is best over all; forty do outweigh them."""
    p = np.array([shares(0.8), shares(0.15)]).T
    far, near = np.round(100 * p[:, 0]).astype(int), np.round(100 * p[:, 1]).astype(int)
    for few, follows in ((1, True), (40, False)):
        cell = np.array([0] * 200 + [1] * few)
        hits = np.column_stack([far] * 200 + [near] * few)
        first, second, none = level_of_cells(hits, 100, cell, GRID, cells=3, n=1000, alpha=0.001)
        assert first == none == GRID.index(0.4)
        assert (second == first) == follows


def test_the_budget_decides() -> None:
    """At a wide margin every level agrees always: the widest certifies most. Where nothing certifies anywhere, the lowest is taken."""
    hits = np.full((4, 30), 100)
    assert level_of_cells(hits, 100, np.zeros(30, int), GRID, cells=1, n=1000, alpha=0.001) == (3,)
    assert level_of_cells(hits, 100, np.zeros(30, int), GRID, cells=1, n=5, alpha=0.001) == (0,)


@pytest.mark.parametrize(
    ("hits", "cell", "message"),
    [
        (np.zeros((3, 2)), [0, 0], "a row for each of 4 levels and a column for each of 2 points"),
        (np.zeros((4, 0)), [], "at least one"),
        (np.zeros((4, 2)), [0, 2], r"cells must lie in \[0, 2\)"),
    ],
)
def test_columns_are_checked(hits: np.ndarray, cell: list[int], message: str) -> None:
    """One message each."""
    with pytest.raises(ValueError, match=message):
        level_of_cells(hits, 100, cell, GRID, cells=2, n=1000, alpha=0.001)
