"""What another number of draws would certify at the points of a run, given their counts: radii and shares. Estimates.

For each point: E over p, given its count, of E over K ~ Bin(n, p) of what K of n draws certify. The prior of p
is fitted to *all* counts of the run (empirical Bayes): a nonparametric maximum likelihood estimate on a grid of logits, lightly smoothed.

Decision (2026-11-20). The prior matters because good models answer k = n at many points, where the count says only "p is next to 1" and the reference
radius is still anywhere between 2.5 and 3.8 sigma. Tried on the published counts of Levine et al. and on Cohen et al.'s published radii inverted to pA
(CIFAR-10, 500 images each), drawing k ~ Bin(n, pA) anew, n_ref = 100,000. Error of the predicted reduction, in points of per cent:

    distribution of pA            Levine .12   .25   .50   1.00   Cohen .12   .25 at .5   1. at .5
    n = 1000 (true reduction)           28.9  24.0  18.8   17.4        28.0       17.5       23.3
      fitted prior, this module         -0.4  -0.3  +0.1   +0.3        -0.1       +0.5       -0.3
      fitted Beta(a, b)                 -0.7  -0.7  -0.6   -0.2        -0.7       -0.4       -1.2
      Jeffreys Beta(1/2, 1/2)           -5.7  -3.1  -0.6   +0.3        -5.4       +0.2       -3.1
      plug-in k/n                       +1.1  +1.8  +1.7   +0.9        +1.2       +0.5       +1.4
    n = 100 (true reduction)            55.9  52.0  48.8   49.3        54.9       50.5       51.1
      fitted prior                      -1.0  +0.1  +1.2   +1.2        -0.6       +1.3       -0.1
      Jeffreys                          -9.4  -5.7  -1.6   +0.9        -8.8       +1.1       -5.4

With 50 points in place of 500 the fitted prior's mean errors at n = 1000 are -1.1 to +0.4, at n = 100 -1.7 to +1.5.

Jeffreys' prior misjudges the saturated points, the plug-in k/n takes them for p = 1; the fitted prior takes their share of the domain from the others.

On the same counts of Levine et al. at n = 1000 (2026-11-21): mean radius at 10 to 10,000 draws within .6 % of the true one, at 100,000 within 2 %, at a million
within 3.5 %; certified share at 100,000 draws within .02 at radii up to 3 sigma, within .053 next to the cap. From n = 100: within 5.5 % up to 100,000; .05 up
to 2.5 sigma, .11 next to the cap.

A rule that stops drawing when something is decided does not change the likelihood of p given (k, n): counts of sequential procedures serve like any others.
They are few, and the expectation is coarse: from medians of 32 to 232 draws, 2,000 at most, the mean reference radius came out 2 % too small to 12 % too
large (ten runs on 250 or 500 published points; the plug-in k/n: 18 to 30 % too large).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import special

from odd_assess.stats.arrays import Floats, FloatsLike, Ints, IntsLike, distinct, scalar_if_single
from odd_assess.stats.proportions import probability_at_least, proportion_lower_bound
from odd_assess.stats.smoothing import certified_radius, fewest_agreeing, fewest_agreeing_each

GRID_STEP = 0.1
"""Step of the prior's grid, in logits of p."""
SMOOTHING = 0.25
"""Weight of the flat part of the prior, in points per unit of logit."""
EM_STEPS = 300
"""Steps of expectation-maximisation; with more of them the predictions moved by less than .002."""
MOST_LEVELS = 64
"""Noise levels that a sum over points tells apart; of those that a search may choose, neighbours then differ by 5 %."""


# ---------------------------------------------------------------- one point whose p is known


