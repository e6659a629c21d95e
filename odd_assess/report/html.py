"""The report as one HTML file that needs nothing else: no network, no library, no folder beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from odd_assess.evidence.files import write_whole
from odd_assess.records import Assessment
from odd_assess.report import palette
from odd_assess.report.exhibits import with_lists
from odd_assess.report.legible import legible
from odd_assess.report.view import Page, page_of, traced
from odd_assess.report.view.every_point import printed
from odd_assess.shipped import shipped

Medium = Literal["screen", "print"]

TEMPLATE = "report.html.j2"


def write_html(
    assessment: Assessment, path: Path | str, *, title: str | None = None, images: bool = True, page: Page | None = None
) -> None:
    """Write the report of a finished assessment to ``path``; the same assessment gives the same bytes.

    ``title`` stands in place of the spec's; without ``images`` the page holds no picture of the data. ``page``: what `page_of` gave for these.

    Raises: RunError when the file cannot be written.
    """
    text = html(page or page_of(assessment, title=title, images=images))
    write_whole(Path(path), text.encode())


def rendered(template: str, **given: Any) -> str:
    """A template that ships, filled in; on a screen with the sources of its numbers.

    What it quotes is escaped and legible; a name that is not given is an error.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # the command line's --help should not wait for it

    on_paper = given.get("medium") == "print"
    environment = Environment(
        loader=FileSystemLoader(shipped("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=None if on_paper else traced.marked,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    text = environment.get_template(template).render(**given)
    return legible(_SOURCES.sub("", traced.plain(text)) if on_paper else traced.woven(text))


_SOURCES = re.compile(r' data-(?:text|source)="[^"]*"')
"""Attributes that templates give to what stands in them, for the walk back to the evidence on a screen."""


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

    def broken(said: str) -> str:
        names = re.sub(r"(?<=[a-z][a-z])([._])(?=[a-z][a-z])", r"\1<wbr>", said)
        return re.sub(r"\b\w{1,4}/\w{1,4}\b", r'<span class="whole">\g<0></span>', names)

    return Markup(traced.apart(str(escape(traced.marked(text))), broken))  # noqa: S704  (escaped above)


def drawn(page: Page, *, medium: Medium) -> dict[str, Any]:
    """Every chart of the page as SVG, by its name; None where the page has none."""
    from markupsafe import Markup

    from odd_assess.report import charts  # matplotlib

    drawings: dict[str, tuple[Callable[[Any], str], Any]] = {
        "matrix": (charts.matrix, page.domain.matrix),
        "accuracy": (charts.accuracy, page.accuracy.chart),
        "states": (charts.states, page.states.chart),
        "radii": (charts.radii, page.outcomes.radii),
        "curve": (charts.curve, page.reduction.curve),
        "scatter": (charts.scatter, page.reduction.scatter),
        "levels": (charts.levels, page.noise and page.noise.spread),
        "gain": (charts.releases, page.noise and page.noise.curves),
        "kept": (charts.kept, page.recertified and page.recertified.scatter),
        "recertified": (charts.releases, page.recertified and page.recertified.curves),
        "calibration": (charts.calibration, page.average_case and page.average_case.calibration),
        "histogram": (charts.histogram, page.reduction.histogram),
    }

    def finished(draw: Callable[[Any], str], chart: Any) -> Markup:
        svg = _svg(draw, chart)
        return Markup(palette.for_screen(traced.in_drawing(svg, chart)) if medium == "screen" else svg)  # noqa: S704  (matplotlib escapes its text)

    return {name: finished(draw, chart) if chart else None for name, (draw, chart) in drawings.items()}


@lru_cache(maxsize=16)
def _svg(draw: Callable[[Any], str], chart: Any) -> str:
    """A drawing of a chart, kept for the other medium of the same page: charts are equal only to themselves."""
    return draw(chart)
