"""What makes a training this one: what must be the same for an interrupted one to go on, and what is told besides."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch
from torch import nn

from odd_assess.errors import RunFolderError
from odd_assess.evidence.manifest import differences
from odd_assess.models.digest import state_digest
from odd_assess.training.checkpoint import Snapshot, TrainingFolder
from odd_assess.training.data import Examples
from odd_assess.training_plan import TrainingPlan

FORMAT = 1
"""Of the state that is kept."""
_FACTS = {"identity", "epochs", "loss", "last", "best", "threads"}


def identity_of(
    plan: TrainingPlan,
    examples: Examples,
    held_out: Examples | None,
    module: nn.Module,
    described: Mapping[str, Any],
    device: torch.device,
) -> dict[str, Any]:
    """The settings of the plan, and digests of the data, the first weights and the factory's code; keys as in the file.

    ``module`` holds the first weights, ``described`` says where it comes from.
    """
    settings = dict(plan.settings)
    return {
        **settings,
        "model": {**settings["model"], "first_weights": state_digest(module), "code": described.get("source_digest", "")},
        "data": examples.digest,
        "validation_data": None if held_out is None else held_out.digest,
        "device": device.type,
        "odd_assess": version("odd-assess"),
    }


def same_training(folder: TrainingFolder, identity: Mapping[str, Any]) -> Snapshot:
    """The last state in a folder, where it is that of the training that ``identity`` describes.

    Raises: RunFolderError that names every setting that differs, or says that the state is damaged.
    """
    before = folder.last()
    if before.facts.get("odd_assess_training") != FORMAT or not set(before.facts) >= _FACTS:
        raise RunFolderError(
            f"{folder.path}: must hold a training of this odd-assess, found another format; begin again in another --out"
        )
    if changed := differences(before.facts["identity"], identity):
        listed = "\n".join(f"  {line}" for line in changed)
        raise RunFolderError(
            f"{folder.path}: a resumed training must be the same training, but these differ:\n{listed}\nGive another --out to begin a new one"
        )
    return before
