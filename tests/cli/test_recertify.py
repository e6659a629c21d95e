"""``odd-assess recertify``: modified models on what a run keeps, from the spec to `verify`; and all that is refused."""

import json
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from odd_assess import open_run
from odd_assess.assessment import assess
from odd_assess.audit import recertification
from odd_assess.errors import InputError
from odd_assess.evidence import EvidenceStore, sha256
from odd_assess.examples.digits import WEIGHTS
from odd_assess.progress import Quiet
from odd_assess.stats import certified_radius, modified_lower_bound, proportion_lower_bound

from .conftest import Bench, Outcome, reseal

POINTS, N0, N, KEPT = 12, 20, 1000, 300
NETWORK = "odd_assess.examples.digits:network"


def model_file(folder: Path, name: str, change: Callable[[dict[str, torch.Tensor]], None], **section: object) -> Path:
    """The digits' network with other weights: the file of a model section alone."""
    weights = load_file(WEIGHTS)
    change(weights)
    save_file(weights, folder / f"{name}.safetensors")
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps({"model": {"architecture": NETWORK, "weights": f"{name}.safetensors", **section}}))
    return path


def nudged(weights: dict[str, torch.Tensor]) -> None:
    """One weight, by one unit in its last place."""
    first = next(value for value in weights.values() if value.is_floating_point())
    first.view(-1)[0] = torch.nextafter(first.view(-1)[0], torch.tensor(10.0))


def rounded(weights: dict[str, torch.Tensor]) -> None:
    """Every weight to an eighth of a unit of its tensor's largest: some answers change."""
    for value in weights.values():
        if value.is_floating_point() and value.ndim > 1:
            step = value.abs().max() / 8
            value.copy_((value / step).round() * step)


@pytest.fixture(scope="module")
def base(make_bench: Callable[[], Bench]) -> Bench:
    """A finished run that keeps answers, with two modified models beside its spec; do not change it."""
    bench = make_bench().change(
        {
            "sampling/points": POINTS,
            "certification/budget": {"kind": "reduced", "n0": N0, "n": N},
            "certification/reference": "none",
            "certification/cache": {"draws": KEPT},
            "certification/batch_size": 128,
            "unattainable": "accept",
        }
    )
    model_file(bench.folder, "nudged", nudged)
    model_file(bench.folder, "rounded", rounded)
    assert bench.run("--quiet").status in {0, 1, 3}
    return bench


@pytest.fixture(scope="module")
def modified(base: Bench) -> Bench:
    """The run of the rounded model on it, in the folder ``rounded``; do not change it."""
    outcome = recertify(base, "--model", base.folder / "rounded.yaml", out="rounded")
    assert outcome.status in {0, 1, 3}, outcome
    return base


def recertify(bench: Bench, *args: str | Path, run: str = "run", out: str = "out") -> Outcome:
    return bench("recertify", bench.folder / run, "--out", bench.folder / out, "--no-pdf", "--quiet", *args)


def manifest_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "manifest.json").read_text())
    return found


# ---------------------------------------------------------------- what is found


def test_a_model_that_answers_as_before_has_the_radius_of_the_formula(base: Bench) -> None:
    """No copy is lost or changed, and each bound is the baseline's at half of alpha less that of no loss, or that of the same counts counted afresh."""
    assert recertify(base, "--model", base.folder / "nudged.yaml", out="nudged").status in {0, 1, 3}
    table = open_run(base.folder / "nudged").certificates
    main, before = (table[table["stage"] == stage].reset_index() for stage in ("main", "baseline"))
    assert (main["lost"] == 0).all()
    assert (main["changed"] == 0).all()
    assert (main["chosen"] == before["chosen"]).all()
    assert set(main["route"]) <= {"incremental", "fresh"}
    assert "incremental" in set(main["route"])
    for now, then in zip(main.itertuples(), before.itertuples(), strict=True):
        lower = modified_lower_bound(proportion_lower_bound(then.hits, N, alpha=0.0005), 0, KEPT, alpha_z=0.0005)
        fresh = proportion_lower_bound(now.hits, KEPT, alpha=0.001)
        assert now.radius == certified_radius(float(lower) if now.route == "incremental" else fresh, sigma=0.25)
    assert (main["n"] == KEPT).all()
    assert base("verify", base.folder / "nudged").status == 0


