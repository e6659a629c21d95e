"""From bounds to a state: what a domain claim reads over the ODD, and in each of its parts (cells, levels of an attribute, classes).

**Over the ODD.** MET if the lower bound reaches the requirement, NOT MET if the upper bound misses it, else INCONCLUSIVE. Lower and upper bound
are one-sided, each with the criterion's confidence: a model that does not meet the requirement passes with probability at most
1 - confidence, and one that meets it fails with probability at most 1 - confidence.

**In each part** (decided 2026-11-20 for cells, 2026-11-21 for levels and classes). The claim is "the worst part meets it". Let beta = 1 - confidence, H the
parts that have points.

- MET needs every part's test to reject at level beta, *without* a correction: if some part does not meet the requirement, the claim is false only if that
  part's own test fails (intersection-union test, Berger 1982). So the lower bound of the worst part is the smallest of the parts' bounds at beta.
- NOT MET needs one part that does not meet it, found by looking at all: Bonferroni, the smallest of the upper bounds at beta / H.
- Which parts meet it and which do not is named with Holm's procedure (or Bonferroni's), so that with probability 1 - beta no part is
  named wrongly as meeting it, and likewise as not meeting it. If the claim is MET every part is named. Taken together this still errs with
  probability at most beta where the parts' points are independent, given how many each has: its rejections are among those of Hochberg's step-up procedure
  (Hochberg 1988), and simulated in the tests. So it is for cells, and for any part in the random design.
- Levels and classes in the stratified designs, and all parts in the ranked one, have bounds that depend on each other. Their parts are named with
  Bonferroni alone, by the bounds that are listed; if the claim is MET, that itself says so of every part, and errs with probability at most beta.
- The bounds of the single parts hold together: each is at beta / H. They are wider than what decides MET, and the finding says so.
- Where points stop when the verdict is decided, and where the number of points of a part is not given beforehand, all parts are the family. The
  p-values hold at any time, and the smallest of a part's p-values over time depends on its own points only, so the argument for independent parts stands.
- A part without points is INCONCLUSIVE, and so is the criterion, unless another part does not meet it.

**Between levels.** The claim is "no two levels differ by more". With K levels of fractions q:

- The difference of the best level a and the worst b is at most upper_a - lower_b, where each bound is at beta / 2, whichever the two are: intersection-union,
  no correction for the number of pairs. So the largest such difference over all pairs bounds the largest difference from above.
- From below it is the largest lower bound less the smallest upper bound, where all 2 K bounds are at beta / (2 K) and hold together.
- A level without points has the bounds 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from odd_assess.criteria.claims import Bounds, Claim, FractionClaim
from odd_assess.criteria.inference import Anytime, Independent, Inference
from odd_assess.criteria.parts import Partition
from odd_assess.records import Bools, Comparator, Criterion, Floats, Part, State
from odd_assess.stats import bonferroni, holm


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Bounds and state of a claim; ``parts`` where the criterion speaks of each cell, level or class."""

    state: State
    observed: float | None
    lower: float | None
    upper: float | None
    parts: tuple[Part, ...] = ()


def state_of(comparator: Comparator, required: float, *, lower: float, upper: float) -> State:
    """MET if every value between the bounds satisfies the comparison, NOT MET if none does, else INCONCLUSIVE."""
    if (lower >= required) if comparator == ">=" else (upper <= required):
        return State.MET
    if (upper < required) if comparator == ">=" else (lower > required):
        return State.NOT_MET
    return State.INCONCLUSIVE


def read_odd(claim: Claim, criterion: Criterion, inference: Inference, weights: Floats, *, copies: float = 1.0) -> Reading:
    """The claim over the ODD. ``weights`` (m,) are those of the plain estimate."""
    lower, upper = claim.bounds(inference, beta=beta_of(criterion), copies=copies)
    return Reading(
        state=state_of(criterion.comparator, criterion.required, lower=lower, upper=upper),
        observed=claim.estimate(weights),
        lower=lower,
        upper=upper,
    )


