"""The transforms that can realise an ODD attribute on an image: names, units, neutral values, ranges and parameters, as data.

Torch-free, so that ``lint`` can check a spec against it; ``odd_assess.inputs`` implements every entry under the same name.

Order of application: ``stage`` follows the light from the scene to the file, whatever order the spec lists attributes in:
scene (10s) -> atmosphere and illumination (20s) -> optics (30s) -> sensor (40s) -> coding (50s).

The base images are taken as the world at the *neutral* value: there a transform is the identity. Where the neutral value is a
condition that belongs to the base images (their distance, their illuminance), a parameter declares it: ``TransformInfo.reference``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterInfo:
    """A setting of a transform that is fixed for a run: default value, valid range [low, high], unit and meaning."""

    default: float
    low: float
    high: float
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformInfo:
    """What a transform takes and does.

    ``unit`` is the physical unit of its value, ``valid`` the closed range of values, ``neutral`` the value that changes nothing (or
    the parameter named by ``reference`` where that is set), ``typical`` a clear but realistic effect: the value of an attribute's
    last label when the spec gives no levels. ``increasing``: the effect grows as the value rises above the neutral one (else: as it
    falls below); ``two_sided``: it grows in the other direction too. ``spacing``: the scale on which values are evenly spaced.
    """

    name: str
    version: int
    stage: int
    unit: str
    neutral: float
    valid: tuple[float, float]
    typical: float
    increasing: bool
    mapping: str
    source: str
    two_sided: bool = False
    spacing: Literal["linear", "log"] = "linear"
    reference: str | None = None
    parameters: Mapping[str, ParameterInfo] = field(default_factory=lambda: MappingProxyType({}))

    def settings(self, given: Mapping[str, float]) -> dict[str, float]:
        """Every parameter's value: the given ones, defaults for the rest.

        Raises: ValueError for an unknown parameter or a value outside the parameter's range.
        """
        for name, value in given.items():
            if name not in self.parameters:
                raise ValueError(
                    f"parameter of {self.name} must be one of {', '.join(self.parameters) or '(it has none)'}, found {name!r}"
                )
            info = self.parameters[name]
            if not info.low <= value <= info.high:
                raise ValueError(f"{name} of {self.name} must lie in [{info.low:g} .. {info.high:g}] {info.unit}, found {value!r}")
        return {name: float(given.get(name, info.default)) for name, info in self.parameters.items()}

    def neutral_given(self, settings: Mapping[str, float]) -> float:
        """The value that changes nothing under these settings, in the transform's unit.

        Raises: ValueError as ``settings`` does.
        """
        return self.neutral if self.reference is None else self.settings(settings)[self.reference]

    def default_levels(self, count: int, settings: Mapping[str, float] | None = None) -> tuple[float, ...]:
        """Values for ``count`` labels: the first neutral, the last typical, evenly spaced between on the transform's scale.

        Raises: ValueError unless count >= 2 and the typical value lies on the harmful side of the neutral one.

        >>> TRANSFORMS["stain"].default_levels(3)
        (0.0, 0.075, 0.15)
        """
        if count < 2:
            raise ValueError(f"levels of a transform need at least two labels, found {count}")
        first, last = self.neutral_given(settings or {}), self.typical
        if not self.two_sided and (last > first) != self.increasing:
            raise ValueError(
                f"levels of {self.name} must be given: its typical value {last:g} {self.unit} changes nothing at {first:g}"
            )
        steps = [i / (count - 1) for i in range(1, count - 1)]
        if self.spacing == "log":
            between = [exp(log(first) + step * (log(last) - log(first))) for step in steps]
        else:
            between = [first + step * (last - first) for step in steps]
        return (first, *between, last)


_DISTANCE = ParameterInfo(default=50.0, low=0.1, high=10_000.0, unit="m", meaning="distance from the camera to the object")
_AIRLIGHT = ParameterInfo(
    default=0.8, low=0.0, high=1.0, unit="1", meaning="brightness of the scattered light that veils the scene, as a pixel value"
)

_CATALOGUE = (
    TransformInfo(
        name="rotation",
        version=1,
        stage=10,
        unit="deg",
        neutral=0.0,
        valid=(-180.0, 180.0),
        typical=15.0,
        increasing=True,
        two_sided=True,
        mapping=(
            "The object is turned about the image centre, counter-clockwise for positive angles; bilinear, edge pixels "
            "repeated outside."
        ),
        source="Plane geometry; roll of the camera or of the object about the optical axis.",
    ),
    TransformInfo(
        name="stain",
        version=1,
        stage=11,
        unit="1",
        neutral=0.0,
        valid=(0.0, 0.9),
        typical=0.15,
        increasing=True,
        mapping=(
            "A smooth random blotch covers the given fraction of the image area and is blended over it; a larger value "
            "grows the same blotch."
        ),
        source="Level set of a smooth random field; soiling and occlusion as in NRTK's and ISO 34503's sensor obstruction.",
        parameters={
            "opacity": ParameterInfo(
                default=0.9, low=0.0, high=1.0, unit="1", meaning="how much of the covered pixel the stain hides"
            ),
            "brightness": ParameterInfo(
                default=0.25, low=0.0, high=1.0, unit="1", meaning="grey level of the stain, as a pixel value"
            ),
        },
    ),
    TransformInfo(
        name="apparent_size",
        version=1,
        stage=12,
        unit="m",
        neutral=10.0,
        valid=(0.1, 10_000.0),
        typical=30.0,
        increasing=True,
        spacing="log",
        reference="reference",
        mapping=(
            "An object seen at the reference distance d0 covers d0/d of its pixels along each side at distance d: the "
            "image is averaged down by d0/d and brought back to its size. Nearer than d0 nothing changes: there is no "
            "detail to add."
        ),
        source="Pinhole camera: image size is inversely proportional to distance.",
        parameters={
            "reference": ParameterInfo(
                default=10.0, low=0.1, high=10_000.0, unit="m", meaning="distance at which the base images were taken"
            )
        },
    ),
    TransformInfo(
        name="fog",
        version=1,
        stage=20,
        unit="m",
        neutral=50_000.0,
        valid=(5.0, 100_000.0),
        typical=100.0,
        increasing=False,
        spacing="log",
        reference="reference",
        mapping=(
            "Koschmieder: I = J t + A (1 - t), t = exp(-beta d), with extinction beyond that of the base images beta = "
            "2.996 (1/V - 1/V0); V is the meteorological optical range (contrast falls to 5 %). At or above V0 nothing "
            "changes."
        ),
        source="Koschmieder 1924; WMO Guide to Instruments and Methods of Observation (WMO-No. 8), chapter 9: MOR = ln(20)/beta.",
        parameters={
            "distance": _DISTANCE,
            "airlight": _AIRLIGHT,
            "reference": ParameterInfo(
                default=50_000.0, low=1_000.0, high=100_000.0, unit="m", meaning="visibility in the base images"
            ),
        },
    ),
    TransformInfo(
        name="rain",
        version=1,
        stage=21,
        unit="mm/h",
        neutral=0.0,
        valid=(0.0, 200.0),
        typical=25.0,
        increasing=True,
        mapping=(
            "Attenuation 1.076 R^0.67 dB/km over the distance, with airlight as in fog, and bright streaks of falling "
            "drops whose number follows the drop-size distribution N(D) = 8000 exp(-4.1 R^-0.21 D) per m3 and mm for "
            "drops over 1 mm."
        ),
        source="ITU-R P.1814 (rain attenuation of optical links); Marshall & Palmer 1948; Garg & Nayar 2007 for streaks.",
        parameters={
            "distance": _DISTANCE,
            "airlight": _AIRLIGHT,
            "angle": ParameterInfo(
                default=10.0, low=-60.0, high=60.0, unit="deg", meaning="mean slant of the streaks from the vertical"
            ),
            "streak_length": ParameterInfo(
                default=0.15, low=0.01, high=1.0, unit="1", meaning="length of a streak, fraction of the image height"
            ),
            "streak_strength": ParameterInfo(
                default=0.4, low=0.0, high=1.0, unit="1", meaning="how far a streak brightens a pixel to white"
            ),
            "volume": ParameterInfo(
                default=0.3, low=0.0, high=10.0, unit="1", meaning="m3 of air near the camera whose drops are seen"
            ),
        },
    ),
    TransformInfo(
        name="snow",
        version=1,
        stage=22,
        unit="mm/h",
        neutral=0.0,
        valid=(0.0, 50.0),
        typical=3.0,
        increasing=True,
        mapping=(
            "Rate S in water equivalent. Attenuation 3.84 S^0.72 dB/km (wet snow, 550 nm) over the distance, with "
            "airlight as in fog, and white flakes near the camera: 115 S^0.57 per m3, each of 2 mm melted diameter."
        ),
        source="ITU-R P.1814 (snow attenuation of optical links, wet snow); Gunn & Marshall 1958 for the cross-section of the flakes.",
        parameters={
            "distance": _DISTANCE,
            "airlight": _AIRLIGHT,
            "flake_size": ParameterInfo(
                default=0.04, low=0.005, high=0.5, unit="1", meaning="mean diameter of a flake, fraction of the image height"
            ),
            "flake_strength": ParameterInfo(
                default=0.8, low=0.0, high=1.0, unit="1", meaning="how far a flake brightens a pixel to white"
            ),
            "volume": ParameterInfo(
                default=0.1, low=0.0, high=10.0, unit="1", meaning="m3 of air near the camera whose flakes are seen"
            ),
        },
    ),
    TransformInfo(
        name="colour_temperature",
        version=1,
        stage=23,
        unit="K",
        neutral=6_500.0,
        valid=(1_667.0, 25_000.0),
        typical=3_000.0,
        increasing=False,
        two_sided=True,
        spacing="log",
        reference="reference",
        mapping=(
            "The illuminant moves along the Planckian locus while the camera stays balanced for the reference: channel "
            "gains are the ratios of the linear sRGB primaries of the two illuminants, scaled to equal luminance. Grey "
            "images are unchanged."
        ),
        source=(
            "Kang et al. 2002 (cubic approximation of the Planckian locus, 1667 K to 25000 K); von Kries adaptation; IEC 61966-2-1."
        ),
        parameters={
            "reference": ParameterInfo(
                default=6_500.0, low=2_500.0, high=25_000.0, unit="K", meaning="illuminant that the base images are balanced for"
            )
        },
    ),
    TransformInfo(
        name="glare",
        version=1,
        stage=30,
        unit="1",
        neutral=0.0,
        valid=(0.0, 6.0),
        typical=2.0,
        increasing=True,
        mapping=(
            "Over-exposure by v stops: linear light times 2^v, plus stray light veil (2^v - 1) times the mean, clipped at white."
        ),
        source="ISO 2720 (one exposure value doubles the light); veiling glare as in ISO 9358.",
        parameters={
            "veil": ParameterInfo(
                default=0.1, low=0.0, high=1.0, unit="1", meaning="share of the excess mean light that scatters over the image"
            )
        },
    ),
    TransformInfo(
        name="defocus",
        version=1,
        stage=31,
        unit="px",
        neutral=0.0,
        valid=(0.0, 32.0),
        typical=2.0,
        increasing=True,
        mapping=(
            "Convolution with a uniform disk, the circle of confusion; the value is its radius in pixels of the model's input."
        ),
        source="Geometric optics of a thin lens (circle of confusion).",
    ),
    TransformInfo(
        name="motion_blur",
        version=1,
        stage=32,
        unit="px",
        neutral=0.0,
        valid=(0.0, 64.0),
        typical=5.0,
        increasing=True,
        mapping="Average along a straight path of the given length, the image motion during the exposure.",
        source="Uniform linear motion during the exposure.",
        parameters={
            "angle": ParameterInfo(
                default=0.0, low=-180.0, high=180.0, unit="deg", meaning="direction of motion, counter-clockwise from the right"
            )
        },
    ),
    TransformInfo(
        name="low_light",
        version=1,
        stage=40,
        unit="lux",
        neutral=2_000.0,
        valid=(0.01, 200_000.0),
        typical=20.0,
        increasing=False,
        spacing="log",
        reference="reference",
        mapping=(
            "The scene sends E/E0 of the photons: signal electrons N = full_well * linear pixel * E/E0, noise of variance"
            " N + read_noise^2 (less what the base image already had), amplified by (E0/E)^gain. At or above E0 the "
            "shutter shortens and nothing changes."
        ),
        source="Poisson-Gaussian sensor model: Foi et al. 2008; EMVA 1288 for the photon transfer.",
        parameters={
            "reference": ParameterInfo(
                default=2_000.0, low=1.0, high=200_000.0, unit="lux", meaning="illuminance at which the base images were taken"
            ),
            "gain": ParameterInfo(
                default=0.7, low=0.0, high=1.0, unit="1", meaning="part of the lost light (in stops) that automatic gain makes up"
            ),
            "full_well": ParameterInfo(
                default=10_000.0, low=100.0, high=1e6, unit="1", meaning="electrons of a white pixel at the reference"
            ),
            "read_noise": ParameterInfo(
                default=4.0, low=0.0, high=100.0, unit="1", meaning="standard deviation of the read noise in electrons"
            ),
        },
    ),
    TransformInfo(
        name="contrast",
        version=1,
        stage=41,
        unit="1",
        neutral=1.0,
        valid=(0.0, 1.0),
        typical=0.4,
        increasing=False,
        mapping="Each pixel keeps the given fraction of its distance from the image's mean brightness.",
        source="Weber contrast of every pixel against the mean scales with the value.",
    ),
    TransformInfo(
        name="jpeg",
        version=1,
        stage=50,
        unit="1",
        neutral=100.0,
        valid=(1.0, 100.0),
        typical=20.0,
        increasing=False,
        mapping=(
            "Baseline JPEG coding and decoding at the given quality, rounded to a whole number; 100 means uncoded: the "
            "image passes untouched."
        ),
        source="ISO/IEC 10918-1; quality scale of the Independent JPEG Group.",
    ),
)

TRANSFORMS: Mapping[str, TransformInfo] = MappingProxyType({info.name: info for info in _CATALOGUE})
"""Every transform by name, in the order in which they are applied."""
