from __future__ import annotations

import builtins
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest

from odd_assess.errors import MissingLibraryError
from odd_assess.evidence import evidence_json
from odd_assess.records import Assessment
from odd_assess.report import page_of, pdf_available, write_html, write_pdf
from odd_assess.report.exhibits import captions
from odd_assess.report.html import html

Build = Callable[..., Assessment]
MILLIMETRE = 72 / 25.4


@pytest.fixture(scope="module")
def weasyprint() -> None:
    try:
        pdf_available()
    except MissingLibraryError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def report(weasyprint: None, build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One report, which all tests of this file read."""
    path = tmp_path_factory.mktemp("report") / "report.pdf"
    write_pdf(build(), path)
    return path


def pages_of(data: bytes) -> list[str]:
    """The text of each page, in one line."""
    with pypdfium2.PdfDocument(data) as document:
        return [re.sub(r"\s+", " ", page.get_textpage().get_text_range()) for page in document]


def letters_outside(data: bytes, *, margin: float = 15.0) -> list[tuple[int, str]]:
    """(page, letter) of all that stands within ``margin`` millimetres of the left or right edge, or beyond it."""
    found = []
    with pypdfium2.PdfDocument(data) as document:
        for number, page in enumerate(document, start=1):
            text, (width, _) = page.get_textpage(), page.get_size()
            for place in range(text.count_chars()):
                left, _, right, _ = text.get_charbox(place)
                if right > left and not (margin * MILLIMETRE <= left and right <= width - margin * MILLIMETRE):
                    found.append((number, text.get_text_range(place, 1)))
    return found


@pytest.mark.slow
def test_pdf_is_always_the_same(report: Path, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second build, with another idea of the date around it, gives the same bytes."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    write_pdf(build(), tmp_path / "again.pdf")
    assert report.read_bytes() == (tmp_path / "again.pdf").read_bytes()


@pytest.mark.slow
def test_pdf_is_for_the_archive_and_carries_its_evidence(report: Path, build: Build) -> None:
    """Sound syntax, PDF/A-3a and PDF/UA-1 declared, an output intent, every font embedded, and evidence.json attached as the data behind it."""
    with pikepdf.open(report) as file:
        assert file.check_pdf_syntax() == []
        root, trailer = file.Root, file.trailer
        assert root.Metadata.read_bytes().count(b"<rdf:RDF") == 1
        with file.open_metadata() as metadata:
            assert metadata.pdfa_status == "3A"
            assert metadata["pdfuaid:part"] == "1"
        assert root.OutputIntents[0].S == "/GTS_PDFA1"
        assert trailer.ID is not None
        fonts = [font for page in file.pages for font in page.Resources.Font.values()]
        assert fonts
        assert all("/FontFile2" in font.DescendantFonts[0].FontDescriptor and "/ToUnicode" in font for font in fonts)
        (attached,) = root.AF
        assert (attached.UF, attached.AFRelationship, attached.EF.F.Subtype) == ("evidence.json", "/Data", "/application/json")
        text = attached.EF.F.read_bytes().decode()
    assert text == evidence_json(build())
    assert json.loads(text)["results"]["hits"] == build().results.hits.tolist()


def _elements(element: Any) -> Iterator[Any]:
    if isinstance(element, pikepdf.Dictionary) and "/S" in element:
        yield element
        for kid in _kids(element):
            yield from _elements(kid)


def _kids(element: Any) -> list[Any]:
    kids = element.get("/K", [])
    return list(kids) if isinstance(kids, pikepdf.Array) else [kids]


@pytest.mark.slow
def test_screen_readers_find_words_and_structure(report: Path) -> None:
    """The document has a language and shows its title; pictures have words, lists hold items of label and body, cells name their headings, links say where."""
    with pikepdf.open(report) as file:
        assert str(file.Root.Lang) == "en"
        assert bool(file.Root.MarkInfo.Marked)
        assert bool(file.Root.ViewerPreferences.DisplayDocTitle)
        found = list(_elements(file.Root.StructTreeRoot.K[0]))
        kinds = {str(element.S) for element in found}
        assert {"/H1", "/H2", "/H3", "/Table", "/TH", "/TD", "/Caption", "/Figure", "/L", "/LI", "/Lbl", "/LBody", "/Link"} <= kinds
        for element in found:
            inside = {str(kid.S) for kid in _kids(element) if isinstance(kid, pikepdf.Dictionary) and "/S" in kid}
            match str(element.S):
                case "/Figure":
                    assert str(element.Alt)
                    _, low, _, high = (float(edge) for edge in element.A.BBox)
                    assert 0 <= low <= high <= 842
                case "/L":
                    assert inside == {"/LI"}
                case "/LI":
                    assert inside <= {"/Lbl", "/LBody"}
                    assert all(str(kid.P.S) == "/LI" for kid in _kids(element))
                case "/TD":
                    assert len(element.A.Headers)
        links = [link for page in file.pages for link in page.get("/Annots", [])]
        assert links
        assert all("/Contents" in link and int(link.F) == 4 for link in links)


@pytest.mark.slow
def test_cover_contents_and_running_header(report: Path, build: Build) -> None:
    """The cover says title and verdict, every other page the run and the digest; sections, figures and tables stand on the pages that the contents name."""
    pages, page = pages_of(report.read_bytes()), page_of(build())
    assert page.title in pages[0]
    assert page.verdict.state in pages[0]
    assert page.verdict.reason in pages[0]
    assert page.digests[0].text in pages[0].replace(" ", "")
    assert hashlib.sha256(evidence_json(build()).encode()).hexdigest() in pages[0].replace(" ", "")
    for number, text in enumerate(pages[1:], start=2):
        assert f"run {page.run_id}" in text
        assert page.digests[0].text[:16] in text
        assert f"{number} / {len(pages)}" in text
    contents = " ".join(pages[1:4])  # the lists are as long as they must be
    exhibits = captions(html(page, medium="print"))
    assert len({exhibit.kind for exhibit in exhibits}) == 2
    for exhibit in exhibits:
        told = re.search(rf"{exhibit.kind} {exhibit.number} {re.escape(exhibit.text)}[ .]+(\d+)", contents)
        assert told, exhibit
        assert f"{exhibit.kind} {exhibit.number} {exhibit.text}" in pages[int(told[1]) - 1]
    sections = (
        ("Findings", "Findings"),
        ("The ODD and its coverage", "The ODD and its coverage"),
        ("Certified accuracy against radius", "Certified accuracy against radius"),
    )
    for number, (title, heading) in enumerate(sections, start=1):
        told = re.search(rf"{number}\. {title}[ .]+(\d+)", contents)
        assert told
        assert f"{number} {heading}" in pages[int(told[1]) - 1]


@pytest.mark.slow
def test_nothing_is_cut(report: Path) -> None:
    """No letter stands in the margins at the sides, let alone beyond the paper."""
    assert letters_outside(report.read_bytes()) == []


def _import_that_fails(error: Exception) -> Callable[..., Any]:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name.partition(".")[0] == "weasyprint":
            raise error
        return real(name, *arguments, **named)

    return without


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ModuleNotFoundError("No module named 'weasyprint'"), "pip install 'odd-assess\\[pdf\\]'"),
        (OSError("cannot load library 'libpango-1.0-0'"), "apt install libpango-1.0-0"),
    ],
)
def test_missing_library_is_told_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    """Without WeasyPrint the pip line, without Pango the apt and the brew line; nothing is printed besides."""
    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(builtins, "__import__", _import_that_fails(error))
    with pytest.raises(MissingLibraryError, match=says):
        pdf_available()


def test_html_needs_no_weasyprint(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The HTML report is written where PDF reports cannot be."""
    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(builtins, "__import__", _import_that_fails(OSError("no pango")))
    write_html(build(points=40), tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size > 10_000
