"""What a run keeps at its points for modified models: read one by one, and looked at whether it can be what was counted."""

from pathlib import Path

import numpy as np
import pytest

from odd_assess.errors import RunFolderError
from odd_assess.evidence import MAIN, Cache, EvidenceStore, KeptPoints, Row, note_cache, noted_cache, unfit_answers
from odd_assess.records import Certified, Counts, OddPoint

CACHE = Cache(draws=3, noise="aa", generator="dice")


def kept_store(path: Path, *answers: list[int] | None) -> EvidenceStore:
    """A point for each list of kept answers; each answered class 0 to 4 of 5 draws and class 2 to one."""
    store = EvidenceStore.create(path / "evidence.sqlite", {})
    note_cache(store, CACHE)
    for index, kept in enumerate(answers):
        certificate = Certified(
            label=0, radius=0.1, p_a_lower=0.6, n0=1, n=5, sigma=0.25, alpha=0.001, procedure="reduced",
            counts=Counts(n=5, by_class=((0, 4), (2, 1))), selection=Counts(n=1, by_class=((0, 1),)),
            answers=None if kept is None else np.array(kept, dtype=np.uint8),
        )  # fmt: skip
        point = OddPoint(index=index, values={"light": 1.0}, cell=0, frame=None)
        store.add(MAIN, Row(point=point, base=None, label=0, clean=0, input_sha256=f"{index}"), certificate)
    return store


def test_points_are_read_with_what_they_keep(tmp_path: Path) -> None:
    """By their number, each with its answers; another number is none of them."""
    with kept_store(tmp_path, [0, 0, 2], [0, 2, 0]) as store:
        kept = KeptPoints(store, MAIN)
        row, certificate = kept[1]
        assert (row.input_sha256, len(kept), list(kept)) == ("1", 2, [0, 1])
        assert certificate.answers is not None
        assert certificate.answers.tolist() == [0, 2, 0]
        with pytest.raises(KeyError):
            kept[2]


@pytest.mark.parametrize(
    ("answers", "draws", "found"),
    [
        ([0, 0, 2], 3, None),
        ([0, 0, 0, 0, 2], 9, None),
        ([0, 2, 2], 3, "kept answers by class"),
        ([0, 1, 0], 3, "kept answers by class"),
        ([0, 0, 0, 0, 0], 5, "kept answers by class"),
        ([0, 0], 3, "number of kept answers"),
        (None, 3, "number of kept answers"),
    ],
)
def test_answers_must_be_among_those_that_were_counted(
    tmp_path: Path, answers: list[int] | None, draws: int, found: str | None
) -> None:
    """As many as are kept, of each class no more than the certificate counts; all of them where all are kept."""
    with kept_store(tmp_path, [0, 0, 2][: min(draws, 3)] if draws == 3 else [0, 0, 0, 0, 2], answers) as store:
        assert [(index, what) for index, what, _, _ in unfit_answers(store, draws)] == ([] if found is None else [(1, found)])


def test_answers_of_no_point_are_found(tmp_path: Path) -> None:
    """Points of another stage keep none."""
    with kept_store(tmp_path, [0, 0, 2]) as store:
        assert [what for _, what, _, _ in unfit_answers(store, 3, stage="pilot")] == ["points with kept answers"]


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"draws": "3", "noise": "", "generator": ""}', '{"draws": 0, "noise": "", "generator": ""}']
)
def test_what_is_said_of_it_must_make_sense(tmp_path: Path, text: str) -> None:
    """Else it is damaged."""
    with kept_store(tmp_path, [0, 0, 2]) as store:
        assert noted_cache(store) == CACHE
        store.note("cache", text)
        with pytest.raises(RunFolderError, match=r"answers that it keeps|at least one draw"):
            noted_cache(store)
