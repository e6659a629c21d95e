from __future__ import annotations

import builtins
import re
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from odd_assess.errors import MissingLibraryError
from odd_assess.records import Assessment
from odd_assess.report import pdf_available, write_html, write_pdf

Build = Callable[..., Assessment]


@pytest.fixture
def weasyprint() -> None:
    try:
        pdf_available()
    except MissingLibraryError as error:
        pytest.skip(str(error))


@pytest.mark.slow
@pytest.mark.usefixtures("weasyprint")
def test_pdf_is_a_file_of_several_pages_and_always_the_same(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts with %PDF, has several pages, and a second build, with another idea of the date around it, is identical."""
    write_pdf(build(), tmp_path / "a.pdf")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    write_pdf(build(), tmp_path / "b.pdf")
    data = (tmp_path / "a.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert _pages(data) > 1
    assert data == (tmp_path / "b.pdf").read_bytes()


def _pages(data: bytes) -> int:
    """The pages of a PDF, whose objects may lie in compressed streams."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, flags=re.DOTALL)
    plain = [data]
    for stream in streams:
        try:
            plain.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return sum(len(re.findall(rb"/Type\s*/Page\b", text)) for text in plain)


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
