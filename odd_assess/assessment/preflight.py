"""What can be found out before draws are spent: are model, data and noise generator fit for the run?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from odd_assess.certify import NoiseSource, self_test
from odd_assess.errors import RunError
from odd_assess.execution import CHUNK, Bench
from odd_assess.inputs import Renderer
from odd_assess.models import check_model
from odd_assess.progress import Progress
from odd_assess.records import Spec

SANITY_IMAGES = 500
"""Base images on which the declared clean accuracy is checked."""


def fly_before(spec: Spec, bench: Bench, tell: Progress) -> dict[str, Any]:
    """Find out before draws are spent whether model, data and noise generator are fit for the run."""
    batch = bench.realiser.realise(bench.points[:CHUNK])
    model = check_model(
        bench.model,
        batch.images,
        batch.labels,
        num_classes=len(bench.source.class_names),
        sigma=spec.certification.sigma,
        seed=spec.sampling.seed,
    )
    if model.advice:
        tell.say(model.advice)
    return {
        "model": {
            "clean_accuracy": model.clean_accuracy,
            "noisy_accuracy": model.noisy_accuracy,
            "points": len(batch.labels),
            "advice": model.advice,
        },
        "noise_self_test": _tested(bench.noise),
        "base_images": expected_accuracy(spec, bench),
    }


def _tested(noise: NoiseSource) -> dict[str, float]:
    try:
        return self_test(noise)
    except ValueError as error:
        raise RunError(str(error)) from error


def expected_accuracy(spec: Spec, bench: Bench) -> dict[str, Any] | None:
    """The model's accuracy on untouched base images, where the spec declares what it must be.

    Raises: RunError when it misses the declared value by more than the tolerance and chance: the preprocessing is likely wrong.
    """
    expected, tolerance = spec.model.expected_clean_accuracy, spec.model.clean_accuracy_tolerance
    if expected is None:
        return None
    images, labels = untouched(bench, seed=spec.sampling.seed)
    sight = check_model(
        bench.model, images, labels, num_classes=len(bench.source.class_names), sigma=spec.certification.sigma, seed=0
    )
    if why := sight.misses(expected=expected, tolerance=tolerance):
        raise RunError(why)
    return {"expected": expected, "tolerance": tolerance, "found": sight.clean_accuracy, "images": len(images)}


def untouched(bench: Bench, *, seed: int) -> tuple[Tensor, Tensor]:
    """Images (B, C, H, W) and labels (B,) before any transform: a random sample of the source, or what a renderer makes of the first points."""
    source = bench.source
    if isinstance(source, Renderer):
        batch = bench.realiser.realise(bench.points[:SANITY_IMAGES])
        return batch.bases, batch.labels
    rows = np.random.Generator(np.random.Philox(key=seed)).permutation(len(source))[:SANITY_IMAGES]
    return torch.stack([source.image(int(row)) for row in rows]), torch.tensor([source.label(int(row)) for row in rows])
