"""The model under test as the engine calls it: normalised inside, in evaluation mode, without gradients, every answer checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from odd_assess.certify import copies_of, out_of_memory, pick_device
from odd_assess.errors import ModelError
from odd_assess.models.digest import identity_digest, state_digest
from odd_assess.models.evaluation import pin_evaluation_mode
from odd_assess.models.file_network import FileNetwork
from odd_assess.models.quiet import no_warnings, quiet


class Classifier:
    """A base classifier f: (B, C, H, W) float32 in input units -> finite logits (B, classes) float32, one fixed function.

    It takes the module over: its parts are pinned in evaluation mode and its parameters need no gradients any more. ``mean`` and
    ``std`` (one value, or one a channel) are applied to each batch, that is after the noise. ``identity`` says what was
    declared, ``content`` is the digest of the weights where the module's state does not hold them. ``compiled``: the module is called
    through torch.compile.

    Raises: ModelError for a mean or std that no image can be normalised with, or a part that cannot be held in evaluation mode.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        device: torch.device | str | None = None,
        identity: Mapping[str, Any] | None = None,
        content: str | None = None,
        compiled: bool = False,
    ) -> None:
        self.device = choose_device(device)
        self._identity = {
            **(identity or {"kind": "module", "reference": type(module).__name__}),
            "mean": mean and list(mean),
            "std": std and list(std),
        }
        self._content = content or state_digest(module)
        self._mean = _per_channel("mean", mean, self.device)
        self._std = _per_channel("std", std, self.device)
        if self._std is not None and not bool((self._std > 0).all()):
            raise ModelError(f"normalise.std must be above 0 in every channel, found {std}")
        self._parameters = sum(parameter.numel() for parameter in module.parameters())
        self._dtype = next((parameter.dtype for parameter in module.parameters() if parameter.is_floating_point()), torch.float32)
        if self.device.type == "cuda":  # a float32 model is certified as one: TF32 keeps 10 of 23 bits
            torch.backends.cuda.matmul.allow_tf32 = False
            torch.backends.cudnn.allow_tf32 = False
        self._module = module.to(self.device).requires_grad_(requires_grad=False)
        self._num_classes: int | None = None
        pin_evaluation_mode(self._module)
        self._compiled = compiled
        if compiled:
            self._module.compile(dynamic=False)

    @property
    def digest(self) -> str:
        """SHA-256 of what was declared (architecture, arguments, normalisation) and of the weights."""
        return identity_digest(self._identity, self._content)

    def describe(self) -> dict[str, Any]:
        """What the manifest says about the model."""
        return {
            **self._identity,
            "digest": self.digest,
            "weights_digest": self._content,
            "parameters": self._parameters,
            "device": str(self.device),
            "evaluation_mode": "enforced",
        }

    def __call__(self, batch: Tensor) -> Tensor:
        """Logits (B, classes) of a batch (B, C, H, W) in input units. Gradients flow through them where the batch asks for them and the module lets them.

        Raises: ModelError when the module breaks, answers anything but one tensor of logits (B, classes), or with NaN or
        infinity; ValueError for a batch that is not (B, C, H, W). Running out of device memory passes as torch.OutOfMemoryError.
        """
        with no_warnings():
            logits = self._answer(self._module, batch)
        if not bool(torch.isfinite(logits).all()):
            bad = int((~torch.isfinite(logits).all(dim=1)).sum())
            raise ModelError(f"the model's logits must be finite, found NaN or infinity for {bad} of {len(batch)} inputs")
        return logits

    def replicas(self, count: int) -> list[Replica]:
        """The classifier for the engine, which looks at the logits itself: ``count`` to be asked at the same time, or one where no more can be made."""
        modules = [self._module] if self._compiled else copies_of(self._module, count)
        return [Replica(self._answer, module, self.precision) for module in modules]

    def arrange(self, *, channels_last: bool) -> None:
        """Lay out the weights of convolutions for batches whose memory holds the channels of a pixel side by side, or not. The function stays the same."""
        if not isinstance(self._module, FileNetwork):
            self._module.to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)

    @property
    def precision(self) -> torch.dtype:
        """What the module computes in."""
        return self._dtype

    def _answer(self, module: nn.Module, batch: Tensor) -> Tensor:
        if batch.ndim != 4:
            raise ValueError(f"a batch must be (B, C, H, W), got {tuple(batch.shape)}")
        x = self.normalise(batch.to(self.device)).to(self._dtype)
        try:
            with torch.set_grad_enabled(batch.requires_grad):
                answer = module(x)
        except (torch.OutOfMemoryError, ModelError):
            raise
        except (Exception, SystemExit) as error:
            if out_of_memory(error):
                raise torch.OutOfMemoryError(first_line(error)) from error
            hint = "; model.compile may be the cause: without it the model runs as written" if self._compiled else ""
            raise ModelError(
                f"the model must accept inputs of shape (B, {', '.join(map(str, batch.shape[1:]))}), it broke on them with "
                f"{type(error).__name__}: {first_line(error)}{hint}"
            ) from error
        logits = _logits(answer, len(batch))
        if self._num_classes is None:
            self._num_classes = logits.shape[1]
        elif self._num_classes != logits.shape[1]:
            raise ModelError(
                f"the model must answer with the same number of classes every time, found {self._num_classes}, then "
                f"{logits.shape[1]}"
            )
        return logits

    def normalise(self, batch: Tensor) -> Tensor:
        """A batch (B, C, H, W) in input units as the module gets it.

        Raises: ModelError where mean or std have another number of channels.
        """
        for name, values in (("mean", self._mean), ("std", self._std)):
            if values is not None and values.shape[1] not in (1, batch.shape[1]):
                raise ModelError(
                    f"normalise.{name} must have one value or one a channel ({batch.shape[1]}), found {values.shape[1]}"
                )
        if self._mean is not None:
            batch = batch - self._mean
        return batch if self._std is None else batch / self._std


