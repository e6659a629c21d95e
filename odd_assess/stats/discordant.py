"""Two models at the same independent points: a sharp lower bound on the difference of two fractions, from the points at which they differ.

Of ``pairs`` points the new model lost some that the old one had, and gained some that it had not: (lost, gained) is trinomial with chances p- and p+, and
the difference is p+ - p-. Buehler's method: order all outcomes by a statistic T, let A be those that are at least as favourable as what was observed, and take
the smallest difference at which A has, for some chances with that difference, a probability above beta. Where the bound exceeds the true difference,
A was improbable at the true chances; since the sets A are nested, that happens with probability at most beta.

T = d - z sqrt(lost + gained + z^2/4), d = gained - lost, z the normal quantile of 1 - beta: up to the factor 1/pairs the lower limit of a score interval with
pseudo-counts. Any fixed order is valid; this one hardly depends on the nuisance chance p+. It rises in ``gained`` and falls in ``lost``:
z (sqrt(s + 1 + z^2/4) - sqrt(s + z^2/4)) is less than 1. So with k gained, A holds those with at most r(k) lost, and r does not fall.

**The supremum over p+ is bounded, not searched.** On a cell a <= p+ <= b with difference D: given k gained, the lost are binomial among pairs - k points with
chance (p+ - D)/(1 - p+), which rises in p+, so P(lost <= r(k)) is at most its value at p+ = a. It does not fall in k, and k is stochastically
largest at b. So

    P(A) <= sum over k of Bin(pairs, b)(k) BinCDF(r(k); pairs - k, (a - D)/(1 - a)),

which is about P(A) at the chances b and a - D: a cell costs about its width at most in the difference. k outside a window counts by its whole mass. Cells on
which this exceeds beta are split, until all are below or there are too many; then the difference is not claimed. sup P(A) rises with the
difference (take p- away, or add p+, or both), so one difference at which it is shown to be at most beta is a bound.

Source: Buehler, JASA 52 (1957). The order and the cells are ours, from the argument above.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import special

from odd_assess.stats.arrays import Floats

MOST_PAIRS = 5_000
"""Beyond so many pairs the sums take too long: use a bound that bets. The choice depends on the number of pairs only, never on what was seen."""
WIDE = 0.16
"""Width of the first cells, in standard deviations of ``gained``."""
GIVEN_UP = ((1e-4, 300), (4e-3, 1_000), (0.02, 30_000), (0.05, 30_000), (0.2, 30_000), (1.0, 30_000), (5.0, 30_000))
"""What is given up of the difference, in standard deviations of d, so that cells show it, and how many cells at most. The first that succeeds counts."""
ROUNDING = 1e-9
"""By so much, relatively, a sum may be too small."""
CHUNK = 64
"""Chances that are summed at a time."""
WINDOW = 6.5
"""Standard deviations of ``gained`` that are summed; the rest counts in full."""


def difference_lower_bound(lost: int, gained: int, pairs: int, *, beta: float) -> float:
    """P(bound <= p+ - p-) >= 1 - beta, where each of ``pairs`` independent points is gained with chance p+ and lost with chance p-.

    Where no point differs it is minus the exact (Clopper-Pearson) upper bound of the chance to lose one.

    Raises: ValueError unless lost, gained >= 0, lost + gained <= pairs, 1 <= pairs <= MOST_PAIRS, 0 < beta <= 1/2.
    Source: see the module.

    >>> round(difference_lower_bound(0, 0, 150, beta=0.05), 4), round(difference_lower_bound(2, 12, 150, beta=0.05), 4)
    (-0.0198, 0.0193)
    """
    if not (0 < beta <= 0.5 and 1 <= pairs <= MOST_PAIRS and lost >= 0 and gained >= 0 and lost + gained <= pairs):
        raise ValueError(
            f"lost and gained must be counts of 1 to {MOST_PAIRS} pairs and beta lie in (0, 1/2], got {lost}, {gained} of {pairs} and {beta!r}"
        )
    return _lower_bound(lost, gained, pairs, beta)


@lru_cache(maxsize=256)
def _lower_bound(lost: int, gained: int, pairs: int, beta: float) -> float:
    if lost == pairs:
        return -1.0
    favourable = _Favourable(lost, gained, pairs, beta)
    unit = math.sqrt(lost + gained + 1) / pairs
    low = favourable.crossing((gained - lost) / pairs, unit)
    for given_up, cells in GIVEN_UP:
        if low - given_up * unit > -1.0 and favourable.surely_rare(low - given_up * unit, cells):
            return low - given_up * unit
    return -1.0


def difference_upper_bound(lost: int, gained: int, pairs: int, *, beta: float) -> float:
    """P(bound >= p+ - p-) >= 1 - beta. The mirror image of `difference_lower_bound`.

    Raises: ValueError as there.
    """
    return -difference_lower_bound(gained, lost, pairs, beta=beta)


class _Favourable:
    """The set A of outcomes at least as favourable as (lost, gained), and its probability."""

    def __init__(self, lost: int, gained: int, pairs: int, beta: float) -> None:
        self.pairs, self.beta = pairs, beta
        k = np.arange(pairs + 1, dtype=np.float64)
        self.most_lost = _most_lost(lost, gained, k, -float(special.ndtri(beta)))
        self.log_ways = special.gammaln(pairs + 1) - special.gammaln(k + 1) - special.gammaln(pairs - k + 1)

    def crossing(self, high: float, unit: float) -> float:
        """Nearly the difference at which P(A) passes beta at one of the chances p+ where the first cells end, from below; ``high`` is above it.

        By the rule of false position on the scale of normal quantiles, where P(A) is nearly linear.
        """
        at_high = self._excess(high)
        low, at_low, step = high, at_high, 2 * unit
        while at_low > 0 and low > -1.0:
            low, high, at_high = max(-1.0, low - step), low, at_low
            at_low, step = self._excess(low), 2 * step
        side = 0
        while low > -1.0 and high - low > 1e-5 * unit:
            share = at_low / (at_low - at_high)
            middle = low + (high - low) * min(max(share, 0.001), 0.999)
            at = self._excess(middle)
            if at > 0:
                high, at_high, at_low = middle, at, at_low / 2 if side > 0 else at_low
                side = 1
            else:
                low, at_low, at_high = middle, at, at_high / 2 if side < 0 else at_high
                side = -1
        return low

    def _excess(self, difference: float) -> float:
        """By how much P(A) exceeds beta at one of the chances p+ where the first cells end, as normal quantiles."""
        edges = self._edges(difference)
        most = float(self._probability(edges, _of_the_others(edges, difference)).max())
        return float(special.ndtri(min(max(most, 1e-15), 1 - 1e-15)) - special.ndtri(self.beta))

    def surely_rare(self, difference: float, most_cells: int) -> bool:
        """Whether P(A) is shown to be at most beta at all chances with this difference, where ``most_cells`` are looked at once at most."""
        edges = self._edges(difference)
        left, right = edges[:-1], edges[1:]
        while True:
            over = self._probability(right, _of_the_others(left, difference)) > self.beta
            if not over.any():
                return True
            left, right = left[over], right[over]
            if 4 * len(left) > most_cells or np.any(right - left < 1e-13):
                return False
            if np.any(self._probability(left, _of_the_others(left, difference)) > self.beta):
                return False
            inner = left[:, None] + (right - left)[:, None] * np.linspace(0.0, 1.0, 5)
            left, right = inner[:, :-1].ravel(), inner[:, 1:].ravel()

    def _edges(self, difference: float) -> Floats:
        """The possible chances p+, in cells of about equal width by the standard deviation of ``gained``."""
        low, high = max(0.0, difference), (1.0 + difference) / 2
        cells = max(1, math.ceil(math.sqrt(max(0.0, high - low) * self.pairs) / WIDE))
        return np.asarray(low + (high - low) * (np.arange(cells + 1) / cells) ** 2)

    def _probability(self, gain: Floats, loss: Floats) -> Floats:
        """P(A) (c,), rounded up, where a point is gained with chance ``gain`` (c,) and one that is not is lost with chance ``loss`` (c,)."""
        found = np.empty(len(gain))
        spread = WINDOW * np.sqrt(self.pairs * gain * (1 - gain))
        first = np.maximum(0.0, np.floor(self.pairs * gain - spread - 5))
        last = np.minimum(self.pairs, np.ceil(self.pairs * gain + spread + 20))
        for start in range(0, len(gain), CHUNK):
            rows = slice(start, start + CHUNK)
            found[rows] = self._summed(gain[rows, None], loss[rows, None], first[rows, None], last[rows, None])
        return found * (1 + ROUNDING)

    def _summed(self, gain: Floats, loss: Floats, first: Floats, last: Floats) -> Floats:
        """The same (c,) for columns (c, 1), summed over k from ``first`` to ``last``."""
        k = first + np.arange(int((last - first).max()) + 1)
        inside = k <= last
        k = np.minimum(k, last)
        row = k.astype(np.int64)
        ways = np.exp(self.log_ways[row] + special.xlogy(k, gain) + special.xlog1py(self.pairs - k, -gain))
        most, others = self.most_lost[row], self.pairs - k
        some = (most >= 0) & (most < others)
        few = special.betaincc(np.where(some, most + 1, 1.0), np.where(some, others - most, 1.0), loss)
        enough = np.where(some, few, np.where(most < 0, 0.0, 1.0))
        outside = special.bdtrc(last, self.pairs, gain) + np.where(first > 0, special.bdtr(first - 1, self.pairs, gain), 0.0)
        return np.asarray(np.where(inside, ways * enough, 0.0).sum(axis=1) + outside[:, 0])


def _of_the_others(gain: Floats, difference: float) -> Floats:
    """The chance to be lost of a point that is not gained."""
    return np.clip((gain - difference) / np.maximum(1.0 - gain, 1e-300), 0.0, 1.0)


def _most_lost(lost: int, gained: int, k: Floats, z: float) -> Floats:
    """The most that may be lost beside k gained (pairs + 1,) for an outcome in A; -1 where none may."""

    def favour(minus: Floats, plus: Floats) -> Floats:
        return np.round(plus - minus - z * np.sqrt(plus + minus + z * z / 4), 9)  # equal ones must come out equal

    least = favour(np.array([float(lost)]), np.array([float(gained)]))
    low, high = np.full(len(k), -1.0), len(k) - k  # in A, and not
    while np.any(high - low > 1):
        middle = np.floor((low + high) / 2)
        inside = favour(np.maximum(middle, 0.0), k) >= least
        low, high = np.where(inside, np.maximum(middle, low), low), np.where(inside, high, middle)
    return low
