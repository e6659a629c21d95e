"""A screening as one HTML page that needs nothing else, in the style of the report."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from odd_assess.criteria.fragility import PairMap, PartEstimate, leading
from odd_assess.criteria.words import about, off
from odd_assess.evidence.screening import ALLOCATION_CSV, SCREENING_CSV, Screening, class_name, listed_parts
from odd_assess.odd.attributes import Attribute
from odd_assess.report import palette
from odd_assess.report.html import rendered
from odd_assess.report.view import formats
from odd_assess.report.view.domain import level_name, with_unit
from odd_assess.report.view.points import value_text
from odd_assess.report.view.records import (
    Cell,
    CheckChart,
    Column,
    EstimatesChart,
    Fact,
    HeatChart,
    PartMark,
    PartsChart,
    Table,
)

TEMPLATE = "screening.html.j2"
MOST_MAPS = 3
"""Heat maps, the most telling pairs of attributes."""
MOST_IN_MAP = 12
"""Levels of an attribute up to which a heat map can be read."""
MOST_MARKS = 16
"""Parts of a group in the chart of parts, the weakest; all are in the table."""
MOST_REGIONS, MOST_CELLS, MOST_WEAK = 40, 150, 30
"""Rows of the tables of regions, cells and points; the rest is counted."""
BINS = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScreeningPage:
    """What the page says."""

    title: str
    value: str
    interval: str
    reason: str
    weakest: str
    warnings: tuple[str, ...]
    facts: tuple[Fact, ...]
    maps: tuple[HeatChart, ...]
    maps_caption: str
    regions: Table | None
    regions_note: str
    parts: PartsChart
    parts_caption: str
    biases: Table | None
    levels: Table
    cells: Table | None
    spread: EstimatesChart
    spread_caption: str
    check: CheckChart | None
    check_words: str
    weak_points: Table
    forecast: tuple[Fact, ...]
    claims: Table | None
    allocation: tuple[Fact, ...]
    allocation_reason: str
    snippet: str
    steps: tuple[str, ...]
    limits: tuple[str, ...]
    run: tuple[Fact, ...]
    version: str


def screening_html(found: Screening, *, allocation: str = ALLOCATION_CSV) -> str:
    """The page as HTML; the same screening gives the same text. ``allocation``: what the spec would call that file, as YAML."""
    from markupsafe import Markup

    from odd_assess.report import charts

    page = screening_page(found, allocation=allocation)

    def drawn(svg: str) -> Any:
        return Markup(palette.for_screen(svg))  # noqa: S704  (matplotlib escapes its text)

    return rendered(
        TEMPLATE,
        page=page,
        maps=[drawn(charts.heat(chart, number)) for number, chart in enumerate(page.maps)],
        parts=drawn(charts.parts(page.parts)),
        spread=drawn(charts.estimated(page.spread)),
        check=None if page.check is None else drawn(charts.checked(page.check)),
        colours={name: f"var(--{name})" for name in palette.LIGHT},
        light=palette.variables(palette.LIGHT),
        dark=palette.variables(palette.DARK),
    )


def screening_page(found: Screening, *, allocation: str = ALLOCATION_CSV) -> ScreeningPage:
    """What the page says; bounds are rounded to their safe side."""
    whole, confidence = found.fragility.whole, formats.plain(100 * found.fragility.confidence)
    check, words = _check(found)
    return ScreeningPage(
        title=f"{found.spec.title}: where is it fragile?",
        value=_mean(whole.mean),
        interval=_interval(whole),
        reason=(
            f"is how likely noise of σ = {formats.plain(found.plan.sigma)} leaves the model's answer as it is, on average over the ODD: an estimate from "
            f"{formats.plural(len(found), 'random point')}. The sampling leaves open {_interval(whole)} ({confidence}% interval)."
        ),
        weakest=_weakest(found),
        warnings=found.warnings,
        facts=_facts(found),
        maps=tuple(_map(found, pair) for pair in _told_maps(found)),
        maps_caption=(
            "The number in a field is the mean estimate, below it the points. The redder, the more fragile; framed: weaker than the ODD as a whole "
            f"({confidence}% confidence, all framed fields together)."
            f"{' Hatched: excluded from the ODD.' if any((pair.points < 0).any() for pair in _told_maps(found)) else ''}"
        ),
        regions=_regions(found),
        regions_note=(
            f"With {confidence}% confidence every region in this table is weaker than the ODD as a whole. "
            "One that lies within another may owe its place to that."
            if found.regions
            else f"No level, pair of levels or cell is shown to be weaker than the ODD as a whole. {more_points(found)}".strip()
        ),
        parts=_parts(found),
        parts_caption=(
            "Diamonds: weaker than the ODD as a whole. The bars are intervals for what the sampling leaves open; those of one attribute, or of all classes, "
            f"hold together with {confidence}% confidence."
        ),
        biases=_biases(found),
        levels=_levels(found),
        cells=_cells(found),
        spread=_spread(found),
        spread_caption=(
            f"{formats.plural(int((found.estimates.value < 0.5).sum()), 'point')} of {len(found):,} are estimated below 0.5: "
            "if they are right, noise changes the answer there more often than not."
        ),
        check=check,
        check_words=words,
        weak_points=_weak_points(found),
        forecast=_forecast(found),
        claims=_claims(found),
        allocation=_allocation(found),
        allocation_reason=found.forecast.allocation_reason,
        snippet=_snippet(found, allocation),
        steps=steps(found.spec.path.name, allocated=found.allocated),
        limits=_limits(found),
        run=_run(found),
        version=found.version,
    )


def _mean(value: float | None) -> str:
    return formats.NOTHING if value is None else f"{value:.3f}"


def _interval(part: PartEstimate) -> str:
    if part.lower is None or part.upper is None:
        return "no interval"
    return f"{formats.round_down(part.lower, 3):.3f} to {formats.round_up(part.upper, 3):.3f}"


def _weakest(found: Screening) -> str:
    region = leading(found.regions)
    told = [] if region is None else [f"Weakest region: {_named(region.estimate, _conditions(found, region.levels))}."]
    weak = [part for part in found.fragility.classes if _is_weak(found, part)]
    if weak:
        worst = min(weak, key=lambda part: part.mean or 0.0)
        told.append(f"Weakest class: {_named(worst, worst.name)}.")
    return " ".join(told) or "Nothing stands out: no region and no class is shown to be weaker than the ODD as a whole."


def _named(part: PartEstimate, name: str) -> str:
    return f"{name}, {_mean(part.mean)} ({_interval(part)})"


def _facts(found: Screening) -> tuple[Fact, ...]:
    check = found.check
    checked = "not checked" if check is None else f"{off(check.bias.mean)} on average"
    return (
        Fact(name="Method", text=found.plan.words),
        Fact(name="Against Monte Carlo", text=checked),
        Fact(name="Right without noise", text=formats.percent(float(found.correct.mean()))),
        Fact(name="Time", text=f"{found.seconds.get('estimates', 0.0):.0f} s on {found.device}"),
    )


def more_points(found: Screening) -> str:
    """That more points may tell, and about how many; empty where a region stands out, or where no number of points would be likely to show one."""
    if found.more_points is None:
        return ""
    points, part = found.more_points
    return (
        f"More points would tell more: about {about(points)} (--points) would show that {part.name} is weaker, if it is as weak as it looks here. That is a "
        "rough number."
    )


def steps(spec: str, *, allocated: bool) -> tuple[str, ...]:
    """The commands after a screening; ``spec``: the spec's file as a shell is given it, the first of all its words."""
    edit = (f"edit {spec}: put the line with the allocation in place of its sampling",) if allocated else ()
    quoted = shlex.quote(spec)
    return (*edit, f"odd-assess lint {quoted}", f"odd-assess lock {quoted}", f"odd-assess run {quoted}")


