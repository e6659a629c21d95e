"""What a source of inputs is: a fixed sequence of labelled base images, or a renderer that makes one for each ODD point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from odd_assess.errors import DataError
from odd_assess.inputs.pixels import Size, one_image, resized
from odd_assess.odd import Frames
from odd_assess.odd.points import Value


@runtime_checkable
class Source(Protocol):
    """Labelled base images in a fixed order."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class, in label order."""
        ...

    @property
    def frames(self) -> Frames | None:
        """The columns of the table that are ODD attributes; None for sources without a table."""
        ...

    @property
    def digest(self) -> str:
        """sha256 over all images, labels, class names and the size they are brought to."""
        ...

    def __len__(self) -> int: ...
    def image(self, row: int) -> Tensor:
        """The image (C, H, W), float32 in [0, 1]."""
        ...

    def label(self, row: int) -> int:
        """The true class of the image."""
        ...


class Renderer:
    """A function or simulator that makes the image of an ODD point: ``function(values, seed) -> (image, label)``."""

    frames = None

    def __init__(
        self,
        function: Callable[[dict[str, Value], int], Any],
        *,
        name: str,
        class_names: tuple[str, ...],
        digest: str,
        size: Size | None = None,
    ) -> None:
        self.class_names = class_names
        self.digest = digest
        self._function = function
        self._name = name
        self._size = size

    def render(self, values: Mapping[str, Value], seed: int) -> tuple[Tensor, int]:
        """The image (C, H, W), float32 in [0, 1], and its label.

        Raises: DataError when the function fails or returns something else than an image and a class.
        """
        try:
            answer = self._function(dict(values), seed)
        except (Exception, SystemExit) as error:
            raise DataError(
                f"{self._name}: the renderer failed with {type(error).__name__}: {error}; values were {dict(values)!r}"
            ) from error
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise DataError(f"{self._name}: the renderer must return (image, label), found {type(answer).__name__}")
        image, label = answer
        if isinstance(label, bool) or not hasattr(label, "__index__") or not 0 <= label.__index__() < len(self.class_names):
            raise DataError(f"{self._name}: the label must be a whole number in 0 ... {len(self.class_names) - 1}, found {label!r}")
        return resized(one_image(image, f"{self._name}: image"), self._size), label.__index__()
