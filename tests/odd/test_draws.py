"""Uniforms have an address: row i depends on seed, purpose and i only."""

from __future__ import annotations

import numpy as np
import pytest

from odd_assess.odd.draws import entropy, uniforms


def test_a_row_does_not_depend_on_the_number_of_rows() -> None:
    """Row i of many rows is row i of few, and what a generator that starts at its counter draws."""
    many = uniforms(5, "place", 1000, 7)
    assert np.array_equal(uniforms(5, "place", 10, 7), many[:10])
    at_row_777 = np.random.Philox(key=entropy(5, "place"), counter=777 * 2)  # 7 doubles, padded to 8, are two counters
    assert np.array_equal(np.random.Generator(at_row_777).random(7), many[777])


def test_seed_and_purpose_both_matter() -> None:
    """Another seed or purpose gives other numbers; the same ones give the same."""
    first = uniforms(5, "place", 100, 2)
    assert np.array_equal(first, uniforms(5, "place", 100, 2))
    for other in (uniforms(6, "place", 100, 2), uniforms(5, "choose", 100, 2)):
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.4  # 200 pairs: beyond 5 standard deviations


def test_seeds_are_natural_numbers_of_any_size() -> None:
    """A negative seed is refused; a huge one is as good as any."""
    assert uniforms(2**200, "x", 1, 1).shape == (1, 1)
    with pytest.raises(ValueError, match="seed must be a whole number >= 0, got -1"):
        uniforms(-1, "x", 1, 1)
