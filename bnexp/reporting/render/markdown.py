"""The report and its tables as Markdown, as GitHub reads it."""

from collections.abc import Sequence

import pandas as pd

from bnexp.reporting.glossary import GLOSSARY
from bnexp.reporting.part import COLUMNS, Section
from bnexp.reporting.render import template


def report(sections: Sequence[Section]) -> str:
    """`report.md`, beside which the figures lie in `figures/`."""
    page = template("report.md", md=text, md_table=lambda frame: table(frame.iloc[:, :COLUMNS]))
    return page.render(sections=sections, columns=COLUMNS, glossary=GLOSSARY)


def table(frame: pd.DataFrame) -> str:
    """A table of GitHub's Markdown; the first column to the left, the others to the right."""
    heads = [text(str(column)) for column in frame.columns]
    rules = [":--", *["--:"] * (len(heads) - 1)]
    rows = [[text(str(cell)) for cell in row] for row in frame.itertuples(index=False)]
    return "".join(f"| {' | '.join(row)} |\n" for row in [heads, rules, *rows])


def text(line: str) -> str:
    """`line` on one line, with everything escaped that Markdown would read as markup, HTML or a cell's end."""
    escaped = " ".join(line.split()).translate({ord(c): f"\\{c}" for c in "\\`*_<|~$&"})
    return escaped.replace("](", "]\\(")  # a link; an interval in brackets stays as it is
