"""A sharp lower bound on a weighted mean of two proportions, from independent points of each: w1 p1 + w2 p2 with known weights.

k_g of m_g points of group g are successes. Where a group is homogeneous (all of it works, or hardly any of it), its points say much, and the bound profits: a
binomial bound of the pooled points cannot.

Buehler's method with the nuisance confined: order all outcomes by a statistic L that rises with each count, and let A be those that are at least as
favourable as what was observed. Let C be the chances with p1 >= l1 and p2 >= l2, where l1 and l2 are exact bounds at the level gamma/2 each. A value q
of the weighted mean is rejected where P(A) <= beta - gamma at all chances in C with that mean. Except with probability gamma the true chances lie in C,
and there P(A) is beta - gamma or less with probability beta - gamma at most (the sets A are nested): so the true mean is rejected with probability
beta at most. Higher counts make A and C smaller, so that the bound does not fall with either count.

    L = w1 p~1 + w2 p~2 - z sqrt(V),  V = w1^2 p~1 (1 - p~1) / m~1 + w2^2 p~2 (1 - p~2) / m~2,  p~ = (k + c) / m~,  m~ = m + 2c,  c = z^2/4

with the normal quantile z of 1 - beta is nearly the bound itself, so that P(A) hardly depends on the nuisance. It rises with k1 (and k2): its slope in p~1
is w1 (1 - z w1 (1 - 2 p~1) / (2 m~1 sqrt(V))), and 4 m~ p~ (1 - p~) >= 4c (m + c) / (m + 2c) >= (z m / (m + 2c))^2 >= (z (1 - 2 p~))^2.

**The supremum over the nuisance is bounded, not searched.** P(A) rises with p1 and with p2. So of all chances in C with a mean of at most q those with the
mean q count, and on a cell a <= p1 <= b of these P(A) is at most its value at p1 = b and p2 = (q - w1 a)/w2, which costs w1 (b - a) at most in the
mean. Cells on which this exceeds beta - gamma are split, until none does or there are too many; then q is not claimed, but a smaller value.

Decision (2026-11-21): L and not the weighted mean of the observed fractions, and C and not all chances. Mean distance of the bound from the true mean
in percent, 95 % confidence, 25 outcomes each ("everything": gamma = 0):

    points, weights, chances                   L    L, everything   weighted mean   the same, everything   binomial, all points by weight
    150 + 150, .8 and .2, .98 and .6          2.78       2.88            3.57               4.35                       3.20
    60 + 60, .5 and .5, .99 and .8            5.37       5.35            5.87               5.87                       5.94
    100 + 200, .6 and .4, .999 and .7         2.47       2.63            3.20               4.29                       3.51
    150 + 150, .7 and .3, .9 and .4           3.18       3.19            3.74               4.23                       4.44

Source: Buehler, JASA 52 (1957); Berger & Boos, JASA 89 (1994), for the confined nuisance. The statistic and the cells are ours, from the argument above.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import special

from odd_assess.stats.arrays import Floats, FloatsLike, Ints, IntsLike
from odd_assess.stats.bounded_mean import mean_lower_bound
from odd_assess.stats.proportions import proportion_lower_bound
from odd_assess.stats.stratified import stratified_lower_bound, weighted_mean_lower_bound

MOST_TRIALS = 10_000
"""Of a group. Beyond so many points a product of e-values bounds instead. The choice depends on the numbers of points only, never on what was seen."""
CONFINED = 1 / 200
"""gamma over beta: what the confined nuisance may cost of the level."""
COARSE = 0.5
"""Width of the first cells, in standard deviations of either fraction."""
GIVEN_UP = ((0.003, 5_000), (0.02, 5_000), (0.1, 10_000), (0.5, 10_000), (5.0, 10_000))
"""What is given up of the bound, in standard deviations, so that cells show it, and how many cells at most. The first that succeeds counts."""
ROUNDING = 1e-9
"""By so much, relatively, a sum may be too small."""
BEYOND = 5.0
"""Counts so many standard deviations and the normal quantile of the level away from the mean are not summed; they count in full."""
CHUNK = 64
"""Chances that are summed at a time."""

ABOUT_ALIKE = 1.1
"""Weight over share of the points of a group, up to which betting on weighted values is sharper than a bound of each group."""

Two = tuple[float, float]


def two_group_lower_bound(successes: tuple[int, int], trials: tuple[int, int], weights: Two, *, beta: float) -> float:
    """P(bound <= w1 p1 + w2 p2) >= 1 - beta for independent points, ``trials[g]`` in group g, each a success with chance p_g.

    A group without points counts as 0. Weights are normalised to sum 1; the level is never above 1/2. The bound does not fall with either count, but
    for what is given up (`GIVEN_UP`).

    Raises: ValueError unless 0 <= successes <= trials, some points, weights >= 0 with a positive sum, 0 < beta < 1.
    Source: see the module.

    >>> round(two_group_lower_bound((150, 90), (150, 150), (0.8, 0.2), beta=0.05), 3)
    0.902
    """
    k, m = (int(successes[0]), int(successes[1])), (int(trials[0]), int(trials[1]))
    if not all(0 <= one <= n for one, n in zip(k, m, strict=True)) or sum(m) < 1:
        raise ValueError(f"there must be 0 <= successes <= trials in both groups and some points, got {successes!r} of {trials!r}")
    total = float(weights[0]) + float(weights[1])
    if not (min(weights) >= 0 and 0 < total < math.inf):
        raise ValueError(f"weights must be two numbers >= 0 with a positive sum, got {weights!r}")
    if not 0 < beta < 1:
        raise ValueError(f"beta must lie in (0, 1), got {beta!r}")
    return _lower_bound(k, m, (weights[0] / total, weights[1] / total), min(float(beta), 0.5))


def two_group_upper_bound(successes: tuple[int, int], trials: tuple[int, int], weights: Two, *, beta: float) -> float:
    """P(bound >= w1 p1 + w2 p2) >= 1 - beta. The mirror image of `two_group_lower_bound`: a group without points counts as 1.

    Raises: ValueError as there.
    """
    failures = (trials[0] - successes[0], trials[1] - successes[1])
    return 1.0 - two_group_lower_bound(failures, trials, weights, beta=beta)


def two_group_mean_lower_bound(
    values: FloatsLike, group: IntsLike, weights: Two, *, upper: float, beta: float, copies: float = 1.0
) -> float:
    """P(bound <= w1 mean1 + w2 mean2) >= 1 - beta for independent values (m,) in [0, upper], ``group`` (m,) 0 or 1. A group without values counts as 0.

    A betting bound of each group at beta/2, weighted; where the groups have about the points that they weigh (`ABOUT_ALIKE`), the betting bound on the weighted
    values. The choice depends on the numbers of points only. Mean distance from the true mean (117 + 183 values, weights .2 and .8, means .6 and .97):
    .034; of the weighted values .084; of 300 values by weight .037.

    Raises: ValueError as `mean_lower_bound` and `weighted_mean_lower_bound`.
    Source: `odd_assess.stats.bounded_mean`; Bonferroni.
    """
    x, place = np.asarray(values, dtype=np.float64), np.asarray(group, dtype=np.int64)
    w = np.asarray(weights, dtype=np.float64) / float(sum(weights))
    counts = np.bincount(place, minlength=2)
    some = [one for one in (0, 1) if counts[one] and w[one] > 0]
    if len(some) < 2 or float((w * len(x) / counts).max()) <= ABOUT_ALIKE:
        return weighted_mean_lower_bound(x, place, w, upper=upper, beta=beta, copies=copies)
    bounds = [mean_lower_bound(x[place == one], upper=upper, beta=beta / 2, copies=copies) for one in some]
    return float(w @ np.array(bounds))


@lru_cache(maxsize=1024)
def _lower_bound(k: tuple[int, int], m: tuple[int, int], w: Two, beta: float) -> float:
    for one in (0, 1):
        if m[1 - one] == 0 or w[1 - one] == 0:
            return w[one] * proportion_lower_bound(k[one], m[one], alpha=beta) if m[one] else 0.0
    if max(m) > MOST_TRIALS:
        return stratified_lower_bound(list(k), list(m), list(w), beta=beta)
    if k == (0, 0):
        return 0.0
    favourable = _Favourable(k, m, w, beta)
    unit = favourable.unit
    top = favourable.crossing()
    for given_up, cells in GIVEN_UP:
        mean = top - given_up * unit
        if mean <= favourable.floor:
            break
        if favourable.surely_rare(mean, cells):
            return mean
    return favourable.floor


class _Favourable:
    """The set A of outcomes at least as favourable as ``k`` of ``m``, and its probability."""

    def __init__(self, k: tuple[int, int], m: tuple[int, int], w: Two, beta: float) -> None:
        self.m, self.w = m, w
        gamma = CONFINED * beta
        self.level = beta - gamma
        self.least = tuple(proportion_lower_bound(one, n, alpha=gamma / 2) for one, n in zip(k, m, strict=True))
        self.floor = w[0] * self.least[0] + w[1] * self.least[1]
        self.order = _Order(m, w, -float(special.ndtri(beta)))
        self.fewest = self.order.fewest(k)
        self.log_ways = tuple(_log_ways(n) for n in m)
        self.window = BEYOND - float(special.ndtri(self.level))
        self.fractions = (k[0] / m[0], k[1] / m[1])
        self.unit = self.order.spread(k)

    def crossing(self) -> float:
        """Nearly the mean at which P(A) passes the level at one of the chances where the first cells end.

        By the rule of false position on the scale of normal quantiles, where P(A) is nearly linear.
        """
        high = self.w[0] * self.fractions[0] + self.w[1] * self.fractions[1]
        at_high = self._excess(high)
        low, at_low, step = high, at_high, 2 * self.unit
        while at_low > 0 and low > self.floor:
            low, high, at_high = max(self.floor, low - step), low, at_low
            at_low, step = self._excess(low) if low > self.floor else -1.0, 2 * step
        side = 0
        while high - low > 1e-3 * self.unit:
            share = at_low / (at_low - at_high) if at_high > at_low else 0.5
            middle = low + (high - low) * min(max(share, 0.01), 0.99)
            at = self._excess(middle)
            if at > 0:
                high, at_high, at_low = middle, at, at_low / 2 if side > 0 else at_low
                side = 1
            else:
                low, at_low, at_high = middle, at, at_high / 2 if side < 0 else at_high
                side = -1
        return low

    def _excess(self, mean: float) -> float:
        """By how much P(A) exceeds the level at one of the chances where the first cells end, as normal quantiles."""
        edges = self._edges(mean)
        most = float(self._probability(edges, self._of_other(edges, mean)).max())
        return float(special.ndtri(min(max(most, 1e-300), 1 - 1e-15)) - special.ndtri(self.level))

    def surely_rare(self, mean: float, most_cells: int) -> bool:
        """Whether P(A) is shown to be at most the level at all chances in C with this mean, where ``most_cells`` are looked at in all at most."""
        edges = self._edges(mean)
        left, right, looked = edges[:-1], edges[1:], 0
        while len(left):
            looked += len(left)
            if looked > most_cells:
                return False
            over = self._probability(right, self._of_other(left, mean)) > self.level
            if np.any(right[over] - left[over] < 1e-14):
                return False
            inner = left[over, None] + (right - left)[over, None] * np.linspace(0.0, 1.0, 4)
            left, right = inner[:, :-1].ravel(), inner[:, 1:].ravel()
        return True

    def _edges(self, mean: float) -> Floats:
        """The chances p1 in C with this mean, in cells that are narrow by the standard deviation of either fraction; the ends are rounded outwards."""
        (w1, w2), (l1, l2) = self.w, self.least
        low = max(l1, (mean - w2 - 1e-15) / w1)
        high = min(1.0, (mean - w2 * l2 + 1e-15) / w1)
        if not low < high:
            return np.array([low, max(low, high)])
        first = _even_by_spread(low, high, self.m[0])
        ends = np.clip([(mean - w1 * high) / w2, (mean - w1 * low) / w2], 0.0, 1.0)
        second = (mean - w2 * _even_by_spread(float(ends[0]), float(ends[1]), self.m[1])) / w1
        inner = np.concatenate([first, second])
        return np.unique(np.concatenate([[low], inner[(inner > low) & (inner < high)], [high]]))

    def _of_other(self, p1: Floats, mean: float) -> Floats:
        """The chance p2 beside p1 where the mean is ``mean``, rounded up."""
        return np.clip((mean - self.w[0] * p1 + 1e-15) / self.w[1], 0.0, 1.0)

    def _probability(self, p1: Floats, p2: Floats) -> Floats:
        """P(A) (c,), rounded up, at the chances ``p1`` and ``p2`` (c,)."""
        found = np.empty(len(p1))
        for start in range(0, len(p1), CHUNK):
            rows = slice(start, start + CHUNK)
            found[rows] = self._summed(p1[rows, None], p2[rows, None])
        return found * (1 + ROUNDING)

    def _summed(self, p1: Floats, p2: Floats) -> Floats:
        """The same (c,) for columns (c, 1)."""
        first, ways = self._mass(0, p1)
        second, others = self._mass(1, p2)
        beyond = special.bdtrc(second[:, -1:], self.m[1], p2)
        at_least = np.minimum(1.0, np.cumsum(others[:, ::-1], axis=1)[:, ::-1] + beyond)
        place = self.fewest[first] - second[:, :1]
        width = second.shape[1]
        inside = np.take_along_axis(at_least, np.clip(place, 0, width - 1), axis=1)
        enough = np.where(place <= 0, 1.0, np.where(place >= width, beyond, inside))
        enough = np.where(self.fewest[first] > self.m[1], 0.0, enough)
        outside = special.bdtrc(first[:, -1:], self.m[0], p1)
        outside = outside + np.where(first[:, :1] > 0, special.bdtr(np.maximum(first[:, :1] - 1, 0), self.m[0], p1), 0.0)
        return np.asarray((ways * enough).sum(axis=1) + outside[:, 0])

    def _mass(self, group: int, p: Floats) -> tuple[Ints, Floats]:
        """(counts, their probabilities) (c, n) of a group around what its chance ``p`` (c, 1) lets expect."""
        m = self.m[group]
        reach = self.window * np.sqrt(m * p * (1 - p)) + 20
        first = np.maximum(0, np.floor(m * p - reach)).astype(np.int64)
        last = np.minimum(m, np.ceil(m * p + reach)).astype(np.int64)
        width = int((last - first).max()) + 1
        counts = np.minimum(first, m + 1 - width) + np.arange(width)
        return counts, np.exp(self.log_ways[group][counts] + special.xlogy(counts, p) + special.xlog1py(m - counts, -p))


class _Order:
    """The statistic L, by which outcomes are ordered."""

    def __init__(self, m: tuple[int, int], w: Two, z: float) -> None:
        self.m, self.w, self.z, self.extra = m, w, z, z * z / 4

    def spread(self, k: tuple[int, int]) -> float:
        """About the standard deviation of the weighted mean of the fractions; never 0."""
        p = [(one + 1) / (n + 2) for one, n in zip(k, self.m, strict=True)]
        return math.sqrt(sum(w * w * q * (1 - q) / n for w, q, n in zip(self.w, p, self.m, strict=True)))

    def fewest(self, k: tuple[int, int]) -> Ints:
        """The least of group 2 (m1 + 1,) beside each count of group 1 for an outcome in A; m2 + 1 where none is enough."""
        (mean1, square1), (mean2, square2) = (self._parts(group, np.arange(self.m[group] + 1.0)) for group in (0, 1))

        def favour(mean: Floats, square: Floats) -> Floats:
            return np.round(mean - self.z * np.sqrt(square), 11)  # equal ones must come out equal

        least = favour(mean1[k[0]] + mean2[k[1]], square1[k[0]] + square2[k[1]])
        low, high = np.full(self.m[0] + 1, -1), np.full(self.m[0] + 1, self.m[1] + 1)  # not in A, and in A
        while np.any(high - low > 1):
            middle = np.minimum((low + high) // 2, self.m[1])
            inside = favour(mean1 + mean2[middle], square1 + square2[middle]) >= least
            open_ = high - low > 1
            low, high = np.where(open_ & ~inside, middle, low), np.where(open_ & inside, middle, high)
        return np.minimum.accumulate(high).astype(np.int64)

    def _parts(self, group: int, k: Floats) -> tuple[Floats, Floats]:
        """(w p~, w^2 p~ (1 - p~) / m~) for counts ``k`` of a group."""
        w, points = self.w[group], self.m[group] + 2 * self.extra
        p = (k + self.extra) / points
        return w * p, w * w * p * (1 - p) / points


def _even_by_spread(low: float, high: float, m: int) -> Floats:
    """Chances from ``low`` to ``high``, even on the scale asin(sqrt(p)): there a fraction of m points has the standard deviation 1 / (2 sqrt(m))."""
    start, end = math.asin(math.sqrt(low)), math.asin(math.sqrt(high))
    cells = max(1, math.ceil((end - start) * 2 * math.sqrt(m) / COARSE))
    return np.asarray(np.sin(np.linspace(start, end, cells + 1)) ** 2)


def _log_ways(m: int) -> Floats:
    """The logarithm of m over k (m + 1,)."""
    k = np.arange(m + 1.0)
    return np.asarray(special.gammaln(m + 1) - special.gammaln(k + 1) - special.gammaln(m - k + 1))
