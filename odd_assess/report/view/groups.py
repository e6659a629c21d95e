"""Results per cell of the ODD and per class: where it is weak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from odd_assess.criteria import certified_at
from odd_assess.criteria.fragility import CONFIDENCE
from odd_assess.odd.attributes import Attribute
from odd_assess.odd.domain import Domain
from odd_assess.records import Assessment, Bools, Floats, Part, Results
from odd_assess.report.view import formats, levels, weighing
from odd_assess.report.view.domain import level_name, unbroken, with_unit
from odd_assess.report.view.extremes import at, radii_asked
from odd_assess.report.view.findings import WORST_FIRST, name_of
from odd_assess.report.view.judged import bounds_by_part
from odd_assess.report.view.records import Cell, Column, Table
from odd_assess.report.view.traced import number, quoted

MOST_ATTRIBUTES = 6
"""Up to so many attributes a cell's levels have a column each; beyond that the cell is named in one."""

MOST_BOUNDED = 2_000
"""Cells up to which bounds are stated for each: with more of them, none would say anything."""

TOGETHER = "The bounds hold for all {parts} at once, so that the weakest may be picked from them. "
"""Below bounds of parts."""

MOST_ROWS = 150
"""Rows of a table of cells or classes; the weakest come first, the rest is counted."""


def cells(assessment: Assessment) -> Table:
    """One line for every cell, the weakest first, the cells without a point last."""
    domain, results, asked = assessment.spec.domain, assessment.results, radii_asked(assessment)
    judged = [finding for finding in assessment.findings if finding.criterion.scope == "each_cell" and finding.parts]
    bounded = {} if judged or len(domain.cells) > MOST_BOUNDED else bounds_by_part(assessment, "each_cell", None, steady(asked))
    parts = [{part.name: part for part in finding.parts} for finding in judged]
    named = range(len(domain.attributes)) if len(domain.attributes) <= MOST_ATTRIBUTES else None
    sigmas = None if assessment.noise is None or not assessment.noise.cells else dict(assessment.noise.cells)
    visited, ranked = np.unique(results.cell).tolist(), assessment.spec.sampling.ranked is not None
    weights = (
        weighing.weights(assessment) if ranked else np.ones(len(results))
    )  # within a cell all other designs weigh points alike
    rows = []
    for index in visited:
        inside, told = results.cell == index, [part.get(domain.cells[index].name) for part in parts]
        found, weight = results.take(inside), weights[inside]
        line = _line(domain, index, named, found, weight, asked, told, sigmas)
        line = (*line, interval(bounded.get(domain.cells[index].name), bounds_source(f"cells/{index}", asked))) if bounded else line
        rows.append((_rank(found, weight, asked[0], told), line))
    rows.sort(key=lambda row: row[0])
    empty = sorted(set(range(len(domain.cells))) - set(visited), key=lambda index: -domain.cells[index].weight)
    lines = [line for _, line in rows]
    for index in empty[: max(0, MOST_ROWS - len(lines))]:
        told = [part.get(domain.cells[index].name) for part in parts]
        line = _line(domain, index, named, results.take(np.arange(0)), np.ones(0), asked, told, sigmas)
        lines.append((*line, Cell(text=formats.NOTHING)) if bounded else line)
    names = ("Cell",) if named is None else tuple(with_unit(domain.attributes[i]) for i in named)
    titles = [title for finding in judged for title in (name_of(assessment, finding), "Bounds")]
    return Table(
        id="cells-table",
        caption=f"Results per cell of the ODD, {'worst state' if judged else 'weakest'} first",
        columns=(
            *(Column(title=name) for name in names),
            Column(title="Weight", number=True),
            *((Column(title="Noise σ", number=True),) if sigmas is not None else ()),
            *number_columns(asked),
            *(Column(title=title, number=title == "Bounds") for title in titles),
            *bounds_column(steady(asked), stated=bool(bounded)),
        ),
        rows=tuple(lines[:MOST_ROWS]),
        note=_note(
            len(domain.cells),
            "cell",
            f"{formats.plural(len(empty), 'feasible cell', of='cells/unvisited')} without a point. " * bool(empty)
            + "The bounds of each cell hold for all cells at once; what decides the criterion is sharper bounds of the worst cell. "
            * bool(judged)
            + TOGETHER.format(parts="cells") * bool(bounded)
            + weighing.beside(assessment) * ranked,
        ),
        sortable=True,
    )


