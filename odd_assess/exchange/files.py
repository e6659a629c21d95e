"""The exchange files of a run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from odd_assess.audit import ATTESTATION, attested_files, statement, written
from odd_assess.errors import RunError
from odd_assess.evidence.files import write_whole
from odd_assess.exchange.argument import argument
from odd_assess.exchange.junit import junit
from odd_assess.exchange.sarif import sarif
from odd_assess.exchange.summary import summary
from odd_assess.records import Assessment

JUNIT, SARIF, ARGUMENT = "junit.xml", "results.sarif", "argument.gsn.yaml"
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


def write_all(assessment: Assessment, folder: Path, *, root: Path, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Write junit.xml, results.sarif and argument.gsn.yaml into ``folder``; append to the step summary, if ``environment`` names one. The files written.

    Raises: RunError when a file cannot be written.
    """
    texts = {
        folder / JUNIT: junit(assessment),
        folder / SARIF: sarif(assessment, root=root),
        folder / ARGUMENT: argument(assessment),
    }
    for path, text in texts.items():
        write_whole(path, text.encode())
    if step := environment.get(STEP_SUMMARY):
        try:
            with Path(step).open("a", encoding="utf-8") as file:
                file.write(summary(assessment))
        except OSError as error:
            raise RunError(f"{step}: the step summary ({STEP_SUMMARY}) could not be written: {error.strerror or error}") from error
    return tuple(texts)


def attest(assessment: Assessment, folder: Path, *, reports: Sequence[Path]) -> Path:
    """Write attestation.json over the evidence, the manifest and ``reports`` in ``folder``, which must all be as they shall stay.

    Raises: RunError when a file cannot be read or written.
    """
    path = folder / ATTESTATION
    try:
        files = attested_files(folder, [report.name for report in reports])
    except OSError as error:
        raise RunError(f"{path}: what it names must be readable, got: {error}") from error
    write_whole(path, written(statement(assessment.spec, assessment.manifest, assessment.findings, files)))
    return path
