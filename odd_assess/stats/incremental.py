"""A modified model f' (quantised, pruned, fine-tuned) certified from what is known of its baseline f: lower bounds on p' = P(f' answers A) at one input.

Known of f, whose class A its own draws chose: ``base_lower`` <= p = P(f answers A), except with probability alpha. Of n of its noisy copies the answers are
kept; f' is asked about the same copies. A copy is *lost* where f answered A and f' does not; zeta = P(lost). As p' >= p - zeta, a bound on zeta bounds p'.

Decision (2026-11-21): copies that are lost count, not all whose answer changed. Ugare et al. bound P(f != f') >= zeta, so theirs holds as well and is never
better.

**n fixed beforehand.** Either the *incremental* bound, base_lower less Clopper and Pearson's upper bound of zeta at alpha_z, or the bound on *fresh* counts
of f' alone. Next to p = 1 the second is better: both then rest on n draws, and the first pays for the width of base_lower too. Which one is taken is decided
by the *tail*: draws of f other than the n, namely those that chose A and those beyond the n that bound it. It is fresh where the tail has ``fresh_from`` hits
or more. Let alpha' = alpha + alpha_z be the level of the fresh bound. Then a certificate is false with probability at most alpha + alpha_z. Proof: given the
draws that chose A,

- P(incremental, base_lower > p) <= P(incremental) alpha, by Harris' inequality: draws are independent, the first event falls with each hit, the second rises;
- P(incremental, the bound of zeta fails) = P(incremental) alpha_z, and P(fresh, its bound fails) = P(fresh) alpha', as the n copies are independent of the
  tail.

With M models on one cache, at alpha' = alpha / M + alpha_z, some certificate at the point is false with probability at most alpha + M alpha_z: the first
event is common to all.

The published rule looks at ``base_lower`` itself, fresh from gamma on, which rests on the same n draws as zeta. With alpha' = alpha / M it is as sound.
Proof: if p < gamma, then base_lower > p and base_lower >= gamma both lie in "base_lower > p or >= gamma", one upper tail of probability at most alpha; if p
>= gamma, a false base_lower is never used.

**Stopped when decided.** Two lower bounds on p', each valid at any stopping time (`odd_assess.stats.sequential`) at alpha_z / 2: from the counts of f'
itself, and base_lower less the upper bound of zeta. The larger is the bound: nothing has to be chosen, and either costs ln 2 of evidence. A certificate is
false with probability at most alpha + alpha_z, and of M models some with at most alpha + M alpha_z, whatever depends on what.

Source: Ugare et al., ICLR 2024 (IRS), theorem 2 for the incremental bound. Tail, Harris' inequality and the two bounds at any time are ours; tested by exact
enumeration (test_incremental).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import special

from odd_assess.stats.arrays import Bools, Floats, FloatsLike, IntsLike
from odd_assess.stats.proportions import proportion_lower_bound, proportion_upper_bound
from odd_assess.stats.search import smallest
from odd_assess.stats.sequential import (
    LADDER,
    anytime_lower_bound,
    anytime_upper_bound,
    log_evidence_above,
    log_evidence_below,
)


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
def fresh_from(tail: int, base_n: int, n: int, *, alpha: float, alpha_z: float, alpha_fresh: float) -> int:
    """The hits among ``tail`` draws of the baseline from which on ``n`` fresh draws of the modified model are expected to bound p' better.

    From 0 (always) to tail + 1 (never). Expected of a model that answers as the baseline does: without a lost copy, and with the tail's share of hits. Any
    number would be sound (see the module).

    Raises: ValueError for draws below 1 or levels outside (0, 1).

    >>> fresh_from(9_100, 10_000, 1_000, alpha=0.001, alpha_z=0.001, alpha_fresh=0.002)
    9072
    """
    lowest = np.asarray(proportion_lower_bound(np.arange(n + 1), n, alpha=alpha_fresh))
    unchanged = float(proportion_upper_bound(0, n, alpha=alpha_z))

    k = np.arange(n + 1)
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)

    def incremental_is_better(beyond: int) -> bool:
        share = (tail + 1 - beyond) / tail
        incremental = float(proportion_lower_bound(round(share * base_n), base_n, alpha=alpha)) - unchanged
        chances = np.exp(ways + special.xlogy(k, share) + special.xlog1py(n - k, -share))
        return incremental >= float(chances @ lowest)

    fewest = smallest(incremental_is_better, most=tail + 1)
    return 0 if fewest is None else tail + 2 - fewest


def fresh_level(
    rule: Literal["auto", "gamma", "incremental", "fresh", "both"], *, alpha: float, alpha_z: float, models: int
) -> float:
    """The level of the bound from fresh counts, where ``models`` are certified on one baseline (see the module)."""
    return alpha / models + (0.0 if rule == "gamma" else alpha_z)


def incremental_route(
    rule: Literal["auto", "gamma", "incremental", "fresh", "both"],
    *,
    base_lower: float,
    tail_hits: int,
    tail: int,
    base_n: int,
    n: int,
    alpha: float,
    alpha_z: float,
    alpha_fresh: float,
    gamma: float,
) -> Literal["incremental", "fresh", "both"]:
    """Which bound is taken at a point.

    "auto": by ``tail_hits`` of the ``tail`` draws of the baseline other than the n; "gamma": by ``base_lower``; else as the rule says.
    """
    match rule:
        case "auto":
            limit = fresh_from(tail, base_n, n, alpha=alpha, alpha_z=alpha_z, alpha_fresh=alpha_fresh)
            return "fresh" if tail_hits >= limit else "incremental"
        case "gamma":
            return "fresh" if base_lower >= gamma else "incremental"
        case _:
            return rule


def incremental_lower_bound(
    route: Literal["incremental", "fresh", "both"],
    *,
    base_lower: float,
    lost: int,
    hits: int,
    n: int,
    alpha_z: float,
    alpha_fresh: float,
) -> float:
    """The lower bound on p' by the route that was taken: for n fixed beforehand, or ("both") at any stopping time."""
    match route:
        case "incremental":
            return float(modified_lower_bound(base_lower, lost, n, alpha_z=alpha_z))
        case "fresh":
            return proportion_lower_bound(hits, n, alpha=alpha_fresh)
        case "both":
            return float(anytime_modified_lower_bound(lost, hits, n, base_lower=base_lower, alpha_z=alpha_z))


def fewest_to_decide_modified(
    lost: int, hits: int, n: int, p0: float, *, base_lower: float, alpha_z: float, alpha: float, most: int
) -> int:
    """The fewest further copies after which p' > p0 could be shown at alpha_z, or p' < p0 at ``alpha``: A to all of them, or to none. At most ``most``.

    Exact up to 20 copies, then to 5 %.

    Raises: ValueError as `shown_modified`, and unless most >= 1.
    """
    if most < 1:
        raise ValueError(f"most must be at least 1, got {most}")
    further = np.concatenate([LADDER[most > LADDER], [most]])
    shown = shown_modified(lost, hits + further, n + further, p0, base_lower=base_lower, alpha_z=alpha_z)
    refuted = np.asarray(log_evidence_below(hits, n + further, p0)) >= -np.log(alpha)
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


def _checked_base(base_lower: FloatsLike) -> Floats:
    base = np.asarray(base_lower, dtype=np.float64)
    if not np.all((base >= 0) & (base <= 1)):
        raise ValueError(f"base_lower must lie in [0, 1], got {base_lower!r}")
    return base