def test_a_modified_model_is_certified_verified_and_told(modified: Bench) -> None:
    """Answers change, fewer draws are spent; manifest, attestation, report and a replay of every point agree, from the run's folder and the model's file."""
    run = modified.folder / "rounded"
    manifest, table = manifest_of(run), open_run(run).certificates
    assert table.loc[table["stage"] == "main", "changed"].sum() > 0
    said = manifest["recertified"]
    assert (said["draws"], said["from_scratch_draws"]) == (POINTS * KEPT, POINTS * (N0 + N))
    assert said["joint_alpha"] == pytest.approx(0.001)
    assert said["baseline"]["evidence"] == sha256(modified.folder / "run" / "evidence.sqlite")
    assert said["baseline"]["model"] == manifest_of(modified.folder / "run")["identity"]["model"] != manifest["identity"]["model"]
    assert said["seconds"]["draws"] == POINTS * KEPT
    assert said["baseline_seconds"]["draws"] == POINTS * (N0 + N)
    named = json.loads((run / "attestation.json").read_text())["predicate"]["configuration"]
    assert said["baseline"]["evidence"] in {entry["digest"]["sha256"] for entry in named}
    assert modified("report", run, "--no-pdf").status == 0
    outcome = modified("verify", run, "--replay", str(POINTS), "--model", modified.folder / "rounded.yaml")
    assert outcome.status == 0, outcome
    assert f"({POINTS} certificates, {POINTS * KEPT:,} draws" in outcome.out
    baseline = modified("verify", modified.folder / "run", "--replay", "2", "--model", modified.folder / "rounded.yaml")
    assert (baseline.status, baseline.err.count("\n"), "this file declares a model alone" in baseline.err) == (2, 1, True)
    other = modified("verify", run, "--replay", "2", "--model", modified.folder / "nudged.yaml")
    assert other.status == 2
    assert "model: the run's is" in other.err


def test_draws_stop_when_the_radii_are_decided(modified: Bench) -> None:
    """Fewer draws than are kept, at most as many as are asked for; the run is derived again to the last bit."""
    outcome = recertify(modified, "--model", modified.folder / "rounded.yaml", "--when-decided", "--draws", "200", out="stops")
    assert outcome.status in {0, 1, 3}, outcome
    table = open_run(modified.folder / "stops").certificates
    n = table.loc[table["stage"] == "main", "n"]
    assert n.max() <= 200
    assert n.min() < 100
    assert set(table.loc[table["stage"] == "main", "procedure"]) == {"incremental_sequential"}
    assert modified("verify", modified.folder / "stops").status == 0


def test_several_models_share_one_baseline(modified: Bench) -> None:
    """A folder each, the joint error said; the fresh bound pays its part of alpha for each model."""
    files = [modified.folder / "rounded.yaml", modified.folder / "nudged.yaml"]
    outcome = recertify(modified, *(word for file in files for word in ("--model", file)), "--share", "0.25", out="both")
    assert outcome.status in {0, 1, 3}, outcome
    assert "of these 2 models on one baseline, some certificate at a point is false with probability at most 0.00125" in outcome.out
    for name in ("rounded", "nudged"):
        assert manifest_of(modified.folder / "both" / name)["recertified"]["models"] == 2
        assert modified("verify", modified.folder / "both" / name).status == 0


