"""Estimating average-case robustness at the points of a run, after they are certified; what is in the evidence already is not estimated again."""

from __future__ import annotations

import time

import numpy as np

from odd_assess.assessment.certifying import Spent
from odd_assess.errors import ModelError, RunError
from odd_assess.evidence import LEFT_OUT, EvidenceStore
from odd_assess.execution import Bench, check_estimable, estimate_points
from odd_assess.progress import Progress
from odd_assess.records import OddPoints, Spec


def why_not_estimated(spec: Spec, bench: Bench, tell: Progress) -> str:
    """Why the estimates that the spec asks for must be left out: of a modified model that has no gradients, such as one of integers. Empty where they need not.

    Raises: ModelError where any other model lacks what the method needs.
    """
    if spec.average_case is None:
        return ""
    try:
        check_estimable(bench, spec.average_case)
    except ModelError as error:
        if spec.recertification is None:
            raise
        tell.say(f"no estimates of average-case robustness: {error}")
        return str(error)
    return ""


def estimate_certified(
    spec: Spec, bench: Bench, store: EvidenceStore, points: OddPoints, tell: Progress, *, without: str, elsewhere: bool
) -> Spent | None:
    """Estimate the ``points`` of the run in design order, a chunk committed at a time; what that took, None where the spec asks for nothing.

    ``without``: why they are left out, which is noted. ``elsewhere``: other processes certified the points; the estimates are made by this one.

    Raises: RunError when model, data or disk give way; what is certified and estimated stays.
    """
    plan = spec.average_case
    if plan is None:
        return None
    if without:
        store.note(LEFT_OUT, without)
        return None
    done = store.estimated()
    left = points.take(~np.isin(points.indices, np.fromiter(done, dtype=np.int64, count=len(done))))
    before = f", {len(points) - len(left)} are done already" if done else ""
    where = ", by this process and not by workers" if elsewhere else ""
    tell.say(f"estimates (no certificates): {len(left)} points, average-case robustness by {plan.method}{before}{where}")
    begun = time.perf_counter()
    try:
        for _, found in estimate_points(bench, plan, left, seed=spec.sampling.seed, tell=tell):
            store.add_estimates(found)
    except RunError as error:
        raise RunError(f"{error}. What is certified and estimated is kept; mend the cause and go on with --resume") from error
    return Spent(seconds=time.perf_counter() - begun, draws=len(left) * plan.copies)
