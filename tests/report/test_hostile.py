"""Names that users choose are text in every report: markup, template code, right-to-left text, emoji, controls, halves of surrogate pairs, 500 letters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from odd_assess.errors import MissingLibraryError
from odd_assess.exchange import argument, junit, sarif, summary
from odd_assess.exchange.words import plain
from odd_assess.records import Assessment
from odd_assess.report import page_of, pdf_available
from odd_assess.report.html import html
from odd_assess.report.legible import fit, legible
from odd_assess.report.pdf import pdf
from odd_assess.report.view import every_point

Build = Callable[..., Assessment]

NAMES = (
    '<script>alert("x")</script>',
    "a & b </td>]]>",
    "$\\frac{1}{2}$",
    '"><img src=x onerror=y>',
    "\u202eשלום עולם",
    "{{ 7 * 7 }}{% raw %}",
    "é" * 500,
    "W" * 500,
    "🚦 lights 👩‍👩‍👧",
    "مرحبا 12",
    "<!-- lists of figures and tables -->",
    "</style><style>*{display:none}",
    ") endobj (\\",
    "line\nbreak\ttab",
    "日本語",
    "\x00\x07\x1b[31m",
    "\udcff\ud800 halves\ufffe",
)


@pytest.fixture(scope="module")
def hostile(build: Build) -> Assessment:
    """An assessment whose title, classes, labels, criteria, clauses, messages and signers are all hostile."""
    base = build(
        title=NAMES[0] + NAMES[4] + NAMES[8] + "x" * 500,
        class_names=NAMES,
        labels=(NAMES[4] + NAMES[8], NAMES[16] + NAMES[0], NAMES[14] + "W" * 60),
    )
    findings = tuple(
        replace(
            finding,
            criterion=replace(
                finding.criterion,
                title=NAMES[3 * number],
                requirement=NAMES[4 + number],
                clauses=(NAMES[7 + number],),
                location=finding.criterion.location
                and replace(finding.criterion.location, path=Path(f"{NAMES[11]} {NAMES[16]}.yaml")),
            ),
            message=f"{finding.message} {NAMES[8 + number]}",
            advice=NAMES[number] + NAMES[16],
        )
        for number, finding in enumerate(base.findings)
    )
    signers = ((NAMES[6], NAMES[8]), (NAMES[16], NAMES[4]))
    return replace(base, findings=findings, spec=replace(base.spec, responsible=signers))


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.comments: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element and the names of its attributes."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        """Note the comment."""
        self.comments.append(data)


def test_html_takes_names_for_text(build: Build, hostile: Assessment) -> None:
    """The elements and attributes of the page are those of a harmless one, every name stands in its text, and UTF-8 can hold it."""
    harmless, page = _Tags(html(page_of(build()))), _Tags(html(page_of(hostile)))
    assert page.tags == harmless.tags
    assert page.attributes == harmless.attributes
    assert page.comments == harmless.comments
    said = " ".join(page.words)
    for name in NAMES:
        assert legible(name) in said
    said.encode()


def test_no_name_turns_the_text_behind_it(hostile: Assessment) -> None:
    """Of the marks that turn the reading direction only the pairs remain that set a right-to-left name apart."""
    text = html(page_of(hostile))
    assert not re.search("[\u202a-\u202e\u2066\u2067]", text)
    assert text.count("\u2068") == text.count("\u2069") > 0
    assert not re.search(r"[\u0590-\u06ff]", re.sub("\u2068[^\u2068\u2069]*\u2069", "", text))


@pytest.mark.slow
def test_pdf_takes_names_for_text(hostile: Assessment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name can be read in the PDF, nothing is cut, and its syntax is sound."""
    pikepdf, pypdfium2 = pytest.importorskip("pikepdf"), pytest.importorskip("pypdfium2")
    try:
        pdf_available()
    except MissingLibraryError as error:
        pytest.skip(str(error))
    import io

    monkeypatch.setattr(every_point, "PRINTED", 8)  # rows of 500 letters
    data = pdf(hostile)
    with pikepdf.open(io.BytesIO(data)) as file:
        assert file.check_pdf_syntax() == []
        assert fit(hostile.spec.title[:27]) in str(file.docinfo.Title)
        names = json.loads(file.Root.AF[0].EF.F.read_bytes())["class_names"]
        assert names == list(NAMES)
    margin, said, outside = 15 * 72 / 25.4, "", 0
    with pypdfium2.PdfDocument(data) as document:
        for page in document:
            text, (width, _) = page.get_textpage(), page.get_size()
            said += text.get_text_range()
            boxes = [text.get_charbox(place) for place in range(text.count_chars())]
            outside += sum(right > left and (left < margin or right > width - margin) for left, _, right, _ in boxes)
    assert outside == 0
    said = re.sub(r"\s", "", said)
    for number in (0, 1, 2, 3, 5, 10, 11, 12, 13):
        assert re.sub(r"\s", "", fit(NAMES[number])) in said, NAMES[number]


def test_exchange_files_take_names_for_text(hostile: Assessment) -> None:
    """JUnit is XML, SARIF JSON and the argument YAML, each in UTF-8, and their texts are the names without what these formats cannot hold."""
    suites = ET.fromstring(junit(hostile).encode())
    titles = [finding.criterion.title for finding in hostile.findings]
    cases = [case.get("name", "") for case in suites.iter("testcase")]
    assert all(re.sub(r"\s", " ", plain(title)) in " ".join(cases) for title in titles)
    results = json.loads(sarif(hostile).encode())["runs"][0]
    assert [rule["shortDescription"]["text"] for rule in results["tool"]["driver"]["rules"]] == [plain(title) for title in titles]
    assert yaml.safe_load(argument(hostile).encode())["G_digit-reader"]["text"].startswith(hostile.spec.title[:27])
    said = summary(hostile)
    said.encode()
    assert "<script" not in said
    assert "<img" not in said


@pytest.mark.parametrize("name", NAMES)
def test_fit_text_can_be_written_and_stays_if_it_is_harmless(name: str) -> None:
    """What is fit can be encoded, is as long as before, stays as it is when it is made fit again, and printable letters are kept."""
    found = fit(name)
    found.encode()
    assert len(found) == len(name)
    assert fit(found) == found
    assert all(new == old or not old.isprintable() for new, old in zip(found, name, strict=True))
