"""The lens and the shutter: stray light and over-exposure, defocus, motion blur.

Blurs are applied by their optical transfer function on the image mirrored at its edges. That is the convolution with the exact kernel, for any
real radius or length, and no light is lost at the border.
"""

from __future__ import annotations

from math import cos, exp2, pi, radians, sin

import torch
from torch import Tensor

from odd_assess.inputs.transforms.colour import luminance


def glare(image: Tensor, value: float, key: int, *, veil: float) -> Tensor:
    """The scene over-exposed by ``value`` stops, clipped at white.

    Linear light is multiplied by 2^value, and the share ``veil`` of the image's mean excess light is scattered evenly over the image.

    Source: ISO 2720 (one stop doubles the light); ISO 9358 (veiling glare).
    """
    del key
    exposure = exp2(value)
    return image * exposure + veil * (exposure - 1) * luminance(image).mean()


def defocus(image: Tensor, value: float, key: int) -> Tensor:
    """The scene out of focus: convolution with a uniform disc, the circle of confusion, of radius ``value`` pixels.

    In frequencies f (cycles a pixel) the disc is 2 J1(x) / x, x = 2 pi radius |f|.

    Source: geometrical optics of a thin lens; Hopkins, Proc. R. Soc. A 231 (1955) 91 for the transfer function.
    """
    del key
    vertical, horizontal = _frequencies(image)
    x = 2 * pi * value * torch.hypot(vertical, horizontal)
    disc = torch.where(x > 0, 2 * torch.special.bessel_j1(x) / x.clamp(min=1e-12), 1.0)
    return _filtered(image, disc)


def motion_blur(image: Tensor, value: float, key: int, *, angle: float) -> Tensor:
    """The object moving ``value`` pixels during the exposure: the average along a straight path, centred on the pixel.

    ``angle`` is the direction of motion in degrees, counter-clockwise from the right. In frequencies the path is sinc(value * f along it).

    Source: uniform linear motion during the exposure (Gonzalez & Woods, Digital Image Processing, section 5.6).
    """
    del key
    vertical, horizontal = _frequencies(image)
    along = cos(radians(angle)) * horizontal - sin(radians(angle)) * vertical  # rows run downwards
    return _filtered(image, torch.sinc(value * along))


def _frequencies(image: Tensor) -> tuple[Tensor, Tensor]:
    """Vertical (2H, 1) and horizontal (1, W + 1) frequencies, in cycles a pixel, of the mirrored image's real transform."""
    height, width = image.shape[1:]
    vertical = torch.fft.fftfreq(2 * height, dtype=image.dtype, device=image.device)
    horizontal = torch.fft.rfftfreq(2 * width, dtype=image.dtype, device=image.device)
    return vertical[:, None], horizontal[None, :]


def _filtered(image: Tensor, transfer: Tensor) -> Tensor:
    """The image, mirrored at its edges, under a transfer function that is even in the frequency vector."""
    height, width = image.shape[1:]
    mirrored = torch.cat((image, image.flip(1)), dim=1)
    mirrored = torch.cat((mirrored, mirrored.flip(2)), dim=2)
    blurred: Tensor = torch.fft.irfft2(torch.fft.rfft2(mirrored) * transfer, s=(2 * height, 2 * width))
    return blurred[:, :height, :width]
