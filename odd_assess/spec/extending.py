"""Criteria files that extend others: an entry with a known id changes the keys that it gives, ``disable`` drops a criterion, a new id adds one.

The metric of a criterion stays: another metric is another criterion, with an id of its own. Where an entry that changes a criterion is wrong, the problem lies
in the file that changes it, because the other one is sound by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from odd_assess.records import Criterion
from odd_assess.spec import models
from odd_assess.spec.document import Document, KeyPath
from odd_assess.spec.validation import validated
from odd_assess.spec.words import did_you_mean, listed, shown

OVERRIDE_KEYS = tuple(models.OverrideKeys.model_fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """An entry on top of the criterion that it ``changes`` (None: a new one); ``entry`` is None where it drops that."""

    entry: object
    changes: str | None = None
    reason: str = ""


def extended(document: Document) -> str | None:
    """The file that a criteria file says it extends; None where it says nothing of use."""
    text = document.data.get("extends") if isinstance(document.data, dict) else None
    return text if isinstance(text, str) and text else None


def overlaid(document: Document, path: KeyPath, entry: object, base: Mapping[str, Mapping[Any, Any]] | None) -> Overlay | None:
    """An entry with the keys that it does not give taken from the criterion of the same id in ``base``; None (and a problem) where it cannot be laid on it."""
    name = entry.get("id") if isinstance(entry, dict) else None
    if base is None or not isinstance(entry, dict) or not isinstance(name, str):
        return Overlay(entry=entry)
    old = base.get(name)
    if old is None:
        if "metric" in entry and not any(key in entry for key in OVERRIDE_KEYS):
            return Overlay(entry=entry)
        known = f"; it holds {listed(base)}"
        message = f"must name a criterion of the file that is extended, or be new and have a metric, found {shown(name)}{did_you_mean(name, base)}{known}"
        document.add((*path, "id"), message)
        return None
    known_keys = (*models.CriterionEntry.model_fields, *OVERRIDE_KEYS)
    if unknown := [key for key in entry if key not in known_keys]:
        for key in unknown:
            message = f"is not a known key{did_you_mean(key, known_keys)}; known keys: {listed(known_keys)}"
            document.add((*path, key), message, at="key")
        return None
    given = validated(document, path, models.OverrideKeys, {key: value for key, value in entry.items() if key in OVERRIDE_KEYS})
    if given is None:
        return None
    own = {key: value for key, value in entry.items() if key not in OVERRIDE_KEYS}
    if given.disable is not None:
        if others := [key for key in entry if key not in ("id", "disable")]:
            document.add((*path, others[0]), "must not stand beside disable, which drops the criterion: delete it", at="key")
            return None
        return Overlay(entry=None, changes=name, reason=given.disable.strip())
    if own.get("metric", old.get("metric")) != old.get("metric"):
        message = f"must stay {old.get('metric')} where a criterion is changed: disable {name} and add one with an id of its own"
        document.add((*path, "metric"), f"{message}, found {shown(own['metric'])}")
        return None
    return Overlay(entry={**old, **own}, changes=name, reason=(given.reason or "").strip())


def place_of(criterion: Criterion, documents: Iterable[Document]) -> tuple[Document, KeyPath]:
    """The document in which a criterion stands (or in which it was changed last), and where."""
    for read in documents:
        if criterion.location is not None and read.path == criterion.location.path:
            for i, entry in enumerate(read.data["criteria"]):
                if entry.get("id") == criterion.id:
                    return read, ("criteria", i)
    raise LookupError(f"the criterion {criterion.id} stands in none of the documents that were read")
