"""The assessments of the report's tests, and a complete run."""

import importlib
import importlib.util
import sys
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("report_assessments", Path(__file__).parent.parent / "report" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

build = _module.build
noisy = _module.noisy
again = _module.again


@pytest.fixture(scope="session")
def synthetic(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a complete run of 400 synthetic points; do not change it."""
    folder = tmp_path_factory.mktemp("synthetic")
    sys.path.insert(0, str(repository))
    try:
        importlib.import_module("benchmarks.million").make_run(folder, 400)
    finally:
        sys.path.remove(str(repository))
    return folder
