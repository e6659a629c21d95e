"""A synthetic assessment with everything in it that a report must show: cells and gaps, abstentions, refuted points, a reference subsample."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.special import ndtr

from odd_assess.certify.plans import IncrementalPlan, SequentialPlan
from odd_assess.certify.procedures import incremental, sequential
from odd_assess.criteria import asked_radii, certified_at, check, radius_loss, verdict
from odd_assess.criteria.terms import terms_of
from odd_assess.errors import Location
from odd_assess.odd.attributes import Boolean, Continuous, LogUniform, Ordinal
from odd_assess.odd.constraints import OneOf, Statement
from odd_assess.odd.coverage import coverage
from odd_assess.odd.domain import Domain
from odd_assess.odd.ranges import Interval
from odd_assess.policies import Cascade, DataDependent, MultiStart, PerCell, SigmaPolicy
from odd_assess.records import (
    Assessment,
    AverageCasePlan,
    Budget,
    Certificate,
    CertificationPlan,
    Certified,
    ComparisonPlan,
    Counts,
    CriteriaSet,
    Criterion,
    Evidence,
    Exhibit,
    InputDeclaration,
    ModelDeclaration,
    NoiseLevels,
    OddPoint,
    OddPoints,
    PointEstimates,
    Realisation,
    Recertification,
    Recertified,
    ReferencePlan,
    Results,
    SamplingPlan,
    Spec,
    State,
    Unrealisable,
)
from odd_assess.stats import certified_radius, proportion_lower_bound

SIGMA, ALPHA, N0, N, N_REF = 0.25, 0.001, 100, 1000, 100_000

BUDGETS = {
    "reduced": Budget(kind="reduced", n0=N0, n=N),
    "single_batch": Budget(kind="single_batch", n0=0, n=N),
    "sequential": Budget(kind="sequential", n0=N0, n=2_000),
    "tolerance": Budget(kind="tolerance", n0=N0, n=100_000, tolerance=0.2, pilot_points=50),
}
PILOT = {"points": 50, "draws": N0, "tolerance": 0.2, "n": 1340, "expected_reduction": 0.1983}

Build = Callable[..., Assessment]


LABELS = ("clean", "dusty", "stained")


def _domain(labels: tuple[str, str, str] = LABELS) -> Domain:
    return Domain(
        attributes=(
            Continuous(
                id="illumination.illuminance",
                low=20,
                high=2000,
                unit="lux",
                distribution=LogUniform(),
                buckets=(20, 100, 500, 2000),
            ),
            Continuous(id="sensor.defocus", low=0, high=1.5, unit="px", buckets=(0, 0.5, 1.5)),
            Ordinal(id="surface", labels=labels, weights=(0.6, 0.3, 0.1)),
            Boolean(id="tilted", probability=0.2),
        ),
        exclude=(
            Statement(
                conditions={"surface": OneOf(labels[2:]), "illumination.illuminance": Interval(high=100, high_closed=False)},
                text=f"{{surface: {labels[2]}, illumination.illuminance: < 100 lux}}",
            ),
        ),
    )


def _conditions(domain: Domain, rng: np.random.Generator, points: int) -> list[dict[str, Any]]:
    """Conditions inside the domain, by rejection from the declared distributions."""
    found: list[dict[str, Any]] = []
    while len(found) < points:
        values = {attribute.id: attribute.from_unit(float(rng.random())) for attribute in domain.attributes}
        if domain.contains(values):
            found.append(values)
    return found


def _results(
    rng: np.random.Generator,
    truth: np.ndarray,
    columns: dict[str, np.ndarray],
    n: int,
    chosen: np.ndarray,
    *,
    single: bool = False,
    sigma: float | np.ndarray = SIGMA,
) -> Results:
    """Certificates at a fixed n, of a model that answers ``chosen`` with probability ``truth``."""
    m = len(truth)
    hits = rng.binomial(n, truth)
    wrong = chosen != columns["label"]
    label_hits = np.where(wrong, rng.binomial(n - hits, 0.5), hits)
    lower = np.asarray(proportion_lower_bound(hits, np.full(m, n), alpha=ALPHA / 2 if single else ALPHA))
    radius = np.asarray(certified_radius(lower, sigma=sigma))
    return Results(
        **columns,
        chosen=chosen,
        certified=radius > 0,
        hits=hits,
        label_hits=label_hits,
        n0=np.full(m, 0 if single else N0),
        n=np.full(m, n),
        sigma=np.broadcast_to(sigma, m).astype(np.float64),
        alpha=np.full(m, ALPHA),
        p_a_lower=lower,
        radius=radius,
        anytime=np.zeros(m, dtype=np.bool_),
        ties=np.zeros(m, dtype=np.int64),
        base_n=np.zeros(m, dtype=np.int64),
        p_upper=np.full(m, np.nan),
    )


def _sequential_results(
    rng: np.random.Generator, truth: np.ndarray, columns: dict[str, np.ndarray], chosen: np.ndarray, plan: SequentialPlan
) -> Results:
    """Certificates of the procedure ``sequential``, driven by coins: class 0 stands for ``chosen``, 1 for the label where that is another, 2 for the rest."""
    found = []
    for p, wrong in zip(truth, chosen != columns["label"], strict=True):
        shares = np.array([p, (1 - p) / 2, (1 - p) / 2])
        procedure = sequential(plan)
        ask = next(procedure)
        try:
            while True:
                ask = procedure.send(rng.multinomial(ask.n, shares))
        except StopIteration as stop:
            found.append((stop.value, stop.value.counts.of(1 if wrong else 0)))
    certificates = [certificate for certificate, _ in found]
    radius = np.array([getattr(certificate, "radius", 0.0) for certificate in certificates])
    m, tried = len(truth), np.array([certificate.label for certificate in certificates])
    other = np.where(chosen != columns["label"], columns["label"], chosen + 1)
    return Results(
        **columns,
        chosen=np.where(tried == 0, chosen, other),
        certified=radius > 0,
        hits=np.array([certificate.counts.of(certificate.label) for certificate in certificates]),
        label_hits=np.array([hits for _, hits in found]),
        n0=np.full(m, N0),
        n=np.array([certificate.n for certificate in certificates]),
        sigma=np.full(m, SIGMA),
        alpha=np.full(m, ALPHA),
        p_a_lower=np.array([certificate.p_a_lower for certificate in certificates]),
        radius=radius,
        anytime=np.ones(m, dtype=np.bool_),
        ties=np.zeros(m, dtype=np.int64),
        base_n=np.zeros(m, dtype=np.int64),
        p_upper=np.full(m, np.nan),
    )


def _png(rng: np.random.Generator, *, noise: float) -> bytes:
    x, y = np.meshgrid(np.linspace(-1, 1, 32), np.linspace(-1, 1, 32))
    disc = np.exp(-6 * np.abs(np.hypot(x, y) - 0.6))[..., None] * np.array([1.0, 0.4, 0.3]) + 0.15
    pixels = np.clip(disc + rng.normal(0, noise, disc.shape), 0, 1)
    stream = io.BytesIO()
    Image.fromarray((255 * pixels).astype(np.uint8)).save(stream, format="PNG")
    return stream.getvalue()


def _quantile() -> Criterion:
    return Criterion(
        id="Q-40",
        title="The worst 40 % left out",
        metric="radius_quantile",
        comparator=">=",
        required=0.1,
        quantile=0.4,
        confidence=0.95,
        severity="warning",
    )


def _criteria(state: State, held: float) -> tuple[Criterion, ...]:
    """Criteria that end in the wanted verdict, for a model that holds at 0.25 on the fraction ``held`` of the points."""
    required = {State.MET: 0.2, State.NOT_MET: 0.95, State.INCONCLUSIVE: round(held, 2)}[state]
    claim: dict[str, Any] = {"metric": "certified_accuracy", "comparator": ">=", "radius": 0.25, "confidence": 0.95}
    return (
        Criterion(
            id="CA-025",
            title="Certified accuracy over the ODD",
            required=required,
            requirement="SR-12",
            clauses=("AMLAS [H]", "EU AI Act Art. 15(1)"),
            location=Location(path=Path("acceptance_criteria/perception_default.yaml"), line=5, column=5),
            **claim,
        ),
        Criterion(
            id="CELL-025",
            title="No weak cell",
            required=0.1,
            scope="each_cell",
            severity="info" if state is State.MET else "blocking",
            **claim,
        ),
        Criterion(
            id="ACR", title="Mean certified radius", metric="mean_certified_radius", comparator=">=", required=0.1, confidence=0.95
        ),
        Criterion(id="COV-2", title="Pairs of levels visited", metric="pairwise_coverage", comparator=">=", required=0.8),
        Criterion(
            id="LOSS", title="Cost of the budget", metric="radius_reduction", comparator="<=", required=0.05, severity="warning"
        ),
    )


def _spec(domain: Domain, points: int, design: str, title: str, budget: Budget, *, until_decided: bool) -> Spec:
    return Spec(
        path=Path("/somewhere/spec.yaml"),
        text="odd_assess: 1",
        sha256="ab" * 32,
        id="digit-reader",
        title=title,
        taxonomy="none",
        domain=domain,
        realisations=(
            Realisation(attribute="illumination.illuminance", transform="low_light"),
            Realisation(attribute="sensor.defocus", transform="defocus"),
            Realisation(
                attribute="surface",
                transform="stain",
                levels=dict(zip(domain.attributes[2].labels, (0.0, 0.05, 0.15), strict=True)),
            ),
            Realisation(attribute="tilted", transform="rotation", levels={False: 0.0, True: 15.0}),
        ),
        unrealisable=(Unrealisable(attribute="temperature", declared="[-10 .. 40] C", reason="no transform models it"),),
        sampling=SamplingPlan(design=design, points=points, seed=7, until_decided=until_decided),  # type: ignore[arg-type]
        inputs=InputDeclaration(kind="digits", split="test"),
        model=ModelDeclaration(kind="factory", reference="odd_assess.examples.digits:network"),
        certification=CertificationPlan(sigma=SIGMA, alpha=ALPHA, budget=budget, reference=ReferencePlan(n=N_REF, points=20)),
        criteria=(
            CriteriaSet(
                id="perception-default", title="Default", path=Path("perception_default.yaml"), sha256="cd" * 32, criteria=()
            ),
        ),
        responsible=(("Safety engineer", "A. Person"), ("Independent reviewer", "B. Person")),
    )


def _manifest() -> dict[str, Any]:
    identity = {
        "odd_assess": "0.1.0",
        "spec": "ab" * 32,
        "criteria": {"default.yaml": "cd" * 32},
        "model": "ef" * 32,
        "data": "01" * 32,
        "seed": 7,
    }
    return {
        "identity": {**identity, "batch_size": 512, "device": "cpu"},
        "run": {"id": "digit-reader", "title": "Handwritten digit reader", "spec": "spec.yaml"},
        "data": {"kind": "digits", "images": 360, "classes": 10, "shape": [3, 32, 32]},
        "preflight": {"model": {"clean_accuracy": 0.97, "noisy_accuracy": 0.91, "advice": ""}, "base_images": None},
        "environment": {"python": "3.11.7", "system": "Linux 6.1", "libraries": {"odd-assess": "0.1.0", "torch": "2.8.0"}},
        "started": "2026-11-20T13:59:01+00:00",
        "finished": "2026-11-20T14:03:27+00:00",
        "status": "complete",
    }


@pytest.fixture(scope="session")
def build() -> Build:
    """A maker of assessments: state, points, design, budget, hostile names and labels."""
    return assessment_of


@cache
def assessment_of(
    state: State = State.NOT_MET,
    *,
    points: int = 300,
    design: str = "random",
    reference: bool = True,
    title: str = "Handwritten digit reader, release 1.2",
    class_names: tuple[str, ...] = tuple("0123456789"),
    exhibits: int = 4,
    budget: str = "reduced",
    most_points: int | None = None,
    labels: tuple[str, str, str] = LABELS,
) -> Assessment:
    """A finished assessment over four attributes; everything follows from one seed. With ``most_points`` the points stopped when decided."""
    rng = np.random.default_rng(11)
    domain = _domain(labels)
    conditions = _conditions(domain, rng, points)
    cell = np.array([domain.cell_of(values) for values in conditions])
    level = np.array([domain.cells[number].levels for number in cell])
    label = rng.integers(0, len(class_names), points)
    margin = 1.9 - 0.5 * (2 - level[:, 0]) - 0.7 * level[:, 1] - 0.5 * level[:, 2] + rng.normal(0, 1.0, points)
    truth = ndtr(np.abs(margin))
    chosen = np.where(margin > -0.2, label, (label + 1 + label % 3) % len(class_names))
    columns = {
        "index": np.arange(points),
        "cell": cell,
        "level": level,
        "label": label,
        "clean": np.where(margin > -0.1, label, chosen),
    }
    criteria = (_quantile(),) if budget == "sequential" else ()
    match budget:
        case "sequential":
            radii = asked_radii((*_criteria(state, 0.5), *criteria))
            plan = SequentialPlan(n0=N0, max_draws=BUDGETS[budget].n, sigma=SIGMA, alpha=ALPHA, radii=radii)
            results = _sequential_results(rng, truth, columns, chosen, plan)
        case "tolerance":
            results = _results(rng, truth, columns, PILOT["n"], chosen)
        case _:
            results = _results(rng, truth, columns, N, chosen, single=budget == "single_batch")
    rows = np.sort(rng.choice(points, 20, replace=False))
    other = (
        _results(rng, truth[rows], {name: column[rows] for name, column in columns.items()}, N_REF, chosen[rows])
        if reference
        else None
    )
    conditions_at = OddPoints.of(
        domain.attributes, [OddPoint(index=i, values=conditions[i], cell=int(cell[i])) for i in range(points)]
    )
    spec = _spec(domain, most_points or points, design, title, BUDGETS[budget], until_decided=most_points is not None)
    visited = coverage(domain, conditions_at)
    lost = radius_loss(results, other, n_ref=N_REF, seed=7)
    held = float(certified_at(results, 0.25).mean())
    evidence = Evidence(domain=domain, sampling=spec.sampling, results=results, coverage=visited, reduction=lost)
    findings = check((*_criteria(state, held), *criteria), evidence)
    weakest = np.argsort(np.where(chosen == label, results.hits, -results.hits))[:exhibits]
    return Assessment(
        spec=spec,
        points=conditions_at,
        class_names=class_names,
        results=results,
        reference=other,
        coverage=visited,
        reduction=lost,
        findings=findings,
        verdict=verdict(findings),
        exhibits=tuple(
            Exhibit(index=int(row), base=_png(rng, noise=0), realised=_png(rng, noise=0.05), noisy=_png(rng, noise=0.25))
            for row in weakest
        ),
        manifest=_manifest() | {"pilot": PILOT if budget == "tolerance" else None},
    )


# ---------------------------------------------------------------- estimates


@pytest.fixture(scope="session")
def estimated() -> Build:
    """A maker of assessments with estimates, from others."""
    return with_estimates


@cache
def with_estimates(assessment: Assessment, *, method: str = "mmse", sigma: float = SIGMA, bias: float = 0.03) -> Assessment:
    """The same with estimates of average-case robustness: the share of the draws, give or take, and higher by ``bias``.

    The first 7 have a dead gradient; the first 5 are of another class than the one that was tried.
    """
    rng, results = np.random.default_rng(5), assessment.results
    value = np.clip(results.hits / results.n + bias + rng.normal(0, 0.02, len(results)), 0.0, 1.0)
    plan = AverageCasePlan(sigma=sigma, method=method)  # type: ignore[arg-type]
    found = PointEstimates(
        plan=plan,
        index=results.index,
        clean=np.where(np.arange(len(value)) < 5, results.chosen + 1, results.clean),
        value=value,
        low=value / 2,
        high=np.ones(len(value)),
        cdf_error=np.full(len(value), 1e-5),
        dead_gradient=np.arange(len(value)) < 7,
    )
    manifest = {
        **assessment.manifest,
        "average_case": {"points": len(results), "seconds": 3.25, "estimated": len(results)},
        "seconds": {"main": 12.5, "draws": 330_000},
    }
    return replace(assessment, spec=replace(assessment.spec, average_case=plan), average_case=found, manifest=manifest)


# ---------------------------------------------------------------- noise levels that differ


GRID = (0.12, 0.25, 0.5)

COLUMNS = tuple(name for name in Results.__slots__ if name != "policy")

POLICIES: dict[str, SigmaPolicy] = {
    "per_cell": PerCell(grid=GRID, points=120, draws=100),
    "cascade": Cascade(sigmas=GRID[::-1]),
    "multi_start": MultiStart(),
    "data_dependent": DataDependent(step=0.04, steps=900, draws=100, clamp=(0.001, 0.999)),
}


@pytest.fixture(scope="session")
def noisy() -> Build:
    """A maker of assessments whose noise levels a policy chose: name of the policy, design, single levels to compare."""
    return noisy_assessment_of


@cache
def noisy_assessment_of(
    policy: str,
    *,
    points: int = 300,
    design: str = "random",
    single: tuple[float, ...] = GRID,
    taken: bool = True,
) -> Assessment:
    """The assessment of `assessment_of` at other levels: at each point another level suits the model best. ``taken``: the memory took something."""
    base = assessment_of(points=points, design=design, budget="reduced")
    old, rng, chosen = base.results, np.random.default_rng(12), POLICIES[policy]
    away = 0.28 * np.abs(rng.normal(1.2, 1.0, points))
    best = 0.12 * 2.0 ** (1.1 * old.level[:, 0] + rng.normal(0, 0.35, points))

    def drawn(sigma: np.ndarray, n: int, rows: np.ndarray) -> Results:
        truth = ndtr(away[rows] / sigma * np.exp(-0.6 * np.log(sigma / best[rows]) ** 2))
        columns = {name: getattr(old, name)[rows] for name in ("index", "cell", "level", "label", "clean")}
        return replace(_results(rng, truth, columns, n, old.chosen[rows], sigma=sigma), anytime=np.zeros(len(rows), dtype=np.bool_))

    def at(rows: np.ndarray, n: int) -> Results:
        match chosen:
            case PerCell():
                return drawn(of_cell[old.cell[rows]], n, rows)
            case Cascade():
                tried = [drawn(np.full(len(rows), sigma), n, rows) for sigma in chosen.sigmas]
                pick = np.argmax([one.radius for one in tried], axis=0)
                given = [[getattr(one, name) for one in tried] for name in COLUMNS]
                rows_of = [np.stack(columns)[pick, np.arange(len(rows))] for columns in given]
                return Results(**dict(zip(COLUMNS, rows_of, strict=True)))
            case _:
                return drawn(np.clip(best[rows], *chosen.bounds), n, rows)

    of_cell = np.array(GRID)[np.clip([cell.levels[0] for cell in base.spec.domain.cells], 0, 2)]
    everything = np.arange(points)
    some, few = (np.sort(rng.choice(points, size, replace=False)) for size in (20, 25))
    raw, reference = at(everything, N), at(some, N_REF)
    results, noise = raw, NoiseLevels(policy=chosen, soundness=chosen.soundness)
    if isinstance(chosen, PerCell):
        cells = base.spec.domain.cells
        noise = replace(noise, cells=tuple((cell.name, float(sigma)) for cell, sigma in zip(cells, of_cell, strict=True)))
    if isinstance(chosen, MultiStart | DataDependent):
        radius, certified = raw.radius.copy(), raw.certified.copy()
        if taken:
            shrunk, gone = np.flatnonzero(raw.certified)[:30], np.flatnonzero(raw.certified)[30:33]
            radius[shrunk] *= 0.5
            radius[gone], certified[gone] = 0.0, False
        noise, results = replace(noise, alone=raw.radius, label_alone=raw.chosen), replace(raw, radius=radius, certified=certified)
    noise = replace(noise, single=tuple(drawn(np.full(25, sigma), N, few) for sigma in single))
    plan = replace(
        base.spec.certification,
        sigma=chosen.largest,
        policy=chosen,
        comparison=ComparisonPlan(sigmas=single, points=25) if single else None,
    )
    lost = radius_loss(raw, reference, n_ref=N_REF, seed=7)
    evidence = replace(base.evidence, results=results, reduction=lost)
    findings = check([finding.criterion for finding in base.findings], evidence)
    return replace(
        base,
        spec=replace(base.spec, certification=plan),
        results=results,
        reference=reference,
        reduction=lost,
        findings=findings,
        verdict=verdict(findings),
        noise=noise,
    )


# ---------------------------------------------------------------- a modified model on its baseline

BASE_N, CLASSES = 10_000, 10


@pytest.fixture(scope="session")
def again() -> Build:
    """A maker of assessments of a modified model that was recertified."""
    return recertified_assessment_of


@cache
def recertified_assessment_of(
    *,
    points: int = 300,
    draws: int = 1_000,
    route: str = "auto",
    when_decided: bool = False,
    models: int = 1,
    share: float = 0.5,
    changed: float = 0.006,
    design: str = "random",
    timed: bool = True,
    state: State = State.NOT_MET,
) -> Assessment:
    """The model of `assessment_of`, modified so that about the share ``changed`` of its answers is another, by the procedure that certifies it."""
    base = assessment_of(state=state, points=points, design=design)
    old, rng = base.results, np.random.default_rng(13)
    plan = Recertification(draws=draws, share=share, route=route, models=models, when_decided=when_decided)  # type: ignore[arg-type]
    terms = terms_of(plan, ALPHA)
    radii = asked_radii(finding.criterion for finding in base.findings) if when_decided else ()
    incremental_plan = IncrementalPlan(n=draws, alpha=terms.alpha, alpha_z=terms.alpha_z, route=route, models=models, radii=radii)  # type: ignore[arg-type]
    columns = {name: getattr(old, name) for name in ("index", "cell", "level", "label", "clean")}
    truth = old.hits / old.n
    before = _results(rng, truth, columns, BASE_N, old.chosen)
    found = [
        _recertified_point(
            rng,
            incremental_plan,
            chosen=int(old.chosen[row]),
            label=int(old.label[row]),
            hits=int(before.hits[row]),
            rate=float(rng.exponential(changed) * (1.5 - truth[row])),
        )
        for row in range(points)
    ]
    reused = [certificate.reused for certificate in found]
    counted = {
        name: np.array([getattr(one, name) for one in reused]) for name in ("base_hits", "base_n", "head", "lost", "changed")
    }
    hits, n = (np.array(values) for values in zip(*((one.counts.of(one.label), one.n) for one in found), strict=True))
    of_both = {name: counted[name] for name in ("base_hits", "base_n", "head", "lost")}
    results = replace(
        before,
        hits=hits,
        label_hits=np.array([certificate.counts.of(int(old.label[row])) for row, certificate in enumerate(found)]),
        n0=np.zeros(points, dtype=np.int64),
        n=n,
        p_a_lower=np.array([certificate.p_a_lower for certificate in found]),
        p_upper=np.where(old.chosen == old.label, terms.upper_bounds(**of_both, hits=hits, n=n), np.nan),
        radius=np.array([getattr(certificate, "radius", 0.0) for certificate in found]),
        certified=np.array([isinstance(certificate, Certified) for certificate in found]),
        anytime=np.full(points, when_decided),
        base_n=np.full(points, BASE_N),
    )
    told = Recertified(
        run="digit-reader",
        title="Handwritten digit reader, release 1.2",
        verdict=base.verdict.value,
        finished="2026-11-18T09:30:00+00:00",
        model="9a" * 32,
        certificates="7c" * 32,
        plan=plan,
        terms=terms,
        route=np.array([one.route for one in reused if one is not None]),
        draws=int(results.n.sum()),
        base_draws=points * (N0 + BASE_N),
        base_selection=points * N0,
        seconds=13.4 if timed else None,
        base_seconds=121.9 if timed else None,
        **counted,
    )
    budget = Budget(kind="fixed", n0=N0, n=BASE_N)
    certification = replace(base.spec.certification, budget=budget, reference=None)
    spec = replace(
        base.spec, title="Handwritten digit reader, release 1.2, int8", certification=certification, recertification=plan
    )
    lost = radius_loss(results, None, n_ref=N_REF, seed=7)
    findings = check([finding.criterion for finding in base.findings], replace(base.evidence, results=results, reduction=lost))
    return replace(
        base,
        spec=spec,
        results=results,
        reference=None,
        reduction=lost,
        findings=findings,
        verdict=verdict(findings),
        baseline=before,
        recertified=told,
    )


def _recertified_point(
    rng: np.random.Generator, plan: IncrementalPlan, *, chosen: int, label: int, hits: int, rate: float
) -> Certificate:
    """A point whose baseline answered ``chosen`` to ``hits`` copies; a copy of ``rate`` is answered otherwise by the modified model."""
    other = label if label != chosen else (chosen + 1) % CLASSES
    kept = rng.permutation(np.where(np.arange(BASE_N) < hits, chosen, other))[: plan.n]
    flipped = rng.random(plan.n) < rate
    now = np.where(flipped, np.where(kept == chosen, other, chosen), kept)
    base = Certified(
        label=chosen,
        radius=0.1,
        p_a_lower=0.6,
        n0=N0,
        n=BASE_N,
        sigma=SIGMA,
        alpha=ALPHA,
        procedure="fixed",
        counts=Counts.from_array(np.bincount(np.where(np.arange(BASE_N) < hits, chosen, other), minlength=CLASSES)),
        selection=Counts(n=N0, by_class=((chosen, N0),)),
        answers=kept,
    )
    procedure = incremental(plan, base)
    ask = next(procedure)
    try:
        while True:
            block = slice(ask.start, ask.start + ask.n)
            agreed = now[block][now[block] == kept[block]]
            ask = procedure.send(np.stack([np.bincount(part, minlength=CLASSES) for part in (now[block], agreed)]))
    except StopIteration as stop:
        certificate: Certificate = stop.value
        return certificate
