"""The keys of a spec and of a criteria file, their types and simple limits: the one place that says what may be written.

The JSON Schema for editors is generated from here, and the messages quote the descriptions. What needs a second look (units, files, other
sections) is checked where the records are built: ``attributes``, ``sections``, ``criteria``. Sections are validated one by one, so that a
mistake in one hides none in another; ``SkipValidation`` marks what is validated apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SkipValidation, WithJsonSchema
from pydantic_core import PydanticCustomError

from odd_assess.policies import SMALLEST_SIGMA, DataDependent, MultiStart, PerCell
from odd_assess.records import AverageCasePlan, EstimationMethod
from odd_assess.spec.words import shown


def _whole(value: Any) -> Any:
    """1e5 is a whole number too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_text(value: Any) -> Any:
    """A bare number is read as a text, so that the message can say what goes with it."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _number_or_text(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise PydanticCustomError(
            "quantity", "{message}", {"message": f"must be a number, or a text with its unit, found {shown(value)}"}
        )
    return value


Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[int, Field(ge=1, le=10_000_000), BeforeValidator(_whole)]
Count = Annotated[int, Field(ge=1, le=10_000), BeforeValidator(_whole)]
FromZero = Annotated[int, Field(ge=0, le=1_000_000), BeforeValidator(_whole)]
Seed = Annotated[int, Field(ge=0, lt=2**63), BeforeValidator(_whole)]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
Amount = Annotated[
    Any,
    BeforeValidator(_number_or_text),
    WithJsonSchema({"type": ["number", "string"], "description": 'A number, or a text with its unit: "0.3 km".'}),
]
Label = Annotated[Any, WithJsonSchema({"type": ["string", "number", "boolean"]})]
Condition = Annotated[
    Any,
    WithJsonSchema(
        {
            "description": 'A threshold or range with unit ("< 50 lux", "[2 .. 5] m"), a label, or a list of labels.',
            "anyOf": [
                {"type": ["string", "number", "boolean"]},
                {"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]}},
            ],
        }
    ),
]
Statement = dict[str, Condition]


class Keys(BaseModel):
    """A mapping with known keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    example: ClassVar[str] = "{key: value}"
    instead: ClassVar[Mapping[str, str]] = MappingProxyType({})  # keys that belong elsewhere, and what says the same here


# ---------------------------------------------------------------- odd


