"""The key certification.cache, and the settings of a recertification as a document."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from odd_assess.errors import InputError, SpecError
from odd_assess.records import Recertification, SourceFile
from odd_assess.spec import kept_spec, load_spec, modified_spec, with_settings

from .conftest import Folder

REFERENCE = "reference: {n: 10000, points: 20}"
SETTINGS = Recertification(draws=300, share=0.25, route="gamma", gamma=0.95, models=3, when_decided=True)


def test_a_cache_is_read(folder: Folder) -> None:
    """As many answers as it says; none where it is left out."""
    assert load_spec(folder.spec).certification.cache == 0
    folder.edit((REFERENCE, "cache: {draws: 1000}"))
    assert load_spec(folder.spec).certification.cache == 1000


@pytest.mark.parametrize(
    ("edits", "problem"),
    [
        ([(REFERENCE, "cache: {draws: 1001}")], "cache.draws: must not exceed n = 1000, the draws that bound a point, found 1001"),
        ([(REFERENCE, "cache: {draws: 0}")], "certification.cache.draws: must be >= 1"),
        ([(REFERENCE, "cache: 1000")], "certification.cache: must be a mapping such as {draws: 1000}, found the number 1000"),
        ([(REFERENCE, "cache: {}")], "certification.cache.draws: is required"),
        (
            [(REFERENCE, "cache: {draws: 10}"), ("kind: reduced, n0: 100, n: 1000", "kind: single_batch, n: 1000")],
            "certification.cache: is kept for modified models, which need a baseline whose own draws chose the class and whose n is fixed",
        ),
        (
            [(REFERENCE, "cache: {draws: 10}"), ("kind: reduced, n0: 100, n: 1000", "kind: sequential, n0: 100, max: 1000")],
            "found sequential",
        ),
        (
            [(REFERENCE, "cache: {draws: 10}"), ("sigma: 0.25", "sigma: {policy: cascade, sigmas: [0.5, 0.25]}")],
            "certification.cache: is kept for modified models, which need a baseline at one noise level",
        ),
        (
            [(REFERENCE, "cache: {draws: 10}"), ("points: 300, seed", "until_decided: true, max_points: 300, seed")],
            "with a fixed number of points, but sampling is until_decided",
        ),
    ],
)
def test_what_cannot_be_kept_is_one_problem(folder: Folder, edits: list[tuple[str, str]], problem: str) -> None:
    """At the key, with what must hold."""
    folder.edit(*edits)
    with pytest.raises(SpecError) as caught:
        load_spec(folder.spec)
    assert [one for one in str(caught.value).splitlines() if problem in one], str(caught.value)
    assert len(caught.value.problems) == 1


def test_settings_are_read_again_from_the_documents(folder: Folder) -> None:
    """All of them, the baseline's budget and the model's own section; the reference keeps its n, without a subsample."""
    spec = load_spec(folder.spec)
    model = folder.path / "model.yaml"
    model.write_text("model: {architecture: some_package.networks:smaller, precision: bfloat16}")
    made = with_settings(modified_spec(model, spec.documents), SETTINGS, replace(spec.certification.budget, n=777))
    again = kept_spec(made.documents, folder.path)
    assert again.recertification == made.recertification == SETTINGS
    assert again.model == made.model
    assert (again.model.reference, again.model.precision) == ("some_package.networks:smaller", "bfloat16")
    assert again.certification == made.certification
    assert (again.certification.budget.n, again.certification.cache) == (777, 0)
    assert again.certification.reference is not None
    assert (again.certification.reference.n, again.certification.reference.points) == (10000, 0)
    assert [document.kind for document in again.documents] == ["spec", "criteria", "model", "recertification"]


@pytest.mark.parametrize(
    "changes",
    [
        {"draws": 0},
        {"draws": "300"},
        {"share": 1.0},
        {"route": "both"},
        {"gamma": 0.5},
        {"when_decided": 1},
        {"odd_assess_recertification": 2},
        {"baseline": 3},
    ],
)
def test_damaged_settings_are_one_error(folder: Folder, changes: dict[str, Any]) -> None:
    """Whatever is wrong with them."""
    spec = load_spec(folder.spec)
    made = with_settings(spec, SETTINGS, spec.certification.budget)
    last = made.documents[-1]
    content = json.dumps(json.loads(last.content) | changes).encode()
    spoilt = SourceFile(kind=last.kind, name=last.name, sha256=last.sha256, content=content)
    with pytest.raises(ValueError, match=r"out of range|another kind|version|as a run wrote it"):
        kept_spec((*spec.documents, spoilt), folder.path)


def test_a_lock_sees_that_the_model_is_another(folder: Folder) -> None:
    """The criteria are as they were locked, the spec is not: its model was replaced."""
    from odd_assess.spec import lock_spec

    lock_spec(folder.spec)
    model = folder.path / "model.yaml"
    model.write_text("model: {architecture: some_package.networks:smaller}")
    made = modified_spec(model, load_spec(folder.spec).documents)
    assert made.lock is not None
    assert (made.lock.state, made.lock.spec_changes) == ("spec changed", ("model",))


def test_data_are_looked_for_beside_the_model(folder: Folder, tmp_path: Path) -> None:
    """Where they are not there it is one error that says what to do; beside the spec they are found."""
    (folder.path / "images.npz").write_bytes(b"")
    folder.edit(("inputs: {dataset: digits}", "inputs: {npz: images.npz}"))
    documents = load_spec(folder.spec).documents
    for place in (tmp_path / "elsewhere", folder.path):
        place.mkdir(exist_ok=True)
        (place / "model.yaml").write_text("model: {architecture: some_package.networks:smaller}")
    assert modified_spec(folder.path / "model.yaml", documents).inputs.path == folder.path / "images.npz"
    with pytest.raises(
        InputError, match=r"inputs.npz must name an existing file, found nothing at .*elsewhere.*give a copy of that spec"
    ):
        modified_spec(tmp_path / "elsewhere" / "model.yaml", documents)
