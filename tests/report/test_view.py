from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odd_assess.criteria import certified_at, check
from odd_assess.criteria.inference import point_weights
from odd_assess.criteria.words import part_noun
from odd_assess.records import Assessment, SamplingPlan, State
from odd_assess.report import page_of
from odd_assess.report.view import formats, weighing
from odd_assess.report.view.band import accuracy_band
from odd_assess.report.view.extremes import weakest_groups
from odd_assess.report.view.points import grey_levels
from odd_assess.report.view.traced import plain
from odd_assess.stats import proportion_lower_bound

Build = Callable[..., Assessment]
FRACTION = st.floats(0, 1)


def _value(text: str) -> float:
    return float(text.rstrip("%").replace("−", "-")) / 100


@given(value=FRACTION, digits=st.integers(0, 4))
def test_bounds_are_printed_on_their_safe_side(value: float, digits: int) -> None:
    """A printed lower bound is never above, a printed upper bound never below the number, and neither is further off than one last digit."""
    step = 10.0 ** -(digits + 2)
    low, high = _value(formats.percent(value, side="down", digits=digits)), _value(formats.percent(value, side="up", digits=digits))
    assert value - step - 1e-12 <= low <= value + 1e-12
    assert value - 1e-12 <= high <= value + step + 1e-12


@given(value=FRACTION, required=st.integers(0, 1000), side=st.sampled_from(["nearest", "down", "up"]))
def test_printed_comparison_is_the_true_one(value: float, required: int, side: formats.Side) -> None:
    """What the printed number says against the printed requirement is what the exact one says, down to a millionth."""
    bar = required / 1000
    if abs(value - bar) < 2e-6 and value != bar:
        return
    printed = _value(formats.metric(value, "1", side=side, against=bar))
    assert np.sign(round(printed - bar, 9)) == np.sign(value - bar)


def test_requirement_is_printed_as_declared() -> None:
    """A required value is never rounded."""
    assert [formats.required(value, "1") for value in (0.8, 0.8765, 0.07)] == ["80%", "87.65%", "7%"]


@pytest.mark.parametrize("state", list(State))
def test_reason_names_the_criteria_that_decide(build: Build, state: State) -> None:
    """The reason names exactly the blocking criteria in the deciding state; a warning is never among them."""
    assessment = build(state)
    assert assessment.verdict is state
    verdict = page_of(assessment).verdict
    assert verdict.state == state.value
    deciding = {
        finding.criterion.id
        for finding in assessment.findings
        if finding.state is state and finding.criterion.severity == "blocking"
    }
    if state is not State.MET:
        assert all(name in verdict.reason for name in deciding)
    assert "LOSS" not in verdict.reason
    assert any("LOSS" in note for note in verdict.notes)


def test_curve_is_the_share_of_points_that_hold(build: Build) -> None:
    """The curve counts exactly the points certified for the true class at the radius or beyond, and never rises."""
    assessment = build()
    chart = page_of(assessment).accuracy.chart
    results = assessment.results
    for radius, share in zip(chart.radii, chart.certified, strict=True):
        expected = np.mean(
            [
                r >= radius and c == t and z
                for r, c, t, z in zip(results.radius, results.chosen, results.label, results.certified, strict=True)
            ]
        )
        assert share == pytest.approx(expected)
    assert (np.diff(chart.certified) <= 1e-12).all()
    assert chart.lower is not None
    assert chart.upper is not None
    assert (chart.lower <= chart.certified + 1e-12).all()
    assert (chart.certified <= chart.upper + 1e-12).all()


def test_lower_edge_of_the_band_subtracts_false_certificates(build: Build) -> None:
    """For independent random points the lower edge is (L - alpha) / (1 - alpha) with L the exact binomial bound (statistics.md, section 3)."""
    assessment = build()
    k, m = int(certified_at(assessment.results, 0.25).sum()), len(assessment.results)
    band = accuracy_band(assessment, np.array([0.25]))
    assert band.lower is not None
    assert band.lower[0] == pytest.approx((proportion_lower_bound(k, m, alpha=0.05) - 0.001) / 0.999)


def test_states_partition_the_points(build: Build) -> None:
    """At every radius the areas of the chart, and in the table the counts, are parts of one whole."""
    page = page_of(build())
    chart = page.states.chart
    assert chart.certified + chart.undecided + chart.refuted == pytest.approx(np.ones(len(chart.radii)))
    counts = [int(cell.text.split("(")[1].rstrip(")")) for cell in page.states.table.rows[0][1:]]
    assert sum(counts) == len(build().results)
    assert min(counts) > 0


