"""The addressed noise: standard normal, independent between addresses, the same bits for the same address."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import binomtest, chisquare, kstest
from torch import Tensor

from odd_assess.certify.noise import BLOCK, NoiseSource, content_key, self_test

FloatArray = NDArray[np.float32]
CPU = torch.device("cpu")
KEY = content_key(np.zeros((1, 4, 4), np.float32))


def source(seed: int = 0, shape: tuple[int, ...] = (1, 4, 4)) -> NoiseSource:
    return NoiseSource(shape, seed=seed, device=CPU)


def test_the_same_address_gives_the_same_bits() -> None:
    """No state is left behind by other draws."""
    first = source().block(KEY, "bound", 3)
    other = source()
    other.block(KEY, "bound", 4)
    assert torch.equal(first, other.block(KEY, "bound", 3))
    assert first.shape == (BLOCK, 1, 4, 4)


@pytest.mark.parametrize(
    "change", [{"seed": 2**32}, {"stage": "select"}, {"block": 1}, {"key": content_key(np.zeros((1, 4, 4), np.float32), 1)}]
)
def test_every_part_of_the_address_matters(change: dict[str, object]) -> None:
    """Another seed (also one that agrees in its low 32 bits), stage, block or occurrence gives other noise, uncorrelated: |r| < 6 / sqrt(512)."""
    base = source(shape=(1, 4, 4)).block(KEY, "bound", 0)
    moved = source(seed=int(change.get("seed", 0))).block(
        change.get("key", KEY), str(change.get("stage", "bound")), int(change.get("block", 0))
    )  # type: ignore[arg-type, call-overload]
    correlation = float(np.corrcoef(base.flatten().numpy(), moved.flatten().numpy())[0, 1])
    assert abs(correlation) < 6 / np.sqrt(base.numel())


# A million draws, in every direction in which an address differs. A sound generator fails one of these 48 tests with probability 4.8e-5 (each at 1e-6);
# the seeds are fixed, so it fails never or always. Pairs do not overlap.
LEVEL = 1e-6
SHAPE = (1, 8, 8)
BLOCKS = 2**20 // (BLOCK * 64)


def neighbours(direction: str) -> FloatArray:
    """A million draws (blocks, BLOCK * 64), from addresses that differ in one thing from row to row."""
    keys = [content_key(np.full(SHAPE, i, np.float32)) for i in range(BLOCKS)]
    copies = [content_key(np.zeros(SHAPE, np.float32), i) for i in range(BLOCKS)]
    make: Callable[[int], Tensor] = {
        "block": lambda i: source(shape=SHAPE).block(keys[0], "bound", i),
        "stage": lambda i: source(shape=SHAPE).block(keys[0], f"{i}/bound", 0),
        "input": lambda i: source(shape=SHAPE).block(keys[i], "bound", 0),
        "occurrence": lambda i: source(shape=SHAPE).block(copies[i], "bound", 0),
        "seed": lambda i: source(seed=i, shape=SHAPE).block(keys[0], "bound", 0),
        "high bits of the seed": lambda i: source(seed=i * 2**32, shape=SHAPE).block(keys[0], "bound", 0),
    }[direction]
    return np.stack([make(i).numpy().ravel() for i in range(BLOCKS)])


DIRECTIONS = ("block", "stage", "input", "occurrence", "seed", "high bits of the seed")


@pytest.fixture(scope="module", params=DIRECTIONS)
def draws(request: pytest.FixtureRequest) -> FloatArray:
    """A million draws of neighbouring addresses."""
    return neighbours(request.param)


def test_draws_are_standard_normal(draws: FloatArray) -> None:
    """Kolmogorov-Smirnov over all of them, and over sums across the addresses, which are normal only if addresses are independent."""
    assert kstest(draws.ravel(), "norm").pvalue > LEVEL
    assert kstest(draws.sum(axis=0) / np.sqrt(BLOCKS), "norm").pvalue > LEVEL


def test_draws_fill_equal_bins_equally(draws: FloatArray) -> None:
    """Chi-square over 1,024 bins of equal probability, and the tails beyond 4 sigma by the binomial."""
    counts = np.bincount((ndtr(draws.astype(np.float64)) * 1024).astype(np.int64).ravel(), minlength=1024)
    assert chisquare(counts).pvalue > LEVEL
    assert binomtest(int((np.abs(draws) > 4).sum()), draws.size, 2 * ndtr(-4.0)).pvalue > LEVEL


def pairs_are_independent(first: FloatArray, second: FloatArray) -> float:
    """p-value of a chi-square over 16 x 16 bins of equal probability."""
    bins = [(ndtr(z.astype(np.float64)) * 16).astype(np.int64).ravel() for z in (first, second)]
    return float(chisquare(np.bincount(bins[0] * 16 + bins[1], minlength=256)).pvalue)


def test_neighbouring_addresses_are_independent(draws: FloatArray) -> None:
    """The same draw and pixel at neighbouring addresses, and the last draw of one with the first of the next."""
    assert pairs_are_independent(draws[:-1:2], draws[1::2]) > LEVEL
    assert pairs_are_independent(draws[:-1, -64:], draws[1:, :64]) > LEVEL


def test_draws_of_one_address_are_independent(draws: FloatArray) -> None:
    """Neighbouring pixels, and the same pixel of neighbouring draws."""
    assert pairs_are_independent(draws[:, :-1:2], draws[:, 1::2]) > LEVEL
    copies = draws.reshape(BLOCKS, BLOCK, 64)
    assert pairs_are_independent(copies[:, ::2], copies[:, 1::2]) > LEVEL


@pytest.mark.parametrize(
    ("spoil", "test"),
    [
        (
            lambda z: np.where(np.arange(len(z))[:, None] % 2 == 0, z, np.roll(z, 1, axis=0)),
            test_neighbouring_addresses_are_independent,
        ),
        (lambda z: np.repeat(z[:, ::2], 2, axis=1), test_draws_of_one_address_are_independent),
        (lambda z: np.clip(z, -4, 4), test_draws_fill_equal_bins_equally),
        (lambda z: z * 1.02, test_draws_are_standard_normal),
        (lambda z: np.where(np.abs(z) < 0.01, 0.0, z), test_draws_fill_equal_bins_equally),
    ],
    ids=["an address twice", "a draw twice", "no tails", "too wide by 2 %", "rounded near 0"],
)
def test_spoiled_draws_are_found(spoil: Callable[[FloatArray], FloatArray], test: Callable[[FloatArray], None]) -> None:
    """Each test can fail."""
    with pytest.raises(AssertionError):
        test(spoil(neighbours("block")))


def test_content_key_depends_on_shape_bytes_and_occurrence() -> None:
    """The key tells inputs apart that hold the same numbers in another shape, and equal inputs that are separate trials."""
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    keys = {content_key(image), content_key(image.reshape(4, 2, 2)), content_key(image + 1), content_key(image, 1)}
    assert len(keys) == 4
    assert content_key(image) == content_key(image.copy())


def test_a_sound_generator_passes_its_self_test() -> None:
    """All z-scores stay below 6."""
    assert all(abs(z) <= 6 for z in self_test(source()).values())


@pytest.mark.parametrize(
    "spoil",
    [lambda z: z * 1.02, lambda z: z + 0.02, lambda z: z.clamp(-3, 3), torch.abs, torch.sign],
    ids=["too wide", "shifted", "clipped tails", "one-sided", "two-point"],
)
def test_a_spoiled_generator_fails_its_self_test(spoil: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The self-test can fail: it rejects generators that would misstate radii."""
    sound = NoiseSource.block
    monkeypatch.setattr(NoiseSource, "block", lambda self, *address: spoil(sound(self, *address)))  # type: ignore[operator]
    with pytest.raises(ValueError, match="the noise generator must pass its self-test"):
        self_test(source())


