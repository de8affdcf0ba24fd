"""Which figures an experiment gets, each with a name, a caption, and words for who cannot see it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import pandas as pd
from matplotlib.figure import Figure

from bnexp.evidence.condition import Condition
from bnexp.evidence.paired import Comparison
from bnexp.evidence.runs import TARGETS
from bnexp.reporting.curves import Curve, curve
from bnexp.reporting.figures import Variant
from bnexp.reporting.figures_accuracy import accuracy_along, final_accuracy, forest
from bnexp.reporting.figures_curves import MANY, CurvePanel, Kind, curves_apart, learning_curves
from bnexp.reporting.figures_survival import TargetPanel, time_to_target, times_apart
from bnexp.reporting.numbers import interval, steps
from bnexp.specs.wording import key_label, place_label

T = TypeVar("T")

PANELS = 16
"""So many small panels fit on a page; more are spread over several figures."""


@dataclass(frozen=True)
class Drawing:
    """A figure of an experiment."""

    name: str
    """Part of its file name: letters, digits and hyphens."""
    caption: str
    alternative: str
    """What it shows, in words."""
    draw: Callable[[], Figure]
    wide: bool = False
    """Whether it wants the width of a page, not of a column."""
    aside: bool = False
    """Whether it is for a second look."""
    interactive: bool = False
    """Whether the page draws the same itself, from numbers, and needs it as a file for print only."""


def drawings(
    conditions: Sequence[Condition],
    comparisons: Sequence[Comparison],
    trials: pd.DataFrame,
    evaluations: pd.DataFrame,
    variants: Sequence[Variant],
) -> Iterator[Drawing]:
    """The figures of an experiment in the order of reading; those for which there is nothing yet are left out.

    Learning curves come first, or last where a grid makes them many.
    """
    curves = list(_curves(conditions, comparisons, trials, evaluations, variants)) if len(evaluations) else []
    gridded = any(condition.coordinates for condition in conditions)
    finals = _finals(conditions, comparisons, trials, variants)
    baseline = comparisons[0].baseline if comparisons else variants[0].name
    times = list(_times(conditions, variants, baseline))
    yield from (*finals, *times, *curves) if gridded else (*curves, *finals, *times)


def _times(conditions: Sequence[Condition], variants: Sequence[Variant], baseline: str) -> Iterator[Drawing]:
    """When the runs got to each target: one figure for all of them, or with a grid one for each."""
    places = _by_place(conditions)
    panels = [
        TargetPanel(f"{title}, to {target} %" if title else f"to {target} %", target, {c.variant: c for c in place})
        for target in TARGETS
        for title, place in places.items()
        if any(condition.times["steps"][target].reached for condition in place)
    ]
    if len(places) == 1 and len(variants) > MANY:
        for panel in panels:
            text = (
                f"Share of runs that have reached a validation accuracy of {panel.target} %, a panel for each variant."
            )
            words = f"{text} Kaplan-Meier curves. {_reached(panel)}."
            draw = partial(times_apart, panel, variants, baseline)
            yield Drawing(f"time-to-{panel.target}", text, words, draw, wide=True, aside=True)
        return
    groups = [panels] if len(places) == 1 else [[p for p in panels if p.target == target] for target in TARGETS]
    for group in filter(None, groups):
        name = "time-to-target" if len(places) == 1 else f"time-to-{group[0].target}"
        for file, part in _spread(name, group):
            *first, last = dict.fromkeys(str(panel.target) for panel in part)
            targets = f"{', '.join(first)} and {last} %" if first else f"{last} %"
            yield Drawing(
                file,
                f"Share of runs that have reached a validation accuracy of {targets}, against training steps.",
                f"Line plot of Kaplan-Meier curves. {'; '.join(_reached(panel) for panel in part)}.",
                partial(time_to_target, part, variants),
                wide=len(part) > 2,
                aside=len(places) > 1,
            )


def _reached(panel: TargetPanel) -> str:
    counts = (f"{name} {steps(each.times['steps'][panel.target])}" for name, each in panel.conditions.items())
    return f"{panel.title[0].upper()}{panel.title[1:]}, median steps: {', '.join(counts)}"


def _finals(
    conditions: Sequence[Condition],
    comparisons: Sequence[Comparison],
    trials: pd.DataFrame,
    variants: Sequence[Variant],
) -> Iterator[Drawing]:
    """Accuracy after the last step: along the axes of a grid, as differences, and seed by seed."""
    some = any(condition.accuracy.n for condition in conditions)
    for key in dict.fromkeys(key for condition in conditions for key in condition.coordinates if some):
        values = {repr(condition.coordinates.get(key)) for condition in conditions}
        if len(values) > 1:
            yield Drawing(
                f"accuracy-by-{_slug(key_label(key))}",
                f"Test accuracy against {key_label(key)}.",
                f"Line plot of test accuracy in per cent. {_accuracies(conditions)}.",
                partial(accuracy_along, key, conditions, trials, variants),
                wide=any(len(condition.coordinates) > 1 for condition in conditions),
            )
    if any(comparison.difference.n for comparison in comparisons):
        yield Drawing(
            "differences",
            "Difference in test accuracy from the baseline, pair by pair, in percentage points.",
            "Forest plot. " + "; ".join(_difference(comparison) for comparison in comparisons) + ".",
            partial(forest, comparisons, variants),
        )
    for name, part in _spread("accuracy", list(_by_place(conditions).values()) if some else []):
        mine = [condition for place in part for condition in place]
        yield Drawing(
            name,
            "Test accuracy after the last step: every seed, and the mean with its 95 % interval.",
            f"Dot plot of test accuracy in per cent. {_accuracies(mine)}.",
            partial(final_accuracy, mine, trials, variants),
            wide=len(part) > 1,
        )


def _curves(
    conditions: Sequence[Condition],
    comparisons: Sequence[Comparison],
    trials: pd.DataFrame,
    evaluations: pd.DataFrame,
    variants: Sequence[Variant],
) -> Iterator[Drawing]:
    """Accuracy and loss against steps and seconds: one figure each; with a grid, or many variants, one for each
    kind of data too."""
    places = _by_place(conditions)
    phases = [
        (title, column)
        for title, column in (("validation", "validation"), ("training", "train"))
        if evaluations[f"{column}_loss"].notna().any() or evaluations[f"{column}_accuracy"].notna().any()
    ]
    rows = dict(iter(trials.groupby("point")))
    looks = dict(iter(evaluations.groupby("point")))
    kinds: tuple[Kind, Kind] = ("accuracy", "loss")
    for x, against in (("step", "steps"), ("seconds", "seconds")):
        for kind in kinds:

            def panel(title: str, place: Sequence[Condition], column: str, x: str = x, kind: Kind = kind) -> CurvePanel:
                curves: Mapping[str, Curve] = {
                    each.variant: curve(rows[each.point], looks[each.point], f"{column}_{kind}", x)
                    for each in place
                    if each.point in looks
                }
                return CurvePanel(title, curves)

            caption = f"{kind.capitalize()} against {against}{' of training' if x == 'seconds' else ''}"
            words = "Learning curves with both axes logarithmic; the numbers are in evaluations.csv."
            if len(places) == 1 and len(variants) > MANY:
                [place] = places.values()
                baseline = comparisons[0].baseline if comparisons else variants[0].name
                for title, column in phases:
                    draw = partial(curves_apart, panel(title, place, column), variants, baseline, kind, x)
                    text = f"{title.capitalize()} {caption[0].lower()}{caption[1:]}, a panel for each variant."
                    second = title == "training" or x == "seconds"
                    yield Drawing(
                        f"{kind}-{against}-{title}", text, f"{text} {words}", draw, True, second, interactive=True
                    )
                continue
            if len(places) == 1:
                [place] = places.values()
                panels = [panel(title, place, column) for title, column in phases]
                draw = partial(learning_curves, panels, variants, kind, x)
                titles = " and ".join(title for title, _ in phases)
                text = f"{caption}, {titles}."
                yield Drawing(f"{kind}-{against}", text, f"{text} {words}", draw, interactive=True)
                continue
            for title, column in phases:
                for name, part in _spread(f"{kind}-{against}-{title}", list(places)):
                    panels = [panel(label, places[label], column) for label in part]
                    draw = partial(learning_curves, panels, variants, kind, x)
                    text = (
                        f"{title.capitalize()} {caption[0].lower()}{caption[1:]}, a panel for each place of the grid."
                    )
                    yield Drawing(
                        name,
                        text,
                        f"{text} {words}",
                        draw,
                        wide=len(part) > 2,
                        aside=title == "training" or x == "seconds",
                        interactive=True,
                    )


def _by_place(conditions: Sequence[Condition]) -> dict[str, list[Condition]]:
    places: dict[str, list[Condition]] = {}
    for condition in conditions:
        places.setdefault(place_label(condition.coordinates), []).append(condition)
    return places


def _spread(name: str, panels: Sequence[T]) -> Iterator[tuple[str, Sequence[T]]]:
    """`panels` in parts that fit on a page, each with the name of its figure."""
    for k, first in enumerate(range(0, len(panels), PANELS), 1):
        yield (name if k == 1 else f"{name}-{k}"), panels[first : first + PANELS]


def _slug(text: str) -> str:
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in text).split()) or "key"


def _accuracies(conditions: Sequence[Condition]) -> str:
    return "; ".join(f"{_where(each)}{interval(each.accuracy)}, n={each.accuracy.n}" for each in conditions)


def _difference(comparison: Comparison) -> str:
    return f"{_where(comparison)}{interval(comparison.difference, sign=True)}, n={comparison.difference.n}"


def _where(each: Condition | Comparison) -> str:
    label = place_label(each.coordinates)
    return f"{each.variant}{f' at {label}' if label else ''}: "
