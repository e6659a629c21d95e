from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from odd_assess.records import Assessment
from odd_assess.report import page_of
from odd_assess.report.html import html
from odd_assess.report.view import every_point
from odd_assess.report.view.every_point import PRINTED, printed

Build = Callable[..., Assessment]


def test_every_point_is_listed_once_the_weakest_first(build: Build) -> None:
    """All indices, wrong answers before abstentions before certificates, these by rising radius."""
    assessment = build()
    results, table = assessment.results, page_of(assessment).points
    assert sorted(row[0].value or 0 for row in table.rows) == results.index.tolist()
    place = [column.title for column in table.columns].index("Outcome")
    words = [row[place].text for row in table.rows]
    order = ["wrong", "abstained", "certified"]
    assert [order.index(word) for word in words] == sorted(order.index(word) for word in words)
    radii = [row[place + 1].value or 0.0 for row, word in zip(table.rows, words, strict=True) if word == "certified"]
    assert radii == sorted(radii)
    assert {row[place + 1].text for row, word in zip(table.rows, words, strict=True) if word == "abstained"} == {"–"}


def test_what_a_number_of_points_leads_to_are_as_many(build: Build) -> None:
    """Wherever the page links a number of points, the rows with these keys are as many."""
    page = page_of(build())
    keys = [set(key.split()) for key in page.points.keys]
    assert page.by_level is not None
    linked = 0
    for table in (page.by_level, page.cells, page.classes, page.outcomes.table, *page.pairs):
        for cell in (cell for row in table.rows for cell in row if cell.shows):
            wanted = set(cell.shows.split())
            assert sum(wanted <= key for key in keys) == int(cell.text.split(" of ")[-1].replace(",", "")), (table.id, cell)
            linked += 1
    assert linked > 60


def test_few_points_are_listed_where_there_are_many(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page lists the weakest and says how many are left out."""
    monkeypatch.setattr(every_point, "MOST_POINTS", 50)
    table = page_of(build()).points
    assert len(table.rows) == len(table.keys) == 50
    assert "250 further points, all stronger, in the evidence file" in table.note


def test_paper_has_the_weakest_points_and_says_where_the_others_are(build: Build) -> None:
    """The first rows under a caption that counts them; a short table is printed whole."""
    page = page_of(build())
    short = printed(page.points)
    assert short.rows == page.points.rows[:PRINTED]
    assert str(PRINTED) in short.caption
    assert "evidence.json" in short.note
    assert printed(replace(page.points, rows=page.points.rows[:PRINTED])).caption == page.points.caption
    text = html(page, medium="print")
    assert (
        text.count("<tr", text.index('id="points-table"'), text.index("</table>", text.index('id="points-table"'))) == PRINTED + 1
    )


def test_outcomes_and_histogram_count_all_points(build: Build) -> None:
    """Certified, wrong and abstained are all; the bars and the points without a radius too."""
    assessment = build()
    outcomes, m = page_of(assessment).outcomes, len(assessment.results)
    assert sum(row[1].value or 0 for row in outcomes.table.rows) == m
    assert outcomes.radii.counts.sum() + outcomes.radii.none == m
    assert outcomes.radii.counts.sum() == assessment.results.correct.sum()
