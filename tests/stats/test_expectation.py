"""What another number of draws would certify: expectations by summation, and predictions on published counts whose truth is known."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, norm

from odd_assess.stats import (
    anytime_lower_bound,
    anytime_upper_bound,
    certified_radius,
    expected_mean_radii,
    expected_radius,
    expected_reference_radius,
    fewest_agreeing,
    probability_at_least,
    proportion_lower_bound,
    radius_cap,
    reference_certifies,
    reference_share,
)

ALPHA = 1e-3


def radii(k: np.ndarray, n: int) -> np.ndarray:
    return certified_radius(proportion_lower_bound(k, n, alpha=ALPHA), sigma=1.0)


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 0.55, 0.9, 0.999, 0.99999, 1.0])
@pytest.mark.parametrize("n", [5, 25, 1000, 100_000])
def test_expected_radius_is_the_sum_over_all_counts(n: int, p: float) -> None:
    """Equal to the full sum over k = 0 ... n, also where only some counts are visited."""
    k = np.arange(n + 1)
    full = float(binom.pmf(k, n, p) @ radii(k, n))
    assert expected_radius(p, n, alpha=ALPHA, sigma=1.0) == pytest.approx(full, abs=1e-6)
    capped = float(binom.pmf(k, n, p) @ np.minimum(radii(k, n), 1.0))
    assert expected_radius(p, n, alpha=ALPHA, sigma=1.0, at_most=1.0) == pytest.approx(capped, abs=1e-5)


def test_expected_radius_scales_and_is_safe_at_the_edges() -> None:
    """Linear in sigma, an array for an array, a number at n = 1e9 and alpha = 1e-12, below the ideal radius."""
    values = expected_radius(np.array([0.6, 0.9]), 1000, alpha=ALPHA, sigma=0.25)
    assert values[1] == pytest.approx(0.25 * expected_radius(0.9, 1000, alpha=ALPHA, sigma=1.0))
    ideal = norm.ppf(0.9)
    assert 0.99 * ideal < expected_radius(0.9, 10**9, alpha=1e-12, sigma=1.0) < ideal
    assert expected_radius(1.0, 10**9, alpha=1e-12, sigma=1.0) == pytest.approx(radius_cap(10**9, alpha=1e-12, sigma=1.0))
    with pytest.raises(ValueError, match="p must"):
        expected_radius(1.1, 10, alpha=ALPHA, sigma=1.0)


def levine(shared: Path, sigma: str) -> np.ndarray:
    """The pA of 500 images, from published counts of 100,000 draws."""
    with (shared / "data" / "peer_tables" / "levine_cifar10_counts" / f"sigma_{sigma}.tsv").open() as lines:
        return np.array([int(row["count"]) for row in csv.DictReader(lines, delimiter="\t")]) / 1e5


@pytest.mark.parametrize("sigma", ["0.12", "0.25", "0.50", "1.00"])
def test_mean_radii_on_published_counts(shared: Path, sigma: str) -> None:
    """From counts at n = 1000 the mean radius at any other budget comes out within 2 % up to 10,000 draws, within 5 % at a hundred times that. Fixed seed."""
    p = levine(shared, sigma)
    k = np.random.default_rng(1).binomial(1000, p)
    budgets = [10, 30, 100, 1000, 10_000, 100_000, 1_000_000]
    true = np.array([np.mean(expected_radius(p, n, alpha=ALPHA, sigma=1.0)) for n in budgets])
    found = expected_mean_radii(k, 1000, budgets, 100_000, alpha=ALPHA, sigma=1.0)
    np.testing.assert_allclose(found[:5], true[:5], rtol=0.02)
    np.testing.assert_allclose(found[5:], true[5:], rtol=0.05)


@pytest.mark.parametrize("sigma", ["0.12", "0.25", "0.50", "1.00"])
def test_certified_shares_on_published_counts(shared: Path, sigma: str) -> None:
    """From counts at n = 1000 the share certified by 100,000 draws comes out within .03 at radii up to 3 sigma. Fixed seed."""
    p, asked = levine(shared, sigma), np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
    k = np.random.default_rng(1).binomial(1000, p)
    found = reference_certifies(k, 1000, 100_000, asked, alpha=ALPHA, sigma=1.0).mean(axis=0)
    fewest = [fewest_agreeing(100_000, alpha=ALPHA, radius=float(radius)) or 0 for radius in asked]
    true = [float(np.mean(probability_at_least(count, 100_000, p))) for count in fewest]
    np.testing.assert_allclose(found, true, atol=0.03)
    plain = np.array([(radii(k, 1000) >= radius).mean() for radius in asked])
    assert np.abs(plain - true).max() > 0.03  # what n = 1000 itself certifies would not pass


def test_mean_radii_pass_through_the_reference() -> None:
    """At n_ref the curve is the mean of each point's expected radius, to the last digits; it rises with n, and scales with sigma."""
    rng = np.random.default_rng(5)
    n = np.array([100, 1000] * 20)
    k, alpha = rng.binomial(n, rng.beta(5, 0.5, 40)), np.tile([1e-3, 5e-4], 20)
    budgets = np.array([12, 50, 300, 2000, 10_000, 30_000, 100_000])
    found = expected_mean_radii(k, n, budgets, 10_000, alpha=alpha, sigma=0.25)
    each = expected_reference_radius(k, n, 10_000, alpha=alpha, sigma=0.25)
    assert found[4] == pytest.approx(each.mean(), rel=1e-12)
    assert np.all(np.diff(found) > 0)
    np.testing.assert_allclose(expected_mean_radii(k, n, budgets, 10_000, alpha=alpha, sigma=0.5), 2 * found)