def expected_radius(p: FloatsLike, n: IntsLike, *, alpha: float, sigma: float, at_most: float = math.inf) -> float | Floats:
    """The mean certified radius of n draws at a point where each draw answers the class with probability p: E of R(K, n), K ~ Bin(n, p).

    Summed over the counts within 8 standard deviations of n p: every one of them, or some 256 evenly spaced ones where there are more (the sum of
    a smooth function, right to 1e-6 sigma). ``at_most`` (input units) caps the radius inside the expectation. ``p`` and ``n`` broadcast.

    Raises: ValueError unless 0 <= p <= 1, n >= 1, 0 < alpha < 1, sigma > 0.

    >>> round(expected_radius(1.0, 1000, alpha=0.001, sigma=0.5), 4)
    1.2316
    """
    probabilities = np.asarray(p, dtype=np.float64)
    if not np.all((probabilities >= 0) & (probabilities <= 1)):
        raise ValueError(f"p must lie in [0, 1], got {p!r}")
    certified_radius(0.5, sigma=sigma)  # checks sigma
    ps, ns = np.broadcast_arrays(probabilities, np.asarray(n))
    means = np.zeros(ps.shape)
    for draws in np.unique(ns).tolist():
        means[ns == draws] = _mean_radii(ps[ns == draws], int(draws), alpha, np.array([at_most / sigma]))[:, 0]
    return scalar_if_single(sigma * means)


def _mean_radii(p: Floats, n: int, alpha: float, limits: Floats) -> Floats:
    """(len(p), len(limits)): the mean radius at sigma = 1 for each p, capped at each of the limits.

    Raises: ValueError unless n >= 1 and 0 < alpha < 1.
    """
    fewest = fewest_agreeing(n, alpha=alpha)
    if fewest is None:
        return np.zeros((len(p), len(limits)))
    return np.array([_mean_radius(float(one), n, alpha, fewest, limits) for one in p])


