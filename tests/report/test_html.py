from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from odd_assess.errors import RunError
from odd_assess.odd.attributes import Integer
from odd_assess.odd.constraints import Statement
from odd_assess.odd.coverage import coverage
from odd_assess.odd.domain import Domain
from odd_assess.odd.ranges import Interval
from odd_assess.records import Assessment, OddPoint, OddPoints, Realisation, Results, State
from odd_assess.report import page_of, write_html
from odd_assess.report.html import breakable, html
from odd_assess.report.legible import legible
from odd_assess.report.view import points

Build = Callable[..., Assessment]
EMPTY = {"meta", "wbr", "link", "img", "br", "input", "hr", "path", "use", "circle", "rect", "line"}


class Page(HTMLParser):
    """What a page refers to, holds and says."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.references: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        found = dict(attrs)
        self.tags.append(tag)
        self.references += [
            found[name] or "" for name in ("src", "href", "xlink:href", "srcset", "data", "action") if name in found
        ]
        self.handlers += [name for name in found if name.startswith("on")]
        if tag == "img":
            self.images.append(found)
        if "id" in found:
            self.ids.append(found["id"] or "")
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that it closes what was opened last."""
        if tag not in EMPTY:
            assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        """Note the words, without styles and scripts."""
        if not self.open or self.open[-1] not in {"style", "script"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        """Everything that the page says, in one line."""
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.mark.parametrize("state", list(State))
def test_page_states_the_verdict_and_every_finding_in_words(build: Build, state: State) -> None:
    """Each state is a word, and every criterion stands with its id, title, severity, requirement, advice and message."""
    assessment = build(state)
    page = Page(html(page_of(assessment)))
    assert page.open == []
    verdict = page.text.index("Findings", page.text.index("Contents"))
    assert state.value in page.text[:verdict]
    for finding in assessment.findings:
        for said in (
            finding.criterion.id,
            finding.criterion.title,
            finding.state.value,
            finding.message,
            finding.advice,
            finding.criterion.severity,
        ):
            assert said in page.text
        assert (finding.criterion.requirement or "") in page.text


def test_page_needs_nothing_but_itself(build: Build) -> None:
    """Every reference is a fragment of the page or a data URI, every fragment exists once, and styles fetch nothing."""
    text = html(page_of(build()))
    page = Page(text)
    assert {reference.split(":")[0] if not reference.startswith("#") else "#" for reference in page.references} <= {"#", "data"}
    assert "@import" not in text
    assert not re.search(r"url\(\s*['\"]?(?!#)", text)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1999/xlink", "").replace(
        "http-equiv", ""
    )
    assert len(page.ids) == len(set(page.ids))
    assert {reference[1:] for reference in page.references if reference.startswith("#")} <= set(page.ids)


def test_pictures_and_drawings_have_words(build: Build) -> None:
    """Every picture has an alternative text, every chart a title."""
    text = html(page_of(build()))
    page = Page(text)
    assert len(page.images) == 12
    assert all(image["alt"] for image in page.images)
    assert page.tags.count("svg") == text.count('aria-hidden="true"') + text.count('class="chart ')
    assert text.count('class="chart ') == page.tags.count("title") - 1


def test_hostile_names_are_text(build: Build) -> None:
    """Markup, mathematics markup, quotes and right-to-left text in names appear as text and never as elements."""
    hostile = (
        '<script>alert("x")</script>',
        "a & b </td>",
        "$\\frac{1}{2}$",
        '"><img src=x onerror=y>',
        "\u202eשלום",
        "{{ 7 * 7 }}",
        "é" * 500,
        "7",
        "8",
        "9",
    )
    plain, attacked = Page(html(page_of(build()))), html(page_of(build(title='<b onload="x">T</b>', class_names=hostile)))
    page = Page(attacked)
    assert page.open == []
    assert sorted(set(page.tags)) == sorted(set(plain.tags))
    assert page.tags.count("script") == plain.tags.count("script")
    assert page.handlers == []
    for name in (*hostile, '<b onload="x">T</b>'):
        assert re.sub(r"\s+", " ", legible(name)) in page.text


