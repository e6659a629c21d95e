"""A YAML file as plain data, with the place of every key and value in it.

Decision, 2026-11-20: PyYAML composes the nodes (they carry line and column), and this module resolves the scalars by YAML 1.2's core schema,
because YAML 1.1 reads ``1e-3`` as a text, ``1:30`` as 90 and ``no`` as false. Plain ``yes``, ``no``, ``on`` and ``off`` are refused: half of the
world's readers take them for booleans, so the file must say which it means. Whole numbers with a leading zero are refused too: YAML 1.1 reads
them as octal, and 025 may be what is left of 0,25.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from odd_assess.errors import Location, Problem
from odd_assess.records import SourceFile
from odd_assess.spec.words import numbers_meant, shortened

Key = str | int | float | bool
KeyPath = tuple[Key, ...]
"""Where a value stands: keys of mappings and indices of lists, from the top of the file."""

MOST_VALUES = 100_000  # a file of anchors within anchors can unfold without end
LONGEST_NUMBER = 400  # more digits are no number of this world (and Python refuses to read 4,301 of them)

_TAG = "tag:yaml.org,2002:"
_CORE = (
    ("null", re.compile(r"null|Null|NULL|~|")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("int", re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")),
)
_SCALARS = ("str", *(name for name, _ in _CORE))
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_TRAP = re.compile(r"yes|no|on|off", re.IGNORECASE)


@dataclass(slots=True, kw_only=True)
class Document:
    """One file: its text, its plain data, the places in it, and the problems found in it so far.

    ``others``: the files that it names and that were read for it. ``kept``: those of a run that is over, by kind and name; then nothing else is looked for on
    this machine, and the files and folders that are only named are taken to be there.
    """

    path: Path
    text: str = ""
    sha256: str = ""
    raw: bytes = b""
    others: list[SourceFile] = field(default_factory=list)
    kept: Mapping[tuple[str, str], SourceFile] | None = None
    data: Any = None
    problems: list[Problem] = field(default_factory=list)
    _values: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    _keys: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    _spoilt: set[KeyPath] = field(default_factory=set)

    def location(self, path: KeyPath, *, at: Literal["key", "value"] = "value") -> Location:
        """The place of a key or value; for one that is missing, the place of what should hold it."""
        places = self._keys if at == "key" else self._values
        while path and path not in places:
            path = path[:-1]
            places = self._keys if path in self._keys else self._values
        line, column = places.get(path, (1, 1))
        return Location(path=self.path, line=line, column=column)

    def add(self, path: KeyPath, message: str, *, at: Literal["key", "value"] = "value") -> None:
        """Note one problem; one that follows from a value already refused is not noted."""
        if not any(path[:length] in self._spoilt for length in range(len(path) + 1)):
            self.problems.append(Problem(location=self.location(path, at=at), key=dotted(path), message=message))

    def spoil(self, path: KeyPath, message: str, *, at: Literal["key", "value"] = "value") -> None:
        """Note one problem and say no more about what stands at this path."""
        self.add(path, message, at=at)
        self._spoilt.add(path)

    def place(self, path: KeyPath, *, key: yaml.Mark | None = None, value: yaml.Mark | None = None) -> None:
        """Remember where the key and the value of a path stand."""
        for places, mark in ((self._keys, key), (self._values, value)):
            if mark is not None:
                places.setdefault(path, (mark.line + 1, mark.column + 1))


def dotted(path: Sequence[Key]) -> str:
    """A path as people write it.

    >>> dotted(("odd", "exclude", 0, "surface"))
    'odd.exclude[0].surface'
    """
    text = ""
    for step in path:
        word = str(step).lower() if isinstance(step, bool) else str(step)
        text += f"[{word}]" if isinstance(step, int) and not isinstance(step, bool) else f".{word}"
    return text.lstrip(".")


def read_document(path: Path) -> Document:
    """Read a YAML file. What cannot be read is a problem of the document, never an exception."""
    document = Document(path=path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        document.add((), f"the file cannot be read: {(error.strerror or type(error).__name__).lower()}")
        return document
    except ValueError:
        document.add((), "the file cannot be read: its name is no name of a file")
        return document
    return document_of(path, raw)


def document_of(path: Path, raw: bytes) -> Document:
    """The document that these bytes are; ``path`` is what they are called in messages."""
    document = Document(path=path, raw=raw, sha256=hashlib.sha256(raw).hexdigest())
    try:
        document.text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        _add_at(document, *_line_and_column(before), "must be UTF-8 text: save the file in that encoding")
        return document
    _fill(document)
    return document


def _fill(document: Document) -> None:
    try:
        root = _Loader(document.text).get_single_node()
        if root is None:
            document.add((), "the file is empty")
            return
        document.data = _Unfolding(document).value(root, ())
    except yaml.MarkedYAMLError as error:
        unclosed = error.context_mark is not None and re.search("<stream end>|unexpected end of stream", str(error.problem))
        mark = error.context_mark if unclosed else error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = "quoted text" if "quoted scalar" in str(error.context) else "list or mapping"
        message = f"the {what} that starts here is not closed" if unclosed else _syntax_message(error, document.text, line)
        _add_at(document, line, column, message)
    except ReaderError as error:
        line, column = _line_and_column(document.text[: error.position])
        _add_at(document, line, column, f"the character U+{error.character:04X} cannot stand in a YAML file: delete it")
    except _TooLargeError as error:
        document.data = None
        _add_at(document, *error.place, str(error))
    except RecursionError:
        document.data = None
        document.add((), "lists and mappings are nested too deeply to be read")


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML up to the nodes, with the scalars of YAML 1.2's core schema."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:
        """The tag of a node that carries none: plain scalars by their look, quoted ones are text."""
        if kind is not ScalarNode:
            return _TAG + ("seq" if kind is SequenceNode else "map")
        if not implicit[0]:
            return _TAG + "str"
        return _TAG + next((name for name, look in _CORE if look.fullmatch(value)), "str")


class _TooLargeError(Exception):
    """A document that unfolds into more than can be meant, and where."""

    def __init__(self, message: str, mark: yaml.Mark) -> None:
        super().__init__(message)
        self.place = (mark.line + 1, mark.column + 1)


class _Unfolding:
    """Turns composed nodes into plain data and notes where everything stands."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.count = 0
        self.open: set[int] = set()

    def value(self, node: Node, path: KeyPath) -> Any:
        """The plain data of one node."""
        self.document.place(path, value=node.start_mark)
        self.count += 1
        if self.count > MOST_VALUES:
            raise _TooLargeError(
                f"the file unfolds into more than {MOST_VALUES:,} values: it must not be so large", node.start_mark
            )
        if isinstance(node, ScalarNode):
            return self.scalar(node, path)
        if id(node) in self.open:
            raise _TooLargeError("an anchor (&) must not contain an alias (*) to itself", node.start_mark)
        self.open.add(id(node))
        try:
            if node.tag not in (f"{_TAG}map", f"{_TAG}seq"):
                self.document.spoil(path, f"tags such as {_tag_shown(node.tag)!r} are not used here: delete it")
            if isinstance(node, MappingNode):
                return self.mapping(node, path)
            assert isinstance(node, SequenceNode)
            return self.sequence(node, path)
        finally:
            self.open.discard(id(node))

    def sequence(self, node: SequenceNode, path: KeyPath) -> list[Any]:
        """The list of a sequence node."""
        for numbers in _split_at_commas([(item, item) for item in node.value]) if node.flow_style else ():
            zero = next((i for i, number in enumerate(numbers) if i and _is_leading_zero(number)), None)
            if zero is not None:  # [1,500] may well be two numbers, [1,000] is not
                split = [numbers[zero - 1], *takewhile(_is_leading_zero, numbers[zero:])]
                message = (
                    f"must not hold {shortened(split[1].value)}, with a leading zero: a comma inside a number?{_joined(split)[1:]}"
                )
                self.document.spoil(path, message)
        return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]

    def mapping(self, node: MappingNode, path: KeyPath) -> dict[Key, Any]:
        """The dict of a mapping node; of a key that stands twice the first counts."""
        data: dict[Key, Any] = {}
        lines: dict[Key, int] = {}
        splits = _split_at_commas(node.value) if node.flow_style else []
        split_by = {id(split[0]): split for split in splits if _joined(split)}
        parts = {id(part) for split in split_by.values() for part in split[1:]}
        for key_node, value_node in node.value:
            if id(key_node) in parts:
                continue
            key = self.key(key_node, path)
            if key is None:
                continue
            inner = (*path, key)
            if key in data:
                message = f"the key {key!r} stands here twice, first in line {lines[key]}: delete one of them"
                _add_at(self.document, key_node.start_mark.line + 1, key_node.start_mark.column + 1, message, key=dotted(inner))
                continue
            lines[key] = key_node.start_mark.line + 1
            self.document.place(inner, key=key_node.start_mark)
            if isinstance(key, str) and _is_trap(key_node):
                self.document.spoil(inner, _trap_message(key), at="key")
            if id(value_node) in split_by:
                number, *rest = split_by[id(value_node)]
                self.document.place(inner, value=number.start_mark)
                meant = _joined([number, *rest])[1:]
                message = f"keys must be texts, found the number {shortened(rest[0].value)}: a comma inside a number?{meant}"
                self.document.spoil(inner, message)
            data[key] = self.value(value_node, inner)
        return data

    def key(self, node: Node, path: KeyPath) -> Key | None:
        """The key that a node stands for, or None (and a problem) where it cannot be one."""
        mark = node.start_mark
        if isinstance(node, ScalarNode) and not (node.style is None and node.value == "<<"):
            if _is_leading_zero(node):
                _add_at(self.document, mark.line + 1, mark.column + 1, _zero_message(node.value), key=dotted(path))
            value = _constructed(node)
            if isinstance(value, str | int | float) and value == value:  # noqa: PLR0124 - NaN cannot be a key
                return value
            message = f"a key must be a word or a number, found {shortened(repr(node.value))}"
        elif isinstance(node, ScalarNode):
            message = "the merge key << is not part of YAML 1.2: write the keys out"
        else:
            message = "a key must be a word or a number, found a list or a mapping; is a text in { } missing its quotes?"
        _add_at(self.document, mark.line + 1, mark.column + 1, message, key=dotted(path))
        return None

    def scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        """The text, number, boolean or None of a scalar node."""
        if _is_trap(node):
            self.document.spoil(path, _trap_message(node.value))
            return node.value
        if node.tag.removeprefix(_TAG) not in _SCALARS:
            self.document.spoil(path, f"tags such as {_tag_shown(node.tag)!r} are not used here: delete it")
            return node.value
        value = _constructed(node)
        if value is _UNREADABLE:
            self.document.spoil(path, f"{shortened(repr(node.value))} cannot be read as {_tag_shown(node.tag)}")
            return None
        if _is_leading_zero(node):
            self.document.spoil(path, _zero_message(node.value))
        return value


