"""How the model is called: batch size, memory format, lanes. Kept for a whole run, so that the same kernels answer every draw."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """``batch_size`` noisy copies in one call of the model, ``lanes`` calls at the same time, each on ``threads`` threads of the CPU.

    ``channels_last``: the memory of a batch holds the channels of a pixel side by side.

    Raises: ValueError for numbers below 1.
    """

    batch_size: int
    channels_last: bool = False
    lanes: int = 1
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("batch_size", "lanes", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}")

    def __str__(self) -> str:
        calls = f"{self.lanes} calls at a time of " if self.lanes > 1 else ""
        return f"{calls}{self.batch_size} noisy copies, {'channels last' if self.channels_last else 'contiguous'}"

    @property
    def memory_format(self) -> torch.memory_format:
        """The memory format of a batch."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def on(self, cores: int) -> Setting:
        """The same batches in the same memory format on so many cores."""
        lanes = min(self.lanes, cores)
        return replace(self, lanes=lanes, threads=max(1, cores // lanes))

    def as_data(self) -> dict[str, Any]:
        """For the manifest; ``Setting(**data)`` reads it back."""
        return asdict(self)


def default_setting(shape: tuple[int, ...], device: torch.device, *, batch_size: int | None = None) -> Setting:
    """A setting by rule, from the shape (C, H, W) of an input and the kind of device alone: one lane on all threads, colour images channels last."""
    return Setting(
        batch_size=batch_size or default_batch_size(shape, device),
        channels_last=len(shape) == 3 and shape[0] >= 3,
        threads=torch.get_num_threads(),
    )


def default_batch_size(shape: tuple[int, ...], device: torch.device) -> int:
    """A batch that keeps activations near the caches on a CPU and fills a GPU: a power of two that depends on the input's size only.

    Fixed by rule, not by measurement, so that the same spec gives the same batches, hence the same kernels, on every run.
    """
    elements = max(1, int(np.prod(shape)))
    room = 2**18 if device.type == "cpu" else 2**24
    return int(min(1024, max(32, 2 ** int(np.log2(max(1, room / elements))))))
