"""Bounds on a quantile of a distribution, from independent draws of it and with no assumption about it (order statistics)."""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np

from odd_assess.stats.arrays import Floats, FloatsLike
from odd_assess.stats.proportions import probability_at_least, probability_at_most


def quantile_lower_bound(values: FloatsLike, *, quantile: float, beta: float, lowest: float = 0.0) -> float:
    """P(bound <= the quantile) >= 1 - beta. The quantile is the largest x that a share 1 - ``quantile`` of the distribution reaches: P(X >= x) >= 1 - quantile.

    The bound is the j-th smallest value for the largest j with P(Bin(m, quantile) <= j - 1) <= beta: if the j-th smallest exceeds the quantile, fewer than j
    values lie at or below it. ``lowest`` is returned where even j = 1 is too much to claim.

    Raises: ValueError unless there is a value, 0 < quantile < 1, 0 < beta < 1.
    Source: David & Nagaraja, Order Statistics, 3rd ed. 2003, section 7.1.

    >>> quantile_lower_bound(range(1, 101), quantile=0.1, beta=0.05)
    5.0
    """
    x = _checked(values, quantile, beta)
    m = len(x)
    j = bisect_left(range(1, m + 1), True, key=lambda rank: bool(probability_at_most(rank - 1, m, quantile) > beta))
    return float(x[j - 1]) if j >= 1 else lowest


def quantile_upper_bound(values: FloatsLike, *, quantile: float, beta: float, highest: float = math.inf) -> float:
    """P(bound >= the quantile) >= 1 - beta, with the quantile of `quantile_lower_bound`.

    The j-th smallest value for the smallest j with P(Bin(m, quantile) >= j) <= beta; ``highest`` where there is none.

    Raises: ValueError as there.
    """
    x = _checked(values, quantile, beta)
    m = len(x)
    j = bisect_left(range(1, m + 1), True, key=lambda rank: bool(probability_at_least(rank, m, quantile) <= beta))
    return float(x[j]) if j < m else highest


def _checked(values: FloatsLike, quantile: float, beta: float) -> Floats:
    x = np.sort(np.asarray(values, dtype=np.float64))
    if x.ndim != 1 or len(x) == 0 or np.isnan(x).any():
        raise ValueError("values must be a non-empty list of numbers")
    if not (0 < quantile < 1 and 0 < beta < 1):
        raise ValueError(f"quantile and beta must lie in (0, 1), got {quantile!r} and {beta!r}")
    return x
