from __future__ import annotations

import pytest
import torch
from torch import nn

from odd_assess.derive.integers import quantised, ranges
from odd_assess.errors import ModelError
from odd_assess.models.int8 import InputRange, Int8Layer


def test_ranges_are_those_of_what_a_layer_saw_and_hold_zero() -> None:
    """Over all batches, after normalisation; a layer that nobody calls has none, and stays in floating point."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 2))
    module.add_module("unused", nn.Linear(2, 2))
    module.forward = nn.Sequential(*list(module.children())[:4]).forward  # type: ignore[method-assign]
    batches = [torch.full((2, 1, 2, 2), 3.0), torch.full((2, 1, 2, 2), 5.0)]
    seen = ranges(module, batches, mean=(1.0,), std=(2.0,), device=torch.device("cpu"))
    assert seen["1"] == InputRange(0.0, 2.0)
    assert seen["3"].low == 0.0
    assert "unused" not in seen
    fresh = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 2))
    fresh.add_module("unused", nn.Linear(2, 2))
    made = quantised(fresh, seen)
    assert [isinstance(part, Int8Layer) for part in made.children()] == [False, True, False, True, False]


def test_a_network_without_layers_cannot_be_quantised() -> None:
    """One message, with or without calibration."""
    with pytest.raises(ModelError, match="must have convolutions or linear layers to compute in integers"):
        quantised(nn.Sequential(nn.ReLU()), None)
    with pytest.raises(ModelError, match="must have convolutions or linear layers to compute in integers"):
        quantised(nn.Sequential(nn.Linear(2, 2)), {})
