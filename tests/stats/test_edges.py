"""Numbers at the edges: no warning (pytest makes them errors), no NaN, bounds in order; the evidence against 60-digit arithmetic."""

import math
from itertools import product

import mpmath
import numpy as np
import pytest

from odd_assess.stats import (
    anytime_draws_for_radius,
    anytime_lower_bound,
    anytime_radius_cap,
    anytime_upper_bound,
    confidence_sequence,
    domain_fraction_bounds,
    fewest_to_decide,
    log_evidence_above,
    log_evidence_below,
    mean_lower_bound,
    mean_upper_bound,
    paired_difference_lower_bound,
    paired_difference_upper_bound,
    pooled_lower_bound,
    pooled_upper_bound,
    proportion_lower_bound,
    proportion_upper_bound,
    quantile_lower_bound,
    quantile_upper_bound,
    stratified_lower_bound,
    stratified_upper_bound,
)

ENDS = [0.0, math.nextafter(0, 1), 1e-300, 1e-17, 1e-9, 0.5, 1 - 1e-9, math.nextafter(1, 0), 1.0]
ALPHAS = [1e-100, 1e-12, 1e-3, 0.5, 1 - 1e-12]
COUNTS = [(k, n) for n in (0, 1, 2, 100, 10**9) for k in sorted({0, min(1, n), n // 2, max(n - 1, 0), n})]


def exact_log_evidence(k: int, n: int, p0: float) -> float:
    """The logarithm of the average of q^k (1-q)^(n-k) / p0^k (1-p0)^(n-k) over Jeffreys' prior cut to (p0, 1], with 60 digits."""
    with mpmath.workdps(60):
        limit, a, b = mpmath.mpf(p0), mpmath.mpf(k) + 0.5, mpmath.mpf(n - k) + 0.5
        short = limit > 0.5 or limit * (a + b) > a  # the series is short, or the tail is small against the whole
        tail = _lower_part(1 - limit, b, a) if short else mpmath.beta(a, b) - _lower_part(limit, a, b)
        prior = 2 * mpmath.acos(mpmath.sqrt(limit))
        return float(mpmath.log(tail) - mpmath.log(prior) - k * mpmath.log(limit) - (n - k) * mpmath.log(1 - limit))


def _lower_part(x: mpmath.mpf, a: mpmath.mpf, b: mpmath.mpf) -> mpmath.mpf:
    """The integral of q^(a-1) (1-q)^(b-1) from 0 to x, by its series of positive terms (DLMF 8.17.8)."""
    term = total = x**a * (1 - x) ** b / a
    step = 0
    while term > total * mpmath.mpf(10) ** -45:
        term *= x * (a + b + step) / (a + 1 + step)
        total += term
        step += 1
    return total


def test_evidence_agrees_with_exact_arithmetic() -> None:
    """At 200 random (k, n, p0) it is never above the exact value, and within 1e-9 of it where it is not negative."""
    rng = np.random.default_rng(20261121)
    seen = 0
    for _ in range(200):
        n = int(10 ** rng.uniform(0, 4))
        p0 = float(rng.choice([rng.random(), 0.5 + 0.5 * rng.random(), 1 - 10 ** rng.uniform(-6, -1), 10 ** rng.uniform(-2, -1)]))
        near = p0 + rng.normal() * 4 * math.sqrt(p0 * (1 - p0) / n)
        k = round(n * min(1.0, max(0.0, float(rng.choice([near, 1.0, rng.random()])))))
        found, exact = log_evidence_above(k, n, p0), exact_log_evidence(k, n, p0)
        if exact >= 0:
            seen += 1
            assert exact - 1e-9 * max(1.0, exact) <= found <= exact
        else:
            assert found <= 0
    assert seen > 75


@pytest.mark.parametrize(("k", "n"), COUNTS)
def test_evidence_is_a_number_everywhere(k: int, n: int) -> None:
    """At every limit from 0 to 1 it is not NaN and never +infinity, but for successes against 0 and misses against 1; none against 1 or from no draws."""
    for p0 in ENDS:
        above, below = log_evidence_above(k, n, p0), log_evidence_below(k, n, p0)
        assert not math.isnan(above)
        assert not math.isnan(below)
        assert (above == math.inf) == (p0 == 0 and k > 0)
        assert (below == math.inf) == (p0 == 1 and k < n)
        assert above <= 1e-6 or k > n * p0
        assert below <= 1e-6 or k < n * p0
        if n == 0:
            assert abs(above) <= 1e-12
            assert abs(below) <= 1e-12
    assert log_evidence_above(k, n, 1.0) == 0
    assert log_evidence_below(k, n, 0.0) == 0


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(("k", "n"), COUNTS)
def test_anytime_bounds_are_in_order(k: int, n: int, alpha: float) -> None:
    """0 <= lower <= k/n <= upper <= 1; no success bounds nothing from below, no draw bounds nothing at all."""
    lower, upper = anytime_lower_bound(k, n, alpha=alpha), anytime_upper_bound(k, n, alpha=alpha)
    share = k / n if n else 0.5
    assert 0 <= lower <= share <= upper <= 1
    assert k > 0 or lower == 0
    assert k < n or upper == 1
    assert n > 0 or (lower, upper) == (0, 1)
    left, right = confidence_sequence(k, n, alpha=alpha)
    assert 0 <= left <= lower
    assert upper <= right <= 1


@pytest.mark.parametrize("alpha", [1e-12, 1e-3, 0.5])
def test_fixed_bounds_are_in_order(alpha: float) -> None:
    """The same for the bounds of a fixed number of points, up to 1e9 of them."""
    for k, n in COUNTS:
        if n == 0:
            continue
        lowers = [
            proportion_lower_bound(k, n, alpha=alpha),
            pooled_lower_bound(k, n, beta=alpha),
            stratified_lower_bound([k], [n], [1.0], beta=alpha),
        ]
        uppers = [
            proportion_upper_bound(k, n, alpha=alpha),
            pooled_upper_bound(k, n, beta=alpha),
            stratified_upper_bound([k], [n], [1.0], beta=alpha),
        ]
        low, high = domain_fraction_bounds(k, k, n, alpha=1e-12, beta=alpha)
        assert all(0 <= one <= k / n for one in [*lowers, low])
        assert all(k / n <= one <= 1 for one in [*uppers, high])


@pytest.mark.parametrize("beta", [1e-12, 0.05, 0.5])
def test_bounds_on_values_are_in_order(beta: float) -> None:
    """One value or many, all 0, all at the cap or mixed: means, differences and quantiles are bounded in order and within the range."""
    for n, values in product((1, 2, 500), ([0.0], [0.25], [0.0, 0.25])):
        x = np.resize(values, n)
        for horizon in (None, 1, 10**9):
            low = mean_lower_bound(x, upper=0.25, beta=beta, horizon=horizon)
            high = mean_upper_bound(x, upper=0.25, beta=beta, horizon=horizon)
            assert 0 <= low <= x.mean() + 1e-12
            assert x.mean() - 1e-9 <= high <= 0.25 + 1e-15
        low, high = (
            bound(x, x[::-1], upper=0.25, beta=beta) for bound in (paired_difference_lower_bound, paired_difference_upper_bound)
        )
        assert -0.25 <= low <= 1e-9
        assert -1e-9 <= high <= 0.25
        for quantile in (1e-9, 0.1, 0.5, 1 - 1e-9):
            low = quantile_lower_bound(x, quantile=quantile, beta=beta)
            high = quantile_upper_bound(x, quantile=quantile, beta=beta, highest=0.25)
            assert 0 <= low <= high <= 0.25


def test_decisions_at_the_edges() -> None:
    """Limits next to 0 and 1, tiny levels and huge budgets: whole numbers within the budget."""
    for p0, alpha, most in product((math.nextafter(0, 1), 1e-9, 0.5, math.nextafter(1, 0)), (1e-100, 1e-12, 0.5), (1, 10**12)):
        for k, n in COUNTS:
            assert 1 <= fewest_to_decide(k, n, p0, alpha=alpha, most=most) <= most
    assert fewest_to_decide(0, 0, 0.5, alpha=1e-12, most=10**9) < 60
    assert anytime_draws_for_radius(0.0, alpha=1e-12, sigma=1.0) > 40
    assert anytime_radius_cap(1, alpha=1e-12, sigma=1.0) == 0
    assert 5 < anytime_radius_cap(10**9, alpha=1e-12, sigma=1.0) < 6


def test_scalars_give_floats_and_arrays_broadcast() -> None:
    """A scalar call returns a float; counts, trials, limits and levels broadcast, and each entry is the scalar's value."""
    assert type(log_evidence_above(5, 10, 0.5)) is float
    assert type(anytime_lower_bound(5, 10, alpha=0.1)) is float
    assert type(anytime_upper_bound(5, 10, alpha=0.1)) is float
    k, n, alpha = np.array([[0], [3], [8]]), np.array([8, 10, 400]), np.array([0.5, 0.1, 1e-6])
    evidence = np.asarray(log_evidence_above(k, n, 0.25))
    lower, upper = anytime_lower_bound(k, n, alpha=alpha), anytime_upper_bound(k, n, alpha=alpha)
    assert evidence.shape == lower.shape == upper.shape == (3, 3)
    for i, j in product(range(3), range(3)):
        assert evidence[i, j] == pytest.approx(log_evidence_above(int(k[i, 0]), int(n[j]), 0.25), rel=1e-13, abs=1e-13)
        assert lower[i, j] == pytest.approx(anytime_lower_bound(int(k[i, 0]), int(n[j]), alpha=float(alpha[j])), rel=1e-13)
        assert upper[i, j] == pytest.approx(anytime_upper_bound(int(k[i, 0]), int(n[j]), alpha=float(alpha[j])), rel=1e-13)
    assert anytime_lower_bound(np.array([], dtype=int), np.array([], dtype=int), alpha=0.1).shape == (0,)
