"""The quick look: certificates of the certifier, on the same held-out points each time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from odd_assess.certify import SequentialPlan, certify
from odd_assess.models import Classifier
from odd_assess.records import Certified
from odd_assess.training.data import open_examples
from odd_assess.training.validation import HeldOut

from .conftest import ODD, Plans


class Constant(nn.Module):
    """Says one class whatever it sees."""

    def __init__(self, label: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.eye(10)[label])

    def forward(self, batch: Tensor) -> Tensor:
        """(B, ...) -> (B, 10)."""
        return self.logits.expand(len(batch), 10)


def test_a_constant_classifier_is_worth_the_share_of_its_class(plan_of: Plans) -> None:
    """Accuracy and certified accuracy are that share; every certificate of the class takes all draws, and reaches the last rung: ACR by hand."""
    plan = plan_of("validation: {points: 50, n: 100, radii: [0.05, 0.1]}")
    _, examples = open_examples(plan)
    assert examples is not None
    held_out = HeldOut(plan, examples)
    share = float((held_out.labels == 3).double().mean())
    assert 0 < share < 1
    look = held_out.look(Classifier(Constant(3), device="cpu"))
    assert look.accuracy == pytest.approx(share)
    assert look.certified == ((0.05, share), (0.1, share))
    rungs = held_out._rungs()
    assert share * rungs[-1] <= look.acr <= share * (rungs[-1] + 0.25 * 0.1 + 1e-9)
    assert "quick look (50 held-out points, at most 100 draws, sigma 0.1; estimates)" in look.in_words


def test_the_numbers_are_those_of_the_certifier(plan_of: Plans) -> None:
    """The same sequential plan on the same images, counted here."""
    plan = plan_of(ODD, "validation: {points: 20, n: 80, radii: [0.1], sigma: 0.2}")
    _, examples = open_examples(plan)
    assert examples is not None
    held_out = HeldOut(plan, examples)
    torch.manual_seed(0)
    classifier = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), device="cpu")
    look = held_out.look(classifier)
    asked = SequentialPlan(n0=32, max_draws=80, sigma=0.2, alpha=0.001, radii=(0.1, *held_out._rungs()))
    found = certify(classifier, held_out.images, asked, seed=held_out.seed, device="cpu")
    radii = [
        one.radius if isinstance(one, Certified) and one.label == label else 0.0
        for one, label in zip(found, held_out.labels.tolist(), strict=True)
    ]
    assert look.acr == pytest.approx(sum(radii) / 20)
    assert look.draws == sum(one.n0 + one.n for one in found)
    assert look == held_out.look(classifier)
    assert not torch.equal(held_out.images, examples.images(torch.arange(20)))
