"""The identity of a model: what was declared and every bit of its weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def state_digest(module: nn.Module) -> str:
    """SHA-256 over name, type, shape and bytes of every tensor in the state, in the order of names."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(f"{name}|".encode())
        digest.update(_tensor_bytes(value) if isinstance(value, Tensor) else repr(value).encode())
    return digest.hexdigest()


def identity_digest(identity: Mapping[str, Any], content: str) -> str:
    """SHA-256 over a description that JSON can hold and the digest of the weights."""
    return hashlib.sha256(json.dumps({**identity, "content": content}, sort_keys=True, default=repr).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 over the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def onnx_digest(path: Path) -> str:
    """SHA-256 over an ONNX file and the files beside it whose names it mentions: external data, where the weights of large models lie."""
    model = path.read_bytes()
    beside = [
        other for other in sorted(path.parent.iterdir()) if other != path and other.is_file() and other.name.encode() in model
    ]
    digest = hashlib.sha256(model)
    for other in beside:
        digest.update(f"|{other.name}|{file_digest(other)}".encode())
    return digest.hexdigest()


def _tensor_bytes(tensor: Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return f"{tensor.dtype}{tuple(tensor.shape)}|".encode() + flat.view(torch.uint8).numpy().tobytes()
