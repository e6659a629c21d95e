"""The engine: packs the draws that many procedures ask for into full batches, whoever they belong to.

Each batch is filled first with what the procedures in flight still need, then by starting the next input. A procedure that has its counts goes on or ends;
nothing waits for a slow neighbour. A batch is submitted when it is full; one that is not is padded only where no answer is awaited that could fill it.
Padding is never counted. Inputs are taken from their iterator when there is room for them, so memory does not grow with their number. Answers are taken in
the order of submission: what is packed with what depends on the setting, never on the clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from odd_assess.certify.answers import Answers
from odd_assess.certify.lanes import Copies, Lanes
from odd_assess.certify.procedures import ClassCounts, Draw, Procedure
from odd_assess.records import Abstained, Certificate, Certified


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One input to certify: its place in the order, its noise key, the image (C, H, W) and the procedure that asks for draws."""

    position: int
    key: bytes
    image: Tensor
    procedure: Procedure | Generator[Draw, ClassCounts, Any]


@dataclass(slots=True, kw_only=True)
class _Job:
    """A subject in flight: the open request, how far it is dispatched and counted."""

    subject: Subject
    image: Tensor  # on the device
    request: Draw
    dispatched: int = 0
    counted: int = 0
    counts: ClassCounts = field(default_factory=lambda: np.zeros(0, np.int64))
    ties: int = 0
    kept: list[NDArray[np.int64]] = field(default_factory=list)

    def count(self, copies: Copies, answers: Answers, start: int) -> None:
        """Add what was answered to these copies, from ``start`` on in their batch."""
        labels = answers.labels[start : start + copies.draws]
        counts = np.bincount(labels, minlength=answers.num_classes)
        begin = copies.first - self.request.start
        if self.request.against is not None:
            same = labels[labels == self.request.against[begin : begin + copies.draws]]
            counts = np.stack([counts, np.bincount(same, minlength=answers.num_classes)])
        if begin < self.request.keep:
            self.kept.append(labels[: self.request.keep - begin])
        self.counts = self.counts + counts if self.counted else counts
        self.ties += int(np.count_nonzero(answers.ties[start : start + copies.draws]))
        self.counted += copies.draws

    def finished(self, result: Any) -> Any:
        """A certificate carries its ties and the answers that are kept; what else a procedure returns carries none."""
        if not isinstance(result, Certified | Abstained):
            return result
        return replace(result, ties=self.ties, answers=compact(np.concatenate(self.kept)) if self.kept else None)


def compact(answers: NDArray[np.int64]) -> NDArray[np.integer[Any]]:
    """Labels in the smallest unsigned integers that hold them."""
    return answers.astype(np.min_scalar_type(int(answers.max(initial=0))))


@dataclass(slots=True, kw_only=True)
class _Batch:
    """Copies that go through the model together, and the jobs that they belong to."""

    copies: list[Copies] = field(default_factory=list)
    jobs: list[_Job] = field(default_factory=list)
    filled: int = 0


class Engine:
    """Runs procedures against one base classifier on its lanes. ``draws`` counts the copies that were classified; ``on_draws`` is told of each batch."""

    def __init__(self, lanes: Lanes, *, on_draws: Callable[[int], None] | None = None) -> None:
        self.lanes = lanes
        self.on_draws = on_draws
        self.draws = 0
        self._classes: int | None = None

    def run(self, subjects: Iterable[Subject]) -> Iterator[tuple[int, Certificate]]:
        """(position, certificate) of every subject, as they are finished.

        Raises: ValueError when inputs differ in shape, or when the model answers in a wrong shape or with NaN or infinity.
        """
        waiting = iter(subjects)
        ready: deque[_Job] = deque()
        flying: deque[tuple[_Batch, Callable[[], Answers]]] = deque()
        batch = _Batch()
        size = self.lanes.setting.batch_size
        while True:
            self._fill(batch, ready, waiting)
            if batch.filled == size or (batch.filled and not flying):
                flying.append((batch, self.lanes.submit(batch.copies)))
                batch = _Batch()
                if len(flying) < self.lanes.depth:
                    continue
            if not flying:
                return
            landed, answers = flying.popleft()
            for job in self._count(landed, answers()):
                yield from self._go_on(job, ready)

    def _fill(self, batch: _Batch, ready: deque[_Job], waiting: Iterator[Subject]) -> None:
        """Put what is asked for into the batch, until it is full or nothing is asked for."""
        while room := self.lanes.setting.batch_size - batch.filled:
            if not ready:
                subject = next(waiting, None)
                if subject is None:
                    return
                ready.append(self._begin(subject))
            job = ready[0]
            request = job.request
            take = min(room, request.n - job.dispatched)
            batch.copies.append(
                Copies(
                    image=job.image,
                    key=job.subject.key,
                    stage=request.stage,
                    sigma=request.sigma,
                    first=request.start + job.dispatched,
                    draws=take,
                )
            )
            batch.jobs.append(job)
            batch.filled += take
            job.dispatched += take
            if job.dispatched == request.n:
                ready.popleft()

    def _begin(self, subject: Subject) -> _Job:
        noise = self.lanes.noise
        if tuple(subject.image.shape) != noise.shape:
            raise ValueError(f"every input must have the shape {noise.shape}, got {tuple(subject.image.shape)}")
        image = subject.image
        if noise.device.type == "cuda" and image.device.type == "cpu":
            image = image.pin_memory().to(noise.device, non_blocking=True)
        return _Job(subject=subject, image=image.to(noise.device), request=next(subject.procedure))

    def _count(self, batch: _Batch, answers: Answers) -> Iterator[_Job]:
        """Add what was answered to the counts of its jobs; those whose request is answered come out, in order."""
        if self._classes is None:
            self._classes = answers.num_classes
        elif self._classes != answers.num_classes:
            raise ValueError(
                f"the model must answer with the same number of classes every time, got {self._classes}, then {answers.num_classes}"
            )
        self.draws += batch.filled
        if self.on_draws is not None:
            self.on_draws(batch.filled)
        start = 0
        for job, copies in zip(batch.jobs, batch.copies, strict=True):
            job.count(copies, answers, start)
            start += copies.draws
            if job.counted == job.request.n:
                yield job

    @staticmethod
    def _go_on(job: _Job, ready: deque[_Job]) -> Iterator[tuple[int, Certificate]]:
        """Send the counts to the procedure: it returns its certificate, or asks for more and waits in line."""
        try:
            request = job.subject.procedure.send(job.counts)
        except StopIteration as done:
            yield job.subject.position, job.finished(done.value)
        else:
            ready.append(_Job(subject=job.subject, image=job.image, request=request, ties=job.ties, kept=job.kept))
