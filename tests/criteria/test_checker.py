"""What `check` says, case by case, on constructed results."""

import itertools
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from odd_assess.criteria import METRICS, certified_at, check, refuted_at, verdict
from odd_assess.criteria.advice import advise
from odd_assess.records import CriteriaSet, Evidence, Finding, Reduction, SamplingPlan, State
from odd_assess.stats import (
    domain_fraction_bounds,
    fewest_agreeing,
    mean_lower_bound,
    mean_upper_bound,
    pooled_lower_bound,
    proportion_upper_bound,
    radius_cap,
)

SIGMA, ALPHA, N = 0.25, 1e-3, 1000
MET, NOT_MET, OPEN = State.MET, State.NOT_MET, State.INCONCLUSIVE


def points(certified: int, undecided: int, refuted: int) -> np.ndarray:
    """Label hits of so many points in each state at radius 0.25 (Phi(1) = .8413, so 877 of 1000 certify)."""
    return np.repeat([950, 850, 700], [certified, undecided, refuted])


# ---------------------------------------------------------------- the states of points


def test_the_three_point_states(build: Any) -> None:
    """Certified, undecided, refuted by the label's hits; the borders are those of the bounds."""
    results = build.results(points(1, 1, 1))
    assert certified_at(results, 0.25).tolist() == [True, False, False]
    assert refuted_at(results, 0.25).tolist() == [False, False, True]
    fewest = fewest_agreeing(N, alpha=ALPHA, radius=0.25, sigma=SIGMA)
    assert fewest is not None
    assert certified_at(build.results([fewest - 1, fewest]), 0.25).tolist() == [False, True]


def test_another_class_certified_is_refuted(build: Any) -> None:
    """Whenever another class certifies, the label is refuted at every radius, however many of the other draws it has."""
    for n in (10, 25, 100, 1000):
        hits = np.arange(fewest_agreeing(n, alpha=ALPHA) or n + 1, n + 1)
        results = build.results(n - hits, n=n, other=hits)
        assert results.certified.all()
        assert not results.correct.any()
        assert refuted_at(results, 1e-9).all()
        assert not certified_at(results, 1e-9).any()


def test_no_point_is_certified_and_refuted(build: Any) -> None:
    """The states exclude each other for every count, budget and radius."""
    for n in (10, 100, 1000):
        results = build.results(np.arange(n + 1), n=n)
        for radius in (1e-9, 0.1, 0.25, 0.6):
            assert not (certified_at(results, radius) & refuted_at(results, radius)).any()


# ---------------------------------------------------------------- claims on the ODD


@pytest.mark.parametrize(
    ("hits", "required", "state"),
    [
        (points(100, 0, 0), 0.95, MET),
        (points(100, 0, 0), 0.98, OPEN),  # 100 of 100 shows .970
        (points(90, 5, 5), 0.8, MET),
        (points(80, 20, 0), 0.8, OPEN),
        (points(50, 50, 0), 0.8, OPEN),  # undecided points: no number of them fails the model
        (points(50, 0, 50), 0.8, NOT_MET),
        (points(0, 0, 100), 0.05, NOT_MET),
        (points(0, 100, 0), 0.05, OPEN),
        (points(1, 0, 0), 0.05, OPEN),
        (points(1, 0, 0), 0.04, MET),  # one certified point shows .049
    ],
)
def test_certified_accuracy(build: Any, hits: np.ndarray, required: float, state: State) -> None:
    """The state follows from the exact bounds of certified and not refuted points."""
    finding = build.check(build.criterion("certified_accuracy", required), build.results(hits))
    certified, refuted = int((hits == 950).sum()), int((hits == 700).sum())
    lower, upper = domain_fraction_bounds(certified, len(hits) - refuted, len(hits), alpha=ALPHA, beta=1 - 0.95)
    assert finding.state is state
    assert (finding.lower, finding.upper) == pytest.approx((lower, upper))
    assert finding.observed == pytest.approx(certified / len(hits))
    assert finding.kind == "domain claim"
    assert finding.points == len(hits)
    assert (finding.advice == "") == (state is MET)


