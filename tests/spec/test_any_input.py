"""Whatever a file holds, the answer is a record or a SpecError with a place; nothing else ever comes out."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from odd_assess.errors import SpecError
from odd_assess.spec import lint, load_criteria, load_spec

HERE = Path(__file__).parent

WORDS = st.sampled_from(
    ["random", "grid", "lux", "[0 .. 1] px", "< 3 lux", "light", "surface", "low_light", "..", "a:b", "f.py:g", "\x00", "1e999 lux", "no", "<<", "~"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.just(10**500) | st.floats() | WORDS | st.text(max_size=20)
KEYS = (
    WORDS
    | st.sampled_from(
        [
            "normal",
            "mean",
            "std",
            "kind",
            "n",
            "transform",
            "levels",
            "if",
            "then",
            "id",
            "metric",
            "extends",
            "clauses",
            "standards",
        ]
    )
    | SCALARS
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)


def paths_of(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(inner for key, value in items for inner in paths_of(value, (*path, key)))]


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    data = copy.copy(data)
    data[path[0]] = changed(data[path[0]], path[1:], value)
    return data


def survives(text: str | bytes, criteria: str) -> None:
    """Reading either file ends in a record or in a SpecError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spec.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        (Path(folder) / "criteria.yaml").write_text(criteria, encoding="utf-8")
        found = lint(file)
        assert all(problem.message and problem.location.line >= 1 and problem.location.column >= 1 for problem in found)
        for load in (load_spec, load_criteria):
            try:
                load(file)
            except SpecError as error:
                problems = error.problems
            else:
                problems = ()
            assert problems or not found


@pytest.fixture(scope="module")
def texts() -> tuple[str, str]:
    """The valid spec and criteria file of conftest.py."""
    names: dict[str, Any] = {}
    exec((HERE / "conftest.py").read_text(encoding="utf-8"), names)  # importlib mode: tests are no package
    return names["SPEC"], names["CRITERIA"]


@settings(max_examples=150, deadline=None)
@given(raw=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(raw=b"")
@example(raw=b"\xff\xfe")
@example(raw=b"odd_assess: 1\x00")
@example(raw=b"[" * 3000)
@example(raw=b"a: &a {a: *a}")
@example(raw=b"a: " + b"9" * 6000)
@example(raw=b"!!int x: !!null y")
@example(raw=b"odd_assess: 1\nodd_assess_criteria: 1")
@example(raw=b"\n".join(b"a%d: &a%d [%s]" % (i, i, b",".join([b"*a%d" % (i - 1)] * 9) if i else b"1") for i in range(9)))
def test_no_bytes_raise_anything_but_spec_error(raw: bytes, texts: tuple[str, str]) -> None:
    """Rejects a reader that lets an exception of YAML, unicode, recursion or number parsing through."""
    survives(raw, texts[1])


@settings(max_examples=150, deadline=None)
@given(data=st.data(), value=VALUES)
def test_no_changed_spec_raises_anything_but_spec_error(data: st.DataObject, value: Any, texts: tuple[str, str]) -> None:
    """Any part of a valid spec is replaced by anything: rejects code that trusts a part before it was checked."""
    spec = yaml.safe_load(texts[0])
    path = data.draw(st.sampled_from(paths_of(spec)))
    survives(yaml.safe_dump(changed(spec, path, value), allow_unicode=True), texts[1])


@settings(max_examples=100, deadline=None)
@given(data=st.data(), value=VALUES)
def test_no_changed_criteria_raise_anything_but_spec_error(data: st.DataObject, value: Any, texts: tuple[str, str]) -> None:
    """The same for a criteria file, read alone and through its spec."""
    criteria = yaml.safe_load(texts[1])
    path = data.draw(st.sampled_from(paths_of(criteria)))
    text = yaml.safe_dump(changed(criteria, path, value), allow_unicode=True)
    survives(texts[0], text)
    survives(text, text)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), value=VALUES)
def test_no_changed_extension_raises_anything_but_spec_error(data: st.DataObject, value: Any, texts: tuple[str, str]) -> None:
    """The same for a file that extends the one beside it, and for one that extends itself."""
    extension: dict[str, Any] = {
        "odd_assess_criteria": 1,
        "id": "top",
        "extends": "criteria.yaml",
        "standards": {"ACME": "handbook"},
        "criteria": [
            {"id": "CA", "require": ">= 0.7", "reason": "why", "clauses": ["ACME:1", "AMLAS:Z"]},
            {"id": "COV", "disable": "why"},
            {"id": "NEW", "metric": "clean_accuracy", "require": ">= 0.5", "confidence": 0.9},
        ],
    }
    path = data.draw(st.sampled_from(paths_of(extension)))
    text = yaml.safe_dump(changed(extension, path, value), allow_unicode=True)
    survives(text, texts[1])
    survives(text, text)
