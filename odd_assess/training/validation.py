"""A quick look on the way: sequential certificates of a few held-out examples, by the certifier that assesses models, with few draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from odd_assess.certify import SequentialPlan, certify
from odd_assess.models import Classifier
from odd_assess.records import Certified
from odd_assess.stats import anytime_radius_cap
from odd_assess.training.data import EpochConditions, Examples
from odd_assess.training.randomness import seed_at
from odd_assess.training_plan import TrainingPlan, Validation

RUNGS = 4
"""Radii that are decided beside those asked about, in one sigma: the mean radius is then low by less than a rung, and hopeless points stop early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickLook:
    """Estimates from ``points`` held-out examples, ``n`` draws each at most: no claim on any domain.

    ``accuracy`` without noise, ``certified`` accuracy at each radius, ``acr`` the mean radius of the right class (average certified radius), at ``sigma``.
    """

    points: int
    n: int
    sigma: float
    draws: int
    accuracy: float
    certified: tuple[tuple[float, float], ...]
    acr: float

    @property
    def in_words(self) -> str:
        """In one line."""
        certified = ", ".join(f"{share:.3f} at {radius:g}" for radius, share in self.certified)
        return (
            f"quick look ({self.points} held-out points, at most {self.n} draws, sigma {self.sigma:g}; estimates): "
            f"accuracy {self.accuracy:.3f}, certified {certified}, ACR {self.acr:.3f}"
        )

    def as_data(self) -> Mapping[str, object]:
        """For files."""
        return {
            "points": self.points,
            "n": self.n,
            "sigma": self.sigma,
            "draws": self.draws,
            "accuracy": self.accuracy,
            "certified": {f"{radius:g}": share for radius, share in self.certified},
            "acr": self.acr,
        }


class HeldOut:
    """The held-out examples as they are certified each time: under conditions of the domain, where the plan has one."""

    def __init__(self, plan: TrainingPlan, examples: Examples) -> None:
        assert plan.validation is not None  # the caller has made sure
        self.plan: Validation = plan.validation
        self.sigma = self.plan.sigma or plan.sigma
        self.seed = seed_at(plan.seed, "validation")
        numbers = torch.arange(len(examples))
        self.labels = examples.labels
        self.images = examples.images(numbers)
        if plan.conditions is not None:
            conditions = EpochConditions(replace(plan.conditions, share=1.0), self.seed, 0, len(examples))
            self.images = conditions.realised(self.images, numbers)

    def look(self, classifier: Classifier) -> QuickLook:
        """What the classifier is worth on them; the same images, noise and draws each time."""
        plan = self.plan
        asked = SequentialPlan(
            n0=plan.n0, max_draws=plan.n, sigma=self.sigma, alpha=plan.alpha, radii=(*plan.radii, *self._rungs())
        )
        found = certify(classifier, self.images, asked, seed=self.seed, device=classifier.device)
        labels = self.labels.tolist()
        right = [isinstance(one, Certified) and one.label == label for one, label in zip(found, labels, strict=True)]
        radii = np.array([one.radius if isinstance(one, Certified) and ok else 0.0 for one, ok in zip(found, right, strict=True)])
        return QuickLook(
            points=len(labels),
            n=plan.n,
            sigma=self.sigma,
            draws=sum(one.n0 + one.n for one in found),
            accuracy=self._accuracy(classifier),
            certified=tuple((radius, float((radii >= radius).mean())) for radius in plan.radii),
            acr=float(radii.mean()),
        )

    def _rungs(self) -> tuple[float, ...]:
        cap = anytime_radius_cap(self.plan.n, alpha=self.plan.alpha, sigma=self.sigma)
        return tuple(np.arange(0, cap, self.sigma / RUNGS).tolist())

    def _accuracy(self, classifier: Classifier) -> float:
        answers = [classifier(part.to(classifier.device)).argmax(dim=1).cpu() for part in torch.split(self.images, 256)]
        return float((torch.cat(answers) == self.labels).double().mean())
