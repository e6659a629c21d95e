"""The names that others call exist, are listed, and are what they should be."""

import inspect

import odd_assess
import odd_assess.average_case
import odd_assess.certify
from odd_assess.average_case import estimate
from odd_assess.certify import ReducedPlan, SingleBatchPlan, certify


def test_public_names_are_importable() -> None:
    """Every name in __all__ can be used, and nothing else pretends to be public."""
    for name in odd_assess.__all__:
        assert getattr(odd_assess, name) is not None
    assert dir(odd_assess) == sorted(odd_assess.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """The lazy module answers like any other."""
    assert not hasattr(odd_assess, "asses")


def test_signatures_that_others_rely_on() -> None:
    """Calls written against the first release keep working."""
    assert list(inspect.signature(odd_assess.assess).parameters)[:4] == ["spec", "out", "resume", "progress"]
    assert list(inspect.signature(odd_assess.load_spec).parameters) == ["path"]
    assert list(inspect.signature(certify).parameters)[:5] == ["f", "inputs", "plan", "seed", "device"]
    assert list(inspect.signature(estimate).parameters)[:6] == ["logits_fn", "inputs", "sigma", "method", "samples", "seed"]
    assert ReducedPlan(n0=10, n=100, sigma=0.25, alpha=0.001).draws == 110
    assert SingleBatchPlan(n=100, sigma=0.25, alpha=0.001).draws == 100


def test_every_public_function_and_class_has_a_docstring() -> None:
    """A name that is exported says what it claims."""
    for module in (odd_assess.certify, odd_assess.average_case):
        for name, value in vars(module).items():
            if inspect.isfunction(value) or (inspect.isclass(value) and value.__module__.startswith("odd_assess")):
                assert value.__doc__, name
