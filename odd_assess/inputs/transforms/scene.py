"""The object itself: how it is turned, how far away it is, what sticks to it."""

from __future__ import annotations

from math import cos, pi, radians, sin

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from odd_assess.inputs.addresses import uniforms
from odd_assess.inputs.transforms.colour import linear_value

_WAVES = 24  # enough for the field to look random, few enough for smooth blotches
_SOFTNESS = 0.2  # of the stained area lies in its soft border


def rotation(image: Tensor, value: float, key: int) -> Tensor:
    """The object turned by ``value`` degrees about the image centre, counter-clockwise for positive angles.

    Each pixel takes the light at its place before the turn: bilinear between the four nearest, edge pixels repeated outside the image.

    Source: plane geometry; a roll of the camera or of the object about the optical axis.
    """
    del key
    height, width = image.shape[1:]
    y = torch.arange(height, dtype=image.dtype, device=image.device)[:, None] - (height - 1) / 2
    x = torch.arange(width, dtype=image.dtype, device=image.device)[None, :] - (width - 1) / 2
    c, s = cos(radians(value)), sin(radians(value))
    before_x, before_y = c * x - s * y, s * x + c * y  # rows run downwards, so this turns counter-clockwise
    grid = torch.stack((before_x / (width / 2), before_y / (height / 2)), dim=-1)
    turned = functional.grid_sample(image[None], grid[None], mode="bilinear", padding_mode="border", align_corners=False)
    return turned[0]


def apparent_size(image: Tensor, value: float, key: int, *, reference: float) -> Tensor:
    """The object seen from ``value`` metres, brought back to the size it has at ``reference`` metres.

    At distance d an image side of the object covers d0/d of its pixels: each sensor pixel gathers the light of (d/d0)^2 of the reference's
    pixels (exact area average, grid centred on the image, edge pixels repeated outside), and the picture is interpolated linearly back.

    Source: pinhole camera, image size = focal length * object size / distance.
    """
    del key
    rows, columns = (torch.from_numpy(_seen_from(side, value / reference)).to(image) for side in image.shape[1:])
    return rows @ image @ columns.T


def _seen_from(side: int, pitch: float) -> NDArray[np.float64]:
    """The (side, side) matrix that averages over sensor pixels ``pitch`` times as wide and interpolates back."""
    centre, fine = side / 2, np.arange(side)
    low = centre + pitch * (fine[:, None] - centre)  # the sensor's pixel k covers [low, low + pitch]
    low, high = np.clip(low, 0, side - 1), np.clip(low + pitch, 1, side)  # those outside repeat the edge
    average = np.clip(np.minimum(high, fine + 1) - np.maximum(low, fine), 0, None)
    average /= average.sum(axis=1, keepdims=True)
    place = np.clip((fine + 0.5 - centre) / pitch + centre - 0.5, 0, side - 1)  # of the fine pixels' centres on the sensor
    back = np.clip(1 - np.abs(place[:, None] - fine), 0, None)
    return np.asarray(back @ average)


def stain(image: Tensor, value: float, key: int, *, opacity: float, brightness: float) -> Tensor:
    """A random blotch over the fraction ``value`` of the image's area, hiding ``opacity`` of what it covers.

    The blotch is where a smooth random field is highest: pixels are ranked by the field and covered from the top until exactly the fraction is
    reached, with a soft border. A larger value grows the same blotch. ``brightness`` is its grey level as a pixel value.

    Source: level set of a random field (a sum of plane waves of up to 2.5 cycles across the image).
    """
    covered = torch.from_numpy(_blotch(key, image.shape[1], image.shape[2], value)).to(image) * opacity
    return image * (1 - covered) + linear_value(brightness) * covered


def _blotch(key: int, height: int, width: int, fraction: float) -> NDArray[np.float64]:
    """How much of each pixel (H, W) is covered; the mean is ``fraction``."""
    angle, frequency, phase = (column[:, None, None] for column in uniforms(key, "blotch", (_WAVES, 3)).T)
    y, x = ((np.arange(side) + 0.5) / side for side in (height, width))
    across = x[None, None, :] * np.cos(2 * pi * angle) + y[None, :, None] * np.sin(2 * pi * angle)
    field = np.cos(2 * pi * ((0.5 + 2 * frequency) * across + phase)).sum(axis=0)
    rank = np.empty(field.size)
    rank[np.argsort(-field, axis=None, kind="stable")] = np.arange(field.size) + 0.5
    wanted = fraction * field.size
    covered: NDArray[np.float64] = np.clip(0.5 + (wanted - rank.reshape(field.shape)) / max(1.0, _SOFTNESS * wanted), 0.0, 1.0)
    return covered
