"""Criteria files that extend others, and the clauses that they name."""

# ruff: noqa: E501

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from odd_assess.errors import SpecError
from odd_assess.shipped import shipped
from odd_assess.spec import kept_spec, lint, load_criteria, load_spec

BASE = """\
odd_assess_criteria: 1
id: base
standards: {ACME: ACME handbook}
criteria:
  - {id: CA, metric: certified_accuracy, radius: 0.25, require: ">= 0.80", confidence: 0.95, clauses: ["ACME:4.2"]}
  - {id: CLEAN, metric: clean_accuracy, require: ">= 0.90", confidence: 0.95}
  - {id: COV, metric: pairwise_coverage, require: ">= 95 %", severity: warning}
"""
OWN = """\
odd_assess_criteria: 1
id: own
extends: base.yaml
criteria:
  - {id: CLEAN, require: ">= 0.85", confidence: 0.99, reason: field data of 2026}
  - {id: COV, disable: the design visits every pair}
  - {id: NEW, metric: level_coverage, require: ">= 1", clauses: ["ACME:7", "AMLAS:Z"]}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "own.yaml").write_text(OWN)
    return tmp_path


def problems(files: Path, *edits: tuple[str, str], file: str = "own.yaml") -> list[str]:
    """What lint says of own.yaml once a file is edited, without the folder's path."""
    text = (files / file).read_text()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    (files / file).write_text(text)
    return [str(problem).replace(f"{files}/", "") for problem in lint(files / "own.yaml")]


def test_criteria_are_taken_over_changed_dropped_and_added(files: Path) -> None:
    """Keys that are not given stay; order is the base's, new ones last; each criterion lies where it was written last."""
    found = load_criteria(files / "own.yaml")
    assert [criterion.id for criterion in found.criteria] == ["CA", "CLEAN", "NEW"]
    assert [(c.location.path.name, c.location.line) for c in found.criteria if c.location] == [
        ("base.yaml", 5),
        ("own.yaml", 5),
        ("own.yaml", 7),
    ]
    clean = found.criteria[1]
    assert (clean.metric, clean.required, clean.confidence, clean.severity) == ("clean_accuracy", 0.85, 0.99, "blocking")
    assert found.base is not None
    assert found.digests == (found.sha256, found.base.sha256)
    assert found.standards == (("ACME", "ACME handbook"),)


def test_changes_are_recorded(files: Path) -> None:
    """Key by key, with the reason and the file that held them; what became stricter is not marked."""
    found = load_criteria(files / "own.yaml").overrides
    assert [str(change) for change in found] == [
        "CLEAN: require >= 0.9 -> >= 0.85 (loosened)",
        "CLEAN: confidence 0.95 -> 0.99",
        "COV: dropped (loosened)",
    ]
    assert [(change.reason, change.source) for change in found] == [
        ("field data of 2026", "base.yaml"),
        ("field data of 2026", "base.yaml"),
        ("the design visits every pair", "base.yaml"),
    ]


def test_the_same_value_is_no_change(files: Path) -> None:
    """However it is written."""
    assert problems(files, ('">= 0.85", confidence: 0.99', '">= 90 %"')) == []
    assert [change.criterion for change in load_criteria(files / "own.yaml").overrides] == ["COV"]


def test_chains(files: Path) -> None:
    """A file may extend one that extends another: changes of both are kept, a dropped id is gone, a new one may be changed."""
    (files / "top.yaml").write_text(
        "odd_assess_criteria: 1\nid: top\nextends: own.yaml\ncriteria:\n  - {id: NEW, severity: info}\n  - {id: CA, radius: 0.1}\n"
    )
    found = load_criteria(files / "top.yaml")
    assert [(c.id, c.severity, c.radius) for c in found.criteria] == [
        ("CA", "blocking", 0.1),
        ("CLEAN", "blocking", None),
        ("NEW", "info", None),
    ]
    assert [(change.criterion, change.key, change.source) for change in found.overrides] == [
        ("CLEAN", "require", "base.yaml"),
        ("CLEAN", "confidence", "base.yaml"),
        ("COV", "", "base.yaml"),
        ("NEW", "severity", "own.yaml"),
        ("CA", "radius", "own.yaml"),
    ]
    assert len(found.digests) == 3
    (files / "top.yaml").write_text((files / "top.yaml").read_text().replace("id: CA", "id: COV"))
    assert "must name a criterion of the file that is extended" in str(lint(files / "top.yaml")[0])


