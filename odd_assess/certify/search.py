"""A noise level for one input, found by asking: a generator that asks for draws, as a certification procedure does, and returns sigma.

Its draws have addresses of their own ("sigma/..."): the noise that chooses sigma never certifies. What it chooses looks at the input, so that its
certificates count only as far as a `Memory` lets them.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from functools import lru_cache

from odd_assess.certify.procedures import ClassCounts, Draw
from odd_assess.policies import MultiStart
from odd_assess.stats import expected_radius

SEARCH, TRIAL = "sigma/search", "sigma/trial"
"""The noise addresses of a search: common random numbers at all levels; fresh ones for the last choice."""
GOLDEN = (math.sqrt(5) - 1) / 2

Search = Generator[Draw, ClassCounts, float]


def budget_value(hits: int, draws: int, sigma: float, *, n: int, alpha: float) -> float:
    """The radius that n draws are expected to certify with noise ``sigma`` where ``hits`` of ``draws`` copies agreed: what a search maximises.

    Not the radius of infinitely many draws: that of a linear classifier is the same at every sigma, while what n draws certify of it is not.
    """
    return sigma * _unit_value(hits, draws, n, alpha)


@lru_cache(maxsize=2**12)  # many inputs answer with the same counts
def _unit_value(hits: int, draws: int, n: int, alpha: float) -> float:
    share = (hits + 0.5) / (draws + 1.0)  # Jeffreys' estimate: agreement of all is not taken for certainty
    return float(expected_radius(share, n, alpha=alpha, sigma=1.0))


def bisection(policy: MultiStart) -> Search:
    """The derivative-free multiple-start search: the class at the anchor, its counts at every start, golden sections beside the best, a fresh comparison.

    The expected radius is quasi-concave in log sigma for most inputs, not for all: hence the starts.
    """
    first = yield Draw(n=policy.draws, sigma=policy.decides, stage=SEARCH)
    label, seen = int(first.argmax()), {policy.decides: first}

    def value(sigma: float) -> Generator[Draw, ClassCounts, float]:
        if sigma not in seen:
            seen[sigma] = yield Draw(n=policy.draws, sigma=sigma, stage=SEARCH)
        return known(sigma)

    def known(sigma: float) -> float:
        return budget_value(int(seen[sigma][label]), policy.draws, sigma, n=policy.n, alpha=policy.alpha)

    for start in policy.starts:
        yield from value(start)
    below, above = policy.neighbours(max(policy.starts, key=lambda sigma: (known(sigma), -sigma)))
    low, high = math.log(below), math.log(above)
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    for _ in range(policy.steps):
        if (yield from value(math.exp(left))) >= (yield from value(math.exp(right))):
            high, right = right, left  # each step after the first asks for one level alone
            left = high - GOLDEN * (high - low)
        else:
            low, left = left, right
            right = low + GOLDEN * (high - low)
    return (yield from shortlisted(policy, label, sorted(seen, key=lambda sigma: (-known(sigma), sigma))))


def shortlisted(policy: MultiStart, label: int, ranked: list[float]) -> Search:
    """The best of the first few levels for the class, on fresh draws, so that none wins by the luck of its search."""
    candidates = ranked[: policy.shortlist]
    if len(candidates) == 1:
        return candidates[0]
    found = {}
    for sigma in candidates:
        counts = yield Draw(n=policy.trial, sigma=sigma, stage=TRIAL)
        found[sigma] = budget_value(int(counts[label]), policy.trial, sigma, n=policy.n, alpha=policy.alpha)
    return max(found, key=lambda sigma: (found[sigma], -sigma))
