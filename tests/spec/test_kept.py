"""A spec read again from the files that a run kept: the same record, with nothing else on the machine."""

from dataclasses import replace
from pathlib import Path

import pytest

from odd_assess.errors import SpecError
from odd_assess.examples.digits import WEIGHTS
from odd_assess.records import Spec
from odd_assess.spec import kept_spec, lint, load_spec

SPEC = """\
odd_assess: 1
id: kept
title: Kept
odd:
  attributes:
    defocus: {range: "[0 .. 1] px", distribution: {empirical: numbers/usage.csv, column: blur}, realise: {transform: defocus}}
    light: {range: "[50 .. 2000] lux", column: lux}
sampling: {design: random, points: 200, seed: 1}
inputs: {table: frames.csv, images: image, label: label}
model: {architecture: "network.py:make", weights: w.safetensors}
certification: {sigma: 0.25, alpha: 0.001, budget: {kind: reduced, n0: 20, n: 500}}
criteria: [more/criteria.yaml, ci_gate.yaml]
"""
CRITERIA = """\
odd_assess_criteria: 1
id: own
criteria:
  - {id: OWN, metric: clean_accuracy, require: ">= 0.5", confidence: 0.9}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    """A spec that names a table, measured usage, a network's file, weights and two criteria files, of which one is shipped."""
    for name in ("numbers", "more"):
        (tmp_path / name).mkdir()
    (tmp_path / "numbers" / "usage.csv").write_text("\ufeffblur\n0.1\n0.5\n", encoding="utf-8")
    (tmp_path / "more" / "criteria.yaml").write_text(CRITERIA)
    (tmp_path / "frames.csv").write_text("image,label,lux\na.png,0,100\n")
    (tmp_path / "network.py").touch()
    (tmp_path / "w.safetensors").write_bytes(Path(WEIGHTS).read_bytes())
    (tmp_path / "spec.yaml").write_bytes(b"\xef\xbb\xbf" + SPEC.encode())
    return load_spec(tmp_path / "spec.yaml")


def test_the_spec_keeps_its_files(spec: Spec) -> None:
    """The spec first, each file by the name that the spec gives it, bytes as read (a byte order mark too); data and weights are not kept."""
    assert [(document.kind, document.name) for document in spec.documents] == [
        ("spec", "spec.yaml"),
        ("numbers", "numbers/usage.csv"),
        ("criteria", "more/criteria.yaml"),
        ("criteria", "ci_gate.yaml"),
    ]
    assert spec.documents[0].content.startswith(b"\xef\xbb\xbf")
    assert spec.documents[0].sha256 == spec.sha256
    assert [document.sha256 for document in spec.documents if document.kind == "criteria"] == [
        group.sha256 for group in spec.criteria
    ]


def test_the_same_spec_comes_back_elsewhere(spec: Spec, tmp_path: Path) -> None:
    """Read from the kept files in a folder with nothing in it, all but paths is equal; linting the file itself still asks for what it names."""
    again = kept_spec(spec.documents, tmp_path / "nowhere")
    nowhere = {"path": spec.path, "inputs": spec.inputs, "model": spec.model, "criteria": (), "documents": ()}
    assert replace(again, **nowhere) == replace(spec, criteria=(), documents=())
    assert replace(again.inputs, path=None) == replace(spec.inputs, path=None)
    for ours, theirs in zip(again.criteria, spec.criteria, strict=True):
        assert [replace(c, location=None) for c in ours.criteria] == [replace(c, location=None) for c in theirs.criteria]
        places = [[(c.location.path.name, c.location.line) for c in group.criteria if c.location] for group in (ours, theirs)]
        assert places[0] == places[1] != []
    (tmp_path / "frames.csv").unlink()
    assert "must name an existing file" in str(lint(tmp_path / "spec.yaml")[0])


def test_a_file_that_was_not_kept_is_named(spec: Spec, tmp_path: Path) -> None:
    """Without its numbers, its criteria or itself a kept spec is refused, even where a file of that name lies about."""
    without = [document for document in spec.documents if document.kind != "numbers"]
    with pytest.raises(SpecError, match=r"the evidence does not hold numbers/usage\.csv"):
        kept_spec(without, tmp_path)
    with pytest.raises(SpecError, match="must name an existing criteria file"):
        kept_spec([document for document in spec.documents if document.name != "more/criteria.yaml"], tmp_path / "nowhere")
    with pytest.raises(ValueError, match="must start with its spec"):
        kept_spec(spec.documents[1:], tmp_path)
