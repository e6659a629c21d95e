"""A first look before draws are spent: does the model answer for these inputs, is it one fixed function, does it live in noise.

Estimates on a sample, never certificates.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from odd_assess.certify import in_halves
from odd_assess.errors import ModelError
from odd_assess.models.classifier import Classifier, first_line

_BATCH = 256
_NOISY_DRAWS = 512  # at least so many noisy copies are classified: a standard error of at most 2.2 %


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCheck:
    """What a first look at the model showed: accuracies are fractions of ``images`` images, under noise of ``copies`` noisy copies.

    ``advice`` says what to do when the base classifier does not fit its task or does not live in noise; empty when there is
    nothing to say.
    """

    num_classes: int
    images: int
    copies: int
    sigma: float
    clean_accuracy: float
    noisy_accuracy: float
    advice: str

    def misses(self, *, expected: float, tolerance: float) -> str:
        """Why the clean accuracy contradicts the declared one, beyond ``tolerance`` and three standard errors; else empty.

        A deviation by chance alone is reported with probability below about 0.3 %.
        """
        slack = tolerance + 3 * sqrt(expected * (1 - expected) / self.images)
        if abs(self.clean_accuracy - expected) <= slack:
            return ""
        return (
            f"the clean accuracy must be {expected:.3f} +- {tolerance:.3f} (model.expected_clean_accuracy), found "
            f"{self.clean_accuracy:.3f} on {self.images} images; "
            "the preprocessing (value range, normalisation, channel order, size), the class order or the weights are not those "
            "of the declared model"
        )


def check_model(classifier: Classifier, images: Tensor, labels: Tensor, *, num_classes: int, sigma: float, seed: int) -> ModelCheck:
    """A first look at the model on ``images`` (N, C, H, W) with ``labels`` (N,), clean and under Gaussian noise of std ``sigma``.

    The noise comes from a generator of its own, seeded by ``seed``.

    Raises: ModelError when the model breaks on these inputs, has another number of classes, answers with NaN, or answers
    differently when asked again or in other company. ValueError without images or with labels outside the classes.
    """
    if not len(images) or len(images) != len(labels):
        raise ValueError(f"images and labels must be as many and at least one, got {len(images)} and {len(labels)}")
    if int(labels.min()) < 0 or int(labels.max()) >= num_classes:
        raise ValueError(f"labels must lie in [0, {num_classes}), got {int(labels.min())} to {int(labels.max())}")
    answered = logits_of(classifier, images[:_BATCH]).shape[1]
    if answered != num_classes:
        raise ModelError(f"the model must have the {num_classes} classes of the inputs, its logits have {answered} columns")
    copies = -(-_NOISY_DRAWS // len(images))
    check_is_a_function(classifier, noisy(images[:8], max(sigma, 0.01), generator_of(seed)))
    clean = _accuracy(classifier, images, labels)
    noisy_share = _accuracy(classifier, images, labels, sigma=sigma, seed=seed, copies=copies)
    return ModelCheck(
        num_classes=num_classes,
        images=len(images),
        copies=copies * len(images),
        sigma=sigma,
        clean_accuracy=clean,
        noisy_accuracy=noisy_share,
        advice=_advice(classifier, images, labels, clean=clean, noisy=noisy_share, num_classes=num_classes, sigma=sigma, seed=seed),
    )


def check_is_a_function(classifier: Classifier, batch: Tensor) -> None:
    """Raises ModelError when the logits of an image change by asking again, or with the other images of the batch.

    The tolerances leave room for kernels that sum in another order at another batch size.
    """
    batch = torch.cat([batch, 1 - batch])  # at least two different images, also when only one was given
    first, again, alone = classifier(batch), classifier(batch), classifier(batch[: len(batch) // 2])
    scale = float(first.abs().max())
    if not torch.allclose(first, again, rtol=0, atol=1e-4 * scale):
        raise ModelError(
            "the model must be one fixed function, found other logits for the same images asked twice: it draws random numbers in "
            "evaluation mode (dropout with training=True, noise, random crops). Remove them: the certificate adds its own noise"
        )
    if not torch.allclose(first[: len(alone)], alone, rtol=0, atol=2e-2 * scale):
        raise ModelError(
            "the model must answer for each image on its own, found logits that depend on the other images of the batch: it "
            "normalises with batch statistics (batch-norm without running statistics, or with training=True)"
        )


def _advice(
    classifier: Classifier, images: Tensor, labels: Tensor, *, clean: float, noisy: float, num_classes: int, sigma: float, seed: int
) -> str:
    if clean < 0.5 and clean < 3 / num_classes:
        return (
            f"The model is right on {clean:.0%} of the clean images, chance is {1 / num_classes:.0%}: the preprocessing (value range, "
            "normalisation, channel order), the class order or the weights are probably not those of the declared model."
        )
    if noisy >= 0.7 * clean:
        return ""
    bearable = _bearable_sigma(classifier, images, labels, clean=clean, sigma=sigma, seed=seed)
    smaller = (
        f"a smaller sigma (at {bearable:g} it is still right on most of what it knows)"
        if bearable
        else f"a smaller sigma (it fails at {sigma / 8:g} too)"
    )
    return (
        f"The model is right on {clean:.0%} of the clean images and on {noisy:.0%} under noise of std {sigma:g}: it does not live "
        f"in this noise, so most points will abstain whatever the budget. Three ways out: {smaller}; train it with Gaussian noise "
        "of that std added to its inputs; put a denoiser in front of it (a factory whose module denoises, then classifies)."
    )


def _bearable_sigma(
    classifier: Classifier, images: Tensor, labels: Tensor, *, clean: float, sigma: float, seed: int
) -> float | None:
    """The largest of sigma/2, /4, /8 under which the model keeps 90 % of its clean accuracy."""
    for smaller in (sigma / 2, sigma / 4, sigma / 8):
        if _accuracy(classifier, images[:_BATCH], labels[:_BATCH], sigma=smaller, seed=seed) >= 0.9 * clean:
            return smaller
    return None


def _accuracy(
    classifier: Classifier, images: Tensor, labels: Tensor, *, sigma: float = 0.0, copies: int = 1, seed: int = 0
) -> float:
    """The fraction of answers that are right, over ``copies`` of each image under noise of std ``sigma``."""
    rows = torch.arange(len(images)).repeat(copies)
    generator = generator_of(seed)
    right = 0
    for part in torch.split(rows, _BATCH):
        answered = logits_of(classifier, noisy(images[part], sigma, generator)).argmax(dim=1).cpu()
        right += int((answered == labels[part].cpu()).sum())
    return right / len(rows)


def logits_of(classifier: Classifier, batch: Tensor) -> Tensor:
    """The model's logits for a batch, asked in halves where memory runs out.

    Raises: ModelError where it does not suffice for one image.
    """
    try:
        return torch.cat(in_halves(classifier, batch))
    except torch.OutOfMemoryError as error:
        raise ModelError(f"the device must have memory for the model and one input, it ran out: {first_line(error)}") from error


def noisy(images: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """Images (B, C, H, W) under Gaussian noise of std ``sigma``, on the CPU."""
    return images.cpu() + sigma * torch.randn(images.shape, generator=generator)


def generator_of(seed: int) -> torch.Generator:
    """A generator on the CPU, which keeps 32 bits of its seed: enough for an estimate."""
    return torch.Generator().manual_seed(seed % 2**32)
