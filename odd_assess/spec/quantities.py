"""Numbers with units, as a file writes them, in the unit that is asked for.

The functions raise ValueError with the message for the user; the caller knows the place.
"""

from __future__ import annotations

from math import isfinite

from odd_assess.odd.ranges import Interval, Quantity, parse_quantity
from odd_assess.odd.units import convert, dimension, known_units
from odd_assess.spec.words import listed, shown


def parsed(text: str) -> Quantity:
    """The interval and unit that a text denotes.

    Raises: ValueError for a text outside the grammar or a number too large to be one.
    """
    try:
        return parse_quantity(text)
    except OverflowError:
        raise ValueError(f"the numbers are too large, found {shown(text)}") from None


def converted(interval: Interval, from_unit: str, to_unit: str) -> Interval:
    """An interval in another unit.

    Raises: ValueError for units of different dimensions.
    """
    try:
        return interval.converted(from_unit, to_unit)
    except OverflowError:
        raise ValueError(f"the numbers are too large to be converted to {to_unit}") from None


def closed_range(text: str) -> tuple[float, float, str]:
    """(low, high, unit) of a range such as "[20 .. 2000] lux"; the unit is "1" where none is written.

    Raises: ValueError unless both ends are finite, differ and belong to the range.
    """
    message = f'must be a closed range such as "[20 .. 2000] lux", found {shown(text)}'
    if not text.strip().startswith(("[", "(")):
        raise ValueError(message)
    quantity = parsed(text)
    interval = quantity.interval
    if not interval.bounded or interval.low == interval.high or not (interval.low_closed and interval.high_closed):
        raise ValueError(message)
    return interval.low, interval.high, quantity.unit or "1"


def amount(value: float | str, unit: str, *, difference: bool = False) -> float:
    """A plain number, taken in ``unit``, or a text with its unit, converted to it. ``difference``: 5 C is 5 K, not 278.15 K.

    Raises: ValueError for a text that is no single finite value, or of another dimension.
    """
    if not isinstance(value, str):
        return _finite(value)
    quantity = parsed(value)
    if quantity.interval.low != quantity.interval.high:
        raise ValueError(f'must be a single value such as "50 {unit}", found {shown(value)}')
    if quantity.unit is None and unit != "1":
        raise ValueError(
            f"must carry its unit ({same_dimension(unit)}), found {shown(value)}; a number without quotes is taken in {unit}"
        )
    number = converted(quantity.interval, quantity.unit or "1", unit).low
    if difference:
        number -= convert(0.0, quantity.unit, unit)
    return _finite(number)


def condition(value: float | str, unit: str) -> Interval:
    """The interval that a threshold such as "< 50 lux" denotes, in ``unit``.

    Raises: ValueError for a threshold without a unit where ``unit`` is a physical one, or of another dimension.
    """
    if not isinstance(value, str):
        if unit != "1":
            raise ValueError(f'must be a text with a unit such as "< {value:g} {unit}", found {shown(value)}')
        return Interval(low=_finite(value), high=_finite(value))
    quantity = parsed(value)
    if quantity.unit is None and unit != "1":
        raise ValueError(f"must carry a unit ({same_dimension(unit)}), found {shown(value)}")
    return converted(quantity.interval, quantity.unit or "1", unit)


def same_dimension(unit: str) -> str:
    """The units that measure the same: ``lux, klux``."""
    wanted = dimension(unit)
    return listed(known for known in known_units() if dimension(known) == wanted)


def span(low: float, high: float, unit: str) -> str:
    """A range as a file would write it: ``[0 .. 0.9]``, ``[5 .. 100000] m``."""
    return f"[{low:g} .. {high:g}]{'' if unit == '1' else f' {unit}'}"


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise ValueError(f"must be a finite number, found {shown(value)}")
    return number
