"""Tables of frames: images from files or from an npz, columns that are ODD attributes, and the project's real traffic signs."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from odd_assess.errors import DataError
from odd_assess.inputs import Source, open_source
from odd_assess.odd import Frames
from odd_assess.records import InputDeclaration

IMAGES = np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8)
TABLE = "file,row,sign,number,width,weather,night,gap\nz.png,3,stop,1,20,None,true,\na.png,0,yield,0,30.5,rain,false,2\nz.png,3,stop,1,,fog,true,3\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A table, two pictures and an npz."""
    (tmp_path / "frames.csv").write_text(TABLE)
    for name, row in (("z.png", 3), ("a.png", 0)):
        Image.fromarray(IMAGES[row]).save(tmp_path / name)
    np.savez(tmp_path / "data.npz", images=IMAGES, class_names=np.array(["yield", "stop"]))
    np.savez(tmp_path / "labelled.npz", images=IMAGES, labels=np.array([0, 0, 0, 1]))
    return tmp_path


def pictures(folder: Path, columns: dict[str, str] | None = None, **changes: Any) -> Source:
    declaration = {"kind": "table", "path": folder / "frames.csv", "image_column": "file", "label_column": "sign", **changes}
    source = open_source(InputDeclaration(**declaration), columns or {})
    assert isinstance(source, Source)
    return source


def rows(folder: Path, columns: dict[str, str] | None = None, **changes: Any) -> Source:
    arrays = {"image_column": None, "row_column": "row", "arrays": folder / "data.npz", "label_column": "number", **changes}
    return pictures(folder, columns, **arrays)


def test_both_ways_to_the_images_agree(folder: Path) -> None:
    """Paths relative to the table, or rows of an npz; in the table's order, with repetition."""
    by_file, by_row = pictures(folder), rows(folder)
    assert len(by_file) == len(by_row) == 3
    for row in range(3):
        assert torch.equal(by_file.image(row), by_row.image(row))
    assert [by_row.label(row) for row in range(3)] == [1, 0, 1]
    assert by_row.class_names == ("yield", "stop")
    assert [by_file.class_names[by_file.label(row)] for row in range(3)] == ["stop", "yield", "stop"]
    assert by_file.frames is None


def test_labels_may_be_names_or_the_npzs_own(folder: Path) -> None:
    """Names are looked up in the npz; without a column the npz's labels are taken; numbers without names are numbered."""
    assert [rows(folder, label_column="sign").label(row) for row in range(3)] == [1, 0, 1]
    own = rows(folder, label_column=None, arrays=folder / "labelled.npz")
    assert [own.label(row) for row in range(3)] == [1, 0, 1]
    assert pictures(folder, label_column="number").class_names == ("0", "1")


def test_columns_become_frames(folder: Path) -> None:
    """Numbers with NaN for missing, text and booleans with None; a label None stays a label."""
    frames = rows(folder, {"w": "width", "weather": "weather", "dark": "night", "gap": "gap"}).frames
    assert isinstance(frames, Frames)
    assert np.array_equal(frames.values["w"], [20, 30.5, np.nan], equal_nan=True)
    assert frames.values["weather"].tolist() == ["None", "rain", "fog"]
    assert frames.values["dark"].tolist() == [True, False, True]
    assert np.array_equal(frames.values["gap"], [np.nan, 2, 3], equal_nan=True)


def test_parquet_is_read_like_csv(folder: Path) -> None:
    """With pyarrow, the same frames and labels."""
    pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    pd.read_csv(folder / "frames.csv", keep_default_na=False, na_values=[""]).to_parquet(folder / "frames.parquet")
    source = rows(folder, {"w": "width", "weather": "weather"}, path=folder / "frames.parquet")
    assert [source.label(row) for row in range(3)] == [1, 0, 1]
    assert source.frames is not None
    assert np.array_equal(source.frames.values["w"], [20, 30.5, np.nan], equal_nan=True)
    assert source.frames.values["weather"].tolist() == ["None", "rain", "fog"]


