"""From files to records: what a valid spec becomes, and that nothing of a wrong one is left unsaid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from odd_assess.errors import InputError, Problem, SpecError
from odd_assess.odd.attributes import Boolean, Categorical, Continuous, Empirical, Integer, LogUniform, Ordinal, TruncatedNormal
from odd_assess.odd.constraints import OneOf
from odd_assess.odd.ranges import Interval
from odd_assess.records import Budget, Execution, InputDeclaration, Realisation, ReferencePlan, SamplingPlan, Unrealisable
from odd_assess.spec import lint, load_criteria, load_spec

SURFACE = "    surface: {values: {clean: 0.8, stained: 0.2}, realise: {transform: stain}}"
STATEMENT = '    - {surface: stained, light: "< 50 lux"}'


def attribute(folder: Any, text: str) -> tuple[Any, Realisation]:
    """What an attribute becomes that stands in the place of `surface`."""
    spec = load_spec(folder.edit((SURFACE, f"    it: {text}"), ("surface: stained, ", "")).spec)
    return spec.domain.attributes[1], spec.realisations[1]


def test_a_spec_becomes_a_record_with_absolute_paths(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every section arrives, whatever the working folder; the digest is that of the bytes."""
    monkeypatch.chdir(folder.path)
    spec = load_spec("spec.yaml")
    assert (spec.id, spec.title, spec.taxonomy) == ("reader", "Reader", "none")
    assert spec.path == folder.spec
    assert spec.text == folder.spec.read_text(encoding="utf-8")
    assert spec.sha256 == __import__("hashlib").sha256(folder.spec.read_bytes()).hexdigest()
    assert spec.sampling == SamplingPlan(design="random", points=300, seed=1)
    assert spec.inputs == InputDeclaration(kind="digits", split="test")
    assert (spec.model.kind, spec.model.reference) == ("factory", "some_package.networks:network")
    assert spec.certification.budget == Budget(kind="reduced", n0=100, n=1000)
    assert spec.certification.reference == ReferencePlan(n=10_000, points=20)
    assert spec.unrealisable == (Unrealisable(attribute="temperature", declared="[-10 .. 40] C", reason="no transform models it"),)
    assert [criterion.id for file in spec.criteria for criterion in file.criteria] == ["CA", "COV"]
    assert spec.criteria[0].path == folder.criteria


def test_the_domain_holds_the_attributes_and_statements(folder: Any) -> None:
    """An attribute that is unrealisable is no part of the domain; a statement keeps its words and its place."""
    domain = load_spec(folder.spec).domain
    light, surface = domain.attributes
    assert light == Continuous(id="light", low=20, high=2000, unit="lux", distribution=LogUniform(), buckets=(20, 100, 2000))
    assert surface == Categorical(id="surface", labels=("clean", "stained"), weights=(0.8, 0.2))
    (statement,) = domain.exclude
    assert statement.conditions == {"surface": OneOf(values=("stained",)), "light": Interval(high=50, high_closed=False)}
    assert statement.text == "surface: stained, light: < 50 lux"
    assert statement.location is not None
    assert (statement.location.line, statement.location.column) == (14, 7)


def test_units_are_converted_to_the_attribute_and_on_to_the_transform(folder: Any) -> None:
    """Thresholds in the attribute's unit, a scale from there to the transform's. Rejects a loader that takes numbers as they stand."""
    edits = (
        ('"[20 .. 2000] lux"', '"[0.02 .. 2] klux"'),
        ("[20, 100, 2000]", '[0.02, "100 lux", 2]'),
        ("low_light}", "low_light, reference: 1 klux}"),
    )
    spec = load_spec(folder.edit(*edits).spec)
    light: Any = spec.domain.attributes[0]
    assert (light.low, light.high, light.unit, light.buckets) == (0.02, 2, "klux", (0.02, 0.1, 2))
    assert spec.domain.exclude[0].conditions["light"] == Interval(high=0.05, high_closed=False)
    assert spec.realisations[0] == Realisation(attribute="light", transform="low_light", scale=1000, parameters={"reference": 1000})


