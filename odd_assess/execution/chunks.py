"""Points in chunks for several workers, and again where a worker is lost.

Large chunks come first, smaller ones towards the end, so that all workers end together (guided self-scheduling, Polychronopoulos and Kuck 1987).
A point that ends its worker is found by cutting: what was unfinished is cut into smaller chunks, then into single points, and the point that was alone
with the third worker that ended is the culprit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from odd_assess.errors import RunError
from odd_assess.records import OddPoint

ROUNDS = 4
"""Chunks that each worker would take if all were as large as the first: a worker that is four times as slow as the others still ends with them."""
PIECES = 8
"""Into how many chunks the unfinished points are cut of a chunk whose worker ended."""
ENDED = 3
"""Workers that end with the same point until the run is given up."""


@dataclass(slots=True, kw_only=True, eq=False)
class Chunk:
    """Points for one worker, those that it has not certified yet, and how many workers ended with them."""

    points: tuple[OddPoint, ...]
    ended: int = 0
    missing: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self.missing = {point.index for point in self.points}


class Chunks:
    """The points of one piece of work that no worker has yet. A chunk has ``least`` points, unless fewer are left or each worker's share is smaller."""

    def __init__(self, points: Sequence[OddPoint], *, least: int) -> None:
        self._all = len(points)
        self._least = least
        self._fresh = deque(points)
        self._returned: deque[Chunk] = deque()
        self.missing = {point.index for point in points}

    def take(self, *, workers: int) -> Chunk | None:
        """The next chunk for one of so many workers, None when all points are handed out."""
        if self._returned:
            return self._returned.popleft()
        if not self._fresh:
            return None
        least = min(self._least, -(-self._all // workers))
        size = min(len(self._fresh), max(least, -(-len(self._fresh) // (ROUNDS * workers))))
        return Chunk(points=tuple(self._fresh.popleft() for _ in range(size)))

    def certified(self, chunk: Chunk, index: int) -> bool:
        """Note that a point of a chunk is certified; False when it was known already."""
        chunk.missing.discard(index)
        if index not in self.missing:
            return False
        self.missing.discard(index)
        return True

    def give_back(self, chunks: Iterable[Chunk]) -> int:
        """Hand the unfinished points of a worker that ended out again, and say how many it had begun: its chunks come in its order.

        Raises: RunError when one point alone has ended its third worker.
        """
        left = [chunk for chunk in chunks if chunk.missing]
        if not left:
            return 0
        begun, *queued = left
        again = [point for point in begun.points if point.index in begun.missing]
        ended = begun.ended + 1
        if ended >= ENDED:
            raise RunError(
                f"point {again[0].index} has ended {ended} workers, the last one alone: the model or the data at this point must not end the process. "
                "What is certified is kept; mend the cause and go on with --resume"
            )
        size = 1 if ended == ENDED - 1 else -(-len(again) // PIECES)
        pieces = [Chunk(points=tuple(again[i : i + size]), ended=ended) for i in range(0, len(again), size)]
        self._returned.extendleft(reversed([*pieces, *queued]))
        return len(again)
