"""The budget that a pilot chooses."""

import numpy as np
import pytest

from odd_assess.stats import draws_for_reduction, expected_radius

REFERENCE = 100_000


def real_reduction(p: np.ndarray, n: int) -> float:
    """What n draws really cost points of these pA against the reference."""
    at_n, at_ref = (np.mean(expected_radius(p, draws, alpha=0.001, sigma=1.0)) for draws in (n, REFERENCE))
    return float(1 - at_n / at_ref)


@pytest.mark.parametrize("tolerance", [0.15, 0.2, 0.35])
def test_the_chosen_budget_costs_about_what_is_tolerated(tolerance: float) -> None:
    """With pA ~ U[.5, 1], 400 pilot points of 100 draws: the real reduction at the chosen n is within .04 of the tolerance (seeded, so it cannot flake)."""
    p = np.linspace(0.5, 1.0, 400)
    hits = np.random.default_rng(3).binomial(100, p)
    n, expected = draws_for_reduction(hits, 100, REFERENCE, tolerance=tolerance, alpha=0.001, sigma=1.0, most=REFERENCE - 1)
    assert real_reduction(p, n) == pytest.approx(tolerance, abs=0.04)
    assert expected == pytest.approx(tolerance, abs=0.01)


def test_the_choice_is_the_smallest() -> None:
    """One draw fewer is expected to lose more than is tolerated."""
    hits = np.random.default_rng(4).binomial(100, np.linspace(0.6, 0.99, 30))
    n, expected = draws_for_reduction(hits, 100, 10_000, tolerance=0.25, alpha=0.001, sigma=1.0, most=9_999)
    assert expected <= 0.25
    _, before = draws_for_reduction(hits, 100, 10_000, tolerance=0.25, alpha=0.001, sigma=1.0, most=n - 1)
    assert before > 0.25


def test_a_limit_that_does_not_reach_it_is_told() -> None:
    """Where no n up to the limit is enough, the limit comes back with what it is expected to lose."""
    n, expected = draws_for_reduction([100] * 20, 100, REFERENCE, tolerance=0.1, alpha=0.001, sigma=1.0, most=500)
    assert n == 500
    assert expected > 0.1


def test_no_majority_needs_no_draws() -> None:
    """Where no point is expected to certify at any budget, nothing is lost by the smallest."""
    assert draws_for_reduction([2] * 20, 100, 1000, tolerance=0.1, alpha=0.001, sigma=1.0, most=999) == (10, 0.0)


@pytest.mark.parametrize("kwargs", [{"tolerance": 0.0}, {"tolerance": 1.0}, {"most": 9}])
def test_an_impossible_wish_is_refused(kwargs: dict[str, float]) -> None:
    """The tolerance lies in (0, 1), and the limit certifies something."""
    with pytest.raises(ValueError, match="must"):
        draws_for_reduction([90], 100, 1000, **({"tolerance": 0.2, "alpha": 0.001, "sigma": 1.0, "most": 500} | kwargs))  # type: ignore[arg-type]
