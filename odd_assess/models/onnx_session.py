"""ONNX files, run by onnxruntime (the extra ``onnx``)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from odd_assess.errors import MissingLibraryError, ModelError
from odd_assess.models.classifier import first_line
from odd_assess.models.file_network import FileNetwork

_TYPES = {"tensor(float)": torch.float32, "tensor(float16)": torch.float16, "tensor(double)": torch.float64}


def open_onnx(path: Path, *, device: torch.device) -> FileNetwork:
    """The network of an ONNX file with one image input and one output, on the CPU, or on the GPU where onnxruntime can.

    Raises: MissingLibraryError without onnxruntime; ModelError for a file that is missing, truncated, or has several inputs or
    outputs.
    """
    if not path.is_file():
        raise ModelError(f"model.onnx must name an existing file, {path} was not found")
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingLibraryError('ONNX models need onnxruntime, which is not installed: pip install "odd-assess[onnx]"') from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors arrive as exceptions
    wanted = ["CUDAExecutionProvider", "CPUExecutionProvider"] if device.type == "cuda" else ["CPUExecutionProvider"]
    providers = [provider for provider in wanted if provider in onnxruntime.get_available_providers()]
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        raise ModelError(f"{path} must be a whole ONNX model, onnxruntime cannot open it: {first_line(error)}") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    for what, values in (("input, the batch of images", inputs), ("output, the logits", outputs)):
        if len(values) != 1:
            raise ModelError(f"{path} must have one {what}, found {len(values)}: {', '.join(value.name for value in values)}")
    if inputs[0].type not in _TYPES:
        raise ModelError(f"the input of {path} must be floating point, found {inputs[0].type}")
    dtype, name = _TYPES[inputs[0].type], inputs[0].name
    size = inputs[0].shape[0] if inputs[0].shape else None

    def run(batch: Tensor) -> object:
        (answer,) = session.run(None, {name: batch.to("cpu", dtype).contiguous().numpy()})
        return torch.from_numpy(answer).to(batch.device) if hasattr(answer, "dtype") else answer

    return FileNetwork(run, batch_size=size if isinstance(size, int) else None)
