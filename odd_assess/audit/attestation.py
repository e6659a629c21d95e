"""attestation.json: an unsigned in-toto statement of what a run found about which model, by which files.

    subject          the model (its weights file where there is one), then the evidence, the manifest and the reports, each with its SHA-256
    predicate        test-result v0.1
      result         PASSED   every blocking criterion is MET, and every warning too
                     WARNED   every blocking criterion is MET, a warning is not
                     FAILED   a blocking criterion is NOT MET or INCONCLUSIVE: what is not shown has not passed
      configuration  the spec, its other files, the data, the model as it was declared and odd-assess itself
      passedTests    ids of the criteria that are MET; warnedTests, failedTests: those of severity warning and blocking that are not
      inconclusiveTests    of these, the ones that are INCONCLUSIVE (an addition to v0.1, whose readers must ignore what they do not know)

Of a modified model that is certified on its baseline, the configuration names the evidence of the baseline's run and the digest of its model.

Where a policy chose noise levels, the spec's descriptor names it and the soundness class of its certificates (annotations ``noise`` and ``soundness``).

Criteria of severity info that are not MET are in none of the lists: they are for the reader of the report. The statement follows from the evidence, so that
`verify` derives it again. It says nothing about who ran the assessment; a signature over it does.

Source: https://in-toto.io/Statement/v1 and https://in-toto.io/attestation/test-result/v0.1 (in-toto attestation framework, spec/v1 and spec/predicates).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from odd_assess.audit.ledger import Ledger
from odd_assess.criteria import verdict
from odd_assess.evidence import EVIDENCE, MANIFEST, sha256
from odd_assess.records import Finding, Spec, State

ATTESTATION = "attestation.json"
STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
REPORTS = ("report.html", "report.pdf")


def statement(spec: Spec, manifest: Mapping[str, Any], findings: Sequence[Finding], files: Mapping[str, str]) -> dict[str, Any]:
    """The statement about a finished run; ``files`` maps names of its folder to their SHA-256."""
    subject = [_model_file(manifest), *({"name": name, "digest": {"sha256": digest}} for name, digest in files.items())]
    return {
        "_type": STATEMENT,
        "subject": subject,
        "predicateType": TEST_RESULT,
        "predicate": {
            "result": _result(findings),
            "configuration": list(_configuration(spec, manifest)),
            "passedTests": [f.criterion.id for f in findings if f.state is State.MET],
            "warnedTests": _not_met(findings, "warning"),
            "failedTests": _not_met(findings, "blocking"),
            "inconclusiveTests": [
                f.criterion.id for f in findings if f.state is State.INCONCLUSIVE and f.criterion.severity != "info"
            ],
        },
    }


def written(statement: Mapping[str, Any]) -> bytes:
    """A statement as the bytes of its file."""
    return (json.dumps(statement, indent=2, ensure_ascii=False) + "\n").encode()


def attested_files(folder: Path, reports: Sequence[str]) -> dict[str, str]:
    """Name and SHA-256 of what a statement names: the evidence, the manifest and the reports given."""
    return {name: sha256(folder / name) for name in (EVIDENCE, MANIFEST, *reports)}


def still_attested(folder: Path) -> tuple[str, ...]:
    """The reports in ``folder`` that attestation.json names and that are as it says; none where there is none that can be read."""
    try:
        subjects = json.loads((folder / ATTESTATION).read_bytes())["subject"]
        named = {str(subject["name"]): subject["digest"]["sha256"] for subject in subjects}
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return ()
    return tuple(name for name in REPORTS if (folder / name).is_file() and named.get(name) == sha256(folder / name))


def _result(findings: Sequence[Finding]) -> str:
    if verdict(findings) is not State.MET:
        return "FAILED"
    return "WARNED" if _not_met(findings, "warning") else "PASSED"


def _not_met(findings: Sequence[Finding], severity: str) -> list[str]:
    return [f.criterion.id for f in findings if f.criterion.severity == severity and f.state is not State.MET]


def _model_file(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The file of the weights, so that whoever holds it finds the statement; without one, the model as it was declared."""
    file = manifest.get("model", {}).get("weights_file")
    if isinstance(file, Mapping):
        return {"name": str(file.get("name")), "digest": {"sha256": str(file.get("sha256"))}}
    return {"name": "model", "digest": {"sha256": str(manifest["identity"].get("model"))}}