def test_a_whole_spec_brings_criteria_of_its_own(modified: Bench, make_bench: Callable[[], Bench]) -> None:
    """Another criterion and a sequential budget in a copy of the spec with the new model: judged by it, stopped when decided."""
    bench = make_bench()
    shutil.copy(modified.spec, bench.spec)
    bench.change(
        {
            "model/weights": str(modified.folder / "rounded.safetensors"),
            "certification/budget": {"kind": "sequential", "n0": 20, "max": 900},
        }
    )
    bench.change({"criteria/0/id": "OWN", "criteria/0/radius": 0.05}, "criteria.yaml")
    bench.change({"certification/cache": None})
    outcome = bench(
        "recertify", modified.folder / "run", "--model", bench.spec, "--out", bench.folder / "run", "--no-pdf", "--quiet"
    )
    assert outcome.status in {0, 1, 3}, outcome
    assert "OWN" in outcome.out
    assert open_run(bench.folder / "run").spec.certification.budget.kind == "reduced"
    assert bench("verify", bench.folder / "run", "--replay", "3", "--model", bench.spec).status == 0


def test_a_baseline_whose_pilot_chose_n(base: Bench, make_bench: Callable[[], Bench]) -> None:
    """It keeps no more answers than the n that was chosen; the modified model has no pilot of its own, and rests on that n."""
    bench = make_bench()
    shutil.copy(base.spec, bench.spec)
    pilot = {"kind": "tolerance", "radius_reduction": 0.4, "n0": 50, "max": 1000, "pilot_points": 5}
    bench.change({"certification/budget": pilot, "certification/cache": {"draws": 1000}})
    assert bench.run("--quiet").status in {0, 1, 3}
    n = manifest_of(bench.folder / "run")["pilot"]["n"]
    assert n < 1000
    model = model_file(bench.folder, "rounded", rounded)
    assert recertify(bench, "--model", model).status in {0, 1, 3}
    assert manifest_of(bench.folder / "out")["recertified"]["from_scratch_draws"] == POINTS * (50 + n)
    assert set(open_run(bench.folder / "out").certificates["n"]) == {n}
    outcome = bench("verify", bench.folder / "out", "--replay", "3", "--model", model)
    assert outcome.status == 0, outcome


# ---------------------------------------------------------------- durability


class _StopsError(Exception):
    pass


class Stops(Quiet):
    """Breaks a run after so many certificates."""

    def __init__(self, after: int) -> None:
        self.left = after

    def advance(self, *, points: int = 0, draws: int = 0, spent: int = 0) -> None:
        """A certificate less."""
        self.left -= points
        if points and self.left <= 0:
            raise _StopsError


def test_an_interrupted_recertification_ends_in_the_same_bytes(modified: Bench) -> None:
    """Stopped after five points, gone on with: the evidence of the run that was not; under other settings it is not the same run."""
    spec = recertification(modified.folder / "run", modified.folder / "rounded.yaml")
    out = modified.folder / "stopped"
    with pytest.raises(_StopsError):
        assess(spec, out, progress=Stops(5))
    assert recertify(modified, "--model", modified.folder / "rounded.yaml", out="stopped").status == 2
    other = recertify(modified, "--model", modified.folder / "rounded.yaml", "--resume", "--draws", "200", out="stopped")
    assert other.status == 2
    assert "recertification_file: was" in other.err
    assert recertify(modified, "--model", modified.folder / "rounded.yaml", "--resume", out="stopped").status in {0, 1, 3}
    assert (out / "evidence.sqlite").read_bytes() == (modified.folder / "rounded" / "evidence.sqlite").read_bytes()
    assert manifest_of(out)["seconds"]["draws"] < POINTS * KEPT


def test_an_interrupted_baseline_keeps_the_same_answers(base: Bench) -> None:
    """Stopped after five points, gone on with: the same bytes, the kept answers among them."""
    from odd_assess import load_spec

    out = base.folder / "again"
    with pytest.raises(_StopsError):
        assess(load_spec(base.spec), out, progress=Stops(5))
    assess(load_spec(base.spec), out, resume=True)
    assert (out / "evidence.sqlite").read_bytes() == (base.folder / "run" / "evidence.sqlite").read_bytes()


