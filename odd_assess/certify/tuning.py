"""A setting by measurement: the batch size, memory format and lanes that classify most noisy copies a second, for one model on one device.

A few batches are timed at each setting, beginning at the one by rule: first several calls at the same time, then the other memory format, then twice or half
the batch, as long as that gains. All within a time that is small beside the work ahead, and within a part of the memory. What is classified are noisy copies of
real inputs, on noise that no run uses; the answers are thrown away.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from odd_assess.certify.answers import BaseClassifier
from odd_assess.certify.lanes import Copies, Lanes, out_of_memory, replicas_of
from odd_assess.certify.noise import NoiseSource, content_key
from odd_assess.certify.setting import Setting

MOST_S = 8.0
"""Seconds that tuning may take."""
SHARE = 0.02
"""The part of the work ahead that tuning may take: a short run keeps the setting by rule."""
LOOK_S = 0.25
"""Seconds for which a setting is timed."""
FEWEST_BATCHES = 4
"""Batches that are timed at least."""
GAIN = 1.04
"""A setting replaces another when it is 4 % faster: less is chance on a busy machine."""
MEMORY_SHARE = 0.5
"""The part of the free memory of the device that a batch may fill."""
LARGEST = 4096
"""The largest batch that is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A setting and the noisy copies that it classified in a second; none where it ran out of memory."""

    setting: Setting
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """The setting that was chosen, and every one that was looked at, in order; none where there was no time to look."""

    setting: Setting
    looks: tuple[Look, ...] = ()


def tune(
    f: BaseClassifier,
    images: Tensor,
    start: Setting,
    *,
    device: torch.device,
    sigma: float,
    draws: int,
    fixed_batch_size: bool = False,
    arrange: Callable[[Setting], None] = lambda _: None,
    clock: Callable[[], float] = time.perf_counter,
) -> Tuned:
    """The setting that classifies noisy copies of ``images`` (N, C, H, W) fastest, found from ``start``.

    ``draws``: the noisy copies of the work ahead, of whose time tuning takes a fiftieth at most, and 8 s at most. ``arrange`` is told of each setting
    before it is used. ``fixed_batch_size`` keeps that of ``start``.

    Raises: what the model raises at ``start``; a later setting that fails is passed over.
    """
    stopwatch = _Stopwatch(f, images, device=device, sigma=sigma, arrange=arrange, clock=clock)
    began = clock()
    allowance = min(MOST_S, SHARE * draws / stopwatch.glance(start))
    if allowance < 4 * LOOK_S:
        return Tuned(setting=start)
    best = stopwatch.look(start)
    looks = [best]
    deadline = began + allowance
    for step in _steps(f, start, device, fixed_batch_size=fixed_batch_size):
        while (setting := step(best.setting)) is not None and setting not in {look.setting for look in looks}:
            if clock() + LOOK_S > deadline or not stopwatch.has_room(setting):
                break
            looks.append(stopwatch.try_out(setting))
            if looks[-1].rate <= best.rate * GAIN:
                break
            best = looks[-1]
    arrange(best.setting)
    return Tuned(setting=best.setting, looks=tuple(looks))


Step = Callable[[Setting], Setting | None]


def _steps(f: BaseClassifier, start: Setting, device: torch.device, *, fixed_batch_size: bool) -> Iterator[Step]:
    """The ways to go from the best setting so far, one after another; each is followed as long as it gains."""
    if device.type == "cpu" and len(replicas_of(f, 2)) > 1:
        lanes = start.threads
        while lanes > 1:
            count = lanes
            yield lambda s, count=count: replace(s, lanes=count, threads=start.threads // count)  # type: ignore[misc]
            lanes //= 2
    yield lambda s: replace(s, channels_last=not s.channels_last)
    if not fixed_batch_size:
        yield _twice
        yield _half


def _twice(setting: Setting) -> Setting | None:
    return replace(setting, batch_size=2 * setting.batch_size) if 2 * setting.batch_size <= LARGEST else None


def _half(setting: Setting) -> Setting | None:
    return replace(setting, batch_size=setting.batch_size // 2) if setting.batch_size >= 16 else None


class _Stopwatch:
    """Times settings on noisy copies of the same images."""

    def __init__(
        self,
        f: BaseClassifier,
        images: Tensor,
        *,
        device: torch.device,
        sigma: float,
        arrange: Callable[[Setting], None],
        clock: Callable[[], float],
    ) -> None:
        self.f, self.device, self.sigma, self.arrange, self.clock = f, device, sigma, arrange, clock
        self.images = [image.to(device) for image in images]
        self.noise = NoiseSource(tuple(images.shape[1:]), seed=0, device=device)
        self.before = peak_memory(device)  # of what the process held before
        self.bytes_per_copy = 0.0

    def has_room(self, setting: Setting) -> bool:
        """Whether the setting fits in its part of the free memory, going by what a copy took so far."""
        return self.bytes_per_copy * setting.batch_size * setting.lanes <= MEMORY_SHARE * free_memory(self.device)

    def glance(self, setting: Setting) -> float:
        """A first idea of the rate of a setting."""
        self.arrange(setting)
        with closing(Lanes(self.f, self.noise, setting)) as lanes:
            self._classify(lanes, 1)
            return setting.batch_size / max(self._classify(lanes, 1), 1e-9)

    def look(self, setting: Setting) -> Look:
        """The rate of a setting, after a warm-up in which kernels are chosen."""
        self.arrange(setting)
        with closing(Lanes(self.f, self.noise, setting)) as lanes:
            self._classify(lanes, 2 * setting.lanes)
            batches = max(FEWEST_BATCHES, 2 * setting.lanes)
            seconds = self._classify(lanes, batches)
            if seconds < LOOK_S:
                batches = max(batches, min(1000, int(batches * LOOK_S / max(seconds, 1e-6))))
                seconds = self._classify(lanes, batches)
        taken = peak_memory(self.device) - self.before
        self.bytes_per_copy = max(self.bytes_per_copy, taken / (setting.batch_size * setting.lanes))
        rate = batches * setting.batch_size / max(seconds, 1e-9) if lanes.call_size == setting.batch_size else 0.0
        return Look(setting=setting, rate=rate)

    def try_out(self, setting: Setting) -> Look:
        """`look`, where failing means a rate of nothing."""
        try:
            return self.look(setting)
        except Exception as error:
            if not out_of_memory(error) and not isinstance(error, ValueError | RuntimeError):
                raise
            if self.device.type == "cuda":
                with contextlib.suppress(RuntimeError):
                    torch.cuda.empty_cache()
            return Look(setting=setting, rate=0.0)

    def _classify(self, lanes: Lanes, batches: int) -> float:
        """Seconds for so many batches."""
        began = self.clock()
        flying: list[Callable[[], object]] = []
        for number in range(batches):
            flying.append(lanes.submit(self._batch(number, lanes.setting.batch_size)))
            if len(flying) == lanes.depth:
                flying.pop(0)()
        for fetch in flying:
            fetch()
        return self.clock() - began

    def _batch(self, number: int, size: int) -> list[Copies]:
        image = self.images[number % len(self.images)]
        return [Copies(image=image, key=_KEY, stage="tuning", sigma=self.sigma, first=number * size, draws=size)]


_KEY = content_key(torch.zeros(1).numpy())


def peak_memory(device: torch.device) -> int:
    """The most bytes that this process has held so far: of the GPU's memory, or of the machine's (0 where the system does not say)."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)


def free_memory(device: torch.device) -> float:
    """Bytes that are free on the GPU (the part that torch holds in reserve included), or on the machine (infinite where the system does not say)."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    try:
        free = float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float("inf")
    with contextlib.suppress(OSError, ValueError):  # a container's own limit; "max" is none
        group = Path("/sys/fs/cgroup")
        free = min(free, float(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())))
    return free
