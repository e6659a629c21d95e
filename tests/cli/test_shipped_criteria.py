"""The criteria files that come with odd-assess: sound, attainable on the embedded example, and modest in what they claim."""

from pathlib import Path

import pytest

from odd_assess.shipped import shipped
from odd_assess.spec import lint, load_criteria

from .conftest import Bench

FILES = sorted(path.name for path in shipped("acceptance_criteria").glob("*.yaml"))


def test_all_are_looked_at() -> None:
    """Rejects an empty list."""
    assert {
        "perception_default.yaml",
        "ci_gate.yaml",
        "automotive_sotif.yaml",
        "aviation_easa.yaml",
        "eu_ai_act_annex_iv.yaml",
    } <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_shipped_file_is_sound_and_modest(name: str) -> None:
    """No problem, at least one blocking criterion, clauses somewhere, and no claim of compliance in its description."""
    path = shipped("acceptance_criteria") / name
    assert lint(path) == ()
    found = load_criteria(path)
    assert any(criterion.severity == "blocking" for criterion in found.criteria)
    assert any(criterion.clauses for criterion in found.criteria)
    assert "no compliance with any of them is claimed" in " ".join(found.description.split())
    assert found.standards == ()


@pytest.mark.parametrize("name", FILES)
def test_the_embedded_example_can_meet_a_shipped_file(bench: Bench, repository: Path, name: str) -> None:
    """`plan` finds no criterion out of reach of its 300 points and 1,000 draws."""
    text = (repository / "sample_reports" / "digits" / "spec.yaml").read_text()
    weights = (repository / "odd_assess" / "examples" / "digits.safetensors").as_posix()
    text = text.replace("[criteria.yaml]", f"[acceptance_criteria/{name}]")
    bench.spec.write_text(text.replace("../../odd_assess/examples/digits.safetensors", weights))
    outcome = bench("plan", bench.spec)
    assert outcome.status == 0, outcome
    for criterion in load_criteria(shipped("acceptance_criteria") / name).criteria:
        assert f"{criterion.id} " in outcome.out
