"""The compact residual network: its shape and size, and that it learns nothing it should not."""

from __future__ import annotations

import pytest
import torch

from odd_assess.examples.residual import network


def test_it_answers_to_small_images_of_any_size() -> None:
    """One channel or three, 8 pixels or 33."""
    for channels, side in ((1, 8), (3, 32), (3, 33)):
        made = network(classes=5, channels=channels, width=4, depth=2).eval()
        assert made(torch.rand(2, channels, side, side)).shape == (2, 5)


def test_depth_three_is_a_resnet_20() -> None:
    """19 convolutions of 3 x 3 and a linear layer, .27 million weights, as in the paper's table for CIFAR-10."""
    made = network(classes=10, width=16, depth=3)
    kernels = [part for part in made.modules() if isinstance(part, torch.nn.Conv2d) and part.kernel_size == (3, 3)]
    assert len(kernels) == 19
    assert 0.265e6 < sum(weights.numel() for weights in made.parameters()) < 0.275e6


def test_numbers_that_make_no_network_are_refused() -> None:
    """One class, no block."""
    for wrong in ({"classes": 1}, {"classes": 3, "depth": 0}):
        with pytest.raises(ValueError, match="must be at least 2"):
            network(**wrong)
