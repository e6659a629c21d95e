"""The grammar of ranges and thresholds, and the interval that they denote.

    "[20 .. 2000] lux"   a range with both ends;  "[0 .. 5) m" and "(0 .. 5] m" leave an end out
    ">= 2 m"  "< 50 lux" a threshold (also <=, >, ≤, ≥)
    "50 lux"  "= 50 lux" a single value

A unit may be missing; whether it must be there is decided by who knows the attribute.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf, isfinite, isinf, isnan

from odd_assess.odd.units import canonical, convert

GRAMMAR = '"[lo .. hi] unit", a threshold such as "< 50 lux" or ">= 2 m", or a single value such as "50 lux"'
"""What a range may look like, for messages."""

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"(?P<open>[\[(])\s*(?P<low>{_NUMBER})\s*\.\.\s*(?P<high>{_NUMBER})\s*(?P<close>[\])])\s*(?P<unit>.*)")
_COMPARISON = re.compile(rf"(?P<sign><=|>=|≤|≥|<|>|==|=)?\s*(?P<value>{_NUMBER})\s*(?P<unit>.*)")
_UNIT_TEXT = re.compile(r"(?:[A-Za-z°%][\w/°²³]*|1(?:/k?m)?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The numbers between ``low`` and ``high``; each end belongs to it if closed. An infinite end is open.

    As a condition on a numeric attribute it holds iff the attribute's value lies in it.
    Raises: ValueError if an end is not a number or nothing lies between the ends.
    """

    low: float = -inf
    high: float = inf
    low_closed: bool = True
    high_closed: bool = True

    def __post_init__(self) -> None:
        if isnan(self.low) or isnan(self.high):
            raise ValueError("the ends of a range must be numbers, found NaN")
        if isinf(self.low) and self.low_closed:
            object.__setattr__(self, "low_closed", False)
        if isinf(self.high) and self.high_closed:
            object.__setattr__(self, "high_closed", False)
        empty = self.low > self.high or (self.low == self.high and not (self.low_closed and self.high_closed))
        if empty:
            raise ValueError(f"the lower end of a range must lie below the upper end, found {self}")

    def __contains__(self, value: float) -> bool:
        above = value >= self.low if self.low_closed else value > self.low
        below = value <= self.high if self.high_closed else value < self.high
        return above and below

    @property
    def bounded(self) -> bool:
        """Whether both ends are finite."""
        return isfinite(self.low) and isfinite(self.high)

    def converted(self, from_unit: str | None, to_unit: str | None) -> Interval:
        """The same interval in another unit of the same dimension.

        Raises: ValueError for an unknown unit or two units of different dimensions.
        """
        return Interval(
            low=convert(self.low, from_unit, to_unit),
            high=convert(self.high, from_unit, to_unit),
            low_closed=self.low_closed,
            high_closed=self.high_closed,
        )

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.low:.12g}"
        if isinf(self.low) and isfinite(self.high):
            return f"{'<=' if self.high_closed else '<'} {self.high:.12g}"
        if isinf(self.high) and isfinite(self.low):
            return f"{'>=' if self.low_closed else '>'} {self.low:.12g}"
        return f"{'[' if self.low_closed else '('}{self.low:.12g} .. {self.high:.12g}{']' if self.high_closed else ')'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A parsed range: the interval and the unit it was written in (None where none was written)."""

    interval: Interval
    unit: str | None

    def within(self, unit: str | None) -> Interval:
        """The interval in ``unit``; a quantity written without a unit counts as dimensionless.

        Raises: ValueError for two units of different dimensions.
        """
        return self.interval.converted(self.unit, unit)


def parse_quantity(text: str) -> Quantity:
    """The interval and unit that a range, threshold or single value denotes.

    Raises: ValueError for text outside the grammar, an empty range or an unknown unit.
    Source: range grammar of ASAM OpenODD 1.0 (conditions "[lo .. hi] unit" and comparisons).

    >>> parse_quantity("[20 .. 2000] lux").interval.high
    2000.0
    >>> str(parse_quantity("< 50 lux").interval)
    '< 50'
    """
    stripped = text.strip()
    if match := _RANGE.fullmatch(stripped):
        interval = Interval(
            low=_finite(match["low"]),
            high=_finite(match["high"]),
            low_closed=match["open"] == "[",
            high_closed=match["close"] == "]",
        )
    elif match := _COMPARISON.fullmatch(stripped):
        interval = _threshold(match["sign"] or "=", _finite(match["value"]))
    else:
        raise ValueError(f"a range must look like {GRAMMAR}, found {text!r}")
    if not _UNIT_TEXT.fullmatch(match["unit"]):
        raise ValueError(f"a range must look like {GRAMMAR}, found {text!r}")
    return Quantity(interval=interval, unit=canonical(match["unit"]) if match["unit"] else None)


def _finite(number: str) -> float:
    if not isfinite(value := float(number)):
        raise ValueError(f"the ends of a range must be finite numbers, found {number}")
    return value


def _threshold(sign: str, value: float) -> Interval:
    if sign in ("<", "<=", "≤"):
        return Interval(high=value, high_closed=sign != "<")
    if sign in (">", ">=", "≥"):
        return Interval(low=value, low_closed=sign != ">")
    return Interval(low=value, high=value)
