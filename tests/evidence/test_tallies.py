"""Class counts of many points at once: the same as one by one, and nothing else is taken for counts."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odd_assess.evidence.tallies import Tallies
from odd_assess.records import Counts

COUNTS = st.dictionaries(st.integers(0, 6), st.integers(1, 10**6), max_size=5).map(lambda found: sorted(found.items()))


@settings(deadline=None)
@given(st.lists(COUNTS, max_size=8), st.integers(0, 6))
def test_many_counts_are_those_of_one(points: list[list[tuple[int, int]]], asked: int) -> None:
    """Total, winner (the first of equals, as argmax has it) and the count of any class agree with what one record says."""
    tallies = Tallies.parse([json.dumps(pairs, separators=(",", ":")) for pairs in points])
    one_by_one = [Counts(n=sum(c for _, c in pairs), by_class=tuple(pairs)) for pairs in points]
    dense = [np.bincount([a for a, _ in pairs], weights=[c for _, c in pairs], minlength=7) for pairs in points if pairs]
    assert tallies.total.tolist() == [counts.n for counts in one_by_one]
    assert tallies.of(np.full(len(points), asked)).tolist() == [counts.of(asked) for counts in one_by_one]
    assert [w for w in tallies.winner.tolist() if w >= 0] == [int(counts.argmax()) for counts in dense]
    assert [w < 0 for w in tallies.winner.tolist()] == [not pairs for pairs in points]


@pytest.mark.parametrize(
    "text",
    [
        "[[0,1.5]]",
        "[[0,0]]",
        "[[0,-1]]",
        "[[1,2],[0,3]]",
        "[[0,1],[0,2]]",
        "[[0]]",
        "[0,1]",
        "{}",
        "[[0,true]]",
        "[[0,1]],[[1,1]]",
        "x",
        "",
        "[[,1]]",
        "[[0,1]],",
        "[",
        "[[0,1]",
        "[0,1]]",
        "[[0,1],]",
        "[[0 ,1]]",
        "[[0,1],[]]",
    ],
)
def test_what_are_no_counts_is_refused(text: str) -> None:
    """Fractions, nothing, classes twice or out of order, other shapes and other texts are no counts; neither is a text that hides another point."""
    with pytest.raises((ValueError, TypeError)):
        Tallies.parse(["[[0,3]]", text])
