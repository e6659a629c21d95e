"""How many draws does it take to decide "the radius is at least r", and how far is that from the least that any test could need?

``python -m benchmarks.sequential_draws [--runs N]``

Runs the procedure ``sequential`` against a coin that answers the class with probability pA (seeded), at alpha = .001, and prints for each pA and radius:

    mean, +-      draws until the radius is decided, beside the 100 that choose the class; its standard error
    Wald          ln(1 / alpha) / KL(pA || p0), p0 = Phi(r / sigma): no test has a smaller mean that certifies in the end, and wrongly with
                  probability alpha at most
    ratio         mean / Wald, to stay within 1.30
    certified     share of the runs that certified the radius; the others refuted it or came to the end of the budget
    fixed n       the fewest draws, fixed beforehand, of which Clopper and Pearson's bound certifies the radius with probability .95
"""

from __future__ import annotations

import argparse
import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from odd_assess.certify import Draw, SequentialPlan, procedure
from odd_assess.records import Certificate, Certified
from odd_assess.stats import draws_for_radius, fewest_agreeing, probability_at_least

ALPHA, SIGMA, N0, MAX_DRAWS = 0.001, 1.0, 100, 20_000
P_A = (0.90, 0.95, 0.99, 1.0)
RADII = (0.5, 1.0)
POWER = 0.95
LIMIT = 1.30


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was found for one coin and one radius."""

    p_a: float
    radius: float
    mean: float
    error: float
    certified: float

    @property
    def wald(self) -> float:
        """The least mean number of draws that is possible."""
        p0 = float(special.ndtr(self.radius / SIGMA))
        return math.log(1.0 / ALPHA) / float(special.rel_entr(self.p_a, p0) + special.rel_entr(1.0 - self.p_a, 1.0 - p0))

    @property
    def ratio(self) -> float:
        """How far above that we are."""
        return self.mean / self.wald

    def __str__(self) -> str:
        fixed = fixed_draws(self.p_a, self.radius)
        drawn = f"{self.mean:>8.1f} {self.error:>6.2f} {self.wald:>7.1f} {self.ratio:>6.2f}"
        return f"{self.radius:>9.1f} {self.p_a:>5.2f} {drawn} {self.certified:>10.4f} {fixed:>8,}"


def toss(plan: SequentialPlan, p_a: float, generator: np.random.Generator) -> Certificate:
    """The certificate of a point where each draw answers class 0 with probability ``p_a``, else class 1."""
    asked = procedure(plan)
    request: Draw = next(asked)
    while True:
        hits = int(generator.binomial(request.n, p_a))
        try:
            request = asked.send(np.array([hits, request.n - hits]))
        except StopIteration as done:
            certificate: Certificate = done.value
            return certificate


def simulate(p_a: float, radius: float, *, runs: int, seed: int) -> Row:
    """Mean draws and share certified over ``runs`` seeded runs."""
    plan = SequentialPlan(n0=N0, max_draws=MAX_DRAWS, sigma=SIGMA, alpha=ALPHA, radii=(radius * SIGMA,))
    generator = np.random.Generator(np.random.Philox(seed))
    found = [toss(plan, p_a, generator) for _ in range(runs)]
    draws = np.array([certificate.n for certificate in found], dtype=np.float64)
    shown = [
        isinstance(certificate, Certified) and certificate.label == 0 and certificate.radius >= plan.radii[0]
        for certificate in found
    ]
    return Row(
        p_a=p_a,
        radius=radius,
        mean=float(draws.mean()),
        error=float(draws.std(ddof=1) / math.sqrt(runs)),
        certified=float(np.mean(shown)),
    )


def fixed_draws(p_a: float, radius: float) -> int:
    """The smallest fixed n that certifies ``radius`` with probability POWER."""
    for n in itertools.count(draws_for_radius(radius, alpha=ALPHA, sigma=SIGMA)):
        fewest = fewest_agreeing(n, alpha=ALPHA, radius=radius, sigma=SIGMA)
        if fewest is not None and probability_at_least(fewest, n, p_a) >= POWER:
            return n
    raise AssertionError


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000, help="runs of each row")
    options = parser.parse_args()
    print(f"{'r / sigma':>9} {'pA':>5} {'mean':>8} {'+-':>6} {'Wald':>7} {'ratio':>6} {'certified':>10} {'fixed n':>8}")
    rows = []
    for seed, (radius, p_a) in enumerate(itertools.product(RADII, P_A)):
        rows.append(simulate(p_a, radius, runs=options.runs, seed=seed))
        print(rows[-1], flush=True)
    worst = max(row.ratio for row in rows)
    print(
        f"{options.runs:,} runs a row; at most {worst:.2f} times Wald's bound: {'within' if worst <= LIMIT else 'ABOVE'} {LIMIT:.2f}"
    )


if __name__ == "__main__":
    main()
