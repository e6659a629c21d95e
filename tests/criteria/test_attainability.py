"""What is called attainable is met by the checker on perfect results, what is called unattainable is not; around the border, point by point."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import bdtrc

from odd_assess.certify import Plan, ReducedPlan, SequentialPlan, SingleBatchPlan, procedure
from odd_assess.certify.procedures import _next_block
from odd_assess.criteria import screening
from odd_assess.criteria.attainability import (
    Setting,
    at_best,
    best_radius,
    cells_of_groups,
    fewest_draws,
    fewest_points,
    most_before_stop,
    short_of_draws,
    short_of_points,
)
from odd_assess.criteria.outlook import costs, expected_loss, expected_stops, prospect, tolerated_draws
from odd_assess.odd import sample
from odd_assess.odd.coverage import coverage
from odd_assess.records import Budget, CertificationPlan, Certified, Criterion, Groups, ReferencePlan, SamplingPlan, State
from odd_assess.stats import anytime_lower_bound, certified_radius, proportion_lower_bound

SIGMA, ALPHA, N = 0.25, 1e-3, 1000


def certification(
    kind: Any = "reduced", n: int = N, *, alpha: float = ALPHA, sigma: float = SIGMA, **changes: Any
) -> CertificationPlan:
    budget = Budget(kind=kind, n0=0 if kind == "single_batch" else 100, n=n, **changes)
    return CertificationPlan(sigma=sigma, alpha=alpha, budget=budget)


def setting(
    build: SimpleNamespace, design: str, points: int, *, weights: Any = (0.5, 0.5), plan: CertificationPlan | None = None
) -> Setting:
    """A setting with the designs "random", "until decided", "proportional", "equal" and "declared" (the first cell against the others, at twice its weight)."""
    first = min(points - 1, round(2 * weights[0] / (1 + weights[0]) * points))
    of_cell = (1, *(2 for _ in weights[1:]))
    sampling = SamplingPlan(
        design="random" if design in ("random", "until decided") else "stratified",
        points=points,
        seed=1,
        allocation="equal" if design == "equal" else "declared" if design == "declared" else "proportional",
        until_decided=design == "until decided",
        groups=Groups(of_cell=of_cell, points=(first, points - first)) if design == "declared" else None,
    )
    return Setting(domain=build.domain(*weights), sampling=sampling, certification=plan or certification())


def cells_of(made: Setting) -> Any:
    """The cells of the points of a run: as they are drawn, but evenly where they are drawn at random."""
    points = made.sampling.points
    assert points is not None
    if made.sampling.design == "random":
        return np.arange(points) % len(made.domain.cells)
    if made.sampling.groups is not None:
        return cells_of_groups(made.sampling.groups)
    drawn = sample(made.domain, design="stratified", points=points, seed=1, allocation=made.sampling.allocation)
    return np.array([point.cell for point in drawn])


def checked(build: SimpleNamespace, criterion: Criterion, made: Setting) -> State:
    """What the checker says of results in which every copy of every point agrees with the true class."""
    sampling = made.sampling
    assert sampling.points is not None
    results = build.results([made.draws] * sampling.points, cell=cells_of(made), n=made.draws)
    finding = build.check(
        criterion,
        results,
        design=sampling.design,
        allocation=sampling.allocation,
        weights=[cell.weight for cell in made.domain.cells],
        points=sampling.points,
        until_decided=sampling.until_decided,
        groups=sampling.groups,
        class_names=("a",),
    )
    assert isinstance(finding.state, State)
    return finding.state


CLAIMS: dict[str, tuple[str, float, dict[str, Any]]] = {
    "certified": ("certified_accuracy", 0.9, {}),
    "certified, confidence .6": ("certified_accuracy", 0.8, {"confidence": 0.6}),
    "certified, half": ("certified_accuracy", 0.5, {"confidence": 0.5}),
    "certified, .99": ("certified_accuracy", 0.99, {}),
    "smoothed": ("smoothed_accuracy", 0.9, {}),
    "clean": ("clean_accuracy", 0.93, {"confidence": 0.99}),
    "abstention": ("abstention_rate", 0.1, {}),
    "quantile": ("radius_quantile", 0.5, {"quantile": 0.07}),
    "mean": ("mean_certified_radius", 0.5, {}),
    "cells": ("certified_accuracy", 0.8, {"scope": "each_cell"}),
    "levels": ("certified_accuracy", 0.8, {"scope": "each_level", "attribute": "surface"}),
    "classes": ("certified_accuracy", 0.8, {"scope": "each_class"}),
    "difference": ("level_difference", 0.2, {}),
    "cells, clean": ("clean_accuracy", 0.7, {"scope": "each_cell"}),
}


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("design", ["random", "until decided", "proportional", "equal", "declared"])
def test_the_fewest_points_are_exactly_where_the_checker_begins_to_be_content(build: Any, design: str, claim: str) -> None:
    """At the fewest points and one and two more, perfect results are MET; with one and two fewer they are not (of equal allocation: in steps of the cells)."""
    metric, required, changes = CLAIMS[claim]
    criterion = build.criterion(metric, required, **changes)
    made = setting(build, design, 50)
    fewest = fewest_points(criterion, made)
    assert fewest is not None
    in_parts = criterion.scope == "each_cell" or criterion.attribute is not None
    step = 2 if design == "equal" or (in_parts and design == "proportional") else 3 if design == "declared" else 1
    for points in range(max(step, fewest - 2 * step), fewest + 2 * step + 1, step):
        sized = made.with_points(points)
        attainable = short_of_points(criterion, sized) is None
        assert attainable == (points >= fewest)
        met = checked(build, criterion, sized) is State.MET
        if design == "declared" and criterion.scope == "each_class":  # at best a class has points of one group
            assert attainable or not met
        else:
            assert met == attainable


@pytest.mark.parametrize("points", range(20, 40))
def test_equal_allocation_with_a_remainder_is_asked_as_it_will_be_drawn(build: Any, points: int) -> None:
    """Three cells of unequal weight: whether perfect results are MET is known for every number of points, also those that do not divide."""
    criterion = build.criterion("certified_accuracy", 0.72)
    made = setting(build, "equal", points, weights=(0.5, 0.3, 0.2))
    assert (short_of_points(criterion, made) is None) == (checked(build, criterion, made) is State.MET)


def test_twenty_points_cannot_show_99_percent(build: Any) -> None:
    """At 95 % it takes 299 points, all certified: (1/20)^(1/299) = .99003 is above .99 + .001 x .01, (1/20)^(1/298) is not."""
    criterion = build.criterion("certified_accuracy", 0.99)
    short = short_of_points(criterion, setting(build, "random", 20))
    assert short is not None
    assert (short.lacks, short.have, short.needed) == ("points", 20, 299)
    assert short.best == pytest.approx((0.05 ** (1 / 20) - ALPHA) / (1 - ALPHA))


@pytest.mark.parametrize("metric", ["certified_accuracy", "clean_accuracy"])
def test_no_number_of_points_shows_all_of_a_domain(build: Any, metric: str) -> None:
    """100 % of the ODD is out of reach of any sample, and so is an abstention rate of 0."""
    short = short_of_points(build.criterion(metric, 1.0), setting(build, "random", 10**6))
    assert short is not None
    assert short.needed is None
    assert short_of_points(build.criterion("abstention_rate", 0.0), setting(build, "random", 10**6)) is not None


@pytest.mark.parametrize("design", ["sobol", "lhs", "grid", "pairwise"])
def test_designs_without_a_probability_model_are_left_to_the_run(build: Any, design: Any) -> None:
    """Their claims end inconclusive whatever the points, and the finding says why."""
    made = replace(setting(build, "random", 20), sampling=SamplingPlan(design=design, points=20, seed=1))
    assert short_of_points(build.criterion("certified_accuracy", 0.99), made) is None


# ---------------------------------------------------------------- draws


def all_agree(plan: Plan) -> float:
    """The radius that a real procedure certifies when every copy answers class 0 of two."""
    steps = procedure(plan)
    draw = next(steps)
    while True:
        try:
            draw = steps.send(np.array([draw.n, 0]))
        except StopIteration as done:
            return done.value.radius if isinstance(done.value, Certified) else 0.0


def plan_of(kind: str, n: int, radius: float) -> Plan:
    match kind:
        case "single_batch":
            return SingleBatchPlan(n=n, sigma=SIGMA, alpha=ALPHA)
        case "sequential":
            return SequentialPlan(n0=100, max_draws=n, sigma=SIGMA, alpha=ALPHA, radii=(radius,))
        case _:
            return ReducedPlan(n0=100, n=n, sigma=SIGMA, alpha=ALPHA)


@pytest.mark.parametrize("kind", ["reduced", "fixed", "single_batch", "sequential", "tolerance"])
@pytest.mark.parametrize("radius", [0.05, 0.25, 0.6])
def test_the_fewest_draws_are_exactly_what_the_procedure_needs(build: Any, kind: str, radius: float) -> None:
    """With every copy agreeing, the real procedure certifies the radius at the fewest draws, and with one fewer it does not."""
    criterion = build.criterion("certified_accuracy", 0.5, radius=radius)
    fewest = fewest_draws(criterion, certification(kind), (radius,))
    assert fewest is not None
    for n in (fewest - 1, fewest):
        reached = all_agree(plan_of(kind, n, radius)) >= radius
        assert reached == (n == fewest)
        assert (short_of_draws(criterion, certification(kind, n), (radius,)) is None) == reached


@pytest.mark.parametrize("kind", ["reduced", "single_batch", "sequential", "tolerance"])
def test_a_quantile_asks_for_its_radius(build: Any, kind: str) -> None:
    """A required radius beyond the cap is short of draws like any other."""
    criterion = build.criterion("radius_quantile", 0.8)
    short = short_of_draws(criterion, certification(kind, 1000), (0.8,))
    assert short is not None
    assert short.needed is not None
    assert short_of_draws(criterion, certification(kind, short.needed), (0.8,)) is None
    assert short_of_draws(criterion, certification(kind, short.needed - 1), (0.8,)) is not None


def test_a_mean_needs_draws_for_its_radius_and_for_false_certificates(build: Any) -> None:
    """The smallest n has points at which perfect results are MET; more draws need fewer points; with one draw fewer no number is enough."""
    criterion = build.criterion("mean_certified_radius", 0.62)
    n = fewest_draws(criterion, certification())
    assert n is not None
    cap = best_radius(certification(n=n), (), n)
    assert cap * (1 - ALPHA) > 0.62
    points = fewest_points(criterion, setting(build, "random", 10, plan=certification(n=n)))
    assert points is not None
    assert short_of_points(criterion, setting(build, "random", points, plan=certification(n=n))) is None
    more = setting(build, "random", 10, plan=certification(n=n + 100))
    enough = fewest_points(criterion, more)
    assert enough is not None
    assert enough < points
    assert checked(build, criterion, more.with_points(enough)) is State.MET
    assert short_of_draws(criterion, certification(n=n - 1)) is not None
    assert best_radius(certification(n=n - 1), (), n - 1) * (1 - ALPHA) <= 0.62


def test_no_draws_reach_a_radius_of_eight_sigma(build: Any) -> None:
    """Beyond 7 sigma no number of draws is named."""
    short = short_of_draws(build.criterion("certified_accuracy", 0.5, radius=2.0), certification())
    assert short is not None
    assert short.needed is None


@pytest.mark.parametrize("radii", [(0.05,), (0.125,), (0.25,), (0.0, 0.1, 0.3), (0.05, 0.5)])
def test_a_sequential_budget_reports_no_radius_far_beyond_those_asked(radii: tuple[float, ...]) -> None:
    """Along all outcomes of the procedure's own blocks with up to three misses, no reported radius exceeds the one that is promised as largest."""
    plan = SequentialPlan(n0=100, max_draws=2000, sigma=SIGMA, alpha=ALPHA, radii=radii)
    declared = certification("sequential", 2000)
    largest = best_radius(declared, radii, 2000, mean=True)
    assert most_before_stop(declared, radii) < 2000
    open_, seen, ends = [(0, 0)], set(), []
    while open_:
        hits, drawn = state = open_.pop()
        if state in seen:
            continue
        seen.add(state)
        block = _next_block(plan, hits, drawn)
        if block == 0:
            ends.append(state)
            continue
        open_ += [(hits + block - misses, drawn + block) for misses in range(4) if drawn - hits + misses <= 3]
    reported = [certified_radius(anytime_lower_bound(hits, drawn, alpha=ALPHA), sigma=SIGMA) for hits, drawn in ends]
    assert max(radii) <= max(reported) <= largest


