"""Criteria on estimates of average-case robustness, over the ODD, in each part of it, and between levels. Estimates: neither certificates nor bounds.

The interval tells what the *sampling* leaves open (`odd_assess.criteria.fragility`): where the mean of the estimates over all of the ODD lies. What the
estimator itself errs by is in none of it, and no confidence in the model follows. States are read from the interval as of any estimate. In each part: MET where
all parts have points and every lower end reaches what is required, NOT MET where some upper end does not; the intervals of all parts hold together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from odd_assess.criteria import advice, words
from odd_assess.criteria.fragility import CONFIDENCE, PartEstimate, Sampled, bias, part_estimates, whole_estimate
from odd_assess.criteria.inconclusive import inconclusive
from odd_assess.criteria.inference import weighted_words
from odd_assess.criteria.parts import Partition
from odd_assess.criteria.readings import state_of
from odd_assess.records import Criterion, Evidence, Finding, Part, PointEstimates, State

BETA = (1.0 - CONFIDENCE) / 2.0
"""What each end of an interval may fail with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What is read from the estimates: the state, the mean (the difference) that decides, its interval, and the parts."""

    state: State
    observed: float | None
    lower: float | None
    upper: float | None
    parts: tuple[Part, ...] = ()


def average_case(criterion: Criterion, evidence: Evidence) -> Finding:
    """What the estimates at the points say about a criterion on them.

    Raises: ValueError for estimates at other points than those of the results.
    """
    found, points, subject = evidence.average_case, len(evidence.results), words.subject(criterion)
    if found is None:
        return _without(criterion, evidence)
    if not np.array_equal(found.index, evidence.results.index):
        raise ValueError(f"criterion {criterion.id}: estimates must be at the points of the results")
    sampled = Sampled(domain=evidence.domain, sampling=evidence.sampling, points=evidence.results, coverage=evidence.coverage)
    read = _read(criterion, evidence, found, sampled)
    seen = "nothing to compare" if read.observed is None else f"{read.observed:.3f} estimated{weighted_words(sampled.weights)}"
    head = f"{subject} by {found.plan.method} at sigma = {found.plan.sigma:g}: {seen}, {words.required(criterion)}"
    inference = sampled.whole()
    if inference is None:
        message = f"{head}; no interval can be stated, because points of the design {evidence.sampling.design} are not drawn from the declared distribution."
        return inconclusive(
            criterion, points, message, "Use design random or stratified for estimates over the ODD.", read.observed
        )
    return Finding(
        criterion=criterion,
        state=read.state,
        kind="estimate",
        points=points,
        observed=read.observed,
        lower=read.lower,
        upper=read.upper,
        message=f"{head}; {_interval(criterion, read)} for what the sampling leaves open ({inference.mean_words}), not for what the estimator errs by. "
        "An estimate: neither a certificate nor a bound.",
        advice=_advice(criterion, read),
        parts=read.parts,
    )


def _without(criterion: Criterion, evidence: Evidence) -> Finding:
    """Nothing was estimated."""
    subject, points = words.subject(criterion), len(evidence.results)
    if evidence.results.base_n.any():
        message = f"{subject}: the modified model was certified on its baseline and could not be estimated; it lacks the gradients that the method needs."
        return inconclusive(
            criterion,
            points,
            message,
            "Assess the modified model from nothing, with average_case: {method: mc}, {method: moments} or {method: softmax}.",
        )
    message = f"{subject}: the run holds no estimates of average-case robustness."
    return inconclusive(criterion, points, message, "Add the section average_case to the spec, and run it again.")


def _read(criterion: Criterion, evidence: Evidence, found: PointEstimates, sampled: Sampled) -> _Read:
    if not words.has_parts(criterion):
        whole = whole_estimate(found.value, sampled, beta=BETA)
        return _Read(state=_state(criterion, whole.lower, whole.upper), observed=whole.mean, lower=whole.lower, upper=whole.upper)
    partition = _partition(criterion, evidence, sampled)
    parts = part_estimates(found.value, sampled, partition, beta=BETA)
    if criterion.scope == "odd":
        return _difference(criterion, found, sampled, partition, parts)
    return _each(criterion, parts)


def _partition(criterion: Criterion, evidence: Evidence, sampled: Sampled) -> Partition:
    if criterion.attribute is not None:
        return sampled.levels(criterion.attribute)
    if criterion.scope == "each_cell":
        return sampled.cells()
    if not evidence.class_names:
        raise ValueError(f"criterion {criterion.id}: the scope each_class must come with class_names, got none")
    return sampled.classes(evidence.results.label, evidence.class_names)


def _each(criterion: Criterion, parts: tuple[PartEstimate, ...]) -> _Read:
    """The worst part."""
    visited = [part for part in parts if part.mean is not None]
    lowers = [part.lower for part in visited if part.lower is not None]
    uppers = [part.upper for part in visited if part.upper is not None]
    lower = min(lowers) if len(lowers) == len(parts) else None
    upper = min(uppers) if uppers else None
    told = tuple(
        Part(
            name=part.name,
            state=_state(criterion, part.lower, part.upper),
            points=part.points,
            observed=part.mean,
            lower=part.lower,
            upper=part.upper,
        )
        for part in parts
    )
    return _Read(
        state=_state(criterion, -1.0 if lower is None else lower, upper),
        observed=min(part.mean for part in visited if part.mean is not None),
        lower=lower,
        upper=upper,
        parts=told,
    )


def _difference(
    criterion: Criterion, found: PointEstimates, sampled: Sampled, partition: Partition, parts: tuple[PartEstimate, ...]
) -> _Read:
    """The largest difference between two levels."""
    if len(partition) < 2:
        return _Read(state=State.MET, observed=0.0, lower=0.0, upper=0.0)
    apart = bias(found.value, sampled, partition, of=str(criterion.attribute), beta=BETA)
    state = _state(criterion, apart.lower, apart.upper)
    ends = [(0.0 if part.lower is None else part.lower, 1.0 if part.upper is None else part.upper) for part in parts]
    told = []
    for part, (low, high) in zip(parts, ends, strict=True):
        far = any(low - b > criterion.required or a - high > criterion.required for a, b in ends)
        told.append(
            Part(
                name=part.name,
                state=state if state is State.MET else State.NOT_MET if far else State.INCONCLUSIVE,
                points=part.points,
                observed=part.mean,
                lower=part.lower,
                upper=part.upper,
            )
        )
    return _Read(state=state, observed=apart.observed, lower=apart.lower, upper=apart.upper, parts=tuple(told))


def _state(criterion: Criterion, lower: float | None, upper: float | None) -> State:
    if lower is None or upper is None:
        return State.INCONCLUSIVE
    return state_of(criterion.comparator, criterion.required, lower=lower, upper=upper)


def _interval(criterion: Criterion, read: _Read) -> str:
    low = "no lower end" if read.lower is None else words.at_least(read.lower)
    high = "no upper end" if read.upper is None else words.at_most(read.upper)
    together = (
        f" (those of all {words.part_noun(criterion)[1]} hold together)"
        if criterion.scope != "odd"
        else " (the intervals listed for the levels hold together)"
        if read.parts
        else ""
    )
    return f"{words.percent(CONFIDENCE)} interval {low} to {high}{together}"


def _advice(criterion: Criterion, read: _Read) -> str:
    if read.state is State.MET:
        return ""
    if read.state is State.NOT_MET:
        failing = [part.name for part in read.parts if part.state is State.NOT_MET]
        what = "Levels apart" if criterion.scope == "odd" else "Not met in"
        where = f" {what}: {words.listed(failing)}." if failing else ""
        return f"More points would not change this: change the model, sigma or the ODD.{where}"
    empty = [part.name for part in read.parts if part.points == 0]
    return advice.empty_parts(criterion, empty) if empty else "More points narrow the interval."
