"""Exact weights: the declared box cut into pieces on which every statement is constant.

Each constrained attribute is split into atoms at its level edges and at every threshold of a statement. On a product of atoms (a *piece*) every
statement either holds everywhere or nowhere, so the probability of any part of the ODD is a plain sum; nothing is estimated. Attributes
that no statement mentions are independent of everything and factor out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from odd_assess.odd.attributes import Attribute
from odd_assess.odd.constraints import Condition, Rules, Statement
from odd_assess.odd.levels import Atoms, Bools, Floats, Ints

MAX_PIECES = 1_000_000
"""More pieces than this would take too long to sum and too much memory to keep."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Axis:
    """One factor of the pieces: ``size`` alternatives with probabilities, and where each condition on it holds.

    Usually the atoms of one attribute; for observed frames the alternatives are the kinds of frames, and conditions of several attributes live on it.
    """

    probability: Floats
    holds: Mapping[tuple[str, Condition], Bools]

    @property
    def size(self) -> int:
        """The number of alternatives."""
        return len(self.probability)


def conditions_on(attribute: Attribute, rules: Rules) -> tuple[Condition, ...]:
    """Every different condition that the rules put on one attribute, in order of appearance."""
    found = (statement.conditions.get(attribute.id) for statement in rules.statements)
    return tuple(dict.fromkeys(condition for condition in found if condition is not None))


def atom_axis(attribute: Attribute, atoms: Atoms, rules: Rules) -> Axis:
    """The axis of one attribute's atoms."""
    conditions = conditions_on(attribute, rules)
    return Axis(
        probability=atoms.probability,
        holds={(attribute.id, condition): attribute.holds(condition, atoms.code) for condition in conditions},
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pieces:
    """The inside pieces of a product of axes: ``position`` (p, axes) the alternative of each axis, ``probability`` (p,) the product's."""

    position: Ints
    probability: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """The share of what is included that one exclusion or conditional takes away on its own."""

    text: str
    share: float


def inside_pieces(axes: Sequence[Axis], rules: Rules) -> Pieces:
    """Every piece that the rules leave inside.

    Source: statements are constant on pieces, so the sum over pieces is the exact probability.
    """
    probability = _outer([axis.probability for axis in axes])
    inside = np.broadcast_to(rules.inside(_holds_on(axes)), probability.shape)
    return Pieces(position=np.argwhere(inside).astype(np.int64), probability=probability[inside])


def removals(axes: Sequence[Axis], rules: Rules) -> tuple[Removal, ...]:
    """What each exclusion and conditional takes of what is included, the greatest share first; nothing if nothing is included."""
    probability = _outer([axis.probability for axis in axes])
    holds = _holds_on(axes)
    included = np.broadcast_to(rules.included(holds), probability.shape)
    mass = float(probability[included].sum())
    if not mass > 0:
        return ()
    found = [
        Removal(text=str(rule), share=float(probability[included & broken].sum()) / mass) for rule, broken in rules.removals(holds)
    ]
    return tuple(sorted(found, key=lambda removal: -removal.share))


def _holds_on(axes: Sequence[Axis]) -> Callable[[Statement], Bools]:
    """Where a statement holds among the pieces; the array broadcasts over all axes."""

    def holds(statement: Statement) -> Bools:
        where: Bools = np.ones((), dtype=np.bool_)
        for key in statement.conditions.items():
            where = where & _spread(axes, key)
        return where

    return holds


def _spread(axes: Sequence[Axis], key: tuple[str, Condition]) -> Bools:
    """Where one condition holds, shaped so that it broadcasts over all axes."""
    for i, axis in enumerate(axes):
        if key in axis.holds:
            return axis.holds[key].reshape([-1 if j == i else 1 for j in range(len(axes))])
    raise AssertionError(f"no axis knows the condition {key}")


def _outer(factors: Sequence[Floats]) -> Floats:
    product = np.ones((), dtype=np.float64)
    for i, factor in enumerate(factors):
        product = product * factor.reshape([-1 if j == i else 1 for j in range(len(factors))])
    return product


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """Items in groups, to be drawn inside a group in proportion to their weights. Built by ``Choice.of``."""

    items: Ints
    start: Ints
    cumulated: Floats
    total: Floats

    @classmethod
    def of(cls, group: Ints, weight: Floats, groups: int) -> Choice:
        """From the group (n,) and the positive weight (n,) of each item. ``total`` (groups,) is each group's weight, 0 where it has no item."""
        items = np.argsort(group, kind="stable")
        total = np.bincount(group, weights=weight, minlength=groups).astype(np.float64)
        shares = weight[items] / total[group[items]]
        start = np.searchsorted(group[items], np.arange(groups + 1)).astype(np.int64)
        return cls(items=items, start=start, cumulated=np.concatenate([[0.0], np.cumsum(shares)]), total=total)

    def pick(self, group: Ints, u: Floats) -> Ints:
        """The item of each group (m,) at u (m,) in [0, 1): uniform u gives the weights. Groups must have items."""
        first, last = self.start[group], self.start[group + 1]
        low, high = self.cumulated[first], self.cumulated[last]
        found = np.searchsorted(self.cumulated, low + u * (high - low), side="right") - 1
        return self.items[np.clip(found, first, last - 1)]

    def heaviest(self) -> Ints:
        """The item with the greatest weight of each group, the first of equals; -1 for a group without items."""
        shares = np.diff(self.cumulated)
        group = np.repeat(np.arange(len(self.total)), np.diff(self.start))
        order = np.lexsort((-np.arange(len(shares)), shares, group))
        best = np.full(len(self.total), -1, dtype=np.int64)
        best[group[order]] = self.items[order]
        return best

    def members(self, group: int) -> Ints:
        """The items of one group."""
        return self.items[self.start[group] : self.start[group + 1]]