# ---------------------------------------------------------------- maps and regions


def _told_maps(found: Screening) -> list[PairMap]:
    small = [pair for pair in found.pairs if max(pair.mean.shape) <= MOST_IN_MAP]
    return small[:MOST_MAPS]


def _map(found: Screening, pair: PairMap) -> HeatChart:
    first, second = (found.spec.domain.attribute(name) for name in pair.attributes)
    by_row = len(pair.levels[0]) >= len(pair.levels[1])
    rows, columns = (first, second) if by_row else (second, first)
    levels = pair.levels if by_row else pair.levels[::-1]
    mean, points = (pair.mean, pair.points) if by_row else (pair.mean.T, pair.points.T)
    weak = {frozenset(region.levels) for region in found.regions}
    means = np.concatenate([one.mean[np.isfinite(one.mean)] for one in found.pairs])
    return HeatChart(
        alt=f"Mean estimate by {rows.id} and {columns.id}",
        row_name=with_unit(rows),
        column_name=with_unit(columns),
        rows=tuple(level_name(name, rows) for name in levels[0]),
        columns=tuple(level_name(name, columns) for name in levels[1]),
        mean=mean,
        points=points,
        weak=np.array([[frozenset({(rows.id, row), (columns.id, column)}) in weak for column in levels[1]] for row in levels[0]]),
        low=float(means.min()),
        high=float(means.max()),
    )


