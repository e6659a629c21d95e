"""Average-case robustness at points of a run or of a screening, estimated by this process a chunk of points at a time. Estimates; none of them certifies.

Rounding in the model may depend on the company that an input has in a batch. So the estimates of a chunk are the same to the last bit where it holds the same
points, as after a run that was interrupted between two chunks; in other company they agree up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from odd_assess.average_case import Estimates, default_batch_size, estimates
from odd_assess.certify import on_threads, out_of_memory
from odd_assess.errors import ModelError, RunError
from odd_assess.execution.bench import Bench
from odd_assess.inputs import Batch
from odd_assess.models import no_warnings
from odd_assess.models.classifier import first_line
from odd_assess.progress import Progress, Quiet
from odd_assess.records import AverageCasePlan, EstimationMethod, Floats, OddPoint, PointEstimates

WITHOUT_GRADIENTS: tuple[EstimationMethod, ...] = ("mc", "moments", "softmax")
"""Methods that look at answers alone."""


def check_estimable(bench: Bench, plan: AverageCasePlan) -> None:
    """The model of ``bench`` has what the method needs: the first point is estimated, on one copy where the method draws.

    Raises: ModelError where it has not; for a method that looks at gradients, where only these are missing, it names those that do not.
    """
    images = bench.realiser.realise(bench.points[:1]).images
    try:
        with no_warnings(), on_threads(bench.setting.threads):
            _estimates(bench, plan, images, seed=0, samples=min(2, plan.samples))
    except Exception as error:
        if plan.method in WITHOUT_GRADIENTS:
            if isinstance(error, ModelError):
                raise
            raise ModelError(f"average_case: the model must answer to inputs, it broke with {_named(error)}") from error
        # a model that does not answer at all is told so, not that gradients are missing
        check_estimable(bench, replace(plan, method="softmax"))
        why, _, _ = _named(error).partition("; use method=")
        others = [f"{{method: {method}}}" for method in WITHOUT_GRADIENTS]
        raise ModelError(
            f"average_case: the method {plan.method} needs the gradients of the logits with respect to the input, and this model does not give them "
            f"({why}); use average_case: {', '.join(others[:-1])} or {others[-1]}, or the network itself in place of an exported file"
        ) from error


def estimate_points(
    bench: Bench, plan: AverageCasePlan, points: Sequence[OddPoint], *, seed: int, tell: Progress | None = None
) -> Iterator[tuple[Batch, PointEstimates]]:
    """The inputs of the points and the estimates at them, a chunk at a time, in their order. ``seed`` addresses the noise of the methods that draw.

    ``tell`` is told of a chunk when the next one is asked for.

    Raises: RunError where model or data give way.
    """
    found, told = 0, tell or Quiet()
    told.begin(points=len(points), draws=len(points) * plan.copies, at_most=False)
    try:
        for chunk, batch in bench.realised(points):
            index = np.array([point.index for point in chunk], dtype=np.int64)
            yield batch, estimates_at(bench, plan, index, batch.images, seed=seed)
            found += len(chunk)
            told.advance(points=len(chunk), draws=len(chunk) * plan.copies, spent=len(chunk) * plan.copies)
    except RunError:
        raise
    except (ValueError, RuntimeError, ArithmeticError, LookupError, TypeError, OSError, MemoryError) as error:
        raise RunError(f"the estimates of average-case robustness broke off after {found} points: {error}") from error


def of_true_class(batch: Batch, found: PointEstimates) -> Floats:
    """The estimates (B,) that noise leaves the answer at the true class: 0 where the answer without noise is another. Candidates are ranked by them."""
    return np.asarray(np.where(found.clean == batch.labels.numpy(), found.value, 0.0), dtype=np.float64)


def estimates_at(
    bench: Bench, plan: AverageCasePlan, index: np.ndarray[tuple[int], np.dtype[np.int64]], images: Tensor, *, seed: int
) -> PointEstimates:
    """The estimates at inputs (B, C, H, W) of the points numbered ``index`` (B,).

    Raises: ModelError and what else `odd_assess.average_case.estimates` does.
    """
    with no_warnings(), on_threads(bench.setting.threads):
        found = _estimates(bench, plan, images, seed=seed, samples=plan.samples)
    return PointEstimates(
        plan=plan,
        index=index,
        clean=found.label,
        value=found.value,
        low=found.low,
        high=found.high,
        cdf_error=found.cdf_error,
        dead_gradient=found.dead_gradient,
    )


def _estimates(bench: Bench, plan: AverageCasePlan, images: Tensor, *, seed: int, samples: int) -> Estimates:
    """By the plan, in batches that are halved until memory suffices."""
    inputs = images.to(bench.device)
    size = default_batch_size(inputs)
    while True:
        try:
            return estimates(
                bench.model,
                inputs,
                sigma=plan.sigma,
                method=plan.method,
                samples=samples,
                seed=seed,
                antithetic=plan.antithetic,
                top=plan.top,
                batch_size=size,
            )
        except Exception as error:
            if size == 1 or not out_of_memory(error):
                raise
        if inputs.device.type == "cuda":
            torch.cuda.empty_cache()
        size //= 2


def _named(error: Exception) -> str:
    return first_line(error) if isinstance(error, ModelError) else f"{type(error).__name__}: {first_line(error)}"
