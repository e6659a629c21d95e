"""What must fit between the sections of a spec, checked before anything is drawn."""

from __future__ import annotations

import os
from math import erfc, log, log1p, sqrt

from odd_assess.odd.domain import Domain
from odd_assess.records import CertificationPlan, CriteriaSet, Criterion, SamplingPlan
from odd_assess.spec.document import Document


def check_budget(document: Document, plan: CertificationPlan) -> bool:
    """Whether n draws can certify anything at all at this alpha; if not, a problem that names the smallest n that can."""
    alpha = bound_alpha(plan)
    if plan.budget.n * log(2) > -log(alpha) * (1 + 1e-9):
        return True
    from odd_assess.stats.smoothing import smallest_useful_n  # scipy comes in here, where there is something to say

    smallest = smallest_useful_n(alpha)
    if plan.budget.n >= smallest:
        return True
    message = f"must be at least {smallest}: with alpha = {plan.alpha:g} not even {plan.budget.n} agreeing draws certify anything"
    document.add(("certification", "budget", "n"), message)
    return False


def check_attainable(document: Document, plan: CertificationPlan, criteria: tuple[CriteriaSet, ...]) -> None:
    """Every radius that a criterion asks for can be certified by n draws."""
    for criterion in (criterion for file in criteria for criterion in file.criteria):
        radius = _asked_radius(criterion)
        if radius is not None and not _within_cap(radius, plan):
            document.add(("certification", "budget", "n"), _cap_message(criterion, radius, plan))


def bound_alpha(plan: CertificationPlan) -> float:
    """The failure probability of the bound on pA: all of alpha, but half of it where one batch chooses the class too."""
    return plan.alpha / 2 if plan.budget.kind == "single_batch" else plan.alpha


def _asked_radius(criterion: Criterion) -> float | None:
    if criterion.metric == "mean_certified_radius" and criterion.required > 0:
        return criterion.required
    return criterion.radius


def _within_cap(radius: float, plan: CertificationPlan) -> bool:
    """Whether radius <= sigma Phi^-1(alpha^(1/n)), as n log Phi(radius / sigma) <= log alpha: without scipy, which takes long to import."""
    miss = erfc(radius / plan.sigma / sqrt(2)) / 2
    return plan.budget.n * log1p(-miss) <= log(bound_alpha(plan))


def _cap_message(criterion: Criterion, radius: float, plan: CertificationPlan) -> str:
    from odd_assess.stats.smoothing import draws_for_radius, radius_cap, round_down

    alpha = bound_alpha(plan)
    cap = round_down(radius_cap(plan.budget.n, alpha=alpha, sigma=plan.sigma), 4)
    try:
        remedy = (
            f"n = {draws_for_radius(radius, alpha=alpha, sigma=plan.sigma)} is the smallest that can, or ask for a smaller radius"
        )
    except ValueError:
        remedy = "no feasible number of draws can: ask for a smaller radius, or use a larger sigma"
    where = f"criterion {criterion.id} ({criterion.location})"
    asked = f"a radius of {radius:g}" if criterion.radius is not None else f"a mean radius of {radius:g}"
    given = f"sigma = {plan.sigma:g} and alpha = {plan.alpha:g}"
    return f"n = {plan.budget.n} draws cannot certify more than {cap:g} at {given}, but {where} asks for {asked}: {remedy}"


def check_reference(document: Document, plan: CertificationPlan, sampling: SamplingPlan) -> None:
    """The reference subsample is a part of the points."""
    if plan.reference is not None and sampling.points is not None and plan.reference.points > sampling.points:
        message = f"must not exceed sampling.points = {sampling.points}, of which it is a part, found {plan.reference.points}"
        document.add(("certification", "reference", "points"), message)


def check_reduction(plan: CertificationPlan, criteria: tuple[CriteriaSet, ...], documents: list[Document]) -> None:
    """A verdict that rests on the cost of the budget needs that cost measured, not only predicted."""
    by_path = {os.path.abspath(read.path): read for read in documents}  # noqa: PTH100
    for file in criteria if plan.reference is None else ():
        for index, criterion in enumerate(file.criteria):
            if criterion.metric == "radius_reduction" and criterion.severity == "blocking":
                message = (
                    "a blocking radius_reduction would rest on an estimate without interval, because the spec's certification.reference "
                    "is none: add a reference, or make it severity: warning"
                )
                by_path[str(file.path)].add(("criteria", index), message)


def check_points(document: Document, sampling: SamplingPlan, domain: Domain) -> None:
    """A design that visits every cell has points for them all."""
    every_cell = sampling.design == "grid" or (sampling.design == "stratified" and sampling.allocation == "equal")
    if not every_cell or sampling.points is None:
        return
    cells = len(domain.cells)
    if sampling.points < cells:
        design = "grid" if sampling.design == "grid" else "stratified with equal allocation"
        message = f"must be at least {cells}, the number of feasible cells, for the design {design}, found {sampling.points}"
        document.add(("sampling", "points"), message)


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