def _regions(found: Screening) -> Table | None:
    if not found.regions:
        return None
    named = [frozenset(region.levels) for region in found.regions]
    rows = []
    for region, own in zip(found.regions[:MOST_REGIONS], named, strict=False):
        widest = min((other for other in named if other < own), key=len, default=None)
        rows.append(
            (
                Cell(text=_conditions(found, region.levels), mark="strong" if widest is None else ""),
                _number(region.estimate.mean),
                _number(region.estimate.lower, "down"),
                _number(region.estimate.upper, "up"),
                Cell(text=f"{region.estimate.points:,}", value=float(region.estimate.points)),
                Cell(text=formats.percent(region.weight), value=region.weight),
                Cell(text=_conditions(found, tuple(widest)) if widest is not None else ""),
            )
        )
    titles = ("Region", "Estimate", "At least", "At most", "Points", "Share of the ODD", "Lies within")
    more = len(found.regions) - len(rows)
    return Table(
        id="regions",
        caption="Regions that are weaker than the ODD as a whole, the weakest first",
        columns=tuple(Column(title=title, number=1 <= i <= 5) for i, title in enumerate(titles)),
        rows=tuple(rows),
        note=f"{more:,} more are in screening.json." if more > 0 else "",
        sortable=True,
    )


def _conditions(found: Screening, levels: Sequence[tuple[str, str]]) -> str:
    """Levels in a few words: "illuminance [20 .. 100) lux, surface clean"."""
    order = [attribute.id for attribute in found.spec.domain.attributes]
    return ", ".join(f"{name.rsplit('.', 1)[-1]} {level}" for name, level in sorted(levels, key=lambda one: order.index(one[0])))


def _number(value: float | None, side: formats.Side = "nearest") -> Cell:
    if value is None:
        return Cell(text=formats.NOTHING)
    shown = formats.round_down(value, 3) if side == "down" else formats.round_up(value, 3) if side == "up" else value
    return Cell(text=f"{shown:.3f}", value=value)


# ---------------------------------------------------------------- levels, classes, cells


def _groups(found: Screening) -> list[tuple[str, str, tuple[PartEstimate, ...]]]:
    """(what they are levels of, the heading, the parts) for each attribute that has several, and the classes."""
    groups = []
    for name, parts in listed_parts(found.fragility).items():
        title = "true class" if name == "class" else with_unit(found.spec.domain.attribute(name))
        groups.append((name, title, parts))
    return groups


def _part_name(found: Screening, of: str, name: str) -> str:
    if of == "class":
        return name
    attribute: Attribute = found.spec.domain.attribute(of)
    return level_name(name.removeprefix(f"{of} "), attribute)


