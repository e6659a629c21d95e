"""Each transform against the law that its docstring states, computed independently."""

from io import BytesIO
from math import exp, log, pi

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from odd_assess.inputs.addresses import address
from odd_assess.inputs.transforms import apply
from odd_assess.inputs.transforms.atmosphere import _poisson
from odd_assess.inputs.transforms.colour import illuminant, to_linear, to_srgb


def one(name: str, image: Tensor, value: float, key: int = 0, **parameters: float) -> Tensor:
    """The realised image in linear light (C, H, W), from a linear one."""
    encoded = to_srgb(image.double()).float()
    return to_linear(apply(name, encoded[None], [value], [key], **parameters)[0].double())


def grey(level: float, size: int = 16, channels: int = 1) -> Tensor:
    return torch.full((channels, size, size), level)


def point(size: int) -> Tensor:
    """A single bright pixel in the middle."""
    image = torch.zeros(1, size, size)
    image[0, size // 2, size // 2] = 1
    return image


def test_the_srgb_curve_is_the_standard_s() -> None:
    """Published pairs (IEC 61966-2-1: half-way code 128 is 21.59 % light), and the round trip is exact in float32."""
    codes = torch.arange(65536, dtype=torch.float32) / 65535
    assert float(to_linear(torch.tensor(128 / 255, dtype=torch.float64))) == pytest.approx(0.21586, abs=1e-5)
    assert torch.equal(to_srgb(to_linear(codes.double())).float(), codes)


def test_fog_takes_contrast_to_five_percent_at_the_visibility() -> None:
    """The definition of the meteorological optical range; the base images' own haze is subtracted."""
    scene = torch.cat((grey(0.2), grey(0.6)), dim=2)
    seen = one("fog", scene, 100, distance=100.0, reference=100_000.0)
    assert float(seen[0, 0, -1] - seen[0, 0, 0]) / 0.4 == pytest.approx(0.05 ** (1 - 100 / 100_000), rel=1e-4)


def test_fog_leads_to_the_airlight() -> None:
    """Far beyond the visibility every object has the airlight's pixel value."""
    seen = apply("fog", grey(0.1)[None], [10], [0], distance=1000.0, airlight=0.7)
    assert torch.allclose(seen, torch.full_like(seen, 0.7), atol=1e-6)


@pytest.mark.parametrize(("name", "rate", "decibels"), [("rain", 50.0, 1.076 * 50**0.67), ("snow", 3.0, 3.84 * 3**0.72)])
def test_rain_and_snow_attenuate_as_the_itu_says(name: str, rate: float, decibels: float) -> None:
    """Without near particles and airlight, 200 m take 0.2 of the decibels per kilometre."""
    seen = one(name, grey(0.8), rate, distance=200.0, airlight=0.0, volume=0.0)
    assert torch.allclose(seen, grey(0.8).double() * 10 ** (-0.02 * decibels), rtol=1e-5)


def test_near_particles_are_poisson_and_only_added() -> None:
    """Mean and variance of the count over 4000 addresses within five standard errors (fixed keys); more rain never removes a drop."""
    counts = np.array([_poisson(address(0, i), 9.0) for i in range(4000)])
    assert abs(counts.mean() - 9) < 5 * 3 / 4000**0.5
    assert abs(counts.var() - 9) < 5 * 9 * (2 / 4000) ** 0.5 * 1.1
    assert all(_poisson(i, 3.0) <= _poisson(i, 4.0) <= _poisson(i, 40.0) for i in range(200))


def test_snow_covers_the_area_of_its_flakes() -> None:
    """Mean optical depth of the flakes = number per m3 x volume x area of a disc x E[nearness^2], over 200 addresses within 6 %.

    E[nearness^2] for u uniform: integral of min(u^(-1/3)/1.5, 3)^2, 1.319. Standard error of the mean is about 1.5 %.
    """
    black = grey(0.0, 32)
    seen = [
        one("snow", black, 3, key, distance=0.1, airlight=0.0, volume=0.2, flake_size=0.05, flake_strength=0.5)
        for key in range(200)
    ]
    covered = -torch.log(1 - torch.stack(seen)) / log(2)
    u = (np.arange(1_000_000) + 0.5) / 1e6
    nearness = np.minimum(u ** (-1 / 3) / 1.5, 3) ** 2
    expected = 0.2 * 2 * 3800 * 3**-0.87 / ((2.55 * 3**-0.48) ** 3 * 4) * pi / 4 * 0.05**2 * nearness.mean()
    assert float(covered.mean()) == pytest.approx(expected, rel=0.06)


def test_rain_streaks_follow_their_slant() -> None:
    """With streaks at 45 degrees, the picture's structure runs along them: the gradient along is far below that across."""
    seen = one("rain", grey(0.0, 96), 60, 3, distance=0.1, airlight=0.0, angle=45.0, streak_length=0.5)[0]
    along, across = (seen[1:, 1:] - seen[:-1, :-1]).abs().mean(), (seen[1:, :-1] - seen[:-1, 1:]).abs().mean()
    assert float(along) < 0.5 * float(across)


def test_low_light_noise_is_poisson_gaussian() -> None:
    """Mean and variance of a grey field: s x and s (1 - s) x / F + (1 - s^2) r^2 / F^2 at gain 0, within five standard errors (fixed key)."""
    level, share, well, read = 0.5, 0.1, 2000.0, 8.0
    seen = one("low_light", grey(level, 224), 200, 9, gain=0.0, full_well=well, read_noise=read)
    variance = share * (1 - share) * level / well + (1 - share**2) * read**2 / well**2
    n = seen.numel()
    assert float(seen.mean()) == pytest.approx(share * level, abs=5 * (variance / n) ** 0.5)
    assert float(seen.var()) == pytest.approx(variance, rel=5 * (2 / n) ** 0.5 + 1e-3)


def test_gain_restores_the_brightness() -> None:
    """At gain 1 the mean stays; at 0.5, half of the stops are lost."""
    for gain, factor in ((1.0, 1.0), (0.5, 0.25**0.5), (0.0, 0.25)):
        seen = one("low_light", grey(0.4, 224), 500, gain=gain)
        assert float(seen.mean()) == pytest.approx(0.4 * factor, rel=2e-3)


def test_one_stop_doubles_the_light() -> None:
    """Without stray light; with it, the excess mean is added; white clips."""
    assert torch.allclose(one("glare", grey(0.2), 1, veil=0.0), grey(0.4).double(), rtol=1e-5)
    assert torch.allclose(one("glare", grey(0.2), 1, veil=0.1), grey(0.42).double(), rtol=1e-5)
    assert torch.equal(one("glare", grey(0.3), 2, veil=0.0), grey(1.0).double())


def test_defocus_spreads_a_point_over_a_disc() -> None:
    """Of height 1 / (pi r^2) inside, nothing outside, one in sum; on a grey field, where no ripple is clipped."""
    spread = one("defocus", 0.2 + 0.5 * point(129), 8)[0] / 0.5 - 0.4
    y, x = np.mgrid[:129, :129] - 64
    distance = torch.from_numpy(np.hypot(y, x))
    assert float(spread.sum()) == pytest.approx(1, rel=0.01)
    assert torch.allclose(spread[distance < 6], torch.tensor(1 / (pi * 64), dtype=torch.float64), rtol=0.2)
    assert float(spread[distance > 10].max()) < 0.1 / (pi * 64)


def test_motion_spreads_a_point_along_its_path() -> None:
    """A horizontal path of 9 pixels; turned by 90 degrees, a vertical one; by 45, a rising diagonal."""
    across = one("motion_blur", point(65), 9)[0]
    assert torch.allclose(across[32, 29:36], torch.tensor(1 / 9, dtype=torch.float64), rtol=0.1)
    assert float(across[32].sum()) == pytest.approx(1, rel=0.05)
    assert float(across[:32].abs().max()) < 1e-6
    assert torch.allclose(one("motion_blur", point(65), 9, angle=90.0)[0], across.T, atol=1e-6)
    rising = one("motion_blur", point(65), 9, angle=45.0)[0]
    assert float(rising[30, 34]) > 10 * float(rising[34, 34].clamp(min=1e-6))


@pytest.mark.parametrize("name", ["defocus", "motion_blur"])
def test_blur_keeps_the_light_and_an_even_field(name: str, digits: Tensor) -> None:
    """Nothing is lost at the borders: a grey field stays, the mean light of a picture stays."""
    assert torch.allclose(one(name, grey(0.3), 3), grey(0.3).double(), rtol=1e-5)
    dim = digits[0] * 0.5 + 0.25
    assert float(one(name, dim, 1.5).mean()) == pytest.approx(float(dim.mean()), rel=1e-4)


def test_a_quarter_turn_is_numpys() -> None:
    """Counter-clockwise, as np.rot90 turns."""
    image = torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(apply("rotation", image[None], [90.0], [0])[0], torch.rot90(image, 1, (1, 2)), atol=1e-5)
    oblong = torch.rand(1, 6, 10, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(apply("rotation", oblong[None], [180.0], [0])[0], torch.rot90(oblong, 2, (1, 2)), atol=1e-5)


def test_twice_as_far_averages_four_pixels() -> None:
    """At twice the reference distance each 2 x 2 block is one sensor pixel: a checkerboard turns grey (but for its repeated edge)."""
    board = (torch.arange(16)[:, None] + torch.arange(16)).remainder(2).float()[None]
    assert torch.allclose(one("apparent_size", board, 20)[:, 1:-1, 1:-1], grey(0.5, 14).double(), rtol=1e-5)
    blocks = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0)).repeat_interleave(2, 1).repeat_interleave(2, 2)
    seen = one("apparent_size", blocks, 20)
    quarter = 0.5625 * blocks[0, 5, 5] + 0.1875 * (blocks[0, 6, 5] + blocks[0, 5, 6]) + 0.0625 * blocks[0, 6, 6]
    assert float(seen[0, 5, 5]) == pytest.approx(float(quarter), rel=1e-4)  # bilinear, a quarter of the way to the neighbours


