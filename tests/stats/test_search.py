"""Searches over whole numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odd_assess.stats.search import smallest


@given(threshold=st.integers(1, 300), most=st.integers(1, 200))
def test_smallest_is_the_first_that_is_enough(threshold: int, most: int) -> None:
    """It is the threshold itself, or None where the threshold lies beyond the most."""
    assert smallest(lambda n: n >= threshold, most=most) == (threshold if threshold <= most else None)


def test_there_must_be_a_number_to_look_at() -> None:
    """The range is [1, most]."""
    with pytest.raises(ValueError, match="most must be at least 1"):
        smallest(lambda _: True, most=0)
