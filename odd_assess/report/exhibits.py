"""The lists of figures and tables of the printed report: every caption of the page, numbered as the style sheet numbers it, linked to its place."""

from __future__ import annotations

import re
from dataclasses import dataclass

HERE = "<!-- lists of figures and tables -->"
"""Where a page wants them; what users wrote is escaped, so that it cannot contain this."""

_CAPTION = re.compile(
    r'<figure id="(?P<figure>[^"]+)"(?:(?!</figure>).)*?<figcaption><strong>(?P<drawn>.*?)</strong>'
    r'|<table [^>]*?id="(?P<table>[^"]+)"[^>]*>\s*<caption>(?P<told>.*?)</caption>',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A figure or table of a page: its place, its number among its kind, and its caption as HTML."""

    kind: str
    number: int
    place: str
    text: str


def captions(text: str) -> tuple[Caption, ...]:
    """The figures and tables of a page in their order.

    >>> captions('<table id="cells-table"><caption>Results per cell</caption></table>')
    (Caption(kind='Table', number=1, place='cells-table', text='Results per cell'),)
    """
    counts, found = {"Figure": 0, "Table": 0}, []
    for match in _CAPTION.finditer(text):
        kind = "Figure" if match["figure"] else "Table"
        counts[kind] += 1
        place, said = (match["figure"], match["drawn"]) if match["figure"] else (match["table"], match["told"])
        found.append(Caption(kind=kind, number=counts[kind], place=place, text=said.rstrip(".")))
    return tuple(found)


def with_lists(text: str) -> str:
    """The page with its lists of figures and tables where it wants them."""
    found = captions(text)
    return text.replace(HERE, "".join(_list(kind, [one for one in found if one.kind == kind]) for kind in ("Figure", "Table")))


def _list(kind: str, found: list[Caption]) -> str:
    if not found:
        return ""
    lines = "\n".join(
        f'<li><a href="#{one.place}"><span class="which">{kind} {one.number}</span> {one.text}</a></li>' for one in found
    )
    return f'<h2>{kind}s</h2>\n<ul class="exhibits">\n{lines}\n</ul>\n'
