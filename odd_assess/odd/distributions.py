"""Distributions of a continuous attribute over its range [low, high].

Each maps values to the unit interval and back: ``below`` is the probability of values under x, ``at`` its inverse. The range
truncates: all probability lies inside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import erfc, isfinite, sqrt
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class Distribution(Protocol):
    """What a continuous attribute needs of its distribution. ``low`` and ``high`` are the attribute's range."""

    def check(self, low: float, high: float) -> None:
        """Raises: ValueError if the distribution cannot live on [low, high]."""
        ...

    def below(self, x: ArrayLike, low: float, high: float, *, included: bool) -> Floats:
        """P(X < x), or P(X <= x) if ``included``; non-decreasing from 0 to 1."""
        ...

    def at(self, u: ArrayLike, low: float, high: float) -> Floats:
        """The value whose probability interval holds u in [0, 1): the inverse of ``below``."""
        ...


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every value of the range is equally likely."""

    def check(self, low: float, high: float) -> None:
        """Any range will do."""

    def below(self, x: ArrayLike, low: float, high: float, *, included: bool) -> Floats:  # noqa: ARG002, a single value has no mass
        """(x - low) / (high - low)."""
        return _unit((np.asarray(x, dtype=np.float64) - low) / (high - low))

    def at(self, u: ArrayLike, low: float, high: float) -> Floats:
        """The value low + u (high - low)."""
        return low + np.asarray(u, dtype=np.float64) * (high - low)

    def __str__(self) -> str:
        return "uniform"


@dataclass(frozen=True, slots=True)
class LogUniform:
    """The logarithm is uniform: equal ratios are equally likely. The range must be positive."""

    def check(self, low: float, high: float) -> None:  # noqa: ARG002, the same question for every distribution
        """Raises: ValueError unless low > 0."""
        if not low > 0:
            raise ValueError(f"a loguniform range must be positive, found lower end {low:.12g}")

    def below(self, x: ArrayLike, low: float, high: float, *, included: bool) -> Floats:  # noqa: ARG002, a single value has no mass
        """log(x / low) / log(high / low)."""
        return _unit(np.log(np.maximum(x, low) / low) / np.log(high / low))

    def at(self, u: ArrayLike, low: float, high: float) -> Floats:
        """The value low (high / low)^u."""
        return np.asarray(low * np.exp(np.asarray(u, dtype=np.float64) * np.log(high / low)), dtype=np.float64)

    def __str__(self) -> str:
        return "loguniform"


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncatedNormal:
    """A normal distribution with this mean and standard deviation, restricted to the range.

    Raises: ValueError unless mean is finite and std positive and finite.
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        if not (isfinite(self.mean) and isfinite(self.std) and self.std > 0):
            raise ValueError(
                f"a normal distribution must have a finite mean and a positive std, found mean {self.mean!r}, std {self.std!r}"
            )

    def check(self, low: float, high: float) -> None:
        """Raises: ValueError if the range lies so far in the tail that it has no probability in float64."""
        first, last, _ = self._tail(low, high)
        if not last - first > 0:
            raise ValueError(f"[{low:.12g} .. {high:.12g}] must hold some probability of {self}, found none")

    def below(self, x: ArrayLike, low: float, high: float, *, included: bool) -> Floats:  # noqa: ARG002, a single value has no mass
        """(F(x) - F(low)) / (F(high) - F(low)), from the tail that keeps the digits."""
        first, last, side = self._tail(low, high)
        p = _normal_cdf(side * (np.clip(x, low, high) - self.mean) / self.std)
        return _unit((p - first) / (last - first) if side > 0 else (last - p) / (last - first))

    def at(self, u: ArrayLike, low: float, high: float) -> Floats:
        """The inverse of ``below``, by the normal quantile."""
        from scipy.special import ndtri  # here, not above: a spec is linted without scipy, which takes 0.3 s to import

        first, last, side = self._tail(low, high)
        share = np.asarray(u, dtype=np.float64)
        p = first + share * (last - first) if side > 0 else last - share * (last - first)
        return np.clip(self.mean + side * self.std * ndtri(p), low, high)

    def _tail(self, low: float, high: float) -> tuple[float, float, float]:
        """(first, last, side): normal probabilities of the ends, mirrored (side -1) where the range lies mostly above the mean."""
        side = 1.0 if low + high <= 2 * self.mean else -1.0
        a, b = sorted((side * (low - self.mean) / self.std, side * (high - self.mean) / self.std))
        return float(_normal_cdf(a)), float(_normal_cdf(b)), side

    def __str__(self) -> str:
        return f"normal (mean {self.mean:.12g}, std {self.std:.12g})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Empirical:
    """The observed values, each equally likely: recorded usage instead of a formula.

    Raises: ValueError if there are none or one is not a finite number.
    """

    values: tuple[float, ...]
    _sorted: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = np.sort(np.asarray(self.values, dtype=np.float64))
        if not len(values) or not np.isfinite(values).all():
            raise ValueError(f"an empirical distribution must have at least one value, all finite, found {_first_bad(self.values)}")
        object.__setattr__(self, "_sorted", values)

    def check(self, low: float, high: float) -> None:
        """Raises: ValueError if a value lies outside the range."""
        outside = self._sorted[(self._sorted < low) | (self._sorted > high)]
        if len(outside):
            found = f"{outside[0]:.12g} ({len(outside)} of {len(self._sorted)} outside)"
            raise ValueError(f"empirical values must lie in [{low:.12g} .. {high:.12g}], found {found}")

    def below(self, x: ArrayLike, low: float, high: float, *, included: bool) -> Floats:  # noqa: ARG002, all values lie in the range
        """The fraction of observed values under x."""
        count = np.searchsorted(self._sorted, np.asarray(x, dtype=np.float64), side="right" if included else "left")
        return np.asarray(count / len(self._sorted), dtype=np.float64)

    def at(self, u: ArrayLike, low: float, high: float) -> Floats:  # noqa: ARG002, all values lie in the range
        """The observed value with rank floor(u N); ranks compare as fractions k/N, to agree with ``below`` to the last bit."""
        n = len(self._sorted)
        rank = np.searchsorted(np.arange(1, n + 1) / n, np.asarray(u, dtype=np.float64), side="right")
        return self._sorted[np.minimum(rank, n - 1)]

    def __str__(self) -> str:
        return f"empirical ({len(self._sorted)} values)"


def _unit(p: Any) -> Floats:
    return np.clip(np.asarray(p, dtype=np.float64), 0.0, 1.0)


def _first_bad(values: tuple[float, ...]) -> str:
    return "none" if not values else repr(next(v for v in values if not isfinite(v)))


@np.vectorize
def _normal_cdf(z: float) -> float:
    """P(Z < z) of the standard normal, with all digits in both tails."""
    return 0.5 * erfc(-z / sqrt(2.0))
