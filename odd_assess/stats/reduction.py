"""The radius lost to the budget: predicted from this run's counts, with what it is due to, and measured against a reference budget.

Reductions are fractions of the mean radius at the reference budget: 1 - sum R_n / sum R_ref, a ratio of sums, so that points which neither budget certifies
count nothing. What to expect of the reference budget: `odd_assess.stats.expectation`; what the theory says of a typical model: `odd_assess.stats.theory`.

**What it is due to.** Three steps lead from the reference to what was certified, each with its share of the loss:

    R_ref                    the reference radius, expected
    min(R_ref, cap)          cap: even n agreeing draws show no more than sigma Phi^-1(alpha^(1/n)) at the whole error alpha
    R(k, n, alpha)           width: the confidence bound of n draws, fixed beforehand and used for nothing else, at the whole error alpha
    certified                multiplicity: the draws served twice. One batch that also chooses the class has the level alpha / 2; draws that also
                             tell when to stop have the bound that holds at any time
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from odd_assess.stats.arrays import Bools, Floats, FloatsLike, IntsLike
from odd_assess.stats.expectation import checked_points, expected_reference_radius
from odd_assess.stats.proportions import proportion_lower_bound
from odd_assess.stats.smoothing import certified_radius, fewest_agreeing, radius_caps

FEWEST_POINTS = 5
"""With fewer points that certify at the reference budget no interval of the measured reduction is given."""


# ---------------------------------------------------------------- prediction


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PredictedReduction:
    """The reduction that the counts of a run let us expect against ``n_ref`` draws.

    ``expected_reference`` (m,): each point's expected reference radius, input units. ``reduction`` is None where no radius is expected at all;
    otherwise it is the sum of ``cap_share``, ``width_share`` and ``multiplicity_share`` (see the module). ``per_point_median``: over the points whose observed
    fraction would certify at the reference.
    """

    n_ref: int
    expected_reference: Floats
    reduction: float | None
    cap_share: float | None
    width_share: float | None
    multiplicity_share: float | None
    per_point_median: float | None


def radius_reduction(
    successes: IntsLike,
    trials: IntsLike,
    n_ref: int,
    *,
    alpha: FloatsLike,
    sigma: FloatsLike,
    certified: FloatsLike | None = None,
    whole_alpha: FloatsLike | None = None,
) -> PredictedReduction:
    """The expected reduction of the mean certified radius against ``n_ref`` draws, given how often each point's class was answered. An estimate.

    ``successes``, ``trials``, ``alpha``, ``sigma``: one value a point (m,), or one for all. ``alpha`` is the level of the bound, at the reference too;
    ``whole_alpha`` the error of the whole certificate where that is more (twice as much for a single batch). ``certified`` (m,): the radii that were really
    certified, for procedures that choose n while they draw; otherwise they follow from the counts at ``alpha``.

    Raises: ValueError unless there is a point, 0 <= successes <= trials, n_ref >= 1, 0 < alpha < 1, sigma > 0, and ``certified`` holds finite radii >= 0.
    """
    k, n, level, noise = checked_points(successes, trials, alpha, sigma)
    whole = level if whole_alpha is None else np.broadcast_to(np.asarray(whole_alpha, dtype=np.float64), k.shape)
    reached = _reached(certified, certified_radius(proportion_lower_bound(k, n, alpha=level), sigma=noise))
    expected = expected_reference_radius(k, n, n_ref, alpha=level, sigma=noise)
    total = float(expected.sum())
    if total <= 0:
        return PredictedReduction(
            n_ref=n_ref,
            expected_reference=expected,
            reduction=None,
            cap_share=None,
            width_share=None,
            multiplicity_share=None,
            per_point_median=None,
        )
    caps = radius_caps(n, alpha=whole, sigma=noise)
    below_cap = float(expected_reference_radius(k, n, n_ref, alpha=level, sigma=noise, at_most=caps).sum())
    fixed = float(certified_radius(proportion_lower_bound(k, n, alpha=whole), sigma=noise).sum())
    certifiable = _certifiable(k / n, level, n_ref)
    return PredictedReduction(
        n_ref=n_ref,
        expected_reference=expected,
        reduction=1.0 - float(reached.sum()) / total,
        cap_share=1.0 - below_cap / total,
        width_share=(below_cap - fixed) / total,
        multiplicity_share=(fixed - float(reached.sum())) / total,
        per_point_median=float(np.median(1.0 - reached[certifiable] / expected[certifiable])) if certifiable.any() else None,
    )


def _reached(certified: FloatsLike | None, from_counts: Floats) -> Floats:
    if certified is None:
        return from_counts
    radii = np.asarray(certified, dtype=np.float64)
    if radii.shape != from_counts.shape or not np.all(np.isfinite(radii) & (radii >= 0)):
        raise ValueError("certified must hold one finite radius >= 0 for each point")
    return radii


def _certifiable(fraction: Floats, level: Floats, n: int) -> Bools:
    """Where n draws of which this fraction answers the class would certify (m,)."""
    found = np.zeros(len(fraction), dtype=np.bool_)
    for a in np.unique(level).tolist():
        fewest = _fewest(n, a)
        if fewest is not None:
            found |= (level == a) & (fraction * n >= fewest)
    return found


@lru_cache(maxsize=64)
def _fewest(n: int, alpha: float) -> int | None:
    return fewest_agreeing(n, alpha=alpha)


# ---------------------------------------------------------------- measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredReduction:
    """The reduction found by certifying ``points`` points at both budgets, with a two-sided interval; None where too few points certify."""

    points: int
    reduction: float | None
    lower: float | None
    upper: float | None
    confidence: float


def measured_reduction(
    radius: FloatsLike, reference_radius: FloatsLike, *, seed: int, confidence: float = 0.95, resamples: int = 4000
) -> MeasuredReduction:
    """The reduction of the mean radius over points that were certified at both budgets, with a seeded bootstrap interval over points. An estimate.

    Percentile interval, widened for small samples (Student's quantile and sqrt(m/(m-1)) in place of the normal's; Hesterberg's expanded percentile).
    Decision (2026-11-20): real coverage of the nominal 95 %, 600 simulations on each of five published CIFAR-10 distributions of pA, n = 1000 against 100,000:

        points                     10           20           50
        expanded percentile     .89 - .94    .91 - .95    .92 - .95
        percentile              .84 - .91    .88 - .93    .91 - .94
        BCa                     .84 - .94    .87 - .95    .92 - .96

    so it is an estimate and not a bound. ``radius``, ``reference_radius`` (m,): certified radii of the same points, 0 where not certified.

    Raises: ValueError unless both have the same length >= 1 and hold finite radii >= 0, and 0 < confidence < 1.
    Source: Hesterberg, Amer. Statistician 69 (2015), section 5.2.
    """
    small, large = np.asarray(radius, dtype=np.float64), np.asarray(reference_radius, dtype=np.float64)
    if small.ndim != 1 or small.shape != large.shape or len(small) == 0:
        raise ValueError(f"there must be two radii for each of at least one point, got shapes {small.shape} and {large.shape}")
    if not (np.all(np.isfinite(small) & (small >= 0)) and np.all(np.isfinite(large) & (large >= 0))):
        raise ValueError("radii must be finite and >= 0")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    m = len(small)
    reduction = 1.0 - float(small.sum() / large.sum()) if large.any() else None
    if np.count_nonzero(large) < FEWEST_POINTS:
        return MeasuredReduction(points=m, reduction=reduction, lower=None, upper=None, confidence=confidence)
    generator = np.random.Generator(np.random.Philox(seed))
    sums = np.array(
        [(small[rows].sum(), large[rows].sum()) for rows in (generator.integers(0, m, size=m) for _ in range(resamples))]
    )
    ratios = sums[sums[:, 1] > 0, 0] / sums[sums[:, 1] > 0, 1]
    quantile = math.sqrt(m / (m - 1)) * float(special.stdtrit(m - 1, (1.0 + confidence) / 2.0))
    low, high = np.quantile(1.0 - ratios, [special.ndtr(-quantile), special.ndtr(quantile)])
    return MeasuredReduction(points=m, reduction=reduction, lower=float(low), upper=float(high), confidence=confidence)