def test_equal_allocation_keeps_the_band_around_a_weighted_line(build: Build) -> None:
    """With equal allocation a point stands for its cell: the line is the sum of the cells' shares times their weights."""
    assessment = build(design="stratified", points=120)
    plan = SamplingPlan(design="stratified", points=120, seed=1, allocation="equal")
    assessment = replace(assessment, spec=replace(assessment.spec, sampling=plan))
    results, cells = assessment.results, assessment.spec.domain.cells
    good = certified_at(results, 0.1)
    visited = np.unique(results.cell)
    weights = np.array([cells[cell].weight for cell in visited])
    expected = (
        sum(weight * good[results.cell == cell].mean() for cell, weight in zip(visited, weights, strict=True)) / weights.sum()
    )
    band = accuracy_band(assessment, np.array([0.1, 0.3]))
    assert band.certified[0] == pytest.approx(expected)
    assert band.lower is not None
    assert band.upper is not None
    assert (band.lower <= band.certified).all()
    assert (band.certified <= band.upper).all()


def _equal(build: Build) -> Assessment:
    """Points that do not weigh alike."""
    assessment = build(design="stratified", points=120)
    return replace(
        assessment,
        spec=replace(assessment.spec, sampling=SamplingPlan(design="stratified", points=120, seed=1, allocation="equal")),
    )


def test_shares_of_classes_and_states_are_weighted(build: Build) -> None:
    """Where points stand for different shares of the ODD, the tables, the chart and the headline say shares of the ODD, beside plain counts."""
    assessment = _equal(build)
    results, page = assessment.results, page_of(assessment)
    weights = point_weights(assessment.spec.sampling, assessment.spec.domain, results)
    held = certified_at(results, 0.25)

    def share(inside: np.ndarray, of: np.ndarray) -> float:
        return float(weights[inside & of].sum() / weights[of].sum())

    everywhere = np.ones(len(held), dtype=np.bool_)
    shown = {row[0].text: row for row in page.classes.rows}
    column = [one.title for one in page.classes.columns].index("Certified at 0.25")
    lowest = {}
    for label in np.unique(results.label):
        inside, row = results.label == label, shown[str(label)]
        assert row[column].value == pytest.approx(share(held, inside))
        assert row[column].text.endswith(f"({(held & inside).sum()})")
        assert row[column + 3].value == pytest.approx(share(results.clean == results.label, inside))
        mean = weights[inside] @ np.where(results.correct, results.radius, 0.0)[inside] / weights[inside].sum()
        assert row[column + 1].value == pytest.approx(mean)
        if inside.sum() >= 5:
            lowest[int(label)] = share(held, inside)
    assert any(abs(share(held, results.label == label) - held[results.label == label].mean()) > 0.01 for label in lowest)
    weakest = min(lowest, key=lambda label: lowest[label])
    assert f"class “{weakest}” certified {formats.percent(lowest[weakest], digits=0)} by weight (" in plain(
        weakest_groups(assessment)
    )
    assert page.classes.note.count("do not weigh alike") == 1
    assert page.states.table.note.startswith("Points do not weigh alike")
    assert page.states.chart.share_label == "share of the ODD"
    line = next(row for row in page.states.table.rows if row[0].text == "0.25")
    assert line[1].text == f"{formats.percent(share(held, everywhere))} ({held.sum()})"
    at = int(np.argmin(np.abs(page.states.chart.radii - 0.25)))
    radius = page.states.chart.radii[at]
    assert page.states.chart.certified[at] == pytest.approx(share(certified_at(results, radius), everywhere))
    assert "Points count alike here" in page.reduction.sentence
    alike = page_of(build())
    assert "alike" not in alike.classes.note + alike.states.table.note + alike.reduction.sentence + plain(weakest_groups(build()))
    assert alike.states.chart.share_label == "share of the points"


