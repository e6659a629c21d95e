"""Covering arrays: few cells that together show every feasible pair of levels."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from odd_assess.odd.levels import Floats, Ints


def covering_array(levels: Ints, weight: Floats) -> Ints:
    """Positions of cells, in the order chosen, that cover every pair of levels that some cell has.

    ``levels`` (cells, attributes), ``weight`` (cells,). Greedy: the next cell is the one with most pairs not yet covered, the heaviest of
    equals. A single attribute has no pairs; then every level is covered.

    Raises: ValueError without cells.
    Source: greedy covering arrays (Cohen, Dalal, Fredman, Patton, IEEE TSE 23, 1997), with the candidate set being all feasible cells.
    """
    if not len(levels):
        raise ValueError("a covering array must have cells to choose from, found none")
    by_weight = np.argsort(-weight, kind="stable")
    targets = _targets(levels[by_weight])
    missing = np.zeros(int(targets.max()) + 1, dtype=np.bool_)
    missing[targets] = True
    chosen = []
    while missing.any():
        best = int(missing[targets].sum(axis=1).argmax())
        missing[targets[best]] = False
        chosen.append(by_weight[best])
    return np.array(chosen, dtype=np.int64)


def _targets(levels: Ints) -> NDArray[np.int32]:
    """The numbers of the pairs (of the levels, for one attribute) that each cell covers, (cells, pairs)."""
    sizes = levels.max(axis=0) + 1
    if levels.shape[1] == 1:
        return levels.astype(np.int32)
    columns, offset = [], 0
    for i, j in combinations(range(levels.shape[1]), 2):
        columns.append(offset + levels[:, i] * sizes[j] + levels[:, j])
        offset += int(sizes[i] * sizes[j])
    return np.column_stack(columns).astype(np.int32)
