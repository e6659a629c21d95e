"""Files that come with odd-assess are found in a wheel and in a checkout."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import odd_assess.shipped as module
from odd_assess.shipped import shipped


def placed(monkeypatch: pytest.MonkeyPatch, package: Path) -> None:
    monkeypatch.setattr(module, "__file__", str(package / "shipped.py"))


def test_both_kinds_are_found_here() -> None:
    """In this checkout or installation."""
    assert isinstance(module, ModuleType)
    assert shipped("acceptance_criteria").name == "acceptance_criteria"
    assert shipped("templates").is_dir()


def test_the_wheel_comes_before_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The package's own data first; the folder beside the package only in a checkout, never some `templates` in site-packages."""
    package = tmp_path / "odd_assess"
    (tmp_path / "templates").mkdir()
    package.mkdir()
    placed(monkeypatch, package)
    with pytest.raises(
        FileNotFoundError, match=r"the folder 'templates' of odd-assess is missing at .*_data/templates: install odd-assess again"
    ):
        shipped("templates")
    (tmp_path / "pyproject.toml").touch()
    assert shipped("templates") == tmp_path / "templates"
    (package / "_data" / "templates").mkdir(parents=True)
    assert shipped("templates") == package / "_data" / "templates"


def test_criteria_that_come_with_odd_assess_are_found_by_a_spec(
    folder: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By their usual name or the bare one; the spec's own folder comes first; where none is meant, those that come along are listed."""
    package = tmp_path / "installed" / "odd_assess"
    data = package / "_data" / "acceptance_criteria"
    data.mkdir(parents=True)
    (data / "gate.yaml").write_text(folder.criteria.read_text(encoding="utf-8"), encoding="utf-8")
    placed(monkeypatch, package)
    from odd_assess.spec import load_spec

    original = folder.spec.read_text(encoding="utf-8")
    for name in ("acceptance_criteria/gate.yaml", "gate.yaml"):
        folder.spec.write_text(original, encoding="utf-8")
        assert load_spec(folder.edit(("[criteria.yaml]", f"[{name}]")).spec).criteria[0].path == data / "gate.yaml"
    folder.edit(("[gate.yaml]", "[acceptance_criteria/gates.yaml]"))
    assert folder.problems() == [
        (
            "spec.yaml:24:12: criteria[0]: must name an existing criteria file, found nothing at acceptance_criteria/gates.yaml; "
            "did you mean 'acceptance_criteria/gate.yaml'?; with odd-assess come acceptance_criteria/gate.yaml"
        )
    ]
    (folder.path / "gate.yaml").write_text(folder.criteria.read_text(encoding="utf-8").replace("mine", "own"), encoding="utf-8")
    folder.spec.write_text(original, encoding="utf-8")
    assert load_spec(folder.edit(("[criteria.yaml]", "[gate.yaml]")).spec).criteria[0].id == "own"
