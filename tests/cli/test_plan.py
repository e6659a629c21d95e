"""``plan`` says before any draw what can be met and what it costs; it and ``run`` refuse what no model could meet."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from odd_assess.assessment.planning import measure_rate
from odd_assess.cli.plan import planned, timed
from odd_assess.cli.plan_words import in_words
from odd_assess.policies import PerCell
from odd_assess.spec import load_spec

from .conftest import Bench, Changes

REFUSALS: dict[str, tuple[Changes, Changes, str]] = {
    "ten draws": (
        {"certification/budget/n": 10},
        {},
        (
            "n = 10 draws cannot certify more than 0.0007 at sigma = 0.25 and alpha = 0.001, but criterion CA ({criteria}:4:7) asks for a radius of 0.1: "
            "n = 17 is the smallest that can"
        ),
    ),
    "a radius above the cap": (
        {},
        {"criteria/0/radius": 0.6},
        (
            "n = 200 draws cannot certify more than 0.4564 at sigma = 0.25 and alpha = 0.001, but criterion CA ({criteria}:4:7) asks for a radius of 0.6: "
            "n = 840 is the smallest that can"
        ),
    ),
    "20 points for 99 %": (
        {"sampling/points": 20},
        {"criteria/0/require": ">= 0.99", "criteria/1/require": ">= 0.5"},
        (
            "20 points cannot show a certified accuracy of more than 0.8607 with confidence 95 %, even if every one of them is certified, "
            "but criterion CA ({criteria}:4:7) asks for 0.99: 299 points are the fewest that can"
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_plan_and_run_refuse_what_no_model_could_meet(bench: Bench, case: str) -> None:
    """Status 2, the same line on standard error from plan, run and lint, with the smallest budget that would do; run makes no folder."""
    spec, criteria, message = REFUSALS[case]
    bench.change(spec).change(criteria, "criteria.yaml")
    by_plan, by_run, by_lint = bench("plan", bench.spec), bench.run(), bench("lint", bench.spec)
    assert (by_plan.status, by_run.status, by_lint.status) == (2, 2, 2)
    (line,) = by_plan.err.splitlines()
    assert line == by_run.err.strip() == by_lint.err.strip()
    assert line.startswith(f"{bench.spec}:")
    assert message.format(criteria=bench.folder / "criteria.yaml") in line
    assert not (bench.folder / "run").exists()
    assert "CA         NO: " in by_plan.out
    assert "Forward passes" in by_plan.out


@pytest.mark.slow
def test_what_is_accepted_is_planned_and_run(bench: Bench) -> None:
    """With unattainable: accept, plan marks the criterion and ends with 0, and the run is not refused: it ends inconclusive (3)."""
    bench.change({"sampling/points": 20, "certification/reference": "none", "unattainable": "accept"})
    bench.change({"criteria/0/require": ">= 0.90", "criteria/1/require": ">= 0.5"}, "criteria.yaml")
    by_plan = bench("plan", bench.spec)
    assert (by_plan.status, by_plan.err) == (0, "")
    assert "CA         NO: points" in by_plan.out
    outcome = bench.run("--quiet")
    assert outcome.status == 3, outcome


def test_the_plan_reads_as_text(bench: Bench) -> None:
    """Points, draws, largest radius, a line for each criterion, the expected loss of radius and the forward passes; status 0."""
    outcome = bench("plan", bench.spec)
    assert (outcome.status, outcome.err) == (0, "")
    for text in (
        "Plan of Digits, a few (tiny)",
        "40; design random, ",
        "20 + 200 a point (reduced)",
        "no more than 0.4564 can be certified at sigma = 0.25, alpha = 0.001",
        "criterion  attainable  fewest draws  fewest points  points for 90 %  if truly  asks",
        "CLEAN      yes                    -              9               73      0.85  Clean accuracy >= 0.7, confidence 95 %",
        "Radius given up against 2,000 draws, expected at n = 200",
        "points      40 x 220   8,800",
        "reference  8 x 2,020  16,160",
        "in all                24,960",
    ):
        assert text in outcome.out


def test_the_plan_as_data_says_the_same(bench: Bench) -> None:
    """--json prints what the text is made of, with the assumption and the power that were asked for."""
    outcome = bench("plan", bench.spec, "--json", "--assume", "0.95", "--power", "0.8")
    data = json.loads(outcome.out)
    assert (data["assume"], data["power"], data["problems"]) == (0.95, 0.8, [])
    assert [one["criterion"] for one in data["criteria"]] == ["CA", "CLEAN"]
    assert {one["assumed"] for one in data["criteria"]} == {0.95}
    assert data["criteria"][0]["fewest_draws"] == 17
    assert data["forwards"]["total"] == 24_960
    assert in_words(data) == bench("plan", bench.spec, "--assume", "0.95", "--power", "0.8").out.rstrip("\n")


def test_plans_of_every_kind_of_budget(bench: Bench) -> None:
    """Sequential: draws by agreement and at most; tolerance: the n it would choose and the pilot; until decided: at most so many points."""
    bench.change({"certification/budget": {"kind": "sequential", "max": 5000}, "certification/reference": "none"})
    bench.change({"sampling": {"design": "random", "until_decided": True, "max_points": 500}})
    out = bench("plan", bench.spec).out
    assert "at most 500, until every blocking criterion is decided; design random" in out
    assert "Draws until radius 0.1 is decided, at most 5,000 (after 100 that choose the class)" in out
    assert "100 % of copies agree        20" in out
    assert "500 x 5,100  2,550,000  at most; about " in out
    bench.change({"certification/budget": {"kind": "tolerance", "radius_reduction": 0.3, "max": 1000, "pilot_points": 10}})
    out = bench("plan", bench.spec).out
    assert "expected at n = 318 (which 30 % would take if spread evenly; the pilot of the run decides)" in out
    assert "  10 x 100 " in out
    bench.change({"certification/budget": {"kind": "single_batch", "n": 300}})
    assert "300 a point (single_batch)" in bench("plan", bench.spec).out


def test_cells_that_will_hardly_get_their_points_are_named(bench: Bench) -> None:
    """A criterion on each cell says what the lightest cell needs and expects."""
    bench.change({"criteria/0/scope": "each_cell"}, "criteria.yaml")
    out = bench("plan", bench.spec).out
    assert "CA: each cell needs 4 points, the lightest expects " in out
    assert "; the chance that all get enough is small." in out


def test_levels_and_sub_domains_that_get_few_points_are_named(bench: Bench) -> None:
    """What the least likely level gets of what it needs, and what a sub-domain gets."""
    bench.change({"criteria/0/scope": "each_level", "criteria/0/attribute": "dirt"}, "criteria.yaml")
    bench.change({"criteria/1/where": {"light": "< 500 lux"}, "criteria/1/subdomain": "dusk"}, "criteria.yaml")
    out = bench("plan", bench.spec).out
    assert "CA: each level needs 4 points, the lightest expects " in out
    assert "CLEAN: the sub-domain needs 9 points and expects " in out  # .05^(1/9) is .717, .05^(1/8) is .688
    assert "of the worst level of dirt" in out
    assert "Clean accuracy in dusk" in out


def test_a_design_without_a_probability_model_is_named(bench: Bench) -> None:
    """Claims on the ODD are marked, because they will end inconclusive whatever the points."""
    bench.change({"sampling": {"design": "sobol", "points": 40}})
    outcome = bench("plan", bench.spec)
    assert outcome.status == 0
    assert "no confidence: the design sobol supports no claim on the ODD, which ends INCONCLUSIVE." in outcome.out
    assert json.loads(bench("plan", bench.spec, "--json").out)["criteria"][0]["supported"] is False


def test_radii_out_of_all_reach_can_be_planned_where_they_are_accepted(bench: Bench) -> None:
    """A radius of 12 sigma under a sequential budget: no number of draws does, and points have no part in it."""
    bench.change(
        {"certification/budget": {"kind": "sequential", "max": 5000}, "certification/reference": "none", "unattainable": "accept"}
    )
    bench.change({"criteria/0/radius": 3}, "criteria.yaml")
    outcome = bench("plan", bench.spec)
    assert (outcome.status, outcome.err) == (0, "")
    (line,) = [line.split() for line in outcome.out.splitlines() if line.startswith("  CA ")]
    assert line[:6] == ["CA", "NO:", "draws", "-", "-", "-"]


def test_other_mistakes_leave_no_plan(bench: Bench) -> None:
    """A spec that is not valid is refused as by lint, and nothing is planned."""
    bench.change({"certification/alpha": 3})
    outcome = bench("plan", bench.spec)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err == bench("lint", bench.spec).err


@pytest.mark.parametrize(("option", "value"), [("--assume", "1.2"), ("--power", "1"), ("--power", "0")])
def test_shares_and_probabilities_out_of_range_are_refused(bench: Bench, option: str, value: str) -> None:
    """--assume lies in [0, 1], --power between 0 and 1."""
    assert bench("plan", bench.spec, option, value).status == 2


def test_planning_needs_no_torch(repository: Path) -> None:
    """Nor pandas, matplotlib or scipy.stats: the plan of the embedded example answers like lint does."""
    code = """
