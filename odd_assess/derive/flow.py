"""A modified model from a declared one, as one function."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from odd_assess.derive import integers, onnx_integers
from odd_assess.derive.changes import AnswerChange, WeightChange, answer_change, weight_change
from odd_assess.derive.folder import RECORD, new_folder
from odd_assess.derive.recipes import Recipe
from odd_assess.derive.weights import pruned, rounded
from odd_assess.errors import ModelError
from odd_assess.evidence import environment, sha256
from odd_assess.models import Classifier, load_model
from odd_assess.models.diagnosis import check_is_a_function, generator_of, logits_of, noisy
from odd_assess.models.digest import state_digest
from odd_assess.models.int8 import exact_kernels
from odd_assess.models.loading import build_module
from odd_assess.records import ModelDeclaration
from odd_assess.spec import declared_model
from odd_assess.spec.model_section import section_of, write_section

_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Inputs (N, C, H, W) with labels (N,) on which both models are asked, clean and under noise of std ``sigma`` by ``seed``.

    ``calibration``: inputs (M, C, H, W) from which a calibrated recipe takes its ranges, without and with noise, because the deployed model sees noisy copies.
    """

    images: Tensor
    labels: Tensor
    calibration: Tensor
    sigma: float
    seed: int = 0

    def calibration_batches(self) -> Iterator[Tensor]:
        """The inputs for calibration, clean and noisy in turns."""
        generator = generator_of(self.seed + 1)
        for part in torch.split(self.calibration, _BATCH):
            yield part
            yield noisy(part, self.sigma, generator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A derived model: its folder, the files in it by name with their bytes, the bytes of the source's file (None where it has none), and what changed.

    ``integer_kernels``: whether this processor computes integer layers as such (False: the same whole numbers in floating point, slower; None: no such layers).
    """

    folder: Path
    recipe: Recipe
    declaration: ModelDeclaration
    source: Mapping[str, Any]
    model: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]
    source_bytes: int | None
    calibration_images: int
    seed: int
    weights: WeightChange
    answers: AnswerChange
    integer_kernels: bool | None

    def as_data(self) -> dict[str, Any]:
        """What ``derived.json`` holds."""
        return {
            "odd_assess_derived": 1,
            "recipe": {
                **asdict(self.recipe),
                "calibration_images": self.calibration_images,
                "sigma": self.answers.sigma,
                "seed": self.seed,
                **({"weight_bits": 8 if self.integer_kernels else 7} if self.recipe.kind == "onnx-int8" else {}),
            },
            "source": {**self.source, "bytes": self.source_bytes},
            "derived": {**self.model, "files": dict(self.files)},
            "weights": {**asdict(self.weights), "share": self.weights.share},
            "answers": asdict(self.answers),
            "integer_kernels": self.integer_kernels,
            "environment": {**environment(), **(onnx_integers.versions() if self.recipe.kind == "onnx-int8" else {})},
        }


def derive_model(
    declared: ModelDeclaration,
    recipe: Recipe,
    out: Path,
    sample: Sample,
    *,
    device: torch.device | str | None = None,
    trust_pickle: bool = False,
    home: Path | None = None,
) -> Derived:
    """Make the modified model, write it with its section ``model`` and a record of what changed to the folder ``out``, and read it back.

    ``home``: the folder of the spec that declares the source, where a module with its factory may lie.

    Raises: ModelError for a source that the recipe cannot be made of, or a model that is the same afterwards; RunFolderError where ``out`` cannot be written or
    holds something; MissingLibraryError without the libraries of a recipe. Then nothing is written.
    """
    _check_source(declared, recipe)
    with new_folder(out) as draft:
        source = load_model(replace(declared, expected_clean_accuracy=None), device=device, trust_pickle=trust_pickle)
        if recipe.kind == "onnx-int8":
            weights = _onnx_file(declared, source, draft, sample, trust_pickle=trust_pickle)
            made = ModelDeclaration(kind="onnx", reference=str(draft / "model.onnx"), mean=declared.mean, std=declared.std)
        else:
            weights, made = _weights_file(declared, recipe, source, draft, sample, trust_pickle=trust_pickle)
        section = section_of(made, seen_from=draft, home=home)
        written = declared_model(write_section(draft, section))
        derived = load_model(written, device=device)
        answers = answer_change(source, derived, sample.images, sample.labels, sigma=sample.sigma, seed=sample.seed)
        _check_changed(recipe, weights, answers)
        check_is_a_function(derived, noisy(sample.images[:8], max(sample.sigma, 0.01), generator_of(sample.seed)))
        origin = Path(declared.reference) if declared.kind == "onnx" else declared.weights
        result = Derived(
            folder=out,
            recipe=recipe,
            declaration=written,
            source=source.describe(),
            model=derived.describe(),
            files={file.name: {"sha256": sha256(file), "bytes": file.stat().st_size} for file in sorted(draft.iterdir())},
            source_bytes=None if origin is None else origin.stat().st_size,
            seed=sample.seed,
            calibration_images=len(sample.calibration) if recipe.calibrated else 0,
            weights=weights,
            answers=answers,
            integer_kernels=exact_kernels() if weights.int8_layers else None,
        )
        (draft / RECORD).write_text(json.dumps(result.as_data(), indent=2, default=str) + "\n", encoding="utf-8")
    return replace(result, declaration=declared_model(out / "model.yaml"))


def _check_source(declared: ModelDeclaration, recipe: Recipe) -> None:
    if declared.kind == "exported" or (declared.kind == "onnx" and recipe.kind != "onnx-int8"):
        takes = "architecture or an ONNX file" if recipe.kind == "onnx-int8" else "architecture"
        raise ModelError(
            f"the source of {recipe.kind} must be declared by its {takes}, found the {'exported program' if declared.kind == 'exported' else 'ONNX file'} "
            f"{Path(declared.reference).name}; name the architecture and weights that it was made of"
        )
    if declared.precision == "int8":
        raise ModelError("the source must compute in floating point, found precision int8; name the model that it was derived from")


def _weights_file(
    declared: ModelDeclaration, recipe: Recipe, source: Classifier, folder: Path, sample: Sample, *, trust_pickle: bool
) -> tuple[WeightChange, ModelDeclaration]:
    """Write the weights of the modified module, and say what became of them and how the model is declared."""
    before, made = (build_module(declared, trust_pickle=trust_pickle)[0].eval() for _ in range(2))
    if state_digest(before) != source.describe()["weights_digest"] or state_digest(made) != state_digest(before):
        raise ModelError(
            "the architecture must have the same weights whenever it is built, found others; name a file under model.weights"
        )
    made, precision = _modified(made, declared, recipe, source, sample, trust_pickle=trust_pickle)
    weights = weight_change(before, made)
    state = {
        name: value.detach().cpu().contiguous().clone() for name, value in made.state_dict().items() if isinstance(value, Tensor)
    }
    if len(state) < len(made.state_dict()):
        raise ModelError("the state of the source must hold tensors alone to be written as safetensors, found other things in it")
    path = folder / "weights.safetensors"
    save_file(state, path)
    return weights, replace(declared, weights=path, precision=precision, expected_clean_accuracy=None)


def _modified(
    module: nn.Module, declared: ModelDeclaration, recipe: Recipe, source: Classifier, sample: Sample, *, trust_pickle: bool
) -> tuple[nn.Module, Any]:
    """The modified module, in place where it can be, and the precision that it is to be declared with."""
    match recipe.kind:
        case "fp16":
            return rounded(module, torch.float16), "float16"
        case "bf16":
            return rounded(module, torch.bfloat16), "bfloat16"
        case "prune":
            assert recipe.amount is not None  # the recipe has made sure
            return pruned(module, recipe.amount), declared.precision
        case "int8":
            return integers.quantised(module, None), "int8"
        case _:
            observed = build_module(declared, trust_pickle=trust_pickle)[0]
            seen = integers.ranges(
                observed, sample.calibration_batches(), mean=declared.mean, std=declared.std, device=source.device
            )
            return integers.quantised(module, seen), "int8"


def _onnx_file(declared: ModelDeclaration, source: Classifier, folder: Path, sample: Sample, *, trust_pickle: bool) -> WeightChange:
    """Write the quantised ONNX file, and say what became of its weights."""
    batches = (source.normalise(batch.to(source.device)) for batch in sample.calibration_batches())
    if declared.kind == "onnx":
        return onnx_integers.quantised(Path(declared.reference), folder / "model.onnx", batches)
    whole = folder / "float.onnx"
    module = build_module(declared, trust_pickle=trust_pickle)[0].float().eval()
    onnx_integers.exported(module, source.normalise(sample.images[:2].to(source.device)).cpu(), whole)
    _check_export(source, replace(declared, kind="onnx", reference=str(whole), weights=None, arguments={}), sample)
    try:
        return onnx_integers.quantised(whole, folder / "model.onnx", batches)
    finally:
        whole.unlink()


def _check_export(source: Classifier, exported: ModelDeclaration, sample: Sample) -> None:
    """Raises ModelError where the exported graph answers otherwise than the module, beyond the rounding of its precision."""
    images = sample.images[:_BATCH]
    old = logits_of(source, images).cpu()
    new = logits_of(load_model(exported, device="cpu"), images).cpu()
    if not torch.allclose(old, new, rtol=0, atol=(1e-3 if source.precision == torch.float32 else 5e-2) * float(old.abs().max())):
        raise ModelError(
            "the model must be one that torch.onnx exports as it is, found other answers of the ONNX file before it was quantised"
        )


def _check_changed(recipe: Recipe, weights: WeightChange, answers: AnswerChange) -> None:
    if not weights.changed and not sum(weights.int8_layers.values()):
        raise ModelError(
            f"{recipe.kind} must change the model, but all {weights.weights:,} weights are as they were; nothing was written"
        )
    if not answers.differs:
        raise ModelError(
            f"{recipe.kind} must change the model, but its logits on {answers.images} images and {answers.copies} noisy copies are as they were, "
            "to the last bit; nothing was written"
        )
