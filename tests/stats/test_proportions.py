"""Binomial bounds: coverage by exact summation, and what wrong bounds that summation would reject."""

import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from scipy.stats import binom, binomtest

from odd_assess.stats import probability_at_least, probability_at_most, proportion_lower_bound, proportion_upper_bound

Bound = Callable[[np.ndarray, int, float], np.ndarray]


def lower(k: np.ndarray, n: int, alpha: float) -> np.ndarray:
    return proportion_lower_bound(k, n, alpha=alpha)


def upper(k: np.ndarray, n: int, alpha: float) -> np.ndarray:
    return proportion_upper_bound(k, n, alpha=alpha)


def worst_miss(bound: Bound, n: int, alpha: float) -> float:
    """The largest P(lower bound > p) over p, by exact summation: it is reached just below one of the bound's values, or on a grid."""
    k = np.arange(n + 1)
    bounds = bound(k, n, alpha)
    p = np.concatenate((np.linspace(0, 1, 101), np.clip(bounds, 0, 1) * (1 - 1e-12)))
    return float(max(binom.pmf(k, n, one)[bounds > one].sum() for one in p))


@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-3, 1e-6])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 25, 41, 60])
def test_lower_bound_misses_exactly_alpha_at_worst(n: int, alpha: float) -> None:
    """P(bound > p) <= alpha for every p, and no sharper bound of this kind exists: the worst p reaches alpha. Exact, so it cannot flake."""
    assert worst_miss(lower, n, alpha) <= alpha * (1 + 1e-9)
    assert worst_miss(lower, n, alpha) >= alpha * (1 - 1e-9)


@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-3, 1e-6])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 25, 41, 60])
def test_upper_bound_is_the_mirror_image(n: int, alpha: float) -> None:
    """Counting failures in place of successes turns the upper bound into one minus the lower bound."""
    k = np.arange(n + 1)
    np.testing.assert_allclose(upper(k, n, alpha), 1 - lower(n - k, n, alpha), rtol=1e-12, atol=2e-12)
    assert worst_miss(lambda k, n, alpha: 1 - upper(n - k, n, alpha), n, alpha) <= alpha * (1 + 1e-6)