def test_the_largest_alpha_counts(build: Any) -> None:
    """Where alpha differs by point, the correction takes the largest."""
    mixed = build.results(
        points(90, 0, 10), alpha=np.where(np.arange(100) < 50, 1e-3, 0.02), sigma=np.where(np.arange(100) < 50, 0.25, 0.3)
    )
    finding = build.check(build.criterion("certified_accuracy", 0.5), mixed)
    shown, open_ = int(certified_at(mixed, 0.25).sum()), int((~refuted_at(mixed, 0.25)).sum())
    assert (finding.lower, finding.upper) == pytest.approx(domain_fraction_bounds(shown, open_, 100, alpha=0.02, beta=0.05))


def test_proportional_strata_take_the_pooled_bound(build: Any) -> None:
    """The same as independent points but for the guards: one certified point of a few shows nothing."""
    finding = build.check(build.criterion("certified_accuracy", 0.5), build.results(points(80, 20, 0)), design="stratified")
    assert finding.lower == pytest.approx((pooled_lower_bound(80, 100, beta=0.05) - ALPHA) / (1 - ALPHA))
    assert build.check(build.criterion("certified_accuracy", 0.04), build.results(points(1, 0, 0)), design="stratified").lower == 0


def test_equal_strata_are_weighted(build: Any) -> None:
    """A light cell that fails costs its weight only, a heavy one costs the claim; observed is weighted too."""
    cell = np.repeat([0, 1], 100)
    light = build.results(np.where(cell == 1, 700, 950), cell=cell)
    heavy = build.results(np.where(cell == 0, 700, 950), cell=cell)
    criterion = build.criterion("certified_accuracy", 0.7)
    good = build.check(criterion, light, design="stratified", allocation="equal")
    bad = build.check(criterion, heavy, design="stratified", allocation="equal")
    assert good.observed == pytest.approx(0.9)
    assert good.state is MET
    assert bad.observed == pytest.approx(0.1)
    assert bad.state is NOT_MET


@pytest.mark.parametrize("design", ["sobol", "lhs", "grid", "pairwise"])
@pytest.mark.parametrize("metric", ["certified_accuracy", "clean_accuracy", "abstention_rate", "mean_certified_radius"])
def test_designs_without_a_probability_model_get_no_confidence(build: Any, design: str, metric: str) -> None:
    """INCONCLUSIVE with the reason, whatever was observed: no bound is printed."""
    required = 1.0 if metric == "abstention_rate" else 0.0
    finding = build.check(build.criterion(metric, required), build.results(points(100, 0, 0)), design=design)
    assert finding.state is OPEN
    assert finding.lower is finding.upper is None
    assert finding.observed is not None
    assert f"design {design}" in finding.message
    assert "random or stratified" in finding.advice


@pytest.mark.parametrize("metric", METRICS)
def test_no_points_are_inconclusive(build: Any, metric: str) -> None:
    """Empty evidence is never a pass and never a number."""
    finding = build.check(build.criterion(metric, 0.0), build.results([]))
    assert finding.state is OPEN
    assert finding.observed is finding.lower is finding.upper is None


def test_an_unfinished_run_makes_no_claim(build: Any) -> None:
    """Fewer points than planned: INCONCLUSIVE, and the way on."""
    finding = build.check(build.criterion("certified_accuracy", 0.1), build.results(points(50, 0, 0)), points=100)
    assert finding.state is OPEN
    assert "50 of 100 points" in finding.message
    assert "--resume" in finding.advice


@pytest.mark.parametrize(("right", "required", "state"), [(97, 0.9, MET), (92, 0.9, OPEN), (80, 0.9, NOT_MET)])
def test_clean_accuracy(build: Any, right: int, required: float, state: State) -> None:
    """The exact binomial bounds, without a correction: nothing here depends on noise."""
    results = build.results(points(100, 0, 0), clean=(np.arange(100) >= right).astype(int))
    finding = build.check(build.criterion("clean_accuracy", required), results)
    assert finding.state is state
    assert finding.lower == pytest.approx(domain_fraction_bounds(right, right, 100, alpha=0, beta=0.05)[0])


@pytest.mark.parametrize(("abstaining", "required", "state"), [(0, 0.05, MET), (4, 0.05, OPEN), (20, 0.05, NOT_MET)])
def test_abstention_rate(build: Any, abstaining: int, required: float, state: State) -> None:
    """The requirement is an upper limit: MET by the upper bound, NOT MET by the lower."""
    finding = build.check(
        build.criterion("abstention_rate", required), build.results(np.repeat([500, 950], [abstaining, 100 - abstaining]))
    )
    assert finding.state is state
    assert finding.observed == abstaining / 100


