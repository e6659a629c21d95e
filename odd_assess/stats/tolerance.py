"""The smallest budget whose expected radius reduction is tolerated, from a pilot.

How well a pilot hits (2026-11-21): a tolerance of .20 against 100,000 draws on the published CIFAR-10 counts of Levine et al., real reduction at the n that the
pilot chose, six pilots each:

    sigma                        .12           .25           .50           1.00
    50 points x 100 draws    .210 - .233   .182 - .213   .151 - .211   .144 - .194
    100 points x 100 draws   .206 - .223   .186 - .206   .157 - .211   .165 - .186
    100 points x 400 draws   .193 - .222   .182 - .233   .183 - .218   .179 - .216

The choice of the points matters more than the draws on each, so a pilot spends its draws on many points.
"""

from __future__ import annotations

from odd_assess.stats.arrays import IntsLike
from odd_assess.stats.expectation import expected_mean_radii
from odd_assess.stats.smoothing import smallest_useful_n

NO_RADIUS = 1e-6
"""A mean radius (in sigma) so small that no budget is worth its draws: the flat part of the prior alone gives as much."""


def draws_for_reduction(
    successes: IntsLike, trials: IntsLike, n_ref: int, *, tolerance: float, alpha: float, sigma: float, most: int
) -> tuple[int, float]:
    """(n, expected reduction): the smallest n <= ``most`` whose mean radius is expected to fall short of that at ``n_ref`` draws by at most ``tolerance``.

    ``successes`` of ``trials`` (m,): pilot counts of each point's class; they must not be used again in a bound. Where no n up to ``most`` does,
    ``most`` and what it is expected to lose. Where no radius is expected at all, the smallest n that certifies anything, and 0. An estimate.

    Raises: ValueError unless there is a point, 0 <= successes <= trials, n_ref >= 1, 0 < tolerance < 1, 0 < alpha < 1, sigma > 0, and ``most`` certifies.
    Source: `odd_assess.stats.expectation`.
    """
    fewest = smallest_useful_n(alpha)
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance must lie in (0, 1), got {tolerance!r}")
    if most < fewest:
        raise ValueError(f"most must be at least {fewest} to certify anything at alpha = {alpha:g}, got {most}")

    def radius(n: int) -> float:
        return float(expected_mean_radii(successes, trials, n, n_ref, alpha=alpha, sigma=sigma)[0])

    reference = radius(n_ref)
    if reference <= NO_RADIUS * sigma:
        return fewest, 0.0

    def reduction(n: int) -> float:
        return 1.0 - radius(n) / reference

    low, high = fewest, most  # the expected reduction falls with n, but for the unevenness of small counts
    if reduction(high) > tolerance:
        return most, reduction(high)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reduction(middle) <= tolerance else (middle + 1, high)
    return low, reduction(low)