def test_same_assessment_same_bytes(build: Build, tmp_path: Path) -> None:
    """Two builds of the same evidence give the same file, charts included."""
    for name in ("a", "b"):
        write_html(build(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_unwritable_path_is_one_clear_error(build: Build, tmp_path: Path) -> None:
    """A path that cannot be written ends in RunError that names it."""
    with pytest.raises(RunError, match="could not be written"):
        write_html(build(points=30), tmp_path / "missing" / "report.html")


def _everything_abstained(assessment: Assessment) -> Assessment:
    results = {name: getattr(assessment.results, name) for name in Results.__slots__}
    m = len(assessment.results)
    nothing = {
        "hits": np.full(m, 400),
        "label_hits": np.full(m, 400),
        "certified": np.zeros(m, dtype=bool),
        "radius": np.zeros(m),
        "p_a_lower": np.zeros(m),
    }
    reduction = replace(
        assessment.reduction, predicted=None, expected_reference=np.zeros(m), measured=None, cap_share=None, width_share=None
    )
    return replace(
        assessment, results=Results(**{**results, **nothing}), reduction=reduction, reference=None, findings=(), exhibits=()
    )


def test_report_of_a_run_that_certified_nothing(build: Build) -> None:
    """Where every point abstains there is still a page: it states no reduction and holds no number for it."""
    assessment = _everything_abstained(build(State.INCONCLUSIVE, points=40))
    page = Page(html(page_of(assessment)))
    assert "No radius reduction can be stated" in page.text
    assert "nan" not in page.text.lower().split()
    assert "There is no blocking criterion that could be met." in page.text


@pytest.mark.parametrize(
    ("design", "says"),
    [("sobol", "There is no band"), ("stratified", "Band: one-sided 95% bounds"), ("random", "Band: one-sided 95% bounds")],
)
def test_a_band_is_drawn_only_for_designs_with_a_probability_model(build: Build, design: str, says: str) -> None:
    """Even fillings of the domain get a line and no band, and the caption says why."""
    page = page_of(build(design=design, points=60))
    assert says in page.accuracy.caption
    assert (page.accuracy.chart.lower is None) == (design == "sobol")


def test_thousand_points_stay_small(build: Build) -> None:
    """The page of 1,000 points is below 3 MB."""
    assert len(html(page_of(build(points=1000))).encode()) < 3_000_000


def test_report_of_a_plain_domain_without_levels(build: Build) -> None:
    """One undivided attribute from a table's column, a restrictive mode, no manifest and nobody to sign still make a complete page."""
    assessment = build(points=30, exhibits=0, reference=False)
    domain = Domain(
        attributes=(Integer(id="lanes", low=1, high=4),),
        include=(Statement(conditions={"lanes": Interval(low=1, high=3)}, text="{lanes: [1 .. 3]}"),),
        mode="restrictive",
    )
    conditions = OddPoints.of(
        domain.attributes, [OddPoint(index=i, values={"lanes": 1 + i % 3}, cell=0, frame=i) for i in range(30)]
    )
    results = {name: getattr(assessment.results, name) for name in Results.__slots__}
    results |= {"cell": np.zeros(30, dtype=np.int64), "level": np.zeros((30, 1), dtype=np.int64)}
    spec = replace(
        assessment.spec,
        domain=domain,
        realisations=(Realisation(attribute="lanes", column="n_lanes"),),
        unrealisable=(),
        responsible=(),
    )
    plain = replace(
        assessment,
        spec=spec,
        points=conditions,
        results=Results(**results),
        coverage=coverage(domain, conditions),
        findings=(),
        manifest={},
    )
    page = Page(html(page_of(plain)))
    assert page.open == []
    for said in (
        "There is no coverage matrix",
        "column “n_lanes”",
        "Included: lanes: [1 .. 3]",
        "restrictive",
        "Reviewed by",
        "This report holds no pictures",
    ):
        assert said in page.text


def test_pictures_stop_where_the_page_would_grow_too_large(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first exhibit is always shown; further ones only while all their pictures fit, and the page says how many are left."""
    monkeypatch.setattr(points, "PICTURE_BYTES", 20_000)
    page = Page(html(page_of(build())))
    assert 3 <= len(page.images) < 12
    assert f"holds {4 - len(page.images) // 3} more" in page.text


def test_diamonds_are_explained_only_where_there_are_some(build: Build) -> None:
    """Without a reference subsample the legend of the scatter chart speaks of dots alone."""
    assert "diamonds" in html(page_of(build()))
    assert "diamonds" not in html(page_of(build(reference=False)))


@pytest.mark.slow
def test_every_figure_leads_to_a_table(build: Build, estimated: Build, noisy: Build, again: Build) -> None:
    """Under each drawing a link to the numbers; nobody who cannot see it is left without."""
    for assessment in (estimated(build()), noisy("multi_start"), again()):
        text = html(page_of(assessment))
        captions = re.findall(r"<figcaption><strong>.*?</figcaption>", text, re.DOTALL)
        targets = [re.findall(r'<a href="#([\w-]+)">The numbers</a>', caption) for caption in captions]
        assert len(captions) >= 6
        assert [found for found in targets if len(found) != 1 or f'<table id="{found[0]}"' not in text] == []


def test_breakable_names_stay_escaped() -> None:
    """Names may break behind dots and underscores, numbers and units may not, and markup stays text."""
    assert breakable("illumination.sun_elevation <b> 0.25 km/h") == (
        'illumination.<wbr>sun_<wbr>elevation &lt;b&gt; 0.25 <span class="whole">km/h</span>'
    )
