"""Sampled conditions of the domain: one of them, and many as columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, overload

import numpy as np
from numpy.typing import NDArray

CANDIDATES = 2**68
"""What is added to the seed of a run for candidates, of which some become points: their conditions, base images and transforms."""

Value = float | int | str | bool
"""The value of one ODD attribute: a number in the attribute's own unit, or a label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddPoint:
    """One sampled condition inside the ODD.

    ``values`` holds every realisable attribute. ``cell`` indexes ``Domain.cells``. ``frame`` is the row of the table that the
    point was drawn from, where points are drawn among existing frames. ``candidate``: the number by which its input is realised in the stream of candidates,
    where the point was chosen among such (`odd_assess.odd.ranked`).
    """

    index: int
    values: Mapping[str, Value]
    cell: int
    frame: int | None = None
    candidate: int | None = None

    def origin(self, seed: int) -> tuple[int, int]:
        """(seed, number) that address all randomness of the point's input, in a run of this seed."""
        return (seed, self.index) if self.candidate is None else (seed + CANDIDATES, self.candidate)


class Coded(Protocol):
    """An attribute, as far as points need it: its values travel as codes (float64)."""

    @property
    def id(self) -> str:
        """The attribute's name."""
        ...

    def value_of(self, code: float) -> Value:
        """The value with this code."""
        ...

    def codes_of(self, values: Sequence[Any]) -> NDArray[np.float64]:
        """The codes (m,) of values; NaN for one that the attribute cannot have."""
        ...

    def describe(self) -> str:
        """The values in words."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OddPoints(Sequence[OddPoint]):
    """Many points as columns: an `OddPoint` is made when one is asked for, so that a million of them take a few numbers each.

    ``codes`` (m, attributes); ``indices`` and ``cell`` (m,); ``frame`` (m,), None where points are not drawn among frames. ``candidate`` (m,), None where
    they are not chosen among candidates. A slice is a view.
    """

    attributes: tuple[Coded, ...]
    indices: NDArray[np.int64]
    cell: NDArray[np.int64]
    codes: NDArray[np.float64]
    frame: NDArray[np.int64] | None = None
    candidate: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        m = len(self.indices)
        frames = m if self.frame is None else len(self.frame)
        candidates = m if self.candidate is None else len(self.candidate)
        if not len(self.cell) == frames == candidates == m or self.codes.shape != (m, len(self.attributes)):
            raise ValueError(f"every column must have {m} rows, and codes one column for each of {len(self.attributes)} attributes")

    @classmethod
    def of(cls, attributes: Sequence[Coded], points: Sequence[OddPoint]) -> Self:
        """The same points as columns. All of them must have a frame, or none.

        Raises: ValueError where only some have a frame.
        """
        frames, numbers = [point.frame for point in points], [point.candidate for point in points]
        known = [frame for frame in frames if frame is not None]
        if known and len(known) < len(frames):
            raise ValueError(f"all points must have a frame or none, found {len(known)} of {len(frames)} with one")
        chosen = [number for number in numbers if number is not None]
        if chosen and len(chosen) < len(numbers):
            raise ValueError(f"all points must be chosen candidates or none, found {len(chosen)} of {len(numbers)} that are")
        return cls(
            attributes=tuple(attributes),
            indices=np.array([point.index for point in points], dtype=np.int64),
            cell=np.array([point.cell for point in points], dtype=np.int64),
            codes=codes_of_conditions(attributes, [point.values for point in points]),
            frame=np.array(known, dtype=np.int64) if known else None,
            candidate=np.array(chosen, dtype=np.int64) if chosen else None,
        )

    @classmethod
    def joined(cls, parts: Sequence[OddPoints]) -> Self:
        """The points of all parts, of which there must be one at least, one after another; parts without points count for nothing.

        Raises: ValueError where only some have a frame.
        """
        some = [part for part in parts if len(part)] or list(parts[:1])
        frames = [part.frame for part in some if part.frame is not None]
        if frames and len(frames) < len(some):
            raise ValueError("all points must have a frame or none")
        chosen = [part.candidate for part in some if part.candidate is not None]
        if chosen and len(chosen) < len(some):
            raise ValueError("all points must be chosen candidates or none")
        return cls(
            attributes=parts[0].attributes,
            indices=np.concatenate([part.indices for part in some]),
            cell=np.concatenate([part.cell for part in some]),
            codes=np.concatenate([part.codes for part in some]),
            frame=np.concatenate(frames) if frames else None,
            candidate=np.concatenate(chosen) if chosen else None,
        )

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, at: int) -> OddPoint: ...
    @overload
    def __getitem__(self, at: slice) -> OddPoints: ...
    def __getitem__(self, at: int | slice) -> OddPoint | OddPoints:
        if isinstance(at, slice):
            return self.take(at)
        return OddPoint(
            index=int(self.indices[at]),
            values={a.id: a.value_of(code) for a, code in zip(self.attributes, self.codes[at].tolist(), strict=True)},
            cell=int(self.cell[at]),
            frame=None if self.frame is None else int(self.frame[at]),
            candidate=None if self.candidate is None else int(self.candidate[at]),
        )

    def __iter__(self) -> Iterator[OddPoint]:
        return (self[at] for at in range(len(self)))

    def __eq__(self, other: object) -> bool:
        """The same points in the same order, in whatever sequence."""
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # columns can be changed

    def take(self, rows: slice | NDArray[np.int64] | NDArray[np.bool_]) -> OddPoints:
        """Some of the points, in the order of ``rows``."""
        return OddPoints(
            attributes=self.attributes,
            indices=self.indices[rows],
            cell=self.cell[rows],
            codes=self.codes[rows],
            frame=None if self.frame is None else self.frame[rows],
            candidate=None if self.candidate is None else self.candidate[rows],
        )

    @property
    def digest(self) -> str:
        """SHA-256 over the conditions themselves: whatever file, library or setting they came from, a change of theirs shows."""
        digest = hashlib.sha256()
        digest.update(repr([(attribute.id, attribute.describe()) for attribute in self.attributes]).encode())
        frame = np.full(len(self), -1) if self.frame is None else self.frame
        candidate = () if self.candidate is None else (self.candidate.astype("<i8"),)
        for column in (self.indices.astype("<i8"), self.codes.astype("<f8"), frame.astype("<i8"), *candidate):
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()


def codes_of_conditions(attributes: Sequence[Coded], conditions: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    """The codes (m, attributes) of conditions; NaN for a value that is missing or that its attribute cannot have."""
    codes = np.empty((len(conditions), len(attributes)))
    for i, attribute in enumerate(attributes):
        codes[:, i] = attribute.codes_of([values.get(attribute.id) for values in conditions])
    return codes
