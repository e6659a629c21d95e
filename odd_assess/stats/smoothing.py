"""From a bound on pA to a certified radius and back: what n draws can certify at all.

Notation of Cohen, Rosenfeld and Kolter (2019): the base classifier f answers class A on a noisy copy x + N(0, sigma^2 I) with probability pA. If
pA >= p > 1/2, the smoothed classifier answers A everywhere in the open L2 ball of radius sigma Phi^-1(p) around x.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import overload

import numpy as np
from scipy import special

from odd_assess.stats.arrays import Floats, FloatsLike, Ints, IntsLike, Many, scalar_if_single
from odd_assess.stats.proportions import proportion_lower_bound

ROUNDING = 2.0**-47
"""Relative amount by which radii step to the safe side, to cover the rounding of the normal quantile: 32 units in the last place."""


@overload
def certified_radius(p_a_lower: float, *, sigma: float) -> float: ...
@overload
def certified_radius(p_a_lower: Many, *, sigma: FloatsLike) -> Floats: ...
def certified_radius(p_a_lower: FloatsLike, *, sigma: FloatsLike) -> float | Floats:
    """If pA >= p_a_lower, the smoothed classifier is constant on the open L2 ball of this radius; 0 where p_a_lower <= 1/2.

    The radius is in input units and rounded toward zero by one part in 1.4e14. A p_a_lower of exactly 1 gives infinity (no finite number of draws does).

    Raises: ValueError unless 0 <= p_a_lower <= 1 and sigma > 0.
    Source: Cohen, Rosenfeld & Kolter, ICML 2019, theorem 1.

    >>> round(certified_radius(0.8413447460685429, sigma=0.5), 9)
    0.5
    """
    p, noise = np.asarray(p_a_lower, dtype=np.float64), np.asarray(sigma, dtype=np.float64)
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError(f"p_a_lower must lie in [0, 1], got {p_a_lower!r}")
    _check_sigma(sigma)
    return scalar_if_single(noise * special.ndtri(np.maximum(p, 0.5)) * (1.0 - ROUNDING))


def largest_radius(p_a_upper: FloatsLike, *, sigma: FloatsLike) -> Floats:
    """If pA <= p_a_upper, no number of draws certifies class A beyond this radius (input units, rounded up); negative where another class must win.

    Always an array, broadcast from the arguments; infinite where p_a_upper is 1.

    Raises: ValueError unless 0 <= p_a_upper <= 1 and sigma > 0.
    Source: the inversion of `certified_radius`.
    """
    p, noise = np.asarray(p_a_upper, dtype=np.float64), np.asarray(sigma, dtype=np.float64)
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError(f"p_a_upper must lie in [0, 1], got {p_a_upper!r}")
    _check_sigma(sigma)
    z = special.ndtri(p)
    return np.asarray(noise * z * (1.0 + np.copysign(ROUNDING, z)))


@overload
def radius_cap(n: int, *, alpha: float, sigma: float) -> float: ...
@overload
def radius_cap(n: IntsLike, *, alpha: FloatsLike, sigma: FloatsLike) -> float | Floats: ...
def radius_cap(n: IntsLike, *, alpha: FloatsLike, sigma: FloatsLike) -> float | Floats:
    """The largest radius that n agreeing draws can certify: sigma Phi^-1(alpha^(1/n)), or 0 where even they certify nothing.

    Arguments broadcast.

    Raises: ValueError unless n >= 1, 0 < alpha < 1, sigma > 0.

    >>> [round(radius_cap(n, alpha=0.001, sigma=1.0), 4) for n in (100, 1_000, 10_000, 100_000)]
    [1.5005, 2.4633, 3.1986, 3.8115]
    """
    draws = np.asarray(n)
    return scalar_if_single(
        np.asarray(certified_radius(np.asarray(proportion_lower_bound(draws, draws, alpha=alpha)), sigma=sigma))
    )


def radius_caps(n: FloatsLike, *, alpha: FloatsLike, sigma: FloatsLike) -> Floats:
    """`radius_cap` of many points at once (arguments broadcast)."""
    draws = np.atleast_1d(np.asarray(n, dtype=np.int64))
    return certified_radius(proportion_lower_bound(draws, draws, alpha=alpha), sigma=sigma)


@overload
def draws_for_radius(radius: float, *, alpha: float, sigma: float) -> int: ...
@overload
def draws_for_radius(radius: Many, *, alpha: float, sigma: float) -> Ints: ...
def draws_for_radius(radius: FloatsLike, *, alpha: float, sigma: float) -> int | Ints:
    """The smallest n whose cap reaches ``radius``: with fewer draws no count certifies it.

    Raises: ValueError unless radius > 0, 0 < alpha < 1, sigma > 0, and radius <= 7 sigma (beyond that 1e11 draws would not do).

    >>> draws_for_radius(0.5, alpha=0.001, sigma=0.25)
    301
    """
    _check_sigma(sigma)
    radii = np.asarray(radius, dtype=np.float64)
    if not np.all((radii > 0) & (radii <= 7 * sigma)):
        raise ValueError(f"radius must lie in (0, 7 sigma] = (0, {7 * sigma:g}], got {radius!r}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1), got {alpha!r}")
    draws = np.array([_draws_for_radius(float(r), alpha, sigma) for r in radii.ravel()], dtype=np.int64).reshape(radii.shape)
    return int(draws) if draws.ndim == 0 else draws


def _draws_for_radius(radius: float, alpha: float, sigma: float) -> int:
    enough = 2 * math.ceil(math.log(alpha) / float(special.log_ndtr(radius / sigma))) + 2
    return 1 + bisect_left(range(1, enough), radius, key=lambda n: radius_cap(n, alpha=alpha, sigma=sigma))


def fewest_agreeing(n: int, *, alpha: float, radius: float = 0.0, sigma: float = 1.0) -> int | None:
    """The fewest of n draws that must answer the class to certify a radius of at least ``radius`` (0: to certify at all); None: no count does.

    Raises: ValueError unless n >= 1, 0 < alpha < 1, sigma > 0, radius >= 0.

    >>> [fewest_agreeing(n, alpha=0.001) for n in (9, 25, 100, 1000)]
    [None, 21, 66, 550]
    """
    _check_sigma(sigma)
    if not radius >= 0:
        raise ValueError(f"radius must not be negative, got {radius!r}")

    def certifies(k: int) -> bool:
        reached = certified_radius(proportion_lower_bound(k, n, alpha=alpha), sigma=sigma)
        return reached > 0 and reached >= radius

    fewest = bisect_left(range(n + 1), True, key=certifies)
    return fewest if fewest <= n else None


def fewest_agreeing_each(n: int, *, alpha: float, radii: Floats, sigma: float) -> Ints:
    """`fewest_agreeing` for each of the ``radii`` (r,) at once; n + 1 where no count does.

    Raises: ValueError as there.

    >>> fewest_agreeing_each(100, alpha=0.001, radii=np.array([0.0, 1.0, 9.0]), sigma=1.0).tolist()
    [66, 95, 101]
    """
    _check_sigma(sigma)
    if not np.all(radii >= 0):
        raise ValueError(f"no radius may be negative, got {float(radii.min())!r}")
    low, high = np.zeros(len(radii), dtype=np.int64), np.full(len(radii), n + 1, dtype=np.int64)
    while np.any(low < high):
        middle = (low + high) // 2  # at most n where low < high
        reached = certified_radius(proportion_lower_bound(np.minimum(middle, n), n, alpha=alpha), sigma=sigma)
        does = (reached > 0) & (reached >= radii)
        low, high = np.where((low < high) & ~does, middle + 1, low), np.where((low < high) & does, middle, high)
    return low


def smallest_useful_n(alpha: float) -> int:
    """The smallest n at which n agreeing draws certify anything: alpha^(1/n) > 1/2.

    Raises: ValueError unless 0 < alpha < 1.

    >>> smallest_useful_n(0.001)
    10
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1), got {alpha!r}")
    n = max(1, math.floor(-math.log2(alpha)))
    while fewest_agreeing(n, alpha=alpha) is None:
        n += 1
    return n


def round_down(x: float, digits: int) -> float:
    """The largest number of ``digits`` decimals that is not above ``x`` as it is written (0.29 stays 0.29): for radii and lower bounds.

    >>> round_down(0.4567, 3), round_down(0.29, 2)
    (0.456, 0.29)
    """
    return _quantized(x, digits, ROUND_FLOOR)


def round_up(x: float, digits: int) -> float:
    """The smallest number of ``digits`` decimals that is not below ``x`` as it is written: for upper bounds.

    >>> round_up(0.4561, 3)
    0.457
    """
    return _quantized(x, digits, ROUND_CEILING)


def _quantized(x: float, digits: int, rounding: str) -> float:
    if not math.isfinite(x):
        return float(x)
    # repr gives the shortest decimal that names this float: 0.29 is floored as 0.29 and not as 0.28999...98
    return float(Decimal(repr(float(x))).quantize(Decimal(1).scaleb(-digits), rounding=rounding))


def _check_sigma(sigma: FloatsLike) -> None:
    noise = np.asarray(sigma, dtype=np.float64)
    if not np.all((noise > 0) & np.isfinite(noise)):
        raise ValueError(f"sigma must be positive and finite, got {sigma!r}")
