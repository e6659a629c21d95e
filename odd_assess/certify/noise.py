"""Addressed Gaussian noise: the same bits for the same address, whatever the batch, the order, the number of workers or where a run resumed.

Draw j of an input lies in block j // BLOCK of the address (run seed, content key, stage, block). A block is drawn from its beginning, as far as it is
asked for, so that the number of draws asked for never changes their values.

Decision, 2026-11-21: on the CPU the generator is numpy's Philox4x64-10 keyed with 128 bits of SHA-256 of the address. ``torch.Generator`` on the CPU
would be three times as fast, but it keeps only the low 32 bits of its seed (torch 2.15: seeds 5 and 5 + 2**32 give the same draws), so among
a million blocks about 116 pairs would share their noise. On CUDA torch's own Philox takes 64 bits.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BLOCK = 16
"""Draws in one block. Smaller blocks waste fewer draws where a batch or a request cuts one in two, larger ones cost fewer generator set-ups."""

GENERATORS = {
    "cpu": "numpy.random.Philox (Philox4x64-10, 128-bit key = SHA-256 of the address), ziggurat normals in float32",
    "cuda": "torch CUDA Philox4x32-10 (64-bit seed = SHA-256 of the address), Box-Muller normals in float32",
}


def content_key(image: NDArray[np.float32], occurrence: int = 0) -> bytes:
    """The 32-byte key of an input's noise: SHA-256 over its shape, its float32 bytes and ``occurrence``.

    ``occurrence`` tells apart equal inputs that are different trials (the same frame sampled twice), so that their noise is independent.
    """
    digest = hashlib.sha256(f"{image.shape}|{occurrence}|".encode())
    digest.update(np.ascontiguousarray(image, dtype="<f4").tobytes())
    return digest.digest()


class Keys:
    """The noise keys of inputs that come one after another: equal inputs are different trials."""

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def of(self, image: NDArray[np.float32]) -> bytes:
        """The key of the next input."""
        plain = content_key(image)
        occurrence = self._seen[plain]
        self._seen[plain] += 1
        return content_key(image, occurrence) if occurrence else plain


def _address(seed: int, key: bytes, stage: str, block: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}|{stage}|{block}|".encode() + key).digest(), "little")


class NoiseSource:
    """Standard normal noise for inputs of ``shape`` on ``device``, by address. It holds no random state."""

    def __init__(self, shape: tuple[int, ...], *, seed: int, device: torch.device) -> None:
        self.shape = shape
        self.seed = seed
        self.device = device

    @property
    def generator(self) -> str:
        """The name of the generator, for the manifest."""
        return f"{GENERATORS['cuda' if self.device.type == 'cuda' else 'cpu']}; {BLOCK} draws a block"

    def block(self, key: bytes, stage: str, block: int, draws: int = BLOCK) -> Tensor:
        """(draws, *shape) float32 standard normal: the first draws of one address."""
        address = _address(self.seed, key, stage, block)
        if self.device.type == "cuda":  # whole: what a thread of the GPU draws depends on how many are asked for
            generator = torch.Generator(device=self.device).manual_seed(address % 2**63)
            return torch.randn((BLOCK, *self.shape), generator=generator, device=self.device)[:draws]
        bits = np.random.Philox(key=address % 2**128)
        return torch.from_numpy(np.random.Generator(bits).standard_normal((draws, *self.shape), dtype=np.float32)).to(self.device)

    def copies(self, image: Tensor, key: bytes, stage: str, *, first: int, sigma: float, out: Tensor) -> None:
        """Write the noisy copies of one input (C, H, W), from number ``first`` on, to ``out`` (draws, C, H, W). Both lie on the noise's device."""
        done = 0
        while done < len(out):
            block, offset = divmod(first + done, BLOCK)
            end = min(BLOCK, offset + len(out) - done)
            noise = self.block(key, stage, block, end)[offset:]
            torch.add(image, noise, alpha=sigma, out=out[done : done + len(noise)])
            done += len(noise)


def self_test(source: NoiseSource, *, values: int = 2**18) -> dict[str, float]:
    """Measured moments, tails and correlation between addresses of ``values`` draws, as z-scores against the standard normal.

    Each |z| exceeds 6 with probability 2e-9 for a sound generator, so one of the six does in about one run of 80 million.

    Raises: ValueError when one exceeds 6: the generator must not be used to certify.
    """
    per_block = BLOCK * int(np.prod(source.shape))
    blocks = max(2, -(-values // per_block))
    key = hashlib.sha256(b"self-test").digest()
    draws = [source.block(key, "self-test", b).double().flatten().cpu().numpy() for b in range(blocks)]
    z = np.concatenate(draws)
    n = len(z)
    tests: dict[str, Callable[[], float]] = {
        "mean": lambda: z.mean() * np.sqrt(n),
        "variance": lambda: ((z**2).mean() - 1) * np.sqrt(n / 2),
        "skewness": lambda: (z**3).mean() * np.sqrt(n / 15),
        "kurtosis": lambda: ((z**4).mean() - 3) * np.sqrt(n / 96),
        "tail beyond 3": lambda: ((np.abs(z) > 3).mean() - 0.0026997960632601866) * np.sqrt(n / (0.0027 * 0.9973)),
        "correlation of addresses": lambda: (z[:-per_block] * z[per_block:]).mean() * np.sqrt(n - per_block),
    }
    scores = {name: round(float(test()), 3) for name, test in tests.items()}
    if bad := {name: score for name, score in scores.items() if not abs(score) <= 6}:
        raise ValueError(f"the noise generator must pass its self-test (every |z| <= 6), got {bad}: {source.generator}")
    return scores
