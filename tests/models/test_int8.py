from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from odd_assess.certify.lanes import copies_of
from odd_assess.errors import ModelError
from odd_assess.models import int8
from odd_assess.models.int8 import (
    InputRange,
    Int8Conv2d,
    Int8Layer,
    Int8Linear,
    exact_kernels,
    quantisable,
    with_int8_layers,
    with_layers_of,
)

RANGE = InputRange(-1.5, 2.0)


def images(*shape: int, seed: int = 0) -> Tensor:
    return 1.5 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def layer(kind: str) -> tuple[nn.Conv2d | nn.Linear, Tensor]:
    """A layer with random weights, and inputs for it."""
    torch.manual_seed(1)
    return {
        "convolution": lambda: (nn.Conv2d(5, 7, 3, padding=1), images(4, 5, 9, 9)),
        "strided": lambda: (nn.Conv2d(6, 8, (3, 2), stride=2, dilation=(1, 2), bias=False), images(3, 6, 11, 10)),
        "grouped": lambda: (nn.Conv2d(8, 8, 3, groups=8, padding="valid"), images(2, 8, 7, 7)),
        "linear": lambda: (nn.Linear(33, 5), images(6, 33)),
        "linear of tokens": lambda: (nn.Linear(16, 4, bias=False), images(3, 10, 16)),
    }[kind]()


def integers(of: nn.Conv2d | nn.Linear, seen: InputRange | None) -> Int8Layer:
    """The layer in integers."""
    made = (Int8Conv2d if isinstance(of, nn.Conv2d) else Int8Linear)(of, calibrated=seen is not None)  # type: ignore[arg-type]
    made.quantise(of, seen)
    return made


KINDS = ["convolution", "strided", "grouped", "linear", "linear of tokens"]


@pytest.mark.parametrize("seen", [None, RANGE], ids=["own step", "calibrated"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_answers_as_its_integers_say(kind: str, seen: InputRange | None) -> None:
    """The float64 layer on weights and inputs that are rounded to their integers by hand gives the same, up to float32."""
    of, x = layer(kind)
    made = integers(of, seen)
    if seen is None:
        step = x.abs().amax(dim=tuple(range(1, x.ndim)), keepdim=True) / 127
        rounded = (x / step).round() * step
    else:
        step, zero = seen.step_and_zero
        rounded = ((x / step + zero).round().clamp(0, 255) - zero) * step
    whole = copy.deepcopy(of).double()
    whole.weight.data = made.float_weight.double()
    torch.testing.assert_close(made(x), whole(rounded.double()).float(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_integers_are_near_the_weights(kind: str) -> None:
    """No weight is further than half a step from what its integer stands for, each channel uses its whole range, and integers they are."""
    of, _ = layer(kind)
    made = integers(of, None)
    assert made.weight.dtype == torch.int8
    assert made.weight.abs().flatten(1).amax(dim=1).tolist() == [127] * len(of.weight)
    error = (made.float_weight - of.weight).abs().flatten(1).amax(dim=1)
    assert bool((error <= made.scale / 2 * 1.0001).all())


@pytest.mark.skipif(not exact_kernels(), reason="this processor has no exact integer kernels")
@pytest.mark.parametrize("seen", [None, RANGE], ids=["own step", "calibrated"])
@pytest.mark.parametrize("kind", KINDS)
def test_kernels_and_float64_are_the_same_function(kind: str, seen: InputRange | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit: a machine without integer kernels certifies the same model."""
    of, x = layer(kind)
    with_kernels = integers(of, seen)(x)
    monkeypatch.setattr(int8, "exact_kernels", lambda: False)
    assert torch.equal(with_kernels, integers(of, seen)(x))


@pytest.mark.parametrize("seen", [None, RANGE], ids=["own step", "calibrated"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_image_answers_alike_in_every_company(kind: str, seen: InputRange | None) -> None:
    """Also beside one that is a thousand times brighter, whose scale a dynamically quantised batch would take over."""
    of, x = layer(kind)
    made = integers(of, seen)
    assert torch.equal(made(torch.cat([x, 1000 * x, x]))[: len(x)], made(x))
    assert torch.equal(made(x[:1]), made(x)[:1])


@pytest.mark.skipif(not exact_kernels(), reason="this processor has no exact integer kernels")
def test_a_kernel_that_saturates_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum that is cut, as x86 without VNNI does, is found when the kernels are tried."""
    by_kernel = Int8Conv2d._by_kernel
    monkeypatch.setattr(Int8Conv2d, "_by_kernel", lambda self, u, ready: by_kernel(self, u, ready).clamp(max=2.0**20))
    assert not exact_kernels.__wrapped__()


class Odd(nn.Module):
    """Layers that can compute in integers, and some that cannot."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = nn.Conv2d(1, 2, 3)
        self.reflecting = nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect")
        self.same = nn.Conv2d(1, 2, 3, padding="same")
        self.attention = nn.MultiheadAttention(4, 2)
        self.wide = nn.Linear(70_000, 1)
        self.head = nn.Linear(4, 3)
        self.again = self.head


def test_only_layers_that_can_become_integers() -> None:
    """Torch's own with zeros around the image and sums within 32 bits; a layer that is used twice stays one."""
    module = Odd()
    assert list(quantisable(module)) == ["plain", "head", "again"]
    made = with_int8_layers(module, {"plain": True, "head": False, "again": False})
    assert isinstance(made.plain, Int8Conv2d)
    assert made.head is made.again
    assert {name for name, value in made.state_dict().items() if value.dtype == torch.int8} == {
        "plain.weight",
        "head.weight",
        "again.weight",
    }


def test_copies_for_lanes_answer_alike() -> None:
    """A copy shares the weights, and lays them out anew: what a kernel packed cannot be copied."""
    of, x = layer("convolution")
    made = nn.Sequential(integers(of, RANGE))
    answer = made(x)
    one, other = copies_of(made, 2)
    assert one is not other
    assert one[0].weight is made[0].weight  # type: ignore[index]
    assert torch.equal(one(x), answer)


def test_new_weights_are_heard() -> None:
    """What a kernel packed is dropped when a state is loaded or the weights are changed."""
    of, x = layer("linear")
    made, other = integers(of, RANGE), integers(nn.Linear(33, 5), InputRange(-3.0, 3.0))
    made(x)
    made.load_state_dict(other.state_dict())
    assert torch.equal(made(x), other(x))


def test_a_state_says_which_layers_are_integers() -> None:
    """Those whose weights are int8, calibrated where a step is there; a state without any, or of another network, is refused."""
    source = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    made = with_layers_of(
        copy.deepcopy(source), {"0.weight": torch.zeros(2, 1, 3, 3, dtype=torch.int8), "0.input_step": torch.ones(())}, source="f"
    )
    assert isinstance(made[0], Int8Conv2d)  # type: ignore[index]
    assert made[0].input_step is not None  # type: ignore[index]
    assert type(made[2]) is nn.Linear  # type: ignore[index]
    alone = with_layers_of(nn.Linear(8, 3), {"weight": torch.zeros(3, 8, dtype=torch.int8)}, source="f")
    assert isinstance(alone, Int8Linear)
    assert alone.input_step is None
    for state, message in (
        ({"0.weight": torch.zeros(1)}, "must have weights in int8, found none in f"),
        ({"7.weight": torch.zeros(1, dtype=torch.int8)}, "none called '7'"),
        ({"0.counts": torch.zeros(1, dtype=torch.int8)}, "weights of layers alone, found 0.counts"),
    ):
        with pytest.raises(ModelError, match=message):
            with_layers_of(copy.deepcopy(source), state, source="f")
