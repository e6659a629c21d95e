"""Certification procedures: generators that ask for draws, are sent class counts, and return a certificate.

A procedure yields ``Draw(n, sigma, stage)`` and is sent the class counts (num_classes,) of those n noisy copies. It knows nothing of models,
batches or devices, so it can be tested with a coin. The engine (engine.py) answers the requests of many procedures at once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from odd_assess.certify.plans import Plan, ReducedPlan, SingleBatchPlan
from odd_assess.records import Abstained, Certificate, Certified, Counts
from odd_assess.stats import certified_radius, proportion_lower_bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """A request: classify ``n`` copies of the input with Gaussian noise of std ``sigma``, from the noise addressed by ``stage``."""

    n: int
    sigma: float
    stage: str


ClassCounts = NDArray[np.int64]
Procedure = Generator[Draw, ClassCounts, Certificate]


def procedure(plan: Plan, *, stage: str = "") -> Procedure:
    """The procedure that carries out ``plan``. ``stage`` prefixes its noise addresses: another prefix draws independent noise."""
    match plan:
        case ReducedPlan():
            return reduced(plan, stage=stage)
        case SingleBatchPlan():
            return single_batch(plan, stage=stage)


def reduced(plan: ReducedPlan, *, stage: str = "") -> Procedure:
    """A certificate that is false with probability at most alpha: n0 draws choose the class, n fresh draws bound it.

    If the chosen class has p_a <= Phi(r / sigma), the Clopper-Pearson bound exceeds that with probability at most alpha, whatever class
    the independent first stage chose.

    Source: Cohen, Rosenfeld, Kolter, ICML 2019, theorem 1 and CERTIFY; Seferis, Kollias, Cheng 2024 for small n.
    """
    selection = yield Draw(n=plan.n0, sigma=plan.sigma, stage=f"{stage}select")
    chosen = int(selection.argmax())
    counts = yield Draw(n=plan.n, sigma=plan.sigma, stage=f"{stage}bound")
    return _certificate(chosen, counts, selection, plan=plan, level=plan.alpha, n0=plan.n0)


def single_batch(plan: SingleBatchPlan, *, stage: str = "") -> Procedure:
    """A certificate that is false with probability at most alpha, from one batch that both chooses the class and bounds it.

    The bound is taken at alpha / 2. Proof. Let k* be the fewest agreeing draws that certify at radius r, p0 = Phi(r / sigma) > 1/2.
    A false certificate needs some class with p_c <= p0 to reach k* > n/2 hits, and at most one class can. If one class A has p_A > 1/2:
    either A itself overshoots (probability <= alpha/2) or another class reaches k*, which forces at least k* misses of A, and those have
    p < 1/2 (<= alpha/2). If no class exceeds 1/2, h(p) = P(Bin(n, p) >= k*) is convex on [0, 1/2] with h(0) = 0, so the sum over classes is
    at most 2 h(1/2) <= alpha. At level alpha the procedure would not be valid: the error reaches 1.9 alpha near p_A = 1/2.

    Source: Seferis, Kollias, Cheng 2024 use one batch at level alpha; the correction is ours, tested by exact summation.
    """
    counts = yield Draw(n=plan.n, sigma=plan.sigma, stage=f"{stage}bound")
    return _certificate(int(counts.argmax()), counts, None, plan=plan, level=plan.alpha / 2, n0=0)


def _certificate(
    chosen: int, counts: ClassCounts, selection: ClassCounts | None, *, plan: Plan, level: float, n0: int
) -> Certificate:
    p_a_lower = float(proportion_lower_bound(int(counts[chosen]), plan.n, alpha=level))
    radius = float(certified_radius(p_a_lower, sigma=plan.sigma))
    kind: Callable[..., Certificate] = Certified if radius > 0 else Abstained
    found = {} if radius <= 0 else {"radius": radius}
    return kind(
        label=chosen,
        p_a_lower=p_a_lower,
        n0=n0,
        n=plan.n,
        sigma=plan.sigma,
        alpha=plan.alpha,
        procedure=plan.name,
        counts=Counts.from_array(counts),
        selection=None if selection is None else Counts.from_array(selection),
        **found,
    )