def _line(
    domain: Domain,
    index: int,
    named: range | None,
    results: Results,
    weight: Floats,
    asked: Sequence[float],
    parts: Sequence[Part | None],
    sigmas: Mapping[str, float] | None,
) -> tuple[Cell, ...]:
    """A cell's line: its levels (or its name), weight, noise level where it has its own, numbers, and what per-cell criteria say of it."""
    cell = domain.cells[index]
    its = f"cells/{index}"
    name = (
        (Cell(text=quoted(cell.name, f"{its}/name")),)
        if named is None
        else tuple(level_cell(domain.attributes[i], i, cell.levels[i]) for i in named)
    )
    of_odd = Cell(text=formats.percent(cell.weight, of=f"{its}/weight"), value=cell.weight)
    noise = () if sigmas is None else (_sigma(sigmas.get(cell.name), f"{its}/noise"),)
    return (
        *name,
        of_odd,
        *noise,
        *numbers(results, weight, asked, its, shows=f"c{index}", told=f"cell {cell.name}"),
        *(told for number, part in enumerate(parts, start=1) for told in _judged(part, f"{its}/judged/{number}")),
    )


def bounds_source(its: str, asked: Sequence[float]) -> str:
    """The source of the bounds of the part ``its``."""
    return f"{its}/bounds@{steady(asked):.12g}"


def _sigma(sigma: float | None, of: str) -> Cell:
    return Cell(text=formats.NOTHING) if sigma is None else Cell(text=levels.level(sigma, of=of), value=sigma)


def level_cell(attribute: Attribute, place: int, level: int) -> Cell:
    """The name of a level of the attribute in that place, sorted as the attribute declares its levels."""
    name = level_name(attribute.levels[level].name, attribute)
    return Cell(text=quoted(name, f"levels/{place}.{level}/short"), value=float(level), mark=unbroken(name))


def _rank(results: Results, weight: Floats, radius: float, parts: Sequence[Part | None]) -> tuple[bool, int, float, float]:
    """Weakest first: cells with points, by the worst state found for them, then by certified accuracy and mean radius."""
    if not len(results):
        return (True, 0, 0.0, 0.0)
    state = min((WORST_FIRST.index(part.state) for part in parts if part is not None), default=0)
    return (
        False,
        state,
        weighing.share(certified_at(results, radius), weight),
        weighing.mean(np.where(results.correct, results.radius, 0.0), weight),
    )


def _judged(part: Part | None, of: str) -> tuple[Cell, Cell]:
    """A cell's state under a per-cell criterion, and its bounds."""
    if part is None:
        return Cell(text=formats.NOTHING), Cell(text=formats.NOTHING)
    state = Cell(text=part.state.value, state=part.state.value, value=float(WORST_FIRST.index(part.state)))
    return state, interval(part, of)


def classes(assessment: Assessment) -> Table:
    """One line for every class, the weakest first."""
    results, asked, names = assessment.results, radii_asked(assessment), assessment.class_names
    weights, rows = weighing.weights(assessment), []
    bounded = bounds_by_part(assessment, "each_class", None, steady(asked)) if len(set(names)) == len(names) else {}
    for label in np.unique(results.label):
        inside = results.label == label
        of_class, weight = results.take(inside), weights[inside]
        name = names[int(label)]
        its = f"classes/{label}"
        found = numbers(of_class, weight, asked, its, shows=f"y{label}", told=f"true class {name}")
        bounds = (interval(bounded.get(name), bounds_source(its, asked)),) if bounded else ()
        rows.append((Cell(text=quoted(name, f"{its}/name")), *found, *bounds, _confused(of_class, weight, names, its)))
    rows.sort(key=lambda row: (row[2].value or 0.0, -(row[1].value or 0.0)))
    absent = len(names) - len(rows)
    return Table(
        id="classes-table",
        caption="Results per true class, weakest first",
        columns=(
            Column(title="Class"),
            *number_columns(asked),
            *bounds_column(steady(asked), stated=bool(bounded)),
            Column(title="Most often taken for"),
        ),
        rows=tuple(rows[:MOST_ROWS]),
        note=_note(
            len(rows),
            "class",
            weighing.beside(assessment)
            + TOGETHER.format(parts="classes") * bool(bounded)
            + "Most often taken for: the class that was chosen most often under noise in place of the true one (points). "
            + f"{formats.plural(absent, 'class', 'classes', of='classes/absent')} without a point." * bool(absent),
        ),
        sortable=True,
    )


