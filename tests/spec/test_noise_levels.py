"""The keys certification.sigma and certification.comparison."""

from __future__ import annotations

import jsonschema
import pytest
import yaml

from odd_assess.policies import Cascade, DataDependent, MultiStart, PerCell
from odd_assess.records import ComparisonPlan, SigmaPolicy
from odd_assess.spec import json_schema, load_spec
from tests.spec.conftest import Folder

LEVEL = "sigma: 0.25"


@pytest.mark.parametrize(
    ("sigma", "policy", "compared"),
    [
        ("{policy: per_cell, grid: [0.12, 0.25, 0.5]}", PerCell(grid=(0.12, 0.25, 0.5)), (0.12, 0.25, 0.5)),
        ("{policy: per_cell, grid: [0.2, 0.3], points: 7, draws: 12}", PerCell(grid=(0.2, 0.3), points=7, draws=12), (0.2, 0.3)),
        ("{policy: cascade, sigmas: [0.5, 0.25]}", Cascade(sigmas=(0.5, 0.25)), (0.25, 0.5)),
        (
            "{policy: multi_start, starts: [0.3, 0.2], bounds: [0.1, 0.4], method: gradient, steps: 3}",
            MultiStart(starts=(0.2, 0.3), bounds=(0.1, 0.4), method="gradient", steps=3, n=1000, alpha=0.001),
            (0.2, 0.3),
        ),
        ("{policy: multi_start}", MultiStart(n=1000, alpha=0.001), MultiStart().starts),
        (
            "{policy: multi_start, bounds: [0.1, 0.3]}",
            MultiStart(starts=(0.12, 0.25), bounds=(0.1, 0.3), n=1000, alpha=0.001),
            (0.12, 0.25),
        ),
        ("{policy: multi_start, bounds: [2, 8]}", MultiStart(starts=(4.0,), bounds=(2, 8), n=1000, alpha=0.001), (4.0,)),
        ("{policy: data_dependent, bounds: [2, 8]}", DataDependent(start=2.0, bounds=(2, 8)), (2.0, 4.0)),
        (
            "{policy: data_dependent, start: 0.2, step: 0.01, bounds: [0.15, 0.9]}",
            DataDependent(start=0.2, step=0.01, bounds=(0.15, 0.9)),
            (0.15, 0.2, 0.4),
        ),
    ],
)
def test_a_policy_is_read(folder: Folder, sigma: str, policy: SigmaPolicy, compared: tuple[float, ...]) -> None:
    """Each policy with its options; sigma of the plan is the largest that it can choose; the comparison is with the policy's own levels."""
    plan = load_spec(folder.edit((LEVEL, f"sigma: {sigma}")).spec).certification
    assert plan.policy == policy
    assert plan.sigma == policy.largest
    assert plan.comparison == ComparisonPlan(sigmas=compared, points=25)
    jsonschema.validate(yaml.safe_load(folder.spec.read_text()), json_schema("spec"))


def test_a_search_is_told_the_budget(folder: Folder) -> None:
    """One batch bounds at half of alpha, and that is what a search maximises."""
    folder.edit((LEVEL, "sigma: {policy: multi_start}"), ("kind: reduced, n0: 100, n: 1000", "kind: single_batch, n: 500"))
    policy = load_spec(folder.spec).certification.policy
    assert isinstance(policy, MultiStart)
    assert (policy.n, policy.alpha) == (500, 0.0005)


def test_one_level_has_no_policy(folder: Folder) -> None:
    """A number is what it was: no policy, no comparison."""
    plan = load_spec(folder.spec).certification
    assert (plan.sigma, plan.policy, plan.comparison) == (0.25, None, None)


@pytest.mark.parametrize(
    ("comparison", "plan"),
    [
        ("none", None),
        ("{sigmas: [0.3, 0.1]}", ComparisonPlan(sigmas=(0.1, 0.3), points=25)),
        ("{points: 4}", ComparisonPlan(sigmas=(0.2, 0.3), points=4)),
    ],
)
def test_a_comparison_is_read(folder: Folder, comparison: str, plan: ComparisonPlan | None) -> None:
    """Levels and points may be named, and it can be switched off."""
    folder.edit((LEVEL, f"sigma: {{policy: per_cell, grid: [0.2, 0.3]}}\n  comparison: {comparison}"))
    assert load_spec(folder.spec).certification.comparison == plan


