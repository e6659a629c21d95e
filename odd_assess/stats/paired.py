"""Two models on the same points and the same noise: bounds on the difference of their means.

The points' differences are bounded, and independent where the points are. Bounding them directly keeps what the pairing gives: two models that
agree at most points differ by a small mean with a small spread, which two separate intervals never see.
"""

from __future__ import annotations

import numpy as np

from odd_assess.stats.arrays import FloatsLike
from odd_assess.stats.bounded_mean import mean_lower_bound


def paired_difference_lower_bound(first: FloatsLike, second: FloatsLike, *, upper: float, beta: float) -> float:
    """P(bound <= mean of second - mean of first) >= 1 - beta, for independent pairs of values in [0, upper].

    ``first``, ``second`` (m,): the same points under two models (1 or 0 where certified or not; or radii up to ``upper``).

    Raises: ValueError unless both have the same length >= 1 and lie in [0, upper], upper > 0, 0 < beta < 1.
    Source: `odd_assess.stats.bounded_mean`, on (second - first + upper) / 2.

    >>> paired_difference_lower_bound([0] * 20 + [1] * 180, [1] * 200, upper=1, beta=0.05) > 0
    True
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or len(a) == 0 or not all(np.all((x >= 0) & (x <= upper)) for x in (a, b)):
        raise ValueError(f"first and second must hold the same number of values, at least one, in [0, upper = {upper:g}]")
    return 2.0 * mean_lower_bound((b - a + upper) / 2.0, upper=upper, beta=beta) - upper


def paired_difference_upper_bound(first: FloatsLike, second: FloatsLike, *, upper: float, beta: float) -> float:
    """P(bound >= mean of second - mean of first) >= 1 - beta. The mirror image of `paired_difference_lower_bound`.

    Raises: ValueError as there.
    """
    return -paired_difference_lower_bound(second, first, upper=upper, beta=beta)
