"""What a run can be expected to show and to cost, before any draw: what `odd-assess plan` prints. Attainability is exact, the rest are estimates.

The points that are likely to do: each point is taken to come out well (certified at the radius, right, not abstaining) with the assumed probability.
The bound that will decide is then asked whether it is met at the count that at least comes up with the wanted probability (the power). That is exact
where the bound depends on the count alone. Otherwise it is an estimate: means are taken to be of radii that are 0 or the largest (the widest spread),
cells of equal allocation to do equally well, cells of other designs to get the points that they expect. Where points stop when decided, stopping
earlier comes on top.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from odd_assess.criteria.attainability import (
    DRAWN,
    Setting,
    Shortfall,
    around,
    best_radius,
    best_results,
    best_within,
    cells_of_groups,
    claim_of,
    deciding,
    equal_cells,
    fewest_draws,
    fewest_points,
    for_each_part,
    in_two_groups,
    is_equal,
    largest_shown,
    meets,
    needed_inside,
    part_shares,
    reference_draws,
    short_of_draws,
    short_of_points,
    speaks_of_parts,
)
from odd_assess.criteria.claims import CLAIMS, Claim, FractionClaim, MeanClaim, QuantileClaim
from odd_assess.criteria.inference import WithinPart, inference_for
from odd_assess.criteria.readings import beta_of
from odd_assess.criteria.screening import bound_alpha, parts_of
from odd_assess.criteria.words import part_noun
from odd_assess.policies import ByInput, Cascade, PerCell
from odd_assess.records import Bools, CertificationPlan, Criterion, Ints, Results
from odd_assess.stats import anytime_draws_for_radius, probability_at_most, smallest_useful_n, theory_reduction
from odd_assess.stats.planning import expected_draws_to_decide, points_for_power, uniform_reduction
from odd_assess.stats.search import smallest

MOST_POINTS = 1_000_000
"""Beyond so many points we do not search."""
MOST_BETS = 20_000
"""The same for betting bounds, which look at every point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LightestPart:
    """A criterion on each part (``one`` cell or level, of ``many``) needs ``needed`` points in each; the lightest expects ``expected``.

    All get enough with probability at least ``chance``.
    """

    one: str
    many: str

    needed: int
    expected: float
    chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What it takes to meet one criterion.

    ``fewest_draws`` and ``fewest_points``: with fewer no model could (None: none would do, or it does not depend on them). ``likely_points``: the
    number from which on it is met with the wanted probability, if the true value is ``assumed`` (``exact``: by binomial power; None: none up to the
    largest that was searched). Not ``supported``: a claim on the domain that the sampling design allows no confidence for, so that it ends INCONCLUSIVE.
    """

    criterion: Criterion
    shortfalls: tuple[Shortfall, ...]
    fewest_draws: int | None
    fewest_points: int | None
    assumed: float | None = None
    likely_points: int | None = None
    exact: bool = False
    supported: bool = True
    lightest: LightestPart | None = None

    @property
    def attainable(self) -> bool:
        """Whether some model could meet it as the spec stands."""
        return not self.shortfalls


def prospect(criterion: Criterion, setting: Setting, *, assume: float | None, power: float) -> Prospect:
    """What it takes to meet the criterion. ``assume``: the share of the ODD that comes out well; None: halfway between what is required and all of it.

    Raises: ValueError unless 0 <= assume <= 1 and 0 < power < 1.
    """
    if (assume is not None and not 0 <= assume <= 1) or not 0 < power < 1:
        raise ValueError(f"assume must lie in [0, 1] and power in (0, 1), got {assume!r} and {power!r}")
    of_draws = short_of_draws(criterion, setting.certification, setting.asked)
    hopeless = of_draws is not None and of_draws.needed is None  # then points have no part in it
    of_points = None if hopeless else short_of_points(criterion, setting)
    shortfalls = tuple(short for short in (of_draws, of_points) if short is not None)
    draws, points = fewest_draws(criterion, setting.certification, setting.asked), fewest_points(criterion, setting)
    supported = criterion.metric not in CLAIMS or setting.sampling.design in DRAWN
    if criterion.metric == "level_difference" and supported:
        lightest = None if hopeless else _lightest(criterion, setting)
        return Prospect(criterion=criterion, shortfalls=shortfalls, fewest_draws=draws, fewest_points=points, lightest=lightest)
    if criterion.metric not in CLAIMS or not supported:
        return Prospect(criterion=criterion, shortfalls=shortfalls, fewest_draws=draws, fewest_points=points, supported=supported)
    well = share_well(criterion, setting) if assume is None else assume
    return Prospect(
        criterion=criterion,
        shortfalls=shortfalls,
        fewest_draws=draws,
        fewest_points=points,
        assumed=_value(criterion, setting, well),
        likely_points=None if points is None else _likely_points(criterion, setting, well, power),
        exact=_exact(criterion, setting),
        lightest=_lightest(criterion, setting)
        if criterion.scope in ("each_cell", "each_level") or criterion.where is not None
        else None,
    )


def share_well(criterion: Criterion, setting: Setting) -> float:
    """The share of the ODD that comes out well, halfway between the least that meets the criterion and all of it."""
    match criterion.metric:
        case "abstention_rate":
            least = 1.0 - criterion.required
        case "radius_quantile":
            assert criterion.quantile is not None  # the spec has made sure
            least = 1.0 - criterion.quantile
        case "mean_certified_radius":
            best = _largest(criterion, setting)
            least = min(1.0, criterion.required / best) if best > 0 else 1.0
        case _:
            least = criterion.required
    return (least + 1.0) / 2.0


def _value(criterion: Criterion, setting: Setting, well: float) -> float:
    """The criterion's metric if the share ``well`` of the ODD comes out well (of a quantile: the share itself)."""
    match criterion.metric:
        case "abstention_rate":
            return 1.0 - well
        case "mean_certified_radius":
            return well * _largest(criterion, setting)
        case _:
            return well


