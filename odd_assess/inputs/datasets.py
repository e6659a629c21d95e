"""Base images of a torchvision data set, by its class name: GTSRB, CIFAR10, MNIST, ..."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from odd_assess.errors import DataError
from odd_assess.inputs.arrays import numbered
from odd_assess.inputs.pixels import Size, checked_labels, from_picture, is_grey, refuse_truncated, resized

_GTSRB_NAMES = (
    "20 km/h",
    "30 km/h",
    "50 km/h",
    "60 km/h",
    "70 km/h",
    "80 km/h",
    "end of 80 km/h",
    "100 km/h",
    "120 km/h",
    "no passing",
    "no passing for trucks",
    "right of way",
    "priority road",
    "yield",
    "stop",
    "no vehicles",
    "no trucks",
    "no entry",
    "danger",
    "bend left",
    "bend right",
    "double bend",
    "uneven road",
    "slippery road",
    "road narrows",
    "road works",
    "traffic signals",
    "pedestrians",
    "children",
    "bicycles",
    "snow",
    "wild animals",
    "end of restrictions",
    "turn right",
    "turn left",
    "ahead only",
    "ahead or right",
    "ahead or left",
    "keep right",
    "keep left",
    "roundabout",
    "end of no passing",
    "end of no passing for trucks",
)  # torchvision's GTSRB carries no names; order of the benchmark (Stallkamp et al. 2012)


class DatasetSource:
    """Labelled pictures of a torchvision data set, decoded when asked for. All are grey if the first is grey, else all are RGB."""

    frames = None

    def __init__(
        self, dataset: Any, labels: NDArray[np.int64], class_names: Sequence[str], *, name: str, size: Size | None = None
    ) -> None:
        self.class_names = tuple(class_names)
        self._dataset, self._labels, self._name, self._size = dataset, labels, name, size
        self._grey = is_grey(self._picture(0))

    def __len__(self) -> int:
        return len(self._labels)

    def image(self, row: int) -> Tensor:
        """The image (C, H, W), float32 in [0, 1].

        Raises: DataError when it cannot be decoded.
        """
        return resized(from_picture(self._picture(row), grey=self._grey), self._size)

    def label(self, row: int) -> int:
        """The true class of the image."""
        return int(self._labels[row])

    @cached_property
    def digest(self) -> str:
        """sha256 over all decoded pictures, labels, class names and the size; computed on first use, one picture at a time."""
        content = sha256(repr((self.class_names, self._size, self._grey)).encode())
        for row in range(len(self)):
            picture = self._picture(row)
            content.update(f"{picture.mode} {picture.size} {self._labels[row]}\n".encode())
            content.update(picture.tobytes())
        return content.hexdigest()

    def _picture(self, row: int) -> Image.Image:
        refuse_truncated()
        try:
            picture, *_ = self._dataset[row]
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise DataError(f"torchvision:{self._name}: picture {row} cannot be decoded ({error})") from error
        if not isinstance(picture, Image.Image):
            raise DataError(f"torchvision:{self._name}: must be a data set of pictures, found {type(picture).__name__}")
        return picture


def open_torchvision(name: str, root: Path, *, split: str | None, download: bool, size: Size | None = None) -> DatasetSource:
    """The pictures of ``torchvision.datasets.<name>`` under ``root``; ``split`` defaults to ``test``.

    Raises: DataError for an unknown data set or split, files that are not there, or a data set that does not classify pictures.
    """
    factory = _factory(name)
    dataset = _opened(name, factory, root, split or "test", download=download)
    labels = _labels(dataset, name)
    names = _names(dataset, name, labels)
    return DatasetSource(dataset, checked_labels(labels, len(names), f"torchvision:{name}"), names, name=name, size=size)


def _factory(name: str) -> Callable[..., Any]:
    from torchvision import datasets

    known = [candidate for candidate in datasets.__all__ if "root" in inspect.signature(getattr(datasets, candidate)).parameters]
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"
        raise DataError(f"torchvision:{name}: must be a data set of torchvision.datasets{hint}")
    factory: Callable[..., Any] = getattr(datasets, name)
    return factory


def _opened(name: str, factory: Callable[..., Any], root: Path, split: str, *, download: bool) -> Any:
    accepted = inspect.signature(factory).parameters
    arguments: dict[str, Any] = {"root": root}
    if "split" in accepted:
        arguments["split"] = split
    elif "train" in accepted:
        if split not in {"train", "test"}:
            raise DataError(f"torchvision:{name}: split must be train or test, found {split!r}")
        arguments["train"] = split == "train"
    if "download" in accepted:
        arguments["download"] = download
    try:
        return factory(**arguments)
    except ValueError as error:
        raise DataError(f"torchvision:{name}: split {split!r} cannot be opened ({error})") from error
    except TypeError as error:
        raise DataError(f"torchvision:{name}: needs more than root and split ({error}); export it to a folder or an npz") from error
    except (RuntimeError, OSError) as error:
        how = "the download failed; check the network" if download else "put its files there or set inputs.download: true"
        raise DataError(f"torchvision:{name}: must lie under {root}, and does not ({_one_line(error)}); {how}") from error


def _labels(dataset: Any, name: str) -> NDArray[Any]:
    """Every label, without decoding the pictures where torchvision keeps them apart."""
    for attribute in ("targets", "labels", "_labels"):
        if (held := getattr(dataset, attribute, None)) is not None and len(held) == len(dataset):
            return np.asarray(held)
    samples = getattr(dataset, "_samples", None) or getattr(dataset, "samples", None)
    pairs = samples if samples is not None and len(samples) == len(dataset) else dataset
    labels = [entry[1] for entry in pairs]
    if not labels or not all(isinstance(label, int | np.integer) for label in labels):
        raise DataError(
            f"torchvision:{name}: must give every picture one class, found {type(labels[0]).__name__ if labels else 'no pictures'}"
        )
    return np.asarray(labels)


def _names(dataset: Any, name: str, labels: NDArray[Any]) -> tuple[str, ...]:
    if name == "GTSRB":
        return _GTSRB_NAMES
    classes = getattr(dataset, "classes", None)
    if not classes:
        return numbered(labels.astype(np.int64))
    return tuple(entry if isinstance(entry, str) else ", ".join(map(str, entry)) for entry in classes)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
