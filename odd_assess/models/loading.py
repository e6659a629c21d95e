"""From a declaration to a classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from odd_assess.errors import ModelError
from odd_assess.models.classifier import Classifier, choose_device
from odd_assess.models.digest import file_digest, onnx_digest
from odd_assess.models.exported import open_exported
from odd_assess.models.factories import build, build_torchvision
from odd_assess.models.int8 import with_layers_of
from odd_assess.models.onnx_session import open_onnx
from odd_assess.models.quiet import quiet
from odd_assess.models.weights import fit_weights, read_weights
from odd_assess.records import ModelDeclaration


def load_model(
    declaration: ModelDeclaration, *, device: torch.device | str | None = None, trust_pickle: bool = False
) -> Classifier:
    """The declared model on ``device`` (default: the first GPU, else the CPU), in evaluation mode, its normalisation inside.

    Weights are read as data; ``trust_pickle`` allows files whose opening runs code.

    Raises: ModelError when architecture, weights or normalisation cannot be used; MissingLibraryError for ONNX without onnxruntime.
    """
    where = choose_device(device)
    if declaration.kind in ("exported", "onnx"):
        module, identity, content = _open_file(declaration, where, trust_pickle=trust_pickle)
    else:
        (module, identity), content = build_module(declaration, trust_pickle=trust_pickle), None
        if declaration.compile:
            identity |= {"compile": True}
    return Classifier(
        module,
        mean=declaration.mean,
        std=declaration.std,
        device=where,
        identity={"kind": declaration.kind, **identity},
        content=content,
        compiled=declaration.compile,
    )


def build_module(
    declaration: ModelDeclaration, *, trust_pickle: bool = False, trained: bool = True
) -> tuple[nn.Module, dict[str, Any]]:
    """The declared architecture with its weights, in the declared precision, and what identifies it beside its weights.

    ``trained``: an architecture of torchvision must have weights; else it may be as it is before training.

    Raises: ModelError when architecture or weights cannot be used.
    """
    module, identity = _build_architecture(declaration, trained=trained)
    state = {} if declaration.weights is None else read_weights(declaration.weights, trust_pickle=trust_pickle)
    if declaration.precision == "int8":
        module = with_layers_of(module.float(), state, source=str(declaration.weights or "the architecture"))
    if declaration.weights is not None:
        fit_weights(module, state, source=str(declaration.weights), target=identity["reference"])
    if declaration.precision is not None:
        module = module if declaration.precision == "int8" else module.to(getattr(torch, declaration.precision))
        identity |= {"precision": declaration.precision}
    return module, identity


def _build_architecture(declaration: ModelDeclaration, *, trained: bool) -> tuple[nn.Module, dict[str, Any]]:
    """The architecture, and what identifies it beside its weights."""
    arguments = dict(declaration.arguments)
    with quiet():
        if declaration.kind == "factory":
            module, source = build(declaration.reference, arguments)
            return module, {**source, "arguments": arguments}
        module = build_torchvision(declaration.reference, arguments, has_weights=declaration.weights is not None or not trained)
        return module, {"reference": f"torchvision:{declaration.reference}", "arguments": arguments}


def _open_file(declaration: ModelDeclaration, device: torch.device, *, trust_pickle: bool) -> tuple[nn.Module, dict[str, Any], str]:
    """The network of a file that carries its weights, what identifies it, and the digest of the file."""
    path = Path(declaration.reference)
    if declaration.weights is not None or declaration.arguments:
        raise ModelError(
            f"model.weights and model.arguments must be absent for {path.name}: the file carries its own weights and settings"
        )
    if declaration.kind == "exported":
        module, digest = open_exported(path, device=device, trust_pickle=trust_pickle), file_digest
    else:
        module, digest = open_onnx(path, device=device), onnx_digest
    return module, {"reference": path.name}, digest(path)
