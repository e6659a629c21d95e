"""What do modified models change, what do they weigh, and how fast are they?

``python -m benchmarks.derive [--only NAME] [--as KIND ...] [--batch N] [--rounds N] [--keep DIR]``

Each recipe of ``odd-assess derive`` on the GTSRB and CIFAR-10 networks (the maintainers' data, in ``shared`` beside the checkout; the embedded digits without
it). For each: bytes on disk; the share of answers that differ from the float32 model's on 20 untouched test images, 50 noisy copies (std .25) of each; and time
of a call relative to float32. The calls take turns, so that a machine whose speed drifts slows all of them, each in the memory format in which it is faster;
medians of the ratios are reported, with the 10 % and 90 % quantiles. With ``--keep`` the derived folders stay in DIR, and those that are there are used.
Torch takes OMP_NUM_THREADS threads, onnxruntime the cores that it is allowed: compare them under ``taskset -c 0``.

Found on one core of an x86 processor with VNNI that others used too, 128 images a call (time relative to float32; share of noisy answers changed; bytes of 717
and 704 thousand). GTSRB: fp16 6.9, .1 %, 360; bf16 .56, 1.5 %, 361; int8 .76, .7 %, 190; int8-static .68, 1.0 %, 192; onnx-int8 .27, 2.5 %, 230; prune 1.04,
1.0 %, 717. CIFAR-10: fp16 6.9, .2 %, 354; bf16 .69, .7 %, 354; int8 .74, 1.7 %, 187; int8-static .62, 1.5 %, 188; onnx-int8 .24, 1.6 %, 226; prune 1.01, 1.1 %,
704. Part of the gain of onnx-int8 is onnxruntime's, which folds batch-norm into convolutions. The shares have a standard error of about half a percent.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.radius_reduction import REAL, ROOT, SHARED, place_real
from odd_assess.cli.derive import AMOUNT, CALIBRATION, sample_of
from odd_assess.derive import RECIPES, Recipe, derive_model
from odd_assess.inputs import open_source
from odd_assess.models import Classifier, load_model
from odd_assess.records import Spec
from odd_assess.spec import declared_model, load_spec

IMAGES, COPIES, SIGMA, SEED = 20, 50, 0.25, 20261121


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One recipe: bytes, the share of noisy answers that changed, and the times of a call relative to float32."""

    kind: str
    bytes: int
    changed: float
    ratios: np.ndarray[tuple[int], np.dtype[np.float64]]


def noisy_copies(spec: Spec) -> Tensor:
    """``COPIES`` noisy copies of each of ``IMAGES`` test images, chosen by a seed."""
    source = open_source(spec.inputs, columns={})
    rows = np.random.Generator(np.random.Philox(key=SEED)).permutation(len(source))[:IMAGES]  # type: ignore[arg-type] # these data sets are no renderers
    images = torch.stack([source.image(int(row)) for row in rows]).repeat_interleave(COPIES, dim=0)  # type: ignore[union-attr]
    return images + SIGMA * torch.randn(images.shape, generator=torch.Generator().manual_seed(SEED))


def answers(model: Classifier, images: Tensor) -> Tensor:
    """The classes that the model answers with."""
    return torch.cat([model(part).argmax(dim=1) for part in torch.split(images, 100)])


def seconds(model: Classifier, batch: Tensor) -> float:
    """The time of one call."""
    (replica,) = model.replicas(1)
    began = time.perf_counter()
    with torch.inference_mode():
        replica(batch)
    return time.perf_counter() - began


def laid_out(model: Classifier, batch: Tensor) -> Tensor:
    """The batch in the memory format in which the model is faster, the model arranged for it."""
    found: dict[bool, float] = {}
    formats = {True: torch.channels_last, False: torch.contiguous_format}
    for last in (False, True):
        model.arrange(channels_last=last)
        laid = batch.contiguous(memory_format=formats[last])
        found[last] = min(seconds(model, laid) for _ in range(4))
    best = found[True] < found[False]
    model.arrange(channels_last=best)
    return batch.contiguous(memory_format=formats[best])


def measured(spec: Spec, folders: dict[str, Path], *, batch_size: int, rounds: int) -> list[Row]:
    """A row for each derived model."""
    whole = load_model(spec.model, device="cpu")
    models = {kind: load_model(declared_model(folder / "model.yaml"), device="cpu") for kind, folder in folders.items()}
    copies = noisy_copies(spec)
    before = answers(whole, copies)
    changed = {kind: float((answers(model, copies) != before).float().mean()) for kind, model in models.items()}
    batch = copies[torch.arange(batch_size) % len(copies)]
    batches = {kind: laid_out(model, batch) for kind, model in models.items()}
    usual = laid_out(whole, batch)
    ratios: dict[str, list[float]] = {kind: [] for kind in models}
    for _ in range(rounds):
        for kind, model in models.items():
            ratios[kind].append(seconds(model, batches[kind]) / seconds(whole, usual))
    return [Row(kind=kind, bytes=_bytes(folders[kind]), changed=changed[kind], ratios=np.array(ratios[kind])) for kind in models]


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.suffix not in (".yaml", ".json"))


def derived(spec: Spec, kind: str, out: Path) -> Path:
    """The folder of the derived model, made where it is not there."""
    if not out.is_dir():
        recipe = Recipe(kind=kind, amount=AMOUNT if kind == "prune" else None)  # type: ignore[arg-type] # one of RECIPES
        sample = sample_of(spec, recipe, CALIBRATION, seed=spec.sampling.seed, device="cpu", trust_pickle=False)
        derive_model(spec.model, recipe, out, sample, device="cpu", home=spec.path.parent)
    return out


def real_specs(folder: Path) -> list[Path]:
    """The specs of both data sets in ``folder``, beside whose networks derived models are declared: placed there once."""
    if folder.is_dir():
        return [folder / name / "spec.yaml" for name in REAL]
    folder.mkdir(parents=True)
    return place_real(folder)


def main() -> None:
    """Derive and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="gtsrb, cifar10 or digits")
    parser.add_argument("--as", dest="kinds", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--batch", type=int, default=128, help="images a call")
    parser.add_argument("--rounds", type=int, default=20, help="calls of each model")
    parser.add_argument("--keep", type=Path, help="folder in which the derived models stay")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = options.keep or Path(place)
        specs = {"digits": ROOT / "sample_reports" / "digits" / "spec.yaml"}
        if (SHARED / "data").is_dir():
            specs = {path.parent.name: path for path in real_specs(folder / "real")}
        for name, path in specs.items():
            if options.only not in (None, name):
                continue
            spec = load_spec(path)
            made = {kind: derived(spec, kind, folder / f"{name}-{kind}") for kind in options.kinds}
            print(
                f"{name}: float32 {_source_bytes(spec):,} bytes, {options.batch} images a call, {torch.get_num_threads()} thread(s)"
            )
            for row in measured(spec, made, batch_size=options.batch, rounds=options.rounds):
                low, middle, high = np.quantile(row.ratios, [0.1, 0.5, 0.9])
                print(
                    f"  {row.kind:<12} {row.bytes:>9,} bytes, {row.changed:6.1%} of {IMAGES * COPIES:,} noisy answers changed, "
                    f"time of a call {middle:.2f} [{low:.2f}, {high:.2f}] of float32",
                    flush=True,
                )


def _source_bytes(spec: Spec) -> int:
    return 0 if spec.model.weights is None else spec.model.weights.stat().st_size


if __name__ == "__main__":
    main()
