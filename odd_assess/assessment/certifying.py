"""Certifying the points of a run: a pilot where the budget needs one, every point at the budget, a subsample at the reference budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from odd_assess.certify import Plan, ReducedPlan, SequentialPlan, SingleBatchPlan
from odd_assess.criteria import asked_radii, reference_draws
from odd_assess.evidence import PILOT, EvidenceStore, results
from odd_assess.execution import Bench, Work, Workers
from odd_assess.progress import Progress
from odd_assess.records import CertificationPlan, OddPoint, OddPoints, Spec
from odd_assess.stats import draws_for_reduction


def plan_of(spec: Spec, n: int) -> Plan:
    """The plan that the spec's budget asks for, with ``n`` draws to bound each point (at most, where they stop when decided)."""
    certification = spec.certification
    budget, sigma, alpha = certification.budget, certification.sigma, certification.alpha
    match budget.kind:
        case "single_batch":
            return SingleBatchPlan(n=n, sigma=sigma, alpha=alpha)
        case "sequential":
            radii = asked_radii(criterion for group in spec.criteria for criterion in group.criteria)
            return SequentialPlan(n0=budget.n0, max_draws=n, sigma=sigma, alpha=alpha, radii=radii)
        case _:
            return ReducedPlan(n0=budget.n0, n=n, sigma=sigma, alpha=alpha, name=budget.kind)


def reference_plan(certification: CertificationPlan) -> Plan | None:
    """The plan of the reference subsample: the same procedure at the reference budget, with a fixed n."""
    if certification.reference is None:
        return None
    n = certification.reference.n
    if certification.budget.kind == "single_batch":
        return SingleBatchPlan(n=n, sigma=certification.sigma, alpha=certification.alpha)
    return ReducedPlan(n0=certification.budget.n0, n=n, sigma=certification.sigma, alpha=certification.alpha)


def reference_points(spec: Spec, points: OddPoints) -> OddPoints:
    """A simple random subsample of the points, in design order, drawn by the run's seed."""
    if spec.certification.reference is None:
        return points[:0]
    generator = np.random.Generator(np.random.Philox(key=spec.sampling.seed + 2**64))
    chosen = generator.permutation(len(points))[: spec.certification.reference.points]
    return points.take(np.sort(chosen))


def pilot_work(spec: Spec, bench: Bench) -> Work:
    """The pilot of a tolerance budget: n0 draws on points of its own."""
    budget, certification = spec.certification.budget, spec.certification
    assert budget.pilot_points is not None  # a tolerance budget has them
    plan = SingleBatchPlan(n=budget.n0, sigma=certification.sigma, alpha=certification.alpha)
    return Work(stage=PILOT, address="pilot/", plan=plan, points=bench.further_points(spec, budget.pilot_points))


class Certifier:
    """Certifies points of one run into its evidence store; what is there already is not drawn again."""

    def __init__(self, spec: Spec, bench: Bench, workers: Workers, store: EvidenceStore, tell: Progress) -> None:
        self.spec = spec
        self.bench = bench
        self.workers = workers
        self.store = store
        self.tell = tell

    def pilot(self) -> Pilot | None:
        """The pilot of a tolerance budget: n0 draws on points of its own, which choose n and are not used again. None for other budgets."""
        certification = self.spec.certification
        budget = certification.budget
        if budget.kind != "tolerance":
            return None
        assert budget.tolerance is not None  # a tolerance budget has one
        work = pilot_work(self.spec, self.bench)
        self.certify(work)
        counts = results(self.store.columns(PILOT), self.spec.domain)
        n, expected = draws_for_reduction(
            counts.hits,
            counts.n,
            reference_draws(certification),
            tolerance=budget.tolerance,
            alpha=certification.alpha,
            sigma=certification.sigma,
            most=budget.n,
        )
        self.tell.say(f"pilot: n = {n:,} draws a point, expected to reduce the radius by {expected:.1%}")
        return Pilot(points=len(work.points), draws=budget.n0, tolerance=budget.tolerance, n=n, expected_reduction=expected)

    def certify(self, work: Work) -> None:
        """Certify what has no certificate yet.

        Raises: RunError when model, data or disk give way; what is certified stays.
        """
        left = _missing(work.points, self.store.done(work.stage))
        count, draws, done = len(left), len(left) * work.plan.draws, len(work.points) - len(left)
        at_most = isinstance(work.plan, SequentialPlan)
        most = " at most" if at_most else ""
        before = f", {done} are done already" if done else ""
        self.tell.say(
            f"{work.stage}: {count} points to certify with {work.plan.draws:,} draws each{most} ({draws:,} draws){before}"
        )
        self.tell.begin(points=count, draws=draws, at_most=at_most)
        for row, certificate in self.workers.certify(
            replace(work, points=left), on_draws=lambda draws: self.tell.advance(draws=draws)
        ):
            self.store.add(work.stage, row, certificate)
            self.tell.advance(points=1, spent=certificate.n0 + certificate.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilot:
    """How a tolerance budget came to its n: ``points`` points with ``draws`` draws each."""

    points: int
    draws: int
    tolerance: float
    n: int
    expected_reduction: float


def _missing(points: Sequence[OddPoint], done: frozenset[int]) -> Sequence[OddPoint]:
    if not done:
        return points
    if isinstance(points, OddPoints):
        return points.take(~np.isin(points.indices, np.fromiter(done, dtype=np.int64, count=len(done))))
    return [point for point in points if point.index not in done]
