"""The metrics that a criterion may name: a table, so that `lint` can check a criteria file before anything is drawn.

Kinds of claim (architecture, section 4): a *domain claim* speaks of the whole ODD under the declared sampling distribution, with a confidence;
an *estimate* has an interval but no guarantee; a *descriptive* metric counts what was sampled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

Kind = Literal["domain claim", "estimate", "descriptive"]
Scope = Literal["odd", "each_cell", "each_level", "each_class"]
Comparator = Literal[">=", "<="]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricInfo:
    """What may be asked of one metric.

    ``unit`` is "1" for a fraction, "input" for input units (those of sigma), "points" for a count. ``low`` and ``high`` bound what may be required.
    ``comparator`` is the only direction that makes sense. What a metric needs (a radius, a quantile, a confidence)
    must be given; what it does not need may not be.
    """

    name: str
    title: str
    meaning: str
    unit: Literal["1", "input", "points"]
    low: float
    high: float
    comparator: Comparator
    needs_radius: bool
    needs_confidence: bool
    kind: Kind
    scopes: tuple[Scope, ...]
    needs_quantile: bool = False
    needs_attribute: bool = False

    @property
    def takes_where(self) -> bool:
        """Whether it may be asked of a part of the ODD."""
        return self.kind == "domain claim" and "odd" in self.scopes and not self.needs_attribute


def _fraction(
    name: str,
    title: str,
    meaning: str,
    *,
    kind: Kind,
    comparator: Comparator = ">=",
    needs_radius: bool = False,
    needs_attribute: bool = False,
    scopes: tuple[Scope, ...] = ("odd",),
) -> MetricInfo:
    return MetricInfo(
        name=name,
        title=title,
        meaning=meaning,
        unit="1",
        low=0.0,
        high=1.0,
        comparator=comparator,
        needs_radius=needs_radius,
        needs_confidence=kind == "domain claim",
        kind=kind,
        scopes=scopes,
        needs_attribute=needs_attribute,
    )


_EVERY: tuple[Scope, ...] = ("odd", "each_cell", "each_level", "each_class")

_ALL = (
    _fraction(
        "certified_accuracy",
        "Certified accuracy",
        "fraction of the ODD where the smoothed classifier gives the true class everywhere within the radius",
        kind="domain claim",
        needs_radius=True,
        scopes=_EVERY,
    ),
    _fraction(
        "worst_cell",
        "Certified accuracy",
        "certified accuracy, as above, of the cell of the ODD that is worst: the same claim as scope each_cell",
        kind="domain claim",
        needs_radius=True,
        scopes=("each_cell",),
    ),
    _fraction(
        "level_difference",
        "Largest difference of certified accuracy between levels",
        "largest difference of certified accuracy, as above, between two levels of the attribute: 0 where the model is equally robust in all of them",
        kind="domain claim",
        comparator="<=",
        needs_radius=True,
        needs_attribute=True,
    ),
    _fraction(
        "smoothed_accuracy",
        "Smoothed accuracy",
        "fraction of the ODD where the smoothed classifier gives the true class at the point itself",
        kind="domain claim",
        scopes=_EVERY,
    ),
    _fraction(
        "clean_accuracy",
        "Clean accuracy",
        "fraction of the ODD where the base classifier gives the true class on the input without noise",
        kind="domain claim",
        scopes=_EVERY,
    ),
    _fraction(
        "abstention_rate",
        "Abstention rate",
        "fraction of the ODD where certification at this budget shows no class",
        kind="domain claim",
        comparator="<=",
    ),
    MetricInfo(
        name="mean_certified_radius",
        title="Mean certified radius",
        meaning="mean over the ODD of the radius within which the smoothed classifier gives the true class, counted up to the cap of the reference budget",
        unit="input",
        low=0.0,
        high=math.inf,
        comparator=">=",
        needs_radius=False,
        needs_confidence=True,
        kind="domain claim",
        scopes=("odd",),
    ),
    MetricInfo(
        name="radius_quantile",
        title="Certified radius quantile",
        meaning="radius within which the smoothed classifier gives the true class on all of the ODD but a share, the quantile, that may fall short of it",
        unit="input",
        low=0.0,
        high=math.inf,
        comparator=">=",
        needs_radius=False,
        needs_quantile=True,
        needs_confidence=True,
        kind="domain claim",
        scopes=("odd",),
    ),
    _fraction(
        "robust_fraction",
        "Robust fraction",
        "mean over the ODD of the share of noisy copies that the base classifier gives the true class: robustness on average, not in the worst case",
        kind="estimate",
    ),
    _fraction(
        "average_case_robustness",
        "Average-case robustness",
        "mean over the ODD of the estimated probability that noise leaves the base classifier's answer as it is, be it right or wrong; neither a certificate "
        "nor a bound",
        kind="estimate",
        scopes=_EVERY,
    ),
    _fraction(
        "average_case_difference",
        "Largest difference of average-case robustness between levels",
        "largest difference of average-case robustness, as above, between two levels of the attribute: an estimate of how unequally the model bears noise",
        kind="estimate",
        comparator="<=",
        needs_attribute=True,
    ),
    _fraction(
        "radius_reduction",
        "Radius reduction",
        "fraction of the mean radius at the reference budget that the budget of this run gives up",
        kind="estimate",
        comparator="<=",
    ),
    _fraction(
        "cell_coverage", "Cell coverage", "fraction of the feasible cells that at least one point visited", kind="descriptive"
    ),
    _fraction(
        "pairwise_coverage",
        "Pairwise coverage",
        "fraction of the feasible pairs of levels of two attributes that at least one point visited",
        kind="descriptive",
    ),
    _fraction(
        "level_coverage", "Level coverage", "fraction of the feasible levels that at least one point visited", kind="descriptive"
    ),
    MetricInfo(
        name="points_per_cell",
        title="Points per cell",
        meaning="the number of points in the least visited feasible cell",
        unit="points",
        low=0.0,
        high=math.inf,
        comparator=">=",
        needs_radius=False,
        needs_confidence=False,
        kind="descriptive",
        scopes=("odd",),
    ),
    MetricInfo(
        name="regression",
        title="Change against the baseline",
        meaning="what the metric `of` gains (below 0: loses) against the baseline, a run of another model on the same points and noise",
        unit="1",
        low=-1.0,
        high=1.0,
        comparator=">=",
        needs_radius=False,
        needs_confidence=True,
        kind="domain claim",
        scopes=("odd",),
    ),
)

REGRESSION = "regression"
"""The metric that compares another one with the baseline's."""
COMPARED = ("certified_accuracy", "smoothed_accuracy", "clean_accuracy", "abstention_rate", "mean_certified_radius")
"""The metrics that it compares, by the key ``of``."""

AVERAGE_CASE = ("average_case_robustness", "average_case_difference")
"""The metrics that are read from estimates at the points, which a run makes where its spec has the section average_case."""

METRICS: Mapping[str, MetricInfo] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Every metric by its name."""


def asked_info(metric: str, of: str | None) -> MetricInfo | None:
    """What may be asked of a metric; of a change, what becomes of it by the metric that is compared. None for an unknown metric."""
    info = METRICS.get(metric)
    if info is None or metric != REGRESSION or of not in COMPARED:
        return info
    compared = METRICS[of]
    return replace(
        info,
        unit=compared.unit,
        low=-compared.high,
        high=compared.high,
        comparator=compared.comparator,
        needs_radius=compared.needs_radius,
    )
