"""The classifier: one fixed function, normalised inside, whose answers are logits or an error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
import networks

from odd_assess.errors import ModelError
from odd_assess.models import Classifier, check_model
from odd_assess.models.quiet import quiet

IMAGES = torch.rand((16, 1, 8, 8), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", [networks.Plain, networks.Restless])
def test_evaluation_mode_is_enforced(kind: type[networks.Plain]) -> None:
    """Dropout is off and batch-norm uses its running statistics, though the module came in training mode and its forward asks for it back."""
    torch.manual_seed(0)
    module = kind()
    expected = networks.Plain()
    expected.load_state_dict(module.state_dict())
    expected.eval()
    classifier = Classifier(module, device="cpu")
    with torch.no_grad():
        torch.testing.assert_close(classifier(IMAGES), expected(IMAGES))
    module.train()
    for part in module.modules():
        part.training = True
        assert not part.training
    first = classifier(IMAGES)
    assert torch.equal(first, classifier(IMAGES))
    assert module.state_dict()["norm.running_mean"].eq(0).all(), "running statistics must not move"


def test_the_enforcement_is_what_keeps_the_restless_network_still() -> None:
    """Without it the same network answers differently each time: the test above can fail."""
    module = networks.Restless().eval()
    with torch.no_grad():
        assert not torch.equal(module(IMAGES), module(IMAGES))


def test_scripted_and_pinned_modules_keep_their_kind() -> None:
    """Pinning keeps isinstance and names; TorchScript modules from a factory pass."""
    module = networks.Plain()
    Classifier(module, device="cpu")
    assert isinstance(module, networks.Plain)
    assert type(module).__name__ == "Plain"
    with quiet():  # tracing is deprecated in torch; users' files are older than that
        scripted = torch.jit.trace(networks.Plain().eval(), IMAGES)  # type: ignore[no-untyped-call]
    assert Classifier(scripted, device="cpu")(IMAGES).shape == (16, 4)


def test_gradients_flow_to_a_batch_that_asks_for_them_and_never_to_weights() -> None:
    """The search for a noise level follows them; all other answers carry no graph, and parameters ask for none."""
    module = networks.Plain()
    classifier = Classifier(module, device="cpu")
    assert not classifier(IMAGES).requires_grad
    batch = IMAGES.clone().requires_grad_()
    (slope,) = torch.autograd.grad(classifier(batch).sum(), batch)
    assert slope.shape == IMAGES.shape
    assert bool((slope != 0).any())
    assert not any(parameter.requires_grad for parameter in module.parameters())


@pytest.mark.parametrize(
    ("mean", "std"), [((0.5,), (0.25,)), ((0.1, 0.2, 0.3), (1.0, 2.0, 4.0)), ((0.1, 0.2, 0.3), None), (None, (2.0,))]
)
def test_normalisation_is_applied_inside_by_channel(mean: tuple[float, ...] | None, std: tuple[float, ...] | None) -> None:
    """The module sees (x - mean) / std channel by channel; noise added outside is divided by std as well."""
    seen = []

    class Spy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return x.flatten(1)[:, :3]

    images = torch.rand(4, 3, 5, 5)
    Classifier(Spy(), mean=mean, std=std, device="cpu")(images)
    for channel in range(3):
        m = 0.0 if mean is None else mean[channel % len(mean)]
        s = 1.0 if std is None else std[channel % len(std)]
        torch.testing.assert_close(seen[0][:, channel], (images[:, channel] - m) / s)


@pytest.mark.parametrize(
    ("mean", "std", "words"),
    [((0.1, 0.2), None, r"mean must have one value or one a channel \(1\), found 2"), (None, (0.0,), "std must be above 0"),
     ((float("nan"),), None, "must hold finite numbers"), (None, (-1.0,), "above 0")],
)  # fmt: skip
def test_unusable_normalisation_is_refused(mean: tuple[float, ...] | None, std: tuple[float, ...] | None, words: str) -> None:
    """Zero, negative, not finite, or for another number of channels."""
    with pytest.raises(ModelError, match=words):
        Classifier(networks.Plain(), mean=mean, std=std, device="cpu")(IMAGES)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("dict", "found a OrderedDict with the keys 'out', 'aux'"),
        ("tuple", "found a tuple of 2"),
        ("labels", r"must answer with logits \(16, classes >= 2\), one row an image, found torch.int64 of shape \(16,\)"),
        ("map", r"shape \(16, 1, 8, 8\)"),
        ("one", r"shape \(16, 1\)"),
        ("nan", "NaN or infinity for 16 of 16 inputs"),
    ],
)
def test_answers_that_are_not_logits_are_explained(kind: str, words: str) -> None:
    """Each wrong shape of answer has a message that says what came and what must come."""
    with pytest.raises(ModelError, match=words):
        Classifier(networks.Answers(kind), device="cpu")(IMAGES)


def test_wrong_input_shape_names_the_shape_and_the_reason() -> None:
    """A network for one channel that is given three."""
    with pytest.raises(ModelError, match=r"must accept inputs of shape \(B, 3, 8, 8\), it broke on them with RuntimeError"):
        Classifier(networks.Plain(), device="cpu")(torch.rand(2, 3, 8, 8))
    with pytest.raises(ValueError, match=r"must be \(B, C, H, W\)"):
        Classifier(networks.Plain(), device="cpu")(torch.rand(3, 8, 8))


def test_other_precisions_answer_in_float32() -> None:
    """A network in bfloat16 or one that answers in float64 is run as it is; logits come as float32."""
    assert Classifier(networks.half(), device="cpu")(IMAGES).dtype == torch.float32
    assert Classifier(networks.Answers("float64"), device="cpu")(IMAGES).dtype == torch.float32


# ---------------------------------------------------------------- check_model


def one_hot_images(classes: int = 4, each: int = 32, height: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.arange(classes).repeat(each)
    images = torch.zeros(len(labels), 1, 8, 8)
    images.view(len(labels), 64)[torch.arange(len(labels)), labels] = height
    return images, labels


def test_a_model_that_lives_in_noise_gets_no_advice() -> None:
    """The accuracy under noise is that of the argmax of one-hot plus noise, P(max of 3 < 1 + e), within 5 standard errors (false alarm < 1e-6)."""
    images, labels = one_hot_images()
    check = check_model(Classifier(networks.Brightest(4), device="cpu"), images, labels, num_classes=4, sigma=0.5, seed=3)
    e = torch.linspace(-6, 6, 4001, dtype=torch.float64)
    density = torch.exp(-(e**2) / 2) / (2 * torch.pi) ** 0.5
    truth = float(torch.trapezoid(torch.special.ndtr(2 + e) ** 3 * density, e))
    assert check.clean_accuracy == 1.0
    assert abs(check.noisy_accuracy - truth) < 5 * (truth * (1 - truth) / check.copies) ** 0.5
    assert check.advice == ""
    assert check == check_model(Classifier(networks.Brightest(4), device="cpu"), images, labels, num_classes=4, sigma=0.5, seed=3)


def test_a_model_that_does_not_live_in_noise_is_diagnosed() -> None:
    """High clean accuracy, low accuracy under noise: the advice names three ways out and a sigma that it would bear."""
    images, labels = one_hot_images(height=0.2)
    check = check_model(Classifier(networks.Brightest(4), device="cpu"), images, labels, num_classes=4, sigma=0.4, seed=3)
    assert check.clean_accuracy == 1.0
    assert check.noisy_accuracy < 0.5
    assert "smaller sigma (at 0.05 it is still right" in check.advice
    assert "Gaussian noise" in check.advice
    assert "denoiser" in check.advice


def test_a_model_at_chance_is_suspected_of_wrong_preprocessing() -> None:
    """Clean accuracy at chance is no question of noise."""
    images, labels = one_hot_images()
    check = check_model(
        Classifier(networks.Brightest(4), device="cpu"), images, (labels + 1) % 4, num_classes=4, sigma=0.25, seed=3
    )
    assert "right on 0% of the clean images, chance is 25%" in check.advice


def test_class_counts_and_labels_are_compared() -> None:
    """Another number of classes than the inputs have is refused before draws."""
    images, labels = one_hot_images()
    with pytest.raises(ModelError, match="must have the 10 classes of the inputs, its logits have 4"):
        check_model(Classifier(networks.Brightest(4), device="cpu"), images, labels, num_classes=10, sigma=0.25, seed=3)
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 3\)"):
        check_model(Classifier(networks.Brightest(3), device="cpu"), images, labels, num_classes=3, sigma=0.25, seed=3)


@pytest.mark.parametrize("count", [1, 2, 40])
def test_randomness_and_batch_dependence_are_found_by_behaviour(count: int) -> None:
    """What evaluation mode cannot switch off: functional dropout and batch statistics, also with a single image to look at."""
    labels = torch.zeros(count, dtype=torch.int64)
    images = torch.rand((count, 1, 8, 8), generator=torch.Generator().manual_seed(2))
    torch.manual_seed(0)
    with pytest.raises(ModelError, match="asked twice"):
        check_model(Classifier(networks.AlwaysDropping(), device="cpu"), images, labels, num_classes=4, sigma=0.25, seed=3)
    with pytest.raises(ModelError, match="depend on the other images"):
        check_model(Classifier(networks.BatchStatistics(), device="cpu"), images, labels, num_classes=4, sigma=0.25, seed=3)
    check_model(Classifier(networks.Plain(), device="cpu"), images, labels, num_classes=4, sigma=0.25, seed=3)


def test_expected_accuracy_allows_for_the_sample() -> None:
    """A deviation beyond the tolerance and three standard errors is reported, one within is not."""
    images, labels = one_hot_images(each=100)
    labels = torch.where(torch.arange(400) < 40, (labels + 1) % 4, labels)  # 0.9 right
    check = check_model(Classifier(networks.Brightest(4), device="cpu"), images, labels, num_classes=4, sigma=0.1, seed=3)
    assert check.misses(expected=0.92, tolerance=0.0) == ""
    assert check.misses(expected=0.9, tolerance=0.0) == ""
    assert "must be 0.990 +- 0.030" in check.misses(expected=0.99, tolerance=0.03)
    assert check.misses(expected=0.7, tolerance=0.03)


def test_functional_dropout_default_is_the_known_trap() -> None:
    """F.dropout drops unless told otherwise: the reason for asking twice."""
    assert not torch.equal(nn.functional.dropout(torch.ones(1000)), torch.ones(1000))
