"""The JSON Schema: it accepts what lint accepts and helps an editor with the rest."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from odd_assess.criteria.metrics import METRICS
from odd_assess.odd.catalogue import TRANSFORMS
from odd_assess.shipped import shipped
from odd_assess.spec import json_schema
from odd_assess.spec.document import read_document
from odd_assess.spec.scaffold import CRITERIA, SPEC

BUDGET = "{kind: reduced, n0: 100, n: 1000}"
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
COVERED = {
    *("$schema", "$id", "$defs", "$ref", "title", "description", "examples", "default", "markdownEnumDescriptions", "type", "enum", "const"),
    *("properties", "required", "additionalProperties", "propertyNames", "minProperties", "items", "minItems", "maxItems", "pattern"),
    *("minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "anyOf", "oneOf", "allOf", "if", "then"),
}  # fmt: skip


def accepts(schema: Any, data: Any, root: Any) -> bool:
    """Whether a schema of the keywords in COVERED accepts some data (a small validator: jsonschema is no dependency of ours)."""
    if isinstance(schema, bool):
        return schema
    assert set(schema) <= COVERED, set(schema) - COVERED
    if "$ref" in schema and not accepts(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], data, root):
        return False
    types = schema.get("type", [])
    kinds = [types] if isinstance(types, str) else types
    number = isinstance(data, int | float) and not isinstance(data, bool)
    return (
        (not kinds or any(isinstance(data, TYPES[kind]) and not (isinstance(data, bool) and kind != "boolean") for kind in kinds))
        and ("enum" not in schema or data in schema["enum"])
        and ("const" not in schema or data == schema["const"])
        and (not number or _number_fits(schema, data))
        and (not isinstance(data, str) or ("pattern" not in schema or bool(re.search(schema["pattern"], data))))
        and (not isinstance(data, str) or schema.get("minLength", 0) <= len(data) <= schema.get("maxLength", 10**9))
        and (not isinstance(data, list) or schema.get("minItems", 0) <= len(data) <= schema.get("maxItems", 10**9))
        and (not isinstance(data, list) or all(accepts(schema.get("items", True), item, root) for item in data))
        and (not isinstance(data, dict) or _mapping_fits(schema, data, root))
        and ("anyOf" not in schema or any(accepts(part, data, root) for part in schema["anyOf"]))
        and ("oneOf" not in schema or sum(accepts(part, data, root) for part in schema["oneOf"]) == 1)
        and all(accepts(part, data, root) for part in schema.get("allOf", []))
        and ("if" not in schema or not accepts(schema["if"], data, root) or accepts(schema["then"], data, root))
    )


def _number_fits(schema: Any, data: float) -> bool:
    return bool(
        schema.get("minimum", data) <= data <= schema.get("maximum", data)
        and schema.get("exclusiveMinimum", data - 1) < data < schema.get("exclusiveMaximum", data + 1)
    )  # fmt: skip


def _mapping_fits(schema: Any, data: dict[str, Any], root: Any) -> bool:
    properties = schema.get("properties", {})
    return (
        all(key in data for key in schema.get("required", []))
        and len(data) >= schema.get("minProperties", 0)
        and all(accepts(schema.get("propertyNames", True), key, root) for key in data)
        and all(accepts(properties.get(key, schema.get("additionalProperties", True)), value, root) for key, value in data.items())
    )


def parsed(text: str, tmp_path: Path) -> Any:
    path = tmp_path / "file.yaml"
    path.write_text(text, encoding="utf-8")
    document = read_document(path)
    assert not document.problems
    return document.data


def test_the_schemas_accept_the_example(tmp_path: Path) -> None:
    """What `init` writes, and every criteria file that comes with odd-assess."""
    spec, criteria = json_schema("spec"), json_schema("criteria")
    assert accepts(spec, parsed(SPEC, tmp_path), spec)
    assert accepts(criteria, parsed(CRITERIA, tmp_path), criteria)
    for file in shipped("acceptance_criteria").glob("*.yaml"):
        assert accepts(criteria, parsed(file.read_text(encoding="utf-8"), tmp_path), criteria), file


def test_the_schema_accepts_the_specs_of_the_tests(folder: Any, tmp_path: Path) -> None:
    """Lint and schema agree on them."""
    spec = json_schema("spec")
    assert accepts(spec, parsed(folder.spec.read_text(encoding="utf-8"), tmp_path), spec)


@pytest.mark.parametrize(
    "edit",
    [
        ("points: 300", "until_decided: true, max_points: 2000"),
        (BUDGET, "{kind: sequential, max: 5000}"),
        (BUDGET, "{kind: sequential, n0: 10, max: 5000}"),
        (BUDGET, "{kind: tolerance, radius_reduction: 0.2}"),
        (BUDGET, "{kind: tolerance, radius_reduction: 0.2, n0: 20, max: 5000, pilot_points: 20}"),
        ("criteria: [criteria.yaml]", "criteria: [criteria.yaml]\nunattainable: accept"),
        ("model:\n", "execution: {engine: local}\nmodel:\n"),
        (
            "model:\n",
            "execution: {engine: ray, address: 'head:6379', workers: 4, cpus_per_worker: 2, gpus_per_worker: 0.5}\nmodel:\n",
        ),
    ],
)
def test_the_schema_accepts_what_lint_accepts(folder: Any, tmp_path: Path, edit: tuple[str, str]) -> None:
    """Every budget, points until the verdict is decided, and criteria that may be out of reach."""
    spec = json_schema("spec")
    assert folder.edit(edit).problems() == []
    assert accepts(spec, parsed(folder.spec.read_text(encoding="utf-8"), tmp_path), spec)


def test_the_schema_knows_training_files(repository: Path, tmp_path: Path) -> None:
    """The sample's, with every other section in turn; what lint refuses for its form the schema refuses too."""
    training = json_schema("training")
    text = (repository / "sample_reports" / "digits" / "train.yaml").read_text(encoding="utf-8")
    data = parsed(text, tmp_path)
    sound: list[dict[str, Any]] = [
        {},
        {"noise": {"policy": "data_dependent", "start": 0.3}},
        {"noise": {"policy": "instance_wise", "starts": [0.1]}, "loss": {"kind": "macer", "lambda": 6}},
        {"loss": {"kind": "smoothadv", "epsilon": 0.5}, "schedule": {"kind": "step", "every": 3}, "optimiser": {"kind": "sgd"}},
        {"validation": {"inputs": {"dataset": "digits"}, "radii": [0.25]}, "augment": {"flip": True}, "clip": 1.0},
    ]
    wrong: list[dict[str, Any]] = [
        {"noise": {"policy": "data_dependent", "starts": [0.3]}},
        {"loss": {"kind": "trades"}},
        {"schedule": {"kind": "step"}},
        {"epochs": 0},
        {"odd": {"attributes": {"light": {"range": "[1 .. 2] lux", "realise": {"transform": "low"}}}}},
        {"inputs": {"callable": "a.b:c"}},
        {"model": {"onnx": "a.onnx"}},
    ]
    assert all(accepts(training, {**data, **changes}, training) for changes in sound)
    assert not any(accepts(training, {**data, **changes}, training) for changes in wrong)