def test_digest_covers_table_and_images(folder: Path) -> None:
    """A changed entry and a changed pixel each change it."""
    before = pictures(folder).digest
    assert before == pictures(folder).digest
    Image.fromarray(IMAGES[1]).save(folder / "a.png")
    changed = pictures(folder).digest
    (folder / "frames.csv").write_text(TABLE.replace("30.5", "31"))
    assert len({before, changed, pictures(folder).digest}) == 3


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("pictures", {"path": Path("none.csv")}, "none.csv: the table must exist, found none"),
        ("pictures", {"image_column": "path"}, "frames.csv: must have a column 'path', found file, row, sign"),
        ("pictures", {"label_column": None}, "a table of picture paths needs inputs.label"),
        ("pictures", {"label_column": "gap"}, "gap: every row must have a value, row 0 is empty"),
        ("pictures", {"image_column": "sign"}, "stop: the picture must exist, found none"),
        ("rows", {"arrays": None}, "a table of rows needs inputs.arrays"),
        ("rows", {"row_column": "sign"}, r"sign: rows must be whole numbers in 0 \.\.\. 3, found (object|str)"),
        (
            "rows",
            {"label_column": "weather"},
            "weather: labels must be whole numbers or one of the class names yield, stop, found 'None'",
        ),
        ("rows", {"label_column": "row"}, r"row: labels must lie in 0 \.\.\. 1 \(2 classes are named\), found 3 at row 0"),
        ("rows", {"label_column": None}, "labels must stand in a column .inputs.label. or in .*data.npz, found neither"),
        ("rows", {"image_column": "file"}, "needs a path and one of a column of images and a column of rows"),
    ],
)
def test_tables_that_cannot_be_used(folder: Path, kind: str, changes: dict[str, Any], message: str) -> None:
    """File and column are named."""
    with pytest.raises(DataError, match=message):
        {"pictures": pictures, "rows": rows}[kind](folder, **changes)


def test_rows_labels_and_tables_out_of_order(folder: Path) -> None:
    """A row beyond the npz, labels that disagree with the npz, an empty table, one that is no table."""
    (folder / "frames.csv").write_text(TABLE.replace("z.png,3,", "z.png,4,"))
    with pytest.raises(DataError, match=r"row: rows must be whole numbers in 0 \.\.\. 3, found 0 \.\.\. 4"):
        rows(folder)
    (folder / "frames.csv").write_text(TABLE.replace("yield,0", "yield,1"))
    with pytest.raises(DataError, match=r"number: labels must agree with .*labelled.npz, found 1 and 0 at row 1"):
        rows(folder, arrays=folder / "labelled.npz")
    (folder / "frames.csv").write_text(TABLE.splitlines()[0])
    with pytest.raises(DataError, match="the table must have at least one row"):
        rows(folder)
    (folder / "frames.csv").write_text("")
    with pytest.raises(DataError, match=r"frames.csv: cannot be read as a table"):
        rows(folder)
    (folder / "frames.csv").write_bytes(b"\xff\xfe\x00a,b\n1,2")
    with pytest.raises(DataError, match=r"frames.csv: cannot be read as a table"):
        rows(folder)


@pytest.fixture(scope="module")
def signs(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The traffic signs as a user would have them: an npz and a CSV, written by the script beside the data."""
    data, out = tmp_path_factory.mktemp("archive"), tmp_path_factory.mktemp("signs")
    for name in ("prepare.py", "gtsrb_test_dev.npz"):
        shutil.copy(shared / "data" / name, data)
    subprocess.run([sys.executable, str(data / "prepare.py"), str(out)], check=True, capture_output=True)
    return out


def test_real_traffic_signs_as_npz(signs: Path) -> None:
    """6309 colour images of 43 named classes."""
    source = open_source(InputDeclaration(kind="npz", path=signs / "gtsrb_test_dev.npz"))
    assert isinstance(source, Source)
    assert len(source) == 6309
    assert len(source.class_names) == 43
    assert source.image(6308).shape == (3, 32, 32)
    assert 0 < float(source.image(0).mean()) < 1


def test_real_traffic_signs_as_table(signs: Path) -> None:
    """Rows, labels and measured columns fit together: the luminance column is close to that of the picture."""
    declaration = InputDeclaration(
        kind="table",
        path=signs / "gtsrb_test_dev_metadata.csv",
        row_column="row",
        arrays=signs / "gtsrb_test_dev.npz",
        label_column="label",
    )
    source = open_source(declaration, {"size.width": "width", "light": "roi_luminance"})
    assert isinstance(source, Source)
    assert source.frames is not None
    assert len(source.frames) == len(source) == 6309
    assert source.frames.values["size.width"].min() > 10
    measured = [float(source.image(row)[:, 6:26, 6:26].mean()) * 255 for row in range(200)]
    assert np.corrcoef(measured, source.frames.values["light"][:200])[0, 1] > 0.95
