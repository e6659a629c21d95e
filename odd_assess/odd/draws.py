"""Addressed randomness: the uniforms of row i depend on (seed, purpose, i), never on how many rows are drawn or in what order.

Philox is a counter-based generator (Salmon et al., SC 2011): the key comes from seed and purpose by SHA-256, and row i owns the counters from
i * width / 4 on. So drawing all rows at once is only the fast way of drawing each at its address.
"""

from __future__ import annotations

from hashlib import sha256

import numpy as np

from odd_assess.odd.levels import Floats

_DOUBLES_PER_COUNTER = 4


def entropy(seed: int, purpose: str) -> int:
    """A 128-bit number for (seed, purpose): the seed of everything that is drawn for this purpose.

    Raises: ValueError unless seed >= 0.
    Source: SHA-256, first 16 bytes.
    """
    if seed < 0:
        raise ValueError(f"seed must be a whole number >= 0, got {seed!r}")
    return int.from_bytes(sha256(f"{seed}/{purpose}".encode()).digest()[:16], "little")


def uniforms(seed: int, purpose: str, rows: int, width: int) -> Floats:
    """Independent uniforms in [0, 1), (rows, width). Row i is the same for every number of rows.

    Raises: ValueError unless seed >= 0.
    Source: Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
    """
    padded = -(-width // _DOUBLES_PER_COUNTER) * _DOUBLES_PER_COUNTER
    philox = np.random.Philox(key=entropy(seed, purpose))
    return np.random.Generator(philox).random((rows, padded))[:, :width]
