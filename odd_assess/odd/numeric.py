"""Attributes whose values are numbers: ``Continuous`` and ``Integer``."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, floor, isfinite, isnan, nan, nextafter
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from odd_assess.odd.constraints import Condition, OneOf, shown
from odd_assess.odd.distributions import Distribution, Uniform
from odd_assess.odd.levels import Atoms, AttributeBase, Bools, Floats, Ints, Level, check_id
from odd_assess.odd.ranges import Interval
from odd_assess.odd.units import canonical


class _Numeric(AttributeBase):
    """Attributes whose values are numbers between ``low`` and ``high``, both included."""

    __slots__ = ()
    low: float
    high: float
    unit: str
    buckets: tuple[float, ...] | None
    whole: ClassVar[bool] = False
    """Whether only whole numbers are possible."""

    @abstractmethod
    def _below(self, x: ArrayLike, *, included: bool) -> Floats:
        """P(X < x), or P(X <= x) if included."""

    @abstractmethod
    def _between(self, low: float, high: float) -> float:
        """A possible value strictly between two numbers."""

    def _prepare(self) -> None:
        """Check what all numeric attributes must satisfy, and build the levels."""
        check_id(self.id)
        object.__setattr__(self, "unit", canonical(self.unit))
        if not (isfinite(self.low) and isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"range of {self.id} must have two finite ends, the lower one first, found [{self.low!r} .. {self.high!r}]"
            )
        if self.buckets is not None:
            object.__setattr__(self, "buckets", tuple(self.buckets))
            _check_buckets(self.id, self.buckets, self.low, self.high)
        edges = self.edges
        below = [*self._below(edges[:-1], included=False).tolist(), 1.0]
        suffix = "" if self.unit == "1" else f" {self.unit}"
        levels = tuple(
            Level(
                name=f"{Interval(low=edges[i], high=edges[i + 1], high_closed=i == len(edges) - 2)}{suffix}",
                u_low=below[i],
                u_high=below[i + 1],
            )
            for i in range(len(edges) - 1)
        )
        object.__setattr__(self, "levels", levels)

    @property
    def edges(self) -> tuple[float, ...]:
        """The level edges: [a, b) each, the last one closed."""
        return self.buckets or (self.low, self.high)

    def code_of(self, value: Any) -> float:
        """The number itself; NaN outside the range or for what is no number."""
        if isinstance(value, (bool, np.bool_, str)) or value is None:
            return nan
        number = float(value)
        return number if self.low <= number <= self.high else nan

    def codes_of(self, values: Sequence[Any]) -> Floats:
        """The numbers themselves, many at once where all are numbers in the range."""
        if all(type(value) in (float, int) for value in values):
            numbers = np.array(values, dtype=np.float64)
            if bool(np.all((numbers >= self.low) & (numbers <= self.high) & ((numbers % 1 == 0) | (not self.whole)))):
                return numbers
        return super().codes_of(values)

    def levels_of_codes(self, codes: ArrayLike) -> Ints:
        """The bucket of each code."""
        return np.searchsorted(self.edges[1:-1], np.asarray(codes, dtype=np.float64), side="right").astype(np.int64)

    def check_condition(self, condition: Condition) -> None:
        """Raises: ValueError if it names a value outside the range, or can hold nowhere in it."""
        if isinstance(condition, Interval):
            low, high = max(self.low, condition.low), min(self.high, condition.high)
            if not (low < high or (low == high and low in condition)):
                raise ValueError(f"condition on {self.id} must hold somewhere in {self.describe()}, found {condition}")
            return
        for value in condition.values:
            if isnan(self.code_of(value)):
                raise ValueError(f"condition on {self.id} must name values of {self.describe()}, found {value!r}")

    def holds(self, condition: Condition, codes: Floats) -> Bools:
        """Where the numbers lie in the interval or among the values."""
        if isinstance(condition, OneOf):
            return np.isin(codes, [self.code_of(value) for value in condition.values])
        above = codes >= condition.low if condition.low_closed else codes > condition.low
        below = codes <= condition.high if condition.high_closed else codes < condition.high
        return np.asarray(above & below, dtype=np.bool_)

    def atoms(self, conditions: Sequence[Condition]) -> Atoms:
        """The pieces between level edges and thresholds, single values among them where they have mass."""
        cuts = {cut for condition in conditions for cut in _thresholds(condition) if self.low < cut < self.high}
        points = sorted({*self.edges, *cuts})
        below, to = self._below(points, included=False), self._below(points, included=True)
        # pieces in order: the point p0 itself, the open gap (p0, p1), the point p1 itself, ...
        u_low = np.column_stack([below, to]).ravel()[:-1]
        u_high = np.column_stack([to, np.append(below[1:], 1.0)]).ravel()[:-1]
        kept = u_high > u_low
        gaps = [*(self._between(a, b) for a, b in pairwise(points)), nan]
        code = np.column_stack([points, gaps]).ravel()[:-1][kept]
        return Atoms(u_low=u_low[kept], u_high=u_high[kept], code=code, level=self.levels_of_codes(code))

    def _into_levels(self, u: ArrayLike, codes: Floats) -> Floats:
        """Codes moved, where rounding put them a bit outside, into the level that owns u."""
        level = np.searchsorted([part.u_low for part in self.levels[1:]], np.asarray(u, dtype=np.float64), side="right")
        tops = np.array([*(self._last_under(edge) for edge in self.edges[1:-1]), self.high], dtype=np.float64)
        return np.clip(codes, np.asarray(self.edges, dtype=np.float64)[level], tops[level])

    @abstractmethod
    def _last_under(self, edge: float) -> float:
        """The largest possible value below an edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuous(_Numeric):
    """A real number in [low, high] ``unit``. ``buckets`` are the edges of levels [a, b), the last one closed, over the whole range.

    Raises: ValueError for an empty or infinite range, an unknown unit, buckets that do not span the range, or a distribution
    that cannot live on it.
    """

    id: str
    low: float
    high: float
    unit: str = "1"
    distribution: Distribution = field(default_factory=Uniform)
    buckets: tuple[float, ...] | None = None
    levels: tuple[Level, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isfinite(self.low) and isfinite(self.high) and self.low < self.high:
            self.distribution.check(self.low, self.high)
        self._prepare()

    def codes_from_unit(self, u: ArrayLike) -> Floats:
        """The inverse of the distribution function, within the level that owns u."""
        return self._into_levels(u, self.distribution.at(u, self.low, self.high))

    def value_of(self, code: float) -> float:
        """The number."""
        return float(code)

    def describe(self) -> str:
        """Range, distribution and buckets."""
        suffix = "" if self.unit == "1" else f" {self.unit}"
        return f"[{self.low:.12g} .. {self.high:.12g}]{suffix}, {self.distribution}{_bucket_text(self.buckets)}"

    def _below(self, x: ArrayLike, *, included: bool) -> Floats:
        return self.distribution.below(x, self.low, self.high, included=included)

    def _between(self, low: float, high: float) -> float:
        return min(low + (high - low) / 2, nextafter(high, -np.inf))  # neighbours in float64 have nothing between them

    def _last_under(self, edge: float) -> float:
        return nextafter(edge, -np.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(_Numeric):
    """A whole number in [low, high] ``unit``, each equally likely. ``buckets`` as for ``Continuous``; each must hold a whole number.

    Raises: ValueError as for ``Continuous``, and for ends that are not whole.
    """

    whole: ClassVar[bool] = True
    id: str
    low: int
    high: int
    unit: str = "1"
    buckets: tuple[float, ...] | None = None
    levels: tuple[Level, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (isfinite(self.low) and isfinite(self.high)) or self.low != floor(self.low) or self.high != floor(self.high):
            raise ValueError(f"range of {self.id} must have whole ends, found [{self.low!r} .. {self.high!r}]")
        if max(abs(self.low), abs(self.high)) > 2**52:
            raise ValueError(f"range of {self.id} must lie within +-2^52, found [{self.low!r} .. {self.high!r}]")
        self._prepare()
        empty = [level.name for level in self.levels if not level.probability > 0]
        if empty:
            raise ValueError(f"buckets of {self.id} must each hold a whole number, found none in {empty[0]}")

    def codes_from_unit(self, u: ArrayLike) -> Floats:
        """The inverse of the distribution function, within the level that owns u."""
        share = np.asarray(u, dtype=np.float64)
        count = self.high - self.low + 1
        rank = np.floor(share * count)
        rank = rank + ((rank + 1) / count <= share) - (rank / count > share)  # agree with _below to the last bit
        return self._into_levels(u, self.low + rank)

    def code_of(self, value: Any) -> float:
        """The number itself; NaN outside the range or unless it is whole."""
        code = _Numeric.code_of(self, value)
        return code if code % 1 == 0 else nan

    def value_of(self, code: float) -> int:
        """The number."""
        return int(code)

    def describe(self) -> str:
        """Range, distribution and buckets."""
        suffix = "" if self.unit == "1" else f" {self.unit}"
        return f"a whole number in [{self.low} .. {self.high}]{suffix}, uniform{_bucket_text(self.buckets)}"

    def _below(self, x: ArrayLike, *, included: bool) -> Floats:
        whole = np.floor(x) + 1 if included else np.ceil(x)
        return np.clip((whole - self.low) / (self.high - self.low + 1), 0.0, 1.0)

    def _between(self, low: float, high: float) -> float:
        del high
        return floor(low) + 1.0

    def _last_under(self, edge: float) -> float:
        return ceil(edge) - 1.0


def _thresholds(condition: Condition) -> tuple[float, ...]:
    if isinstance(condition, Interval):
        return (condition.low, condition.high)
    return tuple(float(value) for value in condition.values)


def _check_buckets(attribute: str, buckets: tuple[float, ...], low: float, high: float) -> None:
    increasing = all(a < b for a, b in pairwise(buckets))
    if len(buckets) < 2 or not increasing or buckets[0] != low or buckets[-1] != high:
        ends = f"from {low:.12g} to {high:.12g}, the ends of its range"
        raise ValueError(f"buckets of {attribute} must be increasing edges {ends}, found {shown(buckets)}")


def _bucket_text(buckets: tuple[float, ...] | None) -> str:
    return f", buckets at {shown(buckets)}" if buckets else ""
