"""Every procedure's failure probability, summed exactly over its outcomes."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom, multinomial

from odd_assess.certify import Draw, Procedure, ReducedPlan, SequentialPlan, SingleBatchPlan, procedure
from odd_assess.records import Abstained, Certificate, Certified
from odd_assess.stats import certified_radius, radius_cap


def answer(asked: Procedure, *replies: list[int]) -> Certificate:
    """Run a procedure on given class counts."""
    next(asked)
    for reply in replies[:-1]:
        asked.send(np.array(reply))
    with pytest.raises(StopIteration) as done:
        asked.send(np.array(replies[-1]))
    certificate = done.value.value
    assert isinstance(certificate, Certified | Abstained)
    return certificate


def test_reduced_asks_for_two_independent_stages() -> None:
    """The class is chosen by n0 draws and bounded by n draws of another address."""
    asked = procedure(ReducedPlan(n0=7, n=50, sigma=0.5, alpha=0.01), stage="reference/")
    assert next(asked) == Draw(n=7, sigma=0.5, stage="reference/select")
    assert asked.send(np.array([3, 4])) == Draw(n=50, sigma=0.5, stage="reference/bound")


def test_the_chosen_class_is_bounded_even_when_another_wins_the_second_stage() -> None:
    """Selection and estimation do not mix: the certificate speaks of the class that the first stage chose."""
    certificate = answer(procedure(ReducedPlan(n0=10, n=100, sigma=1.0, alpha=0.001)), [6, 4], [5, 95])
    assert isinstance(certificate, Abstained)
    assert (certificate.label, certificate.counts.of(0), certificate.counts.of(1)) == (0, 5, 95)


def test_all_agreeing_draws_give_the_cap() -> None:
    """A class that wins every draw gets the largest radius that n draws can certify."""
    certificate = answer(procedure(ReducedPlan(n0=10, n=1000, sigma=0.25, alpha=0.001)), [10, 0], [1000, 0])
    assert isinstance(certificate, Certified)
    assert certificate.radius == pytest.approx(radius_cap(1000, alpha=0.001, sigma=0.25), rel=1e-9)
    assert certificate.radius == pytest.approx(0.25 * 2.4633, abs=1e-4)


@pytest.mark.parametrize("alpha", [0.001, 0.05])
@pytest.mark.parametrize("n", [12, 25, 60])
def test_reduced_is_false_with_probability_at_most_alpha(n: int, alpha: float) -> None:
    """Whatever class is chosen, P(radius > true radius) <= alpha, summed over all counts of the bounding stage."""
    if radius_cap(n, alpha=alpha, sigma=1.0) <= 0:
        pytest.skip("n certifies nothing at this alpha")
    hits = np.arange(n + 1)
    plan = ReducedPlan(n0=1, n=n, sigma=1.0, alpha=alpha)
    certificates = [answer(procedure(plan), [1, 0], [int(k), n - int(k)]) for k in hits]
    radii = np.array([c.radius if isinstance(c, Certified) else 0.0 for c in certificates])
    for p in np.concatenate([np.linspace(0.02, 0.98, 49), [0.999, 0.999999]]):
        truth = certified_radius(float(p), sigma=1.0)
        assert binom.pmf(hits, n, p)[radii > truth].sum() <= alpha * (1 + 1e-9)


def wrong_rate(n: int, alpha: float, p: tuple[float, ...], level: float) -> float:
    """P(the single batch certifies a radius above the chosen class's true one), exactly, at a bound of the given level."""
    plan = SingleBatchPlan(n=n, sigma=1.0, alpha=2 * level)
    del alpha
    total = 0.0
    for counts in product(range(n + 1), repeat=len(p) - 1):
        last = n - sum(counts)
        if last < 0:
            continue
        outcome = [*counts, last]
        certificate = answer(procedure(plan), outcome)
        if isinstance(certificate, Certified) and certificate.radius > certified_radius(p[certificate.label], sigma=1.0):
            total += float(multinomial.pmf(outcome, n, p))
    return total


CORNERS = [(0.5, 0.5), (0.501, 0.499), (0.52, 0.48), (0.7, 0.3), (0.4, 0.4, 0.2), (0.5, 0.25, 0.25), (1 / 3, 1 / 3, 1 / 3)]


@pytest.mark.parametrize("p", CORNERS)
def test_single_batch_is_false_with_probability_at_most_alpha(p: tuple[float, ...]) -> None:
    """At level alpha / 2 one batch may both choose and bound, summed exactly over all class counts."""
    assert wrong_rate(30, 0.05, p, level=0.025) <= 0.05


def test_single_batch_at_the_full_level_would_be_unsound() -> None:
    """The published variant (level alpha) errs with nearly twice alpha near one half: the halving is needed."""
    assert max(wrong_rate(30, 0.05, p, level=0.05) for p in CORNERS) > 0.05 * 1.2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: ReducedPlan(n0=100, n=9, sigma=0.25, alpha=0.001),
            "n must be at least 10 to certify anything at alpha = 0.001, got 9",
        ),
        (lambda: ReducedPlan(n0=0, n=90, sigma=0.25, alpha=0.001), "n0 must be at least 1, got 0"),
        (
            lambda: ReducedPlan(n0=1, n=90, sigma=0.0, alpha=0.001),
            "sigma must be a number of at least 0.0001 in input units, got 0.0",
        ),
        (lambda: SingleBatchPlan(n=90, sigma=0.1, alpha=1.5), r"alpha must lie in \[1e-100, 1\), got"),
        (lambda: ReducedPlan(n0=1, n=90, sigma=1e-7, alpha=0.1), "sigma must be a number of at least 0.0001"),
    ],
)
def test_an_impossible_plan_is_refused(make: object, message: str) -> None:
    """A plan that exists can certify."""
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def agreeing(asked: Procedure) -> Certificate:
    """Run a procedure on draws that all agree."""
    draw = next(asked)
    while True:
        try:
            draw = asked.send(np.array([draw.n, 0]))
        except StopIteration as done:
            certificate = done.value
            assert isinstance(certificate, Certified | Abstained)
            return certificate


def test_a_radius_beyond_all_reach_is_no_defect() -> None:
    """Phi(r / sigma) rounds to 1 beyond 8 sigma: draws that all agree leave such a radius open until the budget is spent."""
    certificate = agreeing(procedure(SequentialPlan(n0=1, max_draws=60, sigma=0.25, alpha=0.001, radii=(2.5,))))
    assert certificate.n == 60