def test_kinds_of_attributes(folder: Any) -> None:
    """Each way to declare an attribute gives its kind."""
    numbers = folder.path / "numbers.csv"
    numbers.write_text("frame,angle\n1,-3\n2,4.5\n\n3,0\n", encoding="utf-8")
    texts = {
        '{range: "[-15 .. 15] deg", distribution: {normal: {mean: 0, std: 5 deg}}, realise: {transform: rotation}}': Continuous(
            id="it", low=-15, high=15, unit="deg", distribution=TruncatedNormal(mean=0, std=5)
        ),
        '{range: "[-15 .. 15] deg", distribution: {empirical: numbers.csv, column: angle}, realise: {transform: rotation}}': Continuous(
            id="it", low=-15, high=15, unit="deg", distribution=Empirical(values=(-3, 4.5, 0))
        ),
        '{range: "[20 .. 100]", type: integer, realise: {transform: jpeg}}': Integer(id="it", low=20, high=100),
        "{values: [none, some, much], ordered: true, realise: {transform: stain}}": Ordinal(
            id="it", labels=("none", "some", "much"), weights=(1 / 3, 1 / 3, 1 / 3)
        ),
        "{values: {true: 0.25, false: 0.75}, realise: {transform: stain}}": Boolean(id="it", probability=0.25),
        "{values: [0, 1], realise: {transform: stain}}": Categorical(id="it", labels=(0, 1), weights=(0.5, 0.5)),
    }
    original = folder.spec.read_text(encoding="utf-8")
    for text, expected in texts.items():
        folder.spec.write_text(original, encoding="utf-8")
        assert attribute(folder, text)[0] == expected, text


def test_labels_without_levels_run_from_neutral_to_typical(folder: Any) -> None:
    """The first label changes nothing, the last has the transform's typical value; of a yes/no attribute, false changes nothing."""
    original = folder.spec.read_text(encoding="utf-8")
    assert attribute(folder, "{values: [none, some, much], realise: {transform: stain}}")[1].levels == {
        "none": 0.0,
        "some": 0.075,
        "much": 0.15,
    }
    folder.spec.write_text(original, encoding="utf-8")
    assert attribute(folder, "{values: [true, false], realise: {transform: stain}}")[1].levels == {False: 0.0, True: 0.15}
    folder.spec.write_text(original, encoding="utf-8")
    levels = attribute(folder, "{values: [a, b], realise: {transform: stain, levels: {b: 5 %, a: 0}}}")[1].levels
    assert levels == {"a": 0.0, "b": 0.05}
    assert list(levels) == ["a", "b"]


def test_a_restrictive_domain_with_conditionals(folder: Any) -> None:
    """Include statements and if/then arrive as such."""
    restrictive = """odd:
  mode: restrictive
  include:
    - {light: ">= 0.1 klux"}
  when:
    - {if: {surface: stained}, then: {light: "[200 .. 500] lux"}}
"""
    edits = (("odd:\n", restrictive), (f"  exclude:\n{STATEMENT}\n", ""))
    domain = load_spec(folder.edit(*edits).spec).domain
    assert domain.mode == "restrictive"
    assert domain.include[0].conditions == {"light": Interval(low=100)}
    (rule,) = domain.conditionals
    assert rule.when.conditions == {"surface": OneOf(values=("stained",))}
    assert rule.then.conditions == {"light": Interval(low=200, high=500)}
    assert domain.contains({"light": 300.0, "surface": "stained"})
    assert not domain.contains({"light": 150.0, "surface": "stained"})


