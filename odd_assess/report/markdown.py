"""The report as Markdown: for a pull request, a wiki or a diff. The words and tables of the page, without its charts and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from odd_assess.evidence.files import write_whole
from odd_assess.records import Assessment
from odd_assess.report.view import Page, page_of
from odd_assess.report.view.records import Cell, Fact, FindingView, Table

_MARKUP = re.compile(r"([\\`*_\[\]|#~])")


def write_markdown(assessment: Assessment, path: Path | str, *, title: str | None = None) -> None:
    """Write the report of a finished assessment as Markdown to ``path``; the same assessment gives the same bytes. ``title``: as in `write_html`.

    Raises: RunError when the file cannot be written.
    """
    write_whole(Path(path), markdown(page_of(assessment, title=title, images=False)).encode())


def markdown(page: Page) -> str:
    """The page as GitHub-flavoured Markdown; names that users chose are text and no mark-up."""
    return "\n".join(_lines(page)).rstrip() + "\n"


def _lines(page: Page) -> Iterator[str]:
    yield from (
        f"# {_text(page.title)}",
        "",
        f"Evidence report {_text(page.spec_id)}, run {_text(page.run_id)}, {_text(page.finished)}",
        "",
    )
    yield from (f"## {page.verdict.state}", "", _text(page.verdict.reason), "")
    yield from _list(page.verdict.notes)
    for one in page.brief:
        yield from (f"**{_text(one.question)}** {_text(one.answer)}", "")
    yield from _facts(page.facts)
    yield from ("## Findings", "")
    for finding in page.findings:
        yield from _finding(finding)
    yield from _tables(page.changes)
    yield from ("## The ODD and its coverage", "", _text(page.domain.design), "")
    yield from _facts(page.domain.facts)
    yield from _tables(page.domain.attributes)
    yield from _list(page.domain.statements)
    yield from _tables(page.domain.coverage)
    yield from ("## Certified accuracy against radius", "")
    yield from _tables(page.accuracy.table)
    yield from (
        "## What the small budget cost",
        "",
        _text(f"{page.reduction.sentence} {page.reduction.change}"),
        "",
        _text(page.reduction.budget),
        "",
    )
    yield from _tables(page.reduction.budgets, page.reduction.facts, page.reduction.accuracy)
    yield from ("## What became of the points", "")
    yield from _tables(page.outcomes.table, page.states.table)
    yield from _more(page)
    yield from ("## What was not tested", "")
    yield from _facts([Fact(name=part.title, text=part.text, items=part.items) for part in page.untested])
    yield from _tables(page.gaps)
    yield from ("## What the numbers claim, and what they do not", "")
    yield from _facts(page.claims)
    yield from _facts(page.limits)
    yield from ("## What a radius means", "")
    yield from _list(page.radius_sentences)
    yield from _tables(page.radius_words)
    yield from ("## Methods and references", "")
    yield from _facts(
        [Fact(name=one.name, text=f"{one.text} {' '.join(f'({number})' for number in one.references)}") for one in page.methods]
    )
    yield from (f"{number}. {_text(reference)}" for number, reference in enumerate(page.references, start=1))
    yield from ("", "## Check this report", "")
    for command in page.commands:
        yield from ("```", command.line, "```", "", _text(command.does), "")
    yield from ("## Manifest", "")
    for group in page.manifest:
        yield from (f"### {_text(group.title)}", "")
        yield from _facts(group.facts)
    yield from ("## Signatures", "", "| Role | Name | Date | Signature |", "|---|---|---|---|")
    yield from (f"| {_text(line.role)} | {_text(line.name)} | | |" for line in page.signatures)


def _more(page: Page) -> Iterator[str]:
    """Where the run is weak, and what only some runs have."""
    if page.recertified is not None:
        yield from (f"## {_text(page.recertified.title)}", "", _text(page.recertified.lead), "")
        yield from _facts(page.recertified.facts)
        yield from _tables(page.recertified.kept, page.recertified.cost, page.recertified.errors)
        yield from _facts(page.recertified.holds)
    if page.noise is not None:
        yield from ("## Noise levels", "", _text(page.noise.lead), "")
        yield from _facts(page.noise.facts)
        yield from _tables(page.noise.by_level, page.noise.single, page.noise.memory, page.noise.cells)
        yield from _facts(page.noise.warnings)
    yield from ("## Results by condition", "")
    yield from _tables(page.by_level, page.apart, *page.pairs, page.cells, page.classes)
    if page.average_case is not None:
        yield from ("## Average-case robustness (estimates)", "", _text(page.average_case.lead), "")
        yield from _tables(page.average_case.agreement, page.average_case.robust, *page.average_case.parts)
        yield from _facts(page.average_case.limits)
    yield from ("## Weakest points", "", _text(page.weakest_note), "")
    yield from _list(
        [
            f"{point.title}: {point.outcome}; {', '.join(f'{fact.name} {fact.text}' for fact in point.condition)}"
            for point in page.weakest
        ]
    )


def _finding(finding: FindingView) -> Iterator[str]:
    how = " by an estimate" if finding.kind == "estimate" else ""
    requirement = "" if finding.requirement == "–" else f", requirement {finding.requirement}"
    bounds = f"bounds {finding.lower} to {finding.upper}" if finding.lower != "–" or finding.upper != "–" else "no bounds"
    yield f"- **{finding.state}{how}: {_text(finding.criterion)}** {_text(finding.title)} ({_text(finding.severity + requirement)})"
    yield f"  required {_text(finding.required)}, observed {_text(finding.observed)}, {_text(bounds)}, {_text(finding.points)} points."
    yield f"  {_text(finding.message)}"
    if finding.advice:
        yield f"  **{_text(finding.advice_title)}** {_text(finding.advice)}"
    yield ""


def _tables(*tables: Table | None) -> Iterator[str]:
    for table in tables:
        if table is None:
            continue
        yield from (f"**{_text(table.caption)}**", "")
        yield f"| {' | '.join(_text(column.title) for column in table.columns)} |"
        yield f"|{'|'.join('---:' if column.number else '---' for column in table.columns)}|"
        yield from (f"| {' | '.join(_cell(cell) for cell in row)} |" for row in table.rows)
        yield ""
        if table.note:
            yield from (_text(table.note), "")


def _cell(cell: Cell) -> str:
    return f"**{_text(cell.text)}**" if cell.mark == "strong" and cell.text else _text(cell.text)


def _facts(facts: Sequence[Fact]) -> Iterator[str]:
    for fact in facts:
        yield f"- **{_text(fact.name)}**: {_text(fact.text)}"
        yield from (f"  - {_text(item)}" for item in fact.items)
    if facts:
        yield ""


def _list(words: Sequence[str]) -> Iterator[str]:
    yield from (f"- {_text(word)}" for word in words)
    if words:
        yield ""


def _text(text: str) -> str:
    """Text in one line that is no mark-up."""
    escaped = _MARKUP.sub(r"\\\1", " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
