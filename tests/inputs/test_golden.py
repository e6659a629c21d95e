"""What each version of each transform makes of one synthetic picture. Whoever changes a number here changes the version in the catalogue."""

import numpy as np
import pytest
import torch
from torch import Tensor

from odd_assess.inputs.transforms import apply
from odd_assess.odd.catalogue import TRANSFORMS

# (name, version): values, and for each its mean, its mean square and its mean against a fixed wave (rounded).
# Made by this file's own `statistics`; libjpeg builds may differ by a code, so jpeg has more room.
GOLDEN: dict[tuple[str, int], dict[float, tuple[float, float, float]]] = {
    ("rotation", 1): {15: (0.5182, 0.33577, 0.01652), -30: (0.51266, 0.32866, 0.01335)},
    ("stain", 1): {0.15: (0.45369, 0.27825, 0.00993), 0.6: (0.37012, 0.17423, 0.01213)},
    ("apparent_size", 1): {15: (0.5333, 0.33989, 0.00693), 30: (0.5406, 0.34134, 0.00508)},
    ("fog", 1): {500: (0.62788, 0.42082, 0.00645), 100: (0.75851, 0.577, 0.00311)},
    ("rain", 1): {5: (0.54717, 0.35881, 0.00916), 25: (0.60352, 0.40322, 0.00654)},
    ("snow", 1): {3: (0.58524, 0.38994, 0.00648), 20: (0.70165, 0.51112, 0.00585)},
    ("colour_temperature", 1): {3000: (0.44828, 0.28813, 0.00675), 12000: (0.51037, 0.35121, 0.0099)},
    ("glare", 1): {1: (0.67087, 0.53655, 0.00918), 2: (0.79414, 0.68967, 0.00627)},
    ("defocus", 1): {0.7: (0.51769, 0.33672, 0.00946), 2: (0.53727, 0.34071, 0.0054)},
    ("motion_blur", 1): {2: (0.51891, 0.33716, 0.00943), 5: (0.53365, 0.33999, 0.00603)},
    ("low_light", 1): {200: (0.36051, 0.17766, 0.00796), 20: (0.25795, 0.09381, 0.00701)},
    ("contrast", 1): {0.7: (0.55675, 0.34146, 0.00666), 0.4: (0.57913, 0.34526, 0.00446)},
    ("jpeg", 1): {50: (0.50218, 0.33634, 0.00915), 20: (0.49553, 0.3058, 0.00721)},
}


def ramp() -> Tensor:
    """A synthetic picture (1, 3, 16, 16): two ramps, and rings for detail."""
    y, x = np.mgrid[:16, :16] / 15.0
    rings = 0.5 + 0.5 * np.cos(40 * ((x - 0.4) ** 2 + (y - 0.5) ** 2))
    return torch.from_numpy(np.stack((x, y, rings)) * 0.9 + 0.05)[None].float()


def statistics(image: Tensor) -> tuple[float, float, float]:
    """Mean, mean square, and mean against a wave that no symmetry of the picture hides."""
    wave = torch.cos(torch.arange(image.numel(), dtype=torch.float64) * 0.7391).reshape(image.shape)
    exact = image.double()
    return (round(float(exact.mean()), 5), round(float((exact**2).mean()), 5), round(float((exact * wave).mean()), 5))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_changes_only_with_its_version(name: str) -> None:
    """A silent change of physics, constants or random streams is caught here."""
    entry = (name, TRANSFORMS[name].version)
    assert entry in GOLDEN, f"{name} has a new version: add its golden statistics"
    for value, expected in GOLDEN[entry].items():
        found = statistics(apply(name, ramp(), [value], [20261120]))
        assert found == pytest.approx(expected, abs=2e-3 if name == "jpeg" else 3e-5), (name, value)
