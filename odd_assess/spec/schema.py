"""JSON Schema of the files, for editors: completion, descriptions, mistakes while typing.

Generated from ``models``; the words that live in other tables (transforms and their parameters, metrics) are put in here. The schema is a helper
for writing: ``odd-assess lint`` decides, because units, files and sections that must fit each other are beyond JSON Schema.
"""

from __future__ import annotations

from typing import Any, Literal

from odd_assess.criteria.metrics import COMPARED, METRICS
from odd_assess.odd.catalogue import TRANSFORMS, TransformInfo
from odd_assess.spec import models, training_models
from odd_assess.spec.attributes import ATTRIBUTE_NAME

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


Kind = Literal["spec", "criteria", "training"]


def json_schema(kind: Kind) -> Schema:
    """The JSON Schema (draft 2020-12) of a spec, a criteria file or a training file; its ``$id`` carries the version of the format.

    Raises: ValueError for another kind.
    """
    if kind not in _FILES:
        raise ValueError(f"kind must be one of {', '.join(_FILES)}, got {kind!r}")
    model, title = _FILES[kind]
    schema: Schema = model.model_json_schema(by_alias=True)
    _fill_criteria(schema) if kind == "criteria" else _fill_domain(schema)
    return {"$schema": DIALECT, "$id": f"urn:odd-assess:schema:{kind}:1", **_tidied(schema), "title": title}


_FILES: dict[Kind, tuple[type[models.Keys], str]] = {
    "spec": (models.SpecFile, "odd-assess spec"),
    "criteria": (models.CriteriaFile, "odd-assess acceptance criteria"),
    "training": (training_models.TrainingFile, "odd-assess training"),
}


def _fill_domain(schema: Schema) -> None:
    _model(schema, "Odd")["properties"]["attributes"] |= {
        "minProperties": 1,
        "propertyNames": {"pattern": f"^{ATTRIBUTE_NAME.pattern}$"},
    }
    _model(schema, "Attribute")["oneOf"] = [{"required": ["range"]}, {"required": ["values"]}]
    realise = _model(schema, "Realise")
    realise["properties"]["transform"] |= _words({info.name: info.mapping for info in TRANSFORMS.values()})
    realise["properties"] |= {name: True for info in TRANSFORMS.values() for name in info.parameters}
    realise["additionalProperties"] = False
    realise["allOf"] = [_parameters(info) for info in TRANSFORMS.values()]


def _fill_criteria(schema: Schema) -> None:
    entry = _model(schema, "CriterionEntry")
    entry["properties"]["metric"] |= _words({info.name: info.meaning for info in METRICS.values()})
    entry["properties"]["of"]["anyOf"] = [_words({name: METRICS[name].meaning for name in COMPARED}), {"type": "null"}]
    override = {**entry, "title": "OverrideEntry", "required": ["id"]}
    override["properties"] = {**entry["properties"], **models.OverrideKeys.model_json_schema()["properties"]}
    schema["$defs"]["OverrideEntry"] = override
    items: dict[str, Schema] = {
        name: {"properties": {"criteria": {"items": {"$ref": f"#/$defs/{name}"}}}} for name in ("OverrideEntry", "CriterionEntry")
    }
    del schema["properties"]["criteria"]["items"]
    items["CriterionEntry"]["properties"]["extends"] = False
    schema["anyOf"] = [{"required": ["extends"], "allOf": [items["OverrideEntry"]]}, items["CriterionEntry"]]


def _model(node: Any, name: str) -> Schema:
    """The part of a schema that describes a model, wherever pydantic has put it."""
    if isinstance(node, dict) and node.get("title") == name and "properties" in node:
        return node
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return next((found for found in (_model(item, name) for item in inner) if found), {})


def _parameters(info: TransformInfo) -> Schema:
    """If the transform is this one, then its parameters and no others."""
    parameters: Schema = {
        name: {
            "description": f"{parameter.meaning}{'' if parameter.unit == '1' else f' ({parameter.unit})'}",
            "default": parameter.default,
            "type": ["number", "string"],
            "minimum": parameter.low,
            "maximum": parameter.high,
        }
        for name, parameter in info.parameters.items()
    }
    then = {"properties": {"transform": True, "levels": True, **parameters}, "additionalProperties": False}
    return {"if": {"properties": {"transform": {"const": info.name}}, "required": ["transform"]}, "then": then}


def _words(meanings: dict[str, str]) -> Schema:
    """An enumeration with a description of each word, in the two ways that editors read."""
    return {"enum": list(meanings), "markdownEnumDescriptions": list(meanings.values())}


def _tidied(node: Any) -> Any:
    """The schema without pydantic's titles, and without null where it only means "left out"."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "properties" in node:
        node = {**node, "properties": {name: _property(entry) for name, entry in node["properties"].items()}}
    return {key: _tidied(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}


def _property(entry: Any) -> Any:
    if not isinstance(entry, dict) or entry.get("default", "") is not None:
        return entry
    rest = {key: value for key, value in entry.items() if key != "default"}
    choices = [choice for choice in rest.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        return {**{key: value for key, value in rest.items() if key != "anyOf"}, **choices[0], "description": rest["description"]}
    return {**rest, "anyOf": choices} if choices else rest
