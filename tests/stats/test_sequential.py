"""Statements about a proportion that hold at any stopping time: exact over all paths, and simulated over long ones."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaincc, logsumexp, ndtr
from scipy.stats import binom, norm

from odd_assess.stats import (
    anytime_draws_for_radius,
    anytime_lower_bound,
    anytime_radius_cap,
    anytime_upper_bound,
    confidence_sequence,
    fewest_to_decide,
    log_evidence_above,
    log_evidence_below,
    proportion_lower_bound,
)

EverBeyond = Callable[[Callable[[np.ndarray, np.ndarray], np.ndarray], float, int], float]
LIMITS = [1e-6, 0.01, 0.3, 0.5, 0.6914624612740131, 0.8413447460685429, 0.97725, 0.999, 1 - 1e-9]


@pytest.mark.parametrize("p0", LIMITS)
def test_evidence_is_a_martingale_at_the_limit(p0: float) -> None:
    """At p = p0 one more draw leaves the evidence as it is on average, whatever the 300 draws before were: Ville's inequality needs no more."""
    for n in (0, 1, 7, 60, 299):
        k = np.arange(n + 1)
        now = np.asarray(log_evidence_above(k, n, p0))
        success, miss = (np.asarray(log_evidence_above(k + more, n + 1, p0)) for more in (1, 0))
        then = np.logaddexp(math.log(p0) + success, math.log1p(-p0) + miss)
        seen = betaincc(k + 0.5, n - k + 1.5, p0) > 1e-250  # beyond, the tail underflows: the evidence is then held below 1
        assert np.all(now[~seen] <= 0)
        assert seen.any()
        np.testing.assert_allclose(then[seen], now[seen], atol=1e-9)


@pytest.mark.parametrize("p0", LIMITS)
@pytest.mark.parametrize("n", [1, 2, 5, 20, 100, 300])
def test_expected_evidence_is_at_most_one(n: int, p0: float) -> None:
    """E[E] <= 1 for every p on the wrong side and = 1 at p0, summed exactly over the counts, above and below."""
    k = np.arange(n + 1)
    above, below = np.asarray(log_evidence_above(k, n, p0)), np.asarray(log_evidence_below(k, n, p0))

    def expected(log_e: np.ndarray, p: float) -> float:
        return float(np.exp(logsumexp(binom.logpmf(k, n, p) + log_e)))

    for share in (1e-9, 0.5, 0.9, 0.99, 0.999999, 1.0):
        assert expected(above, p0 * share) <= 1 + 1e-9
        assert expected(below, 1 - (1 - p0) * share) <= 1 + 1e-6  # 1 - p0 = 1e-9 has 8 digits left
    assert expected(above, p0) == pytest.approx(1, abs=1e-6)
    assert expected(below, p0) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 1e-3, 1e-6])
@pytest.mark.parametrize("p", [0.02, 0.5, 0.6914624612740131, 0.8413447460685429, 0.95])
def test_evidence_ever_misleads_with_probability_at_most_alpha(ever_beyond: EverBeyond, p: float, alpha: float) -> None:
    """P(E >= 1/alpha after some n <= 600) <= alpha at p = p0 and just below, for the worst stopping rule; exact over all paths, above and below."""
    enough = -math.log(alpha)
    for truth in (p, p * (1 - 1e-6)):
        assert ever_beyond(lambda k, n: np.asarray(log_evidence_above(k, n, p)) >= enough, truth, 600) <= alpha
    for truth in (p, 1 - (1 - p) * (1 - 1e-6)):  # counting failures
        assert ever_beyond(lambda m, n: np.asarray(log_evidence_below(n - m, n, p)) >= enough, 1 - truth, 600) <= alpha


@pytest.mark.parametrize("alpha", [0.05, 1e-3, 1e-6])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.84, 0.98])
def test_bounds_are_ever_wrong_with_probability_at_most_alpha(ever_beyond: EverBeyond, p: float, alpha: float) -> None:
    """P(lower > p after some n <= 300) <= alpha, and the same for upper < p; exact over all paths."""
    assert ever_beyond(lambda k, n: anytime_lower_bound(k, n, alpha=alpha) > p, p, 300) <= alpha
    assert ever_beyond(lambda m, n: anytime_upper_bound(n - m, n, alpha=alpha) < p, 1 - p, 300) <= alpha


