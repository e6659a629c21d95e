"""What the README promises is true: its commands run, and every command, transform and criteria file is in it."""

import importlib
import re
import shutil
from pathlib import Path

import pytest
import yaml

from odd_assess import load_criteria
from odd_assess.audit.attestation import ATTESTATION, REPORTS
from odd_assess.cli.main import COMMANDS
from odd_assess.criteria.metrics import METRICS
from odd_assess.evidence import EVIDENCE, MANIFEST
from odd_assess.exchange.files import ARGUMENT, JUNIT, SARIF
from odd_assess.odd.catalogue import TRANSFORMS
from odd_assess.spec import lint


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def test_there_are_exactly_two_set_up_commands(readme: str) -> None:
    """The first two bash blocks hold one line each: install and run the example, install and run the tests."""
    blocks = re.findall(r"```bash\n(.*?)```", readme, flags=re.DOTALL)[:2]
    assert all(len(block.strip().splitlines()) == 1 and "pip install" in block for block in blocks)
    assert "odd-assess run sample_reports/digits/spec.yaml" in blocks[0]
    assert "pytest" in blocks[1]


def test_every_command_is_documented(readme: str) -> None:
    """A command that exists is in the README."""
    for command in COMMANDS:
        assert f"odd-assess {command}" in readme, command


def test_every_transform_and_metric_is_documented(readme: str) -> None:
    """A word that a spec or criteria file may use is in the README."""
    for word in [*TRANSFORMS, *METRICS]:
        assert f"`{word}`" in readme, word


def test_every_criteria_file_is_documented(readme: str, repository: Path) -> None:
    """A criteria file that we ship is in the README."""
    for path in (repository / "acceptance_criteria").glob("*.yaml"):
        assert path.name in readme


def test_every_file_of_a_run_is_documented(readme: str) -> None:
    """A file that a run leaves in its folder is in the table of the README."""
    for name in (EVIDENCE, MANIFEST, *REPORTS, ATTESTATION, JUNIT, SARIF, ARGUMENT):
        assert f"\n| `{name}` |" in readme, name


