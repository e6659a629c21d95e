"""The section on noise levels, and what else of the page depends on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from odd_assess.audit import Comparison, Release
from odd_assess.audit.comparison import Quantity
from odd_assess.criteria import certified_at
from odd_assess.policies import PerCell
from odd_assess.records import Assessment, SamplingPlan
from odd_assess.report import page_of
from odd_assess.report.comparison import comparison_page
from odd_assess.report.html import html
from odd_assess.report.view import levels
from odd_assess.report.view.noise import noise
from odd_assess.report.view.records import NoiseView, Table
from odd_assess.report.view.traced import settled
from odd_assess.stats import radius_cap

Build = Callable[..., Assessment]
POLICIES = ("per_cell", "cascade", "multi_start", "data_dependent")
BY_INPUT = POLICIES[2:]


page = cache(page_of)
"""The page of an assessment; assessments are equal only to themselves."""


def section(assessment: Assessment) -> NoiseView:
    """The page's section, which must be there."""
    found = settled(noise(assessment))
    assert found is not None
    return found


def mean_radius(assessment: Assessment) -> float:
    """Of the true class, over points that count alike."""
    results = assessment.results
    return float(np.where(results.correct, results.radius, 0.0).mean())


def column(table: Table | None, title: str) -> list[float | None]:
    """The values of a column."""
    assert table is not None
    at = [one.title for one in table.columns].index(title)
    return [row[at].value for row in table.rows]


def test_one_level_has_no_section(build: Build) -> None:
    """A run at one declared level says it in the head, and neither a section nor a warning nor a soundness class."""
    shown = page_of(build())
    assert shown.noise is None
    assert "Noise levels" not in html(shown)
    facts = {fact.name: fact.text for fact in shown.facts}
    assert facts["Noise σ"] == "0.25 input units"
    assert "Soundness" not in facts


@pytest.mark.parametrize("policy", POLICIES)
def test_section_names_policy_and_soundness_everywhere(noisy: Build, policy: str) -> None:
    """The page's head, the section and the kinds of claim name the soundness class; the section names the policy, and the contents lead to it."""
    assessment = noisy(policy)
    assert assessment.noise is not None
    shown = page(assessment)
    assert {fact.name: fact.text for fact in shown.facts}["Soundness"] == assessment.noise.soundness
    assert any(assessment.noise.soundness in fact.text for fact in section(assessment).facts)
    assert assessment.noise.soundness in shown.claims[0].text
    assert section(assessment).facts[0].text.startswith(f"{policy}: ")
    text = html(shown)
    assert 'href="#noise"' in text
    assert text.count('id="noise"') == 1
    for name in {line.split('"')[0] for line in text.split(' id="')[1:]}:
        assert text.count(f' id="{name}"') == 1, name


@pytest.mark.parametrize("policy", POLICIES)
def test_only_choices_that_look_at_the_input_are_warned_of(noisy: Build, policy: str) -> None:
    """Order, growth, attacks seen before the clean input, and what is unsound without a memory: told for these, beside the verdict too; for no other."""
    assessment = noisy(policy)
    shown = page(assessment)
    told = " ".join(fact.text for fact in section(assessment).warnings)
    for words in ("order", "every later", "before the clean input", "Without a memory"):
        assert (words in told) is (policy in BY_INPUT)
    assert any("memory" in note for note in shown.verdict.notes) is (policy in BY_INPUT)
    assert any("metadata" in note for note in shown.verdict.notes) is (policy == "per_cell")
    assert ("fresh memory" in shown.claims[1].text) is (policy in BY_INPUT)


def test_map_of_cells_holds_every_cell_once(noisy: Build) -> None:
    """Each cell with its level, weight and points, summing to the run; the same level stands in the table of results per cell."""
    assessment = noisy("per_cell")
    found, shown = assessment.noise, page(assessment)
    assert found is not None
    table = section(assessment).cells
    assert table is not None
    assert [(row[0].text, row[1].value) for row in table.rows] == list(found.cells)
    assert sum(value or 0 for value in column(table, "Points")) == len(assessment.results)
    assert sum(value or 0 for value in column(table, "Weight")) == pytest.approx(1)
    assert sorted(value or 0 for value in column(shown.cells, "Noise σ")) == sorted(sigma for _, sigma in found.cells)


def test_levels_of_cells_add_up(noisy: Build) -> None:
    """A line for each level that serves a cell: cells, weights and points sum to the whole, and certified is counted at the points of that level."""
    assessment = noisy("per_cell")
    results, table = assessment.results, section(assessment).by_level
    assert column(table, "Noise σ") == sorted(set(results.sigma.tolist()))
    assert sum(value or 0 for value in column(table, "Cells")) == len(assessment.spec.domain.cells)
    assert sum(value or 0 for value in column(table, "Points")) == len(results)
    for sigma, share in zip(column(table, "Noise σ"), column(table, "Certified at 0.25"), strict=True):
        assert share == pytest.approx(certified_at(results, 0.25)[results.sigma == sigma].mean())


