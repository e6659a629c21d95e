"""The engine: packs the draws that many procedures ask for into full batches, whoever they belong to.

Each step fills one batch of fixed size: first with what the procedures in flight still need, then by starting the next input. A procedure that has
its counts goes on or ends; nothing waits for a slow neighbour. Only the very last batch is padded, and padding is never counted. Inputs are taken
from their iterator when there is room for them, so memory does not grow with their number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from odd_assess.certify.noise import BLOCK, NoiseSource
from odd_assess.certify.procedures import ClassCounts, Draw, Procedure
from odd_assess.records import Certificate

BaseClassifier = Callable[[Tensor], Tensor]
"""The model under test: (B, C, H, W) float32 in input units -> logits (B, num_classes), or labels (B,) with an attribute ``num_classes``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One input to certify: its place in the order, its noise key, the image (C, H, W) and the procedure that asks for draws."""

    position: int
    key: bytes
    image: Tensor
    procedure: Procedure


@dataclass(slots=True, kw_only=True)
class _Job:
    """A subject in flight: the open request, how far it is dispatched and counted."""

    subject: Subject
    request: Draw
    dispatched: int = 0
    counted: int = 0
    counts: ClassCounts = field(default_factory=lambda: np.zeros(0, np.int64))
    block: tuple[int, Tensor] | None = None  # the last block of this stage, which a batch or a request may have cut in two


class Engine:
    """Runs procedures against one base classifier on one device.

    ``batch_size`` noisy copies go through the model at a time. ``draws`` counts the copies that were classified; ``on_draws`` is told of each batch.
    """

    def __init__(
        self, f: BaseClassifier, *, seed: int, device: torch.device, batch_size: int, on_draws: Callable[[int], None] | None = None
    ) -> None:
        self.f = f
        self.on_draws = on_draws
        self.seed = seed
        self.device = device
        self.batch_size = batch_size
        self.draws = 0

    def run(self, subjects: Iterable[Subject]) -> Iterator[tuple[int, Certificate]]:
        """(position, certificate) of every subject, as they are finished.

        Raises: ValueError when inputs differ in shape, or when the model answers in a wrong shape or with NaN or infinity.
        """
        waiting = iter(subjects)
        active: deque[_Job] = deque()
        noise: NoiseSource | None = None
        batch = torch.empty(0)
        while True:
            slices: list[tuple[_Job, int, int]] = []
            filled = 0
            while filled < self.batch_size:
                job = next((job for job in active if job.dispatched < job.request.n), None)
                if job is None:
                    subject = next(waiting, None)
                    if subject is None:
                        break
                    if noise is None:
                        noise = NoiseSource(tuple(subject.image.shape), seed=self.seed, device=self.device)
                        batch = empty_batch(self.batch_size, noise.shape, self.device)
                    if tuple(subject.image.shape) != noise.shape:
                        raise ValueError(f"every input must have the shape {noise.shape}, got {tuple(subject.image.shape)}")
                    job = _Job(subject=subject, request=next(subject.procedure))
                    active.append(job)
                    continue
                assert noise is not None
                end = self._fill(batch, filled, job, noise)
                slices.append((job, filled, end))
                filled = end
            if not filled:
                return
            batch[filled:] = batch[:1]  # padded with a real copy: a model may not bear an artificial input
            labels, num_classes = answers(self.f, batch)
            self.draws += filled
            if self.on_draws is not None:
                self.on_draws(filled)
            for job, start, end in slices:
                counts = np.bincount(labels[start:end], minlength=num_classes)
                job.counts = counts if job.counted == 0 else job.counts + counts
                job.counted += end - start
            yield from self._deliver(active)

    def _fill(self, batch: Tensor, start: int, job: _Job, noise: NoiseSource) -> int:
        """Write draws of one job into the batch, up to a block's border, and return where they end."""
        number, offset = divmod(job.request.start + job.dispatched, BLOCK)
        take = min(BLOCK - offset, job.request.n - job.dispatched, len(batch) - start)
        if job.block is None or job.block[0] != number:
            job.block = (number, noise.block(job.subject.key, job.request.stage, number))
        torch.add(
            job.subject.image.to(self.device),
            job.block[1][offset : offset + take],
            alpha=job.request.sigma,
            out=batch[start : start + take],
        )
        job.dispatched += take
        return start + take

    def _deliver(self, active: deque[_Job]) -> Iterator[tuple[int, Certificate]]:
        """Send finished counts to their procedures; those that return leave, the others stay with their next request, in order."""
        for _ in range(len(active)):
            job = active.popleft()
            if job.counted < job.request.n:
                active.append(job)
                continue
            try:
                request = job.subject.procedure.send(job.counts)
            except StopIteration as done:
                yield job.subject.position, done.value
            else:
                block = job.block if request.stage == job.request.stage else None
                active.append(_Job(subject=job.subject, request=request, block=block))


def answers(f: BaseClassifier, batch: Tensor) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], int]:
    """The labels (B,) that the model answers, and the number of its classes.

    Raises: ValueError for an answer that is neither finite logits (B, num_classes >= 2) nor integer labels (B,) in [0, num_classes).
    """
    with torch.inference_mode():
        answer = f(batch)
    if not isinstance(answer, Tensor):
        raise ValueError(f"the model must answer with one tensor, got {type(answer).__name__}")  # noqa: TRY004 - a bad value, not a bad call
    if answer.ndim == 2 and len(answer) == len(batch) and answer.shape[1] >= 2 and answer.is_floating_point():
        if not bool(torch.isfinite(answer).all()):
            raise ValueError("the model's logits must be finite, got NaN or infinity for some noisy inputs")
        return answer.argmax(dim=1).cpu().numpy().astype(np.int64), answer.shape[1]
    classes = int(getattr(f, "num_classes", 0))
    if answer.shape == (len(batch),) and not answer.is_floating_point() and classes >= 2:
        labels = answer.cpu().numpy().astype(np.int64)
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError(f"the model's labels must lie in [0, {classes}), got {labels.min()} to {labels.max()}")
        return labels, classes
    raise ValueError(
        f"the model must answer with logits ({len(batch)}, num_classes >= 2), or with integer labels ({len(batch)},) and an attribute num_classes, "
        f"got {tuple(answer.shape)} {answer.dtype}"
    )


def empty_batch(size: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Room for a batch (size, *shape), channels last for colour images: convolutions on a CPU answered 1.2 to 1.9 times as many of them a second."""
    colour = len(shape) == 3 and shape[0] >= 3
    return torch.zeros((size, *shape), device=device).contiguous(
        memory_format=torch.channels_last if colour else torch.contiguous_format
    )


def default_batch_size(shape: tuple[int, ...], device: torch.device) -> int:
    """A batch that keeps activations near the caches on a CPU and fills a GPU: a power of two that depends on the input's size only.

    Fixed by rule, not by measurement, so that the same spec gives the same batches, hence the same kernels, on every run.
    """
    elements = max(1, int(np.prod(shape)))
    room = 2**18 if device.type == "cpu" else 2**24
    return int(min(1024, max(32, 2 ** int(np.log2(max(1, room / elements))))))
