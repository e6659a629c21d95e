"""Convolutions and linear layers that compute in 8-bit integers, for the section ``precision: int8``.

Decision, 2026-11-21: torch's own quantisation moves house (torch.ao.quantization is to be deleted, its successor simulates integers in floating point unless
the whole graph is compiled), and a dynamically quantised model of either has one scale for a batch, so that an image's answer depends on its company. A base
classifier must be one fixed function. So the layers are ours, a page long:

    weight      w = scale[o] * q,            q in [-127, 127], a scale for each output channel
    input       x = step * (u - zero),       u in [0, 255]; step and zero are the layer's own (calibrated), or step is the image's own, and zero 128
    output      step * scale[o] * sum q * (u - zero) + bias[o], the sum in whole numbers: exact, so that no order of
                summation and no batch changes it

The sum is taken by oneDNN's integer kernels where they are exact on this processor (they saturate on x86 without VNNI: they are tried with the largest numbers,
once), else by float64 convolutions and products, which hold these whole numbers exactly: the same function on every device, only slower.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from odd_assess.errors import ModelError
from odd_assess.models.quiet import quiet

LARGEST_WEIGHT = 127
LARGEST_INPUT = 255
MOST_PRODUCTS = (2**31 - 1) // (LARGEST_WEIGHT * LARGEST_INPUT)
"""The most products that the 32 bits of an integer kernel can sum."""
MIDDLE = 128
"""The zero of inputs whose step is their image's own: it must be the same for all images of a call."""


class InputRange(NamedTuple):
    """The smallest and the largest number that a layer's input held in calibration, zero included."""

    low: float
    high: float

    @property
    def step_and_zero(self) -> tuple[float, int]:
        """The step between neighbouring integers, and the integer that stands for zero."""
        step = max((self.high - self.low) / LARGEST_INPUT, 1e-12)
        return step, round(-self.low / step)


class _Ready(NamedTuple):
    """What a call needs besides its input.

    ``packed``: the weights laid out for the kernel (None: computed in float64). ``unit``: what an integer of each output channel stands for, but for the
    step of an image. ``step`` (None: each image's own) and ``zero`` of the input.
    """

    packed: Tensor | None
    unit: Tensor
    no_zeros: Tensor
    step: float | None
    zero: int


