"""Small networks that tests load through the factory route."""
# ruff: noqa: D102 - forward is torch's name for the call

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn


class Plain(nn.Module):
    """Batch-norm, dropout and a head: everything that a mode changes."""

    def __init__(self, classes: int = 4, channels: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 6, 3)
        self.norm = nn.BatchNorm2d(6)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(6 * 36, classes)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.drop(torch.relu(self.norm(self.conv(x)))).flatten(1))


class Restless(Plain):
    """Goes back to training mode whenever it is asked."""

    def forward(self, x: Tensor) -> Any:
        self.train()
        self.training = True
        self.drop.training = True
        x = nn.functional.dropout(x, 0.5, training=self.training)
        return super().forward(x)


class AlwaysDropping(Plain):
    """Dropout that does not ask the mode."""

    def forward(self, x: Tensor) -> Any:
        return super().forward(nn.functional.dropout(x, 0.5))


class BatchStatistics(Plain):
    """Normalises with the statistics of the batch, whatever the mode."""

    def forward(self, x: Tensor) -> Any:
        return super().forward(nn.functional.batch_norm(x, None, None, training=True))


class Answers(nn.Module):
    """Answers in a shape of choice."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Any:
        logits = x.flatten(1)[:, :3]
        return {
            "dict": OrderedDict(out=logits, aux=logits),
            "tuple": (logits, logits),
            "labels": logits.argmax(1),
            "map": x,
            "nan": logits / 0 * 0,
            "one": logits[:, :1],
            "float64": logits.double(),
        }[self.kind]


class Brightest(nn.Module):
    """Class of the brightest of the first pixels: a linear classifier, right on one-hot images, sure up to noise of its scale."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, : self.classes]


def plain(classes: int = 4, channels: int = 1) -> nn.Module:
    return Plain(classes, channels)  # in training mode, as constructors leave it


def restless(classes: int = 4) -> nn.Module:
    return Restless(classes)


def always_dropping() -> nn.Module:
    return AlwaysDropping()


def batch_statistics() -> nn.Module:
    return BatchStatistics()


def answers(kind: str) -> nn.Module:
    return Answers(kind)


def broken() -> nn.Module:
    raise RuntimeError("no licence server")


def number() -> int:
    return 3


def half() -> nn.Module:
    return Plain().to(torch.bfloat16)
