"""What became of a model: of its weights, and of its answers to real inputs, clean and in noise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from odd_assess.models.classifier import Classifier
from odd_assess.models.diagnosis import generator_of, logits_of, noisy
from odd_assess.models.int8 import Int8Layer

COPIES = 5
"""Noisy copies of each image on which the answers of both models are compared."""

_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightChange:
    """``changed`` of ``weights`` weights are others than before, the furthest by ``largest``; ``zeros`` are zero now.

    ``int8_layers``: how many of each kind compute in integers; ``float_layers``: convolutions and linear layers that do not.
    """

    weights: int
    changed: int
    zeros: int
    largest: float
    int8_layers: Mapping[str, int]
    float_layers: int

    @property
    def share(self) -> float:
        """The share of weights that changed."""
        return self.changed / self.weights if self.weights else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerChange:
    """Both models on the same ``images`` images and ``copies`` noisy copies of them: shares of other answers, largest change of a logit, accuracies."""

    images: int
    copies: int
    sigma: float
    clean_changed: float
    noisy_changed: float
    clean_logit_change: float
    noisy_logit_change: float
    clean_accuracy: tuple[float, float]
    noisy_accuracy: tuple[float, float]

    @property
    def differs(self) -> bool:
        """Whether some logit of a clean image, and some logit of a noisy one, is another."""
        return self.clean_logit_change > 0 and self.noisy_logit_change > 0


def weight_change(before: nn.Module, after: nn.Module) -> WeightChange:
    """What became of the floating-point weights (parameters and buffers) of ``before``; integers count as what they stand for."""
    new = float_state(after)
    pairs = [(old.cpu(), new[name].cpu()) for name, old in before.state_dict().items() if name in new and old.is_floating_point()]
    return compared(
        pairs,
        Counter(type(part).__name__.removeprefix("Int8") for part in after.modules() if isinstance(part, Int8Layer)),
        _float_layers(after),
    )


def compared(pairs: list[tuple[Tensor, Tensor]], int8_layers: Mapping[str, int], float_layers: int) -> WeightChange:
    """The change from the first of each pair of tensors to the second."""
    differences = [(new.double() - old.double()).abs() for old, new in pairs]
    return WeightChange(
        weights=sum(old.numel() for old, _ in pairs),
        changed=sum(int((difference > 0).sum()) for difference in differences),
        zeros=sum(int((new == 0).sum()) for _, new in pairs),
        largest=max((float(difference.max()) for difference in differences if difference.numel()), default=0.0),
        int8_layers=dict(sorted(int8_layers.items())),
        float_layers=float_layers,
    )


def float_state(module: nn.Module) -> dict[str, Tensor]:
    """The floating-point state of a module, by name, the weights of integer layers as the numbers that they stand for."""
    state: dict[str, Tensor] = {name: value for name, value in module.state_dict().items() if value.is_floating_point()}
    integers = {name: part for name, part in module.named_modules(remove_duplicate=False) if isinstance(part, Int8Layer)}
    return state | {f"{name}.weight".lstrip("."): layer.float_weight for name, layer in integers.items()}


def _float_layers(module: nn.Module) -> int:
    layers = (nn.modules.conv._ConvNd, nn.Linear)  # noqa: SLF001 - torch's name for every kind of convolution
    return sum(isinstance(part, layers) for part in module.modules())


def answer_change(
    before: Classifier, after: Classifier, images: Tensor, labels: Tensor, *, sigma: float, seed: int
) -> AnswerChange:
    """Both models asked about ``images`` (N, C, H, W) with ``labels`` (N,), clean and under the same noise of std ``sigma``. Estimates on a sample."""
    clean = _told_apart(before, after, images, labels, sigma=0.0, copies=1, seed=seed)
    under = _told_apart(before, after, images, labels, sigma=sigma, copies=COPIES, seed=seed)
    return AnswerChange(
        images=len(images),
        copies=COPIES * len(images),
        sigma=sigma,
        clean_changed=clean["changed"],
        noisy_changed=under["changed"],
        clean_logit_change=clean["logit"],
        noisy_logit_change=under["logit"],
        clean_accuracy=(clean["before"], clean["after"]),
        noisy_accuracy=(under["before"], under["after"]),
    )


def _told_apart(
    before: Classifier, after: Classifier, images: Tensor, labels: Tensor, *, sigma: float, copies: int, seed: int
) -> dict[str, Any]:
    generator, found = generator_of(seed), Counter[str]()
    largest = 0.0
    for rows in torch.split(torch.arange(len(images)).repeat(copies), _BATCH):
        batch = noisy(images[rows], sigma, generator)
        old, new = logits_of(before, batch).cpu(), logits_of(after, batch).cpu()
        largest = max(largest, float((new - old).abs().max()))
        truth, was, now = labels[rows].cpu(), old.argmax(dim=1), new.argmax(dim=1)
        found.update(changed=int((was != now).sum()), before=int((was == truth).sum()), after=int((now == truth).sum()))
    shares = {name: found[name] / (copies * len(images)) for name in ("changed", "before", "after")}
    return {**shares, "logit": largest}
