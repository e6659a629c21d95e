"""Two groups and their points: what they are predicted to save, what they save, and what limits the damage of a wrong prediction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odd_assess.stats import proportion_lower_bound, two_group_lower_bound
from odd_assess.stats.allocation import (
    SAFEGUARD,
    allocate,
    cell_predictions,
    half_width,
    predicted_draws,
    proportional_half_width,
)
from odd_assess.stats.planning import expected_draws_to_decide


def test_the_cut_parts_what_fares_worse() -> None:
    """Two kinds of cells are parted where they part, the worse one in group 1, whatever their order."""
    found = allocate([0.97, 0.5, 0.99, 0.45, 0.98], [0.3, 0.1, 0.3, 0.1, 0.2], points=300, beta=0.05)
    assert found.group.tolist() == [2, 1, 2, 1, 2]
    assert sum(found.points) == 300
    assert found.weights == pytest.approx((0.2, 0.8))
    assert found.worthwhile


def test_shares_are_near_neymans_where_points_are_many() -> None:
    """With many points the shares go by weight times standard deviation, and with costs by that over the root of the cost, at equal draws."""
    p, w, c = np.array([0.5, 0.9]), np.array([0.4, 0.6]), np.array([400.0, 100.0])
    spread = w * np.sqrt(p * (1 - p))
    by_points, by_draws = allocate(p, w, points=2_000, beta=0.05), allocate(p, w, points=2_000, beta=0.05, cost=c)
    assert by_points.points[0] / 2_000 == pytest.approx(spread[0] / spread.sum(), abs=0.02)
    neyman = spread / np.sqrt(c)
    assert by_draws.points[0] / sum(by_draws.points) == pytest.approx(neyman[0] / neyman.sum(), abs=0.02)
    assert by_draws.points @ c == pytest.approx(2_000 * (w @ c), rel=0.01)


def test_predicted_widths_are_those_that_come_out() -> None:
    """The predicted half-widths are the means over simulated runs, to within their error; so is the saving."""
    rng = np.random.default_rng(8)
    found = allocate([0.6, 0.98], [0.2, 0.8], points=300, beta=0.05)
    k1, k2 = rng.binomial(found.points[0], 0.6, 200), rng.binomial(found.points[1], 0.98, 200)
    bounds = [two_group_lower_bound((int(a), int(b)), found.points, found.weights, beta=0.05) for a, b in zip(k1, k2, strict=True)]
    assert 0.904 - np.mean(bounds) == pytest.approx(found.half_width, abs=0.0035)  # more than three standard errors
    pooled = proportion_lower_bound(rng.binomial(300, 0.904, 4_000), 300, alpha=0.05)
    assert 0.904 - pooled.mean() == pytest.approx(found.proportional, abs=0.001)
    assert found.half_width < 0.8 * found.proportional


def test_alike_cells_are_not_worth_two_groups() -> None:
    """Where nothing differs nothing is saved, and the allocation says so."""
    found = allocate([0.8] * 6, [1.0] * 6, points=200, beta=0.05)
    assert not found.worthwhile
    assert found.saving < 0.05


@settings(max_examples=20, deadline=None)
@given(
    p=st.lists(st.floats(0, 1), min_size=2, max_size=6),
    points=st.integers(20, 60),
    data=st.data(),
)
def test_no_group_gets_less_than_half_of_its_weight(p: list[float], points: int, data: st.DataObject) -> None:
    """Whatever is predicted, both groups have points, and at least half of what they would get by weight."""
    w = data.draw(st.lists(st.floats(0.2, 1), min_size=len(p), max_size=len(p)))
    found = allocate(p, w, points=points, beta=0.05)
    assert sum(found.points) == points
    for group in (0, 1):
        assert found.points[group] >= max(1, SAFEGUARD * points * found.weights[group] - 0.5)
        assert found.weights[group] == pytest.approx(np.array(w)[found.group == group + 1].sum() / sum(w))


def test_a_wrong_prediction_costs_little() -> None:
    """Groups made for chances of .5 and .999 where all cells have .8: the bound is at most by half wider than that of points by weight."""
    found = allocate([0.5, 0.999], [0.3, 0.7], points=300, beta=0.05)
    assert half_width((0.8, 0.8), found.weights, found.points, beta=0.05) < 1.5 * proportional_half_width(0.8, 300, beta=0.05)


def test_cells_are_predicted_by_their_levels_first() -> None:
    """A cell that was never seen is predicted by its levels; one that was, between those and what it showed; none at 0 or 1."""
    levels = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    cell = np.repeat([0, 1, 2], 40)
    values = np.where(cell == 0, 1.0, np.where(cell == 1, 0.6, 0.7))
    found = cell_predictions(values, cell, levels)
    assert found[3] < min(found[1], found[2])
    assert 0.9 < found[0] < 1
    assert abs(found[1] - 0.6) < 0.05
    assert cell_predictions([1.0] * 5, [0] * 5, levels).max() < 1


def test_predicted_draws() -> None:
    """A fixed budget is a constant; a sequential one the estimate of its stopping time, at most its maximum."""
    p = np.array([[0.5, 0.84], [0.99, 0.5]])
    assert np.all(predicted_draws(p, n0=10, n=100, alpha=0.001) == 110)
    found = predicted_draws(p, n0=10, n=5_000, alpha=0.001, thresholds=[0.84])
    assert found[0, 1] == 5_010
    assert found[0, 0] == found[1, 1] == 10 + expected_draws_to_decide(0.5, [0.84], alpha=0.001)


@pytest.mark.parametrize(
    "bad",
    [
        {"success": [0.5]},
        {"success": [0.5, 1.5]},
        {"weight": [1.0, 0.0]},
        {"cost": [1.0, -1.0]},
        {"points": 3},
        {"beta": 0.0},
    ],
)
def test_nonsense_is_refused(bad: dict[str, object]) -> None:
    """One cell, impossible chances, weights, costs, too few points, no level."""
    given_: dict[str, object] = {"success": [0.5, 0.9], "weight": [0.5, 0.5], "points": 100, "beta": 0.05, **bad}
    with pytest.raises(ValueError, match="must"):
        allocate(given_.pop("success"), given_.pop("weight"), **given_)  # type: ignore[arg-type]


def test_nonsense_is_refused_elsewhere() -> None:
    """Values and cells of predictions, budgets of draws."""
    with pytest.raises(ValueError, match="value in"):
        cell_predictions([2.0], [0], [[0]])
    with pytest.raises(ValueError, match="rows of levels"):
        cell_predictions([1.0], [1], [[0]])
    with pytest.raises(ValueError, match="n0 must"):
        predicted_draws(0.5, n0=-1, n=10, alpha=0.001)
