"""Inputs made ahead: in order, never more than there is room for, errors at their turn."""

import threading
from collections.abc import Iterator

import pytest

from odd_assess.inputs.ahead import ahead


def test_everything_comes_in_order() -> None:
    """Also where there is less than the depth."""
    assert list(ahead(range(20), lambda i: i * i)) == [i * i for i in range(20)]
    assert list(ahead([3], str)) == ["3"]
    assert list(ahead([], str)) == []


def test_another_thread_makes_it_and_not_too_much() -> None:
    """Two are made before they are asked for, then it waits."""
    made: list[int] = []
    taken: list[int] = []

    def items() -> Iterator[int]:
        for i in range(100):
            taken.append(i)
            yield i

    def make(i: int) -> int:
        made.append(threading.get_ident())
        return i

    found = ahead(items(), make, depth=2)
    assert next(found) == 0
    assert len(taken) == 3
    found.close()  # type: ignore[attr-defined]
    assert len(made) <= 3
    assert threading.get_ident() not in made
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_an_error_comes_at_its_turn() -> None:
    """What was made before it is not lost."""
    found = ahead([1, 2, 0, 3], lambda i: 6 // i)
    assert [next(found), next(found)] == [6, 3]
    with pytest.raises(ZeroDivisionError):
        next(found)
