"""Before any draw: how many points or draws a decision will likely take, and what a budget is expected to cost. Estimates and searches, no bounds."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable

import numpy as np
from scipy import special

from odd_assess.stats.proportions import probability_at_least, proportion_lower_bound
from odd_assess.stats.search import smallest
from odd_assess.stats.smoothing import certified_radius, fewest_agreeing

ABOVE_WALD = 1.2
"""Mean draws of the sequential procedure over Wald's limit: 1.05 to 1.26 for pA in {.90, .95, .99, 1}, radii sigma/2 and sigma, alpha .001."""

TEETH = 3
"""How many teeth of the saw that power draws over the number of points are looked at beyond the first number that has it."""


# ---------------------------------------------------------------- points


def likely_successes(points: int, p: float, *, power: float) -> int:
    """The largest k that at least k successes come up with probability ``power``: P(Bin(points, p) >= k) >= power.

    Raises: ValueError unless points >= 1, 0 <= p <= 1, 0 < power < 1.

    >>> likely_successes(300, 0.995, power=0.9)
    297
    """
    if not 0 < power < 1:
        raise ValueError(f"power must lie in (0, 1), got {power!r}")
    return bisect_left(range(1, points + 1), True, key=lambda k: bool(probability_at_least(k, points, p) < power))


def points_for_power(met: Callable[[int, int], bool], p: float, *, power: float, most: int) -> int | None:
    """The number of points from which on ``met(k, points)`` holds with probability at least ``power``, if each is a success with probability p.

    ``met`` must be monotone in k. The power of a test on counts is a saw over the number of points: a few teeth are searched beyond the first number
    that has it, and the number after the last that has not is returned. None where ``most`` points do not have it.

    Raises: ValueError unless 0 <= p <= 1, 0 < power < 1, most >= 1.
    Source: the binomial distribution, exactly.

    >>> points_for_power(lambda k, m: k == m, 0.9999, power=0.9, most=10)
    1
    """

    def likely(points: int) -> bool:
        return met(likely_successes(points, p, power=power), points)

    first = smallest(likely, most=most)
    if first is None:
        return None
    tooth = math.ceil(1.0 / max(min(p, 1.0 - p), 0.02))
    return next((points + 1 for points in range(min(most, first + TEETH * tooth), first, -1) if not likely(points)), first)


# ---------------------------------------------------------------- draws


def expected_draws_to_decide(p: float, thresholds: Iterable[float], *, alpha: float) -> float:
    """About how many draws decide whether a proportion p lies above each of the thresholds; infinite where p is one of them. An estimate.

    Wald's limit ln(1/alpha) / KL(p || p0) for the hardest threshold, times what the mixture martingale takes above it (`ABOVE_WALD`).

    Raises: ValueError unless 0 <= p <= 1, 0 < thresholds < 1 (at least one), 0 < alpha < 1.
    Source: Wald, Ann. Math. Stat. 16 (1945).

    >>> round(expected_draws_to_decide(0.95, [0.8413447460685429], alpha=0.001))
    144
    """
    p0 = np.array(list(thresholds), dtype=np.float64)
    if not (0 <= p <= 1 and 0 < alpha < 1) or p0.size == 0 or not np.all((p0 > 0) & (p0 < 1)):
        raise ValueError(
            f"p must lie in [0, 1], thresholds (at least one) and alpha in (0, 1), got {p!r}, {p0.tolist()!r} and {alpha!r}"
        )
    information = float((special.rel_entr(p, p0) + special.rel_entr(1.0 - p, 1.0 - p0)).min())
    return math.inf if information <= 0 else ABOVE_WALD * -math.log(alpha) / information


# ---------------------------------------------------------------- radius


def uniform_mean_radius(n: int, *, alpha: float) -> float:
    """The mean certified radius of n draws, in units of sigma, where pA is spread evenly over [1/2, 1], as the theory of Seferis et al. assumes.

    A count of n draws then has P(k) = 2 P(Beta(k+1, n-k+1) > 1/2) / (n+1). Every count is summed up to n = 5,000; above, all of the highest 2,000
    and straight lines between 3,000 others (right to 1e-6).

    Raises: ValueError unless n >= 1 and 0 < alpha < 1.

    >>> round(uniform_mean_radius(1000, alpha=0.001) / (2 / math.sqrt(2 * math.pi)), 3)  # over that of infinitely many draws
    0.815
    """
    fewest = fewest_agreeing(n, alpha=alpha)
    if fewest is None:
        return 0.0
    dense = max(fewest, n - 2000)
    k = np.unique(np.concatenate([np.linspace(fewest, dense, 3000).round(), np.arange(dense, n + 1)])).astype(np.int64)
    radius = certified_radius(proportion_lower_bound(k, n, alpha=alpha), sigma=1.0)
    share = 2.0 * special.betaincc(k + 1.0, n - k + 1.0, 0.5) / (n + 1.0)
    terms = radius * share
    return float((np.diff(k) * (terms[1:] + terms[:-1])).sum() + terms[0] + terms[-1]) / 2.0


def uniform_reduction(n: int, n_ref: int, *, alpha: float) -> float:
    """The reduction of the mean radius against ``n_ref`` draws where pA is spread evenly over [1/2, 1]. A reference line, not a property of a model.

    Raises: ValueError unless n >= 1, 0 < alpha < 1, and ``n_ref`` draws certify something.

    >>> round(uniform_reduction(1000, 100_000, alpha=0.001), 3)
    0.169
    """
    reference = uniform_mean_radius(n_ref, alpha=alpha)
    if reference <= 0:
        raise ValueError(f"n_ref must be large enough to certify anything at alpha = {alpha:g}, got {n_ref}")
    return 1.0 - uniform_mean_radius(n, alpha=alpha) / reference
