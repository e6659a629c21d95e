"""Bounds on means: exact in the worst cases (two-point values, not identically distributed), simulated for radii."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from odd_assess.stats import mean_lower_bound, mean_upper_bound


@pytest.mark.parametrize("beta", [0.5, 0.05, 0.001])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 0.3), (0.4, 0.5)])
@pytest.mark.parametrize("n", [1, 5, 40])
def test_two_point_values_are_covered(n: int, low: float, high: float, beta: float) -> None:
    """Values low or high: P(lower > mean) <= beta and P(upper < mean) <= beta for every mixture, summed exactly."""
    k = np.arange(n + 1)
    samples = [np.where(np.arange(n) < i, high, low) for i in k]
    lower = np.array([mean_lower_bound(x, upper=1.0, beta=beta) for x in samples])
    upper = np.array([mean_upper_bound(x, upper=1.0, beta=beta) for x in samples])
    for p in np.linspace(0, 1, 51):
        mean = low + (high - low) * p
        assert binom.pmf(k, n, p)[lower > mean + 1e-9].sum() <= beta
        assert binom.pmf(k, n, p)[upper < mean - 1e-9].sum() <= beta


def test_points_need_not_be_identically_distributed() -> None:
    """Half the points answer 1 with probability a, half with b: the average (a + b) / 2 is covered, summed exactly."""
    n, beta = 20, 0.05
    k = np.arange(n + 1)
    lower = np.array([mean_lower_bound((np.arange(2 * n) < i).astype(float), upper=1.0, beta=beta) for i in range(2 * n + 1)])
    for a, b in ((0.0, 1.0), (0.01, 0.5), (0.2, 0.9), (0.5, 0.99), (0.0, 0.1)):
        mass = np.convolve(binom.pmf(k, n, a), binom.pmf(k, n, b))
        assert mass[lower > (a + b) / 2].sum() <= beta


def test_radii_are_covered_and_the_bound_is_not_idle() -> None:
    """Radii of a plausible model (a third 0, the others spread up to the cap): missed in at most 5 % of 1,500 runs, and within 2.2 standard errors.

    False-alarm rate: below 1e-6. The first statement rejects the plain average and the normal approximation at the wrong tail, the second a bound of 0.
    """
    rng = np.random.default_rng(5)
    cap = 0.6158
    x = cap * np.where(rng.random((1500, 200)) < 1 / 3, 0.0, np.minimum(1.0, rng.beta(3, 2, (1500, 200)) * 1.3))
    mean = cap * 2 / 3 * np.minimum(1.0, rng.beta(3, 2, 2_000_000) * 1.3).mean()
    lower = np.array([mean_lower_bound(row, upper=cap, beta=0.05) for row in x])
    assert np.mean(lower > mean) <= 0.05 + norm.isf(1e-6) * np.sqrt(0.05 * 0.95 / 1500)
    error = x.std() / np.sqrt(200)
    assert 1.645 * error < np.mean(x.mean(axis=1) - lower) < 1.645 * 2.2 * error


@given(
    values=st.lists(st.floats(0, 1), min_size=1, max_size=30),
    upper=st.sampled_from([1.0, 0.25, 7.0]),
    beta=st.sampled_from([0.3, 0.05, 1e-12]),
)
def test_bounds_enclose_the_average_and_scale(values: list[float], upper: float, beta: float) -> None:
    """0 <= lower <= average <= upper bound <= upper, whatever the values; scaling values and cap scales the bounds."""
    x = np.array(values) * upper
    low, high = mean_lower_bound(x, upper=upper, beta=beta), mean_upper_bound(x, upper=upper, beta=beta)
    assert -1e-9 <= low <= x.mean() + 1e-9 * upper
    assert x.mean() - 1e-9 * upper <= high <= upper * (1 + 1e-12)
    assert low == pytest.approx(upper * mean_lower_bound(np.clip(x / upper, 0, 1), upper=1.0, beta=beta), abs=1e-6 * upper)


def test_copies_are_repetitions() -> None:
    """With copies = 3 it is the bound of the sample repeated three times."""
    x = np.random.default_rng(3).random(30)
    assert mean_lower_bound(x, upper=1.0, beta=0.05, copies=3) == pytest.approx(
        mean_lower_bound(np.tile(x, 3), upper=1.0, beta=0.05), rel=1e-6
    )


def test_bad_arguments_are_refused() -> None:
    """What must hold is said; a value above the cap is found."""
    for values, upper, beta in (
        ([], 1.0, 0.05),
        ([1.5], 1.0, 0.05),
        ([-0.1], 1.0, 0.05),
        ([0.5], 0.0, 0.05),
        ([0.5], 1.0, 0.0),
        ([float("nan")], 1.0, 0.05),
    ):
        with pytest.raises(ValueError, match="must"):
            mean_lower_bound(values, upper=upper, beta=beta)
    with pytest.raises(ValueError, match="copies must"):
        mean_lower_bound([0.5], upper=1.0, beta=0.05, copies=0)
