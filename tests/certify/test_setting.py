"""How the model is called: a rule where nothing is measured."""

import pytest
import torch

from odd_assess.certify import Setting, default_batch_size, default_setting

CPU = torch.device("cpu")


@pytest.mark.parametrize(("shape", "expected"), [((1, 8, 8), 1024), ((3, 32, 32), 64), ((3, 224, 224), 32)])
def test_the_batch_size_follows_from_the_input_alone(shape: tuple[int, ...], expected: int) -> None:
    """Without a measurement the same spec gives the same batches on every run."""
    assert default_batch_size(shape, CPU) == expected
    assert default_setting(shape, CPU).batch_size == expected
    assert default_setting(shape, CPU, batch_size=7).batch_size == 7


def test_colour_lies_channels_last() -> None:
    """Grey images have one order only."""
    assert default_setting((3, 8, 8), CPU).channels_last
    assert not default_setting((1, 8, 8), CPU).channels_last


def test_a_setting_survives_the_manifest() -> None:
    """What a run records is what its resumption reads."""
    setting = Setting(batch_size=48, channels_last=True, lanes=4, threads=2)
    assert Setting(**setting.as_data()) == setting


@pytest.mark.parametrize(("cores", "lanes", "threads"), [(1, 1, 1), (3, 3, 1), (4, 4, 1), (9, 4, 2)])
def test_other_cores_change_neither_batch_nor_format(cores: int, lanes: int, threads: int) -> None:
    """What decides the kernels stays; calls at a time are as many as there are cores for."""
    setting = Setting(batch_size=48, channels_last=True, lanes=4, threads=2)
    assert setting.on(cores) == Setting(batch_size=48, channels_last=True, lanes=lanes, threads=threads)


def test_a_setting_reads_as_a_sentence() -> None:
    """In the log and in the report."""
    assert str(Setting(batch_size=48, channels_last=True, lanes=4)) == "4 calls at a time of 48 noisy copies, channels last"
    assert str(Setting(batch_size=48)) == "48 noisy copies, contiguous"


@pytest.mark.parametrize("name", ["batch_size", "lanes", "threads"])
def test_a_setting_needs_at_least_one_of_each(name: str) -> None:
    """Zero of anything is a defect of the caller."""
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        Setting(**{"batch_size": 1, name: 0})
