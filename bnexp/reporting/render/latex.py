"""Tables and figures as LaTeX, for a paper."""

import re

import pandas as pd


def table(frame: pd.DataFrame, *, caption: str = "", label: str = "") -> str:
    """A table for the package booktabs, in an environment `table`; the first column to the left.

    Six columns of this size are no wider than the text of the class `article`.
    """
    lines = [r"\begin{table}", r"\centering\footnotesize\setlength{\tabcolsep}{4pt}\setlength{\belowcaptionskip}{4pt}"]
    lines += [rf"\caption{{{text(caption)}}}"] if caption else []
    lines += [rf"\label{{{_label(label)}}}"] if label else []
    lines += [rf"\begin{{tabular}}{{l{'r' * (len(frame.columns) - 1)}}}", r"\toprule"]
    lines += [" & ".join(text(str(column)) for column in frame.columns) + r" \\", r"\midrule"]
    lines += [" & ".join(text(str(cell)) for cell in row) + r" \\" for row in frame.itertuples(index=False)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def figure(file: str, *, caption: str) -> str:
    """A picture over both columns, for the package graphicx."""
    lines = [r"\begin{figure*}", r"\centering", rf"\includegraphics[width=\textwidth]{{{file}}}"]
    return "\n".join(
        [*lines, rf"\caption{{{text(caption)}}}", rf"\label{{{_label(f'fig:{file}')}}}", r"\end{figure*}", ""]
    )


def _label(name: str) -> str:
    return re.sub("[^A-Za-z0-9:-]+", "-", name)


_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "−": "$-$",
        "–": "--",
        "—": "---",
        "∞": r"$\infty$",
        "<": "$<$",
        ">": "$>$",
        "[": "{[}",  # a bracket after the end of a row would be its argument
        "]": "{]}",
    }
)


def text(line: str) -> str:
    """`line` on one line, with everything escaped that LaTeX would read as a command; `n = 10`, `95 %` stay whole."""
    escaped = " ".join(line.split()).translate(_LATEX)
    return re.sub(r"(?<=\d) (?=\\%)|(?<=\bn) = (?=\d)", lambda found: found[0].replace(" ", "~"), escaped)