def test_a_warm_lamp_is_illuminant_a() -> None:
    """At 2856 K the chromaticity is CIE standard illuminant A's (0.4476, 0.4074); at 6504 K near D65; white keeps its luminance."""
    to_xyz = np.linalg.inv([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    xyz = to_xyz @ illuminant(2856)
    assert np.allclose(xyz[:2] / xyz.sum(), [0.4476, 0.4074], atol=1e-3)
    seen = one("colour_temperature", grey(0.3, channels=3), 3000)[:, 0, 0]
    assert float(seen @ torch.tensor([0.2126, 0.7152, 0.0722], dtype=torch.float64)) == pytest.approx(0.3, rel=1e-5)
    assert float(seen[0]) > 1.5 * float(seen[1]) > 2 * float(seen[2])


def test_contrast_scales_every_distance_from_the_mean() -> None:
    """In linear light; the mean stays."""
    scene = torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(4))
    seen = one("contrast", scene, 0.3)
    assert torch.allclose(seen - seen.mean(), 0.3 * (scene - scene.mean()).double(), atol=1e-6)


@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.9])
def test_a_stain_covers_exactly_its_fraction(fraction: float) -> None:
    """An opaque white stain on black: its mean is the fraction; a larger one covers all of a smaller one."""
    opaque = {"opacity": 1.0, "brightness": 1.0}
    seen = one("stain", grey(0.0, 32), fraction, 5, **opaque)
    assert float(seen.mean()) == pytest.approx(fraction, abs=2e-4)
    assert bool((one("stain", grey(0.0, 32), 0.95 * fraction, 5, **opaque) <= seen + 1e-6).all())


def test_jpeg_is_pillows() -> None:
    """The picture that Pillow writes and reads at that quality; 99.7 rounds to the codec's 100, within rounding of the picture."""
    image = torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(1))
    pixels = (image * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=30, subsampling="4:4:4")
    expected = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1) / 255
    assert torch.equal(apply("jpeg", image[None], [30.2], [0])[0], expected)
    assert float((apply("jpeg", image[None], [99.7], [0])[0] - image).abs().max()) < 4 / 255


def test_a_fog_law_that_ignored_linear_light_would_be_caught() -> None:
    """Koschmieder on encoded values differs visibly: the test above can fail."""
    t = exp(-log(20) * (1 / 100 - 1 / 100_000) * 50)
    encoded = 0.3 * t + 0.8 * (1 - t)
    seen = float(apply("fog", grey(0.3)[None], [100.0], [0], reference=100_000.0)[0, 0, 0, 0])
    assert abs(seen - encoded) > 0.02
