"""A criterion that no model could meet is a problem of the spec, with the smallest budget that would do; unless the spec accepts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from odd_assess.errors import SpecError
from odd_assess.spec import load_spec
from odd_assess.spec.load import draft_spec

Edits = tuple[tuple[str, str], ...]

FEW: Edits = (("points: 300", "points: 20"), ("n: 10000, points: 20", "n: 10000, points: 5"))
BUDGET = "{kind: reduced, n0: 100, n: 1000}"
METRIC = """\
    metric: certified_accuracy
    radius: 0.25
    require: ">= 0.80\""""
CELLS = (('">= 0.80"', '">= 0.80"\n    scope: each_cell'),)
POINTS = "spec.yaml:15:36: sampling.points: 20 points cannot show"
EVEN = "even if every one of them is certified, but criterion CA (criteria.yaml:4:9) asks for"

CASES: list[tuple[str, Edits, Edits, str]] = [
    (
        "20 points for 99 % at 95 %",
        FEW,
        (('">= 0.80"', '">= 0.99"'),),
        f"{POINTS} a certified accuracy of more than 0.8607 with confidence 95 %, {EVEN} 0.99: 299 points are the fewest that can, or ask for less",
    ),
    (
        "10 draws at alpha .001",
        (("n: 1000}", "n: 10}"),),
        (),
        (
            "spec.yaml:22:39: certification.budget.n: n = 10 draws cannot certify more than 0.0007 at sigma = 0.25 and alpha = 0.001, "
            "but criterion CA (criteria.yaml:4:9) asks for a radius of 0.25: n = 40 is the smallest that can, or ask for a smaller radius"
        ),
    ),
    (
        "a radius above the cap of a sequential budget",
        ((BUDGET, "{kind: sequential, max: 1000}"),),
        (("radius: 0.25", "radius: 0.62"),),
        (
            "spec.yaml:22:35: certification.budget.max: max = 1000 draws cannot certify more than 0.6017 at sigma = 0.25 and alpha = 0.001, "
            "but criterion CA (criteria.yaml:4:9) asks for a radius of 0.62: max = 1225 is the smallest that can, or ask for a smaller radius"
        ),
    ),
    (
        "a radius above the cap of a tolerance budget",
        ((BUDGET, "{kind: tolerance, radius_reduction: 0.2, max: 1000}"),),
        (("radius: 0.25", "radius: 0.62"),),
        (
            "spec.yaml:22:57: certification.budget.max: max = 1000 draws cannot certify more than 0.6158 at sigma = 0.25 and alpha = 0.001, "
            "but criterion CA (criteria.yaml:4:9) asks for a radius of 0.62: max = 1049 is the smallest that can, or ask for a smaller radius"
        ),
    ),
    (
        "a quantile above the cap",
        (),
        ((METRIC, '    metric: radius_quantile\n    quantile: 0.05\n    require: ">= 0.7"'),),
        (
            "spec.yaml:22:39: certification.budget.n: n = 1000 draws cannot certify more than 0.6158 at sigma = 0.25 and alpha = 0.001, "
            "but criterion CA (criteria.yaml:4:9) asks for a radius of 0.7: n = 2701 is the smallest that can, or ask for a smaller radius"
        ),
    ),
    (
        "a mean just below the cap",
        (),
        ((METRIC, '    metric: mean_certified_radius\n    require: ">= 0.6155"'),),
        (
            "spec.yaml:22:39: certification.budget.n: n = 1000 draws cannot show a mean radius of more than 0.6151 at sigma = 0.25 and alpha = 0.001, "
            "but criterion CA (criteria.yaml:4:9) asks for a mean radius of 0.6155: n = 1004 is the smallest that can, or ask for a smaller radius"
        ),
    ),
    (
        "a mean that a sequential budget does not pursue",
        ((BUDGET, "{kind: sequential, max: 9000}"),),
        (
            ("{id: COV, metric: pairwise_coverage", "{id: M, metric: mean_certified_radius, confidence: 0.95"),
            ('">= 95 %"', '">= 0.6"'),
        ),
        (
            "spec.yaml:22:35: certification.budget.max: draws stop once the radii that the criteria ask about, up to 0.25, are decided, "
            "so that no mean radius of more than 0.3111 can be shown at sigma = 0.25 and alpha = 0.001, "
            "but criterion M (criteria.yaml:9:10) asks for a mean radius of 0.6: "
            "ask about a larger radius, or use another kind of budget"
        ),
    ),
    (
        "all of the domain",
        (),
        (('">= 0.80"', '">= 100 %"'),),
        (
            "spec.yaml:15:36: sampling.points: 300 points cannot show a certified accuracy of more than 0.99 with confidence 95 %, "
            f"{EVEN} 1: no number of points can, ask for less"
        ),
    ),
    (
        "each cell, random points",
        FEW,
        CELLS,
        (
            f"{POINTS} a certified accuracy of more than 0.5488 in each of the 4 cells with confidence 95 %, "
            f"{EVEN} 0.8: 56 points are the fewest that can, or ask for less"
        ),
    ),
    (
        "each cell, proportional points",
        (*FEW, ("random", "stratified")),
        CELLS,
        (
            "spec.yaml:15:40: sampling.points: 20 points cannot show a certified accuracy of more than 0.2228 in each of the 4 cells with confidence 95 %, "
            f"{EVEN} 0.8: from 447 points on the lightest cell can expect as many as it needs, or ask for less"
        ),
    ),
    (
        "equal points in cells of unequal weight",
        (("random, points: 300", "stratified, allocation: equal, points: 20"), FEW[1]),
        (('">= 0.80"', '">= 0.70"'),),
        (
            "spec.yaml:15:59: sampling.points: 20 points cannot show a certified accuracy of more than 0.5734 with confidence 95 %, "
            f"{EVEN} 0.7: 52 points are the fewest that can with the same number in each of the 4 cells, or ask for less"
        ),
    ),
    (
        "abstention",
        FEW,
        ((METRIC, '    metric: abstention_rate\n    require: "<= 0.05"'),),
        (
            f"{POINTS} an abstention rate of less than 0.1392 with confidence 95 %, even if none of them abstains, "
            "but criterion CA (criteria.yaml:4:9) asks for 0.05: 59 points are the fewest that can, or allow more"
        ),
    ),
    (
        "quantile",
        FEW,
        ((METRIC, '    metric: radius_quantile\n    quantile: 0.05\n    require: ">= 0.2"'),),
        (
            f"{POINTS} that all but 5 % of the ODD reach a radius of 0.2 with confidence 95 %, "
            f"{EVEN} it: 59 points are the fewest that can, or use a larger quantile"
        ),
    ),
    (
        "mean",
        FEW,
        ((METRIC, '    metric: mean_certified_radius\n    require: ">= 0.58"'),),
        (
            f"{POINTS} a mean certified radius of more than 0.5287 with confidence 95 %, even if every one of them reaches the largest radius "
            "of this budget, but criterion CA (criteria.yaml:4:9) asks for 0.58: 54 points are the fewest that can, or ask for less"
        ),
    ),
    (
        "until decided",
        (("points: 300", "until_decided: true, max_points: 20"), FEW[1]),
        (('">= 0.80"', '">= 0.99"'),),
        (
            "spec.yaml:15:61: sampling.max_points: at most 20 points cannot show a certified accuracy of more than 0.8277 with confidence 95 %, "
            f"{EVEN} 0.99: 378 points are the fewest that can, or ask for less"
        ),
    ),
    (
        "coverage, a warning only",
        (("points: 300", "points: 2"), ("n: 10000, points: 20", "n: 10000, points: 2")),
        (('">= 0.80"', '">= 0.10"'),),
        (
            "spec.yaml:15:36: sampling.points: 2 points cannot visit more than 50 % of the pairs of levels, "
            "but criterion COV (criteria.yaml:9:10) asks for 95 %: 4 points are the fewest that can"
        ),
    ),
    (
        "points in each cell",
        (("random, points: 300", "grid"),),
        (("pairwise_coverage", "points_per_cell"), ('">= 95 %"', '">= 5"')),
        (
            "spec.yaml:15:1: sampling.points: 4 points cannot give each of the 4 cells more than 1, "
            "but criterion COV (criteria.yaml:9:10) asks for 5: 20 points are the fewest that can"
        ),
    ),
]


