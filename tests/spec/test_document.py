"""The YAML reader: scalars of YAML 1.2, and the place of everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from odd_assess.spec.document import Document, dotted, read_document


def read(tmp_path: Path, text: str) -> Document:
    path = tmp_path / "file.yaml"
    path.write_bytes(text.encode())
    return read_document(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),  # a text in YAML 1.1
        ("1E5", 100_000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-12", -12),
        ("0", 0),
        ("012.5", 12.5),
        ("0o14", 12),
        ("0xff", 255),
        ("1_000", "1_000"),  # 1000 in YAML 1.1
        ("1:30", "1:30"),  # 90 in YAML 1.1
        ("2026-11-20", "2026-11-20"),  # a date in YAML 1.1
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("-.inf", float("-inf")),
        ("'12'", "12"),
        ('"yes"', "yes"),
        ("!!str 12", "12"),
        ("!!float 12", 12.0),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(tmp_path: Path, text: str, value: Any) -> None:
    """Rejects a reader that resolves scalars as YAML 1.1 does."""
    document = read(tmp_path, f"key: {text}")
    assert not document.problems
    assert document.data == {"key": value}
    assert type(document.data["key"]) is type(value)


@pytest.mark.parametrize("word", ["yes", "No", "ON", "off"])
def test_plain_yes_no_on_off_are_refused_everywhere(tmp_path: Path, word: str) -> None:
    """As a value, in a list and as a key; quoted they are texts."""
    document = read(tmp_path, f"a: {word}\nb: [{word}]\n{word}: 1\nc: '{word}'")
    assert [problem.location.line for problem in document.problems] == [1, 2, 3]
    assert all(f"write '{word}' in quotes" in problem.message for problem in document.problems)
    assert document.data["c"] == word


def test_every_value_and_key_has_its_place(tmp_path: Path) -> None:
    """Lines and columns count from 1, in block and flow style, through anchors; a missing key is where its mapping stands."""
    document = read(tmp_path, "a:\n  - x: 1\n    y: [2, {z: 3}]\nb: &anchor {c: 4}\nd: *anchor\n")
    assert document.data == {"a": [{"x": 1, "y": [2, {"z": 3}]}], "b": {"c": 4}, "d": {"c": 4}}

    def place(*path: Any, at: Any = "value") -> tuple[int, int]:
        location = document.location(path, at=at)
        return location.line, location.column

    assert place("a", 0, "x") == (2, 8)
    assert place("a", 0, "x", at="key") == (2, 5)
    assert place("a", 0, "y", 1, "z") == (3, 16)
    assert place("d", "c") == (4, 16)  # an alias stands for what is written at its anchor
    assert place("b", "missing") == (4, 1)
    assert place("a", 0, "missing") == (2, 5)
    assert place() == (1, 1)


def test_paths_are_shown_as_people_write_them() -> None:
    """List positions in brackets, a label true as in the file."""
    assert dotted(("odd", "attributes", "a.b", "values", True)) == "odd.attributes.a.b.values.true"
    assert dotted(("criteria", 2, "require")) == "criteria[2].require"


def test_a_value_that_was_refused_is_mentioned_once(folder: Any) -> None:
    """`download: no` is not also "must be true or false"."""
    problems = folder.edit(("{dataset: digits}", "{torchvision: GTSRB, root: ., download: no}")).problems()
    assert len(problems) == 1
    assert "plain no" in problems[0]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "1:1: the file is empty"),
        (b"# only a comment\n", "1:1: the file is empty"),
        (b"a: 1\nb: \xff", "2:4: must be UTF-8 text: save the file in that encoding"),
        (b"a: 1\nb: \x07", "2:4: the character U+0007 cannot stand in a YAML file: delete it"),
        (b"a: 'text", "1:4: the quoted text that starts here is not closed"),
        (b"a: {b: 1", "1:4: the list or mapping that starts here is not closed"),
        (b"[" * 5000, "1:1: lists and mappings are nested too deeply to be read"),
    ],
)
def test_what_is_not_yaml_has_one_problem_with_its_place(tmp_path: Path, raw: bytes, expected: str) -> None:
    """Rejects a reader that lets an exception of the YAML library through."""
    path = tmp_path / "file.yaml"
    path.write_bytes(raw)
    assert [str(problem) for problem in read_document(path).problems] == [f"{path}:{expected}"]


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    """So is a folder; neither raises."""
    missing = tmp_path / "none.yaml"
    assert str(read_document(missing).problems[0]) == f"{missing}:1:1: the file cannot be read: no such file or directory"
    assert str(read_document(tmp_path).problems[0]) == f"{tmp_path}:1:1: the file cannot be read: is a directory"


def test_anchors_within_anchors_cannot_unfold_without_end(tmp_path: Path) -> None:
    """Nine lines that would unfold into 9^9 values are refused at once."""
    lines = ["a0: &a0 [1]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10))]
    problems = read(tmp_path, "\n".join(lines)).problems
    assert [problem.message for problem in problems] == ["the file unfolds into more than 100,000 values: it must not be so large"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [("012", "12 or 0.12"), ("-007", "-7 or -0.07"), ("00", "0"), ("[089]", "89 or 0.89"), ("{01: a}", "1 or 0.1")],
)
def test_whole_numbers_with_a_leading_zero_are_refused_everywhere(tmp_path: Path, text: str, meant: str) -> None:
    """012 is 10 in YAML 1.1, and 025 may be what is left of 0,25. Quoted they are texts."""
    (problem,) = read(tmp_path, f"key: {text}\nother: '012'").problems
    number = text.strip("[]{}: a")
    assert problem.message == (
        f"{number} has a leading zero, which some programs read as octal: write {meant}; a text must be in quotes"
    )


@pytest.mark.parametrize("text", ["[0,25,100]", "[1,500]", "{a: 1,b: 2}", "{a: 1,2: 3}", "{1: 0.5,2: 0.5}", "['1',02.5]", "[a,b]"])
def test_commas_between_values_are_no_problem(tmp_path: Path, text: str) -> None:
    """Rejects a reader that takes every comma without a space for a part of a number."""
    assert read(tmp_path, f"key: {text}").problems == []
