"""The bound on the difference of two fractions at the same points, against exact sums over all outcomes."""

import numpy as np
import pytest
from scipy.special import gammaln, xlogy

from odd_assess.stats import (
    difference_lower_bound,
    difference_upper_bound,
    paired_difference_lower_bound,
    proportion_upper_bound,
)
from odd_assess.stats.discordant import MOST_PAIRS


def outcomes(m: int) -> tuple[np.ndarray, np.ndarray]:
    """(lost, gained) of every outcome of m pairs."""
    lost, gained = np.meshgrid(np.arange(m + 1), np.arange(m + 1), indexing="ij")
    some = lost + gained <= m
    return lost[some], gained[some]


def chances(lost: np.ndarray, gained: np.ndarray, m: int, p_lost: float, p_gained: float) -> np.ndarray:
    """The exact probability of each outcome."""
    same, p_same = m - lost - gained, max(0.0, 1.0 - p_lost - p_gained)
    ways = gammaln(m + 1) - gammaln(lost + 1) - gammaln(gained + 1) - gammaln(same + 1)
    return np.exp(ways + xlogy(lost, p_lost) + xlogy(gained, p_gained) + xlogy(same, p_same))


def worst_miss(m: int, beta: float) -> float:
    """The largest probability, on a grid of chances, that the bound exceeds the true difference."""
    lost, gained = outcomes(m)
    bounds = np.array([difference_lower_bound(int(a), int(b), m, beta=beta) for a, b in zip(lost, gained, strict=True)])
    grid = [0.0, 1e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.95, 1.0]
    pairs = [(a, b) for a in grid for b in grid if a + b <= 1]
    return max(float(chances(lost, gained, m, a, b)[bounds > b - a + 1e-12].sum()) for a, b in pairs)


@pytest.mark.parametrize(("m", "beta"), [(1, 0.05), (5, 0.2), (9, 0.05)])
def test_the_bound_misses_at_most_beta(m: int, beta: float) -> None:
    """Summed over all outcomes, so that this test cannot flake."""
    assert worst_miss(m, beta) <= beta * (1 + 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("m", "beta"), [(20, 0.05), (40, 0.1)])
def test_the_bound_misses_at_most_beta_with_more_pairs(m: int, beta: float) -> None:
    """The same where there are hundreds of outcomes."""
    assert worst_miss(m, beta) <= beta * (1 + 1e-9)


def test_an_identical_copy_is_shown_with_150_points() -> None:
    """Without a point that differs it is the exact bound of the chance to lose one: -.01977, so that a loss of more than .02 is excluded."""
    found = difference_lower_bound(0, 0, 150, beta=0.05)
    assert found == pytest.approx(-proportion_upper_bound(0, 150, alpha=0.05), abs=2e-6)
    assert found >= -0.02


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (0, 1), (1, 1), (3, 5), (10, 2), (2, 12), (40, 40), (0, 100), (60, 10)])
def test_it_is_sharper_than_betting(lost: int, gained: int) -> None:
    """At 150 points, for few and many that differ, in either direction; and it lies below what is observed."""
    first, second = np.zeros(150), np.zeros(150)
    first[:lost], second[lost : lost + gained] = 1, 1
    found = difference_lower_bound(lost, gained, 150, beta=0.05)
    assert paired_difference_lower_bound(first, second, upper=1.0, beta=0.05) < found < (gained - lost) / 150


def test_it_rises_with_gains_and_falls_with_losses() -> None:
    """Up to what the cells give up; the upper bound is the mirror."""
    values = [[difference_lower_bound(a, b, 30, beta=0.05) for b in (0, 2, 8, 20)] for a in (0, 2, 8)]
    assert np.all(np.diff(values, axis=1) > 0)
    assert np.all(np.diff(values, axis=0) < 0)
    assert difference_upper_bound(2, 8, 30, beta=0.05) == -difference_lower_bound(8, 2, 30, beta=0.05)
    assert difference_lower_bound(30, 0, 30, beta=0.05) == -1.0


@pytest.mark.parametrize(
    ("lost", "gained", "pairs", "beta"),
    [(1, 1, 1, 0.05), (-1, 0, 5, 0.05), (0, 0, 0, 0.05), (0, 0, 5, 0.6), (0, 0, MOST_PAIRS + 1, 0.05)],
)
def test_what_is_no_comparison_is_refused(lost: int, gained: int, pairs: int, beta: float) -> None:
    """Counts of some pairs and a level are needed."""
    with pytest.raises(ValueError, match="lost and gained must be counts"):
        difference_lower_bound(lost, gained, pairs, beta=beta)
