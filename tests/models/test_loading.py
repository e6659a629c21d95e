"""Loading: every kind of declaration becomes the same function that the plain module is, or one clear message."""

from __future__ import annotations

import pickle
import shutil
import sys
import textwrap
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from odd_assess.errors import MissingLibraryError, ModelError
from odd_assess.models import Classifier, load_model
from odd_assess.records import ModelDeclaration

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import networks  # noqa: E402 - the neighbour that the factory route loads too

FILE = str(HERE / "networks.py")
IMAGES = torch.rand((5, 1, 8, 8), generator=torch.Generator().manual_seed(1))


def trained() -> networks.Plain:
    """A network whose batch-norm statistics are not the initial ones, in evaluation mode."""
    torch.manual_seed(0)
    network = networks.Plain()
    network(torch.rand(64, 1, 8, 8))
    return network.eval()


def declare(reference: str = f"{FILE}:plain", kind: Any = "factory", **rest: Any) -> ModelDeclaration:
    return ModelDeclaration(kind=kind, reference=reference, **rest)


def save(state: Any, path: Path) -> Path:
    torch.save(state, path)
    return path


def refusal(declaration: ModelDeclaration, **rest: Any) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(declaration, device="cpu", **rest)
    message = str(caught.value)
    assert "\n" not in message, "one message, one line"
    return message


# ---------------------------------------------------------------- weights


@pytest.mark.parametrize(
    "form", ["safetensors", "state_dict", "wrapped", "model_state_dict", "module.", "_orig_mod.module.", "model."]
)
def test_weights_reach_the_architecture_in_every_common_form(form: str, tmp_path: Path) -> None:
    """The loaded classifier answers as the network that was saved: rejects a loader that drops, misplaces or ignores tensors."""
    network = trained()
    state = network.state_dict()
    if form == "safetensors":
        path = tmp_path / "w.safetensors"
        save_file(dict(state), path)
    elif form == "wrapped":
        path = save({"state_dict": state, "epoch": 3}, tmp_path / "w.pt")
    elif form == "model_state_dict":
        path = save({"model_state_dict": state, "optimizer_state_dict": {}}, tmp_path / "w.pt")
    elif form == "state_dict":
        path = save(state, tmp_path / "w.pt")
    else:
        path = save({f"{form}{name}": value for name, value in state.items()}, tmp_path / "w.pth")
    loaded = load_model(declare(weights=path), device="cpu")
    with torch.no_grad():
        torch.testing.assert_close(loaded(IMAGES), network(IMAGES), rtol=0, atol=0)


def test_weights_of_another_architecture_are_listed_once_and_counted(tmp_path: Path) -> None:
    """Missing, unexpected and mis-shaped tensors are named with shapes up to three each, the others counted."""
    state = {
        "head.weight": torch.zeros(7, 216),
        "conv.weight": torch.zeros(6, 1, 3, 3),
        **{f"block{i}.weight": torch.zeros(2) for i in range(5)},
    }
    message = refusal(declare(weights=save(state, tmp_path / "w.pt")))
    assert "6 missing: conv.bias (6,), norm.weight (6,), norm.bias (6,) and 3 more" in message
    assert "5 unexpected: block0.weight (2,), block1.weight (2,), block2.weight (2,) and 2 more" in message
    assert "1 of another shape: head.weight ((7, 216) in the file, (4, 216) in the architecture)" in message
    assert "networks.py:plain" in message


