"""The assessments of the report's tests."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("report_assessments", Path(__file__).parent.parent / "report" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

build = _module.build
noisy = _module.noisy
again = _module.again
