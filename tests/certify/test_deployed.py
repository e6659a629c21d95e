"""The deployed classifier: nobody changes an answer within its radius, answers inside balls cost nothing, and a file brings all of it back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from odd_assess.certify import (
    CascadePlan,
    DataDependent,
    MemorySmoothedClassifier,
    MultiStart,
    NoiseSource,
    ReducedPlan,
    SequentialPlan,
    SingleBatchPlan,
)
from odd_assess.certify.plans import OneLevelPlan

SHAPE = (1, 2, 2)
PLAN = ReducedPlan(n0=20, n=200, sigma=1.0, alpha=0.01)
POLICY = MultiStart(starts=(0.1, 0.2, 0.4), bounds=(0.05, 0.8), draws=40, trial=40, steps=2)


class Waves(nn.Module):
    """Three classes in stripes and spots: a level for each input breaks plain certificates here."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, 2, 2) -> (B, 3)."""
        self.asked += len(x)
        a, b = x.flatten(1)[:, 0], x.flatten(1)[:, 1]
        return torch.stack([torch.sin(5 * a), torch.sin(3 * b + 1), torch.cos(4 * (a + b))], dim=1)


def image(rng: np.random.Generator) -> Tensor:
    """An input."""
    return torch.from_numpy(rng.uniform(-1, 1, SHAPE).astype(np.float32))


def served(seed: int = 3, plan: OneLevelPlan = PLAN, policy: MultiStart | DataDependent = POLICY) -> MemorySmoothedClassifier:
    """A classifier with nothing in its memory."""
    return MemorySmoothedClassifier(Waves().eval(), policy, plan, seed=seed, device="cpu")


def towards_another_class(f: Waves, x: Tensor, label: int, radius: float) -> Tensor:
    """Projected gradient descent on the base classifier, within the ball."""
    moved = x.clone()
    for _ in range(5):
        moved.requires_grad_()
        logits = f(moved[None])[0]
        (slope,) = torch.autograd.grad(torch.cat([logits[:label], logits[label + 1 :]]).max() - logits[label], moved)
        step = moved.detach() + radius * slope / (slope.norm() + 1e-12)
        away = step - x
        moved = x + away * min(1.0, radius * 0.999 / float(away.norm() + 1e-12))
    return moved.detach()


def test_no_attack_within_a_radius_changes_an_answer() -> None:
    """Gradient and random attacks on every answer, among queries of strangers and just outside the balls, which grow the memory meanwhile."""
    rng = np.random.default_rng(1)
    classifier = served()
    answers = [(x, *classifier.predict(x)) for x in (image(rng) for _ in range(40))]
    promised = [(x, label, radius) for x, label, radius in answers if label is not None]
    assert len(promised) >= 10
    assert len({label for _, label, _ in promised}) == 3
    f = Waves()
    attacks = 0
    for x, label, radius in promised:
        direction = torch.from_numpy(rng.normal(size=SHAPE).astype(np.float32))
        classifier.predict(x + direction / direction.norm() * radius * 1.05)  # a neighbour that may be another class's
        drawn = classifier.drawn
        for way in (towards_another_class(f, x, label, radius), *(x + inside(rng, radius) for _ in range(5))):
            attacks += int(float((way - x).double().norm()) < radius)
            assert classifier.predict(way)[0] == label
        assert classifier.drawn == drawn
    assert attacks >= 50


def inside(rng: np.random.Generator, radius: float) -> Tensor:
    """A step of less than the radius, mostly next to it."""
    step = rng.normal(size=SHAPE)
    return torch.from_numpy((step / np.linalg.norm(step) * radius * rng.uniform(0.5, 0.999)).astype(np.float32))


