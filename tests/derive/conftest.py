"""A small trained-looking network, declared as a user would, and inputs for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from odd_assess.derive import Sample
from odd_assess.models.factories import build
from odd_assess.records import ModelDeclaration

NETWORK = """
import torch
from torch import nn

def make(classes=4):
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Flatten(), nn.Linear(72, classes),
    )

def half():
    return make().to(torch.bfloat16)

class Tensorless(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()
    def forward(self, x):
        return self.relu(x).flatten(1)[:, :4]
"""


def untrained(module: nn.Module, seed: int = 3) -> nn.Module:
    """The module with random weights and random running statistics."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            drawn = torch.randn(value.shape, generator=generator)
            value.copy_(drawn.abs() + 0.5 if name.endswith("var") else drawn / max(value[0].numel(), 1) ** 0.5)
    return module.eval()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of a spec, with network and weights in it."""
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "net_of_release.py").write_text(NETWORK)
    module, _ = build(f"{folder / 'net_of_release.py'}:make", {})
    save_file(untrained(module).state_dict(), folder / "weights.safetensors")
    return folder


@pytest.fixture
def declared(home: Path) -> ModelDeclaration:
    """The network, with a normalisation and an expected accuracy."""
    return ModelDeclaration(
        kind="factory",
        reference=f"{home / 'net_of_release.py'}:make",
        weights=home / "weights.safetensors",
        arguments={"classes": 4},
        mean=(0.4,),
        std=(0.3,),
        expected_clean_accuracy=0.9,
    )


@pytest.fixture
def sample() -> Sample:
    """Random images of 8 x 8 pixels."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand((40, 1, 8, 8), generator=generator)
    return Sample(images=images[:24], labels=torch.arange(24) % 4, calibration=images[24:], sigma=0.25, seed=7)
