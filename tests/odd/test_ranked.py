"""Ranked sets: groups and ranks are drawn as declared, and averaged over ranks a set is the declared distribution, whatever ranks it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from odd_assess.odd import (
    Continuous,
    Domain,
    Ordinal,
    RankedSets,
    candidate_points,
    chosen_points,
    sample,
    selection_digest,
)

SETS = RankedSets(candidates=5, low_ranks=3, points=(40, 60))
DOMAIN = Domain(attributes=(Ordinal(id="surface", labels=("dry", "wet"), weights=(0.7, 0.3)),))


def test_each_group_has_its_points_and_both_come_early() -> None:
    """As many points as declared; the first tenth of them has points of both; another seed has another order, the same seed the same."""
    group = SETS.group(1)
    assert np.bincount(group).tolist() == [40, 60]
    assert set(group[:10].tolist()) == {0, 1}
    assert group.tolist() == SETS.group(1).tolist() != SETS.group(2).tolist()
    assert SETS.weights == pytest.approx((0.6, 0.4))


def test_ranks_are_uniform_within_their_group() -> None:
    """Over many seeds each of the low ranks comes up as often at a low point, and likewise of the others (false alarm 1e-6 a rank)."""
    low = np.zeros(5)
    high = np.zeros(5)
    for seed in range(200):
        group, rank = SETS.group(seed), SETS.rank(seed)
        low += np.bincount(rank[group == 0], minlength=5)
        high += np.bincount(rank[group == 1], minlength=5)
    assert not low[3:].any()
    assert not high[:3].any()
    for counts, ways in ((low[:3], 3), (high[3:], 2)):
        total = counts.sum()
        assert np.all(np.abs(counts - total / ways) < total / ways - binom.ppf(5e-7, total, 1 / ways))


def test_the_weighted_groups_are_the_declared_distribution_exactly() -> None:
    """Summed over every rank with its chance and weight, each candidate of a set is chosen with probability 1/k: for any estimates, with ties and without."""
    rng = np.random.default_rng(1)
    for estimates in (rng.random(5), np.zeros(5), np.array([0.5, np.nan, 0.5, 0.1, np.nan])):
        order = np.argsort(estimates, kind="stable")
        chance = np.zeros(5)
        for rank in range(5):
            ways = 3 if rank < 3 else 2
            chance[order[rank]] += SETS.weights[0 if rank < 3 else 1] / ways
        assert chance == pytest.approx(0.2)


def test_the_candidate_of_the_drawn_rank_is_chosen() -> None:
    """By value; equal estimates by number, those that are no number last."""
    rng = np.random.default_rng(2)
    estimates = rng.random((100, 5))
    place = SETS.chosen(estimates, seed=3)
    ranks = np.argsort(np.argsort(estimates, axis=1), axis=1)[np.arange(100), place]
    assert ranks.tolist() == SETS.rank(3).tolist()
    assert SETS.chosen(np.zeros((100, 5)), seed=3).tolist() == SETS.rank(3).tolist()
    odd_one = np.tile([np.nan, 0.4, 0.3, 0.2, 0.1], (100, 1))
    assert SETS.chosen(odd_one, seed=3).tolist() == [(4, 3, 2, 1, 0)[rank] for rank in SETS.rank(3)]
    with pytest.raises(ValueError, match="estimates"):
        SETS.chosen(estimates[:99], seed=3)


def test_plain_means_by_group_estimate_the_mean_whatever_ranks() -> None:
    """The mean over many runs of w1 mean1 + w2 mean2 is that of the candidates, for a perfect, a useless and a wrong order (5 standard errors)."""
    rng = np.random.default_rng(4)
    for order in (lambda u: u, lambda u: rng.random(u.shape), lambda u: -(u**2)):
        found = []
        for seed in range(400):
            u = rng.random((100, 5)) ** 2
            value, group = u[np.arange(100), SETS.chosen(order(u), seed)], SETS.group(seed)
            found.append(0.6 * value[group == 0].mean() + 0.4 * value[group == 1].mean())
        assert abs(np.mean(found) - 1 / 3) < 5 * np.std(found) / 20


def test_candidates_are_random_points_of_a_stream_of_their_own() -> None:
    """None is a point of the run's own stream; the chosen ones keep their conditions and numbers, and their digest tells them apart."""
    domain = Domain(attributes=(Continuous(id="light", low=0, high=1),))
    candidates = candidate_points(domain, SETS, seed=7)
    assert len(candidates) == 500
    assert not set(candidates.codes[:, 0]) & set(sample(domain, design="random", points=600, seed=7).codes[:, 0])
    place = SETS.chosen(candidates.codes.reshape(100, 5), seed=7)
    points = chosen_points(candidates, SETS, place)
    assert points.indices.tolist() == list(range(100))
    assert points.candidate is not None
    assert points.candidate.tolist() == (5 * np.arange(100) + place).tolist()
    assert points.codes.tolist() == candidates.codes[points.candidate].tolist()
    assert points[3].candidate == points.candidate[3]
    assert points[3].origin(7) == (7 + 2**68, points.candidate[3])
    assert sample(domain, design="random", points=4, seed=7)[3].origin(7) == (7, 3)
    other = chosen_points(candidates, SETS, (place + 1) % 5)
    assert points.digest != other.digest
    assert selection_digest(place) != selection_digest((place + 1) % 5)


def test_sets_that_cannot_be() -> None:
    """Both groups have a rank and a point."""
    for candidates, low, points in ((5, 5, (1, 1)), (5, 0, (1, 1)), (5, 2, (0, 3)), (5, 2, (3, 0))):
        with pytest.raises(ValueError, match=r"low_ranks|at least one point"):
            RankedSets(candidates=candidates, low_ranks=low, points=points)


@pytest.mark.parametrize("points", [1, 2, 3, 50, 1000])
def test_sets_for_another_number_of_points(points: int) -> None:
    """Shared alike, at least one each."""
    scaled = SETS.scaled(points)
    assert scaled.total == max(2, points)
    assert min(scaled.points) >= 1
    assert abs(scaled.points[0] - 0.4 * points) <= 1