def test_inputs_become_declarations(folder: Any) -> None:
    """Paths are relative to the spec and come out absolute."""
    path = folder.path
    (path / "images").mkdir()
    for name in ("a.npz", "frames.csv"):
        (path / name).write_text("file,row,class,lux\n", encoding="utf-8")
    expected = {
        "{npz: a.npz, size: [32, 16]}": InputDeclaration(kind="npz", path=path / "a.npz", size=(32, 16)),
        "{folder: images}": InputDeclaration(kind="folder", path=path / "images"),
        "{torchvision: GTSRB, root: images}": InputDeclaration(kind="torchvision", reference="GTSRB", path=path / "images", split="test"),
        "{torchvision: GTSRB, root: later, split: train, download: true}": InputDeclaration(
            kind="torchvision", reference="GTSRB", path=path / "later", split="train", download=True
        ),
        "{table: frames.csv, images: file, label: class}": InputDeclaration(
            kind="table", path=path / "frames.csv", image_column="file", label_column="class"
        ),
        "{table: frames.csv, rows: row, arrays: a.npz, weights: frames}": InputDeclaration(
            kind="table", path=path / "frames.csv", row_column="row", arrays=path / "a.npz", weights="frames"
        ),
        "{callable: simulator.scene:render}": InputDeclaration(kind="callable", reference="simulator.scene:render"),
    }  # fmt: skip
    original = folder.spec.read_text(encoding="utf-8")
    for text, declaration in expected.items():
        folder.spec.write_text(original, encoding="utf-8")
        assert load_spec(folder.edit(("{dataset: digits}", text)).spec).inputs == declaration, text


def test_attributes_of_a_table_are_read_from_its_columns(folder: Any) -> None:
    """`column` takes the place of `realise`; the column must be there."""
    (folder.path / "frames.csv").write_text("file,class,dirt\n", encoding="utf-8")
    folder.edit(
        ("{dataset: digits}", "{table: frames.csv, images: file, label: class}"), ("realise: {transform: stain}", "column: dirt")
    )
    assert load_spec(folder.spec).realisations[1] == Realisation(attribute="surface", column="dirt")
    folder.edit(("column: dirt", "column: dirty"), ("label: class", "label: clas"))
    assert folder.problems() == [
        "spec.yaml:11:59: odd.attributes.surface.column: must be a column of the table: one of file, class, dirt, found the text 'dirty'; did you mean 'dirt'?",
        "spec.yaml:16:50: inputs.label: must be a column of the table: one of file, class, dirt, found the text 'clas'; did you mean 'class'?",
    ]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("{table: frames.csv, label: class}", "inputs: a table must have exactly one of the keys images and rows; found neither"),
        ("{table: frames.csv, images: file}", "inputs.label: is required beside images: the column of the true class"),
        (
            "{table: frames.csv, rows: file}",
            "inputs.arrays: is required beside rows: NumPy file with the array images that the row numbers point into",
        ),
        (
            "{table: frames.csv, images: file, label: class, arrays: a.npz}",
            "inputs.arrays: needs the key rows: the column of row numbers",
        ),
        ("{table: spec.yaml, images: file, label: class}", "inputs.table: must end in .csv or .parquet or .pq, found 'spec.yaml'"),
    ],
)
def test_tables_that_lack_something(folder: Any, inputs: str, message: str) -> None:
    """Each says what a table needs."""
    for name in ("frames.csv", "a.npz"):
        (folder.path / name).write_text("file,class\n", encoding="utf-8")
    assert any(message in problem for problem in folder.edit(("{dataset: digits}", inputs)).problems())


def test_frames_lie_where_they_lie(folder: Any) -> None:
    """Designs that place points freely cannot be used with a table."""
    (folder.path / "frames.csv").write_text("file,class\n", encoding="utf-8")
    edits = (("{dataset: digits}", "{table: frames.csv, images: file, label: class}"), ("design: random", "design: sobol"))
    assert folder.edit(*edits).problems() == [
        (
            "spec.yaml:15:20: sampling.design: sobol places points freely, but inputs from a table lie where they lie: "
            "use random, stratified, grid or pairwise"
        )
    ]


def test_a_renderer_takes_attributes_as_they_are(folder: Any) -> None:
    """With a callable neither realise nor column is needed; a transform may still be named."""
    folder.edit(("{dataset: digits}", "{callable: simulator:render}"), (", realise: {transform: stain}", ""))
    first, second = load_spec(folder.spec).realisations
    assert first.transform == "low_light"
    assert second == Realisation(attribute="surface")


