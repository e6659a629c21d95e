"""What is to be certified, and who does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from odd_assess.certify import IncrementalPlan, Plan
from odd_assess.evidence import Row
from odd_assess.policies import DataDependent, MultiStart
from odd_assess.records import Certificate, OddPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Points to certify by one plan, and the stage of the evidence that they go to; ``address`` prefixes their noise.

    ``cell_levels`` (cells,): the noise level of the points of each cell, in place of the plan's. ``policy``: chooses that of each input, by asking the model.
    ``keep``: the answers to so many of the draws that bound a point go with its certificate. ``base``: what an `IncrementalPlan` rests on at each point, by its
    number: the point in the baseline, and its certificate with the answers that are kept there.
    """

    stage: str
    address: str
    plan: Plan | IncrementalPlan
    points: Sequence[OddPoint]
    cell_levels: tuple[float, ...] | None = None
    policy: MultiStart | DataDependent | None = None
    keep: int = 0
    base: Mapping[int, tuple[Row, Certificate]] | None = None

    def part(self, points: Sequence[OddPoint]) -> Work:
        """The same for some of the points, with what is known of these alone: it can be sent elsewhere."""
        base = None if self.base is None else {point.index: self.base[point.index] for point in points}
        return replace(self, points=points, base=base)


class Workers(Protocol):
    """Who certifies points: this process, or a cluster. The counts are the same, whoever does it."""

    def certify(self, work: Work, *, on_draws: Callable[[int], None]) -> Iterator[tuple[Row, Certificate]]:
        """Every point with its certificate, as it is finished, in any order; ``on_draws`` is told of noisy copies as they are classified.

        Raises: RunError when model or data give way, or when nobody is left to do the work.
        """
        ...

    def account(self) -> Mapping[str, Any]:
        """What the manifest says of who did the work."""
        ...
