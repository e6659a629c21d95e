"""Text as a page can hold and a reader can trust it, whatever names the users chose.

Characters that no page can hold (controls, halves of surrogate pairs) become the replacement character. So do those that turn the reading direction: a class
name could use them to show the number behind it backwards. Names in right-to-left scripts need none of them; each is set apart, so that it
turns nothing but itself.
"""

from __future__ import annotations

import re

_UNFIT = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0001fffd\U00020000-\U0010fffd]"
)
_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_RUN = re.compile(f"[{_RIGHT_TO_LEFT}](?:[ \u00a0\u0300-\u036f]*[{_RIGHT_TO_LEFT}])*")
_APART, _END = "\u2068", "\u2069"


def fit(text: str) -> str:
    """The text with the replacement character for each that a page cannot hold or that turns the reading direction.

    >>> fit("a" + chr(0) + chr(0x202E) + "12") == "a" + chr(0xFFFD) + chr(0xFFFD) + "12"
    True
    """
    return _UNFIT.sub("\ufffd", text)


def legible(text: str) -> str:
    """The fit text with every right-to-left run set apart (U+2068 to U+2069).

    >>> legible("\N{HEBREW LETTER ALEF}12") == "\N{FIRST STRONG ISOLATE}\N{HEBREW LETTER ALEF}\N{POP DIRECTIONAL ISOLATE}12"
    True
    """
    return _RUN.sub(rf"{_APART}\g<0>{_END}", fit(text))
