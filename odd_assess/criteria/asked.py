"""The radii that criteria ask about: what a sequential budget has to decide at each point."""

from __future__ import annotations

from collections.abc import Iterable

from odd_assess.records import Criterion

ASKING = ("certified_accuracy", "worst_cell", "level_difference", "smoothed_accuracy", "abstention_rate", "radius_quantile")
"""The metrics that ask, at each point, whether the certified radius reaches one given radius."""


def asked_radii(criteria: Iterable[Criterion]) -> tuple[float, ...]:
    """Every radius (input units) that decides what a criterion counts at a point, in rising order, each once; of whatever severity.

    certified_accuracy, worst_cell and level_difference ask about their radius, smoothed_accuracy and abstention_rate about radius 0, radius_quantile
    about the radius that it requires. Means of radii ask about none: every draw sharpens them.

    >>> asked_radii([])
    ()
    """
    return tuple(sorted({radius for criterion in criteria if (radius := _asked(criterion)) is not None}))


def _asked(criterion: Criterion) -> float | None:
    if {criterion.metric, criterion.of} & {"smoothed_accuracy", "abstention_rate"}:
        return 0.0
    return criterion.required if criterion.metric == "radius_quantile" else criterion.radius
