"""Weights rounded to half precision, and weights set to zero."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from odd_assess.errors import ModelError


def rounded(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """``module`` with its floating-point parameters and buffers rounded to ``dtype``. In place.

    Raises: ModelError for weights beyond the range of ``dtype``.
    """
    module = module.to(dtype)
    for name, value in module.state_dict().items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            hint = "; bf16 has a wider range" if dtype == torch.float16 else ""
            raise ModelError(
                f"the weights must lie within the range of {str(dtype).removeprefix('torch.')}, found larger ones in {name}{hint}"
            )
    return module


def pruned(module: nn.Module, amount: float) -> nn.Module:
    """``module`` with the share ``amount`` of the weights of its convolutions and linear layers set to zero: the smallest over all layers. In place.

    Biases and normalisation layers stay. Of equal weights those of earlier layers go first.

    Raises: ModelError without such layers.
    """
    weights = _prunable(module)
    if not weights:
        raise ModelError("a model must have convolutions or linear layers to be pruned, found none")
    magnitudes = torch.cat([weight.detach().abs().float().flatten() for weight in weights])
    kept = torch.ones(len(magnitudes), dtype=torch.bool)
    kept[torch.argsort(magnitudes, stable=True)[: round(amount * len(magnitudes))]] = False
    for weight, mask in zip(weights, torch.split(kept, [weight.numel() for weight in weights]), strict=True):
        weight.data.mul_(mask.reshape(weight.shape))
    return module


def _prunable(module: nn.Module) -> list[Tensor]:
    """The weights of all convolutions and linear layers, each once, also where two layers share one."""
    layers = (nn.modules.conv._ConvNd, nn.Linear)  # noqa: SLF001 - torch's name for every kind of convolution
    found = {id(part.weight): part.weight for part in module.modules() if isinstance(part, layers)}
    return [weight for weight in found.values() if isinstance(weight, Tensor)]
