"""The memory: its case analysis, its invariant, and certificates that nobody can break."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
from scipy.special import ndtri

from odd_assess.certify import Memory
from odd_assess.records import Floats

from ..piecewise import random_case  # noqa: TID252 - tests are no package of their own


def at(*values: float) -> np.ndarray:
    """One input."""
    return np.array(values, dtype=np.float32)


def of(*balls: tuple[float, int, float]) -> Memory:
    """A memory of balls on a line."""
    memory = Memory()
    for x, label, radius in balls:
        memory.add(at(x), label, radius)
    return memory


def disjoint(memory: Memory) -> bool:
    """Whether no two balls of different labels overlap."""
    centres = memory.inputs.reshape(len(memory), memory.inputs[0].size if len(memory) else 1).astype(np.float64)
    distances = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    other = memory.labels[:, None] != memory.labels[None]
    return bool(np.all(distances[other] >= (memory.radii[:, None] + memory.radii[None])[other]))


Cases = tuple[tuple[float, int, float], ...]

CASES: list[tuple[Cases, tuple[float, int, float], tuple[int, float]]] = [
    ((), (0.0, 3, 1.5), (3, 1.5)),  # nothing is there: kept
    (((0, 1, 1),), (3.0, 2, 1.0), (2, 1.0)),  # case 3, far from all: kept
    (((0, 1, 1),), (3.0, 2, 2.5), (2, 2.0)),  # case 2, up to the rim of another label
    (((0, 1, 1), (10, 3, 2)), (5.0, 2, 9.0), (2, 3.0)),  # case 2, the nearest rim of two
    (((0, 1, 1),), (0.25, 2, 5.0), (1, 0.75)),  # case 1, inside another label's ball: its label, up to the rim
    (((0, 1, 1), (0.5, 1, 1)), (0.25, 2, 5.0), (1, 0.75)),  # case 1, the widest of several
    (((0, 1, 1),), (0.25, 1, 0.5), (1, 0.75)),  # case 1, same label: at least up to the rim
    (((0, 1, 1),), (0.25, 1, 4.0), (1, 4.0)),  # case 1, same label: its own radius where it is larger
    (((0, 1, 1), (3, 2, 1)), (0.5, 1, 4.0), (1, 1.5)),  # case 1, same label, cut by another label's ball
    (((0, 1, 1),), (1.0, 2, 1.0), (1, 0.0)),  # on the rim: counts as inside, and there is no room
    (((0, 1, 1),), (0.5, 7, 0.0), (1, 0.5)),  # nothing certified, but inside a ball
    (((0, 1, 1),), (5.0, 7, 0.0), (7, 0.0)),  # nothing certified, nothing there
]
"""The balls of a memory, what is asked of it, what must come out."""


@pytest.mark.parametrize(("memory", "asked", "answer"), CASES)
def test_every_case_of_the_published_analysis(memory: Cases, asked: tuple[float, int, float], answer: tuple[int, float]) -> None:
    """Label and radius, to the rounding that is given up."""
    x, label, radius = asked
    found_label, found = of(*memory).add(at(x), label, radius)
    assert found_label == answer[0]
    assert answer[1] * (1 - 1e-6) - 1e-6 <= found <= answer[1]


def test_the_cases_reach_every_line_of_the_analysis() -> None:
    """A case that nobody thought of would be a line that none of them runs."""
    code, reached = Memory.add.__code__, set()

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., object] | None:
        if frame.f_code is code and event == "line":
            reached.add(frame.f_lineno)
        return trace if frame.f_code is code or event == "line" else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for memory, (x, label, radius), _ in CASES:
            of(*memory).add(at(x), label, radius)
    finally:
        sys.settrace(before)
    lines = {line for _, _, line in code.co_lines() if line is not None and line > code.co_firstlineno}
    assert len(lines) > 10
    assert reached == lines


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_balls_stay_disjoint_after_ten_thousand_queries_in_any_order(seed: int) -> None:
    """What was promised to earlier queries is still answered at the end, at random points of their balls."""
    rng = np.random.default_rng(seed)
    xs = rng.random((10_000, 2)).astype(np.float32)
    labels, radii = rng.integers(0, 4, len(xs)), rng.exponential(0.02, len(xs)) * (rng.random(len(xs)) < 0.9)
    memory, promised = Memory(), []
    for x, label, radius in zip(xs, labels.tolist(), radii.tolist(), strict=True):
        promised.append(memory.add(x, label, radius))
    assert disjoint(memory)
    broken = 0
    for i in rng.choice(len(xs), 3_000, replace=False):
        label, radius = promised[i]
        if radius > 1e-5:  # float32 queries next to 1 are 1e-7 apart
            angle = rng.random() * 2 * np.pi
            query = (xs[i] + (radius * (1 - 1e-3) * np.sqrt(rng.random())) * np.array([np.cos(angle), np.sin(angle)])).astype(
                np.float32
            )
            broken += memory.query(query) != label
    assert broken == 0


@pytest.mark.parametrize("seed", range(40))
def test_a_set_resolves_the_same_in_any_order_and_stays_when_it_is_added_one_by_one(seed: int) -> None:
    """Batch and incremental form agree on what the batch form returned; equal inputs and inputs without certificate among them."""
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 60))
    xs = rng.random((m, 2)).astype(np.float32)
    xs[rng.integers(0, m, m // 4)] = xs[rng.integers(0, m, m // 4)]
    labels, radii = rng.integers(0, 3, m), rng.random(m) * rng.choice([0.05, 0.2, 0.6]) * (rng.random(m) < 0.8)
    memory = Memory()
    found, wide = memory.resolve(xs, labels, radii)
    assert disjoint(memory)
    order = rng.permutation(m)
    again, again_wide = Memory().resolve(xs[order], labels[order], radii[order])
    np.testing.assert_allclose(again_wide, wide[order], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(again[again_wide > 0], found[order][again_wide > 0])
    one_by_one = Memory()
    for i in rng.permutation(m):
        label, radius = one_by_one.add(xs[i], int(found[i]), float(wide[i]))
        assert radius == pytest.approx(wide[i], abs=1e-7)
        assert label == found[i] or radius == 0


def test_equal_inputs_of_different_labels_lose_both() -> None:
    """At distance 0 there is no room for either."""
    _, radii = Memory().resolve(np.zeros((2, 3), np.float32), [0, 1], [1.0, 2.0])
    np.testing.assert_array_equal(radii, [0.0, 0.0])


def test_a_set_respects_the_balls_that_are_there() -> None:
    """What was promised before is not cut."""
    memory = of((0, 1, 1))
    labels, radii = memory.resolve(np.array([[0.5], [3.0]], np.float32), [2, 2], [1.0, 9.0])
    assert labels.tolist() == [1, 2]
    np.testing.assert_allclose(radii, [0.5, 2.0], rtol=1e-6)
    assert memory.query(at(-0.99)) == 1
    assert disjoint(memory)


def test_it_comes_back_from_its_file_to_the_last_bit(tmp_path: Path) -> None:
    """And a file whose balls overlap does not."""
    memory = of((0, 1, 1), (3, 2, 5), (9, 1, 0.3))
    memory.save(tmp_path / "memory.npz")
    back = Memory.load(tmp_path / "memory.npz")
    for name in ("inputs", "labels", "radii"):
        np.testing.assert_array_equal(getattr(back, name), getattr(memory, name))
    np.savez(tmp_path / "bad.npz", inputs=memory.inputs, labels=memory.labels, radii=memory.radii * 2)
    with pytest.raises(ValueError, match=r"bad\.npz: must be a memory that was saved, but balls of different labels overlap"):
        Memory.load(tmp_path / "bad.npz")
    np.savez(tmp_path / "none.npz", a=1)
    with pytest.raises(ValueError, match="must be a memory that was saved"):
        Memory.load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("x", "radius", "message"),
    [
        (np.zeros(3, np.float32), -1.0, "radii must be finite and at least 0"),
        (np.zeros(3, np.float32), np.nan, "radii must be finite and at least 0"),
        (np.zeros(3), 1.0, "inputs must be finite float32"),
        (np.array([np.nan, 0, 0], np.float32), 1.0, "inputs must be finite float32"),
        (np.zeros(2, np.float32), 1.0, r"must have the shape \(3,\)"),
    ],
)
def test_inputs_and_radii_are_checked(x: np.ndarray, radius: float, message: str) -> None:
    """One message each."""
    memory = Memory()
    memory.add(np.ones(3, np.float32), 0, 0.1)
    with pytest.raises(ValueError, match=message):
        memory.add(x, 0, radius)


# ---------------------------------------------------------------- no certificate can be broken

SIGMAS = (1.0, 0.5, 0.25, 0.1)


def best_levels(p: Floats) -> tuple[np.ndarray, Floats]:
    """(answers, radii) (m,) where each input takes the level that suits it best: what is unsound without a memory."""
    radii = np.array(SIGMAS)[:, None] * ndtri(np.clip(p.max(axis=2), 0.5, 1 - 1e-12))
    level = radii.argmax(axis=0)
    rows = np.arange(p.shape[1])
    return p[level, rows].argmax(axis=1), radii[level, rows]


@pytest.mark.slow
@pytest.mark.parametrize("dimensions", [1, 2])
def test_ten_thousand_classifiers_break_naive_certificates_and_none_of_the_memory(dimensions: int) -> None:
    """Exact probabilities, on a line and in the plane; all pairs of inputs. Naive certificates are broken often, so the test can fail.

    One after another: no later query inside a returned radius gets another label. As a set (every fourth): none at all does.
    """
    rng = np.random.default_rng(20261121 + dimensions)
    naive = broken = broken_in_sets = certified = 0
    for number in range(10_000):
        case = random_case(rng, SIGMAS, dimensions=dimensions)
        answers, radii = best_levels(case.shares)
        naive += int(((case.apart < radii[:, None]) & (answers[:, None] != answers[None])).sum())
        memory = Memory()
        kept = [memory.add(x, *given) for x, *given in zip(case.xs, answers.tolist(), radii.tolist(), strict=True)]
        labels, balls = np.array([label for label, _ in kept]), np.array([radius for _, radius in kept])
        broken += int(np.triu((case.apart < balls[:, None]) & (labels[:, None] != labels[None]), 1).sum())
        certified += int((balls > 0).sum())
        if number % 4 == 0:
            found, wide = Memory().resolve(case.xs, answers, radii)
            broken_in_sets += int(((case.apart < wide[:, None]) & (found[:, None] != found[None])).sum())
    assert naive > 5_000
    assert certified > 150_000
    assert broken == 0
    assert broken_in_sets == 0