def test_a_mean_beyond_what_a_sequential_budget_pursues_is_unattainable(build: Any) -> None:
    """Asking only about .125, no point reports .5, although 10,000 agreeing draws would certify it."""
    criterion, plan = build.criterion("mean_certified_radius", 0.5), certification("sequential", 10_000)
    assert short_of_draws(criterion, plan, (0.125,)) is not None
    assert short_of_draws(criterion, plan, (0.125, 0.5)) is None
    assert short_of_draws(criterion, certification("reduced", 10_000)) is None


@pytest.mark.parametrize("required", [0.1, 0.2])
def test_a_mean_under_a_sequential_budget_is_met_at_its_fewest_points(build: Any, required: float) -> None:
    """With radius .25 asked, points that all report the largest radius are MET at the fewest points and not with one fewer."""
    criterion, plan = build.criterion("mean_certified_radius", required), certification("sequential", 10_000)
    made = replace(setting(build, "random", 10, plan=plan), asked=(0.25,))
    fewest = fewest_points(criterion, made)
    assert fewest is not None
    for points in (fewest - 1, fewest):
        n = most_before_stop(plan, (0.25,))
        finding = build.check(criterion, build.results([n] * points, n=n, anytime=True), points=points)
        assert (finding.state is State.MET) == (points == fewest)
        assert (short_of_points(criterion, made.with_points(points)) is None) == (points == fewest)


