"""The weakest points of a run and their pictures, for the report."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from odd_assess.execution import Bench
from odd_assess.policies import Cascade
from odd_assess.records import Exhibit, Results, Spec

EXHIBITS = 12
"""Weakest points whose pictures are kept."""


def weakest(found: Results) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Row numbers from the weakest point up: certified as another class, then abstained, then by certified radius."""
    wrong = found.certified & (found.chosen != found.label)
    rank = np.where(wrong, 0, np.where(~found.certified, 1, 2))
    within = np.where(wrong, -found.radius, np.where(found.certified, found.radius, found.label_hits / found.n))
    return np.lexsort((found.index, within, rank))


def exhibit(spec: Spec, bench: Bench, found: Results) -> tuple[Exhibit, ...]:
    """Pictures of the weakest points: base image, realised input, the first noisy copy that bounded it."""
    order = weakest(found)[:EXHIBITS]
    chosen = [bench.points[i] for i in order]
    if not chosen:
        return ()
    batch = bench.realiser.realise(chosen)
    shown = []
    for i, point in enumerate(chosen):
        key, sigma = bench.noise_key(batch.images[i], point), float(found.sigma[order[i]])
        noisy = torch.empty((1, *bench.shape), device=bench.device)
        bench.noise.copies(batch.images[i].to(bench.device), key, _stage(spec, sigma), first=0, sigma=sigma, out=noisy)
        shown.append(Exhibit(index=point.index, base=png(batch.bases[i]), realised=png(batch.images[i]), noisy=png(noisy[0])))
    return tuple(shown)


def _stage(spec: Spec, sigma: float) -> str:
    """The noise address of the draws that bounded a point at this level."""
    policy = spec.certification.policy
    return f"cascade{policy.sigmas.index(sigma)}/bound" if isinstance(policy, Cascade) else "bound"


def png(image: Tensor) -> bytes:
    """A PNG of (C, H, W) values, clipped to [0, 1] for display only."""
    pixels = (image.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()
