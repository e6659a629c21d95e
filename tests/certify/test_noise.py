"""The addressed noise: standard normal, independent between addresses, the same bits for the same address."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from odd_assess.certify.noise import BLOCK, NoiseSource, content_key, self_test

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


def test_draws_are_standard_normal() -> None:
    """Kolmogorov-Smirnov over 500,000 draws of many addresses, within and across; a sound generator fails with probability 1e-6 (fixed seed)."""
    draws = np.stack(
        [source().block(content_key(np.full((1, 4, 4), i, np.float32)), "bound", 0).numpy().ravel() for i in range(1000)]
    )
    assert kstest(draws.ravel(), "norm").pvalue > 1e-6
    assert kstest(draws.sum(axis=0) / np.sqrt(1000), "norm").pvalue > 1e-6


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
