"""The engine: packing changes nothing, padding is not counted, wrong answers are refused."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from odd_assess.certify import (
    BaseClassifier,
    Copies,
    Draw,
    Engine,
    Lanes,
    NoiseSource,
    ReducedPlan,
    SequentialPlan,
    Setting,
    SingleBatchPlan,
    Subject,
    certify,
    content_key,
    procedure,
)
from odd_assess.records import Certificate

CPU = torch.device("cpu")
PLAN = ReducedPlan(n0=10, n=77, sigma=0.5, alpha=0.01)


def thirds(batch: Tensor) -> Tensor:
    """Three classes by the mean of the input: a classifier with no rounding ties."""
    mean = batch.flatten(1).double().mean(1)
    return torch.stack([-(mean - c).abs() for c in (0.0, 0.1, 0.2)], dim=1).float()


def images(count: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((count, 1, 4, 4), dtype=np.float32)) * 0.3


@pytest.mark.parametrize("batch_size", [1, 3, 32, 64, 100, 512, 4096])
def test_the_batch_size_changes_no_certificate(batch_size: int) -> None:
    """The same counts for any packing, also when a block is cut by a batch border."""
    assert certify(thirds, images(9), PLAN, seed=1, batch_size=batch_size) == certify(
        thirds, images(9), PLAN, seed=1, batch_size=50
    )


class Thirds(nn.Module):
    """`thirds` as a module, which lanes can copy. It keeps its batch between two lines, as a careless module does."""

    def forward(self, batch: Tensor) -> Tensor:
        """Three classes by the mean of the input."""
        self.kept = batch
        time.sleep(0.0005)  # another lane may come in between
        return thirds(self.kept)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("batch_size", [7, 64])
def test_the_number_of_lanes_changes_no_certificate(count: int, batch_size: int) -> None:
    """Calls side by side, each on a replica of its own: also a module that keeps something between two lines stays right."""
    found = certify(Thirds().eval(), images(9), PLAN, seed=1, setting=Setting(batch_size=batch_size, lanes=count))
    assert found == certify(thirds, images(9), PLAN, seed=1, batch_size=50)


def test_what_shares_a_batch_depends_on_the_setting_alone() -> None:
    """With lanes too: the copies are packed in the same batches on every run, whatever the clock says."""
    packed: list[list[list[tuple[bytes, str, int, int]]]] = []
    for _ in range(3):
        side_by_side = lanes(Thirds().eval(), lanes=3, batch_size=20)
        submit = side_by_side.submit
        packed.append([])

        def spy(batch: Sequence[Copies], submit: Callable[..., object] = submit) -> object:
            packed[-1].append([(part.key, part.stage, part.first, part.draws) for part in batch])
            return submit(batch)

        side_by_side.submit = spy  # type: ignore[method-assign, assignment]
        dict(Engine(side_by_side).run(subjects(30)))
        side_by_side.close()
    assert packed[0] == packed[1] == packed[2]
    assert all(sum(draws for *_, draws in batch) == 20 for batch in packed[0][:-3])


@pytest.mark.parametrize("batch_size", [1, 7, 64, 512])
def test_blocks_of_a_sequential_procedure_go_on_where_the_last_one_ended(batch_size: int) -> None:
    """Its draws are those of one long request, in any packing: the counts of its n draws are the first n of the same address."""
    plan = SequentialPlan(n0=10, max_draws=400, sigma=0.5, alpha=0.01, radii=(0.05, 0.2))
    found = certify(thirds, images(9), plan, seed=1, batch_size=batch_size)
    assert found == certify(thirds, images(9), plan, seed=1, batch_size=50)
    assert len({certificate.n for certificate in found}) > 2
    for image, certificate in zip(images(9), found, strict=True):
        (same,) = certify(thirds, image[None], ReducedPlan(n0=10, n=certificate.n, sigma=0.5, alpha=0.01), seed=1)
        assert (same.counts, same.selection) == (certificate.counts, certificate.selection)


def test_the_order_of_inputs_changes_no_certificate() -> None:
    """A certificate belongs to its input, not to its place."""
    forward = certify(thirds, images(9), PLAN, seed=1)
    assert certify(thirds, images(9).flip(0), PLAN, seed=1) == forward[::-1]


def test_equal_inputs_are_separate_trials() -> None:
    """The same image twice gets independent noise, so that a repeated frame is not counted as the same evidence twice."""
    first, second = certify(thirds, torch.full((2, 1, 4, 4), 0.05), PLAN, seed=1)
    assert first.counts != second.counts


def test_another_seed_draws_other_noise() -> None:
    """The run's seed decides the noise."""
    assert certify(thirds, images(5), PLAN, seed=1) != certify(thirds, images(5), PLAN, seed=2)


