"""Sameness: the setting never changes the noise, and changes a count only where rounding decides."""

import hashlib
import threading
from collections import Counter

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from odd_assess.certify import NoiseSource, ReducedPlan, Setting, certify, content_key
from odd_assess.certify.answers import TIE

SEED = 3
PLAN = ReducedPlan(n0=16, n=384, sigma=0.5, alpha=0.01)
SETTINGS = [
    Setting(batch_size=size, lanes=lanes, channels_last=last)
    for size in (64, 100, 512)
    for lanes in (1, 2)
    for last in (False, True)
]
IMAGES = torch.from_numpy(np.random.default_rng(0).random((3, 3, 4, 4), dtype=np.float32))
GUARD = threading.Lock()


class Close(nn.Module):
    """Two of its three classes differ by how a sum is rounded, which depends on the batch size as it does in kernels. It notes what it is given."""

    def __init__(self, seen: Counter[bytes]) -> None:
        super().__init__()
        self.seen = seen

    def __deepcopy__(self, memo: dict[int, object]) -> "Close":
        return Close(self.seen).eval()

    def forward(self, batch: Tensor) -> Tensor:
        """(B, 3) logits."""
        with GUARD:
            self.seen.update(hashlib.sha256(np.ascontiguousarray(copy)).digest() for copy in batch.contiguous().numpy())
        return logits(batch, parts=1 + len(batch) % 5)


def logits(batch: Tensor, *, parts: int) -> Tensor:
    """The third class wins now and then; between the first two a float32 sum in ``parts`` decides against one in order."""
    pixels = (batch.contiguous().flatten(1) * 1.1) ** 2
    total = torch.zeros(len(pixels))
    for pixel in pixels.T:
        total = total + pixel
    other = torch.zeros(len(pixels))
    for part in range(parts):
        subtotal = torch.zeros(len(pixels))
        for pixel in pixels.T[part::parts]:
            subtotal = subtotal + pixel
        other = other + subtotal
    return torch.stack([total, other, 64.0 - total], dim=1)


def drawn(image: Tensor, stage: str, draws: int) -> Tensor:
    """The noisy copies of one stage, in order."""
    copies = torch.empty((draws, *image.shape))
    NoiseSource(tuple(image.shape), seed=SEED, device=torch.device("cpu")).copies(
        image, content_key(image.numpy()), stage, first=0, sigma=PLAN.sigma, out=copies
    )
    return copies


def labels_and_gaps(copies: Tensor, batch_size: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """What the model answers to each copy in a batch of this size, and the gap of its two top logits as a part of the largest."""
    answered = logits(copies, parts=1 + batch_size % 5)
    top = answered.topk(2, dim=1).values.double()
    return answered.argmax(dim=1).numpy(), ((top[:, 0] - top[:, 1]) / answered.abs().amax(dim=1)).numpy()


def test_every_setting_brings_the_same_noise_to_the_model() -> None:
    """Batches of 64, 100 and 512, one lane and two, both memory formats: each noisy copy that any of them sees is one that all see, bit by bit."""
    due = {
        hashlib.sha256(np.ascontiguousarray(c)).digest()
        for i in IMAGES
        for s, n in (("select", 16), ("bound", 384))
        for c in drawn(i, s, n).numpy()
    }
    assert len(due) == 3 * PLAN.draws
    for setting in SETTINGS:
        seen: Counter[bytes] = Counter()
        certify(Close(seen).eval(), IMAGES, PLAN, seed=SEED, setting=setting)
        assert set(seen) == due, setting
        assert sum(seen.values()) % setting.batch_size == 0
        assert sum(count > 1 for count in seen.values()) <= 4  # the first copy fills up a last batch


@pytest.mark.parametrize("setting", SETTINGS[1:], ids=lambda s: f"{s.batch_size}-{s.lanes}-{s.channels_last}")
def test_a_count_that_differs_is_a_tie(setting: Setting) -> None:
    """Draw by draw: where two settings answer otherwise the top logits tie, and no certificate differs by more draws than its ties. Some do differ."""
    first = certify(Close(Counter()).eval(), IMAGES, PLAN, seed=SEED, setting=SETTINGS[0])
    other = certify(Close(Counter()).eval(), IMAGES, PLAN, seed=SEED, setting=setting)
    differ = 0
    for image, one, two in zip(IMAGES, first, other, strict=True):
        moved = 0
        for stage, counts in (("select", (one.selection, two.selection)), ("bound", (one.counts, two.counts))):
            copies = drawn(image, stage, PLAN.n0 if stage == "select" else PLAN.n)
            (labels, gaps), (labels_too, _) = (labels_and_gaps(copies, s.batch_size) for s in (SETTINGS[0], setting))
            for answered, counted in zip((labels, labels_too), counts, strict=True):
                assert counted is not None
                assert counted.by_class == tuple(sorted(Counter(answered.tolist()).items()))
            apart = labels != labels_too
            assert (gaps[apart] <= TIE[torch.float32]).all()
            moved += int(apart.sum())
        assert moved <= min(one.ties, two.ties) < PLAN.draws
        differ += moved
    assert (differ > 0) == (setting.batch_size != SETTINGS[0].batch_size)


def test_the_same_setting_gives_the_same_certificates() -> None:
    """Also where rounding decides most draws, and on two lanes, where the clock decides which answers first."""
    for setting in (SETTINGS[2], SETTINGS[6]):
        runs = [certify(Close(Counter()).eval(), IMAGES, PLAN, seed=SEED, setting=setting) for _ in range(3)]
        assert runs[0] == runs[1] == runs[2]