@pytest.mark.parametrize("p", [0.3, 0.95])
def test_the_two_sided_sequence_shares_alpha(ever_beyond: EverBeyond, p: float) -> None:
    """P(p ever leaves the interval within 300 draws) <= alpha, both sides added; exact over all paths."""
    left = ever_beyond(lambda k, n: np.asarray(confidence_sequence(k, n, alpha=0.05)[0]) > p, p, 300)
    right = ever_beyond(lambda m, n: np.asarray(confidence_sequence(n - m, n, alpha=0.05)[1]) < p, 1 - p, 300)
    assert 0 < left + right <= 0.05


def test_bounds_hold_just_below_every_value_they_take(ever_beyond: EverBeyond) -> None:
    """The worst p lies just below a value of the bound: none of those that 60 draws can give is missed too often. It reaches .6 alpha, so twice alpha shows."""
    k, n = np.meshgrid(np.arange(61), np.arange(61), indexing="ij")
    table = anytime_lower_bound(np.minimum(k, n), n, alpha=0.05)
    values = np.unique(table[table > 0])[::3] * (1 - 1e-9)
    worst = max(ever_beyond(lambda k, n, p=p: table[k, n] > p, float(p), 60) for p in values)
    assert 0.6 * 0.05 < worst <= 0.05


@pytest.mark.parametrize("p", [0.6914624612740131, 0.97725])
def test_long_paths(p: float) -> None:
    """Of 3,000 coins thrown 20,000 times each, at most 5 % ever see evidence of 20 against their own p. False-alarm rate: below 1e-6 (4.75 sd above .05)."""
    horizon, alpha = 20_000, 0.05
    n = np.arange(1, horizon + 1)
    low, high = np.zeros(horizon, dtype=int), n + 1
    while np.any(low < high):
        middle = (low + high) // 2
        yes = (middle > n) | (np.asarray(log_evidence_above(np.minimum(middle, n), n, p)) >= -math.log(alpha))
        low, high = np.where(yes, low, np.minimum(middle + 1, high)), np.where(yes, middle, high)
    rng = np.random.default_rng(20261121)
    misled = sum(
        int(np.any(np.cumsum(rng.random((100, horizon), dtype=np.float32) < p, axis=1, dtype=np.int32) >= low, axis=1).sum())
        for _ in range(30)
    )
    assert 0.3 * alpha < misled / 3000 <= alpha + norm.isf(1e-6) * math.sqrt(alpha * (1 - alpha) / 3000)


@given(n=st.integers(1, 5000), share=st.floats(0, 1), alpha=st.sampled_from([0.3, 0.05, 1e-3, 1e-9]))
def test_the_bound_is_where_the_evidence_ends(n: int, share: float, alpha: float) -> None:
    """Below the lower bound every p0 is rejected; just above it the evidence does not suffice, or k - n p0 < 1/2, where the search stops."""
    k = round(share * n)
    lower = anytime_lower_bound(k, n, alpha=alpha)
    for part in (1.0, 0.999, 0.9, 0.3):
        assert lower == 0 or log_evidence_above(k, n, lower * part) >= -math.log(alpha)
    above = lower * (1 + 1e-9) + 1e-300
    assert log_evidence_above(k, n, above) < -math.log(alpha) or k - n * above < 0.5 + 1e-6


@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-3, 1e-9])
def test_more_successes_never_lower_the_bound(alpha: float) -> None:
    """The bounds grow with k at every n, lie in order around k/n, and never beat the bound of a fixed n."""
    for n in (1, 2, 10, 63, 400):
        k = np.arange(n + 1)
        lower, upper = anytime_lower_bound(k, n, alpha=alpha), anytime_upper_bound(k, n, alpha=alpha)
        assert np.all(np.diff(lower) >= 0)
        assert np.all(np.diff(upper) >= 0)
        assert np.all((lower >= 0) & (lower <= k / n) & (k / n <= upper) & (upper <= 1))
        assert np.all(lower <= proportion_lower_bound(k, n, alpha=alpha) + 1e-15)


