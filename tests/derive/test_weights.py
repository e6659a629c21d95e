from __future__ import annotations

import pytest
import torch
from torch import nn

from odd_assess.derive.weights import pruned, rounded
from odd_assess.errors import ModelError


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 5, 3), nn.BatchNorm2d(5), nn.Flatten(), nn.Linear(5, 40))


def test_the_smallest_weights_of_all_layers_are_zero_and_the_rest_is_as_it_was() -> None:
    """Exactly the share that was asked for, over both layers together; biases and normalisation stay."""
    before, after = network(), pruned(network(), 0.3)
    old = torch.cat([before[i].weight.detach().flatten() for i in (0, 3)])
    new = torch.cat([after[i].weight.detach().flatten() for i in (0, 3)])  # type: ignore[index]
    gone = new == 0
    assert int(gone.sum()) == round(0.3 * len(old))
    assert float(old[gone].abs().max()) <= float(old[~gone].abs().min())
    assert torch.equal(new[~gone], old[~gone])
    others = [name for name in before.state_dict() if name not in ("0.weight", "3.weight")]
    assert all(torch.equal(before.state_dict()[name], after.state_dict()[name]) for name in others)


def test_of_equal_weights_no_more_go_than_were_asked_for() -> None:
    """A layer of equal weights loses its share, not all of them."""
    layer = nn.Linear(10, 10)
    nn.init.constant_(layer.weight, 0.5)
    assert int((pruned(nn.Sequential(layer), 0.25)[0].weight == 0).sum()) == 25  # type: ignore[index]


def test_what_cannot_be_pruned_or_rounded_is_one_message() -> None:
    """A network without weights, and a weight beyond the largest number of fp16."""
    with pytest.raises(ModelError, match="must have convolutions or linear layers to be pruned"):
        pruned(nn.ReLU(), 0.1)
    module = network()
    module[3].weight.data[0, 0] = 1e5
    with pytest.raises(ModelError, match=r"within the range of float16, found larger ones in 3\.weight; bf16 has a wider range"):
        rounded(module, torch.float16)
    wide = network()
    wide[3].weight.data[0, 0] = 1e5
    assert rounded(wide, torch.bfloat16)[0].weight.dtype == torch.bfloat16  # type: ignore[index]
