"""A bound on the mean over a part of the domain, where it is not known beforehand how many points fall into the part.

Let A mark the part, x be the quantity in [0, 1], and V(q) = x in the part and q elsewhere. The mean of V(q) over the domain is at least q exactly where
the mean of x over the part is at least q, so a test of the first is a test of the second. The bet of `odd_assess.stats.bounded_mean` on V(q) against q
multiplies the wealth by 1 + b (x - q) at a point of the part and by 1 elsewhere: points outside say nothing, and the wealth falls with q, whatever the
points. So the bound is found by bisection, and every q below it is rejected too.

Points may weigh differently: point i stands for the share s_i / m of the domain. And a share c of the part may be out of reach of any point; x may be
0 all over it, which can make up for c q at most. The bet is then on s_i A (x - q) - c q. If the mean of x over the part is at most q, these have
expectations that sum to at most 0, so that the expected wealth is at most 1 by the inequality of the arithmetic and geometric means, for points that are
independent but need not be alike. Bets that are fixed beforehand make it a test martingale for points that are alike and come one after another: it
may be read at any stopping time.

Source: the argument above; Waudby-Smith & Ramdas, JRSS B 86 (2024), section 4 (betting).
"""

from __future__ import annotations

import math

import numpy as np

from odd_assess.stats.arrays import Floats, FloatsLike
from odd_assess.stats.bounded_mean import EARLY_SPREADS, SPREADS


def part_mean_lower_bound(
    values: FloatsLike,
    share: FloatsLike,
    *,
    points: float,
    heaviest: float,
    upper: float,
    beta: float,
    missing: float = 0.0,
    copies: float = 1.0,
    horizon: int | None = None,
) -> float:
    """P(bound <= mean over the part) >= 1 - beta for independent points of the domain, some of which lie in the part.

    ``values``, ``share`` (n,): the quantity in [0, upper] at the points inside, and s_i of each (1 where all points weigh the same). ``points``: m, of the
    whole sample. ``heaviest``: the largest s_i that any of them has, fixed by the design. ``missing``: c, the share of the domain that may belong to the part
    and is out of reach. ``horizon``, ``copies``: see `mean_lower_bound`.

    Raises: ValueError unless 1 <= n <= points, the values lie in [0, upper], 0 < share <= heaviest, 0 <= missing < 1, 0 < beta < 1.
    Source: see the module.

    >>> part_mean_lower_bound([1.0] * 50, [1.0] * 50, points=200, heaviest=1.0, upper=1.0, beta=0.05) > 0.9
    True
    """
    x, s = _checked(values, share, points=points, heaviest=heaviest, upper=upper, beta=beta, missing=missing)
    spreads, tuned_to = (SPREADS, points * copies) if horizon is None else (EARLY_SPREADS, horizon)
    bets = math.sqrt(2 * math.log(1 / beta) / tuned_to) / (spreads / 2) / heaviest
    (different, weight), times = np.unique(np.array([x, s]), axis=1, return_counts=True)
    outside, enough = (points - len(x)) * copies, math.log(1 / beta)

    def rejected(q: float) -> bool:
        stakes = np.minimum(bets, 1.0 / (q * (heaviest + missing))) if q > 0 else bets
        gains = weight * (different - q) - missing * q
        with np.errstate(divide="ignore"):  # a stake at its limit may lose everything: a log wealth of -inf, as it should be
            log_wealth = (copies * times * np.log(np.maximum(1.0 + stakes[:, None] * gains, 0.0))).sum(axis=1)
            if outside > 0 and missing > 0:
                log_wealth = log_wealth + outside * np.log1p(-np.minimum(stakes * missing * q, 1.0))
        return bool(np.logaddexp.reduce(log_wealth) - math.log(len(bets)) >= enough)

    if not rejected(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if rejected(middle) else (low, middle)
    return low * upper


def _checked(
    values: FloatsLike, share: FloatsLike, *, points: float, heaviest: float, upper: float, beta: float, missing: float
) -> tuple[Floats, Floats]:
    x, s = np.asarray(values, dtype=np.float64), np.asarray(share, dtype=np.float64)
    if not (upper > 0 and math.isfinite(upper)):
        raise ValueError(f"upper must be positive and finite, got {upper!r}")
    if x.ndim != 1 or s.shape != x.shape or not 1 <= len(x) <= points * (1 + 1e-9):
        raise ValueError(f"there must be a share for each of at least one value, at most {points:g} in all, got {len(x)} values")
    if not np.all((x >= 0) & (x <= upper)):
        raise ValueError(f"values must lie in [0, upper = {upper:g}]")
    if not np.all((s > 0) & (s <= heaviest * (1 + 1e-12))):
        raise ValueError(f"shares must lie in (0, heaviest = {heaviest:g}]")
    if not (0 <= missing < 1 and 0 < beta < 1):
        raise ValueError(f"missing must lie in [0, 1) and beta in (0, 1), got {missing!r} and {beta!r}")
    return np.asarray(x / upper), s