def _is_weak(found: Screening, part: PartEstimate) -> bool:
    least = found.fragility.whole.lower
    return part.upper is not None and least is not None and part.upper < least


def _parts(found: Screening) -> PartsChart:
    groups = []
    for of, title, parts in _groups(found):
        shown, heading = list(parts), title
        if len(shown) > MOST_MARKS:
            shown = sorted((part for part in shown if part.mean is not None), key=lambda part: part.mean or 0.0)[:MOST_MARKS]
            heading = f"{title}: the {len(shown)} weakest of {len(parts)}"
        marks = [
            PartMark(
                name=_part_name(found, of, part.name),
                mean=part.mean,
                lower=part.lower,
                upper=part.upper,
                weak=_is_weak(found, part),
            )
            for part in shown
        ]
        groups.append((heading, tuple(marks)))
    whole = found.fragility.whole.mean or 0.0
    return PartsChart(alt="Mean estimate by level and class", groups=tuple(groups), whole=whole, label=f"whole ODD {whole:.3f}")


def _biases(found: Screening) -> Table | None:
    if not found.fragility.biases:
        return None
    rows = [
        (
            Cell(text="true class" if bias.of == "class" else bias.of, mark="strong"),
            Cell(text=_part_name(found, bias.of, bias.best)),
            Cell(text=_part_name(found, bias.of, bias.worst)),
            _number(bias.observed),
            _number(bias.lower, "down"),
            _number(bias.upper, "up"),
        )
        for bias in found.fragility.biases
    ]
    titles = ("Between", "Best", "Worst", "Difference", "At least", "At most")
    return Table(
        id="bias",
        caption="Robustness bias: how far the best and the worst are apart",
        columns=tuple(Column(title=title, number=i > 2) for i, title in enumerate(titles)),
        rows=tuple(rows),
        note=(
            f"The difference observed, and the {formats.plain(100 * found.fragility.confidence)}% interval of the largest difference between two of them, "
            "whichever they are."
        ),
    )


def _levels(found: Screening) -> Table:
    rows = [
        (Cell(text=title), Cell(text=_part_name(found, of, part.name), mark="strong"), *_numbers(part))
        for of, title, parts in _groups(found)
        for part in parts
    ]
    titles = ("Of", "Level or class", "Estimate", "At least", "At most", "Points")
    return Table(
        id="levels",
        caption="Every level and class",
        columns=tuple(Column(title=title, number=i > 1) for i, title in enumerate(titles)),
        rows=tuple(rows),
        sortable=True,
    )


def _numbers(part: PartEstimate) -> tuple[Cell, ...]:
    return (
        _number(part.mean),
        _number(part.lower, "down"),
        _number(part.upper, "up"),
        Cell(text=f"{part.points:,}", value=float(part.points)),
    )


def _cells(found: Screening) -> Table | None:
    parts = [part for part in found.fragility.cells if part.mean is not None]
    if len(found.fragility.cells) < 2:
        return None
    parts.sort(key=lambda part: part.mean or 0.0)
    empty = len(found.fragility.cells) - len(parts)
    notes = [f"{formats.plural(empty, 'cell')} without a point."] if empty else []
    notes += [f"{len(parts) - MOST_CELLS:,} more are in screening.json."] if len(parts) > MOST_CELLS else []
    return Table(
        id="cells",
        caption="Every cell with a point, the weakest first" if len(parts) <= MOST_CELLS else f"The {MOST_CELLS} weakest cells",
        columns=tuple(
            Column(title=title, number=i > 0) for i, title in enumerate(("Cell", "Estimate", "At least", "At most", "Points"))
        ),
        rows=tuple((Cell(text=part.name), *_numbers(part)) for part in parts[:MOST_CELLS]),
        note=" ".join(notes),
        sortable=True,
    )


# ---------------------------------------------------------------- points


