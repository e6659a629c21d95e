"""From bounds to a state: what a domain claim reads over the ODD, and in each of its cells.

**Over the ODD.** MET if the lower bound reaches the requirement, NOT MET if the upper bound misses it, else INCONCLUSIVE. Lower and upper bound
are one-sided, each with the criterion's confidence: a model that does not meet the requirement passes with probability at most
1 - confidence, and one that meets it fails with probability at most 1 - confidence.

**In each cell** (decided 2026-11-20). The claim is "the worst cell meets it". Let beta = 1 - confidence, H the cells that have points.

- MET needs every cell's test to reject at level beta, *without* a correction: if some cell does not meet the requirement, the claim is false only if that
  cell's own test fails (intersection-union test, Berger 1982). So the lower bound of the worst cell is the smallest of the cells' bounds at beta.
- NOT MET needs one cell that does not meet it, found by looking at all: Bonferroni, the smallest of the upper bounds at beta / H.
- Which cells meet it and which do not is named with Holm's procedure (or Bonferroni's), so that with probability 1 - beta no cell is
  named wrongly as meeting it, and likewise as not meeting it. If the claim is MET every cell is named. Taken together this still errs with
  probability at most beta: its rejections are among those of Hochberg's step-up procedure, valid for independent cells (Hochberg 1988), and simulated
  in the tests.
- The bounds of the single cells hold together: each is at beta / H. They are wider than what decides MET, and the finding says so.
- Where points stop when the verdict is decided, all cells of the domain are the family, and the p-values hold at any time. The smallest of a cell's
  p-values over time depends on its own points only, so the argument for independent cells stands.
- A cell without points is INCONCLUSIVE, and so is the criterion, unless another cell does not meet it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from odd_assess.criteria.claims import Claim, FractionClaim
from odd_assess.criteria.inference import Anytime, Independent, Inference
from odd_assess.odd.domain import Domain
from odd_assess.records import Bools, Comparator, Criterion, Floats, Ints, Part, State
from odd_assess.stats import bonferroni, holm


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Bounds and state of a claim; ``parts`` by cell where the scope is each cell."""

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


def read_cells(
    claim: FractionClaim, criterion: Criterion, inside: Independent | Anytime, domain: Domain, cell: Ints, *, copies: float = 1.0
) -> Reading:
    """The claim on the worst cell, and on each cell. ``cell`` (m,) indexes ``domain.cells``; ``inside`` bounds within a cell. The comparison is ">="."""
    visited = [int(index) for index in np.unique(cell)]
    claims = {index: claim.take(cell == index) for index in visited}
    beta = beta_of(criterion)
    family = len(domain.cells) if isinstance(inside, Anytime) else len(visited)  # points may stop before they visit every cell
    lowers = [claims[index].bounds(inside, beta=beta, copies=copies)[0] for index in visited]
    together = {index: claims[index].bounds(inside, beta=beta / family, copies=copies) for index in visited}
    worst_lower = min(lowers) if len(visited) == len(domain.cells) else None
    worst_upper = min(upper for _, upper in together.values())
    state = state_of(">=", criterion.required, lower=-1.0 if worst_lower is None else worst_lower, upper=worst_upper)
    meets, fails = _named([claims[index] for index in visited], criterion, inside, family, copies)
    named = {
        index: State.MET if meets[i] or state is State.MET else State.NOT_MET if fails[i] else State.INCONCLUSIVE
        for i, index in enumerate(visited)
    }
    parts = tuple(
        Part(
            name=box.name,
            state=named.get(index, State.INCONCLUSIVE),
            points=len(claims[index].low) if index in claims else 0,
            observed=float(claims[index].values.mean()) if index in claims else None,
            lower=together[index][0] if index in claims else None,
            upper=together[index][1] if index in claims else None,
        )
        for index, box in enumerate(domain.cells)
    )
    uppers = [together[index][1] for index in visited]
    deciding = visited[int(np.argmin(uppers if state is State.NOT_MET else lowers))]
    return Reading(state=state, observed=float(claims[deciding].values.mean()), lower=worst_lower, upper=worst_upper, parts=parts)


def beta_of(criterion: Criterion) -> float:
    """The error probability of the criterion's claim, one side."""
    assert criterion.confidence is not None  # `check` has made sure
    return 1.0 - criterion.confidence


def _named(
    claims: list[FractionClaim], criterion: Criterion, inside: Independent | Anytime, family: int, copies: float
) -> tuple[Bools, Bools]:
    """The cells that may be named as meeting the requirement, and as not meeting it, among ``family`` cells."""
    alpha, required = claims[0].alpha, criterion.required
    # if a cell's true fraction is q, a point is shown with probability <= q + alpha (1 - q) and not excluded with probability >= q (1 - alpha)
    too_good = [inside.p_value_above(one.low, required + alpha * (1.0 - required), copies=copies) for one in claims]
    too_bad = [inside.p_value_below(one.high, required * (1.0 - alpha), copies=copies) for one in claims]
    reject: Callable[..., Bools] = bonferroni if criterion.multiplicity == "bonferroni" else holm
    unseen = np.ones(family - len(claims))  # a cell without points has p = 1
    meets, fails = (reject(np.concatenate([p, unseen]), level=beta_of(criterion))[: len(claims)] for p in (too_good, too_bad))
    return meets, fails
