"""Randomness is a function of the address alone."""

import numpy as np
import pytest
from scipy import stats

from odd_assess.inputs.addresses import address, below, normals, uniforms


def test_addresses_and_streams_never_change() -> None:
    """The numbers of a published run can be drawn again; sha256 and Philox's raw stream are fixed for ever.

    The address is `printf '[20261120,7,"base"]' | sha256sum | cut -c-32`.
    """
    assert f"{address(20261120, 7, 'base'):032x}" == "2b18172daa75022691400f812110bb0f"
    assert np.allclose(uniforms(1, "a", (3,)), [0.2899842162040188, 0.28673198811384604, 0.11177725052402832], rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    "other", [(1, 3, "x"), (2, 2, "x"), (1, 2, "y"), (1 + 2**32, 2, "x"), (12, "x"), ("1", 2, "x"), (2, 1, "x")]
)
def test_every_part_of_an_address_matters(other: tuple[int | str, ...]) -> None:
    """Also the bits above the 32nd, the order of parts and the border between them."""
    assert address(*other) != address(1, 2, "x")
    assert not np.allclose(uniforms(address(*other), "p", (4,)), uniforms(address(1, 2, "x"), "p", (4,)))


def test_all_128_bits_of_a_key_matter() -> None:
    """torch.Generator would keep the low 32 of these."""
    streams = {tuple(uniforms(5 ^ (1 << bit), "p", (2,))) for bit in range(128)}
    assert len(streams) == 128


def test_a_longer_stream_begins_like_a_shorter_one() -> None:
    """So that a particle stays the same when others are added."""
    assert (uniforms(3, "p", (10, 4))[:6] == uniforms(3, "p", (6, 4))).all()
    assert not np.allclose(uniforms(3, "p", (6, 4)), uniforms(3, "q", (6, 4)))


def test_streams_have_their_distributions() -> None:
    """Kolmogorov-Smirnov at level 1e-4 each, fixed keys: false alarm 2e-4 over the choice of keys."""
    u, z = uniforms(11, "u", (20_000,)), normals(12, "z", (20_000,))
    assert u.min() > 0
    assert u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > 1e-4
    assert stats.kstest(z, "norm").pvalue > 1e-4


def test_rows_are_drawn_uniformly() -> None:
    """Chi-squared over 7 rows and 7000 addresses at level 1e-4."""
    rows = [below(address(0, index), "base", 7) for index in range(7000)]
    assert stats.chisquare(np.bincount(rows, minlength=7)).pvalue > 1e-4
    with pytest.raises(ValueError, match="count must be >= 1"):
        below(0, "base", 0)
