"""What is in the air between object and camera: fog, rain, snow.

All three veil the scene by Koschmieder's law over ``distance``: the light J of the object arrives as J t + A (1 - t), t = exp(-extinction *
distance), A the airlight (given as a pixel value). Rain and snow add the particles near the camera that are seen one by one.
"""

from __future__ import annotations

from math import ceil, exp, floor, log, sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from odd_assess.inputs.addresses import normals, uniforms
from odd_assess.inputs.transforms.colour import linear_value

_CONTRAST = log(20)  # the visibility is where contrast falls to 5 % (WMO's meteorological optical range)
_PER_DB_KM = log(10) / 10_000  # extinction per metre of one dB/km
_DROP = 2.0  # mm, the drop whose streak has the declared length
_ASPECT = 0.04  # width of its streak over length: 2 mm wide, 49 mm long at 6.5 m/s and 1/130 s
_SLANT = 3.0  # degrees, how much single streaks differ in direction
_NEAREST = 3.0  # a particle appears at most this much larger than at mean depth
_FLAKE = 2.0  # mm, melted diameter of the flake that has the declared size


def fog(image: Tensor, value: float, key: int, *, distance: float, airlight: float, reference: float) -> Tensor:
    """The object at ``distance`` metres through fog of visibility ``value`` metres.

    The extinction is ln(20) / V, V the meteorological optical range (contrast falls to 5 %); what the base images, taken at the visibility
    ``reference``, already have of it is subtracted. (With the older 2 % convention, ln(50) = 3.912, a visibility reads 1.31 times longer.)

    Source: Koschmieder 1924; WMO-No. 8, chapter 9.
    """
    del key
    return _veiled(image, _CONTRAST * (1 / value - 1 / reference), distance, airlight)


def rain(
    image: Tensor,
    value: float,
    key: int,
    *,
    distance: float,
    airlight: float,
    angle: float,
    streak_length: float,
    streak_strength: float,
    volume: float,
) -> Tensor:
    """The object at ``distance`` metres through rain of ``value`` mm/h.

    Far drops: extinction 1.076 R^0.67 dB/km. Near drops: those over 1 mm in ``volume`` m3 of air, Poisson with mean volume * integral of
    N(D) = 8000 exp(-L D), L = 4.1 R^-0.21, per m3 and mm. Each is a bright streak: as wide as the drop, as long as it falls during the exposure
    (v = 9.65 - 10.3 exp(-0.6 D) m/s), larger when nearer, at ``angle`` to the vertical. A drop gathers light from a wide angle and looks white;
    a streak brightens a pixel ``streak_strength`` of the way to white, less where it is narrower than the pixel. More rain keeps the same
    drops, larger, and adds others.

    Source: ITU-R P.1814; Marshall & Palmer, J. Meteor. 5 (1948) 165; Atlas et al. 1973 (fall speed); Garg & Nayar, IJCV 75 (2007) 3 (streaks).
    """
    slope = 4.1 * value**-0.21
    count = _poisson(key, volume * 8000 / slope * exp(-slope))
    row, column, depth, size = uniforms(key, "drops", (count, 4)).T
    diameter = 1 - np.log(size) / slope
    length = streak_length * image.shape[1] * _nearness(depth) * _fall_speed(diameter) / _fall_speed(np.array(_DROP))
    width = streak_length * image.shape[1] * _nearness(depth) * _ASPECT * diameter / _DROP
    slant = np.radians(angle + _SLANT * normals(key, "slant", (count,)))
    covered = _cover(image, row, column, length * np.cos(slant) / 2, length * np.sin(slant) / 2, width)
    veiled = _veiled(image, 1.076 * value**0.67 * _PER_DB_KM, distance, airlight)
    return _brightened(veiled, covered, streak_strength)


