"""What can be found out before draws are spent: are model, data and noise generator fit for the run?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from odd_assess.certify import NoiseSource, self_test
from odd_assess.errors import ModelError, RunError
from odd_assess.execution import CHUNK, Bench
from odd_assess.inputs import Renderer
from odd_assess.models import check_model
from odd_assess.models.classifier import first_line
from odd_assess.policies import Cascade, DataDependent, MultiStart, PerCell
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
        sigma=_expected_sigma(spec),
        seed=spec.sampling.seed,
    )
    _check_gradients(spec, bench, batch.images)
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
    sight = check_model(bench.model, images, labels, num_classes=len(bench.source.class_names), sigma=_expected_sigma(spec), seed=0)
    if why := sight.misses(expected=expected, tolerance=tolerance):
        raise RunError(why)
    return {"expected": expected, "tolerance": tolerance, "found": sight.clean_accuracy, "images": len(images)}


def _expected_sigma(spec: Spec) -> float:
    """The noise level that the model must live in: where a policy chooses, the one that it begins with, or the smallest of several."""
    match spec.certification.policy:
        case PerCell(grid=levels) | Cascade(sigmas=levels):
            return min(levels)
        case MultiStart(decides=level):
            return level
        case DataDependent(start=level):
            return level
        case _:
            return spec.certification.sigma


def _check_gradients(spec: Spec, bench: Bench, images: Tensor) -> None:
    """The model has gradients, where levels are chosen by them.

    Raises: ModelError where it has none.
    """
    policy = spec.certification.policy
    if not isinstance(policy, DataDependent) and not (isinstance(policy, MultiStart) and policy.method == "gradient"):
        return
    noisy = images[:1].to(bench.device).requires_grad_()
    try:
        torch.autograd.grad(bench.model(noisy).float().sum(), noisy)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"the model must have gradients with respect to its input where sigma is chosen by them, it broke with {type(error).__name__}: "
            f"{first_line(error)}; use policy multi_start with method bisection"
        ) from error


def untouched(bench: Bench, *, seed: int) -> tuple[Tensor, Tensor]:
    """Images (B, C, H, W) and labels (B,) before any transform: a random sample of the source, or what a renderer makes of the first points."""
    source = bench.source
    if isinstance(source, Renderer):
        batch = bench.realiser.realise(bench.points[:SANITY_IMAGES])
        return batch.bases, batch.labels
    rows = np.random.Generator(np.random.Philox(key=seed)).permutation(len(source))[:SANITY_IMAGES]
    return torch.stack([source.image(int(row)) for row in rows]), torch.tensor([source.label(int(row)) for row in rows])
