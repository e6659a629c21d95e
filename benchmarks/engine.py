"""How close does the engine come to the model's own forward pass, and how far does it leave plain loops behind?

``python -m benchmarks.engine [--model gtsrb|resnet18|resnet50] [--device cpu|cuda] [--points N] [--n N] [--art] [--json FILE]``

All in one process, in turns: every tenth of the points the engine's clock is stopped, and the raw forward pass and each rival work for about two seconds, so
that a machine whose speed drifts slows all of them. Reported are medians over the turns of the ratio engine / rival.

raw     forward passes of the model on one batch that lies ready, no noise, no counting; batch size and memory format are the best two of its own search
cohen   the published loop (Cohen et al. 2019, core.py): one image at a time, batches of 400 and of 1000
ART     ``PyTorchRandomizedSmoothing.certify`` of the adversarial-robustness-toolbox (with --art: installed, with statsmodels, into build/art)

gtsrb is the maintainers' network and test images (in ``shared`` beside the checkout); resnet18 at 32 x 32 and resnet50 at 224 x 224 are torchvision's, with
random weights and inputs. The loops get the model as it comes, as their users do; engine and raw forward lay its weights out as they like.
"""

from __future__ import annotations

import argparse
import copy
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import chi2_contingency
from torch import Tensor, nn

from benchmarks.radius_reduction import ROOT, SHARED
from odd_assess.certify import ReducedPlan, Setting, certify, default_setting, tune

