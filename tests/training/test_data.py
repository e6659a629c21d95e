"""Examples and batches: every example of an epoch once, the same whenever the epoch begins, under conditions of the domain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from odd_assess.errors import DataError
from odd_assess.inputs import Realiser
from odd_assess.odd import sample
from odd_assess.training import data
from odd_assess.training.data import Batch, Epochs, open_examples
from odd_assess.training_plan import TrainingPlan

from .conftest import ODD, Plans


def epoch_of(plan: TrainingPlan, epoch: int) -> list[Batch]:
    """The batches of an epoch of a training that has just begun."""
    examples, _ = open_examples(plan)
    return list(Epochs(plan, examples).batches(epoch))


def test_an_epoch_holds_every_example_as_often_as_it_repeats(plan_of: Plans) -> None:
    """450 examples in batches of at most 64, none of them a leftover; a second pass is marked; images and labels are those of the numbers."""
    plan = plan_of("repeat: 2")
    examples, held_out = open_examples(plan)
    batches = epoch_of(plan, 0)
    assert len(batches) == Epochs(plan, examples).steps == 16
    assert {len(batch.numbers) for batch in batches} == {56, 57}
    numbers = torch.cat([batch.numbers for batch in batches])
    assert numbers.bincount().tolist() == [2] * 450
    assert [batch.again for batch in batches] == [False] * 8 + [True] * 8
    assert all(torch.equal(batch.images, examples.images(batch.numbers)) for batch in batches)
    assert all(torch.equal(batch.labels, examples.labels[batch.numbers]) for batch in batches)
    assert held_out is not None
    assert len(held_out) == 12


def test_nothing_that_is_held_out_is_trained_on(plan_of: Plans) -> None:
    """The same share whenever it is asked for, another with another seed."""
    plan = plan_of("validation: {share: 0.2, points: 1000}")
    examples, held_out = open_examples(plan)
    assert held_out is not None
    assert len(examples) == 400
    assert sorted([*examples.rows.tolist(), *held_out.rows.tolist()]) == list(range(500))
    assert torch.equal(open_examples(plan)[0].rows, examples.rows)
    assert not torch.equal(open_examples(plan_of("validation: {share: 0.2, points: 1000}", "seed: 4"))[0].rows, examples.rows)


def test_examples_of_their_own_are_validated_on(plan_of: Plans) -> None:
    """Then all of the inputs are trained on."""
    examples, held_out = open_examples(plan_of("validation: {inputs: {dataset: digits, split: train}, points: 7}"))
    assert held_out is not None
    assert (len(examples), len(held_out)) == (500, 7)


@pytest.mark.parametrize("lines", [(), (ODD,), (ODD, "odd_epochs: 2"), (ODD, "odd_share: 0.5", "repeat: 2")])
def test_an_epoch_is_the_same_whenever_it_begins(plan_of: Plans, lines: tuple[str, ...]) -> None:
    """Epoch 3 alone equals epoch 3 after the others; another epoch has another order."""
    plan = plan_of("augment: {flip: true, crop: 1, shift: 0.3, scale: 0.1, shear: 0.1, rotate: 10}", *lines)
    alone = epoch_of(plan, 3)
    examples, _ = open_examples(plan)
    epochs = Epochs(plan, examples)
    after = [list(epochs.batches(epoch)) for epoch in range(4)]
    for one, other in zip(alone, after[3], strict=True):
        assert torch.equal(one.numbers, other.numbers)
        assert torch.equal(one.images, other.images)
    assert not torch.equal(after[2][0].numbers, after[3][0].numbers)


def test_conditions_are_new_in_each_epoch_and_those_of_the_domain(plan_of: Plans) -> None:
    """An image is what the run's own realiser makes of it under the condition of its number; half of them are left as they are where the file says so."""
    plan = plan_of(ODD, "odd_share: 0.5")
    examples, _ = open_examples(plan)
    changed = []
    for epoch in range(2):
        conditions = data.EpochConditions(plan.conditions, plan.seed, epoch, len(examples))  # type: ignore[arg-type]
        numbers = torch.arange(len(examples))
        made = conditions.realised(examples.images(numbers), numbers)
        changed.append((made != examples.images(numbers)).flatten(1).any(dim=1))
        assert torch.equal(changed[-1], ~conditions.left)
        one = int(changed[-1].nonzero()[0])
        assert plan.conditions is not None
        point = conditions.points[one]
        expected = Realiser(
            data._Given(examples.images(numbers)), plan.conditions.realisations, conditions.seed
        )  # the point's frame is its number
        frames = data.OddPoints.of(
            plan.conditions.domain.attributes, [type(point)(index=one, values=point.values, cell=point.cell, frame=one)]
        )
        assert torch.equal(expected.realise(frames).images[0], made[one])
    assert not torch.equal(*changed)
    assert 0.4 < float(changed[0].double().mean()) < 0.6


def test_conditions_that_serve_several_epochs_are_made_once(plan_of: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs 0 and 1 share them, 2 has others; what does not fit in memory is said."""
    plan = plan_of(ODD, "odd_epochs: 2", "repeat: 2")
    examples, _ = open_examples(plan)
    epochs = Epochs(plan, examples)
    images = []
    for epoch in range(3):
        batches = list(epochs.batches(epoch))
        first = [batch for batch in batches if not batch.again]
        order = torch.cat([batch.numbers for batch in first]).argsort()
        images.append(torch.cat([batch.images for batch in first])[order])
        again = torch.cat([batch.images for batch in batches if batch.again])
        assert not torch.equal(again[torch.cat([b.numbers for b in batches if b.again]).argsort()], images[-1])
    assert torch.equal(images[0], images[1])
    assert not torch.equal(images[1], images[2])
    monkeypatch.setattr(data, "MOST_IN_MEMORY", 1000)
    with pytest.raises(DataError, match=r"odd_epochs: 900 images of \(1, 8, 8\) must fit"):
        next(Epochs(plan, examples).batches(0))


def test_images_that_do_not_fit_in_memory_are_read_when_needed(plan_of: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same batches."""
    held = epoch_of(plan_of(), 1)
    monkeypatch.setattr(data, "MOST_IN_MEMORY", 1000)
    read = epoch_of(plan_of(), 1)
    assert all(torch.equal(one.images, other.images) for one, other in zip(held, read, strict=True))


def test_data_that_cannot_be_trained_on_are_one_error(plan_of: Plans, tmp_path: Path) -> None:
    """Too few examples, and validation data of other classes."""
    images = np.zeros((2, 8, 8), dtype=np.float32)
    np.savez(tmp_path / "two.npz", images=images, labels=np.array([0, 1]))
    with pytest.raises(DataError, match="at least 2 examples beside those that are held out, found 2"):
        open_examples(plan_of("inputs: {npz: two.npz}"))
    with pytest.raises(DataError, match="must have the classes of inputs"):
        open_examples(plan_of("validation: {inputs: {npz: two.npz}}"))


def test_conditions_are_drawn_like_the_points_of_a_run(plan_of: Plans) -> None:
    """By the domain's own design `random`, from the address of the epoch."""
    plan = plan_of(ODD)
    assert plan.conditions is not None
    drawn = data.EpochConditions(plan.conditions, plan.seed, 5, 40).points
    assert drawn == sample(plan.conditions.domain, design="random", points=40, seed=data.seed_at(plan.seed, 5, "conditions"))
