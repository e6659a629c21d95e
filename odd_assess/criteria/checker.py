"""From criteria and results to findings, and from findings to the verdict.

Missing or empty evidence is INCONCLUSIVE, never a pass and never a number. A confidence is given only where the design has a probability model.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from odd_assess.criteria import advice, words
from odd_assess.criteria.advice import Advice
from odd_assess.criteria.average_case import average_case
from odd_assess.criteria.claims import CLAIMS, Claim, FractionClaim
from odd_assess.criteria.inconclusive import inconclusive, unfinished, unsupported
from odd_assess.criteria.inference import (
    Anytime,
    Independent,
    Inference,
    TwoGroups,
    Weighted,
    WithinPart,
    cell_inference,
    inference_for,
    mean_upper,
    part_inference,
    point_weights,
    weighted_words,
)
from odd_assess.criteria.loss import bound_levels, largest_levels
from odd_assess.criteria.metrics import AVERAGE_CASE, COMPARED, METRICS, REGRESSION, asked_info
from odd_assess.criteria.parts import Partition, Unseen, partition_of, unseen
from odd_assess.criteria.readings import Reading, beta_of, read_difference, read_odd, read_parts, state_of
from odd_assess.criteria.regression import regression
from odd_assess.records import Bools, CriteriaSet, Criterion, Evidence, Finding, Floats, Results, State, Verdict
from odd_assess.stats import (
    FEWEST_POINTS,
    anytime_draws_for_radius,
    anytime_radius_cap,
    draws_for_radius,
    radius_cap,
    true_fraction_lower,
)
from odd_assess.stats.search import smallest


class Judged(Protocol):
    """What carries evidence: an `odd_assess.Assessment`, or a run opened by `odd_assess.open_run`."""

    @property
    def evidence(self) -> Evidence:
        """All that a criterion may be judged by."""
        ...


def check(criteria: CriteriaSet | Sequence[Criterion], judged: Evidence | Judged) -> tuple[Finding, ...]:
    """One finding for each criterion, in order: what the evidence says about it, with which bounds, and what would decide it.

    The criteria need not be those that a run was made for; whoever chooses them after having seen the results has no confidence left to state.
    Where points could be drawn from a part of the ODD only (``coverage.reached``), claims on the ODD count the rest against themselves.
    ``baseline``: what the model that this one would replace does at the same points.

    Raises: ValueError for a criterion that names an unknown metric, or lacks the radius or confidence that its metric needs.
    """
    evidence = judged if isinstance(judged, Evidence) else judged.evidence
    return tuple(_finding(_checked(criterion), evidence) for criterion in _listed(criteria))


def undecided(criteria: CriteriaSet | Sequence[Criterion], evidence: Evidence) -> tuple[Criterion, ...]:
    """The criteria that further points could still decide.

    A claim on the domain is decided once it is met or not met. A count of what was visited can only grow, so it is decided once it is met. An estimate
    has no bound to decide by, and nothing waits for it.
    """
    return tuple(criterion for criterion in _listed(criteria) if _waits(_checked(criterion), evidence))


@lru_cache(maxsize=1)  # many criteria ask for it
def _unseen(evidence: Evidence) -> Unseen:
    """What of the ODD could not be sampled."""
    return unseen(evidence.sampling, evidence.domain, evidence.results, evidence.coverage)


def _listed(criteria: CriteriaSet | Sequence[Criterion]) -> Sequence[Criterion]:
    return criteria.criteria if isinstance(criteria, CriteriaSet) else criteria


def _waits(criterion: Criterion, evidence: Evidence) -> bool:
    if criterion.metric not in CLAIMS:
        return METRICS[criterion.metric].kind == "descriptive" and _descriptive(criterion, evidence).state is not State.MET
    ground = _ground(criterion, evidence)
    if ground is None:
        return True  # a point inside may still come
    if ground.inference is None:
        return False
    claim = CLAIMS[criterion.metric](ground.results, criterion, evidence.reduction)
    return _read(claim, criterion, evidence, ground, 1.0).state is State.INCONCLUSIVE


def verdict(findings: Sequence[Finding]) -> Verdict:
    """NOT MET if a blocking criterion is not met; else INCONCLUSIVE if one is inconclusive, or there is none; else MET.

    MET needs no correction for the number of criteria: where some blocking requirement does not hold, the verdict is MET with probability at most
    that criterion's 1 - confidence. NOT MET does not have this: where all hold, it comes up with probability at most the sum of the
    criteria's 1 - confidence.
    """
    states = {finding.state for finding in findings if finding.criterion.severity == "blocking"}
    if State.NOT_MET in states:
        return State.NOT_MET
    return State.MET if states == {State.MET} else State.INCONCLUSIVE


def _checked(criterion: Criterion) -> Criterion:
    info = asked_info(criterion.metric, criterion.of)
    if info is None:
        raise ValueError(f"criterion {criterion.id}: metric must be one of {', '.join(METRICS)}, got {criterion.metric!r}")
    if criterion.metric == REGRESSION and criterion.of not in COMPARED:
        raise ValueError(f"criterion {criterion.id}: {info.name} must be of one of {', '.join(COMPARED)}, got {criterion.of!r}")
    if criterion.comparator != info.comparator or criterion.scope not in info.scopes:
        raise ValueError(f"criterion {criterion.id}: {info.name} takes {info.comparator} over {' or '.join(info.scopes)}")
    if criterion.where is not None and (not info.takes_where or criterion.scope != "odd"):
        raise ValueError(f"criterion {criterion.id}: a sub-domain must go with scope odd and a claim on the domain")
    if (criterion.scope == "each_level" or info.needs_attribute) != (criterion.attribute is not None):
        raise ValueError(
            f"criterion {criterion.id}: an attribute must go with scope each_level or a difference between levels, got {criterion.attribute!r}"
        )
    if info.needs_radius and criterion.radius is None:
        raise ValueError(f"criterion {criterion.id}: {info.name} must have a radius")
    if info.needs_quantile and not (criterion.quantile is not None and 0 < criterion.quantile < 1):
        raise ValueError(f"criterion {criterion.id}: {info.name} must have a quantile in (0, 1), got {criterion.quantile!r}")
    if info.needs_confidence and (criterion.confidence is None or not 0 < criterion.confidence < 1):
        raise ValueError(f"criterion {criterion.id}: {info.name} must have a confidence in (0, 1), got {criterion.confidence!r}")
    return criterion


def _finding(criterion: Criterion, evidence: Evidence) -> Finding:
    if len(evidence.results) == 0:
        return _inconclusive(
            criterion, evidence, f"{words.subject(criterion)}: no point was assessed.", "Assess at least one point."
        )
    if criterion.metric in CLAIMS:
        return _domain_claim(criterion, evidence)
    if criterion.metric == REGRESSION:
        return regression(
            criterion,
            domain=evidence.domain,
            sampling=evidence.sampling,
            old=evidence.baseline,
            new=evidence.results,
            reached=evidence.coverage.reached,
        )
    if criterion.metric == "radius_reduction":
        return _radius_reduction(criterion, evidence)
    if criterion.metric == "robust_fraction":
        return _robust_fraction(criterion, evidence)
    if criterion.metric in AVERAGE_CASE:
        return _unfinished(criterion, evidence) or average_case(criterion, evidence)
    return _descriptive(criterion, evidence)


def _inconclusive(criterion: Criterion, evidence: Evidence, message: str, hint: str, observed: float | None = None) -> Finding:
    return inconclusive(criterion, len(evidence.results), message, hint, observed)


# ---------------------------------------------------------------- domain claims


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """What a claim is read from: the results of the ODD or of a sub-domain, what bounds their mean, and their weights in a plain estimate."""

    results: Results
    inference: Inference | None
    weights: Floats


def _ground(criterion: Criterion, evidence: Evidence) -> Ground | None:
    """None where the claim is on a sub-domain and no point lies in it."""
    results, domain, sampling = evidence.results, evidence.domain, evidence.sampling
    reached, weights = evidence.coverage.reached, point_weights(sampling, domain, results)
    if criterion.where is None:
        return Ground(results=results, inference=inference_for(sampling, domain, results, reached=reached), weights=weights)
    inside = _inside(criterion, evidence)
    if not inside.any():
        return None
    inference = part_inference(sampling, domain, results, inside, weight=None, missing=_unseen(evidence).share, reached=reached)
    return Ground(results=results.take(inside), inference=inference, weights=weights[inside] / weights[inside].sum())


def _inside(criterion: Criterion, evidence: Evidence) -> Bools:
    """The points (m,) in the criterion's sub-domain."""
    assert criterion.where is not None  # the caller has looked
    statement, points = criterion.where.statement, evidence.points
    if statement is None or points is None or not np.array_equal(points.indices, evidence.results.index):
        raise ValueError(
            f"criterion {criterion.id}: a sub-domain must come with the domain's attributes and the points of the results"
        )
    return evidence.domain.where(statement, points.codes)


