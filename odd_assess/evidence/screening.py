"""What a screening found, and the files that it leaves: screening.json, screening.csv (a row a point), allocation.csv where groups of cells save points."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from odd_assess.criteria.forecast import Forecast, RankedForecast
from odd_assess.criteria.fragility import Fragility, PairMap, PartEstimate, Region, leading, points_to_tell
from odd_assess.errors import RunFolderError
from odd_assess.evidence.files import put
from odd_assess.records import AverageCasePlan, Bools, Floats, Groups, Ints, OddPoints, PointEstimates, SamplingPlan, Spec

SCREENING_JSON, SCREENING_CSV, SCREENING_HTML = "screening.json", "screening.csv", "screening.html"
ALLOCATION_CSV = "allocation.csv"
SCREENING_FILES = (SCREENING_JSON, SCREENING_CSV, SCREENING_HTML, ALLOCATION_CSV)
"""All that a screening writes into its folder."""

DISCLAIMER = "Estimates, not certificates: they order conditions by how fragile the model looks there, and prove nothing."


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """A mean with its two-sided interval."""

    mean: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Check:
    """The estimates against Monte Carlo with ``draws`` draws, at a random subsample: ``rows`` (c,) of the screened points, ``value`` (c,) by Monte Carlo.

    ``bias``: mean of estimate less Monte Carlo, which errs by the estimator alone; ``error``: mean absolute difference, of which Monte Carlo's own noise makes
    about ``noise``. ``correlation``: of ranks; None where nothing varies.
    """

    rows: Ints
    value: Floats
    draws: int
    bias: Bounded
    error: Bounded
    noise: float
    correlation: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Screening:
    """Estimates at random points of the ODD, which no run certifies, and what follows from them. Arrays (m,), one entry a point.

    ``sampling``: how the points were drawn; ``label`` their true classes. ``seconds``: what each part took. ``model``, ``data``: digests. ``advice``: what a
    look at the model gave cause to say.
    """

    spec: Spec
    plan: AverageCasePlan
    sampling: SamplingPlan
    points: OddPoints
    label: Ints
    class_names: tuple[str, ...]
    estimates: PointEstimates
    check: Check | None
    reached: float
    fragility: Fragility
    regions: tuple[Region, ...]
    pairs: tuple[PairMap, ...]
    forecast: Forecast
    seconds: Mapping[str, float]
    device: str
    model: str
    data: str
    version: str
    ranked: RankedForecast = field(default_factory=lambda: RankedForecast(reason="nothing was looked at"))
    advice: str = ""

    def __len__(self) -> int:
        return len(self.estimates)

    @property
    def correct(self) -> Bools:
        """Whether the clean answer is the true class."""
        found: Bools = self.estimates.clean == self.label
        return found

    @property
    def by_draws_s(self) -> float | None:
        """About the seconds that Monte Carlo of the check would take at all points, where that is less than the method took; else None."""
        check, took = self.check, self.seconds.get("estimates", 0.0)
        if check is None or self.plan.method == "mc":
            return None
        needed = self.seconds.get("check", 0.0) / len(check.rows) * len(self)
        return needed if needed < took else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the estimates may say nothing of robustness at all, a sentence or two each."""
        told, answers = [], set(self.estimates.clean.tolist())
        if len(answers) == 1 and len(set(self.label.tolist())) > 1:
            told.append(
                f"The model gives the same answer, {class_name(self, answers.pop())}, at all {len(self):,} points, whatever it is shown. Noise cannot change "
                "what nothing changes: such estimates say nothing of robustness."
            )
        if self.estimates.dead_gradient.all():
            told.append(
                "The gradient of some margin is zero at every point, so that its sign decides alone: the estimates are 0 or too high."
            )
        return (*told, self.advice) if self.advice else tuple(told)

    @property
    def more_points(self) -> tuple[int, PartEstimate] | None:
        """About how many points would show what level to be weaker than the whole, where no region is shown to be; None where none would be likely to."""
        return None if self.regions else points_to_tell(self.fragility)

    @property
    def allocated(self) -> bool:
        """Whether there is an allocation that is worth its while."""
        allocation = self.forecast.allocation
        return allocation is not None and allocation.worthwhile


