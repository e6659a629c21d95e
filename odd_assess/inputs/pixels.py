"""What an image must be at the border: arrays, pictures and labels as users give them, checked and brought to (C, H, W) float32 in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFile
from torch import Tensor
from torch.nn import functional

from odd_assess.errors import DataError

Size = tuple[int, int]
_CHANNELS = (1, 3)


def stacked(images: NDArray[Any], where: str) -> NDArray[Any]:
    """Images as (N, C, H, W), a view of the same type, after checking that every pixel can be used.

    Accepts (N, H, W), (N, H, W, C) and (N, C, H, W) with C = 1 or 3; integers must lie in 0 ... 255 (they are read as n / 255), floats in [0, 1].

    Raises: DataError for another shape, a shape that fits both channel orders, another type, or a pixel that is not finite or out of range.
    """
    planes = _channels_first(images, where)
    _check_pixels(planes, where)
    return planes


def one_image(image: object, where: str) -> Tensor:
    """One image given as array or tensor, (H, W), (H, W, C) or (C, H, W), as (C, H, W) float32 in [0, 1].

    Raises: DataError as ``stacked`` does.
    """
    if isinstance(image, Tensor):
        image = image.detach().cpu().numpy()
    if not isinstance(image, np.ndarray):
        raise DataError(f"{where}: must be a numpy array or a torch tensor, found {type(image).__name__}")
    return as_tensor(stacked(image[None], where)[0])


def as_tensor(image: NDArray[Any]) -> Tensor:
    """A checked (C, H, W) array as float32 in [0, 1], in memory of its own."""
    values = image.astype(np.float32, order="C", copy=True)
    return torch.from_numpy(values / np.float32(255) if image.dtype.kind in "iu" else values)


def refuse_truncated() -> None:
    """Call before a picture is decoded: Pillow then refuses what is cut short. WeasyPrint, when it is imported, tells it to fill the rest with grey."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False


def from_picture(picture: Image.Image, *, grey: bool) -> Tensor:
    """A decoded PIL image as (1, H, W) where ``grey``, else (3, H, W); 16-bit grey is scaled to its full range, transparency is dropped."""
    if picture.mode.startswith("I;16"):
        values = np.asarray(picture).astype(np.float32) / np.float32(65535)
        tensor = torch.from_numpy(values)[None]
        return tensor if grey else tensor.repeat(3, 1, 1)
    if grey:
        return as_tensor(np.asarray(picture.convert("L"))[None])
    return as_tensor(np.asarray(picture.convert("RGB")).transpose(2, 0, 1))


def is_grey(picture: Image.Image) -> bool:
    """Whether a PIL image has brightness only."""
    return picture.mode in {"1", "L", "LA"} or picture.mode.startswith("I;16")


def resized(image: Tensor, size: Size | None) -> Tensor:
    """The image (C, H, W) at ``size`` = (height, width): bilinear with antialiasing; unchanged where it has that size or size is None."""
    if size is None or tuple(image.shape[1:]) == tuple(size):
        return image
    scaled = functional.interpolate(image[None], size=tuple(size), mode="bilinear", antialias=True, align_corners=False)
    return scaled[0].clamp(0.0, 1.0)


def checked_labels(labels: object, classes: int | None, where: str) -> NDArray[np.int64]:
    """Labels (N,) as int64; ``classes`` is the number of named classes, or None where none are named.

    Raises: DataError unless they are whole numbers in [0, classes).
    """
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DataError(f"{where}: labels must be one row of whole numbers, found {array.dtype} {array.shape}")
    wrong = array < 0 if classes is None else (array < 0) | (array >= classes)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        known = "from 0 up" if classes is None else f"in 0 ... {classes - 1} ({classes} classes are named)"
        raise DataError(f"{where}: labels must lie {known}, found {array[first]} at row {first} ({int(wrong.sum())} such rows)")
    return array.astype(np.int64)


def checked_names(names: object, where: str) -> tuple[str, ...]:
    """Class names, one per class.

    Raises: DataError unless they are distinct and there is at least one.
    """
    array = np.asarray(names)
    if array.ndim != 1 or array.dtype.kind not in "US" or not len(array):
        raise DataError(f"{where}: class names must be one row of strings, found {array.dtype} {array.shape}")
    strings = tuple(name.decode() if isinstance(name, bytes) else str(name) for name in array.tolist())
    if len(set(strings)) < len(strings):
        twice = next(name for name in strings if strings.count(name) > 1)
        raise DataError(f"{where}: class names must differ, found {twice!r} twice")
    return strings


def _channels_first(images: NDArray[Any], where: str) -> NDArray[Any]:
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise DataError(
            f"{where}: images must have shape (N, H, W), (N, H, W, C) or (N, C, H, W), none of them 0, found {images.shape}"
        )
    if images.ndim == 3:
        return images[:, None]
    first, last = images.shape[1] in _CHANNELS, images.shape[3] in _CHANNELS
    if first == last:
        found = "both fit" if first else "neither fits"
        raise DataError(
            f"{where}: images must have 1 or 3 channels, second or last in the shape, found {images.shape}, where {found}; transpose them"
        )
    return images if first else images.transpose(0, 3, 1, 2)


def _check_pixels(images: NDArray[Any], where: str) -> None:
    kind = images.dtype.kind
    if kind not in "iuf":
        raise DataError(f"{where}: pixels must be integers in 0 ... 255 or floats in [0, 1], found {images.dtype}")
    top = 1 if kind == "f" else 255
    for row, image in enumerate(images):
        low, high = image.min(), image.max()
        if not (low >= 0 and high <= top):  # NaN fails every comparison
            advice = "; divide by 255 if they are 8-bit values" if kind == "f" and 1 < high <= 255 else ""
            rule = "finite and in [0, 1]" if kind == "f" else "in 0 ... 255"
            raise DataError(f"{where}: pixels must be {rule}, found {low} ... {high} in image {row}{advice}")
