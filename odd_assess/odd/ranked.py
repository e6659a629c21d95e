"""Ranked sets: each point of a run is one of several random candidates, of a rank by some estimate that was fixed before the run.

Point i has its own set of k candidates, independent draws from the declared distribution. They are ranked by an estimate; a point of the low group is one
of the ``low_ranks`` lowest of its set, a point of the high group one of the others, its rank drawn uniformly within the group. Averaged over all ranks a set is
the declared distribution itself, so that

    declared distribution = low_ranks / k * (distribution of the low group) + (1 - low_ranks / k) * (distribution of the high group)

exactly, whatever the estimates are worth: a poor one costs width, not validity. Points of a group are independent and alike. Equal estimates are ranked by the
number of the candidate, and those that are not a number come last: any rule will do that looks at the candidates of the set alone.

Source: McIntyre, Australian Journal of Agricultural Research 3 (1952), ranked set sampling, with unequal allocation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from odd_assess.odd.domain import Domain
from odd_assess.odd.draws import uniforms
from odd_assess.odd.levels import Floats, Ints
from odd_assess.odd.points import CANDIDATES, OddPoints
from odd_assess.odd.sampling import sample


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedSets:
    """Sets of ``candidates``; the lowest ``low_ranks`` make the low group. ``points`` of the low and of the high group.

    Raises: ValueError unless both groups have a rank and a point.
    """

    candidates: int
    low_ranks: int
    points: tuple[int, int]

    def __post_init__(self) -> None:
        if not 1 <= self.low_ranks < self.candidates:
            raise ValueError(f"low_ranks must lie in [1, candidates - 1], got {self.low_ranks} of {self.candidates}")
        if min(self.points) < 1:
            raise ValueError(f"both groups must have at least one point, got {self.points}")

    @property
    def total(self) -> int:
        """The points of both groups."""
        return sum(self.points)

    @property
    def weights(self) -> tuple[float, float]:
        """What the low and the high group weigh in the declared distribution."""
        return self.low_ranks / self.candidates, 1.0 - self.low_ranks / self.candidates

    @property
    def in_words(self) -> str:
        """What two runs must share to have the same design."""
        return f"{self.candidates} candidates, {self.points[0]} points of the {self.low_ranks} lowest ranks, {self.points[1]} of the others"

    def scaled(self, points: int) -> RankedSets:
        """The same sets for another number of points, shared alike; at least one each, so that there are two at least."""
        first = min(max(1, round(points * self.points[0] / self.total)), max(1, points - 1))
        return replace(self, points=(first, max(1, points - first)))

    def group(self, seed: int) -> Ints:
        """The group (m,) of each point, 0 for low and 1 for high, in an order of its own, so that the first so many points are of both."""
        turn = np.argsort(uniforms(seed + CANDIDATES, "group", self.total, 1)[:, 0], kind="stable")
        return np.repeat(np.array([0, 1], dtype=np.int64), self.points)[turn]

    def rank(self, seed: int) -> Ints:
        """The rank (m,) of each point in its set from 0 up, uniform within its group."""
        first = np.array([0, self.low_ranks])
        count = np.array([self.low_ranks, self.candidates - self.low_ranks])
        group, u = self.group(seed), uniforms(seed + CANDIDATES, "rank", self.total, 1)[:, 0]
        return np.asarray(first[group] + np.minimum(np.floor(u * count[group]), count[group] - 1), dtype=np.int64)

    def chosen(self, estimates: Floats, seed: int) -> Ints:
        """The place (m,) in its set of the candidate that each point is, from the estimates (m, candidates).

        Raises: ValueError for estimates of another shape.
        """
        if estimates.shape != (self.total, self.candidates):
            raise ValueError(f"there must be estimates {(self.total, self.candidates)}, got {estimates.shape}")
        order = np.argsort(estimates, axis=1, kind="stable")
        return np.take_along_axis(order, self.rank(seed)[:, None], axis=1)[:, 0].astype(np.int64)


def candidate_points(domain: Domain, ranked: RankedSets, seed: int) -> OddPoints:
    """All candidates (m * candidates), set by set, of a stream of random points that belongs to ``seed`` and is none of the run's other points."""
    points = sample(domain, design="random", points=ranked.total * ranked.candidates, seed=seed + CANDIDATES)
    return replace(points, candidate=points.indices)


def chosen_points(candidates: OddPoints, ranked: RankedSets, place: Ints) -> OddPoints:
    """The points of the run, numbered from 0: of each set the candidate at ``place`` (m,)."""
    numbers = np.arange(ranked.total, dtype=np.int64)
    return replace(candidates.take(numbers * ranked.candidates + place), indices=numbers)


def selection_digest(place: Ints) -> str:
    """SHA-256 over the places (m,) that were chosen."""
    return sha256(place.astype("<i8").tobytes()).hexdigest()