# ---------------------------------------------------------------- what is refused


def refused(outcome: Outcome, bench: Bench, *words: str, out: str = "out") -> None:
    assert outcome.status == 2, outcome
    for word in words:
        assert word in outcome.err
    assert "defect" not in outcome.err
    assert not (bench.folder / out).exists()


def test_a_model_that_was_not_modified_is_refused(base: Bench) -> None:
    """The same file, and the same weights in another file: the baseline's certificates hold."""
    model_file(base.folder, "copy", lambda _: None)
    for name in (base.spec, base.folder / "copy.yaml"):
        refused(recertify(base, "--model", name), base, "nothing was modified, and the baseline's certificates hold for it")


def test_another_preprocessing_is_refused(base: Bench) -> None:
    """With what to write instead."""
    file = model_file(base.folder, "shifted", rounded, normalise={"mean": [0.1], "std": [0.9]})
    refused(
        recertify(base, "--model", file), base, "normalise.mean: was None, is [0.1]", "leave normalise out of its model section"
    )


def test_draws_that_certify_nothing_are_refused(base: Bench) -> None:
    """With the fewest that would certify something, whether they stop when decided or not; that many are taken on, one less is not."""
    model = base.folder / "nudged.yaml"
    refused(recertify(base, "--model", model, "--draws", "5"), base, "5 draws a point certify nothing", "or more")
    refused(recertify(base, "--model", model, "--draws", "5", "--when-decided"), base, "5 draws a point certify nothing", "or more")
    with pytest.raises(InputError, match="ask for") as told:
        recertification(base.folder / "run", model, draws=5)
    fewest = int(str(told.value).split("ask for ")[1].split()[0])
    with pytest.raises(InputError, match="certify nothing"):
        recertification(base.folder / "run", model, draws=fewest - 1)
    settings = recertification(base.folder / "run", model, draws=fewest).recertification
    assert settings is not None
    assert settings.draws == fewest


def test_a_gamma_that_nothing_asks_for_is_refused(base: Bench) -> None:
    """It would be ignored: --gamma is for --route gamma."""
    outcome = recertify(base, "--model", base.folder / "rounded.yaml", "--gamma", "0.9", out="ignored")
    assert outcome.status == 2
    assert "--gamma is for --route gamma" in outcome.err


def test_more_draws_than_are_kept_are_refused(base: Bench) -> None:
    """With their number, and how to have more."""
    outcome = recertify(base, "--model", base.folder / "rounded.yaml", "--draws", "301")
    refused(outcome, base, "keeps the answers to 300 draws a point", "certification.cache {draws: 301}")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sampling/points": 13}, "points (digest)"),
        ({"sampling/seed": 6}, "seed: was 5, is 6"),
        ({"certification/sigma": 0.3}, "sigma: was 0.25, is 0.3"),
        ({"certification/alpha": 0.01}, "alpha: was 0.001, is 0.01"),
        ({"inputs/split": "train"}, "data (digest)"),
        ({"odd/attributes/defocus/realise/transform": "motion_blur"}, "preprocessing of defocus"),
    ],
)
def test_other_conditions_are_refused(base: Bench, make_bench: Callable[[], Bench], changes: dict[str, object], words: str) -> None:
    """What differs is named, with what to do."""
    bench = make_bench()
    shutil.copy(base.spec, bench.spec)
    bench.change({"model/weights": str(base.folder / "rounded.safetensors"), **changes})
    outcome = bench("recertify", base.folder / "run", "--model", bench.spec, "--out", bench.folder / "out", "--no-pdf", "--quiet")
    refused(outcome, bench, words, "Give the baseline's own spec with another model section")


