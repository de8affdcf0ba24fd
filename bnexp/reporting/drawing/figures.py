"""What all figures share: a variant's look, paper size, fonts, panels, legends, and axes that say what they show.

A figure function takes data and returns a `Figure`; `saved` makes files of it.  Only matplotlib's object interface is
used: no display, no pyplot, and the reader's own matplotlibrc changes nothing.
"""

import math
import re
import textwrap
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Literal, NamedTuple, TypeVar

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from bnexp.lazy import attribute

T = TypeVar("T")

COLUMN, PAGE = 3.4, 7.0  # widths in inches: one column of a paper, and both
PNG_DPI = 250  # dots per inch: 850 over a column, 1750 over a page
TITLE = 34  # characters that fit over a small panel
NARROW_TITLE = 26  # over one of four beside each other
PANELS = 16  # so many small panels fit on a page; more are spread over several figures
MANY = 8  # so many curves can be told apart in one panel
APART = 5  # small panels side by side, where each variant has its own
GREY = "#666666"

_STYLE: dict[str, Any] = {
    **dict.fromkeys(("font.size", "axes.labelsize", "axes.titlesize"), 7.5),
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), 7),
    **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 0.6),
    **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 2.5),
    **dict.fromkeys(("axes.spines.right", "axes.spines.top"), False),
    "axes.axisbelow": True,
    "axes.edgecolor": "#444444",
    "axes.grid": True,
    "axes.titlelocation": "left",
    "axes.titlepad": 4,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that the bytes are the same on every machine
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "pdf.fonttype": 42,  # TrueType: publishers refuse the Type 3 that is the default
    "svg.fonttype": "path",
    "svg.hashsalt": "bnexp",
    "text.parse_math": False,  # a variant may be called $x$
}


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib's defaults and ours, whatever the reader's own settings; within it figures are made and saved."""
    with matplotlib.style.context(["default", _STYLE]), warnings.catch_warnings():
        # A name in a script that the font lacks becomes boxes in the figure, and is right in the tables.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        yield


def plain(text: object, length: int) -> str:
    """`text` on one line of at most `length` printable characters, with an ellipsis where it was longer."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def brief(places: Sequence[str]) -> list[str]:
    """Names of places without the arguments of blocks, `model cnn(…)` for `model cnn(dense=[])`, if all differ so."""
    short = list(places)
    while (shorter := [re.sub(r"\([^()]*\)", "…", place) for place in short]) != short:
        short = shorter
    short = [place.replace("…", "(…)") for place in short]
    return short if len(set(short)) == len(set(places)) else list(places)


def on_lines(text: str, width: int, lines: int) -> str:
    """On so many lines of so many characters, with an ellipsis where that is too little.

    A block's arguments begin on a line of their own where they do not fit.
    """
    broken = textwrap.wrap(text.replace("(", "( "), width, max_lines=lines, placeholder="…")
    return "\n".join(broken).replace("( ", "(")


# Okabe & Ito 2008, https://jfly.uni-koeln.de/color/, without the yellow, which is too pale for a line on white.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
Line = Literal["solid"] | tuple[float, tuple[float, ...]]  # an offset, and the lengths of dashes and gaps in points
LINES: tuple[Line, ...] = ("solid", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (6, 1, 1, 1, 1, 1)))
# Nine, five and seven have no common factor: 315 variants before a look repeats.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")


class Variant(NamedTuple):
    """How a variant is drawn: the same in every figure of a report."""

    name: str
    colour: str
    line: Line
    marker: str

    @property
    def look(self) -> dict[str, Any]:
        """As arguments of matplotlib's lines."""
        return {"color": self.colour, "linestyle": self.line, "marker": self.marker}

    @property
    def short(self) -> str:
        """The name, cut where a figure has no room for it."""
        return plain(self.name, 22)


def looks(variants: Iterable[str]) -> dict[str, Variant]:
    """A look for each variant, by its first place in `variants`; names may occur again and keep theirs."""
    return {
        name: Variant(name, COLOURS[k % len(COLOURS)], LINES[k % len(LINES)], MARKERS[k % len(MARKERS)])
        for k, name in enumerate(dict.fromkeys(variants))
    }


def multiples(
    shown: Sequence[tuple[str, T]],
    draw: Callable[[Axes, T], None],
    *,
    columns: int,
    head: float,
    row: float,
    labels: tuple[str, str] = ("", ""),
    sharex: bool = False,
    of_places: bool = False,
) -> Figure:
    """A figure of a panel for each title and what `draw` puts there; in rows of `columns`, with outer axes labelled.

    Titles `of_places` are brief.
    It is as wide as a column of a paper for one of `columns`, else as a page; its height is `head`, and `row` for each
    row; inches all.
    """
    rows, count = math.ceil(len(shown) / columns), len(shown)
    names = [title for title, _ in shown]
    width = TITLE if columns < 4 else NARROW_TITLE
    titles = [on_lines(plain(name, 3 * width), width, 3) for name in (brief(names) if of_places else names)]
    row += 0.13 * max(title.count("\n") for title in titles)
    figure = Figure(figsize=(COLUMN if columns == 1 else PAGE, head + row * rows))
    every = list(figure.subplots(rows, columns, squeeze=False, sharex=sharex).flat)
    for axes in every[count:]:
        axes.remove()
    for k, (axes, title, (_, each)) in enumerate(zip(every, titles, shown, strict=False)):
        draw(axes, each)
        axes.set_title(title)
        if k + columns >= count:
            axes.set_xlabel(labels[0])
        if k % columns == 0:
            axes.set_ylabel(labels[1])
    return figure


