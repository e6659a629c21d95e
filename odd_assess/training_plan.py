"""What a training file declares: losses and noise levels as data, checked when they are made. ``odd_assess.training`` carries them out. No torch.

Losses, over noisy copies x + sigma e of the training examples:

    Gaussian      cross entropy at noisy copies (Cohen et al.)
    SmoothAdv     the same around an adversarial example of the smoothed classifier (Salman et al.)
    Macer         cross entropy of the smoothed classifier, and a hinge on its certified radius (Zhai et al.)
    Consistency   beside any of them: the copies of one example shall be answered alike (Jeong and Shin)

Noise levels, one for each training example, kept across epochs:

    Fixed                   the same for all
    DataDependentTraining   by gradient ascent from a switch epoch on (DDS)
    InstanceWiseTraining    by a search from several starts at the switch epoch, and by ascent after it (Insta-RS Train)

The rest of the file, and all of it together in a `TrainingPlan`: conditions (Conditions), simple changes of images (Augmentation), Sgd or AdamW, Schedule,
quick certificates on the way (Validation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf, isfinite
from pathlib import Path
from typing import Any, ClassVar, Literal

from odd_assess.odd.domain import Domain
from odd_assess.policies import SMALLEST_SIGMA, Bounds, MultiStart
from odd_assess.records import InputDeclaration, ModelDeclaration, Realisation


def _check_counts(*, least: int = 1, **counts: int) -> None:
    for name, count in counts.items():
        if count < least:
            raise ValueError(f"{name} must be at least {least}, got {count!r}")


def _check_levels(low: float, high: float, **levels: tuple[float, ...]) -> None:
    if not SMALLEST_SIGMA <= low < high < inf:
        raise ValueError(f"low and high must be two rising noise levels of at least {SMALLEST_SIGMA:g}, got {low!r} and {high!r}")
    for name, values in levels.items():
        for level in values:
            if not low <= level <= high:
                raise ValueError(f"{name} must lie within [low, high] = [{low:g}, {high:g}], got {level!r}")


def _check_sizes(**sizes: float) -> None:
    for name, size in sizes.items():
        if not (isfinite(size) and size >= 0):
            raise ValueError(f"{name.rstrip('_')} must be a number of at least 0, got {size!r}")


def _check_positive(**sizes: float) -> None:
    for name, size in sizes.items():
        if not (isfinite(size) and size > 0):
            raise ValueError(f"{name} must be a positive number, got {size!r}")


# ---------------------------------------------------------------- losses


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaussian:
    """Cross entropy at ``draws`` noisy copies of each example.

    Raises: ValueError for less than one draw.
    Source: Cohen, Rosenfeld, Kolter, ICML 2019, section 3.3 (one copy).
    """

    kind: ClassVar[str] = "gaussian"

    draws: int = 1

    def __post_init__(self) -> None:
        _check_counts(draws=self.draws)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmoothAdv:
    """Cross entropy at ``draws`` noisy copies of an adversarial example of the smoothed classifier, found by ``steps`` steps within ``epsilon`` (L2).

    ``epsilon`` is in input units, like sigma. It grows in equal parts over the first ``warmup`` epochs, of which the first trains with epsilon / warmup.
    The defaults are the mildest of the paper's; its README trains with 10 steps and 2 draws.

    Raises: ValueError for a negative epsilon, less than one step or draw, or a negative warm-up.
    Source: Salman et al., NeurIPS 2019; epsilon 64/256, warm-up 10 and 2 steps as in its published jobs.
    """

    kind: ClassVar[str] = "smoothadv"

    epsilon: float = 0.25
    steps: int = 2
    draws: int = 2
    warmup: int = 10

    def __post_init__(self) -> None:
        _check_sizes(epsilon=self.epsilon)
        _check_counts(steps=self.steps, draws=self.draws)
        _check_counts(least=0, warmup=self.warmup)

    def epsilon_at(self, epoch: int) -> float:
        """The bound on the perturbation in an epoch, counted from 0."""
        return self.epsilon * min(1.0, (epoch + 1) / self.warmup) if self.warmup else self.epsilon


@dataclass(frozen=True, slots=True, kw_only=True)
class Macer:
    """Cross entropy of the mean softmax over ``draws`` noisy copies, plus lambda sigma / 2 max(0, gamma - (Phi^-1 pA - Phi^-1 pB)) where the answer is right.

    pA and pB are the two largest values of the mean softmax of the logits times ``beta``. Before ``from_epoch`` the second term is left out (MACER as
    Jeong and Shin train it, "deferred" until the first drop of the rate; in the paper it is there from the beginning).

    Raises: ValueError for less than one draw, a negative lambda or epoch, or a gamma or beta that is not positive.
    Source: Zhai et al., ICLR 2020, algorithm 1; the defaults are those of its published code, for sigma .25 on CIFAR-10.
    """

    kind: ClassVar[str] = "macer"

    draws: int = 16
    lambda_: float = 12.0
    gamma: float = 8.0
    beta: float = 16.0
    from_epoch: int = 0

    def __post_init__(self) -> None:
        _check_counts(draws=self.draws)
        _check_counts(least=0, from_epoch=self.from_epoch)
        _check_sizes(lambda_=self.lambda_)
        _check_positive(gamma=self.gamma, beta=self.beta)

    def lambda_at(self, epoch: int) -> float:
        """The weight of the radius in an epoch, counted from 0."""
        return self.lambda_ if epoch >= self.from_epoch else 0.0


TrainingLoss = Gaussian | SmoothAdv | Macer


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """Beside a loss: lambda KL(mean || each) + eta H(mean) of the softmax over the noisy copies of each example, at least ``draws`` of them.

    The copies are those of the loss itself, of which there are then as many as the larger of both numbers.

    Raises: ValueError for less than two draws, or a negative weight.
    Source: Jeong and Shin, NeurIPS 2020; the defaults are those of its published code (its recipes take lambda 20 with Gaussian, 5 with SmoothAdv).
    """

    lambda_: float = 10.0
    eta: float = 0.5
    draws: int = 2

    def __post_init__(self) -> None:
        _check_sizes(lambda_=self.lambda_, eta=self.eta)
        _check_counts(least=2, draws=self.draws)


# ---------------------------------------------------------------- noise levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """One noise level for all training examples.

    Raises: ValueError for a level too small for float32.
    """

    policy: ClassVar[str] = "fixed"

    sigma: float

    def __post_init__(self) -> None:
        if not SMALLEST_SIGMA <= self.sigma < inf:
            raise ValueError(f"sigma must be a number of at least {SMALLEST_SIGMA:g} in input units, got {self.sigma!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDependentTraining:
    """Levels that climb from ``start``, ``steps`` steps an epoch from ``from_epoch`` on: u += ``rate`` dR/du in u = log s, within [``low``, ``high``].

    R(s) = s / 2 (Phi^-1 v1 - Phi^-1 v2), v1 >= v2 the largest values of the mean softmax over ``draws`` noisy copies, clamped to ``clamp``; fresh noise in
    each step, the labels are not asked.

    Differs from the published code, which steps in s itself (1e-4 dR/ds, 10 steps an epoch over 64 copies) and has no bounds: there s can become negative,
    and moves by .002 an epoch at most, made for hundreds of epochs. Near s = .25 a ``rate`` of .016 moves as that does. At .1 the levels of digits ran
    away in 240 epochs of ascent: .713 right without noise, where .016 kept .987 (``benchmarks.training``).

    Raises: ValueError for levels out of order, or counts below 1.
    Source: Alfarra, Bibi, Torr, Ghanem, UAI 2022, algorithm 1; the clamp is that of its training scripts, which start at .12, with SmoothAdv in epoch 60 of 90.
    """

    policy: ClassVar[str] = "data_dependent"

    start: float = 0.25
    low: float = 0.05
    high: float = 1.0
    from_epoch: int = 10
    draws: int = 8
    steps: int = 1
    rate: float = 0.016
    clamp: Bounds = (0.02, 0.98)

    def __post_init__(self) -> None:
        _check_levels(self.low, self.high, start=(self.start,))
        _check_counts(draws=self.draws, steps=self.steps)
        _check_counts(least=0, from_epoch=self.from_epoch)
        _check_positive(rate=self.rate)
        _check_clamp(self.clamp)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceWiseTraining:
    """Two stages: all examples at ``start``; from ``from_epoch`` on each at a level of its own, found by a search from several starts, then by ascent.

    The search, once for each example: from each of ``starts`` the level climbs ``search_steps`` steps, as `odd_assess.policies.MultiStart` does by gradients;
    of all levels passed the example takes the one at which ``n`` draws are expected to certify the largest radius for its label, judged by the
    ``search_draws`` copies there. After it, in each epoch, ``steps`` steps u += ``rate`` dR/du in u = log s over ``draws`` fresh copies. R is that of
    `DataDependentTraining` for the label: v1 is that of the label, v2 the largest of another, so that R falls below 0 where another class is ahead.

    A design of our own: the paper describes two stages and a multiple-start search, its starts, steps and code are not public.

    Raises: ValueError for levels out of order, no starts, or counts below 1.
    Source: after Chen et al. 2021, arXiv 2103.04436 (Insta-RS Train).
    """

    policy: ClassVar[str] = "instance_wise"

    start: float = 0.25
    starts: tuple[float, ...] = (0.12, 0.25, 0.5)
    low: float = 0.05
    high: float = 1.0
    from_epoch: int = 10
    search_draws: int = 16
    search_steps: int = 2
    search_rate: float = 0.2
    draws: int = 8
    steps: int = 1
    rate: float = 0.016
    clamp: Bounds = (0.02, 0.98)
    n: int = 1000
    alpha: float = 0.001

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", tuple(sorted({float(start) for start in self.starts})))
        if not self.starts:
            raise ValueError("starts must hold at least one level")
        _check_levels(self.low, self.high, start=(self.start,), starts=self.starts)
        _check_counts(search_draws=self.search_draws, draws=self.draws, steps=self.steps, n=self.n)
        _check_counts(least=0, from_epoch=self.from_epoch, search_steps=self.search_steps)
        _check_positive(rate=self.rate, search_rate=self.search_rate)
        _check_clamp(self.clamp)
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha must lie in (0, 1), got {self.alpha!r}")

    @property
    def search(self) -> MultiStart:
        """The search at the switch, as the policy that certification knows."""
        return MultiStart(
            starts=self.starts,
            bounds=(self.low, self.high),
            method="gradient",
            draws=self.search_draws,
            steps=self.search_steps,
            rate=self.search_rate,
            n=self.n,
            alpha=self.alpha,
            clamp=self.clamp,
        )


TrainingNoise = Fixed | DataDependentTraining | InstanceWiseTraining


def _check_clamp(clamp: Bounds) -> None:
    low, high = clamp
    if not 0 < low < high < 1:
        raise ValueError(f"clamp must be two rising probabilities between 0 and 1, got {clamp!r}")


# ---------------------------------------------------------------- data


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """A domain from which the condition of each example of each epoch is drawn, for the ``share`` of examples that are not left as they are.

    ``epochs``: those that one drawing serves, the images being held in memory. ``digest``: SHA-256 of all that the file says of the domain, the files of
    numbers that it names included.

    Raises: ValueError for a share outside (0, 1], or less than one epoch.
    """

    domain: Domain
    realisations: tuple[Realisation, ...]
    digest: str
    share: float = 1.0
    epochs: int = 1

    def __post_init__(self) -> None:
        _check_counts(epochs=self.epochs)
        if not 0 < self.share <= 1:
            raise ValueError(f"share must lie in (0, 1], got {self.share!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """Simple changes of the images, drawn anew for each example in each epoch; they come before the condition and the noise.

    ``flip``: half of the images are mirrored. ``crop``: pixels of black border from which a piece of the image's size is cut. ``shift`` (pixels), ``scale`` and
    ``shear`` (fractions) are standard deviations of normal numbers, cut off at 2.5 of these; ``rotate`` is the largest angle in degrees, all alike.

    Raises: ValueError for a negative number.
    """

    flip: bool = False
    crop: int = 0
    shift: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    rotate: float = 0.0

    def __post_init__(self) -> None:
        _check_sizes(crop=self.crop, shift=self.shift, scale=self.scale, shear=self.shear, rotate=self.rotate)

    @property
    def bends(self) -> bool:
        """Whether pixels are interpolated."""
        return any((self.shift, self.scale, self.shear, self.rotate))


# ---------------------------------------------------------------- steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Sgd:
    """Stochastic gradient descent with momentum. ``rate`` is its height over the schedule.

    Raises: ValueError for a rate that is not positive, a momentum outside [0, 1), or a negative decay.
    """

    kind: ClassVar[str] = "sgd"

    rate: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4

    def __post_init__(self) -> None:
        _check_positive(rate=self.rate)
        _check_sizes(weight_decay=self.weight_decay)
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must lie in [0, 1), got {self.momentum!r}")
        if self.nesterov and not self.momentum:
            raise ValueError("momentum must be above 0 beside nesterov")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamW:
    """AdamW with its usual betas. ``rate`` is its height over the schedule.

    Raises: ValueError for a rate that is not positive, or a negative decay.
    """

    kind: ClassVar[str] = "adamw"

    rate: float = 1e-3
    weight_decay: float = 1e-2

    def __post_init__(self) -> None:
        _check_positive(rate=self.rate)
        _check_sizes(weight_decay=self.weight_decay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How the rate changes (`odd_assess.training.schedule`). ``warmup`` in epochs; None: 30 % of all for one_cycle, else none. ``every``, ``factor``: step.

    Raises: ValueError for a negative warm-up, less than one epoch between drops, or a factor outside (0, 1).
    """

    kind: Literal["constant", "cosine", "one_cycle", "step"] = "cosine"
    warmup: float | None = None
    every: int = 1
    factor: float = 0.1

    def __post_init__(self) -> None:
        _check_sizes(warmup=self.warmup or 0.0)
        _check_counts(every=self.every)
        if not 0 < self.factor < 1:
            raise ValueError(f"factor must lie in (0, 1), got {self.factor!r}")