def test_a_run_that_keeps_nothing_is_refused(finished: Bench, base: Bench, modified: Bench) -> None:
    """With the key to add; a recertified run, a folder that is no run and an unfinished one, too."""
    model = base.folder / "rounded.yaml"
    outcome = base("recertify", finished.folder / "run", "--model", model, "--out", base.folder / "out", "--quiet")
    refused(outcome, base, "add certification: {cache: {draws: 1000}} to its spec and run it again")
    refused(recertify(modified, "--model", model, run="rounded"), base, "is the run of a modified model itself, certified on tiny")
    (base.folder / "empty").mkdir()
    refused(recertify(base, "--model", model, run="empty"), base, "must be a run folder")
    shutil.copytree(base.folder / "run", base.folder / "unfinished")
    reseal(base.folder / "unfinished", status="running")
    refused(recertify(base, "--model", model, run="unfinished"), base, "a baseline must be a finished run", "status 'running'")


def test_criteria_that_such_certificates_cannot_bear_are_refused(base: Bench, make_bench: Callable[[], Bench]) -> None:
    """A regression, a blocking radius_reduction, and stopping when decided without a radius."""
    bench = make_bench()
    shutil.copy(base.spec, bench.spec)
    bench.change({"model/weights": str(base.folder / "rounded.safetensors")})
    for criterion, words, more in (
        ({"metric": "regression", "of": "clean_accuracy", "require": ">= -0.1"}, "asks for a regression", ()),
        ({"metric": "radius_reduction", "require": "<= 0.5", "estimate": "accepted"}, "asks what the budget cost", ()),
        ({"metric": "clean_accuracy", "require": ">= 0.5"}, "no criterion asks about one", ("--when-decided",)),
    ):
        (bench.folder / "criteria.yaml").write_text(
            json.dumps({"odd_assess_criteria": 1, "id": "c", "criteria": [{"id": "C", "confidence": 0.95, **criterion}]})
        )
        if criterion["metric"] == "radius_reduction":
            bench.change({"certification/reference": {"n": 2000, "points": 4}})
            bench.change({"criteria/0/confidence": None}, "criteria.yaml")
        else:
            bench.change({"certification/reference": "none"})
        outcome = bench(
            "recertify", base.folder / "run", "--model", bench.spec, "--out", bench.folder / "out", "--no-pdf", "--quiet", *more
        )
        refused(outcome, bench, words)


def test_a_file_that_is_no_model_is_refused(base: Bench, tmp_path: Path) -> None:
    """Another key beside the model, a weights file that is missing, and data that are not found from the file's folder."""
    file = tmp_path / "model.yaml"
    file.write_text("model: {architecture: 'odd_assess.examples.digits:network', weights: gone.safetensors}\ncriteria: [x.yaml]\n")
    outcome = recertify(base, "--model", file)
    refused(outcome, base, "model.yaml:2:1: criteria: is not a known key beside model alone", "must name an existing file")
    file.write_text("[]\n")
    refused(recertify(base, "--model", file), base, "model.yaml:1:1")
    file.write_text('{"odd_assess_derived": 1, "recipe": {}}')
    assert (
        recertify(base, "--model", file).err.strip()
        == f"{file}:1:1: this is the record of a derived model: give the file model.yaml that lies beside it"
    )


def damaged(run: Path, sql: str, *values: object) -> None:
    """Change the evidence as a forger who computes the digests anew."""
    db = sqlite3.connect(run / "evidence.sqlite")
    assert db.execute(sql, values).rowcount >= 1
    db.commit()
    db.close()
    reseal(run)


OTHERS = zlib.compress(np.full(KEPT, 10, dtype="<u4").tobytes(), 9)


