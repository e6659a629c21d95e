"""A walk over the visible text of a report: every number that it prints, with the source that it names.

A number stands in an element with ``data-from``, in a cell whose row and column have a source together, at a tick of a chart's axis, in a part of the page that
``data-text`` says to hold names and references, or in a fixed phrase of the method that is listed here. Any other number is loose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

VOID = {"meta", "wbr", "link", "img", "br", "input", "hr", "col"}
UNSEEN = {"style", "script", "title", "desc", "metadata", "defs"}

KINDS = {"identity": {"header", "footer", "#signatures-table"}, "reference": {"#methods"}, "command": {"#check"}}
"""``data-text``: what may hold numbers that are none of the evidence, and in which parts of the page it may stand.

Names of the run and of the tool, references, commands to type.
"""

PHRASES = (
    "L2",
    "n0",
    "n_ref",
    "[0, 1]",
    "SHA-256",
    "pA = 1",
    "1 − 1.64 z / √n",
    "(Seferis et al. 2024)",
    "(Súkeník et al. 2022)",
    "UAI 2024",
    "ICLR 2024",
    "grey levels of 255",
    "of 255 grey levels",
    "PSNR is relative to a peak of 1.",
    "1 − mean radius at n / mean radius at",
    "the level α / 2",
    "Mean radius counts 0 where the true class is not certified.",
    "An abstained point has no radius: 0 stands in its place in every mean.",
    "95% means that it fails in at most 5 of 100.",
    "An empty outlined square with 0 is a gap",
    "Points at 100% abstain at n",
    "Spearman's rank correlation: 1 where both order the points alike, 0 where one says nothing of the other",
)
"""Words, formulas and definitions with digits in them, which say the same in every report."""

_PHRASES = re.compile("|".join(rf"(?<!\w){re.escape(one)}(?!\w)" for one in sorted(PHRASES, key=len, reverse=True)))
_AXIS = re.compile(r"-matplotlib\.axis_\d+$")
_TICK = re.compile(r"-([xy])tick_\d+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A stretch of visible text with a source: the text, the full value beside it (None for a quotation), and where it stands."""

    text: str
    value: float | None
    source: str
    where: str


@dataclass(slots=True, kw_only=True)
class _Sourced:
    """An element with a source that is open; one that has it by its row and column may hold no number."""

    source: str
    value: str | None
    by_place: bool
    text: str = ""


class Walk(HTMLParser):
    """``printed``: what names a source; ``loose``: text with digits that names none and may hold none; ``axes``: (position, text) of ticks."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.printed: list[Printed] = []
        self.loose: list[tuple[str, str]] = []
        self.axes: list[tuple[str, list[tuple[float, str]]]] = []
        self._open: list[tuple[str, dict[str, str]]] = []
        self._sourced: list[_Sourced] = []
        self._columns: list[str] = []
        self._column = 0
        self._at = 0.0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element, and for a cell the source that its row and column give it."""
        found = {name: value or "" for name, value in attrs}
        if tag == "table":
            self._columns = []
        elif tag == "tr":
            self._column = 0
        if tag == "th" and found.get("scope") == "col":
            self._columns.append(found.get("data-source", ""))
        elif tag in {"td", "th"}:
            row = next((one for name, one in reversed(self._open) if name == "tr"), {})
            column = self._columns[self._column] if self._column < len(self._columns) else ""
            if row.get("data-source") and column:
                found["by-place"] = f"{row['data-source']}/{column}"
            self._column += 1
        source = found.get("data-from", found.get("by-place"))
        if source is not None:
            value = found.get("value", found.get("data-value"))
            self._sourced.append(_Sourced(source=source, value=value, by_place="data-from" not in found))
        if _AXIS.search(found.get("id", "")):
            self.axes.append((self._where(), []))
        if tag == "use" and (tick := self._tick()):
            self._at = float(found[tick])
        if tag not in VOID:
            self._open.append((tag, found))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """It begins and ends at once."""
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note what stood in an element that names a source."""
        if tag in VOID:
            return
        name, found = self._open.pop()
        assert name == tag, (name, tag, self._where())
        if "data-from" not in found and "by-place" not in found:
            return
        told = self._sourced.pop()
        if not told.by_place or re.search(r"\d", told.text):
            value = None if told.value is None else float(told.value)
            self.printed.append(Printed(text=told.text, value=value, source=told.source, where=self._where()))

    def handle_data(self, data: str) -> None:
        """Note text: as part of what names a source, as a tick, or as loose where it has digits."""
        if any(tag in UNSEEN for tag, _ in self._open):
            return
        if self._sourced:
            self._sourced[-1].text += data
        elif not re.search(r"\d", _PHRASES.sub("", " ".join(data.split()))):
            return
        elif self._tick():
            self.axes[-1][1].append((self._at, data.strip()))
        elif not self._is_of_a_kind():
            self.loose.append((self._where(), data.strip()))

    def _tick(self) -> str:
        """The axis, x or y, of the tick that is open."""
        return next((tick[1] for tag, found in self._open if tag == "g" and (tick := _TICK.search(found.get("id", "")))), "")

    def _is_of_a_kind(self) -> bool:
        kinds = {found["data-text"] for _, found in self._open if "data-text" in found}
        places = {tag for tag, _ in self._open} | {f"#{found['id']}" for _, found in self._open if "id" in found}
        return any(KINDS.get(kind, set()) & places for kind in kinds)

    def _where(self) -> str:
        return " ".join(f"#{found['id']}" for _, found in self._open if "id" in found)
