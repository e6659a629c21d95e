"""What the theory of Seferis, Kollias and Cheng says of small budgets, for a typical model: three lines to hold a run against. None is a property of a model.

    theory_radius         the certified radius of one point whose pA is known: close while n (1 - pA) >= 20 (see there)
    theory_mean_ratio     the mean radius over the ideal one, for a typical model: a fair fit for n >= 250
    theory_accuracy_drop  the most that certified accuracy drops at any radius, while the density of pA is at most 2 on [1/2, 1]

z = Phi^-1(1 - alpha/2) in all of them.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from odd_assess.stats.arrays import Floats, FloatsLike, scalar_if_single


def theory_radius(p: FloatsLike, n: int, *, alpha: float, sigma: float) -> float | Floats:
    """The certified radius of n draws at a point where each draw answers the class with probability p, in closed form.

    5.063 sigma [ p^.135 - (1-p)^.135 - .135 z / sqrt(n) (p^-.365 (1-p)^.5 + p^.5 (1-p)^-.365) ], at least 0: Phi^-1 replaced by a power law, and the
    confidence bound by p - z sqrt(p (1-p) / n). 0 at p = 1, where the second term has no value.

    Where it is good (alpha = .001, p >= 1/2, against `expected_radius`): within .04 sigma for n = 250 to 10,000 while n (1-p) >= 20, that is, while 20 misses
    are expected; within .06 at n = 100, and within .08 at n = 100,000, where the power law itself is off. It is not where p is next to 1: the exact
    radius rises to the cap, the formula falls to 0 (n = 1,000, p = .9999: 2.45 and 1.55 sigma).

    Raises: ValueError unless 0 <= p <= 1, n >= 1, 0 < alpha < 1, sigma > 0.
    Source: Seferis, Kollias & Cheng 2024 (arXiv 2404.17371). Their code has -.135 for the last exponent, a misprint that overstates the radius.

    >>> round(theory_radius(0.9, 1000, alpha=0.001, sigma=0.5), 3)
    0.551
    """
    share = np.asarray(p, dtype=np.float64)
    if not np.all((share >= 0) & (share <= 1)):
        raise ValueError(f"p must lie in [0, 1], got {p!r}")
    if not (0 < sigma < math.inf):
        raise ValueError(f"sigma must be positive and finite, got {sigma!r}")
    width = theory_accuracy_drop(n, alpha=alpha)
    inner = np.where((share > 0) & (share < 1), share, 0.5)
    miss = 1.0 - inner
    radius = inner**0.135 - miss**0.135 - 0.135 * width * (inner**-0.365 * miss**0.5 + inner**0.5 * miss**-0.365)
    return scalar_if_single(5.063 * sigma * np.where((share > 0) & (share < 1), np.maximum(radius, 0.0), 0.0))


def theory_reduction(n: int, n_ref: int, *, alpha: float) -> float | None:
    """The reduction that the theory of Seferis et al. gives for a typical model, from the mean ratio 1 - 1.64 z / sqrt(n) to the ideal radius.

    z = Phi^-1(1 - alpha/2). A reference line, not a property of this model; a fair fit for n >= 250. None where the line is not positive.

    Raises: ValueError unless n >= 1, n_ref >= 1, 0 < alpha < 1.
    Source: Seferis, Kollias & Cheng 2024 (arXiv 2404.17371).

    >>> round(theory_reduction(1000, 100_000, alpha=0.001), 3)
    0.156
    """
    at_n, at_ref = (theory_mean_ratio(draws, alpha=alpha) for draws in (n, n_ref))
    return 1.0 - at_n / at_ref if at_n > 0 and at_ref > 0 else None


def theory_mean_ratio(n: int, *, alpha: float) -> float:
    """Mean radius at n draws over the ideal one, for a typical model: 1 - 1.64 z / sqrt(n), at least 0.

    Raises: ValueError unless n >= 1 and 0 < alpha < 1.
    Source: Seferis, Kollias & Cheng 2024 (arXiv 2404.17371).
    """
    return max(0.0, 1.0 - 1.64 * theory_accuracy_drop(n, alpha=alpha))


def theory_accuracy_drop(n: int, *, alpha: float) -> float:
    """The most that certified accuracy drops at any radius for want of draws: z / sqrt(n), while the density of pA on [1/2, 1] is at most 2.

    Raises: ValueError unless n >= 1 and 0 < alpha < 1.
    Source: Seferis, Kollias & Cheng 2024 (arXiv 2404.17371).
    """
    if n < 1 or not 0 < alpha < 1:
        raise ValueError(f"n must be at least 1 and alpha in (0, 1), got {n} and {alpha!r}")
    return -float(special.ndtri(alpha / 2.0)) / math.sqrt(n)
