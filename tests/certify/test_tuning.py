"""Tuning: the fastest setting is found, a short run is left alone, what fails is passed over. The clock is the test's own."""

import pytest
import torch
from torch import Tensor, nn

from odd_assess.certify import Lanes, Setting, tune, tuning

CPU = torch.device("cpu")
IMAGES = torch.rand(2, 1, 4, 4)


class Clock:
    """Seconds that pass only when a batch is classified."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class Costly(nn.Module):
    """Any module that lanes can copy."""

    def forward(self, batch: Tensor) -> Tensor:
        """Two logits."""
        return batch.flatten(1)[:, :2]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A batch costs .02 s and .001 s a copy below 256 copies, .002 s above; channels last saves a third; two lanes halve it."""
    ticking = Clock()
    submit = Lanes.submit

    def timed(self: Lanes, batch: object) -> object:
        size = self.setting.batch_size
        cost = 0.02 + size * (0.001 if size <= 256 else 0.002)
        ticking.now += cost * (2 / 3 if self.setting.channels_last else 1) / self.setting.lanes
        return submit(self, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(Lanes, "submit", timed)
    monkeypatch.setattr(tuning, "MOST_S", 1000.0)
    return ticking


def test_the_fastest_setting_is_found(clock: Clock) -> None:
    """Both lanes, the better memory format, and the largest batch that does not slow down."""
    arranged: list[Setting] = []
    start = Setting(batch_size=32, lanes=1, threads=2)
    found = tune(Costly().eval(), IMAGES, start, device=CPU, sigma=0.1, draws=10**9, arrange=arranged.append, clock=clock)
    assert found.setting == Setting(batch_size=256, channels_last=True, lanes=2, threads=1)
    assert arranged[-1] == found.setting
    assert [look.setting for look in found.looks][:3] == [
        start,
        Setting(batch_size=32, lanes=2, threads=1),
        Setting(batch_size=32, channels_last=True, lanes=2, threads=1),
    ]
    assert max(found.looks, key=lambda look: look.rate).setting == found.setting


def test_a_batch_size_that_is_asked_for_is_kept(clock: Clock) -> None:
    """Lanes and memory format are still chosen."""
    start = Setting(batch_size=48, threads=2)
    found = tune(Costly().eval(), IMAGES, start, device=CPU, sigma=0.1, draws=10**9, fixed_batch_size=True, clock=clock)
    assert found.setting == Setting(batch_size=48, channels_last=True, lanes=2, threads=1)
    assert {look.setting.batch_size for look in found.looks} == {48}


def test_a_short_run_is_left_alone(clock: Clock) -> None:
    """Tuning may take a fiftieth of the work ahead: where that is too little to look, the rule stands."""
    start = Setting(batch_size=32, threads=2)
    found = tune(Costly().eval(), IMAGES, start, device=CPU, sigma=0.1, draws=10_000, clock=clock)
    assert (found.setting, found.looks) == (start, ())
    assert clock.now < 0.02 * 10_000 * (0.02 + 0.032) / 32


def test_tuning_takes_a_small_part_of_the_time(clock: Clock) -> None:
    """At most a fiftieth, plus the look that was under way."""
    start = Setting(batch_size=32, threads=2)
    draws = 100_000
    found = tune(Costly().eval(), IMAGES, start, device=CPU, sigma=0.1, draws=draws, clock=clock)
    assert found.looks
    assert clock.now <= 0.02 * draws * (0.052 / 32) + 3 * 0.25


def test_one_thread_has_one_lane(clock: Clock) -> None:
    """There is nothing to share."""
    found = tune(Costly().eval(), IMAGES, Setting(batch_size=32), device=CPU, sigma=0.1, draws=10**9, clock=clock)
    assert {look.setting.lanes for look in found.looks} == {1}


def test_what_fails_is_passed_over(clock: Clock) -> None:
    """A setting that runs out of memory, or that the model refuses, has no rate."""

    class Picky(Costly):
        def forward(self, batch: Tensor) -> Tensor:
            """Two logits for batches of 32."""
            if len(batch) > 64:
                raise torch.OutOfMemoryError("too large")
            if len(batch) < 32:
                raise RuntimeError("too small")
            return super().forward(batch)

    found = tune(Picky().eval(), IMAGES, Setting(batch_size=32), device=CPU, sigma=0.1, draws=10**9, clock=clock)
    assert found.setting.batch_size == 64
    assert {look.setting.batch_size: look.rate for look in found.looks}[128] == 0.0


def test_what_fails_at_the_start_is_an_error(clock: Clock) -> None:
    """The model's own failure is not hidden by tuning."""

    def broken(batch: Tensor) -> Tensor:
        raise RuntimeError("no such layer")

    with pytest.raises(RuntimeError, match="no such layer"):
        tune(broken, IMAGES, Setting(batch_size=32), device=CPU, sigma=0.1, draws=10**9, clock=clock)


def test_a_batch_must_fit_into_its_part_of_the_memory(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a copy took so far says what a larger batch would take."""
    taken = iter([0, *range(2**20, 2**40, 2**20)])
    monkeypatch.setattr(tuning, "peak_memory", lambda _: next(taken))
    monkeypatch.setattr(tuning, "free_memory", lambda _: 2**20 * 3)
    found = tune(Costly().eval(), IMAGES, Setting(batch_size=32), device=CPU, sigma=0.1, draws=10**9, clock=clock)
    assert max(look.setting.batch_size for look in found.looks) <= 48


def test_the_machine_says_what_memory_it_has() -> None:
    """More than nothing, and less than this process holds is impossible for the peak."""
    assert tuning.free_memory(CPU) > 0
    assert tuning.peak_memory(CPU) > 2**20
