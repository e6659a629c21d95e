"""Statements about several attributes, and what of the declared box they leave inside the ODD.

A statement holds iff all its conditions hold. Modes follow the ISO 34503 vocabulary: permissive - inside unless excluded;
restrictive - inside only where an include statement holds, and not excluded. Conditionals ("when ... then ...") must hold in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from odd_assess.errors import Location
from odd_assess.odd.points import Value
from odd_assess.odd.ranges import Interval

Bools = NDArray[np.bool_]
Mode = Literal["permissive", "restrictive"]


@dataclass(frozen=True, slots=True)
class OneOf:
    """Holds iff the attribute has one of these values.

    Raises: ValueError if there are none.
    """

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.values:
            raise ValueError("a condition must name at least one value, found none")

    def __str__(self) -> str:
        return " or ".join(show_value(value) for value in self.values)


Condition = Interval | OneOf
"""What a statement asks of one attribute: an interval in the attribute's unit, or one of some values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Holds iff the condition of every attribute named in it holds. ``text`` is how reports and messages quote it.

    Raises: ValueError without any condition.
    """

    conditions: Mapping[str, Condition]
    text: str = ""
    location: Location | None = None

    def __post_init__(self) -> None:
        if not self.conditions:
            raise ValueError("a statement must have at least one condition, found none")
        if not self.text:
            parts = (f"{attribute}: {condition}" for attribute, condition in self.conditions.items())
            object.__setattr__(self, "text", "{" + ", ".join(parts) + "}")

    def __str__(self) -> str:
        return f"{self.text} ({self.location})" if self.location else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional:
    """Wherever ``when`` holds, ``then`` must hold too; what breaks it is outside."""

    when: Statement
    then: Statement

    def __str__(self) -> str:
        return f"if {self.when} then {self.then}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that decides which part of the declared box is inside.

    Raises: ValueError for an unknown mode, include statements in permissive mode, or none in restrictive mode.
    """

    exclude: tuple[Statement, ...] = ()
    include: tuple[Statement, ...] = ()
    conditionals: tuple[Conditional, ...] = ()
    mode: Mode = "permissive"

    def __post_init__(self) -> None:
        if self.mode not in ("permissive", "restrictive"):
            raise ValueError(f"mode must be permissive or restrictive, found {self.mode!r}")
        if self.mode == "permissive" and self.include:
            raise ValueError(
                "include statements must come with mode: restrictive; in permissive mode everything is inside unless excluded"
            )
        if self.mode == "restrictive" and not self.include:
            raise ValueError("mode: restrictive must come with at least one include statement; without one nothing is inside")

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Every statement, those of conditionals too."""
        return (*self.exclude, *self.include, *(part for rule in self.conditionals for part in (rule.when, rule.then)))

    def inside(self, holds: Callable[[Statement], Bools]) -> Bools:
        """Where the rules leave something inside, given where each statement holds. Shapes broadcast."""
        inside = self.included(holds)
        for _, broken in self.removals(holds):
            inside = inside & ~broken
        return inside

    def included(self, holds: Callable[[Statement], Bools]) -> Bools:
        """Where the mode lets something in: everywhere, or where at least one include statement holds."""
        some: Bools = np.full((), self.mode == "permissive", dtype=np.bool_)
        for statement in self.include:
            some = some | holds(statement)
        return some

    def removals(self, holds: Callable[[Statement], Bools]) -> list[tuple[Statement | Conditional, Bools]]:
        """(rule, where it removes something) for every exclusion and conditional."""
        excluded: list[tuple[Statement | Conditional, Bools]] = [(statement, holds(statement)) for statement in self.exclude]
        return excluded + [(rule, holds(rule.when) & ~holds(rule.then)) for rule in self.conditionals]


def show_value(value: Value) -> str:
    """A value as a spec would write it: true and false in small letters, numbers without padding."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def shown(values: Sequence[Value]) -> str:
    """Some values in a row, for messages."""
    return ", ".join(show_value(value) for value in values) or "none"
