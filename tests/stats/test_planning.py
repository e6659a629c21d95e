"""Searches against brute force, estimates against exact sums and published figures."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from odd_assess.stats import certified_radius, fewest_agreeing, proportion_lower_bound
from odd_assess.stats.planning import (
    expected_draws_to_decide,
    likely_successes,
    points_for_power,
    uniform_mean_radius,
    uniform_reduction,
)

ALPHA = 1e-3


@given(points=st.integers(1, 300), p=st.floats(0, 1), power=st.floats(0.01, 0.99))
def test_likely_successes_come_up_with_the_power(points: int, p: float, power: float) -> None:
    """At least so many come up with the power or more, and one more does not."""
    k = likely_successes(points, p, power=power)
    assert k == 0 or binom.sf(k - 1, points, p) >= power * (1 - 1e-9)
    assert k == points or binom.sf(k, points, p) < power * (1 + 1e-9)


@pytest.mark.parametrize(("required", "p", "power"), [(0.8, 0.9, 0.9), (0.6, 0.8, 0.8), (0.9, 0.99, 0.95)])
def test_points_for_power_against_every_number_of_points(required: float, p: float, power: float) -> None:
    """From that number of points on (up to 600) the Clopper-Pearson bound reaches the requirement with the power, one point less has less."""
    m = np.arange(1, 601)
    k = np.arange(m[-1] + 1)
    reaches = [np.atleast_1d(proportion_lower_bound(k[: n + 1], int(n), alpha=0.05)) >= required for n in m]
    fewest = [int(found.argmax()) if found.any() else int(n) + 1 for n, found in zip(m, reaches, strict=True)]
    has = binom.sf(np.array(fewest) - 1.0, m, p) >= power
    assert has[-1]
    wanted = 1 + int(m[~has][-1])
    found = points_for_power(lambda j, n: proportion_lower_bound(j, n, alpha=0.05) >= required, p, power=power, most=10_000)
    assert found == wanted


def test_points_for_power_finds_none_where_the_truth_does_not_meet_it() -> None:
    """A fraction of .7 is shown to be .8 with probability 90 % by no number of points."""
    assert points_for_power(lambda j, n: proportion_lower_bound(j, n, alpha=0.05) >= 0.8, 0.7, power=0.9, most=5000) is None


IDEAL = 2 / math.sqrt(2 * math.pi)
"""Mean radius of infinitely many draws, pA uniform on [1/2, 1], in sigma."""


@pytest.mark.parametrize(
    ("n", "ratio"), [(100, 0.486), (250, 0.651), (500, 0.744), (1000, 0.815), (10_000, 0.939), (100_000, 0.980)]
)
def test_the_uniform_mean_radius_is_the_published_one(n: int, ratio: float) -> None:
    """Its ratio to the ideal radius, to three digits, as computed by integration over pA."""
    assert uniform_mean_radius(n, alpha=ALPHA) / IDEAL == pytest.approx(ratio, abs=6e-4)


@pytest.mark.parametrize("n", [9, 10, 37, 5000, 20_000])
def test_the_uniform_mean_radius_is_a_sum_over_all_counts(n: int) -> None:
    """Against the integral over pA of the whole sum over k (small n: exactly, by trapezoids of 4,001 values of pA; large n: by the Beta form)."""
    fewest = fewest_agreeing(n, alpha=ALPHA)
    k = np.arange(n + 1 if fewest is None else fewest, n + 1)
    radius = np.atleast_1d(certified_radius(proportion_lower_bound(k, n, alpha=ALPHA), sigma=1.0)) if len(k) else np.zeros(0)
    if n <= 100:
        p = np.linspace(0.5, 1.0, 4001)
        mean = np.trapezoid(2.0 * (binom.pmf(k[:, None], n, p) * radius[:, None]).sum(axis=0), p)
    else:
        mean = float((2.0 * radius * binom.cdf(k, n + 1, 0.5) / (n + 1)).sum())  # P(Beta(k+1, n-k+1) > 1/2) = P(Bin(n+1, 1/2) <= k)
    assert uniform_mean_radius(n, alpha=ALPHA) == pytest.approx(mean, abs=1e-6)


def test_more_draws_lose_less() -> None:
    """The reduction falls with n and is 0 at the reference."""
    losses = [uniform_reduction(n, 100_000, alpha=ALPHA) for n in (10, 100, 1000, 10_000, 100_000)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == 0


@pytest.mark.parametrize(
    ("threshold", "p", "mean"),
    [
        (0.8413447, 0.90, 599),
        (0.8413447, 0.95, 133),
        (0.8413447, 0.99, 57),
        (0.8413447, 1.0, 47),
        (0.6914625, 0.90, 60),
        (0.6914625, 0.95, 38),
        (0.6914625, 0.99, 24),
        (0.6914625, 1.0, 22),
    ],
)
def test_expected_draws_are_near_the_mean_stopping_times(threshold: float, p: float, mean: float) -> None:
    """Within 15 % of the mean stopping times of the mixture martingale at alpha = .001."""
    assert expected_draws_to_decide(p, [threshold], alpha=ALPHA) == pytest.approx(mean, rel=0.15)


def test_the_hardest_threshold_counts() -> None:
    """Several thresholds take as long as the one nearest to p; p itself takes for ever."""
    far, near = 0.6, 0.9
    alone = expected_draws_to_decide(0.95, [near], alpha=ALPHA)
    assert expected_draws_to_decide(0.95, [far, near], alpha=ALPHA) == alone
    assert expected_draws_to_decide(0.9, [near], alpha=ALPHA) == math.inf


def test_bad_arguments_are_refused() -> None:
    """Each says what must hold."""
    for call, words in (
        (lambda: likely_successes(10, 0.5, power=1.0), "power must lie in"),
        (lambda: expected_draws_to_decide(0.5, [], alpha=0.1), "thresholds"),
        (lambda: expected_draws_to_decide(0.5, [1.0], alpha=0.1), "thresholds"),
        (lambda: uniform_reduction(10, 5, alpha=0.001), "n_ref must be large enough"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
