"""What changed in a criterion, key by key, and whether less is asked than before.

Used for criteria files that extend others and for criteria that were locked before a run. A change counts as *loosened* where every model that met the
criterion before meets it still, and some others do: a lower requirement, a smaller radius, a lower confidence, a larger quantile, a weaker severity, the whole
domain in place of its cells. What cannot be told apart like this (another metric, another part of the domain) is *not comparable*, never *not loosened*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from odd_assess.records import Change, Criterion, Effect, Subdomain

Content = Mapping[str, Any]
"""What a criterion asks, by the keys of a criteria file, as JSON holds it; keys at their default are left out."""

SEVERITIES = ("info", "warning", "blocking")
DESCRIPTIVE = frozenset({"title", "requirement", "clauses", "subdomain"})
DIFFERENCES = frozenset({"level_difference", "regression"})
"""Metrics that subtract: neither a smaller nor a larger radius asks less."""

_APART = frozenset({"id", "location", "comparator", "required"})
_DEFAULTS: Mapping[str, Any] = {field.name: field.default for field in fields(Criterion) if field.default is not MISSING}


def content(criterion: Criterion) -> dict[str, Any]:
    """The content of a criterion; where it stands in which file is no part of it.

    >>> content(Criterion(id="CA", title="Clean", metric="clean_accuracy", comparator=">=", required=0.8, confidence=0.95))
    {'title': 'Clean', 'metric': 'clean_accuracy', 'require': '>= 0.8', 'confidence': 0.95}
    """
    found: dict[str, Any] = {}
    for field in fields(Criterion):
        if field.name == "required":
            found["require"] = f"{criterion.comparator} {_shown(criterion.required)}"
        value = getattr(criterion, field.name)
        if field.name not in _APART and (field.name not in _DEFAULTS or value != _DEFAULTS[field.name]):
            found |= _as_written(value) if isinstance(value, Subdomain) else {field.name: _plain(value)}
    return found


def _as_written(where: Subdomain) -> dict[str, Any]:
    """A sub-domain by the keys of a criteria file: what its conditions make of one ODD is no part of them."""
    return {"where": _plain(where.written)} | ({"subdomain": where.name} if where.name else {})


def changed(criterion: str, before: Content, after: Content, *, reason: str = "", source: str = "") -> tuple[Change, ...]:
    """The keys in which two contents of one criterion differ."""
    found = []
    for key in dict.fromkeys((*before, *after)):
        old, new = (given.get(key, _plain(_DEFAULTS.get(key))) for given in (before, after))
        if old != new:
            apart = key == "radius" and before.get("metric") in DIFFERENCES
            effect: Effect = "not comparable" if apart else _effect(key, old, new)
            texts = {"before": _shown(old), "after": _shown(new)}
            found.append(Change(criterion=criterion, key=key, **texts, effect=effect, reason=reason, source=source))
    return tuple(found)


def added(criterion: str, *, after: Content) -> Change:
    """A criterion that was not there before."""
    return Change(criterion=criterion, key="", before="", after=summary(after), effect="not loosened")


def dropped(criterion: str, *, before: Content, reason: str = "", source: str = "") -> Change:
    """A criterion that is there no more."""
    return Change(criterion=criterion, key="", before=summary(before), after="", effect="loosened", reason=reason, source=source)


def summary(given: Content) -> str:
    """What a criterion asks, in a line."""
    radius = f" at radius {_shown(given['radius'])}" if given.get("radius") is not None else ""
    scope = f", {_shown(given['scope'])}" if given.get("scope") not in (None, "odd") else ""
    where = f", where {_shown(given['where'])}" if given.get("where") is not None else ""
    severity = _shown(given.get("severity", _DEFAULTS["severity"]))
    return f"{given.get('metric')}{radius}{scope}{where} {given.get('require')} ({severity})"


def _effect(key: str, old: Any, new: Any) -> Effect:
    """What a change of one key does to what is asked; the values are of any kind, because a file may hold them."""
    if key in DESCRIPTIVE:
        return "not loosened"
    try:
        match key:
            case "require":
                return _by(_strictness(new) < _strictness(old)) if old.split(" ")[0] == new.split(" ")[0] else "not comparable"
            case "radius" | "confidence":
                return _by(new < old)
            case "quantile":
                return _by(new > old)
            case "severity":
                return _by(SEVERITIES.index(new) < SEVERITIES.index(old))
            case "multiplicity":
                return _by(new == "holm")
            case "estimate":
                return _by(new == "accepted")
            case "scope" if "odd" in (old, new):
                return _by(new == "odd")
            case _:
                return "not comparable"
    except (TypeError, ValueError, AttributeError):
        return "not comparable"


def _by(loosened: bool) -> Effect:
    return "loosened" if loosened else "not loosened"


def _strictness(require: str) -> float:
    sign, number = require.split(" ")
    return float(number) if sign == ">=" else -float(number)


def _plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _shown(value: Any) -> str:
    """A value as a file would write it, every digit of it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_shown(entry)}" for key, entry in value.items()) or "none"
    return str(value)
