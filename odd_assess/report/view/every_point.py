"""Every point in one table, the weakest first, found from the tables and maps that count it; and what became of the points in all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from odd_assess.odd.attributes import Attribute
from odd_assess.records import Assessment, Bools, Ints
from odd_assess.report.view import formats, levels, weighing
from odd_assess.report.view.domain import unit_of, with_unit
from odd_assess.report.view.extremes import radii_asked
from odd_assess.report.view.points import value_text
from odd_assess.report.view.radii import axis
from odd_assess.report.view.records import Cell, Column, OutcomesView, RadiiChart, Table

MOST_POINTS = 1_500
"""Points that the page lists, the weakest first, so that it can be handed round; the evidence file holds all."""

MOST_VALUES = 8
"""Attributes whose values stand in the table; of more of them the cell is named instead."""

PRINTED = 40
"""Points that the table has on paper."""

BINS = 24
"""Classes of the histogram of radii."""

RIGHT, WRONG, NONE = "certified", "wrong", "abstained"
"""Outcomes of a point: certified for its true class, certified for another one, not certified at all."""


def outcome(assessment: Assessment) -> dict[str, Bools]:
    """Which points (m,) had which outcome."""
    results = assessment.results
    wrong = results.certified & (results.chosen != results.label)
    return {RIGHT: results.correct, WRONG: wrong, NONE: ~results.certified}


def points(assessment: Assessment) -> Table:
    """One line for each point: its condition, the outcome and the counts that it rests on."""
    results, names, domain = assessment.results, assessment.class_names, assessment.spec.domain
    order = _weakest_first(assessment)[:MOST_POINTS]
    found = outcome(assessment)
    word_of = [next(word for word, rows in found.items() if rows[row]) for row in order]
    valued, several = len(domain.attributes) <= MOST_VALUES, levels.differ(assessment)
    rows = []
    for row, word in zip(order.tolist(), word_of, strict=True):
        point = assessment.points[row]
        where = (
            tuple(_value(point.values[attribute.id]) for attribute in domain.attributes)
            if valued
            else (Cell(text=domain.cells[int(results.cell[row])].name),)
        )
        rows.append(
            (
                Cell(text=str(int(results.index[row])), value=float(results.index[row])),
                *where,
                Cell(text=names[int(results.label[row])]),
                Cell(text=names[int(results.chosen[row])], mark="" if results.chosen[row] == results.label[row] else "gap"),
                Cell(text=word, mark="whole" if word == RIGHT else "gap whole"),
                Cell(
                    text=formats.radius(float(results.radius[row])) if results.certified[row] else formats.NOTHING,
                    value=float(results.radius[row]),
                ),
                _votes(int(results.hits[row]), int(results.n[row]), f"points/{int(results.index[row])}"),
                Cell(text=formats.radius(float(results.p_a_lower[row]), digits=4), value=float(results.p_a_lower[row])),
                *((Cell(text=levels.level(float(results.sigma[row])), value=float(results.sigma[row])),) if several else ()),
                Cell(text="yes" if results.clean[row] == results.label[row] else "no"),
            )
        )
    conditions = tuple(_column(attribute) for attribute in domain.attributes) if valued else (Column(title="Cell", source="cell"),)
    left = len(results) - len(rows)
    return Table(
        id="points-table",
        caption="Every point, the weakest first"
        if not left
        else f"The {formats.count(len(rows), of='tables/points')} weakest points",
        columns=(
            Column(title="Point", number=True, source="index"),
            *conditions,
            Column(title="True class", source="label"),
            Column(title="Chosen class", source="chosen"),
            Column(title="Outcome"),
            Column(title="Radius", number=True, source="radius"),
            Column(title="Votes", number=True),
            Column(title="Lower bound", number=True, source="p_a_lower"),
            *((Column(title="Noise σ", number=True, source="sigma"),) if several else ()),
            Column(title="Right without noise"),
        ),
        rows=tuple(rows),
        sources=tuple(f"points/{int(results.index[row])}" for row in order.tolist()),
        keys=tuple(_key(assessment, row, word) for row, word in zip(order.tolist(), word_of, strict=True)),
        note="Votes: noisy copies that gave the answer, of those drawn. Lower bound: of the probability of the answer under noise; the radius follows from it. "
        "An abstained point has no radius: 0 stands in its place in every mean."
        + (
            f" {formats.plural(left, 'further point', of='tables/points/unlisted')}, all stronger, in the evidence file."
            if left
            else ""
        ),
        sortable=True,
    )


def printed(table: Table) -> Table:
    """The table of points as paper has it: the weakest of them, and where the others are."""
    if len(table.rows) <= PRINTED:
        return table
    return replace(
        table,
        caption=f"The {PRINTED} weakest points",
        rows=table.rows[:PRINTED],
        keys=table.keys[:PRINTED],
        sources=table.sources[:PRINTED],
        note=f"{table.note} Points that are not printed stand in report.html, and with their counts in evidence.json, which is attached.",
    )


def _weakest_first(assessment: Assessment) -> Ints:
    """Rows by outcome (wrong, abstained, certified), then by radius (wrong: the largest first), then by votes."""
    results, found = assessment.results, outcome(assessment)
    rank = np.select([found[WRONG], found[NONE]], [0, 1], 2)
    radius = np.where(found[WRONG], -results.radius, results.radius)
    return np.lexsort((results.index, results.hits / np.maximum(results.n, 1), radius, rank))


def _key(assessment: Assessment, row: int, word: str) -> str:
    """The words by which a point is found: its cell, the level of each attribute, its class and outcome."""
    results = assessment.results
    of_levels = " ".join(f"l{place}.{level}" for place, level in enumerate(results.level[row].tolist()))
    return f"c{int(results.cell[row])} y{int(results.label[row])} {word} {of_levels}"


def _column(attribute: Attribute) -> Column:
    number = bool(unit_of(attribute)) or hasattr(attribute, "low")
    return Column(title=with_unit(attribute), number=number, source=f"values/{attribute.id}")


def _value(value: bool | str | float) -> Cell:
    text = value_text(value, "1")
    return Cell(text=text) if isinstance(value, bool | str) else Cell(text=text, value=float(value))


def _votes(hits: int, n: int, of: str) -> Cell:
    return Cell(text=f"{formats.count(hits, of=f'{of}/hits')} of {formats.count(n, of=f'{of}/n')}", value=hits / n if n else 0.0)


def outcomes(assessment: Assessment) -> OutcomesView:
    """How many points are certified, wrong and abstained, with the draws and the noise that it took, and the histogram of radii."""
    results, weights = assessment.results, weighing.weights(assessment)
    told = {
        RIGHT: "Certified for the true class",
        WRONG: "Certified for another class: wrong, and stable in it",
        NONE: "Abstained: no class shown to have more than half of the noisy copies",
    }
    rows = [
        (
            Cell(text=told[word]),
            Cell(
                text=formats.count(int(inside.sum()), of=f"outcomes/{word}/points"),
                value=float(inside.sum()),
                shows=word if inside.any() else "",
                told=f"outcome: {word}",
            ),
            Cell(
                text=formats.percent(
                    weighing.share(inside, weights), digits=formats.decimals(len(results)), of=f"outcomes/{word}/weight"
                ),
                value=weighing.share(inside, weights),
            ),
            *_spent(assessment, inside, f"outcomes/{word}"),
        )
        for word, inside in outcome(assessment).items()
    ]
    return OutcomesView(
        table=Table(
            id="outcomes-table",
            caption="What became of the points, with the draws and the noise used",
            columns=(
                Column(title="Outcome"),
                *(
                    Column(title=title, number=True)
                    for title in ("Points", "Share", "Draws to choose", "Draws to bound", "Noise σ", "Median radius")
                ),
            ),
            rows=tuple(rows),
            note=weighing.beside(assessment).strip(),
        ),
        radii=_histogram(assessment),
        radii_caption="Points by the radius that is certified for their true class. "
        "A point that abstains, or is certified for another class, has none and stands on the left. Lines: radii that criteria ask for.",
    )


def _spent(assessment: Assessment, inside: Bools, of: str) -> tuple[Cell, ...]:
    results = assessment.results
    if not inside.any():
        return (Cell(text=formats.NOTHING),) * 4
    middle = float(np.median(results.radius[inside]))
    return (
        _range(results.n0[inside], f"{of}/n0"),
        _range(results.n[inside], f"{of}/n"),
        Cell(text=levels.range_in_words(results.take(inside), of=of)),
        Cell(text=formats.radius(middle, of=f"{of}/radius/median"), value=middle)
        if results.certified[inside].any()
        else Cell(text=formats.NOTHING),
    )


def _range(draws: Ints, of: str) -> Cell:
    low, high = int(draws.min()), int(draws.max())
    least, most = formats.count(low, of=f"{of}/min"), formats.count(high, of=f"{of}/max")
    return Cell(text=most if low == high else f"{least} to {most}", value=float(draws.sum()))


def _histogram(assessment: Assessment) -> RadiiChart:
    results = assessment.results
    edges = np.linspace(0.0, float(axis(assessment)[-1]), BINS + 1)
    counts, _ = np.histogram(results.radius[results.correct], bins=edges)
    none = int((~results.correct).sum())
    return RadiiChart(
        alt=f"Histogram of the certified radii of {formats.plural(int(results.correct.sum()), 'point')}; {formats.plural(none, 'point')} "
        f"{'has' if none == 1 else 'have'} none. The table of points gives each.",
        edges=edges,
        counts=counts.astype(np.int64),
        none=none,
        none_label=f"no radius: {formats.count(none, of='outcomes/without')}",
        marks=tuple(
            (radius, f"asked {formats.plain(radius, of=f'asked/{k}')}")
            for k, radius in enumerate(radii_asked(assessment), start=1)
            if radius > 0
        ),
    )
