"""The keys of a training file, their types and simple limits, beside those of a spec (``models``)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SkipValidation

from odd_assess.spec import models
from odd_assess.spec.models import Count, FromZero, Keys, Level, Name, Number, Positive, Seed, Text
from odd_assess.training_plan import (
    AdamW,
    Augmentation,
    Consistency,
    DataDependentTraining,
    Gaussian,
    InstanceWiseTraining,
    Macer,
    Sgd,
    SmoothAdv,
    Validation,
)

Size = Annotated[Number, Field(ge=0)]
Above = Annotated[Number, Field(gt=0)]
Share = Annotated[Number, Field(gt=0, lt=1)]
Epochs = Annotated[Number, Field(ge=0)]
Clamp = Annotated[list[Share], Field(min_length=2, max_length=2)]

_GAUSSIAN, _SMOOTH_ADV, _MACER, _CONSISTENCY = Gaussian(), SmoothAdv(), Macer(), Consistency()
_DATA_DEPENDENT, _INSTANCE_WISE = DataDependentTraining(), InstanceWiseTraining()
_SGD, _ADAMW, _AUGMENT, _VALIDATION = Sgd(), AdamW(), Augmentation(), Validation()
"""Whose defaults are those of the keys."""


# ---------------------------------------------------------------- noise


class FixedNoise(Keys):
    """One noise level for all examples."""

    example: ClassVar[str] = "{sigma: 0.25}"

    sigma: Level = Field(description="standard deviation of the Gaussian noise in input units (images in [0, 1])", examples=[0.25])


class DataDependentNoise(Keys):
    """A level for each example, kept across epochs, that climbs by gradient ascent (DDS)."""

    example: ClassVar[str] = "{policy: data_dependent, start: 0.25}"
    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"sigma": "start", "starts": "start"})

    policy: Literal["data_dependent"] = Field(description="a level for each example, by gradient ascent (DDS)")
    start: Level = Field(default=_DATA_DEPENDENT.start, description="the level of all examples before the ascent begins")
    low: Level = Field(default=_DATA_DEPENDENT.low, description="the smallest level")
    high: Level = Field(default=_DATA_DEPENDENT.high, description="the largest level")
    from_epoch: FromZero = Field(
        default=_DATA_DEPENDENT.from_epoch, description="the epoch in which the ascent begins, counted from 0"
    )
    draws: Count = Field(default=_DATA_DEPENDENT.draws, description="noisy copies in each step of the ascent")
    steps: Count = Field(default=_DATA_DEPENDENT.steps, description="steps of the ascent in an epoch")
    rate: Above = Field(default=_DATA_DEPENDENT.rate, description="size of a step in the logarithm of the level")
    clamp: Clamp = Field(default=list(_DATA_DEPENDENT.clamp), description="the shares to which class shares are cut")


class InstanceWiseNoise(Keys):
    """A level for each example, found by a search from several starts and kept across epochs (Insta-RS Train)."""

    example: ClassVar[str] = "{policy: instance_wise, start: 0.25}"
    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"sigma": "start"})

    policy: Literal["instance_wise"] = Field(
        description="a level for each example, by a search from several starts (Insta-RS Train)"
    )
    start: Level = Field(default=_INSTANCE_WISE.start, description="the level of all examples before the search")
    starts: list[Level] = Field(
        default=list(_INSTANCE_WISE.starts), min_length=1, max_length=50, description="the levels that the search starts from"
    )
    low: Level = Field(default=_INSTANCE_WISE.low, description="the smallest level")
    high: Level = Field(default=_INSTANCE_WISE.high, description="the largest level")
    from_epoch: FromZero = Field(default=_INSTANCE_WISE.from_epoch, description="the epoch of the search, counted from 0")
    search_draws: Count = Field(default=_INSTANCE_WISE.search_draws, description="noisy copies at each level of the search")
    search_steps: FromZero = Field(default=_INSTANCE_WISE.search_steps, description="steps of the search from each start")
    search_rate: Above = Field(default=_INSTANCE_WISE.search_rate, description="size of such a step in the logarithm of the level")
    draws: Count = Field(default=_INSTANCE_WISE.draws, description="noisy copies in each step of the ascent after the search")
    steps: Count = Field(default=_INSTANCE_WISE.steps, description="steps of that ascent in an epoch")
    rate: Above = Field(default=_INSTANCE_WISE.rate, description="size of such a step in the logarithm of the level")
    clamp: Clamp = Field(default=list(_INSTANCE_WISE.clamp), description="the shares to which class shares are cut")
    n: Positive = Field(default=_INSTANCE_WISE.n, description="the budget that the search has in mind: draws that bound a class")
    alpha: Share = Field(default=_INSTANCE_WISE.alpha, description="and the probability that a certificate is wrong")


NOISE_POLICIES: dict[str, type[Keys]] = {"data_dependent": DataDependentNoise, "instance_wise": InstanceWiseNoise}
"""The ways to choose the noise levels of examples, by their name."""


# ---------------------------------------------------------------- loss


class GaussianLoss(Keys):
    """Cross entropy at noisy copies (Cohen et al.)."""

    example: ClassVar[str] = "{kind: gaussian}"

    kind: Literal["gaussian"] = Field(description="cross entropy at noisy copies")
    draws: Count = Field(default=_GAUSSIAN.draws, description="noisy copies of each example")


class SmoothAdvLoss(Keys):
    """Cross entropy around an adversarial example of the smoothed classifier (Salman et al.)."""

    example: ClassVar[str] = "{kind: smoothadv, epsilon: 0.25}"

    kind: Literal["smoothadv"] = Field(description="cross entropy around an adversarial example of the smoothed classifier")
    epsilon: Size = Field(default=_SMOOTH_ADV.epsilon, description="largest L2 norm of the perturbation, in input units")
    steps: Count = Field(default=_SMOOTH_ADV.steps, description="steps of the attack")
    draws: Count = Field(default=_SMOOTH_ADV.draws, description="noisy copies of each example")
    warmup: FromZero = Field(default=_SMOOTH_ADV.warmup, description="epochs over which epsilon grows to its size")


class MacerLoss(Keys):
    """Cross entropy of the smoothed classifier, and a hinge on its radius (Zhai et al.)."""

    example: ClassVar[str] = "{kind: macer, draws: 16}"

    kind: Literal["macer"] = Field(description="cross entropy of the smoothed classifier, and a hinge on its radius")
    draws: Count = Field(default=_MACER.draws, description="noisy copies of each example")
    lambda_: Size = Field(alias="lambda", default=_MACER.lambda_, description="weight of the radius")
    gamma: Above = Field(default=_MACER.gamma, description="the radius, in units of sigma / 2, beyond which nothing is gained")
    beta: Above = Field(default=_MACER.beta, description="what logits are multiplied by in the radius")
    from_epoch: FromZero = Field(default=_MACER.from_epoch, description="the epoch from which on the radius counts, from 0")


LOSS_KINDS: dict[str, type[Keys]] = {"gaussian": GaussianLoss, "smoothadv": SmoothAdvLoss, "macer": MacerLoss}
"""The losses by their kind."""


class ConsistencyKeys(Keys):
    """Beside a loss: the noisy copies of one example shall be answered alike (Jeong and Shin)."""

    example: ClassVar[str] = "{lambda: 10}"

    lambda_: Size = Field(alias="lambda", default=_CONSISTENCY.lambda_, description="weight of the divergence from the mean answer")
    eta: Size = Field(default=_CONSISTENCY.eta, description="weight of the entropy of the mean answer")
    draws: Annotated[int, Field(ge=2, le=10_000)] = Field(
        default=_CONSISTENCY.draws, description="noisy copies of each example, at least"
    )


# ---------------------------------------------------------------- steps


class SgdKeys(Keys):
    """Stochastic gradient descent with momentum."""

    example: ClassVar[str] = "{kind: sgd, rate: 0.1}"
    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"lr": "rate", "learning_rate": "rate"})

    kind: Literal["sgd"] = Field(description="stochastic gradient descent with momentum")
    rate: Above = Field(default=_SGD.rate, description="learning rate at its height")
    momentum: Annotated[Number, Field(ge=0, lt=1)] = Field(default=_SGD.momentum, description="share of the last step that is kept")
    nesterov: bool = Field(default=_SGD.nesterov, description="whether the momentum looks ahead")
    weight_decay: Size = Field(default=_SGD.weight_decay, description="how fast weights shrink")


class AdamWKeys(Keys):
    """AdamW."""

    example: ClassVar[str] = "{kind: adamw, rate: 0.001}"
    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"lr": "rate", "learning_rate": "rate"})

    kind: Literal["adamw"] = Field(description="AdamW")
    rate: Above = Field(default=_ADAMW.rate, description="learning rate at its height")
    weight_decay: Size = Field(default=_ADAMW.weight_decay, description="how fast weights shrink")


OPTIMISER_KINDS: dict[str, type[Keys]] = {"sgd": SgdKeys, "adamw": AdamWKeys}
"""The optimisers by their kind."""


class ConstantKeys(Keys):
    """The same rate throughout, after the warm-up."""

    example: ClassVar[str] = "{kind: constant}"

    kind: Literal["constant"] = Field(description="the same rate throughout, after the warm-up")
    warmup: Epochs = Field(default=0.0, description="epochs over which the rate rises from zero")


class CosineKeys(Keys):
    """From the full rate to zero along half a cosine, after the warm-up."""

    example: ClassVar[str] = "{kind: cosine, warmup: 2}"

    kind: Literal["cosine"] = Field(description="from the full rate to zero along half a cosine, after the warm-up")
    warmup: Epochs = Field(default=0.0, description="epochs over which the rate rises from zero")


class OneCycleKeys(Keys):
    """Up along half a cosine from 1/25 of the rate, and down again to next to nothing."""

    example: ClassVar[str] = "{kind: one_cycle}"

    kind: Literal["one_cycle"] = Field(
        description="up along half a cosine from 1/25 of the rate, and down again to next to nothing"
    )
    warmup: Epochs | None = Field(default=None, description="epochs of the way up; 30 % of all if left out")


class StepKeys(Keys):
    """The rate is multiplied by a factor every so many epochs."""

    example: ClassVar[str] = "{kind: step, every: 30}"
    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"step_size": "every", "gamma": "factor"})

    kind: Literal["step"] = Field(description="the rate is multiplied by a factor every so many epochs")
    every: Positive = Field(description="epochs between two drops", examples=[30])
    factor: Share = Field(default=0.1, description="what the rate is multiplied by")
    warmup: Epochs = Field(default=0.0, description="epochs over which the rate rises from zero")


SCHEDULE_KINDS: dict[str, type[Keys]] = {
    "constant": ConstantKeys,
    "cosine": CosineKeys,
    "one_cycle": OneCycleKeys,
    "step": StepKeys,
}
"""The schedules by their kind."""


# ---------------------------------------------------------------- data


class Augment(Keys):
    """How examples are changed before their conditions and the noise, anew in each epoch."""

    example: ClassVar[str] = "{flip: true, crop: 4}"

    flip: bool = Field(default=_AUGMENT.flip, description="whether half of the images are mirrored, left to right")
    crop: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=_AUGMENT.crop, description="pixels of black border from which a piece of the image's size is cut"
    )
    shift: Size = Field(default=_AUGMENT.shift, description="typical shift in pixels, not a whole number")
    scale: Annotated[Number, Field(ge=0, lt=0.4)] = Field(default=_AUGMENT.scale, description="typical change of size, a fraction")
    shear: Annotated[Number, Field(ge=0, lt=0.4)] = Field(default=_AUGMENT.shear, description="typical shear, a fraction")
    rotate: Annotated[Number, Field(ge=0, le=180)] = Field(default=_AUGMENT.rotate, description="largest rotation in degrees")


class ValidationKeys(Keys):
    """A quick sequential certificate on examples that are not trained on."""

    example: ClassVar[str] = "{points: 100, n: 200, every: 5, radii: [0.25]}"
    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"radius": "radii", "max": "n"})

    share: Share | None = Field(
        default=None, description="the part of the examples that is held out, at random; a tenth if left out", examples=[0.1]
    )
    inputs: Annotated[models.Digits | models.Npz | models.Folder | models.Torchvision | models.Table | None, SkipValidation] = (
        Field(default=None, description="examples of their own, in place of a share", examples=["{dataset: digits, split: test}"])
    )
    points: Positive = Field(
        default=_VALIDATION.points, description="held-out examples that are certified, the same ones each time"
    )
    n0: Positive = Field(default=_VALIDATION.n0, description="draws that choose the class")
    n: Positive = Field(default=_VALIDATION.n, description="draws that bound its probability, at most")
    alpha: Annotated[Number, Field(ge=1e-100, le=0.5)] = Field(
        default=_VALIDATION.alpha, description="probability that one certificate is wrong"
    )
    every: Positive = Field(default=_VALIDATION.every, description="epochs between two looks; there is one after the last, too")
    radii: list[Above] | None = Field(
        default=None,
        min_length=1,
        max_length=20,
        description="L2 radii at which accuracy is told, in input units; the noise level of the certificates if left out",
        examples=["[0.25]"],
    )
    sigma: Level | None = Field(
        default=None, description="noise level of the certificates; that of the training (its start) if left out", examples=[0.25]
    )


class TrainingFile(Keys):
    """How a model is trained for certified robustness."""

    example: ClassVar[str] = "{odd_assess_training: 1, id: my-training, ...}"
    instead: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"optimizer": "optimiser", "augmentation": "augment", "certification": "validation", "sampling": "odd"}
    )

    odd_assess_training: Literal[1] = Field(description="version of this format", examples=[1])
    id: Name = Field(description="short name of the training: letters, digits, dot, dash and underscore", examples=["digits-macer"])
    title: Text = Field(description="what is trained, in words", examples=["Digit reader trained for noise .25"])
    inputs: Annotated[models.Digits | models.Npz | models.Folder | models.Torchvision | models.Table, SkipValidation] = Field(
        description="where images and labels come from, as in a spec", examples=["{dataset: digits, split: train}"]
    )
    odd: Annotated[models.Odd | None, SkipValidation] = Field(
        default=None, description="a domain, as in a spec: each example of each epoch is seen under a condition drawn from it"
    )
    odd_share: Annotated[Number, Field(gt=0, le=1)] | None = Field(
        default=None, description="the share of examples that are; all if left out", examples=[0.5]
    )
    odd_epochs: Positive | None = Field(
        default=None,
        description="epochs that one drawing of conditions serves, with the same changes of the images: making these takes most of the time for small "
        "networks; 1 if left out",
        examples=[10],
    )
    model: Annotated[models.Architecture, SkipValidation] = Field(
        description="architecture, as in a spec; weights to start from, if any", examples=["{architecture: package.module:factory}"]
    )
    noise: Annotated[FixedNoise | DataDependentNoise | InstanceWiseNoise, SkipValidation] = Field(
        description="the noise level of the examples, or how each finds its own", examples=["{sigma: 0.25}"]
    )
    loss: Annotated[GaussianLoss | SmoothAdvLoss | MacerLoss | None, SkipValidation] = Field(
        default=None, description="what is minimised; {kind: gaussian} if left out"
    )
    consistency: Annotated[ConsistencyKeys | None, SkipValidation] = Field(
        default=None, description="beside the loss: copies of one example shall be answered alike"
    )
    optimiser: Annotated[SgdKeys | AdamWKeys | None, SkipValidation] = Field(
        default=None, description="how weights are changed; {kind: sgd, rate: 0.1} if left out"
    )
    schedule: Annotated[ConstantKeys | CosineKeys | OneCycleKeys | StepKeys | None, SkipValidation] = Field(
        default=None, description="how the rate changes; {kind: cosine} if left out"
    )
    epochs: Positive = Field(description="passes over the examples", examples=[40])
    batch_size: Positive = Field(default=256, description="examples in one step")
    repeat: Count = Field(
        default=1, description="how often an epoch sees each example, changed otherwise each time: for few examples"
    )
    seed: Seed = Field(default=0, description="seed of first weights, order, conditions and noise")
    precision: Literal["float32", "bfloat16"] = Field(default="float32", description="bfloat16: autocast; weights stay in float32")
    channels_last: bool = Field(default=False, description="memory format of images and convolutions; often faster")
    ema: Annotated[Number, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="decay of a moving average of the weights, which is what is validated and written",
        examples=[0.999],
    )
    clip: Above | None = Field(default=None, description="largest norm of the gradient; larger ones are shortened", examples=[1.0])
    augment: Annotated[Augment | None, SkipValidation] = Field(default=None, description="simple changes of the images")
    validation: Annotated[ValidationKeys | Literal["none"] | None, SkipValidation] = Field(
        default=None, description="quick certificates on held-out examples, or none"
    )


def plain(section: Keys) -> dict[str, Any]:
    """The values of a section by the names of its record, lists as tuples."""
    values = {name: getattr(section, name) for name in type(section).model_fields if name not in ("kind", "policy")}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
