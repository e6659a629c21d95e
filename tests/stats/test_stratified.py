"""Bounds from stratified points: exact Poisson-binomial sums, exact enumeration of strata, simulation."""

import itertools

import numpy as np
import pytest
from scipy import optimize
from scipy.stats import binom, norm

from odd_assess.stats import (
    pooled_lower_bound,
    pooled_upper_bound,
    proportion_lower_bound,
    stratified_lower_bound,
    stratified_upper_bound,
    weighted_mean_lower_bound,
    weighted_mean_upper_bound,
)


def poisson_binomial(p: np.ndarray) -> np.ndarray:
    """The exact distribution of a sum of independent indicators."""
    mass = np.ones(1)
    for one in p:
        mass = np.convolve(mass, [1 - one, one])
    return mass


def mixtures(rng: np.random.Generator, m: int) -> list[np.ndarray]:
    """Probability vectors from equal to extreme: all alike, zeros and ones with one in between, clusters, random."""
    some = [np.full(m, q) for q in (0.02, 0.3, 0.9)]
    some += [np.clip(m * q - np.arange(m), 0, 1) for q in np.linspace(0.01, 0.99, 12)]  # certain, one uncertain, impossible
    some += [
        np.concatenate((np.full(cut, a), np.full(m - cut, b)))
        for cut in (1, m // 2, m - 1)
        for a, b in ((0, 0.3), (0.5, 1), (0.1, 0.9))
    ]
    return some + [rng.beta(0.3, 0.3, m) for _ in range(20)]


@pytest.mark.parametrize("beta", [0.5, 0.25, 0.05, 0.001])
@pytest.mark.parametrize("m", [1, 2, 3, 8, 30])
def test_pooled_bounds_cover_any_poisson_binomial(m: int, beta: float) -> None:
    """P(lower > mean probability) <= beta and P(upper < it) <= beta for every vector of probabilities, summed exactly."""
    k = range(m + 1)
    lower = np.array([pooled_lower_bound(i, m, beta=beta) for i in k])
    upper = np.array([pooled_upper_bound(i, m, beta=beta) for i in k])
    for p in mixtures(np.random.default_rng(7), m):
        mass = poisson_binomial(p)
        assert mass[lower > p.mean() + 1e-12].sum() <= beta * (1 + 1e-9)
        assert mass[upper < p.mean() - 1e-12].sum() <= beta * (1 + 1e-9)


def test_the_guard_is_needed() -> None:
    """Without the guard at one success the binomial bound misses too often: one uncertain segment among impossible ones."""
    m, beta = 30, 0.05
    bound = proportion_lower_bound(1, m, alpha=beta)
    q = bound * 0.999999
    assert poisson_binomial(np.array([m * q] + [0.0] * (m - 1)))[1] > beta
    assert pooled_lower_bound(1, m, beta=beta) == 0
    assert pooled_upper_bound(m - 1, m, beta=beta) == 1


def test_pooled_is_as_sharp_as_independent_sampling() -> None:
    """Beyond the guards it is the exact binomial bound."""
    assert pooled_lower_bound(25, 30, beta=0.05) == proportion_lower_bound(25, 30, alpha=0.05)


@pytest.mark.parametrize("beta", [0.2, 0.05])
def test_strata_e_values_cover(beta: float) -> None:
    """Two strata of 6 and 9 points, all outcomes enumerated: P(bound > sum w p) <= beta on a grid of fractions, both sides."""
    n, w = (6, 9), np.array([0.7, 0.3])
    outcomes = list(itertools.product(range(n[0] + 1), range(n[1] + 1)))
    lower = np.array([stratified_lower_bound(k, n, w, beta=beta) for k in outcomes])
    upper = np.array([stratified_upper_bound(k, n, w, beta=beta) for k in outcomes])
    for p in itertools.product((0.02, 0.2, 0.5, 0.8, 0.97, 1.0), repeat=2):
        mass = np.array([binom.pmf(k[0], n[0], p[0]) * binom.pmf(k[1], n[1], p[1]) for k in outcomes])
        assert mass[lower > w @ p].sum() <= beta
        assert mass[upper < w @ p].sum() <= beta


def test_strata_minimum_is_the_minimum() -> None:
    """The closed-form minimisation agrees with a general optimiser on the same set."""
    from scipy import special

    k, n, w = np.array([18.0, 9.0, 30.0]), np.array([20.0, 15.0, 31.0]), np.array([0.5, 0.3, 0.2])
    mixture = special.betaln(k + 0.5, n - k + 0.5) - special.betaln(0.5, 0.5)

    def room(p: np.ndarray) -> float:
        return float(np.log(20) - (mixture - special.xlogy(k, p) - special.xlog1py(n - k, -p)).sum())

    found = optimize.minimize(
        lambda p: w @ p, 0.9 * k / n, constraints=[{"type": "ineq", "fun": room}], bounds=[(1e-6, 1 - 1e-6)] * 3, method="SLSQP"
    )
    assert stratified_lower_bound(k, n, w, beta=0.05) == pytest.approx(found.fun, abs=1e-5)


def test_strata_edges() -> None:
    """No success anywhere is 0, a stratum without points counts 0, all successes stay below 1."""
    assert stratified_lower_bound([0, 0], [5, 8], [0.5, 0.5], beta=0.05) == 0
    assert stratified_lower_bound([50, 0], [50, 0], [0.5, 0.5], beta=0.05) < 0.5
    assert 0.9 < stratified_lower_bound([500, 500], [500, 500], [0.5, 0.5], beta=0.05) < 1
    assert stratified_upper_bound([0, 0], [5, 0], [0.5, 0.5], beta=0.05) > 0.5
    assert 0 < stratified_lower_bound([10**9], [10**9], [1.0], beta=1e-12) < 1
    with pytest.raises(ValueError, match="must"):
        stratified_lower_bound([6], [5], [1.0], beta=0.05)
    with pytest.raises(ValueError, match="must"):
        stratified_lower_bound([1, 2], [5, 5], [1.0], beta=0.05)
    with pytest.raises(ValueError, match="beta must"):
        stratified_lower_bound([1], [5], [1.0], beta=1.0)


@pytest.mark.parametrize("beta", [0.2, 0.05])
def test_weighted_bound_covers(beta: float) -> None:
    """Two cells of unequal weight with equal numbers of points, all outcomes enumerated: P(bound > sum w p) <= beta, both sides."""
    n, w = 7, np.array([0.85, 0.15])
    stratum = np.repeat([0, 1], n)
    outcomes = list(itertools.product(range(n + 1), repeat=2))

    def ones(k: tuple[int, ...]) -> np.ndarray:
        return np.concatenate([np.arange(n) < i for i in k]).astype(float)

    lower = np.array([weighted_mean_lower_bound(ones(k), stratum, w, upper=1.0, beta=beta) for k in outcomes])
    upper = np.array([weighted_mean_upper_bound(ones(k), stratum, w, upper=1.0, beta=beta) for k in outcomes])
    for p in itertools.product((0.02, 0.2, 0.5, 0.8, 0.97, 1.0), repeat=2):
        mass = np.array([binom.pmf(k[0], n, p[0]) * binom.pmf(k[1], n, p[1]) for k in outcomes])
        assert mass[lower > w @ p].sum() <= beta
        assert mass[upper < w @ p].sum() <= beta


def test_weights_count() -> None:
    """The bound follows the weights and not the plain average (a mutant that forgets them fails), and covers in 2,000 simulated runs.

    False-alarm rate: below 1e-6 (the bound misses far less often than the 5 % allowed; the limit stands 4.75 sd above).
    """
    rng = np.random.default_rng(11)
    p, w, n = np.array([0.3, 0.95, 0.99]), np.array([0.8, 0.1, 0.1]), 40
    stratum = np.repeat([0, 1, 2], n)
    values = (rng.random((2000, 3 * n)) < p[stratum]).astype(float)
    missed = np.mean([weighted_mean_lower_bound(row, stratum, w, upper=1.0, beta=0.05) > w @ p for row in values[:500]])
    assert missed <= 0.05 + norm.isf(1e-6) * np.sqrt(0.05 * 0.95 / 500)
    assert weighted_mean_lower_bound(values[0], stratum, w, upper=1.0, beta=0.05) < w @ p < values[0].mean()
    assert (
        weighted_mean_lower_bound(np.ones(9), np.zeros(9, int), [0.5, 0.5], upper=1.0, beta=0.05) <= 0.5
    )  # an empty stratum counts 0
    with pytest.raises(ValueError, match="stratum"):
        weighted_mean_lower_bound([1.0], [3], [0.5, 0.5], upper=1.0, beta=0.05)
