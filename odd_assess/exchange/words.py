"""What the exchange formats say of a finding, in one line and in full."""

from __future__ import annotations

import re

from odd_assess.criteria.words import at_least, at_most, listed, part_noun
from odd_assess.records import Assessment, Criterion, Finding, Part, State

_CONTROL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def plain(text: str) -> str:
    """Text without the control characters that XML cannot hold."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def headline(finding: Finding) -> str:
    """The state, by what where it is an estimate that blocks, the requirement and what was found."""
    by = " by an estimate, which proves nothing" if blocks_by_estimate(finding) else ""
    return f"{finding.state.value}{by}: {finding.message}"


def blocks_by_estimate(finding: Finding) -> bool:
    """Whether the verdict rests on an estimate here."""
    return finding.criterion.severity == "blocking" and finding.kind == "estimate"


def estimate_words(assessment: Assessment) -> str:
    """Which blocking criteria are decided by estimates, to stand beside the verdict; empty where none is."""
    named = [finding.criterion.id for finding in assessment.findings if blocks_by_estimate(finding)]
    return f"by estimates, which prove nothing, in: {listed(named)}" if named else ""


def in_full(finding: Finding) -> str:
    """The headline, what would decide, and every part of the scope that is not met."""
    lines = [headline(finding)]
    if finding.advice:
        lines.append(finding.advice)
    for part in finding.parts:
        if part.state is not State.MET:
            bounds = _bounds(finding, part)
            lines.append(
                f"{part.state.value}: {part_noun(finding.criterion)[0]} {part.name}, {part.points} points{f', {bounds}' if bounds else ''}"
            )
    return "\n".join(lines)


def _bounds(finding: Finding, part: Part) -> str:
    """What is known of a part; of an estimate the ends of an interval, which are no bounds."""
    if finding.kind == "estimate":
        if part.lower is None or part.upper is None:
            return ""
        return f"estimate with the interval {at_least(part.lower)} to {at_most(part.upper)}"
    lower = [] if part.lower is None else [f"at least {at_least(part.lower)}"]
    upper = [] if part.upper is None else [f"at most {at_most(part.upper)}"]
    return ", ".join([*lower, *upper])


def overrides(assessment: Assessment) -> list[str]:
    """What criteria files changed in those that they extend, a line for each: "CA: require >= 0.8 -> >= 0.7 (loosened), from gate.yaml: why"."""
    return [
        f"{change}, from {change.source}{f': {change.reason}' if change.reason else ''}"
        for group in assessment.spec.criteria
        for change in group.overrides
    ]


def lock_words(assessment: Assessment) -> str:
    """What the lock says; empty where nothing was locked."""
    return "" if assessment.spec.lock is None else assessment.spec.lock.sentence


def noise_words(assessment: Assessment) -> str:
    """How noise levels were chosen and what certificates speak of; empty where one level was declared for all points."""
    noise = assessment.noise
    if noise is None:
        return ""
    lost = ""
    if noise.alone is not None:
        touched = int((noise.alone > assessment.results.radius).sum())
        lost = f"; radius lost to the memory at {touched:,} of {len(assessment.results):,} points"
    return f"noise levels by {noise.policy.name}: {noise.policy.in_words}; certificates: {noise.soundness}{lost}"


def recertified_words(assessment: Assessment) -> str:
    """What the model was certified on, where that is a baseline; empty where it was certified from nothing."""
    found = assessment.recertified
    if found is None:
        return ""
    several = f", {found.terms.joint_alpha:g} jointly over {found.plan.models} models" if found.plan.models > 1 else ""
    return (
        f"recertified from {found.run} (finished {found.finished[:10]}, model {found.model[:12]}, certificates {found.certificates[:12]}): modified model "
        f"{str(assessment.manifest['identity']['model'])[:12]}, classes of the baseline, {found.draws:,} draws where the baseline took {found.base_draws:,}; "
        f"alpha {found.terms.whole_alpha:g} a certificate{several}"
    )


def requirement(criterion: Criterion) -> str:
    """The requirement as the criteria file states it."""
    radius = "" if criterion.radius is None else f" at radius {criterion.radius:g}"
    scope = "" if criterion.scope == "odd" else f", {criterion.scope.replace('_', ' ')}"
    confidence = "" if criterion.confidence is None else f", confidence {criterion.confidence:g}"
    where = "" if criterion.where is None else criterion.where.words
    attribute = "" if criterion.attribute is None else f" of {criterion.attribute}"
    of = "" if criterion.of is None else f" of {criterion.of}"
    return f"{criterion.metric}{of}{radius}{scope}{attribute}{where} {criterion.comparator} {criterion.required:g}{confidence}"
