"""Trains the reader of handwritten digits that comes with odd-assess, and prints what it is worth.

    python sample_reports/digits/train.py [weights.safetensors]

Takes about a minute on one core, and gives the same bytes again on the same machine and torch. Only the train split of the
digits is seen. Each digit is moved, scaled and sheared a little, then put under random conditions of the domain by odd-assess'
own transforms; Gaussian noise of std 0.25 is fresh in every step. Loss: cross-entropy of two noisy copies, plus the divergence
of their answers from their mean (consistency regularisation, Jeong & Shin, NeurIPS 2020), which gives up a little clean accuracy
for larger certified radii.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from odd_assess.certify import ReducedPlan, certify
from odd_assess.examples.digits import WEIGHTS, network
from odd_assess.inputs import Source, apply, open_source
from odd_assess.inputs.addresses import address
from odd_assess.models import Classifier, check_model
from odd_assess.records import Certified, InputDeclaration

SEED = 20261121
SIGMA = 0.25
VARIANTS = 40_000  # training images: about 31 of each digit
STEPS = 6_000
BATCH = 256  # each is seen twice, under two noises
CONSISTENCY = 3.0  # weight of the divergence; 1 and 8 certify a little less


def digits(split: str) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 8, 8) and labels (N,) of a split."""
    source = open_source(InputDeclaration(kind="digits", split=split))
    assert isinstance(source, Source)
    rows = range(len(source))
    return torch.stack([source.image(row) for row in rows]), torch.tensor([source.label(row) for row in rows])


def jittered(images: Tensor, generator: torch.Generator) -> Tensor:
    """The digits as other hands might have put them: scaled by some 10 %, sheared, moved by a third of a pixel."""

    def normal(*columns: int) -> Tensor:
        return torch.randn((len(images), *columns), generator=generator).clamp(-2.5, 2.5)

    scale = 1 + 0.1 * normal(1) + 0.05 * normal(2)
    shear, move = 0.1 * normal(2), 0.08 * normal(2)
    rows = [torch.stack([scale[:, 0], shear[:, 0], move[:, 0]], dim=1), torch.stack([shear[:, 1], scale[:, 1], move[:, 1]], dim=1)]
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False).clamp(0, 1)


def conditioned(images: Tensor, generator: torch.Generator, purpose: str) -> Tensor:
    """Each image under its own condition: 20 to 2000 lux, defocus to 1.5 px, turned up to 15 degrees, one in five stained."""

    def uniform() -> Tensor:
        return torch.rand(len(images), generator=generator, dtype=torch.float64)

    conditions: dict[str, Tensor] = {
        "rotation": 30 * uniform() - 15,
        "stain": 0.15 * (uniform() < 0.2),
        "defocus": 1.5 * uniform(),
        "low_light": (2000 * 0.01 ** uniform()).clamp(20, 2000),
    }
    keys = [address(SEED, purpose, row) for row in range(len(images))]
    for name, values in conditions.items():
        images = apply(name, images, values.tolist(), keys)
    return images


def trained(images: Tensor, labels: Tensor) -> nn.Module:
    """The network, trained on the images under Gaussian noise."""
    generator = torch.Generator().manual_seed(SEED)
    torch.manual_seed(SEED)  # the initial weights
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=STEPS, pct_start=0.1)
    for step in range(STEPS):
        rows = torch.randint(len(images), (BATCH,), generator=generator)
        noisy = images[rows].repeat(2, 1, 1, 1)
        noisy += SIGMA * torch.randn(noisy.shape, generator=generator)
        answers = functional.log_softmax(model(noisy), dim=1)
        loss = functional.nll_loss(answers, labels[rows].repeat(2)) + CONSISTENCY * divergence(*answers.chunk(2))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        if step % 1000 == 999:
            print(f"step {step + 1}: loss {loss.item():.3f}", flush=True)
    return model


def divergence(first: Tensor, second: Tensor) -> Tensor:
    """Kullback-Leibler divergence of two answers (B, classes), as log-probabilities, from their mean, summed over the two."""
    mean = torch.logaddexp(first, second) - math.log(2)
    return (mean.exp() * (2 * mean - first - second)).sum(dim=1).mean()


def report(model: nn.Module, images: Tensor, labels: Tensor, name: str) -> None:
    """Prints accuracies and certified accuracies on images that were not trained on."""
    classifier = Classifier(model, device="cpu")
    check = check_model(classifier, images, labels, num_classes=10, sigma=SIGMA, seed=SEED)
    certificates = certify(classifier, images, ReducedPlan(n0=100, n=1000, sigma=SIGMA, alpha=0.001), seed=SEED, device="cpu")
    radii = torch.tensor(
        [
            c.radius if isinstance(c, Certified) and c.label == label else 0.0
            for c, label in zip(certificates, labels.tolist(), strict=True)
        ]
    )
    certified = ", ".join(f"{float((radii >= r).float().mean()):.3f} at {r:g}" for r in (0.1, 0.25, 0.5))
    print(
        f"{name}: {len(images)} test images, accuracy {check.clean_accuracy:.3f}, under noise {check.noisy_accuracy:.3f}, "
        f"certified accuracy {certified}, mean certified radius {float(radii.mean()):.4f}",
        flush=True,
    )


def main(target: Path) -> None:
    """Train, save, report."""
    torch.set_num_threads(1)  # sums in one order
    start = time.perf_counter()
    generator = torch.Generator().manual_seed(SEED)
    images, labels = digits("train")
    rows = torch.arange(VARIANTS) % len(images)
    model = trained(conditioned(jittered(images[rows], generator), generator, "train"), labels[rows])
    save_file(model.state_dict(), target)
    target.chmod(0o644)  # safetensors writes files that only their owner can read
    print(f"{target}: {target.stat().st_size} bytes, after {time.perf_counter() - start:.0f} s")
    images, labels = digits("test")
    cases: dict[str, Callable[[Tensor], Tensor]] = {
        "as scanned": lambda x: x,
        "over the domain": lambda x: conditioned(x, generator, "test"),
    }
    for name, condition in cases.items():
        report(model, condition(images), labels, name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else WEIGHTS)