@dataclass(frozen=True, slots=True, eq=False)
class Replica:
    """A classifier's answers by a copy of its module (the weights are shared), which another thread may ask at the same time."""

    answer: Callable[[nn.Module, Tensor], Tensor]
    module: nn.Module
    precision: torch.dtype

    def __call__(self, batch: Tensor) -> Tensor:
        """Logits (B, classes) of a batch (B, C, H, W) in input units, not looked at for NaN or infinity, warnings not held back.

        Raises: as the classifier.
        """
        return self.answer(self.module, batch)


def choose_device(device: torch.device | str | None) -> torch.device:
    """The device that was asked for, else the first GPU, else the CPU.

    Raises: ModelError for a device that this machine does not have.
    """
    with quiet():
        has_cuda = torch.cuda.is_available()
        if device is None:
            return pick_device(None)
        try:
            chosen = torch.device(device)
            torch.empty(0, device=chosen)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise ModelError(
                f"the device must be one of this machine (cpu{', cuda' if has_cuda else '; torch sees no GPU'}), found {device}: "
                f"{first_line(error)}"
            ) from error
        return chosen


def first_line(error: BaseException) -> str:
    """The first line of an exception's message, or its type when it has none."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _per_channel(name: str, values: Sequence[float] | None, device: torch.device) -> Tensor | None:
    if values is None:
        return None
    tensor = torch.tensor(tuple(values), dtype=torch.float32, device=device)
    if tensor.numel() == 0 or not bool(torch.isfinite(tensor).all()):
        raise ModelError(f"normalise.{name} must hold finite numbers, one or one a channel, found {list(values)}")
    return tensor.reshape(1, -1, 1, 1)


def _logits(answer: object, batch_size: int) -> Tensor:
    if not isinstance(answer, Tensor):
        raise ModelError(
            f"the model must answer with one tensor of logits ({batch_size}, classes), found {_what(answer)}; "
            "name a factory whose module returns the classification logits alone"
        )
    if answer.ndim != 2 or answer.shape[0] != batch_size or answer.shape[1] < 2 or not answer.is_floating_point():
        raise ModelError(
            f"the model must answer with logits ({batch_size}, classes >= 2), one row an image, found {answer.dtype} of shape "
            f"{tuple(answer.shape)}"
        )
    return answer.float()


def _what(answer: object) -> str:
    if isinstance(answer, Mapping):
        return f"a {type(answer).__name__} with the keys {', '.join(map(repr, answer))}"
    if isinstance(answer, Sequence):
        return f"a {type(answer).__name__} of {len(answer)}"
    return f"a {type(answer).__name__}"
