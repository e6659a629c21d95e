"""Attributes with a range: the attribute itself, its distribution, its buckets."""

from __future__ import annotations

import csv
from functools import partial
from io import StringIO
from itertools import pairwise
from math import isclose, isnan, nan
from typing import cast

from odd_assess.odd.attributes import (
    Attribute,
    Continuous,
    Empirical,
    Integer,
    LogUniform,
    TruncatedNormal,
    Uniform,
)
from odd_assess.odd.catalogue import TRANSFORMS
from odd_assess.odd.ranges import Interval
from odd_assess.odd.units import dimension
from odd_assess.spec import models
from odd_assess.spec.files import content_of, existing_file
from odd_assess.spec.place import Place
from odd_assess.spec.quantities import amount, closed_range, converted, same_dimension, span
from odd_assess.spec.validation import validated
from odd_assess.spec.words import did_you_mean, listed, one_of, shortened, shown


def numeric(place: Place, name: str, entry: models.Attribute) -> Attribute | None:
    """The attribute of an entry with a range; None (and problems) where something in it is wrong."""
    if entry.ordered:
        place.add("is for attributes with values, not for a range", "ordered", key=True)
        return None
    ends = place.attempt(partial(closed_range, entry.range or ""), "range")
    if ends is None or not _within_transform(place, entry, *ends):
        return None
    low, high, unit = ends
    distribution = _distribution(place, entry, low, high, unit)
    good = entry.type != "integer" or _fits_integer(place, entry, low, high)
    buckets = _buckets(place, entry, low, high, unit) if entry.buckets is not None else None
    if not good or distribution is None or (buckets is None and entry.buckets is not None):
        return None
    if entry.type != "integer":
        return place.attempt(
            partial(Continuous, id=name, low=low, high=high, unit=unit, distribution=distribution, buckets=buckets)
        )
    return place.attempt(partial(Integer, id=name, low=int(low), high=int(high), unit=unit, buckets=buckets))


def _fits_integer(place: Place, entry: models.Attribute, low: float, high: float) -> bool:
    """Whether the range and the kind of distribution are ones of whole numbers; a word that is no kind at all is refused elsewhere."""
    whole = low.is_integer() and high.is_integer()
    if not whole:
        place.add(f"of type integer must have whole ends, found {shown(entry.range)}", "range")
    data = cast("object", entry.distribution)
    uniform = data != "loguniform" and not (isinstance(data, dict) and ("normal" in data or "empirical" in data))
    if not uniform:
        place.add("must be uniform for type integer", "distribution")
    return whole and uniform


def _within_transform(place: Place, entry: models.Attribute, low: float, high: float, unit: str) -> bool:
    """Whether the transform that is named takes this unit and the whole of this range."""
    realise = cast("object", entry.realise)
    info = TRANSFORMS.get(str(realise.get("transform"))) if isinstance(realise, dict) else None
    if info is None:
        return True
    if dimension(unit) != dimension(info.unit):
        found = "no unit" if unit == "1" else f"{unit}, a unit of {dimension(unit)}"
        wanted = same_dimension(info.unit) if info.unit != "1" else "none: a plain number, or %"
        place.add(f"must carry a unit that {info.name} takes ({wanted}), found {found}", "range")
        return False
    ends = place.attempt(partial(converted, Interval(low=low, high=high), unit, info.unit), "range")
    if ends is None:
        return False
    slack = 1e-9 * (info.valid[1] - info.valid[0])
    if ends.low < info.valid[0] - slack or ends.high > info.valid[1] + slack:
        found = span(ends.low, ends.high, info.unit)
        place.add(f"must lie in {span(*info.valid, info.unit)}, what {info.name} can do, found {found}", "range")
        return False
    return True


def _buckets(place: Place, entry: models.Attribute, low: float, high: float, unit: str) -> tuple[float, ...] | None:
    found = [place.attempt(partial(amount, edge, unit), "buckets", i) for i, edge in enumerate(entry.buckets or ())]
    edges = [edge for edge in found if edge is not None]
    if len(edges) < len(found):
        return None
    if any(after <= before for before, after in pairwise(edges)):
        place.add(f"must rise from edge to edge, found {_numbers(edges)}", "buckets")
        return None
    if not (isclose(edges[0], low, rel_tol=1e-12) and isclose(edges[-1], high, rel_tol=1e-12)):
        place.add(f"must start at {low:g} and end at {high:g}, the ends of the range, found {_numbers(edges)}", "buckets")
        return None
    return (low, *edges[1:-1], high)