def _domain_claim(criterion: Criterion, evidence: Evidence) -> Finding:
    sampling, ground = evidence.sampling, _ground(criterion, evidence)
    if ground is None:
        message = f"{words.subject(criterion)}: none of {len(evidence.results):,} points lies there."
        return _inconclusive(criterion, evidence, message, "Use more points.")
    results, inference = ground.results, ground.inference
    claim = CLAIMS[criterion.metric](results, criterion, evidence.reduction)
    if inference is None:
        observed = _observed(criterion, claim, evidence, ground)
        return unsupported(criterion, len(evidence.results), sampling, _observed_words(observed), observed)
    if (missing := _unfinished(criterion, evidence)) is not None:
        return missing

    def read(rows: Results, copies: float = 1.0) -> Reading:
        one = claim if rows is results else CLAIMS[criterion.metric](rows, criterion, evidence.reduction)
        return _read(one, criterion, evidence, ground, copies)

    reading = read(results)
    advised = _claim_advice(criterion, claim, reading, inference, evidence)
    if (
        advised is None
        and sampling.until_decided
        and criterion.severity != "blocking"
        and len(evidence.results) < (sampling.points or 0)
    ):
        advised = Advice(
            text="Points stopped coming when the blocking criteria were decided; one that is not blocking is not waited for. Make it blocking to decide it."
        )
    if advised is None:
        advised = advice.advise(
            len(evidence.results),
            int(results.n.max()),
            lambda copies: read(results, copies).state,
            lambda n: read(advice.at_budget(results, n)).state,
            on_baseline=bool(results.base_n.any()),
        )
    return Finding(
        criterion=criterion,
        state=reading.state,
        kind="domain claim",
        points=len(results),
        observed=reading.observed,
        lower=reading.lower,
        upper=reading.upper,
        message=_claim_message(
            criterion, claim, reading, inference, weighted_words(ground.weights), alike_in_cells=sampling.ranked is None
        ),
        advice=advised.text,
        parts=reading.parts,
        points_needed=advised.points,
        draws_needed=advised.draws,
    )


