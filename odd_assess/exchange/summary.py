"""Markdown for the summary of a GitHub Actions step: the verdict, then a row for each criterion."""

from __future__ import annotations

from odd_assess.criteria.words import at_least, at_most
from odd_assess.exchange.words import (
    blocks_by_estimate,
    estimate_words,
    lock_words,
    noise_words,
    overrides,
    plain,
    recertified_words,
    requirement,
)
from odd_assess.records import Assessment, Finding, State

MARKS = {State.MET: "✅", State.NOT_MET: "❌", State.INCONCLUSIVE: "❔"}
MOST_ROWS = 200
"""Criteria in the table: a summary above a megabyte is thrown away."""


def summary(assessment: Assessment) -> str:
    """The assessment as GitHub-flavoured Markdown."""
    verdict = assessment.verdict
    lines = [
        f"## {MARKS[verdict]} {verdict.value}: {_cell(assessment.spec.title)}{f' ({_cell(by)})' if (by := estimate_words(assessment)) else ''}",
        "",
        *([f"**{_cell(locked)}**", ""] if (locked := lock_words(assessment)) else []),
        f"{len(assessment.results):,} points of the operational design domain, {assessment.spec.id}.",
        *(
            line
            for told in (recertified_words(assessment), noise_words(assessment))
            if told
            for line in ("", f"{_cell(told[0].upper() + told[1:])}.")
        ),
        "",
        "| | criterion | required | observed | at least | at most | points | |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(finding) for finding in assessment.findings[:MOST_ROWS]),
    ]
    if (more := len(assessment.findings) - MOST_ROWS) > 0:
        lines.append(f"\n... and {more} more criteria: see report.html")
    if changed := overrides(assessment):
        lines += [
            "",
            "Changed from the criteria files that are extended:",
            "",
            *(f"- {_cell(line)}" for line in changed[:MOST_ROWS]),
        ]
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    criterion = finding.criterion
    observed = "" if finding.observed is None else f"{finding.observed:.3f}"
    lower = "" if finding.lower is None else at_least(finding.lower)
    upper = "" if finding.upper is None else at_most(finding.upper)
    severity = "" if criterion.severity == "blocking" else f" ({criterion.severity})"
    cells = [
        f"{MARKS[finding.state]} {finding.state.value}{' by an estimate' if blocks_by_estimate(finding) else ''}",
        f"**{_cell(criterion.id)}** {_cell(criterion.title)}{severity}",
        _cell(requirement(criterion)),
        observed,
        lower,
        upper,
        str(finding.points),
        _cell(finding.advice),
    ]
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Text that ends no cell and is no mark-up."""
    escaped = plain(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
    return "".join(f"\\{c}" if c in "*`[]" else c for c in escaped)
