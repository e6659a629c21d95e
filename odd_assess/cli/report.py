"""``odd-assess report``: the reports of a finished run, written again from its folder alone. No model, no data, no torch."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "formats",
    type=click.Choice(["html", "pdf", "md"]),
    multiple=True,
    help="Write this report, report.html, report.pdf or report.md; may be given several times. Default: html, and pdf as --pdf says.",
)
@click.option(
    "--pdf/--no-pdf", default=None, help="Insist on report.pdf, or leave it out; default: write it where WeasyPrint works."
)
@click.option("--title", help="A title in place of the spec's, in these reports.")
@click.option("--no-images", is_flag=True, help="No pictures of the data in these reports: where it may not be passed on.")
def report(run: Path, formats: tuple[str, ...], pdf: bool | None, title: str | None, no_images: bool) -> None:
    """Write the reports of the finished run in the folder RUN again, from what that folder holds.

    They are report.html, report.pdf (or those that --format names), junit.xml, results.sarif, argument.gsn.yaml and attestation.json. The attestation names
    report.html and report.pdf as they are then; one that is not written anew is named if it is as the last attestation said.
    """
    if formats and pdf is not None:
        raise click.UsageError(
            "--pdf and --no-pdf go without --format: name all formats that are wanted, such as --format html --format pdf"
        )
    if title is not None and not title.strip():
        raise click.UsageError("--title must have a word, found none; leave it out for the spec's title")
    from odd_assess.audit import load_run
    from odd_assess.cli.reports import with_pdf, write_reports

    pdf = with_pdf("pdf" in formats if formats else pdf, partial(click.echo, err=True))
    written = write_reports(load_run(run), run, pdf=pdf, environment={}, formats=formats, title=title, images=not no_images)
    click.echo("\n".join(f"written: {path}" for path in written))
