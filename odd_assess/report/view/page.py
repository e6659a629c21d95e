"""The whole page, section by section in the order of the report."""

from __future__ import annotations

from odd_assess.records import Assessment, CriteriaSet
from odd_assess.report.view import (
    attribute_levels,
    average_case,
    domain,
    every_point,
    findings,
    formats,
    glossary,
    groups,
    levels,
    manifest,
    methods,
    noise,
    points,
    radii,
    recertified,
    reduction,
    words,
)
from odd_assess.report.view.brief import brief
from odd_assess.report.view.budgets import draws_a_point, draws_in_all, ties_in_words
from odd_assess.report.view.records import Fact, Page
from odd_assess.report.view.traced import quoted, settled


def page_of(assessment: Assessment, *, title: str | None = None, images: bool = True) -> Page:
    """What the report of a finished assessment says; under another ``title``, and without ``images`` of the data, where that is asked for."""
    moment, told = manifest.finished(assessment.manifest), findings.findings(assessment)
    page = Page(
        title=assessment.spec.title if title is None else title,
        spec_id=assessment.spec.id,
        run_id=manifest.run_id(assessment.manifest),
        version=manifest.version(assessment.manifest),
        finished=manifest.finished_text(assessment.manifest),
        finished_iso=moment.isoformat() if moment else "",
        digests=manifest.digests(assessment),
        facts=_facts(assessment),
        verdict=findings.verdict(assessment),
        brief=brief(assessment, told),
        findings=told,
        changes=findings.changes(assessment),
        clauses_note=findings.clauses_note(assessment),
        reduction=reduction.reduction(assessment),
        noise=noise.noise(assessment),
        recertified=recertified.recertified(assessment),
        average_case=average_case.average_case(assessment),
        domain=domain.domain(assessment),
        accuracy=radii.accuracy(assessment),
        outcomes=every_point.outcomes(assessment),
        states=radii.states(assessment),
        by_level=attribute_levels.by_level(assessment),
        apart=attribute_levels.apart(assessment),
        pairs=attribute_levels.pairs(assessment),
        pairs_note=attribute_levels.pairs_note(assessment),
        cells=groups.cells(assessment),
        classes=groups.classes(assessment),
        points=every_point.points(assessment),
        weakest=points.weakest(assessment, images=images),
        weakest_note=points.note(assessment, images=images),
        untested=domain.untested(assessment),
        gaps=domain.gaps(assessment),
        claims=words.claims(assessment),
        limits=words.limits(assessment),
        radius_words=words.radius_words(assessment),
        radius_sentences=words.radius_sentences(assessment),
        glossary=glossary.glossary(assessment),
        methods=methods.methods(assessment),
        references=methods.references(assessment),
        commands=methods.commands(assessment),
        manifest=manifest.groups(assessment),
        signatures=manifest.signatures(assessment),
    )
    return settled(page)


def _facts(assessment: Assessment) -> tuple[Fact, ...]:
    """The run in a few numbers."""
    plan = assessment.spec.certification
    return (
        *recertified.head(assessment),
        Fact(name="Points", text=domain.points_in_words(assessment)),
        Fact(name="Draws a point", text=draws_a_point(assessment)),
        Fact(name="Draws in all", text=draws_in_all(assessment)),
        Fact(name="Draws too close to call", text=ties_in_words(assessment)),
        Fact(name="Noise σ", text=levels.in_words(assessment)),
        *((Fact(name="Soundness", text=assessment.noise.soundness),) if assessment.noise is not None else ()),
        Fact(name="α per certificate", text=formats.plain(plan.alpha, of="spec/alpha")),
        Fact(name="Model", text=recertified.model_words(assessment)),
        Fact(
            name="Criteria",
            text=formats.listed(
                [quoted(_named(group), f"spec/criteria/{k}") for k, group in enumerate(assessment.spec.criteria, start=1)],
                of="spec/criteria",
            ),
        ),
    )


def _named(criteria: CriteriaSet) -> str:
    return criteria.id if criteria.base is None else f"{criteria.id} (extends {_named(criteria.base)})"
