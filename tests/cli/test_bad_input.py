"""Every bad input ends in one clear message and status 2 (4 when it breaks mid-run), before draws are spent where that can be known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from odd_assess.evidence import MAIN, EvidenceStore, read_manifest

from .conftest import Bench, Changes

LIGHT = "odd/attributes/light"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"odd/exclude": [{"light": ">= 50 lux"}]}, "spec.yaml:{line}:{column}: odd.exclude: "),
        ({"odd/exclude": [{"dirt": "clean"}, {"dirt": "stained"}]}, "odd.exclude"),
        ({f"{LIGHT}/range": "[50 .. 2000]"}, "unit"),
        ({f"{LIGHT}/range": "[50 .. 2000] m"}, "lux"),
        ({f"{LIGHT}/realise": {"transform": "lowlight"}}, "'low_light'"),
        ({"odd/exclude": [{"lihgt": "< 100 lux"}]}, "light"),
        ({"certification/budget/n": 9}, "10"),
        ({"criteria": ["missing.yaml"]}, "must name an existing criteria file, found nothing at"),
        ({"model/weights": "missing.safetensors"}, "missing.safetensors"),
        ({"inputs": {"npz": "missing.npz"}}, "missing.npz"),
        ({"sampling/desing": "random"}, "design"),
        ({"certification/reference/n": 100}, "must be larger than the budget's n = 200, found 100"),
    ],
    ids=[
        "empty ODD", "contradictory exclusions", "bound without unit", "wrong unit", "unknown transform", "unknown attribute", "n too small for alpha",
        "missing criteria", "missing weights", "missing data", "unknown key", "reference below the budget",
    ],
)  # fmt: skip
def test_a_bad_spec_is_refused(bench: Bench, changes: Changes, message: str) -> None:
    """One line for each problem, each beginning with file:line:column; nothing is written."""
    bench.change(changes)
    outcome = bench.run()
    assert outcome.status == 2
    first = outcome.err.splitlines()[0]
    assert first.startswith(f"{bench.spec}:")
    line, column = first.removeprefix(f"{bench.spec}:").split(":")[:2]
    assert message.format(line=line, column=column) in outcome.err
    assert "Traceback" not in outcome.err
    assert not (bench.folder / "run").exists()


def test_a_radius_above_the_cap_is_refused_with_what_would_do(bench: Bench) -> None:
    """No model can meet it with these draws: the message names the cap and the smallest n."""
    bench.change({"criteria/0/radius": 0.6}, "criteria.yaml")
    outcome = bench.run()
    assert outcome.status == 2
    assert "criteria.yaml" in outcome.err
    assert "0.45" in outcome.err  # 0.25 * Phi^-1(.001 ** (1 / 200)) = 0.4561
    assert "840" in outcome.err  # the smallest n with .001 ** (1 / n) >= Phi(2.4)


def npz(bench: Bench, **changes: object) -> Bench:
    """The digits as the user's own npz, with something wrong in it."""
    rng = np.random.default_rng(0)
    arrays: dict[str, object] = {
        "images": rng.random((30, 8, 8), dtype=np.float32),
        "labels": np.arange(30) % 10,
        "class_names": np.array(list("0123456789")),
        **changes,
    }
    np.savez(bench.folder / "own.npz", **arrays)  # type: ignore[arg-type]
    return bench.change({"inputs": {"npz": "own.npz"}})


def with_nan() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    images = np.zeros((30, 8, 8), np.float32)
    images[7, 3, 3] = np.nan
    return images


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": with_nan()}, "NaN"),
        ({"labels": np.full(30, 10)}, "label"),
        ({"labels": np.full(29, 1)}, "labels"),
        ({"images": np.zeros((30, 9, 9, 7), np.float32)}, "images"),
        ({"images": np.zeros((30, 8, 8), np.float32) + 3}, "[0, 1]"),
    ],
    ids=["NaN pixels", "labels outside the classes", "fewer labels than images", "wrong shape", "wrong range"],
)
def test_bad_data_are_refused(bench: Bench, changes: dict[str, object], message: str) -> None:
    """The file and what is wrong in it are named, before a draw is spent."""
    outcome = npz(bench, **changes).run()
    assert outcome.status == 2
    assert "own.npz" in outcome.err
    assert message in outcome.err
    assert "Traceback" not in outcome.err


