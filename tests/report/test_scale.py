"""A run of 10,000 points has a report that can still be handed round. Seconds and memory: ``python -m benchmarks.report_scale``."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from odd_assess.evidence import evidence_json, portable
from odd_assess.records import Assessment
from odd_assess.report import page_of
from odd_assess.report.html import html

Build = Callable[..., Assessment]
MEGABYTE = 1_000_000


def test_html_of_a_thousand_points_is_below_three_megabytes(build: Build) -> None:
    """Pictures and charts included."""
    assert len(html(page_of(build(points=1_000))).encode()) < 3 * MEGABYTE


@pytest.mark.slow
def test_ten_thousand_points_with_a_thousand_classes_stay_small(build: Build) -> None:
    """HTML below 5 MB, whatever the number of classes, and the evidence that the PDF carries holds every point."""
    assessment = build(points=10_000, class_names=tuple(f"class {number}" for number in range(1_000)))
    assert len(html(page_of(assessment)).encode()) < 5 * MEGABYTE
    found = json.loads(evidence_json(assessment))
    assert found["results"]["hits"] == assessment.results.hits.tolist()
    assert len(found["conditions"]["surface"]) == 10_000


def test_evidence_of_very_many_points_leaves_their_columns_out(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit the attachment counts the points and names the findings, but has no column of them."""
    monkeypatch.setattr(portable, "MOST_POINTS", 299)
    found = json.loads(evidence_json(build()))
    assert (found["points"], found["results"], found["conditions"]) == (300, None, None)
    assert found["reduction"]["expected_reference"] == []
    assert len(found["findings"]) == 5
