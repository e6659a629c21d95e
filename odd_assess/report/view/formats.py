"""How numbers are written: to the safe side, and with no more digits than mean something.

A lower bound is rounded down, an upper bound up, a plain sample value to the nearest. Where a number stands beside the value that it is compared
with, digits are added until the printed pair says what the exact pair says: 79.96% against 80% is never printed as 80.0%.
``of``: the source of the number in the evidence, by which the page can be walked back (traced.py).
"""

from __future__ import annotations

from math import isclose, isfinite
from typing import Literal

from odd_assess.report.view.traced import number as traced
from odd_assess.stats.smoothing import round_down as round_down
from odd_assess.stats.smoothing import round_up as round_up

Side = Literal["nearest", "down", "up"]
Unit = Literal["1", "input", "points"]

NOTHING = "–"
"""Stands where there is no number."""

MOST_DIGITS = 6


def count(number: float, *, of: str = "") -> str:
    """A whole number with thousands separated, or the one nearest to a mean of such.

    >>> count(100000), count(876.17)
    ('100,000', '876')
    """
    return traced(f"{round(number):,}", number, of)


def plural(number: int, noun: str, nouns: str = "", *, of: str = "") -> str:
    """A count with its noun.

    >>> plural(1, "point"), plural(1200, "point")
    ('1 point', '1,200 points')
    """
    return f"{count(number, of=of)} {noun if number == 1 else nouns or noun + 's'}"


def listed(words: list[str] | tuple[str, ...], *, most: int = 6, of: str = "") -> str:
    """Words joined as in a sentence; beyond ``most`` the rest is counted. ``of``: the source of how many there are.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    shown = list(words[:most])
    if len(words) > most:
        shown.append(f"{count(len(words) - most, of=of and f'{of}/beyond/{most}')} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def plain(value: float, *, of: str = "") -> str:
    """A declared number as a person would write it: no rounding that changes it, no trailing zeros.

    >>> plain(0.25), plain(2000.0), plain(1e-3), plain(0.1 + 0.2)
    ('0.25', '2,000', '0.001', '0.3')
    """
    if not isfinite(value):
        return str(value)
    text = f"{value:,.10f}".rstrip("0").rstrip(".") if 1e-6 <= abs(value) < 1e12 else f"{value:.10g}"
    return traced(text.replace("-", "−") if text not in {"-0", "0"} else "0", value, of)


def percent(fraction: float, *, side: Side = "nearest", digits: int = 1, of: str = "") -> str:
    """A fraction as a percentage with ``digits`` decimals, rounded to ``side``.

    >>> percent(0.7996), percent(0.7996, side="down"), percent(0.7991, side="up")
    ('80.0%', '79.9%', '80.0%')
    """
    shown = 100 * _rounded(fraction, digits + 2, side) + 0.0  # no "−0.0%"
    return traced(f"{shown:.{digits}f}%".replace("-", "−"), fraction, of)


def radius(value: float, *, side: Side = "down", digits: int = 3, of: str = "") -> str:
    """A radius in input units; down unless told, because a radius is a claim.

    >>> radius(0.41297)
    '0.412'
    """
    return traced(f"{_rounded(value, digits, side):.{digits}f}", value, of)


def decimals(points: int) -> int:
    """The decimals that a percentage of ``points`` points deserves: one point in 100 or fewer moves it by a whole percent.

    >>> decimals(40), decimals(300)
    (0, 1)
    """
    return 0 if points < 100 else 1


def metric(
    value: float | None, unit: Unit, *, side: Side = "nearest", points: int = 1000, against: float | None = None, of: str = ""
) -> str:
    """A metric's value in its unit, with enough digits to stand on the right side of ``against``.

    >>> metric(0.7996, "1", against=0.8), metric(0.8004, "1", side="down", against=0.8), metric(None, "1")
    ('79.96%', '80.04%', '–')
    """
    if value is None:
        return NOTHING
    if unit == "points":
        return count(round(value), of=of)
    start = decimals(points) + 2 if unit == "1" else 3
    digits = start
    while against is not None and digits < MOST_DIGITS and _order(_rounded(value, digits, side), against) != _order(value, against):
        digits += 1
    return percent(value, side=side, digits=digits - 2, of=of) if unit == "1" else radius(value, side=side, digits=digits, of=of)


def required(value: float, unit: Unit, *, of: str = "") -> str:
    """A required value exactly as it was declared, in its unit.

    >>> required(0.8, "1"), required(0.3, "input"), required(5, "points")
    ('80%', '0.3', '5')
    """
    return traced(f"{plain(100 * value)}%" if unit == "1" else plain(value), value, of)


def _order(a: float, b: float) -> int:
    """-1, 0 or 1: how a compares with b; sums of many shares that differ in the last bits are equal."""
    return 0 if isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) else (a > b) - (a < b)


def _rounded(value: float, digits: int, side: Side) -> float:
    match side:
        case "down":
            return round_down(value, digits)
        case "up":
            return round_up(value, digits)
        case "nearest":
            return round(value, digits)
