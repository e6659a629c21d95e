from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from odd_assess.records import Assessment, State
from odd_assess.report import page_of
from odd_assess.report.view import formats

Build = Callable[..., Assessment]


@pytest.mark.parametrize("state", list(State))
def test_brief_answers_what_a_reader_asks_first(build: Build, state: State) -> None:
    """Every criterion that fails is named, the cost is the measured one, what cannot be realised is named, and open criteria come with their advice."""
    assessment = build(state)
    weak, cost, untested, steps = page_of(assessment).brief
    failed = [finding.criterion.id for finding in assessment.findings if finding.state is State.NOT_MET]
    assert all(name in weak.answer for name in failed)
    assert weak.question.startswith("What fails") == bool(failed)
    assert assessment.reduction.measured is not None
    assert cost.answer.startswith(formats.percent(assessment.reduction.measured))
    assert all(lost.attribute in untested.answer for lost in assessment.spec.unrealisable)
    blocking = [f.criterion.id for f in assessment.findings if f.state is not State.MET and f.criterion.severity == "blocking"]
    assert steps.answer.startswith(blocking[0]) if blocking else True


def test_the_first_sentence_of_an_advice_is_quoted_whole(build: Build) -> None:
    """Ranges of levels have dots of their own, which end no sentence; criteria of one advice share it."""
    advice = "2 cells without points: light [100 .. 500) lux, fog [5 .. 9] km. Use more points."
    finding = replace(build().findings[0], state=State.INCONCLUSIVE, advice=advice)
    pair = tuple(replace(finding, criterion=replace(finding.criterion, id=name, severity="blocking")) for name in ("A", "B"))
    steps = page_of(replace(build(), findings=pair)).brief[-1]
    assert steps.answer == "A and B (inconclusive): 2 cells without points: light [100 .. 500) lux, fog [5 .. 9] km."


def test_nothing_open_is_no_order_to_sign(build: Build) -> None:
    """Where all is met the page asks to review what was not tested before anybody signs."""
    assessment = build(State.MET)
    met = tuple(replace(finding, state=State.MET, advice="") for finding in assessment.findings)
    steps = page_of(replace(assessment, findings=met)).brief[-1]
    assert steps.answer == "No blocking criterion and no warning is open. Review what was not tested and the limits; then sign."


def test_references_are_all_named_and_numbered(build: Build, estimated: Build, noisy: Build) -> None:
    """Each reference is named by a method, numbers run from 1 and meet the list; a glossary has no term twice."""
    for assessment in (estimated(build()), build(budget="sequential"), noisy("data_dependent")):
        page = page_of(assessment)
        named = {number for method in page.methods for number in method.references}
        assert named == set(range(1, len(page.references) + 1))
        terms = [fact.name for fact in page.glossary]
        assert len(terms) == len(set(terms))
        assert any("Ville" in reference for reference in page.references) == assessment.results.anytime.any()


def test_radius_in_words_is_on_the_safe_side(build: Build) -> None:
    """A change by the printed grey levels, at every value of the image, stays within the radius."""
    assessment = build()
    assessment = replace(assessment, manifest={**assessment.manifest, "data": {"shape": [1, 12, 12]}})
    sentences = page_of(assessment).radius_sentences
    assert sentences
    for sentence in sentences:
        radius = float(sentence.split("A radius of ")[1].split()[0])
        levels = float(sentence.split("at once by ")[1].split()[0])
        patch = float(sentence.split("4 × 4 pixels by ")[1].split()[0])
        assert levels / 255 * 12 <= radius
        assert patch / 255 * 4 <= radius
