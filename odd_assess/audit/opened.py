"""A finished run opened for reading, from Python: its points and certificates as tables, its findings, and evidence for other criteria to be judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from odd_assess.audit.load import load_run, sound_run
from odd_assess.errors import RunFolderError
from odd_assess.evidence import (
    BASELINE,
    MAIN,
    PILOT,
    REFERENCE,
    Columns,
    calibration_stages,
    single_stage,
    soundness_of,
    what_was_reused,
)
from odd_assess.odd.points import Coded
from odd_assess.records import Assessment, Evidence, Finding, Floats, Ints, OddPoints, PointEstimates, Spec, Verdict

if TYPE_CHECKING:
    import pandas as pd

INPUT_UNIT = "input unit"
"""Of sigma and radii: the unit of the values of an input, such as 1 for images in [0, 1]."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenedRun:
    """A finished run, read from its folder when something is asked for; nothing stays open, and no byte of the folder changes.

    ``points``: a row a point, by its number. The columns

        NAME          the condition, one column for each attribute that is realised, in the attribute's unit (``attribute.NAME`` where NAME is one of the below)
        cell          the name of the cell of the domain that it lies in
        label, clean  the true class and the base classifier's answer without noise; label_name, clean_name say their names
        frame         the row of the table that the point was drawn from, where there is one
        pilot         whether it belongs to the pilot of a tolerance budget, or to the points on which noise levels were chosen: no finding rests on it

    ``certificates``: a row a certificate. The columns

        stage         main, reference (the subsample at the reference budget), pilot, "calibration SIGMA" or "single SIGMA" (choice of noise levels,
                      comparison), baseline (what a modified model was certified on)
        point         the number of the point
        procedure     reduced, fixed, tolerance, single_batch, sequential, cascade, incremental or incremental_sequential
        outcome       certified or abstained
        chosen        the class that was tried; chosen_name says its name
        n0, n         draws that chose it and that bounded it
        hits          of the n draws, those that answered ``chosen``; label_hits those that answered the true class
        sigma         standard deviation of the noise, in input units
        alpha         failure probability of the certificate
        p_a_lower     lower confidence bound of the probability that a noisy copy is answered ``chosen``
        radius        certified L2 radius in input units, rounded down; 0 where it abstained, and where the memory does not let it count
        radius_alone  the same before the memory, where noise levels were fitted to inputs
        soundness     what the certificate speaks of: stateless, per-cell (metadata), or memory (later queries, order dependent)
        ties          draws whose two top logits tie within rounding

    and where a modified model was certified on what its baseline keeps, missing elsewhere:

        route         the bound that was taken: incremental (the baseline's, less what was lost), fresh (its own counts) or both
        base_hits, base_n   draws that answered ``chosen`` in the baseline, of those that bounded it there
        head          of the ``n`` draws, those that the baseline answered ``chosen``
        lost          of these, those that the modified model answers otherwise
        changed       of the ``n`` draws, those whose answer is another than the baseline's

    ``estimates``: a row a point, by its number, where the spec has the section ``average_case``; no row elsewhere. Estimates, none of them a certificate:

        clean         the class that the base classifier answers without noise; clean_name says its name
        value         the estimated probability that noise leaves that answer as it is
        low, high     what is known of it (`odd_assess.average_case.Estimates`)
        cdf_error     the error of the normal probability alone
        dead_gradient whether a margin that was looked at has a zero gradient

    ``attrs["units"]`` of the first two maps columns to their units. All of it raises RunFolderError where the folder is damaged or was changed.
    """

    path: Path
    manifest: Mapping[str, Any]

    @cached_property
    def assessment(self) -> Assessment:
        """All that the run ended with."""
        return load_run(self.path)

    @property
    def spec(self) -> Spec:
        """What was declared. Data and weights need not be on this machine."""
        return self.assessment.spec

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, by number."""
        return self.assessment.class_names

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the run found about each criterion."""
        return self.assessment.findings

    @property
    def verdict(self) -> Verdict:
        """The run's verdict."""
        return self.assessment.verdict

    @property
    def evidence(self) -> Evidence:
        """What other criteria may be judged by: ``odd_assess.criteria.check(criteria, run)``."""
        return self.assessment.evidence

    @cached_property
    def points(self) -> pd.DataFrame:
        """A row a point (see the class)."""
        import pandas as pd

        domain = self.spec.domain
        with sound_run(self.path) as run:
            names = (MAIN, PILOT, *calibration_stages(self.spec.certification)[:1])
            stages = [(run.store.points(stage, domain), list(run.store.columns(stage)), stage != MAIN) for stage in names]
        table = pd.concat([self._conditions(*stage) for stage in stages if len(stage[0])])
        table.attrs["units"] = {_condition(a): getattr(a, "unit", "1") for a in domain.attributes}
        return table

    def _conditions(self, points: OddPoints, parts: Sequence[Columns], pilot: bool) -> pd.DataFrame:
        import pandas as pd

        label, clean = (np.concatenate([getattr(part, name) for part in parts]) for name in ("label", "clean"))
        cells = np.array([cell.name for cell in self.spec.domain.cells], dtype=np.object_)
        table: dict[str, Any] = {_condition(a): _values(a, points.codes[:, i]) for i, a in enumerate(points.attributes)}
        table |= {"cell": cells[points.cell], "label": label, "label_name": self._named(label)}
        table |= {"clean": clean, "clean_name": self._named(clean)}
        table |= {} if points.frame is None else {"frame": points.frame}
        return pd.DataFrame(table | {"pilot": pilot}, index=pd.Index(points.indices, name="point"))

    @cached_property
    def certificates(self) -> pd.DataFrame:
        """A row a certificate (see the class)."""
        import pandas as pd

        with sound_run(self.path) as run:
            plan = self.spec.certification
            single = () if plan.comparison is None else tuple(single_stage(sigma) for sigma in plan.comparison.sigmas)
            base = () if self.spec.recertification is None else (BASELINE,)
            stages = (MAIN, REFERENCE, PILOT, *base, *calibration_stages(plan), *single)
            parts = [self._certified(stage, part) for stage in stages for part in run.store.columns(stage)]
        table = pd.concat(parts, ignore_index=True)
        table["radius_alone"] = table["radius"]
        counted, main = self.assessment.results, (table["stage"] == MAIN).to_numpy()
        table.loc[main, "radius"] = counted.radius
        table.loc[main, "outcome"] = np.where(counted.certified, "certified", "abstained")
        of_policy = np.isin(table["stage"], [MAIN, REFERENCE])
        table["soundness"] = np.where(of_policy, soundness_of(plan), "stateless")
        lengths = ("sigma", "radius", "radius_alone")
        table.attrs["units"] = {**dict.fromkeys(lengths, INPUT_UNIT), "alpha": "1", "p_a_lower": "1"}
        return table

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """A row a point (see the class)."""
        import pandas as pd

        found = self.assessment.average_case
        columns: dict[str, Any] = {name: [] if found is None else getattr(found, name) for name in PointEstimates.columns()}
        numbers, clean = columns.pop("index"), columns.pop("clean")
        named = self._named(np.asarray(clean, dtype=np.int64))
        table = pd.DataFrame({"clean": clean, "clean_name": named} | columns, index=pd.Index(numbers, name="point"))
        return table if found is not None else table.astype({"clean": np.int64, "dead_gradient": np.bool_})

    def _certified(self, stage: str, part: Columns) -> pd.DataFrame:
        import pandas as pd

        reused = {} if self.spec.recertification is None or stage != MAIN else _reused(part)
        return pd.DataFrame(
            {
                "stage": stage,
                "point": part.index,
                "procedure": list(part.procedure),
                "outcome": list(part.outcome),
                "chosen": part.chosen,
                "chosen_name": self._named(part.chosen),
                "n0": part.n0,
                "n": part.n,
                "hits": part.counts.of(part.chosen),
                "label_hits": part.counts.of(part.label),
                "sigma": part.sigma,
                "alpha": part.alpha,
                "p_a_lower": part.p_a_lower,
                "radius": part.radius,
                "ties": part.ties,
                **reused,
            }
        )

    def _named(self, classes: Ints) -> NDArray[np.object_]:
        """The name of each class; the model may have more classes than the data."""
        names = dict(enumerate(self.class_names))
        return np.array([names.get(number, f"class {number}") for number in classes.tolist()], dtype=np.object_)


