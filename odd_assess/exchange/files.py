"""The exchange files of a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from odd_assess.errors import RunError
from odd_assess.evidence.files import write_whole
from odd_assess.exchange.junit import junit
from odd_assess.exchange.sarif import sarif
from odd_assess.exchange.summary import summary
from odd_assess.records import Assessment

JUNIT, SARIF = "junit.xml", "results.sarif"
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


def write_all(assessment: Assessment, folder: Path, *, root: Path, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Write junit.xml and results.sarif into ``folder``; append to the step summary that ``environment`` names, if it names one. The files written.

    Raises: RunError when a file cannot be written.
    """
    texts = {folder / JUNIT: junit(assessment), folder / SARIF: sarif(assessment, root=root)}
    for path, text in texts.items():
        write_whole(path, text.encode())
    if step := environment.get(STEP_SUMMARY):
        try:
            with Path(step).open("a", encoding="utf-8") as file:
                file.write(summary(assessment))
        except OSError as error:
            raise RunError(f"{step}: the step summary ({STEP_SUMMARY}) could not be written: {error.strerror or error}") from error
    return tuple(texts)
