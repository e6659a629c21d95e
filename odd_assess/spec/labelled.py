"""Attributes with labels, and how often each occurs."""

from __future__ import annotations

from functools import partial

from odd_assess.odd.attributes import (
    Attribute,
    Boolean,
    Categorical,
    Ordinal,
)
from odd_assess.odd.points import Value
from odd_assess.spec import models
from odd_assess.spec.place import Place
from odd_assess.spec.words import label_words, listed, numbers_meant, shown

WEIGHT_TOLERANCE = 0.005  # three weights of 0.333 are meant to sum to 1


def labelled(place: Place, name: str, entry: models.Attribute) -> Attribute | None:
    """The attribute of an entry with labels; None (and problems) where something in it is wrong."""
    for key in ("distribution", "buckets", "type"):
        if getattr(entry, key) is not None:
            place.add("is for attributes with a range, not for values", key, key=True)
    weights = _weights(place, entry.values)
    if weights is None or entry.distribution is not None or entry.buckets is not None or entry.type is not None:
        return None
    if any(isinstance(label, bool) for label in weights):
        return _boolean(place, name, weights, ordered=entry.ordered)
    labels, shares = tuple(weights), tuple(weights.values())
    if entry.ordered:
        return place.attempt(partial(Ordinal, id=name, labels=labels, weights=shares), "values")
    return place.attempt(partial(Categorical, id=name, labels=labels, weights=shares), "values")


def _boolean(place: Place, name: str, weights: dict[Value, float], *, ordered: bool) -> Attribute | None:
    if set(weights) != {True, False}:
        place.add(f"must be true and false, or texts, or numbers; found {listed(map(label_words, weights))}", "values")
        return None
    if ordered:
        place.add("is not for true and false", "ordered", key=True)
        return None
    return place.attempt(partial(Boolean, id=name, probability=weights[True]), "values")


def _weights(place: Place, data: object) -> dict[Value, float] | None:
    """Labels with their weights, which sum to 1."""
    if not isinstance(data, list | dict) or len(data) < 2:
        found = shown(data) if not isinstance(data, list | dict) else f"{len(data)} of them"
        place.add(f"must be a list of labels or a mapping label: weight, with at least two labels, found {found}", "values")
        return None
    good = True
    for step, label in enumerate(data):
        if not isinstance(label, str | int | float) or label == "" or label != label:  # noqa: PLR0124 - NaN is no label
            message = f"a label must be a text or a number, or true and false, found {shown(label)}"
            place.add(message, "values", label if isinstance(data, dict) else step, key=isinstance(data, dict))
            good = False
    if isinstance(data, list):
        if good and len(set(data)) < len(data):
            twice = next(label for i, label in enumerate(data) if label in data[:i])
            place.add(f"must not name a label twice, found {label_words(twice)} again", "values")
            good = False
        return dict.fromkeys(data, 1 / len(data)) if good else None
    for label, weight in data.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 1:
            meant = numbers_meant(weight) if isinstance(weight, str) else ""
            place.add(f"a weight must be a number in (0, 1], found {shown(weight)}{meant}", "values", label)
            good = False
    if not good:
        return None
    total = sum(data.values())
    if abs(total - 1) > WEIGHT_TOLERANCE:
        place.add(f"the weights must sum to 1, found {total:g}", "values")
        return None
    return {label: weight / total for label, weight in data.items()}
