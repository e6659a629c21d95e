"""From pydantic's errors to sentences: what must hold, what was found, what was perhaps meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from odd_assess.spec.document import Document, KeyPath
from odd_assess.spec.models import Keys
from odd_assess.spec.words import did_you_mean, listed, numbers_meant, one_of, shortened, shown

M = TypeVar("M", bound=Keys)

_TYPES = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_LIMITS = {
    "greater_than": (">", "gt"),
    "greater_than_equal": (">=", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("<=", "le"),
}


def validated(document: Document, path: KeyPath, model: type[M], data: object) -> M | None:
    """The mapping at a path as a model, or None where it is not one: then the document has the problems."""
    if not isinstance(data, dict):
        document.add(path, f"must be a mapping such as {model.example}, found {shown(data)}")
        return None
    fields = _fields(model)
    given = {}
    for key, value in data.items():
        if value is None and key in fields and key != "reference":
            document.spoil((*path, key), "has no value: give it one, or delete the key", at="key")
        else:
            given[key] = value
    before = len(document.problems)
    try:
        result = model.model_validate(given)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _add(document, path, model, detail)
        return None
    return result if len(document.problems) == before and len(given) == len(data) else None


def chosen(document: Document, path: KeyPath, kinds: Mapping[str, type[Keys]], data: object) -> Keys | None:
    """The mapping at a path as the one model whose key it holds (``{npz: ...}``: the model of ``npz``)."""
    if not isinstance(data, dict):
        example = next(iter(kinds.values())).example
        document.add(path, f"must be a mapping such as {example}, found {shown(data)}")
        return None
    present = [kind for kind in kinds if kind in data]
    if len(present) == 1:
        return validated(document, path, kinds[present[0]], data)
    found = listed(present) if present else "none of them"
    hint = "" if present else next(filter(None, (did_you_mean(key, kinds) for key in data)), "")
    document.add(path, f"must have exactly one of the keys {listed(kinds)}; found {found}{hint}", at="key")
    return None


def _fields(model: type[Keys]) -> dict[str, FieldInfo]:
    """The keys of a model as a file writes them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _add(document: Document, path: KeyPath, model: type[Keys], detail: ErrorDetails) -> None:
    """One error of pydantic as a problem."""
    loc = tuple(step for step in detail["loc"] if step != "[key]")
    at_key = detail["type"] == "extra_forbidden" or "[key]" in detail["loc"]
    field = _fields(model).get(str(loc[0])) if loc else None
    document.add((*path, *loc), _message(detail, model, field if len(loc) == 1 else None), at="key" if at_key else "value")


def _message(detail: ErrorDetails, model: type[Keys], field: FieldInfo | None) -> str:
    kind, found, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "missing":
        return f"is required{_meaning(field)}"
    if kind == "extra_forbidden":
        key, fields = detail["loc"][-1], _fields(model)
        hint = f"; did you mean {model.instead[str(key)]!r}?" if str(key) in model.instead else did_you_mean(key, fields)
        return f"is not a known key{hint}; known keys: {listed(fields)}"
    if kind == "invalid_key":
        return f"keys must be texts, found {shown(found)}"
    if kind == "literal_error":
        return _literal_message(field, found, str(context.get("expected", "")))
    if kind in _TYPES:
        return f"must be {_TYPES[kind]}, found {shown(found)}{_hint(kind, found)}"
    if kind in _LIMITS:
        sign, name = _LIMITS[kind]
        return f"must be {sign} {context[name]:g}, found {shown(found)}"
    if kind == "too_short":
        return f"must have at least {context['min_length']} {'entry' if context['min_length'] == 1 else 'entries'}, found {context['actual_length']}"
    if kind == "too_long":
        return f"must have at most {context['max_length']} entries, found {context['actual_length']}"
    if kind == "string_too_short":
        return "must not be an empty text"
    if kind == "string_too_long":
        return f"must have at most {context['max_length']} characters, found {len(str(found))}"
    if kind == "string_pattern_mismatch":
        return f"must start with a letter or digit and hold only letters, digits, '.', '_' and '-', found {shown(found)}"
    return f"{shortened(detail['msg']) if kind != 'quantity' else detail['msg']}"


def _literal_message(field: FieldInfo | None, found: Any, expected: str) -> str:
    words = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    if words == ["1"]:
        newer = isinstance(found, int) and not isinstance(found, bool) and found > 1
        hint = ": the file is written for a newer odd-assess; update odd-assess" if newer else ""
        return f"must be 1, the version of the format that this odd-assess reads, found {shown(found)}{hint}"
    del field
    return one_of(found, words)


def _hint(kind: str, found: Any) -> str:
    if kind == "string_type" and isinstance(found, bool | int | float):
        return ": put it in quotes"
    if kind != "string_type" and isinstance(found, str):
        return numbers_meant(found, whole=kind.startswith("int_")) if _TYPES[kind].endswith("number") else ""
    return ""


def _meaning(field: FieldInfo | None) -> str:
    if field is None or not field.description:
        return ""
    example = f", for example {field.examples[0]}" if field.examples else ""
    return f": {field.description}{example}"
