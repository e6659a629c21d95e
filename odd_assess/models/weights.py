"""Weights files: read as data, and fitted to an architecture exactly or not at all."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from odd_assess.errors import ModelError
from odd_assess.models.classifier import first_line
from odd_assess.models.quiet import quiet

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which training scripts keep the state among other things."""

PREFIXES = ("module.", "_orig_mod.", "model.", "network.", "net.")
"""What DataParallel, torch.compile and wrapper classes put before every name."""

SHOWN = 3
"""How many tensors of a kind an error message lists."""

_REFUSAL = re.compile(r"GLOBAL|global|class|operand|opcode|Trying to")


def read_weights(path: Path, *, trust_pickle: bool = False) -> dict[str, Any]:
    """The state that a file holds, by name: safetensors, or a state_dict saved by torch.save, plain or under "state_dict".

    Raises: ModelError for a file that is missing, truncated, holds no tensors, or holds pickled objects and ``trust_pickle`` is
    False.
    """
    if not path.is_file():
        raise ModelError(f"model.weights must name an existing file, {path} was not found")
    state = _read_safetensors(path) if path.suffix == ".safetensors" else _state(_read_torch(path, trust_pickle=trust_pickle), path)
    bad = [
        name
        for name, value in state.items()
        if isinstance(value, Tensor) and value.is_floating_point() and not bool(torch.isfinite(value).all())
    ]
    if bad:
        raise ModelError(f"the weights in {path} must be finite, found NaN or infinity in {_listed(bad)}")
    return state


def fit_weights(module: nn.Module, state: Mapping[str, Any], *, source: str, target: str) -> None:
    """Loads ``state`` into ``module``; every tensor must find its place and shape, common prefixes aside. In place.

    Counters of batches that batch-norm keeps for training may be missing.

    Raises: ModelError that lists the first missing, unexpected and mis-shaped tensors and counts the rest.
    """
    own = module.state_dict()
    given = _without_prefixes(state, own)
    missing = [f"{name} {_shape(own[name])}" for name in own if name not in given and not name.endswith("num_batches_tracked")]
    unexpected = [f"{name} {_shape(given[name])}" for name in given if name not in own]
    misshapen = [
        f"{name} ({_shape(given[name])} in the file, {_shape(own[name])} in the architecture)"
        for name in own
        if name in given and _shape(given[name]) != _shape(own[name]) and _shape(own[name]) != "of any shape"
    ]
    found = [
        f"{len(names)} {kind}: {_listed(names)}"
        for kind, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", misshapen))
        if names
    ]
    if found:
        raise ModelError(
            f"the weights in {source} must fit {target}, found {'; '.join(found)}. "
            "Name the architecture that they were trained with; its settings (such as the number of classes) go under "
            "model.arguments"
        )
    try:
        module.load_state_dict(dict(given), strict=False)
    except Exception as error:
        raise ModelError(f"the weights in {source} must fit {target}: {first_line(error)}") from error


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        return dict(load_file(path, device="cpu"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"{path} must be a whole safetensors file, it is truncated or something else: {first_line(error)}"
        ) from error


def _read_torch(path: Path, *, trust_pickle: bool) -> Any:
    try:
        with quiet():
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        code = pickled_code(error)
        if not code:
            raise _unreadable(path, error) from error
        if not trust_pickle:
            raise ModelError(
                f"{path} must hold tensors alone, found pickled objects ({code}). Opening them would run whatever code the file "
                "carries. "
                "Save the weights alone (safetensors, or torch.save(module.state_dict(), file)), or pass --trust-pickle if you "
                "made this file yourself"
            ) from error
    try:
        with quiet():
            return torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:
        raise _unreadable(path, error) from error


def pickled_code(error: Exception) -> str:
    """What a weights-only reader refused to open, in its own words; empty when the file is merely broken."""
    text = str(error)
    if "TorchScript" in text:
        return "a TorchScript program"
    found = re.search(r"WeightsUnpickler error:\s*(.+)", text)
    if not isinstance(error, pickle.UnpicklingError) or found is None or not _REFUSAL.search(found[1]):
        return ""
    return found[1].split(" was not an allowed global")[0].split(". ")[0].removeprefix("Unsupported global: GLOBAL ")


def _unreadable(path: Path, error: Exception) -> ModelError:
    return ModelError(
        f"{path} must be a whole file of weights (safetensors, or a state_dict saved by torch.save), it is truncated or "
        f"something else: {first_line(error)}"
    )


def _state(content: Any, path: Path) -> dict[str, Any]:
    for key in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping | nn.Module):
            content = content[key]
            break
    if isinstance(content, nn.Module):  # reached with trust_pickle only
        content = content.state_dict()
    if not isinstance(content, Mapping) or not any(isinstance(value, Tensor) for value in content.values()):
        held = f"the keys {_listed(list(map(str, content)))}" if isinstance(content, Mapping) else f"a {type(content).__name__}"
        raise ModelError(
            f"{path} must hold a state_dict (name -> tensor), or one under {' or '.join(map(repr, WRAPPERS))}, found {held}"
        )
    return {str(name): value for name, value in content.items()}


def _without_prefixes(state: Mapping[str, Any], own: Iterable[str]) -> Mapping[str, Any]:
    """``state`` without the prefixes that all its names carry and none of the architecture's does."""
    own = tuple(own)
    for _ in PREFIXES:
        prefix = next(
            (
                p
                for p in PREFIXES
                if state and all(name.startswith(p) for name in state) and not any(name.startswith(p) for name in own)
            ),
            None,
        )
        if prefix is None:
            break
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _shape(value: Any) -> str:
    if isinstance(value, UninitializedParameter | UninitializedBuffer):
        return "of any shape"
    return str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__


def _listed(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
