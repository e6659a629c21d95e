"""Radii: theorem, caps and their inverses, rounding to the safe side."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from odd_assess.stats import (
    certified_radius,
    draws_for_radius,
    fewest_agreeing,
    largest_radius,
    proportion_lower_bound,
    radius_cap,
    radius_caps,
    round_down,
    round_up,
    smallest_useful_n,
)
from odd_assess.stats.smoothing import fewest_agreeing_each


@given(p=st.floats(0, 1 - 1e-12), sigma=st.floats(1e-3, 10))
def test_radius_is_rounded_down_from_the_theorem(p: float, sigma: float) -> None:
    """It is sigma Phi^-1(p) above 1/2, zero below; never above the exact value, and within one part in 1e13 of it."""
    exact = sigma * norm.ppf(p) if p > 0.5 else 0.0
    radius = certified_radius(p, sigma=sigma)
    assert exact * (1 - 1e-13) <= radius <= exact
    assert type(radius) is float


@given(p=st.floats(1e-12, 1 - 1e-12), sigma=st.floats(1e-3, 10))
def test_largest_radius_is_rounded_up(p: float, sigma: float) -> None:
    """The bound from above is never below the exact value, also where it is negative."""
    exact = sigma * norm.ppf(p)
    assert exact <= float(largest_radius(p, sigma=sigma)) <= exact + 1e-13 * abs(exact)


def test_a_certain_class_has_no_bound_on_its_radius() -> None:
    """At p = 1 it is infinity on both sides, at p = 0 it certifies nothing."""
    assert certified_radius(1.0, sigma=0.5) == math.inf
    assert largest_radius(np.array([0.0, 1.0]), sigma=0.5).tolist() == [-math.inf, math.inf]


@pytest.mark.parametrize(("n", "cap"), [(100, 1.5005), (1000, 2.4633), (10_000, 3.1986), (100_000, 3.8115)])
def test_caps(n: int, cap: float) -> None:
    """They are sigma Phi^-1(alpha^(1/n)) at alpha = .001, from the closed form."""
    assert radius_cap(n, alpha=1e-3, sigma=1.0) == pytest.approx(norm.ppf(1e-3 ** (1 / n)), rel=1e-9)
    assert radius_cap(n, alpha=1e-3, sigma=1.0) == pytest.approx(cap, abs=5e-5)
    assert radius_caps(np.array([n, n]), alpha=1e-3, sigma=np.array([1.0, 2.0]))[1] == 2 * radius_cap(n, alpha=1e-3, sigma=1.0)


@given(ratio=st.floats(0.01, 4.5), alpha=st.floats(1e-9, 0.3), sigma=st.sampled_from([0.12, 0.25, 1.0]))
def test_draws_for_radius_is_the_smallest_n(ratio: float, alpha: float, sigma: float) -> None:
    """With n draws the cap reaches the radius, with n - 1 it does not."""
    n = draws_for_radius(ratio * sigma, alpha=alpha, sigma=sigma)
    assert radius_cap(n, alpha=alpha, sigma=sigma) >= ratio * sigma
    assert n == 1 or radius_cap(n - 1, alpha=alpha, sigma=sigma) < ratio * sigma


@pytest.mark.parametrize(
    ("n", "k"), [(25, 21), (50, 37), (100, 66), (250, 150), (500, 286), (1000, 550), (10_000, 5156), (100_000, 50_490)]
)
def test_fewest_agreeing(n: int, k: int) -> None:
    """The published table at alpha = .001; one draw less certifies nothing."""
    assert fewest_agreeing(n, alpha=1e-3) == k
    assert proportion_lower_bound(k, n, alpha=1e-3) > 0.5 >= proportion_lower_bound(k - 1, n, alpha=1e-3)


def test_fewest_agreeing_for_a_radius() -> None:
    """A radius needs more agreement; one above the cap cannot be had."""
    k = fewest_agreeing(1000, alpha=1e-3, radius=0.25, sigma=0.25)
    assert k is not None
    radii = certified_radius(proportion_lower_bound(np.array([k - 1, k]), 1000, alpha=1e-3), sigma=0.25)
    assert radii[0] < 0.25 <= radii[1]
    assert fewest_agreeing(1000, alpha=1e-3, radius=0.63, sigma=0.25) is None
    assert fewest_agreeing(9, alpha=1e-3) is None


@pytest.mark.parametrize("alpha", [0.9, 0.5, 0.25, 0.05, 2**-10, 1e-3, 1e-12])
def test_smallest_useful_n(alpha: float) -> None:
    """At n some count certifies, at n - 1 none does; exactly 1/2 certifies nothing."""
    n = smallest_useful_n(alpha)
    assert alpha ** (1 / n) > 0.5
    assert n == 1 or alpha ** (1 / (n - 1)) <= 0.5


@given(x=st.floats(0, 1e6), digits=st.integers(0, 6))
def test_rounding_is_to_the_safe_side(x: float, digits: int) -> None:
    """Down is not above, up is not below, and both are within one unit of the last decimal."""
    down, up = round_down(x, digits), round_up(x, digits)
    assert down <= x <= up
    assert up - down <= 10.0**-digits * (1 + 1e-9) + 1e-9
    assert round_down(down, digits) == down
    assert round_up(up, digits) == up


def test_rounding_keeps_what_is_written() -> None:
    """0.29 is floored as 0.29 though its float is a little less; infinity stays."""
    assert round_down(0.29, 2) == 0.29
    assert round_down(0.3999, 2) == 0.39
    assert round_up(0.1 + 0.2, 1) == 0.4
    assert round_down(math.inf, 2) == math.inf


def test_bad_arguments_are_refused() -> None:
    """What must hold is said."""
    for call in (
        lambda: certified_radius(1.1, sigma=1.0),
        lambda: certified_radius(float("nan"), sigma=1.0),
        lambda: certified_radius(0.9, sigma=0.0),
        lambda: largest_radius(-0.1, sigma=1.0),
        lambda: draws_for_radius(0.0, alpha=0.1, sigma=1.0),
        lambda: draws_for_radius(8.0, alpha=0.1, sigma=1.0),
        lambda: draws_for_radius(1.0, alpha=1.5, sigma=1.0),
        lambda: smallest_useful_n(1.0),
        lambda: fewest_agreeing(10, alpha=0.1, radius=-1.0),
    ):
        with pytest.raises(ValueError, match="must"):
            call()


@pytest.mark.parametrize("n", [9, 25, 1000, 100_000])
def test_fewest_agreeing_of_many_radii_is_that_of_each(n: int) -> None:
    """Searched together or one by one the same counts come out, n + 1 standing for none."""
    radii = np.array([0.0, 1e-6, 0.1, 0.25, 0.6, 0.95, 3.0])
    alone = [fewest_agreeing(n, alpha=0.001, radius=float(radius), sigma=0.25) for radius in radii]
    together = fewest_agreeing_each(n, alpha=0.001, radii=radii, sigma=0.25)
    assert together.tolist() == [n + 1 if count is None else count for count in alone]
