"""The betting bound with a horizon holds at any stopping time; its mixture is what makes it so."""

from collections.abc import Callable

import numpy as np
import pytest

from odd_assess.stats import mean_lower_bound
from odd_assess.stats.bounded_mean import EARLY_SPREADS

BETA, RUNS, HORIZON = 0.05, 1500, 400
LIMIT = BETA + 3.72 * np.sqrt(BETA * (1 - BETA) / RUNS)


def average(wealth: np.ndarray) -> np.ndarray:
    """The logarithm of the average wealth over the bets (first axis)."""
    return np.logaddexp.reduce(wealth, axis=0) - np.log(len(wealth))


def ever_wrong(values: np.ndarray, mean: float, mix: Callable[[np.ndarray], np.ndarray] = average) -> float:
    """The share of runs (rows) whose bound exceeds the mean after some number of points.

    The bound exceeds the mean exactly when the wealth at the mean reaches 1/beta, so the wealth is followed instead of bisecting at every point.
    """
    bets = np.sqrt(2 * np.log(1 / BETA) / HORIZON) / (EARLY_SPREADS / 2)
    stakes = np.minimum(bets, 1 / mean)
    with np.errstate(divide="ignore"):
        wealth = np.cumsum(np.log1p(stakes[:, None, None] * (values - mean)), axis=2)
    return float((mix(wealth) >= np.log(1 / BETA)).any(axis=1).mean())


@pytest.mark.parametrize("mean", [0.05, 0.3, 0.8, 0.97])
@pytest.mark.parametrize("shape", ["coin", "spread", "rare"])
def test_the_bound_holds_at_the_worst_time(shape: str, mean: float) -> None:
    """The bound is above the mean at any time in at most 5 % of 1,500 runs of 400 points (false-alarm rate of the test 1e-4)."""
    rng = np.random.default_rng(7)
    match shape:
        case "coin":
            values = (rng.random((RUNS, HORIZON)) < mean).astype(float)
        case "spread":
            values = rng.beta(5 * mean, 5 * (1 - mean), (RUNS, HORIZON))
        case _:  # mostly a little above the mean, rarely 0
            high = min(1.0, 1.05 * mean)
            values = np.where(rng.random((RUNS, HORIZON)) < mean / high, high, 0.0)
    assert ever_wrong(values, mean) <= LIMIT


@pytest.mark.parametrize("points", [10, 57, 400])
def test_the_wealth_is_the_bounds(points: int) -> None:
    """What `ever_wrong` follows is what `mean_lower_bound` inverts: the wealth at the bound is 1/beta."""
    values = np.random.default_rng(points).beta(8, 2, points)
    bound = mean_lower_bound(values, upper=1.0, beta=BETA, horizon=HORIZON)
    assert 0 < bound < values.mean()
    bets = np.minimum(np.sqrt(2 * np.log(1 / BETA) / HORIZON) / (EARLY_SPREADS / 2), 1 / bound)
    wealth = np.cumsum(np.log1p(bets[:, None] * (values - bound)), axis=1)
    assert average(wealth).max() == pytest.approx(np.log(1 / BETA), abs=1e-6)


def test_the_bound_never_falls() -> None:
    """What was shown once stays shown, also when later values are low."""
    values = np.concatenate([np.ones(60), np.zeros(60)])
    bounds = [mean_lower_bound(values[:m], upper=1.0, beta=BETA, horizon=HORIZON) for m in range(1, 121, 7)]
    assert bounds == sorted(bounds)
    assert bounds[-1] > 0.8


def test_the_best_bet_in_hindsight_would_be_unsound() -> None:
    """The mutant that keeps the most successful of the bets, instead of their average, is caught by the same check."""
    values = (np.random.default_rng(7).random((RUNS, HORIZON)) < 0.3).astype(float)
    assert ever_wrong(values, 0.3, mix=lambda wealth: wealth.max(axis=0)) > LIMIT


def test_the_price_of_looking_is_modest() -> None:
    """At the horizon the anytime bound stands at most 15 % further from the mean than the fixed one."""
    values = np.random.default_rng(1).beta(6, 3, 400)
    fixed, anytime = (mean_lower_bound(values, upper=1.0, beta=0.05, horizon=h) for h in (None, 400))
    assert values.mean() - anytime < 1.15 * (values.mean() - fixed)


def test_a_horizon_is_a_number_of_points() -> None:
    """A horizon of 0 makes no sense."""
    with pytest.raises(ValueError, match="horizon must be at least 1"):
        mean_lower_bound([0.5], upper=1.0, beta=0.05, horizon=0)
