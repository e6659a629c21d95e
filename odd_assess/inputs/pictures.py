"""Base images held in picture files: a folder with one sub-folder a class, or any list of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from odd_assess.errors import DataError
from odd_assess.inputs.pixels import Size, from_picture, is_grey, refuse_truncated, resized
from odd_assess.odd import Frames

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff", ".webp", ".gif"})
"""What counts as a picture in a class folder; other files are passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """What a picture file says before it is decoded: its content's hash, (height, width) as seen upright, grey or colour."""

    sha256: str
    size: Size
    grey: bool


class PictureSource:
    """Labelled picture files, decoded when asked for. All are grey if every file is grey, else all are RGB."""

    def __init__(
        self,
        paths: Sequence[Path],
        labels: NDArray[np.int64],
        class_names: Sequence[str],
        *,
        size: Size | None = None,
        frames: Frames | None = None,
    ) -> None:
        self.class_names = tuple(class_names)
        self.frames = frames
        self._paths, self._labels, self._size = tuple(paths), labels, size
        headers = {path: _header(path) for path in dict.fromkeys(paths)}
        self._grey = all(header.grey for header in headers.values())
        if size is None:
            _check_one_size(headers)
        content = sha256(repr((self.class_names, self._size, self._grey)).encode())
        for path, label in zip(paths, labels, strict=True):
            content.update(f"{headers[path].sha256} {label}\n".encode())
        self.digest = content.hexdigest()

    def __len__(self) -> int:
        return len(self._paths)

    def image(self, row: int) -> Tensor:
        """The image (C, H, W), float32 in [0, 1], upright by its EXIF orientation.

        Raises: DataError when the file is gone or damaged.
        """
        path = self._paths[row]
        refuse_truncated()
        try:
            with Image.open(path) as picture:
                return resized(from_picture(ImageOps.exif_transpose(picture), grey=self._grey), self._size)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise DataError(f"{path}: cannot be decoded as a picture ({error})") from error

    def label(self, row: int) -> int:
        """The true class of the image."""
        return int(self._labels[row])


def open_folder(path: Path, *, size: Size | None = None) -> PictureSource:
    """The pictures of a folder with one sub-folder a class, classes and files in sorted order of their names (as torchvision's ImageFolder).

    Sub-folders are searched to the bottom; names that begin with a dot are passed over. Pictures of different sizes need ``size``.

    Raises: DataError when there is no such folder, no class, no picture, a file that is no picture, or sizes differ.
    """
    if not path.is_dir():
        raise DataError(f"{path}: the folder must exist, found {'a file' if path.exists() else 'none'}")
    classes = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    found = [(file, label) for label, folder in enumerate(classes) for file in _pictures(folder)]
    if not found:
        raise DataError(
            f"{path}: must hold one sub-folder a class with pictures in it, found {len(classes)} sub-folders without a picture"
        )
    files = [file for file, _ in found]
    return PictureSource(files, np.array([label for _, label in found]), [folder.name for folder in classes], size=size)


def _pictures(folder: Path) -> list[Path]:
    files = (file for file in folder.rglob("*") if file.is_file() and file.suffix.lower() in SUFFIXES)
    return sorted(file for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts))


def _header(path: Path) -> _Header:
    if not path.is_file():
        raise DataError(f"{path}: the picture must exist, found none")
    try:
        content = path.read_bytes()
        with Image.open(BytesIO(content)) as picture:
            width, height = picture.size
            turned = picture.getexif().get(0x0112, 1) >= 5  # EXIF orientation: 5 to 8 swap the sides
            size = (width, height) if turned else (height, width)
            return _Header(sha256=sha256(content).hexdigest(), size=size, grey=is_grey(picture))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: must be a picture, and cannot be read as one ({error})") from error


def _check_one_size(headers: dict[Path, _Header]) -> None:
    first, *others = headers.items()
    for path, header in others:
        if header.size != first[1].size:
            raise DataError(
                f"{path}: pictures must have one size, found {header.size[0]} x {header.size[1]} (height x width) after "
                f"{first[1].size[0]} x {first[1].size[1]} in {first[0]}; set inputs.size: [height, width]"
            )