@pytest.mark.parametrize(("spec", "criteria", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_no_model_could_meet_is_named_with_what_would_do(folder: Any, spec: Edits, criteria: Edits, message: str) -> None:
    """One problem at the number that is too small, naming the criterion and its place; accepted where the spec says so."""
    if "sequential" in str(spec):  # whose maximum may reach that of the reference
        folder.edit(("{n: 10000, points: 20}", "none"))
    folder.edit(*spec).edit(*criteria, file="criteria.yaml")
    assert folder.problems() == [message]
    with pytest.raises(SpecError):
        load_spec(folder.spec)
    drafted, problems = draft_spec(folder.spec)
    assert drafted.id == "reader"
    assert [str(problem).replace(f"{folder.path}/", "") for problem in problems] == [message]
    folder.edit(("criteria: [criteria.yaml]", "criteria: [criteria.yaml]\nunattainable: accept"))
    assert folder.problems() == []
    assert load_spec(folder.spec).unattainable == "accept"


def test_the_remedy_is_sound_and_one_less_is_not(folder: Any) -> None:
    """299 points and 298; 1,225 draws and 1,224: lint is content with the number that it names and with no smaller one."""
    folder.edit(('">= 0.80"', '">= 0.99"'), file="criteria.yaml")
    assert folder.edit(("points: 300", "points: 299")).problems() == []
    assert len(folder.edit(("points: 299", "points: 298")).problems()) == 1
    folder.edit(('">= 0.99"', '">= 0.80"'), ("radius: 0.25", "radius: 0.62"), file="criteria.yaml")
    assert folder.edit((BUDGET, "{kind: sequential, max: 1225}")).problems() == []
    assert len(folder.edit(("max: 1225", "max: 1224")).problems()) == 1


def test_a_budget_too_small_to_certify_is_refused_even_where_unattainable_is_accepted(folder: Any) -> None:
    """Such a run could not begin: 10 sequential draws certify nothing, 12 do."""
    folder.edit(("criteria: [criteria.yaml]", "criteria: [criteria.yaml]\nunattainable: accept"))
    (problem,) = folder.edit((BUDGET, "{kind: sequential, max: 11}")).problems()
    assert problem == (
        "spec.yaml:22:35: certification.budget.max: must be at least 12: with alpha = 0.001 not even 11 agreeing draws certify anything"
    )
    assert folder.edit(("max: 11", "max: 12")).problems() == []


def test_radii_are_checked_where_the_points_are_not_valid(folder: Any) -> None:
    """A mistake in sampling hides no radius above the cap, and brings no message about points."""
    folder.edit(("design: random", "design: radnom")).edit(("radius: 0.25", "radius: 0.62"), file="criteria.yaml")
    assert [problem.split(": ")[1] for problem in folder.problems()] == ["sampling.design", "certification.budget.n"]


@pytest.mark.parametrize(
    "edits",
    [
        (),
        (("points: 300", "until_decided: true, max_points: 300"), (BUDGET, "{kind: sequential, max: 5000}")),
        (("random", "sobol"),),
        (("points: 300", "points: 60"),),
    ],
)
def test_lint_needs_no_scipy_where_nothing_is_short(folder: Any, edits: Edits) -> None:
    """Closed forms suffice for a sound spec: scipy would take longer to import than the whole check."""
    folder.edit(*edits)
    code = "import sys; from odd_assess.spec import lint; assert lint(sys.argv[1]) == (); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder.spec)], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert not {"scipy", "torch", "pandas"} & set(done.stdout.split())
