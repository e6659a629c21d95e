"""Ranks and their correlation, without `scipy.stats`, whose import would take longer than most commands."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def ranks(values: ArrayLike) -> Floats:
    """The ranks (m,) from 1 to m of values (m,), equal ones share the mean of theirs.

    >>> ranks([3.0, 1.0, 3.0]).tolist()
    [2.5, 1.0, 2.5]
    """
    _, place, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place], dtype=np.float64)


def rank_correlation(a: ArrayLike, b: ArrayLike) -> float | None:
    """Spearman's rank correlation of two quantities (m,); None where one of them does not vary.

    >>> rank_correlation([1.0, 2.0, 3.0], [10.0, 20.0, 30.0])
    1.0
    """
    first, second = ranks(a), ranks(b)
    if not len(first):
        return None
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return float(np.clip(first @ second / scale, -1.0, 1.0)) if scale > 0 else None
