"""What the command line says of noise levels that a policy chose."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from odd_assess.cli.run import as_data, headline


@pytest.fixture(scope="module")
def noisy() -> Any:
    """The assessments of the report's tests."""
    spec = importlib.util.spec_from_file_location("report_assessments", Path(__file__).parent.parent / "report" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.noisy_assessment_of


@pytest.mark.parametrize("policy", ["per_cell", "cascade", "multi_start", "data_dependent"])
def test_headline_and_json_name_policy_and_soundness(noisy: Any, policy: str) -> None:
    """One line below the verdict; in JSON the options of the policy, the levels used, the map of cells, and how many radii the memory touched."""
    assessment = noisy(policy)
    line = headline(assessment, Path("run")).splitlines()[1]
    assert line.startswith(f"  noise levels by {policy}: ")
    assert assessment.noise.soundness in line
    noise = json.loads(json.dumps(as_data(assessment, Path("run"))))["noise"]
    assert noise["policy"] == policy
    assert noise["soundness"] == assessment.noise.soundness
    assert (noise["smallest"], noise["largest"]) == (assessment.results.sigma.min(), assessment.results.sigma.max())
    assert noise["lost_to_memory"] == (33 if policy in {"multi_start", "data_dependent"} else None)
    assert (noise["cells"] or {}) == dict(assessment.noise.cells)
