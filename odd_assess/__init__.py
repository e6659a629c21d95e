"""odd-assess: is a perception model robust across its operational design domain (ODD)?

    spec.yaml ──► Domain ──sample──► OddPoints ──realise──► inputs (x, label)
                                                              │
                    base classifier f ──► engine: procedures ask for draws, the engine answers counts
                                                              │
                                                        Certificates ──► evidence store (one row a point, as it is done)
                                                              │
               acceptance_criteria/*.yaml ──► checker ──► Findings ──► Verdict (MET · NOT MET · INCONCLUSIVE)
                                                              │
                                                   Assessment ──► HTML · PDF · JUnit · SARIF · GSN · attestation

``assessment/flow.py`` holds that pipeline as one function. ``records.py`` holds every record that crosses a border: read it first. The rooms, from the top:

    cli/          one thin module per command
    assessment/   the whole assessment as one readable function, and its steps
    execution/    who certifies points: this process, or a cluster
    report/       what the page says, and how it looks
    exchange/     what other tools read: JUnit, SARIF, GSN, a step summary
    audit/        a finished run read back from its folder alone: for its report, for Python, to verify, attest and compare it
    derive/       modified models, made for real: half precision, 8-bit integers, pruned
    training/     base classifiers trained for noise: losses, the noise level of each example, a loop that resumes to the bit
    evidence/     the run folder: SQLite store, and the manifest that binds it
    models/       architectures, exported graphs, ONNX -> base classifier
    inputs/       base images and the transforms that realise an ODD point on them
    spec/         YAML -> validated records, with file:line:column on every error
    certify/      procedures ask for draws, the engine answers
    average_case/ how likely an input keeps its class under noise, in a few passes: estimates, never certificates
    criteria/     certificates -> findings -> verdict
    training_plan.py  what a training file declares
    records.py    the records
    odd/          the domain: attributes, statements, designs, cells, coverage
    stats/        bounds and radii: numbers in, numbers out
    errors.py     the exception tree, with exit statuses; beside it progress.py (who is told how far the work is) and shipped.py (the files we ship)

Imports point down this list only; neighbours in a row do not know each other (import-linter holds it). No torch is imported below ``certify`` and
``average_case``, nor by ``import odd_assess`` itself.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odd_assess.assessment import assess as assess
    from odd_assess.audit import OpenedRun as OpenedRun
    from odd_assess.audit import VerificationReport as VerificationReport
    from odd_assess.audit import open_run as open_run
    from odd_assess.audit import verify as verify
    from odd_assess.records import Assessment as Assessment
    from odd_assess.records import Evidence as Evidence
    from odd_assess.records import Spec as Spec
    from odd_assess.spec import load_criteria as load_criteria
    from odd_assess.spec import load_spec as load_spec

__all__ = [
    "Assessment",
    "Evidence",
    "OpenedRun",
    "Spec",
    "VerificationReport",
    "assess",
    "load_criteria",
    "load_spec",
    "open_run",
    "verify",
]

_HOMES = {
    "assess": "odd_assess.assessment",
    "Assessment": "odd_assess.records",
    "Evidence": "odd_assess.records",
    "OpenedRun": "odd_assess.audit",
    "VerificationReport": "odd_assess.audit",
    "open_run": "odd_assess.audit",
    "verify": "odd_assess.audit",
    "Spec": "odd_assess.records",
    "load_criteria": "odd_assess.spec",
    "load_spec": "odd_assess.spec",
}


def __getattr__(name: str) -> object:
    """Public names are imported when they are first used, so that ``lint`` does not wait for torch (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'odd_assess' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
