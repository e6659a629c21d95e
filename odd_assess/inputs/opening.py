"""From an input declaration to an open source: the one place that knows every kind."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

from odd_assess.errors import DataError
from odd_assess.inputs.arrays import open_digits, open_npz
from odd_assess.inputs.datasets import open_torchvision
from odd_assess.inputs.pictures import open_folder
from odd_assess.inputs.pixels import checked_names
from odd_assess.inputs.source import Renderer, Source
from odd_assess.inputs.table import open_table
from odd_assess.records import InputDeclaration

_NONE: Mapping[str, str] = MappingProxyType({})


def open_source(declaration: InputDeclaration, columns: Mapping[str, str] = _NONE) -> Source | Renderer:
    """The declared source of inputs; ``columns`` maps ODD attributes to the columns of a table that hold them, in the attribute's unit.

    Raises: DataError when files are missing or damaged or do not hold what was declared; MissingLibraryError for Parquet without pyarrow.
    """
    if columns and declaration.kind != "table":
        raise DataError(
            f"attributes {', '.join(columns)} are read from columns, and only a table has columns, found {declaration.kind}"
        )
    match declaration.kind:
        case "digits":
            return open_digits(declaration.split, size=declaration.size)
        case "npz":
            return open_npz(_path(declaration), size=declaration.size)
        case "folder":
            return open_folder(_path(declaration), size=declaration.size)
        case "torchvision":
            return open_torchvision(
                _reference(declaration),
                _path(declaration),
                split=declaration.split,
                download=declaration.download,
                size=declaration.size,
            )
        case "table":
            return open_table(declaration, columns)
        case "callable":
            return open_renderer(_reference(declaration), size=declaration.size)


def open_renderer(reference: str, *, size: tuple[int, int] | None = None) -> Renderer:
    """The renderer ``package.module:function``; its ``class_names`` (or the module's) name the classes in label order.

    The digest is sha256 over the reference, the class names and the module's source file; what the function itself reads is not covered.

    Raises: DataError when it cannot be imported, is not a function of (values, seed), or names no classes.
    """
    where = f"callable {reference}"
    module, function = _imported(reference, where)
    names = getattr(function, "class_names", None) or getattr(module, "class_names", None)
    if not names:
        raise DataError(f"{where}: must name the classes: set function.class_names = ('name of class 0', ...)")
    class_names = checked_names(list(names), where)
    source = Path(module.__file__).read_bytes() if module.__file__ else b""
    digest = sha256(repr((reference, class_names, size)).encode() + source).hexdigest()
    return Renderer(function, name=where, class_names=class_names, digest=digest, size=size)


def _imported(reference: str, where: str) -> tuple[Any, Callable[..., Any]]:
    module_name, _, attribute = reference.partition(":")
    if not module_name or not attribute:
        raise DataError(f"{where}: must have the form package.module:function")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise DataError(
            f"{where}: the module cannot be imported ({type(error).__name__}: {error}); install it or put its folder on PYTHONPATH"
        ) from error
    function = getattr(module, attribute, None)
    if not callable(function):
        raise DataError(
            f"{where}: must be a function of the module, found {'nothing' if function is None else type(function).__name__}"
        )
    try:
        inspect.signature(function).bind({}, 0)
    except TypeError as error:
        raise DataError(f"{where}: must accept (values, seed), found {inspect.signature(function)}") from error
    return module, function


def _path(declaration: InputDeclaration) -> Path:
    if declaration.path is None:
        raise DataError(f"inputs: a source of kind {declaration.kind} needs a path")
    return declaration.path


def _reference(declaration: InputDeclaration) -> str:
    if declaration.reference is None:
        raise DataError(f"inputs: a source of kind {declaration.kind} needs a name")
    return declaration.reference
