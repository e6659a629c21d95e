"""The page in four answers: what a reader who has a minute must take away, each with the section that says more."""

from __future__ import annotations

import re
from collections.abc import Sequence

from odd_assess.records import Assessment, Finding, State
from odd_assess.report.view import formats, levels
from odd_assess.report.view.domain import classes_without_a_point, excluded
from odd_assess.report.view.extremes import weakest_groups
from odd_assess.report.view.findings import name_of
from odd_assess.report.view.records import Brief, FindingView
from odd_assess.report.view.reduction import measured
from odd_assess.report.view.traced import quoted

MOST_STEPS = 3
"""Different advice that is quoted; the findings have all."""

MOST_NAMES = 3
"""Classes without a point, and statements that exclude, that are named; the section on what was not tested has more."""


def brief(assessment: Assessment, told: Sequence[FindingView]) -> tuple[Brief, ...]:
    """What fails or is weakest, what the small budget cost, what was not tested, what comes next. ``told``: the findings as the page has them."""
    return (
        _weak(assessment, told),
        Brief(
            question="What did the small budget cost?", answer=_cost(assessment), at="reduction", more="What the small budget cost"
        ),
        Brief(question="What was not tested?", answer=_untested(assessment), at="untested", more="What was not tested"),
        Brief(question="What is to be done?", answer=_next(assessment), at="findings", more="Findings"),
    )


def _weak(assessment: Assessment, views: Sequence[FindingView]) -> Brief:
    failed = [
        _failure(view, finding) for view, finding in zip(views, assessment.findings, strict=True) if finding.state is State.NOT_MET
    ]
    told = f"Not met: {formats.listed(failed, of='verdict/all/not met')}. " if failed else ""
    weakest = weakest_groups(assessment) or "No part of the ODD has enough points to be named."
    question = "What fails, and where is it weak?" if failed else "Where is it weakest?"
    return Brief(question=question, answer=told + weakest, at="levels", more="Results by condition")


def _failure(view: FindingView, finding: Finding) -> str:
    """By how much a criterion is not met: what was observed, the bound that decides, what is required; and how its parts stand."""
    side, bound = ("at most", view.upper) if finding.criterion.comparator.startswith(">") else ("at least", view.lower)
    decided = f"{side} {bound}, " if finding.kind == "domain claim" and bound != formats.NOTHING else ""
    parts = f"; {view.tally}" if view.tally else ""
    return f"{view.criterion} ({view.observed} observed, {decided}{view.required} required{parts})"


def _cost(assessment: Assessment) -> str:
    found, remembers = assessment.reduction, levels.remembers(assessment)
    before = " Of each point alone: what the memory took is told under “Noise levels”." if remembers else ""
    n_ref = formats.count(found.n_ref, of="reduction/n_ref")
    if found.measured is not None:
        on = formats.plural(found.measured_points, "point", of="reduction/measured_points")
        return f"{measured(found)}, measured on {on} against {n_ref} draws a point: an estimate.{before}"
    if found.predicted is not None:
        predicted = formats.percent(found.predicted, of="reduction/predicted")
        return f"About {predicted} of the mean certified radius against {n_ref} draws a point, predicted and not measured.{before}"
    return "It cannot be told: no point certifies at either budget."


def _untested(assessment: Assessment) -> str:
    spec, coverage = assessment.spec, assessment.coverage
    told = []
    if spec.unrealisable:
        told.append(
            f"{formats.listed([lost.attribute for lost in spec.unrealisable], of='spec/unrealisable')} "
            f"(nothing can produce {_it(len(spec.unrealisable))})"
        )
    if missing := classes_without_a_point(assessment):
        number = formats.plural(len(missing), "class", "classes", of="classes/absent")
        told.append(f"{number} without a point ({formats.listed(missing, most=MOST_NAMES, of='classes/absent')})")
    if cells := sum(gap.kind == "cell" for gap in coverage.gaps):
        weight = sum(gap.weight or 0.0 for gap in coverage.gaps if gap.kind == "cell")
        told.append(
            f"{formats.plural(cells, 'feasible cell', of='gaps/cell')} without a point ({formats.percent(weight, side='up', of='gaps/cell/weight')} of the ODD)"
        )
    if spec.domain.conditionals or len(spec.domain.exclude) > MOST_NAMES:
        told.append("what the statements exclude")
    elif spec.domain.exclude:
        told.append(f"what is excluded ({'; '.join(excluded(spec))})")
    listed = formats.listed(told)
    declared = f"{listed[0].upper()}{listed[1:]}." if listed and not spec.unrealisable else f"{listed}." if listed else ""
    also = " Not tested either: attributes" if declared else "Attributes"
    return f"{declared}{also} that the ODD does not list, and natural variation between the points."


def _it(number: int) -> str:
    return "it" if number == 1 else "them"


def _next(assessment: Assessment) -> str:
    """The open criteria, those that count most first, by how they stand and what is advised: the same advice is given once."""
    order = {"blocking": 0, "warning": 1}
    pending = [
        (order.get(finding.criterion.severity, 2), State.INCONCLUSIVE is finding.state, finding)
        for finding in assessment.findings
        if finding.state is not State.MET and finding.criterion.severity != "info"
    ]
    if not pending:
        return "No blocking criterion and no warning is open. Review what was not tested and the limits; then sign."
    ranked = [finding for *_, finding in sorted(pending, key=lambda one: one[:2])]
    steps: dict[tuple[str, str], list[Finding]] = {}
    for finding in ranked:
        steps.setdefault(_step(finding), []).append(finding)
    told = " ".join(_told(assessment, *step) for step in list(steps.items())[:MOST_STEPS])
    rest = [name_of(assessment, finding) for findings in list(steps.values())[MOST_STEPS:] for finding in findings]
    return told + (f" Also open: {formats.listed(rest, of='verdict/open/unlisted')}." if rest else "")


def _told(assessment: Assessment, step: tuple[str, str], findings: list[Finding]) -> str:
    (stands, advice), place = step, 1 + next(k for k, one in enumerate(assessment.findings) if one is findings[0])
    names = formats.listed([name_of(assessment, finding) for finding in findings], of=f"findings/{place}/alike")
    return f"{names} ({stands}): {quoted(advice, f'findings/{place}/advice/first')}."


def _step(finding: Finding) -> tuple[str, str]:
    """How a criterion stands, and the first sentence of its advice."""
    advice = re.split(r"(?<=[^.\s])\.\s+(?=[A-Z])", finding.advice)[0].rstrip(".") if finding.advice else "see its finding"
    mark = "" if finding.criterion.severity == "blocking" else f", {finding.criterion.severity}"
    return f"{finding.state.value.lower()}{mark}", f"{advice[0].lower()}{advice[1:]}"
