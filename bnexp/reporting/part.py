"""What a report consists of: an experiment is a section, a topic in it a part, with sentences, tables and figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd
from matplotlib.figure import Figure as Canvas

from bnexp.claims.verdict import Judged
from bnexp.reporting.commands import Named, PointCommands
from bnexp.reporting.drawing.figures import Variant

COLUMNS = 8  # so many of a table are read at once; the others come on demand

Region = Literal["notice", "opening", "headline", "body"]


@dataclass(frozen=True)
class Table:
    """A table as text, and its numbers as files."""

    caption: str
    text: pd.DataFrame  # for people; the first column names the row, the first `COLUMNS` tell most
    numbers: pd.DataFrame | None = None  # unrounded, for CSV; None: no files are written
    file: str = ""  # what the files' names have after that of the section
    formats: tuple[str, ...] = ("csv", "tex", "md")
    legend: tuple[str, ...] = ()  # what the columns mean, sentence by sentence
    paper: Mapping[str, str] = field(default_factory=dict)
    """The columns of its form for a paper, six at most, each with a short heading; empty where it is the same."""
    paper_caption: str = ""  # with the unit, n and the kind of interval
    commands: Sequence[Named] = ()  # what repeats each row
    about_commands: str = ""
    page_only: bool = False
    definitions: bool = False  # whether it has two columns, terms and what they stand for


@dataclass(frozen=True)
class Figure:
    """A picture."""

    name: str  # part of its file name: letters, digits and hyphens
    caption: str
    alternative: str  # what it shows, in words
    draw: Callable[[], Canvas]
    wide: bool = False  # whether it wants the width of a page, not of a column
    file_only: bool = False
    """Whether the page names its file alone: it draws the same itself, from the part's `chart`, or it is very large."""


@dataclass(frozen=True)
class Finding:
    """What was found of one comparison, a line for each question."""

    title: str  # `ln vs none`
    place: str  # of the grid; empty without one
    lines: Mapping[str, str]  # `accuracy`, `speed`, and before them what makes one an artefact, to the answer


@dataclass(frozen=True)
class Part:
    """A topic.  What it has is shown in the order of the fields; all of it may be empty."""

    title: str = ""  # its heading; a body has one
    summary: str = ""  # what is in it, in a few words: seen while it is folded
    region: Region = "body"
    """notice: above everything; opening and headline: on the first screen of the experiment, the figures of a headline
    beside each other below; body: folded below it."""
    findings: tuple[Finding, ...] = ()
    paragraphs: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()  # the same as a list
    tables: tuple[Table, ...] = ()
    alarming: bool = False  # whether nobody should miss it
    figures: tuple[Figure, ...] = ()
    papers: tuple[Figure, ...] = ()  # over both columns of a paper; PDF alone, with the caption as LaTeX
    chart: Mapping[str, Any] = field(default_factory=dict)
    """What the page draws learning curves from (`drawing.chart`)."""


@dataclass(frozen=True)
class Context:
    """What a part needs to know besides the evidence."""

    variants: tuple[Variant, ...]  # of the experiment, each with its look in the whole report
    commands: Sequence[str]  # what repeats the whole of it
    repeats: Sequence[PointCommands]  # what repeats each point of the plan, and its trials
    claims: Sequence[Judged] = ()  # those of the experiment, judged with all of the results folder


@dataclass(frozen=True)
class Section:
    """One experiment of a report."""

    name: str
    about: str
    slug: str  # the name as part of file names and links: ASCII letters, digits, dots, hyphens and underscores
    complete: bool  # whether every planned trial has a result; divergence is one
    parts: Mapping[str, Part]  # in order, by their names in `parts.PARTS`
    verdicts: Sequence[Sequence[str]] = ()  # of its claims, as `reporting.claims.summary`

    def region(self, region: Region) -> list[Part]:
        """The parts that stand there."""
        return [part for part in self.parts.values() if part.region == region]

    @property
    def figures(self) -> list[Figure]:
        """Of all parts."""
        return [figure for part in self.parts.values() for figure in part.figures]

    @property
    def papers(self) -> list[Figure]:
        """Those for a paper alone."""
        return [figure for part in self.parts.values() for figure in part.papers]

    @property
    def tables(self) -> list[Table]:
        """Those that are written as files."""
        return [table for part in self.parts.values() for table in part.tables if table.numbers is not None]

    def file(self, name: str) -> str:
        """The name of a file of this section, without its ending."""
        return f"{self.slug}-{name}" if name else self.slug

    @property
    def printed(self) -> list[Part]:
        """Those parts of the body that are no page's alone."""
        body = self.region("body")
        return [part for part in body if not part.tables or not all(table.page_only for table in part.tables)]

    @property
    def notices(self) -> list[str]:
        """Sentences on trials that are missing, failed or diverged."""
        return [sentence for part in self.region("notice") for sentence in part.sentences]


def slugs(names: Sequence[str]) -> dict[str, str]:
    """A different slug for each name."""
    found: dict[str, str] = {}
    for name in names:
        plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name).strip(".-")[:60]
        slug, k = plain or "experiment", 2
        while slug.casefold() in {used.casefold() for used in found.values()}:
            slug, k = f"{plain or 'experiment'}-{k}", k + 1
        found[name] = slug
    return found