# ---------------------------------------------------------------- what is counted


COUNTED = {"cell_coverage": 0.9, "level_coverage": 0.9, "pairwise_coverage": 0.9, "points_per_cell": 3.0}


@pytest.mark.parametrize("metric", COUNTED)
@pytest.mark.parametrize("design", ["random", "proportional", "equal", "declared"])
@pytest.mark.parametrize("seed", range(3))
def test_no_sample_covers_more_than_is_called_possible(build: Any, metric: str, design: str, seed: int) -> None:
    """What real samples of 4 to 40 points visit is at most what is possible; of equal allocation with whole rounds it is just that."""
    weights = (0.4, 0.3, 0.2, 0.1)
    for points in range(4, 41, 3):
        made = setting(build, design, points, weights=weights)
        plan = made.sampling
        drawn = sample(made.domain, design=plan.design, points=points, seed=seed, allocation=plan.allocation, groups=plan.groups)
        covered = coverage(made.domain, drawn)
        found = float(covered.visits.min()) if metric == "points_per_cell" else getattr(covered, metric)
        best = at_best(build.criterion(metric, COUNTED[metric], confidence=None), made, points)
        assert best is not None
        assert found <= best
        assert design != "equal" or found == best


def test_points_for_coverage_are_counted(build: Any) -> None:
    """Nine of ten cells take nine points, three points in each of ten take thirty; a grid without points has one in each."""
    ten = (0.1,) * 10
    for metric, required, needed in (("cell_coverage", 0.85, 9), ("points_per_cell", 3.0, 30)):
        short = short_of_points(build.criterion(metric, required, confidence=None), setting(build, "random", 5, weights=ten))
        assert short is not None
        assert short.needed == needed
    grid = replace(setting(build, "random", 5, weights=ten), sampling=SamplingPlan(design="grid", points=None, seed=1))
    assert short_of_points(build.criterion("points_per_cell", 1.0, confidence=None), grid) is None
    assert short_of_points(build.criterion("points_per_cell", 2.0, confidence=None), grid) is not None
    pairs = replace(grid, sampling=SamplingPlan(design="pairwise", points=None, seed=1))
    assert short_of_points(build.criterion("pairwise_coverage", 1.0, confidence=None), pairs) is None


