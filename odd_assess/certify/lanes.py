"""Lanes: where batches of noisy copies are made and classified.

    CPU   one lane in the caller's thread, or several in threads of their own, each with its part of the cores: networks on small images use the cores of a
          machine better as several calls side by side than as one call on all of them
    GPU   one lane; a batch is handed to the device and fetched later, so that it never waits for the next one

Every lane has its own replica of the model (the weights are shared), so that a module that keeps something between two lines of ``forward`` stays right.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

import torch
from torch import Tensor, nn

from odd_assess.certify.answers import Answers, BaseClassifier, Coded, ask
from odd_assess.certify.noise import NoiseSource
from odd_assess.certify.setting import Setting

Answer = TypeVar("Answer")

GPU_DEPTH = 3
"""Batches on their way to and from a GPU: one that computes, one that waits, one that is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Noisy copies ``first`` to ``first + draws`` of one input (C, H, W), which lies on the lanes' device."""

    image: Tensor
    key: bytes
    stage: str
    sigma: float
    first: int
    draws: int


class Lanes:
    """Classifies batches of noisy copies by ``f`` as ``setting`` says, on the device of ``noise``. Close it when done.

    ``depth`` batches may be submitted before the answers to the first are fetched; more gain nothing.

    Raises: ValueError where several lanes are asked for on a GPU, or for a model that has no replica.
    """

    def __init__(self, f: BaseClassifier, noise: NoiseSource, setting: Setting) -> None:
        self.noise = noise
        self.setting = setting
        on_gpu = noise.device.type == "cuda"
        replicas = replicas_of(f, setting.lanes)
        if len(replicas) < setting.lanes or (on_gpu and setting.lanes > 1):
            raise ValueError(f"lanes must be 1 on a GPU and for a model that is no torch.nn.Module, got {setting.lanes}")
        self._lanes = [_Lane(replica, noise, setting) for replica in replicas]
        self._threads = _Threads(self._lanes, setting.threads) if setting.lanes > 1 else None
        self.depth = GPU_DEPTH if on_gpu else setting.lanes + 1 if self._threads else 1

    @property
    def call_size(self) -> int:
        """The copies in one call of the model: the batch size, or less where memory ran out."""
        return min(lane.call_size for lane in self._lanes)

    def submit(self, batch: Sequence[Copies]) -> Callable[[], Answers]:
        """Begin to classify a batch of at most ``batch_size`` copies; call what is returned for the answers (those of the copies alone).

        Raises, there or here: ValueError for answers that cannot be counted; whatever the model raises.
        """
        if self._threads is not None:
            return self._threads.submit(batch)
        with on_threads(self.setting.threads) if self.noise.device.type == "cpu" else contextlib.nullcontext():
            coded = self._lanes[0].classify(batch)
        if coded.codes.device.type != "cuda":
            return coded.answers
        home = torch.empty(coded.codes.shape, dtype=coded.codes.dtype, pin_memory=True)
        home.copy_(coded.codes, non_blocking=True)
        here = torch.cuda.Event()  # type: ignore[no-untyped-call]
        here.record()

        def fetch() -> Answers:
            here.synchronize()
            return coded.answers(home)

        return fetch

    def close(self) -> None:
        """Let the threads go."""
        if self._threads is not None:
            self._threads.close()


def replicas_of(f: BaseClassifier, count: int) -> list[BaseClassifier]:
    """As many callables that answer as ``f`` does and can be called at the same time: at most ``count``, at least one."""
    if hasattr(f, "replicas"):
        found: list[BaseClassifier] = f.replicas(count)
        return found
    return list(copies_of(f, count)) if isinstance(f, nn.Module) else [f]


def copies_of(module: nn.Module, count: int) -> list[nn.Module]:
    """Copies of a module that share its parameters and nothing else; the module itself where one is enough or none can be made."""
    if count == 1:
        return [module]
    try:
        return [copy.deepcopy(module, {id(parameter): parameter for parameter in module.parameters()}) for _ in range(count)]
    except Exception:  # noqa: BLE001 - whatever a module's parts do when they are copied
        return [module]


@contextlib.contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Torch computes on so many threads of the CPU inside: with another number, rounding may decide otherwise."""
    before = torch.get_num_threads()
    if before == count:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may help."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def in_halves(ask_model: Callable[[Tensor], Answer], batch: Tensor) -> list[Answer]:
    """What is answered to a batch, in one piece, or in the pieces that memory suffices for.

    Raises: what is raised for one input alone.
    """
    try:
        return [ask_model(batch)]
    except Exception as error:
        if not out_of_memory(error) or len(batch) == 1:
            raise
    if batch.device.type == "cuda":
        torch.cuda.empty_cache()
    half = -(-len(batch) // 2)
    return [*in_halves(ask_model, batch[:half]), *in_halves(ask_model, batch[half:])]


class _Lane:
    """One replica of the model and the memory of one batch."""

    def __init__(self, f: BaseClassifier, noise: NoiseSource, setting: Setting) -> None:
        self.f = f
        self.noise = noise
        self.call_size = setting.batch_size
        self.batch = torch.zeros((setting.batch_size, *noise.shape), device=noise.device).contiguous(
            memory_format=setting.memory_format
        )

    def classify(self, batch: Sequence[Copies]) -> Coded:
        """The answers to a batch, which is filled up to its full size with a copy: a model may not bear an artificial input."""
        filled = 0
        for part in batch:
            end = filled + part.draws
            self.noise.copies(part.image, part.key, part.stage, first=part.first, sigma=part.sigma, out=self.batch[filled:end])
            filled = end
        self.batch[filled:] = self.batch[:1]
        coded = self._ask()
        return Coded(codes=coded.codes[:filled], num_classes=coded.num_classes)

    def _ask(self) -> Coded:
        while True:
            try:
                parts = [ask(self.f, part) for part in torch.split(self.batch, self.call_size)]
            except Exception as error:
                if not out_of_memory(error) or self.call_size == 1:
                    raise
                self.call_size = -(-self.call_size // 2)
            else:
                return Coded(codes=torch.cat([part.codes for part in parts]), num_classes=parts[0].num_classes)
            if self.noise.device.type == "cuda":
                torch.cuda.empty_cache()


class _Threads:
    """A thread for each lane, with its number of torch threads."""

    def __init__(self, lanes: Sequence[_Lane], threads: int) -> None:
        self._free: SimpleQueue[_Lane] = SimpleQueue()
        for lane in lanes:
            self._free.put(lane)
        before = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(len(lanes), "lane", initializer=lambda: torch.set_num_threads(threads))
        all_there = threading.Barrier(len(lanes))
        try:
            list(self._pool.map(lambda _: all_there.wait(), lanes))
        except BaseException:  # a thread that could not be started, or Ctrl-C: the others must not wait for it for ever
            all_there.abort()
            self.close()
            raise
        finally:
            torch.set_num_threads(before)  # a thread's setting is also the one that later threads begin with

    def submit(self, batch: Sequence[Copies]) -> Callable[[], Answers]:
        return self._pool.submit(self._classify, batch).result

    def _classify(self, batch: Sequence[Copies]) -> Answers:
        lane = self._free.get()
        try:
            return lane.classify(batch).answers()
        finally:
            self._free.put(lane)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
