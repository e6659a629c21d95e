"""The sensor: too few photons, too little contrast."""

from __future__ import annotations

import torch
from torch import Tensor

from odd_assess.inputs.addresses import normals
from odd_assess.inputs.transforms.colour import luminance


def low_light(
    image: Tensor, value: float, key: int, *, reference: float, gain: float, full_well: float, read_noise: float
) -> Tensor:
    """The scene at ``value`` lux, with the exposure that fitted ``reference`` lux.

    A pixel of linear value x sends s x full_well electrons, s = value / reference. Their noise has variance s x full_well + read_noise^2; what the
    base image already had, s^2 (x full_well + read_noise^2) at the new brightness, is subtracted, so noise grows from zero. (That leaves
    s (1 - s) x full_well: exactly a binomial thinning of the photons.) Everything is then amplified by s^-gain: gain = 1 restores the
    brightness, 0 leaves the darkness. The noise is normal, which is close from some ten electrons up, independent per pixel and channel. The image
    is clipped to [0, 1], as the sensor does.

    Source: Foi et al., IEEE TIP 17 (2008) 1737 (Poisson-Gaussian model in its heteroscedastic normal form); EMVA 1288 (photon transfer).
    """
    share = value / reference
    signal = image * (share * full_well)
    variance = signal * (1 - share) + read_noise**2 * (1 - share**2)
    noise = torch.from_numpy(normals(key, "photons", tuple(image.shape))).to(image)
    amplification = float(share**-gain) / full_well
    return (signal + variance.sqrt() * noise) * amplification


def contrast(image: Tensor, value: float, key: int) -> Tensor:
    """Every pixel keeps the fraction ``value`` of its distance from the image's mean luminance, in linear light.

    Source: an even veil of stray light scales the Weber contrast (x - mean) / mean of every pixel alike.
    """
    del key
    mean = luminance(image).mean()
    return mean + value * (image - mean)
