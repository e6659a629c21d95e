"""The parts that a criterion speaks of: the cells of the ODD, the levels of an attribute, the classes.

A cell is judged by what was reached of it. Of the levels it is known which share of them lies in cells that a table has no frame for; of the classes it
is not, so that each of them is charged with all that could not be reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from odd_assess.odd.domain import Domain
from odd_assess.records import Bools, Coverage, Criterion, Floats, Ints, Results, SamplingPlan


class Located(Protocol):
    """Points of a domain, as far as bounds over its parts need them: results, or the points themselves."""

    @property
    def cell(self) -> Ints:
        """The cell (m,) of each point."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Partition:
    """Parts with their ``names``, and the part ``index`` (m,) of each point.

    ``weights`` (parts,): the declared share of the ODD, None where nothing declares it (classes). ``missing`` (parts,): the share of the ODD that may belong
    to the part and could not be sampled. ``of_cells``: each part is a cell, whose points are independent in the stratified designs too.
    ``part_of_cell`` (cells,): the part that each cell lies in, None where parts are not made of cells (classes).
    """

    names: tuple[str, ...]
    index: Ints
    weights: Floats | None
    missing: Floats
    of_cells: bool = False
    part_of_cell: Ints | None = None

    def __len__(self) -> int:
        return len(self.names)

    def inside(self, part: int) -> Bools:
        """The points (m,) of one part."""
        return np.asarray(self.index == part, dtype=np.bool_)

    def cells(self, part: int) -> Bools | None:
        """The cells (cells,) that one part consists of."""
        return None if self.part_of_cell is None else np.asarray(self.part_of_cell == part, dtype=np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unseen:
    """What of the ODD could not be sampled: the ``share``, and the ``cells`` that it lies in (None: not known which)."""

    share: float = 0.0
    cells: Ints | None = None


def unseen(sampling: SamplingPlan, domain: Domain, results: Located, coverage: Coverage) -> Unseen:
    """The cells that a table has no frame for; where cells are weighed by their declared weights, all that have no point."""
    if sampling.design == "stratified" and sampling.allocation == "equal":
        empty = np.bincount(results.cell, minlength=len(domain.cells)) == 0
        return Unseen(share=float(domain.layout.weight[empty].sum()), cells=np.flatnonzero(empty).astype(np.int64))
    if coverage.reached == 1:
        return Unseen()
    return Unseen(share=1.0 - coverage.reached, cells=np.array(coverage.unreached, dtype=np.int64) if coverage.unreached else None)


def partition_of(
    criterion: Criterion, domain: Domain, results: Results, out_of_reach: Unseen, class_names: Sequence[str]
) -> Partition:
    """The parts that the criterion speaks of.

    Raises: ValueError for classes without names.
    """
    if criterion.attribute is not None:
        return levels_of(domain, criterion.attribute, results.cell, out_of_reach)
    if criterion.scope == "each_class":
        if not class_names:
            raise ValueError(f"criterion {criterion.id}: the scope each_class must come with class_names, got none")
        missing = np.full(len(class_names), out_of_reach.share)
        return Partition(names=tuple(class_names), index=results.label, weights=None, missing=missing)
    return cells_of(domain, results.cell)


def cells_of(domain: Domain, cell: Ints) -> Partition:
    """The cells. ``cell`` (m,) is the cell of each point."""
    names = tuple(one.name for one in domain.cells)
    every, none = np.arange(len(names)), np.zeros(len(names))
    return Partition(names=names, index=cell, weights=domain.layout.weight, missing=none, of_cells=True, part_of_cell=every)


def levels_of(domain: Domain, attribute: str, cell: Ints, out_of_reach: Unseen | None = None) -> Partition:
    """The feasible levels of an attribute. ``cell`` (m,) is the cell of each point."""
    return combinations_of(domain, (attribute,), cell, out_of_reach)


def combinations_of(domain: Domain, attributes: Sequence[str], cell: Ints, out_of_reach: Unseen | None = None) -> Partition:
    """The feasible combinations of levels of some attributes. ``cell`` (m,) is the cell of each point.

    Raises: ValueError for an attribute that the domain does not have.
    """
    levels = np.stack([level_of_cells(domain, attribute) for attribute in attributes], axis=1)
    feasible, of_cell = np.unique(levels, axis=0, return_inverse=True)
    of_cell = of_cell.reshape(-1)
    weights = np.bincount(of_cell, weights=domain.layout.weight).astype(np.float64)
    missing = np.zeros(len(feasible))
    if out_of_reach is not None and out_of_reach.share > 0:
        lost = out_of_reach.cells
        inside = (
            weights if lost is None else np.bincount(of_cell[lost], weights=domain.layout.weight[lost], minlength=len(feasible))
        )
        missing = np.minimum(inside, out_of_reach.share)
    declared = [domain.attribute(attribute) for attribute in attributes]
    names = tuple(
        ", ".join(f"{one.id} {one.levels[level].name}" for one, level in zip(declared, row, strict=True))
        for row in feasible.tolist()
    )
    of_cell = of_cell.astype(np.int64)
    return Partition(names=names, index=of_cell[cell], weights=weights, missing=missing, part_of_cell=of_cell)


def level_of_cells(domain: Domain, attribute: str) -> Ints:
    """The level (cells,) of an attribute in each cell.

    Raises: ValueError for an attribute that the domain does not have.
    """
    position = domain.attributes.index(domain.attribute(attribute))
    return np.asarray(domain.layout.levels[:, position], dtype=np.int64)
