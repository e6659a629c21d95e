"""Lanes: batches classified side by side, replicas that do not meet, memory that runs out."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from odd_assess.certify import Copies, Lanes, NoiseSource, Setting, content_key
from odd_assess.certify.lanes import copies_of, out_of_memory, replicas_of

CPU = torch.device("cpu")
IMAGE = torch.full((1, 4, 4), 0.1)
KEY = content_key(IMAGE.numpy())


class Linear(nn.Module):
    """A small network that remembers the threads and batch sizes it was called with."""

    calls: list[tuple[int, int]]

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(16, 3)
        self.calls = []

    def forward(self, batch: Tensor) -> Tensor:
        """Three logits."""
        CALLS.append((threading.get_ident(), len(batch), torch.get_num_threads()))
        return self.head(batch.flatten(1))


CALLS: list[tuple[int, int, int]] = []


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    CALLS.clear()


def lanes(f: Callable[[Tensor], Tensor], **setting: int) -> Lanes:
    return Lanes(f, NoiseSource((1, 4, 4), seed=0, device=CPU), Setting(**{"batch_size": 8, **setting}))


def copies(first: int, draws: int) -> Copies:
    return Copies(image=IMAGE, key=KEY, stage="bound", sigma=0.5, first=first, draws=draws)


@pytest.mark.parametrize("count", [1, 3])
def test_a_batch_is_filled_up_and_the_filling_dropped(count: int) -> None:
    """The model sees full batches only; the answers are those of the copies."""
    side_by_side = lanes(Linear().eval(), lanes=count)
    answers = side_by_side.submit([copies(0, 3), copies(40, 2)])()
    side_by_side.close()
    assert {size for _, size, _ in CALLS} == {8}
    assert len(answers.labels) == len(answers.ties) == 5
    assert answers.num_classes == 3


def test_lanes_work_at_the_same_time() -> None:
    """Two batches are in the model at once: each waits for the other there."""
    meeting = threading.Barrier(2, timeout=30)

    class Meets(Linear):
        def forward(self, batch: Tensor) -> Tensor:
            """Three logits, once another call is there too."""
            meeting.wait()
            return super().forward(batch)

        def __deepcopy__(self, memo: dict[int, object]) -> nn.Module:
            return Meets().eval()

    side_by_side = lanes(Meets().eval(), lanes=2)
    fetch = [side_by_side.submit([copies(8 * i, 8)]) for i in range(4)]
    assert [len(f().labels) for f in fetch] == [8] * 4
    side_by_side.close()
    assert len({thread for thread, *_ in CALLS}) == 2


def test_every_lane_has_its_own_part_of_the_cores() -> None:
    """Its torch threads are those of the setting, and the caller keeps its own."""
    before = torch.get_num_threads()
    side_by_side = lanes(Linear().eval(), lanes=2, threads=1)
    side_by_side.submit([copies(0, 8)])()
    side_by_side.close()
    assert {threads for *_, threads in CALLS} == {1}
    assert torch.get_num_threads() == before


def test_replicas_share_weights_and_nothing_else() -> None:
    """A parameter costs its memory once; a buffer or an attribute of one replica is not another's."""
    module = nn.BatchNorm1d(3)
    twin, other = copies_of(module, 2)
    assert isinstance(twin, nn.BatchNorm1d)
    assert twin.weight is module.weight
    assert twin.running_mean is not module.running_mean
    twin.kept = 1  # type: ignore[assignment]
    assert not hasattr(module, "kept")
    assert not hasattr(other, "kept")
    assert copies_of(module, 1) == [module]


def test_what_cannot_be_copied_has_one_lane() -> None:
    """A plain function, and a module that refuses to be copied."""

    class Stubborn(Linear):
        def __deepcopy__(self, memo: dict[int, object]) -> nn.Module:
            raise TypeError("no")

    assert len(replicas_of(lambda batch: batch, 4)) == 1
    assert len(replicas_of(Stubborn(), 4)) == 1
    assert len(replicas_of(Linear(), 4)) == 4
    with pytest.raises(ValueError, match="lanes must be 1"):
        lanes(lambda batch: batch, lanes=2)


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_of_the_model_arrives_with_the_answers(count: int) -> None:
    """Whatever lane it happens in, and the lane works on."""

    class Breaks(Linear):
        def forward(self, batch: Tensor) -> Tensor:
            """Three logits for tame batches."""
            if float(batch.max()) > 100:
                raise RuntimeError("too bright")
            return super().forward(batch)

    side_by_side = lanes(Breaks().eval(), lanes=count)
    bright = Copies(image=IMAGE + 1000, key=KEY, stage="bound", sigma=0.5, first=0, draws=8)
    with pytest.raises(RuntimeError, match="too bright"):
        side_by_side.submit([bright])()
    for _ in range(4):
        assert len(side_by_side.submit([copies(0, 8)])().labels) == 8
    side_by_side.close()


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
)
def test_where_memory_runs_out_the_calls_become_smaller(error: Exception) -> None:
    """Halved until they fit, and small from then on; the answers are those of the whole batch."""

    class Hungry(Linear):
        def forward(self, batch: Tensor) -> Tensor:
            """Three logits for at most three inputs."""
            if len(batch) > 3:
                raise error
            return super().forward(batch)

    hungry = lanes(Hungry().eval())
    found = [hungry.submit([copies(8 * i, 8)])() for i in range(3)]
    assert hungry.call_size == 2
    assert {size for _, size, _ in CALLS} == {2}
    plenty = lanes(Linear().eval())
    assert all(np.array_equal(a.labels, plenty.submit([copies(8 * i, 8)])().labels) for i, a in enumerate(found))


def test_memory_that_does_not_suffice_for_one_is_an_error() -> None:
    """There is nothing left to halve."""

    def starved(batch: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        lanes(starved).submit([copies(0, 8)])()
    assert not out_of_memory(RuntimeError("shape mismatch"))


def test_one_lane_computes_on_the_threads_that_are_recorded() -> None:
    """A run that goes on elsewhere uses as many threads as before: rounding depends on them. The caller keeps its own number."""
    before = torch.get_num_threads()
    lanes(Linear().eval(), threads=before + 1).submit([copies(0, 8)])()
    assert {threads for *_, threads in CALLS} == {before + 1}
    assert torch.get_num_threads() == before


def test_a_thread_that_cannot_start_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system refuses the third thread, the first two end: lanes that waited for it would keep the process alive for ever."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("lane") and thread.name.endswith("_2"):
            raise RuntimeError("can't start new thread")
        start(thread)

    before = torch.get_num_threads()
    others = set(threading.enumerate())
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        lanes(Linear().eval(), lanes=3)
    assert torch.get_num_threads() == before
    assert set(threading.enumerate()) <= others


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_answers_as_it_does_alone() -> None:
    """Batches that are under way together give the answers of each."""
    device = torch.device("cuda")
    noise = NoiseSource((1, 4, 4), seed=0, device=device)
    gpu = Lanes(Linear().eval().to(device), noise, Setting(batch_size=8))
    batches = [
        [Copies(image=IMAGE.to(device), key=KEY, stage="bound", sigma=0.5, first=8 * i, draws=8)] for i in range(gpu.depth + 2)
    ]
    together = [fetch().labels.tolist() for fetch in [gpu.submit(batch) for batch in batches]]
    assert together == [gpu.submit(batch)().labels.tolist() for batch in batches]
