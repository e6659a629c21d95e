"""A real network on real traffic signs, by the route that a user takes. Skipped where the shared folder is absent."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from odd_assess.models import check_model, load_model
from odd_assess.records import ModelDeclaration

SHARED = Path(__file__).resolve().parents[3] / "shared"
ARCHIVE = SHARED / "data" / "gtsrb_test_dev.npz"


def signs(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Evenly spaced test images (count, 3, 32, 32) in [0, 1] and their labels."""
    with np.load(ARCHIVE) as archive:
        blob, offsets, labels = archive["image_bytes"], archive["offsets"], archive["labels"]
    rows = np.linspace(0, len(labels) - 1, count).astype(int)
    pictures = [np.asarray(Image.open(io.BytesIO(blob[offsets[row] : offsets[row + 1]].tobytes())).convert("RGB")) for row in rows]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(labels[rows].astype(np.int64))


@pytest.mark.skipif(
    not (SHARED / "models").is_dir() or not ARCHIVE.is_file(),
    reason="needs ../shared/models and ../shared/data beside the repository",
)
def test_the_shared_network_reads_real_signs_also_in_noise() -> None:
    """Above 0.8 clean and 0.6 under noise of std 0.25 on 300 of the test images: rejects weights, classes or channels in the wrong place."""
    declaration = ModelDeclaration(
        kind="factory",
        reference=f"{SHARED / 'models' / 'network.py'}:SmallResNet",
        weights=SHARED / "models" / "gtsrb_sigma025.safetensors",
        arguments={"classes": 43},
    )
    images, labels = signs(300)
    check = check_model(load_model(declaration, device="cpu"), images, labels, num_classes=43, sigma=0.25, seed=1)
    assert check.clean_accuracy > 0.8
    assert check.noisy_accuracy > 0.6
    assert check.advice == ""
