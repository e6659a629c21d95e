"""The bound on a weighted mean of two proportions, against exact sums over all outcomes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import binom

from odd_assess.stats import (
    proportion_lower_bound,
    two_group_lower_bound,
    two_group_mean_lower_bound,
    two_group_upper_bound,
    two_groups,
)

Bound = Callable[[tuple[int, int], tuple[int, int], tuple[float, float], float], float]

SIZES = (((12, 12), (0.5, 0.5)), ((5, 16), (0.8, 0.2)), ((20, 6), (0.3, 0.7)), ((1, 9), (0.6, 0.4)), ((15, 15), (0.95, 0.05)))


def ours(k: tuple[int, int], m: tuple[int, int], w: tuple[float, float], beta: float) -> float:
    return two_group_lower_bound(k, m, w, beta=beta)


def wald(k: tuple[int, int], m: tuple[int, int], w: tuple[float, float], beta: float) -> float:
    """The normal approximation with the observed variances."""
    p = [one / n for one, n in zip(k, m, strict=True)]
    spread = math.sqrt(sum(v * v * q * (1 - q) / n for v, q, n in zip(w, p, m, strict=True)))
    return float(w[0] * p[0] + w[1] * p[1] + ndtri(beta) * spread)


def pooled(k: tuple[int, int], m: tuple[int, int], w: tuple[float, float], beta: float) -> float:
    """The binomial bound of all points, as if the groups had the points that they weigh."""
    return proportion_lower_bound(sum(k), sum(m), alpha=beta)


def unpaid(k: tuple[int, int], m: tuple[int, int], w: tuple[float, float], beta: float) -> float:
    """The nuisance confined to a narrow set that nothing is paid for."""
    favourable = two_groups._Favourable(k, m, w, beta)
    favourable.level = beta
    favourable.least = tuple(proportion_lower_bound(one, n, alpha=0.4) for one, n in zip(k, m, strict=True))
    favourable.floor = w[0] * favourable.least[0] + w[1] * favourable.least[1]
    return favourable.crossing()


def strict(k: tuple[int, int], m: tuple[int, int], w: tuple[float, float], beta: float) -> float:
    """What was observed itself is not counted among the outcomes that are as favourable."""
    favourable = two_groups._Favourable(k, m, w, beta)
    favourable.fewest = favourable.fewest + 1
    return favourable.crossing()


def worst_miss(bound: Bound, m: tuple[int, int], w: tuple[float, float], beta: float) -> float:
    """The largest P(bound > mean), summed over all outcomes, over a grid of chances and over chances just below every value of the bound."""
    k1, k2 = np.meshgrid(np.arange(m[0] + 1), np.arange(m[1] + 1), indexing="ij")
    bounds = np.array([bound((int(a), int(b)), m, w, beta) for a, b in zip(k1.ravel(), k2.ravel(), strict=True)])
    grid = np.sin(np.linspace(0, np.pi / 2, 41)) ** 2
    first, second = (each.ravel() for each in np.meshgrid(grid, grid))
    values = np.unique(bounds[(bounds > 0) & (bounds < 1)])
    on_line = np.repeat(grid, len(values))
    rest = (np.tile(values - 1e-9, len(grid)) - w[0] * on_line) / w[1]
    inside = (rest >= 0) & (rest <= 1)
    p1, p2 = np.concatenate([first, on_line[inside]]), np.concatenate([second, rest[inside]])
    worst = 0.0
    for start in range(0, len(p1), 4_000):
        a, b = p1[start : start + 4_000], p2[start : start + 4_000]
        ways = binom.pmf(np.arange(m[0] + 1)[:, None], m[0], a)[:, None, :] * binom.pmf(np.arange(m[1] + 1)[:, None], m[1], b)
        missed = bounds[:, None] > w[0] * a + w[1] * b + 1e-13
        worst = max(worst, float((ways.reshape(-1, len(a)) * missed).sum(axis=0).max()))
    return worst


@pytest.mark.parametrize("beta", [0.5, 0.05, 0.001])
@pytest.mark.parametrize(("m", "w"), SIZES)
def test_bound_misses_at_most_beta(m: tuple[int, int], w: tuple[float, float], beta: float) -> None:
    """Summed over all outcomes, at a grid of chances and just below every value of the bound: at most beta, and not far below it."""
    worst = worst_miss(ours, m, w, beta)
    assert worst <= beta * (1 + 1e-9)
    assert worst > beta / 2


@pytest.mark.parametrize("wrong", [wald, pooled, unpaid, strict])
def test_the_same_check_rejects_wrong_bounds(wrong: Bound) -> None:
    """Wald's limit, the binomial bound of all points, a nuisance confined for nothing, one outcome too few: all miss more often."""
    assert worst_miss(wrong, (20, 6), (0.3, 0.7), 0.05) > 0.05 * 1.02


@given(
    m=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    share=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    weight=st.floats(0.02, 0.98),
    beta=st.sampled_from([0.5, 0.2, 0.05, 1e-4]),
)
def test_bound_rises_with_either_count(m: tuple[int, int], share: tuple[float, float], weight: float, beta: float) -> None:
    """One success more in either group never lowers the bound, but for what is given up for speed."""
    k = (int(share[0] * (m[0] - 1)), int(share[1] * (m[1] - 1)))
    w = (weight, 1 - weight)
    fewer = two_group_lower_bound(k, m, w, beta=beta)
    slack = 0.2 / math.sqrt(min(m))
    for more in ((k[0] + 1, k[1]), (k[0], k[1] + 1)):
        assert two_group_lower_bound(more, m, w, beta=beta) >= fewer - 0.02 * slack


