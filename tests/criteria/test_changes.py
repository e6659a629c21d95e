"""What a change of a criterion does to what is asked."""

from dataclasses import replace

import pytest

from odd_assess.criteria.changes import added, changed, content, dropped
from odd_assess.errors import Location
from odd_assess.records import Criterion, Subdomain

CRITERION = Criterion(
    id="CA",
    title="Certified accuracy",
    metric="certified_accuracy",
    comparator=">=",
    required=0.8,
    radius=0.25,
    confidence=0.95,
    scope="each_cell",
    multiplicity="bonferroni",
    clauses=("EU-AI-Act:15(1)",),
)


DUSK = Subdomain(name="", text="light: < 100 lux", written={"light": "< 100 lux"}, share=0.3)


def test_a_sub_domain_is_what_its_file_writes() -> None:
    """Not what the conditions make of one ODD: the same file gives the same content wherever it lies."""
    named = replace(DUSK, name="dusk", share=0.4)
    assert content(replace(CRITERION, where=named)) == content(CRITERION) | {"where": {"light": "< 100 lux"}, "subdomain": "dusk"}
    assert told(replace(CRITERION, where=DUSK), replace(CRITERION, where=replace(DUSK, share=0.5))) == []


def test_a_radius_of_a_difference_asks_neither_more_nor_less() -> None:
    """Levels may be further apart at a smaller radius."""
    before = replace(CRITERION, metric="level_difference", comparator="<=")
    assert told(before, replace(before, radius=0.125)) == ["CA: radius 0.25 -> 0.125 (not comparable)"]
    assert told(before, replace(before, radius=0.5)) == ["CA: radius 0.25 -> 0.5 (not comparable)"]


def told(before: Criterion, after: Criterion) -> list[str]:
    return [str(change) for change in changed("CA", content(before), content(after))]


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        ({"required": 0.7}, "CA: require >= 0.8 -> >= 0.7 (loosened)"),
        ({"required": 0.8000000001}, "CA: require >= 0.8 -> >= 0.8000000001"),
        ({"radius": 0.125}, "CA: radius 0.25 -> 0.125 (loosened)"),
        ({"radius": 0.5}, "CA: radius 0.25 -> 0.5"),
        ({"radius": None}, "CA: radius 0.25 -> none (not comparable)"),
        ({"confidence": 0.9}, "CA: confidence 0.95 -> 0.9 (loosened)"),
        ({"confidence": 0.99}, "CA: confidence 0.95 -> 0.99"),
        ({"severity": "warning"}, "CA: severity blocking -> warning (loosened)"),
        ({"scope": "odd"}, "CA: scope each_cell -> odd (loosened)"),
        ({"multiplicity": "holm"}, "CA: multiplicity bonferroni -> holm (loosened)"),
        ({"metric": "clean_accuracy"}, "CA: metric certified_accuracy -> clean_accuracy (not comparable)"),
        ({"title": "Robust"}, "CA: title Certified accuracy -> Robust"),
        ({"clauses": ()}, "CA: clauses EU-AI-Act:15(1) -> none"),
        ({"where": DUSK}, "CA: where none -> light: < 100 lux (not comparable)"),
        ({"estimate": "accepted"}, "CA: estimate none -> accepted (loosened)"),
    ],
)
def test_each_key(edit: dict[str, object], line: str) -> None:
    """The key, both values to the last digit, and whether less is asked; the way back is marked by its own direction."""
    after = replace(CRITERION, **edit)  # type: ignore[arg-type]
    assert told(CRITERION, after) == [line]
    back = told(after, CRITERION)[0]
    assert not ("(loosened)" in back and "(loosened)" in line)


@pytest.mark.parametrize(
    ("before", "after", "loosened"),
    [
        ({"comparator": "<=", "required": 0.1}, {"comparator": "<=", "required": 0.2}, True),
        ({"comparator": "<=", "required": 0.2}, {"comparator": "<=", "required": 0.1}, False),
        ({"quantile": 0.1}, {"quantile": 0.2}, True),
        ({"quantile": 0.2}, {"quantile": 0.1}, False),
        ({"severity": "info"}, {"severity": "warning"}, False),
    ],
)
def test_directions(before: dict[str, object], after: dict[str, object], loosened: bool) -> None:
    """An upper limit is loosened by raising it, a quantile by letting more of the domain fall short."""
    (line,) = told(replace(CRITERION, **before), replace(CRITERION, **after))  # type: ignore[arg-type]
    assert line.endswith("(loosened)") is loosened


def test_where_it_stands_is_no_content() -> None:
    """A criterion that moved in its file asks the same."""
    from pathlib import Path

    moved = replace(CRITERION, location=Location(path=Path("x.yaml"), line=3, column=1))
    assert content(moved) == content(CRITERION)
    assert told(CRITERION, moved) == []


def test_whole_criteria() -> None:
    """One that is gone is loosened, one that is new is not."""
    assert str(dropped("CA", before=content(CRITERION))) == "CA: dropped (loosened)"
    assert dropped("CA", before=content(CRITERION)).before == "certified_accuracy at radius 0.25, each_cell >= 0.8 (blocking)"
    assert str(added("CA", after=content(CRITERION))) == "CA: added"


@pytest.mark.parametrize("odd", [None, 3, "none", [1], {"a": 1}, ">= x"])
@pytest.mark.parametrize("key", ["require", "radius", "confidence", "severity", "scope", "unheard_of"])
def test_contents_of_any_kind_compare(key: str, odd: object) -> None:
    """What a damaged file holds is not comparable, unless it is a number where one is due; nothing is raised."""
    effects = {change.key: change.effect for change in changed("CA", {key: odd}, content(CRITERION))}
    number = odd == 3 and key in {"radius", "confidence"}
    if key != "unheard_of" or odd is not None:
        assert effects[key] == ("loosened" if number else "not comparable")
