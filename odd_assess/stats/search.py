"""Searching whole numbers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable


def smallest(enough: Callable[[int], bool], *, most: int) -> int | None:
    """The smallest whole number in [1, most] that is enough; None where ``most`` is not. What is enough must stay enough for larger numbers.

    Raises: ValueError unless most >= 1.

    >>> smallest(lambda n: n * n >= 50, most=1000), smallest(lambda n: n * n >= 50, most=7)
    (8, None)
    """
    if most < 1:
        raise ValueError(f"most must be at least 1, got {most}")
    high = 1
    while not enough(high):
        if high == most:
            return None
        high = min(2 * high, most)
    low = high // 2
    return low + 1 + bisect_left(range(low + 1, high), True, key=enough)
