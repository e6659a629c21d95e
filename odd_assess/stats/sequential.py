"""Decisions about a proportion that may stop at any time: evidence (a test martingale) and the bounds that follow from inverting it.

**Evidence.** Against H0: p <= p0 the likelihood ratio q^k (1-q)^(n-k) / p0^k (1-p0)^(n-k) of any q > p0 has expectation at most 1 after any number of
draws, and so has its average over q. We average over Jeffreys' prior, cut to (p0, 1]. By Ville's inequality the average E exceeds 1/alpha at *any*
time with probability at most alpha, so one may look after every draw and stop when one likes. Mirrored, the same speaks against p >= p0.

**Bounds.** The lower bound after n draws is the largest p0 that the evidence rejects. The true p is among those rejected, ever, with probability at
most alpha.

The rejected p0 form an interval from 0, so a search finds its end: d log E / d p0 = h (1 - 1/E) - (k - n p0) / (p0 (1-p0)), with h the prior's
hazard, and h p0 (1-p0) <= 1/2 for Jeffreys' prior (with p0 = sin^2 t it is sin t cos t / 2(pi/2 - t), and cos t <= pi/2 - t). So E falls in
p0 while k - n p0 >= 1/2, and the search stays there. It takes Newton's steps by this slope inside a bracket, and returns the end that is rejected.

Decision (2026-11-21): the prior is cut to the side that is tested, also for the bounds. The usual confidence sequence inverts the uncut mixture; next
to 1, where our models live, most of its prior lies on the wrong side. Agreeing draws until p is bounded by .9 / .99 / .999 from below at alpha .001:
cut 77 / 804 / 8,069, uncut 93 / 1,093 / 12,178, fixed n (Clopper-Pearson, no stopping) 66 / 688 / 6,905. A two-sided interval halves alpha between
two cut bounds: 84 / 877 / 8,806.

Numerics. The regularised incomplete beta underflows and loses its digits in the far tail, always where the evidence is below 1. So log E is held
below n KL(k/n, p0), which no average of likelihood ratios can exceed, and below 0 where k/n <= p0; and it is lowered by the rounding of its terms.
"""

from __future__ import annotations

import math
from typing import overload

import numpy as np
from scipy import special

from odd_assess.stats.arrays import Floats, FloatsLike, IntsLike, Many, once_each, scalar_if_single
from odd_assess.stats.search import smallest
from odd_assess.stats.smoothing import certified_radius

_ROUNDING = 2.0**-48
"""Relative error of the terms of log E, generously (64-bit arithmetic has 2**-53)."""

_RESOLUTION = 2.0**-52
"""Relative width at which a search ends."""
_MOST_STEPS = 100
"""Steps of a search at most; it takes 5 to 15, and up to 30 at counts of 1e9, where the rounding of log E spoils Newton's steps."""


@overload
def log_evidence_above(successes: int, trials: int, p0: float) -> float: ...
@overload
def log_evidence_above(successes: IntsLike, trials: IntsLike, p0: FloatsLike) -> float | Floats: ...
def log_evidence_above(successes: IntsLike, trials: IntsLike, p0: FloatsLike) -> float | Floats:
    """The logarithm of the evidence E against "the proportion is at most p0": P(E >= 1/alpha at any time) <= alpha for every p <= p0.

    Arguments broadcast. Against p0 = 1 there is no evidence (0); against p0 = 0 one success is infinite evidence.

    Raises: ValueError unless 0 <= successes <= trials and 0 <= p0 <= 1.
    Source: Ville 1939; Robbins, Ann. Math. Stat. 41 (1970), mixtures; Howard, Ramdas, McAuliffe & Sekhon, Ann. Stat. 49 (2021).

    >>> [round(log_evidence_above(n, n, 0.6914624612740131), 2) for n in (21, 22)], round(math.log(1000), 2)
    ([6.63, 6.97], 6.91)
    """
    k, n, p = _checked(successes, trials, p0)
    log_e = _log_evidence(k, n, np.where((p > 0) & (p < 1), p, 0.5))
    at_zero = np.where(k > 0, np.inf, _log_mixture(k, n) - _ROUNDING * n * np.log(n + 2.0))
    return scalar_if_single(np.where(p <= 0, at_zero, np.where(p >= 1, 0.0, log_e)))


@overload
def log_evidence_below(successes: int, trials: int, p0: float) -> float: ...
@overload
def log_evidence_below(successes: IntsLike, trials: IntsLike, p0: FloatsLike) -> float | Floats: ...
def log_evidence_below(successes: IntsLike, trials: IntsLike, p0: FloatsLike) -> float | Floats:
    """The logarithm of the evidence against "the proportion is at least p0". The mirror image of `log_evidence_above`.

    Raises: ValueError as there.
    """
    k, n, p = _checked(successes, trials, p0)
    return log_evidence_above(n - k, n, 1.0 - p)