@pytest.mark.parametrize(
    ("right", "wrong", "required", "state"),
    [(97, 0, 0.9, MET), (90, 2, 0.9, OPEN), (80, 0, 0.9, OPEN), (80, 20, 0.9, NOT_MET), (0, 0, 0.05, OPEN)],
)
def test_smoothed_accuracy(build: Any, right: int, wrong: int, required: float, state: State) -> None:
    """A certificate of the true class shows it, one of another class excludes it, at whatever radius; a point without one does neither."""
    hits = np.repeat([600, 20, 500], [right, wrong, 100 - right - wrong])  # 600 of 1000 certify .108 of .25
    results = build.results(hits, other=np.repeat([-1, 700, -1], [right, wrong, 100 - right - wrong]))
    finding = build.check(build.criterion("smoothed_accuracy", required), results)
    assert finding.state is state
    expected = domain_fraction_bounds(right, 100 - wrong, 100, alpha=ALPHA, beta=0.05)
    assert (finding.lower, finding.upper) == pytest.approx(expected)


def test_the_worst_cell_is_each_cell(build: Any) -> None:
    """The same bounds, state and parts as certified accuracy in each cell."""
    results = build.results(points(90, 5, 5), cell=np.arange(100) % 2)
    worst = build.check(build.criterion("worst_cell", 0.6), results)
    cells = build.check(build.criterion("certified_accuracy", 0.6, scope="each_cell"), results)
    assert (worst.state, worst.lower, worst.upper, worst.parts) == (cells.state, cells.lower, cells.upper, cells.parts)


# ---------------------------------------------------------------- the share of noisy copies


@pytest.mark.parametrize(("required", "state"), [(0.80, MET), (0.85, OPEN), (0.90, NOT_MET)])
def test_robust_fraction_is_an_estimate_with_an_interval(build: Any, required: float, state: State) -> None:
    """The mean share of draws of the true class, between the betting bounds at 2.5 % each; draws of another class that was tried count against it."""
    results = build.results(np.repeat([900, 800, 20], [200, 190, 5]), other=np.repeat([-1, -1, 980], [200, 190, 5]))
    finding = build.check(build.criterion("robust_fraction", required), results)
    shares = np.repeat([0.9, 0.8, 0.02], [200, 190, 5])
    assert finding.observed == pytest.approx(shares.mean())
    assert finding.lower == pytest.approx(mean_lower_bound(shares, upper=1, beta=0.025))
    assert finding.upper == pytest.approx(mean_upper_bound(shares, upper=1, beta=0.025))
    assert (finding.state, finding.kind) == (state, "estimate")
    assert "an estimate" in finding.message


@pytest.mark.parametrize(("changes", "given"), [({"anytime": True}, {}), ({}, {"design": "sobol"}), ({}, {"points": 200})])
def test_a_biased_robust_fraction_is_inconclusive(build: Any, changes: dict[str, Any], given: dict[str, Any]) -> None:
    """Draws that stop when decided, points without a probability model, points that are missing: no interval, and what to do."""
    finding = build.check(build.criterion("robust_fraction", 0.1), build.results(points(100, 0, 0), **changes), **given)
    assert finding.state is OPEN
    assert finding.lower is finding.upper is None
    assert finding.advice


# ---------------------------------------------------------------- the mean radius


def test_mean_certified_radius_takes_the_betting_bound(build: Any) -> None:
    """Lower: the bound on certified correct radii, less alpha times the cap. Points of another class count 0."""
    results = build.results(np.repeat([950, 20], [150, 50]), other=np.repeat([-1, 980], [150, 50]))
    finding = build.check(build.criterion("mean_certified_radius", 0.1), results)
    cap = radius_cap(N, alpha=ALPHA, sigma=SIGMA)
    shown = np.where(results.correct, results.radius, 0.0)
    assert finding.lower == pytest.approx(mean_lower_bound(shown, upper=cap, beta=0.05) - ALPHA * cap, rel=1e-6)
    assert finding.state is MET
    assert finding.observed == pytest.approx(shown.mean())
    reference = radius_cap(100_000, alpha=ALPHA, sigma=SIGMA)
    share = proportion_upper_bound(results.label_hits, results.n, alpha=ALPHA)
    open_ = np.clip(SIGMA * norm.ppf(share), 0, reference)
    assert finding.upper == pytest.approx(mean_upper_bound(open_, upper=reference, beta=0.05) + ALPHA * reference, rel=1e-6)


