"""The spec of a modified model that is certified on what a finished run keeps: built from the run's folder, and refused where that cannot bear it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from odd_assess.audit.load import FinishedRun, finished_run, sound_run
from odd_assess.criteria import asked_radii
from odd_assess.criteria.metrics import REGRESSION
from odd_assess.criteria.terms import terms_of
from odd_assess.errors import InputError, RunError, RunFolderError
from odd_assess.evidence import Cache, noted_cache, unfit_answers
from odd_assess.records import Budget, Recertification, Results, Route, Spec
from odd_assess.spec import modified_spec, spec_alone, with_settings


def recertification(
    folder: Path | str,
    model: Path | str,
    *,
    draws: int | None = None,
    share: float = 0.5,
    route: Literal["auto", "gamma", "incremental", "fresh"] = "auto",
    gamma: float = 0.99,
    models: int = 1,
    when_decided: bool | None = None,
) -> Spec:
    """What to assess (`odd_assess.assess`), so that a modified model is certified on the answers that the finished run in ``folder`` keeps.

    ``model``: a whole spec, or a file with the one section ``model``. ``draws`` a point: as many as are kept by default. ``when_decided`` (default: where the
    spec's own budget is sequential): they stop when every radius that the criteria ask about is decided. The others: see `odd_assess.certify.IncrementalPlan`;
    ``share`` of a certificate's failure probability goes to what is drawn now.

    Raises: RunFolderError where the run is not finished, damaged, or keeps no answers that will do; SpecError or InputError for what is wrong with the model's
    file or with the settings.
    """
    path = Path(folder).absolute()
    try:
        with sound_run(path) as run:
            cache = _cache(run)
            spec = modified_spec(model, run.documents)
            if draws is not None and draws > cache.draws:
                raise InputError(
                    f"{folder}: keeps the answers to {cache.draws:,} draws a point, so that no more than {cache.draws:,} can be asked for, found {draws:,}; "
                    f"ask for fewer, or run the baseline again with certification.cache {{draws: {draws}}}"
                )
            stops = spec.certification.budget.kind == "sequential" if when_decided is None else when_decided
            _check_criteria(spec, stops)
            settings = Recertification(
                draws=cache.draws if draws is None else draws,
                share=share,
                route=route,
                gamma=gamma,
                models=models,
                when_decided=stops,
            )
            _check_draws(settings, spec.certification.alpha, _budget(run).n)
            return replace(with_settings(spec, settings, _budget(run)), baseline=path)
    except RunError as error:
        raise RunFolderError(f"a baseline must be a finished run: {error}") from error


def declared_by(folder: Path | str, file: Path | str) -> Spec:
    """What a file says of the model and the inputs of a finished run: a whole spec, or, of a modified model, the file with its section ``model`` alone.

    Raises: SpecError or InputError for what is wrong with the file; RunFolderError or RunError for the run.
    """
    with finished_run(Path(folder)) as run:
        modified = any(document.kind == "model" for document in run.documents)
        return modified_spec(file, run.documents) if modified else spec_alone(file)


def _cache(run: FinishedRun) -> Cache:
    """What a run keeps, where a modified model can rest on it.

    Raises: RunFolderError where it cannot.
    """
    plan = run.spec.certification
    if run.spec.recertification is not None:
        raise RunFolderError(
            f"{run.path}: is the run of a modified model itself, certified on {run.manifest['identity'].get('baseline', {}).get('run', 'a baseline')}: "
            "give the run of that baseline, which several models may rest on"
        )
    kind = "until_decided" if run.spec.sampling.until_decided else "sigma" if plan.policy is not None else plan.budget.kind
    if (why := _UNFIT.get(kind)) is not None:
        raise RunFolderError(f"{run.path}: {why}")
    cache = noted_cache(run.store)
    if cache is None or not plan.cache:
        raise RunFolderError(
            f"{run.path}: a baseline must keep the answers to its draws, but this run keeps none: add certification: {{cache: {{draws: 1000}}}} "
            "to its spec and run it again"
        )
    wanted = min(plan.cache, _budget(run).n)
    if cache.draws != wanted:
        raise RunFolderError(
            f"{run.path}: its spec keeps the answers to {wanted:,} draws a point, but the evidence says {cache.draws:,}"
        )
    for index, what, kept, must in unfit_answers(run.store, cache.draws):
        where = f"point {index}" if index >= 0 else "all points"
        raise RunFolderError(
            f"{run.path}: the answers that it keeps must be those that its certificates count, but they are damaged: {where}, {what}: {kept}, "
            f"must be {'among ' if isinstance(must, dict) else ''}{must}"
        )
    return cache


def reuse_account(spec: Spec, found: Results) -> dict[str, Any]:
    """What certificates on a baseline rest on and what they took, for the manifest: it follows from the spec and the points that were ``found``.

    ``joint_alpha``: of all models on this baseline, some certificate at a point is false with at most this probability.
    """
    settings, plan = spec.recertification, spec.certification
    assert settings is not None  # the callers have made sure
    terms = terms_of(settings, plan.alpha)
    return {
        "models": terms.models,
        "alpha_baseline": terms.alpha,
        "alpha_drawn": terms.alpha_z,
        "alpha": terms.whole_alpha,
        "joint_alpha": terms.joint_alpha,
        "draws": int(found.n.sum()),
        "from_scratch_draws": len(found) * (plan.budget.n0 + plan.budget.n),
    }


_AGAIN = "a modified model can rest only on certificates whose own draws chose the class and whose n was fixed"
_UNFIT = {
    "until_decided": "its points stopped coming when its own criteria were decided, so that they are no sample for another model: give sampling a "
    "number of points and run the baseline again",
    "sigma": "its noise levels were chosen by a policy, but a modified model can rest only on certificates at one level: run the baseline with "
    "one sigma",
    "single_batch": f"its budget is single_batch, but {_AGAIN}: run the baseline with budget kind reduced",
    "sequential": f"its budget is sequential, but {_AGAIN}: run the baseline with budget kind reduced",
}


def _budget(run: FinishedRun) -> Budget:
    """The draws that the run's points took: where a pilot chose n, as many as it chose.

    Raises: RunFolderError where the manifest does not say.
    """
    budget, pilot = run.spec.certification.budget, run.manifest.get("pilot")
    if budget.kind != "tolerance":
        return budget
    n = pilot.get("n") if isinstance(pilot, dict) else None
    if type(n) is not int or not 1 <= n <= budget.n:
        raise RunFolderError(f"{run.path}: the manifest must say which n the pilot chose, found {n!r}")
    return replace(budget, n=n)


def _check_draws(settings: Recertification, alpha: float, base_n: int) -> None:
    """Some model could be certified with these draws, on a baseline of ``base_n``.

    Raises: InputError where none could, with the fewest draws that would do.
    """
    terms = terms_of(settings, alpha)
    routes: tuple[Route, ...] = ("incremental", "fresh") if terms.rule in ("auto", "gamma") else (terms.rule,)  # type: ignore[assignment] # the others

    def enough(n: int) -> bool:
        return any(terms.lower_bound(route, base_hits=base_n, base_n=base_n, head=n, lost=0, hits=n, n=n) > 0.5 for route in routes)

    if not enough(settings.draws):
        fewest = next((n for n in range(settings.draws, base_n + 1) if enough(n)), None)
        do = "no number of draws would do: choose another share" if fewest is None else f"ask for {fewest:,} or more"
        raise InputError(f"{settings.draws:,} draws a point certify nothing, even if no answer of the modified model differs; {do}")


def _check_criteria(spec: Spec, stops: bool) -> None:
    """The criteria can be judged by certificates of this kind.

    Raises: InputError where they cannot.
    """
    criteria = [criterion for group in spec.criteria for criterion in group.criteria]
    if changes := [criterion for criterion in criteria if criterion.metric == REGRESSION]:
        raise InputError(
            f"{changes[0].location}: criterion {changes[0].id} asks for a regression, which compares two models at the same budget; a modified model that is "
            "certified on its baseline has another. Leave it out, or assess the model from nothing: odd-assess run --baseline"
        )
    if lost := [one for one in criteria if one.metric == "radius_reduction" and one.severity == "blocking"]:
        raise InputError(
            f"{lost[0].location}: criterion {lost[0].id} asks what the budget cost, which only a reference subsample measures, and a modified model that is "
            "certified on its baseline has none: make it severity: warning in a spec of its own, given to --model, or assess the model from nothing"
        )
    if stops and not asked_radii(criteria):
        raise InputError(
            "draws stop when the radii that the criteria ask about are decided, but no criterion asks about one: leave out --when-decided"
        )