def test_a_shipped_file_is_extended_by_its_name(files: Path) -> None:
    """Unless one of that name lies beside the file."""
    text = "odd_assess_criteria: 1\nid: mine\nextends: ci_gate.yaml\ncriteria: [{id: CI-CA-0125, require: '>= 0.6'}]\n"
    (files / "own.yaml").write_text(text)
    found = load_criteria(files / "own.yaml")
    assert found.base is not None
    assert found.base.path == shipped("acceptance_criteria") / "ci_gate.yaml"
    assert [str(change) for change in found.overrides] == ["CI-CA-0125: require >= 0.7 -> >= 0.6 (loosened)"]
    (files / "ci_gate.yaml").write_text(BASE)
    assert "found the text 'CI-CA-0125'" in str(lint(files / "own.yaml")[0])


MISTAKES = [
    ("unknown id", [("id: CLEAN", "id: CLAEN")], ["own.yaml:5:10: criteria[0].id: must name a criterion of the file that is extended, or be new and have a metric, found the text 'CLAEN'; did you mean 'CLEAN'?; it holds CA, CLEAN, COV"]),
    ("unknown id to disable", [("id: COV", "id: COVER")], ["own.yaml:6:10: criteria[1].id: must name a criterion of the file that is extended, or be new and have a metric, found the text 'COVER'; did you mean 'COV'?; it holds CA, CLEAN, COV"]),
    ("unknown key", [("reason: field", "resaon: field")], ["own.yaml:5:55: criteria[0].resaon: is not a known key; did you mean 'reason'?; known keys: id, title, "]),
    ("metric", [("{id: CLEAN", "{id: CLEAN, metric: abstention_rate")], ["own.yaml:5:25: criteria[0].metric: must stay clean_accuracy where a criterion is changed: disable CLEAN and add one with an id of its own, found the text 'abstention_rate'"]),
    ("a value that does not fit the base's metric", [("confidence: 0.99", "radius: 0.1")], ["own.yaml:5:37: criteria[0].radius: is not used by clean_accuracy: delete it"]),
    ("a value", [("confidence: 0.99", "confidence: 99")], ["own.yaml:5:49: criteria[0].confidence: must be < 1, found the number 99"]),
    ("nothing but disable", [("disable: the", "severity: info, disable: the")], ["own.yaml:6:15: criteria[1].severity: must not stand beside disable, which drops the criterion: delete it"]),
    ("no reason", [("disable: the design visits every pair", "disable: true")], ["own.yaml:6:24: criteria[1].disable: must be a text, found true: put it in quotes"]),
    ("no file", [("base.yaml", "bases.yaml")], ["own.yaml:3:10: extends: must name an existing criteria file, found nothing at bases.yaml; with odd-assess come "]),
    ("itself", [("base.yaml", "own.yaml")], ["own.yaml:3:10: extends: must not lead back to the file itself: own.yaml -> own.yaml"]),
    ("nothing left", [('id: CLEAN, require: ">= 0.85", confidence: 0.99, reason: field data of 2026', "id: CLEAN, disable: x"), ('{id: NEW, metric: level_coverage, require: ">= 1", clauses: ["ACME:7", "AMLAS:Z"]}', "{id: CA, disable: x}")], ["own.yaml:5:3: criteria: must leave at least one criterion, but every one is disabled"]),
    ("clause", [("AMLAS:Z", "AMLAS:ZZ")], ["own.yaml:7:76: criteria[2].clauses[1]: must name a known clause of AMLAS, found the text 'AMLAS:ZZ'; did you mean 'AMLAS:Z'?; known: H, P, V, Z, AA, BB, CC"]),
    ("standard", [("AMLAS:Z", "AMLA:Z")], ["own.yaml:7:76: criteria[2].clauses[1]: must be STANDARD:CLAUSE, such as EU-AI-Act:15(1), found the text 'AMLA:Z'; did you mean 'AMLAS'?; known standards: ISO-21448, ISO-PAS-8800, ISO-34503, UL-4600, EASA-CP2, EU-AI-Act, AMLAS, ACME; others are declared under the key standards"]),
    ("no clause", [("ACME:7", "ACME")], ["own.yaml:7:66: criteria[2].clauses[0]: must be STANDARD:CLAUSE, such as EU-AI-Act:15(1), found the text 'ACME': name a clause of ACME handbook"]),
    ("a standard that is known", [("extends:", "standards: {AMLAS: My own}\nextends:")], ["own.yaml:3:13: standards.AMLAS: AMLAS stands for AMLAS already: use another key"]),
]  # fmt: skip


