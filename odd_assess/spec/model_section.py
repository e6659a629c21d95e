"""A file with the section ``model`` of a model that we made, as a spec would hold it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import yaml

from odd_assess.records import ModelDeclaration

SECTION = "model.yaml"


def write_section(folder: Path, section: dict[str, Any]) -> Path:
    """Write the file with the section ``model``, and name it."""
    path = folder / SECTION
    path.write_text(yaml.safe_dump({"model": section}, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
    return path


def section_of(declared: ModelDeclaration, *, seen_from: Path, home: Path | None) -> dict[str, Any]:
    """The section that declares the model as a file in the folder ``seen_from`` must write it, but for the expected accuracy.

    ``home`` is the folder beside whose files the model was declared: a factory in a module there is named by its file.
    """
    section: dict[str, Any] = {}
    if declared.kind in ("onnx", "exported"):
        section[declared.kind] = _relative(Path(declared.reference), seen_from)
    else:
        section["architecture"] = _architecture(declared, seen_from, home)
        if declared.weights is not None:
            section["weights"] = _relative(declared.weights, seen_from)
        if declared.arguments:
            section["arguments"] = dict(declared.arguments)
        if declared.precision is not None:
            section["precision"] = declared.precision
        if declared.compile:
            section["compile"] = True
    if declared.mean is not None and declared.std is not None:
        section["normalise"] = {"mean": list(declared.mean), "std": list(declared.std)}
    return section


def _architecture(declared: ModelDeclaration, seen_from: Path, home: Path | None) -> str:
    if declared.kind == "torchvision":
        return f"torchvision:{declared.reference}"
    place, _, name = declared.reference.rpartition(":")
    if place.endswith(".py"):
        return f"{_relative(Path(place), seen_from)}:{name}"
    module = sys.modules.get(place)
    file = None if module is None else module.__file__
    if home is not None and file is not None and Path(file) == home.absolute() / f"{place}.py":
        return f"{_relative(Path(file), seen_from)}:{name}"
    return declared.reference


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return str(path)