def test_repeated_addresses_fail_the_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that ignores the block number is found by the correlation between addresses."""
    sound = NoiseSource.block
    monkeypatch.setattr(NoiseSource, "block", lambda self, key, stage, _: sound(self, key, stage, 0))
    with pytest.raises(ValueError, match="correlation of addresses"):
        self_test(source())


@pytest.mark.parametrize(("first", "draws"), [(0, 1), (0, BLOCK), (5, 3), (BLOCK - 1, 2), (3, 4 * BLOCK), (BLOCK, BLOCK + 1)])
def test_copies_are_the_draws_of_their_numbers(first: int, draws: int) -> None:
    """However a request cuts the blocks, copy j is the image plus sigma times draw j of the address."""
    image, out = torch.full((1, 4, 4), 0.5), torch.empty(draws, 1, 4, 4)
    source().copies(image, KEY, "bound", first=first, sigma=0.25, out=out)
    whole = torch.cat([source().block(KEY, "bound", b) for b in range(7)])[first : first + draws]
    assert torch.equal(out, image + 0.25 * whole)


def test_part_of_a_block_is_its_beginning() -> None:
    """The draws of a block do not depend on how many of them are asked for."""
    assert torch.equal(source().block(KEY, "bound", 2, 5), source().block(KEY, "bound", 2)[:5])
