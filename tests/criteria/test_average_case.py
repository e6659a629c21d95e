"""Criteria on estimates of average-case robustness: states follow from the interval over the points, and every message says what it is."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from odd_assess.criteria import check, verdict
from odd_assess.criteria.fragility import CONFIDENCE, Sampled, part_estimates
from odd_assess.records import Criterion, Evidence, Finding, Reduction, SamplingPlan, State
from odd_assess.stats import mean_lower_bound, mean_upper_bound

MET, NOT_MET, OPEN = State.MET, State.NOT_MET, State.INCONCLUSIVE
BETA = (1 - CONFIDENCE) / 2


def evidence(
    build: Any, value: np.ndarray | None, *, design: str = "random", cell: Any = 0, m: int = 0, label: Any = 0, **more: Any
) -> Evidence:
    """Points with these estimates, in a domain of two levels of the attribute surface, each a cell; class names a and b."""
    count = m or (0 if value is None else len(value))
    results, domain = build.results(np.full(count, 950), cell=cell, label=label), build.domain(0.5, 0.5)
    return Evidence(
        domain=domain,
        sampling=SamplingPlan(design=design, points=more.pop("points", None), seed=1),  # type: ignore[arg-type]
        results=results,
        coverage=build.coverage(results, 2),
        reduction=Reduction(n_ref=1000, expected_reference=np.zeros(count), predicted=None),
        class_names=("a", "b"),
        average_case=None if value is None else build.estimates(value),
        **more,
    )


def judged(build: Any, required: float, found: Evidence, metric: str = "average_case_robustness", **changes: Any) -> Finding:
    criterion: Criterion = build.criterion(metric, required, **changes)
    (finding,) = check([criterion], found)
    return finding


VALUES = np.random.default_rng(3).beta(8, 2, 200)


@pytest.mark.parametrize(("required", "state"), [(0.6, MET), (0.8, OPEN), (0.95, NOT_MET)])
def test_the_mean_of_the_estimates_over_the_domain(build: Any, required: float, state: State) -> None:
    """The interval is the betting bound at 97.5 % on each side; the message says estimate, and what the interval does not cover."""
    finding = judged(build, required, evidence(build, VALUES))
    assert finding.state is state
    assert finding.kind == "estimate"
    assert finding.observed == pytest.approx(VALUES.mean())
    assert finding.lower == mean_lower_bound(VALUES, upper=1.0, beta=BETA)
    assert finding.upper == mean_upper_bound(VALUES, upper=1.0, beta=BETA)
    assert "An estimate: neither a certificate nor a bound." in finding.message
    assert "not for what the estimator errs by" in finding.message
    assert "mmse at sigma = 0.25" in finding.message


def test_in_each_level_the_intervals_hold_together_and_the_worst_decides(build: Any) -> None:
    """MET needs every lower end, NOT MET one upper end; the parts are those of the fragility map."""
    cell = np.arange(400) % 2
    value = np.where(cell == 0, 0.95, 0.55) + np.resize([-0.04, -0.04, 0.04, 0.04], 400)
    found = evidence(build, value, cell=cell)
    scope = {"scope": "each_level", "attribute": "surface"}
    low, met = judged(build, 0.7, found, **scope), judged(build, 0.4, found, **scope)
    assert (low.state, [part.state for part in low.parts]) == (NOT_MET, [MET, NOT_MET])
    assert "Not met in: surface level 1" in low.advice
    assert met.state is MET
    assert met.observed == pytest.approx(0.55)
    sampled = Sampled(domain=found.domain, sampling=found.sampling, points=found.results, coverage=found.coverage)
    together = part_estimates(value, sampled, sampled.levels("surface"), beta=BETA)
    assert [(part.lower, part.upper) for part in met.parts] == [(part.lower, part.upper) for part in together]
    assert met.lower == min(part.lower for part in together if part.lower is not None)


@pytest.mark.parametrize("scope", ["each_cell", "each_class"])
def test_a_part_without_points_leaves_it_open(build: Any, scope: str) -> None:
    """However good the others are; the advice names it."""
    finding = judged(build, 0.5, evidence(build, np.full(200, 0.99)), scope=scope)
    assert finding.state is OPEN
    assert finding.lower is None
    assert [part.points for part in finding.parts] == [200, 0]
    assert "without points" in finding.advice


@pytest.mark.parametrize(("required", "state"), [(0.6, MET), (0.4, OPEN), (0.1, NOT_MET)])
def test_the_difference_between_levels(build: Any, required: float, state: State) -> None:
    """0.4 apart, give or take what 200 points a level leave open."""
    cell = np.arange(400) % 2
    value = np.where(cell == 0, 0.95, 0.55) + np.resize([-0.04, -0.04, 0.04, 0.04], 400)
    finding = judged(build, required, evidence(build, value, cell=cell), "average_case_difference")
    assert finding.state is state
    assert finding.observed == pytest.approx(0.4)
    assert finding.lower is not None
    assert finding.upper is not None
    assert finding.lower < 0.4 < finding.upper
    assert [part.observed for part in finding.parts] == [pytest.approx(0.95), pytest.approx(0.55)]


def test_without_estimates_nothing_is_decided(build: Any) -> None:
    """The reason is told: no section in the spec, or a modified model that lacks gradients."""
    none = evidence(build, None, m=50)
    finding = judged(build, 0.1, none)
    assert (finding.state, finding.observed) == (OPEN, None)
    assert "holds no estimates" in finding.message
    on_baseline = replace(none, results=replace(none.results, base_n=np.full(50, 1000)))
    assert "certified on its baseline" in judged(build, 0.1, on_baseline).message


def test_a_design_without_a_probability_model_has_no_interval(build: Any) -> None:
    """The mean is shown, and decides nothing."""
    finding = judged(build, 0.1, evidence(build, VALUES, design="grid"))
    assert (finding.state, finding.lower, finding.upper) == (OPEN, None, None)
    assert "no interval" in finding.message


def test_an_unfinished_run_decides_nothing(build: Any) -> None:
    """As for claims on the domain, all points that were declared are needed."""
    assert judged(build, 0.1, evidence(build, VALUES, points=300)).state is OPEN


def test_estimates_at_other_points_are_refused(build: Any) -> None:
    """They say nothing about these results."""
    found = evidence(build, VALUES)
    assert found.average_case is not None
    other = replace(found, average_case=found.average_case.take(np.arange(199)))
    with pytest.raises(ValueError, match="at the points of the results"):
        judged(build, 0.1, other)


def test_a_warning_decides_no_verdict_and_an_accepted_estimate_does(build: Any) -> None:
    """The verdict rests on blocking criteria alone."""
    for severity, decided in (("warning", OPEN), ("blocking", NOT_MET)):
        finding = judged(build, 0.99, evidence(build, VALUES), severity=severity, estimate="accepted")
        assert verdict([finding]) is decided


def test_at_the_requirement_itself_a_criterion_is_rarely_decided(build: Any) -> None:
    """MET and NOT MET each in 2.5 % of the runs at most: 22 of 300 or more would be chance with probability 1e-5. Values are 0 or 1, the widest spread."""
    rng = np.random.default_rng(11)
    states = [judged(build, 0.7, evidence(build, (rng.random(60) < 0.7).astype(np.float64))).state for _ in range(300)]
    assert states.count(MET) < 22
    assert states.count(NOT_MET) < 22
    assert states.count(OPEN) > 250
