"""Which radii a sequential budget has to decide."""

from __future__ import annotations

from typing import Any

from odd_assess.criteria import METRICS, asked_radii
from odd_assess.criteria.asked import ASKING
from odd_assess.records import Criterion


def criterion(metric: str, **given: Any) -> Criterion:
    return Criterion(**{"id": metric, "title": metric, "metric": metric, "comparator": ">=", "required": 0.5, **given})


def test_radii_come_in_rising_order_each_once_whatever_the_severity() -> None:
    """The radius of an accuracy, 0 of an abstention rate, the required radius of a quantile; the share of a quantile is no radius."""
    asked = [
        criterion("certified_accuracy", radius=0.5),
        criterion("radius_quantile", quantile=0.1, required=0.2),
        criterion("certified_accuracy", radius=0.25, severity="info", scope="each_cell"),
        criterion("certified_accuracy", radius=0.5, severity="warning"),
        criterion("abstention_rate", comparator="<=", required=0.15),
        criterion("mean_certified_radius", required=0.3),
    ]
    assert asked_radii(asked) == (0.0, 0.2, 0.25, 0.5)
    assert asked_radii(iter(asked[:1])) == (0.5,)


def test_exactly_the_metrics_that_are_said_to_ask_do() -> None:
    """The message that names them and the rule agree, over all metrics."""
    made = {info.name: criterion(info.name, radius=0.25 if info.needs_radius else None) for info in METRICS.values()}
    assert {name for name, one in made.items() if asked_radii([one])} == set(ASKING)