class Int8Layer(nn.Module):
    """A layer with int8 weights (O, ...), a scale (O,) for each output channel, a bias (O,) or none, and step and zero of a calibrated input."""

    weight: nn.Parameter
    scale: nn.Parameter
    bias: nn.Parameter | None
    input_step: nn.Parameter | None
    input_zero: nn.Parameter | None

    def __init__(self, layer: nn.Conv2d | nn.Linear, *, calibrated: bool) -> None:
        super().__init__()
        shape = layer.weight.shape
        self.weight = _fixed(torch.zeros(shape, dtype=torch.int8))
        self.scale = _fixed(torch.ones(shape[0]))
        self.bias = None if layer.bias is None else _fixed(torch.zeros(shape[0]))
        self.input_step = _fixed(torch.ones(())) if calibrated else None
        self.input_zero = _fixed(torch.zeros((), dtype=torch.int32)) if calibrated else None
        self._ready: _Ready | None = None

    def quantise(self, layer: nn.Conv2d | nn.Linear, seen: InputRange | None) -> None:
        """Take over the weights of ``layer``, each rounded to the nearest of the integers, and what calibration has ``seen`` of the input. In place."""
        weight = layer.weight.detach().float()
        largest = weight.abs().flatten(1).amax(dim=1)
        scale = torch.where(largest > 0, largest / LARGEST_WEIGHT, torch.ones_like(largest))
        steps = weight / scale.reshape(-1, *[1] * (weight.ndim - 1))
        self.weight.data.copy_(steps.round().clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT))
        self.scale.data.copy_(scale)
        if self.bias is not None and layer.bias is not None:
            self.bias.data.copy_(layer.bias.detach().float())
        if seen is not None and self.input_step is not None and self.input_zero is not None:
            step, zero = seen.step_and_zero
            self.input_step.data.fill_(step)
            self.input_zero.data.fill_(zero)
        self._ready = None

    @property
    def float_weight(self) -> Tensor:
        """The weights that the integers stand for, as float32."""
        return self.weight.float() * self.scale.reshape(-1, *[1] * (self.weight.ndim - 1))

    @torch.compiler.disable  # type: ignore[untyped-decorator] # its kernels are called as they are
    def forward(self, x: Tensor) -> Tensor:
        """Inputs (B, ...) float -> outputs float32, each image on its own."""
        x = x.float()
        ready = self._ready = self._ready or self._get_ready(x.device)
        if ready.step is not None:
            u = x.mul(1 / ready.step).round_().add_(ready.zero).clamp_(0, LARGEST_INPUT)
            y = self._product(u.to(torch.uint8), ready)
        else:
            own = x.abs().amax(dim=tuple(range(1, x.ndim)), keepdim=True).clamp_min_(1e-12) / (MIDDLE - 1)
            y = self._product((x / own).round_().add_(ready.zero).to(torch.uint8), ready).mul_(own)
        return y if self.bias is None else y.add_(self._along_channels(self.bias))

    def _get_ready(self, device: torch.device) -> _Ready:
        step, zero = None, MIDDLE
        if self.input_step is not None and self.input_zero is not None:
            step, zero = float(self.input_step), int(self.input_zero)
        unit = self.scale.detach() * (1.0 if step is None else step)
        no_zeros = torch.zeros(len(unit), dtype=torch.int32)
        packed = self._packed(unit, zero) if device.type == "cpu" and exact_kernels() else None
        return _Ready(packed, unit, no_zeros, step, zero)

    def _product(self, u: Tensor, ready: _Ready) -> Tensor:
        """The sums of whole numbers, exact, in the unit of each output channel."""
        if ready.packed is not None:
            return self._by_kernel(u, ready)
        return self._exact(u.double() - ready.zero).float() * self._along_channels(ready.unit)

    def _packed(self, unit: Tensor, zero: int) -> Tensor:
        raise NotImplementedError

    def _by_kernel(self, u: Tensor, ready: _Ready) -> Tensor:
        raise NotImplementedError

    def _exact(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def _along_channels(self, values: Tensor) -> Tensor:
        raise NotImplementedError

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        self._ready = None
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._ready = None
        super()._load_from_state_dict(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_ready": None}  # laid out anew by each copy


class Int8Conv2d(Int8Layer):
    """A convolution (B, C, H, W) -> (B, O, H', W') in integers."""

    def __init__(self, layer: nn.Conv2d, *, calibrated: bool) -> None:
        super().__init__(layer, calibrated=calibrated)
        self.stride, self.dilation, self.groups = list(layer.stride), list(layer.dilation), layer.groups
        self.padding = [0, 0] if isinstance(layer.padding, str) else list(layer.padding)

    def _packed(self, unit: Tensor, zero: int) -> Tensor:
        how = (self.stride, self.padding, self.dilation, self.groups)
        packed: Tensor = torch.ops.onednn.qconv_prepack(self.weight.detach(), unit, 1.0, zero, *how, None)
        return packed

    def _by_kernel(self, u: Tensor, ready: _Ready) -> Tensor:
        how = (self.stride, self.padding, self.dilation, self.groups)
        y: Tensor = torch.ops.onednn.qconv2d_pointwise(
            u, 1.0, ready.zero, ready.packed, ready.unit, ready.no_zeros, None, *how, 1.0, 0, torch.float32, "none", [], None
        )
        return y

    def _exact(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, self.weight.double(), None, self.stride, self.padding, self.dilation, self.groups).round_()

    def _along_channels(self, values: Tensor) -> Tensor:
        return values.reshape(-1, 1, 1)


class Int8Linear(Int8Layer):
    """A product (B, ..., I) -> (B, ..., O) in integers."""

    def _packed(self, unit: Tensor, zero: int) -> Tensor:
        del unit, zero
        packed: Tensor = torch.ops.onednn.qlinear_prepack(self.weight.detach(), None)
        return packed

    def _by_kernel(self, u: Tensor, ready: _Ready) -> Tensor:
        y: Tensor = torch.ops.onednn.qlinear_pointwise(
            u, 1.0, ready.zero, ready.packed, ready.unit, ready.no_zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        return y

    def _exact(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight.double()).round_()

    def _along_channels(self, values: Tensor) -> Tensor:
        return values


def quantisable(module: nn.Module) -> dict[str, nn.Conv2d | nn.Linear]:
    """The convolutions and linear layers that can compute in integers, by name: torch's own, zeros or nothing around the image, sums within 32 bits."""
    found: dict[str, nn.Conv2d | nn.Linear] = {}
    for name, part in module.named_modules(remove_duplicate=False):
        plain = type(part) is nn.Conv2d and part.padding_mode == "zeros" and part.padding != "same"
        if (plain or type(part) is nn.Linear) and part.weight[0].numel() <= MOST_PRODUCTS:
            assert isinstance(part, nn.Conv2d | nn.Linear)
            found[name] = part
    return found


def with_int8_layers(module: nn.Module, calibrated: Mapping[str, bool]) -> nn.Module:
    """``module`` with integer layers, still empty, in place of the named ones; the mapping says which have a calibrated input.

    In place, but for a module that is one layer.

    Raises: ModelError for a name that is no layer which can compute in integers.
    """
    layers = quantisable(module)
    if unknown := [name for name in calibrated if name not in layers]:
        raise ModelError(
            f"int8 weights must be those of convolutions and linear layers, the architecture has none called {unknown[0]!r}"
        )
    made: dict[int, Int8Layer] = {}
    for name, known in calibrated.items():
        layer = layers[name]
        made[id(layer)] = (
            Int8Conv2d(layer, calibrated=known) if isinstance(layer, nn.Conv2d) else Int8Linear(layer, calibrated=known)
        )
    for part in list(module.modules()):
        for child, held in list(part._modules.items()):  # noqa: SLF001 - named_children leaves out a layer's second name
            if id(held) in made:
                setattr(part, child, made[id(held)])
    return made.get(id(module), module)


def with_layers_of(module: nn.Module, state: Mapping[str, Any], *, source: str) -> nn.Module:
    """``module`` with integer layers, still empty, where ``state`` holds int8 weights. In place, but for a module that is one layer.

    Raises: ModelError where it holds none, or where the architecture has no such layer.
    """
    named = [name for name, value in state.items() if isinstance(value, Tensor) and value.dtype == torch.int8]
    if not named:
        raise ModelError(f"precision int8 must have weights in int8, found none in {source}; `odd-assess derive` writes them")
    ends = [(name, name.removesuffix("weight").removesuffix(".")) for name in named]
    if wrong := [name for name, layer in ends if name not in ("weight", f"{layer}.weight")]:
        raise ModelError(
            f"{source} must hold int8 numbers as weights of layers alone, found {wrong[0]}; `odd-assess derive` writes them"
        )
    return with_int8_layers(module, {layer: f"{layer}.input_step".lstrip(".") in state for _, layer in ends})


@cache
def exact_kernels() -> bool:
    """Whether oneDNN's integer kernels are there and exact on this processor, also for the largest numbers, which saturate on x86 without VNNI."""
    generator = torch.Generator().manual_seed(0)
    with quiet(), torch.inference_mode():
        try:
            for layer, shape in (
                (nn.Conv2d(32, 32, 3, padding=1), (4, 32, 8, 8)),
                (nn.Conv2d(32, 32, 3, groups=32), (4, 32, 8, 8)),
                (nn.Linear(256, 32), (4, 256)),
            ):
                integers = (
                    Int8Conv2d(layer, calibrated=False) if isinstance(layer, nn.Conv2d) else Int8Linear(layer, calibrated=False)
                )
                integers.weight.data.fill_(LARGEST_WEIGHT)
                integers.weight.data[16:] = torch.randint(
                    -LARGEST_WEIGHT, LARGEST_WEIGHT + 1, layer.weight[16:].shape, generator=generator
                )
                u = torch.full(shape, LARGEST_INPUT, dtype=torch.uint8)
                u[2:] = torch.randint(0, LARGEST_INPUT + 1, u[2:].shape, generator=generator, dtype=torch.uint8)
                for zero in (0, MIDDLE):
                    unit, no_zeros = torch.ones(32), torch.zeros(32, dtype=torch.int32)
                    ready = _Ready(integers._packed(unit, zero), unit, no_zeros, 1.0, zero)  # noqa: SLF001
                    if not torch.equal(integers._by_kernel(u, ready).double(), integers._exact(u.double() - zero)):  # noqa: SLF001
                        return False
        except (RuntimeError, AttributeError, NotImplementedError):  # a torch without them
            return False
    return True


def _fixed(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)