SIGMA, ALPHA, N0, SEED = 0.25, 0.001, 100, 20261121
TURN_S = 2.0
ART_HOME = ROOT / "build" / "art"
ART = ("adversarial-robustness-toolbox==1.20.1", "statsmodels", "patsy", "six", "tqdm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The model under test as it comes (``model``) and for whoever lays it out (``own``), its inputs and the budget."""

    model: nn.Module
    own: nn.Module
    images: Tensor
    plan: ReducedPlan
    device: torch.device


@dataclass(slots=True)
class Clock:
    """Work done and the seconds that it took, turn by turn."""

    done: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def rates(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Work a second in each turn."""
        return np.array(self.done) / np.array(self.seconds)


def gtsrb(points: int) -> tuple[nn.Module, Tensor]:
    """The maintainers' traffic sign network and the first test images."""
    from safetensors.torch import load_file

    if not (SHARED / "models").is_dir():
        sys.exit("the model of this benchmark must lie in shared/models beside the checkout; or give --model resnet18")
    sys.path.insert(0, str(SHARED / "models"))
    from network import SmallResNet

    model = SmallResNet(43)
    model.load_state_dict(load_file(SHARED / "models" / "gtsrb_sigma025.safetensors"))
    return model, test_images(points)


def test_images(points: int) -> Tensor:
    """GTSRB test images in [0, 1], repeated as often as it takes."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        subprocess.run([sys.executable, str(SHARED / "data" / "prepare.py"), place], check=True, capture_output=True)  # noqa: S603 - our own script
        pixels = np.load(Path(place) / "gtsrb_test_dev.npz")["images"][:points]
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    return images.repeat(-(-points // len(images)), 1, 1, 1)[:points].contiguous()


def torchvision_model(name: str, side: int, points: int) -> tuple[nn.Module, Tensor]:
    """A torchvision network with random weights, and random inputs."""
    import torchvision

    torch.manual_seed(0)
    return torchvision.models.get_model(name, weights=None, num_classes=10), torch.rand(points, 3, side, side)


MODELS: dict[str, Callable[[int], tuple[nn.Module, Tensor]]] = {
    "gtsrb": gtsrb,
    "resnet18": lambda points: torchvision_model("resnet18", 32, points),
    "resnet50": lambda points: torchvision_model("resnet50", 224, points),
}


# ---------------------------------------------------------------- the rivals


def synchronise(device: torch.device) -> None:
    """Wait for what a GPU still computes."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def forward_rate(task: Task, batch: Tensor, seconds: float) -> tuple[int, float]:
    """(images, seconds) of plain forward passes on one batch."""
    with torch.inference_mode():
        task.own(batch)
        synchronise(task.device)
        began, calls = time.perf_counter(), 0
        while (spent := time.perf_counter() - began) < seconds:
            for _ in range(4):
                task.own(batch)
                calls += 1
            synchronise(task.device)
        return calls * len(batch), spent


def raw_search(task: Task) -> tuple[dict[str, Tensor], dict[str, float]]:
    """The two batches on which the raw forward pass is fastest in a second each, and the rates of all that were tried."""
    rates: dict[str, float] = {}
    batches: dict[str, Tensor] = {}
    sizes = (16, 32, 64, 128, 256, 512, 1024) if task.device.type == "cpu" else (64, 128, 256, 512, 1024, 2048, 4096)
    if task.images.shape[-1] > 64:
        sizes = sizes[:5]
    for size in sizes:
        for memory_format in (torch.contiguous_format, torch.channels_last):
            image = task.images[:1].to(task.device).repeat(size, 1, 1, 1)
            name = f"{size} {'channels_last' if memory_format == torch.channels_last else 'contiguous'}"
            batches[name] = (image + SIGMA * torch.randn_like(image)).contiguous(memory_format=memory_format)
            task.own.to(memory_format=memory_format)
            done, seconds = forward_rate(task, batches[name], 1.0)
            rates[name] = done / seconds
    best = sorted(rates, key=lambda name: -rates[name])[:2]
    return {name: batches[name] for name in best}, rates


def cohen_counts(task: Task, image: Tensor, num: int, batch_size: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The class counts of one image as the published code takes them (core.py, _sample_noise)."""
    counts = np.zeros(task_classes(task), dtype=np.int64)
    with torch.no_grad():
        for _ in range(-(-num // batch_size)):
            this_batch_size = min(batch_size, num)
            num -= this_batch_size
            batch = image.repeat((this_batch_size, 1, 1, 1))
            noise = torch.randn_like(batch, device=task.device) * SIGMA
            for label in task.model(batch + noise).argmax(1).cpu().numpy():
                counts[label] += 1
    return counts


def task_classes(task: Task) -> int:
    """The number of classes of the model."""
    with torch.inference_mode():
        return int(task.model(task.images[:1].to(task.device)).shape[1])


def cohen(task: Task, batch_size: int, image: Tensor) -> int:
    """One image by the published loop; the draws that it took. Its top count is kept for the comparison of counts."""
    selection = cohen_counts(task, image.to(task.device), task.plan.n0, batch_size)
    counts = cohen_counts(task, image.to(task.device), task.plan.n, batch_size)
    PLAIN_HITS.setdefault(id(image), []).append((int(selection.argmax()), int(counts[selection.argmax()])))
    return task.plan.draws


PLAIN_HITS: dict[int, list[tuple[int, int]]] = {}


def art(task: Task) -> Callable[[Tensor], int]:
    """One image by ART's certify; the draws that it takes."""
    if not ART_HOME.exists():
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(ART_HOME), *ART], check=True)  # noqa: S603
    sys.path.append(str(ART_HOME))
    from art.estimators.certification.randomized_smoothing import PyTorchRandomizedSmoothing

    smoothed = PyTorchRandomizedSmoothing(
        task.model,
        loss=nn.CrossEntropyLoss(),
        input_shape=tuple(task.images.shape[1:]),
        nb_classes=task_classes(task),
        device_type="gpu" if task.device.type == "cuda" else "cpu",
        sample_size=task.plan.n0,
        scale=SIGMA,
        alpha=ALPHA,
    )

    def one(image: Tensor) -> int:
        smoothed.certify(image[None].numpy(), n=task.plan.n)
        return task.plan.draws

    return one


# ---------------------------------------------------------------- side by side


def compare(task: Task, setting: Setting, rivals: dict[str, Callable[[Clock], None]]) -> tuple[dict[str, Clock], list[Any]]:
    """The engine over all points, and every rival in each of ten turns."""
    clocks = {"engine": Clock(), **{name: Clock() for name in rivals}}
    found = []
    points = len(task.images)
    turn = max(1, points // 10)
    stream: Iterator[Any] = certify(
        task.own, iter(task.images), task.plan, seed=SEED, device=task.device, setting=setting, stream=True
    )
    while len(found) < points:
        began, before = time.perf_counter(), len(found)
        for certificate in stream:
            found.append(certificate)
            if len(found) % turn == 0:
                break
        clocks["engine"].seconds.append(time.perf_counter() - began)
        clocks["engine"].done.append((len(found) - before) * task.plan.draws)
        time.sleep(0.3)  # batches in flight land while nobody is timed
        for name, work in rivals.items():
            work(clocks[name])
    return clocks, found


def by_images(task: Task, work: Callable[[Tensor], int]) -> Callable[[Clock], None]:
    """A rival that takes one image after another, for about two seconds a turn."""
    images = iter(range(10**9))

    def turn(clock: Clock) -> None:
        began, done = time.perf_counter(), 0
        while not done or time.perf_counter() - began < TURN_S:
            done += work(KEPT[next(images) % len(KEPT)])
        clock.done.append(done)
        clock.seconds.append(time.perf_counter() - began)

    KEPT[:] = list(task.images)
    return turn


KEPT: list[Tensor] = []


def same_counts(found: list[Any], images: int) -> tuple[float, int]:
    """(p-value, images) of the hypothesis that engine and plain loop draw from the same counts: a chi-square over the images that both certified."""
    statistic, degrees = 0.0, 0
    for position in range(images):
        for chosen, hits in PLAIN_HITS.get(id(KEPT[position]), [])[:1]:
            ours = found[position]
            table = np.array([[hits, ours.n - hits], [ours.counts.of(chosen), ours.n - ours.counts.of(chosen)]])
            if (table.sum(axis=0) > 0).all() and table.sum(axis=0).min() >= 10:
                statistic += chi2_contingency(table, correction=False).statistic
                degrees += 1
    from scipy.stats import chi2

    return (float(chi2.sf(statistic, degrees)) if degrees else 1.0), degrees


def main() -> None:
    """Measure, print the table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="gtsrb")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--n", type=int, default=1000, help="draws that bound a point, after 100 that choose its class")
    parser.add_argument("--art", action="store_true", help="measure ART too")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    device = torch.device(options.device)
    model, images = MODELS[options.model](options.points)
    model.to(device).eval().requires_grad_(requires_grad=False)
    task = Task(
        model=model,
        own=copy.deepcopy(model),
        images=images,
        plan=ReducedPlan(n0=N0, n=options.n, sigma=SIGMA, alpha=ALPHA),
        device=device,
    )
    start = default_setting(tuple(images.shape[1:]), device)

    def arrange(setting: Setting) -> None:
        task.own.to(memory_format=setting.memory_format)

    began = time.perf_counter()
    tuned = tune(task.model, images[:8], start, device=device, sigma=SIGMA, draws=options.points * task.plan.draws, arrange=arrange)
    tuning_s = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"tuned in {tuning_s:.1f} s: {tuned.setting}")
    for look in tuned.looks:
        print(f"  {look.rate:>10,.0f} draws/s  {look.setting}")
    best, rates = raw_search(task)
    print("raw forward, images/s: " + ", ".join(f"{name} {rate:,.0f}" for name, rate in rates.items()), flush=True)

    def raw(clock: Clock, name: str) -> None:
        task.own.to(memory_format=torch.channels_last if "channels_last" in name else torch.contiguous_format)
        done, seconds = forward_rate(task, best[name], TURN_S)
        arrange(tuned.setting)
        clock.done.append(done)
        clock.seconds.append(seconds)

    rivals: dict[str, Callable[[Clock], None]] = {
        f"raw forward, batch {name}": lambda clock, name=name: raw(clock, name)  # type: ignore[misc]
        for name in best
    }
    arrange(tuned.setting)
    for size in (400, 1000):
        rivals[f"plain loop, batch {size}"] = by_images(task, lambda image, size=size: cohen(task, size, image))  # type: ignore[misc]
    if options.art:
        rivals["ART certify"] = by_images(task, art(task))
    clocks, found = compare(task, tuned.setting, rivals)
    engine = clocks["engine"].rates()
    table = {
        name: {"rate": float(np.median(clock.rates())), "ratio": float(np.median(engine / clock.rates()))}
        for name, clock in clocks.items()
    }
    p_value, compared = same_counts(found, len(images))
    peak = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else memory
    print(
        f"\n{options.model} on {options.device}, {torch.get_num_threads()} threads, {options.points} points, n0 = {N0}, n = {options.n}"
    )
    for name, row in table.items():
        print(f"{name:<40} {row['rate']:>10,.0f} a second   engine / this {row['ratio']:.3f}")
    print(
        f"peak memory of the engine {peak:,.0f} MiB; counts of engine and plain loop on {compared} images: p = {p_value:.3f}; ties {sum(c.ties for c in found)}"
    )
    if options.json:
        data = {
            "model": options.model,
            "device": options.device,
            "points": options.points,
            "n": options.n,
            "threads": torch.get_num_threads(),
            "setting": tuned.setting.as_data(),
            "tuning_s": tuning_s,
            "table": table,
            "raw": rates,
            "peak_mib": peak,
            "counts_p_value": p_value,
        }
        options.json.write_text(json.dumps(data, indent=1) + "\n")


if __name__ == "__main__":
    main()
