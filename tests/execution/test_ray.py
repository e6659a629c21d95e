"""A run on a Ray cluster: the evidence of one process, byte for byte, whatever becomes of the workers."""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from odd_assess import load_spec
from odd_assess.assessment import assess
from odd_assess.assessment.certifying import plan_of
from odd_assess.audit import recertification
from odd_assess.errors import InputError, RunError
from odd_assess.evidence import MAIN, EvidenceStore, Row
from odd_assess.examples.digits import WEIGHTS
from odd_assess.execution import Here, Work, set_up
from odd_assess.execution.ray_worker import Opened, replica_of
from odd_assess.policies import MultiStart, PerCell
from odd_assess.progress import Quiet
from odd_assess.records import Certificate, ComparisonPlan, Execution, Spec

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning:subprocess"),  # Ray lets its daemons go without waiting for them
]

SPEC = f"""\
odd_assess: 1
id: tiny
title: Digits, a few
odd:
  attributes:
    light: {{range: "[50 .. 2000] lux", distribution: loguniform, realise: {{transform: low_light}}}}
sampling: {{design: random, points: 24, seed: 5}}
inputs: {{dataset: digits, split: test}}
model: {{architecture: "network.py:network", weights: {WEIGHTS}}}
certification:
  sigma: 0.25
  alpha: 0.001
  budget: {{kind: reduced, n0: 20, n: 200}}
  batch_size: 64
  reference: {{n: 600, points: 4}}
criteria: [criteria.yaml]
"""

CRITERIA = """\
odd_assess_criteria: 1
id: tiny-criteria
criteria:
  - {id: CA, metric: certified_accuracy, radius: 0.1, require: ">= 0.40", confidence: 0.95}
"""

NETWORK = """\
import os, time
from odd_assess.examples import digits

def network():
    module = digits.network()
    module.register_forward_hook(lambda *_: time.sleep(float(os.environ.get("ODD_ASSESS_TEST_PACE", 0))))
    return module
"""

RAY = Execution(engine="ray", workers=2)


class Say(Quiet):
    """Keeps what is said, and does something when so many points are done."""

    def __init__(self, at: int = -1, do: Callable[[], object] = lambda: None) -> None:
        self.said: list[str] = []
        self._left, self._do = at, do

    def say(self, message: str, /) -> None:
        """Keep it."""
        self.said.append(message)

    def advance(self, *, points: int = 0, draws: int = 0, spent: int = 0) -> None:
        """Count the points."""
        self._left -= points
        if points and self._left == 0:
            self._do()


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    """A small run of a network whose file lies beside the spec."""
    folder = tmp_path_factory.mktemp("spec")
    for name, text in (("spec.yaml", SPEC), ("criteria.yaml", CRITERIA), ("network.py", NETWORK)):
        (folder / name).write_text(text)
    return load_spec(folder / "spec.yaml")


