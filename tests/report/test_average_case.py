"""The section on average-case robustness: its numbers are those of the evidence, and it says at every place that they are estimates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from odd_assess.criteria import certified_at
from odd_assess.criteria.calibration import calibration, called_robust
from odd_assess.records import Assessment, AverageCasePlan
from odd_assess.report import page_of
from odd_assess.report.charts import calibration as drawn
from odd_assess.report.html import html
from odd_assess.report.view.average_case import average_case
from odd_assess.report.view.records import AverageCaseView, Cell, Table
from odd_assess.report.view.traced import settled

Build = Callable[..., Assessment]


def section(assessment: Assessment) -> AverageCaseView:
    """The page's section, which must be there."""
    found = settled(average_case(assessment))
    assert found is not None
    return found


def rows(table: Table | None) -> dict[str, tuple[Cell, ...]]:
    """The lines of a table by their first cell."""
    assert table is not None
    return {row[0].text: row for row in table.rows}


def said(view: AverageCaseView) -> dict[str, str]:
    """The facts."""
    return {fact.name: fact.text for fact in (*view.facts, *view.limits)}


def test_a_run_without_estimates_has_no_section(build: Build) -> None:
    """Nor an entry in the contents, nor a word of it."""
    page = page_of(build())
    assert page.average_case is None
    assert "verage-case" not in html(page)


def test_the_section_says_that_these_are_estimates(build: Build, estimated: Build) -> None:
    """In its title, its lead and its limits; the footer and the words on claims name them too."""
    page = page_of(estimated(build()))
    text = html(page)
    assert '<h2 id="average-case-title">Average-case robustness (estimates)</h2>' in text
    assert '<a href="#average-case">Average-case robustness (estimates)</a>' in text
    assert page.average_case is not None
    assert "neither certificates nor bounds" in page.average_case.lead
    assert "follows from the counts and estimates in" in text
    assert {"No certificate", "The average, not the worst case", "The answer, right or wrong", "Intervals"} <= set(
        said(page.average_case)
    )


def test_findings_by_estimates_are_marked_where_they_are_read_first(build: Build) -> None:
    """Beside their state, and in the page's head where they block; findings of claims are not."""
    plain = build()
    first, *rest = plain.findings
    estimated = replace(first, kind="estimate", criterion=replace(first.criterion, severity="blocking"))
    page = page_of(replace(plain, findings=(estimated, *(replace(one, kind="domain claim") for one in rest))))
    assert html(page).count("by an estimate</span>") == 1
    assert f"Blocking, but by an estimate, which proves nothing: {first.criterion.id}." in page.verdict.notes
    claimed = page_of(replace(plain, findings=tuple(replace(one, kind="domain claim") for one in plain.findings)))
    assert "by an estimate" not in html(claimed)


def test_agreement_quotes_the_calibration(build: Build, estimated: Build) -> None:
    """Each number is that of `calibration` at these points."""
    assessment = estimated(build())
    assert assessment.average_case is not None
    found = calibration(assessment.results, assessment.average_case, seed=assessment.spec.sampling.seed)
    table = rows(section(assessment).agreement)
    assert table["Points that can be compared"][1].value == found.same.sum()
    assert found.other_class == 5
    assert table["Estimates below the certified lower bound"][1].value == found.too_low
    assert found.bias is not None
    assert table["Mean difference from the share of the draws"][1].text == f"{found.bias:+.3f}"
    assert found.with_bound is not None
    assert table["Rank correlation with the certified lower bound"][1].text.startswith(
        f"{found.with_bound.value:.2f} (95% interval "
    )


def test_the_chart_shows_each_point_that_can_be_compared(build: Build, estimated: Build) -> None:
    """Certified and abstained apart; what is left out is counted in the caption. Always the same bytes."""
    assessment = estimated(build())
    view = section(assessment)
    assert view.calibration is not None
    assert assessment.average_case is not None
    same = calibration(assessment.results, assessment.average_case, seed=1).same
    sizes = [len(bounds) for _, bounds, _ in view.calibration.groups]
    assert sizes == [int((same & assessment.results.certified).sum()), int((same & ~assessment.results.certified).sum())]
    assert f"{int((~same).sum())} points where another class was tried" in view.calibration_caption
    assert drawn(view.calibration) == drawn(view.calibration)


def test_estimates_by_part_stand_beside_certified_accuracy(build: Build, estimated: Build) -> None:
    """Means over the points of a level; the weakest class and cell come first; every level is there."""
    assessment = estimated(build())
    assert assessment.average_case is not None
    levels, classes, cells = section(assessment).parts
    results, value = assessment.results, assessment.average_case.value
    tilted = rows(levels)["tilted true"]
    inside = results.level[:, 3] == 1
    assert tilted[1].value == inside.sum()
    assert tilted[2].value == pytest.approx(value[inside].mean())
    assert tilted[4].value == pytest.approx((results.clean == results.label)[inside].mean())
    assert tilted[5].value == pytest.approx(certified_at(results, 0.25)[inside].mean())
    assert len(levels.rows) == sum(len(attribute.levels) for attribute in assessment.spec.domain.attributes)
    for table in (classes, cells):
        means = [row[2].value for row in table.rows]
        assert means == sorted(means, key=lambda mean: mean or 0.0)


