"""The change against a baseline: bounds, states, and how often a model that is worse by a hair passes."""

from typing import Any

import numpy as np
import pytest

from odd_assess.criteria.regression import change
from odd_assess.records import Criterion, Finding, Results, State
from odd_assess.stats import difference_lower_bound, difference_upper_bound, mean_lower_bound, radius_cap

HIGH, LOW = 1000, 300  # hits of 1,000 draws: certified far beyond the radius, and not at all


def criterion(required: float, of: str = "certified_accuracy", **changes: Any) -> Criterion:
    """A criterion on the change of a metric."""
    given: dict[str, Any] = {
        "comparator": "<=" if of == "abstention_rate" else ">=",
        "radius": 0.25 if of == "certified_accuracy" else None,
        "confidence": 0.95,
    }
    return Criterion(id="R", title="", metric="regression", of=of, required=required, **(given | changes))


def pair(build: Any, m: int, *, lost: int, gained: int) -> tuple[Results, Results]:
    """(baseline, new): the first points are lost, the next gained, the others certified by both."""
    old, new = np.full(m, HIGH), np.full(m, HIGH)
    new[:lost], old[lost : lost + gained] = LOW, LOW
    return build.results(old), build.results(new)


def judged(build: Any, m: int, required: float, *, lost: int, gained: int, **kwargs: Any) -> Finding:
    """The finding on such a pair."""
    old, new = pair(build, m, lost=lost, gained=gained)
    return build.check(criterion(required), new, baseline=old, **kwargs)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("lost", "gained", "state"), [(0, 0, State.MET), (12, 1, State.NOT_MET), (2, 1, State.INCONCLUSIVE), (1, 9, State.MET)]
)
def test_the_bounds_decide(build: Any, lost: int, gained: int, state: State) -> None:
    """150 points, at most .02 may be lost: the exact bounds on the difference of the fractions, and the state that follows."""
    found = judged(build, 150, -0.02, lost=lost, gained=gained)
    assert found.state is state
    assert found.kind == "domain claim"
    assert found.lower == difference_lower_bound(lost, gained, 150, beta=1 - 0.95)
    assert found.upper == difference_upper_bound(lost, gained, 150, beta=1 - 0.95)
    assert found.observed == pytest.approx((gained - lost) / 150)
    assert f"{lost} point{'' if lost == 1 else 's'} lost, {gained} gained, {150 - lost - gained} alike" in found.message
    assert (found.advice == "") == (state is State.MET)


def test_advice_names_points_that_would_decide(build: Any) -> None:
    """With the points that it names, and the same share lost and gained, the criterion is decided."""
    found = judged(build, 100, -0.02, lost=0, gained=0)
    assert found.state is State.INCONCLUSIVE
    assert found.points_needed is not None
    assert judged(build, found.points_needed, -0.02, lost=0, gained=0).state is State.MET


def test_each_metric_is_compared(build: Any) -> None:
    """Clean answers, abstentions (where less is better) and radii: the difference of what the two runs show."""
    old = build.results([HIGH, HIGH, LOW, 550], clean=[0, 1, 0, 0])
    new = build.results([HIGH, LOW, LOW, HIGH], clean=[0, 0, 1, 1])
    assert change("clean_accuracy", old, new, radius=None).difference.tolist() == [0, 1, -1, -1]
    assert change("abstention_rate", old, new, radius=None).difference.tolist() == [0, 1, 0, 0]
    assert (
        change("smoothed_accuracy", old, new, radius=None).difference.tolist() == (new.correct.astype(int) - old.correct).tolist()
    )
    radii = change("mean_certified_radius", old, new, radius=None)
    assert radii.largest == radius_cap(1000, alpha=1e-3, sigma=0.25)
    assert radii.difference.tolist() == pytest.approx(
        (np.where(new.correct, new.radius, 0) - np.where(old.correct, old.radius, 0)).tolist()
    )
    found = build.check(criterion(0.02, "abstention_rate"), new, baseline=old)
    assert (found.observed, found.state) == (0.25, State.INCONCLUSIVE)


def test_radii_and_strata_bet(build: Any) -> None:
    """Where no sharper bound is known: betting on (difference + largest) / 2."""
    old, new = pair(build, 150, lost=3, gained=1)
    radii = change("mean_certified_radius", old, new, radius=None)
    found = build.check(criterion(-0.1, "mean_certified_radius"), new, baseline=old)
    bet = mean_lower_bound((radii.difference + radii.largest) / 2, upper=radii.largest, beta=1 - 0.95)
    assert found.lower == pytest.approx(2 * bet - radii.largest)
    stratified = judged(build, 150, -0.02, lost=3, gained=1, design="stratified")
    assert stratified.lower is not None
    assert stratified.lower < difference_lower_bound(3, 1, 150, beta=0.05)


def test_what_could_not_be_sampled_may_have_been_lost(build: Any) -> None:
    """Where a table reaches 90 % of the ODD only, the rest counts as lost, or as gained for the upper bound."""
    found, whole = (judged(build, 150, -0.5, lost=3, gained=1, reached=share) for share in (0.9, 1.0))
    assert whole.lower is not None
    assert whole.upper is not None
    assert found.lower == pytest.approx(0.9 * whole.lower - 0.1)
    assert found.upper == pytest.approx(0.9 * whole.upper + 0.1)


def test_without_a_probability_model_or_a_baseline_nothing_is_claimed(build: Any) -> None:
    """Designs that place points, runs that are not complete and runs without a baseline are INCONCLUSIVE and have no bounds."""
    placed = judged(build, 150, -0.02, lost=0, gained=0, design="sobol")
    short = judged(build, 150, -0.02, lost=0, gained=0, points=200)
    alone = build.check(criterion(-0.02), build.results([HIGH] * 150))
    for found in (placed, short, alone):
        assert (found.state, found.lower, found.upper) == (State.INCONCLUSIVE, None, None)
        assert found.advice


def test_a_change_of_nothing_known_is_refused(build: Any) -> None:
    """A criterion says which metric is compared, and in which direction."""
    with pytest.raises(ValueError, match="must be of one of certified_accuracy"):
        build.check(criterion(-0.02, "cell_coverage", radius=None), build.results([HIGH]))
    with pytest.raises(ValueError, match="takes <="):
        build.check(criterion(-0.02, "abstention_rate", comparator=">="), build.results([HIGH]))
    with pytest.raises(ValueError, match="the same points"):
        change("clean_accuracy", build.results([HIGH]), build.results([HIGH] * 2), radius=None)


@pytest.mark.slow
def test_a_model_that_is_worse_by_a_hair_rarely_passes(build: Any) -> None:
    """2,000 runs of 60 points of a model that loses .0501 where .05 is allowed: MET in at most 5 % of them, give or take what chance does once in 10,000."""
    runs, limit = 2_000, 0.05 + 3.72 * np.sqrt(0.05 * 0.95 / 2_000)
    for seed, p_lost, p_gained in [(1, 0.0501, 0.0), (2, 0.0801, 0.03)]:
        drawn = np.random.default_rng(seed).multinomial(60, [p_lost, p_gained, 1 - p_lost - p_gained], size=runs)
        outcomes, times = np.unique(drawn[:, :2], axis=0, return_counts=True)
        met = [judged(build, 60, -0.05, lost=int(a), gained=int(b)).state is State.MET for a, b in outcomes]
        assert float(times @ np.array(met)) / runs <= limit
