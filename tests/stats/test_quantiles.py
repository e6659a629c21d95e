"""Order-statistic bounds on a quantile."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from odd_assess.stats import quantile_lower_bound, quantile_upper_bound


@pytest.mark.parametrize("beta", [0.2, 0.05, 1e-3, 1e-6])
@pytest.mark.parametrize("quantile", [0.02, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("m", [1, 5, 20, 60])
def test_both_sides_miss_at_most_beta(m: int, quantile: float, beta: float) -> None:
    """For ranks 1..m the bound is a rank j; it is wrong with a binomial probability, summed exactly, and the next sharper rank would err too often."""
    ranks = range(1, m + 1)
    low = quantile_lower_bound(ranks, quantile=quantile, beta=beta)
    high = quantile_upper_bound(ranks, quantile=quantile, beta=beta)
    # the j-th smallest exceeds the quantile where at most j - 1 values lie at or below it; it is below where at least j values are
    assert low == 0 or binom.cdf(low - 1, m, quantile) <= beta
    assert binom.cdf(low, m, quantile) > beta or low == m
    assert high == math.inf or binom.sf(high - 1, m, quantile) <= beta * (1 + 1e-12)
    assert binom.sf(min(high, m + 1) - 2, m, quantile) > beta or high == 1


@pytest.mark.parametrize("at_zero", [0.05, 0.1, 0.3])
def test_ties_and_point_masses_are_covered(at_zero: float) -> None:
    """Radii that are 0 with some probability, else spread: each side is wrong in at most 5 % of 4,000 runs (false-alarm rate of the test 1e-4)."""
    rng = np.random.default_rng(5)
    quantile, beta, runs = 0.1, 0.05, 4000
    truth = 0.0 if at_zero >= quantile else (quantile - at_zero) / (1 - at_zero)
    values = np.where(rng.random((runs, 80)) < at_zero, 0.0, rng.random((runs, 80)))
    limit = beta + 3.72 * np.sqrt(beta * (1 - beta) / runs)
    assert np.mean([quantile_lower_bound(v, quantile=quantile, beta=beta) > truth for v in values]) <= limit
    assert np.mean([quantile_upper_bound(v, quantile=quantile, beta=beta) < truth for v in values]) <= limit


def test_too_few_values_claim_nothing() -> None:
    """With 20 values nothing is known of the worst 10 % at 95 % confidence; with 29 the smallest of them is a bound."""
    assert quantile_lower_bound(range(1, 21), quantile=0.1, beta=0.05, lowest=-1.0) == -1.0
    assert quantile_lower_bound(range(1, 30), quantile=0.1, beta=0.05) == 1.0
    assert quantile_upper_bound([3.0], quantile=0.5, beta=0.05, highest=9.0) == 9.0


@pytest.mark.parametrize(
    "kwargs", [{"quantile": 0.0}, {"quantile": 1.0}, {"beta": 0.0}, {"values": []}, {"values": [float("nan")]}]
)
def test_what_makes_no_sense_is_refused(kwargs: dict[str, object]) -> None:
    """Quantile and beta lie in (0, 1), and there are numbers."""
    with pytest.raises(ValueError, match="must"):
        quantile_lower_bound(**({"values": [1.0], "quantile": 0.1, "beta": 0.05} | kwargs))  # type: ignore[arg-type]
