"""The reports of a finished assessment in its folder, as ``run`` and ``report`` write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


def write_reports(
    assessment: Assessment,
    folder: Path,
    *,
    pdf: bool,
    environment: Mapping[str, str],
    formats: Sequence[str] = (),
    title: str | None = None,
    images: bool = True,
) -> list[Path]:
    """Write them, and name them.

    ``formats``: those that are written, if not report.html and, with ``pdf``, report.pdf. ``title``, ``images``: see `odd_assess.report.write_html`.

    Raises: RunError when the disk refuses.
    """
    from odd_assess.audit.attestation import REPORTS, still_attested
    from odd_assess.exchange import attest, write_all
    from odd_assess.report import page_of, write_html, write_markdown, write_pdf

    chosen = set(formats) or ({"html", "pdf"} if pdf else {"html"})
    standing = still_attested(folder) if formats else ()
    written = [folder / f"report.{kind}" for kind in ("html", "pdf", "md") if kind in chosen]
    page = page_of(assessment, title=title, images=images)
    for path in written:
        match path.suffix:
            case ".html":
                write_html(assessment, path, page=page)
            case ".pdf":
                write_pdf(assessment, path, page=page)
            case _:
                write_markdown(assessment, path, title=title)
    exchanged = write_all(assessment, folder, root=Path.cwd(), environment=environment)
    attested = [folder / name for name in REPORTS if folder / name in written or name in standing]
    return [*written, *exchanged, attest(assessment, folder, reports=attested)]
