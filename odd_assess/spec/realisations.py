"""How an attribute reaches the image: by a transform, from a column, or as it is."""

from __future__ import annotations

from functools import partial
from typing import Any

from odd_assess.odd.attributes import (
    Attribute,
    Boolean,
    Categorical,
    Continuous,
    Integer,
    Ordinal,
)
from odd_assess.odd.catalogue import TRANSFORMS, TransformInfo
from odd_assess.odd.points import Value
from odd_assess.odd.units import conversion
from odd_assess.records import Realisation
from odd_assess.spec import models
from odd_assess.spec.place import Place
from odd_assess.spec.quantities import amount, span
from odd_assess.spec.validation import validated
from odd_assess.spec.words import did_you_mean, label_words, listed, one_of, shown


def realisation_of(
    place: Place, name: str, entry: models.Attribute, attribute: Attribute | None, source: str | None
) -> Realisation | None:
    """The way of an attribute into the image; ``source`` is the kind of inputs. None (and problems) where something in it is wrong."""
    if entry.realise is not None and entry.column is not None:
        place.add("must have one of the keys realise and column, found both", key=True)
        return None
    if entry.column is not None:
        if source not in (None, "table"):
            place.add(f"needs inputs from a table, found inputs.{source}", "column", key=True)
            return None
        return Realisation(attribute=name, column=entry.column)
    if entry.realise is not None:
        return _by_transform(place, name, entry, attribute)
    if source == "callable" or source is None:
        return Realisation(attribute=name)
    keys = "realise, column and unrealisable" if source == "table" else "realise and unrealisable"
    place.add(f"must have one of the keys {keys}: nothing says how it reaches the image", key=True)
    return None


def _by_transform(place: Place, name: str, entry: models.Attribute, attribute: Attribute | None) -> Realisation | None:
    data = entry.realise
    realise = validated(place.document, (*place.path, "realise"), models.Realise, data)
    if realise is None:
        return None
    info = TRANSFORMS.get(realise.transform)
    if info is None:
        place.add(one_of(realise.transform, TRANSFORMS), "realise", "transform")
        return None
    parameters = _parameters(place, info, realise.model_extra or {})
    if parameters is None or attribute is None:
        return None
    if isinstance(attribute, Continuous | Integer):
        return _continuous(place, name, attribute, info, realise, parameters)
    levels = _levels(place, info, attribute, realise.levels, parameters)
    return None if levels is None else Realisation(attribute=name, transform=info.name, levels=levels, parameters=parameters)


def _parameters(place: Place, info: TransformInfo, given: dict[str, Any]) -> dict[str, float] | None:
    parameters: dict[str, float] = {}
    for key, value in given.items():
        parameter = info.parameters.get(key)
        if parameter is None:
            known = ("transform", "levels", *info.parameters)
            place.add(
                f"is not a parameter of {info.name}{did_you_mean(key, known)}; known keys: {listed(known)}",
                "realise",
                key,
                key=True,
            )
            continue
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            place.add(f"must be a number, or a text with its unit, found {shown(value)}", "realise", key)
            continue
        number = place.attempt(partial(amount, value, parameter.unit), "realise", key)
        if number is None:
            continue
        if not parameter.low <= number <= parameter.high:
            place.add(f"must lie in {span(parameter.low, parameter.high, parameter.unit)}, found {number:g}", "realise", key)
            continue
        parameters[key] = number
    return parameters if len(parameters) == len(given) else None


def _continuous(
    place: Place,
    name: str,
    attribute: Continuous | Integer,
    info: TransformInfo,
    realise: models.Realise,
    parameters: dict[str, float],
) -> Realisation | None:
    if realise.levels is not None:
        place.add("is for attributes with values; a range is handed to the transform as it is", "realise", "levels", key=True)
        return None
    scale, offset = conversion(attribute.unit, info.unit)
    return Realisation(attribute=name, transform=info.name, scale=scale, offset=offset, parameters=parameters)


def _levels(
    place: Place, info: TransformInfo, attribute: Attribute, given: dict[Any, Any] | None, parameters: dict[str, float]
) -> dict[Value, float] | None:
    """The transform's value for each label."""
    labels = _labels(attribute)
    if given is None:
        return dict(zip(labels, info.default_levels(len(labels), parameters), strict=True))
    if set(given) != set(labels):
        missing = listed(label_words(label) for label in labels if label not in given)
        unknown = listed(label_words(label) for label in given if label not in labels)
        found = "; ".join(
            part for part in (f"missing: {missing}" if missing else "", f"unknown: {unknown}" if unknown else "") if part
        )
        place.add(f"must give a value for each label and no other; {found}", "realise", "levels")
        return None
    levels: dict[Value, float] = {}
    for label, value in given.items():
        number = place.attempt(partial(amount, value, info.unit), "realise", "levels", label)
        if number is not None and not info.valid[0] <= number <= info.valid[1]:
            place.add(
                f"must lie in {span(*info.valid, info.unit)}, what {info.name} can do, found {number:g}",
                "realise",
                "levels",
                label,
            )
        elif number is not None:
            levels[label] = number
    return {label: levels[label] for label in labels} if len(levels) == len(given) else None


def _labels(attribute: Attribute) -> tuple[Value, ...]:
    """The labels of an attribute, the neutral one first."""
    if isinstance(attribute, Boolean):
        return (False, True)
    assert isinstance(attribute, Ordinal | Categorical)
    return tuple(attribute.labels)