def test_models_become_declarations(folder: Any) -> None:
    """Files come out absolute, arguments and normalisation as given."""
    for name in ("net.py", "w.safetensors", "m.onnx", "m.pt2"):
        (folder.path / name).touch()
    original = folder.spec.read_text(encoding="utf-8")

    def model(text: str) -> Any:
        folder.spec.write_text(original, encoding="utf-8")
        return load_spec(folder.edit(("architecture: some_package.networks:network", text)).spec).model

    made = model(
        "architecture: net.py:make\n  weights: w.safetensors\n  arguments: {classes: 43}\n  normalise: {mean: [0.5], std: [0.25]}"
    )
    assert made.reference == f"{folder.path / 'net.py'}:make"
    assert made.weights == folder.path / "w.safetensors"
    assert (made.arguments, made.mean, made.std) == ({"classes": 43}, (0.5,), (0.25,))
    made = model("architecture: torchvision:resnet18\n  weights: w.safetensors\n  expected_clean_accuracy: 0.9")
    assert (made.kind, made.reference, made.expected_clean_accuracy, made.clean_accuracy_tolerance) == (
        "torchvision",
        "resnet18",
        0.9,
        0.03,
    )
    assert (model("onnx: m.onnx").kind, model("exported: m.pt2").reference) == ("onnx", str(folder.path / "m.pt2"))


def test_whole_numbers_may_be_written_with_an_exponent(folder: Any) -> None:
    """1e5 draws are 100,000 draws; 1e-3 is a number."""
    plan = load_spec(folder.edit(("n: 10000", "n: 1e5"), ("alpha: 0.001", "alpha: 1e-3")).spec).certification
    assert plan.reference is not None
    assert (plan.reference.n, plan.alpha) == (100_000, 0.001)


@pytest.mark.parametrize("text", ["none", "~", ""])
def test_the_reference_can_be_none(folder: Any, text: str) -> None:
    """In words, as null, or empty."""
    assert load_spec(folder.edit(("{n: 10000, points: 20}", text)).spec).certification.reference is None


REDUCED = "{kind: reduced, n0: 100, n: 1000}"


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("{kind: fixed, n0: 50, n: 9999}", Budget(kind="fixed", n0=50, n=9999)),
        ("{kind: single_batch, n: 500}", Budget(kind="single_batch", n0=0, n=500)),
        ("{kind: sequential, max: 5000}", Budget(kind="sequential", n0=100, n=5000)),
        ("{kind: sequential, n0: 20, max: 5e3}", Budget(kind="sequential", n0=20, n=5000)),
        (
            "{kind: tolerance, radius_reduction: 0.2}",
            Budget(kind="tolerance", n0=100, n=9999, tolerance=0.2, pilot_points=50),
        ),
        (
            "{kind: tolerance, radius_reduction: 0.35, n0: 200, max: 4000, pilot_points: 30}",
            Budget(kind="tolerance", n0=200, n=4000, tolerance=0.35, pilot_points=30),
        ),
    ],
)
def test_budgets_become_records(folder: Any, text: str, budget: Budget) -> None:
    """Each kind with what it leaves out; the largest n that a tolerance may lead to stays below the reference's 10,000."""
    assert load_spec(folder.edit((REDUCED, text)).spec).certification.budget == budget


@pytest.mark.parametrize(
    ("reference", "most"), [("none", 100_000), ("{n: 100000, points: 20}", 99_999), ("{n: 1e6, points: 20}", 100_000)]
)
def test_a_tolerance_leads_to_no_more_than_the_budget_of_the_literature(folder: Any, reference: str, most: int) -> None:
    """100,000 draws, or one less than a reference of as many."""
    folder.edit((REDUCED, "{kind: tolerance, radius_reduction: 0.2}"), ("{n: 10000, points: 20}", reference))
    assert load_spec(folder.spec).certification.budget.n == most


def test_points_can_be_drawn_until_the_verdict_is_decided(folder: Any) -> None:
    """`max_points` takes the place of `points`; said or not, `until_decided: false` changes nothing."""
    original = folder.spec.read_text(encoding="utf-8")
    spec = load_spec(folder.edit(("points: 300", "until_decided: true, max_points: 2e3")).spec)
    assert spec.sampling == SamplingPlan(design="random", points=2000, seed=1, until_decided=True)
    folder.spec.write_text(original, encoding="utf-8")
    spec = load_spec(folder.edit(("points: 300", "points: 300, until_decided: false")).spec)
    assert spec.sampling == SamplingPlan(design="random", points=300, seed=1, until_decided=False)