@pytest.mark.parametrize(
    ("sigma", "problem"),
    [
        ("0", "certification.sigma: must be >= 0.0001, found the number 0"),
        ("wide", "certification.sigma: must be a number, found the text 'wide'"),
        ("[0.1, 0.2]", "certification.sigma: must be a number, found a list"),
        ("{grid: [0.1, 0.2]}", "certification.sigma.policy: is required: one of per_cell, cascade, multi_start, data_dependent"),
        ("{policy: per_sell, grid: [0.1, 0.2]}", "did you mean 'per_cell'?"),
        ("{policy: 3}", "certification.sigma.policy: must be one of"),
        ("{policy: per_cell}", "certification.sigma.grid: is required: the levels to choose from, rising"),
        ("{policy: per_cell, grid: [0.25]}", "certification.sigma.grid: must have at least 2 entries, found 1"),
        ("{policy: per_cell, grid: [0.25, 0.25]}", "certification.sigma.grid: must rise, found [0.25, 0.25]"),
        ("{policy: per_cell, grid: [0.25, 0]}", "certification.sigma.grid[1]: must be >= 0.0001, found the number 0"),
        ("{policy: per_cell, grid: [0.1, 0.2], point: 3}", "did you mean 'points'?"),
        ("{policy: cascade, sigmas: [0.1, 0.2]}", "certification.sigma.sigmas: must fall, the widest first, found [0.1, 0.2]"),
        ("{policy: cascade, sigmas: [0.2, 0.1], grid: [0.2, 0.1]}", "did you mean 'sigmas'?"),
        (
            "{policy: multi_start, starts: [0.1, 3]}",
            "certification.sigma.starts[1]: must lie within the bounds [0.05, 1.5], found 3",
        ),
        ("{policy: multi_start, anchor: 2}", "certification.sigma.anchor: must lie within the bounds [0.05, 1.5], found 2"),
        ("{policy: multi_start, starts: []}", "certification.sigma.starts: must have at least 1 entry, found 0"),
        ("{policy: multi_start, bounds: [0.5, 0.1]}", "certification.sigma.bounds: must be two rising levels, found [0.5, 0.1]"),
        (
            "{policy: multi_start, method: newton}",
            "certification.sigma.method: must be one of gradient, bisection, found the text 'newton'",
        ),
        ("{policy: data_dependent, start: 2}", "certification.sigma.start: must lie within the bounds [0.05, 1.5], found 2"),
        ("{policy: data_dependent, clamp: [0.9, 0.1]}", "certification.sigma.clamp: must be two rising numbers, found [0.9, 0.1]"),
        ("{policy: data_dependent, step: 0}", "certification.sigma.step: must be > 0, found the number 0"),
        ("0.25\n  comparison: {points: 3}", "compares a policy with single noise levels, but sigma is the one level 0.25"),
        ("{policy: multi_start}\n  comparison: all", "certification.comparison: must be none or a mapping such as"),
        (
            "{policy: multi_start}\n  comparison: {sigmas: []}",
            "certification.comparison.sigmas: must have at least 1 entry, found 0",
        ),
    ],
)
def test_a_mistake_is_named_once(folder: Folder, sigma: str, problem: str) -> None:
    """One problem at its place, and no other follows from it."""
    found = folder.edit((LEVEL, f"sigma: {sigma}")).problems()
    assert len(found) == 1, found
    assert problem in found[0]


@pytest.mark.parametrize(
    ("edits", "problem"),
    [
        (
            [
                (LEVEL, "sigma: {policy: cascade, sigmas: [0.5, 0.25]}"),
                ("{kind: reduced, n0: 100, n: 1000}", "{kind: sequential, max: 1000}"),
            ],
            "certification.budget.kind: must be reduced or fixed beside sigma.policy cascade",
        ),
        (
            [
                (LEVEL, "sigma: {policy: per_cell, grid: [0.25, 0.5]}"),
                ("{kind: reduced, n0: 100, n: 1000}", "{kind: tolerance, radius_reduction: 0.2, max: 1000}"),
            ],
            "certification.budget.kind: must not be tolerance beside a policy for sigma",
        ),
        (
            [(LEVEL, "sigma: {policy: multi_start}"), ("points: 300, seed: 1", "max_points: 300, until_decided: true, seed: 1")],
            "sampling.until_decided: must be false beside sigma.policy multi_start",
        ),
        (
            [(LEVEL, "sigma: {policy: data_dependent}"), ("architecture: some_package.networks:network", "onnx: spec.yaml")],
            "certification.sigma.policy: needs gradients, which a model of kind onnx has none of",
        ),
        (
            [
                (LEVEL, "sigma: {policy: multi_start, method: gradient}"),
                ("architecture: some_package.networks:network", "exported: spec.yaml"),
            ],
            "certification.sigma.method: needs gradients, which a model of kind exported has none of",
        ),
        (
            [(LEVEL, "sigma: {policy: per_cell, grid: [0.25, 0.5]}"), ("sampling:", "baseline: .\nsampling:")],
            "certification.sigma: must be one noise level beside a baseline or a regression",
        ),
        (
            [(LEVEL, "sigma: {policy: cascade, sigmas: [0.3, 0.2, 0.1]}"), ("n: 1000}", "n: 11}")],
            "certification.budget.n: must be at least 13: with alpha = 0.001 not even 11 agreeing draws certify anything",
        ),
        (
            [(LEVEL, "sigma: {policy: cascade, sigmas: [0.3, 0.2]}"), ("alpha: 0.001", "alpha: 0.001"), ("n: 1000}", "n: 20}")],
            "at sigma = 0.3 and alpha = 0.001",
        ),
    ],
)
def test_what_does_not_fit_together(folder: Folder, edits: list[tuple[str, str]], problem: str) -> None:
    """A policy beside a section that it cannot stand beside is one problem that says what to do."""
    found = folder.edit(*edits).problems()
    assert len(found) == 1, found
    assert problem in found[0]
