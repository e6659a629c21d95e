"""``sampling.allocation`` as a file: what it declares, and one message at its place for whatever is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from odd_assess.spec import load_spec
from odd_assess.spec.load import kept_spec

from .conftest import Folder

TABLE = """\
light,surface,group,points
[20 .. 100) lux,clean,1,120
[20 .. 100) lux,stained,1,120
[100 .. 2000] lux,clean,2,180
[100 .. 2000] lux,stained,1,120
"""
ALLOCATED = ("{design: random, points: 300, seed: 1}", "{design: stratified, allocation: screening/allocation.csv, points: 300}")


@pytest.fixture
def allocated(folder: Folder) -> Folder:
    """A folder whose spec names a file of groups."""
    (folder.path / "screening").mkdir()
    (folder.path / "screening/allocation.csv").write_text(TABLE)
    return folder.edit(ALLOCATED)


def test_a_file_declares_groups_and_their_points(allocated: Folder) -> None:
    """Cells by the names of their levels, in any order; the file is kept with the spec and read from there."""
    assert allocated.problems() == []
    spec = load_spec(allocated.spec)
    groups = spec.sampling.groups
    assert groups is not None
    assert spec.sampling.allocation == "declared"
    assert groups.points == (120, 180)
    names = [cell.name for cell, group in zip(spec.domain.cells, groups.of_cell, strict=True) if group == 2]
    assert names == ["light [100 .. 2000] lux, surface clean"]
    assert ("numbers", "screening/allocation.csv") in {(one.kind, one.name) for one in spec.documents}
    (allocated.path / "screening/allocation.csv").unlink()
    assert kept_spec(spec.documents, Path("elsewhere")).sampling == spec.sampling


def test_what_groups_write_is_read_again(allocated: Folder) -> None:
    """The table that groups write declares the same groups; rows come in any order."""
    spec = load_spec(allocated.spec)
    assert spec.sampling.groups is not None
    file = allocated.path / "screening/allocation.csv"
    file.write_text(spec.sampling.groups.table(spec.domain))
    assert load_spec(allocated.spec).sampling.groups == spec.sampling.groups
    head, *rows = TABLE.splitlines()
    file.write_text("\ufeff" + "\r\n".join([head, *reversed(rows), "", ""]), encoding="utf-8")
    assert load_spec(allocated.spec).sampling.groups == spec.sampling.groups


BAD: dict[str, tuple[tuple[str, str], str]] = {
    "unknown level": (
        ("lux,stained,1,120\n[100", "lux,staned,1,120\n[100"),
        "3:17: sampling.allocation: surface must be one of clean, stained, found the text 'staned'; did you mean 'stained'?",
    ),
    "missing cell": (
        ("[100 .. 2000] lux,clean,2,180\n", ""),
        "4:1: sampling.allocation: must have a row for each of the 4 feasible cells, found none for light [100 .. 2000] lux, surface clean",
    ),
    "cell twice": (
        ("[100 .. 2000] lux,clean", "[20 .. 100) lux,clean"),
        "4:1: sampling.allocation: the cell light [20 .. 100) lux, surface clean must have one row, found another in line 2",
    ),
    "group 3": (("clean,2,180", "clean,3,180"), "4:25: sampling.allocation: group must be 1 or 2, found 3"),
    "group no number": (
        ("clean,2,180", "clean,B,180"),
        "4:25: sampling.allocation: group must be a whole number, found the text 'B'",
    ),
    "no points": (("clean,2,180", "clean,2,0"), "4:27: sampling.allocation: group 2 must have at least one point, found 0"),
    "points differ": (
        ("stained,1,120\n[100", "stained,1,121\n[100"),
        "3:27: sampling.allocation: points must be the same in all rows of group 1, found 121 and, in line 2, 120",
    ),
    "one group": (
        ("clean,2,180", "clean,1,120"),
        "5:1: sampling.allocation: both groups must have cells, found none of group 2",
    ),
    "unknown column": (
        ("light,surf", "light,serf"),
        "1:7: sampling.allocation: columns must be light, surface, group, points, found the text 'serface'; did you mean 'surface'?",
    ),
    "missing column": (
        (",points\n", "\n"),
        "1:1: sampling.allocation: must have the column points; found light, surface, group",
    ),
    "column twice": (("group", "light"), "1:15: sampling.allocation: the column light must stand once, found it twice"),
    "semicolons": (
        ("light,surface,group,points", "light;surface;group;points"),
        "1:1: sampling.allocation: columns must be separated by commas, found the text 'light;surface;group;points'",
    ),
    "entries": (("clean,2,180", "clean,2"), "4:1: sampling.allocation: must have 4 entries, as the header has, found 3"),
}


@pytest.mark.parametrize("wrong", BAD)
def test_one_message_at_the_place_in_the_file(allocated: Folder, wrong: str) -> None:
    """Each mistake gives one message with line and column of the file of groups."""
    edit, message = BAD[wrong]
    allocated.edit(edit, file="screening/allocation.csv")
    assert allocated.problems() == [f"screening/allocation.csv:{message}"]


def test_a_cell_that_cannot_be(allocated: Folder) -> None:
    """A row for a combination that is excluded is refused where it stands."""
    allocated.edit(('light: "< 50 lux"', 'light: "< 100 lux"'))
    found = "screening/allocation.csv:3:1: sampling.allocation: is no feasible cell of the ODD: delete the row"
    assert allocated.problems() == [found]


def test_another_encoding(allocated: Folder) -> None:
    """UTF-16, as spreadsheets write it, is named with what to do."""
    file = allocated.path / "screening/allocation.csv"
    file.write_text(file.read_text(), encoding="utf-16")
    message = "must be UTF-8 text: save the file in that encoding"
    assert allocated.problems() == [f"screening/allocation.csv:1:1: sampling.allocation: {message}"]


def test_a_folder_is_not_its_own_suggestion(allocated: Folder) -> None:
    """A folder where a file is meant: no "did you mean" of the very name that was given."""
    (allocated.path / "folder.csv").mkdir()
    allocated.edit(("screening/allocation.csv", "folder.csv"))
    (found,) = allocated.problems()
    assert "must name an existing file, found a folder at " in found
    assert "did you mean" not in found


def test_points_must_add_up(allocated: Folder) -> None:
    """The points of the spec are those of the groups."""
    allocated.edit(("points: 300}", "points: 301}"))
    message = "must be 300, the 120 and 180 points of the groups of screening/allocation.csv, found 301"
    assert allocated.problems() == [f"spec.yaml:15:78: sampling.points: {message}"]


def test_no_file_and_no_word(allocated: Folder) -> None:
    """A name that is neither a word nor a CSV file, a file that is not there, one that is no text, and another design."""
    allocated.edit(("screening/allocation.csv", "eqal"))
    (found,) = allocated.problems()
    assert found.endswith(
        "sampling.allocation: must be proportional, equal, or name a file that ends in .csv, found the text 'eqal'; did you mean 'equal'?"
    )
    allocated.edit(("eqal", "nothing.csv"))
    (found,) = allocated.problems()
    assert "sampling.allocation: must name an existing file, found nothing at " in found
    (allocated.path / "nothing.csv").write_bytes(b"\xff\xfe\x00")
    (found,) = allocated.problems()
    assert found == "nothing.csv:1:1: sampling.allocation: must be UTF-8 text: save the file in that encoding"
    allocated.edit(("design: stratified", "design: random"))
    (found,) = allocated.problems()
    assert found.endswith("sampling.allocation: is for the design stratified, found random")
