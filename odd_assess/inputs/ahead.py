"""Inputs made ahead of need, in a thread beside the one that certifies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def ahead(items: Iterable[Item], make: Callable[[Item], Made], *, depth: int = 2) -> Iterator[Made]:
    """``make(item)`` for every item, in order, made by one other thread, at most ``depth`` of them before they are asked for.

    Raises: what ``make`` raises, when its turn comes.
    """
    pool = ThreadPoolExecutor(1, "ahead")
    waiting: deque[Future[Made]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
