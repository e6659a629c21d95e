"""Certifying the points of a run: a pilot where the budget needs one, every point at the budget, a subsample at the reference budget."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from odd_assess.certify import (
    CascadePlan,
    IncrementalPlan,
    OneLevelPlan,
    Plan,
    ReducedPlan,
    SequentialPlan,
    SingleBatchPlan,
    content_key,
    noise_digest,
)
from odd_assess.criteria import asked_radii, reference_draws
from odd_assess.errors import InputError, RunError
from odd_assess.evidence import (
    MAIN,
    MEMORY,
    PILOT,
    Cache,
    EvidenceStore,
    Row,
    calibration_stage,
    chosen_levels,
    note_cache,
    note_levels,
    results,
    single_stage,
)
from odd_assess.execution import Bench, Work, Workers
from odd_assess.policies import ByInput, Cascade, PerCell
from odd_assess.progress import Progress
from odd_assess.records import Certificate, CertificationPlan, OddPoint, OddPoints, Spec
from odd_assess.stats import draws_for_reduction
from odd_assess.stats.balls import pairs_of

BasePoints = Mapping[int, tuple[Row, Certificate]]
"""The points of a baseline by their number, each with its certificate and the answers that are kept."""


def plan_of(spec: Spec, n: int) -> Plan:
    """The plan that the spec's budget asks for, with ``n`` draws to bound each point (at most, where they stop when decided).

    Where a policy chooses the noise level of each point, the plan's own is the largest that it can choose.
    """
    certification = spec.certification
    if isinstance(certification.policy, Cascade):
        return CascadePlan(sigmas=certification.policy.sigmas, n0=certification.budget.n0, n=n, alpha=certification.alpha)
    return single_plan(spec, n, certification.sigma)


def single_plan(spec: Spec, n: int, sigma: float) -> OneLevelPlan:
    """The plan that the spec's budget asks for at the one noise level ``sigma``, whatever its policy."""
    budget, alpha = spec.certification.budget, spec.certification.alpha
    match budget.kind:
        case "single_batch":
            return SingleBatchPlan(n=n, sigma=sigma, alpha=alpha)
        case "sequential":
            radii = asked_radii(criterion for group in spec.criteria for criterion in group.criteria)
            return SequentialPlan(n0=budget.n0, max_draws=n, sigma=sigma, alpha=alpha, radii=radii)
        case _:
            return ReducedPlan(n0=budget.n0, n=n, sigma=sigma, alpha=alpha, name=budget.kind)


def recertifying_plan(spec: Spec) -> IncrementalPlan | None:
    """The plan of a modified model that is certified on its baseline; None where the spec says of none.

    Raises: InputError for settings that no plan can have.
    """
    settings = spec.recertification
    if settings is None:
        return None
    alpha, alpha_z = settings.split(spec.certification.alpha)
    radii = asked_radii(criterion for group in spec.criteria for criterion in group.criteria) if settings.when_decided else ()
    try:
        return IncrementalPlan(
            n=settings.draws,
            alpha=alpha,
            alpha_z=alpha_z,
            route=settings.route,
            gamma=settings.gamma,
            models=settings.models,
            radii=radii,
        )
    except ValueError as error:
        raise InputError(str(error)) from error


def reference_plan(certification: CertificationPlan) -> Plan | None:
    """The plan of the reference subsample: the same procedure at the reference budget, with a fixed n."""
    if certification.reference is None or not certification.reference.points:
        return None
    n = certification.reference.n
    if isinstance(certification.policy, Cascade):
        return CascadePlan(sigmas=certification.policy.sigmas, n0=certification.budget.n0, n=n, alpha=certification.alpha)
    if certification.budget.kind == "single_batch":
        return SingleBatchPlan(n=n, sigma=certification.sigma, alpha=certification.alpha)
    return ReducedPlan(n0=certification.budget.n0, n=n, sigma=certification.sigma, alpha=certification.alpha)


