from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from odd_assess.criteria import certified_at, check
from odd_assess.records import Assessment, Criterion
from odd_assess.report import page_of
from odd_assess.report.view import formats
from odd_assess.report.view.records import Table

Build = Callable[..., Assessment]


def _column(table: Table, title: str) -> int:
    return [column.title for column in table.columns].index(title)


def test_each_level_has_its_points_and_the_checkers_bounds(build: Build) -> None:
    """Shares are those of the points in the level; bounds are those of a criterion that asks of each level, rounded to their safe sides."""
    assessment = build()
    table, results, domain = page_of(assessment).by_level, assessment.results, assessment.spec.domain
    assert table is not None
    held = certified_at(results, 0.25)
    lines = iter(table.rows)
    for place, attribute in enumerate(domain.attributes):
        if len(attribute.levels) < 2:
            continue
        asked = Criterion(
            id="X",
            title="",
            metric="certified_accuracy",
            comparator=">=",
            required=0.9,
            radius=0.25,
            scope="each_level",
            attribute=attribute.id,
            confidence=0.975,
        )
        (finding,) = check([asked], assessment)
        for number, (part, line) in enumerate(zip(finding.parts, lines, strict=False)):
            inside = results.level[:, place] == number
            assert line[_column(table, "Points")].value == inside.sum()
            assert line[_column(table, "Certified at 0.25")].value == pytest.approx(held[inside].mean())
            assert part.lower is not None
            assert part.upper is not None
            low, high = formats.percent(part.lower, side="down"), formats.percent(part.upper, side="up")
            assert line[_column(table, "95% bounds at 0.25")].text == f"{low} to {high}"
    assert next(lines, None) is None


def test_designs_without_a_probability_model_have_no_bounds(build: Build) -> None:
    """An even filling of the domain has shares by level, class and cell, and no column of bounds."""
    page = page_of(build(design="sobol", points=60))
    assert page.by_level is not None
    for table in (page.by_level, page.classes, page.cells):
        assert not any("bounds" in column.title.lower() for column in table.columns), table.id
    assert page.apart is not None
    assert {row[-1].text for row in page.apart.rows} == {formats.NOTHING}


def test_maps_count_every_point_once(build: Build) -> None:
    """The fields of each map hold all points, and the certified ones sum to those of the run; infeasible pairs hold none."""
    assessment = build()
    page, held = page_of(assessment), certified_at(assessment.results, 0.25)
    assert len(page.pairs) == 6
    excluded = 0
    for table in page.pairs:
        fields = [cell for row in table.rows for cell in row[1:]]
        points = [int(cell.text.split(" of ")[1]) for cell in fields if cell.value is not None]
        shares = [cell.value for cell in fields if cell.value is not None]
        assert sum(points) == len(held)
        assert np.dot(points, shares) == pytest.approx(held.sum())
        excluded += sum(cell.text == "excluded" for cell in fields)
    assert excluded == 1


def test_robustness_bias_names_the_best_and_the_worst_level(build: Build) -> None:
    """The observed difference lies within its bounds, the attribute with the largest one comes first."""
    table = page_of(build()).apart
    assert table is not None
    seen = [row[3].value for row in table.rows]
    assert seen == sorted(seen, reverse=True)
    for row in table.rows:
        assert row[4].value <= row[3].value <= row[5].value
