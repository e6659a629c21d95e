"""What a model answers to a batch, as class labels: checked on its device, brought home in one transfer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BaseClassifier = Callable[[Tensor], Tensor]
"""The model under test: (B, C, H, W) float32 in input units -> logits (B, num_classes), or labels (B,) with an attribute ``num_classes``."""

TIE = {torch.float32: 2.0**-16, torch.float64: 2.0**-16, torch.float16: 2.0**-9, torch.bfloat16: 2.0**-6}
"""Two top logits tie within rounding when they differ by at most this part of the largest logit, by the precision that the model computes in.

Measured, float32: the logits of a residual network moved by up to 6e-7 of the largest with batch size, memory format and number of threads. 1.5e-5 leaves
room for networks of a hundred layers. Half precisions: the same number of units in the last place of theirs, rounded down to what they resolve."""


NOT_FINITE = -1
"""The code of an input whose logits hold NaN or infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The labels (B,) that the model answered, which of them rounding decides (B,), and the number of its classes."""

    labels: NDArray[np.int64]
    ties: NDArray[np.bool_]
    num_classes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """Answers still on the model's device: 2 label + tie for each input, ``NOT_FINITE`` where the logits were not finite."""

    codes: Tensor
    num_classes: int

    def answers(self, codes: Tensor | None = None) -> Answers:
        """The answers, from these codes or from their copy on the CPU.

        Raises: ValueError where logits were not finite or a label is none of the classes.
        """
        numbers = (self.codes if codes is None else codes).cpu().numpy().astype(np.int64)
        if bad := int((numbers == NOT_FINITE).sum()):
            raise ValueError(f"the model's logits must be finite, got NaN or infinity for {bad} of {len(numbers)} noisy inputs")
        labels = numbers >> 1
        if labels.min() < 0 or labels.max() >= self.num_classes:
            raise ValueError(f"the model's labels must lie in [0, {self.num_classes}), got {labels.min()} to {labels.max()}")
        return Answers(labels=labels, ties=(numbers & 1).astype(np.bool_), num_classes=self.num_classes)


def ask(f: BaseClassifier, batch: Tensor) -> Coded:
    """What the model answers to a batch, without waiting for a GPU.

    Raises: ValueError for an answer that is neither logits (B, num_classes >= 2) nor integer labels (B,) with the attribute ``num_classes`` of f.
    """
    with torch.inference_mode():
        answer = f(batch)
        if not isinstance(answer, Tensor):
            raise ValueError(f"the model must answer with one tensor, got {type(answer).__name__}")  # noqa: TRY004 - a bad value, not a bad call
        if answer.ndim == 2 and len(answer) == len(batch) and answer.shape[1] >= 2 and answer.is_floating_point():
            return Coded(codes=_codes(answer, getattr(f, "precision", answer.dtype)), num_classes=answer.shape[1])
        classes = int(getattr(f, "num_classes", 0))
        if answer.shape == (len(batch),) and not answer.is_floating_point() and classes >= 2:
            return Coded(codes=answer.to(torch.int64) * 2, num_classes=classes)
    raise ValueError(
        f"the model must answer with logits ({len(batch)}, num_classes >= 2), or with integer labels ({len(batch)},) and an attribute num_classes, "
        f"got {tuple(answer.shape)} {answer.dtype}"
    )


def _codes(logits: Tensor, precision: torch.dtype) -> Tensor:
    top = logits.topk(2, dim=1).values
    scale = logits.abs().amax(dim=1)
    tie = (top[:, 0] - top[:, 1]).float() <= scale.float() * TIE.get(precision, 0.0)
    codes = logits.argmax(dim=1) * 2 + tie
    return torch.where(torch.isfinite(scale), codes, NOT_FINITE)
