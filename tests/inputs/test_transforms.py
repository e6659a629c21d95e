"""The contract that every transform keeps, whatever its physics."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from odd_assess.inputs.addresses import address
from odd_assess.inputs.transforms import KERNELS, apply
from odd_assess.odd.catalogue import TRANSFORMS

NAMES = tuple(TRANSFORMS)
RANDOM = {"stain", "rain", "snow", "low_light"}

SEVERITIES: dict[str, list[float]] = {  # from neutral on, away from it; each list crosses the typical value
    "rotation": [0, 5, 10, 15, 25, 40],
    "stain": [0, 0.05, 0.1, 0.15, 0.3, 0.6, 0.9],
    "apparent_size": [10, 12, 15, 20, 30, 60],
    "fog": [50_000, 2000, 500, 200, 100, 50, 20],
    "rain": [0, 2, 10, 25, 60, 200],
    "snow": [0, 0.5, 1.5, 3, 10, 50],
    "colour_temperature": [6500, 5500, 4500, 3000, 2200, 1700],
    "glare": [0, 0.5, 1, 2, 3, 6],
    "defocus": [0, 0.3, 0.6, 1, 1.5, 2, 3],
    "motion_blur": [0, 1, 2, 3, 5, 8],
    "low_light": [2000, 1000, 300, 100, 20, 5, 1],
    "contrast": [1, 0.8, 0.6, 0.4, 0.2, 0],
    "jpeg": [100, 80, 50, 20, 10, 3],
}


def keys(count: int) -> list[int]:
    return [address(1, index, "test") for index in range(count)]


def severe(name: str) -> float:
    return SEVERITIES[name][-2]


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def images(request: pytest.FixtureRequest, digits: Tensor, coloured: Tensor) -> Tensor:
    return (digits if request.param == 1 else coloured)[:6]


def test_every_transform_of_the_catalogue_has_a_kernel_and_a_severity() -> None:
    """Names, and a docstring that states its source."""
    assert set(KERNELS) == set(SEVERITIES) == set(TRANSFORMS)
    assert all("Source:" in (kernel.__doc__ or "") for kernel in KERNELS.values())


@pytest.mark.parametrize("name", NAMES)
def test_the_neutral_value_changes_nothing(name: str, images: Tensor) -> None:
    """Bit for bit; also beyond the neutral value, where a one-sided transform has no effect."""
    info = TRANSFORMS[name]
    values = [info.neutral] if info.two_sided else [info.neutral, info.valid[0] if info.increasing else info.valid[1]]
    for value in values:
        assert torch.equal(apply(name, images, [value] * len(images), keys(len(images))), images)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"jpeg"}))
def test_the_effect_begins_from_zero(name: str, coloured: Tensor) -> None:
    """Just off the neutral value the image hardly changes: passing it untouched there hides no jump.

    Not so for jpeg: 100 means uncoded, and below it the codec starts at once.
    """
    info = TRANSFORMS[name]
    nudge = 1e-6 * (info.neutral or 1.0)
    near = info.neutral + (nudge if info.increasing else -nudge)
    moved = apply(name, coloured[:6], [near] * 6, keys(6))
    assert (moved - coloured[:6]).abs().mean() < 2e-3


@pytest.mark.parametrize("name", NAMES)
def test_results_are_new_float32_images_in_range(name: str, images: Tensor) -> None:
    """For a neutral and a severe value; the input keeps its memory and its content."""
    before, info = images.clone(), TRANSFORMS[name]
    result = apply(name, images, [info.neutral, severe(name), info.typical, *info.valid, info.neutral], keys(6))
    assert result.dtype == torch.float32
    assert result.shape == images.shape
    assert result.min() >= 0
    assert result.max() <= 1
    result.fill_(0.5)
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", NAMES)
def test_an_image_does_not_depend_on_its_batch(name: str, images: Tensor) -> None:
    """Bit-equal alone, in a batch, and in another order."""
    values = torch.linspace(TRANSFORMS[name].typical, severe(name), len(images), dtype=torch.float64)
    together = apply(name, images, values, keys(6))
    alone = [apply(name, images[i : i + 1], values[i : i + 1], keys(6)[i : i + 1]) for i in range(6)]
    turned = apply(name, images.flip(0), values.flip(0), keys(6)[::-1])
    assert torch.equal(together, torch.cat(alone))
    assert torch.equal(together, turned.flip(0))


@pytest.mark.parametrize("name", NAMES)
def test_randomness_comes_from_the_key_alone(name: str, coloured: Tensor) -> None:
    """The same key gives the same image whatever torch's and numpy's own seeds; another key another image, for the random ones only."""
    same = coloured[:1].repeat(2, 1, 1, 1)
    torch.manual_seed(0)
    first = apply(name, same, [severe(name)] * 2, [5, 5 + 2**64])
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002  (the global state is what must not matter)
    assert torch.equal(first, apply(name, same, [severe(name)] * 2, [5, 5 + 2**64]))
    assert torch.equal(first[0], first[1]) == (name not in RANDOM)


@pytest.mark.parametrize("name", NAMES)
def test_the_effect_grows_with_severity(name: str, coloured: Tensor) -> None:
    """Mean distance to the clean image over forty real digits rises at each step."""
    distances = []
    for value in SEVERITIES[name]:
        moved = apply(name, coloured, [value] * len(coloured), keys(len(coloured)))
        distances.append(float((moved - coloured).flatten(1).norm(dim=1).mean()))
    assert distances[0] == 0
    assert all(later > earlier for earlier, later in pairwise(distances)), distances


@pytest.mark.parametrize("name", sorted(name for name in NAMES if TRANSFORMS[name].two_sided))
def test_two_sided_effects_grow_on_the_other_side_too(name: str, coloured: Tensor) -> None:
    """As the catalogue says of rotation and colour temperature."""
    values = {"rotation": [0, -5, -15, -40], "colour_temperature": [6500, 8000, 12_000, 25_000]}[name]
    distances = [float((apply(name, coloured, [value] * 40, keys(40)) - coloured).norm()) for value in values]
    assert distances == sorted(distances)
    assert distances[1] > 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 17), (3, 64, 48), (1, 224, 224), (3, 224, 224)])
def test_every_image_size_works(name: str, shape: tuple[int, int, int]) -> None:
    """Grey and colour, odd and oblong, up to 224 x 224; finite and in range."""
    image = torch.rand((1, *shape), generator=torch.Generator().manual_seed(0))
    result = apply(name, image, [severe(name)], keys(1))
    assert result.shape == image.shape
    assert bool(((result >= 0) & (result <= 1)).all())
    assert not torch.equal(result, image) or (name == "colour_temperature" and shape[0] == 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", NAMES)
def test_the_gpu_gives_the_same_image(name: str, coloured: Tensor) -> None:
    """Up to rounding, and bit-equal in any batch."""
    values = [severe(name)] * 6
    there = apply(name, coloured[:6].cuda(), values, keys(6))
    alone = torch.cat([apply(name, coloured[i : i + 1].cuda(), values[:1], keys(6)[i : i + 1]) for i in range(6)])
    assert there.is_cuda
    assert torch.equal(there, alone)
    assert torch.allclose(there.cpu(), apply(name, coloured[:6], values, keys(6)), atol=1e-6 if name != "jpeg" else 0.02)


@pytest.mark.parametrize(
    ("name", "images", "values", "parameters", "message"),
    [
        ("haze", torch.zeros(1, 1, 8, 8), [1.0], {}, "transform must be one of rotation"),
        ("fog", torch.zeros(1, 1, 8, 8), [4.0], {}, r"fog must lie in \[5 .. 100000\] m, got 4.0"),
        ("fog", torch.zeros(1, 1, 8, 8), [float("nan")], {}, "fog must lie in"),
        ("fog", torch.zeros(1, 1, 8, 8), [50.0], {"distance": -1.0}, "distance of fog must lie in"),
        ("fog", torch.zeros(1, 1, 8, 8), [50.0], {"depth": 1.0}, "parameter of fog must be one of"),
        ("fog", torch.zeros(1, 1, 8, 8), [50.0, 60.0], {}, "1 images need as many values and keys, got 2 and 1"),
        ("fog", torch.zeros(1, 2, 8, 8), [50.0], {}, r"images must be float32 \(B, C, H, W\) with C = 1 or 3"),
        ("fog", torch.zeros(1, 1, 8, 8, dtype=torch.uint8), [50.0], {}, "images must be float32"),
        ("fog", torch.full((1, 1, 8, 8), float("nan")), [50.0], {}, "pixels must be finite"),
        ("fog", torch.full((1, 1, 8, 8), 1.01), [50.0], {}, "pixels must be finite and lie in"),
    ],
)
def test_misuse_is_refused(name: str, images: Tensor, values: list[float], parameters: dict[str, float], message: str) -> None:
    """With what must hold and what was found."""
    with pytest.raises(ValueError, match=message):
        apply(name, images, values, [0], **parameters)


def test_an_empty_batch_stays_empty() -> None:
    """No image, no result."""
    assert apply("fog", torch.zeros(0, 3, 8, 8), [], []).shape == (0, 3, 8, 8)
