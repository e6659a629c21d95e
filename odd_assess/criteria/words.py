"""How findings write numbers: lower bounds rounded down, upper bounds up, counts with thousands separators."""

from __future__ import annotations

import math

from odd_assess.criteria.metrics import METRICS
from odd_assess.records import Criterion
from odd_assess.stats import round_down, round_up


def at_least(x: float) -> str:
    """A lower bound, three decimals, rounded down."""
    return f"{round_down(x, 3):.3f}"


def at_most(x: float) -> str:
    """An upper bound, three decimals, rounded up."""
    return f"{round_up(x, 3):.3f}"


def about(count: float) -> str:
    """A count to two significant digits, rounded up."""
    step = 10 ** max(0, math.floor(math.log10(count)) - 1)
    return f"{math.ceil(count / step) * step:,}"


def off(bias: float) -> str:
    """By how much an estimate is off on average, three decimals: "0.021 too high"."""
    if round(abs(bias), 3) == 0:
        return "neither too high nor too low"
    return f"{abs(bias):.3f} too {'high' if bias > 0 else 'low'}"


def percent(fraction: float) -> str:
    """A confidence."""
    return f"{round(100 * fraction, 6):g} %"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


PARTS = {"each_cell": ("cell", "cells"), "each_level": ("level", "levels"), "each_class": ("class", "classes")}
"""One and many of the parts that a scope speaks of."""


def has_parts(criterion: Criterion) -> bool:
    """Whether the criterion speaks of cells, levels or classes."""
    return criterion.scope != "odd" or criterion.attribute is not None


def part_noun(criterion: Criterion) -> tuple[str, str]:
    """One and many of the parts that the criterion speaks of."""
    return PARTS.get(criterion.scope, PARTS["each_level"])  # over the whole ODD only differences between levels have parts


def of_parts(criterion: Criterion) -> str:
    """The part that the criterion speaks of: " of the worst level of surface"; empty over the whole ODD."""
    if criterion.scope == "odd":
        return "" if criterion.attribute is None else f" of {criterion.attribute}"
    attribute = "" if criterion.attribute is None else f" of {criterion.attribute}"
    return f" of the worst {part_noun(criterion)[0]}{attribute}"


def subject(criterion: Criterion) -> str:
    """What the criterion speaks of: "Certified accuracy at radius 0.25 of the worst cell"."""
    radius = "" if criterion.radius is None else f" at radius {criterion.radius:g}"
    quantile = "" if criterion.quantile is None else f" at {percent(criterion.quantile)}"
    if criterion.of is not None:
        return f"Change of {METRICS[criterion.of].title.lower()}{radius} against the baseline"
    where = "" if criterion.where is None else criterion.where.words
    return f"{METRICS[criterion.metric].title}{quantile}{radius}{of_parts(criterion)}{where}"


def required(criterion: Criterion) -> str:
    """The requirement: "required >= 0.8"."""
    return f"required {criterion.comparator} {criterion.required:g}"


def listed(names: list[str], most: int = 3) -> str:
    """The first few names: "a; b; c and 4 more"."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + rest
