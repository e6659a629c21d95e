"""Printed numbers that know where they come from, so that a page can be walked back to the evidence.

A number is written with its full value and its source; a name, a sentence or a digest that is quoted as the evidence has it, with its source alone.
Sources are paths: ``points/1234/radius``, ``cells/17/certified@0.25/share``, ``findings/2/lower``, ``spec/alpha``. While sentences are put together the
two stand in the text between marks. A settled page holds text without marks; what it was made of is kept beside it, for the HTML to weave in:

    <data value="0.4129" data-from="points/1234/radius">0.412</data>

The marks hold a key that is drawn when this module is loaded and never printed, so that no name of a user can pass for one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from html import escape
from secrets import token_hex
from typing import Any, TypeVar

_OPEN, _FROM, _TEXT, _END = (
    "\ufdd0" + token_hex(8),
    "\ufdd1",
    "\ufdd2",
    "\ufdd3",
)  # noncharacters: a page shows none; text that has some goes unmarked
MARK = re.compile(f"{_OPEN}([^\ufdd0-\ufdd3]*){_FROM}([^\ufdd0-\ufdd3]*){_TEXT}([^\ufdd0-\ufdd3]*){_END}")
"""A mark, with the value (empty for a quotation), the source and the text as its groups."""

_UNFIT = re.compile("[\ufdd0-\ufdd3]")

Any_ = TypeVar("Any_")


class Traced(str):  # noqa: SLOT000  (a str cannot have slots of its own beside an attribute)
    """Text as it is read; ``marked`` is the same with its marks."""

    marked: str


def number(text: str, value: float, source: str) -> str:
    """The printed number with its value and source; the text alone where there is no source.

    >>> plain(number("0.412", 0.4129, "points/7/radius")), plain(number("0.412", 0.4129, ""))
    ('0.412', '0.412')
    """
    return f"{_OPEN}{float(value):.12g}{_FROM}{source}{_TEXT}{text}{_END}" if source and not _UNFIT.search(source) else text


def quoted(text: str, source: str) -> str:
    """Text that stands in the evidence word for word, with its source.

    >>> woven(quoted("clean", "levels/2.0/name"))
    '<span data-from="levels/2.0/name">clean</span>'
    """
    said = plain(text)
    return f"{_OPEN}{_FROM}{source}{_TEXT}{said}{_END}" if said and not _UNFIT.search(source + said) else said


def plain(text: str) -> str:
    """The text without marks."""
    return MARK.sub(r"\3", text) if _OPEN in text else text


def marked(value: Any) -> Any:
    """What a template weaves in for a value: text with its marks where it has some."""
    return value.marked if isinstance(value, Traced) else value


def settled(page: Any_) -> Any_:
    """A record of the page, with everything in it, whose texts hold no marks but know what they were made of."""
    return _settled(page)  # type: ignore[no-any-return]


def _settled(part: Any) -> Any:
    match part:
        case str():
            return _text(part)
        case tuple():
            kept = tuple(_settled(one) for one in part)
            return part if all(one is two for one, two in zip(part, kept, strict=True)) else kept
        case _ if is_dataclass(part) and not isinstance(part, type):
            found = {field.name: getattr(part, field.name) for field in fields(part)}
            changed = {name: now for name, old in found.items() if (now := _settled(old)) is not old}
            return replace(part, **changed) if changed else part
        case _:
            return part


def _text(text: str) -> str:
    if _OPEN not in text:
        return text
    found = Traced(plain(text))
    found.marked = text
    return found


def apart(text: str, change: Callable[[str], str]) -> str:
    """The text with ``change`` made to what is read of it, never to a value or a source."""
    found, last = [], 0
    for mark in MARK.finditer(text):
        found += [change(text[last : mark.start()]), text[mark.start() : mark.start(3)], change(mark[3]), _END]
        last = mark.end()
    return "".join([*found, change(text[last:])])


_DRAWN = re.compile(r"(<text\b[^>]*>)([^<]*\d[^<]*)(?=</text>)")


def in_drawing(svg: str, chart: Any) -> str:
    """A drawing whose labels name the sources that its record has for them; ``printed`` of the record are the bare numbers, in their order."""
    labels = sorted({one: escape(one.marked, quote=False) for one in _texts(chart)}.items(), key=lambda one: -len(one[0]))
    known = [(re.compile(rf"(?<![\d.,]){re.escape(escape(said, quote=False))}(?![\d.,]*\d)"), mark) for said, mark in labels]
    counts = iter(getattr(chart, "printed", ()))

    def weave(found: re.Match[str]) -> str:
        said = found[2]
        if re.fullmatch(r"[\d,]+", said) and (count := next(counts, None)) is not None:
            return found[1] + MARK.sub(_span, marked(count))
        where, mark = next(((at, mark) for name, mark in known if (at := name.search(said))), (None, ""))
        if where is None:
            return found[0]
        return found[1] + said[: where.start()] + MARK.sub(_span, mark) + said[where.end() :]

    return _DRAWN.sub(weave, svg)


def _span(found: re.Match[str]) -> str:
    value, source, said = found.groups()
    full = f' data-value="{value}"' if value else ""
    return f'<tspan{full} data-from="{source}">{said}</tspan>'


def _texts(part: Any) -> Iterator[Traced]:
    """The texts with marks in a record."""
    match part:
        case Traced():
            yield part
        case tuple():
            for one in part:
                yield from _texts(one)
        case _ if is_dataclass(part):
            for field in fields(part):
                yield from _texts(getattr(part, field.name))


_PIECES = re.compile(rf"<svg\b.*?</svg>|<title>.*?</title>|<[a-zA-Z!/][^>]*>|{MARK.pattern}", re.DOTALL)


def woven(text: str) -> str:
    """A page whose marks have become elements; those in attributes, titles and drawings are taken away."""
    return _PIECES.sub(_weave, text) if _OPEN in text else text


def _weave(found: re.Match[str]) -> str:
    value, source, said = found.groups()
    if source is None:
        return plain(found[0])
    if not value:
        return f'<span data-from="{source}">{said}</span>'
    return f'<data value="{value}" data-from="{source}">{said}</data>'