def spread(name: str, shown: Sequence[T]) -> Iterator[tuple[str, Sequence[T]]]:
    """What is `shown`, panel by panel, in parts that fit on a page, each with the name of its figure."""
    for k, start in enumerate(range(0, len(shown), PANELS), 1):
        yield (name if k == 1 else f"{name}-{k}"), shown[start : start + PANELS]


def columns_for(panels: int, *, stacked: int = 1) -> int:
    """How many panels stand side by side over the page's width: at most four, in even rows; `stacked`: so many, one."""
    return 1 if panels <= stacked else math.ceil(panels / math.ceil(panels / 4))


@style()
def panels_apart(
    variants: Sequence[Variant],
    behind: Mapping[str, str],
    draw: Callable[[Axes, Variant], None],
    ylabel: str,
    notes: Iterable[str],
) -> Figure:
    """A small panel for each of many variants, over the page's width, whose axes `draw` makes alike.

    They are not shared: matplotlib takes a time for that that grows with their square.  `behind` is of `counted`.
    """
    shown = [(plain(variant.name, 20) + behind[variant.name], variant) for variant in variants]
    figure = multiples(shown, draw, columns=APART, head=0.6, row=1.12)
    for k, axes in enumerate(figure.axes):
        thinned(axes, 0.24)
        axes.tick_params(labelleft=k % APART == 0, labelbottom=k + APART >= len(shown))
    figure.supylabel(ylabel, fontsize=7.5)
    note_below(figure, notes)
    return figure


def keyed(figure: Figure, variants: Sequence[Variant], behind: Mapping[str, str], notes: Iterable[str]) -> None:
    """The legend of those variants that `counted` names, in as many columns as there is room for, and small print."""
    drawn = [variant for variant in variants if variant.name in behind]
    labels = [variant.short + behind[variant.name] for variant in drawn]
    font = FontProperties(family="DejaVu Sans")
    inches = [TextPath((0, 0), label or " ", size=7, prop=font).get_extents().width / 72 for label in labels]
    columns = max(1, int((figure.get_figwidth() - 0.1) / (max(inches, default=0) + 0.45)))
    figure.legend(
        [Line2D([], [], **variant.look, markersize=3.5) for variant in drawn],
        labels,
        loc="outside upper left",
        ncols=math.ceil(len(labels) / math.ceil(len(labels) / columns)) if labels else 1,
        handlelength=2.4,
        handletextpad=0.5,
        columnspacing=1.2,
        borderpad=0.1,
    )
    note_below(figure, notes)


def note_below(figure: Figure, parts: Iterable[str]) -> None:
    """Small print under the panels: what is drawn."""
    if not (said := "; ".join(part for part in parts if part)):
        return
    text = textwrap.fill(f"{said}.", int(figure.get_figwidth() * 20.5))
    figure.supxlabel(text[0].upper() + text[1:], fontsize=6, color=GREY, x=0.01, ha="left")


def counted(places: Iterable[tuple[str, int, int]]) -> tuple[dict[str, str], str]:
    """What stands behind each variant's name, and for the note, from (variant, finished, planned) at every place.

    Where all counts are the same the note says it for all; else behind a name are those of its places together.
    """
    every = list(places)
    together: dict[str, tuple[int, int]] = {}
    for name, finished, planned in every:
        before = together.get(name, (0, 0))
        together[name] = before[0] + finished, before[1] + planned
    several = len(every) > len(together)
    if len(counts := {(finished, planned) for _, finished, planned in every}) == 1:
        finished, planned = counts.pop()
        text = f"n = {finished}" + (f" of {planned} planned" if finished < planned else "")
        return dict.fromkeys(together, ""), text + (" at each" if several else "")
    return (
        {name: f" ({finished}/{planned})" for name, (finished, planned) in together.items()},
        "behind a name: finished/planned" + (", at all together" if several else ""),
    )


