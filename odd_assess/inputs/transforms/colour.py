"""Encoded values and linear light, luminance, and the colour of the illuminant."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_KNEE = 0.04045  # encoded value where the linear foot of the curve ends (IEC 61966-2-1)
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # of the linear sRGB primaries (ITU-R BT.709)
_XYZ_TO_RGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])  # IEC 61966-2-1


def to_linear(encoded: Tensor) -> Tensor:
    """Linear light of sRGB-encoded values, both in [0, 1].

    Source: IEC 61966-2-1.
    """
    return torch.where(encoded <= _KNEE, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: Tensor) -> Tensor:
    """sRGB-encoded values of linear light: the inverse of ``to_linear`` (the knee is its image, so the round trip is exact).

    Source: IEC 61966-2-1.
    """
    return torch.where(linear <= _KNEE / 12.92, linear * 12.92, 1.055 * linear.clamp(min=_KNEE / 12.92) ** (1 / 2.4) - 0.055)


def linear_value(encoded: float) -> float:
    """Linear light of one encoded grey level."""
    return encoded / 12.92 if encoded <= _KNEE else float(((encoded + 0.055) / 1.055) ** 2.4)


def luminance(image: Tensor) -> Tensor:
    """Relative luminance (H, W) of a linear image (C, H, W) with one or three channels.

    Source: ITU-R BT.709.
    """
    if image.shape[0] == 1:
        return image[0]
    return torch.einsum("c,chw->hw", torch.tensor(_LUMINANCE, dtype=image.dtype, device=image.device), image)


def colour_temperature(image: Tensor, value: float, key: int, *, reference: float) -> Tensor:
    """The scene under a black-body illuminant of ``value`` kelvin, seen by a camera balanced for ``reference`` kelvin.

    Each linear channel is multiplied by the ratio of the two illuminants' linear sRGB components, all scaled so that white keeps its luminance
    (von Kries' rule in the camera's primaries). A one-channel image has no colour: it is unchanged. Not modelled: metamerism, i.e. surfaces
    whose spectra respond otherwise than three numbers can tell.

    Source: Kang et al., J. Korean Phys. Soc. 41 (2002) 865, for the Planckian locus, 1667 K to 25000 K; IEC 61966-2-1 for the primaries.
    """
    del key
    if image.shape[0] == 1:
        return image
    gains = illuminant(value) / illuminant(reference)
    gains /= gains @ np.array(_LUMINANCE)
    return image * torch.from_numpy(gains).to(image)[:, None, None]


def illuminant(kelvin: float) -> NDArray[np.float64]:
    """Linear sRGB components (3,) of a black body at unit luminance; what lies outside the gamut (blue below 1900 K) is cut to zero.

    Source: Kang et al. 2002, cubic approximation of the Planckian locus in CIE 1931 xy.

    >>> [round(float(c), 2) for c in illuminant(6500)]
    [1.04, 0.98, 1.03]
    """
    t = 1000.0 / kelvin
    if kelvin <= 4000:
        x = ((-0.2661239 * t - 0.2343589) * t + 0.8776956) * t + 0.179910
    else:
        x = ((-3.0258469 * t + 2.1070379) * t + 0.2226347) * t + 0.240390
    if kelvin <= 2222:
        y = ((-1.1063814 * x - 1.34811020) * x + 2.18555832) * x - 0.20219683
    elif kelvin <= 4000:
        y = ((-0.9549476 * x - 1.37418593) * x + 2.09137015) * x - 0.16748867
    else:
        y = ((3.0817580 * x - 5.87338670) * x + 3.75112997) * x - 0.37001483
    components: NDArray[np.float64] = np.maximum(_XYZ_TO_RGB @ np.array([x / y, 1.0, (1 - x - y) / y]), 0.0)
    return components
