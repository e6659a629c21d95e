"""Coverage: what of the declared domain the points visited, and what they left out.

Counted over what is feasible: a level, pair of levels or cell that the exclusions leave no probability is nothing that anyone could visit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from odd_assess.odd.domain import Domain
from odd_assess.odd.frames import Frames, Weighting
from odd_assess.odd.levels import Bools, Floats, Ints
from odd_assess.odd.points import OddPoint, OddPoints

INFEASIBLE = -1
"""Marks a pair of levels that no cell has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A part of the declared domain that no point visited. ``weight`` is its probability given that a condition is inside."""

    kind: Literal["cell", "pair", "level", "attribute"]
    name: str
    reason: str
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coverage:
    """What of the declared domain the points visited.

    ``visits`` (cells,) counts points per feasible cell. Fractions are over feasible levels, cells and pairs of levels.
    ``pairs`` holds, for every pair of attributes (i < j), the visits of each pair of levels (levels_i, levels_j); -1 marks an infeasible pair.
    ``reached`` is the share of the declared ODD that points could be drawn from: below 1 where a table has no frame for some cells, ``unreached``.
    """

    visits: Ints
    level_coverage: float
    pairwise_coverage: float
    cell_coverage: float
    pairs: Mapping[tuple[int, int], Ints]
    gaps: tuple[Gap, ...]
    reached: float = 1.0
    unreached: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reach:
    """Where points could be drawn at all: ``cells`` (cells,), and the ``share`` of the declared ODD that these stand for."""

    cells: Bools
    share: float = 1.0


def reach_of(domain: Domain, *, frames: Frames | None = None, frames_weighting: Weighting = "declared") -> Reach:
    """Everywhere, or the cells in which the table ``frames`` has a frame.

    Raises: DomainError if no frame lies inside.
    """
    if frames is None:
        return Reach(cells=np.ones(len(domain.cells), dtype=np.bool_))
    population = frames.inside(domain, weighting=frames_weighting)
    return Reach(cells=np.asarray(population.weight > 0, dtype=np.bool_), share=population.reached)


def coverage(
    domain: Domain, points: Sequence[OddPoint], *, frames: Frames | None = None, frames_weighting: Weighting = "declared"
) -> Coverage:
    """The feasible cells, pairs of levels and levels that the points visited, and the list of gaps.

    ``frames`` is the table that the points were drawn from, if any: gaps then tell which parts it cannot reach.

    Raises: ValueError as in `coverage_of`.
    """
    cells = points.cell if isinstance(points, OddPoints) else np.array([point.cell for point in points], dtype=np.int64)
    return coverage_of(domain, cells, reach_of(domain, frames=frames, frames_weighting=frames_weighting))


def coverage_of(domain: Domain, cells: Ints, reach: Reach) -> Coverage:
    """The same from the cell (m,) of each point and from where points could be drawn at all.

    A domain with one attribute has no pairs: its pairwise coverage is its level coverage. Gaps come heaviest first: cells, pairs, levels; all of them.

    Raises: ValueError if a point's cell is not one of the domain's.
    Source: t-way combination coverage (Kuhn, Kacker, Lei, NIST SP 800-142, 2010), t = 1 and 2, over feasible combinations.
    """
    if len(cells) and not (cells.min() >= 0 and cells.max() < len(domain.cells)):
        raise ValueError(f"a point's cell must lie in [0, {len(domain.cells)}), found {cells.min()} to {cells.max()}")
    visits = np.bincount(cells, minlength=len(domain.cells)).astype(np.int64)
    reachable = reach.cells
    count = len(domain.attributes)
    tables = [_Table(domain, (i,), visits, reachable) for i in range(count)]
    pair_tables = [_Table(domain, pair, visits, reachable) for pair in combinations(range(count), 2)]
    return Coverage(
        visits=visits,
        level_coverage=_covered(tables),
        pairwise_coverage=_covered(pair_tables or tables),
        cell_coverage=float((visits > 0).mean()),
        pairs={(table.axes[0], table.axes[1]): table.visits for table in pair_tables},
        gaps=(
            *_cell_gaps(domain, visits, reachable),
            *_heaviest_first([gap for table in pair_tables for gap in table.gaps("pair")]),
            *_heaviest_first([gap for table in tables for gap in table.gaps("level")]),
        ),
        reached=reach.share,
        unreached=tuple(np.flatnonzero(~reachable).tolist()) if reach.share < 1 else (),
    )


class _Table:
    """Visits, weights and reach of the combinations of levels of some attributes, arrays with one axis an attribute."""

    def __init__(self, domain: Domain, axes: tuple[int, ...], visits: Ints, reachable: Bools) -> None:
        attributes = [domain.attributes[i] for i in axes]
        shape = tuple(len(attribute.levels) for attribute in attributes)
        flat = np.ravel_multi_index(tuple(domain.layout.levels[:, i] for i in axes), shape)

        def summed(values: Floats | Ints | Bools) -> Floats:
            return np.bincount(flat, weights=values, minlength=int(np.prod(shape))).astype(np.float64).reshape(shape)

        self.axes = axes
        self.names = [[f"{attribute.id} {level.name}" for level in attribute.levels] for attribute in attributes]
        self.feasible: Bools = np.asarray(summed(np.ones(len(flat), dtype=np.float64)) > 0, dtype=np.bool_)
        self.visits: Ints = np.where(self.feasible, summed(visits), INFEASIBLE).astype(np.int64)
        self.weight = summed(domain.layout.weight)
        self.reach = summed(reachable)

    def gaps(self, kind: Literal["pair", "level"]) -> list[Gap]:
        """A gap for every feasible combination without a visit."""
        return [
            Gap(
                kind=kind,
                name=", ".join(names[level] for names, level in zip(self.names, where, strict=True)),
                reason=_reason(bool(self.reach[where] > 0)),
                weight=float(self.weight[where]),
            )
            for where in map(tuple, np.argwhere(self.visits == 0).tolist())
        ]


def _covered(tables: Sequence[_Table]) -> float:
    """The fraction of feasible combinations with a visit."""
    visited = sum(int((table.visits > 0).sum()) for table in tables)
    return visited / sum(int(table.feasible.sum()) for table in tables)


def _cell_gaps(domain: Domain, visits: Ints, reachable: Bools) -> list[Gap]:
    empty = np.flatnonzero(visits == 0).tolist()
    return _heaviest_first(
        [
            Gap(kind="cell", name=domain.cells[i].name, reason=_reason(bool(reachable[i])), weight=domain.cells[i].weight)
            for i in empty
        ]
    )


def _heaviest_first(gaps: list[Gap]) -> list[Gap]:
    return sorted(gaps, key=lambda gap: -(gap.weight or 0.0))


def _reason(reachable: bool) -> str:
    return "no point visited it" if reachable else "no frame of the table lies in it"
