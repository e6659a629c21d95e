"""The section average_case."""

import pytest

from odd_assess.errors import SpecError
from odd_assess.records import AverageCasePlan
from odd_assess.spec import load_spec

from .conftest import Folder

CRITERIA = "criteria:"


@pytest.mark.parametrize(
    ("section", "plan"),
    [
        ("{}", AverageCasePlan(sigma=0.25)),
        ("{method: mmse}", AverageCasePlan(sigma=0.25, method="mmse", samples=10)),
        ("{method: mc}", AverageCasePlan(sigma=0.25, method="mc", samples=64)),
        ("{check: none}", AverageCasePlan(sigma=0.25, check_points=0)),
        ("{method: taylor, top: 4, sigma: 0.1}", AverageCasePlan(sigma=0.1, method="taylor", samples=1, top=4)),
        (
            "{method: mmse_mvs, samples: 6, antithetic: false, points: 30, check: {draws: 50}}",
            AverageCasePlan(sigma=0.25, method="mmse_mvs", samples=6, antithetic=False, points=30, check_points=30, check_draws=50),
        ),
    ],
)
def test_a_section_is_read(folder: Folder, section: str, plan: AverageCasePlan) -> None:
    """What it leaves out has a default, the noise level that of the certification; not more points are checked than there are."""
    assert load_spec(folder.spec).average_case is None
    folder.edit((CRITERIA, f"average_case: {section}\n{CRITERIA}"))
    assert load_spec(folder.spec).average_case == plan


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("mmse", "average_case: must be a mapping such as {method: moments, samples: 32}, found the text 'mmse'"),
        ("{method: mse}", "did you mean 'mmse'?"),
        ("{method: softmax, top: 3}", "average_case.top: is not used by the method softmax: delete it"),
        ("{method: taylor, samples: 3}", "average_case.samples: is not used by the method taylor: delete it"),
        ("{method: mc, antithetic: true}", "average_case.antithetic: is not used by the method mc: delete it"),
        ("{check: all}", "average_case.check: must be none or a mapping such as {points: 50, draws: 200}, found the text 'all'"),
        ("{check: {point: 5}}", "average_case.check.point: is not a known key; did you mean 'points'?"),
        ("{points: 0}", "average_case.points: must be >= 2"),
        ("{sigma: 0}", "average_case.sigma: must be >= 0.0001"),
    ],
)
def test_a_mistake_is_one_problem(folder: Folder, section: str, problem: str) -> None:
    """At the key, with what must hold."""
    folder.edit((CRITERIA, f"average_case: {section}\n{CRITERIA}"))
    with pytest.raises(SpecError) as caught:
        load_spec(folder.spec)
    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1


ASKED = (
    "  - {id: AVG, metric: average_case_robustness, scope: each_level, attribute: light, require: '>= 0.8', severity: warning}\n"
)


def test_a_criterion_on_estimates_needs_the_section(folder: Folder) -> None:
    """One problem, at the criterion, that says what to add; with the section it is read."""
    path = folder.spec.parent / "criteria.yaml"
    attribute = load_spec(folder.spec).domain.attributes[0].id
    path.write_text(path.read_text() + ASKED.replace("light", attribute))
    with pytest.raises(SpecError) as caught:
        load_spec(folder.spec)
    assert "average_case_robustness rests on estimates that the run must make, but the spec has no section average_case" in str(
        caught.value
    )
    assert len(caught.value.problems) == 1
    folder.edit((CRITERIA, f"average_case: {{}}\n{CRITERIA}"))
    assert load_spec(folder.spec).criteria[0].criteria[-1].attribute == attribute
