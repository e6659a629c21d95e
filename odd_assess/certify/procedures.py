"""Certification procedures: generators that ask for draws, are sent class counts, and return a certificate.

A procedure yields ``Draw(n, sigma, stage)`` and is sent the class counts (num_classes,) of those n noisy copies. It knows nothing of models,
batches or devices, so it can be tested with a coin. The engine (engine.py) answers the requests of many procedures at once.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from odd_assess.certify.plans import CascadePlan, IncrementalPlan, OneLevelPlan, Plan, ReducedPlan, SequentialPlan, SingleBatchPlan
from odd_assess.records import Abstained, Certificate, Certified, Counts, Floats, LevelCounts, Reused
from odd_assess.stats import (
    anytime_lower_bound,
    anytime_modified_lower_bound,
    anytime_modified_upper_bound,
    anytime_upper_bound,
    cascade_choice,
    certified_radius,
    fewest_to_decide,
    fewest_to_decide_modified,
    largest_radius,
    log_evidence_above,
    log_evidence_below,
    proportion_lower_bound,
    proportion_upper_bound,
    refuted_modified,
    shown_modified,
)

BLOCK_GROWTH = 32
"""A block of a sequential procedure is at least 1/32 of the draws so far: late blocks stay large, at about 1.5 % more draws."""
REUSABLE = frozenset({"reduced", "fixed", "tolerance"})
"""Procedures whose certificates may be a baseline: draws of their own chose the class, and n was fixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """A request: classify ``n`` copies of the input with Gaussian noise of std ``sigma``: draws ``start`` to ``start + n`` of the address ``stage``.

    ``against`` (n,): what another model answered to these copies. The counts are then (2, num_classes): of the answers, and of those that are the same.
    ``keep``: the answers to so many of the first draws go with the certificate.

    Raises: ValueError for n < 1, or ``against`` of another length.
    """

    n: int
    sigma: float
    stage: str
    start: int = 0
    against: NDArray[np.integer[Any]] | None = None
    keep: int = 0

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"a request must ask for at least one draw, got {self.n}")
        if self.against is not None and len(self.against) != self.n:
            raise ValueError(f"there must be an answer for each of {self.n} draws to compare with, got {len(self.against)}")


ClassCounts = NDArray[np.int64]
Procedure = Generator[Draw, ClassCounts, Certificate]


def procedure(plan: Plan, *, stage: str = "", keep: int = 0) -> Procedure:
    """The procedure that carries out ``plan``. ``stage`` prefixes its noise addresses: another prefix draws independent noise.

    ``keep``: the certificate carries the answers to so many of the draws that bound it (`ReducedPlan` alone).
    """
    match plan:
        case ReducedPlan():
            return reduced(plan, stage=stage, keep=keep)
        case SingleBatchPlan():
            return single_batch(plan, stage=stage)
        case SequentialPlan():
            return sequential(plan, stage=stage)
        case CascadePlan():
            return cascade(plan, stage=stage)


def reduced(plan: ReducedPlan, *, stage: str = "", keep: int = 0) -> Procedure:
    """A certificate that is false with probability at most alpha: n0 draws choose the class, n fresh draws bound it.

    If the chosen class has p_a <= Phi(r / sigma), the Clopper-Pearson bound exceeds that with probability at most alpha, whatever class
    the independent first stage chose.

    Source: Cohen, Rosenfeld, Kolter, ICML 2019, theorem 1 and CERTIFY; Seferis, Kollias, Cheng 2024 for small n.
    """
    selection = yield Draw(n=plan.n0, sigma=plan.sigma, stage=f"{stage}select")
    chosen = int(selection.argmax())
    counts = yield Draw(n=plan.n, sigma=plan.sigma, stage=f"{stage}bound", keep=min(keep, plan.n))
    p_a_lower = proportion_lower_bound(int(counts[chosen]), plan.n, alpha=plan.alpha)
    return _certificate(chosen, p_a_lower, counts, selection, plan=plan)


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
    chosen = int(counts.argmax())
    p_a_lower = proportion_lower_bound(int(counts[chosen]), plan.n, alpha=plan.alpha / 2)
    return _certificate(chosen, p_a_lower, counts, None, plan=plan)


def sequential(plan: SequentialPlan, *, stage: str = "") -> Procedure:
    """A certificate that is false with probability at most alpha, from no more draws than the radii of the plan need to be decided.

    n0 draws choose the class. Then fresh draws come in blocks, until each radius is certified or refuted for that class at the present counts, or
    ``max_draws`` are spent. The bound is valid at any stopping time, so it does not matter that the draws themselves tell when to stop. A block is
    as large as the fewest draws that could decide, so that hardly a draw is spent after the decision.

    No part of alpha goes to the refutations. A radius that is certified can only be false if the lower bound exceeds pA at some time (probability <=
    alpha), one that is refuted only if the upper bound falls below it (the same); at any one radius only one of the two can be false.

    Source: Ville's inequality; `odd_assess.stats.sequential`. Wald, Ann. Math. Stat. 16 (1945) for the limit ln(1/alpha) / KL(pA || p0) on the mean draws.
    """
    selection = yield Draw(n=plan.n0, sigma=plan.sigma, stage=f"{stage}select")
    chosen = int(selection.argmax())
    counts: ClassCounts = np.zeros_like(selection)
    drawn = 0
    while block := _next_block(plan, int(counts[chosen]), drawn):
        counts = counts + (yield Draw(n=block, sigma=plan.sigma, stage=f"{stage}bound", start=drawn))
        drawn += block
    p_a_lower = anytime_lower_bound(int(counts[chosen]), drawn, alpha=plan.alpha)
    return _certificate(chosen, p_a_lower, counts, selection, plan=plan)