def _unfinished(criterion: Criterion, evidence: Evidence) -> Finding | None:
    """A finding that says so, where points are missing that the design counts on."""
    found, sampling = len(evidence.results), evidence.sampling
    if sampling.points is None or found >= sampling.points or sampling.until_decided:
        return None
    return unfinished(criterion, found, f"{found} of {sampling.points} points are assessed")


def _observed(criterion: Criterion, claim: Claim, evidence: Evidence, ground: Ground) -> float | None:
    """The plain value at the points, of the worst part where the criterion speaks of each part; None where no two levels can be compared."""
    if not words.has_parts(criterion):
        return claim.estimate(ground.weights)
    assert isinstance(claim, FractionClaim)  # only fractions are asked for in each part
    index = _partition(criterion, evidence).index
    values = [float(claim.values[index == part].mean()) for part in np.unique(index)]
    if criterion.scope != "odd":
        return min(values)
    return max(values) - min(values) if len(values) > 1 else None


def _observed_words(observed: float | None) -> str:
    return "nothing to compare" if observed is None else f"{observed:.3f} observed"


def _read(claim: Claim, criterion: Criterion, evidence: Evidence, ground: Ground, copies: float) -> Reading:
    if not words.has_parts(criterion):
        assert ground.inference is not None  # the callers have looked
        return read_odd(claim, criterion, ground.inference, ground.weights, copies=copies)
    assert isinstance(claim, FractionClaim)  # only fractions are asked for in each part
    partition = _partition(criterion, evidence)
    reader = read_difference if criterion.scope == "odd" else read_parts
    return reader(claim, criterion, partition, _within(criterion, partition, evidence), ground.weights, copies=copies)


