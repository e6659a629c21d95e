"""ONNX files whose layers compute in 8-bit integers: exported from a module where need be, calibrated and quantised by onnxruntime (extra ``quantise``).

Activations are uint8, weights int8 with a scale for each output channel. Where this processor's integer kernels saturate (x86 without VNNI), the weights keep 7
bits, so that no sum can; a file with 8 bits, made on another machine, answers otherwise there.
"""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from odd_assess.derive.changes import WeightChange, compared
from odd_assess.errors import MissingLibraryError, ModelError
from odd_assess.models.classifier import first_line
from odd_assess.models.int8 import exact_kernels
from odd_assess.models.quiet import quiet

_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_INT8 = 3  # onnx.TensorProto.INT8


def exported(module: nn.Module, example: Tensor, path: Path) -> None:
    """Write ``module``, called with batches like ``example`` (B, C, H, W), as an ONNX file that takes batches of any size.

    Raises: MissingLibraryError without onnx and onnxscript; ModelError for a module that cannot be exported.
    """
    _require()
    from torch.export import Dim

    with quiet(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        try:
            program = torch.onnx.export(
                module.eval(),
                (example,),
                dynamo=True,
                verbose=False,
                input_names=["images"],
                output_names=["logits"],
                dynamic_shapes=({0: Dim("batch")},),
            )
            assert program is not None
            program.save(str(path), external_data=False)
        except Exception as error:
            raise ModelError(
                f"the model must be one that torch.onnx can export for batches of any size, it broke with {type(error).__name__}: {first_line(error)}"
            ) from error


def quantised(source: Path, path: Path, batches: Iterable[Tensor]) -> WeightChange:
    """Write the ONNX file ``source`` with integer layers to ``path``, calibrated on ``batches`` as its input takes them, and say what became of its weights.

    Raises: MissingLibraryError without onnx; ModelError for a file that is quantised already, or cannot be.
    """
    _require()
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with quiet():
        try:
            model = onnx.load(str(source))
            _refuse_integers(model, source)
            prepared = path.with_name("prepared.onnx")
            quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
            quantize_static(
                str(prepared),
                str(path),
                _reader(model, batches),
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
                reduce_range=not exact_kernels(),
            )
            return _change(onnx.load(str(prepared)), onnx.load(str(path)))
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(
                f"{source} must be a model that onnxruntime can quantise, it broke with {type(error).__name__}: {first_line(error)}"
            ) from error
        finally:
            for left in path.parent.glob("prepared.onnx*"):
                left.unlink()


def versions() -> dict[str, str]:
    """The versions of the libraries that write ONNX files."""
    return {name: version(name) for name in ("onnx", "onnxscript")}


def _require() -> None:
    try:
        import onnx
        import onnxruntime.quantization
        import onnxscript
    except ImportError as error:
        raise MissingLibraryError(
            f'onnx-int8 needs {error.name}, which is not installed: pip install "odd-assess[quantise]"'
        ) from error
    del onnx, onnxruntime, onnxscript


def _refuse_integers(model: Any, source: Path) -> None:
    if any(node.op_type in ("DequantizeLinear", "QLinearConv", "ConvInteger", "MatMulInteger") for node in model.graph.node):
        raise ModelError(f"{source} must be a model in floating point to be quantised, found integer layers in it")


def _reader(model: Any, batches: Iterable[Tensor]) -> Any:
    """The batches as onnxruntime asks for them, in the batch size that the file was fixed to, if it was."""
    from onnxruntime.quantization import CalibrationDataReader

    name = model.graph.input[0].name
    size = model.graph.input[0].type.tensor_type.shape.dim[0].dim_value or None

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.parts: Iterator[Tensor] = (part for batch in batches for part in torch.split(batch, size or len(batch)))

        def get_next(self) -> dict[str, Any] | None:
            part = next((part for part in self.parts if size is None or len(part) == size), None)
            return None if part is None else {name: part.cpu().float().numpy()}

    return Reader()


def _change(before: Any, after: Any) -> WeightChange:
    """The weights of layers that became integers, and the layers by kind: those whose weights come out of int8."""
    from onnx import numpy_helper

    old = {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in before.graph.initializer}
    new = {one.name: one for one in after.graph.initializer}
    weights = {node.output[0]: node for node in after.graph.node if node.op_type == "DequantizeLinear" and node.input[0] in new}
    kinds, pairs, plain = Counter[str](), [], 0
    for node in after.graph.node:
        if node.op_type not in _LAYERS:
            continue
        source = weights.get(node.input[1])
        if source is None or new[source.input[0]].data_type != _INT8:
            plain += 1
            continue
        kinds[node.op_type] += 1
        integers, scale = (torch.from_numpy(numpy_helper.to_array(new[name]).copy()) for name in source.input[:2])
        axis = next((attribute.i for attribute in source.attribute if attribute.name == "axis"), 1)
        shape = [-1 if one == axis % integers.ndim else 1 for one in range(integers.ndim)]
        if (given := old.get(source.input[0].removesuffix("_quantized"))) is not None:
            pairs.append((given, integers.float() * (scale.reshape(shape) if scale.ndim else scale)))
    return compared(pairs, kinds, plain)