def screening_data(found: Screening) -> dict[str, Any]:
    """The screening as data for JSON: everything but the single points, which screening.csv holds."""
    estimates, forecast, fragility = found.estimates, found.forecast, found.fragility
    return {
        "kind": "screening",
        "note": DISCLAIMER,
        "version": found.version,
        "spec": {"id": found.spec.id, "title": found.spec.title, "sha256": found.spec.sha256},
        "model": found.model,
        "data": found.data,
        "device": found.device,
        "seed": found.sampling.seed,
        "plan": asdict(found.plan),
        "method": found.plan.words,
        "points": len(found),
        "reached": found.reached,
        "clean_accuracy": float(found.correct.mean()),
        "warnings": list(found.warnings),
        "dead_gradients": int(estimates.dead_gradient.sum()),
        "largest_cdf_error": float(estimates.cdf_error.max()),
        "confidence": fragility.confidence,
        "whole": asdict(fragility.whole),
        "cells": [asdict(part) for part in fragility.cells],
        "levels": {name: [asdict(part) for part in parts] for name, parts in fragility.levels.items()},
        "classes": [asdict(part) for part in fragility.classes],
        "bias": [asdict(bias) for bias in fragility.biases],
        "fragile_regions": [
            {**asdict(region.estimate), "kind": region.kind, "weight": region.weight, "levels": dict(region.levels)}
            for region in found.regions
        ],
        "leading_region": None if (first := leading(found.regions)) is None else asdict(first.estimate),
        "more_points": None if (more := found.more_points) is None else {"points": more[0], "would_show": more[1].name},
        "pairs": [_pair_data(pair) for pair in found.pairs],
        "check": None if found.check is None else _check_data(found.check),
        "forecast": {
            "draws_a_point": forecast.mean_draws,
            "draws_a_point_at_most": forecast.at_most,
            "sequential": forecast.sequential,
            "reason": forecast.reason,
            "claims": [asdict(claim) for claim in forecast.claims],
        },
        "allocation": _allocation_data(found),
        "ranked": _ranked_data(found.ranked),
        "seconds": {name: round(seconds, 3) for name, seconds in found.seconds.items()} | {"by_draws_alone": found.by_draws_s},
    }


def _pair_data(pair: PairMap) -> dict[str, Any]:
    return {
        "attributes": list(pair.attributes),
        "levels": [list(names) for names in pair.levels],
        "mean": [[None if math.isnan(mean) else mean for mean in row] for row in pair.mean.tolist()],
        "points": pair.points.tolist(),
        "explained": pair.explained,
    }


def _check_data(check: Check) -> dict[str, Any]:
    return {
        "points": len(check.rows),
        "draws": check.draws,
        "bias": asdict(check.bias),
        "absolute_error": asdict(check.error),
        "monte_carlo_noise": check.noise,
        "rank_correlation": check.correlation,
    }


def _ranked_data(found: RankedForecast) -> dict[str, Any]:
    sets = found.sets
    said = {"steering": found.steering or None, "reason": found.reason}
    if sets is None:
        return said
    return {
        **said,
        "candidates": sets.candidates,
        "low": {"ranks": sets.low_ranks, "points": sets.points[0]},
        "points": sets.total,
        "saving": found.saving,
        "net_saving": found.net,
    }


def _allocation_data(found: Screening) -> dict[str, Any]:
    forecast, allocation = found.forecast, found.forecast.allocation
    told: dict[str, Any] = {
        "file": ALLOCATION_CSV if found.allocated else None,
        "steering": None if forecast.steering is None else forecast.steering.criterion,
        "reason": forecast.allocation_reason,
    }
    if allocation is None:
        return told
    return told | {
        "points": list(allocation.points),
        "weights": list(allocation.weights),
        "cells": [int((allocation.group == group).sum()) for group in (1, 2)],
        "half_width": allocation.half_width,
        "proportional_half_width": allocation.proportional,
        "saving": allocation.saving,
    }


def screening_json(found: Screening) -> str:
    """screening.json."""
    return json.dumps(screening_data(found), indent=2) + "\n"


