"""The radii that the criteria ask for, and where the run is weakest there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from odd_assess.criteria import certified_at
from odd_assess.records import Assessment, Bools, Floats, Ints
from odd_assess.report.view import formats, weighing
from odd_assess.report.view.domain import cell_in_words
from odd_assess.report.view.traced import quoted

FEWEST_POINTS = 5
"""Points that a cell or class needs to be named as the weakest: a share of fewer says nothing."""


def radii_asked(assessment: Assessment) -> tuple[float, ...]:
    """The radii that the criteria ask for, rising; half the largest certified radius where none asks for one."""
    asked = {finding.criterion.radius for finding in assessment.findings if finding.criterion.radius is not None}
    asked |= {finding.criterion.required for finding in assessment.findings if finding.criterion.metric == "radius_quantile"}
    if asked:
        return tuple(sorted(asked))
    largest = float(assessment.results.radius.max(initial=0.0))
    return (formats.round_down(largest / 2, 2),) if largest > 0.02 else (0.0,)


def weakest_groups(assessment: Assessment) -> str:
    """The weakest cell and the weakest class by certified accuracy at the smallest radius asked for; empty where none has enough points."""
    results, radius = assessment.results, radii_asked(assessment)[0]
    held, weights = certified_at(results, radius), weighing.weights(assessment)
    cells = _weakest(
        "cell",
        radius,
        results.cell,
        held,
        weighing.weights_in_cells(assessment),
        lambda index: cell_in_words(assessment.spec.domain, index),
        several=len(assessment.spec.domain.cells) > 1,
    )
    classes = _weakest(
        "class",
        radius,
        results.label,
        held,
        weights,
        lambda label: quoted(assessment.class_names[label], f"classes/{label}/name"),
        several=len(assessment.class_names) > 1,
    )
    told = [text for text in (cells, classes) if text]
    if not told:
        return ""
    return (
        f"Weakest at radius {formats.plain(radius, of='asked/1')}, of those with {formats.count(FEWEST_POINTS, of='method/fewest points')} "
        f"points or more: {'; '.join(told)}."
    )


def at(radius: float) -> str:
    """The part of a source that names certified accuracy at a radius.

    >>> at(0.25)
    'certified@0.25'
    """
    return f"certified@{radius:.12g}"


PARTS = {"cell": "cells", "class": "classes"}
"""Where the sources of a kind of part begin."""


def _weakest(
    noun: str, radius: float, groups: Ints, held: Bools, weights: Floats, name: Callable[[int], str], *, several: bool
) -> str:
    """The group with the smallest share, the points weighted by ``weights`` (m,), the one with the most points on a tie."""
    numbers, points = np.unique(groups, return_counts=True)
    ranked = [
        (weighing.share(held[groups == number], weights[groups == number]), -count, number)
        for number, count in zip(numbers.tolist(), points.tolist(), strict=True)
        if count >= FEWEST_POINTS
    ]
    if not ranked or not several:
        return ""
    share, less, number = min(ranked)
    inside = groups == number
    weighted = "" if (weights[inside] == 1.0).all() else " by weight"
    its = f"{PARTS[noun]}/{number}"
    told = formats.percent(share, digits=0, of=f"{its}/{at(radius)}/share")
    held_, all_ = formats.count(int(held[inside].sum()), of=f"{its}/{at(radius)}/count"), formats.count(-less, of=f"{its}/points")
    return f"{noun} “{name(number)}” certified {told}{weighted} ({held_} of {all_} points)"
