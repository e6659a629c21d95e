"""The catalogue of transforms is consistent in itself."""

from __future__ import annotations

import pytest

from odd_assess.odd.catalogue import TRANSFORMS, TransformInfo
from odd_assess.odd.units import dimension

NAMES = {
    "low_light", "glare", "fog", "rain", "snow", "defocus", "motion_blur", "rotation", "apparent_size", "contrast", "colour_temperature", "stain", "jpeg",
}  # fmt: skip


def test_the_promised_transforms_are_there() -> None:
    """Every transform of the issue has an entry under its own name."""
    assert set(TRANSFORMS) == NAMES
    assert all(name == info.name for name, info in TRANSFORMS.items())


@pytest.mark.parametrize("info", TRANSFORMS.values(), ids=TRANSFORMS)
def test_entries_are_valid(info: TransformInfo) -> None:
    """Neutral and typical lie in the valid range, on the sides that ``increasing`` says; units exist; defaults lie in their ranges."""
    low, high = info.valid
    assert low <= info.neutral <= high
    assert low <= info.typical <= high
    assert (info.typical > info.neutral) == info.increasing
    assert info.two_sided == (info.two_sided and low < info.neutral < high)
    assert dimension(info.unit)
    assert info.spacing == "linear" or low > 0
    assert info.mapping
    assert info.source
    for parameter in info.parameters.values():
        assert parameter.low <= parameter.default <= parameter.high
        assert dimension(parameter.unit)
        assert parameter.meaning
    if info.reference is not None:
        assert info.parameters[info.reference].default == info.neutral
        assert info.parameters[info.reference].unit == info.unit


def test_stages_follow_the_light() -> None:
    """Stages are all different, in catalogue order, and run scene, atmosphere, optics, sensor, coding."""
    stages = [info.stage for info in TRANSFORMS.values()]
    assert stages == sorted(set(stages))
    assert (
        TRANSFORMS["rotation"].stage
        < TRANSFORMS["fog"].stage
        < TRANSFORMS["defocus"].stage
        < TRANSFORMS["low_light"].stage
        < TRANSFORMS["jpeg"].stage
    )


def test_default_levels() -> None:
    """Labels without values run from neutral to typical, evenly on the transform's scale."""
    assert TRANSFORMS["stain"].default_levels(2) == (0.0, 0.15)
    assert TRANSFORMS["low_light"].default_levels(3) == pytest.approx((2000.0, 200.0, 20.0))
    assert TRANSFORMS["apparent_size"].default_levels(2, {"reference": 5.0}) == (5.0, 30.0)
    with pytest.raises(ValueError, match="at least two labels"):
        TRANSFORMS["stain"].default_levels(1)
    with pytest.raises(ValueError, match="levels of apparent_size must be given"):
        TRANSFORMS["apparent_size"].default_levels(2, {"reference": 100.0})


def test_settings_are_checked() -> None:
    """Unknown parameters and values outside their range are refused; defaults fill the rest."""
    assert TRANSFORMS["stain"].settings({"opacity": 1.0}) == {"opacity": 1.0, "brightness": 0.25}
    with pytest.raises(ValueError, match="parameter of stain must be one of opacity, brightness, found 'opacty'"):
        TRANSFORMS["stain"].settings({"opacty": 1.0})
    with pytest.raises(ValueError, match=r"opacity of stain must lie in \[0 .. 1\] 1, found 2.0"):
        TRANSFORMS["stain"].settings({"opacity": 2.0})
    with pytest.raises(ValueError, match="it has none"):
        TRANSFORMS["jpeg"].settings({"x": 2.0})
