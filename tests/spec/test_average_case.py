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
        ("{check: none}", AverageCasePlan(sigma=0.25, check_points=0)),
        ("{method: taylor, top: 4, sigma: 0.1}", AverageCasePlan(sigma=0.1, method="taylor", top=4)),
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
        ("mmse", "average_case: must be a mapping such as {method: mmse, samples: 10}, found the text 'mmse'"),
        ("{method: mse}", "did you mean 'mmse'?"),
        ("{method: softmax, top: 3}", "average_case.top: is not used by the method softmax: delete it"),
        ("{method: taylor, samples: 3}", "average_case.samples: is not used by the method taylor: delete it"),
        ("{method: mc, antithetic: true}", "average_case.antithetic: is not used by the method mc: delete it"),
        ("{check: all}", "average_case.check: must be none or a mapping such as {points: 50, draws: 200}, found the text 'all'"),
        ("{check: {point: 5}}", "average_case.check.point: is not a known key; did you mean 'points'?"),
        ("{points: 0}", "average_case.points: must be >= 1"),
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