def _mean_radius(p: float, n: int, alpha: float, fewest: int, limits: Floats) -> Floats:
    reach = 8.0 * math.sqrt(n * p * (1.0 - p)) + 20.0
    first, last = max(0, math.floor(n * p - reach)), min(n, math.ceil(n * p + reach))
    if last < fewest:
        return np.zeros(len(limits))
    k = np.arange(first, last + 1, max(1, (last - first) // 256), dtype=np.float64)
    log_mass = special.xlogy(k, p) + special.xlog1py(n - k, -p) - special.betaln(k + 1.0, n - k + 1.0)
    mass = np.exp(log_mass - log_mass.max())
    radius = np.zeros_like(k)
    some = k >= fewest
    radius[some] = certified_radius(proportion_lower_bound(k[some].astype(np.int64), n, alpha=alpha), sigma=1.0)
    reached = np.searchsorted(radius, limits)  # radii rise with k: from here on the limit holds
    below = np.concatenate([[0.0], np.cumsum(mass * radius)])[reached]
    beyond = np.concatenate([np.cumsum(mass[::-1])[::-1], [0.0]])[reached]
    return np.asarray((below + np.where(beyond > 0, limits, 0.0) * beyond) / mass.sum())


# ---------------------------------------------------------------- the points of a run


def expected_reference_radius(
    successes: IntsLike, trials: IntsLike, n_ref: int, *, alpha: FloatsLike, sigma: FloatsLike, at_most: FloatsLike = math.inf
) -> Floats:
    """Each point's expected certified radius (m,) at ``n_ref`` draws, given its count; the prior is fitted to all the counts (see the module). An estimate.

    ``successes``, ``trials``, ``alpha``, ``sigma``: one value a point (m,), or one for all. ``alpha`` is the level of the bound (half the error of a
    single batch). ``at_most`` (input units) caps the reference radius of each point inside the expectation.

    Raises: ValueError unless there is a point, 0 <= successes <= trials, n_ref >= 1, 0 < alpha < 1, sigma > 0.
    """
    k, n, level, noise = checked_points(successes, trials, alpha, sigma)
    limit = np.broadcast_to(np.asarray(at_most, dtype=np.float64) / noise, k.shape)
    posterior, pair = _posterior(k, n, n_ref)
    first, group = distinct(pair, level, limit)
    expected = np.empty(len(first))
    for a in np.unique(level):
        rows = np.flatnonzero(level[first] == a)
        limits, which = np.unique(limit[first][rows], return_inverse=True)
        if np.array_equal(limits, [math.inf]):
            expected[rows] = posterior[pair[first][rows]] @ _radius_on_grid(n_ref, n_ref, float(a))
        else:
            capped = _mean_radii(special.expit(_grid(n_ref)), n_ref, float(a), limits)
            expected[rows] = np.einsum("mg,gm->m", posterior[pair[first][rows]], capped[:, np.ravel(which)])
    return np.asarray(noise * expected[group])


def expected_mean_radii(
    successes: IntsLike, trials: IntsLike, budgets: IntsLike, n_ref: int, *, alpha: FloatsLike, sigma: FloatsLike
) -> Floats:
    """The mean over the points of the certified radius expected at each of the ``budgets`` (b,), given the counts. An estimate.

    The budgets up to ``n_ref`` share one fit of the prior, that of `expected_reference_radius` at ``n_ref``: the curve passes through its mean. Arguments
    as there; each budget is a number of draws that is fixed beforehand.

    Raises: ValueError as there.
    """
    k, n, level, noise = checked_points(successes, trials, alpha, sigma)
    draws = np.atleast_1d(np.asarray(budgets, dtype=np.int64))
    means = np.empty(len(draws))
    for fine in np.unique(np.maximum(draws, n_ref)).tolist():
        posterior, pair = _posterior(k, n, fine)
        weighted = {float(a): np.bincount(pair, weights=noise * (level == a)) @ posterior / len(k) for a in np.unique(level)}
        for position in np.flatnonzero(np.maximum(draws, n_ref) == fine):
            means[position] = sum(share @ _radius_on_grid(fine, int(draws[position]), a) for a, share in weighted.items())
    return means


def reference_certifies(
    successes: IntsLike, trials: IntsLike, n_ref: int, radii: FloatsLike, *, alpha: FloatsLike, sigma: FloatsLike
) -> Floats:
    """The probability (m, r) that ``n_ref`` draws certify each of the ``radii`` (input units; 0: anything at all) at each point, given its count. An estimate.

    P(K >= k*), K ~ Bin(n_ref, p), over the distribution of p given the count; k* the fewest agreeing draws that certify the radius. Other arguments as
    in `expected_reference_radius`.

    Raises: ValueError as there, and for a negative radius.
    """
    chance, group = _certifies(*checked_points(successes, trials, alpha, sigma), n_ref, radii)
    return np.asarray(chance[group])


def reference_share(
    successes: IntsLike, trials: IntsLike, n_ref: int, radii: FloatsLike, *, alpha: FloatsLike, sigma: FloatsLike, weights: Floats
) -> Floats:
    """The sum (r,) over the points of `reference_certifies`, weighted by ``weights`` (m,); a million points take no more memory than their counts.

    More than MOST_LEVELS noise levels are taken for as many, even in their logarithm: what single points gain by that others lose.

    Raises: ValueError as there.
    """
    k, n, level, noise = checked_points(successes, trials, alpha, sigma)
    chance, group = _certifies(k, n, level, _few_levels(noise), n_ref, radii)
    return np.asarray(np.bincount(group, weights=weights, minlength=len(chance)) @ chance)


def _few_levels(noise: Floats) -> Floats:
    """The noise levels (m,), or the nearest of MOST_LEVELS, if they are more."""
    if len(np.unique(noise)) <= MOST_LEVELS:
        return noise
    least, step = np.log(noise.min()), np.log(noise.max() / noise.min()) / (MOST_LEVELS - 1)
    return np.asarray(np.exp(least + step * np.round((np.log(noise) - least) / step)))


def _certifies(k: Ints, n: Ints, level: Floats, noise: Floats, n_ref: int, radii: FloatsLike) -> tuple[Floats, Ints]:
    """(chance, group): `reference_certifies` of each different point (g, r), and which of them each point is (m,)."""
    asked = np.atleast_1d(np.asarray(radii, dtype=np.float64))
    posterior, pair = _posterior(k, n, n_ref)
    first, group = distinct(pair, level, noise)
    p = special.expit(_grid(n_ref))[:, None]
    chance = np.zeros((len(first), len(asked)))
    for a, s in {(float(a), float(s)) for a, s in zip(level[first], noise[first], strict=True)}:
        rows = np.flatnonzero((level[first] == a) & (noise[first] == s))
        fewest = fewest_agreeing_each(n_ref, alpha=a, radii=asked, sigma=s)
        some = np.flatnonzero(fewest <= n_ref)
        chance[np.ix_(rows, some)] = posterior[pair[first][rows]] @ probability_at_least(fewest[some], n_ref, p)
    return chance, group


def checked_points(
    successes: IntsLike, trials: IntsLike, alpha: FloatsLike, sigma: FloatsLike
) -> tuple[Ints, Ints, Floats, Floats]:
    """Counts, draws, levels and noise levels, one a point (m,).

    Raises: ValueError unless there is a point and each has the same shape or is one for all.
    """
    k = np.atleast_1d(np.asarray(successes, dtype=np.int64))  # a single count is a single point
    if k.ndim != 1 or len(k) == 0:
        raise ValueError("successes must hold one count for each of at least one point")
    n = np.broadcast_to(np.asarray(trials, dtype=np.int64), k.shape)
    if not np.all((k >= 0) & (k <= n)):
        raise ValueError(f"successes must lie in [0, trials], got {successes!r} of {trials!r}")
    level = np.broadcast_to(np.asarray(alpha, dtype=np.float64), k.shape)
    noise = np.broadcast_to(np.asarray(sigma, dtype=np.float64), k.shape)
    return k, n, level, noise


# ---------------------------------------------------------------- the prior


def _grid(n_ref: int) -> Floats:
    """Logits of p out to where ``n_ref`` draws could hardly tell p from 1."""
    if n_ref < 1:
        raise ValueError(f"n_ref must be at least 1, got {n_ref}")
    reach = math.ceil((math.log(n_ref) + 2.5) / GRID_STEP)
    return np.asarray(GRID_STEP * np.arange(-reach, reach + 1))


@lru_cache(maxsize=256)
def _radius_on_grid(fine: int, n: int, alpha: float) -> Floats:
    """The mean radius of n draws at sigma = 1 for each p of the grid that ``fine`` draws need."""
    return _mean_radii(special.expit(_grid(fine)), n, alpha, np.array([math.inf]))[:, 0]


def _posterior(k: Ints, n: Ints, fine: int) -> tuple[Floats, Ints]:
    """(posterior, pair): P(logit of p | count) for each different pair (count, draws) of the points (pairs, grid), and the pair of each point (m,).

    The prior is the one that makes all counts together most likely (EM, lightly smoothed).
    """
    first, pair = distinct(k, n)
    times = np.bincount(pair, minlength=len(first)).astype(np.int64)
    return _fitted(np.column_stack((k[first], n[first])).tobytes(), times.tobytes(), fine), pair


@lru_cache(maxsize=8)
def _fitted(different: bytes, occurrences: bytes, fine: int) -> Floats:
    """The posterior of each different pair (count, draws), given how often it occurs; remembered, because a report asks many things of the same counts."""
    pairs, times, logits = (
        np.frombuffer(different, dtype=np.int64).reshape(-1, 2),
        np.frombuffer(occurrences, dtype=np.int64),
        _grid(fine),
    )
    log_likelihood = pairs[:, :1] * special.log_expit(logits) + (pairs[:, 1:] - pairs[:, :1]) * special.log_expit(-logits)
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    prior = np.full(len(logits), 1.0 / len(logits))
    for _ in range(EM_STEPS):
        share = likelihood * prior
        share *= (times / share.sum(axis=1))[:, None]
        prior = share.sum(axis=0) + SMOOTHING * GRID_STEP
        prior /= prior.sum()
    posterior = likelihood * prior
    posterior /= posterior.sum(axis=1, keepdims=True)
    return np.asarray(posterior)