def _configuration(spec: Spec, manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if spec.documents:
        for document in spec.documents:
            yield _described(document.name, document.sha256, document.kind, **(_noise(spec) if document.kind == "spec" else {}))
    else:
        yield _described(spec.path.name, spec.sha256, "spec", **_noise(spec))
        for group in spec.criteria:
            yield _described(group.path.name, group.sha256, "criteria")
    identity: Mapping[str, Any] = manifest["identity"]
    yield _described(f"data: {spec.inputs.kind}", identity.get("data"), "SHA-256 over the decoded images, labels and class names")
    yield _described(f"model: {spec.model.kind}", identity.get("model"), "SHA-256 over the declaration and every tensor")
    if spec.recertification is not None and isinstance(baseline := identity.get("baseline"), Mapping):
        what = "SHA-256 over the evidence of the run on which the modified model was certified"
        yield _described(f"baseline: {baseline.get('run')}", baseline.get("evidence"), what, model=str(baseline.get("model")))
    if "code_sha256" in manifest:
        name = f"odd-assess {identity.get('odd_assess')}"
        yield _described(name, manifest["code_sha256"], "SHA-256 over its source files")


def _noise(spec: Spec) -> dict[str, str]:
    """How noise levels are chosen and what certificates speak of; empty where one is declared."""
    policy = spec.certification.policy
    return {} if policy is None else {"noise": f"{policy.name}: {policy.in_words}", "soundness": policy.soundness}


def _described(name: str, digest: object, what: str, **more: str) -> dict[str, Any]:
    """A ResourceDescriptor."""
    return {"name": name, "digest": {"sha256": str(digest)}, "annotations": {"what": what, **more}}


def check_attestation(folder: Path, spec: Spec, manifest: Mapping[str, Any], findings: Sequence[Finding], ledger: Ledger) -> None:
    """Note where attestation.json, if it is there, is not what follows from the run, or names a file that has another digest."""
    path = folder / ATTESTATION
    if not path.is_file():
        return
    data = path.read_bytes()
    try:
        stored = json.loads(data)
        names = [str(subject["name"]) for subject in stored["subject"][1:]]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        ledger.note(ATTESTATION, "content", f"no statement: {error}", "a statement")
        return
    reports = [name for name in REPORTS if name in names or name == REPORTS[0]]
    files = {}
    for name in (EVIDENCE, MANIFEST, *reports):
        if (folder / name).is_file():
            files[name] = sha256(folder / name)
        else:
            ledger.note(ATTESTATION, name, "a file with a digest", "no such file")
    again = statement(spec, manifest, findings, files)
    count = ledger.count
    for subject in again["subject"]:
        stored_digest = next((entry.get("digest") for entry in _entries(stored) if entry.get("name") == subject["name"]), None)
        ledger.same(ATTESTATION, f"digest of {subject['name']}", stored_digest, subject["digest"])
    for key in ("_type", "predicateType"):
        ledger.same(ATTESTATION, key, stored.get(key), again[key])
    predicate = stored.get("predicate")
    for key, value in again["predicate"].items():
        ledger.same(ATTESTATION, key, predicate.get(key) if isinstance(predicate, Mapping) else None, value)
    if ledger.count == count and data != written(again) and len(files) == 2 + len(reports):
        ledger.note(ATTESTATION, "bytes", "others than those of its statement", "the statement of this run")


def _entries(stored: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [entry for entry in stored["subject"] if isinstance(entry, Mapping)]
