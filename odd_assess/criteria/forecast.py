"""What a run is expected to spend and to show, predicted from estimates at screened points. Predictions order and steer; no claim rests on them.

The estimate at a point is taken for the probability that a noisy copy is answered its class. From it follow the draws that a sequential budget takes, and the
chance that the budget's bound certifies a radius there, of the true class where that is the clean answer. Both need the noise level that certificates will
have; where a policy chooses it, or the estimate has another, nothing is predicted.

**Which claim steers** (decided 2026-11-21). Points are divided for one claim: of the claims over the whole ODD on a fraction of it that certifies a radius, the
blocking one whose predicted fraction is nearest to what it requires (of those that do not block, where none does). It is the one that points decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from odd_assess.criteria.asked import asked_radii
from odd_assess.criteria.outlook import tolerated_draws
from odd_assess.criteria.screening import bound_alpha
from odd_assess.odd.domain import Domain
from odd_assess.records import Bools, CertificationPlan, Criterion, Floats, Ints, RankedSets, SamplingPlan
from odd_assess.stats import fewest_agreeing, log_evidence_above, probability_at_least
from odd_assess.stats.allocation import WORTHWHILE, Allocation, allocate, cell_predictions, predicted_draws

SET_SIZES = (3, 5, 10)
"""How many candidates for each point are looked at."""
FEWEST_CHECKED = 20
"""Points with draws of their own that tell what ranks are worth: fewer tell next to nothing."""
SETS = 20_000
"""Sets that are made of these points."""

STEERING = ("certified_accuracy", "smoothed_accuracy", "radius_quantile")
"""Metrics that ask for a fraction of the ODD on which a radius is certified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimForecast:
    """A claim over the whole ODD: the fraction that the budget is predicted to certify at ``radius``, beside what is ``required``."""

    criterion: str
    severity: str
    radius: float
    required: float
    predicted: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """Predictions for the spec's own run. ``draws`` (m,): at each screened point; None where they cannot be told, for the ``reason``.

    ``at_most``: what the budget spends at a point at most. ``claims``: in the spec's order; ``allocation`` was made for the one that is ``steering``. Where
    there is none, or it is not worthwhile, ``allocation_reason`` says why.
    """

    draws: Floats | None
    at_most: int
    sequential: bool
    claims: tuple[ClaimForecast, ...] = ()
    steering: ClaimForecast | None = None
    allocation: Allocation | None = None
    reason: str = ""
    allocation_reason: str = ""

    @property
    def mean_draws(self) -> float | None:
        """The predicted draws of a point, on average over the ODD."""
        return None if self.draws is None else float(self.draws.mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedForecast:
    """Ranked sets for the claim ``steering``, and what they are predicted to save: of the points, and ``net`` with the estimates of the candidates counted.

    ``sets`` is None where they save too little or cannot be used, for the ``reason``.
    """

    steering: str = ""
    sets: RankedSets | None = None
    saving: float = 0.0
    net: float = 0.0
    reason: str = ""


def ranked_forecast(
    found: Forecast,
    ranking: Floats,
    seen: Floats,
    correct: Bools,
    *,
    sampling: SamplingPlan,
    certification: CertificationPlan,
    criteria: Sequence[Criterion],
    cost: float,
) -> RankedForecast:
    """The ranked sets that are predicted to save most for the claim that steers ``found``.

    ``ranking`` (c,): what ranks some screened points; ``seen`` (c,): their shares of the clean answer in draws of their own, which the ranks do not know (the
    estimates that made the ranks would promise too much); ``correct`` (c,): whether the clean answer is the true class. ``cost``: draws in the time of an
    estimate.
    """
    steering, points = found.steering, sampling.points
    if found.reason or steering is None or points is None or found.mean_draws is None:
        return RankedForecast(reason=found.reason or "no criterion asks for a fraction of the whole ODD at a certified radius")
    if sampling.until_decided or points < 4:
        return RankedForecast(reason="ranks need a fixed number of points (sampling.points)")
    if len(ranking) < FEWEST_CHECKED:
        return RankedForecast(
            reason=f"what ranks are worth is told by at least {FEWEST_CHECKED} points of average_case.check, found {len(ranking)}"
        )
    chance = _chance(seen, correct, steering.radius, certification, _draws(certification))
    beta = 1.0 - next((one.confidence or 0.0 for one in criteria if one.id == steering.criterion), 0.0)
    best = RankedForecast(steering=steering.criterion)
    for size in SET_SIZES:
        made = allocate(_by_rank(ranking, chance, size), np.ones(size), points=points, beta=beta)
        net = 1.0 - (1.0 - made.saving) * (1.0 + size * cost / found.mean_draws)
        if net > best.net:
            low = int((made.group == 1).sum())
            sets = RankedSets(candidates=size, low_ranks=low, points=made.points)
            best = RankedForecast(steering=steering.criterion, sets=sets, saving=made.saving, net=net)
    if best.net < WORTHWHILE:
        return RankedForecast(
            steering=steering.criterion, reason="ranks are predicted to save less than their estimates cost, or next to nothing"
        )
    return best


def _by_rank(ranking: Floats, chance: Floats, size: int) -> Floats:
    """The mean chance (size,) of success at each rank of random sets of these points, made to rise."""
    from scipy.optimize import isotonic_regression  # slow to import, and only a screening asks for it

    sets = np.random.Generator(np.random.Philox(key=size)).integers(len(ranking), size=(SETS, size))
    order = np.argsort(ranking[sets], axis=1, kind="stable")
    means = np.take_along_axis(chance[sets], order, axis=1).mean(axis=0)
    rising = isotonic_regression(means).x
    edge = 0.5 / (len(ranking) + 1)
    return np.asarray(np.clip(rising, edge, 1.0 - edge), dtype=np.float64)


def forecast(
    values: Floats,
    correct: Bools,
    cell: Ints,
    *,
    sigma: float,
    domain: Domain,
    sampling: SamplingPlan,
    certification: CertificationPlan,
    criteria: Sequence[Criterion],
    reached: float = 1.0,
) -> Forecast:
    """What the spec's run is predicted to spend and show, from the estimates ``values`` (m,) at random points of the ODD.

    ``correct`` (m,): whether the clean answer is the true class; ``cell`` (m,): where the points lie; ``sigma``: the noise level of the estimates; ``reached``:
    the share of the ODD that points can be drawn from.
    """
    budget, n = certification.budget, _draws(certification)
    sequential = budget.kind == "sequential"
    most = budget.n0 + n
    if (reason := _unfit(sigma, certification)) != "":
        return Forecast(draws=None, at_most=most, sequential=sequential, reason=reason, allocation_reason=reason)
    asked = asked_radii(criteria)
    thresholds = np.minimum(ndtr(np.array(asked) / certification.sigma), np.nextafter(1.0, 0.0)) if sequential else None
    draws = predicted_draws(values, n0=budget.n0, n=n, alpha=certification.alpha, thresholds=thresholds)
    chances = {radius: _chance(values, correct, radius, certification, n) for radius in {_radius(one) for one in _claims(criteria)}}
    claims = {one.id: _forecast(one, chances[_radius(one)]) for one in _claims(criteria)}
    steering = _steering(list(claims.values()))
    confidence = {one.id: one.confidence for one in criteria}
    allocation, why = None, _unallocated(steering, domain, sampling, reached)
    if not why and steering is not None and sampling.points is not None:
        allocation = allocate(
            cell_predictions(chances[steering.radius], cell, domain.layout.levels),
            domain.layout.weight,
            points=sampling.points,
            beta=1.0 - (confidence[steering.criterion] or 0.0),
        )
        why = (
            ""
            if allocation.worthwhile
            else "two groups of cells would save next to nothing: points by weight (proportional) are as good"
        )
    return Forecast(
        draws=draws,
        at_most=most,
        sequential=sequential,
        claims=tuple(claims.values()),
        steering=steering,
        allocation=allocation,
        allocation_reason=why,
    )


def _unfit(sigma: float, certification: CertificationPlan) -> str:
    """Why the estimates do not speak of the certificates' noise; empty where they do."""
    if certification.policy is not None:
        return f"the policy {certification.policy.name} chooses the noise level of each point, and the estimates have one for all"
    if sigma != certification.sigma:
        return f"the estimates are made at sigma = {sigma:g}, and certificates at {certification.sigma:g}"
    return ""


def _unallocated(steering: ClaimForecast | None, domain: Domain, sampling: SamplingPlan, reached: float) -> str:
    """Why no points are divided among groups of cells; empty where they can be."""
    if steering is None:
        return "no criterion asks for a fraction of the whole ODD at a certified radius, and groups serve no other claim"
    if sampling.until_decided:
        return "points of a run that stops when it is decided are not divided beforehand"
    if len(domain.cells) < 2:
        return "the ODD has one cell"
    if sampling.points is None or sampling.points < 4:
        return "the spec does not say how many points are to be divided (sampling.points)"
    if reached < 1:
        return f"{1 - reached:.1%} of the ODD has no frame in the table, so that no points can be drawn for it"
    return ""


def _draws(plan: CertificationPlan) -> int:
    """The draws that bound a point, at most; of a tolerance budget what it would choose if agreement were spread evenly."""
    return tolerated_draws(plan) if plan.budget.kind == "tolerance" else plan.budget.n


def _claims(criteria: Sequence[Criterion]) -> list[Criterion]:
    return [one for one in criteria if one.metric in STEERING and one.scope == "odd" and one.where is None]


def _radius(criterion: Criterion) -> float:
    if criterion.metric == "radius_quantile":
        return criterion.required
    return criterion.radius or 0.0


def _forecast(criterion: Criterion, chance: Floats) -> ClaimForecast:
    share = 1.0 - (criterion.quantile or 0.0) if criterion.metric == "radius_quantile" else criterion.required
    return ClaimForecast(
        criterion=criterion.id,
        severity=criterion.severity,
        radius=_radius(criterion),
        required=share,
        predicted=float(chance.mean()),
    )


def _steering(claims: Sequence[ClaimForecast]) -> ClaimForecast | None:
    blocking = [one for one in claims if one.severity == "blocking"] or claims
    return min(blocking, key=lambda one: abs(one.predicted - one.required), default=None)


def _chance(values: Floats, correct: Bools, radius: float, plan: CertificationPlan, n: int) -> Floats:
    """The chance (m,) that n draws certify the radius for the true class at points where so many copies are answered it."""
    fewest = _fewest(radius, plan, n)
    if fewest is None:
        return np.zeros(len(values))
    return np.asarray(np.where(correct, probability_at_least(fewest, n, values), 0.0), dtype=np.float64)


def _fewest(radius: float, plan: CertificationPlan, n: int) -> int | None:
    """The fewest of n draws that certify the radius; None where all of them do not."""
    if plan.budget.kind != "sequential":
        return fewest_agreeing(n, alpha=bound_alpha(plan), radius=radius, sigma=plan.sigma)
    p0 = float(min(ndtr(radius / plan.sigma), np.nextafter(1.0, 0.0)))
    k = np.arange(n // 2, n + 1)
    shown = (k > n * p0) & (log_evidence_above(k, n, p0) >= -np.log(plan.alpha))
    return int(k[int(np.argmax(shown))]) if bool(shown.any()) else None
