"""Images that several tests of the room use."""

import pytest
import torch
from torch import Tensor

from odd_assess.inputs.arrays import open_digits


@pytest.fixture(scope="session")
def digits() -> Tensor:
    """Forty real handwritten digits (40, 1, 8, 8)."""
    source = open_digits("test")
    return torch.stack([source.image(row) for row in range(40)])


@pytest.fixture(scope="session")
def coloured(digits: Tensor) -> Tensor:
    """The same digits in red ink on blue paper (40, 3, 8, 8), neither black nor white anywhere."""
    ink, paper = torch.tensor([0.9, 0.4, 0.2]), torch.tensor([0.1, 0.2, 0.5])
    return paper[:, None, None] + digits * (ink - paper)[:, None, None]
