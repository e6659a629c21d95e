"""A sampled condition of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Value = float | int | str | bool
"""The value of one ODD attribute: a number in the attribute's own unit, or a label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddPoint:
    """One sampled condition inside the ODD.

    ``values`` holds every realisable attribute. ``cell`` indexes ``Domain.cells``. ``frame`` is the row of the table that the
    point was drawn from, where points are drawn among existing frames.
    """

    index: int
    values: Mapping[str, Value]
    cell: int
    frame: int | None = None
