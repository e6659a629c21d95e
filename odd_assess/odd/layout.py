"""The cells of a domain as arrays: which combinations of levels are feasible, how likely each is, and what it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from odd_assess.errors import DomainError
from odd_assess.odd.attributes import Attribute
from odd_assess.odd.constraints import Rules
from odd_assess.odd.levels import Atoms, Floats, Ints
from odd_assess.odd.partition import MAX_PIECES, Axis, Choice, atom_axis, conditions_on, inside_pieces, removals

MAX_CELLS = 100_000
"""More cells than this cannot be visited by any assessment, nor read in any report."""

MIN_VOLUME = 1e-6
"""A domain with less of its declared box inside is taken for a mistake."""

Chosen = Sequence[tuple[int, Atoms, Ints]]
"""For some attributes (position, atoms) the atom (m,) that each of m points lies in."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """The cells as arrays, and the pieces that they are made of.

    ``levels`` (cells, attributes); ``flat`` (cells,) increasing position among all combinations of levels; ``weight`` (cells,).
    ``constrained``: positions of attributes that a statement mentions, with their ``atoms``; ``position`` (pieces, constrained) the atoms of
    each inside piece; ``pieces`` chooses a piece within the ``group`` (cells,) of a cell.
    """

    levels: Ints
    flat: Ints
    weight: Floats
    constrained: tuple[int, ...]
    atoms: tuple[Atoms, ...]
    position: Ints
    pieces: Choice
    group: Ints

    def atoms_of(self, pieces: Ints) -> Chosen:
        """The atom of each constrained attribute, for some pieces (m,)."""
        return [(self.constrained[k], atoms, self.position[pieces, k]) for k, atoms in enumerate(self.atoms)]


def lay_out(attributes: tuple[Attribute, ...], rules: Rules) -> tuple[Layout, float]:
    """(layout, volume): the feasible cells, and the probability of the inside under the declared distributions.

    Raises: DomainError if less than MIN_VOLUME is inside, or there are more than MAX_PIECES pieces or MAX_CELLS cells.
    Source: exact sums over pieces, see ``partition``.
    """
    mentioned = {name for statement in rules.statements for name in statement.conditions}
    constrained = tuple(i for i, attribute in enumerate(attributes) if attribute.id in mentioned)
    atoms = tuple(attributes[i].atoms(conditions_on(attributes[i], rules)) for i in constrained)
    _refuse_many_pieces(attributes, constrained, atoms)
    axes = [atom_axis(attributes[i], part, rules) for i, part in zip(constrained, atoms, strict=True)]
    pieces = inside_pieces(axes, rules)
    volume = float(pieces.probability.sum())
    if not volume >= MIN_VOLUME:
        raise DomainError(_why_empty(axes, volume, rules))

    sizes = [len(attributes[i].levels) for i in constrained]
    combination = flatten(
        [np.zeros(len(pieces.probability), dtype=np.int64), *(part.level[pieces.position[:, k]] for k, part in enumerate(atoms))],
        [1, *sizes],
    )
    feasible, group = np.unique(combination, return_inverse=True)
    choice = Choice.of(group.astype(np.int64), pieces.probability, len(feasible))
    levels, cell_group, weight = _cross(attributes, constrained, feasible, choice.total / volume)
    flat = flatten([levels[:, i] for i in range(len(attributes))], [len(attribute.levels) for attribute in attributes])
    order = np.argsort(flat, kind="stable")
    layout = Layout(
        levels=levels[order],
        flat=flat[order],
        weight=weight[order] / weight.sum(),
        constrained=constrained,
        atoms=atoms,
        position=pieces.position,
        pieces=choice,
        group=cell_group[order],
    )
    return layout, min(volume, 1.0)


def _cross(
    attributes: tuple[Attribute, ...], constrained: tuple[int, ...], feasible: Ints, weight: Floats
) -> tuple[Ints, Ints, Floats]:
    """(levels, group, weight) of all cells: feasible combinations of constrained levels times the levels of every free attribute."""
    free = [i for i in range(len(attributes)) if i not in constrained]
    likely = [np.flatnonzero([level.probability > 0 for level in attributes[i].levels]) for i in free]
    count = len(feasible) * prod(len(levels) for levels in likely)
    if count > MAX_CELLS:
        sizes = ", ".join(f"{attribute.id} {len(attribute.levels)}" for attribute in attributes if len(attribute.levels) > 1)
        raise DomainError(
            f"a domain must have at most {MAX_CELLS:,} cells, found {count:,} (levels: {sizes}); use fewer buckets or merge values"
        )
    grids = np.meshgrid(np.arange(len(feasible)), *likely, indexing="ij")
    group = grids[0].ravel().astype(np.int64)
    levels = np.empty((count, len(attributes)), dtype=np.int64)
    sizes_constrained = tuple(len(attributes[i].levels) for i in constrained)
    for i, column in zip(constrained, np.unravel_index(feasible, sizes_constrained) if constrained else (), strict=True):
        levels[:, i] = column[group]
    weights = weight[group]
    for i, grid in zip(free, grids[1:], strict=True):
        levels[:, i] = grid.ravel()
        weights = weights * np.array([level.probability for level in attributes[i].levels])[levels[:, i]]
    return levels, group, weights


def flatten(levels: Sequence[Ints], sizes: Sequence[int]) -> Ints:
    """The number of each row among all combinations of levels, from its level (m,) of each attribute; row-major."""
    flat = np.zeros(len(levels[0]), dtype=np.int64)
    for level, size in zip(levels, sizes, strict=True):
        flat = flat * size + level
    return flat


def _refuse_many_pieces(attributes: Sequence[Attribute], constrained: Sequence[int], atoms: Sequence[Atoms]) -> None:
    count = prod(len(part.code) for part in atoms)
    if count > MAX_PIECES:
        sizes = ", ".join(f"{attributes[i].id} {len(part.code)}" for i, part in zip(constrained, atoms, strict=True))
        raise DomainError(
            f"statements must split the domain into at most {MAX_PIECES:,} pieces, found {count:,} ({sizes}); "
            "use fewer buckets on attributes that statements mention, or fewer different thresholds"
        )


def _why_empty(axes: Sequence[Axis], volume: float, rules: Rules) -> str:
    found = "nothing" if volume == 0 else f"only {volume:.2g}"
    head = f"the ODD must have at least {MIN_VOLUME:g} of its declared box inside, found {found}"
    worst = [removal for removal in removals(axes, rules) if removal.share > 0][:5]
    taken = "; ".join(f"{removal.text} removes {100 * removal.share:.3g} %" for removal in worst)
    if rules.mode == "permissive":
        return f"{head}: {taken} of the box"
    offered = "; ".join(str(statement) for statement in rules.include)
    return f"{head}: included is {offered}" + (f", of which {taken}" if taken else ", which has next to no probability")
