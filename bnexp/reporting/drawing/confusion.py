"""Confusion matrices, and the images that are missed most."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D, IdentityTransform
from numpy.typing import NDArray

from bnexp.reporting.drawing import figures

NUMBERED = 12  # so many classes leave room for numbers in the cells
BESIDE = 8  # images in a row


@figures.style()
def confusion_matrices(titles: Sequence[str], shares: Sequence[NDArray[np.float64]], trials: str) -> Figure:
    """A panel for each title: true classes as rows, predicted ones as columns, per 1,000 images of the true class.

    `shares` are (classes,classes) each.  Errors alone are coloured, on one scale for all panels, by their square roots,
    so that small ones are seen beside large ones.  All stand in one `Axes`, and their numbers are shapes: six panels
    as texts in axes of their own would take as long as half of a report.
    """
    classes = len(shares[0])
    diagonal = np.eye(classes, dtype=bool)
    most = max(float(np.nanmax(np.where(diagonal, 0, each))) for each in shares)
    columns = min(len(shares), 2 if len(shares) == 4 else 3)
    rows, gap = math.ceil(len(shares) / columns), max(1, classes // 10)
    across, down = classes + gap, classes + 2 * gap
    width = figures.COLUMN if columns == 1 else figures.PAGE
    figure = Figure(figsize=(width, 0.4 + (width - 0.4) / (across * columns) * down * rows))
    axes = figure.subplots()
    cells = np.full((down * rows - gap, across * columns - gap), np.nan)
    numbers: dict[str, list[tuple[int, int, str]]] = {}
    for k, (title, shown) in enumerate(zip(titles, shares, strict=True)):
        left, top = across * (k % columns), down * (k // columns) + gap
        cells[top : top + classes, left : left + classes] = np.where(diagonal, -1, np.sqrt(shown))
        axes.text(left - 0.5, top - 0.5 - 0.2 * gap, figures.plain(title, figures.TITLE), va="bottom")
        for (row, column), value in np.ndenumerate(shown if classes <= NUMBERED else shown[:0]):
            text = f"{value:.{0 if most >= 9.95 or row == column else 1}f}"
            colour = figures.GREY if row == column else "white" if value > 0.3 * most else "black"
            if value > 0 and float(text):
                numbers.setdefault(text, []).append((left + column, top + row, colour))
    axes.imshow(cells, colormaps["Blues"].with_extremes(under="#ededed", bad="white"), vmin=0, vmax=math.sqrt(most))
    for text, places in numbers.items():
        at, colours = [place[:2] for place in places], [place[2] for place in places]
        shapes = PathCollection([_shape(text)], [1], offsets=at, offset_transform=axes.transData, fc=colours, lw=0)
        shapes.set_transform(IdentityTransform())
        axes.add_collection(shapes, autolim=False)
    ticks, below = range(0, classes, 1 if classes <= NUMBERED else gap), len(shares) - columns * (rows - 1)
    axes.set_xticks([across * k + tick for k in range(below) for tick in ticks], [*ticks] * below)
    axes.set_yticks([down * k + gap + tick for k in range(rows) for tick in ticks], [*ticks] * rows)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)
    axes.tick_params(length=0, pad=1)
    scale = "" if classes <= NUMBERED else f"; darkest blue: {most:.3g}"
    figures.note_below(figure, [f"per 1,000 test images of the true class; grey: classified correctly{scale}", trials])
    return figure


def _shape(text: str) -> Path:
    """A number of 5 points, around its middle."""
    shape = TextPath((0, 0), text, size=5, prop=FontProperties(family="DejaVu Sans"))
    box = shape.get_extents()
    return shape.transformed(Affine2D().translate(-(box.x0 + box.x1) / 2, -(box.y0 + box.y1) / 2))


@figures.style()
def missed_images(images: NDArray[np.uint8], above: Sequence[str], below: Sequence[str]) -> Figure:
    """Images (n,H,W,C), each with what stands above and below it."""
    rows, (height, width, channels) = math.ceil(len(images) / BESIDE), images.shape[1:]
    across, down = round(1.1 * width), round(1.4 * height)
    figure = Figure(figsize=(figures.PAGE, 0.3 + figures.PAGE / (across * BESIDE) * down * rows))
    axes = figure.subplots()
    sheet = np.full((down * rows, across * BESIDE, channels), 0 if channels == 1 else 255, np.uint8)
    for k, image in enumerate(images):
        left, top = across * (k % BESIDE), down * (k // BESIDE) + (down - height) // 2
        sheet[top : top + height, left : left + width] = image
        axes.text(left + width / 2, top - 1, above[k], ha="center", va="bottom", fontsize=7)
        axes.text(left + width / 2, top + height, below[k], ha="center", va="top", fontsize=6, color=figures.GREY)
    axes.imshow(sheet, "gray_r", vmin=0, vmax=255)
    axes.set_axis_off()
    notes = ["above: true class → most frequent wrong class", "below: index of the test image, and trials that miss it"]
    figures.note_below(figure, notes)
    return figure