def _partition(criterion: Criterion, evidence: Evidence) -> Partition:
    return partition_of(criterion, evidence.domain, evidence.results, _unseen(evidence), evidence.class_names)


def _within(criterion: Criterion, partition: Partition, evidence: Evidence) -> list[Inference | None]:
    """What bounds the claim inside each part; None where it has no point."""
    visits = np.bincount(partition.index, minlength=len(partition))
    if criterion.scope == "each_cell" and evidence.sampling.ranked is None:
        return [cell_inference(evidence.sampling) if count else None for count in visits]
    return [
        part_inference(
            evidence.sampling,
            evidence.domain,
            evidence.results,
            partition.inside(part),
            weight=None if partition.weights is None else float(partition.weights[part]),
            missing=float(partition.missing[part]),
            reached=evidence.coverage.reached,
            cells=partition.cells(part),
        )
        if count
        else None
        for part, count in enumerate(visits)
    ]


def _claim_message(
    criterion: Criterion, claim: Claim, reading: Reading, inference: Inference, weighted: str, *, alike_in_cells: bool
) -> str:
    assert criterion.confidence is not None  # `_checked` has made sure
    assert reading.upper is not None  # so there is a bound
    sure = f"with confidence {words.percent(criterion.confidence)}"
    at_least = "no lower bound" if reading.lower is None else f"at least {words.at_least(reading.lower)}"
    decides = {
        State.MET: at_least if criterion.comparator == ">=" else f"at most {words.at_most(reading.upper)}",
        State.NOT_MET: f"at most {words.at_most(reading.upper)}" if criterion.comparator == ">=" else at_least,
        State.INCONCLUSIVE: f"{at_least} and at most {words.at_most(reading.upper)} (each on its own)",
    }[reading.state]
    head = f"{words.subject(criterion)}: {decides} {sure}, {words.required(criterion)}; {_observed_words(reading.observed)}"
    if reading.observed is not None and not (alike_in_cells and criterion.scope == "each_cell"):
        head += f"{weighted}," if weighted and words.has_parts(criterion) else weighted
    if criterion.scope != "odd":
        return f"{head} in the {words.part_noun(criterion)[0]} that decides. {_parts_in_words(criterion, reading, inference, alike_in_cells=alike_in_cells)}"
    if words.has_parts(criterion):
        return f"{head} between {words.plural(len(reading.parts), 'level')}. The bounds listed for the levels hold simultaneously."
    return f"{head} ({claim.in_words(inference)})."


