"""The design ``ranked``: sets of candidates of which one is certified, and what cannot stand beside it."""

from __future__ import annotations

from odd_assess.policies import ByInput
from odd_assess.records import CertificationPlan, RankedSets, SamplingPlan
from odd_assess.spec import models
from odd_assess.spec.document import Document, KeyPath
from odd_assess.spec.validation import validated
from odd_assess.spec.words import shown

MOST_CANDIDATES = 1_000_000
"""In all sets together."""


def ranked_keys(plan: models.Sampling) -> list[str]:
    """The keys of the section that are for this design alone."""
    return [key for key in ("candidates", "low") if getattr(plan, key) is not None]


def ranked_plan(document: Document, path: KeyPath, plan: models.Sampling) -> SamplingPlan | None:
    """The section ``sampling`` of the design ranked; None (and a problem for each key that is wrong) where it is not valid."""
    before = len(document.problems)
    if plan.candidates is None:
        document.add((*path, "candidates"), "is required for the design ranked: random candidates for each point, for example 10")
    if plan.low is None:
        message = (
            f"is required for the design ranked: the ranks of the low group and its points, for example {models.LowRanks.example}"
        )
        document.add((*path, "low"), message)
    low = None if plan.low is None else validated(document, (*path, "low"), models.LowRanks, plan.low)
    if low is None or plan.candidates is None or plan.points is None or len(document.problems) > before:
        return None
    if low.ranks >= plan.candidates:
        message = f"must be less than sampling.candidates = {plan.candidates}, so that ranks are left for the other group, found {low.ranks}"
        document.add((*path, "low", "ranks"), message)
    if low.points >= plan.points:
        message = (
            f"must be less than sampling.points = {plan.points}, so that points are left for the other group, found {low.points}"
        )
        document.add((*path, "low", "points"), message)
    if plan.points * plan.candidates > MOST_CANDIDATES:
        most = MOST_CANDIDATES // plan.points
        message = f"must be at most {most} beside {plan.points} points ({MOST_CANDIDATES:,} in all), found {plan.candidates}"
        document.add((*path, "candidates"), message)
    if len(document.problems) > before:
        return None
    sets = RankedSets(candidates=plan.candidates, low_ranks=low.ranks, points=(low.points, plan.points - low.points))
    return SamplingPlan(design="ranked", points=plan.points, seed=plan.seed, ranked=sets)


def check_ranked(
    document: Document,
    sampling: SamplingPlan | None,
    plan: CertificationPlan | None,
    *,
    source: str | None,
    estimated: bool,
    baseline: bool,
) -> None:
    """What the design needs of other sections, and what they cannot do beside it.

    ``estimated``: there is a section average_case; ``baseline``: a baseline is given, or a criterion asks for one.
    """
    if sampling is None or sampling.ranked is None:
        return
    at: KeyPath = ("sampling", "design")
    if not estimated:
        document.add(
            at, "ranked ranks candidates by their estimates, but the spec has no section average_case: add average_case: {}"
        )
    if source == "table":
        message = "must not be ranked where inputs come from a table: candidates are drawn from the declared domain; use random or stratified"
        document.add(at, f"{message}, found {shown('ranked')}")
    if baseline:
        message = (
            "must not be ranked beside a baseline or a regression: points are chosen by what their own model makes of the candidates, "
            "so that two models have other points; use random or stratified"
        )
        document.add(at, message)
    if plan is not None and plan.cache:
        message = (
            "is kept for modified models, which need points that no model has chosen, but sampling.design is ranked: delete cache, or use "
            "random or stratified"
        )
        document.add(("certification", "cache"), message, at="key")
    if plan is not None and isinstance(plan.policy, ByInput):
        message = (
            "must not be ranked beside a policy for sigma that looks at the input, whose certificates count after the memory of the whole run; "
            "use random or stratified"
        )
        document.add(at, message)
