"""What some points say of the ODD, where points do not weigh alike: each counts by the share of the ODD that it stands for.

Equal and declared allocations put more points where less of the ODD lies, so that plain shares of points would speak of the allocation. Numbers of points
stay plain numbers wherever they are shown.
"""

from __future__ import annotations

import numpy as np

from odd_assess.criteria.inference import point_weights
from odd_assess.records import Assessment, Bools, Floats, Results

BESIDE = (
    "Points do not weigh alike in this design: shares and means are weighted by the share of the ODD that each point stands for, numbers in brackets count "
    "points. "
)
"""Below a table in which counts and weighted shares stand side by side."""

PLAIN = "Points count alike here, though in this design they do not weigh alike in the ODD. "
"""Beside means that are of the points of the run, not of the ODD."""


def weights(assessment: Assessment, results: Results | None = None) -> Floats:
    """What each point of the run, or of other ``results`` at some of its points, counts (m,): all 1 where they weigh alike, else 1 at the heaviest."""
    spec = assessment.spec
    found = point_weights(spec.sampling, spec.domain, assessment.results if results is None else results)
    heaviest = float(found.max(initial=0.0))
    return np.ones(len(found)) if not len(found) or found.min() > heaviest * (1 - 1e-9) else found / heaviest


def weights_in_cells(assessment: Assessment) -> Floats:
    """What each point (m,) counts among those of its cell: alike in every design but the ranked one."""
    found = weights(assessment)
    return found if assessment.spec.sampling.design == "ranked" else np.ones(len(found))


def alike(assessment: Assessment) -> bool:
    """Whether all points of the run weigh alike."""
    return bool((weights(assessment) == 1.0).all())


def beside(assessment: Assessment) -> str:
    """What to say below counts with weighted shares; empty where points weigh alike."""
    return "" if alike(assessment) else BESIDE


def plain(assessment: Assessment) -> str:
    """What to say beside means of the points themselves; empty where points weigh alike."""
    return "" if alike(assessment) else PLAIN


def share(held: Bools, weight: Floats) -> float:
    """The weighted share of the points (n,), of which there is one at least, where something holds."""
    return float(weight[held].sum() / weight.sum())


def mean(values: Floats, weight: Floats) -> float:
    """The weighted mean of values at points (n,), of which there is one at least."""
    return float(values.mean()) if (weight == weight[0]).all() else float(weight @ values / weight.sum())
