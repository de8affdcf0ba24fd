"""What all figures share: paper size, fonts, panels, legends, and axes that say what they show.

A figure function takes data and returns a `Figure`; `saved` makes files of it.  Only matplotlib's object interface is
used: no display, no pyplot, and the reader's own matplotlibrc changes nothing.
"""

import math
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NamedTuple, TypeVar

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from bnexp.reporting.drawing.palette import Look

T = TypeVar("T")

COLUMN, PAGE = 3.4, 7.0
"""Widths in inches: one column of a paper, and both."""

PNG_DPI = 250
"""Dots per inch: 850 over a column, 1750 over a page."""

TITLE = 34
"""Characters that fit over a small panel."""

PANELS = 16
"""So many small panels fit on a page; more are spread over several figures."""

MANY = 8
"""So many curves can be told apart in one panel."""

APART = 5
"""Small panels side by side, where each variant has its own."""

GREY = "#666666"
FAINT = 0.35
"""Opacity of a single seed."""

_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#444444",
    "axes.grid": True,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 7.5,
    "axes.titlepad": 4,
    "axes.unicode_minus": True,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that the bytes are the same on every machine
    "font.size": 7.5,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "pdf.fonttype": 42,  # TrueType: publishers refuse the Type 3 that is the default
    "svg.fonttype": "path",
    "svg.hashsalt": "bnexp",
    "text.parse_math": False,  # a variant may be called $x$
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
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
    line = "".join(c if c.isprintable() else " " for c in str(text))
    line = " ".join(line.split())
    return line if len(line) <= length else line[: length - 1] + "…"


@dataclass(frozen=True)
class Variant:
    """A line or a row of a figure."""

    name: str
    look: Look

    @property
    def short(self) -> str:
        """The name, cut where a figure has no room for it."""
        return plain(self.name, 22)


class Panel(NamedTuple):
    """One of several pairs of axes."""

    axes: Axes
    left: bool
    """Whether it is the first of its row."""
    bottom: bool
    """Whether none stands below it."""


def panels(
    count: int, columns: int, *, head: float, row: float, sharex: bool = False
) -> tuple[Figure, Sequence[Panel], float]:
    """A figure of `count` panels in rows of `columns`, and its width: a column of a paper for one, else a page.

    Its height is `head` and `row` for each row; inches all.
    """
    rows, width = math.ceil(count / columns), COLUMN if columns == 1 else PAGE
    figure = Figure(figsize=(width, head + row * rows))
    every = list(figure.subplots(rows, columns, squeeze=False, sharex=sharex).flat)
    for axes in every[count:]:
        axes.remove()
    found = [Panel(axes, k % columns == 0, k + columns >= count) for k, axes in enumerate(every[:count])]
    return figure, found, width


def spread(name: str, shown: Sequence[T]) -> Iterator[tuple[str, Sequence[T]]]:
    """What is `shown`, panel by panel, in parts that fit on a page, each with the name of its figure."""
    for k, start in enumerate(range(0, len(shown), PANELS), 1):
        yield (name if k == 1 else f"{name}-{k}"), shown[start : start + PANELS]


def columns_for(panels: int) -> int:
    """How many of several panels stand side by side over the page's width: at most four, in even rows."""
    return math.ceil(panels / math.ceil(panels / 4))


def handle(look: Look) -> Line2D:
    """What stands for a variant in a legend."""
    return Line2D([], [], color=look.colour, linestyle=look.line, marker=look.marker, markersize=3.5)


def legend_above(figure: Figure, labels: Sequence[str], looks: Sequence[Look], width: float) -> None:
    """A legend over the panels, in as many columns as `width` (inches) holds."""
    font = FontProperties(family="DejaVu Sans")
    inches = [TextPath((0, 0), label or " ", size=7, prop=font).get_extents().width / 72 for label in labels]
    columns = max(1, int((width - 0.1) / (max(inches, default=0) + 0.45)))
    figure.legend(
        [handle(look) for look in looks],
        labels,
        loc="outside upper left",
        ncols=math.ceil(len(labels) / math.ceil(len(labels) / columns)) if labels else 1,
        handlelength=2.4,
        handletextpad=0.5,
        columnspacing=1.2,
        borderpad=0.1,
    )


