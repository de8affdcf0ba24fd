"""The report and its tables as Markdown, as GitHub reads it."""

from collections.abc import Sequence

import pandas as pd

from bnexp.reporting.claims import SUMMARY
from bnexp.reporting.glossary import GLOSSARY
from bnexp.reporting.part import COLUMNS, Section
from bnexp.reporting.render import template


def report(sections: Sequence[Section]) -> str:
    """`report.md`, beside which the figures lie in `figures/`."""
    page = template("report.md", md=text, md_table=lambda frame: table(frame.iloc[:, :COLUMNS]))
    return page.render(sections=sections, columns=COLUMNS, verdicts=_verdicts, glossary=GLOSSARY)


def _verdicts(sections: Sequence[Section]) -> str:
    return table(pd.DataFrame([row for each in sections for row in each.verdicts], columns=list(SUMMARY)))


def table(frame: pd.DataFrame) -> str:
    """A table of GitHub's Markdown; the first column and those of words to the left, those of numbers to the right."""
    heads = [text(str(column)) for column in frame.columns]
    rows = [[text(str(cell)) for cell in row] for row in frame.itertuples(index=False)]
    words = (any(row[k][:1].isalpha() for row in rows) for k in range(1, len(heads)))
    rules = [":--", *(":--" if told else "--:" for told in words)]
    return "".join(f"| {' | '.join(row)} |\n" for row in [heads, rules, *rows])


def text(line: str) -> str:
    """`line` on one line, with everything escaped that Markdown would read as markup, HTML or a cell's end."""
    escaped = " ".join(line.split()).translate({ord(c): f"\\{c}" for c in "\\`*_<|~$&"})
    return escaped.replace("](", "]\\(")  # a link; an interval in brackets stays as it is