@pytest.mark.parametrize(("edits", "expected"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES])
def test_mistakes(files: Path, edits: list[tuple[str, str]], expected: list[str]) -> None:
    """One problem each, in the file that is wrong."""
    found = problems(files, *edits)
    assert len(found) == len(expected)
    assert all(line.startswith(start) for line, start in zip(found, expected, strict=True)), found


def test_a_circle_is_named_whole(files: Path) -> None:
    """In the file that closes it, once."""
    found = problems(files, ("id: base\n", "id: base\nextends: own.yaml\n"), file="base.yaml")
    assert found == ["base.yaml:3:10: extends: must not lead back to the file itself: own.yaml -> base.yaml -> own.yaml"]


def test_a_base_with_a_mistake(files: Path) -> None:
    """The problem is told once, in the base; the file that extends it says nothing on top."""
    found = problems(files, ("radius: 0.25, ", ""), file="base.yaml")
    assert found == [
        "base.yaml:5:5: criteria[0].radius: is required for certified_accuracy: L2 radius in input units, for example 0.25"
    ]


def test_override_keys_need_a_base(files: Path) -> None:
    """In a file that extends none they are unknown."""
    found = problems(files, ("extends: base.yaml\n", ""))
    assert any("criteria[1].disable: is not a known key" in line for line in found)


def test_a_spec_keeps_the_files_that_its_criteria_rest_on(folder: Any, files: Path) -> None:
    """By their path from the spec's folder, so that the spec comes back from them alone; overrides and places too."""
    (files / "gates").mkdir()
    for name in ("base.yaml", "own.yaml"):
        (files / name).rename(files / "gates" / name)
    spec = load_spec(folder.edit(("[criteria.yaml]", "[gates/own.yaml]")).spec)
    assert [(document.kind, document.name) for document in spec.documents] == [
        ("spec", "spec.yaml"),
        ("criteria", "gates/own.yaml"),
        ("criteria", "gates/base.yaml"),
    ]
    again = kept_spec(spec.documents, files / "nowhere")
    assert again.criteria[0].overrides == spec.criteria[0].overrides
    assert again.criteria[0].digests == spec.criteria[0].digests
    places = [[(c.location.path.name, c.location.line) for c in s.criteria[0].criteria if c.location] for s in (again, spec)]
    assert places[0] == places[1]
    with pytest.raises(SpecError, match="must name an existing criteria file"):
        kept_spec(spec.documents[:2], files / "nowhere")


def test_ids_of_two_files_that_extend_one(folder: Any, files: Path) -> None:
    """The ids that both take over are named once."""
    (files / "other.yaml").write_text("odd_assess_criteria: 1\nid: other\nextends: base.yaml\ncriteria: [{id: COV, disable: x}]\n")
    folder.edit(("[criteria.yaml]", "[own.yaml, other.yaml]"))
    assert folder.problems() == [
        "spec.yaml:24:22: criteria[1]: the file takes over CA, CLEAN from the one that it extends, but another file holds them too: ids must be unique"
    ]


def test_a_blocking_reduction_is_refused_where_it_stands(folder: Any, files: Path) -> None:
    """Without a reference, the problem lies at the criterion, also where that is in the base."""
    text = (
        (files / "base.yaml")
        .read_text()
        .replace(
            'COV, metric: pairwise_coverage, require: ">= 95 %", severity: warning',
            'LOSS, metric: radius_reduction, require: "<= 0.3", estimate: accepted',
        )
    )
    (files / "base.yaml").write_text(text)
    (files / "own.yaml").write_text("odd_assess_criteria: 1\nid: own\nextends: base.yaml\ncriteria: [{id: CA, severity: info}]\n")
    found = folder.edit(("[criteria.yaml]", "[own.yaml]"), ("{n: 10000, points: 20}", "none")).problems()
    assert len(found) == 1
    assert found[0].startswith("base.yaml:7:5: criteria[2]: a blocking radius_reduction would rest on an estimate")
