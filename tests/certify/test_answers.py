"""From logits to labels: what cannot be counted is refused, what rounding decides is marked."""

import numpy as np
import pytest
import torch
from torch import Tensor

from odd_assess.certify import ask
from odd_assess.certify.answers import TIE

BATCH = torch.zeros(4, 1, 2, 2)


def test_the_label_is_the_largest_logit() -> None:
    """Of several equal ones the first, as argmax says, and then it is a tie."""
    logits = torch.tensor([[0.0, 1.0, 0.5], [2.0, 2.0, 0.0], [0.0, -1.0, 3.0], [5.0, 1.0, 5.0]])
    found = ask(lambda _: logits, BATCH).answers()
    assert found.labels.tolist() == [1, 0, 2, 0]
    assert found.ties.tolist() == [False, True, False, True]
    assert found.num_classes == 3


@pytest.mark.parametrize(("gap", "tie"), [(2.0**-17, True), (2.0**-15, False)])
def test_ties_scale_with_the_logits(gap: float, tie: bool) -> None:
    """Rounding errors are relative: ten thousand times the logits, ten thousand times the gap."""
    for scale in (1e-4, 1.0, 1e4):
        logits = scale * torch.tensor([[1.0, 1.0 - gap, 0.0]]).double()
        assert ask(lambda _, logits=logits: logits, BATCH[:1]).answers().ties.tolist() == [tie]


def test_a_model_in_half_precision_has_wider_ties() -> None:
    """``precision`` of the model tells what its logits resolve, also when they arrive as float32."""

    class Half:
        precision = torch.bfloat16

        def __call__(self, batch: Tensor) -> Tensor:
            return torch.tensor([[1.0, 1.0 - 2.0**-7]]).expand(len(batch), 2)

    assert ask(Half(), BATCH).answers().ties.all()
    assert TIE[torch.float32] < TIE[torch.float16] < TIE[torch.bfloat16]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_logit_that_is_not_finite_is_refused(value: float) -> None:
    """Wherever it stands in the row."""
    for column in range(3):
        logits = torch.zeros(4, 3)
        logits[2, column] = value
        with pytest.raises(ValueError, match=r"must be finite, got NaN or infinity for 1 of 4 noisy inputs"):
            ask(lambda _, logits=logits: logits, BATCH).answers()


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [0, -1, 0, 0], [0, -2, 0, 0]])
def test_a_label_outside_the_classes_is_refused(labels: list[int]) -> None:
    """A model that answers labels answers those of its classes."""

    class Labels:
        num_classes = 3

        def __call__(self, batch: Tensor) -> Tensor:
            return torch.tensor(labels)

    with pytest.raises(ValueError, match="the model's l"):
        ask(Labels(), BATCH).answers()


def test_labels_are_never_ties() -> None:
    """Nothing is known of their margins."""

    class Labels:
        num_classes = 300

        def __call__(self, batch: Tensor) -> Tensor:
            return torch.tensor([0, 7, 299, 255])

    found = ask(Labels(), BATCH).answers()
    assert found.labels.tolist() == [0, 7, 299, 255]
    assert not np.any(found.ties)
