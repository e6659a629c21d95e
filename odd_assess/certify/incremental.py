"""Certify plain inputs under a modified model from what was kept of its baseline: ``certify_incremental``, without a spec or a run folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from odd_assess.certify.answers import BaseClassifier
from odd_assess.certify.api import checked_inputs, found_in_order, pick_device, subjects
from odd_assess.certify.noise import NoiseSource
from odd_assess.certify.plans import IncrementalPlan, ReducedPlan
from odd_assess.certify.procedures import Procedure, incremental, procedure
from odd_assess.certify.setting import Setting
from odd_assess.records import Certificate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CertifiedBaseline:
    """Certificates of a model with the answers that they keep, bound to the inputs (by ``keys``) and to the noise (by ``seed`` and its `noise_digest`)."""

    certificates: Sequence[Certificate]
    keys: Sequence[bytes]
    seed: int
    noise: str


def noise_digest(noise: NoiseSource) -> str:
    """SHA-256 of the noise at one address: another generator, version or kind of device draws other noise for the same seed."""
    block = noise.block(b"digest", "digest", 0)
    return hashlib.sha256(block.cpu().numpy().astype("<f4").tobytes()).hexdigest()


def certify_baseline(
    f: BaseClassifier,
    inputs: Tensor | Iterable[Tensor],
    plan: ReducedPlan,
    *,
    seed: int,
    keep: int,
    device: torch.device | str | None = None,
    batch_size: int | None = None,
    setting: Setting | None = None,
) -> CertifiedBaseline:
    """Certificates as `odd_assess.certify.certify` gives them, with the answers to the first ``keep`` of the draws that bound each.

    Raises: ValueError as `certify`, and unless 1 <= keep <= plan.n.
    """
    if not 1 <= keep <= plan.n:
        raise ValueError(f"keep must lie in [1, n = {plan.n}], got {keep}")
    keys: list[bytes] = []
    found = found_in_order(
        f,
        subjects(checked_inputs(f, inputs), lambda *_: procedure(plan, keep=keep), keys=keys),
        seed=seed,
        device=pick_device(device),
        batch_size=batch_size,
        setting=setting,
    )
    return CertifiedBaseline(certificates=list(found), keys=keys, seed=seed, noise=_noise(seed, device))


def certify_incremental(
    f_modified: BaseClassifier,
    inputs: Tensor | Iterable[Tensor],
    baseline: CertifiedBaseline,
    plan: IncrementalPlan,
    *,
    seed: int,
    device: torch.device | str | None = None,
    batch_size: int | None = None,
    setting: Setting | None = None,
) -> list[Certificate]:
    """Certificates of the smoothed modified model, one an input, for the classes of the baseline, on the noise that the baseline saw.

    Each is false with probability at most ``plan.alpha + plan.alpha_z``. ``inputs`` are those of the baseline, in its order, ``seed`` and the kind of device
    its own. The batch size may differ: what the baseline answered is taken as it was kept.

    The noise level is the baseline's:

        base = certify_baseline(f, inputs, ReducedPlan(n0=100, n=10_000, sigma=0.25, alpha=0.001), seed=1, keep=1_000)
        found = certify_incremental(f_int8, inputs, base, IncrementalPlan(n=1_000, alpha=0.0005, alpha_z=0.0005), seed=1)

    Raises: ValueError as `certify`, and where inputs, seed, kind of device or generator of noise are not the baseline's, or where it keeps fewer answers than
    ``plan.n``.
    Source: Ugare et al., ICLR 2024 (IRS); `odd_assess.stats.incremental`.
    """
    if seed != baseline.seed:
        raise ValueError(f"the seed must be that of the baseline, {baseline.seed}, or the noise is another, got {seed}")
    if _noise(seed, device) != baseline.noise:
        raise ValueError(
            "the noise must be that of the baseline, but this kind of device or version of the generator draws another for the same seed; "
            "certify the baseline here, or the modified model where the baseline was certified"
        )
    held = len(baseline.certificates)

    def reusing(position: int, key: bytes) -> Procedure:
        if position >= held or key != baseline.keys[position]:
            raise ValueError(f"input {position} must be that of the baseline, which has {held}, but it is another one")
        return incremental(plan, baseline.certificates[position])

    found = list(
        found_in_order(
            f_modified,
            subjects(checked_inputs(f_modified, inputs), reusing),
            seed=seed,
            device=pick_device(device),
            batch_size=batch_size,
            setting=setting,
        )
    )
    if len(found) != held:
        raise ValueError(f"there must be the {held} inputs of the baseline, got {len(found)}")
    return found


def _noise(seed: int, device: torch.device | str | None) -> str:
    return noise_digest(NoiseSource((64,), seed=seed, device=pick_device(device)))