def test_the_schema_accepts_a_quantile(folder: Any, tmp_path: Path) -> None:
    """In a criteria file, and only as a share."""
    criteria = json_schema("criteria")
    folder.edit(("certified_accuracy\n    radius: 0.25", "radius_quantile\n    quantile: 0.1"), file="criteria.yaml")
    text = folder.criteria.read_text(encoding="utf-8")
    assert folder.problems("criteria.yaml") == []
    assert accepts(criteria, parsed(text, tmp_path), criteria)
    assert not accepts(criteria, parsed(text.replace("quantile: 0.1", "quantile: 10"), tmp_path), criteria)


def test_the_schema_knows_what_an_extending_file_may_leave_out(tmp_path: Path) -> None:
    """With extends an entry needs its id alone, and may disable; without it neither passes."""
    criteria = json_schema("criteria")
    text = (
        "odd_assess_criteria: 1\nid: top\nextends: ci_gate.yaml\n"
        "criteria: [{id: CI-CLEAN, disable: why}, {id: CI-CA-0125, radius: 0.1, reason: why}]\n"
    )
    assert accepts(criteria, parsed(text, tmp_path), criteria)
    assert not accepts(criteria, parsed(text.replace("extends: ci_gate.yaml\n", ""), tmp_path), criteria)
    assert not accepts(criteria, parsed(text.replace("reason", "resaon"), tmp_path), criteria)
    assert not accepts(criteria, parsed(text.replace("id: CI-CLEAN, ", ""), tmp_path), criteria)


