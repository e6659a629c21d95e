"""The array types of the statistics, and the rule "scalars in, float out; arrays in, array out"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Many = NDArray[Any] | Sequence[float]
FloatsLike = float | Many
IntsLike = int | Many


def scalar_if_single(values: Floats) -> float | Floats:
    """A Python float for a zero-dimensional array, else the array."""
    return float(values) if values.ndim == 0 else values