def test_caps_of_many_points_at_once() -> None:
    """A cap for each point gives what each cap alone gives, also where caps, levels and noise levels are mixed; no cap is the largest cap."""
    rng = np.random.default_rng(7)
    n = rng.integers(20, 2000, 12)
    k = rng.binomial(n, rng.beta(5, 0.5, 12))
    alpha, sigma = np.tile([1e-3, 5e-4], 6), np.tile([0.25, 0.5, 0.5], 4)
    caps = rng.uniform(0, 2, 12)
    together = expected_reference_radius(k, n, 600, alpha=alpha, sigma=sigma, at_most=caps)
    alone = [expected_reference_radius(k, n, 600, alpha=alpha, sigma=sigma, at_most=float(cap))[i] for i, cap in enumerate(caps)]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
    assert np.all(together <= caps + 1e-12)
    whole = expected_reference_radius(k, n, 600, alpha=alpha, sigma=sigma)
    np.testing.assert_allclose(expected_reference_radius(k, n, 600, alpha=alpha, sigma=sigma, at_most=99.0), whole, rtol=1e-9)
    np.testing.assert_array_equal(expected_reference_radius(k, n, 600, alpha=alpha, sigma=sigma, at_most=0.0), np.zeros(12))


def test_chances_are_probabilities_that_fall_with_the_radius() -> None:
    """Between 0 and 1, falling in the radius, 0 beyond the cap, near 0 or 1 where the counts leave no doubt; a radius and sigma scale together."""
    k, asked = np.array([100, 520, 800, 1000]), np.array([0.0, 0.1, 0.2, 0.5, 1.2])
    chance = reference_certifies(k, 1000, 10_000, asked, alpha=ALPHA, sigma=0.25)
    assert chance.shape == (4, 5)
    assert np.all((chance >= 0) & (chance <= 1))
    assert np.all(np.diff(chance, axis=1) <= 1e-12)
    assert np.all(chance[:, -1] == 0)  # the cap of 10,000 draws is .7997
    np.testing.assert_allclose(chance[0], 0, atol=1e-12)
    assert chance[2, 1] > 0.999
    np.testing.assert_allclose(reference_certifies(k, 1000, 10_000, 2 * asked, alpha=ALPHA, sigma=0.5), chance, atol=1e-12)
    assert np.all(reference_certifies(k, 1000, 9, asked, alpha=ALPHA, sigma=0.25) == 0)  # nine draws certify nothing
    with pytest.raises(ValueError, match="radius"):
        reference_certifies(k, 1000, 10_000, -0.1, alpha=ALPHA, sigma=0.25)
    with pytest.raises(ValueError, match="must lie"):
        reference_certifies([5], 4, 10_000, 0.1, alpha=ALPHA, sigma=0.25)


def test_counts_that_stopped_when_decided_tell_as_much(shared: Path) -> None:
    """Draws that stop once sigma / 2 is certified or refuted, 2,000 at most, predict the mean reference radius within 15 %. Fixed seed.

    The plug-in share k / n, which takes all points that stopped at once for p = 1, is more than 25 % too high.
    """
    rng, p = np.random.default_rng(3), levine(shared, "0.50")
    looks = np.unique(np.geomspace(20, 2000, 25).astype(int))
    hits = np.cumsum(rng.binomial(np.diff(looks, prepend=0)[None, :], p[:, None]), axis=1)
    above = np.asarray(anytime_lower_bound(hits, looks[None, :], alpha=ALPHA)) >= norm.cdf(0.5)
    decided = above | (np.asarray(anytime_upper_bound(hits, looks[None, :], alpha=ALPHA)) < norm.cdf(0.5))
    stop = np.where(decided.any(axis=1), decided.argmax(axis=1), len(looks) - 1)
    k, n = hits[np.arange(len(p)), stop], looks[stop]
    assert np.median(n) < 100
    true = np.mean(expected_radius(p, 100_000, alpha=ALPHA, sigma=1.0))
    assert expected_reference_radius(k, n, 100_000, alpha=ALPHA, sigma=1.0).mean() == pytest.approx(true, rel=0.15)
    assert np.mean(expected_radius(k / n, 100_000, alpha=ALPHA, sigma=1.0)) > 1.25 * true


def test_share_at_many_noise_levels_is_nearly_that_of_each_point() -> None:
    """With 400 levels, which are told apart in 64 steps only, the sum over the points moves by less than a point in a hundred."""
    rng = np.random.default_rng(5)
    sigma, radii = rng.uniform(0.05, 1.5, 400), np.array([0.0, 0.1, 0.4])
    hits = rng.binomial(500, rng.beta(6, 1, 400))
    each = reference_certifies(hits, 500, 10_000, radii, alpha=ALPHA, sigma=sigma).mean(axis=0)
    share = reference_share(hits, 500, 10_000, radii, alpha=ALPHA, sigma=sigma, weights=np.full(400, 1 / 400))
    np.testing.assert_allclose(share, each, atol=0.01)
    assert share[0] == pytest.approx(each[0], abs=1e-12)  # to be certified at all is no matter of the level
