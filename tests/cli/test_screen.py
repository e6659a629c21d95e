"""``screen``: what it prints and writes, that it can be repeated, and one clear error for what cannot be screened."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from odd_assess.assessment import screening
from odd_assess.average_case import estimates
from odd_assess.evidence.screening import Screening, allocation_csv, screening_csv, screening_data
from odd_assess.execution import estimating, set_up
from odd_assess.records import AverageCasePlan
from odd_assess.report import screening_html
from odd_assess.spec import load_spec
from odd_assess.stats.allocation import allocate

from .conftest import Bench
from .test_table import tabled

FEW = ("--points", "40", "--method", "taylor", "--device", "cpu")


@pytest.fixture
def few(bench: Bench) -> Bench:
    """A spec with a small check."""
    return bench.change({"average_case": {"check": {"points": 6, "draws": 20}}})


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    """All but what the clock says."""
    return {name: value for name, value in found.items() if name not in ("seconds", "files")}


def test_it_prints_a_table_and_writes_a_folder(few: Bench) -> None:
    """Exit status 0, the estimate with its interval, the check, the bias; four files at most, a row of the table for each point."""
    done = few("screen", few.spec, "--out", few.folder / "s", "--quiet", *FEW)
    assert done.status == 0, done
    assert done.err == ""
    assert f"  odd-assess lint {few.spec}\n  odd-assess lock {few.spec}\n  odd-assess run {few.spec}\n" in done.out
    for said in ("Screening of Digits, a few (tiny)", "Estimates, not certificates", "Self-check", "Robustness bias", "no gate"):
        assert said in done.out
    assert {path.name for path in (few.folder / "s").iterdir()} >= {"screening.html", "screening.json", "screening.csv"}
    found = rows(few.folder / "s" / "screening.csv")
    assert len(found) == 40
    assert sum(row["monte_carlo"] != "" for row in found) == 6
    assert all(0 <= float(row["low"]) <= float(row["estimate"]) <= float(row["high"]) <= 1 for row in found)


def test_the_json_says_what_the_page_rests_on(few: Bench) -> None:
    """--json and screening.json are the same; means over all points are those of the table; every part of the ODD and every class is there."""
    done = few("screen", few.spec, "--out", few.folder / "s", "--json", *FEW)
    data, kept = json.loads(done.out), json.loads((few.folder / "s" / "screening.json").read_text())
    assert data.pop("files")
    assert data == kept
    values = np.array([float(row["estimate"]) for row in rows(few.folder / "s" / "screening.csv")])
    assert data["whole"]["mean"] == pytest.approx(values.mean())
    assert data["whole"]["lower"] < data["whole"]["mean"] < data["whole"]["upper"]
    assert (data["kind"], data["points"], data["seed"]) == ("screening", 40, 5 + 2**66)
    assert list(data["levels"]) == ["light", "defocus", "dirt"]
    assert len(data["classes"]) == 10
    assert sum(part["points"] for part in data["cells"]) == sum(part["points"] for part in data["classes"]) == 40
    assert {pair for one in data["pairs"] for pair in one["attributes"]} == {"light", "dirt"}
    assert data["plan"]["method"] == "taylor"
    assert data["check"]["points"] == 6
    assert [claim["criterion"] for claim in data["forecast"]["claims"]] == ["CA"]
    assert data["allocation"]["steering"] == "CA"


def test_the_same_again_and_in_other_batches(few: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the same to the last bit, but for the clock; in other batches and chunks the same up to rounding in the model."""
    spec, plan = load_spec(few.spec), AverageCasePlan(sigma=0.25, samples=4, points=30, check_points=5, check_draws=20)
    first, again = (screening.screen(spec, plan=plan, device="cpu") for _ in range(2))
    assert screening_csv(first) == screening_csv(again)
    assert without_times(screening_data(first)) == without_times(screening_data(again))
    monkeypatch.setattr(estimating, "default_batch_size", lambda inputs: 3)
    monkeypatch.setattr("odd_assess.execution.bench.CHUNK", 7)
    other = screening.screen(spec, plan=plan, device="cpu")
    np.testing.assert_allclose(other.estimates.value, first.estimates.value, atol=2e-4)
    assert other.check is not None
    assert first.check is not None
    np.testing.assert_allclose(other.check.value, first.check.value, atol=0.051)  # a draw of twenty that rounding decides


