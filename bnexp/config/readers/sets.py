"""`--set KEY=VALUE`: changes that win over the file."""

from collections.abc import Iterator, Mapping, Sequence

from bnexp.config.keys import every_key
from bnexp.config.mistakes import ConfigError, Mark, Mistakes, Source
from bnexp.config.readers.dotted import may_be_argument, near
from bnexp.config.readers.header import HEADER
from bnexp.config.tree import Node, from_plain, plain
from bnexp.config.yaml import parse

SETTABLE = ("seeds", "baseline", "margin", "about")
"""Keys of the experiment, not of its trials, that it takes."""


def read_sets(texts: Sequence[str], mistakes: Mistakes) -> Iterator[tuple[str, Node]]:
    """Each key with its value."""
    for text in texts:
        mark = Mark(Source(f"--set {text}"))
        key, equals, value = (part.strip() for part in text.partition("="))
        top = key.partition(".")[0]
        if not (key and equals):
            mistakes.add(mark, "takes key=value, as in training.batch_size=32")
        elif key == "name":
            mistakes.add(mark, "the name is set with --name")
        elif top in HEADER and key not in SETTABLE:
            mistakes.add(mark, f"cannot change `{top}`; edit the file")
        elif key not in SETTABLE and key not in every_key() and not may_be_argument(key):
            mistakes.add(mark, f"unknown key {key!r}{near(key, SETTABLE)}")
        else:
            try:
                yield key, from_plain(plain(parse(value, mark.source.name)), mark)
            except ConfigError as error:
                mistakes.add(mark, error.mistakes[0].message)


def report_varied(sets: Sequence[tuple[str, Node]], varied: Mapping[str, str], mistakes: Mistakes) -> None:
    """Report keys that cannot be set because the grid or an include (`varied` says which) gives them values."""
    for key, node in sets:
        for other, where in varied.items():
            if f"{key}.".startswith(f"{other}."):
                message = f"{other} is varied by {where}, so it cannot be set; edit the file, or use --only"
                mistakes.add(node.mark, message)
