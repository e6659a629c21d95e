"""The verdict and the findings: the checker decided, this only words it."""

from __future__ import annotations

from collections.abc import Sequence

from odd_assess.criteria.clauses import NO_COMPLIANCE, clauses_of
from odd_assess.criteria.metrics import METRICS, MetricInfo, asked_info
from odd_assess.criteria.words import about, of_parts, part_noun
from odd_assess.records import Assessment, Change, Criterion, Finding, State
from odd_assess.report.view import formats, noise, recertified, traced
from odd_assess.report.view.domain import classes_without_a_point
from odd_assess.report.view.records import Cell, Column, FindingView, Interval, Table, VerdictView
from odd_assess.report.view.traced import quoted

WORST_FIRST = (State.NOT_MET, State.INCONCLUSIVE, State.MET)


def verdict(assessment: Assessment) -> VerdictView:
    """The verdict, the sentence that says why, and what a reader must know beside it."""
    blocking = [finding for finding in assessment.findings if finding.criterion.severity == "blocking"]
    return VerdictView(
        state=assessment.verdict.value,
        reason=_reason(assessment, assessment.verdict, blocking),
        notes=tuple(_notes(assessment, blocking)),
    )


def _reason(assessment: Assessment, state: State, blocking: Sequence[Finding]) -> str:
    total = formats.plural(len(blocking), "blocking criterion", "blocking criteria", of="verdict/blocking")
    match state:
        case State.MET:
            return "The one blocking criterion is met." if len(blocking) == 1 else f"All {total} are met."
        case State.NOT_MET:
            failed = [name_of(assessment, finding) for finding in blocking if finding.state is State.NOT_MET]
            number = formats.count(len(failed), of="verdict/blocking/not met")
            return f"{number} of {total} {'is' if len(failed) == 1 else 'are'} not met: {formats.listed(failed, of='verdict/blocking/not met')}."
        case State.INCONCLUSIVE:
            open_ = [name_of(assessment, finding) for finding in blocking if finding.state is State.INCONCLUSIVE]
            if not open_:
                return "There is no blocking criterion that could be met."
            number = formats.count(len(open_), of="verdict/blocking/inconclusive")
            return f"The evidence does not decide {number} of {total}: {formats.listed(open_, of='verdict/blocking/inconclusive')}. None is shown to fail."


def name_of(assessment: Assessment, finding: Finding) -> str:
    """The id of a finding's criterion, as it stands there."""
    place = next(number for number, one in enumerate(assessment.findings, start=1) if one is finding)
    return quoted(finding.criterion.id, f"findings/{place}/id")


def _notes(assessment: Assessment, blocking: Sequence[Finding]) -> list[str]:
    notes = [] if assessment.spec.lock is None else [quoted(assessment.spec.lock.sentence, "spec/lock")]
    notes += [told for told in (recertified.note(assessment), noise.note(assessment)) if told]
    if estimated := [name_of(assessment, finding) for finding in blocking if finding.kind == "estimate"]:
        notes.append(
            f"Blocking, but by an estimate, which proves nothing: {formats.listed(estimated, of='verdict/blocking/by estimate')}."
        )
    undecided = [name_of(assessment, finding) for finding in blocking if finding.state is State.INCONCLUSIVE]
    if undecided and assessment.verdict is State.NOT_MET:
        notes.append(f"Not decided either: {formats.listed(undecided, of='verdict/blocking/inconclusive')}.")
    for state, words in ((State.NOT_MET, "not met"), (State.INCONCLUSIVE, "not decided")):
        others = [name_of(assessment, f) for f in assessment.findings if f.criterion.severity != "blocking" and f.state is state]
        if others:
            notes.append(f"Not blocking, {words}: {formats.listed(others, of=f'verdict/others/{state.value.lower()}')}.")
    if wrong := int((assessment.results.certified & ~assessment.results.correct).sum()):
        of_all = formats.plural(len(assessment.results), "point", of="points")
        notes.append(
            f"{formats.count(wrong, of='outcomes/wrong/points')} of {of_all} {'is' if wrong == 1 else 'are'} certified for a wrong class."
        )
    if missing := len(classes_without_a_point(assessment)):
        few, all_ = (
            formats.count(missing, of="classes/absent"),
            formats.plural(len(assessment.class_names), "class", "classes", of="classes"),
        )
        notes.append(f"{few} of {all_} had no point.")
    if weaker := [
        quoted(name, f"changed/{k}")
        for k, name in enumerate(
            dict.fromkeys(c.criterion for g in assessment.spec.criteria for c in g.overrides if c.effect != "not loosened"), start=1
        )
    ]:
        notes.append(
            f"Loosened, or changed beyond comparison, from the file that is extended: {formats.listed(weaker, of='changed')}."
        )
    untested = len(assessment.spec.unrealisable)
    if untested:
        notes.append(f"{formats.plural(untested, 'declared attribute', of='spec/unrealisable')} of the ODD could not be tested.")
    return notes


