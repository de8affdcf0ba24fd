"""A frame as text in a format: CSV, Markdown, LaTeX. Names in it are somebody else's, and come out harmless."""

import re

import pandas as pd


def csv(frame: pd.DataFrame) -> str:
    """Full numbers, as Python writes them; empty where there is nothing."""
    return frame.to_csv(index=False, lineterminator="\n")


def markdown(frame: pd.DataFrame) -> str:
    """A table of GitHub's Markdown; the first column to the left, the others to the right."""
    heads = [markdown_text(str(column)) for column in frame.columns]
    rules = [":--", *["--:"] * (len(heads) - 1)]
    rows = [[markdown_text(str(cell)) for cell in row] for row in frame.itertuples(index=False)]
    return "".join(f"| {' | '.join(row)} |\n" for row in [heads, rules, *rows])


def markdown_text(text: str) -> str:
    """`text` on one line, with everything escaped that Markdown would read as markup, HTML or a cell's end."""
    escaped = " ".join(text.split()).translate({ord(c): f"\\{c}" for c in "\\`*_<|~$&"})
    return escaped.replace("](", "]\\(")  # a link; an interval in brackets stays as it is


def latex(frame: pd.DataFrame, *, caption: str = "", label: str = "") -> str:
    """A table for the package booktabs, in an environment `table`; the first column to the left."""
    lines = [r"\begin{table}", r"\centering"]
    lines += [rf"\caption{{{latex_text(caption)}}}"] if caption else []
    lines += [rf"\label{{{re.sub('[^A-Za-z0-9:-]+', '-', label)}}}"] if label else []
    lines += [rf"\begin{{tabular}}{{l{'r' * (len(frame.columns) - 1)}}}", r"\toprule"]
    lines += [" & ".join(latex_text(str(column)) for column in frame.columns) + r" \\", r"\midrule"]
    lines += [" & ".join(latex_text(str(cell)) for cell in row) + r" \\" for row in frame.itertuples(index=False)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "−": "$-$",
        "–": "--",
        "—": "---",
        "<": "$<$",
        ">": "$>$",
        "[": "{[}",  # a bracket after the end of a row would be its argument
        "]": "{]}",
    }
)


def latex_text(text: str) -> str:
    """`text` on one line, with everything escaped that LaTeX would read as a command."""
    return " ".join(text.split()).translate(_LATEX)