def test_cells_are_weighted_where_their_points_are_not_alike(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weakest cell of a ranked design is named by weight, beside its count."""
    assessment = build(points=120)
    heavy = np.where(certified_at(assessment.results, 0.25), 1.0, 0.5)
    monkeypatch.setattr(weighing, "weights", lambda *_: heavy)
    ranked = replace(assessment, spec=replace(assessment.spec, sampling=replace(assessment.spec.sampling, design="ranked")))
    assert (weighing.weights_in_cells(ranked) == heavy).all()
    assert (weighing.weights_in_cells(assessment) == 1.0).all()
    assert "by weight" in plain(weakest_groups(ranked)).split(";")[0]
    assert "by weight" not in plain(weakest_groups(assessment)).split(";")[0]


def test_the_reference_subsample_is_weighted(build: Build) -> None:
    """Its columns beside certified accuracy are shares of the ODD, as far as so few points can tell them."""
    assessment = _equal(build)
    reference = assessment.reference
    assert reference is not None
    weights = point_weights(assessment.spec.sampling, assessment.spec.domain, reference)
    row = next(one for one in page_of(assessment).accuracy.table.rows if one[0].text == "0.25")
    same = assessment.results.take(np.isin(assessment.results.index, reference.index))
    expected = [float(weights @ certified_at(one, 0.25)) for one in (reference, same)]
    assert [cell.value for cell in row[-2:]] == pytest.approx(expected)


def test_cells_are_listed_weakest_first_and_empty_ones_last(build: Build) -> None:
    """Every feasible cell has its line; cells without a point close the list and hold no number."""
    assessment = build()
    page = page_of(assessment)
    assert len(page.cells.rows) == len(assessment.spec.domain.cells)
    points = [int(row[5].text) for row in page.cells.rows]
    assert sum(points) == len(assessment.results)
    empty = points.count(0)
    assert empty > 0
    assert points[-empty:] == [0] * empty
    assert all(cell.text == formats.NOTHING for row in page.cells.rows[-empty:] for cell in row[6:10])


def test_reduction_sentence_quotes_measured_and_predicted(build: Build) -> None:
    """Measured with its interval, rounded outwards, beside the prediction for the same points and for all; without a reference only what is predicted."""
    assessment = build()
    found = assessment.reduction
    assert found.measured is not None
    assert found.measured_lower is not None
    assert found.predicted is not None
    sentence = page_of(assessment).reduction.sentence
    for said in (
        formats.percent(found.measured),
        formats.percent(found.measured_lower, side="down"),
        formats.percent(found.predicted),
        "100,000",
        "20 points",
    ):
        assert said in sentence
    assert "not measured" in page_of(build(reference=False)).reduction.sentence


def test_nothing_is_never_less_than_nothing() -> None:
    """A zero that was rounded from below has no sign."""
    assert [formats.percent(value) for value in (-1e-5, 0.0, -0.01)] == ["0.0%", "0.0%", "−1.0%"]


def test_grey_levels_of_a_radius() -> None:
    """A change of g grey levels in every one of d values has the L2 norm g/255 sqrt(d)."""
    values = 3 * 32 * 32
    change = np.full(values, grey_levels(0.5, values) / 255)
    assert np.linalg.norm(change) == pytest.approx(0.5)


def test_untested_parts_are_told(build: Build) -> None:
    """The unrealisable attribute, the unvisited cells and the mode all appear; nothing unrealisable is counted as a gap twice."""
    assessment = build()
    page = page_of(assessment)
    told = " ".join([part.text + " ".join(part.items) for part in page.untested])
    assert "temperature" in told
    assert "no transform models it" in told
    assert "permissive" in told
    assert page.gaps is not None
    assert all(row[1].text != "temperature" for row in page.gaps.rows)


def test_classes_without_a_point_are_named(build: Build) -> None:
    """They stand by name under what was not tested, counted beside the verdict; where every class has a point neither is said."""
    assessment = build()
    more = replace(assessment, class_names=(*assessment.class_names, "ten", "eleven"))
    page = page_of(more)
    assert "2 of 12 classes had no point." in page.verdict.notes
    assert any("ten and eleven" in part.text for part in page.untested)
    assert not any("had no point" in note for note in page_of(assessment).verdict.notes)


def test_weakest_cell_and_class_are_named_with_counts(build: Build) -> None:
    """Nothing with five points or more holds less often than what is named beside the verdict."""
    assessment = build()
    results, held = assessment.results, certified_at(assessment.results, 0.25)
    line = plain(weakest_groups(assessment))
    assert "radius 0.25" in line
    for groups in (results.cell, results.label):
        shares = [(held[groups == g].mean(), (groups == g).sum(), held[groups == g].sum()) for g in np.unique(groups)]
        share, points, hits = min((s for s in shares if s[1] >= 5), key=lambda s: (s[0], -s[1]))
        assert f"certified {formats.percent(share, digits=0)} ({hits} of {points} points)" in line
    assert plain(weakest_groups(replace(assessment, results=results.take(np.arange(4))))) == ""


def test_notes_tell_not_met_from_not_decided(build: Build) -> None:
    """A criterion that does not block stands under its own state."""
    assessment = build(State.NOT_MET)
    cell = next(finding for finding in assessment.findings if finding.criterion.id == "CELL-025")
    open_ = replace(cell, criterion=replace(cell.criterion, severity="info"), state=State.INCONCLUSIVE)
    rest = [finding for finding in assessment.findings if finding is not cell]
    notes = page_of(replace(assessment, findings=(*rest, open_))).verdict.notes
    assert "Not blocking, not decided: CELL-025." in notes
    assert "Not blocking, not met: LOSS." in notes


def test_base_images_are_an_assumption(build: Build) -> None:
    """The limits name the source, its size and how a base image comes to a point, and the share without a frame where there is one."""
    assessment = build()

    def told(changed: Assessment) -> str:
        return " ".join(fact.text for fact in page_of(changed).limits)

    assert "digits, split “test”: 360 images" in told(assessment)
    assert "drawn uniformly" in told(assessment)
    assert "counts against every domain claim" not in told(assessment)
    renderer = replace(assessment.spec.inputs, kind="callable", reference="a:b")
    assert "renderer makes" in told(replace(assessment, spec=replace(assessment.spec, inputs=renderer)))
    framed = replace(
        assessment,
        points=replace(assessment.points, frame=np.zeros(len(assessment.points), dtype=np.int64)),
        spec=replace(assessment.spec, inputs=replace(assessment.spec.inputs, kind="table", weights="frames")),
        coverage=replace(assessment.coverage, reached=0.875),
    )
    assert "inputs.weights: frames" in told(framed)
    assert "12.5% of the declared ODD has no frame" in told(framed)


def test_every_setting_of_a_transform_is_printed(build: Build) -> None:
    """Defaults and given values, each with its meaning, and the place in the order of application."""
    assessment = build()
    given = replace(assessment.spec.realisations[2], parameters={"opacity": 0.7})
    spec = replace(assessment.spec, realisations=(*assessment.spec.realisations[:2], given, assessment.spec.realisations[3]))
    stain = next(fact for fact in page_of(replace(assessment, spec=spec)).domain.realised if fact.name == "surface")
    assert any(item.startswith("opacity = 0.7: ") for item in stain.items)
    assert any(item.startswith("brightness = 0.25 (default): ") for item in stain.items)
    assert any("dusty = 0.05" in item for item in stain.items)
    assert "step 2 of 4" in stain.text


def test_preflight_says_what_its_numbers_are(build: Build) -> None:
    """z-scores with their limit, accuracies with their points, and no empty advice."""
    assessment = build()
    preflight = {
        **assessment.manifest["preflight"],
        "noise_self_test": {"mean": 1.5},
    }
    page = page_of(replace(assessment, manifest={**assessment.manifest, "preflight": preflight}))
    names = [fact.name for group in page.manifest if group.title == "Checks before the run" for fact in group.facts]
    assert "noise self-test (z-score, sound within ±6) · mean" in names
    assert "model on the first realised points · clean accuracy" in names
    assert not any("advice" in name for name in names)


def test_head_shows_no_folder_of_the_model(build: Build) -> None:
    """Of a model file only its name is shown."""
    assessment = build()
    model = replace(assessment.spec.model, reference="/home/someone/models/signs.onnx")
    page = page_of(replace(assessment, spec=replace(assessment.spec, model=model)))
    assert [fact.text for fact in page.facts if fact.name == "Model"] == ["signs.onnx"]


def test_ties_are_told_in_plain_words(build: Build) -> None:
    """None are said to be none; some are counted over run and reference, and the limits say what they mean."""
    assessment = build()
    assert assessment.reference is not None
    short = {fact.name: fact.text for fact in page_of(assessment).facts}
    assert short["Draws too close to call"] == "none"
    assert "Draws too close to call" not in {fact.name for fact in page_of(assessment).limits}
    ties = np.zeros(len(assessment.results), dtype=np.int64)
    ties[:3] = 2
    some = replace(assessment, results=replace(assessment.results, ties=ties))
    draws = sum(int((part.n0 + part.n).sum()) for part in (assessment.results, assessment.reference))
    page = page_of(some)
    assert {fact.name: fact.text for fact in page.facts}["Draws too close to call"] == f"6 of {draws:,}"
    (limit,) = [fact.text for fact in page.limits if fact.name == "Draws too close to call"]
    assert limit.startswith(f"At 6 of {draws:,} draws the model rated its two best classes as good as equal")


@pytest.mark.parametrize(
    ("changes", "section", "words"),
    [
        ({"scope": "each_cell"}, "cells", "cells: "),
        ({"scope": "each_class"}, "classes", "10 classes: "),
        ({"scope": "each_level", "attribute": "0"}, "finding-1", "levels: "),
    ],
)
def test_a_finding_says_what_its_parts_are(
    build: Callable[..., Assessment], changes: dict[str, str], section: str, words: str
) -> None:
    """Cells stand in their table; of levels and classes the finding lists the bounds itself, the worst first."""
    assessment = build()
    if "attribute" in changes:
        changes = {**changes, "attribute": assessment.spec.domain.attributes[0].id}
    criterion = replace(assessment.findings[0].criterion, **changes)  # type: ignore[arg-type]
    found = check([criterion], assessment)
    (shown,) = page_of(replace(assessment, findings=found)).findings
    assert words in shown.tally
    assert shown.tally_at == section
    assert f", in the worst {part_noun(criterion)[0]}" in shown.asks
    parts = found[0].parts
    assert (shown.bounds_of_parts == "") == (section == "cells")
    assert section == "cells" or all(part.name in shown.bounds_of_parts for part in parts)
