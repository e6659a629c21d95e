"""A compact residual network for small images, such as traffic signs and objects of 32 x 32 pixels: to train, and to assess on two CPU cores."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


def network(*, classes: int, channels: int = 3, width: int = 16, depth: int = 1) -> nn.Module:
    """The untrained network: (B, channels, H, W) in [0, 1] -> logits (B, classes), for any H and W from 8 on.

    Three stages of ``depth`` residual blocks, of ``width``, 2 ``width`` and 4 ``width`` channels, each at half the size of the one before. Width 16 and depth
    3 make a ResNet-20 with activation first; width 16 and depth 1 take a third of its time.

    Raises: ValueError for numbers below 1, or fewer than two classes.
    Source: He et al. 2016, Identity Mappings in Deep Residual Networks.
    """
    if classes < 2 or min(channels, width, depth) < 1:
        raise ValueError(
            f"classes must be at least 2, channels, width and depth at least 1, got {classes}, {channels}, {width} and {depth}"
        )
    sizes = [width] * depth + [2 * width] * depth + [4 * width] * depth
    blocks = [
        Block(inputs, outputs, stride=2 if outputs > inputs else 1)
        for inputs, outputs in zip([width, *sizes[:-1]], sizes, strict=True)
    ]
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        *blocks,
        nn.BatchNorm2d(sizes[-1]),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(sizes[-1], classes),
    )


class Block(nn.Module):
    """Two convolutions, each after normalisation and activation, beside the identity (a 1 x 1 convolution where the shape changes)."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.first = nn.BatchNorm2d(inputs)
        self.down = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.second = nn.BatchNorm2d(outputs)
        self.along = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.short = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False) if inputs != outputs else None

    def forward(self, batch: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        active = functional.relu(self.first(batch))
        kept: Tensor = batch if self.short is None else self.short(active)
        made: Tensor = self.along(functional.relu(self.second(self.down(active))))
        return kept + made
