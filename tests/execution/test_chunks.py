"""Chunks: every point once, sizes that let all workers end together, and what becomes of a lost worker's points."""

import pytest

from odd_assess.errors import RunError
from odd_assess.execution.chunks import Chunk, Chunks
from odd_assess.records import OddPoint


def points(count: int) -> list[OddPoint]:
    return [OddPoint(index=i, values={}, cell=0) for i in range(count)]


def all_of(chunks: Chunks, *, workers: int) -> list[Chunk]:
    return list(iter(lambda: chunks.take(workers=workers), None))


@pytest.mark.parametrize(("count", "workers", "least"), [(1, 3, 10), (10, 3, 100), (300, 2, 30), (1000, 8, 4), (57, 1, 7)])
def test_every_point_is_handed_out_once(count: int, workers: int, least: int) -> None:
    """In order, in chunks that shrink, none below the least size but the last, and enough of them for all workers."""
    taken = all_of(Chunks(points(count), least=least), workers=workers)
    assert [point.index for chunk in taken for point in chunk.points] == list(range(count))
    sizes = [len(chunk.points) for chunk in taken]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size >= min(least, -(-count // workers)) for size in sizes[:-1])
    assert len(sizes) >= min(count, workers)
    assert max(sizes) <= max(least, -(-count // (4 * workers)))


def test_what_a_lost_worker_had_not_finished_comes_again_first() -> None:
    """The begun chunk in pieces, without its certified points, then the queued one whole; the rest follows."""
    chunks = Chunks(points(100), least=10)
    begun, queued = (chunks.take(workers=5) for _ in range(2))
    assert begun is not None
    assert queued is not None
    assert chunks.certified(begun, 0)
    assert chunks.give_back([begun, queued]) == 9
    again = all_of(chunks, workers=5)
    assert [point.index for chunk in again for point in chunk.points] == list(range(1, 100))
    assert [len(chunk.points) for chunk in again[:6]] == [2, 2, 2, 2, 1, 10]


def test_a_point_counts_once() -> None:
    """A certificate that arrives a second time is known already."""
    chunks = Chunks(points(3), least=3)
    chunk = chunks.take(workers=1)
    assert chunk is not None
    assert [chunks.certified(chunk, 1), chunks.certified(chunk, 1)] == [True, False]
    assert chunks.missing == {0, 2}


@pytest.mark.parametrize("culprit", [0, 7, 39])
def test_a_point_that_ends_its_workers_is_found(culprit: int) -> None:
    """The third worker that it ends has it alone; every other point is certified by then or still to be done, and none is blamed."""
    chunks = Chunks(points(40), least=20)
    done: list[int] = []

    def work() -> None:
        while (chunk := chunks.take(workers=1)) is not None:
            indices = [point.index for point in chunk.points]
            before = indices[: indices.index(culprit)] if culprit in indices else indices
            done.extend(index for index in before if chunks.certified(chunk, index))
            if before != indices:
                chunks.give_back([chunk])

    with pytest.raises(RunError, match=rf"^point {culprit} has ended 3 workers"):
        work()
    assert len(done) == len(set(done))
    assert culprit not in done
