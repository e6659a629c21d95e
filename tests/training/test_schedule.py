"""Learning rates: each kind by hand, and one_cycle as torch has it."""

from __future__ import annotations

import pytest
import torch

from odd_assess.training.schedule import rate_at
from odd_assess.training_plan import Schedule


def rates(schedule: Schedule, *, steps: int = 4, epochs: int = 5) -> list[float]:
    """The rates of all steps; 2 is the highest."""
    return [rate_at(schedule, 2.0, step, steps=steps, epochs=epochs) for step in range(steps * epochs)]


def test_constant_after_a_warm_up() -> None:
    """A warm-up of half an epoch takes two steps."""
    assert rates(Schedule(kind="constant", warmup=0.5))[:4] == [1.0, 2.0, 2.0, 2.0]


def test_steps_fall_by_their_factor() -> None:
    """Every two epochs, counted from the beginning."""
    assert rates(Schedule(kind="step", every=2, factor=0.5), steps=2) == [2, 2, 2, 2, 1, 1, 1, 1, 0.5, 0.5]


def test_a_cosine_falls_from_the_full_rate_towards_zero() -> None:
    """As torch's CosineAnnealingLR; after a warm-up it begins at the full rate."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    torchs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 20)
    expected = []
    for _ in range(20):
        expected += torchs.get_last_lr()
        optimiser.step()
        torchs.step()
    assert rates(Schedule(kind="cosine")) == pytest.approx(expected)
    warm = rates(Schedule(kind="cosine", warmup=1))
    assert warm[:5] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0])
    assert warm[5] < 2.0


@pytest.mark.parametrize("warmup", [None, 1.0, 2.5])
def test_one_cycle_is_that_of_torch(warmup: float | None) -> None:
    """Up and down at the same places, but for torch's counting of one step less on the way up."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    share = 0.3 if warmup is None else warmup / 5
    torchs = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2.0, total_steps=20, pct_start=share + 1 / 20)
    expected = []
    for _ in range(20):
        expected += torchs.get_last_lr()
        optimiser.step()
        torchs.step()
    assert rates(Schedule(kind="one_cycle", warmup=warmup)) == pytest.approx(expected, abs=1e-9)
