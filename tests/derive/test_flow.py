from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from odd_assess.derive import Derived, Recipe, Sample, derive_model
from odd_assess.derive.folder import RECORD
from odd_assess.errors import ModelError, RunFolderError
from odd_assess.models import load_model
from odd_assess.models.diagnosis import generator_of, noisy
from odd_assess.models.factories import build
from odd_assess.models.int8 import Int8Conv2d, Int8Linear
from odd_assess.records import ModelDeclaration
from odd_assess.spec import declared_model
from odd_assess.spec.model_section import SECTION

RECIPES = [
    Recipe(kind="fp16"),
    Recipe(kind="bf16"),
    Recipe(kind="int8"),
    Recipe(kind="int8-static"),
    Recipe(kind="prune", amount=0.2),
]


def named(recipe: Recipe) -> str:
    return recipe.kind


def make(declared: ModelDeclaration, recipe: Recipe, out: Path, sample: Sample) -> Derived:
    return derive_model(declared, recipe, out, sample, device="cpu")


@pytest.mark.parametrize("recipe", RECIPES, ids=named)
def test_what_is_derived_is_another_model_near_the_first(
    recipe: Recipe, declared: ModelDeclaration, sample: Sample, tmp_path: Path
) -> None:
    """It loads from its own file, keeps the normalisation and no expected accuracy, has other weights and other answers, and not very different ones."""
    found = make(declared, recipe, tmp_path / "made", sample)
    written = declared_model(tmp_path / "made" / SECTION)
    assert (written.mean, written.std, written.expected_clean_accuracy) == (declared.mean, declared.std, None)
    assert found.declaration == written
    before, after = load_model(declared, device="cpu"), load_model(written, device="cpu")
    assert before.digest != after.digest
    batch = noisy(sample.images, sample.sigma, generator_of(0))
    difference = (before(batch) - after(batch)).abs()
    assert 0 < float(difference.max()) < float(before(batch).abs().max())
    if recipe.kind != "prune":
        assert float(difference.max()) < 0.1 * float(before(batch).abs().max())
    assert 0 < found.weights.changed <= found.weights.weights
    assert found.answers.differs
    record = json.loads((tmp_path / "made" / RECORD).read_text())
    assert (record["source"]["digest"], record["derived"]["digest"]) == (before.digest, after.digest)
    assert set(record["derived"]["files"]) == {SECTION, "weights.safetensors"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "release"]


def test_half_precision_is_computed_in_and_kept_on_disk(declared: ModelDeclaration, sample: Sample, tmp_path: Path) -> None:
    """Weights of two bytes, a model that computes in them."""
    for kind, dtype in (("fp16", torch.float16), ("bf16", torch.bfloat16)):
        make(declared, Recipe(kind=kind), tmp_path / kind, sample)  # type: ignore[arg-type]
        assert load_model(declared_model(tmp_path / kind / SECTION), device="cpu").precision == dtype
        state = load_file(tmp_path / kind / "weights.safetensors")
        assert {value.dtype for value in state.values() if value.is_floating_point()} == {dtype}


@pytest.mark.parametrize("kind", ["int8", "int8-static"])
def test_layers_are_integers_for_real(kind: str, declared: ModelDeclaration, sample: Sample, tmp_path: Path) -> None:
    """All convolutions and linear layers, on disk and in the model that is asked; calibrated or not, an image's logits are those that it has alone."""
    found = make(declared, Recipe(kind=kind), tmp_path / "made", sample)  # type: ignore[arg-type]
    assert (found.weights.int8_layers, found.weights.float_layers) == ({"Conv2d": 2, "Linear": 1}, 0)
    state = load_file(tmp_path / "made" / "weights.safetensors")
    assert {name for name, value in state.items() if value.dtype == torch.int8} == {"0.weight", "3.weight", "7.weight"}
    assert {f"{layer}.input_step" in state for layer in (0, 3, 7)} == {kind == "int8-static"}
    model = load_model(declared_model(tmp_path / "made" / SECTION), device="cpu")
    (replica,) = model.replicas(1)
    assert [isinstance(part, Int8Conv2d | Int8Linear) for part in replica.module].count(True) == 3  # type: ignore[arg-type]
    batch = noisy(sample.images, sample.sigma, generator_of(0))
    alone = torch.cat([model(image[None]) for image in batch])
    beside = model(torch.cat([batch, 100 * batch]))[: len(batch)]
    torch.testing.assert_close(alone, beside, rtol=1e-5, atol=1e-5)


def test_calibration_sees_noise(declared: ModelDeclaration, sample: Sample, tmp_path: Path) -> None:
    """More noise, wider ranges: the first layer's step covers what a noisy copy holds, and not what a clean image does."""
    steps = []
    for sigma in (0.01, 1.0):
        make(declared, Recipe(kind="int8-static"), tmp_path / str(sigma), replace(sample, sigma=sigma))
        steps.append(float(load_file(tmp_path / str(sigma) / "weights.safetensors")["0.input_step"]))
    assert steps[1] > 2 * steps[0]