def cascade(plan: CascadePlan, *, stage: str = "") -> Procedure:
    """A certificate of the cascade of noise levels that is false with probability at most alpha.

    At each level n0 draws choose a class and n fresh draws count the answers. All bounds hold at once but with probability alpha, so the level with the largest
    radius gives the certificate: its sigma, counts and bound. The counts of all levels are the certificate's ``levels``.

    Source: `odd_assess.stats.cascade`.
    """
    levels: list[tuple[ClassCounts, ClassCounts]] = []
    for k, sigma in enumerate(plan.sigmas):
        selection = yield Draw(n=plan.n0, sigma=sigma, stage=f"{stage}cascade{k}/select")
        levels.append((selection, (yield Draw(n=plan.n, sigma=sigma, stage=f"{stage}cascade{k}/bound"))))
    return cascade_certificate(plan, [selection for selection, _ in levels], [counts for _, counts in levels])


def cascade_certificate(plan: CascadePlan, selections: list[ClassCounts], counts: list[ClassCounts]) -> Certificate:
    """What the counts of a cascade certify."""
    labels = [int(selection.argmax()) for selection in selections]
    at, radius, p_a_lower = cascade_choice(counts, labels, plan.sigmas, alpha=plan.alpha)
    common: dict[str, Any] = {
        "label": labels[at],
        "p_a_lower": p_a_lower,
        "n0": plan.n0,
        "n": plan.n,
        "sigma": plan.sigmas[at],
        "alpha": plan.alpha,
        "procedure": plan.name,
        "counts": Counts.from_array(counts[at]),
        "selection": Counts.from_array(selections[at]),
        "levels": tuple(
            LevelCounts(sigma=sigma, selection=Counts.from_array(chosen), counts=Counts.from_array(counted))
            for sigma, chosen, counted in zip(plan.sigmas, selections, counts, strict=True)
        ),
    }
    return Certified(radius=radius, **common) if radius > 0 else Abstained(**common)


def incremental(plan: IncrementalPlan, base: Certificate, *, stage: str = "") -> Procedure:
    """A certificate of a modified model that is false with probability at most alpha + alpha_z, for the class of the baseline's certificate ``base``.

    The modified model answers to the first ``plan.n`` of the copies that bounded the baseline; where the plan has radii, as many of them as these need to be
    decided.

    Raises: ValueError unless ``base`` is of a procedure with a fixed n, and carries at least ``plan.n`` answers, or where the modified model has
    fewer classes than were answered there.
    Source: Ugare et al., ICLR 2024 (IRS); `odd_assess.stats.incremental`.
    """
    if base.procedure not in REUSABLE or base.selection is None:
        raise ValueError(f"the baseline must be certified by {', '.join(sorted(REUSABLE))}, got {base.procedure}")
    kept = base.answers
    if kept is None or len(kept) < plan.n:
        raise ValueError(
            f"the baseline must carry its answers to at least {plan.n} draws, got {0 if kept is None else len(kept)}; ask for fewer draws, or certify "
            "the baseline again and keep more"
        )
    base_hits = base.counts.of(base.label)
    bounds = (plan.terms.base_lower(base_hits, base.n), proportion_upper_bound(base_hits, base.n, alpha=plan.alpha))
    known_class = max(label for label, _ in base.selection.by_class + base.counts.by_class)
    counts: ClassCounts = np.zeros((2, 0), dtype=np.int64)
    drawn = head = lost = hits = 0
    while block := _next_incremental(plan, bounds, base.sigma, lost, hits - (head - lost), hits, drawn):
        against = kept[drawn : drawn + block]
        found = yield Draw(n=block, sigma=base.sigma, stage=f"{stage}bound", start=drawn, against=against)
        if known_class >= found.shape[1]:
            raise ValueError(
                f"the modified model must have the baseline's classes, among them {known_class}, got {found.shape[1]} classes"
            )
        counts = found + counts if drawn else found
        drawn += block
        head += int(np.count_nonzero(against == base.label))
        hits, lost = int(counts[0, base.label]), head - int(counts[1, base.label])
    known: dict[str, int] = {"base_hits": base_hits, "base_n": base.n}
    tail_hits, tail = base.selection.of(base.label) + base_hits - head, base.n0 + base.n - drawn
    route = plan.terms.route(**known, tail_hits=tail_hits, tail=tail, n=drawn)
    p_a_lower = plan.terms.lower_bound(route, **known, head=head, lost=lost, hits=hits, n=drawn)
    reused = Reused(route=route, **known, head=head, lost=lost, changed=drawn - int(counts[1].sum()))
    radius = certified_radius(p_a_lower, sigma=base.sigma)
    common: dict[str, Any] = {
        "label": base.label,
        "p_a_lower": p_a_lower,
        "n0": 0,
        "n": drawn,
        "sigma": base.sigma,
        "alpha": plan.whole_alpha,
        "procedure": plan.name,
        "counts": Counts.from_array(counts[0]),
        "reused": reused,
    }
    return Certified(radius=radius, **common) if radius > 0 else Abstained(**common)