def reference_points(spec: Spec, points: OddPoints) -> OddPoints:
    """A simple random subsample of the points, in design order, drawn by the run's seed."""
    if spec.certification.reference is None:
        return points[:0]
    return _subsample(points, spec.certification.reference.points, key=spec.sampling.seed + 2**64)


def comparison_points(spec: Spec, points: OddPoints) -> OddPoints:
    """Another one, which is certified at single noise levels too."""
    if spec.certification.comparison is None:
        return points[:0]
    return _subsample(points, spec.certification.comparison.points, key=spec.sampling.seed + 2**65)


def _subsample(points: OddPoints, count: int, *, key: int) -> OddPoints:
    chosen = np.random.Generator(np.random.Philox(key=key)).permutation(len(points))[:count]
    return points.take(np.sort(chosen))


def pilot_work(spec: Spec, bench: Bench) -> Work:
    """The pilot of a tolerance budget: n0 draws on points of its own."""
    budget, certification = spec.certification.budget, spec.certification
    assert budget.pilot_points is not None  # a tolerance budget has them
    plan = SingleBatchPlan(n=budget.n0, sigma=certification.sigma, alpha=certification.alpha)
    return Work(stage=PILOT, address="pilot/", plan=plan, points=bench.further_points(spec, budget.pilot_points))


def calibration_work(spec: Spec, bench: Bench) -> Iterator[Work]:
    """The points of their own on which the level of each cell is chosen, at each level of the grid. Their noise certifies nothing."""
    policy, certification = spec.certification.policy, spec.certification
    if not isinstance(policy, PerCell):
        return
    points = bench.further_points(spec, policy.points)
    for sigma in policy.grid:
        plan = SingleBatchPlan(n=policy.draws, sigma=sigma, alpha=certification.alpha)
        yield Work(stage=calibration_stage(sigma), address="sigma/calibration/", plan=plan, points=points)


def point_work(
    spec: Spec,
    stage: str,
    plan: Plan | IncrementalPlan,
    points: OddPoints,
    *,
    address: str = "",
    cell_levels: tuple[float, ...] | None,
    base: BasePoints | None = None,
) -> Work:
    """Points of the run, at the noise levels that its policy chooses; ``cell_levels`` are those of the cells, where cells decide.

    ``base``: the points of the baseline, where a modified model is certified on it.
    """
    policy = spec.certification.policy
    by_input = policy if isinstance(policy, ByInput) else None
    keep = spec.certification.cache if stage == MAIN else 0
    return Work(
        stage=stage, address=address, plan=plan, points=points, cell_levels=cell_levels, policy=by_input, keep=keep, base=base
    )


def comparison_work(spec: Spec, points: OddPoints, n: int) -> Iterator[Work]:
    """The subsample at each single level, on the noise of the run's own certificates: a level that is the policy's own gives what the policy gave."""
    if spec.certification.comparison is not None:
        for sigma in spec.certification.comparison.sigmas:
            plan = single_plan(spec, n, sigma)
            yield Work(stage=single_stage(sigma), address="", plan=plan, points=comparison_points(spec, points))


