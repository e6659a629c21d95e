"""Units of ODD attributes: a small table of our own, and exact conversion between units of one dimension.

Why not pint (decided 2026-11): an ODD needs some forty units; pint reads ``C`` as coulomb, takes long to import and accepts far
more than a safety engineer means. Scales are exact fractions, so a threshold of 0.3 km and a bucket edge of 300 m are the same
number.

Dimensionless attributes have unit ``1``, which may be left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from math import isfinite, pi


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One unit: base value = scale * value + offset, in the base unit of its dimension."""

    dimension: str
    scale: Fraction
    offset: Fraction = Fraction(0)


def _units(dimension: str, **scales: str) -> dict[str, Unit]:
    return {name: Unit(dimension=dimension, scale=Fraction(scale)) for name, scale in scales.items()}


_DEGREE = Fraction(pi) / 180

_UNITS: dict[str, Unit] = {
    **_units("fraction", **{"1": "1", "%": "1/100"}),
    **_units("length", m="1", km="1000", cm="1/100", mm="1/1000"),
    **_units("area", m2="1", cm2="1/10000", km2="1000000"),
    **_units("illuminance", lux="1", klux="1000"),
    **_units("luminance", **{"cd/m2": "1"}),
    **_units("irradiance", **{"W/m2": "1"}),
    **_units("precipitation", **{"mm/h": "1", "cm/h": "10", "mm/min": "60", "mm/day": "1/24"}),
    **_units("speed", **{"m/s": "1", "km/h": "5/18", "mph": "1397/3125", "kn": "463/900"}),
    **_units("angular speed", **{"deg/s": "1"}),
    **_units("acceleration", **{"m/s2": "1"}),
    **_units("cloud cover", okta="1"),
    **_units("extinction", **{"1/m": "1", "1/km": "1/1000"}),
    **_units("density", **{"kg/m3": "1", "g/m3": "1/1000"}),
    **_units("pixels", px="1"),
    **_units("level", dB="1"),
    **_units("attenuation", **{"dB/km": "1", "dB/m": "1000"}),
    **_units("time", s="1", ms="1/1000", min="60", h="3600"),
    **_units("frequency", Hz="1", kHz="1000"),
    **_units("pressure", Pa="1", hPa="100", kPa="1000", bar="100000"),
    "rad": Unit(dimension="angle", scale=Fraction(1)),
    "deg": Unit(dimension="angle", scale=_DEGREE),
    "K": Unit(dimension="temperature", scale=Fraction(1)),
    "C": Unit(dimension="temperature", scale=Fraction(1), offset=Fraction("273.15")),
    "F": Unit(dimension="temperature", scale=Fraction(5, 9), offset=Fraction("459.67") * Fraction(5, 9)),
}

_ALIASES = {
    "": "1",
    "lx": "lux",
    "klx": "klux",
    "°": "deg",
    "°C": "C",
    "degC": "C",
    "°F": "F",
    "degF": "F",
    "kph": "km/h",
    "kmh": "km/h",
    "knots": "kn",
}


def known_units() -> tuple[str, ...]:
    """The units that may be written, in the order of the table.

    Source: the SI brochure (BIPM, 9th ed.) for the names; WMO for okta.
    """
    return tuple(_UNITS)


def canonical(unit: str | None) -> str:
    """The table's name of a unit: aliases such as ``lx`` or ``°C`` are replaced, none at all means ``1``.

    Raises: ValueError for an unknown unit, with the nearest known ones.
    """
    name = (unit or "").strip()
    name = _ALIASES.get(name, name)
    if name not in _UNITS:
        raise ValueError(f"unit {name!r} is not known; {_advice(name)}")
    return name


def dimension(unit: str | None) -> str:
    """What a unit measures, for example ``length``.

    Raises: ValueError for an unknown unit.

    >>> dimension("klux")
    'illuminance'
    """
    return _UNITS[canonical(unit)].dimension


def conversion(from_unit: str | None, to_unit: str | None) -> tuple[float, float]:
    """(scale, offset) with: value in ``to_unit`` = scale * value in ``from_unit`` + offset.

    Raises: ValueError for an unknown unit or two units of different dimensions.
    Source: exact definitions of the units (SI brochure; international mile 1609.344 m; nautical mile 1852 m).

    >>> conversion("C", "F")
    (1.8, 32.0)
    """
    scale, offset = _exact_conversion(from_unit, to_unit)
    return float(scale), float(offset)


def convert(value: float, from_unit: str | None, to_unit: str | None) -> float:
    """A value in another unit of the same dimension, correctly rounded from the decimal that was written. Infinite values stay infinite.

    The decimal, not the float next to it: 1.001 km is 1001 m, so that a threshold in one unit meets a bucket edge in another.

    Raises: ValueError for an unknown unit or two units of different dimensions.
    Source: see ``conversion``.

    >>> convert(0.3, "km", "m")
    300.0
    """
    scale, offset = _exact_conversion(from_unit, to_unit)
    return float(Fraction(repr(float(value))) * scale + offset) if isfinite(value) else value


def _exact_conversion(from_unit: str | None, to_unit: str | None) -> tuple[Fraction, Fraction]:
    source_name, target_name = canonical(from_unit), canonical(to_unit)
    source, target = _UNITS[source_name], _UNITS[target_name]
    if source.dimension != target.dimension:
        choices = ", ".join(name for name, unit in _UNITS.items() if unit.dimension == target.dimension)
        raise ValueError(f"unit must measure {target.dimension} ({choices}), found {source_name!r}, a unit of {source.dimension}")
    return source.scale / target.scale, (source.offset - target.offset) / target.scale


def _advice(name: str) -> str:
    by_fold = {known.casefold(): known for known in (*_UNITS, *(alias for alias in _ALIASES if alias))}
    near = get_close_matches(name.casefold(), by_fold, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(by_fold[fold] for fold in near)}?" if near else f"known units: {', '.join(_UNITS)}"
