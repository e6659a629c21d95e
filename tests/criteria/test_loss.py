"""What the budget cost a run: the parts of the loss for each kind of budget, and the certified accuracy that the reference would show."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from odd_assess.criteria.loss import certified_share_at_reference, radius_loss
from odd_assess.records import Reduction
from odd_assess.stats import certified_radius, proportion_lower_bound


def parts(found: Reduction) -> tuple[float, float, float]:
    assert found.cap_share is not None
    assert found.width_share is not None
    assert found.multiplicity_share is not None
    return found.cap_share, found.width_share, found.multiplicity_share


def test_parts_sum_for_every_kind_of_budget(build: Any) -> None:
    """Cap, width and multiplicity sum to the prediction; the third is nothing where draws serve once, and something where they serve twice."""
    hits = np.random.default_rng(1).binomial(1000, np.linspace(0.6, 1, 80))
    fixed, anytime = build.results(hits), build.results(hits, anytime=True)
    lower = proportion_lower_bound(hits, 1000, alpha=5e-4)
    single = replace(fixed, n0=np.zeros(80, dtype=np.int64), p_a_lower=lower, radius=certified_radius(lower, sigma=0.25))
    found = {
        name: radius_loss(run, None, n_ref=100_000, seed=1)
        for name, run in (("fixed", fixed), ("single", single), ("anytime", anytime))
    }
    for loss in found.values():
        assert sum(parts(loss)) == pytest.approx(loss.predicted, abs=1e-12)
    assert parts(found["fixed"])[2] == pytest.approx(0, abs=1e-12)
    assert parts(found["single"])[2] > 0.003
    assert parts(found["anytime"])[2] > 0.01
    assert found["fixed"].theory == found["single"].theory
    assert found["fixed"].theory is not None
    assert found["anytime"].theory is None  # it speaks of a fixed n


def test_the_radii_that_count_are_those_that_were_certified(build: Any) -> None:
    """Points that were cut short lose what they really lose, not what their counts could have shown."""
    results = build.results(np.full(40, 950))
    short = replace(results, radius=results.radius / 2)
    whole, cut = (radius_loss(run, None, n_ref=100_000, seed=1) for run in (results, short))
    assert whole.predicted is not None
    assert cut.predicted == pytest.approx(1 - (1 - whole.predicted) / 2)


def test_reference_certifies_true_classes_only(build: Any) -> None:
    """Where another class was tried the chance is 0 at every radius; elsewhere it is that of the counts, and at least what was certified with certainty."""
    hits, other = np.array([900, 990, 600, 20]), np.array([-1, -1, -1, 980])
    results = build.results(hits, other=other)
    radii, each = np.array([0.0, 0.25, 0.3]), np.eye(len(results))
    chance = np.array([certified_share_at_reference(results, radii, weights, n_ref=100_000) for weights in each])
    assert np.all(chance[3] == 0)
    assert chance[1, 1] > 0.999
    assert chance[2, 1] < 0.001
    assert 0 < chance[0, 2] < 1  # pA = .885 is needed, .9 was seen


def test_reference_points_must_be_among_the_results(build: Any) -> None:
    """A reference point without a row is an error and no number."""
    results = build.results(np.full(10, 900))
    stranger = replace(results, index=results.index + 5)
    with pytest.raises(ValueError, match="among the results"):
        radius_loss(results, stranger, n_ref=100_000, seed=1)


def test_on_a_baseline_no_draw_serves_twice(build: Any) -> None:
    """All but the cap is due to the width of the bound, although that may be better than the counts alone allow; the theory speaks of another bound."""
    results = build.results(np.random.default_rng(1).binomial(1000, np.linspace(0.6, 1, 80)))
    better = replace(results, n0=0 * results.n0, base_n=10 * results.n, radius=results.radius * 1.05)
    loss = radius_loss(better, None, n_ref=100_000, seed=1)
    assert sum(parts(loss)) == pytest.approx(loss.predicted, abs=1e-12)
    assert parts(loss)[2] == 0
    assert loss.theory is None
