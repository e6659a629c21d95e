"""Attributes whose values are labels: ``Ordinal``, ``Categorical`` and ``Boolean``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from odd_assess.odd.constraints import Condition, OneOf, show_value, shown
from odd_assess.odd.levels import Atoms, AttributeBase, Bools, Floats, Ints, Level, check_id
from odd_assess.odd.points import Value


class _Labelled(AttributeBase):
    """Attributes whose values are a few labels, each with its probability. Each label is a level."""

    __slots__ = ()
    labels: tuple[Value, ...]

    def _prepare_labels(self, weights: Sequence[float] | None) -> None:
        """Check labels and weights, and build the levels."""
        check_id(self.id)
        object.__setattr__(self, "labels", tuple(self.labels))
        count = len(self.labels)
        keys = [label_key(label) for label in self.labels]
        if not count or len(set(keys)) != count or len(set(self.labels)) != count:
            raise ValueError(f"values of {self.id} must be at least one, all different, found {shown(self.labels)}")
        shares = np.asarray([1.0] * count if weights is None else list(weights), dtype=np.float64)
        if len(shares) != count or not np.isfinite(shares).all() or not (shares > 0).all():
            raise ValueError(
                f"weights of {self.id} must be one positive number a value ({count}), found {shown(tuple(shares.tolist()))}"
            )
        edges = [0.0, *(np.cumsum(shares)[:-1] / shares.sum()).tolist(), 1.0]
        levels = tuple(Level(name=show_value(label), u_low=edges[i], u_high=edges[i + 1]) for i, label in enumerate(self.labels))
        object.__setattr__(self, "levels", levels)

    def codes_from_unit(self, u: ArrayLike) -> Floats:
        """The label whose part of the unit interval holds u."""
        inner = [level.u_low for level in self.levels[1:]]
        return np.searchsorted(inner, np.asarray(u, dtype=np.float64), side="right").astype(np.float64)

    def code_of(self, value: Any) -> float:
        """The position of the label; NaN for anything else."""
        key = label_key(value)
        return next((float(i) for i, label in enumerate(self.labels) if label_key(label) == key), nan)

    def codes_of(self, values: Sequence[Any]) -> Floats:
        """The positions of many labels: each different spelling is looked up once."""
        known: dict[Any, float] = {}
        for value in values:
            spelling = (type(value), value)  # true is not 1
            if spelling not in known:
                known[spelling] = self.code_of(value)
        return np.array([known[type(value), value] for value in values], dtype=np.float64)

    def value_of(self, code: float) -> Value:
        """The label at this position."""
        return self.labels[int(code)]

    def levels_of_codes(self, codes: ArrayLike) -> Ints:
        """Each label is a level."""
        return np.asarray(codes, dtype=np.int64)

    def check_condition(self, condition: Condition) -> None:
        """Raises: ValueError for a range, or for what is no label."""
        if not isinstance(condition, OneOf):
            raise ValueError(  # noqa: TRY004, other attributes take this type
                f"condition on {self.id} must name some of its values ({shown(self.labels)}), found the range {condition}"
            )
        for value in condition.values:
            if isnan(self.code_of(value)):
                raise ValueError(f"condition on {self.id} must name some of its values ({shown(self.labels)}), found {value!r}")

    def holds(self, condition: Condition, codes: Floats) -> Bools:
        """Where the label is among those named."""
        assert isinstance(condition, OneOf)
        return np.isin(codes, [self.code_of(value) for value in condition.values])

    def atoms(self, conditions: Sequence[Condition]) -> Atoms:
        """One a label."""
        del conditions  # a label cannot be split
        count = len(self.labels)
        return Atoms(
            u_low=np.array([level.u_low for level in self.levels]),
            u_high=np.array([level.u_high for level in self.levels]),
            code=np.arange(count, dtype=np.float64),
            level=np.arange(count, dtype=np.int64),
        )

    def describe(self) -> str:
        """The labels with their probabilities."""
        shares = [f"{show_value(label)} ({level.probability:.3g})" for label, level in zip(self.labels, self.levels, strict=True)]
        return f"one of {', '.join(shares)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordinal(_Labelled):
    """One of some labels that have an order, from first to last. ``weights`` are their relative probabilities (equal if None).

    Raises: ValueError without labels, for labels that occur twice, or weights that are not positive.
    """

    id: str
    labels: tuple[Value, ...]
    weights: tuple[float, ...] | None = None
    levels: tuple[Level, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._prepare_labels(self.weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Categorical(_Labelled):
    """One of some labels. ``weights`` are their relative probabilities (equal if None).

    Raises: ValueError as for ``Ordinal``.
    """

    id: str
    labels: tuple[Value, ...]
    weights: tuple[float, ...] | None = None
    levels: tuple[Level, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._prepare_labels(self.weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(_Labelled):
    """False or true; ``probability`` is that of true.

    Raises: ValueError unless 0 < probability < 1.
    """

    id: str
    probability: float = 0.5
    labels: tuple[Value, ...] = field(init=False, repr=False, compare=False, default=(False, True))
    levels: tuple[Level, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.probability < 1:
            raise ValueError(f"probability of {self.id} must lie in (0, 1), found {self.probability!r}")
        self._prepare_labels((1 - self.probability, self.probability))


def label_key(value: Any) -> tuple[str, str]:
    """What two spellings of one label share: true is not 1, 1 and 1.0 are the same number, text counts as written."""
    if isinstance(value, (bool, np.bool_)):
        return "boolean", str(bool(value))
    if isinstance(value, (int, float, np.integer, np.floating)):
        return "number", repr(float(value))
    return "text", str(value)
