"""YAML text to a tree with positions: numbers and words as people write them, and nothing that could do harm."""

import math
import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

from bnexp.config.mistakes import ConfigError, Mark, Mistake, Mistakes, Source
from bnexp.config.tree import MAX_DEPTH, MAX_NODES, Node
from bnexp.errors import UserError
from bnexp.specs.wording import nearest

MAX_BYTES = 1_000_000
MAX_WRITTEN = 50_000
"""Values written in one file: what PyYAML reads in a few seconds."""

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_CONSTANTS = {"": None, "~": None} | {
    form: value for word, value in (("null", None), ("true", True), ("false", False))
    for form in (word, word.capitalize(), word.upper())
}  # fmt: skip
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DIGITS = 18  # more have no use in a config, and would not fit a 64-bit integer


def read(path: Path) -> tuple[Node, Mistakes]:
    """The tree of a config file, a mapping at its top, and the mistakes that leave something to look at.

    Raises ConfigError where they do not, UserError if there is no such file to read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        near = nearest(path.name, [entry.name for entry in path.parent.glob("*.y*ml")])
        hint = f"; did you mean {path.parent / near}?" if near else ""
        raise UserError(f"{path}: there is no such file{hint}") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder; give a file in it, such as {path}/*.yaml") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise UserError(f"{path}: is larger than {MAX_BYTES:,} bytes; is it a config?")
    source = Source(str(path))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        *before, line = content[: error.start].split(b"\n")
        mark = Mark(source, len(before) + 1, len(line.decode("utf-8", "replace")) + 1)
        message = f"is not UTF-8 (byte 0x{content[error.start]:02x}); save it with the encoding UTF-8"
        raise ConfigError([Mistake(mark, message)]) from None
    tree, mistakes = _tree(text, str(path))
    if not tree.is_mapping:
        mistakes.check()
        if tree.value is None:
            raise ConfigError([Mistake(Mark(source), "is empty; a config needs at least `variants`")])
        raise ConfigError([Mistake(tree.mark, "a config is a mapping of keys, such as `variants:`, at its top")])
    return tree, mistakes


def parse(text: str, name: str) -> Node:
    """The tree of a YAML text, which messages call `name`.  Raises ConfigError with every mistake in it."""
    tree, mistakes = _tree(text, name)
    mistakes.check()
    return tree


def _tree(text: str, name: str) -> tuple[Node, Mistakes]:
    """The tree of a text, and mistakes beside which it can be looked at: of a duplicate key the first counts."""
    source = Source(name, tuple(re.split(r"\r\n|\r|\n", text)))
    mistakes = Mistakes()
    for number, line in enumerate(source.lines, 1):
        for found in _CONTROL.finditer(line):
            mark = Mark(source, number, found.start() + 1)
            mistakes.add(mark, f"the character U+{ord(found[0]):04X} is not taken; delete it")
    mistakes.check()
    loader = _Loader(text, source)
    try:
        root = loader.get_single_node()
        return loader.read(root, None, 0) if root is not None else Node(None, Mark(source)), loader.mistakes
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_syntax_mistake(error, source)]) from None
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """PyYAML's parser without its ideas of what is a number, then from its nodes to ours.

    Tags are refused, nesting and size are bounded; mistakes that need not stop it are collected.
    """

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]  # one for the class, as in PyYAML

    def __init__(self, text: str, source: Source) -> None:
        super().__init__(text)
        self.source, self.mistakes = source, Mistakes()
        self.depth = self.written = self.expanded = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave the parser untyped
        tag, start = getattr(event, "tag", None), event.start_mark
        if tag is not None:
            message = f"tags, here {tag.replace('tag:yaml.org,2002:', '!!')}, are not taken"
            self.mistakes.add(self.mark(start, start), message)
        self.depth += 1
        self.written += 1
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(None, None, f"nested more than {MAX_DEPTH} levels deep", start)
        if self.written > MAX_WRITTEN:
            raise yaml.MarkedYAMLError(None, None, f"holds more than {MAX_WRITTEN:,} values", start)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def mark(self, start: yaml.Mark, end: yaml.Mark) -> Mark:
        line = self.source.lines[start.line] if start.line < len(self.source.lines) else ""
        stop = end.column if end.line == start.line else len(line.rstrip())
        return Mark(self.source, start.line + 1, start.column + 1, max(1, stop - start.column))

    def read(self, node: yaml.Node, key: Mark | None, depth: int) -> Node:
        mark = self.mark(node.start_mark, node.end_mark)
        self.expanded += 1
        if self.expanded > MAX_NODES or depth > MAX_DEPTH:
            limit = f"{MAX_NODES:,} values" if self.expanded > MAX_NODES else f"{MAX_DEPTH} levels of nesting"
            raise yaml.MarkedYAMLError(None, None, f"its aliases expand to more than {limit}", node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return Node(self.mapping(node, depth), mark, key)
        if isinstance(node, yaml.SequenceNode):
            return Node([self.read(item, None, depth + 1) for item in node.value], mark, key)
        assert isinstance(node, yaml.ScalarNode)
        if node.value == "" and not node.style and key:
            mark = key  # an empty value has no place of its own
        return Node(self.scalar(node, mark), mark, key)

    def mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Node]:
        items: dict[str, Node] = {}
        for key_node, value_node in node.value:
            mark = self.mark(key_node.start_mark, key_node.end_mark)
            key, value = self.key(key_node, mark), self.read(value_node, mark, depth + 1)
            if key in items:
                self.mistakes.add(mark, f"duplicate key {key!r}; first on line {items[key].at_key.line}")
            elif key is not None:
                items[key] = value
        return items

    def key(self, node: yaml.Node, mark: Mark) -> str | None:
        """The key as text; None, and a mistake, if it is none."""
        plainly = isinstance(node, yaml.ScalarNode) and not node.style
        value = scalar(node.value) if plainly else node.value
        if not isinstance(node, yaml.ScalarNode):
            self.mistakes.add(mark, "a key must be text, not a list or a block")
        elif not isinstance(value, str):
            written = node.value or "nothing"
            self.mistakes.add(mark, f'a key must be text, not {written}; write it in quotes: "{written}"')
        elif value == "<<" and plainly:
            self.mistakes.add(mark, "merge keys `<<` are not taken; variants change the rest already")
        else:
            return value
        return None

    def scalar(self, node: yaml.ScalarNode, mark: Mark) -> str | int | float | bool | None:
        text: str = node.value
        value = text if node.style else scalar(text)
        if not node.style and _NOT_FINITE.fullmatch(text):
            self.mistakes.add(mark, f"a number must be finite, not {text}")
        elif value in (math.inf, -math.inf) or (isinstance(value, int) and len(text) > _DIGITS):
            self.mistakes.add(mark, f"{text[:20]} is too large a number")
        else:
            return value
        return 0


def scalar(text: str) -> str | int | float | bool | None:
    """What a word without quotes means: the core schema of YAML 1.2, so `no`, `1:30`, `010`, `1_000` are words."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= _DIGITS else 10**_DIGITS
    return float(text) if _FLOAT.fullmatch(text) else text