def test_pickled_module_is_refused_and_opened_only_on_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal says why and what to do; no code of the file runs before trust is given; with trust its weights are used."""
    monkeypatch.delitem(sys.modules, "marker_ran", raising=False)
    network = trained()
    path = save(network, tmp_path / "module.pt")
    message = refusal(declare(weights=path))
    assert "pickled objects" in message
    assert "(networks.Plain)" in message
    assert "run whatever code" in message
    assert "--trust-pickle" in message
    loaded = load_model(declare(weights=path), device="cpu", trust_pickle=True)
    with torch.no_grad():
        torch.testing.assert_close(loaded(IMAGES), network(IMAGES), rtol=0, atol=0)


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("raw", [True, False])
def test_no_code_of_a_weights_file_runs(raw: bool, tmp_path: Path) -> None:
    """A file that would run code when unpickled is refused and the code has not run."""
    target, path = tmp_path / "ran", tmp_path / "bomb.pt"
    content = {"state_dict": {"w": torch.zeros(1)}, "extra": Bomb(target)}
    if raw:
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path)
    assert "pickled objects" in refusal(declare(weights=path))
    assert not target.exists()


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "missing"])
def test_damaged_weights_are_one_message(suffix: str, damage: str, tmp_path: Path) -> None:
    """Truncated, empty, foreign and missing files name the path and what is wrong with it."""
    path = tmp_path / f"w.{suffix}"
    state = dict(trained().state_dict())
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"truncated": content[: len(content) // 2], "empty": b"", "text": b"hello world"}[damage])
    message = refusal(declare(weights=path))
    assert str(path) in message
    assert ("was not found" if damage == "missing" else "truncated or something else") in message


def test_weights_without_tensors_or_with_nan_are_refused(tmp_path: Path) -> None:
    """A file that holds something else says what it holds; NaN is found before a draw is spent."""
    assert "found the keys epoch, lr" in refusal(declare(weights=save({"epoch": 3, "lr": 0.1}, tmp_path / "a.pt")))
    state = trained().state_dict()
    state["conv.bias"][0] = torch.nan
    assert "NaN or infinity in conv.bias" in refusal(declare(weights=save(state, tmp_path / "b.pt")))


# ---------------------------------------------------------------- factories


def test_package_and_file_routes_build_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments reach the factory by both routes; the file may import its neighbour."""
    (tmp_path / "own_package_x").mkdir()
    (tmp_path / "own_package_x" / "__init__.py").touch()
    (tmp_path / "own_package_x" / "nets.py").write_text(
        "from torch import nn\ndef make(classes):\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes))\n"
    )
    (tmp_path / "neighbour_x.py").write_text("WIDTH = 64\n")
    (tmp_path / "nets_x.py").write_text(
        textwrap.dedent("""
        from torch import nn
        from neighbour_x import WIDTH
        def make(classes):
            return nn.Sequential(nn.Flatten(), nn.Linear(WIDTH, classes))
        """)
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    by_package = load_model(declare("own_package_x.nets:make", arguments={"classes": 7}), device="cpu")
    monkeypatch.undo()
    by_file = load_model(declare(f"{tmp_path}/nets_x.py:make", arguments={"classes": 7}), device="cpu")
    assert by_package(IMAGES).shape == by_file(IMAGES).shape == (5, 7)


@pytest.mark.parametrize(
    ("reference", "arguments", "words"),
    [
        ("no_such_package.x:f", {}, ["'no_such_package' was not found", "install it"]),
        ("/no/such/file.py:f", {}, ["/no/such/file.py was not found"]),
        ("just_a_word", {}, ["package.module:factory"]),
        (f"{FILE}:plane", {}, ["must define the factory 'plane'", "did you mean plain"]),
        (f"{FILE}:plain", {"klasses": 3}, ["model.arguments must fit", "classes", "klasses"]),
        (f"{FILE}:broken", {}, ["it broke with RuntimeError: no licence server"]),
        (f"{FILE}:number", {}, ["must return a torch.nn.Module, found int"]),
    ],
)
def test_unusable_factories_say_what_is_wrong(reference: str, arguments: dict[str, Any], words: list[str]) -> None:
    """Each way in which a factory fails has its own message."""
    message = refusal(declare(reference, arguments=arguments))
    assert all(word in message for word in words), message


def test_a_file_that_does_not_import_is_one_message(tmp_path: Path) -> None:
    """Errors inside the user's file are named, not traced."""
    path = tmp_path / "bad_x.py"
    path.write_text("import no_such_thing_y\n")
    assert "ModuleNotFoundError: No module named 'no_such_thing_y'" in refusal(declare(f"{path}:make"))


# ---------------------------------------------------------------- torchvision


@pytest.mark.parametrize(("precision", "unit"), [("bfloat16", 2.0**-8), ("float16", 2.0**-11), ("float32", 2.0**-24)])
def test_a_model_computes_in_the_precision_that_it_is_deployed_in(precision: str, unit: float, tmp_path: Path) -> None:
    """The answers round as that precision does, and it is part of what the digest stands for."""
    weights = save(trained().state_dict(), tmp_path / "w.pt")
    whole, made = load_model(declare(weights=weights)), load_model(declare(weights=weights, precision=precision))
    assert made.precision == getattr(torch, precision)
    assert made.digest != whole.digest
    batch = torch.rand(64, 1, 8, 8)
    error = float((made(batch) - whole(batch)).abs().max() / whole(batch).abs().max())
    assert (error == 0) if precision == "float32" else (unit / 100 < error < 100 * unit)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on a CPU")
def test_a_compiled_model_answers_as_it_does_uncompiled(tmp_path: Path) -> None:
    """Within rounding; it is called by one lane only."""
    weights = save(trained().state_dict(), tmp_path / "w.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, about its own modules
        plain, made = load_model(declare(weights=weights)), load_model(declare(weights=weights, compile=True))
        batch = torch.rand(16, 1, 8, 8)
        assert torch.allclose(plain(batch), made(batch), atol=1e-5)
    assert len(made.replicas(4)) == 1
    assert len(plain.replicas(4)) == 4
    assert made.digest != plain.digest


def test_torchvision_works_offline_with_a_weights_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """num_classes goes through arguments, nothing is downloaded, and the weights are the file's."""
    import torchvision

    def no_download(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("nothing may be downloaded")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", no_download)
    network = torchvision.models.get_model("squeezenet1_1", weights=None, num_classes=5).eval()
    path = tmp_path / "w.safetensors"
    save_file(network.state_dict(), path)
    loaded = load_model(declare("squeezenet1_1", "torchvision", weights=path, arguments={"num_classes": 5}), device="cpu")
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(loaded(images), network(images))
    wrong = refusal(declare("squeezenet1_1", "torchvision", weights=path))
    assert "classifier.1.weight ((5, 512, 1, 1) in the file, (1000, 512, 1, 1) in the architecture)" in wrong
    assert "model.arguments" in wrong


def test_torchvision_names_and_missing_weights_are_explained() -> None:
    """A misspelt name has a suggestion; a network of random numbers is not assessed."""
    assert "did you mean" in refusal(declare("resnet81", "torchvision", arguments={"weights": "DEFAULT"}))
    assert "its answers are random" in refusal(declare("resnet18", "torchvision"))


def test_segmentation_and_auxiliary_answers_are_explained(tmp_path: Path) -> None:
    """A torchvision model that answers a dict is refused on its first batch, with the keys that it answers."""
    import torchvision

    network = torchvision.models.get_model("lraspp_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=3)
    declaration = declare(
        "lraspp_mobilenet_v3_large",
        "torchvision",
        weights=save(network.state_dict(), tmp_path / "w.pt"),
        arguments={"num_classes": 3},
    )
    with pytest.raises(ModelError, match=r"one tensor of logits .* found a OrderedDict with the keys 'out'"):
        load_model(declaration, device="cpu")(torch.rand(1, 3, 32, 32))


# ---------------------------------------------------------------- files that carry both


def export(network: nn.Module, path: Path, *, dynamic: bool) -> Path:
    shapes = ({0: torch.export.Dim("batch")},) if dynamic else None
    torch.export.save(torch.export.export(network, (torch.rand(3, 1, 8, 8),), dynamic_shapes=shapes), path)
    return path


@pytest.mark.parametrize("dynamic", [True, False])
def test_exported_programs_answer_as_the_network(dynamic: bool, tmp_path: Path) -> None:
    """Also when the export fixed the batch size at 3: five images are answered in two parts."""
    network = trained()
    path = export(network, tmp_path / "m.pt2", dynamic=dynamic)
    loaded = load_model(declare(str(path), "exported"), device="cpu")
    with torch.no_grad():
        torch.testing.assert_close(loaded(IMAGES), network(IMAGES), rtol=1e-5, atol=1e-6)


class AnySize(nn.Module):
    """Takes images of any size, and computes sizes on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, stride=2)
        self.head = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102 - torch's name for the call
        larger = nn.functional.interpolate(self.conv(x), scale_factor=1.5)
        answer: torch.Tensor = self.head(nn.functional.adaptive_avg_pool2d(larger, 2).flatten(1))
        return answer


def test_size_expressions_of_real_exports_are_arithmetic(tmp_path: Path) -> None:
    """A graph with three free sizes, a stride and a scale factor is read: the guard against code does not refuse torch's own files."""
    network, dim = AnySize().eval(), torch.export.Dim
    shapes = ({0: dim("b"), 2: dim("h", min=8, max=64), 3: dim("w", min=8, max=64)},)
    torch.export.save(torch.export.export(network, (torch.rand(3, 1, 16, 20),), dynamic_shapes=shapes), tmp_path / "m.pt2")
    images = torch.rand(7, 1, 24, 25)
    with torch.no_grad():
        torch.testing.assert_close(load_model(declare(str(tmp_path / "m.pt2"), "exported"), device="cpu")(images), network(images))


def test_exported_programs_refuse_images_of_another_size(tmp_path: Path) -> None:
    """A graph that was exported for 8 x 8 pixels does not answer for others, though its layers could."""
    network = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4, 3)).eval()
    loaded = load_model(declare(str(export(network, tmp_path / "m.pt2", dynamic=True)), "exported"), device="cpu")
    assert loaded(IMAGES).shape == (5, 3)
    with pytest.raises(ModelError, match=r"must accept inputs of shape \(B, 1, 9, 9\)"):
        loaded(torch.rand(5, 1, 9, 9))


def test_programs_exported_in_training_mode_are_refused(tmp_path: Path) -> None:
    """The mode of an exported graph cannot be changed, so it must be the right one."""
    path = export(trained().train(), tmp_path / "m.pt2", dynamic=True)
    assert "exported in evaluation mode, found aten.batch_norm.default in training mode" in refusal(declare(str(path), "exported"))


def test_exported_files_run_no_code_while_they_are_read(tmp_path: Path) -> None:
    """Pickled example inputs and size expressions with calls are refused before they do anything."""
    import io
    import zipfile

    good, target = export(trained(), tmp_path / "m.pt2", dynamic=True), tmp_path / "ran"
    bomb = io.BytesIO()
    torch.save((Bomb(target),), bomb)

    def tampered(name: str, change: Any) -> Path:
        path = tmp_path / f"{name}.pt2"
        with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, "w") as copy:
            for entry in source.namelist():
                copy.writestr(entry.replace("m/", f"{name}/", 1), change(entry, source.read(entry)))
        return path

    pickled = tampered("a", lambda entry, data: bomb.getvalue() if "sample_inputs" in entry else data)
    assert "found pickled objects (getattr)" in refusal(declare(str(pickled), "exported"))
    assert not target.exists()
    call = f"exec(\\\"open({str(target)!r}, 'w')\\\")".encode()
    evaluated = tampered(
        "b", lambda entry, data: __import__("re").sub(rb'"expr_str": "[^"]*"', lambda _: b'"expr_str": "' + call + b'"', data)
    )
    assert "must describe sizes by arithmetic" in refusal(declare(str(evaluated), "exported"))
    assert not target.exists()


def onnx_file(path: Path, *, batch: int | str = "batch", outputs: int = 1) -> Path:
    """Input x (B, 1, 8, 8) -> flatten -> x W: logits (B, 4), W fixed."""
    import onnx
    from onnx import TensorProto, helper

    W = torch.randn((64, 4), generator=torch.Generator().manual_seed(5))
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "W"], ["logits"])]
    results = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 4])]
    if outputs == 2:
        nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities"]))
        results.append(helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, 4]))
    graph = helper.make_graph(
        nodes, "linear", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 1, 8, 8])], results,
        [helper.make_tensor("W", TensorProto.FLOAT, [64, 4], W.flatten().tolist())],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize("batch", ["batch", 1, 2])
