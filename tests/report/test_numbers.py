"""Every number in the HTML names its source in the evidence, and is what the evidence says there."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from odd_assess.criteria.words import about
from odd_assess.records import Assessment, Change, State
from odd_assess.report import page_of
from odd_assess.report.html import html
from odd_assess.report.markdown import markdown
from odd_assess.stats.smoothing import round_down, round_up
from tests.report.evidence import Evidence
from tests.report.walk import Printed, Walk

Build = Callable[..., Assessment]

DOWN = (
    r"/(lower|measured_lower|p_a_lower|radius|radius alone|mean radius|largest radius|cap|visited|grey levels|patch)$",
    r"^findings/[^/]*/axis/high$",
    r"^budgets/[^/]*/mean$",
    r"/(radius|n)/median$",
    r"^(memory|recertified/kept)/mean radius/",
    r"^recertified/.*/(kept|before|alike|now|mean)$",
    r"^points/.*/(before|alike)$",
    r"^single/sure$",
)
UP = (
    r"/(upper|measured_upper|psnr|zeta|false at least once|out of reach|accuracy drop|cdf error|deepest)$",
    r"^gaps/cell/weight$",
    r"^recertified/cost/.*/share$",
)
"""Sources of bounds, and of radii, which are claims: they are rounded to their safe side, all else to the nearest."""

SIGNIFICANT = {2: r"/times/|/two digits$", 3: r"/values/|/sigma(/|$)|/(noise|level)$"}
"""Sources whose numbers are printed with so many significant digits at most."""


def wrong(printed: Printed, evidence: Evidence) -> str:
    """What is wrong with a printed number or quotation; empty where it is what the evidence says, rounded to the safe side where it has one."""
    try:
        found = evidence.found(printed.source)
    except (KeyError, IndexError, AttributeError, ValueError, StopIteration) as error:
        return f"{printed}: the source names nothing ({error!r})"
    if isinstance(found, str):
        said, told = (" ".join(text.split()) for text in (printed.text, found))
        same = said in told.split(" | ") if printed.source.endswith("/clauses") else said.lower() == told.lower()
    else:
        same = is_shown(printed, float(found))
    return "" if same else f"{printed}: the evidence says {found!r}"


def is_shown(printed: Printed, found: float) -> bool:
    """Whether a printed number is the one of the evidence, and its value too."""
    if printed.value is not None and printed.value != pytest.approx(found, rel=1e-9, abs=1e-11):
        return False
    number = re.fullmatch(r"([−+]?[\d,]*\.?\d+)(%?)( \S+)?", printed.text.strip())
    if number is None:
        return False
    plain = number[1].replace(",", "").replace("−", "-")
    digits, scale = len(plain.partition(".")[2]), 100 if number[2] else 1
    if printed.source.endswith("_needed"):
        return number[1] in {about(round(found)), f"{round(found):,}"}
    exact = [value * scale for value in (found, printed.value) if value is not None]
    for most, sources in SIGNIFICANT.items():
        if re.search(sources, printed.source):
            exact = [float(f"{value:.{most}g}") for value in exact]
    shown, tiny = float(plain), 1e-9
    for sides, rounded in ((DOWN, round_down), (UP, round_up)):
        if any(re.search(side, printed.source) for side in sides):
            return any(abs(shown - rounded(value, digits)) < tiny for value in exact)
    return any(abs(shown - value) < 0.5 * 10.0**-digits + tiny for value in exact)


def on_a_scale(ticks: list[tuple[float, str]]) -> bool:
    """Whether the numbers at ticks grow evenly with their places, or their logarithms do."""
    at = np.array([place for place, _ in ticks])
    told = np.array([float(text.strip("%").replace(",", "").replace("−", "-")) for _, text in ticks])
    if len(ticks) < 3:
        return True
    half = np.array([0.51 * 10.0 ** -len(text.strip("%").partition(".")[2]) for _, text in ticks])
    evenly = told[0] + (told[-1] - told[0]) * (at - at[0]) / (at[-1] - at[0])
    if (np.abs(evenly - told) < half).all():
        return True
    by_factors = told[0] * (told[-1] / told[0]) ** ((at - at[0]) / (at[-1] - at[0])) if (told > 0).all() else evenly
    return bool((np.abs(by_factors - told) < 2 * half + 1e-3 * told).all())


def walked(assessment: Assessment, text: str) -> list[str]:
    """All that is wrong with the numbers of a page: those that name no source, and those that are not what their source says."""
    walk, evidence = Walk(text), Evidence(assessment)
    loose = [f"{where}: {said!r} names no source" for where, said in walk.loose]
    bent = [f"{where}: ticks {ticks} are on no scale" for where, ticks in walk.axes if not on_a_scale(ticks)]
    return loose + bent + [found for printed in walk.printed if (found := wrong(printed, evidence))]


Page = tuple[Assessment, str]


@pytest.fixture(scope="module")
def page(build: Build) -> Page:
    """A run with cells, levels, classes and a reference subsample, and its report."""
    assessment = build()
    return assessment, html(page_of(assessment))


def test_every_number_is_what_the_evidence_says(page: Page) -> None:
    """Tables, prose, facts, captions and charts: each number has a source, and the value recomputed there is the printed one."""
    assessment, text = page
    assert walked(assessment, text) == []
    walk = Walk(text)
    assert len(walk.printed) > 3_000
    assert len(walk.axes) >= 10


@pytest.mark.slow
@pytest.mark.parametrize(
    "run",
    [
        "pilot, stratified",
        "sequential, stratified, estimates",
        "estimates",
        "per_cell",
        "cascade",
        "multi_start",
        "data_dependent",
        "recertified",
        "recertified, several, when decided",
    ],
)
def test_so_it_is_in_every_kind_of_run(run: str, build: Build, estimated: Build, noisy: Build, again: Build) -> None:
    """The same where points weigh differently, draws stop, levels differ, a memory takes radius, or certificates rest on a baseline."""
    match run:
        case "pilot, stratified":
            assessment = build(State.INCONCLUSIVE, budget="tolerance", design="stratified", points=120)
        case "sequential, stratified, estimates":
            assessment = estimated(build(budget="sequential", design="stratified"), method="mc")
        case "estimates":
            assessment = estimated(build())
        case "recertified":
            assessment = again()
        case "recertified, several, when decided":
            assessment = again(when_decided=True, models=3)
        case policy:
            assessment = noisy(policy)
    assert walked(assessment, html(page_of(assessment))) == []


def test_so_it_is_where_lists_are_cut_and_criteria_were_changed(build: Build) -> None:
    """Nine open criteria, thirty classes without a point, changes with digits in them: what is counted instead of named is recomputed too."""
    base = build(points=120)
    first, group = base.findings[0], base.spec.criteria[0]
    changes = (
        Change(
            criterion="CA-025", key="required", before="0.9", after="0.8", effect="loosened", reason="class 12", source="b2.yaml"
        ),
        Change(criterion="X-1", key="", before="0.9", after="", effect="loosened"),
    )
    assessment = replace(
        base,
        spec=replace(base.spec, criteria=(replace(group, overrides=changes),)),
        findings=tuple(replace(first, criterion=replace(first.criterion, id=f"CA-{k:03d}")) for k in range(9)),
        class_names=tuple(f"class {k}" for k in range(40)),
    )
    assert walked(assessment, html(page_of(assessment))) == []


# ---------------------------------------------------------------- what the walk sees


PRINTED = re.compile(r"(<(?:data|span|tspan|td)\b[^>]*(?:data-from|data-value)=[^>]*>)([^<]*\d[^<]*)(?=</(?:data|span|tspan|td)>)")
"""Elements with a source of their own or by their place, and the text that is read in them."""


def other_digit(text: str, rng: random.Random) -> str:
    """The text with another digit in one place."""
    at = rng.choice([place for place, letter in enumerate(text) if letter in "0123456789"])
    return text[:at] + rng.choice([digit for digit in "0123456789" if digit != text[at]]) + text[at + 1 :]


def changed(text: str, number: int, change: Callable[[re.Match[str]], str], *, own: str = "") -> str:
    """A page with so many of its printed numbers changed, drawn at random from those whose elements hold the text ``own``."""
    places = [one for one in PRINTED.finditer(text) if own in one[1] and re.search(r"\d", unescape(one[2]))]  # &#39; is no number
    picked = {found.start() for found in random.Random(5).sample(places, number)}
    return PRINTED.sub(lambda found: change(found) if found.start() in picked else found[0], text)


def test_every_changed_number_is_seen(page: Page) -> None:
    """One digit that differs from the evidence, in what is read alone, is found at each of 300 places, and nothing else is."""
    assessment, text = page
    rng = random.Random(6)
    mutant = changed(text, 300, lambda found: found[1] + other_digit(found[2], rng))
    assert len(walked(assessment, mutant)) == 300


def test_every_number_without_a_source_is_seen(page: Page) -> None:
    """Numbers whose sources are taken away are found, and so are numbers that somebody adds."""
    assessment, text = page
    mutant = changed(text.replace("</main>", "<p>About 12 points.</p></main>"), 300, _bare, own="data-from=")
    assert len(walked(assessment, mutant)) == 301


def _bare(found: re.Match[str]) -> str:
    return re.sub(r' data-from="[^"]*"', "", found[1]) + found[2]


def test_every_wrong_source_is_seen(page: Page) -> None:
    """Numbers that name the source of another number, of another value, are found."""
    assessment, text = page
    known = {printed.source: printed.value for printed in Walk(text).printed if printed.value is not None}
    rng, sources = random.Random(7), sorted(known)
    marked = re.compile(r'(<data value="([^"]+)" data-from=")([^"]+)(?=")')
    picked = {found.start() for found in rng.sample(list(marked.finditer(text)), 200)}

    def elsewhere(found: re.Match[str]) -> str:
        if found.start() not in picked:
            return found[0]
        return found[1] + rng.choice([one for one in sources if abs(known[one] - float(found[2])) > 1e-6])

    assert len(walked(assessment, marked.sub(elsewhere, text))) == 200


def test_a_tick_off_its_scale_is_seen(page: Page) -> None:
    """Ticks of an axis bear numbers that grow with their places; one that does not is found on every axis."""
    assessment, text = page
    rng = random.Random(8)
    tick = re.compile(
        r'(<g id="[^"]*axis_\d+">(?:(?!</svg>).)*?[xy]tick_3"(?:(?!</text>).)*?<text[^>]*>)([\d.,%]+)(?=</text>)', re.DOTALL
    )
    mutant, changes = tick.subn(lambda found: found[1] + other_digit(found[2], rng), text)
    assert changes >= 10
    assert len(walked(assessment, mutant)) == changes


@pytest.mark.parametrize(
    "text",
    [
        "<p>95% means that it fails in at most 6 of 100.</p>",
        '<p data-text="identity">run 12</p>',
        '<section id="methods"><p data-text="command">12</p></section>',
        '<section id="methods"><p data-text="other">12</p></section>',
        "<svg><text>12</text></svg>",
        '<table><tr><th scope="col" data-source="radius">Radius</th></tr><tr><td>0.25</td></tr></table>',
    ],
)
def test_numbers_without_a_source_stand_nowhere_else(text: str) -> None:
    """A phrase that was changed, a kind of text where it does not belong, one that is not known, a drawing, a row without a source."""
    walk = Walk(f"<main>{text}</main>")
    assert walk.printed == []
    assert len(walk.loose) == 1


def test_other_media_hold_no_sources(page: Page) -> None:
    """What is printed and what is written as Markdown is the text alone."""
    assessment, _ = page
    found = page_of(assessment)
    for text in (html(found, medium="print"), markdown(found)):
        assert not re.search(r"data-(from|source|text)|[\ufdd0-\ufdd3]", text)
