import pytest

from odd_assess.cli.derive import CALIBRATED, KINDS
from odd_assess.derive import RECIPES, Recipe
from odd_assess.derive.recipes import CALIBRATED as LOOKING


@pytest.mark.parametrize(("kind", "amount"), [("fp16", 0.1), ("prune", None), ("prune", 0.0), ("prune", 1.0), ("fp8", None)])
def test_a_recipe_that_exists_is_valid(kind: str, amount: float | None) -> None:
    """An amount is for pruning alone, between none and all of the weights; a kind must be known."""
    with pytest.raises(ValueError, match=r"^(amount|kind) must"):
        Recipe(kind=kind, amount=amount)  # type: ignore[arg-type]


def test_the_command_names_the_recipes() -> None:
    """It keeps lists of its own, so that --help needs no torch."""
    assert KINDS == RECIPES
    assert CALIBRATED == LOOKING
