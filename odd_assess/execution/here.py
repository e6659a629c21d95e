"""Certifying in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from odd_assess.certify import Engine
from odd_assess.errors import InputError, RunError
from odd_assess.evidence import Row
from odd_assess.execution.bench import Bench
from odd_assess.execution.work import Work
from odd_assess.records import Certificate


class Here:
    """The process that asks does the work, on the device of its model."""

    def __init__(self, bench: Bench, *, seed: int) -> None:
        self.bench = bench
        self.seed = seed

    def certify(self, work: Work, *, on_draws: Callable[[int], None]) -> Iterator[tuple[Row, Certificate]]:
        """Every point with its certificate, as it is finished.

        Raises: RunError when model or data give way.
        """
        rows: dict[int, Row] = {}
        engine = Engine(
            self.bench.model, seed=self.seed, device=self.bench.device, batch_size=self.bench.batch_size, on_draws=on_draws
        )
        try:
            for index, certificate in engine.run(self.bench.subjects(work.points, work.plan, work.address, rows)):
                yield rows.pop(index), certificate
        except RunError:
            raise
        except (InputError, ValueError, RuntimeError, ArithmeticError, LookupError, TypeError, OSError) as error:
            raise RunError(
                f"the run broke after {engine.draws} draws: {error}. What is certified is kept; mend the cause and go on with --resume"
            ) from error