def test_screened_points_are_none_of_the_runs(few: Bench) -> None:
    """Other conditions than those of a run, and of another seed; the first points are the same however many there are."""
    spec = load_spec(few.spec)
    plan = AverageCasePlan(sigma=0.25, method="softmax", points=20, check_points=0)
    found = screening.screen(spec, plan=plan, device="cpu")
    more = screening.screened(spec, AverageCasePlan(sigma=0.25, points=30))
    run, wider = (set_up(one, device="cpu", trust_pickle=False).points for one in (spec, more))
    assert not np.isin(found.points.codes[:, 0], run.codes[:, 0]).any()
    np.testing.assert_array_equal(found.points.codes, wider.codes[:20])
    other = screening.screen(spec, plan=plan, seed=6, device="cpu")
    assert not np.isin(other.points.codes[:, 0], found.points.codes[:, 0]).any()


def test_the_estimates_speak_of_the_base_images_of_their_own_seed(few: Bench) -> None:
    """The labels that are screened are not those of a run's first points: the base images are drawn anew."""
    spec = load_spec(few.spec)
    plan = AverageCasePlan(sigma=0.25, method="softmax", points=40, check_points=0)
    found = screening.screen(spec, plan=plan, device="cpu")
    bench = set_up(spec, device="cpu", trust_pickle=False)
    assert found.label.tolist() != bench.realiser.realise(list(bench.points)).labels.tolist()


def test_the_defaults_are_those_of_the_spec(bench: Bench) -> None:
    """Without a section average_case its defaults at the certificates' noise level; with one its own."""
    assert screening.plan_of_screening(load_spec(bench.spec)) == AverageCasePlan(sigma=0.25)
    bench.change({"average_case": {"method": "mc", "samples": 7, "sigma": 0.1, "points": 12, "check": "none"}})
    plan = screening.plan_of_screening(load_spec(bench.spec))
    assert (plan.method, plan.samples, plan.sigma, plan.points, plan.check_points) == ("mc", 7, 0.1, 12, 0)
    done = bench("screen", bench.spec, "--out", bench.folder / "s", "--json", "--device", "cpu")
    data = json.loads(done.out)
    assert (data["plan"]["method"], data["points"], data["check"]) == ("mc", 12, None)
    assert "sigma = 0.1" in data["forecast"]["reason"]


