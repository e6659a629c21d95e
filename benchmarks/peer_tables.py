"""Do our bounds reproduce the published tables of reduced-sample certification, and what do 10 and 100 times fewer draws cost published models?

``python -m benchmarks.peer_tables`` (the maintainers' copies of the tables, in ``shared`` beside the checkout; no network is run)

1. Cohen, Rosenfeld and Kolter (2019) published the radius of each of 500 CIFAR-10 images from 100,000 draws. A radius gives back the count that it came
   from, and of such a count n draws have a hypergeometric share: no estimate of pA is needed. Certified by our bounds this gives the average certified radius
   (ACR: a point without a correct certificate counts 0) at each n, to compare with the runs of Seferis, Kollias and Cheng (2024), who drew n times for the
   same network.
2. The ACR that fewer draws give up, from those radii and from the raw counts of Levine et al.

Procedures. The measured runs choose and bound on one batch at the level alpha: their bounds are Clopper and Pearson's at .001, digit for digit. Such a
certificate is false with a probability of up to 1.9 alpha. Ours is ``single_batch``, which bounds at alpha / 2, or ``reduced``, whose class comes from 100
further draws; for it we assume the worst: all other draws answer one other class.

Levels. Cohen's radii of the networks .25, .50 and 1.00 fit alpha = .01, not the .001 of the paper (at .25 and .50 they reach 3.91 sigma and more;
100,000 draws at .001 reach 3.81), so they are inverted at .01. Whatever is certified here is certified at .001.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.radius_reduction import SHARED
from odd_assess.stats import certified_radius, proportion_lower_bound
from odd_assess.stats.arrays import Floats, Ints

TABLES = SHARED / "data" / "peer_tables"
ALPHA = 0.001
DRAWS = 100_000
N0 = 100
MEASURED = (25, 50, 100, 250, 500, 1_000, 10_000)
COHEN_ALPHA = {"0.12": 0.001, "0.25": 0.01, "0.50": 0.01, "1.00": 0.01}
CLOSE = 0.01
"""What counts as reproduced: the ACR within one hundredth."""
REDRAWN = 200

Redraw = Callable[[Ints, int, float, np.random.Generator], Floats]
"""(hits of DRAWS (m,), n, sigma, generator) -> radii of one run of n draws (m,)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Published:
    """A table: how many of 100,000 draws answered the class of each image (0 where the table has no correct certificate, so that none can follow)."""

    sigma: float
    hits: Ints

    @property
    def acr(self) -> float:
        """The average certified radius of these counts at our alpha."""
        return float(certified_radius(proportion_lower_bound(self.hits, DRAWS, alpha=ALPHA), sigma=self.sigma).mean())


def columns(path: Path) -> dict[str, list[str]]:
    """A tab-separated table with a heading."""
    with path.open() as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return {name: [row[name] for row in rows] for name in rows[0]}