@pytest.mark.parametrize(
    ("line", "word"), [("", "refuse"), ("unattainable: refuse\n", "refuse"), ("unattainable: accept\n", "accept")]
)
def test_what_becomes_of_an_unattainable_criterion_is_said_in_the_spec(folder: Any, line: str, word: str) -> None:
    """It is refused unless the spec accepts it."""
    folder.spec.write_text(folder.spec.read_text(encoding="utf-8") + line, encoding="utf-8")
    assert load_spec(folder.spec).unattainable == word


@pytest.mark.parametrize(
    ("line", "execution"),
    [
        ("", Execution()),
        ("execution: {engine: local}\n", Execution()),
        ("execution: {engine: ray}\n", Execution(engine="ray")),
        (
            'execution: {engine: ray, address: "10.0.0.1:6379", workers: 4, cpus_per_worker: 2, gpus_per_worker: 0.5}\n',
            Execution(engine="ray", address="10.0.0.1:6379", workers=4, cpus_per_worker=2, gpus_per_worker=0.5),
        ),
    ],
)
def test_who_does_the_work_is_said_in_the_spec(folder: Any, line: str, execution: Execution) -> None:
    """One process unless the spec says otherwise."""
    folder.spec.write_text(folder.spec.read_text(encoding="utf-8") + line, encoding="utf-8")
    assert load_spec(folder.spec).execution == execution


def test_all_problems_of_a_file_come_at_once_in_file_order(folder: Any) -> None:
    """A mistake in one section hides none in another, not even those between sections that are valid. The heart of this room."""
    edits = (
        ("title: Reader", "titel: Reader"),
        ("loguniform", "log"),
        ("transform: stain", "transform: stains"),
        ("surface: stained", "surfaces: stained"),
        ("design: random", "design: radnom"),
        ("{dataset: digits}", "{npz: none.npz}"),
        ("networks:network", "networks"),
        ("n: 1000}", "n: 9}"),
    )
    folder.edit(*edits).edit(("certified_accuracy", "accuracy"), file="criteria.yaml")
    found = lint(folder.spec)
    assert [(problem.location.path.name, problem.location.line, problem.key) for problem in found] == [
        ("criteria.yaml", 5, "criteria[0].metric"),
        ("spec.yaml", 1, "title"),
        ("spec.yaml", 3, "titel"),
        ("spec.yaml", 8, "odd.attributes.light.distribution"),
        ("spec.yaml", 11, "odd.attributes.surface.realise.transform"),
        ("spec.yaml", 14, "odd.exclude[0].surfaces"),
        ("spec.yaml", 15, "sampling.design"),
        ("spec.yaml", 16, "inputs.npz"),
        ("spec.yaml", 18, "model.architecture"),
        ("spec.yaml", 22, "certification.budget.n"),
    ]
    with pytest.raises(SpecError) as caught:
        load_spec(folder.spec)
    assert caught.value.problems == found
    assert str(caught.value).splitlines() == [str(problem) for problem in found]
    assert isinstance(caught.value, InputError)
    assert caught.value.exit_status == 2


def test_criteria_become_records(folder: Any) -> None:
    """Comparator and number apart, percent as a fraction, the place kept for findings."""
    file = load_criteria(folder.criteria)
    first, second = file.criteria
    assert (file.id, file.title, len(file.sha256)) == ("mine", "mine", 64)
    assert (first.comparator, first.required, first.radius, first.confidence, first.severity) == (">=", 0.8, 0.25, 0.95, "blocking")
    assert first.title == "Certified accuracy at radius 0.25"
    assert (second.required, second.severity) == (0.95, "warning")
    assert (first.location.path, first.location.line) == (folder.criteria, 4)  # type: ignore[union-attr]


