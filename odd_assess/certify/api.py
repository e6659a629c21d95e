"""Certify plain inputs: the certifier without a spec, a domain or a run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import Literal, overload

import torch
from torch import Tensor

from odd_assess.certify.answers import BaseClassifier
from odd_assess.certify.engine import Engine, Subject
from odd_assess.certify.lanes import Lanes
from odd_assess.certify.noise import Keys, NoiseSource
from odd_assess.certify.plans import Plan
from odd_assess.certify.procedures import Procedure, procedure
from odd_assess.certify.setting import Setting, default_setting
from odd_assess.records import Certificate


@overload
def certify(
    f: BaseClassifier,
    inputs: Tensor | Iterable[Tensor],
    plan: Plan,
    *,
    seed: int,
    device: torch.device | str | None = None,
    batch_size: int | None = None,
    setting: Setting | None = None,
    stream: Literal[False] = False,
) -> list[Certificate]: ...


@overload
def certify(
    f: BaseClassifier,
    inputs: Tensor | Iterable[Tensor],
    plan: Plan,
    *,
    seed: int,
    device: torch.device | str | None = None,
    batch_size: int | None = None,
    setting: Setting | None = None,
    stream: Literal[True],
) -> Iterator[Certificate]: ...


def certify(
    f: BaseClassifier,
    inputs: Tensor | Iterable[Tensor],
    plan: Plan,
    *,
    seed: int,
    device: torch.device | str | None = None,
    batch_size: int | None = None,
    setting: Setting | None = None,
    stream: bool = False,
) -> list[Certificate] | Iterator[Certificate]:
    """Certificates of the smoothed classifier g(x) = argmax_c P(f(x + e) = c), e ~ N(0, sigma^2 I), one an input, in their order.

    Each is false with probability at most ``plan.alpha``: the radius is an L2 distance in input units, around that input.

    ``f`` takes (B, C, H, W) float32 and returns logits (B, num_classes), or labels (B,) with an attribute ``num_classes``. A module must be in evaluation
    mode. ``inputs`` are (N, C, H, W) float32 in input units, or an iterable of (C, H, W), which may be longer than memory; the noise is added to them as they
    are, neither clipped nor normalised. The same (seed, input, plan) gives the same noise in any batch, order and process on one kind of device.
    Equal inputs count as separate trials.

    ``stream``: an iterator that yields each certificate as soon as it and all before it are found; inputs are taken when there is room for them. ``setting``
    (see `tune`) says how the model is called; without one, a rule chooses, or ``batch_size``.

    Raises: ValueError for inputs that are not finite float32 of one shape, a module in training mode, or a model that answers in a wrong shape.
    Source: Cohen, Rosenfeld, Kolter, ICML 2019.
    """
    found = found_in_order(
        f,
        subjects(checked_inputs(f, inputs), lambda *_: procedure(plan)),
        seed=seed,
        device=pick_device(device),
        batch_size=batch_size,
        setting=setting,
    )
    return found if stream else list(found)


def checked_inputs(f: BaseClassifier, inputs: Tensor | Iterable[Tensor]) -> Iterable[Tensor]:
    """The inputs, where model and tensor are fit to begin.

    Raises: ValueError for a module in training mode, or a tensor that is not float32 (N, ...).
    """
    if isinstance(inputs, Tensor) and (inputs.ndim < 2 or inputs.dtype != torch.float32):
        raise ValueError(f"inputs must be a float32 tensor (N, C, H, W), got {inputs.dtype} {tuple(inputs.shape)}")
    if isinstance(f, torch.nn.Module) and any(module.training for module in f.modules()):
        raise ValueError(
            "the model must be in evaluation mode: call .eval() on it first (dropout and batch statistics would make certificates void)"
        )
    return inputs


def found_in_order(
    f: BaseClassifier,
    subjects: Iterator[Subject],
    *,
    seed: int,
    device: torch.device,
    batch_size: int | None,
    setting: Setting | None,
) -> Iterator[Certificate]:
    """The certificates of the subjects, each as soon as it and all before it are found."""
    first = next(subjects, None)
    if first is None:
        return
    shape = tuple(first.image.shape)
    called = setting or default_setting(shape, device, batch_size=batch_size)
    with closing(Lanes(f, NoiseSource(shape, seed=seed, device=device), called)) as lanes:
        yield from in_order(Engine(lanes).run(chain([first], subjects)))


def in_order(found: Iterable[tuple[int, Certificate]]) -> Iterator[Certificate]:
    """The certificates by their position, each as soon as it and all before it are there."""
    early: dict[int, Certificate] = {}
    due = 0
    for position, certificate in found:
        early[position] = certificate
        while due in early:
            yield early.pop(due)
            due += 1


def pick_device(device: torch.device | str | None) -> torch.device:
    """The device that was asked for, else the first GPU, else the CPU."""
    return torch.device(device) if device is not None else torch.device("cuda" if torch.cuda.is_available() else "cpu")


def subjects(
    inputs: Iterable[Tensor], begin: Callable[[int, bytes], Procedure], *, keys: list[bytes] | None = None
) -> Iterator[Subject]:
    """The inputs as subjects, each with the procedure that ``begin`` makes of its position and noise key; ``keys`` is filled with these.

    Raises: ValueError for an input that is not finite float32.
    """
    known = Keys()
    for position, given in enumerate(inputs):
        if not isinstance(given, Tensor) or given.dtype != torch.float32 or not bool(torch.isfinite(given).all()):
            what = f"{given.dtype} {tuple(given.shape)}" if isinstance(given, Tensor) else type(given).__name__
            raise ValueError(f"inputs must be finite float32 tensors (C, H, W), without NaN and infinity, got {what} at {position}")
        image = given.detach().cpu()
        key = known.of(image.numpy())
        if keys is not None:
            keys.append(key)
        yield Subject(position=position, key=key, image=image, procedure=begin(position, key))