def test_the_python_example_runs(readme: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The first snippet certifies four inputs and prints a line for each."""
    snippet, _ = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    exec(snippet, {})
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_the_auditors_example_runs(
    readme: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second snippet judges a finished run by other criteria: a line for each, then the mean radii and that the run is sound."""
    _, snippet = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    monkeypatch.syspath_prepend(str(repository))
    importlib.import_module("benchmarks.million").make_run(tmp_path / "runs" / "digits", 200)
    shutil.copytree(repository / "acceptance_criteria", tmp_path / "acceptance_criteria")
    monkeypatch.chdir(tmp_path)
    exec(snippet, {})
    said = capsys.readouterr().out.splitlines()
    asked = load_criteria("acceptance_criteria/perception_default.yaml").criteria
    assert [line.split()[0] for line in said[: len(asked)]] == [criterion.id for criterion in asked]
    assert said[-1].endswith(" True")


def test_the_derive_commands_run(readme: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they stand, but for the folder: each writes a model that loads."""
    from odd_assess.cli import main
    from odd_assess.models import load_model
    from odd_assess.spec import declared_model

    monkeypatch.chdir(repository)
    calls = [line.split() for line in re.findall(r"^odd-assess (derive .*--out derived/.*)$", readme, flags=re.MULTILINE)]
    assert len(calls) == 2
    for *words, out in calls:
        main([*words, str(tmp_path / out)])
        load_model(declared_model(tmp_path / out / "model.yaml"), device="cpu")


def test_the_screening_command_runs(readme: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands, but for the folder and with few points: it writes the files that the README lists, but for an allocation that saves nothing."""
    from odd_assess.cli import main
    from odd_assess.evidence.screening import ALLOCATION_CSV, SCREENING_FILES

    monkeypatch.chdir(repository)
    (call,) = re.findall(r"^odd-assess (screen .*) --out screening$", readme, flags=re.MULTILINE)
    main([*call.split(), "--out", str(tmp_path / "screening"), "--points", "60", "--method", "softmax", "--quiet"])
    written = {path.name for path in (tmp_path / "screening").iterdir()}
    assert written | {ALLOCATION_CSV} == set(SCREENING_FILES)
    for name in SCREENING_FILES:
        assert f"\n| `{name}` |" in readme, name


def test_the_yaml_examples_are_sound(readme: str, tmp_path: Path) -> None:
    """The spec and the criteria files of the README have no problem, once the files that they name lie beside them."""
    _, spec, criteria, extension = re.findall(r"```yaml\n(.*?)```", readme, flags=re.DOTALL)
    for name in ("signs.npz", "network.py", "weights.safetensors"):
        (tmp_path / name).touch()
    (tmp_path / "spec.yaml").write_text(spec)
    (tmp_path / "criteria.yaml").write_text(criteria)
    assert lint(tmp_path / "spec.yaml") == ()
    assert lint(tmp_path / "criteria.yaml") == ()
    (tmp_path / "extension.yaml").write_text(extension)
    assert lint(tmp_path / "extension.yaml") == ()


def test_the_training_of_the_readme_runs(readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands: sound, trained, resumed, and a model that reads digits in noise; its other commands speak of files that are there."""
    import torch

    from odd_assess.cli import main
    from odd_assess.inputs import Source, open_source
    from odd_assess.models import load_model
    from odd_assess.records import InputDeclaration
    from odd_assess.spec import declared_model

    training, *_ = re.findall(r"```yaml\n(.*?)```", readme, flags=re.DOTALL)
    (tmp_path / "train.yaml").write_text(training)
    monkeypatch.chdir(tmp_path)
    assert lint(tmp_path / "train.yaml") == ()
    (call,) = re.findall(r"^odd-assess (train train.yaml .*)$", readme, flags=re.MULTILINE)
    assert f"`odd-assess {call} --resume`" in readme
    main([*call.split(), "--device", "cpu", "--quiet"])
    source = open_source(InputDeclaration(kind="digits", split="test"))
    assert isinstance(source, Source)
    images = torch.stack([source.image(row) for row in range(len(source))])
    labels = torch.tensor([source.label(row) for row in range(len(source))])
    model = load_model(declared_model(tmp_path / "trained" / "quick" / "model.yaml"), device="cpu")
    noisy = images + 0.25 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    assert float((model(noisy).argmax(dim=1) == labels).double().mean()) > 0.8


def test_the_sample_training_is_sound(readme: str, repository: Path) -> None:
    """The file that the README trains has no problem, and the weights that it replaces are named in the spec as the command says."""
    path = "sample_reports/digits/train.yaml"
    assert f"odd-assess train {path} --out trained/digits" in readme
    assert lint(repository / path) == ()
    named, *_ = re.findall(r"sed 's#(.*?)#(.*?)#' (\S+) > (\S+)", readme)
    assert named[0] in (repository / named[2]).read_text()
    assert named[1] == "trained/digits/weights.safetensors"
    assert f"odd-assess run {named[3]} --out" in readme


def test_the_ci_examples_are_workflows(readme: str, repository: Path) -> None:
    """Both parse, call commands and options that exist, and keep the files that a run writes, also when the gate is red."""
    github, gitlab = (yaml.safe_load(text) for text in re.findall(r"```yml\n(.*?)```", readme, flags=re.DOTALL))
    steps = github["jobs"]["robustness"]["steps"]
    job = gitlab["robustness"]
    calls = [step["run"] for step in steps if "run" in step] + job["script"]
    for call in calls:
        if call.startswith("odd-assess"):
            _, command, *words = call.split()
            parameters = getattr(importlib.import_module(f"odd_assess.cli.{command}"), command).params
            options = {option for parameter in parameters for option in (*parameter.opts, *parameter.secondary_opts)}
            assert {word for word in words if word.startswith("--")} <= options
    kept = {"run", "run/results.sarif", "run/junit.xml"}
    always = [step for step in steps if step.get("if") == "always()"]
    assert {value for step in always for key, value in step["with"].items() if key in {"path", "sarif_file"}} <= kept
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["reports"]["junit"] in kept
    assert Path(job["artifacts"]["reports"]["junit"]).name == JUNIT
    assert Path(always[1]["with"]["sarif_file"]).name == SARIF
