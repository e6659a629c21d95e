"""The attestation keeps the rules of in-toto, names what it should, and says PASSED only where the gate is open."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from odd_assess.audit import statement, written
from odd_assess.audit.attestation import check_attestation
from odd_assess.audit.ledger import Ledger
from odd_assess.records import Assessment, State

Build = Callable[..., Assessment]
FILES = {"evidence.sqlite": "a" * 64, "manifest.json": "b" * 64, "report.html": "c" * 64}


def of(assessment: Assessment, states: dict[str, State]) -> dict[str, Any]:
    """The statement with one criterion of each of these severities, in these states."""
    model = assessment.findings[0]
    findings = [
        replace(model, state=state, criterion=replace(model.criterion, id=severity.upper(), severity=severity))  # type: ignore[arg-type]
        for severity, state in states.items()
    ]
    return statement(assessment.spec, assessment.manifest, findings, FILES)


def check_statement(found: dict[str, Any]) -> None:
    """Statement v1: type, at least one subject with a name and a digest, predicate type; test-result v0.1: result and configuration."""
    assert set(found) == {"_type", "subject", "predicateType", "predicate"}
    assert found["_type"] == "https://in-toto.io/Statement/v1"
    assert found["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert found["subject"]
    names = [subject["name"] for subject in found["subject"]]
    assert len(set(names)) == len(names)
    predicate = found["predicate"]
    assert predicate["result"] in {"PASSED", "WARNED", "FAILED"}
    assert predicate["configuration"]
    for descriptor in (*found["subject"], *predicate["configuration"]):
        assert set(descriptor) <= {"name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations"}
        assert re.fullmatch(r"[0-9a-f]{64}", descriptor["digest"]["sha256"]), descriptor
    lists = [predicate[key] for key in ("passedTests", "warnedTests", "failedTests")]
    assert all(isinstance(name, str) for names in lists for name in names)
    assert len({name for names in lists for name in names}) == sum(map(len, lists))


@pytest.mark.parametrize(("blocking", "warning", "info"), list(product(State, State, State)))
def test_the_result_is_that_of_the_gate(build: Build, blocking: State, warning: State, info: State) -> None:
    """FAILED unless all that blocks is MET, WARNED where only a warning is not; an inconclusive criterion has never passed."""
    found = of(build(), {"blocking": blocking, "warning": warning, "info": info})
    predicate = found["predicate"]
    expected = "FAILED" if blocking is not State.MET else "WARNED" if warning is not State.MET else "PASSED"
    assert predicate["result"] == expected
    assert ("BLOCKING" in predicate["failedTests"]) == (blocking is not State.MET)
    assert ("WARNING" in predicate["warnedTests"]) == (warning is not State.MET)
    states = {"BLOCKING": blocking, "WARNING": warning, "INFO": info}
    assert predicate["passedTests"] == [name for name, state in states.items() if state is State.MET]
    assert predicate["inconclusiveTests"] == [
        name for name, state in states.items() if state is State.INCONCLUSIVE and name != "INFO"
    ]


def test_without_a_blocking_criterion_nothing_passed(build: Build) -> None:
    """Such a run is inconclusive."""
    assert of(build(), {"warning": State.MET})["predicate"]["result"] == "FAILED"


def test_the_statement_keeps_the_rules_of_in_toto(build: Build) -> None:
    """With the weights' file as its first subject, or the model as it was declared."""
    assessment = build()
    manifest = {**assessment.manifest, "identity": {**assessment.manifest["identity"], "model": "d" * 64, "data": "e" * 64}}
    spec = replace(assessment.spec, sha256="f" * 64, criteria=tuple(replace(g, sha256="0" * 64) for g in assessment.spec.criteria))
    bare = statement(spec, manifest | {"model": {}, "code_sha256": "2" * 64}, assessment.findings, FILES)
    check_statement(bare)
    assert bare["subject"][0] == {"name": "model", "digest": {"sha256": "d" * 64}}
    filed = manifest | {"model": {"weights_file": {"name": "w.safetensors", "sha256": "1" * 64}}, "code_sha256": "2" * 64}
    found = statement(spec, filed, assessment.findings, FILES)
    check_statement(found)
    assert [subject["name"] for subject in found["subject"]] == ["w.safetensors", *FILES]
    assert written(found) == written(json.loads(written(found)))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"subject": 3}', '{"subject": [{}, 1]}', '{"subject": [{}], "predicate": 1}', "["]
)
def test_what_is_no_statement_is_noted(build: Build, tmp_path: Path, content: str) -> None:
    """Never an exception, always a disagreement."""
    assessment = build()
    for name in ("evidence.sqlite", "manifest.json", "report.html"):
        (tmp_path / name).touch()
    (tmp_path / "attestation.json").write_text(content)
    ledger = Ledger()
    check_attestation(tmp_path, assessment.spec, assessment.manifest, assessment.findings, ledger)
    assert ledger.count >= 1


@pytest.mark.parametrize("policy", ["per_cell", "cascade", "multi_start", "data_dependent"])
def test_the_soundness_of_certificates_is_attested(build: Build, noisy: Build, policy: str) -> None:
    """The spec's descriptor names the policy and its soundness class, by the spec's policy alone; with one declared level it has neither."""
    assessment = noisy(policy)
    assert assessment.noise is not None
    found = of(assessment, {"blocking": State.MET})
    check_statement(found)
    (spec,) = [one for one in found["predicate"]["configuration"] if one["annotations"]["what"] == "spec"]
    assert spec["annotations"]["soundness"] == assessment.noise.soundness
    assert spec["annotations"]["noise"].startswith(f"{policy}: ")
    for one in of(build(), {"blocking": State.MET})["predicate"]["configuration"]:
        assert set(one["annotations"]) == {"what"}
