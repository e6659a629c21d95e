"""Base images listed in a table (CSV or Parquet), one row a frame: where the image is, its label, and columns that are ODD attributes."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from odd_assess.errors import DataError, MissingLibraryError
from odd_assess.inputs.arrays import ArraySource, npz_class_names, npz_images, numbered, read_npz
from odd_assess.inputs.pictures import PictureSource
from odd_assess.inputs.pixels import checked_labels
from odd_assess.odd import Frames
from odd_assess.records import InputDeclaration

if TYPE_CHECKING:
    import pandas as pd

EMPTY = ["", "NaN", "nan", "NA", "N/A"]
"""What counts as a missing entry of a CSV. Words such as None or null are not among them: they may be labels."""


class TableSource:
    """The frames of a table, in its order; the images come from picture files or from the rows of an npz."""

    def __init__(self, images: ArraySource | PictureSource, frames: Frames | None, *, table_digest: str) -> None:
        self.class_names = images.class_names
        self.frames = frames
        self._images, self._table_digest = images, table_digest

    def __len__(self) -> int:
        return len(self._images)

    def image(self, row: int) -> Tensor:
        """The image (C, H, W), float32 in [0, 1]."""
        return self._images.image(row)

    def label(self, row: int) -> int:
        """The true class of the image."""
        return self._images.label(row)

    @property
    def digest(self) -> str:
        """sha256 over the table file and the content of the images that it names."""
        return sha256(f"{self._table_digest} {self._images.digest}".encode()).hexdigest()


def open_table(declaration: InputDeclaration, columns: Mapping[str, str]) -> TableSource:
    """The frames of the table ``declaration.path``; ``columns`` maps ODD attributes to the columns that hold their values.

    Either ``image_column`` holds picture paths, relative to the table's folder, or ``row_column`` holds rows of the npz ``arrays``. Labels are
    whole numbers, or names where the npz names the classes or all are names (classes in sorted order). Without ``label_column`` they are the npz's own;
    where both are given they must agree.

    Raises: DataError when a file is missing or damaged, a column is missing, an entry is empty, a row or label is out of range, or labels disagree;
    MissingLibraryError for Parquet without pyarrow.
    """
    path = declaration.path
    if path is None or (declaration.image_column is None) == (declaration.row_column is None):
        raise DataError(f"{path}: a table needs a path and one of a column of images and a column of rows")
    table = _read(path)
    if table.empty:
        raise DataError(f"{path}: the table must have at least one row, found none")
    images = _picture_rows(declaration, table, path) if declaration.image_column else _array_rows(declaration, table, path)
    values = {attribute: _values(table, column, path) for attribute, column in columns.items()}
    return TableSource(images, Frames(values=values) if values else None, table_digest=sha256(path.read_bytes()).hexdigest())


def _picture_rows(declaration: InputDeclaration, table: pd.DataFrame, path: Path) -> PictureSource:
    assert declaration.image_column is not None
    if declaration.label_column is None:
        raise DataError(f"{path}: a table of picture paths needs inputs.label, the column of the classes")
    files = [path.parent / str(entry) for entry in _filled(table, declaration.image_column, path)]
    labels, names = _labels(_filled(table, declaration.label_column, path), None, f"{path}: {declaration.label_column}")
    return PictureSource(files, labels, names, size=declaration.size)


def _array_rows(declaration: InputDeclaration, table: pd.DataFrame, path: Path) -> ArraySource:
    assert declaration.row_column is not None
    if declaration.arrays is None:
        raise DataError(f"{path}: a table of rows needs inputs.arrays, the npz file that they point into")
    arrays = read_npz(declaration.arrays)
    images, names = npz_images(arrays, declaration.arrays), npz_class_names(arrays, declaration.arrays)
    rows = checked_rows(_filled(table, declaration.row_column, path), len(images), f"{path}: {declaration.row_column}")
    own = None
    if "labels" in arrays:
        own = checked_labels(arrays["labels"], None if names is None else len(names), f"{declaration.arrays}: labels")
        if len(own) != len(images):
            raise DataError(
                f"{declaration.arrays}: images and labels must have the same length, found {len(images)} and {len(own)}"
            )
    if declaration.label_column is None:
        if own is None:
            raise DataError(f"{path}: labels must stand in a column (inputs.label) or in {declaration.arrays}, found neither")
        return ArraySource(images[rows], own[rows], names or numbered(own), size=declaration.size)
    labels, names = _labels(_filled(table, declaration.label_column, path), names, f"{path}: {declaration.label_column}")
    if own is not None and (labels != own[rows]).any():
        first = int(np.flatnonzero(labels != own[rows])[0])
        raise DataError(
            f"{path}: {declaration.label_column}: labels must agree with {declaration.arrays}, found {labels[first]} and "
            f"{own[rows][first]} at row {first}"
        )
    return ArraySource(images[rows], labels, names, size=declaration.size)


def checked_rows(entries: NDArray[Any], count: int, where: str) -> NDArray[np.int64]:
    """Row numbers into ``count`` images.

    Raises: DataError unless they are whole numbers in [0, count).
    """
    if entries.dtype.kind not in "iu" or (entries < 0).any() or (entries >= count).any():
        found = entries.dtype if entries.dtype.kind not in "iu" else f"{entries.min()} ... {entries.max()}"
        raise DataError(f"{where}: rows must be whole numbers in 0 ... {count - 1}, found {found}")
    return entries.astype(np.int64)


def _labels(entries: NDArray[Any], names: tuple[str, ...] | None, where: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels as numbers, and the class names; entries are numbers or names."""
    if entries.dtype.kind in "iu":
        labels = checked_labels(entries, None if names is None else len(names), where)
        return labels, names or numbered(labels)
    strings = [str(entry) for entry in entries]
    known = names or tuple(sorted(set(strings)))
    if unknown := sorted(set(strings) - set(known)):
        raise DataError(f"{where}: labels must be whole numbers or one of the class names {', '.join(known)}, found {unknown[0]!r}")
    number = {name: label for label, name in enumerate(known)}
    return np.array([number[name] for name in strings], dtype=np.int64), known


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        raise DataError(f"{path}: the table must exist, found none")
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return pd.read_parquet(path)
        return pd.read_csv(path, keep_default_na=False, na_values=EMPTY)
    except ImportError as error:
        raise MissingLibraryError(f"{path}: reading Parquet needs pyarrow: pip install 'odd-assess[parquet]'") from error
    except (OSError, ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path}: cannot be read as a table ({' '.join(str(error).split())})") from error


def _column(table: pd.DataFrame, column: str, path: Path) -> pd.Series[Any]:
    if column not in table.columns:
        raise DataError(f"{path}: must have a column {column!r}, found {', '.join(map(str, table.columns))}")
    return table[column]


def _filled(table: pd.DataFrame, column: str, path: Path) -> NDArray[Any]:
    series = _column(table, column, path)
    if series.isna().any():
        raise DataError(f"{path}: {column}: every row must have a value, row {int(series.isna().to_numpy().argmax())} is empty")
    return np.asarray(series.to_numpy())


def _values(table: pd.DataFrame, column: str, path: Path) -> NDArray[Any]:
    """The values of an attribute: float64 with NaN for missing, or objects (text, booleans) with None for missing."""
    import pandas as pd

    series = _column(table, column, path)
    if pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series):
        return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
    return np.array(
        [None if missing else value for value, missing in zip(series.tolist(), series.isna(), strict=True)], dtype=object
    )
