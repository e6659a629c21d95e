"""Estimates at points: those of the library at the inputs of the points, chunk by chunk, and one clear error for a model that cannot be estimated."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from odd_assess.average_case import Estimates, default_batch_size, estimates
from odd_assess.errors import ModelError, RunError
from odd_assess.examples.digits import WEIGHTS
from odd_assess.execution import CHUNK, Bench, check_estimable, estimate_points, estimates_at, set_up
from odd_assess.execution import estimating as room
from odd_assess.models import Classifier
from odd_assess.records import AverageCasePlan, EstimationMethod, PointEstimates
from odd_assess.spec import load_spec

SPEC = f"""\
odd_assess: 1
id: tiny
title: Digits, a few
odd: {{attributes: {{defocus: {{range: "[0 .. 0.5] px", realise: {{transform: defocus}}}}}}}}
sampling: {{design: random, points: {CHUNK + 6}, seed: 5}}
inputs: {{dataset: digits, split: test}}
model: {{architecture: "odd_assess.examples.digits:network", weights: {WEIGHTS}}}
certification: {{sigma: 0.25, alpha: 0.001, budget: {{kind: reduced, n0: 20, n: 200}}, reference: none}}
criteria: [perception_default.yaml]
unattainable: accept
"""
PLAN = AverageCasePlan(sigma=0.25, method="mmse", samples=4)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    path = tmp_path_factory.mktemp("estimating") / "spec.yaml"
    path.write_text(SPEC)
    return set_up(load_spec(path), device="cpu", trust_pickle=False)


def all_of(bench: Bench, plan: AverageCasePlan, *, first: int = 0) -> PointEstimates:
    return PointEstimates.joined([found for _, found in estimate_points(bench, plan, bench.points[first:], seed=5)])


@pytest.mark.parametrize("method", ["mmse", "mc", "softmax"])
def test_the_estimates_of_the_library_at_the_inputs_of_the_points(bench: Bench, method: EstimationMethod) -> None:
    """In design order, with the plan's settings; what is known of their errors comes along."""
    plan = replace(PLAN, method=method)
    found = all_of(bench, plan)
    images = bench.realiser.realise(list(bench.points)[:CHUNK]).images
    direct = estimates(bench.model, images, sigma=0.25, method=method, samples=4, antithetic=True, seed=5)
    assert found.index.tolist() == bench.points.indices.tolist()
    for name, same in (("clean", "label"), ("value", "value"), ("low", "low"), ("high", "high"), ("cdf_error", "cdf_error")):
        np.testing.assert_array_equal(getattr(found, name)[:CHUNK], getattr(direct, same))


def test_from_a_border_of_chunks_on_nothing_differs(bench: Bench) -> None:
    """What a run that was interrupted there finds is equal to the last bit."""
    whole, rest = all_of(bench, PLAN), all_of(bench, PLAN, first=CHUNK)
    assert len(rest) == len(whole) - CHUNK
    for name in PointEstimates.columns():
        np.testing.assert_array_equal(getattr(whole, name)[CHUNK:], getattr(rest, name))


def test_where_memory_is_short_batches_are_halved(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The values are those of a batch that fits; a batch of one that does not fit is an error."""
    asked: list[int] = []
    images = bench.realiser.realise(list(bench.points)[:3]).images

    def tight(model: Classifier, inputs: Tensor, *, batch_size: int, **more: object) -> Estimates:
        asked.append(batch_size)
        if batch_size > room_for:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return estimates(model, inputs, batch_size=batch_size, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(room, "estimates", tight)
    room_for = 4
    found = estimates_at(bench, PLAN, np.arange(3), images, seed=5)
    assert (asked[0], asked[-1]) == (default_batch_size(images), 4)
    direct = estimates(bench.model, images, sigma=0.25, method="mmse", samples=4, antithetic=True, seed=5, batch_size=4)
    np.testing.assert_array_equal(found.value, direct.value)
    room_for = 0
    with pytest.raises(torch.OutOfMemoryError):
        estimates_at(bench, PLAN, np.arange(3), images, seed=5)


class WithoutGradients(nn.Module):
    """Answers from outside torch, as a network of onnxruntime does."""

    def forward(self, batch: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 10)."""
        return torch.from_numpy(batch.numpy().reshape(len(batch), -1)[:, :10].copy())


class Rounded(nn.Module):
    """Integers inside: no gradient reaches the input."""

    def forward(self, batch: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 10)."""
        return batch.detach().flatten(1)[:, :10].mul(100).round()


@pytest.mark.parametrize("module", [WithoutGradients(), Rounded()])
def test_a_model_without_gradients_is_told_at_once(bench: Bench, module: nn.Module) -> None:
    """The message names the methods that need none, and with these the model is estimated."""
    other = replace(bench, model=Classifier(module, device="cpu"))
    with pytest.raises(ModelError, match=r"the method mmse needs the gradients .*method: mc.*method: moments.*method: softmax"):
        check_estimable(other, PLAN)
    for method in room.WITHOUT_GRADIENTS:
        check_estimable(other, replace(PLAN, method=method))
    assert len(all_of(other, replace(PLAN, method="mc"))) == len(bench.points)


def test_a_model_that_does_not_answer_is_not_said_to_lack_gradients(bench: Bench) -> None:
    """What is wrong with the answer itself is told, and no method is advised that would break too."""

    class NotFinite(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            return batch.flatten(1)[:, :10] * float("nan")

    other = replace(bench, model=Classifier(NotFinite(), device="cpu"))
    with pytest.raises(ModelError, match="logits must be finite") as told:
        check_estimable(other, PLAN)
    assert "gradients" not in str(told.value)


def test_a_model_that_gives_way_ends_the_estimates(bench: Bench) -> None:
    """As a run that broke, with the number of points that were estimated."""

    class Fails(nn.Module):
        calls = 0

        def forward(self, batch: Tensor) -> Tensor:
            Fails.calls += 1
            if Fails.calls > 2:
                raise RuntimeError("the device is gone")
            return batch.flatten(1)[:, :10]

    other = replace(bench, model=Classifier(Fails(), device="cpu"))
    with pytest.raises(RunError, match=r"broke off after \d+ points: .*the device is gone"):
        all_of(other, replace(PLAN, method="mc"))
