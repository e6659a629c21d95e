"""The key certification.budget: from the file to the record, and what must fit between it, the reference, the points and the criteria."""

from __future__ import annotations

from math import log

from odd_assess.criteria.asked import ASKING, asked_radii
from odd_assess.policies import PerCell
from odd_assess.records import Budget, CertificationPlan, CriteriaSet, ReferencePlan, SamplingPlan
from odd_assess.spec import models
from odd_assess.spec.document import Document, KeyPath
from odd_assess.spec.validation import validated
from odd_assess.spec.words import listed, one_of, shown

LARGEST_N = 100_000
"""The largest n that a tolerance budget may choose where the spec says nothing: the budget of the literature."""
REUSABLE_KINDS = ("reduced", "fixed", "tolerance")
"""Budgets whose certificates a modified model can rest on (`odd_assess.certify.REUSABLE`)."""


def declared_budget(document: Document, path: KeyPath, data: object, reference: ReferencePlan | None) -> Budget | None:
    """The budget at a path; None (and a problem) where it is not one. The largest n of a tolerance budget stays below the reference's by default."""
    if not isinstance(data, dict):
        document.add(path, f"must be a mapping such as {models.TwoStageBudget.example}, found {shown(data)}")
        return None
    kind = data.get("kind")
    if kind is None:
        document.add((*path, "kind"), f"is required: one of {listed(models.BUDGET_KINDS)}")
        return None
    if not isinstance(kind, str) or kind not in models.BUDGET_KINDS:
        document.add((*path, "kind"), one_of(kind, models.BUDGET_KINDS))
        return None
    match validated(document, path, models.BUDGET_KINDS[kind], data):
        case models.TwoStageBudget() as section:
            return Budget(kind=section.kind, n0=section.n0, n=section.n)
        case models.SingleBatchBudget() as section:
            return Budget(kind=section.kind, n0=0, n=section.n)
        case models.SequentialBudget() as section:
            return Budget(kind=section.kind, n0=section.n0, n=section.max)
        case models.ToleranceBudget() as section:
            return Budget(
                kind=section.kind,
                n0=section.n0,
                n=section.max or _largest_n(reference),
                tolerance=section.radius_reduction,
                pilot_points=section.pilot_points,
            )
    return None


def _largest_n(reference: ReferencePlan | None) -> int:
    return LARGEST_N if reference is None else max(1, min(LARGEST_N, reference.n - 1))


def limit_key(budget: Budget) -> str:
    """The key that limits the draws at a point: ``n``, or ``max`` where the run itself finds how many it needs."""
    return "max" if budget.kind in ("sequential", "tolerance") else "n"


def check_exceeds(document: Document, path: KeyPath, reference: ReferencePlan, budget: Budget) -> bool:
    """Whether the reference draws more than the budget may; if not, a problem at its ``n``."""
    if reference.n > budget.n:
        return True
    document.add(path, f"must be larger than the budget's {limit_key(budget)} = {budget.n}, found {reference.n}")
    return False


def check_pilot(document: Document, plan: CertificationPlan) -> None:
    """The draws of a pilot, or of the choice of noise levels, at a point can show a class at all."""
    if isinstance(plan.policy, PerCell):
        _check_shows(document, ("certification", "sigma", "draws"), plan.policy.draws, plan.alpha, "the choice of levels")
    if plan.budget.kind == "tolerance":
        _check_shows(document, ("certification", "budget", "n0"), plan.budget.n0, plan.alpha, "the pilot")


def _check_shows(document: Document, path: KeyPath, draws: int, alpha: float, what: str) -> None:
    if draws * log(2) > -log(alpha / 2) * (1 + 1e-9):
        return
    from odd_assess.stats.smoothing import smallest_useful_n  # scipy comes in here, where there is something to say

    smallest = smallest_useful_n(alpha / 2)
    if draws < smallest:
        document.add(path, f"must be at least {smallest} at alpha = {alpha:g}: with {draws} draws a point {what} shows nothing")


def check_cache(document: Document, plan: CertificationPlan, sampling: SamplingPlan | None) -> None:
    """What is kept for modified models is of certificates that they can rest on: one noise level, a fixed n, and points that none of them has chosen."""
    if not plan.cache:
        return
    path: KeyPath = ("certification", "cache")
    needs = "is kept for modified models, which need a baseline"
    if plan.policy is not None:
        document.add(path, f"{needs} at one noise level, but sigma is a policy: delete cache, or write one level", at="key")
    elif plan.budget.kind not in REUSABLE_KINDS:
        document.add(
            path,
            f"{needs} whose own draws chose the class and whose n is fixed: budget kind {listed(REUSABLE_KINDS)}, found {plan.budget.kind}",
            at="key",
        )
    elif sampling is not None and sampling.until_decided:
        document.add(path, f"{needs} with a fixed number of points, but sampling is until_decided: write points", at="key")
    elif plan.cache > plan.budget.n:
        message = f"must not exceed {limit_key(plan.budget)} = {plan.budget.n}, the draws that bound a point, found {plan.cache}"
        document.add((*path, "draws"), message)


def check_asked(document: Document, plan: CertificationPlan, criteria: tuple[CriteriaSet, ...]) -> None:
    """A sequential budget has a radius to decide; without one it would draw nothing. To be called with every criterion of the spec."""
    if plan.budget.kind != "sequential" or asked_radii(criterion for file in criteria for criterion in file.criteria):
        return
    message = (
        "sequential draws until every radius that the criteria ask about is decided, but no criterion asks about one: "
        f"add one of {listed(ASKING)}, or use another kind of budget"
    )
    document.add(("certification", "budget", "kind"), message)
