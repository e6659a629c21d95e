"""The embedded example: small, loadable as any user's model, and worth certifying."""

from __future__ import annotations

import pytest
import torch

from odd_assess.errors import ModelError
from odd_assess.examples.digits import WEIGHTS, network
from odd_assess.inputs import Source, open_source
from odd_assess.models import check_model, load_model
from odd_assess.records import InputDeclaration, ModelDeclaration

REFERENCE = "odd_assess.examples.digits:network"


def test_weights_are_package_data_under_300_kilobytes() -> None:
    """One file, beside the module that builds the network."""
    assert WEIGHTS.parent.name == "examples"
    assert WEIGHTS.stat().st_size < 300_000


def test_it_reads_digits_that_it_was_not_trained_on() -> None:
    """On the test split, clean accuracy is above 0.9 and accuracy under noise of std 0.25 above 0.85; untrained weights would give 0.1."""
    source = open_source(InputDeclaration(kind="digits", split="test"))
    assert isinstance(source, Source)
    images = torch.stack([source.image(row) for row in range(len(source))])
    labels = torch.tensor([source.label(row) for row in range(len(source))])
    classifier = load_model(ModelDeclaration(kind="factory", reference=REFERENCE, weights=WEIGHTS), device="cpu")
    check = check_model(classifier, images, labels, num_classes=10, sigma=0.25, seed=1)
    assert check.clean_accuracy > 0.9
    assert check.noisy_accuracy > 0.85
    assert check.advice == ""


def test_other_settings_do_not_take_the_weights() -> None:
    """The weights fit the default network alone."""
    assert network(classes=3)(torch.rand(2, 1, 8, 8)).shape == (2, 3)
    with pytest.raises(ModelError, match=r"2 of another shape: 7\.weight"):
        load_model(ModelDeclaration(kind="factory", reference=REFERENCE, weights=WEIGHTS, arguments={"classes": 3}), device="cpu")
