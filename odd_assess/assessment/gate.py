"""Which points are certified: all that were asked for, or, one look after another, as many as the blocking criteria need to be decided."""

from __future__ import annotations

from collections.abc import Iterator

from odd_assess.assessment.certifying import (
    Certifier,
    comparison_work,
    plan_of,
    recertifying_plan,
    reference_plan,
    reference_points,
)
from odd_assess.criteria import reference_draws, undecided
from odd_assess.evidence import MAIN, REFERENCE, EvidenceStore, found_points, results
from odd_assess.odd import Reach, coverage_of
from odd_assess.records import Evidence, NoiseLevels, OddPoints, Reduction, Results, Spec

FIRST_LOOK = 10
"""Points before the first look: fewer decide hardly anything."""


def looks(most: int, *, until_decided: bool) -> Iterator[int]:
    """The numbers of points after which one looks: 10, then a tenth more each time, up to ``most``; only ``most`` where points do not stop when decided.

    They depend on nothing else, so that a run that was interrupted looks at the same points again.
    """
    size = min(FIRST_LOOK, most) if until_decided else most
    while size < most:
        yield size
        size = min(most, max(size + 1, size * 11 // 10))
    yield most


def certify_points(certifier: Certifier, draws: int, reach: Reach) -> OddPoints:
    """Certify points until every blocking criterion is decided (all points, unless the spec says so), then the subsamples of them.

    ``draws`` bound each point (at most, where they stop when decided). Subsamples: at the reference budget, and at single noise levels.

    Raises: RunError when model, data or disk give way; what is certified stays.
    """
    spec, bench, store, tell = certifier.spec, certifier.bench, certifier.store, certifier.tell
    plan, policy = recertifying_plan(spec) or plan_of(spec, draws), spec.certification.policy
    points, found = bench.points, results((), spec.domain, policy)
    for size in looks(len(bench.points), until_decided=spec.sampling.until_decided):
        points = bench.points[:size]
        certifier.certify(certifier.work(MAIN, plan, points))
        if not spec.sampling.until_decided:
            break
        found = Results.joined([found, results(store.columns(MAIN, first=len(found), below=size), spec.domain, policy)])
        open_ = _undecided(spec, found, reach, points, bench.source.class_names)
        tell.say(f"after {size} points: {'undecided: ' + ', '.join(open_) if open_ else 'every blocking criterion is decided'}")
        if not open_:
            break
    if (reference := reference_plan(spec.certification)) is not None:
        certifier.certify(certifier.work(REFERENCE, reference, reference_points(spec, points), address="reference/"))
    for work in comparison_work(spec, points, draws):
        certifier.certify(work)
    certifier.remember(points)
    return points


def _undecided(spec: Spec, found: Results, reach: Reach, points: OddPoints, class_names: tuple[str, ...]) -> list[str]:
    """The blocking criteria that further points could decide."""
    blocking = [c for group in spec.criteria for c in group.criteria if c.severity == "blocking"]
    no_loss = Reduction(n_ref=reference_draws(spec.certification), expected_reference=found.radius, predicted=None)
    covered = coverage_of(spec.domain, found.cell, reach)
    evidence = Evidence(
        domain=spec.domain,
        sampling=spec.sampling,
        results=found,
        coverage=covered,
        reduction=no_loss,
        class_names=class_names,
        points=points,
    )
    return [criterion.id for criterion in undecided(blocking, evidence)]


def gather(spec: Spec, store: EvidenceStore, points: OddPoints) -> tuple[Results, Results | None, NoiseLevels | None]:
    """What the store holds of these points, as columns: at the budget, of the reference subsample if there is one, and of the policy if there is one.

    A run that goes on finds more points in the store than its early looks had, so only these are taken: the first ones, by design.
    """
    reference = results(store.columns(REFERENCE), spec.domain, spec.certification.policy)
    found, noise = found_points(store, spec, below=len(points))
    return found, reference if len(reference) else None, noise