def _distribution(
    place: Place, entry: models.Attribute, low: float, high: float, unit: str
) -> Uniform | LogUniform | TruncatedNormal | Empirical | None:
    data = cast("object", entry.distribution)
    here = (*place.path, "distribution")
    if data is None or data == "uniform":
        return Uniform()
    if data == "loguniform":
        if low <= 0:
            place.add(f"loguniform needs a range above 0, found {shown(entry.range)}", "distribution")
            return None
        return LogUniform()
    if isinstance(data, dict) and "normal" in data:
        whole = validated(place.document, here, models.NormalDistribution, {**data, "normal": {"mean": 0, "std": 1}})
        normal = validated(place.document, (*here, "normal"), models.Normal, data["normal"])
        return _normal(place, normal, unit) if normal is not None and whole is not None else None
    if isinstance(data, dict) and "empirical" in data:
        measured = validated(place.document, here, models.EmpiricalDistribution, data)
        return _empirical(place, measured, low, high) if measured is not None else None
    words = ("uniform", "loguniform", "{normal: {mean: ..., std: ...}}", "{empirical: file.csv, column: ...}")
    guess = next(iter(data), "") if isinstance(data, dict) else data
    hint = did_you_mean(guess, ("uniform", "loguniform", "normal", "empirical"))
    place.add(f"must be one of {listed(words)}, found {shown(data)}{hint}", "distribution")
    return None


def _normal(place: Place, normal: models.Normal, unit: str) -> TruncatedNormal | None:
    mean = place.attempt(partial(amount, normal.mean, unit), "distribution", "normal", "mean")
    std = place.attempt(partial(amount, normal.std, unit, difference=True), "distribution", "normal", "std")
    if mean is None or std is None:
        return None
    if std <= 0:
        place.add(f"must be > 0, found {shown(normal.std)}", "distribution", "normal", "std")
        return None
    return place.attempt(partial(TruncatedNormal, mean=mean, std=std), "distribution")


def _empirical(place: Place, measured: models.EmpiricalDistribution, low: float, high: float) -> Empirical | None:
    file = existing_file(place.document, (*place.path, "distribution", "empirical"), measured.empirical)
    if file is None:
        return None
    try:
        text = content_of(place.document, "numbers", measured.empirical, file).decode("utf-8-sig")
        reader = csv.reader(StringIO(text, newline=""))
        header = next(reader, [])
        rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, ValueError, csv.Error) as error:
        place.add(
            f"must be a CSV file with a header line and one value a line: {shortened(str(error))}", "distribution", "empirical"
        )
        return None
    column = measured.column or (header[0] if len(header) == 1 else None)
    if column is None or column not in header:
        message = one_of(column, header) if column else f"is required: the file has the columns {listed(header)}"
        place.add(message, "distribution", "column")
        return None
    index = header.index(column)
    texts = [(line, row[index] if index < len(row) else "") for line, row in rows]
    values = [_number(text) for _, text in texts]
    bad = [place_text for place_text, value in zip(texts, values, strict=True) if not low <= value <= high]
    if bad or not values:
        found = f"{_misfit(*bad[0])} ({len(bad)} {'line does' if len(bad) == 1 else 'lines do'} not fit)" if bad else "no values"
        place.add(f"column {column!r} must hold numbers in [{low:g} .. {high:g}]: {found}", "distribution", "empirical")
        return None
    return place.attempt(partial(Empirical, values=tuple(values)), "distribution")


def _misfit(line: int, text: str) -> str:
    """What a line holds that is no number, or one that lies outside the range."""
    if isnan(_number(text)):
        return f"line {line} holds {shown(text)}"
    return f"line {line} holds {shortened(text.strip())}, which lies outside the range"


def _number(text: str) -> float:
    """The number in a cell of a table; NaN, which lies in no range, for anything else."""
    try:
        return float(text)
    except ValueError:
        return nan


def _numbers(values: list[float]) -> str:
    return f"[{listed(f'{value:g}' for value in values)}]"