def test_onnx_answers_as_its_graph_says(batch: int | str, tmp_path: Path) -> None:
    """Also where the file fixed the batch size."""
    pytest.importorskip("onnx")
    W = torch.randn((64, 4), generator=torch.Generator().manual_seed(5))
    loaded = load_model(declare(str(onnx_file(tmp_path / "m.onnx", batch=batch)), "onnx", mean=(0.5,), std=(0.25,)), device="cpu")
    torch.testing.assert_close(loaded(IMAGES), ((IMAGES - 0.5) / 0.25).flatten(1) @ W, rtol=1e-4, atol=1e-4)


def test_onnx_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two outputs, wrong shapes, weights beside the file, a damaged file and a missing library each have a message."""
    pytest.importorskip("onnx")
    good = onnx_file(tmp_path / "m.onnx")
    assert "must have one output, the logits, found 2: logits, probabilities" in refusal(
        declare(str(onnx_file(tmp_path / "two.onnx", outputs=2)), "onnx")
    )
    assert "carries its own weights" in refusal(declare(str(good), "onnx", weights=good))
    with pytest.raises(ModelError, match=r"must accept inputs of shape \(B, 1, 9, 9\)"):
        load_model(declare(str(good), "onnx"), device="cpu")(torch.rand(2, 1, 9, 9))
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(good.read_bytes()[:100])
    assert "whole ONNX model" in refusal(declare(str(damaged), "onnx"))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingLibraryError, match=r"odd-assess\[onnx\]"):
        load_model(declare(str(good), "onnx"), device="cpu")


@pytest.mark.parametrize("kind", ["exported", "onnx"])
@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_damaged_model_files_are_one_message(kind: str, damage: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing of the readers' own logs reaches the terminal."""
    path = tmp_path / "m.pt2"
    if damage == "truncated":
        content = export(trained(), path, dynamic=True).read_bytes()
        path.write_bytes(content[: len(content) // 2])
    assert str(path) in refusal(declare(str(path), kind))
    assert capfd.readouterr().err == ""


# ---------------------------------------------------------------- identity


def test_digest_changes_with_weights_arguments_and_normalisation_only(tmp_path: Path) -> None:
    """Equal declarations and weights have equal digests, wherever the files lie; any difference shows."""
    state = trained().state_dict()
    a, b = save(state, tmp_path / "a.pt"), tmp_path / "b.safetensors"
    save_file({f"{name}": value for name, value in state.items()}, b)
    one = load_model(declare(weights=a), device="cpu")
    assert one.digest == load_model(declare(weights=b), device="cpu").digest
    changed = dict(state)
    changed["conv.bias"] = state["conv.bias"].nextafter(torch.tensor(9.0))
    others = [
        declare(weights=save(changed, tmp_path / "c.pt")),
        declare(weights=a, mean=(0.5,)),
        declare(weights=a, std=(0.5,)),
        declare(f"{FILE}:restless", weights=a),
        declare(weights=a, arguments={"channels": 1}),
    ]
    digests = {load_model(other, device="cpu").digest for other in others}
    assert len(digests) == len(others)
    assert one.digest not in digests
    described = one.describe()
    assert described["reference"] == "networks.py:plain"
    assert described["parameters"] == sum(parameter.numel() for parameter in trained().parameters())
    assert described["evaluation_mode"] == "enforced"


def test_unknown_device_is_a_message() -> None:
    """A GPU that is not there is said to be absent."""
    with pytest.raises(ModelError, match="device must be one of this machine"):
        Classifier(networks.plain(), device="cuda:77")


def test_external_data_of_an_onnx_file_is_part_of_its_digest(tmp_path: Path) -> None:
    """Weights that lie in a file beside the graph are the model too."""
    from odd_assess.models.digest import onnx_digest

    (tmp_path / "m.onnx").write_bytes(b"graph ... location m.onnx.data ...")
    (tmp_path / "m.onnx.data").write_bytes(b"weights")
    (tmp_path / "other.bin").write_bytes(b"unrelated")
    first = onnx_digest(tmp_path / "m.onnx")
    (tmp_path / "other.bin").write_bytes(b"changed")
    assert onnx_digest(tmp_path / "m.onnx") == first
    (tmp_path / "m.onnx.data").write_bytes(b"changed")
    assert onnx_digest(tmp_path / "m.onnx") != first