@overload
def anytime_lower_bound(successes: int, trials: int, *, alpha: float) -> float: ...
@overload
def anytime_lower_bound(successes: Many, trials: IntsLike, *, alpha: FloatsLike) -> Floats: ...
def anytime_lower_bound(successes: IntsLike, trials: IntsLike, *, alpha: FloatsLike) -> float | Floats:
    """A lower bound on a proportion that holds at any stopping time: P(bound > p after some number of draws) <= alpha, one-sided.

    Arguments broadcast. The running maximum of the bound over time is a bound too. No draws give 0.

    Raises: ValueError unless 0 <= successes <= trials and 0 < alpha < 1.
    Source: inversion of `log_evidence_above` (see the module).

    >>> round(anytime_lower_bound(100, 100, alpha=0.001), 4)
    0.9225
    """
    return scalar_if_single(once_each(_lower_end, *_checked_level(successes, trials, alpha)))


def _lower_end(k: Floats, n: Floats, level: Floats) -> Floats:
    """The end of the interval of rejected p0 (see the module)."""
    enough = -np.log(level)
    low, high = np.zeros_like(level), np.maximum(k - 0.5, 0.0) / np.maximum(n, 1.0)
    tried = _first_guess(k, n, level, high)
    for step in range(_MOST_STEPS):
        wide = high - low > _RESOLUTION * high
        if not wide.any():
            break
        gain = _log_evidence(k, n, tried) - enough
        low, high = np.where(wide & (gain >= 0), tried, low), np.where(wide & (gain < 0), tried, high)
        slope = np.maximum((k - n * tried) / (tried * (1.0 - tried)) - _hazard(tried) * (1.0 - level), 0.25)
        beyond = np.copysign(
            _RESOLUTION * 2.0**step * tried, gain
        )  # a hair, more each time, so that the bracket closes from the far side too
        newton = tried + gain / slope + beyond
        middle = np.where(wide, (low + high) / 2.0, 0.5)
        tried = np.where((newton > low) & (newton < high), newton, middle)
    return low


@overload
def anytime_upper_bound(successes: int, trials: int, *, alpha: float) -> float: ...
@overload
def anytime_upper_bound(successes: Many, trials: IntsLike, *, alpha: FloatsLike) -> Floats: ...
def anytime_upper_bound(successes: IntsLike, trials: IntsLike, *, alpha: FloatsLike) -> float | Floats:
    """An upper bound on a proportion that holds at any stopping time, one-sided. The mirror image of `anytime_lower_bound`.

    Raises: ValueError as there.
    """
    k, n, level = _checked_level(successes, trials, alpha)
    return scalar_if_single(1.0 - np.asarray(anytime_lower_bound(n - k, n, alpha=level)))


def confidence_sequence(successes: IntsLike, trials: IntsLike, *, alpha: FloatsLike) -> tuple[float | Floats, float | Floats]:
    """(lower, upper): P(the proportion leaves the interval after some number of draws) <= alpha, both sides together.

    Each side has alpha / 2. Arguments broadcast.

    Raises: ValueError unless 0 <= successes <= trials and 0 < alpha < 1.
    Source: `anytime_lower_bound`.

    >>> [round(float(bound), 3) for bound in confidence_sequence(90, 100, alpha=0.05)]
    [0.779, 0.973]
    """
    k, n, level = _checked_level(successes, trials, alpha)
    return anytime_lower_bound(k, n, alpha=level / 2.0), anytime_upper_bound(k, n, alpha=level / 2.0)


def anytime_radius_cap(n: int, *, alpha: float, sigma: float) -> float:
    """The largest radius (input units) that n agreeing draws certify where one may stop at any time; 0 where they certify nothing.

    Raises: ValueError unless n >= 1, 0 < alpha < 1, sigma > 0.

    >>> [round(anytime_radius_cap(n, alpha=0.001, sigma=1.0), 4) for n in (100, 1_000, 10_000)]
    [1.4221, 2.4071, 3.1534]
    """
    return certified_radius(anytime_lower_bound(n, n, alpha=alpha), sigma=sigma)


def anytime_draws_for_radius(radius: float, *, alpha: float, sigma: float) -> int:
    """The smallest n whose `anytime_radius_cap` reaches ``radius``.

    Raises: ValueError unless 0 <= radius <= 7 sigma, 0 < alpha < 1, sigma > 0.

    >>> anytime_draws_for_radius(0.125, alpha=0.001, sigma=0.25)
    22
    """
    if not 0 <= radius <= 7 * sigma:
        raise ValueError(f"radius must lie in [0, 7 sigma] = [0, {7 * sigma:g}], got {radius!r}")

    def reaches(n: int) -> bool:
        cap = anytime_radius_cap(n, alpha=alpha, sigma=sigma)
        return cap > 0 and cap >= radius

    fewest = smallest(reaches, most=2**50)
    assert fewest is not None  # 7 sigma take some 1e13 draws
    return fewest


