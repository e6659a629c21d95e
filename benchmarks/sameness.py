"""Does the way in which the model is called change the evidence? Never the noise; a count only where rounding decides.

``python -m benchmarks.sameness [--points 40] [--n 2000] [--json FILE]``

The maintainers' traffic sign network (in ``shared`` beside the checkout) certifies the same test images in every setting: batches of 64, 100 and 512, one
lane and two, both memory formats, and the first setting again. Compared with the first:

noise    a digest of each noisy copy that reaches the model: the multiset of all of them must be equal
counts   every certificate whose class counts differ. The copies of its point are drawn again, in their order, and classified in both settings: each
         draw that has another label must be a tie (its two top logits within TIE of the largest), and no more may differ than ``ties`` counts
torn     the same for a network in which rounding decides every draw: each class is split in two whose weights differ by one part in ten million
company  the same copies of an image in other places of a batch and beside other images, as after a kill: how many logits move, and how far
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.engine import gtsrb
from benchmarks.radius_reduction import SHARED
from odd_assess.certify import NoiseSource, ReducedPlan, Setting, certify, content_key, on_threads
from odd_assess.certify.answers import TIE
from odd_assess.records import Certificate

SIGMA, ALPHA, N0, SEED = 0.25, 0.001, 100, 20261121
BATCH_SIZES = (64, 100, 512)
LANES = (1, 2)


class Watched(nn.Module):
    """A network that keeps a digest of every input that reaches it. Its replicas write to the same list."""

    def __init__(self, network: nn.Module, seen: list[bytes]) -> None:
        super().__init__()
        self.network = network
        self.seen = seen

    def forward(self, batch: Tensor) -> Tensor:
        """The network's logits."""
        pixels = np.ascontiguousarray(batch.contiguous().numpy())
        self.seen.append(b"".join(hashlib.blake2b(copy_.tobytes(), digest_size=16).digest() for copy_ in pixels))
        logits: Tensor = self.network(batch)
        return logits

    def __deepcopy__(self, memo: dict[int, object]) -> Watched:
        return Watched(copy.deepcopy(self.network, memo), self.seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One setting beside the first: ``moved`` draws have another label, ``not_tied`` of them are no ties (there must be none)."""

    setting: str
    noise_equal: bool
    certificates_differ: int
    counts_differ: int
    moved: int
    ties: int
    not_tied: int
    unexplained: tuple[str, ...]


def seen_and_found(
    network: nn.Module, images: Tensor, plan: ReducedPlan, setting: Setting
) -> tuple[Counter[bytes], list[Certificate]]:
    """The digests of the noisy copies that reached the model, each as often as it did, and the certificates."""
    seen: list[bytes] = []
    laid_out = network.to(memory_format=setting.memory_format)
    found = certify(Watched(laid_out, seen).eval(), images, plan, seed=SEED, device="cpu", setting=setting)
    digests = Counter(batch[i : i + 16] for batch in seen for i in range(0, len(batch), 16))
    return digests, found


def labels_and_ties(
    network: nn.Module, image: Tensor, plan: ReducedPlan, stage: str, draws: int, setting: Setting
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """(labels, gaps) of the draws of one stage, in order, in batches of the setting: the gap of the two top logits as a part of the largest."""
    noise = NoiseSource(tuple(image.shape), seed=SEED, device=torch.device("cpu"))
    key = content_key(image.numpy())
    network.to(memory_format=setting.memory_format)
    labels, gaps = [], []
    for first in range(0, draws, setting.batch_size):
        count = min(setting.batch_size, draws - first)
        batch = torch.empty((setting.batch_size, *image.shape)).contiguous(memory_format=setting.memory_format)
        noise.copies(image, key, stage, first=first, sigma=plan.sigma, out=batch[:count])
        batch[count:] = batch[:1]
        with torch.inference_mode(), on_threads(setting.threads):
            logits = network(batch)[:count]
        top = logits.topk(2, dim=1).values
        labels.append(logits.argmax(dim=1).numpy())
        gaps.append(((top[:, 0] - top[:, 1]) / logits.abs().amax(dim=1)).double().numpy())
    return np.concatenate(labels), np.concatenate(gaps)


def explained(
    network: nn.Module, image: Tensor, plan: ReducedPlan, pair: tuple[Certificate, Certificate], settings: tuple[Setting, Setting]
) -> tuple[int, int, list[str]]:
    """(draws with another label, how many of them are no ties, what is not explained) of one point that two settings count differently."""
    moved = not_tied = 0
    problems = []
    for stage, draws in (("select", plan.n0), ("bound", plan.n)):
        (first, gaps), (other, gaps_too) = (labels_and_ties(network, image, plan, stage, draws, setting) for setting in settings)
        apart = first != other
        moved += int(apart.sum())
        not_tied += int((np.minimum(gaps, gaps_too)[apart] > TIE[torch.float32]).sum())
    differ = difference(*pair)
    if 2 * moved < differ:
        problems.append(f"counts differ by {differ}, but only {moved} draws have another label")
    if moved > max(certificate.ties for certificate in pair):
        problems.append(
            f"{moved} draws have another label, the certificates count {[certificate.ties for certificate in pair]} ties"
        )
    return moved, not_tied, problems


def difference(one: Certificate, other: Certificate) -> int:
    """The sum of the absolute differences of all class counts."""
    total = 0
    for ours, theirs in ((one.selection, other.selection), (one.counts, other.counts)):
        first, second = dict(ours.by_class if ours else ()), dict(theirs.by_class if theirs else ())
        total += sum(abs(first.get(label, 0) - second.get(label, 0)) for label in {*first, *second})
    return total


def compared(
    network: nn.Module,
    images: Tensor,
    plan: ReducedPlan,
    settings: tuple[Setting, Setting],
    whole: tuple[Counter[bytes], list[Certificate]],
) -> Compared:
    """The second setting beside the first, whose noise and certificates are ``whole``."""
    seen, found = seen_and_found(network, images, plan, settings[1])
    noise, due = whole
    moved = not_tied = counts = 0
    problems: list[str] = []
    for image, one, other in zip(images, due, found, strict=True):
        if difference(one, other):
            counts += 1
            more, bad, why = explained(network, image, plan, (one, other), settings)
            moved, not_tied, problems = moved + more, not_tied + bad, problems + why
    return Compared(
        setting=_name(settings[1]),
        noise_equal=set(seen) == set(noise) and _unpadded(seen, noise),
        certificates_differ=sum(one != other for one, other in zip(due, found, strict=True)),
        counts_differ=counts,
        moved=moved,
        ties=sum(certificate.ties for certificate in found),
        not_tied=not_tied,
        unexplained=tuple(problems),
    )


class Torn(nn.Module):
    """A network whose every class is split into two with almost the same weights: which of them wins is for rounding to say."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.features = copy.deepcopy(network.features)
        self.mean, self.std = network.mean, network.std
        head = network.head
        assert isinstance(head, nn.Linear)
        self.head = nn.Linear(head.in_features, 2 * head.out_features)
        twin = head.weight * (1 + 1e-7 * torch.randn(head.weight.shape, generator=torch.Generator().manual_seed(0)))
        self.head.load_state_dict({"weight": torch.cat([head.weight, twin]), "bias": torch.cat([head.bias, head.bias])})

    def forward(self, batch: Tensor) -> Tensor:
        """Twice as many logits."""
        logits: Tensor = self.head(self.features((batch - self.mean) / self.std))
        return logits


def _unpadded(seen: Counter[bytes], noise: Counter[bytes]) -> bool:
    """Whether both hold the same copies as often, apart from the first copy of a batch, which fills up what is left of it at the end."""
    return sum(seen[digest] != noise[digest] for digest in noise) <= 2 * max(LANES) + 2


def _name(setting: Setting) -> str:
    return f"{setting.batch_size} x {setting.lanes} {'channels_last' if setting.channels_last else 'contiguous'}"


def company(network: nn.Module, images: Tensor, *, batch_size: int = 64) -> tuple[int, int, float]:
    """(logits, how many move, the largest move as a part of the largest logit) when a noisy copy lies elsewhere in a batch, beside other copies."""
    generator = torch.Generator().manual_seed(0)
    mine = images[:1].repeat(batch_size, 1, 1, 1) + SIGMA * torch.randn((batch_size, *images.shape[1:]), generator=generator)
    others = images[1:2].repeat(batch_size, 1, 1, 1) + SIGMA * torch.randn((batch_size, *images.shape[1:]), generator=generator)
    moved, most = 0, 0.0
    with torch.inference_mode():
        due = network(mine)
        for shift in range(1, batch_size):
            found = network(torch.cat([others[:shift], mine])[:batch_size])[shift:]
            apart = (found - due[: len(found)]).abs()
            moved += int((apart > 0).sum())
            most = max(most, float(apart.max() / due.abs().max()))
    return due.numel(), moved, most


def table(network: nn.Module, images: Tensor, plan: ReducedPlan, settings: Sequence[Setting]) -> list[Compared]:
    """Every setting beside the first, the first itself among them; each line is printed as it is known."""
    whole = seen_and_found(network, images, plan, settings[0])
    print(f"first: {_name(settings[0])}; {sum(c.ties for c in whole[1])} ties in {len(images)} x {plan.draws} draws")
    print(
        f"{'setting':<24} {'noise':<10} {'certificates':>12} {'counts':>7} {'draws':>6} {'ties':>5} {'not tied':>8}  (numbers that differ)"
    )
    rows = []
    for setting in settings:
        row = compared(network, images, plan, (settings[0], setting), whole)
        rows.append(row)
        print(
            f"{row.setting:<24} {'bit-equal' if row.noise_equal else 'DIFFERS':<10} {row.certificates_differ:>12} {row.counts_differ:>7} {row.moved:>6} "
            f"{row.ties:>5} {row.not_tied:>8}  {'; '.join(row.unexplained)}",
            flush=True,
        )
    return rows


def sound(rows: Sequence[Compared]) -> bool:
    """Whether the noise is equal everywhere, every other count is a tie, and the first setting repeats itself."""
    same = rows[0].certificates_differ == 0
    return same and all(row.noise_equal and not row.not_tied and not row.unexplained for row in rows)


def main() -> None:
    """Compare, print the table, write JSON; exit status 1 where anything but a tie differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--n", type=int, default=2000, help="draws that bound a point, after 100 that choose its class")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not (SHARED / "models").is_dir():
        print("skipped: the network of this benchmark must lie in shared/models beside the checkout")
        return
    network, images = gtsrb(options.points)
    network.eval().requires_grad_(requires_grad=False)
    plan = ReducedPlan(n0=N0, n=options.n, sigma=SIGMA, alpha=ALPHA)
    settings = [
        Setting(batch_size=size, lanes=lanes, channels_last=last)
        for last in (False, True)
        for size in BATCH_SIZES
        for lanes in LANES
    ]
    rows = table(network, images, plan, settings)
    print("\ntorn: every class split in two, a tenth of the points")
    torn = Torn(network).eval().requires_grad_(requires_grad=False)
    torn_rows = table(torn, images[::10], plan, settings)
    network.to(memory_format=torch.contiguous_format)
    logits, moved, most = company(network, images)
    print(f"company: of {logits} logits in 63 other places of a batch of 64, {moved} moved, by {most:.1e} of the largest at most")
    right = sound(rows) and sound(torn_rows)
    print("every difference is a rounding tie" if right else "SOME DIFFERENCES ARE NO TIES")
    if options.json:
        data = {
            "points": options.points,
            "n": options.n,
            "settings": [asdict(row) for row in rows],
            "torn": [asdict(row) for row in torn_rows],
            "company": [logits, moved, most],
        }
        options.json.write_text(json.dumps(data, indent=1) + "\n")
    sys.exit(not right)


if __name__ == "__main__":
    main()
