"""What each probe measured: a part for each, with curves over the steps and a table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import pandas as pd

from bnexp.evidence.condition import Condition
from bnexp.evidence.experiment import Evidence
from bnexp.records.quantities import surroundings
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
    if not (rows := list(_rows(probe, evidence, measured))):
        return None
    shown = _shown([row.key for row in rows])
    figures = tuple(_figures(name, probe, rows, shown, context))
    some = len(shown) < len({row.key for row in rows})
    source = f" ({probe.paper}, {probe.link})" if probe.paper else ""
    return Part(
        probe.title,
        (probe.__doc__ or "").rstrip("."),
        paragraphs=(f"{probe.title}: {probe.definition}{source}.",),
        sentences=tuple(_about_times(name, evidence) if probe.timing else ()),
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
        known = [key for key in found if key[0] in order]  # a later version may measure more
        for key in sorted(known, key=lambda key: order.index(key[0])):
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
    axis = "after the last step" if _once(rows) else "against training steps"
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
                f"{probe.title}{at}: {_mean(probe)} over seeds with 95 % interval, {axis}.",
                f"{', '.join(panel.title for panel in some)}{at}: a {'point' if _once(rows) else 'line'} "
                "for each variant.",
                partial(probe_curves, some, context.variants, _mean(probe)),
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
            looks = {"after the last step": every[-1]} if _once(rows) else looks
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
    middle = f"middle: the look in the middle of {len(next(iter(rows)).measured.steps)}"
    return Table(
        f"{probe.title}",
        pd.DataFrame(text, dtype="object").fillna(ABSENT),
        numbers=pd.DataFrame(numbers),
        file=name,
        legend=(
            *([] if _once(rows) else [f"Start: before the first step; end: after the last; {middle}."]),
            f"The {_mean(probe)} over the finished trainings, with its 95 % interval.",
            *(["Of the layers eight are shown; the CSV has all."] if some else []),
        ),
    )


def _once(rows: Sequence[_Row]) -> bool:
    """Whether there was one look alone, after the last step."""
    return all(len(row.measured.steps) == 1 for row in rows)


def _about_times(name: str, evidence: Evidence) -> Iterator[str]:
    """What else bears on these times, as far as the records tell."""
    records = [each.record for each in evidence.planned if each.record and each.record.probes.get(name)]
    crowded = sum(record.execution.get("jobs", 1) > 1 for record in records)
    if crowded:
        yield (
            f"{crowded} of {len(records)} trials ran beside others, which slows them by an unknown amount; run with "
            "--jobs 1 to compare times."
        )
    if len({str(surroundings(record)) for record in records}) > 1:
        yield "The trials ran on different machines, or with different settings, so that times compare with care."
    yield "What else the machine did is not recorded; raw and folded model were called in turn, so it slowed both."


def _mean(probe: type[Probe]) -> str:
    """What is taken over the seeds: a geometric mean of what has a logarithmic scale."""
    plain = [value.label for value in probe.values.values() if value.scale == "linear"]
    if len(plain) == len(probe.values):
        return "mean"
    return f"geometric mean (of {' and '.join(plain)} the arithmetic mean)" if plain else "geometric mean"


def _shown_number(mean: Interval) -> Number | str:
    if not mean.n:
        return ABSENT
    return interval(mean) if mean.half_width > 0 else significant(mean.mean, 3)
