"""A tiny training on the embedded digits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from odd_assess.spec import load_training
from odd_assess.training_plan import TrainingPlan

FILE = """\
odd_assess_training: 1
id: tiny
title: Tiny
inputs: {dataset: digits, split: test}
model: {architecture: "odd_assess.examples.digits:network", arguments: {widths: [16]}}
noise: {sigma: 0.1}
optimiser: {kind: adamw, rate: 0.01}
epochs: 3
batch_size: 64
seed: 3
validation: {points: 12, n: 60, every: 2, radii: [0.1]}
"""
ODD = """\
odd:
  attributes:
    light: {range: "[50 .. 2000] lux", distribution: loguniform, realise: {transform: low_light}}
    defocus: {range: "[0 .. 0.5] px", realise: {transform: defocus}}
"""

Plans = Callable[..., TrainingPlan]


@pytest.fixture
def plan_of(tmp_path: Path) -> Plans:
    """The plan of the tiny file, with other lines in place of its own or beside them."""

    def made(*lines: str) -> TrainingPlan:
        keys = {line.split(":")[0] for line in lines}
        kept = [line for line in FILE.splitlines() if line.split(":")[0] not in keys]
        path = tmp_path / "train.yaml"
        path.write_text("\n".join([*kept, *lines]) + "\n")
        return load_training(path)

    return made
