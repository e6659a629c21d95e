"""``sampling: {design: ranked}``: what it declares, and one message at its place for whatever is wrong with it or cannot stand beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from odd_assess.records import RankedSets
from odd_assess.spec import load_spec
from odd_assess.spec.load import kept_spec

from .conftest import Edit, Folder

SAMPLING = "{design: random, points: 300, seed: 1}"
DECLARED = "{design: ranked, points: 300, seed: 1, candidates: 10, low: {ranks: 6, points: 117}}"
RANKED: Edit = (SAMPLING, f"{DECLARED}\naverage_case: {{}}")


def test_the_sets_are_declared(folder: Folder) -> None:
    """Candidates, ranks and points of the low group; what is left are the other group's. The kept spec says the same."""
    folder.edit(RANKED)
    assert folder.problems() == []
    spec = load_spec(folder.spec)
    assert (spec.sampling.design, spec.sampling.points) == ("ranked", 300)
    assert spec.sampling.ranked == RankedSets(candidates=10, low_ranks=6, points=(117, 183))
    assert kept_spec(spec.documents, Path("elsewhere")).sampling == spec.sampling


BAD: dict[str, tuple[tuple[Edit, ...], str]] = {
    "no candidates": ((("candidates: 10, ", ""),), "sampling.candidates: is required for the design ranked"),
    "no low": (
        (("candidates: 10, low: {ranks: 6, points: 117}", "candidates: 10"),),
        "sampling.low: is required for the design ranked",
    ),
    "no points": ((("points: 300, ", ""),), "sampling.points: is required for the design ranked"),
    "low is no mapping": ((("{ranks: 6, points: 117}", "6"),), "sampling.low: must be a mapping"),
    "unknown key of low": ((("ranks: 6", "rank: 6"),), "sampling.low.rank"),
    "all ranks": ((("ranks: 6", "ranks: 10"),), "sampling.low.ranks: must be less than sampling.candidates = 10"),
    "all points": ((("points: 117", "points: 300"),), "sampling.low.points: must be less than sampling.points = 300"),
    "none": ((("ranks: 6", "ranks: 0"),), "sampling.low.ranks: must be"),
    "too many": ((("candidates: 10", "candidates: 5000"),), "sampling.candidates: must be at most 3333 beside 300 points"),
    "another design": ((("design: ranked", "design: random"),), "sampling.candidates: is for the design ranked, found random"),
    "until decided": (
        (("points: 300", "until_decided: true, max_points: 300"),),
        "sampling.design: must be random beside until_decided",
    ),
    "allocation": ((("seed: 1", "seed: 1, allocation: equal"),), "sampling.allocation: is for the design stratified, found ranked"),
    "nothing estimated": ((("\naverage_case: {}", ""),), "sampling.design: ranked ranks candidates by their estimates"),
    "baseline": ((("average_case: {}", "average_case: {}\nbaseline: ."),), "sampling.design: must not be ranked beside a baseline"),
    "cache": (
        (("  reference: ", "  cache: {draws: 100}\n  reference: "),),
        "certification.cache: is kept for modified models, which need points that no model has chosen",
    ),
    "a level for each input": (
        (("sigma: 0.25", "sigma: {policy: multi_start, starts: [0.12, 0.25]}"),),
        "sampling.design: must not be ranked beside a policy for sigma that looks at the input",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_one_message_at_its_place(folder: Folder, case: str) -> None:
    """The key that is wrong, and what must hold."""
    edits, expected = BAD[case]
    problems = folder.edit(RANKED, *edits).problems()
    assert any(expected in problem for problem in problems), problems
    if case not in {"a level for each input", "another design", "unknown key of low"}:
        assert len(problems) == 1, problems


def test_a_table_of_frames_is_refused(folder: Folder) -> None:
    """Candidates are drawn from the declared domain."""
    (folder.path / "frames.csv").write_text("file,class,light,surface\na.png,0,30,clean\n")
    problems = folder.edit(
        RANKED, ("inputs: {dataset: digits}", "inputs: {table: frames.csv, images: file, label: class}")
    ).problems()
    assert any("sampling.design: must not be ranked where inputs come from a table" in problem for problem in problems), problems


def test_a_regression_is_refused(folder: Folder) -> None:
    """Two models have other points."""
    criterion = "  - {id: REG, metric: regression, of: clean_accuracy, require: '>= -0.1', confidence: 0.95, severity: warning}\n  - {id: COV,"
    folder.edit(("  - {id: COV,", criterion), file="criteria.yaml")
    problems = folder.edit(RANKED).problems()
    assert any("sampling.design: must not be ranked beside a baseline or a regression" in problem for problem in problems), problems


def test_a_criterion_beyond_these_groups_is_told(folder: Folder) -> None:
    """With so few points of a group that weighs .4 no model can show what is asked for."""
    (problem,) = folder.edit(RANKED, ("points: 117", "points: 298")).problems()
    assert "300 points cannot show" in problem
    assert "(in these groups)" in problem