@pytest.mark.parametrize(
    ("sql", "values", "words"),
    [
        ("UPDATE answers SET content = ? WHERE idx = 3", (b"x",), "there must be 300 kept answers of 4 bytes"),
        ("UPDATE answers SET draws = 299 WHERE idx = 3", (), "there must be 299 kept answers"),
        ("DELETE FROM answers WHERE idx = 3", (), "point 3, number of kept answers: 0"),
        ("UPDATE answers SET content = ? WHERE idx = 3", (OTHERS,), "point 3, kept answers by class"),
        ("UPDATE meta SET value = replace(value, '300', '200') WHERE key = 'cache'", (), "but the evidence says 200"),
        ("UPDATE meta SET value = '7' WHERE key = 'cache'", (), "cannot be read"),
        (
            "UPDATE meta SET value = replace(value, '\"noise\": \"', '\"noise\": \"0') WHERE key = 'cache'",
            (),
            "this machine draws another",
        ),
    ],
)
def test_a_damaged_cache_is_refused(base: Bench, tmp_path: Path, sql: str, values: tuple[object, ...], words: str) -> None:
    """Whatever its digests say; without new digests, the digests say so."""
    bench = Bench(tmp_path)
    shutil.copytree(base.folder / "run", tmp_path / "run")
    damaged(tmp_path / "run", sql, *values)
    refused(recertify(bench, "--model", base.folder / "rounded.yaml"), bench, words)
    if "noise" not in sql:
        assert bench("verify", tmp_path / "run").status in {1, 2}
    (tmp_path / "run" / "manifest.json").write_bytes((base.folder / "run" / "manifest.json").read_bytes())
    refused(recertify(bench, "--model", base.folder / "rounded.yaml"), bench, "digest of evidence.sqlite")


def test_another_kind_of_device_is_refused(base: Bench, tmp_path: Path) -> None:
    """Noise belongs to it."""
    bench = Bench(tmp_path)
    shutil.copytree(base.folder / "run", tmp_path / "run")
    reseal(tmp_path / "run", identity={**manifest_of(tmp_path / "run")["identity"], "device": "cuda"})
    refused(recertify(bench, "--model", base.folder / "rounded.yaml"), bench, "kind of device: was cuda, is cpu")


