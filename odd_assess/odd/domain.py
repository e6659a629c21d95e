"""The operational design domain: attributes, what of their box is inside, and the cells that the inside is counted in.

A *cell* is a combination of one level of each attribute that has some probability inside. Weights and feasibility are exact (see
``partition``): cell weights are the declared probabilities given that the condition is inside, and sum to one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np

from odd_assess.odd.attributes import Attribute
from odd_assess.odd.constraints import Bools, Conditional, Mode, Rules, Statement
from odd_assess.odd.layout import Chosen, Layout, flatten, lay_out
from odd_assess.odd.levels import Floats, Ints
from odd_assess.odd.points import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A feasible combination of levels. ``levels`` holds one level an attribute, ``weight`` its probability given that one is inside."""

    index: int
    levels: tuple[int, ...]
    name: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A declared ODD.

    ``mode`` permissive: inside unless excluded. restrictive: inside only where some include statement holds, and not excluded.
    ``volume`` is the probability of the inside under the declared distributions.

    Raises: ValueError for attributes with the same id, statements about unknown attributes or impossible values; DomainError for a domain
    that is empty or nearly so, and for more than MAX_PIECES pieces or MAX_CELLS cells.
    """

    attributes: tuple[Attribute, ...]
    exclude: tuple[Statement, ...] = ()
    include: tuple[Statement, ...] = ()
    conditionals: tuple[Conditional, ...] = ()
    mode: Mode = "permissive"
    rules: Rules = field(init=False, repr=False, compare=False)
    volume: float = field(init=False, compare=False)
    layout: Layout = field(init=False, repr=False, compare=False)
    cells: tuple[Cell, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rules = Rules(
            exclude=tuple(self.exclude), include=tuple(self.include), conditionals=tuple(self.conditionals), mode=self.mode
        )
        _check_attributes(self.attributes)
        _check_statements(self.attributes, rules)
        layout, volume = lay_out(tuple(self.attributes), rules)
        set_field = object.__setattr__
        for name in ("exclude", "include", "conditionals"):
            set_field(self, name, getattr(rules, name))
        set_field(self, "attributes", tuple(self.attributes))
        set_field(self, "rules", rules)
        set_field(self, "volume", volume)
        set_field(self, "layout", layout)
        set_field(self, "cells", _name_cells(self.attributes, layout))

    # ------------------------------------------------------------ questions about values

    def contains(self, values: Mapping[str, Value]) -> bool:
        """Whether a condition lies inside the ODD: every value possible, no exclusion, and what the mode asks.

        Raises: ValueError if an attribute has no value.
        """
        row = self.encode(values)
        return bool(self.contains_codes(row[None, :])[0])

    def cell_of(self, values: Mapping[str, Value]) -> int:
        """The index of the cell that a condition lies in.

        Raises: ValueError if an attribute has no value or the condition is outside.
        """
        row = self.encode(values)[None, :]
        if not self.contains_codes(row)[0]:
            raise ValueError(f"a condition must lie inside the ODD to have a cell, found {dict(values)!r}")
        return int(self.cells_of_codes(row)[0])

    def level_of(self, attribute: str, value: Value) -> int:
        """The level of one attribute that a value lies in.

        Raises: ValueError for an unknown attribute or a value that it cannot have.
        """
        return self.attribute(attribute).level_of(value)

    def levels_of(self, values: Mapping[str, Value]) -> tuple[int, ...]:
        """The level of every attribute, in declared order.

        Raises: ValueError if an attribute has no value or one that it cannot have.
        """
        self._check_complete(values)
        return tuple(attribute.level_of(values[attribute.id]) for attribute in self.attributes)

    def attribute(self, name: str) -> Attribute:
        """The attribute with this id.

        Raises: ValueError if there is none, with the nearest ids.
        """
        for attribute in self.attributes:
            if attribute.id == name:
                return attribute
        raise ValueError(_unknown(name, [attribute.id for attribute in self.attributes]))

    # ------------------------------------------------------------ many conditions at once, as codes (m, attributes)

    def encode(self, values: Mapping[str, Value]) -> Floats:
        """One condition as a row of codes (attributes,); NaN for values that an attribute cannot have.

        Raises: ValueError if an attribute has no value.
        """
        self._check_complete(values)
        return np.array([attribute.code_of(values[attribute.id]) for attribute in self.attributes], dtype=np.float64)

    def codes_from_unit(self, u: Floats) -> Floats:
        """Codes of points (m, attributes) of the unit cube: the declared box, exclusions not considered."""
        return np.column_stack([attribute.codes_from_unit(u[:, i]) for i, attribute in enumerate(self.attributes)])

    def contains_codes(self, codes: Floats) -> Bools:
        """Which rows lie inside."""
        possible = ~np.isnan(codes).any(axis=1)
        inside = self.rules.inside(self._holds_on(codes))
        found = possible & inside
        found[found] = self._cell_lookup(codes[found]) >= 0  # values of probability zero make no cell
        return found

    def cells_of_codes(self, codes: Floats) -> Ints:
        """The cell of each row; rows must lie inside."""
        return self._cell_lookup(codes)

    def codes_in_cells(self, cells: Ints, choose: Floats, place: Floats) -> Floats:
        """A point of the inside of each given cell (m,), distributed as declared. Codes (m, attributes).

        Uniforms ``choose`` (m,) pick a piece of the cell, ``place`` (m, attributes) the point within it.
        """
        pieces = self.layout.pieces.pick(self.layout.group[cells], choose)
        return self.codes_in_atoms(cells, self.layout.atoms_of(pieces), place)

    def codes_at_centres(self, cells: Ints) -> Floats:
        """One fixed point of the inside of each given cell (m,). Codes (m, attributes).

        It is the cell's centre in the unit interval of every attribute or, where that is excluded, the centre of its heaviest piece.
        """
        middle = np.full((len(cells), len(self.attributes)), 0.5)
        codes = self.codes_from_unit(_between(*self._level_bounds(cells), middle))
        bad = ~self._lie_in(codes, cells)
        if bad.any():
            pieces = self.layout.pieces.heaviest()[self.layout.group[cells[bad]]]
            codes[bad] = self.codes_in_atoms(cells[bad], self.layout.atoms_of(pieces), middle[bad])
        return codes

    def codes_in_atoms(self, cells: Ints, chosen: Chosen, place: Floats, fixed: Mapping[int, Floats] | None = None) -> Floats:
        """Points of given cells (m,) in the chosen atoms of some attributes, at ``place`` (m, attributes). Codes (m, attributes).

        ``place`` lies in [0, 1); ``fixed`` holds the codes (m,) of attributes whose values are already known.
        """
        u_low, u_high = self._level_bounds(cells)
        for attribute, atoms, atom in chosen:
            u_low[:, attribute], u_high[:, attribute] = atoms.u_low[atom], atoms.u_high[atom]
        codes = self.codes_from_unit(_between(u_low, u_high, place))
        for attribute, known in (fixed or {}).items():
            codes[:, attribute] = known
        strayed = ~self._lie_in(codes, cells)  # by rounding at a threshold
        for attribute, atoms, atom in chosen:
            codes[strayed, attribute] = atoms.code[atom[strayed]]
        return codes

    def where(self, statement: Statement, codes: Floats) -> Bools:
        """Which rows a statement holds at."""
        return self._holds_on(codes)(statement)

    # ------------------------------------------------------------ how

    def _level_bounds(self, cells: Ints) -> tuple[Floats, Floats]:
        """(u_low, u_high) of each cell, (m, attributes) each."""
        levels = self.layout.levels[cells]
        low = [np.array([level.u_low for level in attribute.levels])[levels[:, i]] for i, attribute in enumerate(self.attributes)]
        high = [np.array([level.u_high for level in attribute.levels])[levels[:, i]] for i, attribute in enumerate(self.attributes)]
        return np.column_stack(low), np.column_stack(high)

    def _lie_in(self, codes: Floats, cells: Ints) -> Bools:
        inside: Bools = self.rules.inside(self._holds_on(codes)) & (self._cell_lookup(codes) == cells)
        return inside

    def _cell_lookup(self, codes: Floats) -> Ints:
        levels = [attribute.levels_of_codes(codes[:, i]) for i, attribute in enumerate(self.attributes)]
        flat = flatten(levels, [len(attribute.levels) for attribute in self.attributes])
        found = np.minimum(np.searchsorted(self.layout.flat, flat), len(self.layout.flat) - 1)
        return np.where(self.layout.flat[found] == flat, found, -1)

    def _holds_on(self, codes: Floats) -> Callable[[Statement], Bools]:
        column = {attribute.id: (attribute, codes[:, i]) for i, attribute in enumerate(self.attributes)}

        def holds(statement: Statement) -> Bools:
            where = np.ones(len(codes), dtype=np.bool_)
            for name, condition in statement.conditions.items():
                attribute, values = column[name]
                where &= attribute.holds(condition, values)
            return where

        return holds

    def _check_complete(self, values: Mapping[str, Value]) -> None:
        missing = [attribute.id for attribute in self.attributes if attribute.id not in values]
        if missing:
            raise ValueError(f"a condition must have a value for every attribute, none found for {', '.join(missing)}")


def _between(low: Floats, high: Floats, share: Floats) -> Floats:
    """Low + share (high - low), never ``high`` itself."""
    return np.minimum(low + share * (high - low), np.nextafter(high, 0.0))


def _name_cells(attributes: tuple[Attribute, ...], layout: Layout) -> tuple[Cell, ...]:
    named = [(i, [f"{attribute.id} {level.name}" for level in attribute.levels]) for i, attribute in enumerate(attributes)]
    several = [(i, names) for i, names in named if len(names) > 1]
    return tuple(
        Cell(
            index=index,
            levels=tuple(levels),
            name=", ".join(names[levels[i]] for i, names in several) or "whole domain",
            weight=weight,
        )
        for index, (levels, weight) in enumerate(zip(layout.levels.tolist(), layout.weight.tolist(), strict=True))
    )


# ---------------------------------------------------------------- refusing


def _check_attributes(attributes: Sequence[Attribute]) -> None:
    ids = [attribute.id for attribute in attributes]
    if not ids:
        raise ValueError("a domain must have at least one attribute, found none")
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ValueError(f"attributes must have different ids, found {', '.join(twice)} more than once")


def _check_statements(attributes: Sequence[Attribute], rules: Rules) -> None:
    known = {attribute.id: attribute for attribute in attributes}
    for statement in rules.statements:
        for name, condition in statement.conditions.items():
            if name not in known:
                raise ValueError(f"{statement}: {_unknown(name, list(known))}")
            known[name].check_condition(condition)


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=2, cutoff=0.6)
    advice = f"did you mean {' or '.join(near)}?" if near else f"declared are {', '.join(known)}"
    return f"attribute {name!r} is not declared; {advice}"