def test_a_design_without_a_probability_model_has_means_and_no_intervals(build: Build, estimated: Build) -> None:
    """Of estimates and of certified accuracy alike."""
    view = section(estimated(build(design="grid")))
    assert "interval" not in view.lead
    assert {row[column].text for table in view.parts for row in table.rows for column in (3, 6)} == {"–"}
    assert all(row[2].value is not None for row in view.parts[0].rows)


def test_what_is_called_robust_is_counted(build: Build, estimated: Build) -> None:
    """At each radius asked for; an estimator that is too high is seen as refuted points."""
    assessment = estimated(build(), bias=0.1)
    assert assessment.average_case is not None
    found = called_robust(assessment.results, assessment.average_case, 0.25)
    assert found is not None
    row = rows(section(assessment).robust)["0.25"]
    assert [cell.value for cell in row[1:]] == [found.certified, found.undecided, found.refuted, found.missed, found.neither]
    assert found.refuted > 0


def test_predicted_draws_stand_beside_spent_ones_where_draws_stop(build: Build, estimated: Build) -> None:
    """And nowhere else; the share of the draws is then not compared."""
    assessment = estimated(build(budget="sequential"))
    view = section(assessment)
    assert f"they took {int((assessment.results.n0 + assessment.results.n).sum()):,}, which is" in view.draws
    assert "Mean difference from the share of the draws" not in rows(view.agreement)
    assert section(estimated(build())).draws == ""


def test_another_noise_level_is_not_compared(build: Build, estimated: Build) -> None:
    """All points are left out, no chart is drawn, and the means by part stand."""
    view = section(estimated(build(), sigma=0.1))
    assert view.calibration is None
    assert view.robust is None
    assert rows(view.agreement)["Points that can be compared"][1].text == "0 of 300"
    assert len(view.parts) == 3


@pytest.mark.parametrize("policy", ["cascade", "multi_start"])
def test_policies_of_noise_levels(noisy: Build, estimated: Build, policy: str) -> None:
    """Points that happen to have the level of the estimates are compared, before any memory; the page is made."""
    assert "average-case" in html(page_of(estimated(noisy(policy))))


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("mmse_mvs_probit", "through a multivariate sigmoid at the scale nearest"),
        ("mmse_curved", "with the variance that a quadratic margin has"),
        ("taylor", "linearised at the input"),
        ("moments", "mean and covariance of the margins"),
        ("mc", "the share of noisy copies"),
        ("softmax", "it knows nothing of the noise"),
    ],
)
def test_methods_are_told_in_words(build: Build, estimated: Build, method: str, words: str) -> None:
    """With what they look at: copies, and gradients where they do."""
    facts = said(section(estimated(build(points=60), method=method)))
    assert words in facts["Method"]
    assert ("noisy copies" in facts["Settings"]) == (method.split("_", maxsplit=1)[0] in ("mc", "mmse", "moments"))
    gradients = [name for name in facts if name.startswith("Margins without a")]
    assert bool(gradients) == (method not in ("mc", "softmax"))
    if gradients:
        assert facts[gradients[0]].startswith("at 7 of 60 points")


def test_times_are_the_manifests(build: Build, estimated: Build) -> None:
    """Where it tells none, none is said."""
    assessment = estimated(build())
    assert said(section(assessment))["Time"] == "3.2 s for 300 points; the certificates of the points took 12.5 s"
    silent = {name: value for name, value in assessment.manifest.items() if name != "average_case"}
    assert "Time" not in said(section(replace(assessment, manifest=silent)))


def test_what_was_left_out_is_said(again: Build) -> None:
    """A modified model without gradients: the reason, and nothing else."""
    assessment = again(points=60)
    spec = replace(assessment.spec, average_case=AverageCasePlan(sigma=0.25))
    manifest = {**assessment.manifest, "average_case": {"points": 0, "left_out": "no gradients <here>"}}
    text = html(page_of(replace(assessment, spec=spec, manifest=manifest)))
    assert "they were left out for the modified model: no gradients &lt;here&gt;" in text
    assert "estimates-levels-table" not in text


def test_many_points_are_drawn_evenly(build: Build, estimated: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chart stays small, and the caption says so."""
    from odd_assess.report.view import average_case as room
    from odd_assess.report.view import reduction

    monkeypatch.setattr(reduction, "MOST_MARKERS", 50)
    monkeypatch.setattr(room, "MOST_MARKERS", 50)
    view = section(estimated(build()))
    assert view.calibration is not None
    assert max(len(bounds) for _, bounds, _ in view.calibration.groups) == 50
    assert "50 points at most are drawn" in view.calibration_caption
    assert np.isfinite(view.calibration.low)