def limits(values: Iterable[float]) -> tuple[float, float]:
    """Ends of an axis zoomed to the finite `values`, with a margin and a span of 0.04 at least."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    pad = max((high - low) * 0.06, (0.04 - (high - low)) / 2)
    return low - pad, high + pad


ACCURACIES = (0, 20, 50, 70, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99)
_MORE_ACCURACIES = (0, 30, 50, 70, 80, 85, 90, 93, 95, 96, 97, 98, 98.5, 99, 99.3, 99.5, 99.7, 99.8, 99.85, 99.9)


def stretched_accuracy(axes: Axes, values: Iterable[float]) -> None:
    """Make the vertical axis one of accuracies in per cent, logarithmic in the error, and zoom it to `values`.

    So 90, 99 and 99.9 % are equally far apart, and late differences are seen beside the steep beginning.
    An accuracy of 100 % is drawn at the upper end.
    """
    errors = [100 - value for value in values if value < 100] or [1.0]  # a comparison with NaN is false
    ceiling = 100 - max(min(errors) / 1.3, 0.005)
    floor = 100 - min(max(errors) * 1.3, 100.0)
    if math.log10((100 - floor) / (100 - ceiling)) < 0.15:
        floor = 100 - (100 - ceiling) * 10**0.15
    smallest = (100 - ceiling) / 2

    def forward(accuracy: ArrayLike) -> np.ndarray:
        return np.asarray(-np.log10(np.maximum(100 - np.asarray(accuracy, dtype=float), smallest)))

    def inverse(position: ArrayLike) -> np.ndarray:
        return np.asarray(100 - 10 ** -np.asarray(position, dtype=float))

    axes.set_yscale("function", functions=(forward, inverse))
    axes.set_ylim(floor, ceiling)
    labels = np.ptp(forward([floor, ceiling])) / 11  # so far apart they do not touch
    for table in (ACCURACIES, _MORE_ACCURACIES):
        inside = sorted((tick for tick in table if floor <= tick <= ceiling), reverse=True)
        ticks = [inside[k] for k in spaced(-forward(inside), labels)]
        if len(ticks) >= 4:
            axes.yaxis.set_major_locator(FixedLocator(ticks))
            break
    else:
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))


def spaced(places: Iterable[float], least: float) -> list[int]:
    """Indices of the ascending `places` that lie at least so far from the one that was kept before."""
    kept: list[int] = []
    last = -math.inf
    for k, place in enumerate(places):
        if place - last >= least:
            kept.append(k)
            last = place
    return kept


def compact(value: float, _: Any = None) -> str:
    """`54000` as `54k`, for ticks."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def logarithmic(axis: Axis, positive: Collection[float]) -> None:
    """Tick labels of a logarithmic axis over these values: more of them where it spans less."""
    decades = math.log10(max(positive) / min(positive))
    subs = (1.0,) if decades > 2.5 else (1.0, 3.0) if decades > 1.2 else (1.0, 2.0, 5.0)
    many = LogLocator(10, subs=subs, numticks=20)
    axis.set_major_locator(many if decades > 0.9 else MaxNLocator(5, steps=[1, 2, 5, 10]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(compact))


def thinned(axes: Axes, share: float) -> None:
    """Leave ticks of the horizontal axis out, so that the labels of a narrow panel are `share` of its width apart."""
    low, high = axes.get_xlim()
    ticks = [float(tick) for tick in axes.xaxis.get_majorticklocs() if low <= tick <= high]
    places = (axes.transScale + axes.transLimits).transform(np.column_stack([ticks, np.ones(len(ticks))]))
    axes.xaxis.set_major_locator(FixedLocator([ticks[k] for k in spaced(places[:, 0], share)]))


FORMATS = {
    "svg": ("matplotlib.backends.backend_svg:FigureCanvasSVG", ("Date", "Creator")),
    "png": ("matplotlib.backends.backend_agg:FigureCanvasAgg", ("Software",)),
    "pdf": ("matplotlib.backends.backend_pdf:FigureCanvasPdf", ("CreationDate", "Creator", "Producer")),
}
"""Suffix to `module:class` of the canvas that writes it, and what it would tell of the day and of matplotlib."""


@style()
def saved(figure: Figure, suffixes: Iterable[str]) -> dict[str, bytes]:
    """A figure in these `FORMATS`; the bytes depend on nothing but the figure.

    The canvases are asked directly: `Figure.savefig` would place everything anew for each of the formats.
    """
    found = {}
    figure.set_dpi(PNG_DPI)
    FigureCanvasAgg(figure)
    if layout := figure.get_layout_engine():
        layout.execute(figure)  # finds the places
    figure.set_layout_engine("none")
    for suffix in suffixes:
        canvas, untold = FORMATS[suffix]
        file = BytesIO()
        figure.set_dpi(PNG_DPI)  # another format may have changed it
        getattr(attribute(canvas)(figure), f"print_{suffix}")(file, metadata=dict.fromkeys(untold))
        found[suffix] = file.getvalue()
    return found


def drawn(draw: Callable[[], Figure], suffixes: Iterable[str]) -> dict[str, bytes]:
    """What `saved` makes of the figure that `draw` returns."""
    return saved(draw(), suffixes)
