"""Base images held in arrays: the handwritten digits of scikit-learn, and npz files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from odd_assess.errors import DataError
from odd_assess.inputs.pixels import Size, as_tensor, checked_labels, checked_names, resized, stacked
from odd_assess.odd import Frames

DIGITS_TRAINING = 1297  # of 1797; the rest is the test split


class ArraySource:
    """Labelled images (N, C, H, W) in memory, kept in the type they came in."""

    def __init__(
        self,
        images: NDArray[Any],
        labels: NDArray[np.int64],
        class_names: Sequence[str],
        *,
        size: Size | None = None,
        frames: Frames | None = None,
    ) -> None:
        self.class_names = tuple(class_names)
        self.frames = frames
        self._images, self._labels, self._size = images, labels, size

    def __len__(self) -> int:
        return len(self._images)

    def image(self, row: int) -> Tensor:
        """The image (C, H, W), float32 in [0, 1]."""
        return resized(as_tensor(self._images[row]), self._size)

    def label(self, row: int) -> int:
        """The true class of the image."""
        return int(self._labels[row])

    @cached_property
    def digest(self) -> str:
        """sha256 over shape, type and content of all arrays, class names and size."""
        content = sha256(repr((self._images.shape, self._images.dtype.str, self.class_names, self._size)).encode())
        for image in self._images:
            content.update(np.ascontiguousarray(image).data)
        content.update(np.ascontiguousarray(self._labels, dtype="<i8").data)
        return content.hexdigest()


def open_digits(split: str | None, *, size: Size | None = None) -> ArraySource:
    """The 1797 handwritten digits of scikit-learn, (1, 8, 8), ink is 1; splits ``train`` (the first 1297), ``test`` (the last 500), ``all``.

    The order is the original one, in which the pages of one writer stand together, so that few writers are in both splits.

    Raises: DataError for another split.
    Source: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI repository; values 0 ... 16 are read as n / 16.
    """
    from sklearn.datasets import load_digits

    rows = {"train": slice(0, DIGITS_TRAINING), "test": slice(DIGITS_TRAINING, None), "all": slice(None)}
    if (split or "test") not in rows:
        raise DataError(f"digits: split must be one of {', '.join(rows)}, found {split!r}")
    data = load_digits()
    part = rows[split or "test"]
    images = (data.images[part, None] / 16).astype(np.float32)
    return ArraySource(images, data.target[part].astype(np.int64), [str(digit) for digit in range(10)], size=size)


def open_npz(path: Path, *, size: Size | None = None) -> ArraySource:
    """The images of an npz file: arrays ``images``, ``labels`` and, where the classes have names, ``class_names``.

    Without names the classes are 0 ... the largest label.

    Raises: DataError when the file is missing, damaged, holds Python objects, or an array does not hold what it must.
    """
    arrays = read_npz(path)
    if "labels" not in arrays:
        raise DataError(f"{path}: must hold an array 'labels', found {', '.join(arrays)}")
    images = npz_images(arrays, path)
    names = npz_class_names(arrays, path)
    labels = checked_labels(arrays["labels"], None if names is None else len(names), f"{path}: labels")
    if len(labels) != len(images):
        raise DataError(f"{path}: images and labels must have the same length, found {len(images)} and {len(labels)}")
    return ArraySource(images, labels, names or numbered(labels), size=size)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an npz file; nothing in it is ever unpickled.

    Raises: DataError when the file is missing, not an npz, damaged, or holds Python objects.
    """
    if not path.is_file():
        raise DataError(f"{path}: the file must exist, found none")
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path}: must be an npz file (numpy.savez), found another format or a truncated file; write it again")
    name = "arrays"
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {}
            for name in archive.files:
                arrays[name] = archive[name]
            return arrays
    except (OSError, ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        if "allow_pickle" in str(error):
            raise DataError(
                f"{path}: {name}: must be numbers or strings, found Python objects; save it with .astype(str)"
            ) from error
        raise DataError(f"{path}: {name}: cannot be read: the file is damaged ({error}); write it again") from error


def npz_images(arrays: dict[str, NDArray[Any]], path: Path) -> NDArray[Any]:
    """The array ``images`` as (N, C, H, W), checked.

    Raises: DataError when it is missing or not images.
    """
    if "images" not in arrays:
        raise DataError(f"{path}: must hold an array 'images', found {', '.join(arrays) or 'no arrays'}")
    images = stacked(arrays["images"], f"{path}: images")
    if images.dtype.kind in "iu" and int(images.max()) <= 1:
        raise DataError(f"{path}: images: integers are read as n / 255, found none over 1; save images in [0, 1] as floats")
    return images


def npz_class_names(arrays: dict[str, NDArray[Any]], path: Path) -> tuple[str, ...] | None:
    """The array ``class_names``, or None where there is none.

    Raises: DataError unless they are distinct strings.
    """
    return checked_names(arrays["class_names"], f"{path}: class_names") if "class_names" in arrays else None


def numbered(labels: NDArray[np.int64]) -> tuple[str, ...]:
    """Names for classes that have none: "0" ... the largest label."""
    return tuple(str(label) for label in range(int(labels.max()) + 1))
