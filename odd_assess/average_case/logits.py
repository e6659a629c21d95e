"""The model as a function to logits: what is asked of it, and one clear error where it does not give that."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from odd_assess.errors import DataError, ModelError

Logits = Callable[[Tensor], Tensor]
"""(B, C, H, W) or (B, D) float32 in input units -> logits (B, classes >= 2); gradients flow through it, and each answer depends on its own input alone."""


def check_inputs(logits_fn: Logits, inputs: Tensor) -> None:
    """The inputs are a finite float32 tensor (N, ...), and a module is in evaluation mode.

    Raises: DataError, ModelError.
    """
    if not isinstance(inputs, Tensor) or inputs.dtype != torch.float32 or inputs.ndim < 2:
        found = f"{inputs.dtype} {tuple(inputs.shape)}" if isinstance(inputs, Tensor) else type(inputs).__name__
        raise DataError(f"inputs must be a float32 tensor (N, C, H, W) or (N, D), found {found}")
    if bad := int((~torch.isfinite(inputs.flatten(1)).all(dim=1)).sum()):
        raise DataError(f"inputs must be finite, found NaN or infinity in {bad} of {len(inputs)}")
    if not callable(logits_fn):
        raise ModelError(f"the model must be callable, found {type(logits_fn).__name__}")
    if isinstance(logits_fn, torch.nn.Module) and any(module.training for module in logits_fn.modules()):
        raise ModelError("the model must be in evaluation mode: call .eval() on it first")


def ask(logits_fn: Logits, batch: Tensor) -> Tensor:
    """The logits (B, classes) of a batch.

    Raises: ModelError for an answer that is not finite logits of at least two classes, one row an input.
    """
    answer = logits_fn(batch)
    if not isinstance(answer, Tensor):
        raise ModelError(f"the model must answer with one tensor of logits, found {type(answer).__name__}")
    if answer.ndim != 2 or len(answer) != len(batch) or answer.shape[1] < 2 or not answer.is_floating_point():
        raise ModelError(
            f"the model must answer with logits ({len(batch)}, classes >= 2), found {tuple(answer.shape)} {answer.dtype}; labels alone have no margins"
        )
    if not bool(torch.isfinite(answer).all()):
        raise ModelError(f"the model's logits must be finite, found NaN or infinity in a batch of {len(batch)}")
    return answer


def clean_logits(logits_fn: Logits, inputs: Tensor, *, batch_size: int) -> NDArray[np.float64]:
    """The logits (N, classes) of the inputs (N, ...), at least one of them, as they are.

    Raises: ModelError.
    """
    with torch.inference_mode():
        return np.concatenate([ask(logits_fn, called(part)).double().cpu().numpy() for part in torch.split(inputs, batch_size)])


def called(batch: Tensor) -> Tensor:
    """The batch in the memory format of colour images: on a CPU, gradients of convolutions then take about three quarters of the time."""
    return batch.contiguous(memory_format=torch.channels_last) if batch.ndim == 4 and batch.shape[1] >= 3 else batch


def check_differentiable(logits_fn: Logits, image: Tensor) -> None:
    """Gradients of the logits reach an input (C, H, W) or (D,). That they are not zero is not asked: see the mask of dead gradients.

    Raises: ModelError.
    """
    wrong = "the model must be differentiable for the estimators that linearise it, found {}; use method='mc' or 'softmax', or give the network itself"
    with torch.inference_mode(mode=False), torch.enable_grad():
        leaf = called(image[None].clone()).requires_grad_()
        try:
            answer = ask(logits_fn, leaf)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise ModelError(wrong.format(f"that it cannot be called with an input that needs gradients ({error})")) from error
        if not answer.requires_grad or torch.autograd.grad(answer.sum(), leaf, allow_unused=True)[0] is None:
            raise ModelError(wrong.format("that no gradient of its logits reaches the input"))
