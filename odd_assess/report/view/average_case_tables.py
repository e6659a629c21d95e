"""The numbers of the section on average-case robustness: agreement with the certificates, what is called robust, and estimates by part of the ODD."""

from __future__ import annotations

from collections.abc import Mapping

from odd_assess.criteria import certified_at
from odd_assess.criteria.calibration import RESAMPLES, Calibration, Correlation, called_robust
from odd_assess.criteria.fragility import CONFIDENCE, Fragility, PartEstimate, Sampled
from odd_assess.criteria.parts import Partition
from odd_assess.records import Assessment, Bools, Part, PointEstimates
from odd_assess.report.view import formats
from odd_assess.report.view.extremes import radii_asked
from odd_assess.report.view.judged import bounds_by_part
from odd_assess.report.view.records import Cell, Column, Table
from odd_assess.report.view.traced import number, quoted

WEAKEST_CELLS = 10
"""Cells that are listed, those with the lowest mean estimate."""
MOST_ROWS = 60
"""Rows of a table of levels or classes, those with the lowest mean estimate first."""


# ---------------------------------------------------------------- beside the certificates


def correlation_in_words(found: Correlation | None, of: str) -> str:
    """A rank correlation with its interval: "0.82 (95% interval 0.78 to 0.86)"; ``of``: its source."""
    if found is None:
        return formats.NOTHING
    value = _signed(found.value, of=f"{of}/value")
    if found.lower is None or found.upper is None:
        return value
    level = formats.percent(CONFIDENCE, digits=0, of="method/confidence")
    return f"{value} ({level} interval {_signed(found.lower, of=f'{of}/low end')} to {_signed(found.upper, of=f'{of}/high end')})"


def agreement(assessment: Assessment, found: PointEstimates, beside: Calibration) -> Table:
    """How the estimates agree with the certificates of the same points."""
    m = int(beside.same.sum())
    rows = [
        _row(
            "Points that can be compared",
            f"{formats.count(m, of='estimates/compared')} of {formats.count(len(found), of='points')}",
            m,
        )
    ]
    if m:
        depth = f", by up to {formats.radius(beside.deepest, side='up', of='estimates/deepest')}" if beside.too_low else ""
        rows += [
            _row(
                "Estimates below the certified lower bound",
                f"{formats.count(beside.too_low, of='estimates/too_low')}{depth}",
                beside.too_low,
            ),
            _row(
                "Rank correlation with the certified lower bound",
                correlation_in_words(beside.with_bound, "estimates/with_bound"),
                _value(beside.with_bound),
            ),
            _row(
                "Rank correlation with the certified radius",
                correlation_in_words(beside.with_radius, "estimates/with_radius"),
                _value(beside.with_radius),
            ),
        ]
    if beside.bias is not None and beside.error is not None:
        rows += [
            _row(
                "Mean difference from the share of the draws",
                _signed(beside.bias, digits=3, of="estimates/bias of draws"),
                beside.bias,
            ),
            _row(
                "Mean absolute difference from it",
                number(f"{beside.error:.3f}", beside.error, "estimates/error of draws"),
                beside.error,
            ),
        ]
    stopped = (
        " Where draws stop when decided their shares are biased, so that they are not compared."
        if assessment.results.anytime.any()
        else ""
    )
    return Table(
        id="agreement-table",
        caption="Agreement with the certificates",
        columns=(Column(title="At the points of this run"), Column(title="Found", number=True)),
        rows=tuple(rows),
        note="Spearman's rank correlation: 1 where both order the points alike, 0 where one says nothing of the other; the interval is a seeded bootstrap of "
        f"{formats.count(RESAMPLES, of='method/resamples')} resamples. These are descriptions of the points at hand.{stopped}",
    )


def robust(assessment: Assessment, found: PointEstimates) -> Table | None:
    """What the estimates call robust beside what is certified, at each radius asked for; None where nothing can be refuted, or compared."""
    rows, sources = [], []
    for radius in (radius for radius in radii_asked(assessment) if radius > 0):
        told = called_robust(assessment.results, found, radius)
        if told is None or not sum((told.certified, told.undecided, told.refuted, told.missed, told.neither)):
            return None
        counts = (told.certified, told.undecided, told.refuted, told.missed, told.neither)
        sources.append(f"estimates/robust@{radius:.12g}")
        rows.append((Cell(text=formats.plain(radius), value=radius), *(Cell(text=formats.count(one), value=one) for one in counts)))
    if not rows:
        return None
    titles = {
        "Radius": "radius",
        "Called robust, certified": "certified",
        "Called robust, undecided: short of draws": "undecided",
        "Called robust, refuted: estimate too high": "refuted",
        "Not called robust, certified": "missed",
        "Neither": "neither",
    }
    return Table(
        id="robust-table",
        caption="What the estimates call robust, and what is certified",
        columns=tuple(Column(title=title, number=True, source=source) for title, source in titles.items()),
        rows=tuple(rows),
        sources=tuple(sources),
        note="Points whose answer is right without noise and where estimate and certificate speak of the same class and noise level. A point is called robust "
        "at a radius where its estimate reaches the probability that a certified radius of that size needs.",
    )


def _row(name: str, text: str, value: float | None) -> tuple[Cell, Cell]:
    return Cell(text=name), Cell(text=text, value=value)


def _value(found: Correlation | None) -> float | None:
    return None if found is None else found.value


