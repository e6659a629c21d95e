"""Addressed randomness: every random number is a function of where it is used, never of when.

An address is 128 bits of sha256 over its parts (run seed, index of the point, purpose). It keys a Philox generator, whose raw stream numpy
keeps compatible for ever; uniforms and normals are made from the raw words here, because numpy's own samplers may change between releases.
torch.Generator is not used: on the CPU it keeps only the low 32 bits of its seed. Every stream is consumed in order, so the first k numbers
are the same however many are drawn.
"""

from __future__ import annotations

import json
from hashlib import sha256
from math import prod

import numpy as np
from numpy.typing import NDArray
from scipy import special


def address(*parts: int | str) -> int:
    """A 128-bit key that depends on all parts and their order.

    Source: the first 16 bytes of sha256 over the parts as a JSON list.

    >>> address(1, 2, "base") == address(1, 2, "base") != address(12, "base")
    True
    """
    text = json.dumps(parts, separators=(",", ":"))
    return int.from_bytes(sha256(text.encode()).digest()[:16], "big")


def uniforms(key: int, purpose: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Independent uniform numbers strictly inside (0, 1), a function of (key, purpose) and their position.

    Source: Salmon et al. 2011 (Philox); the upper 52 bits of each raw word, centred.
    """
    words = np.random.Philox(key=address(key, purpose)).random_raw(prod(shape))
    return ((words >> np.uint64(12)).astype(np.float64) + 0.5).reshape(shape) * 2.0**-52


def normals(key: int, purpose: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Independent standard normal numbers, by inversion of ``uniforms``."""
    return np.asarray(special.ndtri(uniforms(key, purpose, shape)), dtype=np.float64)


def below(key: int, purpose: str, count: int) -> int:
    """A uniform whole number in [0, count); the bias is under count / 2^52.

    Raises: ValueError unless count >= 1.
    """
    if count < 1:
        raise ValueError(f"count must be >= 1, got {count}")
    return int(uniforms(key, purpose, (1,))[0] * count)