def open_run(path: Path | str) -> OpenedRun:
    """The finished run in a folder, for reading from Python: without model, data and torch.

    Its digests are checked, its numbers are not derived again: `odd_assess.verify` does that.

    Raises: RunFolderError where there is no run, or one that is damaged, was changed or is of another version; RunError where it is not finished.
    """
    with sound_run(Path(path)) as run:
        return OpenedRun(path=run.path, manifest=run.manifest)


def _reused(part: Columns) -> dict[str, Any]:
    """What each certificate took from the baseline's, as columns.

    Raises: RunFolderError where that cannot be read.
    """
    try:
        reused = [what_was_reused(text or "") for text in part.reused]
    except (ValueError, KeyError, TypeError) as error:
        raise RunFolderError(f"what certificates took from the baseline must be as a run wrote it, found {error!r}") from error
    return {name: [getattr(one, name) for one in reused] for name in ("route", "base_hits", "base_n", "head", "lost", "changed")}


FIXED = frozenset({"point", "cell", "label", "label_name", "clean", "clean_name", "frame", "pilot"})


def _condition(attribute: Coded) -> str:
    """The column of an attribute."""
    return f"attribute.{attribute.id}" if attribute.id in FIXED else attribute.id


def _values(attribute: Coded, codes: Floats) -> Any:
    """The values with these codes, each different one looked up once."""
    different, places = np.unique(codes, return_inverse=True)
    try:
        values = [attribute.value_of(code) for code in different.tolist()]
    except (ValueError, IndexError) as error:
        raise RunFolderError(
            f"attribute {attribute.id}: every point must have a value of it, but the evidence is damaged: {error}"
        ) from error
    kinds = {type(value) for value in values}
    dtype: Any = {frozenset({float}): np.float64, frozenset({int}): np.int64, frozenset({bool}): np.bool_}.get(
        frozenset(kinds), np.object_
    )
    return np.array(values, dtype=dtype)[places]
