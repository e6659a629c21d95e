"""Randomness by address: a generator is made where it is used, from (seed, epoch, step, purpose), and never streamed across steps.

So a training that goes on from an epoch draws what it would have drawn. On the CPU torch keeps 32 bits of a generator's seed: two steps of a long training
may share their noise by chance (one in 4e9 each), which does no harm here, while no certificate rests on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from odd_assess.inputs.addresses import address


def seed_at(*parts: int | str) -> int:
    """63 bits that depend on all parts and their order."""
    return address("training", *parts) >> 65


def generator_at(*parts: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of an address, on a device."""
    return torch.Generator(device).manual_seed(seed_at(*parts))


@contextmanager
def own_randomness(device: torch.device) -> Iterator[None]:
    """What networks draw by themselves (first weights, dropout) comes from torch's common generators: they are the caller's again afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def reseed(*parts: int | str) -> None:
    """Set torch's common generators to an address; only inside `own_randomness`."""
    torch.manual_seed(seed_at(*parts))  # dropout knows no other