@given(k=st.integers(0, 30), weight=st.floats(0.1, 0.9), beta=st.sampled_from([0.05, 1e-3]))
def test_a_group_without_points_counts_as_nothing(k: int, weight: float, beta: float) -> None:
    """What is left is the exact binomial bound of the other group, times its weight."""
    other = proportion_lower_bound(k, 30, alpha=beta)
    assert two_group_lower_bound((k, 0), (30, 0), (weight, 1 - weight), beta=beta) == pytest.approx(weight * other)
    assert two_group_lower_bound((0, k), (0, 30), (0.0, 2.0), beta=beta) == pytest.approx(other)


@given(k=st.tuples(st.integers(0, 25), st.integers(0, 40)), weight=st.floats(0.1, 0.9))
def test_names_of_the_groups_do_not_matter(k: tuple[int, int], weight: float) -> None:
    """Exchanged groups give the same bound, but for what is given up; the upper bound is the mirror image and lies above."""
    here = two_group_lower_bound(k, (25, 40), (weight, 1 - weight), beta=0.05)
    there = two_group_lower_bound((k[1], k[0]), (40, 25), (1 - weight, weight), beta=0.05)
    assert here == pytest.approx(there, abs=4e-3)
    assert (
        here <= weight * k[0] / 25 + (1 - weight) * k[1] / 40 <= two_group_upper_bound(k, (25, 40), (weight, 1 - weight), beta=0.05)
    )


@pytest.mark.parametrize("m", [(100, 200), (1_000, 700), (10_000, 10_000)])
def test_the_level_is_used_up_at_the_bound(m: tuple[int, int]) -> None:
    """At the bound the outcomes at least as favourable have nearly the probability beta for some chances, and nowhere more: by direct binomial sums."""
    k, w, beta = (int(0.97 * m[0]), int(0.6 * m[1])), (0.7, 0.3), 0.01
    bound = two_group_lower_bound(k, m, w, beta=beta)
    favourable = two_groups._Favourable(k, m, w, beta)
    p1 = np.linspace(max(favourable.least[0], (bound - w[1]) / w[0]), min(1.0, (bound - w[1] * favourable.least[1]) / w[0]), 25)
    counts = np.arange(m[0] + 1)
    in_a = [
        float(binom.pmf(counts, m[0], a) @ binom.sf(favourable.fewest - 1, m[1], (bound - w[0] * a) / w[1])) for a in p1.tolist()
    ]
    assert 0.9 * beta < max(in_a) <= favourable.level


def test_beyond_the_largest_groups_e_values_bound() -> None:
    """Groups that are too large to sum are bounded by e-values, a little below."""
    found = two_group_lower_bound((30_000, 9_000), (30_100, 10_001), (0.75, 0.25), beta=0.05)
    exact = two_group_lower_bound((9_967, 8_999), (10_000, 10_000), (0.75, 0.25), beta=0.05)
    truth = 0.75 * 30_000 / 30_100 + 0.25 * 9_000 / 10_001
    assert truth - 0.01 < found < truth
    assert exact < truth


@pytest.mark.parametrize(
    ("k", "m", "w", "beta"),
    [
        ((3, 1), (2, 2), (0.5, 0.5), 0.05),
        ((0, 0), (0, 0), (0.5, 0.5), 0.05),
        ((1, 1), (2, 2), (-0.5, 1.5), 0.05),
        ((1, 1), (2, 2), (0.0, 0.0), 0.05),
        ((1, 1), (2, 2), (0.5, 0.5), 1.0),
    ],
)
def test_nonsense_is_refused(k: tuple[int, int], m: tuple[int, int], w: tuple[float, float], beta: float) -> None:
    """Counts beyond the points, no points, weights that are none, a level of 1."""
    with pytest.raises(ValueError, match="must"):
        two_group_lower_bound(k, m, w, beta=beta)


@pytest.mark.parametrize("m", [(20, 20), (30, 10), (8, 32)])
def test_means_of_two_groups_miss_at_most_beta(m: tuple[int, int]) -> None:
    """Over 2,000 samples of values that are mostly 1, the bound exceeds the weighted mean in at most 5 % (false alarm 1e-4), and is not idle."""
    rng, w, missed, bounds = np.random.default_rng(m), (0.5, 0.5), 0, []
    for _ in range(2_000):
        values = (rng.random(sum(m)) < np.repeat([0.7, 0.9], m)).astype(np.float64)
        bounds.append(two_group_mean_lower_bound(values, np.repeat([0, 1], m), w, upper=1.0, beta=0.05))
        missed += bounds[-1] > 0.8
    assert missed <= binom.isf(1e-4, 2_000, 0.05)
    assert np.mean(bounds) > 0.4


def test_means_where_a_group_has_no_values() -> None:
    """The group counts as 0, the whole level goes to the other."""
    found = two_group_mean_lower_bound([1.0] * 50, [1] * 50, (0.3, 0.7), upper=1.0, beta=0.05)
    assert 0.6 < found < 0.7
