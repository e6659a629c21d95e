"""The attributes of the domain, and how each reaches the image: from declarations to ``odd.Attribute`` and ``Realisation``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from odd_assess.odd.attributes import (
    Attribute,
)
from odd_assess.records import Realisation, Unrealisable
from odd_assess.spec import models
from odd_assess.spec.document import Document, KeyPath
from odd_assess.spec.labelled import labelled
from odd_assess.spec.numeric import numeric
from odd_assess.spec.place import Place
from odd_assess.spec.realisations import realisation_of
from odd_assess.spec.validation import validated
from odd_assess.spec.words import label_words, listed, shown

ATTRIBUTE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_][A-Za-z0-9_-]*)*")


@dataclass(slots=True, kw_only=True)
class Declared:
    """The attributes of a spec: those that are valid, and the names of all."""

    attributes: dict[str, Attribute] = field(default_factory=dict)
    realisations: dict[str, Realisation] = field(default_factory=dict)
    unrealisable: dict[str, Unrealisable] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every attribute that was declared is valid."""
        return len(self.attributes) + len(self.unrealisable) == len(self.names) and set(self.attributes) == set(self.realisations)


def declared_attributes(document: Document, path: KeyPath, data: object, *, source: str | None) -> Declared:
    """The attributes of a spec. ``source`` is the kind of inputs (the key that decides it), None where that is not known."""
    declared = Declared()
    if not isinstance(data, dict) or not data:
        document.add(
            path,
            f"must be a mapping with at least one attribute, such as {{illuminance: {models.Attribute.example}}}, found {shown(data or None)}",
        )
        return declared
    declared.names = tuple(str(name) for name in data)
    for name, raw in data.items():
        _declare(Place(document=document, path=(*path, name)), name, raw, source, declared)
    _refuse_shared_transforms(document, path, declared)
    if declared.complete and not declared.attributes:
        document.add(path, "must have at least one attribute that can be realised: nothing would be tested", at="key")
    return declared


def _declare(place: Place, name: Any, raw: object, source: str | None, declared: Declared) -> None:
    if not isinstance(name, str) or not ATTRIBUTE_NAME.fullmatch(name):
        place.add("the name of an attribute must start with a letter and hold only letters, digits, '_', '-' and '.'", key=True)
        return
    entry = validated(place.document, place.path, models.Attribute, raw)
    if entry is None:
        return
    attribute = _attribute(place, name, entry)
    if entry.unrealisable is not None:
        for key in ("realise", "column"):
            if getattr(entry, key) is not None:
                place.add("must not stand beside unrealisable: an attribute is realised or it is not", key, key=True)
        if attribute is not None:
            declared.unrealisable[name] = Unrealisable(attribute=name, declared=_words(entry), reason=entry.unrealisable)
        return
    realisation = realisation_of(place, name, entry, attribute, source)
    if attribute is not None:
        declared.attributes[name] = attribute
    if realisation is not None:
        declared.realisations[name] = realisation


def _attribute(place: Place, name: str, entry: models.Attribute) -> Attribute | None:
    if (entry.range is None) == (entry.values is None):
        found = "neither" if entry.range is None else "both"
        place.add(f"must have exactly one of the keys range and values; found {found}", key=True)
        return None
    return numeric(place, name, entry) if entry.range is not None else labelled(place, name, entry)


def _words(entry: models.Attribute) -> str:
    return entry.range if entry.range is not None else listed(map(label_words, entry.values or ()))


def _refuse_shared_transforms(document: Document, path: KeyPath, declared: Declared) -> None:
    """One transform is one quantity of the world: two attributes cannot both set it."""
    owners: dict[str, str] = {}
    for name, realisation in declared.realisations.items():
        transform = realisation.transform
        if transform is not None and owners.setdefault(transform, name) != name:
            message = f"{transform} already realises {owners[transform]}: a transform can serve one attribute only"
            document.add((*path, name, "realise", "transform"), message)
