"""Marks in the text of the view: woven into a page, kept out of all else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from odd_assess.report.view.traced import apart, in_drawing, marked, number, plain, quoted, settled, woven

MARKED = f"radius {number('0.412', 0.4129, 'points/7/radius')} of “{quoted('clean', 'levels/2.0/name')}”"


@dataclass(frozen=True)
class Record:
    """A part of a page."""

    label: str
    rows: tuple[tuple[str, ...], ...] = ()
    printed: tuple[str, ...] = ()


def test_settled_records_read_plainly_and_know_their_marks() -> None:
    """Texts anywhere in a record lose their marks; what has none stays the same object."""
    found = settled(Record(label=MARKED, rows=(("plain", MARKED),)))
    assert found.label == found.rows[0][1] == "radius 0.412 of “clean”"
    assert marked(found.label) == MARKED
    untouched = Record(label="plain", rows=(("a", "b"),))
    assert settled(untouched) is untouched


def test_marks_become_elements_in_text_alone() -> None:
    """In attributes, titles and drawings they are taken away."""
    assert woven(f"<p>{MARKED}</p>") == (
        '<p>radius <data value="0.4129" data-from="points/7/radius">0.412</data> of “<span data-from="levels/2.0/name">clean</span>”</p>'
    )
    assert woven(f'<p title="{MARKED}">') == f'<p title="{plain(MARKED)}">'
    assert woven(f"<title>{MARKED}</title>") == f"<title>{plain(MARKED)}</title>"
    assert woven(f"<svg><text>{MARKED}</text></svg>") == f"<svg><text>{plain(MARKED)}</text></svg>"


def test_only_what_is_read_is_changed() -> None:
    """A change to text touches neither values nor sources."""
    assert woven(apart(number("a.b", 1.5, "a.b/c"), str.upper)) == '<data value="1.5" data-from="a.b/c">A.B</data>'


@pytest.mark.parametrize("name", ["a\ufdd0b", "\ufdd1", "1\ufdd21", "\ufdd3"])
def test_names_cannot_pass_for_marks(name: str) -> None:
    """Text, or a source, with characters of the marks goes unmarked."""
    assert quoted(name, "levels/2.0/name") == name
    assert number("1", 1.0, f"points/1/values/{name}") == "1"


def test_labels_of_a_drawing_name_their_sources() -> None:
    """A label is found inside a text, but not inside a longer number; bare numbers are taken in their order."""
    chart = settled(
        Record(label=f"n = {number('1,000', 1000, 'all/n')}", printed=(number("3", 3, "pairs/1"), number("3", 3, "pairs/2")))
    )
    svg = "<text>cap of n = 1,000</text><text>n = 1,000,000</text><text>3</text><text>3</text><text>no number</text>"
    assert in_drawing(svg, chart) == (
        '<text>cap of n = <tspan data-value="1000" data-from="all/n">1,000</tspan></text><text>n = 1,000,000</text>'
        '<text><tspan data-value="3" data-from="pairs/1">3</tspan></text><text><tspan data-value="3" data-from="pairs/2">3</tspan></text>'
        "<text>no number</text>"
    )
