"""Bounds on the mean of a bounded quantity (a radius lies in [0, cap]), without any assumption on its distribution.

The bound inverts a test by betting. For a candidate mean m and a bet b in [0, 1/m], the product over the points of 1 + b (x_i - m) is non-negative.
If the points are independent and the average of their expectations is at most m, its expectation is at most 1: it is the product of
1 + b (m_i - m), which is at most (1 + b (mean of m_i - m))^n by the inequality of the arithmetic and geometric means. So the points need not be identically
distributed, and one bound serves random and stratified designs. An average of such products over several bets is again one, so by Markov's
inequality it exceeds 1/beta with probability at most beta, and the bound is the smallest m at which it does not.

The bets are fixed before the data are seen: the best constant bet for a standard deviation s is sqrt(2 ln(1/beta) / n) / s, and s lies between upper/2 (the
largest possible) and a small fraction of it. Where 1 + b (x - m) could become negative the bet is cut to 1/m.

Bets that do not depend on n make the product a test martingale for points drawn one after another: by Ville's inequality the bound then holds at any
stopping time. So with a ``horizon``, the largest number of points, the bets are tuned to it and, by further spreads, to earlier stops.

Source: Waudby-Smith & Ramdas, JRSS B 86 (2024), section 4 (betting); the mixture over constant bets and its validity for non-identical
points are ours, from the argument above.
"""

from __future__ import annotations

import math

import numpy as np

from odd_assess.stats.arrays import Floats, FloatsLike

SPREADS: Floats = 2.0 ** -np.arange(5, dtype=np.float64)
"""Standard deviations that the bets are tuned to, as fractions of the largest possible one: 1, 1/2, ... 1/16."""
EARLY_SPREADS: Floats = 2.0 ** -np.arange(8, dtype=np.float64)
"""The same where points may stop coming at any time: a bet for a spread s at the horizon n is the bet for 2 s at n/4 points."""


def mean_lower_bound(values: FloatsLike, *, upper: float, beta: float, copies: float = 1.0, horizon: int | None = None) -> float:
    """P(bound <= mean) >= 1 - beta for independent values in [0, upper] whose expectations average to the mean.

    With a ``horizon`` chosen beforehand, and values in the order in which they came that all have this mean: P(bound > mean at any time) <= beta, so
    one may stop when one likes. The best bound of all times up to now is given, so it never falls as values come.

    ``values`` (m,). ``copies`` answers "what would the bound be, had every value been seen so often": for planning, never for a claim.

    Raises: ValueError unless there is a value, all lie in [0, upper], upper > 0, 0 < beta < 1, copies > 0, horizon >= 1.
    Source: see the module.

    >>> 0.45 < mean_lower_bound([0.5] * 200, upper=1.0, beta=0.05) < 0.5
    True
    """
    x = _checked(values, upper=upper, beta=beta, copies=copies)
    bets = _bets(len(x) * copies, SPREADS, beta=beta) if horizon is None else _bets(horizon, EARLY_SPREADS, beta=beta)
    enough = math.log(1 / beta)
    # at the average no bet gains, because the logarithm is concave; the wealth falls with m
    low, high = 0.0, float(x.mean() if horizon is None else (np.cumsum(x) / np.arange(1, len(x) + 1)).max())
    different, times = np.unique(x, return_counts=True)  # in the end the order does not matter, and many values are equal

    def wealth(m: float) -> float:
        if horizon is None:
            return _log_wealth(different, m, bets, np.asarray(copies * times, dtype=np.float64))
        return _most_log_wealth(x, m, bets, copies)

    if wealth(low) < enough:
        return 0.0
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if wealth(middle) >= enough else (low, middle)
    return low * upper


def mean_upper_bound(values: FloatsLike, *, upper: float, beta: float, copies: float = 1.0, horizon: int | None = None) -> float:
    """P(bound >= mean) >= 1 - beta for independent values in [0, upper] whose expectations average to the mean.

    The mirror image of `mean_lower_bound`.

    Raises: ValueError as there.
    """
    x = _checked(values, upper=upper, beta=beta, copies=copies)
    return upper * (1.0 - mean_lower_bound(1.0 - x, upper=1.0, beta=beta, copies=copies, horizon=horizon))


def _log_wealth(x: Floats, m: float, bets: Floats, copies: Floats) -> float:
    """The logarithm of the average wealth over the bets, after all values, each seen ``copies`` (m,) times."""
    return float(np.logaddexp.reduce(_log_gains(x, m, bets, copies).sum(axis=1)) - math.log(len(bets)))


def _most_log_wealth(x: Floats, m: float, bets: Floats, copies: float) -> float:
    """The same at the time at which it was largest."""
    return float(np.logaddexp.reduce(np.cumsum(_log_gains(x, m, bets, copies), axis=1), axis=0).max() - math.log(len(bets)))


def _log_gains(x: Floats, m: float, bets: Floats, copies: float | Floats) -> Floats:
    stakes = np.minimum(bets, 1.0 / m) if m > 0 else bets
    with np.errstate(divide="ignore"):  # a bet of 1/m loses everything on a value of 0: its log wealth is -inf, as it should be
        return np.asarray(copies * np.log(np.maximum(1.0 + stakes[:, None] * (x - m), 0.0)))


def _bets(n: float, spreads: Floats, *, beta: float) -> Floats:
    if not n > 0:
        raise ValueError(f"horizon must be at least 1, got {n!r}")
    return np.asarray(math.sqrt(2 * math.log(1 / beta) / n) / (spreads / 2), dtype=np.float64)


def _checked(values: FloatsLike, *, upper: float, beta: float, copies: float) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if not (upper > 0 and math.isfinite(upper)):
        raise ValueError(f"upper must be positive and finite, got {upper!r}")
    if not 0 < beta < 1:
        raise ValueError(f"beta must lie in (0, 1), got {beta!r}")
    if not copies > 0:
        raise ValueError(f"copies must be positive, got {copies!r}")
    if x.ndim != 1 or len(x) == 0 or not np.all((x >= 0) & (x <= upper)):
        raise ValueError(f"values must be a non-empty list of numbers in [0, upper = {upper:g}]")
    return np.asarray(x / upper)