import sys
from odd_assess.cli import main
try:
    main(["plan", "sample_reports/digits/spec.yaml"])
except SystemExit as done:
    assert not done.code
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, check=True, capture_output=True, text=True)
    assert not {"torch", "pandas", "matplotlib", "scipy.stats", "sklearn"} & set(done.stdout.splitlines()[-1].split())


# ---------------------------------------------------------------- --measure


def test_measuring_times_the_model_and_writes_nothing(bench: Bench) -> None:
    """Forward passes a second and the time of the run stand below the forward passes; no file appears."""
    before = sorted(bench.folder.rglob("*"))
    outcome = bench("plan", bench.spec, "--measure", "--device", "cpu", "--json")
    assert outcome.status == 0, outcome.err
    measured = json.loads(outcome.out)["measured"]
    assert measured["device"] == "cpu"
    assert measured["seconds"] == pytest.approx(24_960 / measured["forwards_per_second"])
    assert measured["typical_seconds"] is None
    assert sorted(bench.folder.rglob("*")) == before


def test_the_rate_is_forward_passes_over_time_after_the_warm_up(bench: Bench) -> None:
    """With a clock that gains half a second a batch, two seconds hold four full batches: the first two are not counted."""
    now = iter(range(10_000))
    timing = measure_rate(load_spec(bench.spec), device="cpu", clock=lambda: next(now) / 2)
    assert timing.forwards == 4 * timing.batch_size
    assert timing.seconds == 2.0
    assert timing.rate == 2 * timing.batch_size


