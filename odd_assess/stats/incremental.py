"""A modified model f' (quantised, pruned, fine-tuned) certified from what is known of its baseline f: lower bounds on p' = P(f' answers A) at one input.

Of ``base_n`` noisy copies f answered A, a class that draws of its own chose, to ``base_hits``; p = P(f answers A). The answers to the first ``n`` of these
copies are kept, and f' is asked about the same ones. A copy is *lost* where f answered A and f' does not; zeta = P(lost). As p' >= p - zeta, bounds on p and
zeta bound p'.

f' may depend on f and on data in any way, but not on the copies: it is fixed before it is known what any model answered to them. Where it is the best of M that
were tried on them, all M count as ``models``. (Of 1,000 with p' < 1/2, zeta = .01, the one that lost the fewest of 1,000 copies was certified in 9 % of 6,000
trials as if it were the only one, at alpha = alpha_z = .5 %.)

Decision (2026-11-21): copies that are lost count, not all whose answer changed. Ugare et al. bound P(f != f') >= zeta, so theirs holds as well and is never
better.

**n fixed beforehand.** Either the *incremental* bound, from p and zeta, or the bound on *fresh* counts of f' alone, which is better next to p = 1: both then
rest on n draws. The route is decided by the *tail*, the draws of f other than the n (those that chose A, those beyond the n that bound it): fresh where it
has ``fresh_from`` hits or more.

The incremental bound combines two independent tests by Fisher's method: the tail's draws beyond the n say p > q (p-value P1(q), a binomial tail), the lost
copies zeta < d (P2(d)). Against p' <= p0 one of them must be right about q = p or d = p - p0 <= zeta, and a product of two independent p-values falls to c
with probability c (1 - ln c). So p0 is rejected where P1(q) P2(q - p0) <= c for every q: the largest such p0 is the smallest difference of Clopper and
Pearson's bounds, lower(u) - upper(c / u), over all u in [c, 1]. Nothing has to be split beforehand; published is one split, u = alpha, with p-values that are
added.

Let alpha' = alpha + alpha_z be the level of both, c (1 - ln c) = alpha'. Then a certificate is false with probability at most alpha'. Proof: given the draws
that chose A and the n copies, the event "incremental" falls with each hit of the tail, "its bound fails" rises with it; so by Harris' inequality P(both) <=
P(incremental) P(its bound fails), and averaged over the n copies <= P(incremental) alpha'. And P(fresh, its bound fails) = P(fresh) alpha', as the n copies
are independent of the tail.

With M models on one cache each c is small enough that M c (1 - ln M c) <= alpha + M alpha_z, and fresh counts are at alpha / M + alpha_z: then some
certificate at the point is false with probability at most alpha + M alpha_z. (Given P1 = u, some P2 <= c / u has probability at most min(1, M c / u); its
mean is M c (1 - ln M c).)

Where the n are more than a sixth of base_n, the bounds of all base_n draws at alpha and of zeta at alpha_z are subtracted in place of Fisher's method: false
with probability at most alpha + alpha_z, and of M models some with at most alpha + M alpha_z, in the same way.

The published rule (``gamma``) subtracts these too, and looks at the baseline's bound itself: fresh from gamma on. That rests on the same n draws as zeta, so
fresh counts are bounded at alpha / M. Proof: if p < gamma, then "the bound exceeds p" and "the bound reaches gamma" both lie in one upper tail of probability
at most alpha; if p >= gamma, a false bound of the baseline is never used.

**Stopped when decided.** Two lower bounds on p', each valid at any stopping time (`odd_assess.stats.sequential`) at alpha_z / 2: from the counts of f'
itself, and the baseline's bound at alpha less the upper bound of zeta. The larger is the bound: nothing has to be chosen, and either costs ln 2 of evidence.
A certificate is false with probability at most alpha + alpha_z, and of M models some with at most alpha + M alpha_z, whatever depends on what.

**From above.** p' <= p + P(f' answers A, f does not): the mirror images bound p' from above, with the copies that are *gained* in place of those that are
lost. An upper bound is false with probability at most alpha + alpha_z by itself; as of a radius only one of the two can be false, no part of the level is set
aside for it. It is the same whichever route is taken: the event "incremental" does not rise where it fails.

Source: Ugare et al., ICLR 2024 (IRS), theorem 2 for the published bound; Fisher 1925. Tail, Harris' inequality and the combination are ours; tested by exact
enumeration (test_incremental).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import special

from odd_assess.stats.arrays import Bools, Floats, FloatsLike, Ints, IntsLike
from odd_assess.stats.proportions import proportion_lower_bound, proportion_upper_bound
from odd_assess.stats.search import smallest
from odd_assess.stats.sequential import (
    LADDER,
    anytime_lower_bound,
    anytime_upper_bound,
    log_evidence_above,
    log_evidence_below,
)

Rule = Literal["auto", "gamma", "incremental", "fresh", "both"]
Route = Literal["incremental", "fresh", "both"]

FEW = 6
"""Fisher's method leaves the n copies out of what is known of the baseline. With up to a sixth of its draws it is the better bound for all p, with more not
for all."""
_SPLITS = 128
"""Pieces of [c, 1], each of which is bounded by its worse end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How modified models are bounded, and at which levels (see the module).

    ``rule``: "auto" by the tail, "gamma" as published, "both" where draws stop when decided, or one route everywhere. ``models``: all on the baseline.
    """

    rule: Rule
    alpha: float
    alpha_z: float
    gamma: float = 0.99
    models: int = 1

    @property
    def whole_alpha(self) -> float:
        """The probability that a certificate is false."""
        return self.alpha + self.alpha_z

    @property
    def joint_alpha(self) -> float:
        """The probability that some certificate at a point is, of all models on the baseline."""
        return self.alpha + self.models * self.alpha_z

    @property
    def fresh_alpha(self) -> float:
        """The level of a bound from fresh counts."""
        return self.alpha / self.models + (0.0 if self.rule == "gamma" else self.alpha_z)

    def combines(self, *, base_n: int, n: int) -> bool:
        """Whether the incremental bound is that of Fisher's method."""
        return self.rule in ("auto", "incremental") and FEW * n <= base_n

    def base_lower(self, base_hits: int, base_n: int) -> float:
        """The baseline's bound on p at alpha."""
        return _base_lower(base_hits, base_n, self.alpha)

    def route(self, *, base_hits: int, base_n: int, tail_hits: int, tail: int, n: int) -> Route:
        """Which bound is taken at a point whose ``tail`` draws have ``tail_hits`` hits."""
        match self.rule:
            case "auto":
                return "fresh" if tail_hits >= fresh_from(self, tail, base_n, n) else "incremental"
            case "gamma":
                return "fresh" if self.base_lower(base_hits, base_n) >= self.gamma else "incremental"
            case rule:
                return rule

    def lower_bound(self, route: Route, *, base_hits: int, base_n: int, head: int, lost: int, hits: int, n: int) -> float:
        """The lower bound on p'.

        To ``head`` of the n copies the baseline answered A, ``lost`` of these were lost; to ``hits`` the modified model answers A.
        """
        match route:
            case "fresh":
                return proportion_lower_bound(hits, n, alpha=self.fresh_alpha)
            case "both":
                base_lower = self.base_lower(base_hits, base_n)
                return float(anytime_modified_lower_bound(lost, hits, n, base_lower=base_lower, alpha_z=self.alpha_z))
            case "incremental" if self.combines(base_n=base_n, n=n):
                return combined_lower_bound(base_hits - head, base_n - n, lost, n, level=product_level(self))
            case _:
                return _split_lower(self.base_lower(base_hits, base_n), lost, n, self.alpha_z)

    def upper_bounds(self, *, base_hits: Ints, base_n: Ints, head: Ints, lost: Ints, hits: Ints, n: Ints) -> Floats:
        """Upper bounds (m,) on p' of many points (arguments (m,), as for `lower_bound`): each false with probability at most alpha + alpha_z by itself.

        They do not depend on the route.
        """
        gained = hits - (head - lost)
        if self.rule == "both":
            base_upper = proportion_upper_bound(base_hits, base_n, alpha=self.alpha)
            return anytime_modified_upper_bound(gained, hits, n, base_upper=base_upper, alpha_z=self.alpha_z)
        found = np.atleast_1d(proportion_upper_bound(hits, n, alpha=self.whole_alpha))
        rest = base_n - n
        for row in np.flatnonzero([self.combines(base_n=int(of), n=int(few)) for of, few in zip(base_n, n, strict=True)]):
            misses = int(rest[row] - (base_hits[row] - head[row]))
            lower = combined_lower_bound(misses, int(rest[row]), int(gained[row]), int(n[row]), level=product_level(self))
            found[row] = min(1.0, float(np.nextafter(1.0 - lower, 2.0)))
        return found


