"""What can be made of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

RecipeKind = Literal["fp16", "bf16", "int8", "int8-static", "onnx-int8", "prune"]

RECIPES: tuple[str, ...] = get_args(RecipeKind)
"""The kinds of modification, as ``--as`` names them."""

CALIBRATED = ("int8-static", "onnx-int8")
"""The kinds that look at inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One way to modify a model.

    fp16, bf16    weights rounded to half precision, the model computes in it
    int8          convolutions and linear layers in 8-bit integers, the step of their inputs taken from each image
    int8-static   the same, the step and zero of each layer's inputs fixed by calibration: one look at the inputs less, and unsymmetric ranges
    onnx-int8     an ONNX file whose layers compute in 8-bit integers, calibrated; run by onnxruntime
    prune         the share ``amount`` of the weights of convolutions and linear layers that are smallest in magnitude, over all layers, set to zero

    Raises: ValueError for an amount outside (0, 1), or beside another kind than prune.
    """

    kind: RecipeKind
    amount: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in RECIPES:
            raise ValueError(f"kind must be one of {', '.join(RECIPES)}, got {self.kind!r}")
        if (self.amount is None) == (self.kind == "prune"):
            raise ValueError(f"amount must be given for prune, and for nothing else, got {self.amount!r} for {self.kind}")
        if self.amount is not None and not 0 < self.amount < 1:
            raise ValueError(f"amount must lie in (0, 1), got {self.amount!r}")

    @property
    def calibrated(self) -> bool:
        """Whether inputs are looked at."""
        return self.kind in CALIBRATED
