"""A training from its plan to its weights, as one function."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from odd_assess.certify import on_threads, out_of_memory
from odd_assess.errors import MissingLibraryError, ModelError, OddAssessError, RunError, RunFolderError
from odd_assess.evidence import environment
from odd_assess.models import load_model, no_warnings
from odd_assess.models.classifier import choose_device, first_line
from odd_assess.models.digest import state_digest
from odd_assess.models.loading import build_module
from odd_assess.progress import Progress, Quiet
from odd_assess.spec import declared_model
from odd_assess.training.checkpoint import Snapshot, TrainingFolder, tensors_of
from odd_assess.training.data import Batch, Epochs, open_examples
from odd_assess.training.identity import FORMAT, identity_of, same_training
from odd_assess.training.levels import Levels, levels_of
from odd_assess.training.losses import loss_of
from odd_assess.training.randomness import generator_at, own_randomness, reseed
from odd_assess.training.schedule import rate_at
from odd_assess.training.trainee import Trainee, exact_kernels
from odd_assess.training.validation import HeldOut, QuickLook
from odd_assess.training_plan import AdamW, TrainingPlan

KEEP_EVERY_S = 5.0
"""Seconds after which the state of a finished epoch is written; that of earlier epochs is held in memory, and written when the training is interrupted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A finished training: its folder, the file that declares the model, the last epoch's loss and quick look, the best epoch (counted from 1) and its look."""

    plan: TrainingPlan
    folder: Path
    model: Path
    examples: int
    loss: float
    seconds: float
    last: Mapping[str, Any] | None
    best: Mapping[str, Any] | None

    def as_data(self) -> dict[str, Any]:
        """What --json prints. ``seconds`` are those of this process."""
        return {
            "training": self.plan.id,
            "folder": str(self.folder),
            "model": str(self.model),
            "examples": self.examples,
            "epochs": self.plan.epochs,
            "loss": self.loss,
            "seconds": self.seconds,
            "last": self.last,
            "best": self.best,
        }


def train(
    plan: TrainingPlan,
    out: Path,
    *,
    resume: bool = False,
    device: torch.device | str | None = None,
    trust_pickle: bool = False,
    progress: Progress | None = None,
    tensorboard: bool = False,
) -> Trained:
    """Train the model of the plan, and write weights, metrics and what is needed to go on into the folder ``out``.

    A training that is killed goes on with ``resume`` and, on a CPU, ends in the same weights to the last bit as one that was not: what is random has an
    address, and the number of threads is kept. On a GPU kernels may sum in another order each time.

    Raises: InputError where data, model or folder cannot be used, or another training is resumed; RunError where the loss is no number, memory or the
    disk is full.
    """
    tell = progress or Quiet()
    where = choose_device(device)
    board = _board(out) if tensorboard else None
    examples, held_out = open_examples(plan)
    with own_randomness(where), exact_kernels(where), no_warnings(), TrainingFolder.claim(out, resume=resume) as folder:
        reseed(plan.seed, "first weights")
        module, described = build_module(plan.model, trust_pickle=trust_pickle, trained=False)
        identity = identity_of(plan, examples, held_out, module, described, where)
        before = same_training(folder, identity) if resume else None
        threads = torch.get_num_threads() if before is None else int(before.facts["threads"])
        with on_threads(threads):
            trainee = Trainee(module.float().requires_grad_(), plan, where)
            trainee.check(examples.images(torch.arange(min(2, len(examples)))), len(examples.class_names))
            work = _Work(
                plan=plan,
                folder=folder,
                tell=tell,
                trainee=trainee,
                epochs=Epochs(plan, examples),
                held_out=None if held_out is None else HeldOut(plan, held_out),
                levels=levels_of(plan.noise, len(examples)),
                optimiser=_optimiser(plan, trainee.module),
                facts={
                    "odd_assess_training": FORMAT,
                    "identity": identity,
                    "threads": threads,
                    "randomness": "addressed by (seed, epoch, step, purpose): no generator has a state to keep",
                    "environment": environment(),
                },
                board=board,
            )
            return work.done(before)