@pytest.fixture(scope="module")
def expected(spec: Spec, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The evidence of one process."""
    folder = tmp_path_factory.mktemp("here") / "run"
    assess(spec, folder, device="cpu")
    return (folder / "evidence.sqlite").read_bytes()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two nodes with one core each on this machine, and this process connected to it; workers take a while for each batch."""
    os.environ["ODD_ASSESS_TEST_PACE"] = "0.05"
    ray_cluster = importlib.import_module(
        "odd_assess.execution.ray_cluster"
    )  # before Ray, which reads its settings when it is imported
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.second = made.add_node(num_cpus=1)
    ray_cluster.ray.init(address=made.address, log_to_driver=False)
    del os.environ["ODD_ASSESS_TEST_PACE"]
    yield made
    ray_cluster.ray.shutdown()
    made.shutdown()


def workers_here() -> list[int]:
    """The processes of the workers of this process's own cluster: children of the daemons that are its children."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, _, rest = stat.read_text().rpartition(")")
            parents[int(stat.parent.name)] = (head.partition("(")[2], int(rest.split()[1]))
    return [pid for pid, (name, parent) in parents.items() if name.startswith("ray::Worker") and parents[parent][1] == os.getpid()]


def test_killed_workers_change_nothing(spec: Spec, expected: bytes, cluster: Any, tmp_path: Path) -> None:
    """Two workers, both killed in mid-run: the bytes of one process, the loss said and counted."""
    tell = Say(6, lambda: [os.kill(pid, signal.SIGKILL) for pid in workers_here()])
    assess(spec, tmp_path / "run", device="cpu", execution=RAY, progress=tell)
    assert (tmp_path / "run" / "evidence.sqlite").read_bytes() == expected
    executed = json.loads((tmp_path / "run" / "manifest.json").read_text())["execution"]
    assert executed["workers"]["lost"] >= 1
    assert executed["points_done_again"] >= 1
    assert any("was lost" in line for line in tell.said)


@pytest.mark.parametrize(
    "policy",
    [
        PerCell(grid=(0.12, 0.25), points=6, draws=20),
        MultiStart(starts=(0.12, 0.25), draws=16, trial=16, steps=1, method="gradient"),
    ],
    ids=["per_cell", "by_input"],
)
def test_noise_levels_are_the_same_on_a_cluster(spec: Spec, cluster: Any, tmp_path: Path, policy: PerCell | MultiStart) -> None:
    """Chosen by the workers or by one process, in whatever company: the bytes of one process."""
    comparison = ComparisonPlan(sigmas=(0.25,), points=1) if isinstance(policy, PerCell) else None
    plan = replace(spec.certification, policy=policy, sigma=policy.largest, comparison=comparison, reference=None)
    declared = replace(spec, certification=plan, sampling=replace(spec.sampling, points=6))
    assess(declared, tmp_path / "one", device="cpu")
    assess(declared, tmp_path / "two", device="cpu", execution=RAY)
    assert (tmp_path / "two" / "evidence.sqlite").read_bytes() == (tmp_path / "one" / "evidence.sqlite").read_bytes()


def test_kept_answers_and_what_rests_on_them_are_the_same_on_a_cluster(spec: Spec, cluster: Any, tmp_path: Path) -> None:
    """A baseline that keeps answers, and a modified model that is certified on it with a worker lost: the bytes of one process."""
    plan = replace(spec.certification, reference=None, cache=100)
    text = spec.path.read_text().replace("reference: {n: 600, points: 4}", "cache: {draws: 100}")
    (spec.path.parent / "keeps.yaml").write_text(text.replace("points: 24", "points: 8"))
    declared = load_spec(spec.path.parent / "keeps.yaml")
    assert declared.certification == plan
    weights = {name: value.bfloat16().float() for name, value in load_file(WEIGHTS).items()}
    save_file(weights, spec.path.parent / "rounded.safetensors")
    model = spec.path.parent / "model.yaml"
    model.write_text("model: {architecture: 'network.py:network', weights: rounded.safetensors}")
    for name, execution in (("one", Execution()), ("two", RAY)):
        assess(declared, tmp_path / name, device="cpu", execution=execution)
    files = [tmp_path / name / "evidence.sqlite" for name in ("one", "two")]
    assert files[0].read_bytes() == files[1].read_bytes()
    modified = recertification(tmp_path / "one", model)
    tell = Say(2, lambda: os.kill(workers_here()[0], signal.SIGKILL))
    for name, execution in (("three", Execution()), ("four", RAY)):
        assess(modified, tmp_path / name, device="cpu", execution=execution, progress=tell if name == "four" else None)
    assert (tmp_path / "three" / "evidence.sqlite").read_bytes() == (tmp_path / "four" / "evidence.sqlite").read_bytes()


def test_a_worker_with_another_model_is_refused(spec: Spec, cluster: Any) -> None:
    """The error names the node and what differs."""
    from odd_assess.execution.ray_cluster import RayCluster, _Member, ray

    bench = set_up(spec, device="cpu", trust_pickle=False)
    crew = RayCluster(spec, bench, execution=RAY, trust_pickle=False, tell=Quiet())
    same = Opened(node="two", replica=replica_of(spec, bench), device="cpu", threads=1)
    other = replace(same, replica={**same.replica, "model": "another", "torch": "1.0"})
    crew._admit(_Member(None, ray.put(same)))
    with pytest.raises(
        RunError, match=r"(?s)^node two must work with .*model: another there, \w+ here.*torch: 1.0 there"
    ) as refused:
        crew._admit(_Member(None, ray.put(other)))
    assert len(str(refused.value).splitlines()) == 3


def test_a_file_that_a_node_lacks_is_named_with_the_node(spec: Spec, cluster: Any, tmp_path: Path) -> None:
    """Here the weights, which the driver has read before they went."""
    from odd_assess.execution.ray_cluster import RayCluster

    bench = set_up(spec, device="cpu", trust_pickle=False)
    gone = replace(spec, model=replace(spec.model, weights=tmp_path / "gone.safetensors"))
    with (
        RayCluster(gone, bench, execution=replace(RAY, workers=1), trust_pickle=False, tell=Quiet()) as workers,
        pytest.raises(RunError, match=r"^on node \S+: .*gone\.safetensors"),
    ):
        workers.gather()


def test_what_has_no_room_is_said(spec: Spec, cluster: Any) -> None:
    """No node has 64 cores."""
    from odd_assess.execution.ray_cluster import RayCluster

    bench = set_up(spec, device="cpu", trust_pickle=False)
    large = replace(RAY, cpus_per_worker=64)
    with (
        pytest.raises(InputError, match=r"needs 64 CPUs, found 1 CPU, 0 GPU on \S+; 1 CPU"),
        RayCluster(spec, bench, execution=large, trust_pickle=False, tell=Quiet()),
    ):
        pass


def test_a_lost_node_changes_nothing(spec: Spec, cluster: Any) -> None:
    """Three workers asked for, two nodes with room for one each, one node removed in mid-run: the other does the rest, and every point is found once."""
    from odd_assess.execution.ray_cluster import RayCluster

    bench = set_up(spec, device="cpu", trust_pickle=False)
    work = Work(stage="main", address="", plan=plan_of(spec, spec.certification.budget.n), points=bench.points)
    tell = Say()
    found: list[tuple[Row, Certificate]] = []
    draws: list[int] = []
    with RayCluster(spec, bench, execution=replace(RAY, workers=3), trust_pickle=False, tell=tell) as crew:
        assert crew.gather() == 2
        for pair in crew.certify(work, on_draws=draws.append):
            found.append(pair)
            if len(found) == 3:
                cluster.remove_node(cluster.second, allow_graceful=False)
        executed = crew.account()
    cluster.second = cluster.add_node(num_cpus=1)
    in_order = sorted(found, key=lambda pair: pair[0].point.index)
    assert in_order == sorted(Here(bench).certify(work, on_draws=draws.append), key=lambda pair: pair[0].point.index)
    assert executed["workers"] == {"asked": 3, "placed": 2, "lost": 1}
    assert executed["points_done_again"] >= 1
    assert any(line.startswith("the cluster has room for 2 of the 3 workers") for line in tell.said)


def command(spec: Spec, folder: Path, *args: str, **env: str) -> subprocess.Popen[str]:
    """``odd-assess run`` as a process group of its own."""
    words = [sys.executable, "-m", "odd_assess", "run", str(spec.path), "--out", str(folder), "--no-pdf", "--device", "cpu", *args]
    settings = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"} | {"OMP_NUM_THREADS": "1"} | env
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings, start_new_session=True)


def certified(run: Path) -> int:
    """The certificates that are in the evidence so far."""
    path = run / "evidence.sqlite"
    if not path.exists():
        return 0
    with EvidenceStore.open(path) as store:
        return len(store.done(MAIN))


def test_no_cluster_is_one_clear_error(spec: Spec, tmp_path: Path) -> None:
    """Status 2, and the commands that begin one."""
    process = command(spec, tmp_path / "run", "--engine", "ray", RAY_TMPDIR=str(tmp_path))
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("odd-assess: execution.address auto must be a Ray cluster, found none. Begin one: `ray start --head")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("address", ["127.0.0.1:9", "no-such-host.invalid:6379"])
def test_an_address_where_nothing_answers_is_named(address: str) -> None:
    """Within seconds: Ray itself would try for minutes."""
    from odd_assess.execution.ray_cluster import cluster_head

    with pytest.raises(InputError, match=f"found nothing that answers at {address}"):
        cluster_head(address)


def test_an_interrupted_run_goes_on_without_the_cluster(spec: Spec, expected: bytes, tmp_path: Path) -> None:
    """Ctrl-C (the signal goes to the whole group) in mid-run ends with 130 and without Ray's chatter; one process ends in the same bytes."""
    run = tmp_path / "run"
    process = command(spec, run, "--workers", "1", "--address", "local", ODD_ASSESS_TEST_PACE="0.2")
    deadline = time.monotonic() + 300
    while not certified(run) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (130, ""), err
    lines = [line for line in err.splitlines() if line]
    assert lines[-2:] == [
        f"what is certified is kept; go on with: odd-assess run {spec.path} --out {run} --resume",
        "odd-assess: interrupted",
    ]
    assert all(line.startswith(("main:", "reference:")) or "draws/s" in line for line in lines[:-2]), err
    assess(spec, run, resume=True, device="cpu")
    assert (run / "evidence.sqlite").read_bytes() == expected
    assert json.loads((run / "manifest.json").read_text())["execution_before"]["engine"] == "ray"