def fewest_to_decide(successes: int, trials: int, p0: float, *, alpha: float, most: int) -> int:
    """The fewest further draws after which "p > p0" or "p < p0" could be decided at level alpha: all of them successes, or all misses. At most ``most``.

    Asking for so many at once loses nothing, because no shorter sequence of draws can decide. Exact up to 20 draws, then to 5 %.

    Raises: ValueError unless 0 <= successes <= trials, 0 < p0 < 1, 0 < alpha < 1, most >= 1.

    >>> [fewest_to_decide(k, k, 0.6914624612740131, alpha=0.001, most=1000) for k in (0, 6, 15, 21)]
    [7, 16, 7, 1]
    """
    _checked_level(successes, trials, alpha)
    if not (0 < p0 < 1 and most >= 1):
        raise ValueError(f"p0 must lie in (0, 1) and most be at least 1, got {p0!r} and {most}")
    return int(_fewest_to_decide(*(np.array([float(x)]) for x in (successes, trials, p0)), alpha=alpha, most=most)[0])


def _fewest_to_decide(k: Floats, n: Floats, p0: Floats, *, alpha: float, most: int) -> Floats:
    """`fewest_to_decide` of many counts (states,): the first rung of the ladder that decides, by bisection; the evidence of agreeing draws only grows."""
    ladder = np.concatenate([LADDER[most > LADDER], [most]])
    agreeing = np.array([k, n - k])  # against p0 from above, and mirrored from below
    limits = np.minimum(np.array([p0, 1.0 - p0]), np.nextafter(1.0, 0.0))
    low, high = np.zeros(len(k), dtype=np.int64), np.full(len(k), len(ladder) - 1)
    while np.any(low < high):
        middle = (low + high) // 2
        further = ladder[middle]
        reached = np.any(_log_evidence(agreeing + further, n + further, limits) >= -math.log(alpha), axis=0)
        low, high = np.where(reached, low, np.minimum(middle + 1, high)), np.where(reached, middle, high)
    return np.asarray(ladder[low])


LADDER = np.unique(np.concatenate([np.arange(1.0, 21.0), np.floor(20 * 1.05 ** np.arange(1.0, 506.0))]))
"""1, 2, ... 20, then steps of 5 %, beyond 1e12 draws."""


def _log_evidence(k: Floats, n: Floats, p0: Floats) -> Floats:
    """The logarithm of E for 0 < p0 < 1."""
    misses = n - k
    with np.errstate(divide="ignore"):  # an underflow is no evidence
        tail = np.log(special.betaincc(k + 0.5, misses + 0.5, p0))
    likelihood = special.xlogy(k, p0) + special.xlog1py(misses, -p0)
    largest = special.xlogy(k, k / np.maximum(n, 1.0)) + special.xlogy(misses, misses / np.maximum(n, 1.0))
    most = np.where(k > n * p0, largest - likelihood, 0.0)
    slack = _ROUNDING * (n * np.log(n + 2.0) - likelihood)
    return np.asarray(np.minimum(_log_mixture(k, n) + tail - np.log(_prior_above(p0)) - likelihood, most) - slack)


def _log_mixture(k: Floats, n: Floats) -> Floats:
    return np.asarray(special.betaln(k + 0.5, n - k + 0.5) - math.log(math.pi))


def _prior_above(p0: Floats) -> Floats:
    """Jeffreys' mass above p0."""
    return np.asarray(2.0 / math.pi * np.arctan2(np.sqrt(1.0 - p0), np.sqrt(p0)))


def _hazard(p0: Floats) -> Floats:
    """Jeffreys' density at p0 over its mass above p0."""
    return np.asarray(1.0 / (math.pi * np.sqrt(p0 * (1.0 - p0)) * _prior_above(p0)))


def _first_guess(k: Floats, n: Floats, level: Floats, high: Floats) -> Floats:
    """A start for the search, inside (0, high): the exact bound of a fixed n at a level that pays for the stopping; 1/2 where there is no success."""
    some = k > 0
    guess = special.betaincinv(np.where(some, k, 1.0), n - k + 1.0, level / (2.0 * np.sqrt(n + 1.0)))
    return np.where(some, np.where((guess > 0) & (guess < high), guess, high / 2.0), 0.5)


def _checked(successes: IntsLike, trials: IntsLike, p0: FloatsLike) -> tuple[Floats, Floats, Floats]:
    k, n, p = np.broadcast_arrays(*(np.asarray(argument, dtype=np.float64) for argument in (successes, trials, p0)))
    if not np.all((k >= 0) & (k <= n) & (k == np.floor(k)) & (n == np.floor(n)) & np.isfinite(n)):
        raise ValueError(f"successes must be whole and lie in [0, trials], got {successes!r} of {trials!r}")
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError(f"p0 must lie in [0, 1], got {p0!r}")
    return k, n, p


def _checked_level(successes: IntsLike, trials: IntsLike, alpha: FloatsLike) -> tuple[Floats, Floats, Floats]:
    k, n, level = np.broadcast_arrays(*(np.asarray(argument, dtype=np.float64) for argument in (successes, trials, alpha)))
    if not np.all((level > 0) & (level < 1)):
        raise ValueError(f"alpha must lie in (0, 1), got {alpha!r}")
    _checked(k, n, 0.5)
    return k, n, level
