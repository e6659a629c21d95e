"""What the shared GTSRB and CIFAR-10 networks answer to addressed noise around test images and around points of a domain: measured once, kept in pieces.

Used by `benchmarks.average_case` and `benchmarks.steering`: whatever they say of Monte Carlo comes from class counts that the engine of
`odd_assess.certify` counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor

import odd_assess
from benchmarks.radius_reduction import REAL, place_real
from odd_assess.certify import Draw, Engine, Lanes, NoiseSource, Setting, Subject, content_key
from odd_assess.execution.bench import Bench, set_up
from odd_assess.models import Classifier, load_model
from odd_assess.records import Ints, OddPoints, Spec

SETTING = Setting(batch_size=128, channels_last=True, lanes=1, threads=1)
PIECE = 8
"""Inputs whose counts are kept in one file, so that little is lost when a measurement is stopped."""

DOMAINS: dict[str, dict[str, Any]] = {
    "cifar10": {
        "scene.illuminance": {
            "range": "[50 .. 2000] lux",
            "distribution": "loguniform",
            "buckets": [50, 200, 600, 2000],
            "realise": {"transform": "low_light"},
        },
        "sensor.defocus": {"range": "[0 .. 1.5] px", "buckets": [0, 0.5, 1.0, 1.5], "realise": {"transform": "defocus"}},
        "lens.stain": {"range": "[0 .. 0.15]", "buckets": [0, 0.05, 0.1, 0.15], "realise": {"transform": "stain"}},
    },
    "gtsrb": {
        "environment.illuminance": {
            "range": "[50 .. 2000] lux",
            "distribution": "loguniform",
            "buckets": [50, 200, 600, 2000],
            "realise": {"transform": "low_light"},
        },
        "sensor.motion": {"range": "[0 .. 3] px", "buckets": [0, 1, 2, 3], "realise": {"transform": "motion_blur"}},
        "environment.visibility": {
            "range": "[150 .. 2000] m",
            "distribution": "loguniform",
            "buckets": [150, 400, 900, 2000],
            "realise": {"transform": "fog", "distance": 30, "reference": 2000},
        },
    },
}
"""Domains of 27 cells over the test images, written down before anything was measured on them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """Inputs (P, C, H, W) of one data set, their true classes (P,), the network and the noise. ``cells`` (P,): of points of a domain, else 0."""

    name: str
    images: Tensor
    labels: Ints
    cells: Ints
    model: Classifier
    noise: NoiseSource

    def __len__(self) -> int:
        return len(self.images)

    @property
    def data(self) -> str:
        """The name of the data set."""
        return self.name.split("-")[0]


def home_of(data: str, cache: Path) -> Path:
    """The folder with data, network and weights, placed there if it is not."""
    if not all((cache / name / "spec.yaml").exists() for name in REAL):
        cache.mkdir(parents=True, exist_ok=True)
        place_real(cache)
    return cache / data


def pictures(data: str, count: int, *, cache: Path, seed: int = 8) -> Inputs:
    """Random test images, as they are."""
    home = home_of(data, cache)
    spec = odd_assess.load_spec(home / "spec.yaml")
    with np.load(home / REAL[data][1]) as stored:
        chosen = np.random.default_rng(seed).permutation(len(stored["labels"]))[:count]
        images, labels = stored["images"][chosen], stored["labels"][chosen].astype(np.int64)
    tensor = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255))
    return Inputs(
        name=f"{data}-pictures",
        images=tensor.contiguous(),
        labels=labels,
        cells=np.zeros(count, dtype=np.int64),
        model=_model(spec),
        noise=NoiseSource(tuple(tensor.shape[1:]), seed=seed, device=torch.device("cpu")),
    )


def domain_spec(data: str, *, cache: Path) -> Spec:
    """The spec of `DOMAINS`."""
    home = home_of(data, cache)
    declared = yaml.safe_load((home / "spec.yaml").read_text())
    declared["odd"] = {"taxonomy": "none", "attributes": DOMAINS[data]}
    declared["sampling"] = {"design": "random", "points": 1_000, "seed": 8}
    declared["certification"] = {"sigma": 0.25, "alpha": 0.001, "budget": {"kind": "reduced", "n0": 100, "n": 300}}
    path = home / "domain.yaml"
    path.write_text(yaml.safe_dump(declared, sort_keys=False))
    return odd_assess.load_spec(path)


def conditions(data: str, count: int, *, cache: Path, seed: int = 8) -> Inputs:
    """Random points of the domain, realised; another seed draws independent points."""
    spec = domain_spec(data, cache=cache)
    spec = replace(spec, sampling=replace(spec.sampling, points=count, seed=seed))
    bench: Bench = set_up(spec, device="cpu", trust_pickle=False)
    points: OddPoints = bench.points
    parts = [bench.realiser.realise(list(points[i : i + 64])) for i in range(0, count, 64)]
    return Inputs(
        name=f"{data}-conditions{seed}",
        images=torch.cat([part.images for part in parts]).contiguous(),
        labels=np.concatenate([np.asarray(part.labels.tolist(), dtype=np.int64) for part in parts]),
        cells=np.array([point.cell for point in points]),
        model=bench.model,
        noise=bench.noise,
    )


def counted(
    inputs: Inputs, sigma: float, stage: str, n: int, *, cache: Path, first: int = 0, count: int | None = None
) -> NDArray[np.int64]:
    """Class counts (count, classes) of the noisy copies ``first`` to ``first + n`` of the first inputs; from the cache as far as they are there."""
    total = len(inputs) if count is None else min(count, len(inputs))
    found = []
    for start in range(0, total, PIECE):
        kept = cache / f"{inputs.name}-{sigma:g}-{stage}-{first}+{n}-{start}.npy"
        if not kept.exists():
            np.save(kept, through_engine(inputs, sigma, stage, n, first=first, rows=range(start, min(start + PIECE, len(inputs)))))
        found.append(np.load(kept))
    return np.concatenate(found)[:total]


def through_engine(
    inputs: Inputs, sigma: float, stage: str, n: int, *, rows: range, first: int = 0, setting: Setting = SETTING
) -> NDArray[np.int64]:
    """Class counts (rows, classes) of noisy copies, as certification counts them."""

    def asking() -> Iterator[Draw]:
        return (yield Draw(n=n, sigma=sigma, stage=stage, start=first))

    inputs.model.arrange(channels_last=setting.channels_last)
    with closing(Lanes(inputs.model, inputs.noise, setting)) as lanes:
        subjects = (
            Subject(
                position=i,
                key=content_key(inputs.images[i].numpy(), i),
                image=inputs.images[i],
                procedure=asking(),  # type: ignore[arg-type]
            )
            for i in rows
        )
        found: dict[int, Any] = dict(Engine(lanes).run(subjects))
    return np.stack([found[i] for i in rows])


def clean_labels(inputs: Inputs) -> Ints:
    """The class at each input (P,)."""
    with torch.inference_mode():
        answers = [inputs.model(part) for part in torch.split(inputs.images, 64)]
    return np.asarray(torch.cat(answers).argmax(dim=1).numpy(), dtype=np.int64)


def _model(spec: Spec) -> Classifier:
    return load_model(spec.model, device="cpu")