def test_an_input_that_differs_later_is_not_counted(base: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the points that are looked at beforehand, it is found before its draws are counted: status 4, and what is certified stays."""
    from odd_assess.assessment import baseline

    bench = Bench(tmp_path)
    shutil.copytree(base.folder / "run", tmp_path / "run")
    damaged(tmp_path / "run", "UPDATE points SET input_sha256 = ? WHERE idx = 10", "0" * 64)
    monkeypatch.setattr(baseline, "CHUNK", 4)
    outcome = recertify(bench, "--model", base.folder / "rounded.yaml")
    assert outcome.status == 4, outcome
    assert "point 10 must have the input and the label that it has in the baseline" in outcome.err
    with EvidenceStore.open(tmp_path / "out" / "evidence.sqlite") as store:
        assert 10 not in store.done("main")


def test_an_input_that_differs_is_found_before_anything_is_spent(base: Bench, tmp_path: Path) -> None:
    """The digest of one input is another in the baseline."""
    bench = Bench(tmp_path)
    shutil.copytree(base.folder / "run", tmp_path / "run")
    damaged(tmp_path / "run", "UPDATE points SET input_sha256 = ? WHERE idx = 3", "0" * 64)
    refused(recertify(bench, "--model", base.folder / "rounded.yaml"), bench, "input of point 3: was another image")


# ---------------------------------------------------------------- what is changed afterwards


@pytest.mark.parametrize(
    ("sql", "where"),
    [
        *(
            (
                f"UPDATE certificates SET reused = json_set(reused, '$.{name}', json_extract(reused, '$.{name}') + 1) WHERE stage = 'main'",
                said,
            )
            for name, said in (
                ("base_hits", "hits of the baseline"),
                ("base_n", "n of the baseline"),
                ("head", "head"),
                ("lost", "p_a_lower"),
                ("changed", "changed"),
            )
        ),
        ("UPDATE certificates SET reused = json_set(reused, '$.route', 'both') WHERE stage = 'main'", "route"),
        ("UPDATE certificates SET reused = '{}' WHERE stage = 'main'", "damaged"),
        ("UPDATE certificates SET reused = NULL WHERE stage = 'main'", "hits of the baseline"),
        ("UPDATE certificates SET p_a_lower = p_a_lower + 1e-9 WHERE stage = 'main'", "p_a_lower"),
        ("UPDATE certificates SET radius = radius + 1e-9 WHERE stage = 'main'", "radius"),
        ("UPDATE certificates SET label = label + 1 WHERE stage = 'main'", "label"),
        ("UPDATE certificates SET alpha = 0.0015 WHERE stage = 'main'", "alpha"),
        ("UPDATE certificates SET sigma = 0.3 WHERE stage = 'main'", "sigma"),
        ("UPDATE certificates SET n = 299 WHERE stage = 'main'", "damaged"),
        ("UPDATE certificates SET n0 = 1 WHERE stage = 'main'", "n0 (spec)"),
        ("UPDATE certificates SET selection = '[[0,20]]' WHERE stage = 'main'", "selection"),
        ("UPDATE certificates SET procedure = 'reduced' WHERE stage = 'main'", "procedure"),
        ("UPDATE certificates SET label = label + 1 WHERE stage = 'baseline'", "label"),
        ("UPDATE certificates SET reused = '{}' WHERE stage = 'baseline'", "damaged"),
        ("DELETE FROM certificates WHERE stage = 'baseline' AND idx = 3", "must have a certificate at each point"),
        ("DELETE FROM answers WHERE idx = 3", "number of kept answers"),
        ("UPDATE answers SET draws = 299 WHERE idx = 3", "299 kept answers"),
        ("UPDATE meta SET value = replace(value, '300', '299') WHERE key = 'cache'", "kept answers a point"),
        (
            "UPDATE documents SET content = CAST(replace(CAST(content AS TEXT), '300', '200') AS BLOB) WHERE kind = 'recertification'",
            "document recertification.json",
        ),
        (
            "UPDATE documents SET content = CAST(replace(CAST(content AS TEXT), 'rounded', 'roundee') AS BLOB) WHERE kind = 'model'",
            "document rounded.yaml",
        ),
    ],
)
def test_any_change_of_a_recertified_run_is_found(modified: Bench, tmp_path: Path, sql: str, where: str) -> None:
    """Each column of its certificates, what they took, the baseline, the kept answers and the settings, by a forger who computes digests anew."""
    run = tmp_path / "run"
    shutil.copytree(modified.folder / "rounded", run)
    damaged(run, sql)
    outcome = modified("verify", run)
    assert outcome.status in {1, 2}, outcome
    assert where in f"{outcome.out}{outcome.err}"


@pytest.mark.parametrize("key", ["models", "alpha_baseline", "alpha_drawn", "alpha", "joint_alpha", "draws", "from_scratch_draws"])
def test_what_the_manifest_says_is_derived_again(modified: Bench, tmp_path: Path, key: str) -> None:
    """Each number of it that follows from the settings and the counts."""
    run = tmp_path / "run"
    shutil.copytree(modified.folder / "rounded", run)
    said = manifest_of(run)["recertified"]
    reseal(run, recertified={**said, key: said[key] + 1})
    outcome = modified("verify", run)
    assert outcome.status == 1
    assert "manifest.json, recertified" in outcome.out


def test_a_baseline_keeps_what_it_says(base: Bench) -> None:
    """The answers of the first draws that bounded each point, no more than asked for."""
    with EvidenceStore.open(base.folder / "run" / "evidence.sqlite", finished=True) as store:
        answers = store.answers()
    assert sorted(answers) == list(range(POINTS))
    assert {len(kept) for kept in answers.values()} == {KEPT}
    assert base("verify", base.folder / "run", "--replay", "3", "--model", base.spec).status == 0