class Board(Protocol):
    """TensorBoard's writer, as far as it is used."""

    def add_scalar(self, tag: str, value: float, step: int) -> object:
        """One number of an epoch."""

    def close(self) -> object:
        """Write what is left."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Work:
    """A training under way."""

    plan: TrainingPlan
    folder: TrainingFolder
    tell: Progress
    trainee: Trainee
    epochs: Epochs
    held_out: HeldOut | None
    levels: Levels
    optimiser: torch.optim.Optimizer
    facts: Mapping[str, Any]
    board: Board | None
    best: Mapping[str, Any] | None = None
    last: Mapping[str, Any] | None = None
    loss: float = math.nan
    unkept: Snapshot | None = None
    kept_at: float = field(default_factory=time.monotonic)

    def done(self, before: Snapshot | None) -> Trained:
        """Train from the state before, or from the beginning, to the end."""
        begun, done = time.perf_counter(), 0
        if before is None:
            self.folder.keep(self.snapshot(0))
        else:
            done = before.epochs
            self._restore(before)
            self.tell.say(f"{done} of {self.plan.epochs} epochs are done already")
        self.folder.begin_metrics(self._columns(), done)
        left = self.plan.epochs - done
        self.tell.begin(points=left, draws=left * self.epochs.count, at_most=False)
        try:
            for epoch in range(done, self.plan.epochs):
                self._epoch(epoch)
        finally:
            if self.unkept is not None:
                self.folder.keep(self.unkept)
            if self.board is not None:
                self.board.close()
        made = self.folder.write_result(self.trainee.result, self.plan.model, self.plan.path.parent)
        if load_model(declared_model(made), device="cpu").describe()["weights_digest"] != state_digest(self.trainee.result.cpu()):
            raise ModelError(f"{made}: the model must be read back as it was trained, found other weights")
        return Trained(
            plan=self.plan,
            folder=self.folder.path,
            model=made,
            examples=len(self.epochs.examples),
            loss=self.loss,
            seconds=time.perf_counter() - begun,
            last=self.last,
            best=self.best,
        )

    def _epoch(self, epoch: int) -> None:
        """One epoch: its steps, a look where one is due, a line of metrics, the state."""
        begun = time.perf_counter()
        losses, sigmas = [], []
        with self._told(epoch), closing(self.epochs.batches(epoch)) as parts:
            for step, batch in enumerate(parts):
                loss, sigma = self._step(batch, epoch, step)
                losses.append(loss)
                sigmas.append(sigma)
                self.tell.advance(draws=len(batch.numbers))
        self.loss = float(torch.stack(losses).double().mean())
        if not math.isfinite(self.loss) or not all(bool(torch.isfinite(one).all()) for one in self.trainee.parameters()):
            self._refuse(epoch)
        with self._told(epoch):
            look = self._look(epoch)
        rate = self.optimiser.param_groups[0]["lr"]
        mean_sigma = float(torch.stack(sigmas).double().mean())
        self._note(epoch, look, rate=rate, sigma=mean_sigma, seconds=time.perf_counter() - begun)
        self._keep(epoch)
        self.tell.advance(points=1, spent=self.epochs.count)

    @contextmanager
    def _told(self, epoch: int) -> Iterator[None]:
        """Raises: RunError where the model, or what it is trained with, breaks inside."""
        try:
            yield
        except OddAssessError:
            raise
        except (RuntimeError, MemoryError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
            message = f"the training broke in epoch {epoch + 1} with {type(error).__name__}: {first_line(error)}"
            if out_of_memory(error):
                message = f"memory ran out in epoch {epoch + 1}: lower batch_size (now {self.plan.batch_size}) or the loss' draws"
            raise RunError(f"{message}. The state after epoch {epoch} is kept") from error

    def _step(self, batch: Batch, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        """One step of the optimiser: (the loss before it, the mean noise level), detached."""
        plan, trainee, steps = self.plan, self.trainee, self.epochs.steps
        images, labels, numbers = (one.to(trainee.device, non_blocking=True) for one in (batch.images, batch.labels, batch.numbers))
        trainee.train()
        reseed(plan.seed, epoch, step, "network")

        def generator(purpose: str) -> torch.Generator:
            return generator_at(plan.seed, epoch, step, purpose, device=trainee.device)

        if not batch.again:
            self.levels.update(trainee, images, labels, numbers, epoch, generator("levels"))
        sigma = self.levels.sigma(numbers, epoch)
        loss = loss_of(plan.loss, plan.consistency, epoch)(trainee, images, labels, sigma, generator("noise"))
        if trainee.device.type == "cpu" and not bool(torch.isfinite(loss)):  # on a GPU an epoch's losses are looked at together
            self._refuse(epoch)
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(plan.schedule, plan.optimiser.rate, epoch * steps + step, steps=steps, epochs=plan.epochs)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        if plan.clip is not None:
            nn.utils.clip_grad_norm_(trainee.module.parameters(), plan.clip)
        self.optimiser.step()
        trainee.follow(epoch * steps + step)
        return loss.detach(), sigma.mean()

    def _refuse(self, epoch: int) -> None:
        """Raises: RunError for a loss that is no number."""
        plan = self.plan
        clip = "set clip (such as 1.0)" if plan.clip is None else f"lower clip (now {plan.clip:g})"
        warm = "" if plan.schedule.warmup else ", give schedule a warmup"
        raise RunError(
            f"the loss became NaN or infinite in epoch {epoch + 1} of {plan.epochs}: lower optimiser.rate (now {plan.optimiser.rate:g}), {clip}{warm}, "
            f"and begin again in another --out; the state after epoch {epoch} is kept"
        )

    def _look(self, epoch: int) -> QuickLook | None:
        """The quick look, where one is due, and the best weights."""
        validation = self.plan.validation
        if validation is None or self.held_out is None:
            return None
        if (epoch + 1) % validation.every and epoch + 1 < self.plan.epochs:
            return None
        look = self.held_out.look(self.trainee.classifier())
        self.last = {"epoch": epoch + 1, **look.as_data()}
        self.tell.say(f"epoch {epoch + 1}/{self.plan.epochs}: loss {self.loss:.4f}; {look.in_words}")
        if self.best is None or look.acr > self.best["acr"]:
            self.best = self.last
            self.folder.keep_best(self.trainee.result, self.plan.model, self.plan.path.parent)
        return look

    def _columns(self) -> list[str]:
        radii = () if self.plan.validation is None else self.plan.validation.radii
        looks = [] if self.plan.validation is None else ["accuracy", *(f"certified@{radius:g}" for radius in radii), "acr"]
        return ["epoch", "rate", "loss", "sigma", "seconds", *looks]

    def _note(self, epoch: int, look: QuickLook | None, *, rate: float, sigma: float, seconds: float) -> None:
        """The line of an epoch, in the table and for TensorBoard."""
        values: list[float | None] = [rate, self.loss, sigma, round(seconds, 3)]
        if self.plan.validation is not None:
            seen = (
                [None] * (2 + len(self.plan.validation.radii))
                if look is None
                else [look.accuracy, *(s for _, s in look.certified), look.acr]
            )
            values += seen
        self.folder.add_metrics([epoch + 1, *values])
        for name, value in zip(self._columns()[1:], values, strict=True):
            if self.board is not None and value is not None:
                self.board.add_scalar(name, value, epoch + 1)

    # ------------------------------------------------------------ the state

    def snapshot(self, epochs: int) -> Snapshot:
        """The state after so many epochs."""
        return Snapshot(
            facts={
                **self.facts,
                "epochs": epochs,
                "loss": self.loss if math.isfinite(self.loss) else None,
                "last": self.last,
                "best": self.best,
            },
            model=tensors_of(self.trainee.module),
            average={} if self.trainee.average is None else tensors_of(self.trainee.average),
            levels=self.levels.state(),
            optimiser=_on_cpu(self.optimiser.state_dict()),
        )

    def _keep(self, epoch: int) -> None:
        """Write the state after an epoch, or hold it where the last one was written a moment ago."""
        self.unkept = self.snapshot(epoch + 1)
        if time.monotonic() - self.kept_at >= KEEP_EVERY_S or epoch + 1 == self.plan.epochs:
            self.folder.keep(self.unkept)
            self.unkept, self.kept_at = None, time.monotonic()

    def _restore(self, before: Snapshot) -> None:
        try:
            self.trainee.module.load_state_dict(dict(before.model))
            if self.trainee.average is not None:
                self.trainee.average.load_state_dict(dict(before.average))
            self.optimiser.load_state_dict(dict(before.optimiser))
            self.levels.restore(before.levels)
        except (RuntimeError, ValueError, KeyError) as error:
            raise RunFolderError(f"{self.folder.path}: must hold the state of this training, found another ({error})") from error
        self.best, self.last = before.facts["best"], before.facts["last"]
        self.loss = math.nan if before.facts["loss"] is None else float(before.facts["loss"])


def _optimiser(plan: TrainingPlan, module: nn.Module) -> torch.optim.Optimizer:
    given = plan.optimiser
    parameters = [one for one in module.parameters() if one.requires_grad]
    if not parameters:
        raise ModelError("the model must have weights to train, found none")
    if isinstance(given, AdamW):
        return torch.optim.AdamW(parameters, lr=given.rate, weight_decay=given.weight_decay)
    return torch.optim.SGD(
        parameters, lr=given.rate, momentum=given.momentum, nesterov=given.nesterov, weight_decay=given.weight_decay
    )


def _on_cpu(value: Any) -> Any:
    """Nested data with its tensors copied to the CPU."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, Mapping):
        return {key: _on_cpu(inner) for key, inner in value.items()}
    return [_on_cpu(inner) for inner in value] if isinstance(value, list) else value


def _board(out: Path) -> Board:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingLibraryError("--tensorboard needs the package tensorboard: pip install tensorboard") from error
    writer: Board = SummaryWriter(str(out / "tensorboard"))
    return writer
