"""How fast the model answers on this machine, from a short timing: for planning a run. Nothing is certified and nothing is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from odd_assess.certify import Engine, Lanes, SingleBatchPlan, Subject, procedure
from odd_assess.errors import InputError, ModelError
from odd_assess.execution import Bench, set_up, tuned
from odd_assess.records import Spec

FEW_POINTS = 8
"""Points whose noisy copies are timed."""
WARM_UP = 2
"""Batches before the clock starts: the first ones allocate memory and choose kernels."""
FEWEST_BATCHES = 3
"""Batches that are timed at least."""
ENOUGH_S = 2.0
"""Seconds after which no further batch is begun."""
MOST_BATCHES = 1000
"""Batches that are timed at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """``forwards`` noisy copies took ``seconds``, noise and model together, in batches of ``batch_size`` on ``device``."""

    forwards: int
    seconds: float
    batch_size: int
    device: str

    @property
    def rate(self) -> float:
        """Forward passes a second."""
        return self.forwards / self.seconds


def measure_rate(
    spec: Spec, *, device: str | None = None, trust_pickle: bool = False, clock: Callable[[], float] = time.perf_counter
) -> Timing:
    """Forward passes a second of the engine that certifies, on noisy copies of a few of the run's own points. Its answers are thrown away.

    Raises: InputError as a run would (data, model, domain); ModelError where the model fails on its inputs.
    """
    bench = set_up(spec, device=device, trust_pickle=trust_pickle)
    bench = bench.called(tuned(bench, spec).setting)
    ticks: list[tuple[float, int]] = []

    def go_on() -> bool:
        done = len(ticks) - WARM_UP
        return done < FEWEST_BATCHES or (done < MOST_BATCHES and ticks[-1][0] - ticks[WARM_UP - 1][0] < ENOUGH_S)

    try:
        with closing(Lanes(bench.model, bench.noise, bench.setting)) as lanes:
            for _ in Engine(lanes, on_draws=lambda draws: ticks.append((clock(), draws))).run(_subjects(spec, bench, go_on)):
                pass
    except InputError:
        raise
    except (ValueError, RuntimeError, ArithmeticError, LookupError, TypeError) as error:
        raise ModelError(f"the model must answer to noisy inputs, found {type(error).__name__}: {error}") from error
    timed = ticks[WARM_UP:]
    seconds = max(timed[-1][0] - ticks[WARM_UP - 1][0], 1e-9)
    return Timing(
        forwards=sum(draws for _, draws in timed), seconds=seconds, batch_size=bench.setting.batch_size, device=str(bench.device)
    )


def _subjects(spec: Spec, bench: Bench, go_on: Callable[[], bool]) -> Iterator[Subject]:
    """A batch of noisy copies at a time, of a few points in turn, on noise that no run uses, as long as ``go_on``."""
    points = bench.points[:FEW_POINTS]
    images = bench.realiser.realise(points).images
    plan = SingleBatchPlan(n=max(bench.setting.batch_size, 32), sigma=spec.certification.sigma, alpha=0.5)
    number = 0
    while go_on():
        image, point = images[number % len(points)], points[number % len(points)]
        yield Subject(
            position=number,
            key=bench.noise_key(image, point),
            image=image,
            procedure=procedure(plan, stage=f"timing/{number}/"),
        )
        number += 1