def _parts_in_words(criterion: Criterion, reading: Reading, inference: Inference, *, alike_in_cells: bool) -> str:
    one, many = words.part_noun(criterion)
    count = {state: sum(part.state is state for part in reading.parts) for state in State}
    if reading.state is State.MET:
        return (
            f"All {words.plural(count[State.MET], one, many)} meet it: each was tested at that confidence, which a claim on all of them together needs. "
            f"The bounds listed for the {many} hold simultaneously and are therefore wider."
        )
    independent = (criterion.scope == "each_cell" and alike_in_cells) or isinstance(inference, Independent | Anytime)
    how = "Holm" if criterion.multiplicity == "holm" and independent else "Bonferroni"
    return (
        f"{words.plural(count[State.MET], one, many)} shown to meet it, {count[State.NOT_MET]} shown not to, {count[State.INCONCLUSIVE]} open "
        f"({how} over {many}; the bounds listed hold simultaneously)."
    )


def _claim_advice(criterion: Criterion, claim: Claim, reading: Reading, inference: Inference, evidence: Evidence) -> Advice | None:
    """Advice that follows from the reading alone; None where only a larger sample or budget can tell."""
    if reading.state is State.MET:
        return Advice()
    if reading.state is State.NOT_MET:
        return _not_met_advice(criterion, claim, reading, inference)
    if reading.parts:
        empty = [part.name for part in reading.parts if part.points == 0]
        if empty:
            return Advice(text=advice.empty_parts(criterion, empty))
    return _cap_advice(criterion, evidence)


def _cap_advice(criterion: Criterion, evidence: Evidence) -> Advice | None:
    """Where no count at this budget can certify the radius that is asked for."""
    results = evidence.results
    asked = criterion.required if criterion.metric in ("mean_certified_radius", "radius_quantile") else criterion.radius
    most = results.take(np.array([int(results.n.argmax())]))  # the point with the most draws
    n, sigma, alpha, anytime = int(most.n[0]), float(largest_levels(most)[0]), float(bound_levels(most)[0]), bool(most.anytime[0])
    cap = (anytime_radius_cap if anytime else radius_cap)(n, alpha=alpha, sigma=sigma)
    if asked is None or asked <= cap:
        return None
    said = f"No count of {n:,} draws certifies more than {words.at_least(cap)}"
    if asked > 7 * sigma:
        return Advice(
            text=f"{said}, and no feasible number of draws reaches {asked:g} at sigma = {sigma:g}: ask for a smaller radius or use a larger sigma."
        )
    draws = (anytime_draws_for_radius if anytime else draws_for_radius)(asked, alpha=alpha, sigma=sigma)
    if results.base_n.any():
        return Advice(
            text=f"{said}: recertify with more draws (--draws) where the baseline keeps more answers, or certify this model from nothing, with at "
            f"least {draws:,} draws a point.",
            draws=draws,
        )
    return Advice(text=f"{said}: use at least {draws:,} draws a point.", draws=draws)


def _not_met_advice(criterion: Criterion, claim: Claim, reading: Reading, inference: Inference) -> Advice:
    model = "More draws or points would not change this: change the model, sigma or the ODD."
    what = {
        "certified_accuracy": model,
        "worst_cell": model,
        "level_difference": model,
        "smoothed_accuracy": model,
        "mean_certified_radius": model,
        "radius_quantile": model,
        "clean_accuracy": "More points would not change this: change the model or the ODD.",
        "abstention_rate": "More draws decide points where one class has more than half of the votes; for the others, change the model, sigma or the ODD.",
    }[criterion.metric]
    if criterion.scope != "odd":
        failing = [part.name for part in reading.parts if part.state is State.NOT_MET]
        return Advice(text=f"{what} Not met in: {words.listed(failing)}.")
    if reading.parts:
        apart = [part.name for part in reading.parts if part.state is State.NOT_MET]
        return Advice(text=f"{what} Levels apart: {words.listed(apart)}.")
    if (
        isinstance(claim, FractionClaim)
        and criterion.comparator == ">="
        and not isinstance(inference, TwoGroups | Weighted | WithinPart)
    ):
        needed = _needed(criterion, claim, inference)
        return Advice(text=f"{what} {needed.text}", points=needed.points)
    return Advice(text=what)


