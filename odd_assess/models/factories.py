"""Architectures: a module built by a Python factory or by torchvision, still without the declared weights."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from odd_assess.errors import ModelError
from odd_assess.models.classifier import first_line


def build(reference: str, arguments: Mapping[str, Any]) -> tuple[nn.Module, dict[str, str]]:
    """The module that ``package.module:factory`` or ``/folder/file.py:factory`` returns for ``arguments``, and its identity.

    The identity names the factory and the digest of the source file that defines it.

    Raises: ModelError when the module or factory is not found, breaks, refuses the arguments or returns no torch.nn.Module.
    """
    place, _, name = reference.rpartition(":")
    if not place or not name:
        raise ModelError(f'model.architecture must be "package.module:factory" or "file.py:factory", found {reference!r}')
    home = _from_file(Path(place)) if place.endswith(".py") else _from_package(place)
    factory = getattr(home, name, None)
    if not callable(factory):
        raise ModelError(f"{place} must define the factory {name!r}{_did_you_mean(name, _callables(home))}")
    module = _called(factory, arguments, reference)
    if not isinstance(module, nn.Module):
        raise ModelError(f"{reference} must return a torch.nn.Module, found {type(module).__name__}")
    return module, {
        "reference": f"{Path(place).name}:{name}" if place.endswith(".py") else reference,
        "source_digest": _source_digest(factory, home),
    }


def build_torchvision(name: str, arguments: Mapping[str, Any], *, has_weights: bool) -> nn.Module:
    """The torchvision architecture ``name``, without downloading anything unless ``arguments`` name torchvision's own ``weights``.

    Raises: ModelError for an unknown name, arguments it refuses, or when neither a weights file nor torchvision's weights are
    named.
    """
    import torchvision

    known = torchvision.models.list_models()
    if name not in known:
        raise ModelError(f"model.architecture must name a torchvision model, found torchvision:{name}{_did_you_mean(name, known)}")
    if not has_weights and arguments.get("weights") is None:
        raise ModelError(f"torchvision:{name} must have weights, or its answers are random: name a file under model.weights")
    settings = {"weights": None, **arguments}
    if "weights_backbone" in inspect.signature(torchvision.models.get_model_builder(name)).parameters:
        settings.setdefault("weights_backbone", None)
    module: nn.Module = _called(torchvision.models.get_model_builder(name), settings, f"torchvision:{name}")
    return module


def _called(factory: Callable[..., Any], arguments: Mapping[str, Any], reference: str) -> Any:
    try:
        inspect.signature(factory).bind(**arguments)
    except TypeError as error:
        raise ModelError(
            f"model.arguments must fit {reference}{inspect.signature(factory)}, found {dict(arguments)}: {first_line(error)}"
        ) from error
    except ValueError:  # a callable without a signature
        pass
    try:
        return factory(**arguments)
    except (Exception, SystemExit) as error:
        raise ModelError(f"{reference} must build the model, it broke with {type(error).__name__}: {first_line(error)}") from error


def _from_package(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise ModelError(
                f"model.architecture must name an installed package, {error.name!r} was not found; install it, or name the file: "
                "path/to/file.py:factory"
            ) from error
        raise ModelError(f"{name} must be importable, it needs {error.name!r}, which is not installed") from error
    except (Exception, SystemExit) as error:
        raise ModelError(f"{name} must be importable, it broke with {type(error).__name__}: {first_line(error)}") from error


def _from_file(path: Path) -> ModuleType:
    """The module in a file, which may import its neighbours."""
    if not path.is_file():
        raise ModelError(f"model.architecture must name an existing file, {path} was not found")
    name = f"odd_assess_model_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ModelError(f"{path} must be importable, it broke with {type(error).__name__}: {first_line(error)}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def _source_digest(factory: Callable[..., Any], home: ModuleType) -> str:
    """SHA-256 of the source file that defines the factory, line ends aside; empty where there is none."""
    try:
        source = inspect.getsourcefile(factory) or home.__file__
    except TypeError:
        source = home.__file__
    return (
        hashlib.sha256(Path(source).read_text(encoding="utf-8").encode()).hexdigest()
        if source and Path(source).suffix == ".py"
        else ""
    )


def _callables(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]


def _did_you_mean(word: str, words: Iterable[str]) -> str:
    close = get_close_matches(word, list(words), n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""
