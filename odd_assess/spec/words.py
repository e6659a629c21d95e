"""The words of messages: what was found, what was perhaps meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

LONGEST_QUOTE = 60

_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(,[0-9]{3})+")
_LEADING_ZERO = re.compile(r"0[0-9]+")


def shown(value: object) -> str:
    """What a file holds at a place, in words: ``the number 5``, ``the text 'x'``, ``nothing``, ``a list``.

    >>> shown(True), shown(5), shown("x"), shown(None), shown([1])
    ('true', 'the number 5', "the text 'x'", 'nothing', 'a list')
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {shortened(f'{value:g}' if isinstance(value, float) else str(value))}"
    if isinstance(value, str):
        return f"the text {shortened(repr(value))}"
    return "a list" if isinstance(value, list) else "a mapping"


def shortened(text: str) -> str:
    """A text, cut in the middle where it is too long to quote."""
    half = LONGEST_QUOTE // 2
    return text if len(text) <= LONGEST_QUOTE else f"{text[:half]} ... {text[-half:]}"


def listed(words: Iterable[object]) -> str:
    """Words in one line: ``a, b, c``."""
    return ", ".join(str(word) for word in words)


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` where a known word is near, else an empty text.

    >>> did_you_mean("radnom", ["random", "sobol"])
    "; did you mean 'random'?"
    """
    near = get_close_matches(str(word), list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def one_of(word: object, known: Iterable[str]) -> str:
    """The message for a word that is not one of the known words."""
    words = list(known)
    if len(words) == 1:
        return f"must be {words[0]}, found {shown(word)}"
    return f"must be one of {listed(words)}, found {shown(word)}{did_you_mean(word, words)}"


def numbers_meant(text: str, *, whole: bool = False) -> str:
    """``: write 0.25`` for a text that is a number in another notation, else an empty text. ``whole``: only whole numbers are of use.

    >>> numbers_meant("0,25"), numbers_meant("1,000"), numbers_meant("025"), numbers_meant("1,000", whole=True)
    (': write 0.25', ': write 1000 or 1.0', ': write 25 or 0.25', ': write 1000')
    """
    sign, bare = re.fullmatch(r"([-+]?)(.*)", re.sub(r"[_\s]", "", text), re.DOTALL).groups()  # type: ignore[union-attr]
    meant: list[str] = []
    if _LEADING_ZERO.fullmatch(bare):
        meant = [bare.lstrip("0"), f"0.{bare[1:]}"] if bare.strip("0") else ["0"]
    elif _THOUSANDS.fullmatch(bare):
        meant = [bare.replace(",", "")]
        if bare.count(",") == 1:
            meant.append(str(float(bare.replace(",", "."))))
    elif re.fullmatch(r"[0-9]+,[0-9]+", bare):
        meant = [bare.replace(",", ".")]
    elif re.fullmatch(r"[1-9][0-9]{0,2}(,[0-9]{3})+\.[0-9]+", bare):
        meant = [bare.replace(",", "")]
    elif re.fullmatch(r"[1-9][0-9]{0,2}(\.[0-9]{3})+,[0-9]+", bare):
        meant = [bare.replace(".", "").replace(",", ".")]
    elif re.fullmatch(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", bare):
        meant = [bare]
    useful = [shortened(sign + number) for number in meant if not whole or number.isdigit()]
    return f": write {' or '.join(useful)}" if useful else ""


def label_words(label: object) -> str:
    """A label as a file would write it: true and false in small letters."""
    return str(label).lower() if isinstance(label, bool) else str(label)