def test_every_draw_is_counted_once() -> None:
    """n0 + n per point, padding never counted, batches always full size."""
    sizes: list[int] = []

    def spy(batch: Tensor) -> Tensor:
        sizes.append(len(batch))
        return thirds(batch)

    engine = Engine(lanes(spy))
    found = dict(engine.run(subjects(5)))
    assert engine.draws == 5 * 87
    assert set(sizes) == {64}
    assert len(sizes) == -(-5 * 87 // 64) or len(sizes) <= -(-5 * 87 // 64) + 2  # the last procedures may wait for their selection
    assert all(c.counts.n == 77 and c.selection is not None and c.selection.n == 10 for c in found.values())


def lanes(f: BaseClassifier, **setting: int) -> Lanes:
    return Lanes(f, NoiseSource((1, 4, 4), seed=0, device=CPU), Setting(**{"batch_size": 64, **setting}))


def subjects(count: int, taken: list[int] | None = None) -> Iterator[Subject]:
    for i, image in enumerate(images(count)):
        if taken is not None:
            taken.append(i)
        yield Subject(position=i, key=content_key(image.numpy()), image=image, procedure=procedure(PLAN))


def test_inputs_are_taken_when_there_is_room() -> None:
    """The first certificate comes out before all inputs went in: memory does not grow with their number."""
    taken: list[int] = []
    next(Engine(lanes(thirds)).run(subjects(500, taken)))
    assert len(taken) < 20


def test_certificates_come_as_a_stream_in_order() -> None:
    """The first certificate is there before the last input is taken, and all are those of the list."""
    taken: list[int] = []

    def endless() -> Iterator[Tensor]:
        for i in range(10**9):
            taken.append(i)
            yield images(9)[i % 9]

    found = certify(thirds, endless(), PLAN, seed=1, batch_size=32, stream=True)
    first = [next(found) for _ in range(9)]
    assert len(taken) < 20
    assert first == certify(thirds, images(9), PLAN, seed=1)


def test_a_stream_of_another_shape_is_refused() -> None:
    """Every input must have the shape of the first."""
    with pytest.raises(ValueError, match=r"must have the shape \(1, 4, 4\), got \(1, 4, 5\)"):
        list(certify(thirds, iter([torch.zeros(1, 4, 4), torch.zeros(1, 4, 5)]), PLAN, seed=1, stream=True))


def test_ties_are_counted() -> None:
    """A model whose two top logits are equal for every second class is tied in every draw, and says so; a clear one in none."""

    def torn(batch: Tensor) -> Tensor:
        return torch.stack([torch.ones(len(batch)), torch.full((len(batch),), 1 + 1e-6), torch.zeros(len(batch))], dim=1)

    (tied,) = certify(torn, images(1), PLAN, seed=1)
    assert (tied.ties, tied.label) == (87, 1)
    assert all(certificate.ties < 3 for certificate in certify(thirds, images(9), PLAN, seed=1))


def test_no_input_gives_no_certificate() -> None:
    """An empty list is answered by an empty list."""
    assert certify(thirds, images(0), PLAN, seed=0) == []


def test_labels_serve_as_well_as_logits() -> None:
    """A model that answers labels and says how many classes it has gives the same certificates."""

    class Labels:
        num_classes = 3

        def __call__(self, batch: Tensor) -> Tensor:
            return thirds(batch).argmax(1)

    assert certify(Labels(), images(4), PLAN, seed=1) == certify(thirds, images(4), PLAN, seed=1)


def _nan(batch: Tensor) -> Tensor:
    answer = thirds(batch)
    answer[len(batch) // 2, 0] = torch.nan
    return answer


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (_nan, "the model's logits must be finite, got NaN or infinity for"),
        (lambda batch: thirds(batch)[:1], r"logits \(64, num_classes >= 2\)"),
        (lambda batch: thirds(batch)[:, :1], r"logits \(64, num_classes >= 2\)"),
        (lambda batch: thirds(batch).argmax(1), "an attribute num_classes"),
        (lambda batch: {"logits": thirds(batch)}, "the model must answer with one tensor, got dict"),
    ],
    ids=["nan", "rows", "one class", "labels without count", "dict"],
)
def test_a_wrong_answer_is_refused(model: Callable[[Tensor], Tensor], message: str) -> None:
    """No certificate comes from an answer that cannot be counted."""
    with pytest.raises(ValueError, match=message):
        certify(model, images(2), PLAN, seed=0, batch_size=64)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (torch.zeros(2, 1, 4, 4, dtype=torch.float64), "inputs must be a float32 tensor"),
        (torch.full((2, 1, 4, 4), float("nan")), "inputs must be finite"),
        (torch.zeros(3), "inputs must be a float32 tensor"),
    ],
)
def test_wrong_inputs_are_refused(inputs: Tensor, message: str) -> None:
    """Inputs are checked before anything is drawn."""
    with pytest.raises(ValueError, match=message):
        certify(thirds, inputs, PLAN, seed=0)


def test_a_module_in_training_mode_is_refused() -> None:
    """Dropout at certification time would void every certificate."""
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(), torch.nn.Linear(16, 3))
    with pytest.raises(ValueError, match="evaluation mode"):
        certify(module, images(1), PLAN, seed=0)


