"""Noise for one input by address: seed, stage, content of the input. The same on every device, in any batch and order; equal inputs get equal noise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def noise_key(image: Tensor, *, seed: int, stage: str) -> int:
    """The 128-bit key of an input's noise: SHA-256 over seed, stage, shape and float32 bytes."""
    values = image.detach().cpu().contiguous().numpy()
    digest = hashlib.sha256(f"average-case|{seed}|{stage}|{values.shape}|".encode())
    digest.update(values.astype("<f4", copy=False).tobytes())
    return int.from_bytes(digest.digest()[:16], "little")


def noisy_copies(
    image: Tensor, *, sigma: float, samples: int, seed: int, stage: str, at_once: int, antithetic: bool = False
) -> Iterator[Tensor]:
    """``samples`` copies of an input plus N(0, sigma^2 I), in pieces (at most at_once, *shape): what is drawn does not depend on ``at_once``.

    ``antithetic``: every second copy has the noise of the one before with the other sign.
    """
    generator = np.random.Generator(np.random.Philox(key=noise_key(image, seed=seed, stage=stage)))
    pairs = _pairs(generator, tuple(image.shape))
    for start in range(0, samples, at_once):
        count = min(at_once, samples - start)
        noise = (
            np.stack(list(islice(pairs, count)))
            if antithetic
            else generator.standard_normal((count, *image.shape), dtype=np.float32)
        )
        yield torch.add(image, torch.from_numpy(noise).to(image.device), alpha=sigma)


def _pairs(generator: np.random.Generator, shape: tuple[int, ...]) -> Iterator[NDArray[np.float32]]:
    while True:
        noise = generator.standard_normal(shape, dtype=np.float32)
        yield noise
        yield -noise


def group_size(batch_size: int, samples: int) -> int:
    """How many inputs share a call of the model when each has so many copies."""
    return max(1, batch_size // max(1, samples))


def pieces_of(
    inputs: Tensor, *, sigma: float, samples: int, seed: int, stage: str, at_once: int, antithetic: bool = False
) -> Iterator[Tensor]:
    """Noisy copies (inputs, copies, *shape) of a group of inputs: one piece, or several where a single input has more copies than ``at_once``.

    ``samples`` 0: the inputs themselves, without noise.
    """
    if not samples:
        yield inputs[:, None]
        return
    each = [
        noisy_copies(image, sigma=sigma, samples=samples, seed=seed, stage=stage, at_once=at_once, antithetic=antithetic)
        for image in inputs
    ]
    for parts in zip(*each, strict=True):
        yield torch.stack(parts)
