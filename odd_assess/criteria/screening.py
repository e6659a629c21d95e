"""What a criterion can be met by, as far as it can be told without scipy, which takes longer to import than a whole spec takes to check.

Each function errs to one side: "surely" means that the exact answer (attainability.py) is yes; "not surely", that the exact answer must be asked
for. What covers cells, pairs and levels is counted exactly.
"""

from __future__ import annotations

from math import asin, erfc, log, log1p, pi, sin, sqrt

import numpy as np

from odd_assess.odd.domain import Domain
from odd_assess.policies import Cascade
from odd_assess.records import Budget, CertificationPlan, Criterion, Groups, Ints, SamplingPlan

MARGIN = 1e-6
"""By so much, relatively, a closed form must hold before it is relied on: far more than the rounding of the exact bounds."""
STEPS = 200
"""Terms of a lower Riemann sum."""


def bound_alpha(plan: CertificationPlan) -> float:
    """The failure probability of the bound on pA: all of alpha, but half of it where one batch chooses the class too, and a part of it in a cascade."""
    if isinstance(plan.policy, Cascade):
        return plan.alpha / plan.policy.bounds_at_once
    return plan.alpha / 2 if plan.budget.kind == "single_batch" else plan.alpha


def radius_of(criterion: Criterion) -> float | None:
    """The radius that a model must reach to meet the criterion; 0 where it must only certify, None where nothing is certified."""
    match criterion.metric:
        case "mean_certified_radius" | "radius_quantile":
            return criterion.required
        case "abstention_rate" | "smoothed_accuracy":
            return 0.0
        case "level_difference":
            return None  # a model that is equally weak everywhere meets it too
        case _:
            return criterion.radius


def surely_certifies(budget: Budget, radius: float, *, alpha: float, sigma: float) -> bool:
    """Whether agreeing draws of this budget reach ``radius``, at the level alpha of its bound."""
    miss = erfc(radius / sigma / sqrt(2)) / 2
    if budget.kind == "sequential":
        return surely_shown_anytime(budget.n, miss, alpha)
    return surely_shown(budget.n, miss, alpha)


def surely_shown(trials: int, miss: float, alpha: float) -> bool:
    """Whether ``trials`` successes bound a proportion by 1 - miss from below: (1 - miss)^trials <= alpha."""
    return miss >= 1 or -trials * log1p(-miss) >= -log(alpha) * (1 + MARGIN)


def surely_shown_anytime(trials: int, miss: float, alpha: float) -> bool:
    """The same where one may stop at any time: the average over Jeffreys' prior above p0 of (q / p0)^trials, as a lower sum, reaches 1 / alpha."""
    if miss >= 1:
        return True
    if not surely_shown(trials, miss, alpha):
        return False
    start = pi / 2 - asin(sqrt(miss))  # q = sin^2 t makes the prior even in t
    step = (pi / 2 - start) / STEPS
    gains = np.array([2 * log(sin(start + i * step)) - log1p(-miss) for i in range(STEPS)])
    return float(np.logaddexp.reduce(trials * gains)) - log(STEPS) >= -log(alpha) * (1 + MARGIN)


def surely_mean(points: int, share: float, beta: float, *, anytime: bool) -> bool:
    """Whether points that all have the largest possible value bound the mean by ``share`` of it from below: by the boldest bet alone."""
    if share <= 0:
        return True
    if share >= 1:
        return False
    bets = 8 if anytime else 5
    bet = min(sqrt(2 * log(1 / beta) / points) * 2**bets, 1 / share)
    return points * log1p(bet * (1 - share)) - log(bets) >= -log(beta) * (1 + MARGIN)


def surely_met(criterion: Criterion, domain: Domain, sampling: SamplingPlan, plan: CertificationPlan) -> bool:
    """Whether some model surely meets this claim on the domain at these points, if its radius is within reach of the budget."""
    points = sampling.points
    if points is None or criterion.confidence is None:
        return False
    beta, alpha = 1 - criterion.confidence, plan.alpha
    if sampling.groups is not None or sampling.ranked is not None:
        return False
    on_part = criterion.scope == "each_class" or criterion.attribute is not None or criterion.where is not None
    if on_part and sampling.design == "stratified":
        return False
    if criterion.metric == "level_difference":
        beta /= 2
    if criterion.scope == "each_cell" or criterion.attribute is not None:
        if sampling.design == "stratified" and sampling.allocation == "proportional":
            return False
        points //= parts_of(criterion, domain)
    elif sampling.design == "stratified":
        if sampling.allocation == "equal" or points < 2:
            return False
        beta = min(beta, 0.25)
    if points < 1:
        return False
    if criterion.metric == "mean_certified_radius":
        if plan.budget.kind == "sequential":
            return False
        cap = _surely_below_cap(plan)
        return cap > 0 and surely_mean(points, criterion.required / cap + alpha, beta, anytime=sampling.until_decided)
    miss = _may_miss(criterion, alpha)
    return (surely_shown_anytime if sampling.until_decided else surely_shown)(points, miss, beta)


def _may_miss(criterion: Criterion, alpha: float) -> float:
    """The part of the points that may fall short, after the correction for false certificates (``stats.true_fraction_lower``)."""
    match criterion.metric:
        case "abstention_rate":
            return criterion.required
        case "clean_accuracy":
            return 1 - criterion.required
        case "level_difference":
            return criterion.required * (1 - alpha)
        case "radius_quantile":
            assert criterion.quantile is not None  # the spec has made sure
            return criterion.quantile * (1 - alpha)
        case _:
            return (1 - criterion.required) * (1 - alpha)


