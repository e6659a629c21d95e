"""The balls of a set: what is cut, what is widened, and that the pairs alone decide it."""

from __future__ import annotations

import numpy as np
import pytest

from odd_assess.stats import Pairs, pairs_of, resolved
from odd_assess.stats.balls import BLOCK, Inputs


def pairs(*given: tuple[int, int, float]) -> Pairs:
    """Pairs whose distances are known exactly."""
    i, j, d = zip(*given, strict=True) if given else ((), (), ())
    return Pairs(i=np.array(i), j=np.array(j), near=np.array(d), far=np.array(d))


@pytest.mark.parametrize(
    ("labels", "radii", "given", "found", "wide"),
    [
        ([0, 1], [1.0, 3.0], [(0, 1, 2.0)], [0, 1], [0.5, 1.5]),  # cut in proportion
        ([0, 0], [1.0, 3.0], [(0, 1, 2.5)], [0, 0], [1.0, 3.0]),  # the same label: nothing to cut
        ([0, 0], [1.0, 3.0], [(0, 1, 0.5)], [0, 0], [2.5, 3.0]),  # inside: to the rim
        ([0, 1], [0.0, 3.0], [(0, 1, 1.0)], [1, 1], [2.0, 3.0]),  # nothing certified, inside: takes the label
        (
            [0, 1, 2],
            [0.0, 3.0, 3.0],
            [(0, 1, 0.5), (0, 2, 2.0), (1, 2, 2.0)],
            [1, 1, 2],
            [0.5, 1.0, 1.0],
        ),  # first cut, then widened
        ([0, 1], [1.0, 1.0], [(0, 1, 0.0)], [0, 1], [0.0, 0.0]),  # equal inputs of different labels lose both
        ([0, 1, 2], [1.0, 1.0, 1.0], [(0, 1, 1.0), (0, 2, 0.5)], [0, 1, 2], [0.25, 0.5, 0.25]),  # the hardest cut counts
        ([0, 0, 0], [0.1, 2.0, 3.0], [(0, 1, 1.0), (0, 2, 1.0)], [0, 0, 0], [2.0, 2.0, 3.0]),  # the widest of two
        ([0, 1], [1.0, 1.0], [], [0, 1], [1.0, 1.0]),
    ],
)
def test_cases_worked_out_by_hand(
    labels: list[int], radii: list[float], given: list[tuple[int, int, float]], found: list[int], wide: list[float]
) -> None:
    """Labels, and radii to the rounding that is given up."""
    got_labels, got = resolved(labels, radii, pairs(*given))
    assert got_labels.tolist() == found
    np.testing.assert_allclose(got, wide, rtol=1e-7)


@pytest.mark.parametrize("seed", range(30))
def test_no_two_labels_can_be_right_anywhere_and_no_radius_is_cut_without_need(seed: int) -> None:
    """All pairs, from the inputs: balls of different labels are disjoint, and a ball that met none of another label keeps its radius."""
    rng = np.random.default_rng(seed)
    xs = rng.random((80, 2)).astype(np.float32)
    xs[rng.integers(0, 80, 10)] = xs[rng.integers(0, 80, 10)]
    labels, radii = rng.integers(0, 3, 80), rng.exponential(0.05, 80) * (rng.random(80) < 0.8)
    found, wide = resolved(labels, radii, pairs_of([xs[:7], xs[7:]], labels, radii))
    apart = np.linalg.norm(xs[:, None].astype(np.float64) - xs[None], axis=2)
    other = found[:, None] != found[None]
    positive = (wide[:, None] > 0) & (wide[None] > 0)
    assert np.all((wide[:, None] + wide[None] <= apart)[other & positive])
    assert not ((apart < wide[:, None]) & other).any()  # inputs without a radius too
    met = ((apart < radii[:, None] + radii[None]) & (labels[:, None] != labels[None]) & (radii > 0) & (radii[:, None] > 0)).any(
        axis=1
    )
    free = ~met & (radii > 0)
    assert free.any()
    assert met.any()
    assert np.all(wide[free] >= radii[free])


def test_pairs_are_those_that_matter_with_their_distances() -> None:
    """Across blocks, from a stream, against the distances of all pairs."""
    rng = np.random.default_rng(1)
    m = BLOCK + 300
    xs = rng.normal(size=(m, 3, 2)).astype(np.float32)
    xs[m - 1], xs[m - 2] = xs[0], xs[1] + np.float32(1e-6)
    labels, radii = rng.integers(0, 3, m), rng.random(m) * (rng.random(m) < 0.7)
    radii[[0, 1]] = 0.5
    found = pairs_of((xs[start : start + 100] for start in range(0, m, 100)), labels, radii)
    flat = xs.reshape(m, -1).astype(np.float64)
    apart = np.linalg.norm(flat[:, None] - flat[None], axis=2)
    reach = np.where(labels[:, None] == labels, np.maximum(radii[:, None], radii), radii[:, None] + radii)
    i, j = np.nonzero(np.triu(apart < reach, 1))
    np.testing.assert_array_equal(np.column_stack([found.i, found.j]), np.column_stack([i, j]))
    assert np.all((found.near <= apart[i, j]) & (apart[i, j] <= found.far))
    np.testing.assert_allclose(found.far, found.near, rtol=3e-9, atol=0)
    assert {(0, m - 1), (1, m - 2)} <= set(zip(found.i.tolist(), found.j.tolist(), strict=True))
    assert found.far[(found.i == 0) & (found.j == m - 1)] == 0


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([np.zeros((2, 3), np.float32)], "one input for each of 3 labels, got 2"),
        ([np.zeros((2, 3), np.float32)] * 2, "one input for each of 3 labels, got more"),
        ([np.zeros((2, 3), np.float32), np.zeros((1, 4), np.float32)], r"every input must have the shape \(3,\)"),
        ([np.zeros((3, 3))], "inputs must be finite float32"),
    ],
)
def test_the_stream_is_checked(inputs: list[Inputs], message: str) -> None:
    """One message each."""
    with pytest.raises(ValueError, match=message):
        pairs_of(inputs, [0, 1, 2], [1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("i", "j", "near", "far", "message"),
    [
        ([0], [0], [0.0], [0.0], "the earlier one first"),
        ([0], [1], [2.0], [1.0], "near <= far"),
        ([0], [1], [0.0], [np.nan], "near <= far"),
        ([0], [1, 2], [0.0], [1.0], "one length"),
        ([0], [9], [0.0], [1.0], "pairs of the 2 inputs, got input 9"),
    ],
)
def test_pairs_are_checked(i: list[int], j: list[int], near: list[float], far: list[float], message: str) -> None:
    """What evidence holds may have been damaged: one message each."""
    with pytest.raises(ValueError, match=message):
        resolved([0, 1], [1.0, 1.0], Pairs(i=np.array(i), j=np.array(j), near=np.array(near), far=np.array(far)))


def test_radii_and_labels_are_checked() -> None:
    """One message each."""
    with pytest.raises(ValueError, match="columns of one length"):
        resolved([0, 1], [1.0], pairs())
    with pytest.raises(ValueError, match="radii must be finite"):
        resolved([0], [-1.0], pairs())