def _signed(value: float, *, of: str, digits: int = 2) -> str:
    text = f"{value:+.{digits}f}" if digits > 2 else f"{value:.{digits}f}"
    return number(text.replace("-", "−"), value, of)


# ---------------------------------------------------------------- by part of the ODD


def parts(assessment: Assessment, found: Fragility) -> tuple[Table, ...]:
    """Estimates by level of each attribute, by class and in the weakest cells, beside certified accuracy there."""
    domain, results = assessment.spec.domain, assessment.results
    sampled = Sampled(domain=domain, sampling=assessment.spec.sampling, points=results, coverage=assessment.coverage)
    radius = next((one for one in radii_asked(assessment) if one > 0), 0.0)
    held = certified_at(results, radius)
    several = [attribute.id for attribute in domain.attributes if len(found.levels[attribute.id]) > 1]
    levels = [
        row
        for name in several
        for row in _lines(
            assessment,
            sampled,
            found.levels[name],
            sampled.levels(name),
            held,
            bounds_by_part(assessment, "each_level", name, radius),
            f"estimates/levels/{name}",
        )
    ]
    tables = [_table("levels", "Estimates by level of each attribute", radius, tuple(levels[:MOST_ROWS]), len(levels))]
    if len(found.classes) > 1:
        partition = sampled.classes(results.label, assessment.class_names)
        judged = bounds_by_part(assessment, "each_class", None, radius)
        rows = _lines(assessment, sampled, found.classes, partition, held, judged, "estimates/classes")
        tables.append(_table("classes", "Estimates by true class, weakest first", radius, _weakest(rows)[:MOST_ROWS], len(rows)))
    if len(found.cells) > 2:
        judged = bounds_by_part(assessment, "each_cell", None, radius)
        rows = _lines(assessment, sampled, found.cells, sampled.cells(), held, judged, "estimates/cells")
        visited = [row for row in rows if row[2].value is not None]
        tables.append(
            _table("cells", "Cells with the lowest estimates", radius, _weakest(visited)[:WEAKEST_CELLS], len(found.cells))
        )
    return tuple(table for table in tables if table.rows)


Line = tuple[Cell, ...]


def _lines(
    assessment: Assessment,
    sampled: Sampled,
    estimates: tuple[PartEstimate, ...],
    partition: Partition,
    held: Bools,
    judged: Mapping[str, Part],
    of: str,
) -> list[Line]:
    """A line for each part: its points, estimate, interval, accuracy without noise, certified accuracy and its bounds; ``of``: their source."""
    results, lines = assessment.results, list[Line]()
    clean = results.clean == results.label
    for place, one in enumerate(estimates):
        inside = partition.inside(place)
        weights = sampled.weights[inside]
        digits = formats.decimals(one.points)
        part, its = judged.get(one.name), f"{of}/{place}"
        lines.append(
            (
                Cell(text=quoted(one.name, f"{its}/name")),
                Cell(text=formats.count(one.points, of=f"{its}/points"), value=one.points),
                _share(one.mean, 1, f"{its}/mean"),
                _interval(one.lower, one.upper, its),
                _share(float(weights @ clean[inside] / weights.sum()) if one.points else None, digits, f"{its}/clean"),
                _share(float(weights @ held[inside] / weights.sum()) if one.points else None, digits, f"{its}/certified"),
                Cell(text=formats.NOTHING) if part is None else _interval(part.lower, part.upper, f"{its}/bounds"),
            )
        )
    return lines


def _weakest(rows: list[Line]) -> tuple[Line, ...]:
    return tuple(sorted(rows, key=lambda row: (row[2].value is None, row[2].value or 0.0, -(row[1].value or 0.0))))


def _share(value: float | None, digits: int, of: str) -> Cell:
    return Cell(text=formats.NOTHING) if value is None else Cell(text=formats.percent(value, digits=digits, of=of), value=value)


def _interval(lower: float | None, upper: float | None, of: str) -> Cell:
    if lower is None or upper is None:
        return Cell(text=formats.NOTHING)
    low, high = formats.percent(lower, side="down", of=f"{of}/lower"), formats.percent(upper, side="up", of=f"{of}/upper")
    return Cell(text=f"{low} to {high}", value=lower)


def _table(kind: str, caption: str, radius: float, rows: tuple[Line, ...], count: int) -> Table:
    level = formats.percent(CONFIDENCE, digits=0, of="method/confidence")
    listed, all_ = formats.count(len(rows), of=f"method/rows/{kind}"), formats.count(count, of=f"estimates/{kind}")
    left = f" {listed} of {all_} are listed." if len(rows) < count else ""
    return Table(
        id=f"estimates-{kind}-table",
        caption=caption,
        columns=(
            Column(title={"levels": "Level", "classes": "Class", "cells": "Cell"}[kind]),
            Column(title="Points", number=True),
            Column(title="Mean estimate", number=True),
            Column(title=f"{level} interval", number=True),
            Column(title="Right without noise", number=True),
            Column(title=f"Certified at {formats.plain(radius, of='asked/steady')}", number=True),
            Column(title=f"{level} bounds", number=True),
        ),
        rows=rows,
        note=f"The intervals of the estimates tell what the sampling leaves open, not what the estimator errs by. They hold together within "
        f"{'an attribute' if kind == 'levels' else 'this partition'}, and so do the bounds on certified accuracy.{left}",
        sortable=kind != "levels",
    )