def test_levels_of_a_cascade_are_counted_where_they_gave_the_radius(noisy: Build) -> None:
    """The widest first, an abstained point in no level's line; draws are counted at each level, and the cap shares alpha among all bounds."""
    assessment = noisy("cascade")
    results, shown = assessment.results, page(assessment)
    table = section(assessment).by_level
    assert column(table, "Noise σ") == [0.5, 0.25, 0.12, None]
    found = [int((results.certified & (results.sigma == sigma)).sum()) for sigma in (0.5, 0.25, 0.12)]
    assert column(table, "Points") == [*found, int((~results.certified).sum())]
    facts = {fact.name: fact.text for fact in shown.facts}
    assert facts["Draws a point"] == "100 + 1,000 (reduced) at each of 3 noise levels"
    assert facts["Draws in all"].startswith("990,000; 6,006,000 more for the reference; 82,500 at single")
    assert shown.accuracy.chart.cap == radius_cap(1000, alpha=0.001 / 5, sigma=0.5)
    assert "No upper bound on the radius of a cascade is known" in shown.states.caption
    assert shown.states.chart.undecided_label == "undecided"
    assert shown.states.table.columns[2].title == "Undecided"


def test_what_the_memory_took_is_told(noisy: Build) -> None:
    """Radii made smaller, points taken away, mean radius before and after: counted from the radii alone; where nothing was taken, that is told."""
    assessment = noisy("multi_start")
    found, view = assessment.noise, section(assessment)
    assert found is not None
    assert found.alone is not None
    gone = int(((found.alone > 0) & ~assessment.results.certified).sum())
    shrunk = int((found.alone > assessment.results.radius).sum()) - gone
    assert gone > 0
    assert f"touched {shrunk + gone} of 300 points" in view.lost
    assert f"at {shrunk} points the radius became smaller" in view.lost
    assert f"at {gone} points it answers with another class" in view.lost
    alone, counted, lost = (column(view.memory, title) for title in ("Each point alone", "With the memory", "Lost"))
    before = replace(assessment, results=levels.alone(assessment))
    assert alone[0] == pytest.approx(mean_radius(before))
    assert counted[0] == pytest.approx(mean_radius(assessment))
    assert lost[0] == pytest.approx(mean_radius(before) - mean_radius(assessment))
    assert alone[2] == pytest.approx(certified_at(before.results, 0.25).mean())
    untouched = section(noisy("multi_start", taken=False))
    assert "took nothing" in untouched.lost
    assert untouched.memory is None


def test_the_budget_is_not_blamed_for_the_memory(noisy: Build) -> None:
    """Scatter, curve and the share lost at each radius use the radii of each point alone; the curve of certified accuracy uses what counts."""
    assessment = noisy("data_dependent")
    found, shown = assessment.noise, page(assessment)
    assert found is not None
    assert shown.reduction.scatter is not None
    assert shown.reduction.curve is not None
    assert found.alone is not None
    np.testing.assert_array_equal(shown.reduction.scatter.achieved, found.alone)
    assert shown.reduction.curve.run[1] == pytest.approx(np.mean(found.alone))
    assert shown.accuracy.chart.certified[0] == pytest.approx(assessment.results.correct.mean())
    assert "before the memory" in shown.reduction.sentence


@pytest.mark.parametrize("policy", ["per_cell", "multi_start"])
def test_theory_of_one_level_is_not_drawn_for_many(noisy: Build, policy: str) -> None:
    """The formula of a point speaks of one sigma; caps are named as those of the largest level."""
    shown = page(noisy(policy))
    assert shown.reduction.scatter is not None
    assert shown.reduction.scatter.theory is None
    assert shown.accuracy.chart.cap_label.endswith("largest σ")
    assert shown.reduction.budgets is not None
    assert shown.reduction.budgets.columns[-1].title == f"Cap at σ = {levels.level(float(noisy(policy).results.sigma.max()))}"


@pytest.mark.parametrize("policy", POLICIES)
def test_gain_is_that_of_the_same_points(noisy: Build, policy: str) -> None:
    """Against each level: mean radius there, and the policy's less it, point by point; the best level is the one with the largest mean."""
    assessment = noisy(policy)
    found, view = assessment.noise, section(assessment)
    assert found is not None
    table, rows = view.single, found.single[0].index
    assert table is not None
    ours = np.where(assessment.results.correct, assessment.results.radius, 0.0)[rows].mean()
    means = [float(np.where(one.correct, one.radius, 0.0).mean()) for one in found.single]
    assert column(table, "Mean radius") == pytest.approx([*means, ours])
    gains = [row[2].value for row in table.rows[:-1]]
    assert gains == pytest.approx([ours - mean for mean in means])
    best = [row[0].text for row in table.rows if "best" in row[0].text]
    assert best == [f"{(0.12, 0.25, 0.5)[int(np.argmax(means))]:g} (best)"]
    assert "stimates on a subsample" in table.note
    assert view.curves is not None
    assert view.curves.certified[1][0] == pytest.approx(assessment.results.correct[rows].mean())


