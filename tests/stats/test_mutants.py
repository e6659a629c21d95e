"""Each check that a bound passes is shown to reject wrong bounds: the same function judges the real one and its mutants.

A check returns the probability of being wrong, at the worst truth that it tries, as a share of the level that is allowed. It is exact: no simulation.
"""

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import special
from scipy.stats import binom

from odd_assess.stats import (
    anytime_lower_bound,
    anytime_upper_bound,
    domain_fraction_bounds,
    log_evidence_above,
    mean_lower_bound,
    paired_difference_lower_bound,
    pooled_lower_bound,
    proportion_lower_bound,
    proportion_upper_bound,
    quantile_lower_bound,
    quantile_upper_bound,
    stratified_lower_bound,
    weighted_mean_lower_bound,
)

EverBeyond = Callable[[Callable[[np.ndarray, np.ndarray], np.ndarray], float, int], float]
Rule = Callable[..., Any]

# One proportion, n fixed: rule(k, n, alpha) -> lower bounds.


def fixed(rule: Rule) -> float:
    worst = 0.0
    for n, alpha in product((1, 2, 20, 60), (0.05, 1e-3, 1e-6)):
        k = np.arange(n + 1)
        bounds = rule(k, n, alpha)
        for p in np.concatenate((np.linspace(0, 1, 41), np.clip(bounds, 0, 1) * (1 - 1e-12))):
            worst = max(worst, float(binom.pmf(k, n, p)[bounds > p].sum()) / alpha)
    return worst


FIXED: dict[str, Rule] = {
    "real": lambda k, n, alpha: proportion_lower_bound(k, n, alpha=alpha),
    "real, from above": lambda k, n, alpha: 1 - proportion_upper_bound(n - k, n, alpha=alpha),
    "twice alpha": lambda k, n, alpha: proportion_lower_bound(k, n, alpha=2 * alpha),
    "missing + 1": lambda k, n, alpha: np.where(k > 0, special.betaincinv(np.maximum(k, 1), np.maximum(n - k, 1e-9), alpha), 0.0),
    "point estimate": lambda k, n, _: k / n,
    "wrong tail": lambda k, n, alpha: proportion_upper_bound(k, n, alpha=alpha),
}

# One proportion, n chosen by looking: the same rules, judged over all paths.


def at_any_time(rule: Rule, ever_beyond: EverBeyond) -> float:
    alpha, horizon = 0.05, 300
    return max(ever_beyond(lambda k, n, p=p: rule(k, n, alpha) > p, p, horizon) / alpha for p in (0.5, 0.6914624612740131, 0.9))


ANYTIME: dict[str, Rule] = {
    "real": lambda k, n, alpha: anytime_lower_bound(k, n, alpha=alpha),
    "twice alpha": lambda k, n, alpha: anytime_lower_bound(k, n, alpha=2 * alpha),
    "Clopper-Pearson": lambda k, n, alpha: proportion_lower_bound(k, n, alpha=alpha),
    "wrong tail": lambda k, n, alpha: anytime_upper_bound(k, n, alpha=alpha),
    "point estimate": lambda k, n, _: k / n,
}

# Evidence: rule(k, n, p0) -> log E; its expectation is at most 1 on the wrong side of p0.


def evidence(rule: Rule) -> float:
    worst = 0.0
    for n, p0, share in product((1, 5, 60, 300), (0.3, 0.5, 0.8413, 0.99), (0.5, 0.999, 1.0)):
        k = np.arange(n + 1)
        worst = max(worst, math.exp(min(special.logsumexp(binom.logpmf(k, n, p0 * share) + rule(k, n, p0)), 99.0)))
    return worst


def likelihood_ratio_at_its_maximum(k: np.ndarray, n: int, p0: float) -> np.ndarray:
    share = np.maximum(k / n, p0)
    return np.asarray(special.xlogy(k, share / p0) + special.xlogy(n - k, (1 - share) / (1 - p0)))


EVIDENCE: dict[str, Rule] = {
    "real": log_evidence_above,
    "likelihood ratio at its maximum": likelihood_ratio_at_its_maximum,
    "mirrored side": lambda k, n, p0: log_evidence_above(n - k, n, 1 - p0),
    "prior's mass divided out twice": lambda k, n, p0: (
        log_evidence_above(k, n, p0) - math.log(2 / math.pi * math.acos(math.sqrt(p0)))
    ),
}

# Pooled strata: rule(k, m, beta) -> lower bound; independent indicators with unequal probabilities.


def pooled(rule: Rule) -> float:
    worst = 0.0
    for m, beta in product((2, 3, 10, 30), (0.5, 0.05, 0.001)):
        bounds = np.array([rule(k, m, beta) for k in range(m + 1)])
        means = np.unique(np.concatenate((bounds * (1 - 1e-9), np.linspace(0.01, 0.99, 25))))
        for q in means[means > 0]:
            for p in (
                np.full(m, q),
                np.clip(m * q - np.arange(m), 0, 1),
            ):  # all alike; certain ones, one uncertain, impossible ones
                mass = np.ones(1)
                for one in p:
                    mass = np.convolve(mass, [1 - one, one])
                worst = max(worst, float(mass[bounds > p.mean() * (1 + 1e-12)].sum()) / beta)
    return worst


