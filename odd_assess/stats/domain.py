"""From what was certified at sampled points to a claim about the whole domain, without a correction for the number of points.

A certificate is false with probability at most alpha, whatever the point. Let q be the fraction of the domain where the label's class can truly be
certified at the radius, Z = 1 where a point was certified and Y = 1 where it was not refuted. Then E Z <= q + alpha (1 - q) and E Y >= q (1 - alpha).
So a lower bound L of E Z gives q >= (L - alpha) / (1 - alpha), and an upper bound U of E Y gives q <= U / (1 - alpha).

The lower and the upper bound are one-sided, each at its own confidence 1 - beta. Together they hold with confidence 1 - 2 beta. A criterion reads
one side: MET rests on the lower bound alone, NOT MET on the upper bound alone, so each verdict is wrong with probability at most beta.
"""

from __future__ import annotations

from typing import overload

import numpy as np

from odd_assess.stats.arrays import Floats, FloatsLike, IntsLike, scalar_if_single
from odd_assess.stats.proportions import proportion_lower_bound, proportion_upper_bound


@overload
def true_fraction_lower(certified_lower: float, *, alpha: float) -> float: ...
@overload
def true_fraction_lower(certified_lower: FloatsLike, *, alpha: float) -> float | Floats: ...
def true_fraction_lower(certified_lower: FloatsLike, *, alpha: float) -> float | Floats:
    """The least fraction of the domain that is truly certifiable, if at least ``certified_lower`` of it comes out certified.

    Raises: ValueError unless 0 <= alpha < 1 and certified_lower lies in [0, 1].
    """
    bound = _checked(certified_lower, alpha)
    return scalar_if_single(np.maximum(0.0, (bound - alpha) / (1.0 - alpha)))


@overload
def true_fraction_upper(not_refuted_upper: float, *, alpha: float) -> float: ...
@overload
def true_fraction_upper(not_refuted_upper: FloatsLike, *, alpha: float) -> float | Floats: ...
def true_fraction_upper(not_refuted_upper: FloatsLike, *, alpha: float) -> float | Floats:
    """The largest fraction of the domain that can be truly certifiable, if at most ``not_refuted_upper`` of it comes out not refuted.

    Raises: ValueError unless 0 <= alpha < 1 and not_refuted_upper lies in [0, 1].
    """
    bound = _checked(not_refuted_upper, alpha)
    return scalar_if_single(np.minimum(1.0, bound / (1.0 - alpha)))


@overload
def domain_fraction_bounds(certified: int, not_refuted: int, points: int, *, alpha: float, beta: float) -> tuple[float, float]: ...
@overload
def domain_fraction_bounds(
    certified: IntsLike, not_refuted: IntsLike, points: IntsLike, *, alpha: float, beta: float
) -> tuple[float | Floats, float | Floats]: ...
def domain_fraction_bounds(
    certified: IntsLike, not_refuted: IntsLike, points: IntsLike, *, alpha: float, beta: float
) -> tuple[float | Floats, float | Floats]:
    """Bounds (lower, upper) on the fraction of the domain that is truly certifiable, each with confidence 1 - beta, from independent random points.

    ``certified`` and ``not_refuted`` count the points (certified ones are not refuted); ``alpha`` is the largest error of a single certificate. Counts
    broadcast.

    Raises: ValueError unless 0 <= certified <= not_refuted <= points, points >= 1, 0 <= alpha < 1, 0 < beta < 1.
    Source: see the module.

    >>> [round(bound, 4) for bound in domain_fraction_bounds(270, 280, 300, alpha=0.001, beta=0.05)]
    [0.8667, 0.9563]
    """
    k, open_, m = np.asarray(certified), np.asarray(not_refuted), np.asarray(points)
    if not np.all(k <= open_):
        raise ValueError(f"a certified point is not refuted: certified must be <= not_refuted, got {certified!r} > {not_refuted!r}")
    return (
        true_fraction_lower(np.asarray(proportion_lower_bound(k, m, alpha=beta)), alpha=alpha),
        true_fraction_upper(np.asarray(proportion_upper_bound(open_, m, alpha=beta)), alpha=alpha),
    )


def _checked(bound: FloatsLike, alpha: float) -> Floats:
    if not 0 <= alpha < 1:
        raise ValueError(f"alpha must lie in [0, 1), got {alpha!r}")
    fraction = np.asarray(bound, dtype=np.float64)
    if not np.all((fraction >= 0) & (fraction <= 1)):
        raise ValueError(f"the bound on a fraction must lie in [0, 1], got {bound!r}")
    return fraction