def snow(
    image: Tensor,
    value: float,
    key: int,
    *,
    distance: float,
    airlight: float,
    flake_size: float,
    flake_strength: float,
    volume: float,
) -> Tensor:
    """The object at ``distance`` metres through wet snow of ``value`` mm/h water equivalent.

    Far flakes: extinction 3.84 S^0.72 dB/km. Near flakes: the cross-section of all flakes in ``volume`` m3 of air, N(D) = 3800 S^-0.87
    exp(-2.55 S^-0.48 D) per m3 and mm of melted diameter, is shared by flakes of equal size (2 mm melted): 115 S^0.57 per m3, Poisson. Each is
    a white disc, larger when nearer, that brightens a pixel ``flake_strength`` of the way to white.

    Source: ITU-R P.1814 (wet snow, 550 nm); Gunn & Marshall, J. Meteor. 15 (1958) 452.
    """
    per_m3 = 2 * 3800 * value**-0.87 / ((2.55 * value**-0.48) ** 3 * _FLAKE**2)
    count = _poisson(key, volume * per_m3)
    row, column, depth = uniforms(key, "flakes", (count, 3)).T
    still = np.zeros(count)
    covered = _cover(image, row, column, still, still, flake_size * image.shape[1] * _nearness(depth))
    veiled = _veiled(image, 3.84 * value**0.72 * _PER_DB_KM, distance, airlight)
    return _brightened(veiled, covered, flake_strength)


def _veiled(image: Tensor, extinction: float, distance: float, airlight: float) -> Tensor:
    """Koschmieder's law."""
    transmitted = exp(-extinction * distance)
    return image * transmitted + linear_value(airlight) * (1 - transmitted)


def _brightened(image: Tensor, covered: Tensor, strength: float) -> Tensor:
    """Particles that lie over each other (``covered`` of them, (H, W)) each leave 1 - strength of what is behind them and add white."""
    kept = max(1 - strength, 1e-3) ** covered
    return image * kept + (1 - kept)


def _poisson(key: int, mean: float) -> int:
    """A Poisson number that never falls when the mean rises: arrivals, at exponential intervals, before time ``mean``."""
    enough = ceil(mean + 10 * sqrt(mean) + 30)
    return int((np.cumsum(-np.log(uniforms(key, "arrivals", (enough,)))) <= mean).sum())


def _nearness(depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apparent size, mean one, of particles spread evenly over a cone of view: ``depth`` is the part of its volume that is nearer."""
    return np.minimum(depth ** (-1 / 3) / 1.5, _NEAREST)


def _fall_speed(diameter: NDArray[np.float64]) -> NDArray[np.float64]:
    """m/s of a drop of ``diameter`` mm (Atlas et al. 1973)."""
    return 9.65 - 10.3 * np.exp(-0.6 * diameter)


def _cover(
    image: Tensor,
    row: NDArray[np.float64],
    column: NDArray[np.float64],
    down: NDArray[np.float64],
    across: NDArray[np.float64],
    width: NDArray[np.float64],
) -> Tensor:
    """How many particles cover each pixel (H, W), as areas.

    A particle is the line from the centre minus to the centre plus (down, across) pixels, ``width`` pixels thick with round ends; centres are
    fractions of the height and width. What leaves the image on one side enters on the other, so that no border is thin.
    """
    height, breadth = image.shape[1:]
    total = np.zeros((height, breadth))
    for rows, columns, area in map(_patch, row * height - 0.5, column * breadth - 0.5, down, across, width):
        np.add.at(total, (rows[:, None] % height, columns[None, :] % breadth), area)
    return torch.from_numpy(total).to(image)


def _patch(
    row: float, column: float, down: float, across: float, width: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Rows, columns and covered areas of the pixels around one particle.

    Highest on the line, falling off at its borders; in sum exactly the area of the capsule, wherever it lies between the pixels.
    """
    reach_down, reach_across = abs(down) + width / 2 + 1, abs(across) + width / 2 + 1
    rows = np.arange(ceil(row - reach_down), floor(row + reach_down) + 1)
    columns = np.arange(ceil(column - reach_across), floor(column + reach_across) + 1)
    y, x = rows[:, None] - row, columns[None, :] - column
    half_squared = down * down + across * across
    along = np.clip((y * down + x * across) / half_squared, -1, 1) if half_squared > 0 else 0.0
    distance = np.hypot(y - along * down, x - along * across)
    area = np.clip(width / 2 + 0.75 - distance, 0, min(1.0, width))  # 0.75: no point is farther from every pixel's centre
    return rows, columns, area * ((2 * sqrt(half_squared) * width + np.pi / 4 * width**2) / area.sum())
