"""``odd-assess report``: the reports of a finished run, written again from its folder alone. No model, no data, no torch."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--pdf/--no-pdf", default=None, help="Insist on report.pdf, or leave it out; default: write it where WeasyPrint works."
)
def report(run: Path, pdf: bool | None) -> None:
    """Write report.html, report.pdf, junit.xml and results.sarif of the finished run in the folder RUN again, from what that folder holds."""
    from odd_assess.audit import load_run
    from odd_assess.errors import MissingLibraryError
    from odd_assess.exchange import write_all
    from odd_assess.report import pdf_available, write_html, write_pdf

    if pdf is not False:
        try:
            pdf_available()
        except MissingLibraryError as error:
            if pdf:
                raise
            pdf = False
            click.echo(f"no report.pdf is written: {error}", err=True)
    assessment = load_run(run)
    written = [run / "report.html"]
    write_html(assessment, written[0])
    if pdf is not False:
        written.append(run / "report.pdf")
        write_pdf(assessment, written[1])
    written += write_all(assessment, run, root=Path.cwd(), environment={})
    click.echo("\n".join(f"written: {path}" for path in written))
