"""The theory's lines: near the exact values where they are said to be, and away from them where they are said not to be."""

import numpy as np
import pytest
from scipy.stats import norm

from odd_assess.stats import expected_radius, theory_accuracy_drop, theory_mean_ratio, theory_radius, theory_reduction

ALPHA = 1e-3


def test_theory_lines() -> None:
    """The line 1 - 1.64 z / sqrt(n) is near the exact mean ratio for pA uniform on [1/2, 1] at n >= 250, and absent where it is not positive."""
    p = np.linspace(0.5, 1, 401)[1:-1]
    for n in (250, 1000, 10_000):
        exact = expected_radius(p, n, alpha=ALPHA, sigma=1.0).sum() / norm.ppf(p).sum()
        assert theory_mean_ratio(n, alpha=ALPHA) == pytest.approx(exact, abs=0.02)
    assert theory_reduction(20, 100_000, alpha=ALPHA) is None
    assert theory_accuracy_drop(1000, alpha=ALPHA) == pytest.approx(norm.isf(5e-4) / 1000**0.5)
    assert theory_reduction(1000, 1000, alpha=ALPHA) == 0


@pytest.mark.parametrize(("n", "within"), [(100, 0.06), (250, 0.04), (1000, 0.04), (10_000, 0.04), (100_000, 0.08)])
def test_radius_of_a_point_is_near_the_exact_one(n: int, within: float) -> None:
    """While 20 misses are expected. The misprinted exponent (-.135 for -.365) is off by more at n <= 1000."""
    p = 1 - np.geomspace(0.5, 20 / n, 300)
    exact = np.asarray(expected_radius(p, n, alpha=ALPHA, sigma=1.0))
    assert np.abs(theory_radius(p, n, alpha=ALPHA, sigma=1.0) - exact).max() < within
    width = norm.isf(ALPHA / 2) / n**0.5
    misprint = 5.063 * (p**0.135 - (1 - p) ** 0.135 - 0.135 * width * (p**-0.365 * (1 - p) ** 0.5 + p**0.5 * (1 - p) ** -0.135))
    assert n > 1000 or np.abs(np.maximum(misprint, 0) - exact).max() > within


def test_radius_of_a_point_falls_next_to_one() -> None:
    """There the exact radius rises to the cap and the formula to nothing: it is a reference line, and not to be used as a radius."""
    assert theory_radius(0.9999, 1000, alpha=ALPHA, sigma=1.0) < expected_radius(0.9999, 1000, alpha=ALPHA, sigma=1.0) - 0.8
    np.testing.assert_array_equal(theory_radius(np.array([0.0, 0.5, 1 - 1e-9, 1.0]), 1000, alpha=ALPHA, sigma=1.0), np.zeros(4))
    assert theory_radius(0.8, 10**9, alpha=ALPHA, sigma=0.5) == pytest.approx(0.5 * norm.ppf(0.8), abs=0.01)


@pytest.mark.parametrize("changes", [{"p": 1.1}, {"p": -0.1}, {"n": 0}, {"alpha": 0.0}, {"sigma": 0.0}, {"p": float("nan")}])
def test_radius_of_a_point_checks_its_arguments(changes: dict[str, float]) -> None:
    """Anything outside the stated domain is an error."""
    arguments = {"p": 0.9, "n": 1000, "alpha": ALPHA, "sigma": 0.5} | changes
    with pytest.raises(ValueError, match="must"):
        theory_radius(arguments["p"], int(arguments["n"]), alpha=arguments["alpha"], sigma=arguments["sigma"])
