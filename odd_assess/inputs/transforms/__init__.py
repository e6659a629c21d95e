"""The transforms that realise an ODD attribute on an image: ``apply(name, images, values, keys)``.

``odd_assess.odd.catalogue.TRANSFORMS`` declares them (name, version, unit, neutral value, range, settings); here each is one kernel:
image (C, H, W), value, key, settings -> image. What all of them share is done once, in ``apply``:

- Pixel values are taken as sRGB-encoded. Kernels compute in **linear light**, where light adds up and physics is linear: ``apply`` decodes
  before and encodes after (IEC 61966-2-1). Coding (jpeg) alone works on the encoded values.
- Kernels compute in float64, one image at a time. So no image's result depends on its batch, convolutions do not pass through TF32, and what is
  rounded to float32 is practically the same on every device.
- At the neutral value the image passes untouched. Everything random comes from the image's own key.

Decision (2026-11): an image at a time costs a few milliseconds an image and is paid once a point, against thousands of noisy copies of
the same point; batched kernels would save nothing that can be felt, and vectorised tails and batched convolutions are not bit-equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from odd_assess.inputs.transforms.atmosphere import fog, rain, snow
from odd_assess.inputs.transforms.coding import jpeg
from odd_assess.inputs.transforms.colour import colour_temperature, to_linear, to_srgb
from odd_assess.inputs.transforms.optics import defocus, glare, motion_blur
from odd_assess.inputs.transforms.scene import apparent_size, rotation, stain
from odd_assess.inputs.transforms.sensor import contrast, low_light
from odd_assess.odd.catalogue import TRANSFORMS, TransformInfo

Kernel = Callable[..., Tensor]
"""``kernel(image (C, H, W) float64, value, key, *, settings...) -> image (C, H, W)``, in linear light unless listed in ``ENCODED``."""

KERNELS: Mapping[str, Kernel] = MappingProxyType(
    {
        kernel.__name__: kernel
        for kernel in (
            rotation,
            stain,
            apparent_size,
            fog,
            rain,
            snow,
            colour_temperature,
            glare,
            defocus,
            motion_blur,
            low_light,
            contrast,
            jpeg,
        )
    }
)

ENCODED = frozenset({"jpeg"})
"""The kernels that work on sRGB-encoded values."""

if set(KERNELS) != set(TRANSFORMS):  # a programming error, found at import
    raise RuntimeError(f"catalogue and kernels must name the same transforms, differ in {set(KERNELS) ^ set(TRANSFORMS)}")


def apply(name: str, images: Tensor, values: Tensor | Sequence[float], keys: Sequence[int], **parameters: float) -> Tensor:
    """Images (B, C, H, W) in [0, 1] under the condition ``values`` (B,), in the transform's unit; ``keys`` (B,) address the randomness.

    The result is new memory, float32 in [0, 1], on the images' device; image i depends on images[i], values[i], keys[i] only.

    Raises: ValueError for an unknown transform or parameter, a value outside the valid range, images that are not float32 (B, C, H, W) in
    [0, 1] with C = 1 or 3, or lengths that differ.
    Source: each kernel's docstring.
    """
    if name not in TRANSFORMS:
        raise ValueError(f"transform must be one of {', '.join(TRANSFORMS)}, got {name!r}")
    info, numbers = TRANSFORMS[name], [float(value) for value in values]
    settings = info.settings(parameters)
    _check_images(images)
    _check_values(info, numbers, keys, len(images))
    neutral = info.neutral_given(settings)
    rows = [
        image.clone() if changes_nothing(info, value, neutral) else _realised(name, image, value, key, settings)
        for image, value, key in zip(images, numbers, keys, strict=True)
    ]
    return torch.stack(rows) if rows else images.clone()


def changes_nothing(info: TransformInfo, value: float, neutral: float) -> bool:
    """Whether ``value`` is neutral, or lies on the side of it where a one-sided transform has no effect."""
    beyond = value - neutral if info.increasing else neutral - value
    return beyond == 0 if info.two_sided else beyond <= 0


def _realised(name: str, image: Tensor, value: float, key: int, settings: Mapping[str, float]) -> Tensor:
    exact = image.to(torch.float64)
    if name in ENCODED:
        result = KERNELS[name](exact, value, key, **settings)
    else:
        result = to_srgb(KERNELS[name](to_linear(exact), value, key, **settings).clamp(0.0, 1.0))
    return result.clamp(0.0, 1.0).to(torch.float32)


def _check_images(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] not in (1, 3) or images.dtype != torch.float32:
        raise ValueError(f"images must be float32 (B, C, H, W) with C = 1 or 3, got {images.dtype} {tuple(images.shape)}")
    if images.numel() and not bool(((images >= 0) & (images <= 1)).all()):
        raise ValueError("pixels must be finite and lie in [0, 1]")


def _check_values(info: TransformInfo, values: Sequence[float], keys: Sequence[int], count: int) -> None:
    if len(values) != count or len(keys) != count:
        raise ValueError(f"{count} images need as many values and keys, got {len(values)} and {len(keys)}")
    low, high = info.valid
    for value in values:
        if not low <= value <= high:
            raise ValueError(f"{info.name} must lie in [{low:g} .. {high:g}] {info.unit}, got {value!r}")
