"""Claims on points that stopped coming when they were decided, and the quantile of the radius."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, norm

from odd_assess.assessment.gate import looks
from odd_assess.criteria import undecided
from odd_assess.criteria.claims import QuantileClaim
from odd_assess.criteria.inference import Anytime, Independent
from odd_assess.records import Evidence, Reduction, SamplingPlan, State
from odd_assess.stats import anytime_lower_bound, proportion_upper_bound, quantile_lower_bound, quantile_upper_bound

MET, NOT_MET, OPEN = State.MET, State.NOT_MET, State.INCONCLUSIVE


def still_open(
    build: Any, criterion: Any, results: Any, most: int, weights: tuple[float, ...] = (0.9, 0.1), **coverage: Any
) -> bool:
    """Whether further points could decide the criterion."""
    evidence = Evidence(
        domain=build.domain(*weights),
        sampling=SamplingPlan(design="random", points=most, seed=1, until_decided=True),
        results=results,
        coverage=build.coverage(results, len(weights), **coverage),
        reduction=Reduction(n_ref=100_000, expected_reference=results.radius, predicted=None),
    )
    return bool(undecided([criterion], evidence))


def test_the_bounds_are_those_of_a_stopping_time(build: Any) -> None:
    """With until_decided the bound is the anytime one, wider than the exact one for a fixed number of points, and fewer points than the most are no gap."""
    results = build.results([1000] * 60)
    fixed = build.check(build.criterion("certified_accuracy", 0.8), results, points=60)
    stopped = build.check(build.criterion("certified_accuracy", 0.8), results, points=500, until_decided=True)
    assert stopped.state is MET
    assert stopped.lower == pytest.approx((anytime_lower_bound(60, 60, alpha=0.05) - 0.001) / 0.999)
    assert stopped.lower < fixed.lower
    assert "valid at any stopping time" in stopped.message


@pytest.mark.parametrize("metric", ["certified_accuracy", "clean_accuracy", "mean_certified_radius", "radius_quantile"])
def test_a_claim_waits_until_it_is_decided(build: Any, metric: str) -> None:
    """All points good: met; all bad: not met; neither: further points are asked for."""
    required = {"mean_certified_radius": 0.3, "radius_quantile": 0.2}.get(metric, 0.6)
    criterion = build.criterion(metric, required, quantile=0.5 if metric == "radius_quantile" else None)
    good, bad = build.results([1000] * 80), build.results([300] * 80, clean=1)
    mixed = build.results([300, 1000] * 4, clean=[1, 0] * 4)
    assert [still_open(build, criterion, results, 500) for results in (good, bad, mixed)] == [False, False, True]


@pytest.mark.parametrize("metric", ["certified_accuracy", "mean_certified_radius", "radius_quantile"])
@pytest.mark.parametrize("scope", ["odd", "each_cell"])
def test_what_was_decided_once_stays_decided(build: Any, metric: str, scope: str) -> None:
    """Points good at first, then bad: once a criterion was met at a look it is met at every later one, as the bounds hold at all of them together."""
    if scope == "each_cell" and metric != "certified_accuracy":
        pytest.skip("only fractions have the scope each_cell")
    required = {"mean_certified_radius": 0.55, "radius_quantile": 0.2}.get(metric, 0.85)
    criterion = build.criterion(metric, required, scope=scope, quantile=0.2 if metric == "radius_quantile" else None)
    results = build.results([1000] * 100 + [300] * 60, cell=[0, 1] * 80)
    states = [
        build.check(criterion, results.take(np.arange(size)), points=160, until_decided=True).state
        for size in looks(160, until_decided=True)
    ]
    assert states[0] is OPEN
    assert MET in states
    assert set(states[states.index(MET) :]) == {MET}


def test_a_count_waits_until_it_is_met_and_an_estimate_never(build: Any) -> None:
    """Coverage can only grow; nothing waits for an estimate."""
    results = build.results([1000] * 10)
    assert still_open(build, build.criterion("pairwise_coverage", 1.0), results, 50, pairwise_coverage=0.5)
    assert not still_open(build, build.criterion("pairwise_coverage", 1.0), results, 50)
    assert not still_open(build, build.criterion("radius_reduction", 0.1), results, 50)


def test_cells_wait_for_each_other(build: Any) -> None:
    """Each cell must be shown, an empty one too; one bad cell decides."""
    criterion = build.criterion("certified_accuracy", 0.6, scope="each_cell")
    one_cell = build.results([1000] * 40, cell=0)
    both = build.results([1000] * 80, cell=[0, 1] * 40)
    bad = build.results([1000] * 40 + [100] * 20, cell=[0] * 40 + [1] * 20)
    assert [still_open(build, criterion, results, 500) for results in (one_cell, both, bad)] == [True, False, False]


def test_looks_reach_the_most_points_and_do_not_depend_on_what_is_seen() -> None:
    """10, then a tenth more each time, and the most at last."""
    assert list(looks(300, until_decided=False)) == [300]
    assert list(looks(7, until_decided=True)) == [7]
    assert list(looks(40, until_decided=True)) == [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 24, 26, 28, 30, 33, 36, 39, 40]
    assert list(looks(10_000, until_decided=True))[-1] == 10_000


@pytest.mark.slow
@pytest.mark.parametrize(("share", "wrong"), [(0.0, MET), (1.0, NOT_MET)])
@pytest.mark.parametrize("metric", ["certified_accuracy", "mean_certified_radius"])
def test_a_gate_is_rarely_wrong_whenever_it_stops(build: Any, metric: str, share: float, wrong: State) -> None:
    """A domain at the very border of the requirement, looked at after 10, 11, ... 120 points: the wrong state comes up in at most 5 % of 100 runs.

    ``share`` = 0: the required value is missed by a hair, and MET is wrong; 1: it is just met, and NOT MET is wrong. False-alarm rate of the test 1e-4.
    """
    runs, beta, n, alpha, radius = 100, 0.05, 200, 0.01, 0.1
    rng = np.random.default_rng(99)
    p_good, p_bad = 0.97, norm.cdf(radius / 0.25) - 1e-9
    q = 0.75
    if metric == "certified_accuracy":
        required = q + (1e-9 if share == 0.0 else 0.0)
    else:
        required = float(q * 0.25 * norm.ppf(p_good) + (1 - q) * 0.25 * norm.ppf(p_bad)) + (1e-9 if share == 0.0 else 0.0)
    criterion = build.criterion(metric, required, radius=radius if metric == "certified_accuracy" else None)
    bad = 0
    for _ in range(runs):
        p = np.where(rng.random(120) < q, p_good, p_bad)
        results = build.results(rng.binomial(n, p), n=n, alpha=alpha)
        for size in looks(120, until_decided=True):
            seen = results.take(np.arange(size))
            if not still_open(build, criterion, seen, 120):
                finding = build.check(criterion, seen, points=120, until_decided=True)
                bad += finding.state is wrong
                break
    assert bad <= binom.isf(1e-4, runs, beta)


def claim(low: np.ndarray, high: np.ndarray, quantile: float = 0.1, alpha: float = 0.0) -> QuantileClaim:
    return QuantileClaim(low=low, high=high, quantile=quantile, cap=1.0, alpha=alpha)


@pytest.mark.parametrize("m", [5, 30, 200])
@pytest.mark.parametrize("quantile", [0.05, 0.1, 0.5])
def test_the_quantile_claim_is_the_order_statistic(m: int, quantile: float) -> None:
    """For independent points without certification errors the inverted fraction bounds are the order statistics, ties included."""
    values = np.round(np.random.default_rng(m).beta(2, 3, m), 1 if m == 30 else 6)
    low, high = claim(values, values, quantile).bounds(Independent(), beta=0.05)
    assert low == quantile_lower_bound(values, quantile=quantile, beta=0.05)
    assert high == quantile_upper_bound(values, quantile=quantile, beta=0.05, highest=1.0)


def test_the_quantile_pays_for_certification_errors_and_for_looking() -> None:
    """A larger alpha widens the bounds; over 20 seeded orders of the values those of a stopping time stand further apart than the fixed ones."""
    values = np.linspace(0.01, 1.0, 300)
    plain = claim(values, values).bounds(Independent(), beta=0.05)
    lossy = claim(values, values, alpha=0.02).bounds(Independent(), beta=0.05)
    orders = [np.random.default_rng(seed).permutation(values) for seed in range(20)]
    low, high = np.mean([claim(order, order).bounds(Anytime(horizon=300), beta=0.05) for order in orders], axis=0)
    assert lossy[0] < plain[0] < 0.1 < plain[1] < lossy[1]
    assert low < plain[0]
    assert high > plain[1]


def test_the_quantile_estimate_is_the_weighted_quantile() -> None:
    """Of ten equal points the worst one may be left out; weights move it."""
    values = np.arange(1.0, 11.0) / 10
    assert claim(values, values).estimate(np.full(10, 0.1)) == 0.2
    heavy = np.array([0.2] + [0.8 / 9] * 9)
    assert claim(values, values).estimate(heavy) == 0.1


def test_a_quantile_criterion_is_checked(build: Any) -> None:
    """Radii of .6 at 190 of 200 points: all but the worst tenth reach .25, all but the worst hundredth do not."""
    results = build.results([1000] * 190 + [300] * 10)
    met = build.check(build.criterion("radius_quantile", 0.25), results)
    missed = build.check(build.criterion("radius_quantile", 0.25, quantile=0.01), results)
    assert (met.state, missed.state) == (MET, NOT_MET)
    assert met.message.startswith("Certified radius quantile at 10 %: at least 0.6")
    assert met.lower == pytest.approx(0.6158, abs=1e-3)


def test_sequential_points_are_judged_by_anytime_bounds(build: Any) -> None:
    """A count that just refutes the radius at a fixed n leaves it open where n was not fixed beforehand."""
    criterion = build.criterion("certified_accuracy", 0.5)
    edge = norm.cdf(0.25 / 0.25)
    hits = max(k for k in range(700, 900) if proportion_upper_bound(k, 1000, alpha=0.001) < edge)
    fixed = build.check(criterion, build.results([hits] * 30))
    stopped = build.check(criterion, build.results([hits] * 30, anytime=True))
    assert "0 of 30 points shown, 30 refuted, 0 undecided" in fixed.message
    assert "0 of 30 points shown, 0 refuted, 30 undecided" in stopped.message