class Certifier:
    """Certifies points of one run into its evidence store; what is there already is not drawn again."""

    def __init__(
        self, spec: Spec, bench: Bench, workers: Workers, store: EvidenceStore, tell: Progress, *, base: BasePoints | None = None
    ) -> None:
        self.spec = spec
        self.bench = bench
        self.workers = workers
        self.store = store
        self.tell = tell
        self.base = base
        self.cell_levels: tuple[float, ...] | None = None
        self.spent: dict[str, Spent] = {}

    def calibrate(self) -> None:
        """Choose the level of each cell, where the policy asks for it; what was chosen is kept in the evidence."""
        policy = self.spec.certification.policy
        if not isinstance(policy, PerCell):
            return
        for work in calibration_work(self.spec, self.bench):
            self.certify(work)
        self.cell_levels = chosen_levels(self.store, self.spec)
        note_levels(self.store, self.cell_levels)
        used = ", ".join(f"{sigma:g} in {self.cell_levels.count(sigma)}" for sigma in sorted(set(self.cell_levels)))
        self.tell.say(f"noise level of {len(self.cell_levels)} cells: {used}")

    def work(self, stage: str, plan: Plan | IncrementalPlan, points: OddPoints, *, address: str = "") -> Work:
        """Points of the run to certify, at the noise levels that its policy chooses."""
        return point_work(self.spec, stage, plan, points, address=address, cell_levels=self.cell_levels, base=self.base)

    def keep_for_modified_models(self, n: int) -> None:
        """Say in the evidence which answers are kept at each point, of the ``n`` that bound it, and on which noise.

        Raises: RunError when the disk refuses.
        """
        noise = self.bench.noise
        draws = min(self.spec.certification.cache, n)
        if draws:
            note_cache(self.store, Cache(draws=draws, noise=noise_digest(noise), generator=noise.generator))

    def remember(self, points: OddPoints) -> None:
        """Keep the distances of inputs whose certificates may contradict each other, where levels are chosen by looking at the input.

        Raises: RunError when data or disk give way, or where an input is another than the one that was certified.
        """
        if not isinstance(self.spec.certification.policy, ByInput):
            return
        alone = results(self.store.columns(MAIN, below=len(points)), self.spec.domain)
        self.tell.say(f"memory: the inputs of {len(points)} points are compared")
        digests = self.store.inputs(MAIN)

        def inputs() -> Iterator[NDArray[np.float32]]:
            for chunk, batch in self.bench.realised(points):
                images = batch.images.numpy()
                for point, image in zip(chunk, images, strict=True):
                    if content_key(image).hex() != digests.get(point.index):
                        raise RunError(
                            f"point {point.index} must have the input that was certified, but it is realised as another one; "
                            "the data changed meanwhile. Mend that and go on with --resume"
                        )
                yield images

        self.store.keep_pairs(pairs_of(inputs(), alone.chosen, alone.radius))
        self.store.note(MEMORY, str(len(points)))

    def pilot(self) -> Pilot | None:
        """The pilot of a tolerance budget: n0 draws on points of its own, which choose n and are not used again. None for other budgets."""
        certification = self.spec.certification
        budget = certification.budget
        if budget.kind != "tolerance" or self.spec.recertification is not None:
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
        at_most = isinstance(work.plan, SequentialPlan) or (isinstance(work.plan, IncrementalPlan) and bool(work.plan.radii))
        most = " at most" if at_most else ""
        before = f", {done} are done already" if done else ""
        self.tell.say(
            f"{work.stage}: {count} points to certify with {work.plan.draws:,} draws each{most} ({draws:,} draws){before}"
        )
        self.tell.begin(points=count, draws=draws, at_most=at_most)
        begun, spent = time.perf_counter(), 0
        for row, certificate in self.workers.certify(
            replace(work, points=left), on_draws=lambda draws: self.tell.advance(draws=draws)
        ):
            self.store.add(work.stage, row, certificate)
            self.tell.advance(points=1, spent=draws_of(certificate))
            spent += draws_of(certificate)
        earlier = self.spent.get(work.stage, Spent())
        self.spent[work.stage] = Spent(seconds=earlier.seconds + time.perf_counter() - begun, draws=earlier.draws + spent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a stage took since the run was begun or gone on with: seconds by the clock, and the draws that were classified in them."""

    seconds: float = 0.0
    draws: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilot:
    """How a tolerance budget came to its n: ``points`` points with ``draws`` draws each."""

    points: int
    draws: int
    tolerance: float
    n: int
    expected_reduction: float


def draws_of(certificate: Certificate) -> int:
    """The noisy copies that a certificate took, over all levels of a cascade."""
    return max(1, len(certificate.levels)) * (certificate.n0 + certificate.n)


def _missing(points: Sequence[OddPoint], done: frozenset[int]) -> Sequence[OddPoint]:
    if not done:
        return points
    if isinstance(points, OddPoints):
        return points.take(~np.isin(points.indices, np.fromiter(done, dtype=np.int64, count=len(done))))
    return [point for point in points if point.index not in done]
