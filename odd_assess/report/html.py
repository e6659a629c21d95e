"""The report as one HTML file that needs nothing else: no network, no library, no folder beside it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from odd_assess.evidence.files import write_whole
from odd_assess.records import Assessment
from odd_assess.report import palette
from odd_assess.report.exhibits import with_lists
from odd_assess.report.legible import legible
from odd_assess.report.view import Page, page_of
from odd_assess.report.view.every_point import printed
from odd_assess.shipped import shipped

Medium = Literal["screen", "print"]

TEMPLATE = "report.html.j2"


def write_html(assessment: Assessment, path: Path | str, *, title: str | None = None, images: bool = True) -> None:
    """Write the report of a finished assessment to ``path``; the same assessment gives the same bytes.

    ``title`` stands in place of the spec's; without ``images`` the page holds no picture of the data.

    Raises: RunError when the file cannot be written.
    """
    text = html(page_of(assessment, title=title, images=images))
    write_whole(Path(path), text.encode())


def rendered(template: str, **given: Any) -> str:
    """A template that ships, filled in. What it quotes is escaped and legible; a name that is not given is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # the command line's --help should not wait for it

    environment = Environment(
        loader=FileSystemLoader(shipped("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    return legible(environment.get_template(template).render(**given))


def html(page: Page, *, medium: Medium = "screen") -> str:
    """The page as HTML. Both media come from the same templates; on paper everything is unfolded and colours are the light ones."""
    if medium == "print":
        page = replace(page, points=printed(page.points))
    text = rendered(
        TEMPLATE,
        page=page,
        medium=medium,
        charts=drawn(page, medium=medium),
        colours=palette.LIGHT if medium == "print" else {name: f"var(--{name})" for name in palette.LIGHT},
        light=palette.variables(palette.LIGHT),
        dark=palette.variables(palette.DARK),
    )
    return with_lists(text)


def breakable(text: str) -> str:
    """Escaped text whose dotted names may break behind a dot or an underscore, and whose units (km/h) may not break."""
    from markupsafe import Markup, escape

    names = re.sub(r"(?<=[a-z][a-z])([._])(?=[a-z][a-z])", r"\1<wbr>", str(escape(text)))
    return Markup(re.sub(r"\b\w{1,4}/\w{1,4}\b", r'<span class="whole">\g<0></span>', names))  # noqa: S704  (escaped above)


def drawn(page: Page, *, medium: Medium) -> dict[str, Any]:
    """Every chart of the page as SVG, by its name; None where the page has none."""
    from markupsafe import Markup

    from odd_assess.report import charts  # matplotlib

    drawings = {
        "matrix": page.domain.matrix and charts.matrix(page.domain.matrix),
        "accuracy": charts.accuracy(page.accuracy.chart),
        "states": charts.states(page.states.chart),
        "radii": charts.radii(page.outcomes.radii),
        "curve": page.reduction.curve and charts.curve(page.reduction.curve),
        "scatter": page.reduction.scatter and charts.scatter(page.reduction.scatter),
        "levels": page.noise and page.noise.spread and charts.levels(page.noise.spread),
        "gain": page.noise and page.noise.curves and charts.releases(page.noise.curves),
        "kept": page.recertified and page.recertified.scatter and charts.kept(page.recertified.scatter),
        "recertified": page.recertified and charts.releases(page.recertified.curves),
        "calibration": page.average_case and page.average_case.calibration and charts.calibration(page.average_case.calibration),
        "histogram": page.reduction.histogram and charts.histogram(page.reduction.histogram),
    }
    finish = palette.for_screen if medium == "screen" else str
    return {name: Markup(finish(svg)) if svg else None for name, svg in drawings.items()}  # noqa: S704  (matplotlib escapes its text)