@given(
    n=st.integers(0, 300),
    share=st.floats(0, 1),
    p0=st.floats(0.3, 0.999),
    alpha=st.sampled_from([0.05, 1e-3]),
    most=st.sampled_from([1, 5, 19, 300, 100_000]),
)
def test_fewest_to_decide_is_the_fewest(n: int, share: float, p0: float, alpha: float, most: int) -> None:
    """No shorter run of equal draws decides; the run decides, or is all there is; beyond 20 draws it may be 5 % longer than needed."""
    k, enough = round(share * n), -math.log(alpha)

    def decides(more: int) -> bool:
        return max(log_evidence_above(k + more, n + more, p0), log_evidence_below(k, n + more, p0)) >= enough

    fewest = fewest_to_decide(k, n, p0, alpha=alpha, most=most)
    assert 1 <= fewest <= most
    assert decides(fewest) or fewest == most
    assert fewest == 1 or not decides(fewest - 1 if fewest <= 20 else math.floor(fewest / 1.05) - 1)


@pytest.mark.parametrize(("p", "n"), [(0.9, 77), (0.99, 804), (0.999, 8069)])
def test_agreeing_draws_that_bound_p(p: float, n: int) -> None:
    """The figures of the module at alpha = .001: n agreeing draws bound p from below, n - 1 do not; likewise for the radius they stand for."""
    assert anytime_lower_bound(n, n, alpha=1e-3) >= p > anytime_lower_bound(n - 1, n - 1, alpha=1e-3)
    radius = float(norm.ppf(p)) * (1 - 1e-12)
    assert anytime_draws_for_radius(radius, alpha=1e-3, sigma=1.0) == n
    assert anytime_radius_cap(n, alpha=1e-3, sigma=1.0) >= radius > anytime_radius_cap(n - 1, alpha=1e-3, sigma=1.0)


def test_the_first_decision_of_agreeing_draws_follows_from_the_evidence() -> None:
    """22 and 47 agreeing draws decide sigma/2 and sigma at alpha = .001, one less does not."""
    for radius, n in ((0.5, 22), (1.0, 47)):
        p0 = float(ndtr(radius))
        assert log_evidence_above(n, n, p0) >= math.log(1000) > log_evidence_above(n - 1, n - 1, p0)
        assert anytime_draws_for_radius(radius * 0.25, alpha=1e-3, sigma=0.25) == n


@pytest.mark.parametrize(
    ("k", "n", "p0"), [(-1, 10, 0.5), (11, 10, 0.5), (2.5, 10, 0.5), (5, 10, 1.5), (5, 10, float("nan")), (5, math.inf, 0.5)]
)
def test_bad_counts_and_limits_are_refused(k: float, n: float, p0: float) -> None:
    """What must hold is said."""
    for evidence in (log_evidence_above, log_evidence_below):
        with pytest.raises(ValueError, match="must"):
            evidence(k, n, p0)


def test_bad_levels_are_refused() -> None:
    """Alpha lies in (0, 1), a radius within 7 sigma, a limit strictly inside (0, 1)."""
    for call in (
        lambda: anytime_lower_bound(5, 10, alpha=0.0),
        lambda: anytime_upper_bound(5, 10, alpha=1.0),
        lambda: confidence_sequence(5, 10, alpha=float("nan")),
        lambda: anytime_draws_for_radius(-0.1, alpha=0.1, sigma=1.0),
        lambda: anytime_draws_for_radius(7.1, alpha=0.1, sigma=1.0),
        lambda: fewest_to_decide(5, 10, 1.0, alpha=0.1, most=5),
        lambda: fewest_to_decide(5, 10, 0.5, alpha=0.1, most=0),
        lambda: fewest_to_decide(5, 10, 0.5, alpha=1.1, most=5),
    ):
        with pytest.raises(ValueError, match="must"):
            call()