@lru_cache(maxsize=2**14)  # many points have the same counts
def _base_lower(hits: int, draws: int, alpha: float) -> float:
    return proportion_lower_bound(hits, draws, alpha=alpha)


@lru_cache(maxsize=2**14)
def _split_lower(base_lower: float, lost: int, n: int, alpha_z: float) -> float:
    return float(modified_lower_bound(base_lower, lost, n, alpha_z=alpha_z))


@lru_cache(maxsize=2**6)
def product_level(terms: Terms) -> float:
    """The c to which a product of two p-values must fall, so that both the single and the joint error are as ``terms`` say."""
    single, joint = _inverse_fisher(terms.whole_alpha), _inverse_fisher(terms.joint_alpha) / terms.models
    return min(single, joint)


def _inverse_fisher(alpha: float) -> float:
    """The largest c, but for rounding, with c (1 - ln c) <= alpha: a product of two independent p-values falls to c with probability c (1 - ln c).

    >>> round(_inverse_fisher(0.002), 7)
    0.0002114
    """
    if alpha >= 1:
        return 1.0
    low, high = 0.0, alpha
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * (1 - np.log(middle)) <= alpha * (1 - 2.0**-40) else (low, middle)
    return low


@lru_cache(maxsize=2**14)
def combined_lower_bound(tail_hits: int, tail: int, lost: int, n: int, *, level: float) -> float:
    """Lower bound: p' >= this, except with probability c (1 - ln c), c = ``level``, from ``tail`` draws of f and ``lost`` of ``n`` other copies. Never below 0.

    Raises: ValueError unless 0 <= tail_hits <= tail, 0 <= lost <= n, 0 < level < 1.

    >>> round(combined_lower_bound(8_640, 9_000, 2, 1000, level=0.0002114), 4)
    0.9469
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level!r}")
    u = np.exp(np.linspace(np.log(level), 0.0, _SPLITS + 1))
    lower = np.asarray(proportion_lower_bound(np.full(_SPLITS, tail_hits), tail, alpha=u[:-1]))
    upper = np.asarray(proportion_upper_bound(np.full(_SPLITS, lost), n, alpha=np.minimum(level / u[1:], 1 - 2.0**-53)))
    return max(0.0, float(np.nextafter(lower - upper, -1.0).min()))


def modified_lower_bound(base_lower: FloatsLike, lost: IntsLike, n: IntsLike, *, alpha_z: FloatsLike) -> Floats:
    """Lower bound: p' >= this, except with probability alpha + alpha_z, where ``lost`` of ``n`` copies (fixed beforehand) were lost.

    Never below 0. Arguments broadcast.

    Raises: ValueError unless 0 <= base_lower <= 1, n >= 1, 0 <= lost <= n, 0 < alpha_z < 1.

    >>> round(float(modified_lower_bound(0.95, 2, 1000, alpha_z=0.001)), 4)
    0.9388
    """
    base = _checked_base(base_lower)
    difference = base - np.asarray(proportion_upper_bound(np.asarray(lost), np.asarray(n), alpha=np.asarray(alpha_z)))
    return np.maximum(np.nextafter(difference, -1.0), 0.0)


@lru_cache(maxsize=2**10)
def fresh_from(terms: Terms, tail: int, base_n: int, n: int) -> int:
    """The hits among ``tail`` draws of the baseline from which on ``n`` fresh draws of the modified model are expected to bound p' better.

    From 0 (always) to tail + 1 (never). Expected of a model that answers as the baseline does: without a lost copy, and with the tail's share of hits. Any
    number would be sound (see the module).

    Raises: ValueError for draws below 1 or levels outside (0, 1).

    >>> fresh_from(Terms(rule="auto", alpha=0.001, alpha_z=0.001), 9_100, 10_000, 1_000)
    9084
    """
    lowest = np.asarray(proportion_lower_bound(np.arange(n + 1), n, alpha=terms.fresh_alpha))
    k = np.arange(n + 1)
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)

    def incremental_is_better(beyond: int) -> bool:
        share = (tail + 1 - beyond) / tail
        base_hits, head = round(share * (base_n - n)) + round(share * n), round(share * n)
        incremental = terms.lower_bound("incremental", base_hits=base_hits, base_n=base_n, head=head, lost=0, hits=head, n=n)
        chances = np.exp(ways + special.xlogy(k, share) + special.xlog1py(n - k, -share))
        return incremental >= float(chances @ lowest)

    fewest = smallest(incremental_is_better, most=tail + 1)
    return 0 if fewest is None else tail + 2 - fewest


def fewest_to_decide_modified(
    lost: int, gained: int, hits: int, n: int, p0: float, *, base: tuple[float, float], alpha_z: float, most: int
) -> int:
    """The fewest further copies after which p' > p0 or p' < p0 could be shown: A to all of them, or to none. At most ``most``.

    ``base``: the bounds of p from below and from above. Exact up to 20 copies, then to 5 %.

    Raises: ValueError as `shown_modified`, and unless most >= 1.
    """
    if most < 1:
        raise ValueError(f"most must be at least 1, got {most}")
    further = np.concatenate([LADDER[most > LADDER], [most]])
    shown = shown_modified(lost, hits + further, n + further, p0, base_lower=base[0], alpha_z=alpha_z)
    refuted = refuted_modified(gained, hits, n + further, p0, base_upper=base[1], alpha_z=alpha_z)
    return int(further[np.argmax(shown | refuted)]) if (shown | refuted).any() else most


def shown_modified(
    lost: IntsLike, hits: IntsLike, n: IntsLike, p0: FloatsLike, *, base_lower: FloatsLike, alpha_z: FloatsLike
) -> Bools:
    """Whether `anytime_modified_lower_bound` reaches p0, but for the rounding of its search. Arguments broadcast.

    Raises: ValueError unless 0 <= hits <= n, 0 <= lost <= n, 0 <= p0 <= 1, 0 <= base_lower <= 1.
    """
    margin = np.clip(np.nextafter(_checked_base(base_lower) - np.asarray(p0), -1.0), 0.0, 1.0)
    enough = np.log(2.0) - np.log(np.asarray(alpha_z))
    by_loss = (margin > 0) & (np.asarray(log_evidence_below(lost, n, margin)) >= enough)
    return np.asarray(by_loss | (np.asarray(log_evidence_above(hits, n, p0)) >= enough))


def refuted_modified(
    gained: IntsLike, hits: IntsLike, n: IntsLike, p0: FloatsLike, *, base_upper: FloatsLike, alpha_z: FloatsLike
) -> Bools:
    """Whether `anytime_modified_upper_bound` falls to p0, but for the rounding of its search. Arguments broadcast.

    Raises: ValueError as `shown_modified`.
    """
    others = np.asarray(n) - np.asarray(hits)
    return shown_modified(gained, others, n, 1.0 - np.asarray(p0), base_lower=1.0 - np.asarray(base_upper), alpha_z=alpha_z)


def anytime_modified_lower_bound(
    lost: IntsLike, hits: IntsLike, n: IntsLike, *, base_lower: FloatsLike, alpha_z: FloatsLike
) -> Floats:
    """Lower bound: p' >= this at any stopping time, except with probability alpha + alpha_z.

    Of ``n`` copies ``hits`` are of A and ``lost`` were lost. 0 where neither bound says anything. Arguments broadcast.

    Raises: ValueError unless 0 <= hits <= n, 0 <= lost <= n, 0 <= base_lower <= 1, 0 < alpha_z < 1.

    >>> round(float(anytime_modified_lower_bound(0, 100, 100, base_lower=0.99, alpha_z=0.001)), 4)
    0.9157
    """
    base, half = _checked_base(base_lower), np.asarray(alpha_z, dtype=np.float64) / 2
    if not np.all((half > 0) & (half < 0.5)):
        raise ValueError(f"alpha_z must lie in (0, 1), got {alpha_z!r}")
    by_hits = np.asarray(anytime_lower_bound(np.asarray(hits), np.asarray(n), alpha=half))
    by_loss = base - np.asarray(anytime_upper_bound(np.asarray(lost), np.asarray(n), alpha=half))
    return np.maximum(by_hits, np.nextafter(by_loss, -1.0))


def anytime_modified_upper_bound(
    gained: IntsLike, hits: IntsLike, n: IntsLike, *, base_upper: FloatsLike, alpha_z: FloatsLike
) -> Floats:
    """The mirror image: p' <= this at any stopping time, where p <= base_upper but with probability alpha. ``gained`` copies are A to f' and not to f.

    Raises: ValueError as `anytime_modified_lower_bound`.
    """
    others, base = np.asarray(n) - np.asarray(hits), 1.0 - np.asarray(base_upper, dtype=np.float64)
    lower = anytime_modified_lower_bound(gained, others, n, base_lower=np.maximum(np.nextafter(base, -1.0), 0.0), alpha_z=alpha_z)
    return np.minimum(np.nextafter(1.0 - lower, 2.0), 1.0)


def _checked_base(base_lower: FloatsLike) -> Floats:
    base = np.asarray(base_lower, dtype=np.float64)
    if not np.all((base >= 0) & (base <= 1)):
        raise ValueError(f"base_lower must lie in [0, 1], got {base_lower!r}")
    return base
