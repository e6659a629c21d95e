"""The report as a PDF for the file: the same page, laid out for A4 by WeasyPrint.

WeasyPrint needs Pango, a system library that pip cannot bring. ``pdf_available`` tells before a run, and not after it.
The same assessment gives the same bytes: the date is the run's end, the identifier is the run's name, and font subsets carry that date too.

The file declares PDF/A-3a (for the archive: everything embedded, and evidence.json attached as the data behind it) and PDF/UA-1 (for screen readers:
tagged, titled, every picture with its words). `tagging` mends what WeasyPrint leaves open of the second.
"""

from __future__ import annotations

import hashlib
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO, StringIO
from pathlib import Path

from odd_assess.errors import MissingLibraryError
from odd_assess.evidence import EVIDENCE_JSON, evidence_json
from odd_assess.evidence.files import write_whole
from odd_assess.records import Assessment
from odd_assess.report.html import html
from odd_assess.report.tagging import finish
from odd_assess.report.view import Page, page_of
from odd_assess.report.view.manifest import finished
from odd_assess.report.view.records import Fact

INSTALL_WEASYPRINT = "python -m pip install 'odd-assess[pdf]'"
INSTALL_PANGO = (
    "on Debian or Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; with Homebrew: brew install pango; on Windows: "
    "see the installation page of WeasyPrint"
)


def pdf_available() -> None:
    """Return when PDF files can be written here.

    Raises: MissingLibraryError with the line that installs what is missing.
    """
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):  # WeasyPrint prints its own advice before it raises
            warnings.simplefilter("ignore")
            import weasyprint  # noqa: F401
    except ImportError as error:
        raise MissingLibraryError(
            f"a PDF report needs WeasyPrint, which is not installed ({error}). Install it: {INSTALL_WEASYPRINT}"
        ) from error
    except OSError as error:
        raise MissingLibraryError(
            f"a PDF report needs the system library Pango, which could not be loaded ({_first_line(error)}). Install it: {INSTALL_PANGO}"
        ) from error


def write_pdf(
    assessment: Assessment, path: Path | str, *, title: str | None = None, images: bool = True, page: Page | None = None
) -> None:
    """Write the report of a finished assessment as PDF to ``path``; the same assessment gives the same bytes. The rest: as in `write_html`.

    Raises: MissingLibraryError without WeasyPrint or Pango; RunError when the file cannot be written.
    """
    data = pdf(assessment, title=title, images=images, page=page)
    write_whole(Path(path), data)


def pdf(assessment: Assessment, *, title: str | None = None, images: bool = True, page: Page | None = None) -> bytes:
    """The report as PDF/A-3a and PDF/UA-1, with evidence.json attached.

    Raises: MissingLibraryError without WeasyPrint or Pango.
    """
    pdf_available()
    import weasyprint

    evidence = evidence_json(assessment).encode()
    page = page or page_of(assessment, title=title, images=images)
    digest = Fact(name="Attached evidence.json", text=hashlib.sha256(evidence).hexdigest(), mark="mono")
    page = replace(page, digests=(*page.digests, digest))
    moment = finished(assessment.manifest) or datetime.fromtimestamp(0, UTC)
    text = html(page, medium="print")
    fetcher = weasyprint.urls.URLFetcher(allowed_protocols=["data"], fail_on_errors=True)  # never the network or the disk
    attached = weasyprint.Attachment(
        file_obj=BytesIO(evidence),
        name=EVIDENCE_JSON,
        description="The counts and conditions of every point, the findings and the manifest that this report rests on",
        created=moment,
        modified=moment,
        relationship="Data",
    )
    with _at(int(moment.timestamp())), _quiet():
        document = weasyprint.HTML(string=text, url_fetcher=fetcher)
        written = document.write_pdf(
            pdf_variant="pdf/a-3a",
            pdf_identifier=page.run_id.encode(errors="replace"),
            attachments=[attached],
            custom_metadata=False,
            finisher=finish,
        )
    assert isinstance(written, bytes)
    return written


@contextmanager
def _at(seconds: int) -> Iterator[None]:
    """SOURCE_DATE_EPOCH, which the writers of fonts read instead of the clock."""
    name = "SOURCE_DATE_EPOCH"
    before = os.environ.get(name)
    os.environ[name] = str(max(0, seconds))
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def _quiet() -> Iterator[None]:
    """WeasyPrint remarks on CSS that is meant for browsers; that is nothing for a user."""
    loggers = [logging.getLogger(name) for name in ("weasyprint", "fontTools")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", ResourceWarning)  # of the colour profile that it leaves open
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _first_line(error: OSError) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
