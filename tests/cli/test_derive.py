"""``odd-assess derive`` as its users call it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from odd_assess.models import load_model
from odd_assess.spec import declared_model

from .conftest import Bench


@pytest.mark.parametrize("kind", ["bf16", "int8", "int8-static", "prune"])
def test_a_derived_model_can_be_declared(kind: str, bench: Bench) -> None:
    """The summary says what changed, and the section that was written loads as it stands."""
    done = bench("derive", bench.spec, "--as", kind, "--out", bench.folder / "made" / kind, "--device", "cpu")
    assert (done.status, done.err) == (0, "")
    assert "weights: " in done.out
    assert "1,000 noisy copies (std 0.25)" in done.out
    assert ("layers in int8: 4 Linear; in floating point: 0" in done.out) == kind.startswith("int8")
    written = bench.folder / "made" / kind / "model.yaml"
    assert list(yaml.safe_load(written.read_text())) == ["model"]
    model = load_model(declared_model(written), device="cpu")
    assert model.digest == json.loads(written.with_name("derived.json").read_text())["derived"]["digest"]


@pytest.mark.slow
def test_a_derived_model_is_assessed_like_any_other(bench: Bench) -> None:
    """Its section, pasted into a spec in its folder, runs; the evidence names the other model."""
    assert (
        bench("derive", bench.spec, "--as", "int8-static", "--out", bench.folder / "made", "--calibration", "64", "--json").status
        == 0
    )
    spec = yaml.safe_load(bench.spec.read_text()) | yaml.safe_load((bench.folder / "made" / "model.yaml").read_text())
    (bench.folder / "made" / "spec.yaml").write_text(yaml.safe_dump({**spec, "criteria": ["../criteria.yaml"]}, sort_keys=False))
    done = bench("run", bench.folder / "made" / "spec.yaml", "--out", bench.folder / "run", "--no-pdf", "--device", "cpu")
    assert done.status == 0, done
    manifest = json.loads((bench.folder / "run" / "manifest.json").read_text())
    assert manifest["model"]["precision"] == "int8"
    assert manifest["model"]["digest"] == json.loads((bench.folder / "made" / "derived.json").read_text())["derived"]["digest"]


def test_the_same_call_writes_the_same_model(bench: Bench) -> None:
    """Calibration and noise are seeded: the same weights, whatever the folder; another seed calibrates on other inputs."""
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert (
            bench(
                "derive", bench.spec, "--as", "int8-static", "--out", bench.folder / name, "--seed", seed, "--device", "cpu"
            ).status
            == 0
        )
    a, b, c = ((bench.folder / name / "weights.safetensors").read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--as", "prune", "--amount", "0"], "0 is not in the range 0<x<1"),
        (["--as", "prune", "--amount", "nan"], "--amount must lie between 0 and 1, found nan"),
        (["--as", "fp8"], "'fp8' is not one of"),
        (["--as", "bf16", "--amount", "0.1"], "--amount is for --as prune, found bf16"),
        (["--as", "int8", "--calibration", "9"], "--calibration is for --as int8-static and onnx-int8, found int8"),
        (["--as", "prune", "--amount", "1e-9"], "prune must change the model, but all"),
        ([], "Missing option '--as'"),
    ],
)
def test_bad_usage_is_one_message(args: list[str], message: str, bench: Bench) -> None:
    """Exit status 2, and nothing is written."""
    done = bench("derive", bench.spec, *args, "--out", bench.folder / "made")
    assert done.status == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (bench.folder / "made").exists()


def test_a_folder_with_files_and_a_source_that_carries_its_weights_are_refused(
    bench: Bench, write_exported: Callable[[Path], Path]
) -> None:
    """Exit status 2, one message, and the files stay."""
    done = bench("derive", bench.spec, "--as", "bf16", "--out", bench.folder)
    assert (done.status, "must be new or empty, found a folder with files in it" in done.err) == (2, True)
    write_exported(bench.folder / "model.pt2")
    bench.change({"model": {"exported": "model.pt2"}})
    done = bench("derive", bench.spec, "--as", "bf16", "--out", bench.folder / "made", "--device", "cpu")
    assert (
        done.status,
        "the source of bf16 must be declared by its architecture, found the exported program model.pt2" in done.err,
    ) == (2, True)
    assert bench.spec.is_file()
    assert not (bench.folder / "made").exists()


@pytest.fixture
def write_exported() -> Callable[[Path], Path]:
    """Writes the example's untrained network as an exported program."""

    def write(path: Path) -> Path:
        import torch

        from odd_assess.examples.digits import network
        from odd_assess.models import no_warnings

        with no_warnings():
            torch.export.save(torch.export.export(network().eval(), (torch.rand(2, 1, 8, 8),)), path)
        return path

    return write
