"""Findings that decide nothing, and say why: missing evidence is never a pass and never a number."""

from __future__ import annotations

from odd_assess.criteria import words
from odd_assess.criteria.metrics import METRICS
from odd_assess.records import Criterion, Finding, SamplingPlan, State


def inconclusive(criterion: Criterion, points: int, message: str, hint: str, observed: float | None = None) -> Finding:
    """Such a finding on ``points`` points: ``message`` says why, ``hint`` what would decide."""
    return Finding(
        criterion=criterion,
        state=State.INCONCLUSIVE,
        kind=METRICS[criterion.metric].kind,
        points=points,
        observed=observed,
        lower=None,
        upper=None,
        message=message,
        advice=hint,
    )


def unsupported(criterion: Criterion, points: int, sampling: SamplingPlan, seen: str, observed: float | None) -> Finding:
    """A claim on the ODD from a design that has no probability model; ``seen`` says what was observed."""
    message = (
        f"{words.subject(criterion)}: {seen}, {words.required(criterion)}; no confidence can be stated, "
        f"because points of the design {sampling.design} are placed to cover the ODD and not drawn from the declared distribution."
    )
    return inconclusive(criterion, points, message, "Use design random or stratified for claims on the ODD.", observed)


def unfinished(criterion: Criterion, points: int, lacking: str) -> Finding:
    """A claim on the ODD that counts on points which are not there; ``lacking`` says which."""
    message = f"{words.subject(criterion)}: {lacking}; a claim on the ODD needs them all."
    return inconclusive(criterion, points, message, "Finish the run (odd-assess run --resume).")
