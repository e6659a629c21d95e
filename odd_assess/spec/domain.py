"""The domain: attributes and the statements that cut pieces out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from odd_assess.errors import DomainError
from odd_assess.odd.attributes import Attribute, Boolean, Categorical, Continuous, Integer, Ordinal
from odd_assess.odd.constraints import Condition, Conditional, OneOf, Statement
from odd_assess.odd.domain import Domain
from odd_assess.odd.labels import label_key
from odd_assess.odd.ranges import Interval
from odd_assess.spec import models
from odd_assess.spec.attributes import Declared, declared_attributes
from odd_assess.spec.document import Document, KeyPath
from odd_assess.spec.files import existing_file
from odd_assess.spec.quantities import condition
from odd_assess.spec.validation import validated
from odd_assess.spec.words import did_you_mean, listed, shortened, shown

TAXONOMIES = ("none", "iso34503")


def declared_domain(document: Document, data: object, *, source: str | None) -> tuple[Domain | None, Declared, str]:
    """(domain, attributes, taxonomy) of the section ``odd``; no domain where something in it is wrong."""
    path: KeyPath = ("odd",)
    before = len(document.problems)
    odd = validated(document, path, models.Odd, data)
    section: Mapping[Any, Any] = data if isinstance(data, dict) else {}
    if "attributes" not in section:
        return None, Declared(), "none"
    declared = declared_attributes(document, (*path, "attributes"), section["attributes"], source=source)
    statements = Statements(document, declared)
    exclude = statements.of((*path, "exclude"), section.get("exclude"))
    include = statements.of((*path, "include"), section.get("include"))
    conditionals = statements.conditionals((*path, "when"), section.get("when"))
    if odd is not None:
        _check_taxonomy(document, odd.taxonomy)
        _check_mode(document, odd)
    if odd is None or not declared.complete or len(document.problems) > before:
        return None, declared, "none"
    try:
        domain = Domain(
            attributes=tuple(declared.attributes.values()),
            exclude=exclude,
            include=include,
            conditionals=conditionals,
            mode=odd.mode,
        )
    except (DomainError, ValueError) as error:
        key = next((key for key in ("exclude", "when", "include") if section.get(key)), "attributes")
        document.add((*path, key), str(error), at="key")
        return None, declared, odd.taxonomy
    return domain, declared, odd.taxonomy


def _check_taxonomy(document: Document, taxonomy: str) -> None:
    if taxonomy in TAXONOMIES:
        return
    if "." in taxonomy or "/" in taxonomy:
        existing_file(document, ("odd", "taxonomy"), taxonomy)
        return
    hint = did_you_mean(taxonomy, TAXONOMIES)
    document.add(("odd", "taxonomy"), f"must be none, iso34503 or a file, found {shown(taxonomy)}{hint}")


def _check_mode(document: Document, odd: models.Odd) -> None:
    if odd.mode == "restrictive" and not odd.include:
        document.add(("odd", "mode"), "restrictive needs at least one statement in odd.include: nothing would be inside")
    if odd.mode == "permissive" and odd.include:
        document.add(
            ("odd", "include"), "needs odd.mode: restrictive; in a permissive domain everything is inside unless excluded", at="key"
        )


class Statements:
    """Builds statements over declared attributes."""

    def __init__(self, document: Document, declared: Declared) -> None:
        self.document = document
        self.declared = declared

    def of(self, path: KeyPath, data: object) -> tuple[Statement, ...]:
        """The statements of a list; those with a problem are left out."""
        built = [self.statement((*path, i), item) for i, item in enumerate(self._items(path, data))]
        return tuple(statement for statement in built if statement is not None)

    def conditionals(self, path: KeyPath, data: object) -> tuple[Conditional, ...]:
        """The conditional statements of a list; those with a problem are left out."""
        result = []
        for i, item in enumerate(self._items(path, data)):
            here = (*path, i)
            if validated(self.document, here, models.When, item) is None:
                continue
            when, then = self.statement((*here, "if"), item["if"]), self.statement((*here, "then"), item["then"])
            if when is not None and then is not None:
                result.append(Conditional(when=when, then=then))
        return tuple(result)

    def _items(self, path: KeyPath, data: object) -> list[Any]:
        if data is None:
            return []
        if isinstance(data, list):
            return data
        self.document.add(path, f"must be a list of statements, found {shown(data)}: start each one with a dash")
        return []

    def statement(self, path: KeyPath, data: object) -> Statement | None:
        """One statement: all its conditions together."""
        if not isinstance(data, dict) or not data:
            self.document.add(
                path, f'must be a mapping such as {{surface: stained, illuminance: "< 50 lux"}}, found {shown(data or None)}'
            )
            return None
        built = {name: self._condition((*path, name), name, value) for name, value in data.items()}
        conditions = {str(name): condition for name, condition in built.items() if condition is not None}
        if len(conditions) < len(built):
            return None
        return Statement(conditions=conditions, text=statement_text(data), location=self.document.location(path))

    def _condition(self, path: KeyPath, name: object, value: object) -> Condition | None:
        attribute = self.declared.attributes.get(str(name))
        if attribute is not None:
            try:
                return _numeric(attribute, value) if isinstance(attribute, Continuous | Integer) else _labelled(attribute, value)
            except ValueError as error:
                self.document.add(path, str(error))
                return None
        if str(name) in self.declared.unrealisable:
            self.document.add(path, "is declared unrealisable, so no statement can speak of it", at="key")
        elif str(name) not in self.declared.names:
            known = self.declared.names
            message = f"is not an attribute of the domain{did_you_mean(name, known)}; declared: {shortened(listed(known))}"
            self.document.add(path, message, at="key")
        return None


def _numeric(attribute: Continuous | Integer, value: object) -> Interval:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(  # noqa: TRY004 - every message of a condition is a ValueError
            f'must be a threshold or a range such as "< 50" or "[2 .. 5]" with its unit, found {shown(value)}'
        )
    interval = condition(value, attribute.unit)
    if interval.high < attribute.low or interval.low > attribute.high:
        found = f"{attribute.low:g} .. {attribute.high:g}"
        raise ValueError(f"speaks of nothing in the range [{found}] {attribute.unit} of {attribute.id}, found {shown(value)}")
    return interval


def _labelled(attribute: Attribute, value: object) -> OneOf:
    labels: tuple[Any, ...] = (
        (True, False)
        if isinstance(attribute, Boolean)
        else attribute.labels
        if isinstance(attribute, Ordinal | Categorical)
        else ()
    )
    chosen: list[Any] = value if isinstance(value, list) else [value]
    keys = {label_key(known) for known in labels}
    if not chosen:
        raise ValueError("must name at least one label, found an empty list")
    for label in chosen:
        if label_key(label) not in keys:
            texts = [_words(known) for known in labels]
            raise ValueError(f"must be one of {listed(texts)}, found {shown(label)}{did_you_mean(_words(label), texts)}")
    return OneOf(values=tuple(chosen))


def statement_text(data: Mapping[Any, Any]) -> str:
    """The conditions of a statement as reports and messages quote them."""
    return ", ".join(f"{name}: {_words(value)}" for name, value in data.items())


def _words(value: object) -> str:
    if isinstance(value, list):
        return f"[{listed(map(_words, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
