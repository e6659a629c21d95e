"""Estimates beside certificates: what is compared, what is too low, how well the order fits."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm, spearmanr

from odd_assess.criteria import calibration as room
from odd_assess.criteria.calibration import calibration, called_robust, rank_correlation, spending
from odd_assess.policies import Cascade
from odd_assess.records import Budget, CertificationPlan

HITS = np.array([990, 950, 900, 700, 480, 950])


def test_what_can_be_compared_is(build: Any) -> None:
    """Points of another class than the clean answer's, and of another noise level, are counted and left out."""
    results = build.results(HITS, other=np.array([-1, -1, -1, -1, -1, 980]), sigma=np.array([0.25, 0.5, 0.25, 0.25, 0.25, 0.25]))
    found = calibration(results, build.estimates(HITS / 1000), seed=1)
    assert found.same.tolist() == [True, False, True, True, True, False]
    assert (found.other_class, found.other_level) == (1, 1)


def test_an_estimate_below_the_certified_bound_is_too_low(build: Any) -> None:
    """By what it lies below; the error of its normal probability is granted. The difference from the draws' share is signed and absolute."""
    results = build.results(HITS[:4])
    value = HITS[:4] / 1000 + np.array([0.0, 0.02, -0.2, 0.0])
    found = calibration(results, build.estimates(value), seed=1)
    assert found.too_low == 1
    assert found.deepest == pytest.approx(results.p_a_lower[2] - value[2])
    assert found.bias == pytest.approx(-0.18 / 4)
    assert found.error == pytest.approx(0.22 / 4)
    granted = replace(build.estimates(value), cdf_error=np.full(4, 0.3))
    assert calibration(results, granted, seed=1).too_low == 0


def test_where_draws_stop_their_share_is_not_compared(build: Any) -> None:
    """It is biased there; bound and radius are."""
    found = calibration(build.results(HITS[:5], anytime=True), build.estimates(HITS[:5] / 1000), seed=1)
    assert (found.bias, found.error) == (None, None)
    assert found.with_bound is not None
    assert found.with_bound.value == pytest.approx(1.0)


def test_the_rank_correlation_is_scipys_and_its_interval_holds_it() -> None:
    """The bootstrap is seeded; ties share ranks; the interval of independent quantities holds 0."""
    rng = np.random.default_rng(4)
    a = rng.integers(0, 20, 300).astype(np.float64)
    b = a + rng.normal(0, 6, 300)
    found = rank_correlation(a, b, seed=9)
    assert found is not None
    assert found.value == pytest.approx(spearmanr(a, b).statistic)
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower < found.value < found.upper
    assert 0.03 < found.upper - found.lower < 0.25
    assert rank_correlation(a, b, seed=9) == found
    assert rank_correlation(a, b, seed=8) != found
    nothing = rank_correlation(a, rng.random(300), seed=9)
    assert nothing is not None
    assert nothing.lower is not None
    assert nothing.upper is not None
    assert nothing.lower < 0 < nothing.upper


def test_what_does_not_vary_has_no_correlation() -> None:
    """Nor has a single point."""
    assert rank_correlation(np.ones(5), np.arange(5.0), seed=1) is None
    assert rank_correlation(np.ones(1), np.ones(1), seed=1) is None


def test_of_many_points_some_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The value is of all of them, the interval of a subsample."""
    monkeypatch.setattr(room, "MOST_POINTS", 50)
    rng = np.random.default_rng(4)
    a = rng.random(400)
    b = a + rng.normal(0, 0.3, 400)
    found = rank_correlation(a, b, seed=1)
    assert found is not None
    assert found.value == pytest.approx(spearmanr(a, b).statistic)
    assert found.points == 400


def test_called_robust_beside_certified(build: Any) -> None:
    """At radius .25 and sigma .25 a point needs Phi(1) = .841: 950 of 1000 certify it, 850 leave it open, 700 refute it."""
    results = build.results([950, 850, 700, 950, 700, 950], clean=[0, 0, 0, 0, 0, 1])
    estimates = build.estimates([0.9, 0.9, 0.9, 0.8, 0.8, 0.9])
    found = called_robust(results, replace(estimates, clean=results.clean), 0.25)
    assert found is not None
    assert (found.certified, found.undecided, found.refuted, found.missed, found.neither) == (1, 1, 1, 1, 1)
    assert norm.cdf(1) > 0.8  # so that 0.8 is not called robust
    assert called_robust(replace(results, policy=Cascade(sigmas=(0.5, 0.25))), estimates, 0.25) is None


def test_predicted_and_spent_draws(build: Any) -> None:
    """Estimates far from the threshold predict few draws; where the number is fixed, nothing is predicted."""
    results = build.results([90, 900, 60], n=np.array([100, 1000, 120]), anytime=True)
    criteria = [build.criterion("certified_accuracy", 0.5, radius=0.25)]
    plan = CertificationPlan(sigma=0.25, alpha=1e-3, budget=Budget(kind="sequential", n0=100, n=10_000))
    found = spending(results, build.estimates([0.999, 0.86, 0.4]), plan, criteria, seed=1)
    assert found is not None
    assert (found.points, found.spent) == (3, 300 + 1220)
    assert found.predicted > 300
    assert found.order is not None
    assert found.order.value == pytest.approx(0.5)
    fixed = replace(plan, budget=Budget(kind="reduced", n0=100, n=1000))
    assert spending(results, build.estimates([0.9, 0.8, 0.4]), fixed, criteria, seed=1) is None


def test_estimates_at_other_points_are_refused(build: Any) -> None:
    """They cannot be compared with these results."""
    with pytest.raises(ValueError, match="at the points"):
        calibration(build.results(HITS), build.estimates(HITS[:3] / 1000), seed=1)