def test_bounds_on_the_gain_enclose_it(noisy: Build) -> None:
    """Lower bound, gain and upper bound stand in this order; without a probability model, or where points stopped when decided, there are none."""
    assessment = noisy("per_cell")
    table = section(assessment).single
    assert table is not None
    for row in table.rows[:-1]:
        for cell in (row[2], row[4]):
            gain, lower, upper = (
                float(part.rstrip("%").replace("−", "-"))
                for part in cell.text.replace("(", "").replace(")", "").replace("to ", "").split()
            )
            assert lower <= gain <= upper
    stopped = SamplingPlan(design="random", points=400, seed=7, until_decided=True)
    for plan in (stopped, SamplingPlan(design="sobol", points=300, seed=7)):
        other = section(replace(assessment, spec=replace(assessment.spec, sampling=plan)))
        assert other.single is not None
        assert not any("(" in row[2].text for row in other.single.rows)
        assert "No bounds are stated" in other.single.note


def test_upper_bound_on_the_gain_does_not_profit_from_the_memory(noisy: Build) -> None:
    """What the memory took couples the points: it may lower a lower bound, but an upper bound is that of each point alone."""
    with_loss, without = (noisy("multi_start", taken=taken) for taken in (True, False))
    tables = [section(one).single for one in (with_loss, without)]
    for mine, whole in zip(*([row[2].text for row in table.rows[:-1]] for table in tables if table), strict=True):
        assert mine.split(" to ")[1] == whole.split(" to ")[1]


def test_no_comparison_no_gain(noisy: Build) -> None:
    """Without single levels there is neither table nor chart, and the page stands."""
    assessment = noisy("per_cell", single=())
    shown = page(assessment)
    assert section(assessment).single is None
    assert section(assessment).curves is None
    assert "Against a single noise level" not in html(shown)


def test_levels_that_hardly_differ_are_told_not_drawn(noisy: Build) -> None:
    """A search that stays where it begins has no histogram; levels at a bound are counted."""
    assessment = noisy("data_dependent")
    assert section(assessment).spread is not None
    same = replace(assessment.results, sigma=np.full(len(assessment.results), 1.5))
    view = section(replace(assessment, results=same))
    assert view.spread is None
    assert any("1.5 at every point; 300 points at the upper bound 1.5" in fact.text for fact in view.facts)


def test_histogram_counts_every_point(noisy: Build) -> None:
    """Bars sum to the points, and edges enclose all levels."""
    assessment = noisy("multi_start")
    spread = section(assessment).spread
    assert spread is not None
    assert spread.counts.sum() == len(assessment.results)
    assert spread.edges[0] == assessment.results.sigma.min()
    assert spread.edges[-1] == assessment.results.sigma.max()


def test_weak_points_tell_their_level_and_what_the_memory_took(noisy: Build) -> None:
    """Each exhibit names its level; one that the memory took away is not called abstained."""
    assessment = noisy("multi_start")
    found = assessment.noise
    assert found is not None
    assert found.alone is not None
    row = int(np.flatnonzero((found.alone > 0) & ~assessment.results.certified)[0])
    exhibit = replace(assessment.exhibits[0], index=row)
    (weak,) = page_of(replace(assessment, exhibits=(exhibit,))).weakest
    assert "the memory answers with another class" in weak.outcome
    assert {fact.name: fact.text for fact in weak.condition}["Noise σ"] == levels.level(float(assessment.results.sigma[row]))


def test_a_cell_without_a_point_has_a_level(noisy: Build) -> None:
    """Few points leave cells empty: their level is told, their numbers are not."""
    assessment = noisy("per_cell", points=40, single=())
    table = section(assessment).cells
    assert isinstance(assessment.spec.certification.policy, PerCell)
    assert table is not None
    empty = [row for row in table.rows if row[3].text == "0"]
    assert empty
    assert all(row[1].value is not None and row[4].text == "–" for row in empty)


@pytest.mark.parametrize("policy", ["per_cell", "cascade"])
def test_comparison_of_runs_says_whose_levels_count(noisy: Build, policy: str) -> None:
    """Runs side by side: policy and soundness below their table, and that each model has levels of its own, except in a cascade."""
    assessment = noisy(policy)
    assert assessment.noise is not None
    releases = tuple(Release(folder=Path(name), assessment=assessment) for name in ("old", "new"))
    asked = Quantity(of="certified_accuracy", radius=0.25)
    note = comparison_page(Comparison(releases=releases, quantities=(asked,), differences=((),))).runs.note
    assert f"{policy}: {assessment.noise.policy.in_words}" in note
    assert assessment.noise.soundness in note
    assert ("levels of its own" in note) is (policy != "cascade")
