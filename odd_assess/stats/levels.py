"""One noise level for each cell of the domain: the one at which a budget is expected to certify the largest mean radius, from counts at points of their own.

The choice looks at no point that is certified, so that it costs no certificate anything, however it is made: only the gain depends on it.
"""

from __future__ import annotations

import numpy as np

from odd_assess.stats.arrays import Floats, Ints, IntsLike
from odd_assess.stats.expectation import expected_reference_radius

BORROWED = 10.0
"""A cell's mean counts as if so many further points had shown the mean of all cells: a cell with few points follows the others, one with many itself.

A rule, not a measurement: the mean of ten points has a standard error of a third of the radii's standard deviation, about what levels differ by."""
TIED = 1e-9
"""Levels whose means differ by less, in relation, are tied: so that rounding on another machine does not choose another one."""


def level_of_cells(
    hits: IntsLike, trials: int, cell: IntsLike, grid: tuple[float, ...], *, cells: int, n: int, alpha: float
) -> tuple[int, ...]:
    """Which level of ``grid`` (rising) each of the ``cells`` takes: its position, by the expected radius of n draws at error ``alpha``, for the true class.

    ``hits`` (levels, m): how many of ``trials`` draws at each level answered the true class of each of m points; ``cell`` (m,) where each lies. The radius
    expected at a point follows from all counts of its level together (`expected_reference_radius`); its mean over the cell is taken together with that over
    all points, which counts as `BORROWED` points do. A cell without a point takes the level that is best over all. Of levels that are tied the lowest is taken.

    Raises: ValueError unless there is a point, ``hits`` has a row for each level and a column for each point, and cells lie in [0, cells).

    >>> level_of_cells([[90, 90], [99, 20]], 100, [0, 1], (0.1, 0.5), cells=2, n=1000, alpha=0.001)
    (1, 1)
    """
    counts, place = np.asarray(hits, dtype=np.int64), np.asarray(cell, dtype=np.int64)
    if counts.shape != (len(grid), *place.shape) or place.ndim != 1 or not len(place):
        raise ValueError(
            f"hits must have a row for each of {len(grid)} levels and a column for each of {place.size} points, at least one, got {counts.shape}"
        )
    if place.min() < 0 or place.max() >= cells:
        raise ValueError(f"cells must lie in [0, {cells}), got {place.min()} to {place.max()}")
    means = cell_means(counts, trials, place, grid, cells=cells, n=n, alpha=alpha)
    best = means.max(axis=0)
    return tuple(int(position) for position in (means >= best * (1 - TIED)).argmax(axis=0))


def cell_means(counts: Ints, trials: int, cell: Ints, grid: tuple[float, ...], *, cells: int, n: int, alpha: float) -> Floats:
    """(levels, cells): the mean radius that is expected, taken together with that over all points (see `level_of_cells`)."""
    points = np.bincount(cell, minlength=cells)
    means = np.empty((len(grid), cells))
    for level, sigma in enumerate(grid):
        radii = expected_reference_radius(counts[level], trials, n, alpha=alpha, sigma=sigma)
        sums = np.bincount(cell, weights=radii, minlength=cells)
        means[level] = (sums + BORROWED * radii.mean()) / (points + BORROWED)
    return means