@pytest.mark.parametrize(
    "edit",
    [
        ("title: Reader", "titel: Reader"),
        ("title: Reader\n", ""),
        ("design: random", "design: radnom"),
        ("points: 300", 'points: "300"'),
        ("sigma: 0.25", "sigma: 0"),
        ("transform: low_light", "transform: lowlight"),
        ("{transform: stain}", "{transform: stain, opacty: 1}"),
        ("{transform: stain}", "{transform: stain, distance: 5 m}"),
        ("{transform: stain}", "{transform: stain, opacity: 2}"),
        ("surface: {values", 'surface: {range: "[0 .. 1]", values'),
        ("    surface:", "    1surface:"),
        ("{dataset: digits}", "{dataset: digits, npz: a.npz}"),
        ("{dataset: digits}", "{torchvision: GTSRB}"),
        ("kind: reduced", "kind: single_batch"),
        ("[criteria.yaml]", "[]"),
        (BUDGET, "{kind: sequential}"),
        (BUDGET, "{kind: sequential, n: 5000}"),
        (BUDGET, "{kind: tolerance, radius_reduction: 20}"),
        ("points: 300", "until_decided: 1, max_points: 300"),
        ("criteria: [criteria.yaml]", "criteria: [criteria.yaml]\nunattainable: ignore"),
        ("model:\n", "execution: {engine: rai}\nmodel:\n"),
        ("model:\n", "execution: {engine: ray, workers: 0}\nmodel:\n"),
    ],
)
def test_the_schema_refuses_what_an_editor_can_see(folder: Any, tmp_path: Path, edit: tuple[str, str]) -> None:
    """Rejects a schema that lets anything pass."""
    spec = json_schema("spec")
    text = folder.edit(edit).spec.read_text(encoding="utf-8")
    assert not accepts(spec, parsed(text, tmp_path), spec)


@pytest.mark.parametrize("kind", ["spec", "criteria"])
def test_editors_get_descriptions_and_closed_mappings(kind: Any) -> None:
    """Every key of every mapping says what it is for; no mapping with known keys takes others; the id is a versioned name without a host."""
    schema = json_schema(kind)
    assert schema["$id"] == f"urn:odd-assess:schema:{kind}:1"
    assert json.loads(json.dumps(schema)) == schema

    def walk(node: Any, path: str) -> None:
        if isinstance(node, list):
            for i, item in enumerate(node):
                walk(item, f"{path}[{i}]")
        if not isinstance(node, dict):
            return
        if "required" in node and "properties" in node and "if" not in path:
            assert node["additionalProperties"] is False, path
            for name, entry in node["properties"].items():
                assert entry is True or "description" in entry, f"{path}.{name}"
        for key, item in node.items():
            walk(item, f"{path}.{key}")

    walk(schema, kind)
    assert "null" not in json.dumps(schema).replace('{"type": "null"}', "", 1)


def test_words_of_the_tables_are_enumerated_with_their_meaning() -> None:
    """Transforms with their parameters and limits, metrics with what they mean."""
    text = json.dumps(json_schema("spec"), ensure_ascii=False)
    for info in TRANSFORMS.values():
        assert json.dumps(info.mapping, ensure_ascii=False) in text
        assert all(json.dumps(name) in text for name in info.parameters)
    metric = json_schema("criteria")["$defs"]["CriterionEntry"]["properties"]["metric"]
    assert metric["enum"] == list(METRICS)
    assert metric["markdownEnumDescriptions"] == [info.meaning for info in METRICS.values()]


def test_another_kind_is_refused() -> None:
    """There are three."""
    with pytest.raises(ValueError, match="kind must be one of spec, criteria, training, got 'report'"):
        json_schema("report")  # type: ignore[arg-type]


def test_the_batch_size_says_who_chooses_it() -> None:
    """A rule does, or a measurement where the run is long enough."""
    described = json_schema("spec")["properties"]["certification"]["properties"]["batch_size"]["description"]
    assert described == "noisy copies a call of the model; by a rule from the image size, or by measurement, if left out"