POOLED: dict[str, Rule] = {
    "real": lambda k, m, beta: pooled_lower_bound(k, m, beta=beta),
    "without the guard at one success": lambda k, m, beta: proportion_lower_bound(k, m, alpha=min(beta, 0.25)),
    "twice beta": lambda k, m, beta: pooled_lower_bound(k, m, beta=min(2 * beta, 0.999)),
}

# The domain: rule(certified, not_refuted, m, alpha, beta) -> (lower, upper); certificates that err as often as they may.


def domain(rule: Rule) -> float:
    worst, m = 0.0, 60
    k = np.arange(m + 1)
    for alpha, beta in product((0.0, 0.001, 0.05), (0.05, 1e-6)):
        lower = np.array([rule(int(i), m, m, alpha, beta)[0] for i in k])
        upper = np.array([rule(0, int(i), m, alpha, beta)[1] for i in k])
        for q in np.unique(np.concatenate((np.linspace(0, 1, 41), lower * (1 - 1e-9), np.minimum(upper * (1 + 1e-9), 1)))):
            worst = max(worst, float(binom.pmf(k, m, q + alpha * (1 - q))[lower > q].sum()) / beta)
            worst = max(worst, float(binom.pmf(k, m, q * (1 - alpha))[upper < q].sum()) / beta)
    return worst


def uncorrected(certified: int, not_refuted: int, m: int, alpha: float, beta: float) -> tuple[float, float]:
    return proportion_lower_bound(certified, m, alpha=beta), proportion_upper_bound(not_refuted, m, alpha=beta)


DOMAIN: dict[str, Rule] = {
    "real": lambda c, y, m, alpha, beta: domain_fraction_bounds(c, y, m, alpha=alpha, beta=beta),
    "alpha forgotten": uncorrected,
    "twice beta": lambda c, y, m, alpha, beta: domain_fraction_bounds(c, y, m, alpha=alpha, beta=2 * beta),
    "sides exchanged": lambda c, y, m, alpha, beta: uncorrected(c, y, m, alpha, beta)[::-1],
}

# Means: rule(values, beta) -> lower bound; values low or high, mixed in any proportion.


def means(rule: Rule) -> float:
    worst = 0.0
    for n, (low, high), beta in product((1, 5, 40), ((0.0, 1.0), (0.0, 0.3), (0.5, 1.0)), (0.05, 0.001)):
        k = np.arange(n + 1)
        bounds = np.array([rule(np.where(np.arange(n) >= n - i, high, low), beta) for i in k])
        for p in np.linspace(0.01, 0.99, 50):
            worst = max(worst, float(binom.pmf(k, n, p)[bounds > low + (high - low) * p + 1e-9].sum()) / beta)
    return worst


MEANS: dict[str, Rule] = {
    "real": lambda x, beta: mean_lower_bound(x, upper=1.0, beta=beta),
    "real, any time": lambda x, beta: mean_lower_bound(x, upper=1.0, beta=beta, horizon=60),
    "real, weighted": lambda x, beta: weighted_mean_lower_bound(x, np.zeros(len(x), dtype=int), [1.0], upper=1.0, beta=beta),
    "real, paired": lambda x, beta: paired_difference_lower_bound(np.zeros(len(x)), x, upper=1.0, beta=beta),
    "average": lambda x, _: x.mean(),
    "normal approximation": lambda x, beta: x.mean() + special.ndtri(beta) * x.std() / math.sqrt(len(x)),
    "bound of the largest value": lambda x, beta: x.max() * proportion_lower_bound(len(x), len(x), alpha=beta),
}

# Means that may stop: rule(k ones of n values, horizon, beta); judged over all paths.


def means_at_any_time(rule: Rule, ever_beyond: EverBeyond) -> float:
    horizon, beta = 48, 0.05
    table = np.array([[rule(min(k, n), n, horizon, beta) if n else 0.0 for n in range(horizon + 1)] for k in range(horizon + 1)])
    return max(ever_beyond(lambda k, n, p=p: table[k, n] > p, p, horizon) / beta for p in (0.2, 0.5, 0.8, 0.9, 0.95))


def of_ones(k: int, n: int, *, beta: float, horizon: int) -> float:
    # zeros first: the best bound of all times up to now is then the present one, which is what a state (k, n) can tell
    return mean_lower_bound((np.arange(n) >= n - k).astype(float), upper=1.0, beta=beta, horizon=horizon)


MEANS_ANYTIME: dict[str, Rule] = {
    "real": lambda k, n, horizon, beta: of_ones(k, n, beta=beta, horizon=horizon),
    "Clopper-Pearson": lambda k, n, _, beta: proportion_lower_bound(k, n, alpha=beta),
    "average": lambda k, n, *_: k / n,
}

# Quantiles: rule(values, quantile, beta) -> bound, for values of 0 and 1.