def test_a_small_budget_never_fails_the_mean_radius(build: Any) -> None:
    """Every draw agrees but the budget is small: INCONCLUSIVE, with the draws that could show it; not NOT MET."""
    criterion = build.criterion("mean_certified_radius", 0.5)
    finding = build.check(criterion, build.results(np.full(100, 100), n=100))
    assert finding.state is OPEN
    assert "at least 301 draws" in finding.advice  # the smallest n whose cap reaches .5
    assert build.check(criterion, build.results(np.full(200, 1000))).state is MET
    assert build.check(criterion, build.results(np.full(200, 600))).state is NOT_MET


# ---------------------------------------------------------------- each cell


def two_cells(build: Any, first: np.ndarray, second: np.ndarray) -> Any:
    return build.results(np.concatenate((first, second)), cell=np.repeat([0, 1], [len(first), len(second)]))


@pytest.mark.parametrize(
    ("first", "second", "required", "state", "parts"),
    [
        (points(60, 0, 0), points(60, 0, 0), 0.9, MET, (MET, MET)),
        (points(60, 0, 0), points(30, 0, 30), 0.9, NOT_MET, (MET, NOT_MET)),
        (points(60, 0, 0), points(50, 10, 0), 0.9, OPEN, (MET, OPEN)),
        (points(60, 0, 0), points(0, 0, 0), 0.9, OPEN, (MET, OPEN)),  # an empty cell
        (points(0, 0, 60), points(0, 0, 0), 0.9, NOT_MET, (NOT_MET, OPEN)),  # a failing cell decides though the other is empty
        (points(0, 60, 0), points(0, 60, 0), 0.9, OPEN, (OPEN, OPEN)),
        (points(29, 0, 0), points(29, 0, 0), 0.9, MET, (MET, MET)),  # p = .948^29 each: below .05, above .025
        (points(29, 0, 0), points(20, 9, 0), 0.9, OPEN, (OPEN, OPEN)),  # the same cell alone needs .025 to be named
    ],
)
def test_each_cell(
    build: Any, first: np.ndarray, second: np.ndarray, required: float, state: State, parts: tuple[State, ...]
) -> None:
    """All cells, one failing cell, open and empty cells."""
    finding = build.check(build.criterion("certified_accuracy", required, scope="each_cell"), two_cells(build, first, second))
    assert finding.state is state
    assert tuple(part.state for part in finding.parts) == parts
    assert [part.points for part in finding.parts] == [len(first), len(second)]
    if len(second) == 0:
        assert finding.lower is None
        assert finding.parts[1].observed is finding.parts[1].lower is finding.parts[1].upper is None


def test_cell_bounds_hold_together(build: Any) -> None:
    """Each cell's bounds are at (1 - confidence) / 2 for two cells; the worst cell's lower bound is at 1 - confidence, its upper bound shared."""
    finding = build.check(
        build.criterion("certified_accuracy", 0.5, scope="each_cell"), two_cells(build, points(30, 5, 5), points(50, 5, 5))
    )
    for part, shown, m in zip(finding.parts, (30, 50), (40, 60), strict=True):
        assert (part.lower, part.upper) == pytest.approx(domain_fraction_bounds(shown, m - 5, m, alpha=ALPHA, beta=0.025))
    assert finding.lower == pytest.approx(domain_fraction_bounds(30, 35, 40, alpha=ALPHA, beta=0.05)[0])
    assert finding.upper == pytest.approx(min(part.upper for part in finding.parts if part.upper is not None))


@pytest.mark.parametrize("alpha", [1e-3, 0.05])
def test_named_cells_agree_with_their_bounds(build: Any, alpha: float) -> None:
    """With Bonferroni a cell is named MET exactly where its printed lower bound reaches the requirement, NOT MET where its upper bound misses it."""
    for shown, refuted in itertools.product(range(0, 41, 2), (0, 8, 17, 18, 19, 20, 21, 40)):
        if shown + refuted > 40:
            continue
        hits = np.concatenate((points(shown, 40 - shown - refuted, refuted), points(10, 20, 10)))
        results = build.results(hits, alpha=alpha, cell=np.repeat([0, 1], 40))
        criterion = build.criterion("certified_accuracy", 0.7, scope="each_cell", multiplicity="bonferroni")
        first = build.check(criterion, results).parts[0]
        assert (first.state is MET) == (first.lower >= 0.7)
        assert (first.state is NOT_MET) == (first.upper < 0.7)


