from __future__ import annotations

import re
from collections.abc import Callable

from odd_assess.records import Assessment
from odd_assess.report import page_of
from odd_assess.report.markdown import markdown

Build = Callable[..., Assessment]


def test_markdown_says_what_the_page_says(build: Build, estimated: Build) -> None:
    """Verdict, every finding with its state, and every table of the page but that of the points, with as many cells in every row as in its heading."""
    assessment = estimated(build())
    page = page_of(assessment)
    text = markdown(page)
    assert f"## {assessment.verdict.value}\n" in text
    for finding in assessment.findings:
        assert re.search(rf"\*\*{finding.state.value}[^*]*: {re.escape(finding.criterion.id)}\*\*", text)
    for table in (page.accuracy.table, page.cells, page.classes, page.by_level, page.domain.attributes, page.radius_words):
        assert table is not None
        block = text[text.index(f"**{table.caption}**") :].split("\n\n")[1].splitlines()
        assert len(block) == 2 + len(table.rows)
        assert {line.replace("\\|", "").count("|") for line in block} == {len(table.columns) + 1}


def test_names_are_no_markup(build: Build) -> None:
    """Titles and class names appear as text: no element, no heading, no link, no broken table."""
    names = ("<script>x</script>", "a | b", "[x](y)", "**bold**", "# head", "`code`", "_em_", "\n- item", "8", "9")
    text = markdown(page_of(build(title="<b>T</b>\n# not a heading", class_names=names)))
    assert "<script" not in text
    assert text.splitlines()[0] == r"# &lt;b&gt;T&lt;/b&gt; \# not a heading"
    assert r"a \| b" in text
    assert "[x](y)" not in text
    assert not re.search(r"(?<!\\)\*\*bold", text)
