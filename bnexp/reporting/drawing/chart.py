"""Learning curves as data for the page: rounded numbers and texts, which its script puts in their places.

The script computes what follows from what a reader has chosen: scales, and which ticks find room.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bnexp.evidence.condition import Condition
from bnexp.reporting.drawing.curve import by_seed_and_step, mean_intervals
from bnexp.reporting.drawing.figures import ACCURACIES, Variant
from bnexp.reporting.drawing.learning_curves import X_LABELS
from bnexp.reporting.numbers import ABSENT, decimals, fixed, significant
from bnexp.specs.wording import place_label

MEASURES = {
    "validation_accuracy": "validation accuracy (%)",
    "train_accuracy": "training accuracy (%)",
    "validation_loss": "validation loss (nats)",
    "train_loss": "training loss (nats)",
}

SEED_DECIMALS = 3
"""Of an accuracy in per cent: one image of 60,000 is 0.0017 points."""

SEED_DIGITS = 4
"""Significant digits of a loss and of seconds."""

Numbers = list[float | None]


def chart(
    conditions: Sequence[Condition], trials: pd.DataFrame, evaluations: pd.DataFrame, variants: Sequence[Variant]
) -> dict[str, Any]:
    """What the page draws its learning curves from; empty where no trial was evaluated.

    `measures`: those that were evaluated, key to name with unit; `axes`: the same for what they stand against.
    `ticks`: of accuracies on a stretched axis.  `variants`: name and look.  `places`: of the grid.  `curves`: one per
    condition, with `variant` and `place` as indices of these lists; `step`, `examples` and `seconds` (mean over the
    finished trainings) of its e evaluations, and `at`, the same as texts; `mean`: measure to [means, lower ends, upper
    ends], each (e,), `shown`: these as a text, `digits`: decimals for its seeds, `n`: finished trainings with a value;
    `seeds`: each with its `seconds` and measures, (e,).  Accuracies in per cent; None where there is no value.
    """
    measures = {key: name for key, name in MEASURES.items() if evaluations[key].notna().any()}
    if not measures:
        return {}
    places = list(dict.fromkeys(place_label(each.coordinates) for each in conditions))
    names = [variant.name for variant in variants]
    rows, looks = dict(iter(trials.groupby("point"))), dict(iter(evaluations.groupby("point")))
    return {
        "measures": measures,
        "axes": {key: X_LABELS[key] for key in ("step", "examples", "seconds")},
        "ticks": ACCURACIES,
        "variants": [
            {
                "name": variant.name,
                "colour": variant.look.colour,
                "dash": [] if variant.look.line == "solid" else list(variant.look.line[1]),
                "marker": variant.look.marker,
            }
            for variant in variants
        ],
        "places": places,
        "curves": [
            {
                "variant": names.index(each.variant),
                "place": places.index(place_label(each.coordinates)),
                **_curve(rows[each.point], looks[each.point], list(measures)),
            }
            for each in conditions
            if each.point in looks
        ],
    }


def _curve(trials: pd.DataFrame, evaluations: pd.DataFrame, measures: Sequence[str]) -> dict[str, Any]:
    """One variant at one place of the grid."""
    numbers = trials["seed"].to_numpy(int)
    ok = numbers[trials["status"].to_numpy(object) == "ok"]
    seeds, steps, tables = by_seed_and_step(evaluations, ["examples", "seconds", *measures])
    examples, seconds = tables[:2]
    values = {key: table * (100 if _is_share(key) else 1) for key, table in zip(measures, tables[2:], strict=True)}
    whole = np.isin(seeds, ok)
    seen = np.nanmax(examples, axis=0).astype(int).tolist()  # the same for every seed that has them
    means = {key: mean_intervals(table[whole]) for key, table in values.items()}
    clock = mean_intervals(seconds[whole])[0]
    return {
        "planned": len(trials),
        "step": steps.tolist(),
        "examples": seen,
        "seconds": [_digits(value) for value in clock],
        "at": {
            "step": [f"step {step:,}" for step in steps],
            "examples": [f"{number:,} examples" for number in seen],
            "seconds": [f"{significant(value, 3)} s" if math.isfinite(value) else None for value in clock],
        },
        "mean": {key: _estimates(found) for key, found in means.items()},
        "shown": {key: [_shown(key, *each) for each in found.T] for key, found in means.items()},
        "digits": {key: [_of_seeds(key, *each) for each in found.T] for key, found in means.items()},
        "n": {key: np.isfinite(table[whole]).sum(axis=0).tolist() for key, table in values.items()},
        "seeds": [
            {
                "seed": int(seed),
                "finished": bool(whole[k]),
                "seconds": [_digits(value) for value in seconds[k]],
                **{key: _seed(key, table[k]) for key, table in values.items()},
            }
            for k, seed in enumerate(seeds)
        ],
    }


def _decimals(measure: str, _: float, low: float, high: float) -> int:
    """Of a mean with this interval."""
    return decimals((high - low) / 2, otherwise=2 if _is_share(measure) else 4)


def _of_seeds(measure: str, mean: float, low: float, high: float) -> int:
    """Decimals of the seeds behind it."""
    places = _decimals(measure, mean, low, high)
    return max(places, 2) if _is_share(measure) else places + 1


def _shown(measure: str, mean: float, low: float, high: float) -> str | None:
    """`99.21 % [99.15, 99.27]`, `0.0312 [—]`; None without a finished training."""
    if math.isnan(mean):
        return None
    places = _decimals(measure, mean, low, high)
    span = f"{fixed(low, places)}, {fixed(high, places)}" if math.isfinite(low) else ABSENT
    return f"{fixed(mean, places)}{' %' if _is_share(measure) else ''} [{span}]"


def _is_share(measure: str) -> bool:
    return measure.endswith("accuracy")


def _estimates(intervals: np.ndarray) -> list[Numbers]:
    """Means, lower and upper ends, shape (3, e), to two digits beyond those that a reader is shown."""
    places = [decimals((high - low) / 2) + 2 for _, low, high in intervals.T]
    return [[_rounded(value, k) for value, k in zip(row, places, strict=True)] for row in intervals]


def _seed(measure: str, values: Iterable[float]) -> Numbers:
    return [_rounded(value, SEED_DECIMALS) if _is_share(measure) else _digits(value) for value in values]


def _rounded(value: float, places: int) -> float | None:
    return round(float(value), places) if math.isfinite(value) else None


def _digits(value: float) -> float | None:
    return float(f"{value:.{SEED_DIGITS}g}") if math.isfinite(value) else None