@lru_cache(maxsize=2**14)
def _next_incremental(
    plan: IncrementalPlan, base: tuple[float, float], sigma: float, lost: int, gained: int, hits: int, drawn: int
) -> int:
    """The draws to ask for next; 0 where every radius is decided or the answers of the baseline are used up. Without radii, all of them at once.

    ``base``: the baseline's bounds from below and from above.
    """
    left = plan.n - drawn
    if not plan.radii or not left:
        return left
    undecided = _undecided_incremental(plan, base, sigma, lost, gained, hits, drawn)
    if not undecided:
        return 0
    fewest = max(
        fewest_to_decide_modified(lost, gained, hits, drawn, p0, base=base, alpha_z=plan.alpha_z, most=left) for p0 in undecided
    )
    return min(left, max(fewest, drawn // BLOCK_GROWTH))


def _undecided_incremental(
    plan: IncrementalPlan, base: tuple[float, float], sigma: float, lost: int, gained: int, hits: int, drawn: int
) -> list[float]:
    """The proportions Phi(r / sigma) of the radii that these counts neither certify nor refute."""
    p0 = np.minimum(ndtr(np.array(plan.radii) / sigma), np.nextafter(1.0, 0.0))
    if not drawn:
        return [float(p) for p in p0]
    shown = shown_modified(lost, hits, drawn, p0, base_lower=base[0], alpha_z=plan.alpha_z)
    undecided = ~(shown | refuted_modified(gained, hits, drawn, p0, base_upper=base[1], alpha_z=plan.alpha_z))
    if undecided.any():
        return [float(p) for p in p0[undecided]]
    at_least = float(anytime_modified_lower_bound(lost, hits, drawn, base_lower=base[0], alpha_z=plan.alpha_z))
    at_most = float(anytime_modified_upper_bound(gained, hits, drawn, base_upper=base[1], alpha_z=plan.alpha_z))
    return _between(plan.radii, p0, at_least=at_least, at_most=at_most, sigma=sigma)


@lru_cache(maxsize=2**14)  # many points pass through the same counts
def _next_block(plan: SequentialPlan, hits: int, drawn: int) -> int:
    """The draws to ask for next; 0 where every radius is decided or the budget is spent."""
    left = plan.max_draws - drawn
    undecided = _undecided(plan, hits, drawn) if left else []
    if not undecided:
        return 0
    fewest = max(fewest_to_decide(hits, drawn, p0, alpha=plan.alpha, most=left) for p0 in undecided)
    return min(left, max(fewest, drawn // BLOCK_GROWTH))


def _undecided(plan: SequentialPlan, hits: int, drawn: int) -> list[float]:
    """The proportions Phi(r / sigma) of the radii that these counts neither certify nor refute."""
    p0 = np.minimum(ndtr(np.array(plan.radii) / plan.sigma), np.nextafter(1.0, 0.0))  # beyond 8 sigma
    enough = -np.log(plan.alpha)
    above, below = log_evidence_above(hits, drawn, p0), log_evidence_below(hits, drawn, p0)
    undecided = np.asarray(np.maximum(above, below) < enough)
    if undecided.any():
        return [float(p) for p in p0[undecided]]
    at_least, at_most = (bound(hits, drawn, alpha=plan.alpha) for bound in (anytime_lower_bound, anytime_upper_bound))
    return _between(plan.radii, p0, at_least=at_least, at_most=at_most, sigma=plan.sigma)


def _between(radii: tuple[float, ...], p0: Floats, *, at_least: float, at_most: float, sigma: float) -> list[float]:
    """The proportions ``p0`` of the radii that these bounds on pA neither certify nor refute, as those who judge the counts will round."""
    lower, upper = certified_radius(at_least, sigma=sigma), float(largest_radius(at_most, sigma=sigma))
    return [float(p) for r, p in zip(radii, p0, strict=True) if not (lower >= r and lower > 0) and not upper < r]


def _certificate(
    chosen: int, p_a_lower: float, counts: ClassCounts, selection: ClassCounts | None, *, plan: OneLevelPlan
) -> Certificate:
    radius = certified_radius(p_a_lower, sigma=plan.sigma)
    common: dict[str, Any] = {
        "label": chosen,
        "p_a_lower": p_a_lower,
        "n0": 0 if selection is None else int(selection.sum()),
        "n": int(counts.sum()),
        "sigma": plan.sigma,
        "alpha": plan.alpha,
        "procedure": plan.name,
        "counts": Counts.from_array(counts),
        "selection": None if selection is None else Counts.from_array(selection),
    }
    return Certified(radius=radius, **common) if radius > 0 else Abstained(**common)
