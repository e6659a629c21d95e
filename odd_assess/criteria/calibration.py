"""How far estimates of average-case robustness agree with the certificates at the same points: for the report. Descriptions of these points, no claims.

A certificate's bound p_a_lower speaks of the class that was tried and of its noise level, an estimate of the answer without noise and of its own level. So
they are compared where both are the same. There an estimate below the bound is too low, except with the certificate's probability alpha; one above it may be
right, for the bound lies below the probability by what its draws leave open. The share of the draws that answered the class has no such gap, where
their number was fixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from odd_assess.criteria.asked import asked_radii
from odd_assess.criteria.fragility import CONFIDENCE
from odd_assess.criteria.point_states import alone, certified_at, refuted_at
from odd_assess.policies import Cascade
from odd_assess.records import Bools, CertificationPlan, Criterion, Floats, PointEstimates, Results
from odd_assess.stats import ranks
from odd_assess.stats.allocation import predicted_draws

RESAMPLES = 1_000
"""Of the bootstrap of a rank correlation."""
MOST_POINTS = 2_000
"""Points that its interval is drawn from; of more, a random subsample, so that it is rather too wide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """Spearman's rank correlation at ``points`` points, with a bootstrap interval (`CONFIDENCE`, percentiles) where points are enough."""

    points: int
    value: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """Estimates beside certificates. ``same`` (m,): points that can be compared; ``other_class``, ``other_level``: how many of the rest differ in what.

    ``too_low``: points whose estimate lies below the certified lower bound, by ``deepest`` at most. ``bias``, ``error``: mean and mean absolute difference of
    the estimate from the share of the draws that answered the class; None where draws stopped when decided.
    """

    same: Bools
    other_class: int
    other_level: int
    too_low: int
    deepest: float
    bias: float | None
    error: float | None
    with_bound: Correlation | None
    with_radius: Correlation | None


def calibration(results: Results, found: PointEstimates, *, seed: int) -> Calibration:
    """How the estimates agree with the certificates of the same points; ``seed``: of the bootstrap.

    Raises: ValueError for estimates at other points.
    """
    if not np.array_equal(results.index, found.index):
        raise ValueError("estimates must be at the points of the results")
    before = alone(results)
    of_class, of_level = before.chosen == found.clean, np.isclose(before.sigma, found.plan.sigma, rtol=1e-9, atol=0.0)
    same = np.asarray(of_class & of_level, dtype=np.bool_)
    short = np.where(same, before.p_a_lower - found.value - found.cdf_error, 0.0)
    fixed = not bool(before.anytime.any()) and bool(same.any())
    off = (found.value - before.hits / np.maximum(before.n, 1))[same]
    return Calibration(
        same=same,
        other_class=int((~of_class).sum()),
        other_level=int((of_class & ~of_level).sum()),
        too_low=int((short > 0).sum()),
        deepest=float(max(0.0, short.max(initial=0.0))),
        bias=float(off.mean()) if fixed else None,
        error=float(np.abs(off).mean()) if fixed else None,
        with_bound=rank_correlation(found.value[same], before.p_a_lower[same], seed=seed),
        with_radius=rank_correlation(found.value[same], before.radius[same], seed=seed),
    )


def rank_correlation(a: Floats, b: Floats, *, seed: int) -> Correlation | None:
    """Spearman's correlation of two quantities (m,) with its bootstrap interval; None where one of them does not vary."""
    value = ranks.rank_correlation(a, b)
    if value is None:
        return None
    points = len(a)
    generator = np.random.Generator(np.random.Philox(key=[seed % 2**64, 2**63]))
    if len(a) > MOST_POINTS:
        some = generator.permutation(len(a))[:MOST_POINTS]
        a, b = a[some], b[some]
    drawn = generator.integers(len(a), size=(RESAMPLES, len(a)))
    found = [ranks.rank_correlation(a[rows], b[rows]) for rows in drawn]
    known = np.array([one for one in found if one is not None])
    enough = len(known) > RESAMPLES // 2
    tail = (1.0 - CONFIDENCE) / 2.0
    lower, upper = (float(q) for q in np.quantile(known, [tail, 1.0 - tail])) if enough else (None, None)
    return Correlation(points=points, value=value, lower=lower, upper=upper)


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """Points that can be compared and are right without noise, by whether the estimate calls them robust at ``radius`` and what was certified there.

    Called robust: the estimate is at least the probability that a certified radius of this size asks for. ``refuted``: no budget would certify it, so that the
    estimate is too high; ``undecided``: more draws may. ``missed``: certified, and not called robust; ``neither``: not certified, and not called robust.
    """

    radius: float
    certified: int
    undecided: int
    refuted: int
    missed: int
    neither: int


def called_robust(results: Results, found: PointEstimates, radius: float) -> Called | None:
    """What the estimates call robust at a radius beside what is certified there; None for a cascade, of which nothing can be refuted."""
    if isinstance(results.policy, Cascade):
        return None
    before = alone(results)
    right = (found.clean == before.label) & (before.chosen == found.clean)
    compared = right & np.isclose(before.sigma, found.plan.sigma, rtol=1e-9, atol=0.0)
    called = found.value >= ndtr(radius / found.plan.sigma)
    held, refuted = certified_at(before, radius), refuted_at(before, radius)

    def count(mask: Bools) -> int:
        return int((compared & mask).sum())

    return Called(
        radius=radius,
        certified=count(called & held),
        undecided=count(called & ~held & ~refuted),
        refuted=count(called & refuted),
        missed=count(~called & held),
        neither=count(~called & ~held),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Draws that a sequential budget was to take as the estimates predict, and those that it took, over all points; and how well their order fits."""

    points: int
    predicted: float
    spent: int
    order: Correlation | None


def spending(
    results: Results, found: PointEstimates, plan: CertificationPlan, criteria: list[Criterion], *, seed: int
) -> Spending | None:
    """Predicted against spent draws; None where their number was fixed, or where the noise levels differ."""
    radii = asked_radii(criteria)
    if plan.budget.kind != "sequential" or plan.policy is not None or found.plan.sigma != plan.sigma or not radii:
        return None
    thresholds = np.minimum(ndtr(np.array(radii) / plan.sigma), np.nextafter(1.0, 0.0))
    coarse = np.round(found.value, 2)  # each different value takes time, and the prediction is a rough one
    predicted = predicted_draws(coarse, n0=plan.budget.n0, n=plan.budget.n, alpha=plan.alpha, thresholds=thresholds)
    spent = results.n0 + results.n
    return Spending(
        points=len(results),
        predicted=float(predicted.sum()),
        spent=int(spent.sum()),
        order=rank_correlation(predicted, spent.astype(np.float64), seed=seed),
    )