def steady(asked: Sequence[float]) -> float:
    """The radius that bounds by part are stated at: the smallest above 0 that is asked for."""
    return next((radius for radius in asked if radius > 0), 0.0)


def bounds_column(radius: float, *, stated: bool) -> tuple[Column, ...]:
    """The heading over the bounds of parts; none where none are stated."""
    level = formats.percent(CONFIDENCE, digits=0, of="method/confidence")
    return (Column(title=f"{level} bounds at {formats.plain(radius, of='asked/steady')}", number=True),) if stated else ()


def interval(part: Part | None, of: str) -> Cell:
    """The bounds of one part, rounded to their safe sides; ``of``: their source."""
    if part is None or part.lower is None or part.upper is None:
        return Cell(text=formats.NOTHING)
    low = formats.percent(part.lower, side="down", of=f"{of}/lower")
    return Cell(text=f"{low} to {formats.percent(part.upper, side='up', of=f'{of}/upper')}", value=part.lower)


def number_columns(asked: Sequence[float]) -> tuple[Column, ...]:
    """The headings over `numbers`."""
    certified = (
        Column(title=f"Certified at {formats.plain(radius, of=f'asked/{k}')}", number=True)
        for k, radius in enumerate(asked, start=1)
    )
    return (
        Column(title="Points", number=True),
        *certified,
        Column(title="Mean radius", number=True),
        Column(title="Abstained", number=True),
        Column(title="Right without noise", number=True),
    )


def numbers(
    results: Results, weights: Floats, asked: Sequence[float], of: str, *, shows: str = "", told: str = ""
) -> tuple[Cell, ...]:
    """A line's numbers, of points that count ``weights`` (n,), with their source ``of`` and what leads to these points."""
    points = len(results)
    if not points:
        nothing = (Cell(text=formats.NOTHING),) * (len(asked) + 3)
        return (Cell(text=formats.count(0, of=f"{of}/points"), value=0, mark="gap"), *nothing)
    mean = weighing.mean(np.where(results.correct, results.radius, 0.0), weights)
    abstained = int((~results.certified).sum())
    return (
        Cell(text=formats.count(points, of=f"{of}/points"), value=points, shows=shows, told=told),
        *(_share(certified_at(results, radius), weights, f"{of}/{at(radius)}") for radius in asked),
        Cell(text=formats.radius(mean, of=f"{of}/mean radius"), value=mean),
        Cell(text=formats.count(abstained, of=f"{of}/abstained"), value=abstained),
        _share(results.clean == results.label, weights, f"{of}/clean"),
    )


def _share(held: Bools, weights: Floats, of: str) -> Cell:
    share = weighing.share(held, weights)
    told, points = formats.percent(share, digits=0, of=f"{of}/share"), int(held.sum())
    return Cell(text=f"{told} ({number(str(points), points, f'{of}/count')})", value=share)


def _confused(results: Results, weights: Floats, names: Sequence[str], of: str) -> Cell:
    """The wrong class that was chosen most often by weight, and at how many points."""
    missed = results.chosen != results.label
    if not missed.any():
        return Cell(text=formats.NOTHING)
    classes_, place, counts = np.unique(results.chosen[missed], return_inverse=True, return_counts=True)
    worst = int(np.argmax(np.bincount(place, weights=weights[missed])))
    name = quoted(names[int(classes_[worst])], f"{of}/confused/name")
    return Cell(
        text=f"{name} ({number(str(counts[worst]), float(counts[worst]), f'{of}/confused/count')})", value=float(counts[worst])
    )


def _note(rows: int, noun: str, empty: str) -> str:
    left = rows - MOST_ROWS
    more = (
        f"{formats.count(left, of=f'tables/{noun}/unlisted')} of {formats.count(rows, of=f'tables/{noun}')} lines are left out here; the evidence "
        f"file holds them. "
        if left > 0
        else ""
    )
    return (
        f"{more}Certified at r: share (number) of the {noun}'s points certified for the true class with radius r or more. "
        f"Mean radius counts 0 where the true class is not certified. {empty}"
    ).strip()
