"""A network that a file carries whole: architecture and weights run outside torch.nn, behind a module's face."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class FileNetwork(nn.Module):
    """(B, C, H, W) -> whatever ``run`` answers. ``batch_size`` is the only one that ``run`` accepts, or None for any."""

    def __init__(self, run: Callable[[Tensor], object], *, batch_size: int | None) -> None:
        super().__init__()
        self.run = run if batch_size is None else in_batches_of(batch_size, run)

    def forward(self, batch: Tensor) -> object:
        """The answer of the file's network."""
        return self.run(batch)


def in_batches_of(size: int, run: Callable[[Tensor], object]) -> Callable[[Tensor], object]:
    """``run`` for batches of any size, where it accepts only batches of ``size``: the last is filled up, the filling dropped."""

    def run_any(batch: Tensor) -> object:
        padding = -len(batch) % size
        padded = torch.cat([batch, batch[-1:].expand(padding, *batch.shape[1:])]) if padding else batch
        answers = [run(part) for part in torch.split(padded, size)]
        tensors = [answer for answer in answers if isinstance(answer, Tensor) and answer.ndim and len(answer) == size]
        return torch.cat(tensors)[: len(batch)] if len(tensors) == len(answers) else answers[0]

    return run_any
