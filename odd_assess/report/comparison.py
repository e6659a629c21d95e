"""Several runs on the same points and noise as one HTML page that needs nothing else, in the style of the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from odd_assess.audit import Comparison, Difference, Release
from odd_assess.criteria.inference import point_weights, weighted_words
from odd_assess.criteria.metrics import METRICS
from odd_assess.criteria.words import at_least, at_most
from odd_assess.evidence.files import write_whole
from odd_assess.report import palette
from odd_assess.report.html import rendered
from odd_assess.report.view import band, formats, manifest
from odd_assess.report.view.domain import with_unit
from odd_assess.report.view.points import value_text
from odd_assess.report.view.radii import axis
from odd_assess.report.view.records import Cell, Column, ReleasesChart, ShiftChart, Table

TEMPLATE = "compare.html.j2"
MOST_LOST = 300
"""Lost points in the table; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparisonPage:
    """What the page says."""

    title: str
    verdict: str
    reason: str
    runs: Table
    changes: Table
    findings: tuple[tuple[str, str], ...]
    lost: Table | None
    releases: ReleasesChart
    shifts: tuple[ShiftChart, ...]
    band: str
    version: str


def write_comparison(found: Comparison, path: Path | str) -> None:
    """Write the comparison as one page to ``path``; the same runs give the same bytes.

    Raises: RunError when the file cannot be written.
    """
    write_whole(Path(path), comparison_html(comparison_page(found)).encode())


def comparison_page(found: Comparison) -> ComparisonPage:
    """What the page says, every bound rounded to its safe side."""
    first = found.releases[0]
    later = ", ".join(one.name for one in found.releases[1:])
    asked = len(found.findings)
    reason = (
        f"{formats.plural(asked, 'criterion', 'criteria')} on the change against {first.name}, on the same {len(first.assessment.results):,} points and noise."
        if asked
        else f"No criterion on the change against {first.name} was asked; {len(first.assessment.results):,} points, the same noise."
    )
    chart, meaning = _releases(found)
    return ComparisonPage(
        title=f"{later} against {first.name}",
        verdict="" if found.verdict is None else found.verdict.value,
        reason=reason,
        runs=_runs(found),
        changes=_changes(found),
        findings=tuple(
            (f.state.value, f"{one.name}, {f.criterion.id}: {f.message} {f.advice}".rstrip())
            for one, row in zip(found.releases[1:], found.differences, strict=True)
            for difference in row
            for f in difference.findings
        ),
        lost=_lost(found),
        releases=chart,
        shifts=tuple(_shift(first, one) for one in found.releases[1:]),
        band=meaning,
        version=manifest.version(first.assessment.manifest),
    )


def comparison_html(page: ComparisonPage) -> str:
    """The page as HTML."""
    from markupsafe import Markup

    from odd_assess.report import charts

    def drawn(svg: str) -> Any:
        return Markup(palette.for_screen(svg))  # noqa: S704  (matplotlib escapes its text)

    return rendered(
        TEMPLATE,
        page=page,
        releases=drawn(charts.releases(page.releases)),
        shifts=[drawn(charts.shift(chart, number)) for number, chart in enumerate(page.shifts)],
        colours={name: f"var(--{name})" for name in palette.LIGHT},
        light=palette.variables(palette.LIGHT),
        dark=palette.variables(palette.DARK),
    )


def _runs(found: Comparison) -> Table:
    rows = []
    for one in found.releases:
        shown = [Cell(text=_value(q.of, one.shows(q)), value=one.shows(q)) for q in found.quantities]
        state = one.assessment.verdict.value
        rows.append(
            (Cell(text=one.name, mark="strong"), Cell(text=state, state=state), Cell(text=one.model[:12], mark="mono"), *shown)
        )
    columns = [
        Column(title="Run"),
        Column(title="Verdict"),
        Column(title="Model"),
        *(Column(title=q.title, number=True) for q in found.quantities),
    ]
    first = found.releases[0].assessment
    weighted = weighted_words(point_weights(first.spec.sampling, first.spec.domain, first.results))
    return Table(
        id="runs",
        caption="The runs",
        columns=tuple(columns),
        rows=tuple(rows),
        note=f"What certification at this budget shows: plain shares and means over the ODD{weighted}. The verdict is each run's own."
        + (f" {found.budgets}" if found.budgets else "")
        + _noise(found),
    )


def _noise(found: Comparison) -> str:
    """What the runs' noise levels mean for their comparison; empty where they have one."""
    noise = found.releases[0].assessment.noise
    if noise is None:
        return ""
    text = f" Noise levels by {noise.policy.name}: {noise.policy.in_words}. Certificates: {noise.soundness}."
    if noise.policy.name != "cascade":
        text += " Each model has levels of its own: models are compared as they are used, each at its levels."
    return text


def _value(of: str, value: float) -> str:
    return formats.radius(value) if METRICS[of].unit == "input" else formats.percent(value)


