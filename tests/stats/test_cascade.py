"""The cascade of noise levels: exact probabilities, exact error."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import multinomial

from odd_assess.stats import cascade_radii, certified_radius, level_radius, proportion_lower_bound

from ..piecewise import random_case  # noqa: TID252 - tests are no package of their own


def answers_of(p: np.ndarray) -> np.ndarray:
    """What the cascade answers (m,): the first level's majority, -1 where no level has one."""
    found = np.full(p.shape[1], -1)
    for level in p[::-1]:
        has = level.max(axis=1) > 0.5
        found[has] = level.argmax(axis=1)[has]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("dimensions", [1, 2])
def test_no_answer_changes_within_the_radius_of_ten_thousand_classifiers(dimensions: int) -> None:
    """Exact shares, all pairs of inputs, on a line and in the plane; the same radius without the levels before (naive) is broken often."""
    rng = np.random.default_rng(5)
    sigmas = (1.0, 0.5, 0.2)
    broken = naive = certified = later = 0
    for _ in range(10_000):
        case = random_case(rng, sigmas, dimensions=dimensions)
        p, apart = case.shares, case.apart
        answers, labels = answers_of(p), p.argmax(axis=2)
        radii = np.zeros(p.shape[:2])
        for k in range(len(sigmas)):
            own = np.arange(p.shape[2]) == labels[k][:, None]
            clear = [1 - np.where(own, 0.0, p[before]).max(axis=1) - 1e-12 for before in range(k)]
            radii[k] = level_radius(p[k].max(axis=1) - 1e-12, clear, sigmas[: k + 1])
        best = radii.argmax(axis=0)
        rows = np.arange(len(best))
        broken += int(((apart < radii[best, rows][:, None]) & (labels[best, rows][:, None] != answers[None])).sum())
        certified += int((radii[best, rows] > 0).sum())
        later += int((best > 0).sum())
        alone = (np.array(sigmas)[:, None] * ndtri(np.clip(p.max(axis=2), 0.5, 1 - 1e-12))).max(axis=0)
        naive += int(((apart < alone[:, None]) & (answers[:, None] != answers[None])).sum())
    assert naive > 5_000
    assert certified > 100_000
    assert later > 10_000  # levels after the first give the radius
    assert broken == 0


@pytest.mark.parametrize(
    "p",
    [
        ((0.5, 0.5), (0.75, 0.25)),  # no majority at the first level
        ((0.30, 0.70), (0.9, 0.1)),  # another class has one
        ((0.45, 0.35, 0.20), (0.8, 0.1, 0.1)),
        ((0.52, 0.48), (0.6, 0.4)),
    ],
)
def test_the_certificate_is_false_with_probability_alpha_at_most(p: tuple[tuple[float, ...], ...]) -> None:
    """Exact summation over all counts of two levels with 12 draws each (three classes: 8), for the label of each level."""
    alpha, sigmas, classes = 0.2, (1.0, 0.5), len(p[0])
    n = 12 if classes == 2 else 8
    outcomes = [c for c in product(range(n + 1), repeat=classes) if sum(c) == n]
    weight = [{c: multinomial.pmf(c, n, level) for c in outcomes} for level in p]
    for labels in product(range(classes), repeat=2):
        truth = [true_radius(p, label, k, sigmas) for k, label in enumerate(labels)]
        false = sum(
            weight[0][first] * weight[1][second]
            for first, second in product(outcomes, repeat=2)
            if any(
                r > t + 1e-9
                for (r, _), t in zip(
                    cascade_radii([np.array(first), np.array(second)], labels, sigmas, alpha=alpha), truth, strict=True
                )
            )
        )
        assert false <= alpha


def true_radius(p: tuple[tuple[float, ...], ...], label: int, k: int, sigmas: tuple[float, ...]) -> float:
    """R_k of a label from the true shares, which bounds from counts may not exceed."""
    clear = [1 - max(share for c, share in enumerate(before) if c != label) for before in p[:k]]
    return level_radius(p[k][label], clear, sigmas[: k + 1])


def test_one_level_is_the_plain_certificate() -> None:
    """A cascade of one level spends no alpha on anything else."""
    [(radius, bound)] = cascade_radii([np.array([95, 5])], [0], [0.25], alpha=0.001)
    assert bound == proportion_lower_bound(95, 100, alpha=0.001)
    assert radius == certified_radius(bound, sigma=0.25)


def test_the_class_itself_may_win_before() -> None:
    """A majority of the same class at an earlier level does not end the radius, one of another class does."""
    same = cascade_radii([np.array([600, 400]), np.array([1000, 0])], [0, 0], [1.0, 0.5], alpha=0.01)
    other = cascade_radii([np.array([400, 600]), np.array([1000, 0])], [1, 0], [1.0, 0.5], alpha=0.01)
    assert same[1][0] > 0
    assert other[1][0] == 0
