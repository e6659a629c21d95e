"""The colours of the report: named once, used by the charts, the style sheet and the small marks in tables.

Decision (2026-11-20): blue for this run, orange for the reference, vermilion for what fails; chosen so that the pairs stay apart for readers with
protan, deutan and tritan vision and in grey print. No meaning rests on colour alone: each state has a word and a shape, each curve a label.

Charts are drawn with the light values. For the screen they are then replaced by CSS variables, which dark mode redefines; paper keeps the light values.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "page": "#ffffff",
        "panel": "#f4f5f7",
        "ink": "#16191d",
        "muted": "#59616b",
        "rule": "#d3d7dc",
        "hatch": "#b3b9c1",
        "run": "#0b5fa5",
        "run-soft": "#c5dbee",
        "reference": "#b8500b",
        "met": "#0b6e5b",
        "not-met": "#b3261e",
        "inconclusive": "#7a5b00",
        "certified": "#8dbbe2",
        "undecided": "#e4e6ea",
        "refuted": "#e9ad9c",
        "heat-1": "#fbeae5",
        "heat-2": "#f6d3c9",
        "heat-3": "#f0b9aa",
        "heat-4": "#e89f8c",
    }
)
"""Hex values on white paper; every one differs, so that a value names its colour."""

DARK: Mapping[str, str] = MappingProxyType(
    {
        "page": "#15181b",
        "panel": "#1e2226",
        "ink": "#e7e9ec",
        "muted": "#a5adb7",
        "rule": "#3b424a",
        "hatch": "#6a737e",
        "run": "#74b6f3",
        "run-soft": "#23445f",
        "reference": "#f0a45f",
        "met": "#5ccab0",
        "not-met": "#ff8d75",
        "inconclusive": "#e2bd5a",
        "certified": "#33699a",
        "undecided": "#3f464e",
        "refuted": "#8d4838",
        "heat-1": "#2c201f",
        "heat-2": "#432823",
        "heat-3": "#5c3127",
        "heat-4": "#783b2d",
    }
)
"""The same names on a dark screen."""


def variables(colours: Mapping[str, str]) -> str:
    """The colours as CSS custom properties: ``--ink: #16191d; ...``."""
    return " ".join(f"--{name}: {value};" for name, value in colours.items())


def for_screen(svg: str) -> str:
    """A drawing in the light colours, with each of them replaced by its CSS variable."""
    for name, value in LIGHT.items():
        svg = svg.replace(value, f"var(--{name})")
    return svg
