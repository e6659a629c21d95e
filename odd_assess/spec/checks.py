"""What must fit between the sections of a spec, checked before anything is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odd_assess.criteria import screening
from odd_assess.criteria.asked import asked_radii
from odd_assess.criteria.metrics import AVERAGE_CASE, METRICS, REGRESSION
from odd_assess.errors import Problem
from odd_assess.odd.domain import Domain
from odd_assess.records import CertificationPlan, CriteriaSet, Criterion, SamplingPlan
from odd_assess.spec.budgets import limit_key
from odd_assess.spec.document import Document, KeyPath, dotted
from odd_assess.spec.extending import place_of

if TYPE_CHECKING:
    from odd_assess.criteria.attainability import Shortfall


def check_budget(document: Document, plan: CertificationPlan) -> bool:
    """Whether the draws can certify anything at all at this alpha; if not, a problem that names the smallest number that can."""
    alpha = screening.bound_alpha(plan)
    if screening.surely_certifies(plan.budget, 1e-6 * plan.sigma, alpha=alpha, sigma=plan.sigma):
        return True
    from odd_assess.stats import anytime_draws_for_radius, smallest_useful_n  # scipy comes in here, where there is something to say

    stops = plan.budget.kind == "sequential"
    smallest = anytime_draws_for_radius(0.0, alpha=alpha, sigma=plan.sigma) if stops else smallest_useful_n(alpha)
    if plan.budget.n >= smallest:
        return True
    message = f"must be at least {smallest}: with alpha = {plan.alpha:g} not even {plan.budget.n} agreeing draws certify anything"
    document.add(("certification", "budget", limit_key(plan.budget)), message)
    return False


def unattainable(
    document: Document,
    plan: CertificationPlan,
    criteria: tuple[CriteriaSet, ...],
    *,
    sampling: SamplingPlan | None,
    domain: Domain | None,
    source: str | None,
) -> tuple[Problem, ...]:
    """A problem for each criterion that no model could meet, with the smallest budget that would do.

    Asked without scipy first: only where that leaves a doubt are the bounds themselves asked. Where ``sampling`` or ``domain`` is not valid, radii
    alone are checked. ``source`` is the kind of inputs: what a table holds is not known here.
    """
    every = [criterion for file in criteria for criterion in file.criteria]
    asked = asked_radii(every)
    problems = []
    for criterion in every:
        if not _surely_certified(criterion, plan, asked):
            from odd_assess.criteria.attainability import short_of_draws

            if (short := short_of_draws(criterion, plan, asked)) is not None:
                problems.append(
                    _problem(document, ("certification", "budget", limit_key(plan.budget)), _draws_message(short, plan, asked))
                )
                continue
        if sampling is None or domain is None or _surely_enough(criterion, domain, sampling, plan):
            continue
        from odd_assess.criteria.attainability import Setting, short_of_points

        setting = Setting(domain=domain, sampling=sampling, certification=plan, asked=asked, weights_known=source != "table")
        if (short := short_of_points(criterion, setting)) is not None:
            key = "max_points" if sampling.until_decided else "points"
            problems.append(_problem(document, ("sampling", key), _points_message(short, domain, sampling)))
    return tuple(problems)


def _problem(document: Document, path: KeyPath, message: str) -> Problem:
    return Problem(location=document.location(path), key=dotted(path), message=message)


def _surely_certified(criterion: Criterion, plan: CertificationPlan, asked: tuple[float, ...]) -> bool:
    radius = screening.radius_of(criterion)
    if radius is None or radius == 0:
        return True
    if criterion.metric == "mean_certified_radius":
        if plan.budget.kind == "sequential" and (plan.alpha > 0.01 or radius > 0.9 * max(asked, default=0.0)):
            return False  # draws stop at the radii that are asked about, and false certificates weigh by the reference's cap
        radius /= 1 - 1.01 * plan.alpha
    return screening.surely_certifies(plan.budget, radius, alpha=screening.bound_alpha(plan), sigma=plan.sigma)


def _surely_enough(criterion: Criterion, domain: Domain, sampling: SamplingPlan, plan: CertificationPlan) -> bool:
    kind = METRICS[criterion.metric].kind
    if criterion.metric == REGRESSION:
        return True  # a model that gains enough meets it with few points
    if kind == "domain claim":
        return sampling.design not in ("random", "stratified", "ranked") or screening.surely_met(criterion, domain, sampling, plan)
    if kind == "estimate" or sampling.points is None or criterion.metric == "points_per_cell":
        return kind == "estimate"
    return screening.covered_at_best(criterion.metric, domain, sampling.points) >= criterion.required


# ---------------------------------------------------------------- what is said


def _draws_message(short: Shortfall, plan: CertificationPlan, asked: tuple[float, ...]) -> str:
    from odd_assess.stats.smoothing import round_down

    criterion, key = short.criterion, limit_key(plan.budget)
    mean = criterion.metric == "mean_certified_radius"
    best = round_down(short.best, 4)
    wanted = criterion.required if criterion.radius is None else criterion.radius
    asks = f"{_where(criterion)} asks for a {'mean ' if mean else ''}radius of {wanted:g}"
    given = f"at sigma = {plan.sigma:g} and alpha = {plan.alpha:g}"
    if short.needed is None and plan.budget.kind == "sequential" and mean and wanted <= 7 * plan.sigma:
        stop = f"draws stop once the radii that the criteria ask about, up to {max(asked, default=0):g}, are decided"
        remedy = "ask about a larger radius, or use another kind of budget"
        return f"{stop}, so that no mean radius of more than {best:g} can be shown {given}, but {asks}: {remedy}"
    if short.needed is None:
        remedy = "no feasible number of draws can: ask for a smaller radius, or use a larger sigma"
    else:
        remedy = f"{key} = {short.needed} is the smallest that can, or ask for a smaller radius"
    can = "show a mean radius of" if mean else "certify"
    return f"{key} = {short.have} draws cannot {can} more than {best:g} {given}, but {asks}: {remedy}"


def _points_message(short: Shortfall, domain: Domain, sampling: SamplingPlan) -> str:
    criterion = short.criterion
    if criterion.confidence is None:
        return _counted_message(short, domain, sampling)
    points = f"{'at most ' if sampling.until_decided else ''}{plural(short.have, 'point')}"
    cells = _in_each(criterion, domain)
    cannot = (
        f"{points} cannot show {_at_best(short)}{cells} with confidence {100 * criterion.confidence:g} %, {_EVEN[criterion.metric]}"
    )
    asks = f"but {_where(criterion)} asks for {'it' if criterion.metric == 'radius_quantile' else f'{criterion.required:g}'}"
    return f"{cannot}, {asks}: {_remedy(short, domain, sampling)}"


def _in_each(criterion: Criterion, domain: Domain) -> str:
    if criterion.where is not None:
        return criterion.where.words
    match criterion.scope:
        case "each_cell":
            return f" in each of the {len(domain.cells)} cells"
        case "each_level":
            return f" in each of the {screening.parts_of(criterion, domain)} levels of {criterion.attribute}"
        case "each_class":
            return " in each class"
        case _:
            return ""


def _remedy(short: Shortfall, domain: Domain, sampling: SamplingPlan) -> str:
    criterion = short.criterion
    less = {"radius_quantile": "use a larger quantile", "abstention_rate": "allow more", "level_difference": "allow more"}.get(
        criterion.metric, "ask for less"
    )
    if short.needed is None:
        return f"no number of points can, {less}"
    by_weight = criterion.scope in ("each_cell", "each_level") or criterion.attribute is not None or criterion.where is not None
    if sampling.design == "stratified" and by_weight and sampling.allocation == "proportional":
        part = "cell" if criterion.scope == "each_cell" else "level"
        if criterion.where is not None:
            return f"from {short.needed} points on it can expect as many as it needs, or {less}"
        return f"from {short.needed} points on the lightest {part} can expect as many as it needs, or {less}"
    if sampling.design == "stratified" and sampling.allocation == "equal":
        return f"{short.needed} points are the fewest that can with the same number in each of the {len(domain.cells)} cells, or {less}"
    allocated = " (in these groups)" if sampling.groups is not None or sampling.ranked is not None else ""
    return f"{short.needed} points are the fewest that can{allocated}, or {less}"


def _at_best(short: Shortfall) -> str:
    criterion = short.criterion
    title = METRICS[criterion.metric].title.lower()
    if criterion.metric == "radius_quantile":
        assert criterion.quantile is not None  # `load` has made sure
        return f"that all but {100 * criterion.quantile:g} % of the ODD reach a radius of {criterion.required:g}"
    if short.best < 0:
        return f"any {title}"
    from odd_assess.stats.smoothing import round_down, round_up

    than, rounded = ("more", round_down) if criterion.comparator == ">=" else ("less", round_up)
    return f"{'an' if title[0] in 'aeiou' else 'a'} {title} of {than} than {rounded(short.best, 4):g}"


_EVEN = {
    "certified_accuracy": "even if every one of them is certified",
    "worst_cell": "even if every one of them is certified",
    "level_difference": "even if every one of them is certified",
    "smoothed_accuracy": "even if every one of them is certified",
    "clean_accuracy": "even if the model is right at every one of them",
    "abstention_rate": "even if none of them abstains",
    "mean_certified_radius": "even if every one of them reaches the largest radius of this budget",
    "radius_quantile": "even if every one of them is certified",
}


def _counted_message(short: Shortfall, domain: Domain, sampling: SamplingPlan) -> str:
    criterion = short.criterion
    if criterion.metric == "points_per_cell":
        best = f"cannot give each of the {len(domain.cells)} cells more than {short.best:g}"
    else:
        what = {"cell_coverage": "cells", "pairwise_coverage": "pairs of levels", "level_coverage": "levels"}[criterion.metric]
        best = f"cannot visit more than {100 * short.best:.4g} % of the {what}"
    remedy = f"{short.needed} points are the fewest that can"
    if criterion.metric == "points_per_cell" and sampling.design == "stratified" and sampling.allocation == "proportional":
        remedy = f"from {short.needed} points on the lightest cell can expect as many"
    asked = f"{criterion.required:g}" if criterion.metric == "points_per_cell" else f"{100 * criterion.required:g} %"
    return f"{plural(short.have, 'point')} {best}, but {_where(criterion)} asks for {asked}: {remedy}"


def _where(criterion: Criterion) -> str:
    return f"criterion {criterion.id} ({criterion.location})"


def plural(count: int, one: str) -> str:
    """A count with its noun."""
    return f"{count} {one if count == 1 else one + 's'}"


# ---------------------------------------------------------------- other fits


def check_reference(document: Document, plan: CertificationPlan, sampling: SamplingPlan) -> None:
    """The reference subsample is a part of the points."""
    if plan.reference is not None and sampling.points is not None and plan.reference.points > sampling.points:
        message = f"must not exceed sampling.points = {sampling.points}, of which it is a part, found {plan.reference.points}"
        document.add(("certification", "reference", "points"), message)


def check_reduction(plan: CertificationPlan, criteria: tuple[CriteriaSet, ...], documents: list[Document]) -> None:
    """A verdict that rests on the cost of the budget needs that cost measured, not only predicted."""
    for file in criteria if plan.reference is None else ():
        for criterion in file.criteria:
            if criterion.metric == "radius_reduction" and criterion.severity == "blocking":
                message = (
                    "a blocking radius_reduction would rest on an estimate without interval, because the spec's certification.reference "
                    "is none: add a reference, or make it severity: warning"
                )
                read, path = place_of(criterion, documents)
                read.add(path, message)


def check_average_case(criteria: tuple[CriteriaSet, ...], documents: list[Document], *, given: bool) -> None:
    """What is asked of estimates must be estimated. ``given``: the spec says how."""
    if given:
        return
    for file in criteria:
        for criterion in file.criteria:
            if criterion.metric in AVERAGE_CASE:
                read, path = place_of(criterion, documents)
                message = (
                    f"{criterion.metric} rests on estimates that the run must make, but the spec has no section average_case: "
                    "add average_case: {} to the spec"
                )
                read.add(path, message)


def check_baseline(
    document: Document,
    criteria: tuple[CriteriaSet, ...],
    documents: list[Document],
    *,
    sampling: SamplingPlan | None,
    plan: CertificationPlan | None,
    given: bool,
) -> None:
    """A change is one against a baseline, whose points and draws are those of the run. ``given``: there is a baseline."""
    changes = [one for file in criteria for one in file.criteria if one.metric == REGRESSION]
    for criterion in () if given else changes:
        message = (
            "regression compares with a baseline, but the spec has none: add baseline: FOLDER_OF_A_RUN to the spec, or give "
            "odd-assess run --baseline FOLDER_OF_A_RUN"
        )
        read, path = place_of(criterion, documents)
        read.add(path, message)
    if not (changes or given):
        return
    if sampling is not None and sampling.until_decided:
        message = "must be false beside a baseline or a regression: both models are compared at the same points, which a run that stops early cuts short"
        document.add(("sampling", "until_decided"), message)
    if plan is not None and plan.budget.kind == "tolerance":
        message = "must not be tolerance beside a baseline or a regression: each pilot would find another number of draws; write reduced with one"
        document.add(("certification", "budget", "kind"), message)


def check_points(document: Document, sampling: SamplingPlan, domain: Domain) -> bool:
    """Whether a design that visits every cell has points for them all; if not, a problem."""
    every_cell = sampling.design == "grid" or (sampling.design == "stratified" and sampling.allocation == "equal")
    cells = len(domain.cells)
    if not every_cell or sampling.points is None or sampling.points >= cells:
        return True
    design = "grid" if sampling.design == "grid" else "stratified with equal allocation"
    message = f"must be at least {cells}, the number of feasible cells, for the design {design}, found {sampling.points}"
    document.add(("sampling", "points"), message)
    return False


def check_design(document: Document, sampling: SamplingPlan, source: str | None) -> None:
    """Frames of a table lie where they lie: designs that place points freely cannot use them."""
    if source == "table" and sampling.design in ("sobol", "lhs"):
        message = f"{sampling.design} places points freely, but inputs from a table lie where they lie: use random, stratified, grid or pairwise"
        document.add(("sampling", "design"), message)


def check_blocking(document: Document, criteria: tuple[CriteriaSet, ...]) -> None:
    """A verdict needs something to rest on."""
    if not any(criterion.severity == "blocking" for file in criteria for criterion in file.criteria):
        message = "must hold at least one criterion of severity blocking: without one there is no verdict"
        document.add(("criteria",), message, at="key")
