"""Certifying in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

from odd_assess.certify import Engine, Lanes, Setting, Tuned, tune
from odd_assess.criteria.outlook import costs
from odd_assess.errors import InputError, ModelError, RunError
from odd_assess.evidence import Row
from odd_assess.execution.bench import Bench
from odd_assess.execution.work import Work
from odd_assess.models import no_warnings
from odd_assess.records import Certificate, Spec

FEW_POINTS = 8
"""Points whose noisy copies are timed."""


class Here:
    """The process that asks does the work, on the device of its model."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def account(self) -> dict[str, str]:
        """What the manifest says of who did the work."""
        return {"engine": "local"}

    def certify(self, work: Work, *, on_draws: Callable[[int], None]) -> Iterator[tuple[Row, Certificate]]:
        """Every point with its certificate, as it is finished.

        Raises: RunError when model or data give way.
        """
        rows: dict[int, Row] = {}
        drawn = 0

        def count(draws: int) -> None:
            nonlocal drawn
            drawn += draws
            on_draws(draws)

        try:
            with closing(Lanes(self.bench.model, self.bench.noise, self.bench.setting)) as lanes, no_warnings():
                engine = Engine(lanes, on_draws=count)
                for index, certificate in engine.run(self.bench.subjects(work, rows)):
                    yield rows.pop(index), certificate
        except RunError:
            raise
        except (InputError, ValueError, RuntimeError, ArithmeticError, LookupError, TypeError, OSError, MemoryError) as error:
            raise RunError(
                f"the run broke after {drawn} draws: {error}. What is certified is kept; mend the cause and go on with --resume"
            ) from error


def tuned(bench: Bench, spec: Spec) -> Tuned:
    """The way to call the model of ``bench`` that classifies most noisy copies a second, by a short measurement; a short run is not worth one.

    Raises: ModelError where the model fails on its inputs.
    """

    def arrange(setting: Setting) -> None:
        bench.model.arrange(channels_last=setting.channels_last)

    images = bench.realiser.realise(bench.points[:FEW_POINTS]).images
    try:
        with no_warnings():
            return tune(
                bench.model,
                images,
                bench.setting,
                device=bench.device,
                sigma=spec.certification.sigma,
                draws=draws_ahead(spec, len(bench.points)),
                fixed_batch_size=spec.certification.batch_size is not None,
                arrange=arrange,
            )
    except InputError:
        raise
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ModelError(f"the model must answer to noisy inputs, found {type(error).__name__}: {error}") from error


def draws_ahead(spec: Spec, points: int) -> int:
    """The noisy copies that a run takes at most."""
    if spec.recertification is not None:
        return points * spec.recertification.draws
    return sum(cost.forwards for cost in costs(spec.certification, points, until_decided=spec.sampling.until_decided))