def screening_csv(found: Screening) -> str:
    """screening.csv: a row a point, in the order in which they were drawn; numbers to the last digit."""
    attributes = [attribute.id for attribute in found.spec.domain.attributes]
    head = ["point", *attributes, "cell", "label", "clean", "estimate", "low", "high", "cdf_error", "dead_gradient"]
    checked = {} if found.check is None else dict(zip(found.check.rows.tolist(), found.check.value.tolist(), strict=True))
    draws, estimates, cells = found.forecast.draws, found.estimates, found.spec.domain.cells
    rows = (
        [
            point.index,
            *(point.values[name] for name in attributes),
            cells[point.cell].name,
            class_name(found, int(found.label[i])),
            class_name(found, int(estimates.clean[i])),
            *(float(column[i]) for column in (estimates.value, estimates.low, estimates.high, estimates.cdf_error)),
            int(estimates.dead_gradient[i]),
            checked.get(i, ""),
            "" if draws is None else float(draws[i]),
        ]
        for i, point in enumerate(found.points)
    )
    return _csv([*head, "monte_carlo", "predicted_draws"], rows)


def allocation_csv(found: Screening) -> str:
    """allocation.csv: the levels of each feasible cell, its group, and the number of points of the group.

    Raises: ValueError where there is no allocation.
    """
    domain, allocation = found.spec.domain, found.forecast.allocation
    if allocation is None:
        raise ValueError(f"there must be an allocation, found none: {found.forecast.allocation_reason}")
    return Groups(of_cell=tuple(allocation.group.tolist()), points=allocation.points).table(domain)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningFolder:
    """Where a screening is written to: a folder that is new, or one whose files it may replace."""

    path: Path

    @classmethod
    def checked(cls, path: Path, *, force: bool) -> ScreeningFolder:
        """The folder, looked at before anything is spent; nothing is made.

        Raises: RunFolderError where it is a file, holds anything (with ``force``: anything but a screening), or cannot be written.
        """
        if path.exists() and not path.is_dir():
            raise RunFolderError(f"{path}: the screening's folder must be a folder, found a file; give another --out")
        if path.is_dir() and not force and any(path.iterdir()):
            raise RunFolderError(
                f"{path}: the screening's folder must be new or empty; give another --out, or replace its files by --force"
            )
        if path.is_dir() and any(path.iterdir()) and not (path / SCREENING_JSON).is_file():
            raise RunFolderError(
                f"{path}: the screening's folder must be new, empty or that of a screening, found other files and no {SCREENING_JSON}; give another --out"
            )
        there = next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())
        if not (there.is_dir() and os.access(there, os.W_OK)):
            raise RunFolderError(f"{path}: the screening's folder must be writable, {there} is not; give another --out")
        return cls(path=path.absolute())

    def obsolete(self, found: Screening) -> list[str]:
        """The files of an earlier screening in the folder that `write` will remove, because this one has none in their place."""
        return [] if found.allocated or not (self.path / ALLOCATION_CSV).is_file() else [ALLOCATION_CSV]

    def write(self, found: Screening, *, page: str) -> tuple[Path, ...]:
        """Write the files of a screening, and name them: all of them in one step into a new folder, one by one into one that is there.

        Raises: RunFolderError when the disk refuses.
        """
        files = {SCREENING_JSON: screening_json(found), SCREENING_CSV: screening_csv(found), SCREENING_HTML: page}
        files |= {ALLOCATION_CSV: allocation_csv(found)} if found.allocated else {}
        try:
            if self.path.exists():
                self._replace(files)
            else:
                self._make(files)
        except OSError as error:
            raise RunFolderError(f"{self.path}: the screening could not be written: {error.strerror or error}") from error
        return tuple(self.path / name for name in files)

    def _replace(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            put(self.path / name, text.encode())
        for name in SCREENING_FILES:
            if name not in files:
                (self.path / name).unlink(missing_ok=True)  # that of an earlier screening

    def _make(self, files: Mapping[str, str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=self.path.parent))
        try:
            for name, text in files.items():
                put(draft / name, text.encode())
            draft.chmod(0o777 & ~_umask())
            draft.rename(self.path)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise


def _umask() -> int:
    """What the user takes away from the rights of new files; there is no way to ask without setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _csv(head: list[str], rows: Iterable[list[Any]]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return stream.getvalue()


def class_name(found: Screening, label: int) -> str:
    """The class's name; its number where it has none."""
    return found.class_names[label] if label < len(found.class_names) else str(label)


def listed_parts(fragility: Fragility) -> dict[str, tuple[PartEstimate, ...]]:
    """The levels of each attribute and the classes, by what they are levels of; attributes of one level are left out."""
    several = {name: parts for name, parts in fragility.levels.items() if len(parts) > 1}
    return several | ({"class": fragility.classes} if fragility.classes else {})
