"""Certifying the points of a run at its budget, and a subsample of them at the reference budget, into the evidence store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from odd_assess.assessment.bench import Bench
from odd_assess.certify import Engine, Plan, ReducedPlan, SingleBatchPlan, Subject
from odd_assess.errors import InputError, RunError
from odd_assess.evidence import MAIN, REFERENCE, EvidenceStore, Row, results
from odd_assess.progress import Progress
from odd_assess.records import Budget, Certificate, CertificationPlan, OddPoint, Results, Spec


def plan_of(certification: CertificationPlan) -> Plan:
    """The plan that the spec's budget asks for."""
    budget: Budget = certification.budget
    if budget.kind == "single_batch":
        return SingleBatchPlan(n=budget.n, sigma=certification.sigma, alpha=certification.alpha)
    return ReducedPlan(n0=budget.n0, n=budget.n, sigma=certification.sigma, alpha=certification.alpha, name=budget.kind)


def reference_plan(certification: CertificationPlan) -> Plan | None:
    """The plan of the reference subsample: the same procedure at the reference budget."""
    if certification.reference is None:
        return None
    n = certification.reference.n
    if certification.budget.kind == "single_batch":
        return SingleBatchPlan(n=n, sigma=certification.sigma, alpha=certification.alpha)
    return ReducedPlan(n0=certification.budget.n0, n=n, sigma=certification.sigma, alpha=certification.alpha)


def reference_draws(certification: CertificationPlan) -> int:
    """The budget that the radius reduction is measured against: 100,000 draws unless the spec says otherwise."""
    return certification.reference.n if certification.reference is not None else 100_000


def reference_points(spec: Spec, points: Sequence[OddPoint]) -> list[OddPoint]:
    """A simple random subsample of the points, in design order, drawn by the run's seed."""
    if spec.certification.reference is None:
        return []
    generator = np.random.Generator(np.random.Philox(key=spec.sampling.seed + 2**64))
    chosen = generator.permutation(len(points))[: spec.certification.reference.points]
    return [points[i] for i in sorted(chosen)]


def certify_points(spec: Spec, bench: Bench, store: EvidenceStore, tell: Progress) -> None:
    """Certify what has no certificate yet: every point at the budget, the subsample at the reference budget.

    Raises: RunError when model, data or disk give way; what is certified stays.
    """
    plan, reference = plan_of(spec.certification), reference_plan(spec.certification)
    asked: list[tuple[str, str, Plan, Sequence[OddPoint]]] = [(MAIN, "", plan, bench.points)]
    if reference is not None:
        asked.append((REFERENCE, "reference/", reference, reference_points(spec, bench.points)))
    work: list[tuple[str, str, Plan, list[OddPoint]]] = []
    for name, stage, what, points in asked:
        left = _missing(points, store.done(name))
        work.append((name, stage, what, left))
        done = len(points) - len(left)
        before = f", {done} are done already" if done else ""
        tell.say(f"{name}: {len(left)} points to certify with {what.draws:,} draws each ({len(left) * what.draws:,} draws){before}")
    tell.begin(points=sum(len(left) for *_, left in work), draws=sum(len(left) * p.draws for _, _, p, left in work))
    for name, stage, what, left in work:
        rows: dict[int, Row] = {}
        engine = Engine(
            bench.model,
            seed=spec.sampling.seed,
            device=bench.device,
            batch_size=bench.batch_size,
            on_draws=lambda draws: tell.advance(draws=draws),
        )
        for index, certificate in _unbroken(engine, bench.subjects(left, what, stage, rows)):
            store.add(name, rows.pop(index), certificate)
            tell.advance(points=1)


def _missing(points: Sequence[OddPoint], done: frozenset[int]) -> list[OddPoint]:
    return [point for point in points if point.index not in done]


def _unbroken(engine: Engine, subjects: Iterator[Subject]) -> Iterator[tuple[int, Certificate]]:
    try:
        yield from engine.run(subjects)
    except (InputError, ValueError, RuntimeError, ArithmeticError, LookupError, TypeError, OSError) as error:
        if isinstance(error, RunError):
            raise
        raise RunError(
            f"the run broke after {engine.draws} draws: {error}. What is certified is kept; mend the cause and go on with --resume"
        ) from error


def gather(spec: Spec, store: EvidenceStore) -> tuple[Results, Results | None]:
    """What the store holds, as columns."""
    reference = results(store.rows(REFERENCE), spec.domain)
    return results(store.rows(MAIN), spec.domain), reference if len(reference) else None