class Realise(Keys):
    """The transform that brings an attribute into the image, with its parameters beside ``transform`` and ``levels``."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    example: ClassVar[str] = "{transform: low_light}"

    transform: Text = Field(description="name of a transform that comes with odd-assess", examples=["low_light"])
    levels: dict[Any, Amount] | None = Field(
        default=None,
        description="attribute with labels: the transform's value for each label; default: first label neutral, last one typical, evenly between",
    )


class Normal(Keys):
    """Mean and standard deviation of a normal distribution, cut off at the ends of the range."""

    example: ClassVar[str] = "{mean: 15, std: 8}"

    mean: Amount = Field(description="mean before cutting, in the unit of the range (or a text with unit)", examples=[15])
    std: Amount = Field(
        description="standard deviation before cutting, in the unit of the range (or a text with unit)", examples=[8]
    )


class NormalDistribution(Keys):
    """A normal distribution, cut off at the ends of the range."""

    example: ClassVar[str] = "{normal: {mean: 15, std: 8}}"

    normal: Normal = Field(description="mean and standard deviation", examples=["{mean: 15, std: 8}"])


class EmpiricalDistribution(Keys):
    """Measured values, each with the same weight."""

    example: ClassVar[str] = "{empirical: values.csv, column: temperature}"

    empirical: Text = Field(
        description="CSV file of measured values in the unit of the range, with a header line", examples=["values.csv"]
    )
    column: Text | None = Field(default=None, description="column of the values; may be left out where the file has one column")


Distribution = Literal["uniform", "loguniform"] | NormalDistribution | EmpiricalDistribution


class Attribute(Keys):
    """One attribute of the operational design domain: a range with unit, or labels."""

    example: ClassVar[str] = '{range: "[20 .. 2000] lux", realise: {transform: low_light}}'

    range: Text | None = Field(
        default=None, description="closed range with unit; no unit means dimensionless", examples=["[20 .. 2000] lux"]
    )
    type: Literal["continuous", "integer"] | None = Field(default=None, description="of a range: continuous (default) or integer")
    values: Annotated[list[Label] | dict[str, Number] | None, SkipValidation] = Field(
        default=None,
        description="labels, as a list (equal weights) or as a mapping label: weight; [true, false] for a yes/no attribute",
    )
    ordered: bool = Field(default=False, description="whether the labels have an order")
    distribution: Annotated[Distribution | None, SkipValidation] = Field(
        default=None,
        description="how a continuous attribute is distributed in use: uniform (default), loguniform, {normal: ...} or {empirical: ...}",
    )
    buckets: list[Amount] | None = Field(
        default=None,
        min_length=2,
        description="rising edges that cut the range into levels for coverage and per-cell results; first and last are the ends of the range",
    )
    realise: Annotated[Realise | None, SkipValidation] = Field(
        default=None, description="the transform that brings the attribute into the image"
    )
    column: Text | None = Field(
        default=None, description="inputs from a table: the column that holds the attribute's value for each frame"
    )
    unrealisable: Text | None = Field(
        default=None, description="why nothing can produce this attribute: it is then reported as untested"
    )


class When(Keys):
    """A conditional statement: wherever ``if`` holds, ``then`` must hold too."""

    example: ClassVar[str] = '{if: {weather: fog}, then: {speed: "<= 60 km/h"}}'

    if_: Annotated[Statement, SkipValidation] = Field(
        alias="if", description="conditions, all of which must hold for the statement to apply"
    )
    then: Annotated[Statement, SkipValidation] = Field(description="conditions, all of which then hold inside the domain")


class Odd(Keys):
    """The operational design domain."""

    example: ClassVar[str] = "{attributes: {...}}"

    taxonomy: Text = Field(
        default="none", description="vocabulary of the attribute names, as the report states it: none, iso34503, or a file"
    )
    mode: Literal["permissive", "restrictive"] = Field(
        default="permissive",
        description="permissive: inside unless excluded; restrictive: inside only where an include statement holds and none excludes",
    )
    attributes: Annotated[dict[str, Attribute], SkipValidation] = Field(
        description="the attributes by name",
        examples=['{illuminance: {range: "[20 .. 2000] lux", realise: {transform: low_light}}}'],
    )
    exclude: Annotated[list[Statement], SkipValidation] = Field(
        default=[], description="statements; a condition is outside where one of them holds"
    )
    include: Annotated[list[Statement], SkipValidation] = Field(
        default=[], description="statements; in restrictive mode one of them must hold"
    )
    when: Annotated[list[When], SkipValidation] = Field(default=[], description="conditional statements {if: ..., then: ...}")


# ---------------------------------------------------------------- sampling


class LowRanks(Keys):
    """The group of the lowest ranks of the design ranked, and the points that it gets; the others are of the other ranks."""

    example: ClassVar[str] = "{ranks: 6, points: 117}"

    ranks: Count = Field(description="how many of the lowest ranks of a set make the low group", examples=[6])
    points: Positive = Field(description="how many of the points are of the low group", examples=[117])


class Sampling(Keys):
    """Which points of the domain are assessed."""

    example: ClassVar[str] = "{design: random, points: 300, seed: 1}"

    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"max": "max_points"})

    design: Literal["random", "stratified", "ranked", "sobol", "lhs", "grid", "pairwise"] = Field(
        description="random, stratified and ranked (points chosen by rank among candidates, see candidates and low) support claims on the domain; sobol, "
        "lhs, grid and pairwise serve coverage",
        examples=["random"],
    )
    points: Positive | None = Field(
        default=None,
        description="number of points; grid and pairwise: as many as they need if left out; with until_decided: none, but max_points",
        examples=[300],
    )
    until_decided: bool = Field(
        default=False, description="design random: points are drawn until every blocking criterion is decided, max_points at most"
    )
    max_points: Positive | None = Field(default=None, description="until_decided: the most points that are drawn", examples=[2000])
    seed: Seed = Field(default=0, description="seed of the points and of all noise")
    allocation: Text | None = Field(
        default=None,
        description="stratified: points by the cells' weights (proportional, default), the same number in each cell (equal), or as a CSV file says: "
        "a row for each cell, with its group (1 or 2) and the group's points",
        examples=["equal"],
    )
    candidates: Count | None = Field(
        default=None,
        description="ranked: random candidates for each point, ranked by their estimates (section average_case); one of them is certified",
        examples=[10],
    )
    low: Annotated[LowRanks | None, SkipValidation] = Field(
        default=None,
        description="ranked: how many of the lowest ranks make the low group, and its points; in each group a point's rank is drawn uniformly",
        examples=["{ranks: 6, points: 117}"],
    )


# ---------------------------------------------------------------- inputs

Side = Annotated[int, Field(ge=1, le=16_384), BeforeValidator(_whole)]
Size = Annotated[list[Side], Field(min_length=2, max_length=2)]
_SIZE = "[height, width] in pixels that every image is resized to"


class Digits(Keys):
    """The handwritten digits that come with scikit-learn (1,797 images of 8 x 8, ten classes)."""

    example: ClassVar[str] = "{dataset: digits, split: test}"

    dataset: Literal["digits"] = Field(description="the embedded data set")
    split: Literal["train", "test", "all"] = Field(default="test", description="part of the data set")
    size: Size | None = Field(default=None, description=_SIZE)


class Npz(Keys):
    """Arrays ``images`` (N, H, W, C) or (N, H, W), ``labels`` (N,) and, if wanted, ``class_names`` in a NumPy file."""

    example: ClassVar[str] = "{npz: images.npz}"

    npz: Text = Field(description="NumPy file with the arrays images, labels and, if wanted, class_names")
    size: Size | None = Field(default=None, description=_SIZE)


class Folder(Keys):
    """Image files, one sub-folder a class."""

    example: ClassVar[str] = "{folder: images, size: [32, 32]}"

    folder: Text = Field(description="folder with one sub-folder of image files a class, in alphabetical order")
    size: Size | None = Field(default=None, description=_SIZE)


class Torchvision(Keys):
    """A data set of torchvision."""

    example: ClassVar[str] = "{torchvision: GTSRB, root: data, split: test}"

    torchvision: Text = Field(description="name of a class in torchvision.datasets", examples=["GTSRB"])
    root: Text = Field(description="folder that holds the data set, or takes it", examples=["data"])
    split: Text = Field(default="test", description="part of the data set")
    download: bool = Field(
        default=False, description="whether the data set may be fetched from the network if root does not hold it"
    )
    size: Size | None = Field(default=None, description=_SIZE)


class Table(Keys):
    """A CSV or Parquet file: one row a frame, with its image, its label and the values of ODD attributes."""

    example: ClassVar[str] = "{table: frames.csv, images: file, label: class}"

    table: Text = Field(description="CSV or Parquet file, one row a frame")
    images: Text | None = Field(default=None, description="column of image files, relative to the table")
    rows: Text | None = Field(default=None, description="column of row numbers of the arrays")
    arrays: Text | None = Field(default=None, description="NumPy file with the array images that the row numbers point into")
    label: Text | None = Field(
        default=None, description="column of the true class; may be left out beside rows where the arrays hold labels"
    )
    weights: Literal["declared", "frames"] = Field(
        default="declared", description="how frames are drawn: by the declared distribution of the cells, or each frame alike"
    )
    size: Size | None = Field(default=None, description=_SIZE)


class Callable(Keys):
    """A renderer or simulator: function(values, seed) -> (image, label)."""

    example: ClassVar[str] = "{callable: my_package.renderer:render}"

    callable: Text = Field(description="package.module:function")
    size: Size | None = Field(default=None, description=_SIZE)


INPUT_KINDS: dict[str, type[Keys]] = {
    "dataset": Digits,
    "npz": Npz,
    "folder": Folder,
    "torchvision": Torchvision,
    "table": Table,
    "callable": Callable,
}
"""The key that decides the kind of inputs, and the keys that go with it."""


# ---------------------------------------------------------------- model


class Normalise(Keys):
    """Subtract mean, divide by std: applied inside the model, after the noise."""

    example: ClassVar[str] = "{mean: [0.3], std: [0.35]}"

    mean: list[Number] = Field(min_length=1, description="one value, or one a channel", examples=["[0.3]"])
    std: list[Annotated[Number, Field(gt=0)]] = Field(min_length=1, description="one value, or one a channel", examples=["[0.35]"])


class _AnyModel(Keys):
    normalise: Normalise | None = Field(default=None, description="normalisation of the inputs, applied inside, after the noise")
    expected_clean_accuracy: Annotated[Number, Field(ge=0, le=1)] | None = Field(
        default=None, description="accuracy on the base images without noise; a run that finds another one stops"
    )
    clean_accuracy_tolerance: Annotated[Number, Field(gt=0, le=1)] = Field(
        default=0.03, description="how far the accuracy may be from the expected one"
    )


class Architecture(_AnyModel):
    """A PyTorch module and its weights."""

    example: ClassVar[str] = "{architecture: package.module:factory, weights: weights.safetensors}"

    architecture: Text = Field(description="package.module:factory, file.py:factory or torchvision:NAME")
    weights: Text | None = Field(default=None, description="safetensors file, or a state_dict written by torch.save")
    arguments: dict[str, Any] = Field(default={}, description="keyword arguments of the factory", examples=["{num_classes: 43}"])
    precision: Literal["float32", "bfloat16", "float16", "int8"] | None = Field(
        default=None,
        description="what the deployed model computes in: weights and inputs are converted to it; as the weights are if left out; "
        "int8: in whole numbers, with weights that odd-assess derive wrote",
    )
    compile: bool = Field(default=False, description="whether the deployed model runs through torch.compile")


class Onnx(_AnyModel):
    """An ONNX file."""

    example: ClassVar[str] = "{onnx: model.onnx}"

    onnx: Text = Field(description="ONNX file; needs the extra odd-assess[onnx]")


class Exported(_AnyModel):
    """A program written by torch.export.save."""

    example: ClassVar[str] = "{exported: model.pt2}"

    exported: Text = Field(description="file written by torch.export.save")


MODEL_KINDS: dict[str, type[_AnyModel]] = {"architecture": Architecture, "onnx": Onnx, "exported": Exported}
"""The key that decides the kind of model, and the keys that go with it."""


# ---------------------------------------------------------------- certification

_PER_CELL, _MULTI_START, _DATA_DEPENDENT = PerCell(grid=(0.1, 0.2)), MultiStart(), DataDependent()
"""Whose defaults are those of the keys."""


class TwoStageBudget(Keys):
    """n0 draws choose the class, n fresh draws bound it."""

    example: ClassVar[str] = "{kind: reduced, n0: 100, n: 1000}"

    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"max": "n"})

    kind: Literal["reduced", "fixed"] = Field(
        description="reduced: a small budget, its cost in radius is reported; fixed: the budget of the literature"
    )
    n0: Positive = Field(description="draws that choose the class", examples=[100])
    n: Positive = Field(description="draws that bound its probability", examples=[1000])


class SingleBatchBudget(Keys):
    """One batch of n draws chooses the class and bounds it."""

    example: ClassVar[str] = "{kind: single_batch, n: 500}"

    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"max": "n"})

    kind: Literal["single_batch"] = Field(description="one batch of n draws chooses the class and bounds it")
    n: Positive = Field(description="draws a point", examples=[500])


class SequentialBudget(Keys):
    """n0 draws choose the class; fresh draws bound it until every radius that the criteria ask about is decided at the point."""

    example: ClassVar[str] = "{kind: sequential, max: 10000}"
    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"n": "max", "max_draws": "max"})

    kind: Literal["sequential"] = Field(
        description="draws at a point stop when every radius that the criteria ask about is decided there"
    )
    n0: Positive = Field(default=100, description="draws that choose the class")
    max: Positive = Field(description="the most draws at a point that bound its probability", examples=[10000])


class ToleranceBudget(Keys):
    """The smallest n that is expected to give up no more than a part of the mean radius, found by a pilot."""

    example: ClassVar[str] = "{kind: tolerance, radius_reduction: 0.2}"
    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"n": "max", "tolerance": "radius_reduction"})

    kind: Literal["tolerance"] = Field(
        description="a pilot chooses the smallest n that is expected to give up no more than radius_reduction"
    )
    radius_reduction: Annotated[Number, Field(gt=0, lt=1)] = Field(
        description="the part of the mean radius at the reference budget that may be given up", examples=[0.2]
    )
    n0: Positive = Field(default=100, description="draws that choose the class, and draws of the pilot at each of its points")
    max: Positive | None = Field(
        default=None, description="the largest n; 100000 if left out, but less than the reference's n", examples=[10000]
    )
    pilot_points: Positive = Field(default=50, description="further points, not assessed, on which the pilot draws")


BUDGET_KINDS: dict[str, type[Keys]] = {
    "reduced": TwoStageBudget,
    "fixed": TwoStageBudget,
    "single_batch": SingleBatchBudget,
    "sequential": SequentialBudget,
    "tolerance": ToleranceBudget,
}
"""The budgets by their kind."""


class Reference(Keys):
    """A random subsample that is certified with many draws too, to measure what the small budget cost."""

    example: ClassVar[str] = "{n: 100000, points: 20}"

    n: Positive = Field(description="draws a point of the subsample, more than the budget's n or max", examples=[100000])
    points: Positive = Field(description="number of points in the subsample", examples=[20])


Level = Annotated[Number, Field(ge=SMALLEST_SIGMA, le=1000)]


class OneSigma(Keys):
    """One noise level for all points."""

    example: ClassVar[str] = "{sigma: 0.25}"

    sigma: Level = Field(description="standard deviation of the Gaussian noise in input units (images in [0, 1])", examples=[0.25])


class PerCellSigma(Keys):
    """One noise level for each cell of the ODD, chosen on points of their own."""

    example: ClassVar[str] = "{policy: per_cell, grid: [0.12, 0.25, 0.5]}"

    policy: Literal["per_cell"] = Field(description="one level for each cell of the ODD, chosen on points of their own")
    grid: list[Level] = Field(
        min_length=2, max_length=50, description="the levels to choose from, rising", examples=["[0.12, 0.25, 0.5]"]
    )
    points: Positive = Field(default=_PER_CELL.points, description="further points, not assessed, on which the levels are chosen")
    draws: Positive = Field(default=_PER_CELL.draws, description="draws at each of these points with each level")


class CascadeSigma(Keys):
    """Several noise levels one after another: the answer is that of the first at which a class has a majority."""

    example: ClassVar[str] = "{policy: cascade, sigmas: [0.5, 0.25, 0.12]}"
    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"grid": "sigmas"})

    policy: Literal["cascade"] = Field(description="several levels one after another, the widest first; a classifier without state")
    sigmas: list[Level] = Field(min_length=2, max_length=50, description="the levels, falling", examples=["[0.5, 0.25, 0.12]"])


class MultiStartSigma(Keys):
    """A noise level for each input, searched from several starts; certificates count as far as the memory of the run lets them."""

    example: ClassVar[str] = "{policy: multi_start}"
    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"grid": "starts", "start": "starts"})

    policy: Literal["multi_start"] = Field(description="a level for each input, searched from several starts (Insta-RS)")
    starts: list[Level] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description=f"the levels that the search starts from; those of {', '.join(f'{x:g}' for x in _MULTI_START.starts)} within the bounds if left out",
    )
    bounds: list[Level] = Field(
        default=list(_MULTI_START.bounds), min_length=2, max_length=2, description="the smallest and the largest level"
    )
    method: Literal["gradient", "bisection"] = Field(
        default=_MULTI_START.method, description="gradient: ascent, needs gradients of the model; bisection: any model"
    )
    anchor: Level | None = Field(
        default=None,
        description="the level whose majority class the search certifies, best that of the model's training; the middle start if left out",
    )
    draws: Positive = Field(default=_MULTI_START.draws, description="draws at each level that is tried")
    steps: Count = Field(default=_MULTI_START.steps, description="steps of the search from each start (bisection: beside the best)")
    shortlist: Count = Field(default=_MULTI_START.shortlist, description="levels that are compared on fresh draws at the end")
    trial: Positive = Field(default=_MULTI_START.trial, description="fresh draws with each of them")


class DataDependentSigma(Keys):
    """A noise level for each input by the gradient ascent of DDS; certificates count as far as the memory of the run lets them."""

    example: ClassVar[str] = "{policy: data_dependent, start: 0.25}"
    instead: ClassVar[Mapping[str, str]] = MappingProxyType({"starts": "start"})

    policy: Literal["data_dependent"] = Field(description="a level for each input by the gradient ascent of DDS, as published")
    start: Level | None = Field(
        default=None,
        description=f"the level that the ascent starts from; {_DATA_DEPENDENT.start:g}, or the bound next to it, if left out",
    )
    step: Annotated[Number, Field(gt=0, le=1000)] = Field(default=_DATA_DEPENDENT.step, description="size of a step")
    steps: Count = Field(default=_DATA_DEPENDENT.steps, description="number of steps")
    draws: Positive = Field(default=_DATA_DEPENDENT.draws, description="draws in each step")
    clamp: list[Annotated[Number, Field(gt=0, lt=1)]] = Field(
        default=list(_DATA_DEPENDENT.clamp), min_length=2, max_length=2, description="the shares to which class shares are cut"
    )
    bounds: list[Level] = Field(
        default=list(_DATA_DEPENDENT.bounds), min_length=2, max_length=2, description="the smallest and the largest level"
    )


SIGMA_POLICIES: dict[str, type[Keys]] = {
    "per_cell": PerCellSigma,
    "cascade": CascadeSigma,
    "multi_start": MultiStartSigma,
    "data_dependent": DataDependentSigma,
}
"""The ways to choose noise levels, by their name."""


class Comparison(Keys):
    """A random subsample that is also certified at single noise levels, to measure what the policy gains."""

    example: ClassVar[str] = "{sigmas: [0.12, 0.25, 0.5], points: 25}"

    sigmas: list[Level] | None = Field(
        default=None, min_length=1, max_length=50, description="the single levels; those of the policy if left out"
    )
    points: Positive = Field(default=25, description="number of points in the subsample, all of them where the run has fewer")


class Cache(Keys):
    """What a run keeps for modified models to come: see `odd-assess recertify`."""

    example: ClassVar[str] = "{draws: 1000}"

    draws: Positive = Field(
        description="answers that are kept at each point, to the first of the draws that bound it: as many as a modified model may be asked",
        examples=[1000],
    )


class Certification(Keys):
    """The noise, the failure probability and the draws of a certificate."""

    example: ClassVar[str] = "{sigma: 0.25, alpha: 0.001, budget: {kind: reduced, n0: 100, n: 1000}}"

    sigma: Annotated[Level | PerCellSigma | CascadeSigma | MultiStartSigma | DataDependentSigma, SkipValidation] = Field(
        description="standard deviation of the Gaussian noise in input units (images in [0, 1]), or how it is chosen",
        examples=[0.25],
    )
    alpha: Annotated[Number, Field(ge=1e-100, le=0.5)] = Field(
        description="probability that one certificate is wrong", examples=[0.001]
    )
    budget: Annotated[TwoStageBudget | SingleBatchBudget | SequentialBudget | ToleranceBudget, SkipValidation] = Field(
        description="the noisy copies drawn for a point", examples=["{kind: reduced, n0: 100, n: 1000}"]
    )
    reference: Annotated[Reference | Literal["none"] | None, SkipValidation] = Field(
        default=None, description="random subsample certified with many draws too, or none (default)"
    )
    comparison: Annotated[Comparison | Literal["none"] | None, SkipValidation] = Field(
        default=None,
        description="where a policy chooses the noise levels: random subsample certified at single levels too, or none",
    )
    cache: Annotated[Cache | None, SkipValidation] = Field(
        default=None,
        description="what is kept for modified models to come, so that odd-assess recertify can certify them with fewer draws; nothing if left out",
        examples=["{draws: 1000}"],
    )
    batch_size: Positive | None = Field(
        default=None, description="noisy copies a call of the model; by a rule from the image size, or by measurement, if left out"
    )


# ---------------------------------------------------------------- average case

_AVERAGE_CASE = AverageCasePlan(sigma=1.0)


class Check(Keys):
    """A random subsample of the screened points that is estimated by Monte Carlo too, to say how far the estimates are off."""

    example: ClassVar[str] = "{points: 50, draws: 200}"

    points: Positive = Field(default=_AVERAGE_CASE.check_points, description="number of points in the subsample")
    draws: Positive = Field(default=_AVERAGE_CASE.check_draws, description="draws at each of them")


class AverageCase(Keys):
    """How likely noise leaves the answer as it is, estimated in a few passes: estimates that order and explain, never certificates."""

    example: ClassVar[str] = "{method: moments, samples: 32}"

    method: EstimationMethod = Field(
        default=_AVERAGE_CASE.method,
        description="mmse and taylor linearise the model (over noisy copies, at the input), moments takes its margins over noisy copies as normal, "
        "mc draws, softmax looks at the answer alone",
        examples=["moments"],
    )
    samples: Count | None = Field(
        default=None, description="noisy copies of an input: 64 of mc, 10 of mmse, 32 of moments if left out", examples=[32]
    )
    antithetic: bool = Field(
        default=_AVERAGE_CASE.antithetic,
        description="the copies of mmse and moments in pairs of opposite noise, whose errors cancel to first order",
    )
    top: Count | None = Field(
        default=None, description="only so many margins, the least ones: for many classes; all of them if left out", examples=[9]
    )
    sigma: Level | None = Field(
        default=None,
        description="standard deviation of the noise in input units; that of the certification (the largest of them) if left out",
    )
    points: Annotated[int, Field(ge=2, le=10_000_000), BeforeValidator(_whole)] = Field(
        default=_AVERAGE_CASE.points, description="random points that odd-assess screen estimates", examples=[1000]
    )
    check: Annotated[Check | Literal["none"] | None, SkipValidation] = Field(
        default=None,
        description="screened points that are estimated by Monte Carlo too, or none",
        examples=["{points: 50, draws: 200}"],
    )


# ---------------------------------------------------------------- execution


class LocalExecution(Keys):
    """The process that is started does the work."""

    example: ClassVar[str] = "{engine: local}"

    engine: Literal["local"] = Field(description="the process that is started does the work")


class RayExecution(Keys):
    """The workers of a Ray cluster do the work."""

    example: ClassVar[str] = "{engine: ray, address: auto, workers: 4}"

    engine: Literal["ray"] = Field(description="the workers of a Ray cluster do the work; needs the extra odd-assess[ray]")
    address: Text = Field(
        default="auto",
        description="auto: the cluster that runs here; local: one that is started on this machine for the run; or HOST:PORT",
        examples=["auto"],
    )
    workers: Count | None = Field(
        default=None, description="number of workers; as many as the cluster holds if left out", examples=[4]
    )
    cpus_per_worker: Count = Field(default=1, description="processor cores of a worker, and the threads that it computes with")
    gpus_per_worker: Annotated[Number, Field(ge=0, le=64)] | None = Field(
        default=None, description="GPUs of a worker, or a part of one; 1 where the run computes on a GPU, else 0", examples=[0.5]
    )


EXECUTION_KINDS: dict[str, type[Keys]] = {"local": LocalExecution, "ray": RayExecution}
"""Who does the work, by the key ``engine``."""


# ---------------------------------------------------------------- the files


class SpecFile(Keys):
    """What is assessed: the domain, the points, the inputs, the model, the certification and the criteria."""

    example: ClassVar[str] = "{odd_assess: 1, id: my-model, ...}"

    odd_assess: Literal[1] = Field(description="version of this format", examples=[1])
    id: Name = Field(
        description="short name of the assessment: letters, digits, dot, dash and underscore", examples=["digit-reader"]
    )
    title: Text = Field(
        description="what is assessed, in words, for the report", examples=["Handwritten digit reader, release 1.2"]
    )
    responsible: dict[str, Text] = Field(default={}, description="role: name, for the signature block of the report")
    odd: Annotated[Odd, SkipValidation] = Field(description="the operational design domain")
    sampling: Annotated[Sampling, SkipValidation] = Field(
        description="which points of the domain are assessed", examples=["{design: random, points: 300, seed: 1}"]
    )
    inputs: Annotated[Digits | Npz | Folder | Torchvision | Table | Callable, SkipValidation] = Field(
        description="where base images and labels come from", examples=["{npz: images.npz}"]
    )
    model: Annotated[Architecture | Onnx | Exported, SkipValidation] = Field(
        description="the model under test", examples=["{architecture: package.module:factory, weights: weights.safetensors}"]
    )
    certification: Annotated[Certification, SkipValidation] = Field(
        description="noise, failure probability and draws",
        examples=["{sigma: 0.25, alpha: 0.001, budget: {kind: reduced, n0: 100, n: 1000}}"],
    )
    criteria: list[Text] = Field(
        min_length=1,
        description="criteria files, relative to this file, or ones that come with odd-assess",
        examples=["[acceptance_criteria/perception_default.yaml]"],
    )
    average_case: Annotated[AverageCase | None, SkipValidation] = Field(
        default=None,
        description="estimates of average-case robustness: for odd-assess screen, and at every point of a run where this section is there",
    )
    execution: Annotated[LocalExecution | RayExecution | None, SkipValidation] = Field(
        default=None,
        description="who does the work: this process (default), or the workers of a Ray cluster; no result depends on it",
    )
    baseline: Text | None = Field(
        default=None,
        description="folder of a finished run of the model that this one would replace, on the same points, noise and budget; relative to this file",
        examples=["runs/release-2"],
    )
    unattainable: Literal["refuse", "accept"] = Field(
        default="refuse",
        description="what becomes of a criterion that no model could meet with these points and draws: a problem, or a run in which it ends INCONCLUSIVE",
    )


class CriterionEntry(Keys):
    """One acceptance criterion: what must be true of a metric."""

    example: ClassVar[str] = '{id: CA-025, metric: certified_accuracy, radius: 0.25, require: ">= 0.80", confidence: 0.95}'

    id: Name = Field(description="short name, unique over all criteria files of a spec", examples=["CA-025"])
    title: Text | None = Field(default=None, description="the criterion in words, for the report")
    requirement: Text | None = Field(default=None, description="id of your own requirement that it checks")
    clauses: list[Text] = Field(
        default=[], description="clauses of standards that it serves, as STANDARD:CLAUSE", examples=['["EU-AI-Act:15(1)"]']
    )
    metric: Text = Field(description="what is measured", examples=["certified_accuracy"])
    radius: Annotated[Number, Field(gt=0)] | None = Field(
        default=None, description="L2 radius in input units at which the metric is taken", examples=[0.25]
    )
    quantile: Annotated[Number, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="radius_quantile: the share of the domain that may fall short of the required radius",
        examples=[0.1],
    )
    of: Text | None = Field(
        default=None, description="regression: the metric that is compared with the baseline's", examples=["certified_accuracy"]
    )
    scope: Literal["odd", "each_cell", "each_level", "each_class"] | None = Field(
        default=None,
        description="over the whole domain (odd; so if left out), or in each cell of it, each level of an attribute, each class",
    )
    where: Statement | None = Field(
        default=None,
        description="scope odd: only the part of the domain where all these conditions hold, written as in odd.exclude",
        examples=['{surface: stained, illuminance: "< 50 lux"}'],
    )
    subdomain: Text | None = Field(default=None, description="a name for what where describes, for the report", examples=["night"])
    attribute: Text | None = Field(
        default=None,
        description="scope each_level, level_difference, average_case_difference: the attribute whose levels (buckets, labels) are meant",
        examples=["surface"],
    )
    require: Annotated[Text, BeforeValidator(_as_text)] = Field(description="comparator and number", examples=['">= 0.80"'])
    confidence: Annotated[Number, Field(ge=0.5, lt=1)] | None = Field(
        default=None, description="confidence of the claim on the domain", examples=[0.95]
    )
    severity: Literal["blocking", "warning", "info"] = Field(default="blocking", description="whether the verdict rests on it")
    multiplicity: Literal["holm", "bonferroni"] = Field(
        default="holm", description="how cells, levels or classes share the error probability"
    )
    estimate: Literal["accepted"] | None = Field(
        default=None,
        description="metrics that are estimates, such as radius_reduction: accepted, where a blocking criterion is to rest on one",
    )


class OverrideKeys(Keys):
    """What an entry may hold besides the keys of a criterion where it changes one of the file that is extended."""

    example: ClassVar[str] = '{id: CA-025, require: ">= 0.70", reason: field data of 2026}'

    disable: Text | None = Field(default=None, description="drop the criterion of this id, for the reason given here")
    reason: Text | None = Field(default=None, description="why the criterion of this id is changed")


class CriteriaFile(Keys):
    """Acceptance criteria."""

    example: ClassVar[str] = "{odd_assess_criteria: 1, id: my-criteria, ...}"

    odd_assess_criteria: Literal[1] = Field(description="version of this format", examples=[1])
    id: Name = Field(description="short name of the set of criteria", examples=["perception-default"])
    title: Text | None = Field(default=None, description="the set of criteria in words, for the report")
    description: Text | None = Field(default=None, description="where the criteria come from and what they are for")
    extends: Text | None = Field(
        default=None,
        description="a criteria file whose criteria this one takes over: beside this file, or one that comes with odd-assess",
        examples=["ci_gate.yaml"],
    )
    standards: dict[Name, Text] = Field(
        default={},
        description="standards of your own that clauses refer to: key: title",
        examples=["{ACME: ACME safety handbook 2026}"],
    )
    criteria: Annotated[list[CriterionEntry], SkipValidation] = Field(
        min_length=1,
        description="the criteria; in a file that extends another, new ones and the keys to change in those with a known id",
        examples=['[{id: CA-025, metric: certified_accuracy, radius: 0.25, require: ">= 0.80", confidence: 0.95}]'],
    )
