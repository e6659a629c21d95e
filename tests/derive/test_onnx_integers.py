from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from odd_assess.derive import Recipe, Sample, derive_model
from odd_assess.derive.onnx_integers import exported
from odd_assess.errors import MissingLibraryError, ModelError
from odd_assess.models import load_model, no_warnings
from odd_assess.models.loading import build_module
from odd_assess.records import ModelDeclaration
from odd_assess.spec import declared_model
from odd_assess.spec.model_section import SECTION

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

RECIPE = Recipe(kind="onnx-int8")


def integer_weights(path: Path) -> int:
    """How many tensors of int8 weights an ONNX file holds."""
    return sum(one.data_type == onnx.TensorProto.INT8 and len(one.dims) > 1 for one in onnx.load(path).graph.initializer)


@pytest.mark.slow
def test_layers_of_an_onnx_file_are_integers_for_real(declared: ModelDeclaration, sample: Sample, tmp_path: Path) -> None:
    """From an architecture, then from its exported file: int8 weights in the graph, answers near the first model's, the same for an image in any company."""
    found = derive_model(declared, RECIPE, tmp_path / "made", sample, device="cpu")
    assert found.weights.int8_layers == {"Conv": 2, "Gemm": 1}
    assert found.weights.changed > 0.9 * found.weights.weights > 0
    assert integer_weights(tmp_path / "made" / "model.onnx") == 3
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["derived.json", "model.onnx", SECTION]
    written = declared_model(tmp_path / "made" / SECTION)
    assert (written.mean, written.std) == (declared.mean, declared.std)
    before, after = load_model(declared, device="cpu")(sample.images), load_model(written, device="cpu")(sample.images)
    assert 0 < float((before - after).abs().max()) < 0.1 * float(before.abs().max())
    alone = torch.cat([load_model(written, device="cpu")(image[None]) for image in sample.images[:3]])
    torch.testing.assert_close(alone, after[:3], rtol=1e-5, atol=1e-5)

    with no_warnings():
        exported(build_module(declared)[0], sample.images[:2], tmp_path / "whole.onnx")
    source = ModelDeclaration(kind="onnx", reference=str(tmp_path / "whole.onnx"), mean=declared.mean, std=declared.std)
    again = derive_model(source, RECIPE, tmp_path / "again", sample, device="cpu")
    assert again.weights.int8_layers == {"Conv": 2, "Gemm": 1}
    with pytest.raises(ModelError, match="must be a model in floating point to be quantised, found integer layers"):
        derive_model(again.declaration, RECIPE, tmp_path / "twice", sample, device="cpu")
    assert not (tmp_path / "twice").exists()


def test_a_missing_library_is_one_message(
    declared: ModelDeclaration, sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the extra; nothing is written."""
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingLibraryError, match=r"odd-assess\[quantise\]"):
        derive_model(replace(declared), RECIPE, tmp_path / "made", sample, device="cpu")
    assert not (tmp_path / "made").exists()


def test_a_damaged_source_is_one_message(sample: Sample, tmp_path: Path) -> None:
    """As load_model says it."""
    (tmp_path / "m.onnx").write_bytes(b"graph")
    with pytest.raises(ModelError, match="must be a whole ONNX model"):
        derive_model(
            ModelDeclaration(kind="onnx", reference=str(tmp_path / "m.onnx")), RECIPE, tmp_path / "made", sample, device="cpu"
        )