def test_what_changes_nothing_is_an_error_and_leaves_nothing(
    declared: ModelDeclaration, home: Path, sample: Sample, tmp_path: Path
) -> None:
    """A source that is in bfloat16 already, and a share of weights below one."""
    rounded = {
        name: value.bfloat16().float() if value.is_floating_point() else value
        for name, value in load_file(home / "weights.safetensors").items()
    }
    save_file(rounded, home / "rounded.safetensors")
    same = replace(declared, reference=f"{home / 'net_of_release.py'}:half", arguments={}, weights=home / "rounded.safetensors")
    with pytest.raises(ModelError, match=r"bf16 must change the model, but all [\d,]+ weights are as they were"):
        make(same, Recipe(kind="bf16"), tmp_path / "made", sample)
    with pytest.raises(ModelError, match="prune must change the model"):
        make(declared, Recipe(kind="prune", amount=1e-9), tmp_path / "made", sample)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release"]


def test_weights_that_changed_without_an_answer_are_an_error(
    declared: ModelDeclaration, home: Path, sample: Sample, tmp_path: Path
) -> None:
    """Pruned where the network does not listen: a first convolution whose output is multiplied by zero."""
    state = load_file(home / "weights.safetensors")
    state["1.weight"] = torch.zeros(8)
    state["0.weight"] = state["0.weight"] / 1e6
    save_file(state, home / "deaf.safetensors")
    with pytest.raises(ModelError, match="its logits on 24 images and 120 noisy copies are as they were, to the last bit"):
        make(replace(declared, weights=home / "deaf.safetensors"), Recipe(kind="prune", amount=0.05), tmp_path / "made", sample)


@pytest.mark.parametrize("kind", ["exported", "onnx"])
def test_a_source_that_carries_its_weights_is_refused(
    kind: str, declared: ModelDeclaration, home: Path, sample: Sample, tmp_path: Path
) -> None:
    """One message before anything is loaded; so is a source in integers."""
    with pytest.raises(
        ModelError, match=r"the source of bf16 must be declared by its architecture, found the (exported program|ONNX file) m\.x"
    ):
        make(ModelDeclaration(kind=kind, reference=str(home / "m.x")), Recipe(kind="bf16"), tmp_path / "made", sample)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="must compute in floating point, found precision int8"):
        make(replace(declared, precision="int8"), Recipe(kind="prune", amount=0.5), tmp_path / "made", sample)


def test_a_source_that_is_another_each_time_is_refused(declared: ModelDeclaration, sample: Sample, tmp_path: Path) -> None:
    """Random initial weights: what is derived from one draw says nothing of the other."""
    with pytest.raises(ModelError, match="must have the same weights whenever it is built"):
        make(replace(declared, weights=None), Recipe(kind="bf16"), tmp_path / "made", sample)


def test_a_folder_with_files_is_left_alone(declared: ModelDeclaration, sample: Sample, tmp_path: Path) -> None:
    """An empty one is taken; one with files, or a file, is refused before the model is loaded."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    for name in ("full", "file"):
        with pytest.raises(RunFolderError, match="must be new or empty"):
            make(replace(declared, weights=tmp_path / "absent"), Recipe(kind="bf16"), tmp_path / name, sample)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.txt"]
    make(declared, Recipe(kind="bf16"), tmp_path / "empty", sample)
    assert (tmp_path / "empty" / SECTION).is_file()


def test_a_factory_beside_the_spec_is_found_from_the_folder(
    home: Path, declared: ModelDeclaration, sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Declared as a module that lies beside the spec, it is named by its file, because nobody else has that folder on the path."""
    monkeypatch.syspath_prepend(str(home))
    derive_model(
        replace(declared, reference="net_of_release:make"),
        Recipe(kind="bf16"),
        tmp_path / "a" / "b",
        sample,
        device="cpu",
        home=home,
    )
    text = (tmp_path / "a" / "b" / SECTION).read_text()
    assert "architecture: ../../release/net_of_release.py:make" in text


def test_torchs_own_formula_is_what_a_pruned_model_computes(
    declared: ModelDeclaration, home: Path, sample: Sample, tmp_path: Path
) -> None:
    """The weights on disk, loaded into the architecture by torch alone, give the answers of the derived model."""
    make(declared, Recipe(kind="prune", amount=0.3), tmp_path / "made", sample)
    module, _ = build(f"{home / 'net_of_release.py'}:make", {})
    module.load_state_dict(load_file(tmp_path / "made" / "weights.safetensors"))
    with torch.no_grad():
        expected = module.eval()((sample.images - 0.4) / 0.3)
    torch.testing.assert_close(load_model(declared_model(tmp_path / "made" / SECTION), device="cpu")(sample.images), expected)