def _split_at_commas(pairs: list[tuple[Node, Node]]) -> list[list[ScalarNode]]:
    """The numbers that commas without a space tear apart in { } or [ ]: of ``{n: 1,000}`` the value 1 and the key 000, which has no value."""
    splits: list[list[ScalarNode]] = []
    last: Node | None = None
    for key, value in pairs:
        follows = last is not None and key.start_mark.index == last.end_mark.index + 1 and _is_digits(key)
        if follows and splits and (value is key or (isinstance(value, ScalarNode) and value.style is None and not value.value)):
            assert isinstance(key, ScalarNode)
            splits[-1].append(key)
            last = key
        elif isinstance(value, ScalarNode) and _is_digits(value):
            splits.append([value])
            last = value
        else:
            last = None
    return [split for split in splits if len(split) > 1]


def _joined(split: list[ScalarNode]) -> str:
    """What the parts of a number may mean, as the end of a message."""
    return numbers_meant(",".join(part.value for part in split))


def _is_digits(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.style is None and bool(re.fullmatch(r"[-+]?[0-9]+", node.value))


def _is_leading_zero(node: ScalarNode) -> bool:
    return node.style is None and node.tag == _TAG + "int" and bool(_LEADING_ZERO.fullmatch(node.value))


def _zero_message(text: str) -> str:
    return f"{shortened(text)} has a leading zero, which some programs read as octal{numbers_meant(text)}; a text must be in quotes"


_UNREADABLE = object()


def _constructed(node: ScalarNode) -> Any:
    kind, text = node.tag.removeprefix(_TAG), node.value
    try:
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind == "int" and len(text) <= LONGEST_NUMBER:
            return int(text, 0) if text.startswith(("0x", "0o")) else int(text, 10)
        if kind == "float":
            lowered = text.lower().lstrip("+")
            return float(lowered.replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        pass
    return _UNREADABLE


def _is_trap(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.style is None and node.tag == _TAG + "str" and bool(_TRAP.fullmatch(node.value))


def _trap_message(word: str) -> str:
    meant = "true" if word.lower() in ("yes", "on") else "false"
    return f"plain {word} is read as a boolean by some programs and as a text by others: write '{word}' in quotes, or {meant}"


def _tag_shown(tag: str) -> str:
    return shortened(tag.replace(_TAG, "!!"))


def _add_at(document: Document, line: int, column: int, message: str, *, key: str = "") -> None:
    document.problems.append(Problem(location=Location(path=document.path, line=line, column=column), key=key, message=message))


def _line_and_column(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _syntax_message(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    """What PyYAML found wrong, and the usual reason for it where the line shows one."""
    problem = re.sub(r"\s+", " ", error.problem or error.context or "the text is not YAML")
    lines = text.splitlines()
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    if re.search(r"\\t", problem) or re.match(r" *\t", here):
        return "tabs must not indent YAML: use spaces"
    if re.search(r"[:\-]\s+[|>]\s*[=<>\d]", here):
        return 'a text that starts with > must be in quotes, for example ">= 0.80"'
    if re.search(r"[:\-]\s+\[[^\]]*\]\s*[^\s,\]}#]", here):
        return 'a text that starts with [ must be in quotes, for example "[20 .. 2000] lux"'
    if "undefined alias" in problem:
        return f"{problem}: an alias (*) must stand after its anchor (&); a text that starts with * must be in quotes"
    if "but found another document" in problem:
        return "the file must hold one document: delete the line '---' here"
    if "cannot start any token" in problem:
        return f"{problem}: a text that starts with it must be in quotes"
    if "mapping values are not allowed here" in problem:
        return "a colon is not allowed here: check the indentation, and put a text that contains ': ' in quotes"
    return f"the text is not YAML: {problem}{_syntax_hint(error, problem)}"


def _syntax_hint(error: yaml.MarkedYAMLError, problem: str) -> str:
    """What to look at, for the mistakes that PyYAML names in words of its own."""
    if re.search(r"expected <block end>, but found '(<block (mapping|sequence) start>|\?|-)'", problem):
        return ": check the indentation of this line"
    if "expected <block end>, but found '<scalar>'" in problem:
        return ": check the quotes here and in the lines above; one is missing, or there is one too many"
    if re.search(r"but found '[\]}]'", problem):
        return ": this bracket closes nothing; delete it, or write the one that opens"
    if (missing := re.search(r"expected ',' or '([\]}])'", problem)) and error.context_mark is not None:
        start = error.context_mark.line + 1
        return f": a comma or the closing {missing[1]} of what starts in line {start} is missing, or a text needs quotes"
    if "could not find expected ':'" in problem:
        return ": a key is followed by a colon; check the indentation and the quotes in the lines above"
    if "unknown escape character" in problem:
        return ": put the text in single quotes, or write the backslash twice"
    return ""