REFUSED: dict[str, tuple[list[str], str]] = {
    "sigma": (["--sigma", "-1"], "--sigma must be a number from 0.0001 to 1000"),
    "nan": (["--sigma", "nan"], "--sigma must be a number from 0.0001 to 1000"),
    "sigma too large": (["--sigma", "1e9"], "--sigma must be a number from 0.0001 to 1000"),
    "points beyond memory": (["--points", "1000000000000"], "'--points'"),
    "copies without end": (["--method", "mmse", "--samples", "1000000000000"], "'--samples'"),
    "seed": (["--seed", str(10**40)], "'--seed'"),
    "samples": (["--samples", "5"], "--samples is for mc, mmse and moments, the method taylor looks at no noisy copies"),
    "points": (["--points", "1"], "'--points'"),
    "method": (["--method", "magic"], "'--method'"),
    "device": (["--device", "cuda:77"], "the device must be one of this machine"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_options_that_cannot_be_used(few: Bench, case: str) -> None:
    """One message, status 2, no folder."""
    options, message = REFUSED[case]
    done = few("screen", few.spec, "--out", few.folder / "s", *FEW, *options)
    assert done.status == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (few.folder / "s").exists()


def test_a_folder_that_holds_something_is_left_alone(few: Bench) -> None:
    """Refused before anything is spent, unless --force: then the screening's own files are replaced, no others, and an old allocation goes."""
    out = few.folder / "s"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    (out / "allocation.csv").write_text("old")
    refused = few("screen", few.spec, "--out", out, *FEW)
    assert refused.status == 2
    assert "must be new or empty" in refused.err
    foreign = few("screen", few.spec, "--out", out, "--force", *FEW)
    assert foreign.status == 2
    assert "or that of a screening, found other files and no screening.json; give another --out" in foreign.err
    assert (out / "allocation.csv").read_text() == "old"
    (out / "screening.json").write_text("{}")
    assert few("screen", few.spec, "--out", out, "--force", *FEW).status == 0
    assert (out / "notes.txt").read_text() == "mine"
    allocated = json.loads((out / "screening.json").read_text())["allocation"]["file"]
    assert (out / "allocation.csv").exists() == (allocated is not None)
    (out / "allocation.csv").write_text("old")
    again = few("screen", few.spec, "--out", out, "--force", *FEW)
    told = "allocation.csv, which an earlier screening left there, was removed" in again.out
    assert told == (allocated is None)
    assert again.out.rstrip().splitlines()[-2] == f"Page: {out / 'screening.html'}"  # absolute, as --out was
    assert not [path for path in out.iterdir() if "draft" in path.name]
    (few.folder / "file").write_text("")
    assert "found a file" in few("screen", few.spec, "--out", few.folder / "file", *FEW).err


def test_a_model_without_gradients_is_named_the_methods_that_work(few: Bench) -> None:
    """An ONNX file: one error that names mc and softmax, nothing written; with either of them it works."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, (64, 10), np.random.default_rng(0).normal(size=640).astype(np.float32))
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["y"])]
    given, answer = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", ("b", 1, 8, 8)), ("y", ("b", 10)))
    )
    graph = helper.make_graph(nodes, "linear", [given], [answer], [weights])
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=9), str(few.folder / "m.onnx"))
    few.change({"model": {"onnx": "m.onnx"}, "certification/budget": {"kind": "reduced", "n0": 20, "n": 200}})
    refused = few("screen", few.spec, "--out", few.folder / "s", *FEW)
    assert refused.status == 2
    assert len(refused.err.strip().splitlines()) == 1
    assert "mc" in refused.err
    assert "softmax" in refused.err
    assert not (few.folder / "s").exists()
    for method in ("mc", "softmax"):
        done = few("screen", few.spec, "--out", few.folder / method, "--quiet", *FEW[:2], "--method", method)
        assert done.status == 0, done.err


def test_memory_that_does_not_suffice_halves_the_batch(few: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that holds four copies at a time gives the same estimates, up to rounding."""
    spec, plan = load_spec(few.spec), AverageCasePlan(sigma=0.25, samples=4, points=12, check_points=0)
    before = screening.screen(spec, plan=plan, device="cpu").estimates.value

    def small(model: Any, inputs: Any, *, batch_size: int, **given: Any) -> Any:
        if batch_size > 4:
            raise torch.OutOfMemoryError("no room")
        return estimates(model, inputs, batch_size=batch_size, **given)

    monkeypatch.setattr(estimating, "estimates", small)
    np.testing.assert_allclose(screening.screen(spec, plan=plan, device="cpu").estimates.value, before, atol=2e-4)


def test_ctrl_c_leaves_nothing(few: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """130, one line, and no folder, whole or half."""
    real = screening.estimate_points

    def interrupted(*given: Any, **more: Any) -> Any:
        yield next(iter(real(*given, **more)))
        raise KeyboardInterrupt

    monkeypatch.setattr(screening, "estimate_points", interrupted)
    before = {path.name for path in few.folder.iterdir()}
    done = few("screen", few.spec, "--out", few.folder / "s", "--points", "200", "--method", "mc", "--device", "cpu")
    assert done.status == 130
    assert done.err.strip().splitlines()[-1] == "odd-assess: interrupted"
    assert {path.name for path in few.folder.iterdir()} == before


def test_a_disk_that_refuses_leaves_nothing(few: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """One message, status 2, and neither the folder nor a draft of it."""

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("odd_assess.evidence.screening.put", full)
    before = {path.name for path in few.folder.iterdir()}
    done = few("screen", few.spec, "--out", few.folder / "deep" / "s", "--quiet", *FEW)
    assert (done.status, len(done.err.strip().splitlines())) == (2, 1)
    assert "No space left on device" in done.err
    assert {path.name for path in few.folder.iterdir()} - {"deep"} == before
    assert list((few.folder / "deep").iterdir()) == []


def test_code_of_the_spec_that_ends_the_process(few: Bench) -> None:
    """sys.exit in a factory is an error of the run, not the command's exit status."""
    (few.folder / "quits.py").write_text("import sys\ndef network():\n    sys.exit(0)\n")
    few.change({"model": {"architecture": "quits:network"}})
    done = few("screen", few.spec, "--out", few.folder / "s", *FEW)
    assert done.status in (2, 4)
    assert not (few.folder / "s").exists()


def test_the_page_is_of_the_screening_alone(few: Bench) -> None:
    """The same screening gives the same page."""
    plan = AverageCasePlan(sigma=0.25, method="softmax", points=20, check_points=5, check_draws=10)
    found: Screening = screening.screen(load_spec(few.spec), plan=plan, device="cpu")
    assert screening_html(found) == screening_html(found)


def test_a_table_that_does_not_reach_all(few: Bench) -> None:
    """Points are drawn among the frames; what no frame reaches is told, widens the intervals, and rules an allocation out."""
    done = tabled(few, 500)("screen", few.spec, "--out", few.folder / "s", "--json", "--quiet", *FEW)
    data = json.loads(done.out)
    assert 0 < data["reached"] < 1
    assert data["whole"]["lower"] <= data["reached"] * data["whole"]["mean"]
    assert data["whole"]["upper"] >= data["reached"] * data["whole"]["mean"] + 1 - data["reached"]
    assert "no frame" in data["allocation"]["reason"]
    assert all(float(row["light"]) < 500 for row in rows(few.folder / "s" / "screening.csv"))
    assert "of the ODD has no frame in the table" in (few.folder / "s" / "screening.html").read_text()


def test_monte_carlo_is_named_where_it_is_quicker(few: Bench) -> None:
    """By the clock of both; never beside mc itself."""
    plan = AverageCasePlan(sigma=0.25, method="softmax", points=20, check_points=5, check_draws=10)
    found = screening.screen(load_spec(few.spec), plan=plan, device="cpu")
    slow = replace(found, seconds={"opening": 1.0, "estimates": 100.0, "check": 5.0})
    assert slow.by_draws_s == 20.0
    assert "about 20 s in place of 100 s" in screening_html(slow)
    assert replace(found, seconds={"opening": 1.0, "estimates": 10.0, "check": 5.0}).by_draws_s is None
    assert replace(slow, plan=replace(plan, method="mc")).by_draws_s is None


def test_a_spec_takes_the_allocation_that_is_written(few: Bench) -> None:
    """Group for group and point for point, in the names of the levels that the spec declares."""
    plan = AverageCasePlan(sigma=0.25, method="softmax", points=20, check_points=0)
    found = screening.screen(load_spec(few.spec), plan=plan, device="cpu")
    weights = found.spec.domain.layout.weight
    made = allocate(np.linspace(0.4, 0.99, len(weights)), weights, points=40, beta=0.05)
    (few.folder / "allocation.csv").write_text(allocation_csv(replace(found, forecast=replace(found.forecast, allocation=made))))
    few.change({"sampling": {"design": "stratified", "allocation": "allocation.csv", "points": 40, "seed": 5}})
    plan_said = few("plan", few.spec, "--json")
    told = json.loads(plan_said.out)["groups"]
    assert [(one["group"], one["points"]) for one in told] == [(1, made.points[0]), (2, made.points[1])]
    assert [one["weight"] for one in told] == pytest.approx(list(made.weights))
    assert f"group 1: {made.points[0]} of them in {told[0]['cells']} cell" in few("plan", few.spec).out
    groups = load_spec(few.spec).sampling.groups
    assert groups is not None
    assert groups.of_cell == tuple(made.group.tolist())
    assert groups.points == made.points