def quantiles(rule: Rule) -> float:
    worst = 0.0
    for m, share, beta in product((1, 5, 20, 60), (0.05, 0.1, 0.5), (0.2, 0.05, 1e-3, 1e-6)):
        below = np.arange(m + 1)
        # with P(0) just above the share the quantile is 0, with P(0) equal to it 1
        lower = np.array([rule(np.repeat([0.0, 1.0], [i, m - i]), share, beta) for i in below])
        worst = max(worst, float(binom.pmf(below, m, share * (1 + 1e-12))[lower > 0].sum()) / beta)
    return worst


def quantiles_above(rule: Rule) -> float:
    worst = 0.0
    for m, share, beta in product((1, 5, 20, 60), (0.05, 0.1, 0.5), (0.2, 0.05, 1e-3, 1e-6)):
        below = np.arange(m + 1)
        upper = np.array([rule(np.repeat([0.0, 1.0], [i, m - i]), share, beta) for i in below])
        worst = max(worst, float(binom.pmf(below, m, share)[upper < 1].sum()) / beta)
    return worst


QUANTILES: dict[str, Rule] = {
    "real": lambda x, q, beta: quantile_lower_bound(x, quantile=q, beta=beta, lowest=-1.0),
    "twice beta": lambda x, q, beta: quantile_lower_bound(x, quantile=q, beta=2 * beta, lowest=-1.0),
    "sample quantile": lambda x, q, _: np.quantile(x, q, method="inverted_cdf"),
    "wrong tail": lambda x, q, beta: quantile_upper_bound(x, quantile=q, beta=beta),
}
QUANTILES_ABOVE: dict[str, Rule] = {
    "real": lambda x, q, beta: quantile_upper_bound(x, quantile=q, beta=beta),
    "twice beta": lambda x, q, beta: quantile_upper_bound(x, quantile=q, beta=2 * beta),
    "sample quantile": lambda x, q, _: np.quantile(x, q, method="inverted_cdf"),
    "wrong tail": lambda x, q, beta: quantile_lower_bound(x, quantile=q, beta=beta),
}

# Strata of known weight: rule(k of each, n of each, weights, beta) -> lower bound.


def strata(rule: Rule) -> float:
    n, w, beta = (6, 9), np.array([0.7, 0.3]), 0.1
    outcomes = np.array(list(product(range(n[0] + 1), range(n[1] + 1))))
    bounds = np.array([rule(k, n, w, beta) for k in outcomes])
    worst = 0.0
    for p in product((0.02, 0.2, 0.5, 0.7, 0.8, 0.9, 0.97, 1.0), repeat=2):
        mass = binom.pmf(outcomes[:, 0], n[0], p[0]) * binom.pmf(outcomes[:, 1], n[1], p[1])
        worst = max(worst, float(mass[bounds > w @ p + 1e-12].sum()) / beta)
    return worst


STRATA: dict[str, Rule] = {
    "real": lambda k, n, w, beta: stratified_lower_bound(k, n, w, beta=beta),
    "real, betting": lambda k, n, w, beta: weighted_mean_lower_bound(
        np.concatenate([np.arange(m) < i for i, m in zip(k, n, strict=True)]), np.repeat([0, 1], n), w, upper=1.0, beta=beta
    ),
    "weights forgotten": lambda k, n, w, beta: proportion_lower_bound(sum(k), sum(n), alpha=beta),
    "point estimate": lambda k, n, w, _: float(w @ (k / np.array(n))),
}

EXACT: dict[str, tuple[Callable[[Rule], float], dict[str, Rule]]] = {
    "fixed n": (fixed, FIXED),
    "evidence": (evidence, EVIDENCE),
    "pooled": (pooled, POOLED),
    "domain": (domain, DOMAIN),
    "means": (means, MEANS),
    "quantiles": (quantiles, QUANTILES),
    "quantiles from above": (quantiles_above, QUANTILES_ABOVE),
    "strata": (strata, STRATA),
}
OVER_PATHS: dict[str, tuple[Callable[[Rule, EverBeyond], float], dict[str, Rule]]] = {
    "any time": (at_any_time, ANYTIME),
    "means, any time": (means_at_any_time, MEANS_ANYTIME),
}


def named(checks: dict[str, tuple[Any, dict[str, Rule]]]) -> list[tuple[str, str]]:
    return [(name, rule) for name, (_, rules) in checks.items() for rule in rules]


@pytest.mark.parametrize(("name", "rule"), named(EXACT))
def test_the_real_bound_passes_and_the_wrong_ones_do_not(name: str, rule: str) -> None:
    """The worst error of a real bound is within its level (1e-9 for rounding); that of each mutant is not."""
    check, rules = EXACT[name]
    assert (check(rules[rule]) <= 1 + 1e-9) == rule.startswith("real")


@pytest.mark.parametrize(("name", "rule"), named(OVER_PATHS))
def test_over_all_paths_the_real_bound_passes_and_the_wrong_ones_do_not(ever_beyond: EverBeyond, name: str, rule: str) -> None:
    """The same for bounds that are looked at after every draw: the probability that some look is wrong."""
    check, rules = OVER_PATHS[name]
    assert (check(rules[rule], ever_beyond) <= 1) == rule.startswith("real")