def counts_of(radii: Floats, *, alpha: float, sigma: float) -> Ints:
    """The counts of 100,000 draws whose certified radii, at this level, are nearest to printed ones (input units, (m,)); 0 for a radius of 0."""
    every = np.arange(DRAWS // 2, DRAWS + 1)
    reached = certified_radius(proportion_lower_bound(every, DRAWS, alpha=alpha), sigma=sigma)
    above = np.clip(np.searchsorted(reached, radii), 1, len(every) - 1)
    nearest = np.where(radii - reached[above - 1] < reached[above] - radii, above - 1, above)
    return np.where(radii > 0, every[nearest], 0)


def cohen(sigma: str) -> Published:
    """Cohen et al.'s ResNet-110, trained and certified at ``sigma``."""
    table = columns(TABLES / "cohen_cifar10" / "resnet110" / f"train_{sigma}" / f"certify_{sigma}.tsv")
    radii = np.array(table["radius"], dtype=np.float64) * np.array(table["correct"], dtype=np.float64)
    return Published(sigma=float(sigma), hits=counts_of(radii, alpha=COHEN_ALPHA[sigma], sigma=float(sigma)))


def levine(sigma: str) -> Published:
    """Levine et al.'s raw counts."""
    table = columns(TABLES / "levine_cifar10_counts" / f"sigma_{sigma}.tsv")
    return Published(sigma=float(sigma), hits=np.array(table["count"], dtype=np.int64) * np.array(table["correct"], dtype=np.int64))


def measured_acr(n: int) -> float:
    """The ACR that Seferis et al. measured with n draws (network and noise .50)."""
    table = columns(TABLES / "seferis_measured" / f"resnet110_measured_N{n}" / "train_0.50" / "certify_0.50.tsv")
    return float(np.mean(np.array(table["radius"], dtype=np.float64) * np.array(table["correct"], dtype=np.float64)))


def one_batch(hits: Ints, n: int, sigma: float, generator: np.random.Generator, *, level: float = ALPHA) -> Floats:
    """Choose and bound on the same n draws. A class that is bounded above 1/2 is always the most frequent one, so only its own count matters."""
    drawn = generator.hypergeometric(hits, DRAWS - hits, n)
    return certified_radius(proportion_lower_bound(drawn, n, alpha=level), sigma=sigma)


def single_batch(hits: Ints, n: int, sigma: float, generator: np.random.Generator) -> Floats:
    """Ours: the same at alpha / 2."""
    return one_batch(hits, n, sigma, generator, level=ALPHA / 2)


def reduced(hits: Ints, n: int, sigma: float, generator: np.random.Generator) -> Floats:
    """Ours: 100 draws choose the class, n more bound it. Chosen wrongly, the point counts 0."""
    chosen = generator.hypergeometric(hits, DRAWS - hits, N0) > N0 / 2
    return np.where(chosen, one_batch(hits, n, sigma, generator), 0.0)


def acr(published: Published, n: int, redraw: Redraw, *, seed: int = 1, runs: int = REDRAWN) -> tuple[float, float]:
    """(mean, standard deviation of one run) of the ACR of n draws, from at least two seeded redraws."""
    generator = np.random.Generator(np.random.Philox(seed))
    found = [float(redraw(published.hits, n, published.sigma, generator).mean()) for _ in range(runs)]
    return float(np.mean(found)), float(np.std(found, ddof=1))


def reduced_sample_table() -> tuple[str, bool]:
    """The table of the paper beside our reproduction, and whether every n is within CLOSE."""
    published = cohen("0.50")
    lines = [
        f"{'n':>7} {'measured':>9} {'reproduced':>11} {'sd, 1 run':>10} {'difference':>11} {'reduced':>9} {'single_batch':>13}"
    ]
    worst = 0.0
    for n in MEASURED:
        found = measured_acr(n)
        mean, sd = acr(published, n, one_batch)
        worst = max(worst, abs(mean - found))
        ours = [acr(published, n, redraw)[0] for redraw in (reduced, single_batch)]
        lines.append(f"{n:>7,} {found:>9.4f} {mean:>11.4f} {sd:>10.4f} {mean - found:>+11.4f} {ours[0]:>9.4f} {ours[1]:>13.4f}")
    return "\n".join(lines), worst <= CLOSE


def reductions(published: Published) -> str:
    """One row: the ACR at 1e5, 1e4 and 1e3 draws (``reduced``), and what is given up between them."""
    at = {DRAWS: published.acr} | {n: acr(published, n, reduced)[0] for n in (10_000, 1_000)}
    lost = [1.0 - at[few] / at[many] for many, few in ((DRAWS, 10_000), (10_000, 1_000), (DRAWS, 1_000))]
    return "".join(f" {at[n]:>7.4f}" for n in at) + "".join(f" {100 * share:>9.1f} %" for share in lost)


def main() -> None:
    """Print both tables."""
    if not TABLES.is_dir():
        sys.exit("the published tables must lie in shared/data/peer_tables beside the checkout")
    table, close = reduced_sample_table()
    print("ACR of Cohen et al.'s ResNet-110 (CIFAR-10, sigma .50) at n draws, alpha .001")
    print(table)
    print(f"one batch at level alpha, as the measured runs: {'within' if close else 'NOT WITHIN'} {CLOSE:g} at every n\n")
    print("ACR given up by 10 and 100 times fewer draws (procedure reduced, alpha .001)")
    print(f"{'counts':<15} {'1e5':>7} {'1e4':>7} {'1e3':>7} {'1e5->1e4':>11} {'1e4->1e3':>11} {'1e5->1e3':>11}")
    for name, read in (("Cohen", cohen), ("Levine", levine)):
        for sigma in COHEN_ALPHA:
            print(f"{name:<8} {sigma:<6}{reductions(read(sigma))}", flush=True)


if __name__ == "__main__":
    main()
