"""What a run keeps for modified models to come, and what the certificate of such a model took from there.

Kept answers are compact: nearly all are of one class, so that 1,000 take some 100 bytes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from odd_assess.records import Floats, Ints, Reused, Route
from odd_assess.stats import Terms

Answers = NDArray[np.integer[Any]]
"""The class that was answered to each of a point's first draws (draws,)."""


def packed(answers: Answers) -> bytes:
    """The answers as the file keeps them: 32-bit numbers, compressed."""
    return zlib.compress(answers.astype("<u4").tobytes(), 9)


def unpacked(content: bytes, draws: int) -> Answers:
    """The answers to so many draws, in the smallest numbers that hold them.

    Raises: ValueError where the content holds something else.
    """
    reader = zlib.decompressobj()
    try:
        plain = reader.decompress(content, 4 * draws + 1)
    except zlib.error as error:
        raise ValueError(f"kept answers must be as a run wrote them, found {error}") from error
    if len(plain) != 4 * draws or not reader.eof or reader.unused_data:
        raise ValueError(f"there must be {draws} kept answers of 4 bytes, found {len(plain)} bytes or more")
    answers = np.frombuffer(plain, dtype="<u4")
    return answers.astype(np.min_scalar_type(int(answers.max(initial=0))))


def reused_text(reused: Reused) -> str:
    """What a certificate takes from its baseline, as the file keeps it."""
    return json.dumps(asdict(reused), sort_keys=True, separators=(",", ":"))


@lru_cache(maxsize=2**16)  # several columns ask for the same
def what_was_reused(text: str) -> Reused:
    """What a certificate takes from its baseline, from the text that the file keeps.

    Raises: ValueError, KeyError or TypeError where it is none.
    """
    said = json.loads(text)
    numbers = {name: said[name] for name in ("base_hits", "base_n", "head", "lost", "changed")}
    if said["route"] not in get_args(Route) or any(type(number) is not int or number < 0 for number in numbers.values()):
        raise ValueError(f"what is reused must be a route and whole numbers, found {text}")
    return Reused(route=said["route"], **numbers)


def base_draws(texts: Sequence[str | None]) -> Ints:
    """The draws of the baseline (m,) that certificates rest on; 0 where they rest on none."""
    return np.array([0 if text is None else what_was_reused(text).base_n for text in texts], dtype=np.int64)


def upper_bounds(texts: Sequence[str], terms: Terms, *, hits: Ints, n: Ints) -> Floats:
    """Upper bounds (m,) on the probability of the class that was taken from the baseline; ``hits`` of the ``n`` draws of the modified model answer it.

    Raises: ValueError, KeyError or TypeError where a text says nothing of a baseline, or the counts do not fit it.
    """
    reused = [what_was_reused(text) for text in texts]
    known = {
        name: np.array([getattr(one, name) for one in reused], dtype=np.int64) for name in ("base_hits", "base_n", "head", "lost")
    }
    return terms.upper_bounds(**known, hits=hits, n=n)
