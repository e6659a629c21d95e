"""The baseline of a run: the finished run of another model that it is compared with, looked at before anything is spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from odd_assess.assessment.certifying import recertifying_plan
from odd_assess.assessment.reusing import reusable
from odd_assess.audit import sound_run, unlike
from odd_assess.certify import content_key
from odd_assess.errors import RunError, RunFolderError
from odd_assess.evidence import BASELINE, EVIDENCE, MAIN, Baseline, Cache, EvidenceStore, KeptPoints
from odd_assess.execution import CHUNK, Bench, identity_of, set_up
from odd_assess.records import Spec


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """A baseline and the folder that it lies in. ``cache``: what it keeps, where it is certified on.

    ``seconds``: what its manifest says of the time that its points took.
    """

    folder: Path
    baseline: Baseline
    seconds: Mapping[str, Any] | None = None
    cache: Cache | None = None

    def as_meta(self) -> dict[str, str]:
        """As entries of the evidence file."""
        return self.baseline.as_meta() | ({} if self.cache is None else self.cache.as_meta())

    def copy_into(self, store: EvidenceStore) -> None:
        """Its certificates, into the evidence of the run; those that an interrupted run has already stay. Where it is certified on, the kept answers as well.

        Raises: RunError when the disk refuses.
        """
        with EvidenceStore.open(self.folder / EVIDENCE, finished=True) as old:
            store.adopt(BASELINE, old.records(MAIN))
            if self.cache is not None:
                store.adopt_answers(old)

    @contextmanager
    def points(self) -> Iterator[KeptPoints | None]:
        """Its points with what they keep; None unless it is certified on.

        Raises: RunFolderError where the folder is gone.
        """
        if self.cache is None:
            yield None
            return
        with EvidenceStore.open(self.folder / EVIDENCE, finished=True) as old:
            yield KeptPoints(old, MAIN)

    def check_inputs(self, store: EvidenceStore) -> None:
        """Every point of the run has the input that it has in the baseline.

        Raises: RunError where one has another.
        """
        if store.digest(BASELINE, self.baseline.clean) != self.baseline.certificates:
            raise RunError(
                f"the run must have the inputs and labels of its baseline {self.folder}, but at some point they differ: "
                "nothing can be compared. Assess both models with the same libraries on the same kind of machine"
            )


def compared_with(spec: Spec, bench: Bench, identity: Mapping[str, Any]) -> Compared | None:
    """The baseline that the spec names, if it does; ``identity`` is the run's own.

    Raises: RunFolderError where it is no finished run, is damaged, or differs in anything but the model.
    """
    if spec.baseline is None:
        return None
    folder = spec.baseline
    try:
        with sound_run(folder) as run:
            reusing = spec.recertification is not None
            if different := unlike((run.spec, run.manifest["identity"]), (spec, identity), certified_on=reusing):
                raise RunFolderError(_different(spec, different))
            points = run.store.points(MAIN, run.spec.domain)
            if points.digest != identity["points"]:
                raise RunFolderError(
                    f"{folder}: a baseline must be as its run left it, but its points are not those of its manifest"
                )
            _check_first_inputs(run.store, bench, spec)
            cache = reusable(run, bench) if reusing else None
            clean = np.concatenate([part.clean for part in run.store.columns(MAIN)])
            return Compared(
                folder=folder,
                seconds=run.manifest.get("seconds"),
                cache=cache,
                baseline=Baseline(
                    run=run.spec.id,
                    title=run.spec.title,
                    model=str(run.manifest["identity"].get("model")),
                    verdict=str(run.manifest.get("verdict")),
                    finished=str(run.manifest.get("finished")),
                    certificates=run.store.digest(MAIN, clean),
                    clean=clean,
                    evidence=None if cache is None else str(run.manifest.get("evidence_sha256")),
                ),
            )
    except RunError as error:
        raise RunFolderError(f"a baseline must be a finished run: {error}") from error


def check_baseline(spec: Spec, *, device: str | None = None, trust_pickle: bool = False) -> None:
    """Look at the baseline of a spec, as a run does before it begins; nothing is drawn and nothing is written.

    Raises: as `odd_assess.assess` before draws are spent.
    """
    recertifying_plan(spec)
    bench = set_up(spec, device=device, trust_pickle=trust_pickle)
    compared_with(spec, bench, identity_of(spec, bench))


def _different(spec: Spec, different: list[str]) -> str:
    listed = "\n".join(f"  {line}" for line in different)
    if spec.recertification is not None:
        return (
            f"{spec.baseline}: a modified model must be certified on the points, data and noise of its baseline, but these differ:\n{listed}\n"
            "Give the baseline's own spec with another model section, or assess the model from nothing: odd-assess run"
        )
    return (
        f"{spec.baseline}: a baseline must be a run on the same points, data, noise and budget, but these differ:\n{listed}\n"
        "Assess the old model with this spec's settings to have a baseline"
    )


def _check_first_inputs(store: EvidenceStore, bench: Bench, spec: Spec) -> None:
    """The first points are realised as the same inputs; the others are looked at when the run ends, or before they are certified on what is kept there."""
    images = bench.realiser.realise(bench.points[:CHUNK]).images
    then = store.inputs(MAIN)
    for point, image in zip(bench.points[:CHUNK], images, strict=True):
        if content_key(image.numpy()).hex() != then.get(point.index):
            raise RunFolderError(_different(spec, [f"input of point {point.index}: was another image"]))