def _spread(found: Screening) -> EstimatesChart:
    edges = np.linspace(0.0, 1.0, BINS + 1)
    counts = np.histogram(found.estimates.value, bins=edges)[0].astype(np.int64)
    mean = found.fragility.whole.mean or 0.0
    return EstimatesChart(
        alt="How many points have which estimate", edges=edges, counts=counts, mean=mean, mean_label=f"mean {mean:.3f}"
    )


def _check(found: Screening) -> tuple[CheckChart | None, str]:
    check = found.check
    if check is None:
        return None, "No check against Monte Carlo was asked for (average_case.check: none)."
    ranks = "" if check.correlation is None else f" Rank correlation {check.correlation:.2f}."
    words = (
        f"At {formats.plural(len(check.rows), 'point')} chosen at random the estimate was compared with Monte Carlo of {check.draws:,} draws. On average it is "
        f"{off(check.bias.mean)} (difference {check.bias.lower:+.3f} to {check.bias.upper:+.3f}, Student's 95% interval). "
        f"The mean absolute difference is {check.error.mean:.3f} ({check.error.lower:.3f} to {check.error.upper:.3f}), of which the draws themselves make "
        f"about {check.noise:.3f}.{ranks}{_instead(found)}"
    )
    return (
        CheckChart(
            alt="Estimate against Monte Carlo",
            estimate=found.estimates.value[check.rows],
            monte_carlo=check.value,
            x_label=f"share of {check.draws:,} noisy copies answered alike (Monte Carlo)",
        ),
        words.replace("-0.", "−0."),
    )


def _instead(found: Screening) -> str:
    """That Monte Carlo would have been quicker, where it would."""
    if found.check is None or found.by_draws_s is None:
        return ""
    return (
        f" This model answers so fast that Monte Carlo of {found.check.draws:,} draws at all points would take about {found.by_draws_s:.0f} s "
        f"in place of {found.seconds.get('estimates', 0.0):.0f} s, and err less (--method mc)."
    )


def _weak_points(found: Screening) -> Table:
    attributes = found.spec.domain.attributes
    order = np.argsort(found.estimates.value, kind="stable")[:MOST_WEAK]
    draws = found.forecast.draws if found.forecast.sequential else None
    rows = []
    for at in order.tolist():
        point = found.points[at]
        rows.append(
            (
                Cell(text=str(point.index), value=float(point.index)),
                Cell(text=f"{found.estimates.value[at]:.3f}", value=float(found.estimates.value[at])),
                Cell(text=class_name(found, int(found.label[at]))),
                Cell(
                    text=class_name(found, int(found.estimates.clean[at])),
                    mark="" if found.estimates.clean[at] == found.label[at] else "gap",
                ),
                *(() if draws is None else (Cell(text=f"{draws[at]:,.0f}", value=float(draws[at])),)),
                *(Cell(text=value_text(point.values[one.id], "1")) for one in attributes),
            )
        )
    fixed = [Column(title="Point", number=True), Column(title="Estimate", number=True)]
    fixed += [Column(title="True class"), Column(title="Answer without noise")]
    fixed += [] if draws is None else [Column(title="Predicted draws", number=True)]
    return Table(
        id="points",
        caption=f"The {len(rows)} points with the lowest estimates",
        columns=(*fixed, *(Column(title=with_unit(one)) for one in attributes)),
        rows=tuple(rows),
        note=f"All points are in {SCREENING_CSV}. The estimate is of the answer that the model gives without noise, right or wrong; wrong ones are red.",
        sortable=True,
    )


# ---------------------------------------------------------------- what follows


def _forecast(found: Screening) -> tuple[Fact, ...]:
    forecast = found.forecast
    if forecast.mean_draws is None:
        return (Fact(name="Nothing is predicted", text=f"{forecast.reason}."),)
    most = f"of at most {forecast.at_most:,}" if forecast.sequential else "as declared: the budget is fixed"
    facts = [Fact(name="Draws a point", text=f"about {forecast.mean_draws:,.0f} on average, {most}")]
    points = found.spec.sampling.points
    if points is not None:
        facts.append(Fact(name=f"{points:,} points", text=f"about {points * forecast.mean_draws:,.0f} draws"))
    return tuple(facts)