def findings(assessment: Assessment) -> tuple[FindingView, ...]:
    """Every finding, in the order of the criteria files."""
    cap = float(assessment.reduction.expected_reference.max(initial=0.0))
    scale = max(cap, float(assessment.results.radius.max(initial=0.0)), 1e-9)
    return tuple(_finding(assessment, finding, position, scale) for position, finding in enumerate(assessment.findings, start=1))


def _finding(assessment: Assessment, finding: Finding, position: int, scale: float) -> FindingView:
    criterion = finding.criterion
    info = asked_info(criterion.metric, criterion.of)
    assert info is not None  # the checker knew it
    against, points = criterion.required, _resolution(finding, info)
    where = f"{criterion.location.path.name}:{criterion.location.line}" if criterion.location else ""
    at = f"findings/{position}"
    return FindingView(
        anchor=f"finding-{position}",
        state=finding.state.value,
        criterion=quoted(criterion.id, f"{at}/id"),
        title=quoted(criterion.title, f"{at}/title"),
        asks=_asks(finding, info, at),
        requirement=quoted(criterion.requirement, f"{at}/requirement") if criterion.requirement else formats.NOTHING,
        severity=criterion.severity,
        required=f"{_sign(criterion.comparator)} {formats.required(against, info.unit, of=f'{at}/required')}",
        observed=formats.metric(finding.observed, info.unit, points=points, against=against, of=f"{at}/observed"),
        lower=formats.metric(finding.lower, info.unit, side="down", points=points, against=against, of=f"{at}/lower"),
        upper=formats.metric(finding.upper, info.unit, side="up", points=points, against=against, of=f"{at}/upper"),
        confidence=formats.NOTHING
        if criterion.confidence is None
        else formats.required(criterion.confidence, "1", of=f"{at}/confidence"),
        points=formats.count(finding.points, of=f"{at}/points"),
        needed=_needed(finding, at),
        kind=finding.kind,
        message=quoted(finding.message, f"{at}/message"),
        advice_title="What would decide it:" if finding.state is State.INCONCLUSIVE else "What to do:",
        advice=quoted(finding.advice, f"{at}/advice"),
        clauses=tuple(quoted(clause, f"{at}/clauses") for clause in clauses_of(criterion, assessment.spec)),
        source=quoted(where, f"{at}/location"),
        interval=_interval(finding, info, scale, at),
        tally=_tally(finding, at),
        tally_at={"cell": "cells", "class": "classes"}.get(part_noun(criterion)[0], f"finding-{position}"),
        bounds_of_parts=_bounds_of_parts(finding, at),
    )


def clauses_note(assessment: Assessment) -> str:
    """What naming clauses does not mean; empty where none is named."""
    return NO_COMPLIANCE if any(finding.criterion.clauses for finding in assessment.findings) else ""


def changes(assessment: Assessment) -> Table | None:
    """What criteria files changed in the criteria of files that they extend; None where they changed nothing."""
    overrides = [change for group in assessment.spec.criteria for change in group.overrides]
    if not overrides:
        return None
    return Table(
        id="changes",
        caption="Criteria that were changed from the file that holds them, before the run",
        columns=tuple(
            Column(title=title, source=source)
            for title, source in (
                ("Criterion", "criterion"),
                ("Changed from", "source"),
                ("Key", "key"),
                ("Was", "before"),
                ("Is", "after"),
                ("Effect", "effect"),
                ("Reason", "reason"),
            )
        ),
        rows=tuple(_changed(change) for change in overrides),
        sources=tuple(f"changes/{k}" for k in range(1, len(overrides) + 1)),
        note="loosened: less is asked than in the file that is extended; not comparable: it cannot be told whether less is asked.",
    )


def _changed(change: Change) -> tuple[Cell, ...]:
    after = change.after if change.key else "disabled"
    texts = [change.source, change.key or formats.NOTHING, change.before, after, change.effect, change.reason or formats.NOTHING]
    weak = "strong" if change.effect != "not loosened" else ""
    return (
        Cell(text=change.criterion, mark="strong"),
        *(Cell(text=text, mark=weak if text == change.effect else "") for text in texts),
    )


def _resolution(finding: Finding, info: MetricInfo) -> int:
    """How many points a percentage rests on; 1,000 where it is no share of points."""
    return finding.points if info.kind == "domain claim" else 1000