def _surely_below_cap(plan: CertificationPlan) -> float:
    """A radius just within the cap of the budget, by bisection."""
    low, high = 0.0, 8 * plan.sigma
    log_alpha = log(bound_alpha(plan)) * (1 + MARGIN)
    for _ in range(60):
        middle = (low + high) / 2
        reached = plan.budget.n * log1p(-erfc(middle / plan.sigma / sqrt(2)) / 2) <= log_alpha
        low, high = (middle, high) if reached else (low, middle)
    return low


# ---------------------------------------------------------------- what is counted


def parts_of(criterion: Criterion, domain: Domain) -> int:
    """How many parts the criterion speaks of, as far as that is known before the run: of the classes, one."""
    if criterion.attribute is not None:
        return len(np.unique(_levels(criterion, domain)))
    return 1 if criterion.scope == "each_class" or criterion.where is not None else len(domain.cells)


def _levels(criterion: Criterion, domain: Domain) -> Ints:
    """The level (cells,) of the criterion's attribute in each cell."""
    position = [attribute.id for attribute in domain.attributes].index(str(criterion.attribute))
    return domain.layout.levels[:, position]


def visits_at_best(criterion: Criterion, domain: Domain, sampling: SamplingPlan, points: int, *, weights_known: bool = True) -> int:
    """The most points that the least visited cell (or level, or class) can have, if ``points`` are drawn by this design.

    Independent points: as many in each part; of two groups: as many in each cell of a group. Points in equal segments of the domain: as many as there
    are segments that reach into the part.
    ``weights_known`` is False where a table decides what each cell weighs.
    """
    if criterion.attribute is not None and sampling.design == "stratified" and sampling.groups is None and weights_known:
        each = _equal_counts(domain, points) if sampling.allocation == "equal" else _reaching(domain, points)
        return int(min(points, np.bincount(np.unique(_levels(criterion, domain), return_inverse=True)[1], weights=each).min()))
    if sampling.groups is not None and criterion.scope != "each_class" and criterion.where is None:
        part = np.arange(len(domain.cells)) if criterion.attribute is None else _levels(criterion, domain)
        return _visits_of_groups(part, sampling.groups, points)
    if criterion.attribute is not None or criterion.scope == "each_class" or criterion.where is not None:
        return points // parts_of(criterion, domain)
    if sampling.design == "stratified" and sampling.allocation == "proportional" and weights_known:
        return int(max(0, min(_reaching(domain, points).min(), points)))
    return points // len(domain.cells)


def _visits_of_groups(part: Ints, groups: Groups, points: int) -> int:
    """The most points that the least visited part can have, of parts made of cells (cells,): those within one group share its points, all share all."""
    if points < 2:
        return 0
    shared = groups.scaled(points)
    in_group = [set(part[np.array(groups.of_cell) == one].tolist()) for one in (1, 2)]
    alone = [len(in_group[0] - in_group[1]), len(in_group[1] - in_group[0])]
    most = [count // parts for count, parts in zip(shared.points, alone, strict=True) if parts]
    return min([points // len(in_group[0] | in_group[1]), *most])


def _reaching(domain: Domain, points: int) -> Ints:
    """How many of so many equal segments of the domain reach into each cell (cells,)."""
    ends = np.cumsum([cell.weight for cell in domain.cells]) * points
    starts = np.concatenate([[0.0], ends[:-1]])
    return np.asarray(np.ceil(ends - MARGIN) - np.floor(starts + MARGIN), dtype=np.int64)


def _equal_counts(domain: Domain, points: int) -> Ints:
    """The points of each cell (cells,) with equal allocation: the remainder goes to the heaviest cells, one each."""
    counts = np.full(len(domain.cells), points // len(domain.cells), dtype=np.int64)
    counts[np.argsort(-domain.layout.weight, kind="stable")[: points % len(domain.cells)]] += 1
    return counts


def covered_at_best(metric: str, domain: Domain, points: int) -> float:
    """The largest value of a metric that counts what was visited, with so many points.

    Each point visits one cell, one level of each attribute, one pair of levels of each two attributes.
    """
    if metric == "points_per_cell":
        return float(points // len(domain.cells))
    levels = domain.layout.levels
    if metric == "cell_coverage":
        sizes = [len(levels)]
    else:
        axes: list[tuple[int, ...]] = [(i,) for i in range(levels.shape[1])]
        if metric == "pairwise_coverage" and len(axes) > 1:
            axes = [(i, j) for i in range(len(axes)) for j in range(i)]
        sizes = [_combinations(levels[:, list(axis)]) for axis in axes]
    return sum(min(points, size) for size in sizes) / sum(sizes)


def _combinations(levels: Ints) -> int:
    """How many different rows (cells, attributes) there are."""
    return int(np.count_nonzero(np.bincount(np.ravel_multi_index(tuple(levels.T), tuple(levels.max(axis=0) + 1)))))


def shortest_run(domain: Domain, sampling: SamplingPlan) -> int:
    """The points of a run: as declared, or as many as the design grid or pairwise needs by itself."""
    if sampling.points is not None:
        return sampling.points
    if sampling.design == "pairwise":
        from odd_assess.odd.covering import covering_array

        return len(covering_array(domain.layout.levels, domain.layout.weight))
    return len(domain.cells)
