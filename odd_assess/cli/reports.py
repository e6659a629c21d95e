"""The reports of a finished assessment in its folder, as ``run`` and ``report`` write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odd_assess.records import Assessment


def with_pdf(asked: bool | None, say: Callable[[str], object]) -> bool:
    """Whether report.pdf is written: as asked, or, where nothing is asked, where it can be; what is missing is said.

    Raises: MissingLibraryError where it is asked for and cannot be written.
    """
    from odd_assess.errors import MissingLibraryError
    from odd_assess.report import pdf_available

    if asked is False:
        return False
    try:
        pdf_available()
    except MissingLibraryError as error:
        if asked:
            raise
        say(f"no report.pdf will be written: {error}")
        return False
    return True


def write_reports(assessment: Assessment, folder: Path, *, pdf: bool, environment: Mapping[str, str]) -> list[Path]:
    """Write them, and name them.

    Raises: RunError when the disk refuses.
    """
    from odd_assess.exchange import attest, write_all
    from odd_assess.report import write_html, write_pdf

    written = [folder / "report.html"]
    write_html(assessment, written[0])
    if pdf:
        written.append(folder / "report.pdf")
        write_pdf(assessment, written[1])
    exchanged = write_all(assessment, folder, root=Path.cwd(), environment=environment)
    return [*written, *exchanged, attest(assessment, folder, reports=written)]
