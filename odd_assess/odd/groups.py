"""Two groups of cells, each with a number of points of its own: where points are wanted, said before any is drawn.

The points of a group are independent draws from the declared distribution given that they lie in the group: its cells by their weights. So whatever
made the groups, the weight of each is known exactly, and an assessor need not trust what they were made from, as long as it was not points of the same
seed: those of another run of it are in part the same, so that groups chosen by them are chosen by what is to be shown.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from odd_assess.odd.levels import Floats, Ints

if TYPE_CHECKING:
    from odd_assess.odd.domain import Domain

GROUP, POINTS = "group", "points"
"""The columns of a table of groups beside the attributes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """The group of each cell (1 or 2), in the order of the domain's cells, and the ``points`` of groups 1 and 2.

    Raises: ValueError unless both groups have a cell and a point.
    """

    of_cell: tuple[int, ...]
    points: tuple[int, int]

    def __post_init__(self) -> None:
        if set(self.of_cell) != {1, 2}:
            raise ValueError(f"every cell must be of group 1 or 2, and both must have one, got groups {sorted(set(self.of_cell))}")
        if min(self.points) < 1:
            raise ValueError(f"both groups must have at least one point, got {self.points}")

    @property
    def total(self) -> int:
        """The points of both."""
        return sum(self.points)

    @property
    def in_words(self) -> str:
        """The points of both, and a digest of the groups' cells."""
        cells = sha256(bytes(self.of_cell)).hexdigest()[:12]
        return f"{self.points[0]} and {self.points[1]} points, cells {cells}"

    def place(self, cell: Ints) -> Ints:
        """Where the groups of the given cells (m,) stand: 0 for group 1, 1 for group 2."""
        return np.array(self.of_cell, dtype=np.int64)[cell] - 1

    def weights(self, weight: Floats) -> tuple[float, float]:
        """The weights of the groups, from those of the cells (cells,)."""
        first, second = np.bincount(np.array(self.of_cell) - 1, weights=weight, minlength=2).tolist()
        return float(first), float(second)

    def expected_shares(self, weight: Floats) -> Floats:
        """The share of all points (cells,) that each cell can expect."""
        place = np.array(self.of_cell) - 1
        of_group = np.array(self.points) / self.total / np.array(self.weights(weight))
        return np.asarray(weight * of_group[place], dtype=np.float64)

    def scaled(self, points: int) -> Groups:
        """The same groups with another number of points, shared alike; at least one each, so that there are two at least."""
        first = min(max(1, round(points * self.points[0] / self.total)), max(1, points - 1))
        return Groups(of_cell=self.of_cell, points=(first, max(1, points - first)))

    def table(self, domain: Domain) -> str:
        """A table (CSV) with a row for each cell: the level of each attribute, the group, the group's points. A spec takes it as ``sampling.allocation``.

        Raises: ValueError unless there is a group for each cell.
        """
        if len(self.of_cell) != len(domain.cells):
            raise ValueError(f"there must be a group for each of {len(domain.cells)} cells, got {len(self.of_cell)}")
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow([*(attribute.id for attribute in domain.attributes), GROUP, POINTS])
        for cell, group in zip(domain.cells, self.of_cell, strict=True):
            names = [attribute.levels[level].name for attribute, level in zip(domain.attributes, cell.levels, strict=True)]
            rows.writerow([*names, group, self.points[group - 1]])
        return text.getvalue()