def test_a_truncated_npz_is_refused(bench: Bench) -> None:
    """A file that was cut off in transfer is named."""
    npz(bench)
    whole = (bench.folder / "own.npz").read_bytes()
    (bench.folder / "own.npz").write_bytes(whole[: len(whole) // 2])
    outcome = bench.run()
    assert outcome.status == 2
    assert "own.npz" in outcome.err


def test_images_that_the_model_cannot_take_are_refused(bench: Bench) -> None:
    """Images of another size than the network's: the shape is named."""
    outcome = npz(bench, images=np.zeros((30, 12, 12), np.float32)).run()
    assert outcome.status == 2
    assert "(B, 1, 12, 12)" in outcome.err


MODELS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.head = nn.Linear(64, classes)

    def forward(self, x):
        return self.head(x.flatten(1))

class Nan(Net):
    def forward(self, x):
        return super().forward(x) * float("nan")

class Wide(Net):
    def forward(self, x):
        return super().forward(x)[:, :, None]

class Late(Net):
    '''Answers well for clean images, NaN for some noisy ones.'''
    def forward(self, x):
        y = super().forward(x)
        return torch.where((x.amax(dim=(1, 2, 3), keepdim=True)[:, :, 0, 0] > 1.82), torch.full_like(y, float("nan")), y)

class Standardised(Net):
    '''Divides by the image's own spread: an artificial image of zeros would give NaN.'''
    def forward(self, x):
        return super().forward((x - x.mean(dim=(1, 2, 3), keepdim=True)) / x.std(dim=(1, 2, 3), keepdim=True))

class Leaving(Net):
    def forward(self, x):
        raise SystemExit(0)

def broken():
    raise RuntimeError("no such layer")

def leaving():
    raise SystemExit(0)
"""


def own_model(bench: Bench, name: str, **arguments: object) -> Bench:
    (bench.folder / "net.py").write_text(MODELS)
    bench.change({"model": {"architecture": f"net.py:{name}", "arguments": arguments}, "sampling/points": 20})
    return bench


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Nan", {}, "the model's logits must be finite, found NaN or infinity for"),
        ("Wide", {}, "the model must answer with logits"),
        ("Net", {"classes": 7}, "the model must have the 10 classes of the inputs, its logits have 7 columns"),
        ("broken", {}, "no such layer"),
        ("Missing", {}, "Missing"),
        ("leaving", {}, "SystemExit"),
        ("Leaving", {}, "SystemExit"),
    ],
)
def test_a_model_that_cannot_be_assessed_is_refused(bench: Bench, name: str, arguments: dict[str, object], message: str) -> None:
    """Found on the first batch, before draws are spent: status 2 and no evidence."""
    outcome = own_model(bench, name, **arguments).run()
    assert outcome.status == 2, outcome
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    assert not (bench.folder / "run" / "evidence.sqlite").exists()


def test_padding_is_made_of_real_images(bench: Bench) -> None:
    """A model that cannot bear an image of zeros is assessed all the same: batches are filled up with real copies."""
    outcome = own_model(bench, "Standardised").change({"certification/reference": None}).run()
    assert outcome.status in {1, 3}, outcome


def test_a_script_that_ends_the_process_is_no_verdict(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """sys.exit(0) in code that the spec names would read as MET: it ends in 4."""

    def leave(*_: object, **__: object) -> None:
        raise SystemExit(0)

    monkeypatch.setattr("odd_assess.assessment.flow.check", leave)
    outcome = bench.change({"sampling/points": 20, "certification/reference": None}).run()
    assert outcome.status == 4
    assert "must not end the process" in outcome.err


def test_a_model_that_breaks_mid_run_ends_in_4_with_what_is_done_kept(bench: Bench) -> None:
    """NaN that only some draws provoke: status 4, the certificates so far are kept, and the message says how to go on."""
    own_model(bench, "Late").change({"sampling/points": 200, "certification/batch_size": 32})
    outcome = bench.run()
    assert outcome.status == 4, outcome
    assert "the run broke after" in outcome.err
    assert "--resume" in outcome.err
    assert "Traceback" not in outcome.err
    run = bench.folder / "run"
    assert read_manifest(run)["status"] == "running"
    with EvidenceStore.open(run / "evidence.sqlite") as store:
        assert len(store.done(MAIN)) < 200


def test_weights_of_another_architecture_are_refused(bench: Bench) -> None:
    """The tensors that do not fit are named."""
    own_model(bench, "Net")
    save_file({"tail.weight": torch.zeros(3, 3)}, bench.folder / "w.safetensors")
    outcome = bench.change({"model/weights": "w.safetensors"}).run()
    assert outcome.status == 2
    assert "head.weight" in outcome.err
    assert "tail.weight" in outcome.err


def test_a_pickled_module_needs_trust(bench: Bench) -> None:
    """Unpickling runs code: it is refused unless the user says so."""
    own_model(bench, "Net")
    torch.save(torch.nn.Linear(2, 2), bench.folder / "w.pt")
    outcome = bench.change({"model/weights": "w.pt"}).run()
    assert outcome.status == 2
    assert "--trust-pickle" in outcome.err


def test_an_unexpected_clean_accuracy_stops_the_run(bench: Bench) -> None:
    """Preprocessing that is not the model's own is found before certificates are believed: status 4."""
    outcome = bench.change({"model/expected_clean_accuracy": 0.5}).run()
    assert outcome.status == 4
    assert "expected_clean_accuracy" in outcome.err


def test_a_folder_that_cannot_be_written_is_refused(bench: Bench) -> None:
    """The output is probed before anything is spent."""
    outcome = bench("run", bench.spec, "--out", "/proc/odd-assess", "--no-pdf")
    assert outcome.status == 2
    assert "the run folder must be writable" in outcome.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_fills_up_mid_run_ends_in_4(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite says full after a few pages: status 4, what was certified is kept, and --resume goes on once there is room."""
    add = EvidenceStore.add
    calls = 0

    def filling(self: EvidenceStore, *args: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 10:
            pages = self._db.execute("PRAGMA page_count").fetchone()[0]
            self._db.execute(f"PRAGMA max_page_count = {pages}")
        add(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(EvidenceStore, "add", filling)
    bench.change({"sampling/points": 120, "certification/reference": None})
    outcome = bench.run()
    assert outcome.status == 4, outcome
    assert "full" in outcome.err
    monkeypatch.undo()
    assert bench.run("--resume").status in {0, 3}


def test_a_second_run_into_the_same_folder_is_refused(bench: Bench) -> None:
    """Evidence is never overwritten."""
    bench.change({"sampling/points": 20, "certification/reference": None})
    bench.run()
    outcome = bench.run()
    assert outcome.status == 2
    assert "must not hold a run already" in outcome.err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["run"], "Missing argument 'SPEC'"),
        (["run", "nowhere.yaml"], "'nowhere.yaml' does not exist"),
        (["rnu"], "Did you mean 'run'?"),
        (["run", "spec", "--resume"], "does not exist"),
        (["schema", "model"], "'model' is not one of"),
    ],
)
def test_bad_usage_exits_2(bench: Bench, args: list[str], message: str) -> None:
    """Click's own complaints have status 2 as well."""
    outcome = bench(*args)
    assert outcome.status == 2
    assert message in outcome.err


def test_resume_needs_a_folder(bench: Bench) -> None:
    """Which run to go on with cannot be guessed."""
    outcome = bench("run", bench.spec, "--resume")
    assert outcome.status == 2
    assert "--resume needs --out" in outcome.err


def test_a_device_that_is_not_there_is_refused(bench: Bench) -> None:
    """A GPU that the machine does not have."""
    outcome = bench.run("--device", "cuda:7")
    assert outcome.status == 2
    assert "cuda:7" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_defect_of_ours_shows_one_line_and_keeps_the_traceback(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What we did not foresee ends in status 4 and a file to send us, not in a traceback on the screen."""
    monkeypatch.setattr("odd_assess.assessment.flow.gather", lambda *_: 1 / 0)
    outcome = bench.change({"sampling/points": 20, "certification/reference": None}).run()
    assert outcome.status == 4
    assert "a defect of odd-assess: ZeroDivisionError: division by zero" in outcome.err
    kept = Path(outcome.err.split("The traceback is in ")[1].split(";")[0])
    assert "Traceback" in kept.read_text()
    kept.unlink()


def test_everything_wrong_is_listed_at_once(bench: Bench, make_bench: Callable[[], Bench]) -> None:
    """Three mistakes, three lines."""
    del make_bench
    bench.change({f"{LIGHT}/range": "[50 .. 2000]", "sampling/points": -3, "certification/alpha": 2})
    assert len(bench.run().err.splitlines()) >= 3
