"""Simple changes of images: each is what it says, and a function of the generator alone."""

from __future__ import annotations

import torch

from odd_assess.training.augment import augmented
from odd_assess.training_plan import Augmentation


def generator(seed: int = 0) -> torch.Generator:
    """One of its own."""
    return torch.Generator().manual_seed(seed)


IMAGES = torch.rand(200, 3, 6, 8, generator=generator(9))


def test_nothing_asked_is_nothing_done() -> None:
    """The plan without changes."""
    assert augmented(IMAGES, Augmentation(), generator()) is IMAGES


def test_a_mirror_turns_half_of_the_images() -> None:
    """Left to right, whole images: 200 fair coins, outside [60, 140] with probability 2e-8."""
    made = augmented(IMAGES, Augmentation(flip=True), generator())
    kept = (made == IMAGES).flatten(1).all(dim=1)
    assert 60 < int(kept.sum()) < 140
    assert torch.equal(made[~kept], IMAGES[~kept].flip(-1))


def test_a_crop_is_a_piece_of_the_bordered_image() -> None:
    """Each image is moved by whole pixels, at most the border in each direction; what comes in is black; all nine moves occur."""
    made = augmented(IMAGES, Augmentation(crop=1), generator())
    padded = torch.nn.functional.pad(IMAGES, (1, 1, 1, 1))
    moves = [(top, left) for top in range(3) for left in range(3)]
    found = [[torch.equal(made[i], padded[i, :, t : t + 6, left : left + 8]) for t, left in moves] for i in range(200)]
    assert all(sum(row) == 1 for row in found)
    assert torch.tensor(found).any(dim=0).all()


def test_a_shift_is_as_large_as_it_says() -> None:
    """The brightness of a ramp moves by the shift: its standard deviation over 200 images is .5 pixels, within four standard errors (.1), cut off at 2.5."""
    ramp = torch.arange(64.0).expand(200, 1, 64, 64) / 64
    made = augmented(ramp, Augmentation(shift=0.5), generator())
    moved = (made - ramp)[:, 0, 32, 32] * 64
    assert 0.4 < float(moved.std()) < 0.6
    assert float(moved.abs().max()) <= 1.25 + 1e-4


def test_a_rotation_turns_about_the_middle() -> None:
    """By at most the angle: a far point of a disc's rim stays within its arc, and the middle stays where it is."""
    disc = torch.zeros(50, 1, 65, 65)
    disc[:, :, 32, 32] = 1.0
    made = augmented(disc, Augmentation(rotate=90.0), generator())
    assert torch.allclose(made[:, 0, 32, 32], torch.ones(50), atol=1e-4)
    bar = torch.zeros(50, 1, 65, 65)
    bar[:, :, 32, :] = 1.0
    turned = augmented(bar, Augmentation(rotate=5.0), generator())[:, 0]
    assert float(turned[:, :20, 62].max()) < 1e-6  # 30 pixels from the middle, 5 degrees are 2.7 pixels


def test_the_generator_decides_and_nothing_else() -> None:
    """The same numbers give the same images, others give others; pixels stay in [0, 1]."""
    plan = Augmentation(flip=True, crop=2, shift=0.5, scale=0.1, shear=0.1, rotate=10)
    made = augmented(IMAGES, plan, generator(1))
    assert torch.equal(made, augmented(IMAGES, plan, generator(1)))
    assert not torch.equal(made, augmented(IMAGES, plan, generator(2)))
    assert made.shape == IMAGES.shape
    assert float(made.min()) >= 0
    assert float(made.max()) <= 1
