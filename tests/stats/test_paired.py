"""Bounds on the difference of two models at the same points."""

import numpy as np
import pytest

from odd_assess.stats import (
    mean_lower_bound,
    mean_upper_bound,
    paired_difference_lower_bound,
    paired_difference_upper_bound,
)

BETA, RUNS = 0.05, 2000
LIMIT = BETA + 3.72 * np.sqrt(
    BETA * (1 - BETA) / RUNS
)  # a bound that errs with probability BETA passes it with probability 1 - 1e-4


@pytest.mark.parametrize(("both", "gained", "lost"), [(0.8, 0.0, 0.0), (0.7, 0.1, 0.02), (0.0, 0.5, 0.5), (0.5, 0.01, 0.05)])
def test_a_paired_bound_is_rarely_wrong(both: float, gained: float, lost: float) -> None:
    """Indicators with known chances of agreeing; each side errs at most 5 % of 2,000 runs (false-alarm rate of the test 1e-4)."""
    rng = np.random.default_rng(11)
    truth, wrong_low, wrong_high = gained - lost, 0, 0
    for _ in range(RUNS):
        kind = rng.choice(4, size=60, p=[both, gained, lost, 1 - both - gained - lost])
        first, second = (kind == 0) | (kind == 2), (kind == 0) | (kind == 1)
        wrong_low += paired_difference_lower_bound(first, second, upper=1.0, beta=BETA) > truth
        wrong_high += paired_difference_upper_bound(first, second, upper=1.0, beta=BETA) < truth
    assert wrong_low / RUNS <= LIMIT
    assert wrong_high / RUNS <= LIMIT


def test_pairing_sees_what_two_intervals_do_not() -> None:
    """Two models that differ at 20 of 400 points, all in one direction: the paired bound is positive, the difference of two separate bounds is not."""
    first, second = np.repeat([1.0, 0.0], [300, 100]), np.repeat([1.0, 0.0], [320, 80])
    assert paired_difference_lower_bound(first, second, upper=1.0, beta=0.05) > 0
    assert mean_lower_bound(second, upper=1.0, beta=0.025) < mean_upper_bound(first, upper=1.0, beta=0.025)


def test_the_sides_mirror_and_radii_have_units() -> None:
    """Swapping the models flips the sign, and scaling all radii scales the bound."""
    rng = np.random.default_rng(2)
    a, b = rng.uniform(0, 0.5, 50), rng.uniform(0.2, 0.6, 50)
    low = paired_difference_lower_bound(a, b, upper=0.6, beta=0.1)
    assert paired_difference_upper_bound(b, a, upper=0.6, beta=0.1) == -low
    assert paired_difference_lower_bound(10 * a, 10 * b, upper=6.0, beta=0.1) == pytest.approx(10 * low)
    assert low <= (b - a).mean()


@pytest.mark.parametrize(("first", "second"), [([], []), ([0, 1], [1]), ([0, 2], [0, 1]), ([[0]], [[1]])])
def test_what_is_not_paired_is_refused(first: list[float], second: list[float]) -> None:
    """Pairs of values in [0, upper] are needed."""
    with pytest.raises(ValueError, match="same number of values"):
        paired_difference_lower_bound(first, second, upper=1.0, beta=0.05)