# ---------------------------------------------------------------- estimates and counts


def lost(**given: Any) -> Reduction:
    return Reduction(n_ref=100_000, expected_reference=np.full(10, 0.4), **({"predicted": 0.2} | given))


@pytest.mark.parametrize(
    ("reduction", "state", "observed"),
    [
        (lost(measured=0.2, measured_lower=0.15, measured_upper=0.25, measured_points=20), MET, 0.2),
        (lost(measured=0.2, measured_lower=0.15, measured_upper=0.35, measured_points=20), OPEN, 0.2),
        (lost(measured=0.4, measured_lower=0.35, measured_upper=0.5, measured_points=20), NOT_MET, 0.4),
        (lost(measured=0.2, measured_points=3), MET, 0.2),  # no interval: the prediction over all points decides
        (lost(predicted=0.31), NOT_MET, 0.31),
        (lost(predicted=None), OPEN, None),
    ],
)
def test_radius_reduction(build: Any, reduction: Reduction, state: State, observed: float | None) -> None:
    """The measured interval decides, else the prediction; either is an estimate and says so."""
    finding = build.check(build.criterion("radius_reduction", 0.3), build.results(np.full(10, 990)), reduction=reduction)
    assert finding.state is state
    assert finding.observed == observed
    assert finding.kind == "estimate"
    assert observed is None or "estimate" in finding.message.lower()


@pytest.mark.parametrize(
    ("metric", "required", "state", "observed"),
    [
        ("cell_coverage", 1.0, NOT_MET, 0.5),
        ("cell_coverage", 0.5, MET, 0.5),
        ("pairwise_coverage", 0.9, MET, 0.9),
        ("pairwise_coverage", 0.91, NOT_MET, 0.9),
        ("level_coverage", 1.0, MET, 1.0),
        ("points_per_cell", 1, NOT_MET, 0.0),
        ("points_per_cell", 0, MET, 0.0),
    ],
)
def test_descriptive_metrics(build: Any, metric: str, required: float, state: State, observed: float) -> None:
    """Counted, whatever the design; gaps are named."""
    for design in ("random", "pairwise"):
        finding = build.check(
            build.criterion(metric, required), build.results(points(10, 0, 0)), design=design, pairwise_coverage=0.9
        )
        assert (finding.state, finding.observed, finding.kind) == (state, observed, "descriptive")
        assert finding.lower is finding.upper is None
        assert state is MET or "Not visited: cell 1" in finding.advice or metric == "pairwise_coverage"


def test_nothing_to_cover_is_inconclusive(build: Any) -> None:
    """A coverage that is not a number is not a pass."""
    assert (
        build.check(build.criterion("level_coverage", 0.0), build.results(points(1, 0, 0)), level_coverage=float("nan")).state
        is OPEN
    )


# ---------------------------------------------------------------- advice


def test_points_needed_would_decide(build: Any) -> None:
    """The advised number of points, with the same fractions, is decided; half of it is not."""
    criterion = build.criterion("certified_accuracy", 0.8)
    finding = build.check(criterion, build.results(points(85, 0, 15)))
    assert finding.state is OPEN
    advised = int(finding.advice.split("about ")[1].split(" points")[0].replace(",", ""))
    assert build.check(criterion, build.results(points(round(0.85 * advised), 0, advised - round(0.85 * advised)))).state is MET
    assert build.check(criterion, build.results(points(round(0.425 * advised), 0, round(0.075 * advised)))).state is OPEN


def test_draws_needed_would_decide(build: Any) -> None:
    """Points that are undecided for want of draws: the advised budget decides at the same points."""
    criterion = build.criterion("certified_accuracy", 0.8)
    finding = build.check(criterion, build.results(points(70, 30, 0) + np.repeat([0, 10], [70, 30])))
    assert finding.state is OPEN
    n = int(finding.advice.split("about ")[-1].split(" draws")[0].replace(",", ""))
    assert N < n < 100_000
    assert build.check(criterion, build.results(np.repeat([0.95, 0.86], [70, 30]) * n, n=n)).state is MET


