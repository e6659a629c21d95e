"""A small valid spec, and a way to change it and read the problems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from odd_assess.spec import lint

SPEC = """\
odd_assess: 1
id: reader
title: Reader
odd:
  attributes:
    light:
      range: "[20 .. 2000] lux"
      distribution: loguniform
      buckets: [20, 100, 2000]
      realise: {transform: low_light}
    surface: {values: {clean: 0.8, stained: 0.2}, realise: {transform: stain}}
    temperature: {range: "[-10 .. 40] C", unrealisable: no transform models it}
  exclude:
    - {surface: stained, light: "< 50 lux"}
sampling: {design: random, points: 300, seed: 1}
inputs: {dataset: digits}
model:
  architecture: some_package.networks:network
certification:
  sigma: 0.25
  alpha: 0.001
  budget: {kind: reduced, n0: 100, n: 1000}
  reference: {n: 10000, points: 20}
criteria: [criteria.yaml]
"""

CRITERIA = """\
odd_assess_criteria: 1
id: mine
criteria:
  - id: CA
    metric: certified_accuracy
    radius: 0.25
    require: ">= 0.80"
    confidence: 0.95
  - {id: COV, metric: pairwise_coverage, require: ">= 95 %", severity: warning}
"""

Edit = tuple[str, str]


class Folder:
    """A folder with a spec and its criteria file, both valid until they are edited."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = path / "spec.yaml"
        self.criteria = path / "criteria.yaml"
        self.spec.write_text(SPEC, encoding="utf-8")
        self.criteria.write_text(CRITERIA, encoding="utf-8")

    def edit(self, *edits: Edit, file: str = "spec.yaml") -> Folder:
        """Replace texts that must occur."""
        path = self.path / file
        text = path.read_text(encoding="utf-8")
        for old, new in edits:
            assert old in text, old
            text = text.replace(old, new, 1)
        path.write_text(text, encoding="utf-8")
        return self

    def problems(self, file: str = "spec.yaml") -> list[str]:
        """What lint says, without the folder's own path."""
        return [str(problem).replace(f"{self.path}/", "") for problem in lint(self.path / file)]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def problems(folder: Folder) -> Callable[..., list[str]]:
    """The problems of the spec after some edits."""
    return lambda *edits: folder.edit(*edits).problems()
