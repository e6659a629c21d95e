"""Every kind of source: what it reads, and that it refuses what cannot be used, naming the file and the array."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from odd_assess.errors import DataError
from odd_assess.inputs import Renderer, Source, open_source
from odd_assess.inputs.pixels import stacked
from odd_assess.records import InputDeclaration

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def opened(**declaration: Any) -> Source:
    source = open_source(InputDeclaration(**declaration))
    assert isinstance(source, Source)
    return source


def npz(folder: Path, **arrays: Any) -> Path:
    path = folder / "data.npz"
    np.savez(path, **{"images": IMAGES, "labels": LABELS, **arrays})
    return path


# ---------------------------------------------------------------- digits


def test_digits_are_scikit_learns() -> None:
    """1797 digits in two parts that do not overlap; ink is one, paper zero."""
    test, train, both = (opened(kind="digits", split=split) for split in ("test", "train", "all"))
    assert (len(test), len(train), len(both)) == (500, 1297, 1797)
    assert torch.equal(test.image(0), both.image(1297))
    assert test.image(0).shape == (1, 8, 8)
    assert test.image(0).dtype == torch.float32
    assert both.class_names == tuple("0123456789")
    assert [both.label(row) for row in range(10)] == list(range(10))
    assert float(both.image(0).max()) == 15 / 16
    with pytest.raises(DataError, match="digits: split must be one of train, test, all, found 'tets'"):
        opened(kind="digits", split="tets")


def test_images_are_brought_to_the_declared_size() -> None:
    """Bilinear with antialiasing, in range; the digest tells sizes apart."""
    large = opened(kind="digits", size=(16, 12))
    assert large.image(0).shape == (1, 16, 12)
    assert 0 <= float(large.image(0).min()) <= float(large.image(0).max()) <= 1
    assert large.digest != opened(kind="digits").digest


# ---------------------------------------------------------------- npz


@pytest.mark.parametrize(
    ("images", "shape"),
    [
        (IMAGES, (3, 8, 8)),
        (IMAGES.transpose(0, 3, 1, 2), (3, 8, 8)),
        (IMAGES[..., 0], (1, 8, 8)),
        (IMAGES[..., :1], (1, 8, 8)),
        (IMAGES.astype(np.int64), (3, 8, 8)),
        ((IMAGES / 255).astype(np.float64), (3, 8, 8)),
    ],
)
def test_npz_layouts_and_types_give_the_same_pixels(tmp_path: Path, images: Any, shape: tuple[int, ...]) -> None:
    """Channels first, last or absent; 8-bit integers as n / 255, floats as they are."""
    source = opened(kind="npz", path=npz(tmp_path, images=images))
    assert source.image(2).shape == shape
    expected = torch.from_numpy(IMAGES[2, :, :, 0].astype(np.float32) / 255)
    assert torch.allclose(source.image(2)[0], expected, atol=1e-7)
    assert source.label(2) == 2
    assert source.class_names == ("0", "1", "2")
    source.image(2).fill_(0)
    assert torch.allclose(source.image(2)[0], expected, atol=1e-7)


def test_npz_class_names(tmp_path: Path) -> None:
    """Named classes may outnumber those that occur."""
    source = opened(kind="npz", path=npz(tmp_path, class_names=np.array(["stop", "yield", "no entry", "bend"])))
    assert source.class_names == ("stop", "yield", "no entry", "bend")


def test_the_digest_is_over_the_content(tmp_path: Path) -> None:
    """The same arrays in another file have the same digest; one pixel, one label or one name more has not."""
    named = {"class_names": np.array(["a", "b", "c"])}
    (tmp_path / "other").mkdir()
    digest = opened(kind="npz", path=npz(tmp_path)).digest
    assert digest == opened(kind="npz", path=npz(tmp_path / "other")).digest
    changed = IMAGES.copy()
    changed[5, 7, 7, 2] ^= 1
    for arrays in ({"images": changed}, {"labels": LABELS[::-1]}, named):
        assert opened(kind="npz", path=npz(tmp_path, **arrays)).digest != digest


def spoiled(value: float) -> Any:
    images = (IMAGES / 255).astype(np.float32)
    images[4, 3, 3, 1] = value
    return images


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": spoiled(np.nan)}, r"data.npz: images: pixels must be finite and in \[0, 1\], found nan ... nan in image 4"),
        ({"images": spoiled(np.inf)}, "found .* inf in image 4"),
        ({"images": IMAGES.astype(np.float32)}, r"images: pixels must be finite and in \[0, 1\].*divide by 255"),
        ({"images": spoiled(-0.1)}, r"found -0.1\d* \.\.\. .* in image 4"),
        ({"images": IMAGES.astype(np.int32) * 2}, r"pixels must be in 0 \.\.\. 255"),
        ({"images": IMAGES > 128}, "pixels must be integers in 0 ... 255 or floats in .* found bool"),
        ({"images": (IMAGES > 128).astype(np.uint8)}, "found none over 1; save images in .* as floats"),
        ({"images": IMAGES[0]}, r"images and labels must have the same length, found 8 and 6"),
        ({"images": IMAGES[0, 0]}, r"images must have shape .* found \(8, 3\)"),
        ({"images": IMAGES[:0]}, r"none of them 0, found \(0, 8, 8, 3\)"),
        ({"images": np.zeros((6, 8, 8, 4), np.uint8)}, "1 or 3 channels, second or last in the shape, found .* neither fits"),
        ({"images": np.zeros((6, 3, 8, 3), np.uint8)}, "found .* where both fit"),
        ({"labels": LABELS[:5]}, "images and labels must have the same length, found 6 and 5"),
        ({"labels": LABELS - 1}, "labels must lie from 0 up, found -1 at row 0"),
        ({"labels": LABELS.astype(float)}, "labels must be one row of whole numbers, found float64"),
        (
            {"class_names": np.array(["a", "b"])},
            r"labels must lie in 0 \.\.\. 1 \(2 classes are named\), found 2 at row 2 \(2 such rows\)",
        ),
        ({"class_names": np.array(["a", "b", "a"])}, "class names must differ, found 'a' twice"),
        ({"class_names": np.array([1, 2, 3])}, "class names must be one row of strings"),
        (
            {"class_names": np.array(["a", "b", None])},
            r"class_names: must be numbers or strings, found Python objects; .*astype\(str\)",
        ),
    ],
)
def test_npz_that_cannot_be_used(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    """One message: file, array, what must hold, what was found."""
    path = npz(tmp_path, **arrays)
    with pytest.raises(DataError, match=message) as refusal:
        opened(kind="npz", path=path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_npz_without_its_arrays(tmp_path: Path) -> None:
    """The arrays that were found are named."""
    np.savez(tmp_path / "x.npz", x_train=IMAGES, labels=LABELS)
    with pytest.raises(DataError, match=r"x.npz: must hold an array 'images', found x_train, labels"):
        opened(kind="npz", path=tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", images=IMAGES)
    with pytest.raises(DataError, match="must hold an array 'labels', found images"):
        opened(kind="npz", path=tmp_path / "y.npz")


@pytest.mark.parametrize("kept", [0, 10, 700, -1])
def test_truncated_npz(tmp_path: Path, kept: int) -> None:
    """Wherever the file was cut."""
    path = npz(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"data.npz: must be an npz file .* found another format or a truncated file"):
        opened(kind="npz", path=path)


def test_damaged_npz(tmp_path: Path) -> None:
    """A flipped byte inside is found by the archive's checksum, and the array is named."""
    path = npz(tmp_path)
    content = bytearray(path.read_bytes())
    content[600] ^= 255
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"data.npz: images: cannot be read: the file is damaged"):
        opened(kind="npz", path=path)