def test_what_lies_in_a_ball_asks_the_model_nothing() -> None:
    """And says how far it is to the rim."""
    classifier = served()
    rng = np.random.default_rng(5)
    x = next(x for x in (image(rng) for _ in range(50)) if classifier.predict(x)[0] is not None)
    model = classifier._f
    assert isinstance(model, Waves)
    asked, (label, radius) = model.asked, classifier.predict(x)
    near = x.clone()
    near[0, 0, 0] += 0.25 * radius
    assert classifier.predict(near) == (label, pytest.approx(0.75 * radius, rel=1e-4))
    assert model.asked == asked


def test_no_query_takes_noise_that_another_took(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not the same input twice, not after the file was read again; neither for the search nor for the certificate."""
    addresses: list[tuple[int, bytes, str, int]] = []
    drawn = NoiseSource.block

    def block(source: NoiseSource, key: bytes, stage: str, number: int, *draws: int) -> Tensor:
        addresses.append((source.seed, key, stage, number))
        return drawn(source, key, stage, number, *draws)

    monkeypatch.setattr(NoiseSource, "block", block)
    classifier = MemorySmoothedClassifier(Even(), POLICY, PLAN, seed=3, device="cpu")
    x = torch.zeros(SHAPE)
    seen: set[tuple[int, bytes, str, int]] = set()
    for _ in range(3):
        addresses.clear()
        assert classifier.predict(x) == (None, 0.0)
        assert addresses
        assert seen.isdisjoint(addresses)
        seen |= set(addresses)
        classifier.save(tmp_path / "one.npz")
        classifier = MemorySmoothedClassifier.load(tmp_path / "one.npz", Even(), device="cpu")


class Even(nn.Module):
    """Two classes that noise around 0 answers equally often: nothing is certified there."""

    def __init__(self) -> None:
        super().__init__()
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, 2, 2) -> (B, 2)."""
        first = x.flatten(1)[:, :1]
        return torch.cat([first, -first], dim=1)


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        SingleBatchPlan(n=150, sigma=1.0, alpha=0.01),
        SequentialPlan(n0=20, max_draws=200, sigma=1.0, alpha=0.01, radii=(0.05,)),
    ],
)
@pytest.mark.parametrize("policy", [POLICY, DataDependent(start=0.2, step=0.02, steps=2, draws=16)])
def test_it_goes_on_from_its_file_as_if_it_had_not_ended(
    plan: OneLevelPlan, policy: MultiStart | DataDependent, tmp_path: Path
) -> None:
    """The same answers to the same further queries."""
    rng = np.random.default_rng(2)
    xs = [image(rng) for _ in range(12)]
    one, two = served(plan=plan, policy=policy), served(plan=plan, policy=policy)
    for x in xs[:6]:
        assert one.predict(x) == two.predict(x)
    two.save(tmp_path / "it.npz")
    back = MemorySmoothedClassifier.load(tmp_path / "it.npz", Waves().eval(), device="cpu")
    assert [one.predict(x) for x in xs] == [back.predict(x) for x in xs]
    assert len(back.memory) > 0


def test_the_search_knows_the_budget_of_the_plan() -> None:
    """Whatever the policy says of it."""
    policy = served(plan=SequentialPlan(n0=5, max_draws=777, sigma=1.0, alpha=0.02, radii=(0.1,))).policy
    assert isinstance(policy, MultiStart)
    assert (policy.n, policy.alpha) == (777, 0.02)


def test_what_it_cannot_do_is_said(tmp_path: Path) -> None:
    """One message each."""
    with pytest.raises(TypeError, match="plan must be of one noise level"):
        served(plan=CascadePlan(sigmas=(0.5, 0.2), n0=10, n=200, alpha=0.01))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="policy must be one that looks at inputs"):
        served(policy=None)  # type: ignore[arg-type]
    classifier = served()
    with pytest.raises(ValueError, match="finite float32"):
        classifier.predict(torch.full(SHAPE, float("nan")))
    classifier.memory.save(tmp_path / "balls.npz")
    with pytest.raises(ValueError, match=r"balls\.npz: must be a classifier that was saved"):
        MemorySmoothedClassifier.load(tmp_path / "balls.npz", Waves())
