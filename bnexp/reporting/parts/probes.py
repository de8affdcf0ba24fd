"""What each probe measured: a part for each, with curves over the steps and a table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import pandas as pd

from bnexp.evidence.condition import Condition
from bnexp.evidence.experiment import Evidence
from bnexp.reporting.drawing.figures import spread
from bnexp.reporting.drawing.probes import Measured, Panel, probe_curves
from bnexp.reporting.numbers import ABSENT, Number, headings, interval, significant
from bnexp.reporting.part import Context, Figure, Part, Table
from bnexp.reporting.phrases import places
from bnexp.specs.probes import MODEL, PROBES, Probe
from bnexp.stats.estimates import Interval

LAYERS = 8
"""So many are shown; of more, these at equal distances, the first and the last among them."""

Key = tuple[str, str]
"""A number of the probe's spec, and the layer that it is of."""


_KEY = ["quantity", "layer"]


class _Row(NamedTuple):
    condition: Condition
    key: Key
    measured: Measured


def __getattr__(name: str) -> Callable[[Evidence, Context], Part | None]:
    """The part of the probe of this name, for the table of parts."""
    if name in PROBES:
        return partial(_part, PROBES[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _part(probe: type[Probe], evidence: Evidence, context: Context) -> Part | None:
    """None where nothing was measured."""
    name = probe.model_fields["name"].default
    measured = evidence.probes[evidence.probes["probe"] == name]
    if measured.empty:
        return None
    rows = list(_rows(probe, evidence, measured))
    shown = _shown([row.key for row in rows])
    figures = tuple(_figures(name, probe, rows, shown, context))
    some = len(shown) < len({row.key for row in rows})
    source = f" ({probe.paper}, {probe.link})" if probe.paper else ""
    return Part(
        probe.title,
        (probe.__doc__ or "").rstrip("."),
        paragraphs=(f"{probe.title}: {probe.definition}{source}.",),
        tables=(_table(name, probe, rows, shown, some=some),),
        figures=figures,
    )


def _rows(probe: type[Probe], evidence: Evidence, measured: pd.DataFrame) -> Iterator[_Row]:
    """Each number of each condition, in the order of the conditions, of the spec, and of the layers."""
    order = [*probe.values]
    tables = dict(iter(measured.groupby("point")))
    for each in evidence.conditions:
        if each.point not in tables:
            continue
        side = evidence.sides[each.point]
        finished, planned = [*side.of("ok")], len(side.records)
        found = {(str(key[0]), str(key[1])): table for key, table in tables[each.point].groupby(_KEY, sort=False)}
        for key in sorted(found, key=lambda key: order.index(key[0])):
            yield _Row(each, key, Measured(found[key], finished, planned, probe.values[key[0]].scale))


def _shown(keys: Sequence[Key]) -> list[Key]:
    """Each once, with `LAYERS` of the layers."""
    every = list(dict.fromkeys(keys))
    layers = [layer for layer in dict.fromkeys(layer for _, layer in every) if layer != MODEL]
    if len(layers) > LAYERS:
        layers = [layers[round(k * (len(layers) - 1) / (LAYERS - 1))] for k in range(LAYERS)]
    return [key for key in every if key[1] in (*layers, MODEL)]


def _label(probe: type[Probe], key: Key, layer: bool = True) -> str:
    """`conv1: share of dead units`, `effective smoothness β (nats)`."""
    value = probe.values[key[0]]
    of = f"{key[1]}: " if layer and key[1] != MODEL else ""
    return f"{of}{value.label}{f' ({value.unit})' if value.unit not in ('', 'share') else ''}"


def _figures(
    name: str, probe: type[Probe], rows: Sequence[_Row], shown: Sequence[Key], context: Context
) -> Iterator[Figure]:
    """One for each place of the grid, or several where there are more panels than fit on a page."""
    for k, (place, here) in enumerate(places(row.condition for row in rows).items()):
        points = {condition.point for condition in here.values()}
        found: dict[Key, dict[str, Measured]] = {key: {} for key in shown}
        for row in rows:
            if row.condition.point in points and row.key in found:
                found[row.key][row.condition.variant] = row.measured
        panels = [Panel(_label(probe, key), probe.values[key[0]].scale, each) for key, each in found.items() if each]
        for part, some in spread(f"{name}-{k + 1}" if k else name, panels):
            at = f", {place}" if place else ""
            yield Figure(
                part,
                f"{probe.title}{at}: {_mean(probe)} over seeds with 95 % interval, against training steps.",
                f"Curves of {', '.join(panel.title for panel in some)}{at}, a line for each variant.",
                partial(probe_curves, some, context.variants),
                wide=len(some) > 2,
                file_only=k > 0,
            )


def _table(name: str, probe: type[Probe], rows: Sequence[_Row], shown: Sequence[Key], *, some: bool) -> Table:
    text, numbers = [], []
    for condition, key, measured in rows:
        means = dict(zip(measured.steps.astype(int).tolist(), measured.means, strict=True))
        keys: Mapping[str, object] = {"variant": condition.variant, **condition.coordinates}
        value = probe.values[key[0]]
        numbers += [
            {**keys, "quantity": key[0], "layer": key[1], "unit": value.unit, "step": step}
            | {"mean": mean.mean, "low": mean.low, "high": mean.high, "n": mean.n}
            for step, mean in means.items()
        ]
        if key in shown:
            every = list(means)
            looks = {"start": every[0], "middle": every[len(every) // 2], "end": every[-1]}
            layer = {} if all(row.key[1] == MODEL for row in rows) else {"layer": key[1]}
            text.append(
                {
                    "variant": condition.variant,
                    **headings(condition.coordinates),
                    **layer,
                    "quantity": _label(probe, key, layer=False),
                    **{heading: _shown_number(means[step]) for heading, step in looks.items()},
                }
            )
    steps = next(iter(rows)).measured.steps
    return Table(
        f"{probe.title}",
        pd.DataFrame(text, dtype="object").fillna(ABSENT),
        numbers=pd.DataFrame(numbers),
        file=name,
        legend=(
            f"Start: before the first step; end: after the last; middle: the look in the middle of {len(steps)}.",
            f"The {_mean(probe)} over the finished trainings, with its 95 % interval.",
            *(["Of the layers eight are shown; the CSV has all."] if some else []),
        ),
    )


def _mean(probe: type[Probe]) -> str:
    """What is taken over the seeds."""
    return "geometric mean" if any(value.scale == "log" for value in probe.values.values()) else "mean"


def _shown_number(mean: Interval) -> Number | str:
    if not mean.n:
        return ABSENT
    return interval(mean) if mean.half_width > 0 else significant(mean.mean, 3)
