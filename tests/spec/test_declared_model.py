"""A model declared by a file of its own, as `odd-assess derive` writes it, or by a whole spec."""

from pathlib import Path

import pytest

from odd_assess.errors import SpecError
from odd_assess.examples.digits import WEIGHTS
from odd_assess.spec import declared_model


def test_the_section_alone_is_enough_and_its_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """Other sections, sound or not, are not looked at."""
    (tmp_path / "weights.safetensors").write_bytes(WEIGHTS.read_bytes())
    path = tmp_path / "model.yaml"
    for rest in ("", "odd: nonsense\n"):
        path.write_text(
            rest
            + "model: {architecture: torchvision:resnet18, weights: weights.safetensors, precision: int8, normalise: {mean: [0.5], std: [2]}}\n"
        )
        made = declared_model(path)
        assert (made.weights, made.precision, made.mean, made.std) == (tmp_path / "weights.safetensors", "int8", (0.5,), (2.0,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("odd_assess: 1\n", "model.yaml:1:1: must have the section model"),
        ("- 1\n", "model.yaml:1:1: must have the section model"),
        ("model: {architecture: 'torchvision:resnet18'}\n", "model.weights: is required"),
        ("model: {onnx: absent.onnx}\n", "model.onnx: must name an existing file"),
        ("model: {architecture: 'a.b:c', precision: int4}\n", "model.precision: must be one of"),
        ("model: [\n", "model.yaml:"),
    ],
)
def test_problems_of_the_section_have_their_place(text: str, message: str, tmp_path: Path) -> None:
    """One error, as lint would say it."""
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as refused:
        declared_model(path)
    assert message in str(refused.value)