def _largest(criterion: Criterion, setting: Setting) -> float:
    draws = max(setting.draws, fewest_draws(criterion, setting.certification, setting.asked) or 0)
    return largest_shown(criterion, setting.certification, setting.asked, draws)


def _likely_points(criterion: Criterion, setting: Setting, well: float, power: float) -> int | None:
    template = claim_of(criterion, setting, best_results(criterion, setting, np.zeros(1, dtype=np.int64)))
    if speaks_of_parts(criterion):
        one_part = power ** (1.0 / parts_of(criterion, setting.domain))  # all parts, equally good, have to be shown
        exact = setting.sampling.ranked is None and (criterion.scope == "each_cell" or setting.sampling.design == "random")

        def met_inside(successes: int, points: int) -> bool:
            claim = _mixed(template, np.arange(points) < successes)
            inside = best_within(criterion, setting.with_points(around(criterion, points, setting)), points)
            if isinstance(inside, WithinPart):
                inside = replace(inside, share=np.ones(points), points=inside.points * points)
            return meets(criterion, deciding(criterion, claim.bounds(inside, beta=beta_of(criterion))))

        in_part = points_for_power(met_inside, well, power=one_part, most=MOST_POINTS if exact else MOST_BETS)
        return None if in_part is None else for_each_part(criterion, in_part, setting, by_weight=not is_equal(setting.sampling))

    def met(successes: int, points: int) -> bool:
        sized = setting.with_points(points)
        cells = _in_turn(sized, points)
        results = _taking_turns(best_results(criterion, sized, cells), sized)
        inference = inference_for(sized.sampling, sized.domain, results)
        assert inference is not None  # the caller has looked at the design
        claim = _mixed(template, np.arange(max(points, len(cells))) < successes)  # two groups have two points at least
        return meets(criterion, deciding(criterion, claim.bounds(inference, beta=beta_of(criterion))))

    betting = criterion.metric == "mean_certified_radius" or is_equal(setting.sampling) or in_two_groups(setting.sampling)
    return points_for_power(met, well, power=power, most=MOST_BETS if betting else MOST_POINTS)


