"""``odd-assess report``: the reports of a finished run, written again from its folder alone. No model, no data, no torch."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--pdf/--no-pdf", default=None, help="Insist on report.pdf, or leave it out; default: write it where WeasyPrint works."
)
def report(run: Path, pdf: bool | None) -> None:
    """Write the reports of the finished run in the folder RUN again, from what that folder holds.

    They are report.html, report.pdf, junit.xml, results.sarif, argument.gsn.yaml and attestation.json.
    """
    from odd_assess.audit import load_run
    from odd_assess.cli.reports import with_pdf, write_reports

    pdf = with_pdf(pdf, partial(click.echo, err=True))
    written = write_reports(load_run(run), run, pdf=pdf, environment={})
    click.echo("\n".join(f"written: {path}" for path in written))