def test_advice_where_the_budget_cannot(build: Any) -> None:
    """A radius above the cap: the smallest n that could."""
    finding = build.check(build.criterion("certified_accuracy", 0.5, radius=0.65), build.results(np.full(100, 1000)))
    assert finding.state is OPEN
    assert "0.615" in finding.advice
    needed = int(finding.advice.split("at least ")[1].split(" draws")[0].replace(",", ""))
    assert radius_cap(needed, alpha=ALPHA, sigma=SIGMA) >= 0.65 > radius_cap(needed - 1, alpha=ALPHA, sigma=SIGMA)
    assert (
        "larger sigma"
        in build.check(build.criterion("certified_accuracy", 0.5, radius=2.0), build.results(np.full(100, 1000))).advice
    )


def test_advice_where_the_model_fails(build: Any) -> None:
    """How many points would have been needed, and whether this many points could have met it at all."""
    finding = build.check(build.criterion("certified_accuracy", 0.8), build.results(points(50, 0, 50)))
    assert "takes 87 of 100 points shown; 50 were" in finding.advice
    finding = build.check(build.criterion("certified_accuracy", 0.99), build.results(points(5, 0, 15)))
    assert "20 points could not have met it in any case: at least 299 are needed" in finding.advice
    cells = build.check(
        build.criterion("certified_accuracy", 0.9, scope="each_cell"), two_cells(build, points(60, 0, 0), points(0, 0, 60))
    )
    assert "Not met in: surface level 1" in cells.advice


def test_too_close_to_call(build: Any) -> None:
    """Undecided points at p = Phi(r / sigma) itself: no number of points or draws is promised."""
    hits = np.repeat([950, round(1000 * norm.cdf(1))], [75, 25])
    finding = build.check(build.criterion("certified_accuracy", 0.8), build.results(hits))
    assert finding.state is OPEN
    assert "Increase both" in finding.advice


def test_reduction_advice(build: Any) -> None:
    """Draws that would be expected to bring the reduction down."""
    results = build.results(np.full(50, 900))
    from odd_assess.criteria import radius_loss

    reduction = radius_loss(results, None, n_ref=100_000, seed=1)
    assert reduction.predicted is not None
    finding = build.check(build.criterion("radius_reduction", reduction.predicted / 2), results, reduction=reduction)
    assert finding.state is NOT_MET
    assert "draws a point would be expected" in finding.advice


# ---------------------------------------------------------------- the verdict


def found(build: Any, state: State, severity: str) -> Finding:
    criterion = build.criterion("clean_accuracy", 0.5, severity=severity)
    return Finding(criterion=criterion, state=state, kind="domain claim", points=1, observed=1, lower=1, upper=1, message="")


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([], OPEN),
        ([(MET, "warning")], OPEN),
        ([(MET, "blocking")], MET),
        ([(MET, "blocking"), (NOT_MET, "warning"), (OPEN, "info")], MET),
        ([(MET, "blocking"), (OPEN, "blocking")], OPEN),
        ([(OPEN, "blocking"), (NOT_MET, "blocking")], NOT_MET),
        ([(NOT_MET, "info")], OPEN),
    ],
)
def test_verdict(build: Any, findings: list[tuple[State, str]], expected: State) -> None:
    """Only blocking criteria count; a failure outweighs an open question; nothing to rest on is INCONCLUSIVE."""
    assert verdict([found(build, *finding) for finding in findings]) is expected


# ---------------------------------------------------------------- misuse and edges


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": "accuracy"}, "metric must be one of"),
        ({"radius": None}, "must have a radius"),
        ({"confidence": None}, "must have a confidence"),
        ({"confidence": 1.0}, "must have a confidence"),
        ({"comparator": "<="}, "takes >="),
    ],
)
def test_a_criterion_that_cannot_be_read_is_refused(build: Any, changes: dict[str, Any], message: str) -> None:
    """A programming error, since lint checks files: ValueError."""
    with pytest.raises(ValueError, match=message):
        build.check(replace(build.criterion("certified_accuracy", 0.5), **changes), build.results(points(1, 0, 0)))