def test_a_radius_quantile_becomes_a_record(folder: Any) -> None:
    """The share that may fall short is kept beside the required radius, and the title says both in words."""
    folder.edit(("certified_accuracy\n    radius: 0.25", "radius_quantile\n    quantile: 0.07"), file="criteria.yaml")
    first, second = load_criteria(folder.criteria).criteria
    assert (first.metric, first.quantile, first.required, first.radius) == ("radius_quantile", 0.07, 0.8, None)
    assert first.title == "Certified radius of all but the worst 7 % of the ODD"
    assert second.quantile is None


def test_ids_are_unique_over_all_criteria_files(folder: Any) -> None:
    """The second file names the first."""
    text = folder.criteria.read_text(encoding="utf-8").replace("id: COV", "id: COV2")
    (folder.path / "more.yaml").write_text(text, encoding="utf-8")
    assert folder.edit(("[criteria.yaml]", "[criteria.yaml, more.yaml]")).problems() == [
        "more.yaml:4:9: criteria[0].id: 'CA' names another criterion at criteria.yaml:4:9: ids must be unique over all criteria files"
    ]


def test_a_verdict_needs_a_blocking_criterion(folder: Any) -> None:
    """Criteria that are all warnings would make every model pass."""
    folder.edit(("confidence: 0.95", "confidence: 0.95\n    severity: info"), file="criteria.yaml")
    assert folder.problems() == [
        "spec.yaml:24:1: criteria: must hold at least one criterion of severity blocking: without one there is no verdict"
    ]


def test_a_radius_above_the_cap_names_the_draws_that_would_do(folder: Any) -> None:
    """With 1000 draws no certificate at sigma 0.25 exceeds 0.25 * 2.4633 (statistics, section 1); 3 is out of reach of any budget."""
    folder.edit(("radius: 0.25", "radius: 0.62"), file="criteria.yaml")
    assert folder.problems() == [
        (
            "spec.yaml:22:39: certification.budget.n: n = 1000 draws cannot certify more than 0.6158 at sigma = 0.25 and alpha = 0.001, "
            "but criterion CA (criteria.yaml:4:9) asks for a radius of 0.62: n = 1049 is the smallest that can, or ask for a smaller radius"
        )
    ]
    folder.edit(("radius: 0.62", "radius: 3"), file="criteria.yaml")
    assert folder.problems()[0].endswith("no feasible number of draws can: ask for a smaller radius, or use a larger sigma")
    folder.edit(("radius: 3", "radius: 0.6157"), file="criteria.yaml")
    assert folder.problems() == []


def test_a_mean_radius_above_the_cap_is_refused_too(folder: Any) -> None:
    """A mean of radii cannot exceed the largest of them."""
    folder.edit(("certified_accuracy\n    radius: 0.25", "mean_certified_radius"), ('">= 0.80"', '">= 0.63"'), file="criteria.yaml")
    (problem,) = folder.problems()
    assert "criterion CA (criteria.yaml:4:9) asks for a mean radius of 0.63" in problem


def test_single_batch_bounds_at_half_of_alpha(folder: Any) -> None:
    """0.6157 is within the cap of 1000 draws at alpha, not at alpha / 2."""
    folder.edit(("radius: 0.25", "radius: 0.6157"), file="criteria.yaml")
    (problem,) = folder.edit(("{kind: reduced, n0: 100, n: 1000}", "{kind: single_batch, n: 1000}")).problems()
    assert "cannot certify more than 0.6072" in problem


def test_the_wrong_kind_of_file_is_named(folder: Any) -> None:
    """A spec read as criteria, criteria read as a spec; lint takes either for what it is."""
    with pytest.raises(SpecError, match=r"criteria.yaml:1:1: this is a criteria file; a spec starts with odd_assess: 1$"):
        load_spec(folder.criteria)
    with pytest.raises(SpecError, match=r"spec.yaml:1:1: this is a spec; a criteria file starts with odd_assess_criteria: 1$"):
        load_criteria(folder.spec)
    assert lint(folder.criteria) == lint(folder.spec) == ()


def test_missing_files_are_problems(tmp_path: Path) -> None:
    """Nothing but SpecError, and the path in it."""
    with pytest.raises(SpecError, match=r"none\.yaml:1:1: the file cannot be read: no such file or directory") as caught:
        load_spec(tmp_path / "none.yaml")
    assert isinstance(caught.value.problems[0], Problem)