# ---------------------------------------------------------------- all together


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """A quick sequential certificate of ``points`` examples that are not trained on, every ``every`` epochs and after the last: estimates on the way.

    They are those of ``inputs``, or where there are none the ``share`` of the examples that is held out. ``sigma`` (None: that of the training, its start).

    Raises: ValueError for a share outside (0, 1), counts below 1, an alpha outside (0, 1), or radii that are none.
    """

    share: float = 0.1
    inputs: InputDeclaration | None = None
    points: int = 100
    n0: int = 32
    n: int = 200
    alpha: float = 0.001
    every: int = 5
    radii: tuple[float, ...] = (0.25,)
    sigma: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "radii", tuple(sorted({float(radius) for radius in self.radii})))
        _check_counts(points=self.points, n0=self.n0, n=self.n, every=self.every)
        for name, value in (("share", self.share), ("alpha", self.alpha)):
            if not 0 < value < 1:
                raise ValueError(f"{name} must lie in (0, 1), got {value!r}")
        if not self.radii:
            raise ValueError("radii must hold at least one radius")
        for radius in self.radii:
            _check_positive(radii=radius)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """A validated training file with everything it refers to resolved; paths are absolute.

    An epoch sees each example ``repeat`` times, changed otherwise each time. ``ema``: decay of the moving average of the weights that is validated and
    written. ``clip``: largest norm of a step's gradient.
    """

    id: str
    title: str
    path: Path
    sha256: str
    inputs: InputDeclaration
    model: ModelDeclaration
    noise: TrainingNoise
    epochs: int
    conditions: Conditions | None = None
    loss: TrainingLoss = Gaussian()
    consistency: Consistency | None = None
    optimiser: Sgd | AdamW = Sgd()
    schedule: Schedule = Schedule()
    batch_size: int = 256
    repeat: int = 1
    seed: int = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    channels_last: bool = False
    ema: float | None = None
    clip: float | None = None
    augmentation: Augmentation = Augmentation()
    validation: Validation | None = Validation()

    def __post_init__(self) -> None:
        _check_counts(epochs=self.epochs, batch_size=self.batch_size, repeat=self.repeat)

    @property
    def sigma(self) -> float:
        """The noise level that all examples have at the beginning."""
        return self.noise.sigma if isinstance(self.noise, Fixed) else self.noise.start

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that decides what comes out, beside data and first weights, as data that JSON can hold; keys as in the file."""
        kinds = {"loss": self.loss.kind, "optimiser": self.optimiser.kind}
        sections: dict[str, Any] = {
            name: None if section is None else {**({"kind": kinds[name]} if name in kinds else {}), **_as_data(asdict(section))}
            for name, section in (
                ("loss", self.loss),
                ("consistency", self.consistency),
                ("optimiser", self.optimiser),
                ("schedule", self.schedule),
                ("augment", self.augmentation),
                ("validation", self.validation),
            )
        }
        return {
            "inputs": _as_data(asdict(self.inputs)),
            "odd": None if self.conditions is None else self.conditions.digest,
            "odd_share": None if self.conditions is None else self.conditions.share,
            "odd_epochs": None if self.conditions is None else self.conditions.epochs,
            "model": {
                "architecture": _file_name(self.model.reference),
                "arguments": _as_data(dict(self.model.arguments)),
                "normalise": {"mean": _as_data(self.model.mean), "std": _as_data(self.model.std)},
            },
            "noise": {"policy": self.noise.policy, **_as_data(asdict(self.noise))},
            **sections,
            **{name: getattr(self, name) for name in _SCALARS},
        }


def unreached(epochs: int, *sections: Schedule | TrainingNoise | TrainingLoss | None) -> tuple[tuple[str, str, float], ...]:
    """(section, key, epoch) of all that would begin, or be whole, only after so many epochs: a training that declares it would go without.

    >>> unreached(4, Schedule(), DataDependentTraining(from_epoch=10), SmoothAdv(warmup=4))
    (('noise', 'from_epoch', 10), ('loss', 'warmup', 4))
    """
    found: list[tuple[str, str, float]] = []
    for section in sections:
        match section:
            case Schedule(warmup=float() | int() as warmup) if warmup >= epochs:
                found.append(("schedule", "warmup", warmup))
            case DataDependentTraining(from_epoch=first) | InstanceWiseTraining(from_epoch=first) if first >= epochs:
                found.append(("noise", "from_epoch", first))
            case Macer(from_epoch=first) if first >= epochs:
                found.append(("loss", "from_epoch", first))
            case SmoothAdv(warmup=whole) if whole >= epochs:
                found.append(("loss", "warmup", whole))
    return tuple(found)


_SCALARS = ("epochs", "batch_size", "repeat", "seed", "precision", "channels_last", "ema", "clip")


def _as_data(value: Any) -> Any:
    """As JSON holds it: tuples as lists, of files and folders the name alone, because their content is compared by itself."""
    if isinstance(value, Path):
        return value.name
    if isinstance(value, Mapping):
        return {str(key).rstrip("_"): _as_data(inner) for key, inner in value.items()}
    return [_as_data(inner) for inner in value] if isinstance(value, list | tuple) else value


def _file_name(reference: str) -> str:
    """The factory, without the folder where its file lies."""
    place, colon, name = reference.rpartition(":")
    return f"{Path(place).name}:{name}" if colon and place.endswith(".py") else reference