def _needed(criterion: Criterion, claim: FractionClaim, inference: Inference) -> Advice:
    """How many of these points would have had to be shown for the criterion to be met."""
    m = len(claim.low)

    def would_do(shown: int, points: int) -> bool:
        lower = inference.fraction_lower(np.arange(points) < shown, beta=beta_of(criterion))
        return true_fraction_lower(lower, alpha=claim.alpha) >= criterion.required

    if would_do(m, m):
        shown = int(claim.low.sum())
        needed = shown + bisect_left(range(shown, m), True, key=lambda count: would_do(count, m))
        return Advice(text=f"It takes {needed:,} of {m:,} points shown; {shown:,} were.")
    points = smallest(lambda size: would_do(size, size), most=2**24)
    if points is None:
        return Advice()
    return Advice(
        text=f"{m:,} points could not have met it in any case: at least {points:,} are needed, all of them shown.", points=points
    )


# ---------------------------------------------------------------- estimates and descriptive metrics


def _radius_reduction(criterion: Criterion, evidence: Evidence) -> Finding:
    reduction = evidence.reduction
    subject = f"{words.subject(criterion)} against {reduction.n_ref:,} draws"
    lower, upper = reduction.measured_lower, reduction.measured_upper
    if reduction.measured is not None and lower is not None and upper is not None:
        observed, state = reduction.measured, state_of("<=", criterion.required, lower=lower, upper=upper)
        message = (
            f"{subject}: {observed:.3f} measured on {words.plural(reduction.measured_points, 'point')}, {words.percent(reduction.confidence)} "
            f"bootstrap interval {words.at_least(lower)} to {words.at_most(upper)}, {words.required(criterion)}. An estimate, not a bound."
        )
    elif reduction.predicted is not None:
        observed, lower, upper = reduction.predicted, None, None
        state = state_of("<=", criterion.required, lower=observed, upper=observed)
        message = (
            f"{subject}: {observed:.3f} predicted from the counts, {words.required(criterion)}. An estimate without an interval."
        )
        if reduction.measured is not None:
            if state is not state_of("<=", criterion.required, lower=reduction.measured, upper=reduction.measured):
                state = State.INCONCLUSIVE  # prediction and measurement stand on different sides
            message += (
                f" ({reduction.measured:.3f} measured on {words.plural(reduction.measured_points, 'point')}, of which fewer than {FEWEST_POINTS} certify "
                "at the reference budget: too few for an interval.)"
            )
    else:
        return _inconclusive(criterion, evidence, f"{subject}: no point certifies, so there is no radius to lose.", "")
    advised = _reduction_advice(criterion, state, evidence)
    return Finding(
        criterion=criterion,
        state=state,
        kind="estimate",
        points=reduction.measured_points if upper is not None else len(evidence.results),
        observed=observed,
        lower=lower,
        upper=upper,
        message=message,
        advice=advised.text,
        draws_needed=advised.draws,
    )


ESTIMATE_CONFIDENCE = 0.95
"""Of the two-sided interval of an estimate, as that of the measured radius reduction."""


