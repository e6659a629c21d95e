"""What a run keeps at its points for modified models: certificates with the answers to their first draws, bound to the noise that these were."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from odd_assess.errors import RunFolderError
from odd_assess.evidence.reused import Answers
from odd_assess.evidence.store import MAIN, EvidenceStore, Row
from odd_assess.evidence.tallies import Tallies
from odd_assess.records import Certificate

CACHE = "cache"
"""The entry of `meta` that says what is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """The answers to the first ``draws`` of each point are kept; ``noise`` is the digest of the noise, drawn by ``generator``."""

    draws: int
    noise: str
    generator: str

    def as_meta(self) -> dict[str, str]:
        """As an entry of the evidence file."""
        return {CACHE: json.dumps(asdict(self), sort_keys=True)}


def note_cache(store: EvidenceStore, cache: Cache) -> None:
    """Say what is kept.

    Raises: RunError when the disk refuses.
    """
    for key, value in cache.as_meta().items():
        store.note(key, value)


def noted_cache(store: EvidenceStore) -> Cache | None:
    """What is kept; None where nothing is.

    Raises: RunFolderError where that cannot be read.
    """
    text = store.meta().get(CACHE)
    if text is None:
        return None
    try:
        said = json.loads(text)
        cache = Cache(draws=said["draws"], noise=str(said["noise"]), generator=str(said["generator"]))
    except (ValueError, KeyError, TypeError) as error:
        raise RunFolderError(f"{store.path}: what it says of the answers that it keeps cannot be read: {error!r}") from error
    if type(cache.draws) is not int or cache.draws < 1:
        raise RunFolderError(f"{store.path}: must keep the answers to at least one draw at each point, found {cache.draws!r}")
    return cache


class KeptPoints(Mapping[int, tuple[Row, Certificate]]):
    """The points of a stage by their number, each with its certificate and the answers that are kept; read one by one, so that memory stays flat."""

    def __init__(self, store: EvidenceStore, stage: str) -> None:
        self._store, self._stage = store, stage

    def __getitem__(self, index: int) -> tuple[Row, Certificate]:
        for row, certificate in self._store.rows(self._stage, only=(index,)):
            return row, replace(certificate, answers=self._store.answers((index,)).get(index))
        raise KeyError(index)

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._store.done(self._stage)))

    def __len__(self) -> int:
        return len(self._store.done(self._stage))


def unfit_answers(store: EvidenceStore, draws: int, *, stage: str = MAIN) -> Iterator[tuple[int, str, object, object]]:
    """(point, what, kept, must be) where the answers that are kept are not ``draws`` at each point of the stage, or cannot be among those that were counted.

    Raises: RunFolderError where they are damaged.
    """
    seen = 0
    for columns in store.columns(stage):
        answers = store.answers(columns.index.tolist())
        seen += len(answers)
        counts = _by_row(columns.counts)
        for row, index in enumerate(columns.index.tolist()):
            kept, n = answers.get(index), int(columns.n[row])
            found, wanted = 0 if kept is None else len(kept), min(draws, n)
            if kept is None or found != wanted:
                yield index, "number of kept answers", found, wanted
            elif not _among(kept, counts[row], all_of_them=wanted == n):
                yield index, "kept answers by class", dict(_tallied(kept)), counts[row]
    if (stored := store.number_of_answers()) != seen:
        yield -1, "points with kept answers", stored, seen


def _by_row(counts: Tallies) -> list[dict[int, int]]:
    found: list[dict[int, int]] = [{} for _ in range(counts.rows)]
    for row, label, count in zip(counts.row.tolist(), counts.label.tolist(), counts.count.tolist(), strict=True):
        found[row][label] = count
    return found


def _among(kept: Answers, counts: Mapping[int, int], *, all_of_them: bool) -> bool:
    tallied = _tallied(kept)
    return dict(tallied) == counts if all_of_them else all(count <= counts.get(label, 0) for label, count in tallied)


def _tallied(kept: Answers) -> list[tuple[int, int]]:
    labels, counts = np.unique(kept, return_counts=True)
    return list(zip(labels.tolist(), counts.tolist(), strict=True))