def test_what_is_no_npz(tmp_path: Path) -> None:
    """A missing file, a single array, a picture."""
    with pytest.raises(DataError, match=r"none.npz: the file must exist, found none"):
        opened(kind="npz", path=tmp_path / "none.npz")
    np.save(tmp_path / "a.npy", IMAGES)
    with pytest.raises(DataError, match=r"a.npy: must be an npz file"):
        opened(kind="npz", path=tmp_path / "a.npy")


def test_a_single_black_frame_is_an_image() -> None:
    """Only a whole data set without a value over one is suspicious."""
    assert stacked(np.zeros((1, 8, 8), np.uint8), "x").shape == (1, 1, 8, 8)


# ---------------------------------------------------------------- folder


def picture(path: Path, pixels: Any, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def test_folder_is_read_in_sorted_order(tmp_path: Path) -> None:
    """Classes by name, files by path below them; hidden and other files are passed over."""
    for name, level in (("b/2.png", 20), ("b/1.png", 10), ("a/deep/z.png", 30), (".git/x.png", 99), ("a/.x.png", 99)):
        picture(tmp_path / name, np.full((8, 6), level, np.uint8))
    (tmp_path / "b" / "notes.csv").write_text("x")
    source = opened(kind="folder", path=tmp_path)
    assert source.class_names == ("a", "b")
    assert [(source.label(row), round(float(source.image(row).max()) * 255)) for row in range(len(source))] == [
        (0, 30),
        (1, 10),
        (1, 20),
    ]
    assert source.image(0).shape == (1, 8, 6)


def test_folder_turns_pictures_upright(tmp_path: Path) -> None:
    """By their EXIF orientation (6: turn clockwise), so a portrait photograph has the landscape file's shape turned."""
    pixels = np.zeros((8, 12), np.uint8)
    pixels[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(tmp_path / "a" / "x.png", pixels, exif=exif)
    picture(tmp_path / "a" / "y.png", np.zeros((12, 8), np.uint8))
    image = opened(kind="folder", path=tmp_path).image(0)
    assert image.shape == (1, 12, 8)
    assert float(image[0, 0, 7]) == 1


def test_folder_with_colour_anywhere_is_colour(tmp_path: Path) -> None:
    """Grey, palette, transparent and 16-bit pictures become RGB beside a colour one."""
    picture(tmp_path / "a" / "1.png", np.full((8, 8), 51, np.uint8))
    picture(tmp_path / "a" / "2.png", np.full((8, 8, 4), 51, np.uint8))
    picture(tmp_path / "a" / "3.png", np.full((8, 8), 51 * 257, np.uint16))
    Image.new("P", (8, 8)).save(tmp_path / "a" / "4.gif")
    source = opened(kind="folder", path=tmp_path)
    for row in range(3):
        assert torch.allclose(source.image(row), torch.full((3, 8, 8), 0.2), atol=1e-6)
    assert source.image(3).shape == (3, 8, 8)


def test_folder_of_mixed_sizes_needs_a_size(tmp_path: Path) -> None:
    """Both sizes are named; with a size all fit."""
    picture(tmp_path / "a" / "1.png", np.zeros((8, 8), np.uint8))
    picture(tmp_path / "a" / "2.png", np.zeros((9, 8), np.uint8))
    with pytest.raises(
        DataError, match=r"2.png: pictures must have one size, found 9 x 8 .* after 8 x 8 in .*1.png; set inputs.size"
    ):
        opened(kind="folder", path=tmp_path)
    assert opened(kind="folder", path=tmp_path, size=(8, 8)).image(1).shape == (1, 8, 8)


def test_folder_digest_follows_the_content(tmp_path: Path) -> None:
    """Another pixel gives another digest, a moved folder does not."""
    picture(tmp_path / "one" / "a" / "1.png", np.zeros((8, 8), np.uint8))
    picture(tmp_path / "two" / "a" / "1.png", np.zeros((8, 8), np.uint8))
    first = opened(kind="folder", path=tmp_path / "one").digest
    assert first == opened(kind="folder", path=tmp_path / "two").digest
    picture(tmp_path / "two" / "a" / "1.png", np.eye(8, dtype=np.uint8))
    assert first != opened(kind="folder", path=tmp_path / "two").digest


def test_folders_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, empty, without classes, with a file that is no picture, with a truncated picture."""
    with pytest.raises(DataError, match="none: the folder must exist, found none"):
        opened(kind="folder", path=tmp_path / "none")
    with pytest.raises(DataError, match="one sub-folder a class with pictures in it, found 0 sub-folders"):
        opened(kind="folder", path=tmp_path)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as WeasyPrint leaves it
    noise = picture(tmp_path / "a" / "1.bmp", IMAGES[0])
    noise.write_bytes(noise.read_bytes()[:150])
    with pytest.raises(DataError, match=r"1.bmp: cannot be decoded as a picture"):
        opened(kind="folder", path=tmp_path).image(0)
    (tmp_path / "a" / "2.png").write_text("no picture")
    with pytest.raises(DataError, match=r"2.png: must be a picture"):
        opened(kind="folder", path=tmp_path)


# ---------------------------------------------------------------- torchvision


def test_torchvision_mnist(tmp_path: Path) -> None:
    """From its raw files, as a download leaves them."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for stem in ("train", "t10k"):
        (raw / f"{stem}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, 6, 8, 8) + IMAGES[..., 0].tobytes())
        (raw / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 6) + LABELS.astype(np.uint8).tobytes())
    source = opened(kind="torchvision", reference="MNIST", path=tmp_path, split="test")
    assert source.image(1).shape == (1, 8, 8)
    assert [source.label(row) for row in range(6)] == LABELS.tolist()
    assert source.class_names[0] == "0 - zero"
    assert len(source.digest) == 64
    with pytest.raises(DataError, match="torchvision:MNIST: split must be train or test, found 'val'"):
        opened(kind="torchvision", reference="MNIST", path=tmp_path, split="val")


def test_torchvision_gtsrb(tmp_path: Path) -> None:
    """Traffic signs of mixed sizes, with the benchmark's 43 names."""
    for label, height in ((0, 20), (14, 30)):
        picture(
            tmp_path / "gtsrb" / "GTSRB" / "Training" / f"{label:05d}" / "00000_00000.ppm",
            np.full((height, 24, 3), label, np.uint8),
        )
    source = opened(kind="torchvision", reference="GTSRB", path=tmp_path, split="train", size=(32, 32))
    assert len(source.class_names) == 43
    assert [source.image(row).shape for row in range(2)] == [(3, 32, 32)] * 2
    assert source.class_names[14] == "stop"
    with pytest.raises(DataError, match="torchvision:GTSRB: split 'val' cannot be opened"):
        opened(kind="torchvision", reference="GTSRB", path=tmp_path, split="val")


def test_torchvision_data_that_are_not_there(tmp_path: Path) -> None:
    """The message says how to get them; a misspelt name gets a suggestion."""
    with pytest.raises(DataError, match=r"torchvision:CIFAR10: must lie under .* put its files there or set inputs.download: true"):
        opened(kind="torchvision", reference="CIFAR10", path=tmp_path)
    with pytest.raises(DataError, match=r"torchvision:CIFAR: must be a data set .* did you mean 'CIFAR10'"):
        opened(kind="torchvision", reference="CIFAR", path=tmp_path)


# ---------------------------------------------------------------- callable

RENDERER = """
import numpy as np

def scene(values, seed):
    return np.full((8, 8), values["light"], np.float32), int(values["sign"])

scene.class_names = ("stop", "yield")

def nameless(values, seed):
    return None

def wrong(values):
    return None

def failing(values, seed):
    raise RuntimeError("no simulator")

def odd_label(values, seed):
    return np.zeros((8, 8), np.float32), 2

def odd_image(values, seed):
    return np.full((8, 8), 1.5), 0

for function in (wrong, failing, odd_label, odd_image):
    function.class_names = ("stop", "yield")
"""


@pytest.fixture
def renderers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an importable module of renderers."""
    (tmp_path / "renderers_for_tests.py").write_text(RENDERER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "renderers_for_tests", raising=False)
    return "renderers_for_tests"


def test_a_renderer_makes_images(renderers: str) -> None:
    """From the point's values; the names of its classes are its own."""
    renderer = open_source(InputDeclaration(kind="callable", reference=f"{renderers}:scene"))
    assert isinstance(renderer, Renderer)
    image, label = renderer.render({"light": 0.25, "sign": True}, 0)
    assert (image.shape, label) == ((1, 8, 8), 1)
    assert torch.equal(image, torch.full((1, 8, 8), 0.25))
    assert renderer.class_names == ("stop", "yield")
    assert len(renderer.digest) == 64


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("nameless", "must name the classes"),
        ("wrong", r"must accept \(values, seed\), found \(values\)"),
        ("missing", "must be a function of the module, found nothing"),
        ("failing", "the renderer failed with RuntimeError: no simulator; values were {'light': 0.5}"),
        ("odd_label", r"the label must be a whole number in 0 \.\.\. 1, found 2"),
        ("odd_image", r"odd_image: image: pixels must be finite and in \[0, 1\], found 1.5"),
    ],
)
def test_renderers_that_cannot_be_used(renderers: str, function: str, message: str) -> None:
    """At opening where it can be known, else when it renders."""
    with pytest.raises(DataError, match=message):
        open_source(InputDeclaration(kind="callable", reference=f"{renderers}:{function}")).render({"light": 0.5}, 0)  # type: ignore[union-attr]


def test_renderers_that_cannot_be_imported() -> None:
    """A missing module, a reference without a function."""
    with pytest.raises(DataError, match=r"callable no_such_module:f: the module cannot be imported .ModuleNotFoundError"):
        open_source(InputDeclaration(kind="callable", reference="no_such_module:f"))
    with pytest.raises(DataError, match=r"must have the form package.module:function"):
        open_source(InputDeclaration(kind="callable", reference="no_such_module"))


def test_only_tables_have_columns() -> None:
    """An attribute read from a column of the digits is a mistake of the declaration."""
    with pytest.raises(DataError, match="attributes rain are read from columns, and only a table has columns, found digits"):
        open_source(InputDeclaration(kind="digits"), {"rain": "mm"})