def _needed(finding: Finding, at: str) -> str:
    """The points, or the draws a point, that would decide or meet the criterion, rounded as the advice rounds them."""
    if finding.state is State.MET:
        return ""

    def number(needed: int, what: str) -> str:
        exact = formats.count(needed)
        return traced.number(exact if exact in finding.advice else about(needed), needed, f"{at}/{what}")

    ways = [] if finding.points_needed is None else [f"{number(finding.points_needed, 'points_needed')} points"]
    ways += [] if finding.draws_needed is None else [f"{number(finding.draws_needed, 'draws_needed')} draws a point"]
    return " or ".join(ways)


def _sign(comparator: str) -> str:
    return {">=": "≥", "<=": "≤"}[comparator]


def _asks(finding: Finding, info: MetricInfo, at: str) -> str:
    if finding.criterion.quantile is not None:
        share = formats.required(finding.criterion.quantile, "1", of=f"{at}/quantile")
        return f"Certified radius that all but {share} of the ODD reach{_inside(finding.criterion, at)}"
    radius = finding.criterion.radius
    where = "" if radius is None else f" at radius {formats.plain(radius, of=f'{at}/radius')}"
    if finding.criterion.of is not None:
        return f"Change of {METRICS[finding.criterion.of].title.lower()}{where} against the baseline"
    inside = _inside(finding.criterion, at)
    return f"{info.title}{where}{inside}{of_parts(finding.criterion).replace(' of the', ', in the', 1)}"


def _inside(criterion: Criterion, at: str) -> str:
    return "" if criterion.where is None else f",{quoted(criterion.where.words, f'{at}/where')}"


def _interval(finding: Finding, info: MetricInfo, scale: float, at: str) -> Interval | None:
    if info.unit == "points" or finding.observed is None:
        return None
    criterion = finding.criterion
    top, bottom = 1.0 if info.unit == "1" else 1.05 * max(scale, criterion.required, finding.upper or 0.0), 0.0
    if criterion.of is not None:  # as much to either side of no change as is needed
        top = 1.2 * max(abs(value or 0.0) for value in (criterion.required, finding.observed, finding.lower, finding.upper)) or 1.0
        bottom = -top
    low, high = f"{at}/axis/low", f"{at}/axis/high"
    ends = (formats.metric(bottom, info.unit, of=low), formats.metric(top, info.unit, of=high))

    def place(value: float | None) -> float | None:
        return None if value is None else round(100 * min(max((value - bottom) / (top - bottom), 0.0), 1.0), 2)

    bounds = ", bounds not stated" if finding.lower is None and finding.upper is None else ""
    return Interval(
        required=place(criterion.required) or 0.0,
        observed=place(finding.observed),
        lower=place(finding.lower),
        upper=place(finding.upper),
        axis=ends
        if criterion.of is not None
        else (
            formats.plain(bottom, of=low),
            formats.percent(top, digits=0, of=high) if info.unit == "1" else formats.radius(top, side="down", digits=2, of=high),
        ),
        label=f"{criterion.id}: required {_sign(criterion.comparator)} {formats.required(criterion.required, info.unit)}, "
        f"observed {formats.metric(finding.observed, info.unit, points=_resolution(finding, info))}{bounds}",
    )


MOST_PARTS = 20
"""Levels or classes whose bounds a finding lists, the worst first; the evidence file holds the others."""


def _bounds_of_parts(finding: Finding, at: str) -> str:
    """The state and the bounds of each level or class, the worst first. Those of cells stand in the table of cells."""
    if finding.criterion.scope == "each_cell":
        return ""
    parts = sorted(finding.parts, key=lambda part: (WORST_FIRST.index(part.state), 2.0 if part.lower is None else part.lower))
    told = []
    for part in parts[:MOST_PARTS]:
        bounds, its = "no point", f"{at}/parts/{finding.parts.index(part) + 1}"
        if part.lower is not None and part.upper is not None:
            lower = formats.metric(part.lower, "1", side="down", points=part.points, of=f"{its}/lower")
            bounds = f"{lower} to {formats.metric(part.upper, '1', side='up', points=part.points, of=f'{its}/upper')}"
        told.append(f"{quoted(part.name, f'{its}/name')}: {bounds} ({part.state.value})")
    left = len(parts) - len(told)
    return "; ".join(told) + (f"; and {formats.count(left, of=f'{at}/parts/unlisted')} more" if left else "")


def _tally(finding: Finding, at: str) -> str:
    if not finding.parts:
        return ""
    counted = [(state.value, sum(part.state is state for part in finding.parts)) for state in WORST_FIRST]
    told = [f"{formats.count(count, of=f'{at}/parts/{word.lower()}')} {word}" for word, count in counted if count]
    return f"{formats.plural(len(finding.parts), *part_noun(finding.criterion), of=f'{at}/parts')}: {', '.join(told)}"
