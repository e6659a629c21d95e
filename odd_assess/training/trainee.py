"""The network while it is trained: as losses call it, its moving average, and what both are worth to others."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from odd_assess.errors import ModelError
from odd_assess.models import Classifier
from odd_assess.models.classifier import first_line
from odd_assess.records import ModelDeclaration
from odd_assess.training_plan import TrainingPlan


class Trainee(nn.Module):
    """Images (B, C, H, W) in input units -> float32 logits (B, classes): normalised inside, in the precision and memory format of the plan.

    ``average``: the moving average of the weights, None where the plan has none.
    """

    def __init__(self, module: nn.Module, plan: TrainingPlan, device: torch.device) -> None:
        super().__init__()
        self.memory_format = torch.channels_last if plan.channels_last else torch.contiguous_format
        self.module = module.to(device).to(memory_format=self.memory_format)
        self.average = None if plan.ema is None else copy.deepcopy(self.module).requires_grad_(requires_grad=False)
        self.device = device
        self._declared, self._ema = plan.model, plan.ema
        self._half = plan.precision == "bfloat16"
        self._mean, self._std = _per_channel(plan.model.mean or (0.0,), device), _per_channel(plan.model.std or (1.0,), device)

    def forward(self, images: Tensor) -> Tensor:
        """The logits.

        Raises: ModelError where they are not one tensor.
        """
        batch = (images - self._mean) / self._std
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            logits = self.module(batch.contiguous(memory_format=self.memory_format))
        if not isinstance(logits, Tensor):
            raise ModelError(
                f"the model must answer with one tensor of logits in training mode too, found a {type(logits).__name__}; "
                "auxiliary outputs are turned off under model.arguments, such as {aux_logits: false}"
            )
        return logits.float()

    @property
    def result(self) -> nn.Module:
        """The module whose weights are validated and written: the average, where there is one."""
        return self.module if self.average is None else self.average

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Let the average follow the weights after a step, counted from 0: at first faster, so that the first weights are soon forgotten."""
        if self.average is None or self._ema is None:
            return
        decay = min(self._ema, (1 + step) / (10 + step))
        for kept, now in zip(self.average.state_dict().values(), self.module.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(now, 1 - decay)
            else:
                kept.copy_(now)

    def classifier(self) -> Classifier:
        """A copy of the result, as it will be loaded: in evaluation mode, in float32."""
        declared = self._declared
        module = copy.deepcopy(self.result).to(memory_format=torch.contiguous_format)
        return Classifier(module, mean=declared.mean, std=declared.std, device=self.device)

    def check(self, images: Tensor, classes: int) -> None:
        """A first look, on copies: the network answers to these images, in both modes, with logits of so many classes.

        Raises: ModelError where it does not.
        """
        found = self.classifier()(images.to(self.device)).shape[1]
        if found != classes:
            raise ModelError(
                f"the model must have the {classes} classes of the inputs, its logits have {found} columns; "
                f"set the number of classes under model.arguments{_hint(self._declared, classes)}"
            )
        whole = copy.deepcopy(self).train()
        try:
            whole(images.to(self.device))
        except ModelError:
            raise
        except (RuntimeError, ValueError, TypeError) as error:
            raise ModelError(
                f"the model must answer in training mode too, it broke with {type(error).__name__}: {first_line(error)}"
            ) from error


@contextmanager
def exact_kernels(device: torch.device) -> Iterator[None]:
    """Float32 is float32 inside, on a GPU too: validation computes so, and a training shall not change with its first look."""
    if device.type != "cuda":
        yield
        return
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def _hint(declared: ModelDeclaration, classes: int) -> str:
    return f", {{num_classes: {classes}}}" if declared.kind == "torchvision" else ""


def _per_channel(values: Sequence[float], device: torch.device) -> Tensor:
    return torch.tensor(tuple(values), dtype=torch.float32, device=device).view(1, -1, 1, 1)
