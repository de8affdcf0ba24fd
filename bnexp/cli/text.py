"""Tables and numbers as plain text, the same on a terminal and in a file."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from click import echo


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], *, indent: str = "") -> str:
    """Columns as wide as they need to be; numbers and whatever stands under a header with `>` to the right."""
    titles = [title.lstrip(">") for title in header]
    lines = [titles, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(titles))]
    return "\n".join(
        (
            indent
            + "  ".join(_padded(cell, width, title) for cell, width, title in zip(line, widths, header, strict=True))
        ).rstrip()
        for line in lines
    )


def _padded(cell: str, width: int, title: str) -> str:
    return cell.rjust(width) if title.startswith(">") else cell.ljust(width)


def print_json(data: Any) -> None:
    """Machine-readable results, on stdout."""
    echo(json.dumps(data, indent=2, ensure_ascii=False))


def note(text: str) -> None:
    """Something for the reader beside the results, on stderr."""
    print(text, file=sys.stderr, flush=True)


def plural(count: int, noun: str) -> str:
    """`1 trial`, `2 trials`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