MUTANTS: dict[str, Bound] = {
    "twice alpha": lambda k, n, alpha: lower(k, n, 2 * alpha),
    "half alpha": lambda k, n, alpha: lower(k, n, alpha / 2),
    "missing + 1": lambda k, n, alpha: np.where(k > 0, special.betaincinv(np.maximum(k, 1), n - k + 1e-9, alpha), 0.0),
    "point estimate": lambda k, n, alpha: k / n,
    "wrong tail": upper,
    "one success more": lambda k, n, alpha: lower(np.minimum(k + 1, n), n, alpha),
    "Jeffreys": lambda k, n, alpha: special.betaincinv(k + 0.5, n - k + 0.5, alpha),
    "Wald": lambda k, n, alpha: k / n + special.ndtri(alpha) * np.sqrt(k * (n - k) / n**3),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_wrong_bounds_are_rejected(name: str) -> None:
    """The coverage test can fail: it finds each of these (too large or needlessly small)."""
    miss = worst_miss(MUTANTS[name], 20, 0.01)
    assert not 0.01 * (1 - 1e-9) <= miss <= 0.01 * (1 + 1e-9)


@given(trials=st.integers(1, 60), share=st.floats(0, 1), alpha=st.floats(1e-6, 0.5))
def test_bounds_agree_with_scipy(trials: int, share: float, alpha: float) -> None:
    """The exact one-sided intervals, from root finding on the tail in scipy, are the same bounds."""
    k = round(share * trials)
    reference = binomtest(k, trials, alternative="greater").proportion_ci(1 - alpha, method="exact").low
    assert proportion_lower_bound(k, trials, alpha=alpha) == pytest.approx(reference, rel=1e-7, abs=1e-12)
    reference = binomtest(k, trials, alternative="less").proportion_ci(1 - alpha, method="exact").high
    assert proportion_upper_bound(k, trials, alpha=alpha) == pytest.approx(reference, rel=1e-7, abs=1e-12)


@given(trials=st.integers(1, 200), share=st.floats(0, 1), p=st.floats(0.001, 0.999))
def test_tails_agree_with_scipy_and_with_the_bounds(trials: int, share: float, p: float) -> None:
    """The p-values are the binomial tails, and one is below alpha where the bound at alpha is beyond p."""
    k = round(share * trials)
    assert float(probability_at_least(k, trials, p)) == pytest.approx(binom.sf(k - 1, trials, p), rel=1e-9)
    assert float(probability_at_most(k, trials, p)) == pytest.approx(binom.cdf(k, trials, p), rel=1e-9)
    tail = float(probability_at_least(k, trials, p))
    if 1e-12 < tail < 0.999 and k > 0:
        assert proportion_lower_bound(k, trials, alpha=min(0.9999, tail * (1 + 1e-6))) >= p * (1 - 1e-9)
        assert proportion_lower_bound(k, trials, alpha=tail * (1 - 1e-6)) <= p * (1 + 1e-9)


@pytest.mark.parametrize("n", [1, 10, 1000, 10**9])
@pytest.mark.parametrize("alpha", [1e-12, 1e-3, 0.5, 1 - 1e-12])
def test_edges_are_numbers(n: int, alpha: float) -> None:
    """No warning, no NaN at k = 0, 1, n - 1, n, for huge n and tiny alpha; bounds enclose k/n, in order."""
    for k in {0, min(1, n), n // 2, max(n - 1, 0), n}:
        low, high = proportion_lower_bound(k, n, alpha=min(alpha, 0.5)), proportion_upper_bound(k, n, alpha=min(alpha, 0.5))
        assert 0 <= low <= k / n <= high <= 1
        assert (low == 0) == (k == 0)
    assert proportion_lower_bound(n, n, alpha=alpha) == pytest.approx(alpha ** (1 / n), rel=1e-12)
    assert proportion_upper_bound(0, n, alpha=alpha) == pytest.approx(-np.expm1(np.log(alpha) / n), rel=1e-7)


def test_scalars_give_floats_and_arrays_broadcast() -> None:
    """A scalar call returns a float; arrays of counts, trials and levels broadcast."""
    assert type(proportion_lower_bound(5, 10, alpha=0.05)) is float
    table = proportion_lower_bound(np.array([[1], [2]]), np.array([10, 20, 30]), alpha=np.array([0.1, 0.01, 0.001]))
    assert table.shape == (2, 3)
    assert table[1, 2] == proportion_lower_bound(2, 30, alpha=0.001)


@pytest.mark.parametrize(
    ("k", "n", "alpha"),
    [(-1, 10, 0.1), (11, 10, 0.1), (0, 0, 0.1), (5, 10, 0.0), (5, 10, 1.0), (2.5, 10, 0.1), (5, 10, float("nan"))],
)
def test_bad_arguments_are_refused(k: float, n: int, alpha: float) -> None:
    """What must hold is said."""
    for bound in (proportion_lower_bound, proportion_upper_bound):
        with pytest.raises(ValueError, match="must"):
            bound(k, n, alpha=alpha)
    if 0 < alpha < 1:
        with pytest.raises(ValueError, match="must"):
            probability_at_least(k, n, 0.5)


def _excess(k: int, n: int, p: float, alpha: float) -> float:
    """P(Bin(n, p) >= k) / alpha - 1, by a sum of 50 digits."""
    with localcontext() as context:
        context.prec = 50
        success, miss = Decimal(p), 1 - Decimal(p)
        term = Decimal(math.comb(n, k)) * success**k * miss ** (n - k)
        total = Decimal(0)
        for i in range(k, n + 1):
            total += term
            if term < total * Decimal(10) ** -40:
                break
            term = term * (n - i) / (i + 1) * success / miss
        return float(total / Decimal(alpha) - 1)


def test_the_level_is_kept_to_the_last_digit() -> None:
    """At the bound itself the tail is at most alpha, in 50 digits: the margin covers the rounding of the beta quantile; 32 units in the last place do not."""
    rng = np.random.default_rng(4)
    worst = narrower = -1.0
    for _ in range(600):
        n = int(rng.integers(1, 3_000))
        k = int(rng.integers(1, n + 1))
        alpha = float(10 ** rng.uniform(-9, -1))
        bound = lower(k, n, alpha)
        worst = max(worst, _excess(k, n, bound, alpha))
        narrower = max(narrower, _excess(k, n, bound / (1 - 2.0**-41) * (1 - 2.0**-47), alpha))
    assert worst <= 0 < narrower
