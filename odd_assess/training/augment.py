"""Simple changes of images, before their conditions and the noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from odd_assess.training_plan import Augmentation

MOST = 2.5
"""Normal numbers are cut off here."""


def augmented(images: Tensor, plan: Augmentation, generator: torch.Generator) -> Tensor:
    """Images (B, C, H, W) in [0, 1], each changed in its own way by random numbers of the generator, on the CPU.

    Shift, scale, shear and rotation are one interpolation, the border repeated; then a piece of the black-bordered image, then the mirror.
    """
    if plan.bends:
        images = _bent(images, plan, generator)
    if plan.crop:
        images = _cropped(images, plan.crop, generator)
    if plan.flip:
        mirrored = torch.rand(len(images), generator=generator) < 0.5
        images = torch.where(mirrored.view(-1, 1, 1, 1), images.flip(-1), images)
    return images


def _bent(images: Tensor, plan: Augmentation, generator: torch.Generator) -> Tensor:
    count, _, height, width = images.shape

    def normal(std: float, *columns: int) -> Tensor:
        return std * torch.randn((count, *columns), generator=generator).clamp(-MOST, MOST)

    angle = math.radians(plan.rotate) * (2 * torch.rand(count, generator=generator) - 1)
    both, each, shear, move = normal(plan.scale, 1), normal(plan.scale / 2, 2), normal(plan.shear, 2), normal(plan.shift, 2)
    scale = 1 + both + each
    cos, sin = angle.cos(), angle.sin()
    turned = torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1)
    sheared = torch.stack([torch.stack([scale[:, 0], shear[:, 0]], 1), torch.stack([shear[:, 1], scale[:, 1]], 1)], dim=1)
    moved = 2 * move / torch.tensor([width, height])  # the grid runs from -1 to 1
    theta = torch.cat([turned @ sheared, moved[:, :, None]], dim=2)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False).clamp(0, 1)


def _cropped(images: Tensor, border: int, generator: torch.Generator) -> Tensor:
    count, _, height, width = images.shape
    top, left = torch.randint(0, 2 * border + 1, (2, count), generator=generator)
    rows = (top[:, None] + torch.arange(height))[:, None, :, None]
    columns = (left[:, None] + torch.arange(width))[:, None, None, :]
    padded = functional.pad(images, (border, border, border, border))
    return padded[torch.arange(count)[:, None, None, None], torch.arange(images.shape[1])[None, :, None, None], rows, columns]