def panels_apart(
    variants: Sequence[Variant],
    counts: Iterable[tuple[str, int, int]],
    draw: Callable[[Axes, Variant], None],
    ylabel: str,
    notes: Callable[[str], Iterable[str]],
) -> Figure:
    """A small panel for each of many variants, over the page's width, whose axes `draw` makes alike.

    They are not shared: matplotlib takes a time for that that grows with their square.
    """
    behind, n = counted(counts)
    with style():
        figure, grid, width = panels(len(variants), APART, head=0.6, row=1.12)
        for (axes, left, bottom), variant in zip(grid, variants, strict=True):
            draw(axes, variant)
            thinned(axes, 0.24)
            axes.tick_params(labelleft=left, labelbottom=bottom)
            axes.set_title(plain(variant.name, 20) + behind[variant.name])
        figure.supylabel(ylabel, fontsize=7.5)
        note_below(figure, notes(n), width)
    return figure


def keyed(
    figure: Figure,
    variants: Sequence[Variant],
    counts: Iterable[tuple[str, int, int]],
    notes: Callable[[str], Iterable[str]],
    width: float,
) -> None:
    """The legend of those variants that have `counts` (of `counted`), and small print, which is told how many."""
    behind, n = counted(counts)
    drawn = [variant for variant in variants if variant.name in behind]
    legend_above(figure, [v.short + behind[v.name] for v in drawn], [v.look for v in drawn], width)
    note_below(figure, notes(n), width)


def note_below(figure: Figure, parts: Iterable[str], width: float) -> None:
    """Small print under the panels: what is drawn."""
    text = textwrap.fill("; ".join(part for part in parts if part) + ".", int(width * 20.5))
    figure.supxlabel(text[0].upper() + text[1:], fontsize=6, color=GREY, x=0.01, ha="left")


def counted(places: Iterable[tuple[str, int, int]]) -> tuple[dict[str, str], str]:
    """What stands behind each variant's name, and for the note, from (variant, finished, planned) at every place.

    Where all counts are the same the note says it for all; else behind a name are those of its places together.
    """
    together: dict[str, tuple[int, int]] = {}
    counts, several = set(), False
    for name, finished, planned in places:
        several = several or name in together
        counts.add((finished, planned))
        before = together.get(name, (0, 0))
        together[name] = before[0] + finished, before[1] + planned
    if len(counts) == 1:
        finished, planned = counts.pop()
        text = f"n = {finished}" + (f" of {planned} planned" if finished < planned else "")
        return dict.fromkeys(together, ""), text + (" at each" if several else "")
    return (
        {name: f" ({finished}/{planned})" for name, (finished, planned) in together.items()},
        "behind a name: finished/planned" + (", at all together" if several else ""),
    )