def test_an_estimate_is_never_called_unattainable(build: Any) -> None:
    """Some model loses hardly any radius at any budget."""
    for criterion in (build.criterion("radius_reduction", 0.01), build.criterion("robust_fraction", 0.99)):
        assert short_of_draws(criterion, certification(n=10)) is None
        assert short_of_points(criterion, setting(build, "random", 1)) is None


# ---------------------------------------------------------------- without scipy


@given(
    n=st.integers(10, 10**6),
    radius=st.floats(1e-4, 1.5),
    alpha=st.sampled_from([0.5, 0.05, 1e-3, 1e-9]),
    kind=st.sampled_from(["reduced", "single_batch", "sequential"]),
)
@settings(deadline=None, max_examples=200)
def test_what_surely_certifies_does(n: int, radius: float, alpha: float, kind: Any) -> None:
    """The screen says yes only where the exact cap reaches the radius, and says so where the radius is 2 % within the cap (sequential: 5 %)."""
    plan = certification(kind, n, alpha=alpha)
    cap = best_radius(plan, (radius,), n)
    level = screening.bound_alpha(plan)
    assert not screening.surely_certifies(plan.budget, radius, alpha=level, sigma=SIGMA) or cap >= radius
    within = 0.98 if kind != "sequential" else 0.95
    assert cap < 0.02 or screening.surely_certifies(plan.budget, within * cap, alpha=level, sigma=SIGMA)


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("design", ["random", "until decided", "proportional", "equal", "declared"])
def test_what_is_surely_met_is_attainable(build: Any, design: str, claim: str) -> None:
    """The screen says yes at no number of points below the fewest, and (random points) at a third more than the fewest (means: at twice as many)."""
    metric, required, changes = CLAIMS[claim]
    criterion = build.criterion(metric, required, **changes)
    made = setting(build, design, 50)
    fewest = fewest_points(criterion, made)
    assert fewest is not None
    for points in (*range(max(1, fewest - 10), fewest), 2 * fewest // 3):
        sized = made.with_points(points).sampling
        assert not screening.surely_met(criterion, made.domain, sized, made.certification)
    plenty = made.with_points(2 * fewest + 4 if claim == "mean" else 4 * fewest // 3 + 4).sampling
    assert screening.surely_met(criterion, made.domain, plenty, made.certification) or design not in ("random", "until decided")


# ---------------------------------------------------------------- outlook


def test_a_prospect_is_what_exact_power_says(build: Any) -> None:
    """Clean accuracy .85 when it truly is .925: from 166 points on the Clopper-Pearson bound reaches .85 with probability .9, and 165 have less."""
    found = prospect(build.criterion("clean_accuracy", 0.85), setting(build, "random", 300), assume=None, power=0.9)
    assert (found.attainable, found.assumed, found.exact) == (True, 0.925, True)
    assert found.likely_points is not None

    def power(points: int) -> float:
        k = np.arange(points + 1)
        enough = int((proportion_lower_bound(k, points, alpha=0.05) < 0.85).sum())
        return float(bdtrc(enough - 1, points, 0.925))

    assert power(found.likely_points) >= 0.9 > power(found.likely_points - 1)
    assert all(power(points) >= 0.9 for points in range(found.likely_points, 600))


def test_the_assumption_is_a_share_that_comes_out_well(build: Any) -> None:
    """Of an abstention rate it is one minus the rate, of a mean the share of the largest radius; what does not meet the requirement has no number of points."""
    made = setting(build, "random", 300)
    cases = (("abstention_rate", 0.1, 0.05), ("certified_accuracy", 0.8, 0.95), ("radius_quantile", 0.3, 0.95))
    for metric, required, assumed in cases:
        found = prospect(build.criterion(metric, required), made, assume=0.95, power=0.9)
        assert found.assumed == pytest.approx(assumed)
        assert found.likely_points is not None
    mean = prospect(build.criterion("mean_certified_radius", 0.3), made, assume=0.95, power=0.9)
    assert mean.assumed == pytest.approx(0.95 * best_radius(made.certification, (), N) * (1 - ALPHA))
    assert not mean.exact
    assert prospect(build.criterion("certified_accuracy", 0.8), made, assume=0.7, power=0.9).likely_points is None


@pytest.mark.parametrize("design", ["random", "proportional", "equal", "until decided"])
def test_likely_points_are_more_than_the_fewest(build: Any, design: str) -> None:
    """More for a worse truth and for more power, in every design and scope."""
    for changes in ({}, {"scope": "each_cell"}, {"scope": "each_level", "attribute": "surface"}, {"scope": "each_class"}):
        criterion = build.criterion("certified_accuracy", 0.8, **changes)
        made = setting(build, design, 300)
        numbers = [
            prospect(criterion, made, assume=p, power=power).likely_points for p, power in ((0.95, 0.5), (0.95, 0.9), (0.9, 0.9))
        ]
        fewest = fewest_points(criterion, made)
        assert None not in (*numbers, fewest)
        assert fewest <= numbers[0] <= numbers[1] <= numbers[2]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("design", "of_odd", "of_cells"), [("random", True, False), ("proportional", True, False), ("equal", False, True)]
)
def test_only_what_counts_alone_decide_is_called_exact(build: Any, design: str, of_odd: bool, of_cells: bool) -> None:
    """Over the ODD where one bound counts all points; in each cell where every cell surely gets its number."""
    made = setting(build, design, 300)
    whole, cells = (build.criterion("certified_accuracy", 0.8, scope=scope) for scope in ("odd", "each_cell"))
    assert prospect(whole, made, assume=None, power=0.9).exact is of_odd
    assert prospect(cells, made, assume=None, power=0.9).exact is of_cells


def test_the_lightest_cell_is_named(build: Any) -> None:
    """A cell of 5 % of 40 random points expects 2 of the 14 that it needs, and hardly ever gets them; of equal allocation each gets 20."""
    criterion = build.criterion("certified_accuracy", 0.8, scope="each_cell")
    found = prospect(criterion, setting(build, "random", 40, weights=(0.95, 0.05)), assume=None, power=0.9).lightest
    assert found is not None
    assert (found.needed, found.expected) == (14, pytest.approx(2.0))
    assert found.chance < 1e-6
    equal = prospect(criterion, setting(build, "equal", 40, weights=(0.95, 0.05)), assume=None, power=0.9).lightest
    assert equal is not None
    assert (equal.expected, equal.chance) == (20, 1.0)


def test_costs_count_every_forward_pass() -> None:
    """Pilot, points and reference; a budget that may stop earlier says "at most"."""
    plan = replace(certification("tolerance", 9999, tolerance=0.2, pilot_points=50), reference=ReferencePlan(n=10_000, points=20))
    parts = {part.part: (part.forwards, part.at_most) for part in costs(plan, 300, until_decided=False)}
    assert parts == {"pilot": (5000, False), "points": (300 * 10_099, True), "reference": (20 * 10_100, False)}
    (only,) = costs(certification("single_batch", 500), 30, until_decided=False)
    assert (only.forwards, only.at_most) == (15_000, False)
    assert costs(certification(), 30, until_decided=True)[0].at_most


def test_the_expected_loss_is_that_of_the_budget() -> None:
    """At n = 1,000 against 100,000: 16.9 % evenly spread, 15.6 % by theory, 35.4 % where all copies agree (caps 2.4633 and 3.8115 sigma)."""
    loss = expected_loss(certification(), N)
    assert (loss.n_ref, round(loss.uniform, 3), round(loss.theory or 0, 3)) == (100_000, 0.169, 0.156)
    assert loss.agreeing == pytest.approx(1 - 2.4633 / 3.8115, abs=1e-4)


def test_a_tolerance_is_kept_by_the_smallest_n() -> None:
    """The n that 20 % take loses at most that, one draw fewer loses more; where no n up to the maximum does, the maximum."""
    n = tolerated_draws(certification("tolerance", 99_999, tolerance=0.2, pilot_points=50))
    assert expected_loss(certification(), n).uniform <= 0.2 < expected_loss(certification(), n - 1).uniform
    assert tolerated_draws(certification("tolerance", 500, tolerance=0.2, pilot_points=50)) == 500


def test_stops_are_at_most_the_maximum() -> None:
    """22 agreeing draws decide .125 at sigma .25; close calls take the maximum."""
    stops = expected_stops(certification("sequential", 50), (0.125,))
    assert stops[0] == replace(stops[0], p=1.0, draws=22)
    assert stops[-1] == replace(stops[-1], p=0.9, draws=50)
