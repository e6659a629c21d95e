"""Results per level of each attribute, and per pair of levels: which conditions are weak, and how far levels are apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from odd_assess.criteria import certified_at
from odd_assess.criteria.fragility import CONFIDENCE, PairMap, Sampled, pair_maps
from odd_assess.odd.attributes import Attribute
from odd_assess.odd.domain import Domain
from odd_assess.records import Assessment
from odd_assess.report.view import formats, weighing
from odd_assess.report.view.domain import level_name, with_unit
from odd_assess.report.view.extremes import at, radii_asked
from odd_assess.report.view.groups import (
    TOGETHER,
    bounds_column,
    bounds_source,
    interval,
    level_cell,
    number_columns,
    numbers,
    steady,
)
from odd_assess.report.view.judged import bounds_by_part, level_difference
from odd_assess.report.view.records import Cell, Column, Table
from odd_assess.report.view.traced import quoted

MOST_LEVELS = 24
"""Levels of one attribute in the table; beyond, the attribute is left out and said to be."""

MOST_MAPS = 6
"""Pairs of attributes that have a map, the most telling first."""

MOST_IN_MAP = 12
"""Levels of an attribute up to which a map can be read."""

STRENGTHS = (0.9, 0.75, 0.5, 0.25)
"""Shares below which a field of a map is drawn stronger by a step."""


def _divided(domain: Domain) -> list[Attribute]:
    return [attribute for attribute in domain.attributes if 1 < len(attribute.levels) <= MOST_LEVELS]


def by_level(assessment: Assessment) -> Table | None:
    """One line for each level of each attribute that has several; None where none has."""
    domain, results, asked = assessment.spec.domain, assessment.results, radii_asked(assessment)
    weights, rows, bounded = weighing.weights(assessment), [], False
    for attribute in _divided(domain):
        place = domain.attributes.index(attribute)
        of_odd = np.bincount(domain.layout.levels[:, place], weights=domain.layout.weight, minlength=len(attribute.levels))
        bounds = bounds_by_part(assessment, "each_level", attribute.id, steady(asked))
        bounded = bounded or bool(bounds)
        for number, level in enumerate(attribute.levels):
            if not of_odd[number] > 0:
                continue
            inside = results.level[:, place] == number
            name, its = level_name(level.name, attribute), f"levels/{place}.{number}"
            found = numbers(
                results.take(inside), weights[inside], asked, its, shows=f"l{place}.{number}", told=f"{with_unit(attribute)} {name}"
            )
            rows.append(
                (
                    Cell(text=with_unit(attribute)),
                    level_cell(attribute, place, number),
                    Cell(text=formats.percent(float(of_odd[number]), of=f"{its}/weight"), value=float(of_odd[number])),
                    *found,
                    interval(bounds.get(f"{attribute.id} {level.name}"), bounds_source(its, asked)),
                )
            )
    if not rows:
        return None
    left = [attribute.id for attribute in domain.attributes if len(attribute.levels) > MOST_LEVELS]
    return Table(
        id="levels-table",
        caption="Results per level of each attribute",
        columns=(
            Column(title="Attribute"),
            Column(title="Level"),
            Column(title="Share of the ODD", number=True),
            *number_columns(asked),
            *bounds_column(steady(asked), stated=bounded),
        ),
        rows=tuple(row if bounded else row[:-1] for row in rows),
        note="Certified at r: share (number) of the level's points certified for the true class with radius r or more. "
        + weighing.beside(assessment)
        + TOGETHER.format(parts="levels of one attribute") * bounded
        + (
            f"More than {formats.count(MOST_LEVELS, of='method/most levels')} levels, left out here: {formats.listed(left)}."
            if left
            else ""
        ),
        sortable=True,
    )


def apart(assessment: Assessment) -> Table | None:
    """How far the best and the worst level of each attribute are apart; None where no attribute has two levels with points."""
    domain, results = assessment.spec.domain, assessment.results
    radius, weights = steady(radii_asked(assessment)), weighing.weights(assessment)
    held, rows = certified_at(results, radius), []
    for attribute in _divided(domain):
        place = domain.attributes.index(attribute)
        column, its = results.level[:, place], f"attributes/{place}/apart@{radius:.12g}"
        visited = np.unique(column).tolist()
        if len(visited) < 2:
            continue
        shares = {level: weighing.share(held[column == level], weights[column == level]) for level in visited}
        best, worst = max(visited, key=lambda level: shares[level]), min(visited, key=lambda level: shares[level])
        found = level_difference(assessment, attribute.id, radius)
        rows.append(
            (
                Cell(text=with_unit(attribute), mark="strong"),
                *(replace(level_cell(attribute, place, level), value=None) for level in (best, worst)),
                Cell(
                    text=formats.percent(shares[best] - shares[worst], of=f"{its}/difference"), value=shares[best] - shares[worst]
                ),
                _bound(found.lower, "down", f"{its}/lower"),
                _bound(found.upper, "up", f"{its}/upper"),
            )
        )
    if not rows:
        return None
    level = formats.percent(CONFIDENCE, digits=0, of="method/confidence")
    return Table(
        id="apart-table",
        caption=f"Robustness bias: certified accuracy at {formats.plain(radius, of='asked/steady')} in the best and in the worst level",
        columns=tuple(
            Column(title=title, number=place > 2)
            for place, title in enumerate(("Attribute", "Best level", "Worst level", "Difference", "At least", "At most"))
        ),
        rows=tuple(sorted(rows, key=lambda row: -(row[3].value or 0.0))),
        note=f"In percentage points. The {level} bounds of the largest difference between any two levels of the attribute, for each attribute on its own.",
        headed=True,
    )


def _bound(value: float | None, side: formats.Side, of: str) -> Cell:
    return Cell(text=formats.NOTHING) if value is None else Cell(text=formats.percent(value, side=side, of=of), value=value)


def pairs(assessment: Assessment) -> tuple[Table, ...]:
    """Maps of certified accuracy over pairs of attributes, the most telling first; none where no two attributes are divided."""
    results, domain = assessment.results, assessment.spec.domain
    radius = steady(radii_asked(assessment))
    sampled = Sampled(domain=domain, sampling=assessment.spec.sampling, points=results, coverage=assessment.coverage)
    held = certified_at(results, radius)
    found = [pair for pair in pair_maps(held.astype(np.float64), sampled) if max(pair.mean.shape) <= MOST_IN_MAP]
    return tuple(_map(assessment, pair, number, radius) for number, pair in enumerate(found[:MOST_MAPS], start=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """The attribute on one side of a map: its place in the domain, the places of its feasible levels and their names."""

    attribute: Attribute
    place: int
    levels: tuple[int, ...]
    names: tuple[str, ...]


def _side(domain: Domain, name: str, levels: tuple[str, ...]) -> _Side:
    attribute = domain.attribute(name)
    known = [level.name for level in attribute.levels]
    return _Side(
        attribute=attribute,
        place=domain.attributes.index(attribute),
        levels=tuple(known.index(level) for level in levels),
        names=tuple(level_name(level, attribute) for level in levels),
    )


def _map(assessment: Assessment, pair: PairMap, number: int, radius: float) -> Table:
    """One map as a table: the longer attribute in the rows, fields stronger where less is certified."""
    domain = assessment.spec.domain
    first, second = (_side(domain, name, levels) for name, levels in zip(pair.attributes, pair.levels, strict=True))
    mean, points = pair.mean, pair.points
    if len(first.names) < len(second.names):
        first, second, mean, points = second, first, mean.T, points.T
    rows = tuple(
        (
            Cell(text=_named(first, i)),
            *(_field(float(mean[i, j]), int(points[i, j]), radius, (first, i), (second, j)) for j in range(len(second.names))),
        )
        for i in range(len(first.names))
    )
    return Table(
        id=f"pair-{number}-table",
        caption=f"{with_unit(first.attribute)} against {with_unit(second.attribute)}: certified at {formats.plain(radius, of='asked/steady')}",
        columns=(
            Column(title=f"{with_unit(first.attribute)}"),
            *(Column(title=_named(second, j), number=True) for j in range(len(second.names))),
        ),
        rows=rows,
        headed=True,
    )


def _named(side: _Side, number: int) -> str:
    return quoted(side.names[number], f"levels/{side.place}.{side.levels[number]}/short")


def _field(share: float, points: int, radius: float, row: tuple[_Side, int], column: tuple[_Side, int]) -> Cell:
    if points < 0:
        return Cell(text="excluded", mark="heat infeasible")
    if points == 0:
        return Cell(text="no point", mark="heat gap")
    sides = [(side, side.levels[number], side.names[number]) for side, number in (row, column)]
    its = "pairs/" + ",".join(f"{side.place}.{level}" for side, level, _ in sides)
    told = formats.percent(share, digits=0, of=f"{its}/{at(radius)}/share")
    return Cell(
        text=f"{told} of {formats.count(points, of=f'{its}/points')}",
        value=share,
        mark=f"heat heat-{sum(share < bar for bar in STRENGTHS)}",
        shows=" ".join(f"l{side.place}.{level}" for side, level, _ in sides),
        told=" and ".join(f"{with_unit(side.attribute)} {name}" for side, _, name in sides),
    )


def pairs_note(assessment: Assessment) -> str:
    """What the maps show."""
    weighted = "" if weighing.alike(assessment) else ", weighted by the share of the ODD that each point stands for,"
    steps = ", ".join(formats.percent(bar, digits=0, of=f"method/strengths/{k}") for k, bar in enumerate(STRENGTHS, start=1))
    return (
        f"Each field: the share of its points that are certified for the true class{weighted} and the number of its points. Fields are drawn stronger below "
        f"{steps}. These are shares of what was sampled, without bounds: a field with few points may look weak, or strong, by chance. "
        "The most telling pair comes first."
    )
