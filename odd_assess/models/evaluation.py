"""Evaluation mode, enforced: a certificate speaks of one fixed function, and dropout or batch statistics make it a random one.

Decision, 2026-11-21: ``module.eval()`` is a request that any later ``self.train()`` or ``self.training = True`` undoes, also
inside ``forward``. So each part of the module gets a class of its own in which ``training`` is False and cannot be set. What
asks for randomness without asking the mode (``dropout(x, training=True)``) is caught by behaviour, in ``diagnosis``.
"""

from __future__ import annotations

from contextlib import suppress
from types import new_class
from typing import Any

import torch
from torch import nn

from odd_assess.errors import ModelError


def pin_evaluation_mode(module: nn.Module) -> None:
    """Every part of ``module`` is in evaluation mode and stays there, whoever calls ``train()`` or sets ``training``. In place.

    Raises: ModelError when a part cannot be held in evaluation mode.
    """
    with suppress(NotImplementedError):  # exported graphs have no modes: theirs was fixed at export
        module.eval()
    pinned: dict[str, type[nn.Module]] = {}  # parts of one class keep one class
    for part in module.modules():
        if isinstance(part, torch.jit.ScriptModule):
            continue  # compiled code cannot call train()
        try:
            kind = pinned.setdefault(repr(type(part)), _pinned(type(part)))
            object.__setattr__(part, "__class__", kind)
        except TypeError as error:
            raise ModelError(
                f"every part of the model must stay in evaluation mode, {type(part).__name__} cannot be held there: {error}"
            ) from error


def _pinned(kind: type[nn.Module]) -> type[nn.Module]:
    """A subclass of ``kind``, alike in name, whose instances are never in training mode."""

    def body(namespace: dict[str, Any]) -> None:
        namespace["__module__"] = kind.__module__
        namespace["__doc__"] = kind.__doc__
        namespace["training"] = property(lambda _self: False, lambda _self, _mode: None)
        namespace["train"] = lambda self, mode=True: self  # noqa: ARG005 - the signature of nn.Module.train

    return new_class(kind.__name__, (kind,), exec_body=body)
