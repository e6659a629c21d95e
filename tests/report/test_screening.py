"""The page of a screening: it needs nothing but itself, says what was found, and takes hostile names for text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from odd_assess.assessment.screening import compared
from odd_assess.cli.screen_words import in_words
from odd_assess.criteria.forecast import forecast
from odd_assess.criteria.fragility import PartEstimate, Region, Sampled, fragile_regions, fragility, leading, pair_maps
from odd_assess.criteria.words import off
from odd_assess.evidence.screening import Screening, allocation_csv, screening_csv, screening_data
from odd_assess.odd.attributes import Categorical, Continuous
from odd_assess.odd.domain import Domain
from odd_assess.odd.sampling import sample
from odd_assess.records import (
    AverageCasePlan,
    Budget,
    CertificationPlan,
    CriteriaSet,
    Criterion,
    InputDeclaration,
    ModelDeclaration,
    PointEstimates,
    SamplingPlan,
    Spec,
)
from odd_assess.report import screening_html
from odd_assess.report.screening import screening_page, steps

POINTS = 600


def made(
    tmp_path: Any,
    *,
    title: str = "A reader",
    labels: tuple[str, ...] = ("clean", "stained"),
    classes: tuple[str, ...] = ("a", "b"),
    weak: float = 0.5,
    sequential: bool = True,
    checked: bool = True,
) -> Screening:
    """A screening whose night is as weak as ``weak`` under the last label, made up."""
    domain = Domain(
        attributes=(
            Continuous(id="scene.light", low=0, high=3, unit="lux", buckets=(0, 1, 2, 3)),
            Categorical(id="lens.dirt", labels=labels, weights=tuple(np.full(len(labels), 1.0))),
        ),
    )
    criterion = Criterion(
        id="CA", title="", metric="certified_accuracy", comparator=">=", required=0.8, radius=0.2, confidence=0.95
    )
    criteria = CriteriaSet(id="c", title="", path=tmp_path / "c.yaml", sha256="0", criteria=(criterion,))
    budget = Budget(kind="sequential", n0=100, n=2000) if sequential else Budget(kind="reduced", n0=100, n=1000)
    spec = Spec(
        path=tmp_path / "spec.yaml",
        text="",
        sha256="1" * 64,
        id="reader",
        title=title,
        taxonomy="none",
        domain=domain,
        realisations=(),
        unrealisable=(),
        sampling=SamplingPlan(design="random", points=300, seed=1),
        inputs=InputDeclaration(kind="digits"),
        model=ModelDeclaration(kind="factory", reference="m:f"),
        certification=CertificationPlan(sigma=0.25, alpha=0.001, budget=budget),
        criteria=(criteria,),
    )
    plan = AverageCasePlan(sigma=0.25, points=POINTS)
    sampling = SamplingPlan(design="random", points=POINTS, seed=2**66)
    points = sample(domain, design="random", points=POINTS, seed=2**66)
    rng = np.random.default_rng(1)
    levels = domain.layout.levels[points.cell]
    bad = (levels[:, 0] == 0) & (levels[:, 1] == len(labels) - 1)
    value = np.clip(np.where(bad, weak, 0.98) + rng.normal(0, 0.01, POINTS), 0, 1)
    label = rng.integers(0, len(classes), POINTS)
    estimates = PointEstimates(
        plan=plan,
        index=points.indices,
        clean=label.copy(),
        value=value,
        low=np.clip(value - 0.01, 0, 1),
        high=np.clip(value + 0.01, 0, 1),
        cdf_error=np.zeros(POINTS),
        dead_gradient=np.zeros(POINTS, dtype=np.bool_),
    )
    where = Sampled(domain=domain, sampling=sampling, points=points)
    rows = np.arange(0, POINTS, 20)
    return Screening(
        spec=spec,
        plan=plan,
        sampling=sampling,
        points=points,
        label=label,
        class_names=classes,
        estimates=estimates,
        check=compared(value, rows, np.clip(value[rows] - 0.05, 0, 1), draws=200) if checked else None,
        reached=1.0,
        fragility=fragility(value, where, label=label, class_names=classes),
        regions=fragile_regions(value, where),
        pairs=pair_maps(value, where),
        forecast=forecast(
            value,
            np.ones(POINTS, dtype=np.bool_),
            points.cell,
            sigma=0.25,
            domain=domain,
            sampling=spec.sampling,
            certification=spec.certification,
            criteria=criteria.criteria,
        ),
        seconds={"opening": 1.0, "estimates": 12.0, "check": 2.0},
        device="cpu",
        model="2" * 64,
        data="3" * 64,
        version="0",
    )


class Reader(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.handlers: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.inside = ""
        self.feed(text)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.tags.append(tag)
        self.inside = tag
        for name, value in attrs:
            if name in ("href", "src", "xlink:href"):
                self.references.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        """Leave the element."""
        self.inside = ""

    def handle_data(self, data: str) -> None:
        """Note the words."""
        if self.inside not in ("style", "script"):
            self.text += data


def test_the_page_needs_nothing_but_itself(tmp_path: Any) -> None:
    """References are fragments of the page or data, ids stand once, nothing is fetched, and it is smaller than a megabyte."""
    text = screening_html(made(tmp_path))
    page = Reader(text)
    assert {one[:1] if one.startswith("#") else one.split(":")[0] for one in page.references} <= {"#", "data"}
    assert "http" not in re.sub(r"http://www\.w3\.org/\S+|http-equiv", "", text)
    assert len(page.ids) == len(set(page.ids))
    assert page.tags.count("script") == 1
    assert "default-src 'none'" in text
    assert len(text.encode()) < 1_000_000


def test_it_says_what_was_found(tmp_path: Any) -> None:
    """The estimate with its interval, that it certifies nothing (once at the top), the weak pair, what to put into the spec."""
    found = made(tmp_path)
    page = Reader(screening_html(found))
    whole = found.fragility.whole
    assert f"{whole.mean:.3f} is how likely noise" in page.text
    assert page.text.count("estimates, not certificates") == 1
    assert "Weakest region: light [0 .. 1) lux, dirt stained, 0.499" in page.text
    assert "sampling: {design: stratified, allocation: allocation.csv, points: 300}" in page.text
    assert "0.050 too high" in page.text
    for heading in ("Where it is fragile", "By level and class", "How far to trust", "weakest points", "predicted to need"):
        assert heading in page.text


def test_the_page_names_the_allocation_as_the_spec_would(tmp_path: Any) -> None:
    """The path that the console prints, and the commands that follow."""
    page = Reader(screening_html(made(tmp_path), allocation='"a folder/allocation.csv"'))
    assert 'sampling: {design: stratified, allocation: "a folder/allocation.csv", points: 300}' in page.text
    assert "odd-assess lint spec.yaml odd-assess lock spec.yaml odd-assess run spec.yaml" in page.text
    assert steps("my spec.yaml", allocated=False)[0] == "odd-assess lint 'my spec.yaml'"


def test_a_model_that_always_answers_alike_is_told(tmp_path: Any) -> None:
    """On the page, in the JSON and on the console, beside what a look at the model gave cause to say."""
    found = made(tmp_path)
    assert found.warnings == ()
    alike = replace(
        found.estimates,
        value=np.ones(POINTS),
        clean=np.zeros(POINTS, dtype=np.int64),
        dead_gradient=np.ones(POINTS, dtype=np.bool_),
    )
    dull = replace(found, estimates=alike, advice="The model is right on 38% of the clean images, chance is 33%.")
    data = {**screening_data(dull), "files": ["screening.html"]}
    page, console = Reader(screening_html(dull)).text, in_words(data)
    for said in ("the same answer, a, at all 600 points", "zero at every point", "chance is 33%"):
        assert said in page
        assert said in console
        assert any(said in one for one in data["warnings"])


def test_the_region_that_encloses_is_named_where_intervals_overlap(tmp_path: Any) -> None:
    """The smallest mean alone does not name a region: what it lies in explains it, unless it is shown to be weaker than that."""

    def region(mean: float, upper: float, *levels: tuple[str, str]) -> Region:
        part = PartEstimate(name=" ".join(level for _, level in levels), points=9, mean=mean, lower=mean - 0.05, upper=upper)
        return Region(kind="pair" if levels[1:] else "level", estimate=part, weight=0.1, levels=levels)

    night, wet = ("scene.light", "[0 .. 1) lux"), ("lens.dirt", "stained")
    small, other = region(0.5, 0.6, night, wet), region(0.52, 0.6, ("scene.light", "[1 .. 2) lux"), wet)
    apart, wide = region(0.7, 0.75, night), region(0.62, 0.7, wet)
    assert leading([]) is None
    assert leading([small, other]) is small
    assert leading([small, other, apart]) is small
    assert leading([small, apart, wide]) is wide
    found = replace(made(tmp_path), regions=(small, wide))
    assert "Weakest region: dirt stained, 0.620" in screening_page(found).weakest
    assert "the weakest is stained: 0.620 (0.570 to 0.700)" in in_words({**screening_data(found), "files": ["screening.html"]})


def test_more_points_are_advised_where_they_may_tell(tmp_path: Any) -> None:
    """Four times the points halve the intervals; without a difference, or with a region that stands out, nothing is advised."""
    found = made(tmp_path, weak=0.98)
    assert found.regions == ()

    def part(name: str, mean: float) -> PartEstimate:
        return PartEstimate(name=name, points=POINTS // 2, mean=mean, lower=mean - 0.05, upper=mean + 0.05)

    def seen(*means: float) -> Screening:
        levels = tuple(part(f"dirt {i}", mean) for i, mean in enumerate(means))
        return replace(
            found, fragility=replace(found.fragility, whole=replace(part("odd", 0.95), points=POINTS), levels={"lens.dirt": levels})
        )

    few = seen(0.9, 1.0)
    assert few.more_points is not None
    assert few.more_points[0] == pytest.approx(4 * POINTS, abs=1)
    assert few.more_points[1].name == "dirt 0"
    console = in_words({**screening_data(few), "files": ["screening.html"]})
    for said in (screening_page(few).regions_note, console):
        assert "ore points would tell more: about 2," in said
        assert "dirt 0" in said
    assert seen(0.95, 0.95).more_points is None
    assert seen(0.949, 0.951).more_points is None
    assert replace(few, regions=made(tmp_path).regions).more_points is None


def test_words_of_small_differences_and_odd_numbers() -> None:
    """What rounds to nothing leans to no side; an odd number of copies has one without a partner."""
    assert [off(bias) for bias in (0.0004, -0.0004, 0.0006, -0.02)] == [
        "neither too high nor too low",
        "neither too high nor too low",
        "0.001 too high",
        "0.020 too low",
    ]
    words = [AverageCasePlan(sigma=0.25, method="mmse", samples=n).pairs_words for n in (1, 2, 3)]
    assert words == ["", " in pairs of opposite noise", ", all but one in pairs of opposite noise"]


def test_without_weak_regions_check_or_allocation(tmp_path: Any) -> None:
    """Nothing stands out, nothing was checked, nothing is to be gained by groups: each is said, and no empty table is left."""
    found = made(tmp_path, weak=0.98, sequential=False, checked=False)
    page = Reader(screening_html(found))
    assert "Nothing stands out" in page.text
    assert "No check against Monte Carlo was asked for" in page.text
    assert "No allocation is written" in page.text
    assert screening_page(found).regions is None
    assert screening_data(found)["allocation"]["file"] is None


def test_hostile_names_are_text(tmp_path: Any) -> None:
    """Markup, mathematics and quotes in a title, a level or a class appear as text and make no element."""
    names = ('<script>alert("x")</script>', "$\\frac{1}{2}$", "{{ 7 * 7 }}", '"><img src=x onerror=y>')
    plain = Reader(screening_html(made(tmp_path)))
    text = screening_html(made(tmp_path, title="<b>T</b>", labels=names[:2], classes=names[2:]))
    page = Reader(text)
    assert sorted(set(page.tags)) == sorted(set(plain.tags))
    assert page.tags.count("script") == 1
    assert page.handlers == []
    for name in ("<b>T</b>", *names):
        assert name in page.text


def test_the_tables_hold_every_point_and_cell(tmp_path: Any) -> None:
    """screening.csv has a row a point; allocation.csv one a cell, its groups' points those of the spec."""
    found = made(tmp_path)
    assert len(screening_csv(found).splitlines()) == POINTS + 1
    head, *rows = allocation_csv(found).splitlines()
    assert head == "scene.light,lens.dirt,group,points"
    assert len(rows) == len(found.spec.domain.cells)
    points = {row.rsplit(",", 2)[1]: int(row.rsplit(",", 1)[1]) for row in rows}
    assert sorted(points) == ["1", "2"]
    assert sum(points.values()) == 300
    assert sum(row.endswith(f",1,{points['1']}") for row in rows) == 1
    with pytest.raises(ValueError, match="there must be an allocation"):
        allocation_csv(replace(found, forecast=replace(found.forecast, allocation=None, allocation_reason="of a reason")))


def test_an_odd_of_one_attribute_has_no_map(tmp_path: Any) -> None:
    """Levels of one attribute are no pairs: the page goes without a map."""
    found = made(tmp_path, labels=("clean",))
    assert found.pairs == ()
    assert screening_page(found).maps == ()
    assert "Where it is fragile" in Reader(screening_html(found)).text


def test_the_check_tells_bias_from_noise() -> None:
    """Estimates that are .05 too high everywhere: the bias is found, its interval holds it, and ranks agree."""
    rng = np.random.default_rng(3)
    truth = rng.uniform(0.2, 0.9, 50)
    check = compared(truth + 0.05, np.arange(50), rng.binomial(200, truth) / 200, draws=200)
    assert check.bias.lower < 0.05 < check.bias.upper
    assert check.bias.lower > 0.03
    assert check.error.mean >= abs(check.bias.mean)
    assert 0.01 < check.noise < 0.03
    assert check.correlation is not None
    assert check.correlation > 0.95