def test_the_measured_time_is_told_in_words(bench: Bench) -> None:
    """At most so long, and about so long at a typical point, where draws stop when decided."""
    bench.change({"certification/budget": {"kind": "sequential", "max": 5000}, "certification/reference": "none"})
    spec = load_spec(bench.spec)
    data: dict[str, Any] = planned(spec, assume=None, power=0.9)
    now = iter(range(10_000))
    timing = measure_rate(spec, device="cpu", clock=lambda: float(next(now)))
    text = in_words({**data, "measured": timed(data, timing)})
    total, typical = data["forwards"]["total"], 40 * data["forwards"]["parts"][0]["typical_draws"]
    assert f"{timing.rate:,.0f} a second on cpu" in text
    assert f"at most {total / timing.rate / 60:.0f} minutes, about {typical / timing.rate:.0f} s at the draws named" in text


def test_a_model_that_fails_is_an_error_of_the_user(bench: Bench) -> None:
    """Status 2 and one message, no traceback: here a network that takes another shape."""
    (bench.folder / "narrow.py").write_text(
        "import torch\ndef make():\n    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(7, 10)).eval()\n"
    )
    bench.change({"model": {"architecture": "narrow.py:make"}})
    outcome = bench("plan", bench.spec, "--measure", "--device", "cpu")
    assert outcome.status == 2, outcome
    assert "model" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_policy_of_noise_levels_is_named_with_its_soundness(bench: Bench) -> None:
    """The plan says how levels will be chosen, what certificates will speak of, and that the largest radius is that of the largest level."""
    spec = load_spec(bench.spec)
    policy = PerCell(grid=(0.12, 0.25, 0.5))
    chosen = replace(spec, certification=replace(spec.certification, sigma=policy.largest, policy=policy))
    data = planned(chosen, assume=None, power=0.9)
    assert data["budget"]["policy"] == {"name": "per_cell", "words": policy.in_words, "soundness": "per-cell (metadata)"}
    text = in_words(data)
    assert "per_cell: one level for each cell of the ODD, of 0.12, 0.25 and 0.5" in text
    assert "certificates: per-cell (metadata)" in text
    assert "at sigma = 0.5, the largest level, alpha" in text
    assert "Noise" not in in_words(planned(spec, assume=None, power=0.9))
