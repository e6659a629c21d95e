"""Could any model meet a criterion with these points and this budget? Asked of the very bounds that will decide, on the best results that a run can have.

The best results: every copy of every point agrees with the true class, no point abstains, points fall into the cells as evenly as the design
allows. If the claims (claims.py, inference.py) do not read MET from those, they do from none: every bound rises with each of its values.

Two cases are left to the end of the run: a design without a probability model supports no claim on the domain at all, and a table may not reach
all of the ODD.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Literal

import numpy as np

from odd_assess.criteria.claims import CLAIMS, Claim
from odd_assess.criteria.inference import Inference, WithinPart, cell_inference, inference_for
from odd_assess.criteria.loss import bound_levels
from odd_assess.criteria.metrics import METRICS, REGRESSION
from odd_assess.criteria.parts import level_of_cells
from odd_assess.criteria.readings import beta_of, state_of
from odd_assess.criteria.screening import bound_alpha, covered_at_best, radius_of, shortest_run, visits_at_best
from odd_assess.criteria.words import has_parts
from odd_assess.odd.domain import Domain
from odd_assess.records import CertificationPlan, Criterion, Floats, Groups, Ints, Reduction, Results, SamplingPlan, State
from odd_assess.stats import (
    anytime_draws_for_radius,
    anytime_lower_bound,
    anytime_radius_cap,
    certified_radius,
    draws_for_radius,
    proportion_lower_bound,
    radius_cap,
    smallest_useful_n,
)
from odd_assess.stats.search import smallest

MOST_POINTS = 2**40
"""Beyond so many points we say that none would do."""
MOST_CYCLES = 2**20
"""The same for points in every cell, where each cell costs time."""
MOST_IN_GROUPS = 2**15
"""The same for points in two groups, where each point costs time."""
DRAWN = ("random", "stratified", "ranked")
"""Designs with a probability model."""
EMPTY = -1.0
"""What a part without a point shows: less than any requirement."""
FARTHEST = 7.0
"""Radii beyond so many sigma would take more than 1e11 draws."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """What a spec declares of a run, as far as it decides what can be shown. ``asked`` are the radii that a sequential budget decides (`asked_radii`)."""

    domain: Domain
    sampling: SamplingPlan
    certification: CertificationPlan
    asked: tuple[float, ...] = ()
    weights_known: bool = True

    @property
    def points(self) -> int:
        """The points of the run, at most."""
        return shortest_run(self.domain, self.sampling)

    @property
    def draws(self) -> int:
        """The draws that bound a point, at most."""
        return self.certification.budget.n

    def with_points(self, points: int) -> Setting:
        """The same with another number of points."""
        groups, ranked = self.sampling.groups, self.sampling.ranked
        scaled = None if groups is None else groups.scaled(points)
        sets = None if ranked is None else ranked.scaled(points)
        return replace(self, sampling=replace(self.sampling, points=points, groups=scaled, ranked=sets))

    @property
    def cell_shares(self) -> Floats:
        """The share of the points (cells,) that each cell can expect; the same for each where a table decides what they weigh."""
        domain, groups = self.domain, self.sampling.groups
        if is_equal(self.sampling) or not self.weights_known:
            return np.full(len(domain.cells), 1.0 / len(domain.cells))
        return domain.layout.weight if groups is None else groups.expected_shares(domain.layout.weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """Why no model can meet a criterion: with ``have`` draws or points none shows more (for <=: less) than ``best``; ``needed`` are the fewest that would do.

    ``needed`` is None where no number would.
    """

    criterion: Criterion
    lacks: Literal["draws", "points"]
    have: int
    best: float
    needed: int | None


def shortfall(criterion: Criterion, setting: Setting) -> Shortfall | None:
    """What keeps every model from meeting the criterion; None where some model could."""
    return short_of_draws(criterion, setting.certification, setting.asked) or short_of_points(criterion, setting)


# ---------------------------------------------------------------- draws


def short_of_draws(criterion: Criterion, plan: CertificationPlan, asked: tuple[float, ...] = ()) -> Shortfall | None:
    """Whether the radius that the criterion asks for is beyond what agreeing draws certify; None if it is not."""
    required = radius_of(criterion)
    trivial = criterion.comparator == ">=" and criterion.required <= 0 and criterion.metric != REGRESSION
    if required is None or trivial or criterion.metric == "abstention_rate" or _reaches(criterion, plan, asked, plan.budget.n):
        return None
    return Shortfall(
        criterion=criterion,
        lacks="draws",
        have=plan.budget.n,
        best=largest_shown(criterion, plan, asked, plan.budget.n),
        needed=fewest_draws(criterion, plan, asked),
    )


def fewest_draws(criterion: Criterion, plan: CertificationPlan, asked: tuple[float, ...] = ()) -> int | None:
    """The smallest n with which some model could meet the criterion, given enough points. None where none could, or where nothing is certified."""
    required = radius_of(criterion)
    if required is None or required > FARTHEST * plan.sigma:
        return None
    alpha, sigma = bound_alpha(plan), plan.sigma
    stops = plan.budget.kind == "sequential"
    if required == 0:
        return anytime_draws_for_radius(0.0, alpha=alpha, sigma=sigma) if stops else smallest_useful_n(alpha)
    if criterion.metric == "mean_certified_radius":
        return smallest(lambda n: _reaches(criterion, plan, asked, n), most=2**44)
    return (anytime_draws_for_radius if stops else draws_for_radius)(required, alpha=alpha, sigma=sigma)


def best_radius(plan: CertificationPlan, asked: tuple[float, ...], draws: int, *, mean: bool = False) -> float:
    """The largest radius that ``draws`` draws certify. ``mean``: the largest that every point can have, where draws stop when the asked radii are decided."""
    if plan.budget.kind == "sequential":
        seen = min(draws, most_before_stop(plan, asked)) if mean else draws
        return anytime_radius_cap(seen, alpha=plan.alpha, sigma=plan.sigma)
    return radius_cap(draws, alpha=bound_alpha(plan), sigma=plan.sigma)


@lru_cache(maxsize=64)
def most_before_stop(plan: CertificationPlan, asked: tuple[float, ...]) -> int:
    """A number of agreeing draws that certifies more than any point reports where draws stop once the radii ``asked`` are decided.

    A tenth and 20 draws more than the fewest that decide: the last block of a sequential procedure is that much too long at most.
    """
    farthest = max(asked, default=0.0)
    if farthest > FARTHEST * plan.sigma:
        return plan.budget.n
    return math.ceil(1.1 * anytime_draws_for_radius(farthest, alpha=plan.alpha, sigma=plan.sigma)) + 20


def largest_shown(criterion: Criterion, plan: CertificationPlan, asked: tuple[float, ...], draws: int) -> float:
    """The radius that enough points, all of them at the best radius of so many draws, would show.

    The bound of a mean tends to its values, less what false certificates may make up (`odd_assess.criteria.claims.MeanClaim`).
    """
    mean = criterion.metric == "mean_certified_radius"
    best = best_radius(plan, asked, draws, mean=mean)
    if not mean:
        return best
    return max(0.0, best - plan.alpha * (_reference_cap(plan) if plan.budget.kind == "sequential" else best))


def _reaches(criterion: Criterion, plan: CertificationPlan, asked: tuple[float, ...], draws: int) -> bool:
    required, shown = radius_of(criterion), largest_shown(criterion, plan, asked, draws)
    assert required is not None  # the callers have made sure
    return shown > required if criterion.metric == "mean_certified_radius" and required > 0 else shown >= required


def _reference_cap(plan: CertificationPlan) -> float:
    return radius_cap(max(reference_draws(plan), plan.budget.n), alpha=plan.alpha, sigma=plan.sigma)


def reference_draws(plan: CertificationPlan) -> int:
    """The budget that radii are compared with: the reference's, else 100,000 draws or the budget's own, if that is more."""
    return plan.reference.n if plan.reference is not None else max(100_000, plan.budget.n)


# ---------------------------------------------------------------- points


def short_of_points(criterion: Criterion, setting: Setting) -> Shortfall | None:
    """Whether even the best results at the points of the run would not meet the criterion; None where they would, or where no number of points is at fault."""
    if not _points_decide(criterion, setting.sampling):
        return None
    points = setting.points
    found = at_best(criterion, setting, points)
    if found is None or meets(criterion, found):
        return None
    return Shortfall(criterion=criterion, lacks="points", have=points, best=found, needed=fewest_points(criterion, setting))


def _points_decide(criterion: Criterion, sampling: SamplingPlan) -> bool:
    """Whether the criterion needs points that this design may not have. A pairwise design of its own size visits every pair and level."""
    if criterion.metric in CLAIMS:
        return sampling.design in DRAWN
    by_itself = (
        sampling.design == "pairwise" and sampling.points is None and criterion.metric in ("pairwise_coverage", "level_coverage")
    )
    return not _by_observation(criterion) and not by_itself


def _by_observation(criterion: Criterion) -> bool:
    """Whether a criterion rests on what will be observed alone: no number of points can be said to do."""
    return METRICS[criterion.metric].kind == "estimate" or criterion.metric == REGRESSION


def at_best(criterion: Criterion, setting: Setting, points: int) -> float | None:
    """What so many points show at best: the bound that decides, or the count. None where the criterion is not for points to decide."""
    if _by_observation(criterion):
        return None
    if criterion.metric not in CLAIMS:
        return _counted_at_best(criterion, setting, points)
    if not speaks_of_parts(criterion):
        return _shown(criterion, setting.with_points(points))
    if setting.sampling.design not in DRAWN:
        return None
    inside = visits_at_best(criterion, setting.domain, setting.sampling, points, weights_known=setting.weights_known)
    return shown_in_part(criterion, setting.with_points(points), inside) if inside else EMPTY


def fewest_points(criterion: Criterion, setting: Setting) -> int | None:
    """The smallest number of points with which some model could meet the criterion, given enough draws; None where none would, or where points do not matter.

    With equal allocation: the smallest with the same number in each cell. In each part of proportional allocation: the smallest at which the
    lightest part can expect as many points as it needs. How many classes there are, only the data tell: for each class it is as if there were one.
    """
    if setting.sampling.design not in DRAWN and criterion.metric in CLAIMS:
        return None

    def enough(points: int) -> bool:
        found = at_best(criterion, setting, points)
        return found is None or meets(criterion, found)

    cells = len(setting.domain.cells)
    if criterion.metric not in CLAIMS:
        if criterion.metric == "points_per_cell":
            return for_each_part(criterion, math.ceil(criterion.required), setting)
        return None if _by_observation(criterion) else smallest(enough, most=cells)
    if speaks_of_parts(criterion):
        inside = needed_inside(criterion, setting)
        return None if inside is None else for_each_part(criterion, inside, setting)
    if is_equal(setting.sampling):
        times = smallest(lambda cycles: enough(cycles * cells), most=MOST_CYCLES)
        return None if times is None else times * cells
    return smallest(enough, most=MOST_IN_GROUPS if in_two_groups(setting.sampling) else MOST_POINTS)


def for_each_part(criterion: Criterion, inside: int, setting: Setting, *, by_weight: bool | None = None) -> int:
    """The points that give every part so many: in expectation in the lightest part (``by_weight``), or at best, if all fall evenly.

    By weight where allocation is proportional, unless said otherwise; not where a table decides what the parts weigh. With equal allocation a part has
    the points of its cells.
    """
    in_cells = criterion.where is None and criterion.scope != "each_class"
    if setting.sampling.groups is not None and in_cells and not by_weight:
        at_best = partial(visits_at_best, criterion, setting.domain, setting.sampling)
        return smallest(lambda points: at_best(points) >= inside, most=MOST_POINTS) or MOST_POINTS
    proportional = setting.sampling.design == "stratified" and setting.sampling.allocation == "proportional"
    by_weight = (proportional if by_weight is None else by_weight) and setting.weights_known
    shares = part_shares(criterion, setting)
    if by_weight or (is_equal(setting.sampling) and criterion.scope != "each_cell"):
        return math.ceil(inside / float(shares.min()) - 1e-9)
    return inside * len(shares)


def speaks_of_parts(criterion: Criterion) -> bool:
    """Whether the points of a part decide: of each of several, or of a sub-domain."""
    return has_parts(criterion) or criterion.where is not None


def part_shares(criterion: Criterion, setting: Setting) -> Floats:
    """The share of the points (parts,) that each part can expect: its weight, or with equal allocation its share of the cells. One part for all classes."""
    weights = setting.cell_shares
    if criterion.attribute is not None:
        of_cell = np.unique(level_of_cells(setting.domain, criterion.attribute), return_inverse=True)[1]
        return np.bincount(of_cell, weights=weights).astype(np.float64)
    if criterion.where is not None:
        return np.array([criterion.where.share])
    return np.ones(1) if criterion.scope == "each_class" else np.asarray(weights)


def is_equal(sampling: SamplingPlan) -> bool:
    """Whether every cell has the same number of points."""
    return sampling.design == "stratified" and sampling.allocation == "equal"


def needed_inside(criterion: Criterion, setting: Setting) -> int | None:
    """The fewest points in a part with which its claim can be met; None where no number would do."""

    def enough(inside: int) -> bool:
        return meets(criterion, shown_in_part(criterion, setting.with_points(around(criterion, inside, setting)), inside))

    return smallest(enough, most=MOST_POINTS)


def around(criterion: Criterion, inside: int, setting: Setting) -> int:
    """About how many points there are in all where the least of the parts has so many."""
    shares = part_shares(criterion, setting)
    return max(inside, math.ceil(inside / float(shares.min()) - 1e-9))


def _shown(criterion: Criterion, setting: Setting) -> float | None:
    """The bound that decides a claim on the ODD where all is at its best."""
    sampling, points = setting.sampling, setting.points
    if is_equal(sampling):
        cells, copies = equal_cells(setting.domain, points)
    elif sampling.groups is not None:
        cells, copies = cells_of_groups(sampling.groups), 1
    elif sampling.ranked is not None:
        cells, copies = np.zeros(sampling.ranked.total, dtype=np.int64), 1  # each by its number is of a group of ranks
    else:
        cells, copies = np.zeros(1, dtype=np.int64), points  # one point stands for all: the bounds count them
    results = best_results(criterion, setting, cells)
    inference = inference_for(sampling, setting.domain, results)
    if inference is None:
        return None
    return deciding(
        criterion, claim_of(criterion, setting, results).bounds(inference, beta=beta_of(criterion), copies=float(copies))
    )


def shown_in_part(criterion: Criterion, setting: Setting, inside: int) -> float:
    """The bound that decides in a part with so many of the points where all is at its best."""
    claim = claim_of(criterion, setting, best_results(criterion, setting, np.zeros(1, dtype=np.int64)))
    within = best_within(criterion, setting, inside)
    if criterion.metric == "level_difference":  # all levels alike
        lower, upper = claim.bounds(within, beta=beta_of(criterion) / 2, copies=float(inside))
        return upper - lower
    return deciding(criterion, claim.bounds(within, beta=beta_of(criterion), copies=float(inside)))


def best_within(criterion: Criterion, setting: Setting, inside: int) -> Inference:
    """The bounds within a part that has so many of the points; one point stands for all of them. At best all its points lie in the heaviest cells."""
    sampling, points = setting.sampling, setting.points
    of_groups = (
        sampling.groups is not None and criterion.attribute is not None
    )  # at best a level has points of both groups as these weigh
    of_cells = criterion.scope == "each_cell" and sampling.ranked is None
    if of_cells or sampling.design == "random" or of_groups:
        return cell_inference(sampling)
    return WithinPart(share=np.ones(1), points=max(1.0, points / inside))


def claim_of(criterion: Criterion, setting: Setting, results: Results) -> Claim:
    """The claim that the checker will read from such results."""
    no_loss = Reduction(n_ref=reference_draws(setting.certification), expected_reference=results.radius, predicted=None)
    return CLAIMS[criterion.metric](results, criterion, no_loss)


def best_results(criterion: Criterion, setting: Setting, cells: Ints) -> Results:
    """Points in the given cells (m,) where every copy agrees with the true class.

    At the budget's draws, or at the fewest that the criterion needs, if that is more.
    """
    plan, m = setting.certification, len(cells)
    draws, p_a_lower = _best_counts(criterion, plan, setting.asked)
    zeros, agreeing = np.zeros(m, dtype=np.int64), np.full(m, draws, dtype=np.int64)
    results = Results(
        index=np.arange(m),
        cell=cells,
        level=np.zeros((m, len(setting.domain.attributes)), dtype=np.int64),
        label=zeros,
        clean=zeros,
        chosen=zeros,
        certified=np.full(m, p_a_lower > 0.5),
        hits=agreeing,
        label_hits=agreeing,
        n0=np.full(m, plan.budget.n0),
        n=agreeing,
        sigma=np.full(m, plan.sigma),
        alpha=np.full(m, plan.alpha),
        p_a_lower=np.full(m, p_a_lower),
        radius=np.full(m, certified_radius(p_a_lower, sigma=plan.sigma)),
        anytime=np.full(m, plan.budget.kind == "sequential"),
        ties=np.zeros(m, dtype=np.int64),
        base_n=np.zeros(m, dtype=np.int64),
        p_upper=np.full(m, np.nan),
        policy=plan.policy,
    )
    assert np.all(bound_levels(results) == bound_alpha(plan))
    return results


@lru_cache(maxsize=64)
def _best_counts(criterion: Criterion, plan: CertificationPlan, asked: tuple[float, ...]) -> tuple[int, float]:
    """(draws, bound on pA) of a point at its best."""
    stops = plan.budget.kind == "sequential"
    counted = replace(criterion, metric="certified_accuracy") if criterion.metric == "level_difference" else criterion
    draws = max(plan.budget.n, fewest_draws(counted, plan, asked) or 0)
    if stops and criterion.metric == "mean_certified_radius":
        draws = min(draws, most_before_stop(plan, asked))
    return draws, (anytime_lower_bound if stops else proportion_lower_bound)(draws, draws, alpha=bound_alpha(plan))


def equal_cells(domain: Domain, points: int) -> tuple[Ints, int]:
    """The cell of each point of equal allocation, and how often to count each: the remainder goes to the heaviest cells, one each."""
    weights = np.array([cell.weight for cell in domain.cells])
    each, left = divmod(points, len(weights))
    if not left:
        return np.arange(len(weights)), each
    counts = np.full(len(weights), each)
    counts[np.argsort(-weights, kind="stable")[:left]] += 1
    return np.repeat(np.arange(len(weights)), counts), 1


def in_two_groups(sampling: SamplingPlan) -> bool:
    """Whether points are drawn in two groups, of cells or of ranks."""
    return sampling.groups is not None or sampling.ranked is not None


def cells_of_groups(groups: Groups) -> Ints:
    """A cell of the group of each point (m,). The groups take turns, each with its share, so that the first so many points are of both."""
    group = np.repeat([1, 2], groups.points)
    turn = np.concatenate([(np.arange(points) + 0.5) / points for points in groups.points])
    first = np.array([groups.of_cell.index(1), groups.of_cell.index(2)], dtype=np.int64)
    return np.asarray(first[group[np.argsort(turn, kind="stable")] - 1], dtype=np.int64)


def _counted_at_best(criterion: Criterion, setting: Setting, points: int) -> float:
    if criterion.metric == "points_per_cell":
        return float(visits_at_best(criterion, setting.domain, setting.sampling, points, weights_known=setting.weights_known))
    return covered_at_best(criterion.metric, setting.domain, points)


def deciding(criterion: Criterion, bounds: tuple[float, float]) -> float:
    """Of (lower, upper), the bound that a criterion must have on the right side to be met."""
    return bounds[0] if criterion.comparator == ">=" else bounds[1]


def meets(criterion: Criterion, bound: float) -> bool:
    """Whether the bound that decides meets the requirement."""
    return state_of(criterion.comparator, criterion.required, lower=bound, upper=bound) is State.MET