def limits(values: Iterable[float], *, margin: float = 0.06, least: float = 0.04) -> tuple[float, float]:
    """Ends of an axis zoomed to the finite `values`, with a margin; `least` is the smallest span."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    pad = max((high - low) * margin, (least - (high - low)) / 2)
    return low - pad, high + pad


ACCURACIES = (0, 20, 50, 70, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99)
_MORE_ACCURACIES = (0, 30, 50, 70, 80, 85, 90, 93, 95, 96, 97, 98, 98.5, 99, 99.3, 99.5, 99.7, 99.8, 99.85, 99.9)


def stretched_accuracy(axes: Axes, values: Iterable[float]) -> None:
    """Make the vertical axis one of accuracies in per cent, logarithmic in the error, and zoom it to `values`.

    So 90, 99 and 99.9 % are equally far apart, and late differences are seen beside the steep beginning.
    An accuracy of 100 % is drawn at the upper end.
    """
    finite = [value for value in values if math.isfinite(value)]
    errors = [100 - value for value in finite if value < 100] or [1.0]
    ceiling = 100 - max(min(errors) / 1.3, 0.005)
    floor = 100 - min(max(errors) * 1.3, 100.0)
    if math.log10((100 - floor) / (100 - ceiling)) < 0.15:
        floor = 100 - (100 - ceiling) * 10**0.15
    smallest = (100 - ceiling) / 2

    def forward(accuracy: np.ndarray) -> np.ndarray:
        return np.asarray(-np.log10(np.maximum(100 - np.asarray(accuracy, dtype=float), smallest)))

    def inverse(position: np.ndarray) -> np.ndarray:
        return np.asarray(100 - 10 ** -np.asarray(position, dtype=float))

    axes.set_yscale("function", functions=(forward, inverse))
    axes.set_ylim(floor, ceiling)
    tables = (_apart(table, forward, floor, ceiling) for table in (ACCURACIES, _MORE_ACCURACIES))
    ticks = next((ticks for ticks in tables if len(ticks) >= 4), None)
    axes.yaxis.set_major_locator(FixedLocator(ticks) if ticks else MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))


def _apart(
    table: Sequence[float], place: Callable[[np.ndarray], np.ndarray], floor: float, ceiling: float
) -> list[float]:
    """The ticks of `table` between both ends, without those whose labels would touch a higher one's."""
    bottom, top = place(np.array([floor, ceiling]))
    kept: list[float] = []
    for tick in sorted((tick for tick in table if floor <= tick <= ceiling), reverse=True):
        if not kept or place(np.array([kept[-1]]))[0] - place(np.array([tick]))[0] >= (top - bottom) / 11:
            kept.append(tick)
    return kept


def compact(value: float, _: Any = None) -> str:
    """`54000` as `54k`, for ticks."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def logarithmic(axis: Axis, values: Iterable[float]) -> None:
    """Tick labels of a logarithmic axis over positive `values`: more of them where it spans less."""
    positive = [value for value in values if math.isfinite(value) and value > 0] or [1.0]
    decades = math.log10(max(positive) / min(positive))
    subs = (1.0,) if decades > 2.5 else (1.0, 3.0) if decades > 1.2 else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(10, subs=subs, numticks=20))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(compact))


def thinned(axes: Axes, share: float) -> None:
    """Leave ticks of the horizontal axis out, so that the labels of a narrow panel are `share` of its width apart."""
    low, high = axes.get_xlim()
    ends = axes.transScale.transform([(low, 1.0), (high, 1.0)])[:, 0]
    kept: list[float] = []
    last = -math.inf
    for tick in axes.xaxis.get_majorticklocs():
        place = (axes.transScale.transform((tick, 1.0))[0] - ends[0]) / (ends[1] - ends[0])
        if low <= tick <= high and place - last >= share:
            kept.append(float(tick))
            last = place
    axes.xaxis.set_major_locator(FixedLocator(kept))


def saved(figure: Figure, *, pdf: bool = False) -> dict[str, bytes]:
    """A figure as `svg` and `png`, and as `pdf` where that is wanted; the bytes depend on nothing but the figure.

    The canvases are asked directly: `Figure.savefig` would place everything anew for each of the formats.
    """
    svg, png, page = BytesIO(), BytesIO(), BytesIO()
    with style():
        figure.set_dpi(PNG_DPI)
        canvas = FigureCanvasAgg(figure)
        figure.draw_without_rendering()  # finds the places
        figure.set_layout_engine("none")
        # Matplotlib has no types for these.
        canvas.print_png(png, metadata={"Software": None})  # type: ignore[no-untyped-call]
        FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
        if pdf:
            nothing = {"CreationDate": None, "Creator": None, "Producer": None}
            FigureCanvasPdf(figure).print_pdf(page, metadata=nothing)  # type: ignore[no-untyped-call]
    return {"svg": svg.getvalue(), "png": png.getvalue()} | ({"pdf": page.getvalue()} if pdf else {})