def read_parts(
    claim: FractionClaim,
    criterion: Criterion,
    partition: Partition,
    within: Sequence[Inference | None],
    weights: Floats,
    *,
    copies: float = 1.0,
) -> Reading:
    """The claim on the worst part, and on each part. ``within`` (parts,) bounds inside each part that has points. The comparison is ">="."""
    visited = [part for part in range(len(partition)) if within[part] is not None]
    inferences = [inference for inference in within if inference is not None]
    claims = [claim.take(partition.inside(part)) for part in visited]
    observed = [one.estimate(_shares(weights[partition.inside(part)])) for part, one in zip(visited, claims, strict=True)]
    beta = beta_of(criterion)
    conditional = all(isinstance(inference, Independent) for inference in inferences)  # on how many points each part has
    family = len(visited) if conditional else len(partition)
    lowers = [one.bounds(inside, beta=beta, copies=copies)[0] for one, inside in zip(claims, inferences, strict=True)]
    together = [one.bounds(inside, beta=beta / family, copies=copies) for one, inside in zip(claims, inferences, strict=True)]
    worst_lower = min(lowers) if len(visited) == len(partition) else None
    worst_upper = min(upper for _, upper in together)
    state = state_of(">=", criterion.required, lower=-1.0 if worst_lower is None else worst_lower, upper=worst_upper)
    meets, fails = _named(claims, criterion, inferences, together, family, copies)
    at = {part: i for i, part in enumerate(visited)}
    parts = []
    for part, name in enumerate(partition.names):
        i = at.get(part)
        if i is None:
            parts.append(Part(name=name, state=State.INCONCLUSIVE, points=0, observed=None, lower=None, upper=None))
            continue
        named = State.MET if meets[i] or state is State.MET else State.NOT_MET if fails[i] else State.INCONCLUSIVE
        lower, upper = together[i]
        parts.append(Part(name=name, state=named, points=len(claims[i].low), observed=observed[i], lower=lower, upper=upper))
    deciding = int(np.argmin([upper for _, upper in together] if state is State.NOT_MET else lowers))
    return Reading(state=state, observed=observed[deciding], lower=worst_lower, upper=worst_upper, parts=tuple(parts))


def read_difference(
    claim: FractionClaim,
    criterion: Criterion,
    partition: Partition,
    within: Sequence[Inference | None],
    weights: Floats,
    *,
    copies: float = 1.0,
) -> Reading:
    """The largest difference of the claim's fraction between two parts. Arguments as in `read_parts`; the comparison is "<="."""
    beta, count = beta_of(criterion), len(partition)
    single, together, parts = [], [], []
    observed: list[float] = []
    for part, inside in enumerate(within):
        if inside is None:
            single.append((0.0, 1.0))
            together.append((0.0, 1.0))
            continue
        one = claim.take(partition.inside(part))
        single.append(one.bounds(inside, beta=beta / 2, copies=copies))
        together.append(one.bounds(inside, beta=beta / (2 * count), copies=copies))
        observed.append(one.estimate(_shares(weights[partition.inside(part)])))
    gaps = [high - low for a, (_, high) in enumerate(single) for b, (low, _) in enumerate(single) if a != b]
    upper = min(1.0, max([0.0, *gaps]))
    lower = max(0.0, max(low for low, _ in together) - min(high for _, high in together))
    state = state_of("<=", criterion.required, lower=lower, upper=upper)
    values = iter(observed)
    for part, (inside, (low, high)) in enumerate(zip(within, together, strict=True)):
        apart = any(low - b > criterion.required or a - high > criterion.required for a, b in together)
        parts.append(
            Part(
                name=partition.names[part],
                state=state if state is State.MET else State.NOT_MET if apart else State.INCONCLUSIVE,
                points=int(partition.inside(part).sum()),
                observed=None if inside is None else next(values),
                lower=None if inside is None else low,
                upper=None if inside is None else high,
            )
        )
    seen = max(observed) - min(observed) if len(observed) > 1 else None
    return Reading(state=state, observed=seen, lower=lower, upper=upper, parts=tuple(parts))


def _shares(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum())


def beta_of(criterion: Criterion) -> float:
    """The error probability of the criterion's claim, one side."""
    assert criterion.confidence is not None  # `check` has made sure
    return 1.0 - criterion.confidence


def _named(
    claims: Sequence[FractionClaim],
    criterion: Criterion,
    within: Sequence[Inference],
    together: Sequence[Bounds],
    family: int,
    copies: float,
) -> tuple[Bools, Bools]:
    """The parts that may be named as meeting the requirement, and as not meeting it, among ``family`` parts."""
    alpha, required = claims[0].alpha, criterion.required
    tests = [inside for inside in within if isinstance(inside, Independent | Anytime)]
    if len(tests) < len(within):
        return np.array([lower >= required for lower, _ in together]), np.array([upper < required for _, upper in together])
    # if a part's true fraction is q, a point is shown with probability <= q + alpha (1 - q) and not excluded with probability >= q (1 - alpha)
    pairs = list(zip(claims, tests, strict=True))
    too_good = [inside.p_value_above(one.low, required + alpha * (1.0 - required), copies=copies) for one, inside in pairs]
    too_bad = [inside.p_value_below(one.high, required * (1.0 - alpha), copies=copies) for one, inside in pairs]
    reject: Callable[..., Bools] = bonferroni if criterion.multiplicity == "bonferroni" else holm
    without = np.ones(family - len(claims))  # a part without points has p = 1
    meets, fails = (reject(np.concatenate([p, without]), level=beta_of(criterion))[: len(claims)] for p in (too_good, too_bad))
    return meets, fails
