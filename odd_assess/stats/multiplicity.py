"""Several hypotheses at once: which of them may be rejected so that a false rejection has probability at most the level."""

from __future__ import annotations

import numpy as np

from odd_assess.stats.arrays import Bools, Floats, FloatsLike


def bonferroni(p_values: FloatsLike, *, level: float) -> Bools:
    """Reject where p <= level / number of hypotheses. Any false rejection: probability <= level, under any dependence.

    Raises: ValueError unless all p-values lie in [0, 1] and 0 < level < 1.

    >>> bonferroni([0.01, 0.04, 0.02], level=0.05).tolist()
    [True, False, False]
    """
    p = _checked(p_values, level)
    return np.asarray(p <= level / max(len(p), 1))


def holm(p_values: FloatsLike, *, level: float) -> Bools:
    """Holm's step-down: reject the smallest p-values as long as p_(i) <= level / (number - i). At least as many as `bonferroni`.

    Any false rejection: probability <= level, under any dependence.

    Raises: ValueError as there.
    Source: Holm, Scand. J. Stat. 6 (1979).

    >>> holm([0.01, 0.04, 0.02], level=0.05).tolist()
    [True, True, True]
    """
    p = _checked(p_values, level)
    order = np.argsort(p, kind="stable")
    passed = np.logical_and.accumulate(p[order] <= level / np.arange(len(p), 0, -1))
    rejected = np.zeros(len(p), dtype=np.bool_)
    rejected[order] = passed
    return rejected


def _checked(p_values: FloatsLike, level: float) -> Floats:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not np.all((p >= 0) & (p <= 1)):
        raise ValueError(f"p_values must be a list of numbers in [0, 1], got {p_values!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level!r}")
    return p
