"""Certified accuracy against radius, and which points are limited by the budget and which by the model."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import numpy as np

from odd_assess.criteria import certified_at, refuted_at
from odd_assess.criteria.point_states import largest_label_radius
from odd_assess.records import Assessment, Bools, Floats, Results
from odd_assess.report.view import formats, levels, weighing
from odd_assess.report.view.accuracy_loss import expected_accuracy
from odd_assess.report.view.band import Band, accuracy_band
from odd_assess.report.view.budgets import asked_in_words, cap_label, draws_in_words, is_sequential, largest_cap
from odd_assess.report.view.extremes import at, radii_asked
from odd_assess.report.view.records import (
    AccuracyChart,
    AccuracyView,
    Cell,
    Column,
    StatesChart,
    StatesView,
    Table,
)
from odd_assess.report.view.traced import quoted

STEPS = 160
"""Radii at which the curves are evaluated."""


def accuracy(assessment: Assessment) -> AccuracyView:
    """The curve of certified accuracy, its band, and the numbers at the radii that the criteria ask for."""
    asked, radii = radii_asked(assessment), axis(assessment)
    band = accuracy_band(assessment, radii)
    table = _accuracy_table(assessment, asked)
    reference = _reference_curve(assessment, assessment.reference, radii)
    m, n = len(assessment.results), draws_in_words(assessment.results)
    chart = AccuracyChart(
        alt=f"Certified accuracy falls from {formats.percent(float(band.certified[0]))} at radius 0 to 0 beyond the cap of {n} draws. "
        f"The table below gives the numbers at the radii asked for.",
        radii=radii,
        certified=band.certified,
        lower=band.lower,
        upper=band.upper,
        run_label=f"this run: n = {n}, {formats.plural(m, 'point', of='points')}",
        cap=largest_cap(assessment),
        cap_label=cap_label(assessment),
        band_label=band.label,
        reference=reference,
        reference_label=_reference_label(assessment),
        same=None if reference is None else _reference_curve(assessment, _same_points(assessment), radii),
        same_label=f"the same {formats.plural(len(_same_points(assessment)), 'point', of='reference/points')} at n = {n}{_alone(assessment)}",
        expected=expected_accuracy(_before(assessment), radii) if assessment.reduction.predicted is not None else None,
        expected_label=f"expected at n = {formats.count(assessment.reduction.n_ref, of='reduction/n_ref')}{_alone(assessment)}",
        marks=_marks(assessment),
    )
    return AccuracyView(chart=chart, caption=_accuracy_caption(assessment, band), table=table)


def states(assessment: Assessment) -> StatesView:
    """For each radius: points that are certified, refuted (no budget would help) and undecided (more draws would tell)."""
    radii, results = axis(assessment), assessment.results
    held = [certified_at(results, radius) for radius in radii]
    weights = weighing.weights(assessment)
    certified = np.array([weighing.share(one, weights) for one in held])
    limit, cascade = largest_label_radius(results), levels.is_cascade(assessment)
    refuted = np.array([weighing.share((limit < radius) & ~one, weights) for one, radius in zip(held, radii, strict=True)])
    chart = StatesChart(
        alt=f"Shares of the {'points' if weighing.alike(assessment) else 'ODD'} that are certified, undecided and refuted, by the radius asked for. The table "
        "gives the numbers.",
        share_label=f"share of the {'points' if weighing.alike(assessment) else 'ODD'}",
        radii=radii,
        certified=certified,
        undecided=np.clip(1 - certified - refuted, 0, 1),
        undecided_label="undecided" if cascade else "undecided: budget-limited",
        refuted=refuted,
        cap=largest_cap(assessment),
        cap_label=cap_label(assessment),
    )
    refutes = (
        "It is refuted if another class is certified: the model must change. (No upper bound on the radius of a cascade is known.)"
        if cascade
        else "It is refuted if the upper bound on the true class's votes shows that no number of draws would certify r, or if another class is certified: the "
        "model must change."
    )
    caption = (
        f"A point is certified at r if its certified radius reaches r for the true class. {refutes} "
        + (
            "Else it is undecided: more draws may show more, or the model must change."
            if cascade
            else "Else it is undecided: more draws would tell."
        )
        + (
            " What the memory took is undecided too, although more draws would not give it back."
            if levels.remembers(assessment)
            else ""
        )
        + (f" {_stopped(assessment)}" if is_sequential(assessment) else "")
    )
    columns = ("Radius", "Certified", "Undecided" if cascade else "Undecided (budget-limited)", "Refuted (model-limited)")
    table = Table(
        id="states-table",
        caption="Points by what limits them",
        columns=tuple(Column(title=title, number=True) for title in columns),
        rows=tuple(_states_row(results, weights, radius, k) for k, radius in enumerate(radii_asked(assessment), start=1)),
        note=weighing.beside(assessment).strip(),
    )
    return StatesView(chart=chart, caption=caption, table=table)


# ---------------------------------------------------------------- certified accuracy


def axis(assessment: Assessment) -> Floats:
    """Radii from 0 to just beyond anything that is drawn."""
    largest = [largest_cap(assessment), *radii_asked(assessment)]
    if assessment.reference is not None:
        largest.append(float(assessment.reference.radius.max(initial=0.0)))
    top = 1.06 * max(largest)
    return np.linspace(0.0, ceil(20 * top) / 20, STEPS + 1)


def _reference_curve(assessment: Assessment, reference: Results | None, radii: Floats) -> Floats | None:
    if reference is None or not len(reference):
        return None
    weights = weighing.weights(assessment, reference)
    return np.array([weighing.share(certified_at(reference, radius), weights) for radius in radii])


def _same_points(assessment: Assessment) -> Results:
    """The results of this run for the points of the reference subsample, each alone as the reference is."""
    results, reference = levels.alone(assessment), assessment.reference
    return results.take(
        np.isin(results.index, reference.index) if reference is not None else np.zeros(len(results), dtype=np.bool_)
    )


def _before(assessment: Assessment) -> Assessment:
    return replace(assessment, results=levels.alone(assessment))


def _alone(assessment: Assessment) -> str:
    return ", before the memory" if levels.remembers(assessment) else ""


def _reference_label(assessment: Assessment) -> str:
    if assessment.reference is None or not len(assessment.reference):
        return ""
    return f"reference: n = {draws_in_words(assessment.reference, of='reference')}, {formats.plural(len(assessment.reference), 'point', of='reference/points')}"


def _marks(assessment: Assessment) -> tuple[tuple[float, float, str], ...]:
    criteria = [finding.criterion for finding in assessment.findings]
    shares = [
        (c.radius, c.required, _mark(c.id, c.required, f"findings/{k}", "required"))
        for k, c in enumerate(criteria, start=1)
        if c.metric == "certified_accuracy" and c.scope == "odd" and c.radius is not None
    ]
    shares += [
        (c.required, 1 - c.quantile, _mark(c.id, 1 - c.quantile, f"findings/{k}", "reaching"))
        for k, c in enumerate(criteria, start=1)
        if c.metric == "radius_quantile" and c.quantile is not None
    ]
    return tuple(shares)


def _mark(name: str, share: float, of: str, what: str) -> str:
    return f"{quoted(name, f'{of}/id')} ≥ {formats.required(share, '1', of=f'{of}/{what}')}"


def _accuracy_caption(assessment: Assessment, band: Band) -> str:
    text = (
        "Share of the ODD where the smoothed classifier gives the true class everywhere within the radius. Triangles: required by the criteria. "
        f"{band.meaning}"
    )
    if assessment.reduction.predicted is not None:
        text += (
            f" Thin blue: the share expected at {formats.count(assessment.reduction.n_ref, of='reduction/n_ref')} draws, given the counts of this "
            f"run{_alone(assessment)}; an estimate for the points, without a band."
        )
    if is_sequential(assessment):
        text += f" {_stopped(assessment)}"
    if assessment.reference is not None and len(assessment.reference):
        text += (
            f" Orange: the {formats.plural(len(assessment.reference), 'point', of='reference/points')} of the reference subsample at "
            f"{draws_in_words(assessment.reference, of='reference')} draws (dashed) and at the draws of this run (dotted){_alone(assessment)}. "
            "The distance between these two is what the small budget cost them; no band is stated for so few points."
        )
    return text


def _stopped(assessment: Assessment) -> str:
    return (
        f"Draws stopped at each point once the radii that the criteria ask for ({asked_in_words(assessment)}) were decided: at larger radii this run shows "
        "less than a full budget would, by choice."
    )


def _accuracy_table(assessment: Assessment, asked: tuple[float, ...]) -> Table:
    radii = np.array(sorted({0.0, *asked}))
    band, m = accuracy_band(assessment, radii), len(assessment.results)
    reference = assessment.reference
    rows = []
    for row, radius in enumerate(radii):
        certified = float(band.certified[row])
        line = [
            Cell(text=formats.plain(float(radius), of=f"asked/0/{row}"), value=float(radius)),
            Cell(text=formats.percent(certified, digits=formats.decimals(m), of=f"all/{at(radius)}/share"), value=certified),
        ]
        if band.lower is not None and band.upper is not None:
            its = f"band@{radius:.12g}"
            line += [
                Cell(text=formats.percent(float(band.lower[row]), side="down", of=f"{its}/lower"), value=float(band.lower[row]))
            ]
            line += [Cell(text=formats.percent(float(band.upper[row]), side="up", of=f"{its}/upper"), value=float(band.upper[row]))]
        if reference is not None and len(reference):
            weights = weighing.weights(assessment, reference)
            share = weighing.share(certified_at(reference, float(radius)), weights)
            digits = formats.decimals(len(reference))
            line.append(Cell(text=formats.percent(share, digits=digits, of=f"reference/{at(radius)}/share"), value=share))
            share = weighing.share(certified_at(_same_points(assessment), float(radius)), weights)
            line.append(Cell(text=formats.percent(share, digits=digits, of=f"same/{at(radius)}/share"), value=share))
        rows.append(tuple(line))
    titles = ["Radius", "Certified"]
    titles += [f"Lower bound {band.level}", f"Upper bound {band.level}"] if band.lower is not None else []
    if reference is not None and len(reference):
        titles += [
            f"{formats.plural(len(reference), 'point', of='reference/points')} at {draws_in_words(reference, of='reference')} draws",
            f"The same at {draws_in_words(assessment.results)}{_alone(assessment)}",
        ]
    return Table(
        id="accuracy-table",
        caption="Certified accuracy at the radii asked for",
        columns=tuple(Column(title=title, number=True) for title in titles),
        rows=tuple(rows),
    )


def _states_row(results: Results, weights: Floats, radius: float, place: int) -> tuple[Cell, ...]:
    certified, open_ = certified_at(results, radius), ~refuted_at(results, radius)

    def share(mask: Bools, state: str) -> Cell:
        hits, its = int(mask.sum()), f"all/{state}@{radius:.12g}"
        return Cell(
            text=f"{formats.percent(weighing.share(mask, weights), digits=formats.decimals(len(results)), of=f'{its}/share')} "
            f"({formats.count(hits, of=f'{its}/count')})",
            value=float(hits),
        )

    return (
        Cell(text=formats.plain(radius, of=f"asked/{place}"), value=radius),
        share(certified, "certified"),
        share(open_ & ~certified, "undecided"),
        share(~open_, "refuted"),
    )