def _changes(found: Comparison) -> Table:
    rows = [
        (
            Cell(text=one.name, mark="strong"),
            Cell(text=difference.quantity.title),
            Cell(text=f"{difference.change.lost:,}", value=difference.change.lost),
            Cell(text=f"{difference.change.gained:,}", value=difference.change.gained),
            Cell(text=f"{difference.both:,}", value=difference.both),
            Cell(text=f"{difference.observed:+.3f}", value=difference.observed),
            Cell(text="–" if difference.lower is None else at_least(difference.lower)),
            Cell(text="–" if difference.upper is None else at_most(difference.upper)),
            _state(difference),
        )
        for one, row in zip(found.releases[1:], found.differences, strict=True)
        for difference in row
    ]
    first = found.releases[0].assessment
    weights = point_weights(first.spec.sampling, first.spec.domain, first.results)
    weighted = f" The change is that of the ODD{weighted_words(weights)}." if weighted_words(weights) else ""
    titles = ("Run", "What is compared", "Less at", "More at", "In both", "Change", "At least", "At most", "Criterion")
    return Table(
        id="changes",
        caption=f"Change against {found.releases[0].name}, point by point",
        columns=tuple(Column(title=title, number=2 <= i <= 7) for i, title in enumerate(titles)),
        rows=tuple(rows),
        note=(
            "Numbers of points at which the new run shows less, more, or both show it. Bounds are one-sided, each with the criterion's confidence (95 % where "
            "none asks), and rest on the points that differ; – where the design has no probability model."
            f"{weighted}"
        ),
    )


def _state(difference: Difference) -> Cell:
    if not difference.findings:
        return Cell(text="not asked")
    state = difference.findings[0].state.value
    return Cell(text=state, state=state)


def _lost(found: Comparison) -> Table | None:
    """The points that were lost in the first quantity that is counted."""
    first = found.releases[0].assessment
    attributes = first.spec.domain.attributes
    rows: list[tuple[Cell, ...]] = []
    title, total = "", 0
    for one, row in zip(found.releases[1:], found.differences, strict=True):
        counted = next((difference for difference in row if difference.change.counted), None)
        if counted is None:
            continue
        title, total = counted.quantity.title, total + len(counted.lost)
        for at in counted.lost[: max(0, MOST_LOST - len(rows))].tolist():
            point = first.points[at]
            old, new = (run.results for run in (first, one.assessment))
            rows.append(
                (
                    Cell(text=one.name),
                    Cell(text=str(point.index), value=float(point.index)),
                    Cell(text=_class(one, int(old.label[at]))),
                    _radius(float(np.where(old.correct, old.radius, 0.0)[at])),
                    _radius(float(np.where(new.correct, new.radius, 0.0)[at])),
                    Cell(text=_answer(one, at)),
                    *(Cell(text=value_text(point.values[a.id], getattr(a, "unit", "1"))) for a in attributes),
                )
            )
    if not rows:
        return None
    fixed = (Column(title="Run"), Column(title="Point", number=True), Column(title="True class"))
    radii = (Column(title="Radius before", number=True), Column(title="Radius now", number=True), Column(title="Answer now"))
    return Table(
        id="lost",
        caption=f"Points lost: {title}",
        columns=(*fixed, *radii, *(Column(title=with_unit(a)) for a in attributes)),
        rows=tuple(rows),
        note="" if total <= len(rows) else f"{total - len(rows):,} more are not listed.",
        sortable=True,
    )


def _radius(radius: float) -> Cell:
    return Cell(text=formats.radius(radius), value=radius)


def _class(one: Release, label: int) -> str:
    names = one.assessment.class_names
    return names[label] if label < len(names) else str(label)


def _answer(one: Release, at: int) -> str:
    results = one.assessment.results
    return _class(one, int(results.chosen[at])) if results.certified[at] else "abstained"


def _releases(found: Comparison) -> tuple[ReleasesChart, str]:
    radii = max((axis(one.assessment) for one in found.releases), key=lambda one: float(one[-1]))
    bands = [band.accuracy_band(one.assessment, radii) for one in found.releases]
    return ReleasesChart(
        alt=f"Certified accuracy against radius of {', '.join(one.name for one in found.releases)}",
        radii=radii,
        names=tuple(one.name for one in found.releases),
        certified=tuple(one.certified for one in bands),
        lower=tuple(one.lower for one in bands),
        upper=tuple(one.upper for one in bands),
    ), bands[-1].meaning


def _shift(first: Release, one: Release) -> ShiftChart:
    old, new = (np.where(run.assessment.results.correct, run.assessment.results.radius, 0.0) for run in (first, one))
    return ShiftChart(
        alt=f"Certified radius of each point: {one.name} against {first.name}",
        old=old,
        new=new,
        old_name=first.name,
        new_name=one.name,
    )