_SYNTAX = (
    (r"found character '\\t' that cannot start any token", "a tab cannot indent; use spaces"),
    (
        "mapping values are not allowed here",
        "a ':' is not expected here; check the indentation, or put text that holds ': ' in quotes",
    ),
    ("but found another document", "a file holds one config; remove the second `---`"),
    ("could not find expected ':'", "a ':' is missing after a key, on this line or above it"),
    ("expected <block end>, .*", "the indentation does not fit the lines above"),
    (r"expected ',' or '(.)', .*", r"a ',' or the closing '\1' is missing before this"),
    ("found unexpected end of stream", "the text ends within quotes; close them"),
    (r"found character '(.)' that cannot start any token", r"text that starts with '\1' stands in quotes"),
)
"""What PyYAML says (as a pattern), and what we say."""


def _syntax_mistake(error: yaml.MarkedYAMLError, source: Source) -> Mistake:
    place = error.problem_mark or error.context_mark
    line, column = (place.line, place.column) if place else (0, 0)
    if line >= len(source.lines) or (line and column == 0 and not source.lines[line].strip()):
        # At the end of the text: show the last line that holds something instead.
        line = max((k for k, text in enumerate(source.lines[: line + 1]) if text.strip()), default=0)
        column = len(source.lines[line].rstrip())
    problem = error.problem or "not valid YAML"
    message = f"not valid YAML: {problem}" if error.context else problem
    for pattern, plainly in _SYNTAX:
        if found := re.fullmatch(pattern, problem):
            message = found.expand(plainly)
    started = error.context_mark
    if started and started.line != line and problem != "but found another document":
        message += f" (it began on line {started.line + 1})"
    return Mistake(Mark(source, line + 1, column + 1), message)