def lane_threads() -> set[threading.Thread]:
    """The threads of all lanes at work."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("lane")}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_a_lane_that_raises_ends_the_run(error: type[BaseException]) -> None:
    """Whatever it raises, while other lanes are at work: the caller gets it, and no thread stays behind."""

    class Breaks(Thirds):
        calls = iter(range(10**9))

        def forward(self, batch: Tensor) -> Tensor:
            """Breaks at the sixth call, on whichever lane."""
            if next(self.calls) >= 5:
                raise error("enough")
            return super().forward(batch)

    before = lane_threads()
    with pytest.raises(error, match="enough"):
        certify(Breaks().eval(), images(50), PLAN, seed=1, setting=Setting(batch_size=1 if error is MemoryError else 16, lanes=3))
    assert lane_threads() <= before  # others may end meanwhile


def test_who_stops_listening_ends_the_lanes() -> None:
    """A stream that is closed early leaves no thread behind."""
    before = lane_threads()
    found = certify(Thirds().eval(), images(50), PLAN, seed=1, setting=Setting(batch_size=16, lanes=3), stream=True)
    next(found)
    assert lane_threads() - before
    found.close()  # type: ignore[attr-defined]
    assert lane_threads() <= before  # others may end meanwhile


def test_few_draws_of_one_input_in_many_lanes() -> None:
    """Fewer draws than a batch, fewer batches than lanes: nobody waits for more."""
    plan = SingleBatchPlan(n=20, sigma=0.5, alpha=0.01)
    found = certify(Thirds().eval(), images(1), plan, seed=1, setting=Setting(batch_size=512, lanes=4))
    assert found == certify(thirds, images(1), plan, seed=1, batch_size=1)


def test_another_number_of_classes_is_refused() -> None:
    """A model that answers with three classes and later with four is no function: its counts cannot be added up."""
    calls = iter(range(10**9))

    def grows(batch: Tensor) -> Tensor:
        return thirds(batch) if next(calls) < 3 else torch.cat([thirds(batch), thirds(batch)[:, :1]], dim=1)

    with pytest.raises(ValueError, match="the same number of classes every time, got 3, then 4"):
        certify(grows, images(9), PLAN, seed=1, batch_size=64)


def test_a_request_for_no_draws_is_refused() -> None:
    """A procedure that asks for nothing would never be answered."""
    with pytest.raises(ValueError, match="at least one draw, got 0"):
        Draw(n=0, sigma=0.5, stage="bound")


def half_space(distance: float, dimension: int) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """A linear classifier and a point at the given distance from its decision plane: the smoothed classifier's true radius is that distance."""
    normal = torch.ones(dimension) / dimension**0.5

    def f(batch: Tensor) -> Tensor:
        margin = batch.flatten(1) @ normal
        return torch.stack([margin, -margin], dim=1)

    return f, (distance * normal).reshape(1, 1, 1, dimension)


PLANS = [
    ReducedPlan(n0=20, n=200, sigma=0.5, alpha=0.01),
    ReducedPlan(n0=20, n=1000, sigma=0.5, alpha=0.01, name="fixed"),
    SingleBatchPlan(n=200, sigma=0.5, alpha=0.01),
]


@pytest.mark.slow
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"{plan.name}-{plan.n}")
def test_no_certificate_exceeds_the_true_margin_more_often_than_alpha(plan: ReducedPlan | SingleBatchPlan) -> None:
    """2,000 random points and seeds of a half-space, through the engine: a sound certifier fails this test with probability below 1e-6.

    Under the worst case (each certificate false with probability exactly alpha = .01) more than 44 of 2,000 are false with probability 8.6e-7.
    """
    margins = np.random.default_rng(7).uniform(0.01, 0.9, 2000)
    false = 0
    for seed, chunk in enumerate(np.split(margins, 20)):
        f, direction = half_space(1.0, 4)
        inputs = torch.stack([float(margin) * direction[0] for margin in chunk])
        for margin, certificate in zip(chunk, certify(f, inputs, plan, seed=seed), strict=True):
            false += getattr(certificate, "radius", 0.0) > margin
    assert false <= 44


def test_certificates_are_plain_values() -> None:
    """Two runs give equal certificates, field by field."""
    first: list[Certificate] = certify(thirds, images(3), PLAN, seed=4)
    assert first == certify(thirds, images(3), PLAN, seed=4)


def test_colour_images_lie_channels_last_in_the_batch() -> None:
    """The model sees the same values in the memory order that convolutions like best."""
    seen: list[Tensor] = []

    def f(batch: Tensor) -> Tensor:
        seen.append(batch.clone())
        return thirds(batch)

    image = torch.from_numpy(np.random.default_rng(0).random((1, 3, 4, 5), dtype=np.float32))
    certify(f, image, ReducedPlan(n0=1, n=31, sigma=1e-4, alpha=0.01), seed=0, batch_size=32)
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(seen[1][:31], image.expand(31, 3, 4, 5), atol=1e-3)
