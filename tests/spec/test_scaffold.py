"""The example that `init` writes: it loads as it is, and nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from odd_assess.errors import InputError
from odd_assess.spec import lint, load_spec, scaffold
from odd_assess.spec.scaffold import CRITERIA, SPEC, WEIGHTS

needs_weights = pytest.mark.skipif(not WEIGHTS.is_file(), reason="the weights of the embedded example are not there yet")


@needs_weights
def test_the_example_loads_as_it_is(tmp_path: Path) -> None:
    """Spec, criteria and weights; the spec is right and refers to nothing outside its folder."""
    written = scaffold(tmp_path / "new" / "folder")
    assert [path.name for path in written] == ["spec.yaml", "criteria.yaml", WEIGHTS.name]
    assert all(path.is_file() for path in written)
    assert lint(written[0]) == ()
    spec = load_spec(written[0])
    assert spec.model.weights == written[2]
    assert [file.path for file in spec.criteria] == [written[1]]
    assert spec.unrealisable
    assert spec.certification.reference is not None


def test_the_texts_load(tmp_path: Path) -> None:
    """Wherever the weights come from: rejects a template that no longer fits the spec."""
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "criteria.yaml").write_text(CRITERIA, encoding="utf-8")
    (tmp_path / WEIGHTS.name).touch()
    assert [str(problem) for problem in lint(tmp_path / "spec.yaml")] == []


def test_every_line_of_the_example_is_short_and_explained() -> None:
    """Readable in a terminal; almost half of the lines carry a comment."""
    lines = [line for text in (SPEC, CRITERIA) for line in text.splitlines() if line]
    assert max(map(len, lines)) <= 132
    assert sum("#" in line for line in lines) >= 0.45 * len(lines)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A file that is there stays as it is, and none of the others is written."""
    (tmp_path / "criteria.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"must not hold criteria.yaml yet: name another folder, or delete the file"):
        scaffold(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["criteria.yaml"]
    assert (tmp_path / "criteria.yaml").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written: "):
        scaffold(tmp_path / "file" / "folder")
