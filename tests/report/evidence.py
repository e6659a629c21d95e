"""The numbers of a run by the sources that a report names, computed from the assessment by definition and without the report's code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from math import ceil, log10, sqrt
from typing import Any

import numpy as np

from odd_assess.criteria import bound_levels, certified_at, check, refuted_at
from odd_assess.criteria.asked import asked_radii
from odd_assess.criteria.calibration import Calibration, calibration, called_robust, spending
from odd_assess.criteria.claims import FractionClaim
from odd_assess.criteria.clauses import clauses_of
from odd_assess.criteria.fragility import Fragility, Sampled, fragility
from odd_assess.criteria.inference import inference_for, point_weights
from odd_assess.criteria.loss import certified_share_at_reference
from odd_assess.criteria.metrics import METRICS
from odd_assess.criteria.point_states import largest_label_radius
from odd_assess.criteria.regression import change
from odd_assess.odd.catalogue import TRANSFORMS
from odd_assess.records import Assessment, Criterion, Finding, Results, State
from odd_assess.stats import (
    anytime_lower_bound,
    anytime_upper_bound,
    certified_radius,
    expected_mean_radii,
    proportion_lower_bound,
    proportion_upper_bound,
    radius_cap,
    smallest_useful_n,
    theory_accuracy_drop,
)

METHOD = {
    "confidence": 0.95,
    "fewest points": 5,
    "most levels": 24,
    "patch": 4,
    "markers": 1000,
    "resamples": 1_000,
    "lost/1": 0.005,
    "lost/2": 0.01,
    "lost/3": 0.02,
    "lost/4": 0.05,
    "rows/levels": 60,
    "rows/classes": 60,
    "rows/cells": 10,
    "strengths/1": 0.9,
    "strengths/2": 0.75,
    "strengths/3": 0.5,
    "strengths/4": 0.25,
}
"""Constants of the report, as its documentation states them."""


class Evidence:
    """``found(source)``: the number, or the words, that stand there."""

    def __init__(self, assessment: Assessment) -> None:
        self.of = assessment
        self.results, self.spec, self.domain = assessment.results, assessment.spec, assessment.spec.domain
        self.weights = point_weights(self.spec.sampling, self.domain, self.results)
        asked = {f.criterion.radius for f in assessment.findings if f.criterion.radius is not None}
        asked |= {f.criterion.required for f in assessment.findings if f.criterion.metric == "radius_quantile"}
        self.asked = sorted(asked)
        self.steady = next(radius for radius in self.asked if radius > 0)

    def found(self, source: str) -> float | str:
        """What a source names. Raises KeyError where it names nothing."""
        head, _, rest = source.partition("/")
        if (beyond := re.fullmatch(r"(.*)/beyond/(\d+)", source)) is not None:
            return float(self.found(beyond[1])) - int(beyond[2])
        if source == "band/confidence":
            return self._confidence()
        if head.startswith("band@"):
            return self._band(float(head[5:]), rest)
        if head.startswith("radius@"):
            return self._meaning(float(head[7:]), rest)
        known = getattr(self, f"_{head}", None)
        if known is None:
            raise KeyError(source)
        return known(rest)  # type: ignore[no-any-return]

    # ------------------------------------------------ the run

    def _method(self, rest: str) -> float:
        return METHOD[rest]

    def _spec(self, rest: str) -> float | str:
        plan, (name, _, place) = self.spec.certification, rest.partition("/")
        if name == "unrealisable" and place:
            return self.spec.unrealisable[int(place.partition("/")[0]) - 1].declared
        if name in {"exclude", "include"}:
            return getattr(self.domain, name)[int(place) - 1].text.strip("{}")
        if name in {"when", "then"}:
            return getattr(self.domain.conditionals[int(place) - 1], name).text.strip("{}")  # type: ignore[no-any-return]
        if name == "lock":
            assert self.spec.lock is not None
            return self.spec.lock.sentence
        if name == "criteria" and not place:
            return len(self.spec.criteria)
        if name == "criteria":
            return self.spec.criteria[int(place) - 1].id
        return {
            "alpha": plan.alpha,
            "sigma": plan.sigma,
            "n0": plan.budget.n0,
            "n": plan.budget.n,
            "tolerance": plan.budget.tolerance or 0.0,
            "seed": self.spec.sampling.seed,
            "points": self.spec.sampling.points or 0,
            "volume": self.domain.volume,
            "unrealisable": len(self.spec.unrealisable),
        }[name]

    def _asked(self, rest: str) -> float:
        if rest == "steady":
            return self.steady
        if rest.startswith("stopping/"):
            return asked_radii(f.criterion for f in self.of.findings)[int(rest[9:]) - 1]
        if rest.startswith("0/"):
            return sorted({0.0, *self.asked})[int(rest[2:])]
        return self.asked[int(rest) - 1]

    def _manifest(self, rest: str) -> float | str:
        at: Any = self.of.manifest
        for key in rest.split("/"):
            at = at[key]
        if isinstance(at, int | float) and not isinstance(at, bool) and rest.startswith(("pilot/", "data/images")):
            return at
        words = {None: "–", True: "yes", False: "no"}
        told = [words[one] if one is None or isinstance(one, bool) else str(one) for one in (at if isinstance(at, list) else [at])]
        return ", ".join(told)

    def _keys(self, rest: str) -> str:
        """What a key of the manifest is called."""
        self._manifest(rest)  # it is there
        section, *keys = rest.split("/") if isinstance(self.of.manifest[rest.split("/", maxsplit=1)[0]], Mapping) else ["", rest]
        told = {"noise_self_test": "noise self-test (z-score, sound within ±6)", "model": "model on the first realised points"}
        return " · ".join(told.get(key, key) if section == "preflight" else key for key in keys).replace("_", " ")

    def _changes(self, rest: str) -> str:
        place, name = rest.split("/")
        change = [one for group in self.spec.criteria for one in group.overrides][int(place) - 1]
        if name == "after" and not change.key:
            return "disabled"
        return getattr(change, name) or "–"

    def _changed(self, rest: str) -> float | str:
        """Criteria of which less is asked, or of which that cannot be told."""
        changes = (one for group in self.spec.criteria for one in group.overrides)
        names = list(dict.fromkeys(one.criterion for one in changes if one.effect != "not loosened"))
        return names[int(rest) - 1] if rest else len(names)

    def _digests(self, rest: str) -> str:
        if rest == "specification":
            return self.spec.sha256
        return str(
            self.of.manifest[{"evidence": "evidence_sha256", "manifest": "digest"}[rest]]
            if rest != "model"
            else self.of.manifest["identity"]["model"]
        )

    def _verdict(self, rest: str) -> float:
        blocking = [f for f in self.of.findings if f.criterion.severity == "blocking"]
        if rest == "open/unlisted":
            return sum(len(alike) for alike in self._steps()[3:])
        of, _, wanted = rest.partition("/")
        if wanted == "by estimate":
            return sum(f.kind == "estimate" for f in blocking)
        others = [f for f in self.of.findings if f.criterion.severity != "blocking"]
        findings = {"blocking": blocking, "others": others, "all": [*blocking, *others]}[of]
        return sum(not wanted or f.state.value.lower() == wanted for f in findings)

    def _steps(self) -> list[list[Finding]]:
        """Open criteria, those that count most first, together where they stand alike and the same is advised."""
        weight = {"blocking": 0, "warning": 1}
        pending = [f for f in self.of.findings if f.state is not State.MET and f.criterion.severity in weight]
        steps: dict[tuple[str, str, str], list[Finding]] = {}
        for f in sorted(pending, key=lambda f: (weight[f.criterion.severity], f.state is State.INCONCLUSIVE)):
            steps.setdefault((f.state.value, f.criterion.severity, _first_sentence(f)), []).append(f)
        return list(steps.values())

    def _draws(self, rest: str) -> float:
        everything, reference = self.results, self.of.reference
        tries = len(getattr(self.of.noise.policy, "sigmas", (1,))) if self.of.noise else 1
        spent = {"all": tries * int((everything.n0 + everything.n).sum())}
        spent["reference"] = 0 if reference is None else tries * int((reference.n0 + reference.n).sum())
        spent["most"] = self.spec.certification.budget.n if self.of.recertified is None else self.of.recertified.plan.draws
        spent["all of them"] = int((everything.n >= spent["most"]).sum())
        pilot = self.of.manifest.get("pilot")
        spent["pilot"] = pilot["points"] * pilot["draws"] if pilot else 0
        spent["counted"] = spent["all"] + spent["reference"]
        spent["ties"] = int(everything.ties.sum()) + (0 if reference is None else int(reference.ties.sum()))
        return spent[rest]

    def _inputs(self, rest: str) -> float:
        channels, height, width = self.of.manifest["data"]["shape"]
        return {"channels": channels, "height": height, "width": width, "values": channels * height * width}[rest]

    def _exhibits(self, rest: str) -> float:
        return {"shown": len(self.of.exhibits), "unlisted": 0}[rest]

    def _tables(self, rest: str) -> float:
        """Rows of tables that leave some out: 1,500 points and 150 cells or classes at most."""
        kind, _, left = rest.partition("/")
        rows = {"points": len(self.results), "cell": len(self.domain.cells), "class": len(set(self.results.label.tolist()))}[kind]
        most = 1500 if kind == "points" else 150
        if left:
            return rows - most
        return min(rows, most) if kind == "points" else rows

    # ------------------------------------------------ findings

    def _findings(self, rest: str) -> float | str:
        place, _, name = rest.partition("/")
        finding = self.of.findings[int(place) - 1]
        criterion = finding.criterion
        if name.startswith("parts"):
            return self._part(finding.parts, name.split("/")[1:])
        if name == "clauses":
            return " | ".join(clauses_of(criterion, self.spec))
        if name == "location":
            assert criterion.location is not None
            return f"{criterion.location.path.name}:{criterion.location.line}"
        if name == "where":
            assert criterion.where is not None
            return criterion.where.words
        if name == "reaching":
            return 1 - (criterion.quantile or 0.0)
        if name.startswith("axis/"):
            return self._axis_end(finding, name[5:])
        if name == "advice/first":
            return _first_sentence(finding)
        if name == "alike":
            return next(len(alike) for alike in self._steps() if finding in alike)
        value = getattr(finding, name, None)
        value = getattr(criterion, name) if value is None else value
        assert value is not None
        return value  # type: ignore[no-any-return]

    def _axis_end(self, finding: Finding, end: str) -> float:
        """Where the drawing of a criterion begins and ends."""
        criterion = finding.criterion
        shown = [value for value in (criterion.required, finding.observed, finding.lower, finding.upper) if value is not None]
        if criterion.of is not None:
            return (1.0 if end == "high" else -1.0) * (1.2 * max(map(abs, shown)) or 1.0)
        if end == "low" or METRICS[criterion.metric].unit == "1":
            return float(end == "high")
        largest = max(float(self.of.reduction.expected_reference.max()), float(self.results.radius.max()))
        return 1.05 * max(largest, criterion.required, finding.upper or 0.0)

    @staticmethod
    def _part(parts: Any, names: list[str]) -> float | str:
        if not names:
            return len(parts)
        if names[0].isdigit():
            return getattr(parts[int(names[0]) - 1], names[1])  # type: ignore[no-any-return]
        return len(parts) - 20 if names[0] == "unlisted" else sum(part.state.value.lower() == names[0] for part in parts)

    def _reduction(self, rest: str) -> float:
        if rest == "lost":
            then = self.of.reduction.expected_reference
            return float(1 - self._alone_results.radius[then > 0].sum() / then.sum())
        if rest == "accuracy drop":
            return float(theory_accuracy_drop(int(self.results.n.max()), alpha=float(self.results.alpha.max())) or 0)
        return float(getattr(self.of.reduction, rest))

    # ------------------------------------------------ groups of points

    def _points(self, rest: str) -> float | str:
        if not rest:
            return len(self.results)
        index, _, name = rest.partition("/")
        row = int(np.flatnonzero(self.results.index == int(index))[0])
        if name.startswith("values/"):
            value = self.of.points[row].values[name[7:]]
            return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
        if name in {"zeta", "alike", "before"}:
            return float(
                {"zeta": lambda: self._zeta, "alike": lambda: self._alike, "before": lambda: self._before.radius}[name]()[row]
            )  # type: ignore[no-untyped-call]
        if name.startswith("baseline/"):
            return int(getattr(self.of.recertified, name[9:])[row])
        if name in {"chosen alone", "radius alone"}:
            value = getattr(self._alone_results, name[:6])[row]
            return self.of.class_names[int(value)] if name == "chosen alone" else float(value)
        if name == "cell":
            return self.domain.cells[int(self.results.cell[row])].name
        value = getattr(self.results, name)[row]
        return self.of.class_names[int(value)] if name in {"label", "chosen"} else float(value)

    def _all(self, rest: str) -> float | str:
        if rest == "false at least once":
            return 1 - (1 - self.spec.certification.alpha) ** len(self.results)
        if rest == "cap":
            return self._recertified_cap()
        if rest == "n/spent":
            return int((self.results.n >= self.spec.certification.budget.n).sum())
        return self._measure(np.ones(len(self.results), dtype=bool), rest)

    def _reference(self, rest: str) -> float | str:
        assert self.of.reference is not None
        results = self.of.reference
        return self._measure(
            np.ones(len(results), dtype=bool), rest, results, point_weights(self.spec.sampling, self.domain, results)
        )

    def _same(self, rest: str) -> float | str:
        assert self.of.reference is not None
        results = self._alone_results.take(np.isin(self.results.index, self.of.reference.index))
        return self._measure(
            np.ones(len(results), dtype=bool), rest, results, point_weights(self.spec.sampling, self.domain, results)
        )

    def _outcomes(self, rest: str) -> float | str:
        word, _, name = rest.partition("/")
        if word == "without":
            return int((~self.results.correct).sum())
        wrong = self.results.certified & (self.results.chosen != self.results.label)
        rows = {"certified": self.results.certified & ~wrong, "wrong": wrong, "abstained": ~self.results.certified}[word]
        return float(self.weights[rows].sum() / self.weights.sum()) if name == "weight" else self._measure(rows, name)

    def _classes(self, rest: str) -> float | str:
        names = self.of.class_names
        if rest in {"", "absent"}:
            return len(names) - (len(set(self.results.label.tolist())) if rest else 0)
        label, _, name = rest.partition("/")
        if name == "name":
            return names[int(label)]
        return (
            self._bounds("each_class", None, names[int(label)], name)
            if name.startswith("bounds@")
            else self._measure(self.results.label == int(label), name)
        )

    def _cells(self, rest: str) -> float | str:
        cells = self.domain.cells
        if rest in {"", "unvisited"}:
            return len(cells) - (len(set(self.results.cell.tolist())) if rest else 0)
        index, _, name = rest.partition("/")
        cell = cells[int(index)]
        if name == "noise":
            return dict(self.of.noise.cells)[cell.name]  # type: ignore[union-attr]
        if name in {"name", "weight"}:
            return getattr(cell, name)  # type: ignore[no-any-return]
        if name.startswith("judged/"):
            _, number, side = name.split("/")
            judged = [f for f in self.of.findings if f.criterion.scope == "each_cell" and f.parts][int(number) - 1]
            return getattr(next(part for part in judged.parts if part.name == cell.name), side)  # type: ignore[no-any-return]
        return (
            self._bounds("each_cell", None, cell.name, name)
            if name.startswith("bounds@")
            else self._measure(self.results.cell == int(index), name)
        )

    def _levels(self, rest: str) -> float | str:
        which, _, name = rest.partition("/")
        place, number = map(int, which.split("."))
        attribute = self.domain.attributes[place]
        level = attribute.levels[number]
        if name in {"name", "label"}:
            return level.name
        if name == "short":
            return level.name.removesuffix(f" {getattr(attribute, 'unit', '')}")
        if name == "probability":
            return level.probability
        if name == "weight":
            return float(sum(cell.weight for cell in self.domain.cells if cell.levels[place] == number))
        if name.startswith("bounds@"):
            return self._bounds("each_level", attribute.id, f"{attribute.id} {level.name}", name)
        return self._measure(self.results.level[:, place] == number, name)

    def _gap(self, rest: str) -> float | str:
        place, _, name = rest.partition("/")
        return getattr(self.of.coverage.gaps[int(place) - 1], name)  # type: ignore[no-any-return]

    def _realised(self, rest: str) -> float | str:
        """How an attribute is brought into the image: the catalogue's words and the spec's settings."""
        used = [one for one in self.spec.realisations if one.transform is not None]
        if rest == "steps":
            return len(used)
        attribute, name, which = (rest + "/").split("/")[:3]
        (found,) = (one for one in used if one.attribute == attribute)
        info = TRANSFORMS[found.transform or ""]
        labels = [{True: "yes", False: "no"}[one] if isinstance(one, bool) else str(one) for one in found.levels or ()]
        match name:
            case "transform":
                return f"{info.name} (version {info.version})"
            case "step":
                return 1 + sum(
                    (TRANSFORMS[one.transform or ""].stage, one.transform) < (info.stage, found.transform) for one in used
                )
            case "mapping":
                return info.mapping
            case "settings":
                return found.parameters.get(which, info.parameters[which].default)
            case "meaning":
                return info.parameters[which].meaning
            case "neutral":
                known = info.reference and {**{one: told.default for one, told in info.parameters.items()}, **found.parameters}
                return known[info.reference] if known else info.neutral
            case "label":
                return labels[int(which) - 1]
            case "level":
                return list((found.levels or {}).values())[int(which) - 1]
        return getattr(found, name)  # type: ignore[no-any-return]

    def _ranked(self, rest: str) -> float:
        name, _, place = rest.partition("/")
        value = getattr(self.spec.sampling.ranked, name)
        return value[int(place) - 1] if place else value  # type: ignore[no-any-return]

    def _groups(self, rest: str) -> float:
        place, name = rest.split("/")
        groups = self.spec.sampling.groups
        assert groups is not None
        inside = [cell.weight for cell, one in zip(self.domain.cells, groups.of_cell, strict=True) if one == int(place)]
        return {"points": groups.points[int(place) - 1], "cells": len(inside), "weight": sum(inside)}[name]

    def _pairs(self, rest: str) -> float | str:
        which, _, name = rest.partition("/")
        rows = np.ones(len(self.results), dtype=bool)
        for one in which.split(","):
            place, number = map(int, one.split("."))
            rows &= self.results.level[:, place] == number
        return self._measure(rows, name)

    def _attributes(self, rest: str) -> float | str:
        place, name, *side = rest.split("/")
        attribute = self.domain.attributes[int(place)]
        if name == "id":
            return attribute.id
        if name == "distribution":
            kind = str(getattr(attribute, "distribution", ""))
            return kind or ("uniform" if hasattr(attribute, "low") else "by the shares of its labels")
        if not name.startswith("apart@"):
            return float(getattr(attribute, name))
        radius = float(name[6:])
        if side == ["difference"]:
            column = self.results.level[:, int(place)]
            shares = [float(self._measure(column == level, f"certified@{radius}/share")) for level in np.unique(column)]
            return max(shares) - min(shares)
        (found,) = check([_asking("level_difference", radius, attribute=attribute.id)], self.of)
        return float(getattr(found, side[0]))

    def _measure(self, rows: Any, name: str, results: Results | None = None, weights: Any = None) -> float | str:
        """A number of the points in ``rows``."""
        every = self.results if results is None else results
        weight, inside = (self.weights if weights is None else weights)[rows], every.take(rows)
        first, _, last = name.partition("/")
        if first == "points":
            return int(rows.sum())
        if first == "abstained":
            return int((~inside.certified).sum())
        if first == "mean radius":
            return float(np.where(inside.correct, inside.radius, 0.0) @ weight / weight.sum())
        if first in {"n", "n0", "sigma", "radius"}:
            return float({"min": np.min, "max": np.max, "median": np.median, "mean": np.mean}[last](getattr(inside, first)))
        if first == "confused":
            missed = inside.chosen != inside.label
            tally = {c: weight[missed & (inside.chosen == c)].sum() for c in np.unique(inside.chosen[missed])}
            most = max(tally, key=lambda c: (round(tally[c], 12), -c))
            return self.of.class_names[int(most)] if last == "name" else int((missed & (inside.chosen == most)).sum())
        kind, _, at = first.partition("@")
        if kind == "clean":
            held = inside.clean == inside.label
        else:
            radius = float(at)
            certified, refuted = certified_at(inside, radius), refuted_at(inside, radius)
            held = {"certified": certified, "refuted": refuted, "undecided": ~certified & ~refuted}[kind]
            if last in {"expected", "lost"}:
                then = float(certified_share_at_reference(every, np.array([radius]), weight, n_ref=self.of.reduction.n_ref)[0])
                return then if last == "expected" else then - float(weight[held].sum())
        return int(held.sum()) if last == "count" else float(weight[held].sum() / weight.sum())

    def _bounds(self, scope: str, attribute: str | None, part: str, name: str) -> float:
        at, _, side = name.partition("/")
        asked = _asking("certified_accuracy", float(at[7:]), scope=scope, attribute=attribute)
        key = (scope, attribute, at)
        known = self.__dict__.setdefault("_kept", {})
        if key not in known:
            (found,) = check([asked], self.of)
            known[key] = {one.name: one for one in found.parts}
        return float(getattr(known[key][part], side))

    def _band(self, radius: float, side: str) -> float | str:
        inference = inference_for(self.spec.sampling, self.domain, self.results, reached=self.of.coverage.reached)
        assert inference is not None
        held = certified_at(self.results, radius)
        claim = FractionClaim(
            low=held, high=(largest_label_radius(self.results) >= radius) | held, alpha=float(self.results.alpha.max())
        )
        return float(claim.bounds(inference, beta=1 - self._confidence())[side == "upper"])

    def _confidence(self) -> float:
        """The confidence of the band: the first that a criterion on certified accuracy names."""
        told = [f.criterion.confidence for f in self.of.findings if f.criterion.metric == "certified_accuracy"]
        return next((one for one in told if one), 0.95)

    def _budgets(self, rest: str) -> float:
        which, _, name = rest.partition("/")
        n_ref, results = self.of.reduction.n_ref, self._alone_results
        if which == "tolerated":
            return self.spec.certification.budget.tolerance or 0.2
        if name == "n":
            return int(which)
        halved = self.spec.certification.budget.kind == "single_batch"
        levels = results.alpha / (2 if halved else 1)
        if name == "cap":
            return float(radius_cap(int(which), alpha=float(levels.max()), sigma=float(results.sigma.max())))
        draws = [n_ref if which == "run" else int(which), n_ref]
        mean, last = expected_mean_radii(results.hits, results.n, draws, n_ref, alpha=levels, sigma=results.sigma)
        mean = results.radius.mean() if which == "run" else mean
        return float(mean) if name == "mean" else max(0.0, 1 - float(mean / last))

    # ------------------------------------------------ estimates

    @cached_property
    def _fragility(self) -> tuple[Fragility, Sampled]:
        found, results = self.of.average_case, self.results
        assert found is not None
        sampled = Sampled(domain=self.domain, sampling=self.spec.sampling, points=results, coverage=self.of.coverage)
        return fragility(found.value, sampled, label=results.label, class_names=self.of.class_names), sampled

    @cached_property
    def _calibration(self) -> Calibration:
        assert self.of.average_case is not None
        return calibration(self.results, self.of.average_case, seed=self.spec.sampling.seed)

    def _estimates(self, rest: str) -> float | str:
        """Estimates of average-case robustness, alone and beside the certificates."""
        found, (parts, _), beside = self.of.average_case, self._fragility, self._calibration
        assert found is not None
        head, _, name = rest.partition("/")
        head, _, at = head.partition("@")
        if head == "whole":
            return float(getattr(parts.whole, name))
        if head in {"levels", "classes", "cells"}:
            return self._estimated_part(head, name)
        if head == "bias":
            worst = max((one for one in parts.biases if one.observed is not None), key=lambda one: one.observed or 0.0)
            return 100 * (worst.observed or 0.0) if name == "points" else getattr(worst, name)  # type: ignore[no-any-return]
        if head in {"with_bound", "with_radius"}:
            return float(getattr(getattr(beside, head), {"value": "value", "low end": "lower", "high end": "upper"}[name]))
        if head == "robust":
            told = called_robust(self.results, found, float(at))
            return float(getattr(told, name))
        if head == "spending":
            criteria = [one.criterion for one in self.of.findings]
            spent = spending(self.results, found, self.spec.certification, criteria, seed=self.spec.sampling.seed)
            assert spent is not None
            if name.startswith("order/"):
                return float(getattr(spent.order, {"value": "value", "low end": "lower", "high end": "upper"}[name[6:]]))
            return spent.spent / spent.predicted if name == "share" else float(getattr(spent, name))
        alone = self._alone_results
        if head == "compared":
            which = {"": True, "certified": alone.certified, "abstained": ~alone.certified}[name]
            return int((beside.same & which).sum())
        manifest = self.of.manifest
        return {
            "sigma": lambda: found.plan.sigma,
            "samples": lambda: found.plan.samples,
            "top": lambda: found.plan.top or 0,
            "dead": lambda: int(found.dead_gradient.sum()),
            "cdf error": lambda: float(found.cdf_error.max()),
            "seconds": lambda: manifest["average_case"]["seconds"],
            "seconds of certificates": lambda: manifest["seconds"]["main"],
            "too_low": lambda: beside.too_low,
            "other_class": lambda: beside.other_class,
            "other_level": lambda: beside.other_level,
            "deepest": lambda: beside.deepest,
            "bias of draws": lambda: beside.bias or 0.0,
            "error of draws": lambda: beside.error or 0.0,
        }[head]()  # type: ignore[no-any-return, no-untyped-call]

    def _estimated_part(self, kind: str, rest: str) -> float | str:
        parts, _ = self._fragility
        if not rest:
            several = [one for one in parts.levels.values() if len(one) > 1]
            return sum(map(len, several)) if kind == "levels" else len(getattr(parts, kind))
        attribute, _, rest = rest.partition("/") if kind == "levels" else ("", "", rest)
        place, _, name = rest.partition("/")
        part = (parts.levels[attribute] if kind == "levels" else getattr(parts, kind))[int(place)]
        if name.startswith("bounds/"):
            scope = {"levels": "each_level", "classes": "each_class", "cells": "each_cell"}[kind]
            return self._bounds(scope, attribute or None, part.name, f"bounds@{self.steady:.12g}/{name[7:]}")
        if name in {"clean", "certified"}:
            results = self.results
            inside = {"classes": results.label, "cells": results.cell}.get(kind)
            if inside is None:
                inside = results.level[:, [one.id for one in self.domain.attributes].index(attribute)]
            rows = inside == int(place)
            held = results.clean == results.label if name == "clean" else certified_at(results, self.steady)
            return float(self.weights[rows & held].sum() / self.weights[rows].sum())
        return getattr(part, name)  # type: ignore[no-any-return]

    # ------------------------------------------------ noise levels

    def _policy(self, rest: str) -> float | str:
        assert self.of.noise is not None
        policy: Any = self.of.noise.policy
        name, _, place = rest.partition("/")
        match name:
            case "in words":
                return f"{policy.name}: {policy.in_words}"
            case "tries":
                return len(policy.sigmas)
            case "statements":
                return 2 * len(policy.sigmas) - 1
            case "choosing":
                return len(policy.grid) * policy.points * policy.draws  # type: ignore[no-any-return]
            case "points at bound":
                return int(np.isclose(self.results.sigma, policy.bounds[int(place) - 1], rtol=1e-6, atol=0).sum())
        value = getattr(policy, name)
        return value[int(place) - 1] if place else value  # type: ignore[no-any-return]

    def _noise(self, rest: str) -> float | str:
        """The points, and the cells, of one level."""
        assert self.of.noise is not None
        level, _, name = rest.partition("/")
        sigma = float(level)
        cells = {cell for cell, of_cell in self.of.noise.cells if of_cell == sigma}
        if name in {"level", "cells", "weight"}:
            weight = sum(cell.weight for cell in self.domain.cells if cell.name in cells)
            return {"level": sigma, "cells": len(cells), "weight": weight}[name]
        return self._measure(self.results.sigma == sigma, name)

    def _cascade(self, rest: str) -> float:
        """A line of the levels of a cascade, the last for points that abstain."""
        place, name = rest.split("/")
        sigmas: Any = (*self.of.noise.policy.sigmas, None)  # type: ignore[union-attr]
        sigma, results = sigmas[int(place) - 1], self.results
        rows = ~results.certified if sigma is None else results.certified & (results.sigma == sigma)
        weight, radius = self.weights[rows], results.radius[rows]
        return float(
            {
                "points": rows.sum,
                "share": lambda: weight.sum() / self.weights.sum(),
                "right": (rows & results.correct).sum,
                "mean radius": lambda: radius @ weight / weight.sum(),
                "largest radius": radius.max,
            }[name]()  # type: ignore[no-untyped-call]
        )

    def _alone(self, rest: str) -> float | str:
        return self._measure(np.ones(len(self.results), dtype=bool), rest, self._alone_results)

    def _memory(self, rest: str) -> float:
        before, after = self._alone_results, self.results
        what, _, which = rest.partition("/")
        touched, gone = before.radius > after.radius, before.certified & ~after.certified
        mean = [float(np.where(one.correct, one.radius, 0.0) @ self.weights / self.weights.sum()) for one in (before, after)]
        if not which:
            counts = {"touched": touched, "gone": gone, "shrunk": touched & ~gone}
            return (mean[0] - mean[1]) / mean[0] if what == "share" else int(counts[what].sum())
        if what == "mean radius":
            old, new = mean
        elif what == "points":
            old, new = (float(one.certified.sum()) for one in (before, after))
        else:
            held = [certified_at(one, float(what.partition("@")[2])) for one in (before, after)]
            old, new = (float(self.weights[one].sum() / self.weights.sum()) for one in held)
        return {"alone": old, "with": new, "lost": old - new}[which]

    def _single(self, rest: str) -> float:
        """The run beside single levels, at the points that were certified at each of them."""
        noise = self.of.noise
        assert noise is not None
        ours = self.results.take(np.isin(self.results.index, noise.single[0].index))
        weights, each = point_weights(self.spec.sampling, self.domain, ours), np.ones(len(ours), dtype=bool)

        def measure(one: Results, name: str) -> float:
            return float(self._measure(each, name, one, weights))

        best = max(noise.single, key=lambda one: (measure(one, "mean radius"), one.sigma[0]))
        which, _, name = rest.partition("/")
        match which:
            case "more":
                return abs(measure(ours, "mean radius") / measure(best, "mean radius") - 1)
            case "points":
                return len(ours)
            case "draws":
                return sum(int((one.n0 + one.n).sum()) for one in noise.single)
            case "sure":
                return min(self._gain(one, "mean radius", "lower") for one in noise.single)
        of = ours if which == "run" else best if which == "best" else noise.single[int(which) - 1]
        what, _, side = name.rpartition("/")
        if side in {"gain", "lower", "upper"}:
            return self._gain(of, what, side)
        return float(of.sigma[0]) if name == "level" else measure(of, name)

    def _gain(self, one: Results, what: str, side: str) -> float:
        """What the run gains over a single level; bounds paired point by point, the upper one before the memory."""
        noise, spec = self.of.noise, self.spec
        assert noise is not None
        results = self._alone_results if side == "upper" else self.results
        ours = results.take(np.isin(results.index, one.index))
        kind, _, radius = what.removesuffix("/share").partition("@")
        if kind == "certified":
            found = change("certified_accuracy", one, ours, radius=float(radius))
        else:
            widest = max(noise.policy.largest, *(float(single.sigma[0]) for single in noise.single))
            largest = radius_cap(int(self.results.n.max()), alpha=float(ours.alpha.max()), sigma=widest)
            found = change("mean_certified_radius", one, ours, radius=None)
            found = replace(found, largest=max(found.largest, float(largest)))
        if side == "gain":
            return float(point_weights(spec.sampling, self.domain, ours) @ found.difference)
        inference = inference_for(spec.sampling, self.domain, ours, reached=self.of.coverage.reached)
        assert inference is not None
        return float(found.lower(inference, beta=1 - 0.95) if side == "lower" else found.bounds(inference, beta=1 - 0.95)[1])

    # ------------------------------------------------ a modified model on its baseline

    @cached_property
    def _before(self) -> Results:
        assert self.of.baseline is not None
        return self.of.baseline.take(np.isin(self.of.baseline.index, self.results.index))

    def _baseline(self, rest: str) -> float | str:
        return self._measure(np.ones(len(self._before), dtype=bool), rest, self._before)

    def _model(self, rest: str) -> str:
        model = self.spec.model
        return {
            "reference": model.reference.rpartition("/")[2],
            "weights": "" if model.weights is None else model.weights.name,
            "precision": str(model.precision),
            "digest": self.of.manifest["identity"].get("model", "time not recorded")[:12],
        }[rest]

    @cached_property
    def _zeta(self) -> Any:
        """Upper bounds on the probability that a copy is lost."""
        found, n = self.of.recertified, self.results.n
        assert found is not None
        bound = anytime_upper_bound if self.results.anytime.any() else proportion_upper_bound
        return np.atleast_1d(bound(found.lost, n, alpha=found.terms.alpha_z))

    @cached_property
    def _alike(self) -> Any:
        """The radius at each point had no answer changed."""
        found, n = self.of.recertified, self.results.n
        assert found is not None
        shown = [
            found.terms.lower_bound(
                str(found.route[row]),  # type: ignore[arg-type]
                base_hits=int(found.base_hits[row]),
                base_n=int(found.base_n[row]),
                head=int(found.head[row]),
                lost=0,
                hits=int(found.head[row]),
                n=int(n[row]),
            )
            for row in range(len(n))
        ]
        return np.atleast_1d(certified_radius(np.array(shown), sigma=self.results.sigma))

    def _recertified(self, rest: str) -> float | str:
        found, after = self.of.recertified, self.results
        assert found is not None
        head, _, name = rest.partition("/")
        if head in {"terms", "plan"}:
            return float(getattr(getattr(found, head), name))
        if head in {"kept", "due", "cost", "routes", "spread", "times", "copies"}:
            return getattr(self, f"_recertified_{head}")(name)  # type: ignore[no-any-return]
        ended = datetime.fromisoformat(found.finished)
        if name == "start":
            return getattr(found, head)[:12]  # type: ignore[no-any-return]
        was = self._before.certified
        return {  # type: ignore[no-any-return]
            "run": lambda: found.run,
            "title": lambda: found.title,
            "model": lambda: found.model,
            "certificates": lambda: found.certificates,
            "day": lambda: f"{ended.day} {ended:%B %Y}",
            "finished": lambda: f"{ended.day} {ended:%B %Y, %H:%M} UTC",
            "base_draws": lambda: found.base_draws,
            "still": lambda: int((was & after.certified).sum()),
            "gone": lambda: int((was & ~after.certified).sum()),
            "untouched": lambda: int((found.lost == 0).sum()),
            "mean": lambda: float(self._zeta.mean()),
            "max": lambda: float(self._zeta.max()),
            "scratch": self._draws_from_scratch,
            "smaller": lambda: int((after.radius < (self._before.radius if after.anytime.any() else self._alike)).sum()),
        }[head]()  # type: ignore[no-untyped-call]

    def _draws_from_scratch(self) -> int:
        """Draws a point at which the mean radius of this run is expected, between those of the curve by log n."""
        results, n_ref = self.results, self.of.reduction.n_ref
        levels = bound_levels(results)
        first, last = smallest_useful_n(float(levels.max())), 10 * n_ref
        grid = np.round(np.geomspace(first, last, 1 + ceil(6 * log10(last / first))))
        grid = np.unique([*grid, n_ref, np.clip(results.n.max(), first, last)]).astype(np.int64)
        grid = grid[grid <= n_ref]
        means = expected_mean_radii(results.hits, results.n, grid, n_ref, alpha=levels, sigma=results.sigma)
        return round(float(np.exp(np.interp(results.radius.mean(), means, np.log(grid)))))

    def _recertified_kept(self, rest: str) -> float:
        what, _, which = rest.rpartition("/")
        two = (self._before, self.results)
        if what in {"points", "right"}:
            counts = [one.certified if what == "points" else one.clean == one.label for one in two]
            old, new = (float(one.sum()) for one in counts)
        else:
            name = what if what == "mean radius" else f"{what}/share"
            old, new = (float(self._measure(np.ones(len(one), dtype=bool), name, one)) for one in two)
        return {"baseline": old, "modified": new, "kept": new / old if old else 0.0}[which]

    def _recertified_due(self, rest: str) -> float:
        old, new = (self._recertified_kept(f"mean radius/{which}") for which in ("baseline", "modified"))
        alike = replace(self.results, radius=self._alike, certified=self._alike > 0)
        same = float(self._measure(np.ones(len(alike), dtype=bool), "mean radius", alike))
        return {"same": same / old, "draws": 1 - same / old, "model": (same - new) / old}[rest]

    def _recertified_cost(self, rest: str) -> float:
        which, _, name = rest.partition("/")
        found, after = self.of.recertified, self.results
        assert found is not None
        spent, m = int(after.n.sum()), len(after)
        bound = anytime_lower_bound if after.anytime.any() else proportion_lower_bound
        if which == "this":
            draws, radius, seconds = spent, after.radius, found.seconds
        elif which == "baseline":
            draws, radius, seconds = found.base_draws, self._before.radius, found.base_seconds
        elif which == "draws":
            shown = np.atleast_1d(certified_radius(bound(after.hits, after.n, alpha=after.alpha), sigma=after.sigma))
            draws, radius, seconds = found.base_selection + spent, shown, None
        else:
            draws, radius, seconds = found.base_selection + m * self._draws_from_scratch(), after.radius, None
        time = seconds or 0.0
        rate = draws / time if time else 0.0
        known = {"each": draws / m, "draws": draws, "share": spent / draws, "mean": float(radius.mean()), "rate": rate}
        return {**known, "s": time, "min": time / 60, "h": time / 3600}[name]

    def _recertified_routes(self, rest: str) -> float:
        route, _, name = rest.partition("/")
        assert self.of.recertified is not None
        return self._recertified_group(self.of.recertified.route == route, name)

    def _recertified_spread(self, rest: str) -> float:
        place, _, name = rest.partition("/")
        assert self.of.recertified is not None
        share, ends = self.of.recertified.lost / self.results.n, (-1.0, 0.0, 0.005, 0.01, 0.02, 0.05, 1.0)
        return self._recertified_group((share > ends[int(place)]) & (share <= ends[int(place) + 1]), name)

    def _recertified_group(self, rows: Any, name: str) -> float:
        """A number of the points in ``rows``."""
        found, before, after = self.of.recertified, self._before.radius[rows], self.results.radius[rows]
        assert found is not None
        if name == "alike":
            return float(self._alike[rows].mean())
        return {
            "points": int(rows.sum()),
            "share": float(rows.mean()),
            "lost": int(found.lost[rows].sum()),
            "zeta": float(self._zeta[rows].mean()),
            "before": float(before.mean()),
            "now": float(after.mean()),
            "kept": float(after.mean() / before.mean()) if before.any() else 0.0,
        }[name]

    def _recertified_cap(self) -> float:
        """The radius where every copy was and is answered with the baseline's class."""
        found, n = self.of.recertified, self.spec.recertification
        assert found is not None
        assert n is not None
        base_n = int(found.base_n.max())
        every = {"base_hits": base_n, "base_n": base_n, "head": n.draws, "lost": 0, "hits": n.draws, "n": n.draws}
        routes = (
            ["both"]
            if self.results.anytime.any()
            else {"fresh": ["fresh"], "incremental": ["incremental"]}.get(n.route, ["incremental", "fresh"])
        )
        most = max(found.terms.lower_bound(route, **every) for route in routes)  # type: ignore[arg-type]
        return float(certified_radius(most, sigma=float(self.results.sigma.max())))

    def _recertified_times(self, rest: str) -> float:
        found = self.of.recertified
        assert found is not None
        if rest == "scratch":
            return (len(self.results) * self._draws_from_scratch() + found.base_selection) / found.draws
        return found.base_draws / found.draws if rest == "draws" else (found.base_seconds or 0.0) / (found.seconds or 1.0)

    def _recertified_copies(self, rest: str) -> float:
        name, _, share = rest.partition("/")
        asked = int(self.results.n.sum())
        copies = asked if name == "n" else int(getattr(self.of.recertified, name).sum())
        return copies / asked if share else copies

    @cached_property
    def _alone_results(self) -> Results:
        """The results as each point alone has them, before a memory."""
        noise = self.of.noise
        if noise is None or noise.alone is None or noise.label_alone is None:
            return self.results
        return replace(self.results, radius=noise.alone, chosen=noise.label_alone, certified=noise.alone > 0)

    # ------------------------------------------------ coverage and words

    def _coverage(self, rest: str) -> float:
        if rest == "out of reach":
            return 1 - self.of.coverage.reached
        kind, what = rest.split("/")
        found = self.of.coverage
        if what == "visited":
            return float(getattr(found, f"{kind}_coverage"))
        feasible = {
            "level": sum(len(attribute.levels) for attribute in self.domain.attributes),
            "pairwise": sum(int((block >= 0).sum()) for block in found.pairs.values()),
            "cell": len(self.domain.cells),
        }
        return feasible[kind]

    def _gaps(self, rest: str) -> float:
        kind, _, weight = rest.partition("/")
        gaps = [gap for gap in self.of.coverage.gaps if gap.kind == kind]
        if kind == "unlisted":
            lost = {one.attribute for one in self.spec.unrealisable}
            return len([gap for gap in self.of.coverage.gaps if gap.kind != "attribute" or gap.name not in lost]) - 60
        return sum(gap.weight or 0.0 for gap in gaps) if weight else len(gaps)

    def _meaning(self, radius: float, name: str) -> float:
        channels, height, width = self.of.manifest["data"]["shape"]
        values = channels * height * width
        return {
            "radius": radius,
            "grey levels": 255 * radius / sqrt(values),
            "psnr": 10 * log10(values / radius**2),
            "patch": min(255.0, 255 * radius / sqrt(16 * channels)),
            "flipped": max(0, ceil(radius**2) - 1),
        }[name]


def _first_sentence(finding: Finding) -> str:
    """The advice up to the first full stop behind which a sentence begins; a range (0 .. 1) has none."""
    ends = [at for at in range(1, len(finding.advice)) if finding.advice[at] == "." and finding.advice[at - 1] not in ". "]
    end = next((at for at in ends if finding.advice[at + 1 : at + 2] == " " and finding.advice[at + 2 : at + 3].isupper()), None)
    return finding.advice[:end].rstrip(".")


def _asking(metric: str, radius: float, *, scope: str = "odd", attribute: str | None = None) -> Criterion:
    difference = metric == "level_difference"
    return Criterion(
        id="asked",
        title="",
        metric=metric,
        comparator="<=" if difference else ">=",
        required=1.0 if difference else 0.0,
        radius=radius,
        scope=scope,  # type: ignore[arg-type]
        attribute=attribute,
        confidence=0.975,
    )
