"""Certify a list of inputs: the certifier without a spec, a domain or a run folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from odd_assess.certify.engine import BaseClassifier, Engine, Subject, default_batch_size
from odd_assess.certify.noise import content_key
from odd_assess.certify.plans import Plan
from odd_assess.certify.procedures import procedure
from odd_assess.records import Certificate


def certify(
    f: BaseClassifier,
    inputs: Tensor,
    plan: Plan,
    *,
    seed: int,
    device: torch.device | str | None = None,
    batch_size: int | None = None,
) -> list[Certificate]:
    """Certificates of the smoothed classifier g(x) = argmax_c P(f(x + e) = c), e ~ N(0, sigma^2 I), one an input, in their order.

    Each is false with probability at most ``plan.alpha``: the radius is an L2 distance in input units, around that input.

    ``f`` takes (B, C, H, W) float32 and returns logits (B, num_classes), or labels (B,) with an attribute ``num_classes``. A module must be in evaluation
    mode. ``inputs`` is (N, C, H, W) float32 in input units; the noise is added to it as it is, neither clipped nor normalised. The same
    (seed, input, plan) gives the same noise in any batch, order and process on one kind of device. Equal inputs count as separate trials.

    Raises: ValueError for inputs that are not finite float32 (N, ...), a module in training mode, or a model that answers in a wrong shape.
    Source: Cohen, Rosenfeld, Kolter, ICML 2019.
    """
    if not isinstance(inputs, Tensor) or inputs.ndim < 2 or inputs.dtype != torch.float32:
        raise ValueError(
            f"inputs must be a float32 tensor (N, C, H, W), got {getattr(inputs, 'dtype', type(inputs).__name__)} {tuple(getattr(inputs, 'shape', ()))}"
        )
    if not bool(torch.isfinite(inputs).all()):
        raise ValueError("inputs must be finite, got NaN or infinity")
    if isinstance(f, torch.nn.Module) and any(module.training for module in f.modules()):
        raise ValueError(
            "the model must be in evaluation mode: call .eval() on it first (dropout and batch statistics would make certificates void)"
        )
    where = pick_device(device)
    size = batch_size or default_batch_size(tuple(inputs.shape[1:]), where)
    engine = Engine(f, seed=seed, device=where, batch_size=size)
    found = dict(engine.run(_subjects(inputs, plan)))
    return [found[i] for i in range(len(inputs))]


def pick_device(device: torch.device | str | None) -> torch.device:
    """The device that was asked for, else the first GPU, else the CPU."""
    return torch.device(device) if device is not None else torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _subjects(inputs: Tensor, plan: Plan) -> Iterator[Subject]:
    seen: Counter[bytes] = Counter()
    for position, image in enumerate(inputs):
        pixels: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = image.detach().cpu().numpy()
        plain = content_key(pixels)
        yield Subject(position=position, key=content_key(pixels, seen[plain]), image=image.detach(), procedure=procedure(plan))
        seen[plain] += 1
