"""A smoothed classifier for use: each input gets a noise level of its own, and a memory makes what was once answered hold for every later query.

What holds: an answer (label, radius) with radius > 0 is the answer to every later query within the radius, however queries are chosen: the memory sees to
that, without any chance. What alpha is for: that the label is the one that the classifier smoothed with the level chosen for the input would give, out
to the radius; with k certified queries some answer is false in that sense with probability k alpha at most. What was answered before an input
was first certified is not covered, and another order of queries gives other answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from odd_assess.certify.answers import BaseClassifier
from odd_assess.certify.api import certify
from odd_assess.certify.memory import Memory
from odd_assess.certify.plans import OneLevelPlan, ReducedPlan, SequentialPlan, SingleBatchPlan
from odd_assess.certify.setting import Setting
from odd_assess.certify.sigma import choose_sigma
from odd_assess.policies import DataDependent, MultiStart
from odd_assess.records import Abstained

KINDS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind for kind in (MultiStart, DataDependent, ReducedPlan, SingleBatchPlan, SequentialPlan)
}


class MemorySmoothedClassifier:
    """Answers one input after another: from the memory where a ball holds it, else by a certificate, which it keeps. For one thread.

    ``f`` as for `certify`, with logits and gradients where the policy takes gradients. ``plan`` is the budget of a certificate; its sigma is not used. The
    search of a `MultiStart` gets the budget of the plan. ``memory`` (None: an empty one) is kept, and grows. ``drawn`` counts the queries that took draws.

    Raises: TypeError for a policy that does not look at inputs, or a plan of several levels.
    """

    def __init__(
        self,
        f: BaseClassifier,
        policy: MultiStart | DataDependent,
        plan: OneLevelPlan,
        memory: Memory | None = None,
        *,
        seed: int,
        device: torch.device | str | None = None,
        setting: Setting | None = None,
    ) -> None:
        if not isinstance(policy, MultiStart | DataDependent):
            raise TypeError(f"policy must be one that looks at inputs, MultiStart or DataDependent, got {type(policy).__name__}")
        if not isinstance(plan, OneLevelPlan):
            raise TypeError(
                f"plan must be of one noise level, ReducedPlan, SingleBatchPlan or SequentialPlan, got {type(plan).__name__}"
            )
        self.policy = replace(policy, n=_draws(plan), alpha=plan.alpha) if isinstance(policy, MultiStart) else policy
        self.plan = plan
        self.memory = Memory() if memory is None else memory
        self.seed = seed
        self.drawn = 0
        self._f, self._device, self._setting = f, device, setting

    def predict(self, x: Tensor) -> tuple[int | None, float]:
        """The label of ``x`` (C, H, W) float32 and the L2 radius within which every later query gets the same; (None, 0.0) where none is certified.

        An input within the radius of an earlier answer takes no draws. Any other takes noise that no earlier query took.

        Raises: ValueError for an input that is not finite float32 of the shape of those before it, or as `certify`.
        """
        image = x.detach().cpu()
        held = self.memory.around(image.numpy())
        if held is not None:
            return held
        seed = self.seed * 2**64 + self.drawn
        self.drawn += 1
        sigma = choose_sigma(self._f, image[None], self.policy, seed=seed, device=self._device, setting=self._setting)
        plan = replace(self.plan, sigma=float(sigma[0]))
        [found] = certify(self._f, image[None], plan, seed=seed, device=self._device, setting=self._setting)
        if isinstance(found, Abstained):
            return None, 0.0
        label, radius = self.memory.add(image.numpy(), found.label, found.radius)
        return (label, radius) if radius > 0 else (None, 0.0)

    def save(self, path: Path | str) -> None:
        """Write all but the model to one file, in one step: a kill leaves the file that was there.

        Raises: OSError when the disk refuses.
        """
        about = {"seed": self.seed, "drawn": self.drawn, "policy": _said(self.policy), "plan": _said(self.plan)}
        draft = Path(f"{path}.draft")
        with draft.open("wb") as file:
            self.memory.write(file, about=np.array(json.dumps(about)))
        draft.replace(path)

    @classmethod
    def load(
        cls, path: Path | str, f: BaseClassifier, *, device: torch.device | str | None = None, setting: Setting | None = None
    ) -> MemorySmoothedClassifier:
        """The classifier of a file that `save` wrote, around the same model: what it promised before still holds, and its noise goes on where it ended.

        Raises: OSError when the file cannot be read; ValueError when it is none.
        """
        memory = Memory.load(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
            policy, plan = _meant(about["policy"]), _meant(about["plan"])
            restored = cls(f, policy, plan, memory, seed=int(about["seed"]), device=device, setting=setting)
            restored.drawn = int(about["drawn"])
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(f"{path}: must be a classifier that was saved, got: {error}") from error
        return restored


def _draws(plan: OneLevelPlan) -> int:
    return plan.max_draws if isinstance(plan, SequentialPlan) else plan.n


def _said(record: Any) -> dict[str, Any]:
    """A policy or a plan as data."""
    return {"kind": type(record).__name__, **asdict(record)}


def _meant(said: dict[str, Any]) -> Any:
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items() if name != "kind"}
    return KINDS[said["kind"]](**fields)
