"""The manual names every key, and every word that a key takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from odd_assess.spec import json_schema


def keys_and_words(node: Any) -> set[str]:
    """The names of the properties of a JSON Schema and the words that it enumerates."""
    if isinstance(node, list):
        return set().union(*(keys_and_words(item) for item in node))
    if not isinstance(node, dict):
        return set()
    words = [*node.get("enum", ()), node.get("const")] if not isinstance(node.get("properties"), dict) else []
    own = {*node.get("properties", ()), *(word for word in words if isinstance(word, str))}
    return own.union(*(keys_and_words(item) for key, item in node.items() if key not in ("enum", "examples")))


@pytest.mark.parametrize("kind", ["spec", "criteria", "training"])
def test_every_key_and_word_is_documented(kind: Any, repository: Path) -> None:
    """What the schema offers an editor stands in the README as code: in backticks or in an example."""
    readme = (repository / "README.md").read_text(encoding="utf-8")
    code = " ".join(re.findall(r"```yaml\n.*?```|`[^`\n]+`", readme, flags=re.DOTALL))
    words = keys_and_words(json_schema(kind))
    some = {
        "spec": {"until_decided", "max", "pilot_points", "sequential", "loguniform"},
        "criteria": {"metric", "quantile", "holm"},
        "training": {"smoothadv", "search_draws", "one_cycle", "odd_share", "loguniform"},
    }
    assert some[kind] <= words
    assert {word for word in words if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", code)} == set()
