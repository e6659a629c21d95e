"""Noisy copies of a batch, and what a network says to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Network = Callable[[Tensor], Tensor]
"""Images (B, C, H, W) in input units -> logits (B, classes) that gradients flow through."""


def standard_noise(images: Tensor, draws: int, generator: torch.Generator) -> Tensor:
    """Standard normal noise (B, draws, C, H, W) for images (B, C, H, W), drawn where the generator lives: a seed there gives the same on any device."""
    shape = (len(images), draws, *images.shape[1:])
    return torch.randn(shape, generator=generator, device=generator.device, dtype=images.dtype).to(images.device)


def scaled(noise: Tensor, sigma: Tensor) -> Tensor:
    """Noise (B, draws, C, H, W) of each example's level (B,)."""
    return sigma.to(noise).view(-1, *[1] * (noise.ndim - 1)) * noise


def logits_of_copies(f: Network, images: Tensor, noise: Tensor) -> Tensor:
    """Logits (B, draws, classes) of images (B, C, H, W) plus each of their noises (B, draws, C, H, W); float32 at least. The copies are not clipped.

    Raises: ValueError where the network answers in another shape.
    """
    logits = f((images[:, None] + noise).flatten(0, 1))
    count = noise.shape[0] * noise.shape[1]
    if logits.ndim != 2 or len(logits) != count or logits.shape[1] < 2:
        raise ValueError(f"the network must answer with logits ({count}, classes >= 2), got {tuple(logits.shape)}")
    return logits.to(torch.promote_types(logits.dtype, torch.float32)).view(*noise.shape[:2], -1)


@contextmanager
def evaluated(f: Network) -> Iterator[None]:
    """``f`` in evaluation mode, where it is a module; its parts are as they were after it. A function around a module hides it from this: hand in the module.

    Looking for an adversarial example or a noise level must not move the statistics of batch normalisation, nor meet dropout.
    """
    training = [part for part in f.modules() if part.training] if isinstance(f, nn.Module) else []
    try:
        for part in training:
            part.training = False
        yield
    finally:
        for part in training:
            part.training = True
