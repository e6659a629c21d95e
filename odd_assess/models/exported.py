"""Programs saved by torch.export: read with everything refused that would run code while the file is opened.

torch's reader (2.15) would unpickle custom objects, fall back to full unpickling of the example inputs, and evaluate the text of
size expressions with sympy. So pickles are limited to tensors, custom objects are refused, and expressions must be arithmetic
over sizes. The operators of the graph are held to torch's own by torch's verifier.
"""

from __future__ import annotations

import ast
import json
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from odd_assess.errors import ModelError
from odd_assess.models.classifier import first_line
from odd_assess.models.file_network import FileNetwork
from odd_assess.models.quiet import quiet
from odd_assess.models.weights import pickled_code

_SIZE_WORDS = frozenset(
    """Symbol Integer Float Rational Add Mul Pow Max Min Mod PythonMod ModularIndexing FloorDiv CeilDiv CleanDiv IntTrueDiv FloatTrueDiv
    LShift RShift PowByNatural FloatPow ToFloat TruncToInt TruncToFloat FloorToInt CeilToInt RoundToInt RoundDecimal Identity Where Abs
    Infinity NegativeInfinity IntInfinity NegativeIntInfinity Equality Unequality GreaterThan LessThan StrictGreaterThan StrictLessThan
    And Or Not true false oo int_oo""".split()  # noqa: SIM905 - a list of words reads better as words
)
"""The sympy and torch names that an expression of sizes is written with (``sympy.srepr``)."""

_SIZE_NODES = (ast.Expression, ast.Load, ast.keyword, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Compare, ast.cmpop)


def open_exported(path: Path, *, device: torch.device, trust_pickle: bool = False) -> FileNetwork:
    """The network of a file written by ``torch.export.save``, on ``device``.

    Raises: ModelError for a file that is missing, truncated, carries pickled code (unless ``trust_pickle``) or was exported in
    training mode.
    """
    from torch.export.passes import move_to_device_pass

    if not path.is_file():
        raise ModelError(f"model.exported must name an existing file, {path} was not found")
    if not zipfile.is_zipfile(path):
        raise ModelError(f"{path} must be a whole file written by torch.export.save, it is truncated or something else")
    with quiet(), _tensors_only(trust=trust_pickle):
        try:
            if not trust_pickle:
                _refuse_code(path)
            program = torch.export.load(path)
            program = move_to_device_pass(program, str(device))
            module = program.module()
        except ModelError:
            raise
        except Exception as error:
            if code := pickled_code(error):
                raise _carries_code(path, code) from error
            raise ModelError(
                f"{path} must be a whole file written by torch.export.save, it could not be read: {type(error).__name__}: "
                f"{first_line(error)}"
            ) from error
    _refuse_training(program, path)
    return FileNetwork(module.__call__, batch_size=_fixed_batch(program, path))


@contextmanager
def _tensors_only(*, trust: bool) -> Iterator[None]:
    """Inside, torch.load opens tensors only, whatever its caller asks for."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    if not trust:
        os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def _refuse_code(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".json"):
                for key, value in _entries(json.loads(archive.read(name))):
                    if key == "path_name" and re.match(r"custom_obj|opaque_obj", str(value)):
                        raise _carries_code(path, str(value))
                    if key == "expr_str" and not _is_arithmetic(str(value)):
                        raise ModelError(
                            f"{path} must describe sizes by arithmetic over symbols, found the expression {str(value)[:80]!r}"
                        )


def _carries_code(path: Path, what: str) -> ModelError:
    return ModelError(
        f"{path} must hold a graph and tensors alone, found pickled objects ({what}). Opening them would run whatever code the file "
        "carries. Export the model without custom objects, or pass --trust-pickle if you made this file yourself"
    )


def _is_arithmetic(expression: str) -> bool:
    """Whether a size expression holds numbers, named symbols, operators and known functions alone: to read it is to compute.

    >>> _is_arithmetic("Add(Integer(1), Symbol('s0', integer=True))"), _is_arithmetic("exec('x')"), _is_arithmetic("s0.__class__")
    (True, False, False)
    """
    try:
        return all(_is_arithmetic_node(node) for node in ast.walk(ast.parse(expression.strip(), mode="eval")))
    except (SyntaxError, ValueError, RecursionError):
        return False


def _is_arithmetic_node(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=str(text)):
            return text.isidentifier() or re.fullmatch(r"[-+.\deE]+", text) is not None
        case ast.Constant(value=value):
            return value is None or isinstance(value, int | float)
        case ast.Name(id=name):
            return name in _SIZE_WORDS or re.fullmatch(r"[a-z]{1,4}\d+", name) is not None
        case ast.Call(func=function):
            return isinstance(function, ast.Name) and function.id in _SIZE_WORDS
        case _:
            return isinstance(node, _SIZE_NODES)


def _entries(node: Any) -> Iterator[tuple[str, Any]]:
    """Every (key, value) of nested JSON."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield str(key), value
        yield from _entries(value)


def _refuse_training(program: ExportedProgram, path: Path) -> None:
    """Raises ModelError when the graph holds dropout or batch statistics that are switched on: the mode is fixed at export."""
    for node in program.graph.nodes:
        schema = getattr(node.target, "_schema", None)
        if node.op != "call_function" or schema is None:
            continue
        given = {argument.name: value for argument, value in zip(schema.arguments, node.args, strict=False)} | node.kwargs
        if given.get("train", given.get("training")) is True:
            raise ModelError(
                f"{path} must be exported in evaluation mode, found {node.target} in training mode; call model.eval() before "
                "torch.export.export"
            )


def _fixed_batch(program: ExportedProgram, path: Path) -> int | None:
    """The batch size that the graph was specialised to, or None when it takes any."""
    names = program.graph_signature.user_inputs
    if len(names) != 1:
        raise ModelError(f"{path} must take one input, the batch of images, found {len(names)}")
    example = next(node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name == names[0])
    size = example.shape[0]
    return size if isinstance(size, int) else None
