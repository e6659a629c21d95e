"""Two groups of cells: each with its number of points, independent draws from the declared distribution given the group."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from odd_assess.errors import DomainError
from odd_assess.odd.attributes import Categorical, Continuous
from odd_assess.odd.domain import Domain
from odd_assess.odd.frames import Frames
from odd_assess.odd.groups import Groups
from odd_assess.odd.sampling import sample


def domain() -> Domain:
    """Six cells of weights .24, .36 (surface clean), .12, .18, .04, .06."""
    return Domain(
        attributes=(
            Categorical(id="surface", labels=("clean", "wet", "stained"), weights=(0.6, 0.3, 0.1)),
            Continuous(id="x", low=0, high=1, buckets=(0, 0.4, 1)),
        )
    )


GROUPS = Groups(of_cell=(2, 2, 1, 2, 1, 1), points=(30, 20))


def drawn(seed: int, groups: Groups = GROUPS) -> np.ndarray:
    """The cells of the points."""
    points = sample(domain(), design="stratified", allocation="declared", groups=groups, points=groups.total, seed=seed)
    return np.array([point.cell for point in points])


def test_each_group_has_its_points_in_mixed_order() -> None:
    """Each group has exactly its number; the first half of the points are of both, in another order for another seed."""
    place = [GROUPS.place(drawn(seed)) for seed in range(20)]
    assert all(np.bincount(one).tolist() == [30, 20] for one in place)
    assert all(0 < one[:25].sum() < 20 for one in place)
    assert len({one.tobytes() for one in place}) == 20


def test_cells_of_a_group_come_by_weight() -> None:
    """Over 400 seeds the cells of each group have their shares of its weight (chi-square, false alarm 1e-6 each)."""
    counts = np.sum([np.bincount(drawn(seed), minlength=6) for seed in range(400)], axis=0)
    weight = domain().layout.weight
    for group in (1, 2):
        inside = np.array(GROUPS.of_cell) == group
        expected = weight[inside] / weight[inside].sum() * counts[inside].sum()
        assert stats.chisquare(counts[inside], expected).pvalue > 1e-6


def test_points_of_a_group_are_independent() -> None:
    """Over 3,000 seeds whether two points of a group lie in its first cell does not correlate, also given their order (|z| < 5: false alarm 6e-7)."""
    found = []
    for seed in range(3_000):
        cells = drawn(seed)
        of_first = cells[GROUPS.place(cells) == 0]
        found.append(of_first[:2] == 2)
    pairs = np.array(found, dtype=np.float64)
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 5 / np.sqrt(3_000)
    assert abs(pairs.mean() - 0.12 / 0.22) < 5 * np.sqrt(0.25 / 6_000)


def test_points_lie_as_declared_within_their_cell() -> None:
    """Values within a cell are uniform as declared (KS, false alarm 1e-6)."""
    groups = Groups(of_cell=GROUPS.of_cell, points=(4_000, 10))
    points = sample(domain(), design="stratified", allocation="declared", groups=groups, points=4_010, seed=4)
    x = np.array([point.values["x"] for point in points if point.cell == 5], dtype=np.float64)
    assert stats.kstest(x, stats.uniform(0.4, 0.6).cdf).pvalue > 1e-6


def test_weights_and_expected_shares() -> None:
    """Weights of the groups are those of their cells; what a cell expects is its share of the group's points."""
    weight = domain().layout.weight
    assert GROUPS.weights(weight) == pytest.approx((0.22, 0.78))
    assert GROUPS.expected_shares(weight) == pytest.approx(
        [0.24 / 0.78 * 0.4, 0.36 / 0.78 * 0.4, 0.12 / 0.22 * 0.6, 0.18 / 0.78 * 0.4, 0.04 / 0.22 * 0.6, 0.06 / 0.22 * 0.6]
    )
    assert [GROUPS.scaled(points).points for points in (2, 5, 100)] == [(1, 1), (3, 2), (60, 40)]


def test_groups_need_cells_points_and_a_matching_domain() -> None:
    """Both groups have cells and points, and there are groups for the domain's cells and for all points."""
    with pytest.raises(ValueError, match="of group 1 or 2, and both"):
        Groups(of_cell=(1, 1), points=(3, 3))
    with pytest.raises(ValueError, match="at least one point"):
        Groups(of_cell=(1, 2), points=(0, 3))
    for groups, points in ((None, 50), (GROUPS, 49), (Groups(of_cell=(1, 2), points=(30, 20)), 50)):
        with pytest.raises(ValueError, match="allocation declared must come with groups of 6 cells"):
            sample(domain(), design="stratified", allocation="declared", groups=groups, points=points, seed=1)
    with pytest.raises(ValueError, match="a group for each of 6 cells"):
        Groups(of_cell=(1, 2), points=(30, 20)).table(domain())


def test_frames_must_reach_every_cell() -> None:
    """Frames that reach all cells serve; where they leave one out, or weigh by themselves, the groups' weights would not be the declared ones."""
    every = Frames(values={"surface": np.array(["clean", "wet", "stained"])})
    few = Frames(values={"surface": np.array(["clean", "wet"])})
    given = {"design": "stratified", "allocation": "declared", "groups": GROUPS, "points": 50, "seed": 1}
    cells = [point.cell for point in sample(domain(), frames=every, **given)]  # type: ignore[arg-type]
    assert np.bincount(GROUPS.place(np.array(cells))).tolist() == [30, 20]
    with pytest.raises(DomainError, match="found none in 2 of 6 cells"):
        sample(domain(), frames=few, **given)  # type: ignore[arg-type]
    with pytest.raises(DomainError, match="weights: frames"):
        sample(domain(), frames=every, frames_weighting="frames", **given)  # type: ignore[arg-type]
