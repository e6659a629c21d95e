from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from odd_assess.records import Assessment
from odd_assess.report import charts, page_of, palette
from odd_assess.report.html import drawn
from odd_assess.report.view.records import MatrixChart

Build = Callable[..., Assessment]


def test_charts_are_well_formed_vectors_with_units(build: Build, noisy: Build, again: Build, estimated: Build) -> None:
    """Every chart parses as XML, carries no bitmap and no fixed size, names its axes with units, and has a title."""
    pages = [drawn(page_of(one), medium="print") for one in (estimated(build()), noisy("multi_start"), again(points=60))]
    assert all(any(page[name] for page in pages) for name in pages[0])
    for name, svg in [(name, svg) for page in pages for name, svg in page.items() if svg]:
        root = ET.fromstring(str(svg))
        assert "viewBox" in root.attrib
        assert "width" not in root.attrib
        assert "<image" not in svg
        assert root[0].tag.endswith("title")
        if name in {"accuracy", "states", "scatter", "curve", "gain", "kept", "recertified"}:
            assert "(input units)" in svg


def test_screen_charts_follow_the_colour_scheme(build: Build) -> None:
    """On the screen no chart keeps a fixed colour of ours, on paper no variable."""
    page = page_of(build())
    assert not any(re.search(r"#[0-9a-fA-F]{6}\b", str(svg)) for svg in drawn(page, medium="screen").values())
    assert all("var(--" not in str(svg) for svg in drawn(page, medium="print").values())


def test_palettes_name_the_same_colours() -> None:
    """Dark mode redefines every colour, and light values are all different so that each can be found again in a drawing."""
    assert palette.LIGHT.keys() == palette.DARK.keys()
    assert len(set(palette.LIGHT.values())) == len(palette.LIGHT)


def _luminance(colour: str) -> float:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("colours", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
def test_text_colours_can_be_read(colours: dict[str, str]) -> None:
    """Every colour that text is set in has a contrast of at least 4.5 to the page and the panel (WCAG AA)."""
    for name in ("ink", "muted", "run", "reference", "met", "not-met", "inconclusive"):
        for ground in ("page", "panel"):
            light, dark = sorted((_luminance(colours[name]), _luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, ground)


def test_matrix_marks_gaps_and_infeasible_pairs() -> None:
    """A pair without a visit is outlined and says 0, an infeasible pair is hatched and says nothing, a visited pair says its count."""
    block = np.array([[3, 0], [-1, 17]], dtype=np.int64)
    svg = charts.matrix(MatrixChart(alt="x", names=("a", "b"), levels=(("p", "q"), ("r", "s")), blocks=((1, 0, block),)))
    texts = [element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert {"3", "0", "17"} <= set(texts)
    assert "-1" not in texts
    assert svg.count("<pattern") == 1


def test_importing_the_report_is_light() -> None:
    """Neither matplotlib nor WeasyPrint nor torch comes with `import odd_assess.report`."""
    code = "import sys, odd_assess.report; print([m for m in ('matplotlib', 'weasyprint', 'torch', 'jinja2') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_labels_over_lines_have_a_rim(build: Build) -> None:
    """The labels of criteria and areas are written twice, first as a rim."""
    drawings = drawn(page_of(build()), medium="print")
    for name, label in (("accuracy", "CA-025"), ("states", "certified")):
        texts = [e for e in ET.fromstring(str(drawings[name])).iter("{http://www.w3.org/2000/svg}text") if label in (e.text or "")]
        rims = [element for element in texts if element.get("class") == "rim"]
        assert rims
        assert len(texts) == 2 * len(rims)
