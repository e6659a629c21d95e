"""Units convert exactly, and what cannot be converted is refused in words."""

from __future__ import annotations

from math import inf, pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odd_assess.odd.units import canonical, conversion, convert, dimension, known_units


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (0.3, "km", "m", 300.0),
        (15, "cm", "m", 0.15),
        (2, "klux", "lux", 2000.0),
        (180, "deg", "rad", pi),
        (20, "C", "K", 293.15),
        (32, "F", "C", 0.0),
        (-40, "C", "F", -40.0),
        (100, "km/h", "m/s", 250 / 9),
        (60, "mph", "km/h", 96.56064),  # the international mile is 1609.344 m
        (5, "%", "1", 0.05),
        (5, "%", None, 0.05),
        (0.05, "", "%", 5.0),
        (250, "ms", "s", 0.25),
        (3, "1/km", "1/m", 0.003),
        (inf, "km", "m", inf),
    ],
)
def test_known_conversions(value: float, source: str | None, target: str | None, expected: float) -> None:
    """Conversions agree with the definitions of the units to the last bit (a factor of 2^-50 for irrational ones)."""
    assert convert(value, source, target) == pytest.approx(expected, rel=1e-15, abs=1e-15)


@given(value=st.floats(-1e6, 1e6), source=st.sampled_from(known_units()), target=st.sampled_from(known_units()))
def test_conversion_is_invertible_within_a_dimension_and_refused_across(value: float, source: str, target: str) -> None:
    """There and back is the same value, ``conversion`` and ``convert`` agree; units of two dimensions never convert."""
    if dimension(source) != dimension(target):
        with pytest.raises(ValueError, match="unit must measure"):
            convert(value, source, target)
        return
    scale, offset = conversion(source, target)
    there = convert(value, source, target)
    assert there == pytest.approx(scale * value + offset, rel=1e-12, abs=1e-9)
    assert convert(there, target, source) == pytest.approx(value, rel=1e-12, abs=1e-9)


def test_messages_say_what_to_do() -> None:
    """An unknown unit gets the nearest ones, a foreign dimension the units that would do, and C is never coulomb."""
    with pytest.raises(ValueError, match=r"unit 'luxx' is not known; did you mean lux or klux\?"):
        canonical("luxx")
    with pytest.raises(ValueError, match=r"unit 'parsec' is not known; known units: 1, %, m,"):
        canonical("parsec")
    with pytest.raises(ValueError, match=r"unit must measure illuminance \(lux, klux\), found 'm', a unit of length"):
        convert(1.0, "m", "lux")
    assert dimension("C") == "temperature"
    assert (canonical("lx"), canonical("°C"), canonical(None)) == ("lux", "C", "1")


@pytest.mark.parametrize(("source", "target", "scale"), [("km", "m", 1000), ("klux", "lux", 1000)])
def test_written_decimals_are_converted_exactly(source: str, target: str, scale: int) -> None:
    """0.001 to 9.999 with three decimals become the whole numbers that they are, so that a threshold in km meets a bucket edge in m."""
    assert all(convert(float(f"{i / scale:.3f}"), source, target) == i for i in range(1, 10 * scale))