def _in_turn(setting: Setting, points: int) -> Ints:
    """The cell of each point of equal allocation, cell after cell in turn, so that the first so many points are spread over the cells; likewise of groups.

    In other designs cells do not matter: one stands for all.
    """
    if setting.sampling.groups is not None:
        return cells_of_groups(setting.sampling.groups)
    if setting.sampling.ranked is not None:
        return np.zeros(setting.sampling.ranked.total, dtype=np.int64)
    if not is_equal(setting.sampling):
        return np.zeros(1, dtype=np.int64)
    cells, copies = equal_cells(setting.domain, points)
    counts = copies * np.bincount(cells, minlength=len(setting.domain.cells))
    return np.concatenate([np.flatnonzero(counts > cycle) for cycle in range(int(counts.max()))])


def _taking_turns(results: Results, setting: Setting) -> Results:
    """The same points with numbers by which groups of ranks take turns, each with its share; in other designs as they are."""
    ranked, seed = setting.sampling.ranked, setting.sampling.seed
    if ranked is None:
        return results
    turn = np.concatenate([(np.arange(points) + 0.5) / points for points in ranked.points])
    numbers = np.argsort(ranked.group(seed), kind="stable")  # those of the low group, then the others
    return replace(results, index=numbers[np.argsort(turn, kind="stable")])


def _mixed(claim: Claim, well: Bools) -> Claim:
    """The claim of points of which some did not come out well: the first point's results for the others, and nothing shown and all excluded for them."""
    match claim:
        case FractionClaim():
            flags = well if claim.low[0] else ~well  # an abstention is shown where a point did not come out well
            return FractionClaim(low=flags, high=flags, alpha=claim.alpha)
        case MeanClaim():
            values = np.where(well, claim.low[0], 0.0)
            return MeanClaim(low=values, high=values, cap_low=claim.cap_low, cap=claim.cap, alpha=claim.alpha)
        case QuantileClaim():
            values = np.where(well, claim.low[0], 0.0)
            return QuantileClaim(low=values, high=values, quantile=claim.quantile, cap=claim.cap, alpha=claim.alpha)


