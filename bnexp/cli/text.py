"""Tables and numbers as plain text, the same on a terminal and in a file."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from click import echo


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], *, indent: str = "") -> str:
    """Columns as wide as they need to be; numbers and whatever stands under a header with `>` to the right."""
    lines = [[title.lstrip(">") for title in header], *([str(cell) for cell in row] for row in rows)]
    sides = [">" if title.startswith(">") else "<" for title in header]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    cells = ((f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True)) for line in lines)
    return "\n".join((indent + "  ".join(line)).rstrip() for line in cells)


def print_json(data: Any) -> None:
    """Machine-readable results, on stdout."""
    echo(json.dumps(data, indent=2, ensure_ascii=False))


def note(text: str) -> None:
    """Something for the reader beside the results, on stderr."""
    print(text, file=sys.stderr, flush=True)


def plural(count: int, noun: str) -> str:
    """`1 trial`, `2 trials`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