def _claims(found: Screening) -> Table | None:
    claims = found.forecast.claims
    if not claims:
        return None
    rows = [
        (
            Cell(text=one.criterion, mark="strong"),
            Cell(text=one.severity),
            Cell(text=formats.plain(one.radius), value=one.radius),
            Cell(text=formats.percent(one.required), value=one.required),
            Cell(text=formats.percent(one.predicted), value=one.predicted),
        )
        for one in claims
    ]
    titles = ("Criterion", "Severity", "Radius", "Required", "Predicted")
    return Table(
        id="claims",
        caption="Share of the ODD that the budget is predicted to certify",
        columns=tuple(Column(title=title, number=i > 1) for i, title in enumerate(titles)),
        rows=tuple(rows),
        note="As if the estimates were right: not corrected for what the self-check found, and without the confidence that the criterion asks for on top.",
    )


def _allocation(found: Screening) -> tuple[Fact, ...]:
    allocation, steering = found.forecast.allocation, found.forecast.steering
    if not found.allocated or allocation is None or steering is None:
        return ()
    counts = [int((allocation.group == group).sum()) for group in (1, 2)]
    groups = [
        Fact(
            name=title,
            text=f"{formats.plural(points, 'point')} in {formats.plural(cells, 'cell')}, {formats.percent(weight)} of the ODD",
        )
        for title, points, cells, weight in zip(
            ("Group 1, weaker", "Group 2"), allocation.points, counts, allocation.weights, strict=True
        )
    ]
    return (
        Fact(
            name="Made for",
            text=f"{steering.criterion}: radius {formats.plain(steering.radius)}, the claim nearest to its requirement",
        ),
        *groups,
        Fact(
            name="Predicted to save",
            text=f"{formats.percent(allocation.saving, digits=0)} of the points at equal width of the bound",
        ),
    )


def _snippet(found: Screening, named: str) -> str:
    allocation = found.forecast.allocation
    if not found.allocated or allocation is None:
        return ""
    return f"sampling: {{design: stratified, allocation: {named}, points: {sum(allocation.points)}}}"


def _limits(found: Screening) -> tuple[str, ...]:
    limits = [
        "Intervals tell what the sampling of points leaves open, for the mean of the estimate. What the estimator errs by is in the self-check, not in them.",
        "The estimate asks whether noise changes the answer, not whether the answer is right, and it says nothing about the worst perturbation.",
        "These points are other points than those of a run, drawn by a seed of their own: a run that is steered by them stays valid.",
    ]
    dead = int(found.estimates.dead_gradient.sum())
    if dead:
        limits.append(
            f"At {formats.plural(dead, 'point')} the gradient of some margin is zero, so that its sign alone decides: the estimate there is 0 or too high."
        )
    if found.reached < 1:
        limits.append(
            f"{formats.percent(1 - found.reached)} of the ODD has no frame in the table. The intervals allow for it, the estimates do not."
        )
    return tuple(limits)


def _run(found: Screening) -> tuple[Fact, ...]:
    plan, seconds = found.plan, found.seconds
    facts = [
        Fact(name="Spec", text=f"{found.spec.id}, sha256 {found.spec.sha256[:16]}", mark="mono"),
        Fact(name="Model", text=found.model[:16], mark="mono"),
        Fact(name="Data", text=found.data[:16], mark="mono"),
        Fact(name="Seed of the points", text=str(found.sampling.seed), mark="mono"),
        Fact(name="Noise", text=f"σ = {formats.plain(plan.sigma)} in input units"),
        Fact(name="Method", text=plan.words),
        Fact(
            name="Time",
            text=f"{seconds.get('estimates', 0.0):.1f} s for {formats.plural(len(found), 'estimate')}, {seconds.get('check', 0.0):.1f} s for the check, "
            f"{seconds.get('opening', 0.0):.1f} s to open model and data, on {found.device}",
        ),
    ]
    return tuple(facts)