def _lightest(criterion: Criterion, setting: Setting) -> LightestPart | None:
    """What the lightest part gets of what it needs; None where no number would do, or where a table decides what the parts weigh."""
    needed = needed_inside(criterion, setting)
    if needed is None or not setting.weights_known:
        return None
    one, many = ("sub-domain", "sub-domains") if criterion.where is not None else part_noun(criterion)
    points, equal = setting.points, is_equal(setting.sampling)
    shares = part_shares(criterion, setting)
    expected = float(points // len(shares)) if equal and criterion.scope == "each_cell" else float(points * shares.min())
    if (
        setting.sampling.design == "stratified" and setting.sampling.groups is None
    ):  # a part gets its expected number to within a few
        return LightestPart(one=one, many=many, needed=needed, expected=expected, chance=float(expected >= needed))
    missed = float(probability_at_most(min(needed - 1, points), points, np.minimum(shares, 1.0)).sum())
    return LightestPart(one=one, many=many, needed=needed, expected=expected, chance=max(0.0, 1.0 - missed))


def _exact(criterion: Criterion, setting: Setting) -> bool:
    """Whether the count alone decides: over the ODD, and where every cell surely gets its number."""
    if criterion.scope not in ("odd", "each_cell") or criterion.where is not None:
        return False
    if in_two_groups(setting.sampling):
        return False
    return criterion.metric != "mean_certified_radius" and (criterion.scope == "odd") != is_equal(setting.sampling)


# ---------------------------------------------------------------- the budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Forward passes of one part of a run: ``points`` times ``draws``; ``at_most`` where it may stop earlier."""

    part: str
    points: int
    draws: int
    at_most: bool = False

    @property
    def forwards(self) -> int:
        """Forward passes."""
        return self.points * self.draws


def costs(plan: CertificationPlan, points: int, *, until_decided: bool) -> tuple[Cost, ...]:
    """The parts of a run and what each takes, as far as it is known before any draw."""
    budget, policy, parts = plan.budget, plan.policy, []
    levels = len(policy.sigmas) if isinstance(policy, Cascade) else 1
    reference = 0 if plan.reference is None else min(plan.reference.points, points)
    if isinstance(policy, PerCell):
        parts.append(Cost(part="calibration", points=policy.points, draws=len(policy.grid) * policy.draws))
    if isinstance(policy, ByInput):
        parts.append(Cost(part="choice of sigma", points=points + reference, draws=policy.search_draws, at_most=True))
    if budget.kind == "tolerance":
        assert budget.pilot_points is not None  # a tolerance budget has them
        parts.append(Cost(part="pilot", points=min(budget.pilot_points, points), draws=budget.n0))
    at_most = until_decided or budget.kind in ("sequential", "tolerance")
    parts.append(Cost(part="points", points=points, draws=levels * (budget.n0 + budget.n), at_most=at_most))
    if plan.reference is not None:
        parts.append(Cost(part="reference", points=reference, draws=levels * (budget.n0 + plan.reference.n)))
    if plan.comparison is not None:
        compared, single = min(plan.comparison.points, points), len(plan.comparison.sigmas)
        parts.append(Cost(part="comparison", points=compared, draws=single * (budget.n0 + budget.n), at_most=at_most))
    return tuple(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The expected reduction of the mean radius at ``n`` draws against ``n_ref``.

    ``uniform``: if pA were uniform on [1/2, 1]; ``theory``: of a typical model; ``agreeing``: where every copy agrees, so that the cap alone counts.
    """

    n: int
    n_ref: int
    uniform: float
    theory: float | None
    agreeing: float


def expected_loss(plan: CertificationPlan, n: int) -> Loss:
    """What n draws are expected to give up against the reference budget, for three kinds of model."""
    n_ref, level = reference_draws(plan), bound_alpha(plan)
    cap, cap_ref = (best_radius(_fixed(plan), (), draws) for draws in (n, n_ref))
    return Loss(
        n=n,
        n_ref=n_ref,
        uniform=uniform_reduction(n, n_ref, alpha=level),
        theory=theory_reduction(n, n_ref, alpha=plan.alpha),
        agreeing=1.0 - cap / cap_ref,
    )


def tolerated_draws(plan: CertificationPlan) -> int:
    """The n that a tolerance budget would choose if pA were uniform on [1/2, 1]; its maximum where no smaller n does."""
    tolerance, n_ref = plan.budget.tolerance, reference_draws(plan)
    assert tolerance is not None  # a tolerance budget has one
    fewest = smallest_useful_n(plan.alpha)

    def enough(n: int) -> bool:
        return n >= fewest and uniform_reduction(n, n_ref, alpha=plan.alpha) <= tolerance

    return smallest(enough, most=plan.budget.n) or plan.budget.n


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """About how many draws a sequential budget takes at a point where each copy agrees with probability ``p``, at most its maximum."""

    p: float
    draws: int


def expected_stops(plan: CertificationPlan, asked: Sequence[float]) -> tuple[Stops, ...]:
    """The draws that a sequential budget takes to decide the radii ``asked``: the fewest where every copy agrees (p = 1), estimates elsewhere."""
    most, sigma, alpha = plan.budget.n, plan.sigma, plan.alpha
    thresholds = np.minimum(ndtr(np.array(asked) / sigma), np.nextafter(1.0, 0.0))
    reachable = max(asked) <= 7 * sigma
    fewest = anytime_draws_for_radius(max(asked), alpha=alpha, sigma=sigma) if reachable else most
    estimates = [(p, expected_draws_to_decide(p, thresholds, alpha=alpha)) for p in (0.99, 0.95, 0.9)]
    return (
        Stops(p=1.0, draws=min(most, fewest)),
        *(Stops(p=p, draws=most if estimate >= most else math.ceil(estimate)) for p, estimate in estimates),
    )


def _fixed(plan: CertificationPlan) -> CertificationPlan:
    """The same with a fixed n, as the reference has."""
    return replace(plan, budget=replace(plan.budget, kind="fixed")) if plan.budget.kind == "sequential" else plan
