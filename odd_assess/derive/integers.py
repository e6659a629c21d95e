"""Layers in 8-bit integers made from a trained model, the ranges of their inputs seen in calibration where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from odd_assess.errors import ModelError
from odd_assess.models.classifier import Classifier
from odd_assess.models.diagnosis import logits_of
from odd_assess.models.int8 import InputRange, Int8Layer, quantisable, with_int8_layers


def quantised(module: nn.Module, seen: Mapping[str, InputRange] | None) -> nn.Module:
    """``module`` with integer layers in place of its convolutions and linear layers: calibrated by what was ``seen`` of their inputs, or with a step an image.

    A layer that calibration never reached stays as it is. In place, but for a module that is one layer.

    Raises: ModelError without such a layer.
    """
    layers = {name: layer for name, layer in quantisable(module).items() if seen is None or name in seen}
    if not layers:
        raise ModelError("a model must have convolutions or linear layers to compute in integers, found none that can")
    made = with_int8_layers(module.float(), dict.fromkeys(layers, seen is not None))
    for name, layer in layers.items():
        part = made.get_submodule(name)
        assert isinstance(part, Int8Layer)
        part.quantise(layer, None if seen is None else seen[name])
    return made


def ranges(
    module: nn.Module,
    batches: Iterable[Tensor],
    *,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    device: torch.device,
) -> dict[str, InputRange]:
    """What the inputs of each layer of ``module`` held while it answered for the batches, normalised by ``mean`` and ``std``. It takes the module over.

    Raises: ModelError where an input is not finite, or the module breaks.
    """
    layers = quantisable(module.float())
    classify = Classifier(module, mean=mean, std=std, device=device)
    seen: dict[str, InputRange] = {}

    def note(name: str) -> Callable[[nn.Module, Any], None]:
        def hook(_: nn.Module, given: Any) -> None:
            low, high = (float(value) for value in torch.aminmax(given[0]))
            before = seen.get(name, InputRange(0.0, 0.0))
            seen[name] = InputRange(min(before.low, low), max(before.high, high))

        return hook

    with _hooked({layer: note(name) for name, layer in layers.items()}):
        for batch in batches:
            logits_of(classify, batch)
    if odd := [name for name, range_ in seen.items() if not isfinite(range_.low) or not isfinite(range_.high)]:
        raise ModelError(f"the inputs of each layer must be finite in calibration, found others in {odd[0]}")
    return seen


@contextmanager
def _hooked(hooks: Mapping[nn.Module, Callable[[nn.Module, Any], None]]) -> Iterator[None]:
    handles = [layer.register_forward_pre_hook(hook) for layer, hook in hooks.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