def test_findings_keep_the_order_of_the_criteria(build: Any) -> None:
    """One finding a criterion, in order."""
    results = build.results(points(10, 0, 0))
    criteria = [build.criterion("clean_accuracy", 0.1, id="a"), build.criterion("level_coverage", 1.0, id="b")]
    evidence = Evidence(
        domain=build.domain(0.9, 0.1),
        sampling=SamplingPlan(design="random", points=10, seed=1),
        results=results,
        coverage=build.coverage(results, 2),
        reduction=lost(),
    )
    assert [finding.criterion.id for finding in check(criteria, evidence)] == ["a", "b"]
    one_file = CriteriaSet(id="f", title="f", path=Path("f.yaml"), sha256="", criteria=tuple(criteria))
    assert check(one_file, SimpleNamespace(evidence=evidence)) == check(criteria, evidence)


@pytest.mark.parametrize("metric", [name for name, info in METRICS.items() if info.kind == "domain claim" and "odd" in info.scopes])
@pytest.mark.parametrize(
    ("hits", "n", "alpha"), [([0] * 3, 10**9, 1e-12), ([10**9] * 3, 10**9, 1e-12), ([0, 1, 9, 10], 10, 0.5), ([1], 1, 0.01)]
)
def test_edges_give_numbers_and_no_warning(build: Any, metric: str, hits: list[int], n: int, alpha: float) -> None:
    """At k = 0, k = n, huge n, tiny alpha, one point: no warning, no NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for design, allocation in (("random", "proportional"), ("stratified", "proportional"), ("stratified", "equal")):
            results = build.results(hits, n=n, alpha=alpha)
            finding = build.check(build.criterion(metric, 0.5), results, design=design, allocation=allocation, baseline=results)
            assert finding.lower is not None
            assert finding.upper is not None
            assert METRICS[metric].low <= finding.lower <= finding.upper


# ---------------------------------------------------------------- what could not be sampled


def test_the_part_without_frames_counts_against_the_claim(build: Any) -> None:
    """With 20 % of the ODD out of reach, a perfect sample shows at most 80 % of it and refutes nothing of the rest."""
    results = build.results(points(300, 0, 0))
    whole = build.check(build.criterion("certified_accuracy", 0.9), results)
    part = build.check(build.criterion("certified_accuracy", 0.9), results, reached=0.8)
    assert (whole.state, part.state) == (MET, OPEN)
    assert part.lower == pytest.approx((0.8 * 0.05 ** (1 / 300) - ALPHA) / (1 - ALPHA), abs=1e-9)
    assert part.upper == 1.0
    assert "20.0% of the ODD has no frame" in part.message


def test_the_part_without_frames_may_be_perfect(build: Any) -> None:
    """A sample that fails everywhere refutes 95 % only if the unreached part could not make up for it."""
    results = build.results(points(0, 0, 300))
    for reached, state in ((0.8, NOT_MET), (0.04, OPEN)):
        assert build.check(build.criterion("certified_accuracy", 0.95), results, reached=reached).state is state


def test_a_measurement_that_contradicts_the_prediction_decides_nothing(build: Any) -> None:
    """Too few reference points certify for an interval: prediction and measurement must agree, or the criterion stays open."""
    results = build.results(points(300, 0, 0))
    for measured, state in ((0.354, OPEN), (0.2, MET)):
        lost = Reduction(n_ref=100_000, expected_reference=np.ones(300), predicted=0.187, measured=measured, measured_points=4)
        finding = build.check(build.criterion("radius_reduction", 0.25), results, reduction=lost)
        assert finding.state is state
        assert f"{measured:.3f} measured on 4 points" in finding.message


def test_on_a_baseline_more_draws_are_those_of_a_certification_from_nothing() -> None:
    """The baseline has no more answers and no more points than it has: the advice says so, the numbers stay."""
    found = advise(
        100,
        500,
        lambda copies: State.MET if copies > 2 else State.INCONCLUSIVE,
        lambda n: State.MET if n > 900 else State.INCONCLUSIVE,
    )
    rests = advise(
        100,
        500,
        lambda copies: State.MET if copies > 2 else State.INCONCLUSIVE,
        lambda n: State.MET if n > 900 else State.INCONCLUSIVE,
        on_baseline=True,
    )
    assert (rests.points, rests.draws) == (found.points, found.draws)
    assert "points at this budget, which the baseline must have first (MET)" in rests.text
    assert (
        "recertifying with more --draws where the baseline keeps more answers, or certifying this model from nothing with about 1,000 draws a point at these "
        "points (MET)"
    ) in rests.text
    assert "baseline" not in found.text
