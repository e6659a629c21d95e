"""Levels and atoms, the parts of the unit interval that an attribute is counted in; and what every attribute can do.

Inside this package a value travels as a *code*, a float64: the number itself, or the position of a label. So a sample is one matrix,
and a condition is one comparison on a column.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from odd_assess.odd.constraints import Condition
from odd_assess.odd.points import Value

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A bucket or label of an attribute. It owns the part [u_low, u_high) of the unit interval."""

    name: str
    u_low: float
    u_high: float

    @property
    def probability(self) -> float:
        """The declared probability of the level, before any exclusion."""
        return self.u_high - self.u_low


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Atoms:
    """Parts [u_low, u_high) of one attribute, of positive probability, on which its level and every condition are constant.

    Arrays (a,), in increasing order. ``code`` is a value that lies in the atom.
    """

    u_low: Floats
    u_high: Floats
    code: Floats
    level: Ints

    @property
    def probability(self) -> Floats:
        """The declared probability of each atom."""
        return self.u_high - self.u_low


class AttributeBase(ABC):
    """What all attributes share. Subclasses are final."""

    __slots__ = ()
    id: str
    levels: tuple[Level, ...]

    @abstractmethod
    def codes_from_unit(self, u: ArrayLike) -> Floats:
        """Codes of the values at u in [0, 1), any shape."""

    @abstractmethod
    def code_of(self, value: Any) -> float:
        """The code of a value; NaN if the attribute cannot have it."""

    @abstractmethod
    def value_of(self, code: float) -> Value:
        """The value with this code."""

    def codes_of(self, values: Sequence[Any]) -> Floats:
        """The codes (m,) of many values; NaN for those that the attribute cannot have."""
        return np.array([self.code_of(value) for value in values], dtype=np.float64)

    @abstractmethod
    def levels_of_codes(self, codes: ArrayLike) -> Ints:
        """The level of each code (codes of possible values only)."""

    @abstractmethod
    def check_condition(self, condition: Condition) -> None:
        """Raises: ValueError if the condition makes no sense for this attribute."""

    @abstractmethod
    def holds(self, condition: Condition, codes: Floats) -> Bools:
        """Where the condition holds, for an array of codes."""

    @abstractmethod
    def atoms(self, conditions: Sequence[Condition]) -> Atoms:
        """The attribute split at its level edges and at every threshold of the conditions."""

    @abstractmethod
    def describe(self) -> str:
        """The attribute's values, distribution and unit in words, without its id."""

    def from_unit(self, u: float) -> Value:
        """The value at u in [0, 1): uniform u gives the declared distribution, and the value lies in the level that owns u.

        Raises: ValueError unless 0 <= u < 1.
        Source: inverse transform sampling.
        """
        if not 0 <= u < 1:
            raise ValueError(f"u must lie in [0, 1), got {u!r}")
        return self.value_of(float(self.codes_from_unit(u)))

    def level_of(self, value: Value) -> int:
        """The position in ``levels`` of the level that holds a value.

        Raises: ValueError if the attribute cannot have the value.
        """
        code = self.code_of(value)
        if isnan(code):
            raise ValueError(f"{self.id} must be {self.describe()}, found {value!r}")
        return int(self.levels_of_codes(code))


def check_id(attribute: str) -> None:
    """Raises: ValueError for an empty id."""
    if not attribute.strip():
        raise ValueError(f"an attribute must have an id, found {attribute!r}")