def _robust_fraction(criterion: Criterion, evidence: Evidence) -> Finding:
    """The mean of the true class's share of the draws. Each share is unbiased where n was fixed beforehand, so the design's bounds on means enclose it."""
    results, sampling = evidence.results, evidence.sampling
    shares = results.label_hits / results.n
    weights = point_weights(sampling, evidence.domain, results)
    observed = float(weights @ shares)
    subject = f"{words.subject(criterion)}: {observed:.3f} observed{weighted_words(weights)}, {words.required(criterion)}"
    if results.anytime.any():
        message = f"{subject}; draws stop when they have decided, so that their shares are biased and no interval can be stated."
        return _inconclusive(criterion, evidence, message, "Use a budget with a fixed n: reduced, fixed or tolerance.", observed)
    inference = inference_for(sampling, evidence.domain, results, reached=evidence.coverage.reached)
    if inference is None:
        message = f"{subject}; no interval can be stated, because points of the design {sampling.design} are not drawn from the declared distribution."
        return _inconclusive(criterion, evidence, message, "Use design random or stratified for estimates over the ODD.", observed)
    if (missing := _unfinished(criterion, evidence)) is not None:
        return missing
    beta = (1.0 - ESTIMATE_CONFIDENCE) / 2.0
    lower = inference.mean_lower(shares, upper=1.0, beta=beta)
    upper = mean_upper(inference, shares, upper=1.0, beta=beta)
    state = state_of(criterion.comparator, criterion.required, lower=lower, upper=upper)
    advice_of = {
        State.MET: "",
        State.NOT_MET: "More draws or points would not change this: change the model, sigma or the ODD.",
        State.INCONCLUSIVE: "More points narrow the interval.",
    }
    return Finding(
        criterion=criterion,
        state=state,
        kind="estimate",
        points=len(results),
        observed=observed,
        lower=lower,
        upper=upper,
        message=f"{subject}; {words.percent(ESTIMATE_CONFIDENCE)} interval {words.at_least(lower)} to {words.at_most(upper)} ({inference.mean_words}). "
        "An average over random noise, which says nothing of the worst noise: an estimate, not a certificate.",
        advice=advice_of[state],
    )


def _reduction_advice(criterion: Criterion, state: State, evidence: Evidence) -> Advice:
    if state is State.MET:
        return Advice()
    if evidence.results.base_n.any():
        stopped = evidence.results.anytime.any()
        return Advice(
            text="Draws stop once the radii that the criteria ask about are decided: recertify without --when-decided to have larger radii."
            if stopped
            else "All draws that were asked for are spent: recertify with more (--draws) where the baseline keeps more answers, or certify this model from "
            "nothing, to have larger radii."
        )
    if evidence.results.anytime.any():
        return Advice(
            text="Draws stop once the radii that the criteria ask about are decided: more of them would not change this. "
            "Use the budget reduced or tolerance, or ask about a larger radius."
        )
    n = advice.draws_for_reduction(evidence.results, evidence.reduction, criterion.required)
    enough = (
        ""
        if n is None
        else f"About {words.about(n)} draws a point would be expected to reduce the radius by at most {criterion.required:g}."
    )
    if state is State.INCONCLUSIVE:
        return Advice(text=f"More reference points narrow the interval. {enough}".strip(), draws=n)
    return Advice(text=enough or "No budget below the reference's would be expected to do.", draws=n)


def _descriptive(criterion: Criterion, evidence: Evidence) -> Finding:
    coverage = evidence.coverage
    observed = float(coverage.visits.min()) if criterion.metric == "points_per_cell" else float(getattr(coverage, criterion.metric))
    if not math.isfinite(observed):
        return _inconclusive(criterion, evidence, f"{words.subject(criterion)}: there is nothing to cover.", "")
    state = state_of(criterion.comparator, criterion.required, lower=observed, upper=observed)
    shown = f"{observed:g}" if criterion.metric == "points_per_cell" else words.at_least(observed)
    kind = {"cell_coverage": "cell", "pairwise_coverage": "pair", "level_coverage": "level", "points_per_cell": "cell"}[
        criterion.metric
    ]
    gaps = [gap.name for gap in coverage.gaps if gap.kind == kind]
    return Finding(
        criterion=criterion,
        state=state,
        kind="descriptive",
        points=len(evidence.results),
        observed=observed,
        lower=None,
        upper=None,
        message=f"{words.subject(criterion)}: {shown}, {words.required(criterion)}. Counted, not estimated.",
        advice="" if state is State.MET else _coverage_advice(kind, gaps),
    )


def _coverage_advice(kind: str, gaps: list[str]) -> str:
    designs = "design pairwise or grid" if kind == "pair" else "design grid, or stratified with allocation equal"
    missing = f" Not visited: {words.listed(gaps)}." if gaps else ""
    return f"More points, or {designs}, would cover more.{missing}"
