"""The grammar of ranges: what is read, and how everything else is refused."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odd_assess.odd.ranges import Interval, parse_quantity

FINITE = st.floats(-1e12, 1e12, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "interval", "unit"),
    [
        ("[20 .. 2000] lux", Interval(low=20, high=2000), "lux"),
        ("[20..2000]lux", Interval(low=20, high=2000), "lux"),
        ("[0 .. 5) m", Interval(low=0, high=5, high_closed=False), "m"),
        ("(-5 .. 1e-3] deg", Interval(low=-5, high=0.001, low_closed=False), "deg"),
        ("[0 .. 1]", Interval(low=0, high=1), None),
        ("< 50 lux", Interval(high=50, high_closed=False), "lux"),
        ("<= 50 %", Interval(high=50), "%"),
        ("≥ 2 m", Interval(low=2), "m"),
        (">2 m", Interval(low=2, low_closed=False), "m"),
        ("50 lux", Interval(low=50, high=50), "lux"),
        ("= -3", Interval(low=-3, high=-3), None),
        ("> 0.5 1/m", Interval(low=0.5, low_closed=False), "1/m"),
        ("20 °C", Interval(low=20, high=20), "C"),
    ],
)
def test_accepted(text: str, interval: Interval, unit: str | None) -> None:
    """Every form of the grammar is read as documented."""
    quantity = parse_quantity(text)
    assert (quantity.interval, quantity.unit) == (interval, unit)


@pytest.mark.parametrize(
    "text",
    ["", "abc", "2 .. 3 m", "[2, 3] m", "[2 - 3]", "[2 .. 3", "1/m", "5 5", "< lux", "> nan", "[0 .. inf] m", "!= 3", "5 m m"],
)
def test_refused_with_the_grammar(text: str) -> None:
    """What is outside the grammar is refused with the grammar in the message."""
    with pytest.raises(ValueError, match=r'a range must look like "\[lo \.\. hi\] unit"'):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[5 .. 2] m", r"lower end of a range must lie below the upper end, found \[5 .. 2\]"),
        ("[5 .. 5) m", "lower end of a range must lie below"),
        ("[0 .. 1e999] m", "ends of a range must be finite numbers, found 1e999"),
        ("[0 .. 1] meter", "unit 'meter' is not known"),
    ],
)
def test_refused_with_reason(text: str, message: str) -> None:
    """Empty and infinite ranges and unknown units are named as such."""
    with pytest.raises(ValueError, match=message):
        parse_quantity(text)


def test_interval_refuses_nan_and_opens_infinite_ends() -> None:
    """NaN is no end; an infinite end is never part of the interval, however it was written."""
    with pytest.raises(ValueError, match="must be numbers"):
        Interval(low=nan)
    assert inf not in Interval()
    assert Interval(low=1, low_closed=True) == Interval(low=1, high=inf, high_closed=False)


@given(a=FINITE, b=FINITE, low_closed=st.booleans(), high_closed=st.booleans(), value=FINITE)
def test_text_round_trip_and_membership(a: float, b: float, low_closed: bool, high_closed: bool, value: float) -> None:
    """An interval printed with 12 digits is read back as itself, and holds exactly the numbers between its ends."""
    a, b = float(f"{min(a, b):.12g}"), float(f"{max(a, b):.12g}")
    if a == b:
        low_closed = high_closed = True
    interval = Interval(low=a, high=b, low_closed=low_closed, high_closed=high_closed)
    assert parse_quantity(str(interval)).interval == interval
    for x in (a, b, value):
        assert (x in interval) == ((a < x or (low_closed and x == a)) and (x < b or (high_closed and x == b)))


def test_conversion_keeps_closedness() -> None:
    """A converted threshold is the same condition in another unit."""
    assert parse_quantity("< 0.3 km").within("m") == Interval(high=300.0, high_closed=False)
    with pytest.raises(ValueError, match="unit must measure length"):
        parse_quantity("< 50 lux").within("m")
    with pytest.raises(ValueError, match="unit must measure length"):
        parse_quantity("< 50").within("m")  # no unit means dimensionless
