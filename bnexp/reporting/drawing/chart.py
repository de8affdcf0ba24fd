"""Learning curves as data for the page: rounded numbers and texts, which its script puts in their places.

The script computes what follows from what a reader has chosen: scales, and which ticks find room.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bnexp.evidence.condition import Condition
from bnexp.reporting.drawing.figures import ACCURACIES, Variant
from bnexp.reporting.drawing.learning_curves import AXES, MEASURES, Trainings
from bnexp.reporting.numbers import ABSENT, decimals, fixed, significant
from bnexp.specs.wording import place_label

SEED_DECIMALS = 3  # of an accuracy in per cent: one image of 60,000 is 0.0017 points

SEED_DIGITS = 4  # significant digits of a loss and of seconds


def chart(
    conditions: Sequence[Condition], trainings: Mapping[int, Trainings], variants: Sequence[Variant]
) -> dict[str, Any]:
    """What the page draws its learning curves from: those of the conditions by their point.

    `measures`: those that were evaluated, key to name with unit; `axes`: the same for what they stand against.
    `ticks`: of accuracies on a stretched axis.  `variants`: name and look.  `places`: of the grid.  `curves`: one per
    condition, with `variant` and `place` as indices of these lists; `step`, `examples` and `seconds` (mean over the
    finished trainings) of its e evaluations, and `at`, the same as texts; `mean`: each of its own measures to [means,
    lower ends, upper ends], each (e,), `shown`: these as a text, `digits`: decimals for its seeds, `n`: finished
    trainings with a value; `seeds`: each with its `seconds` and measures, (e,), but for
    those with moving averages where there are recalibrated ones.  Accuracies in per cent; None where there is no value.
    """
    measured = {
        point: [key for key in MEASURES if np.isfinite(each.values(key)).any()] for point, each in trainings.items()
    }
    measures = {key: name for key, name in MEASURES.items() if any(key in each for each in measured.values())}
    places = list(dict.fromkeys(place_label(each.coordinates) for each in conditions))
    names = [variant.name for variant in variants]
    return {
        "measures": measures,
        "axes": AXES,
        "ticks": ACCURACIES,
        "variants": [
            {"name": variant.name, "colour": variant.colour, "marker": variant.marker} for variant in variants
        ],
        "places": places,
        "curves": [
            {
                "variant": names.index(each.variant),
                "place": places.index(place_label(each.coordinates)),
                **_curve(trainings[each.point], measured[each.point]),
            }
            for each in conditions
            if each.point in trainings
        ],
    }


def _curve(trainings: Trainings, measures: Sequence[str]) -> dict[str, Any]:
    steps, examples = (np.nanmax(trainings.values(axis), axis=0).astype(int).tolist() for axis in ("step", "examples"))
    clock = trainings.mean("seconds")[0]
    found = {key: _measured(key, trainings) for key in measures}
    # Of what was learned every seed is drawn; beside it, with moving averages, the mean alone.
    averaged = {key.replace("recalibrated", "validation") for key in measures if key.startswith("recalibrated")}
    seeds = {key: trainings.values(key) for key in ["seconds", *measures] if key not in averaged}
    return {
        "planned": trainings.counts[1],
        "step": steps,
        "examples": examples,  # the same for every seed that has them
        "seconds": [_rounded("seconds", value) for value in clock],
        "at": {
            "step": [f"step {step:,}" for step in steps],
            "examples": [f"{number:,} examples" for number in examples],
            "seconds": [f"{significant(value, 3)} s" if math.isfinite(value) else None for value in clock],
        },
        **{name: {key: each[name] for key, each in found.items()} for name in ("mean", "shown", "digits", "n")},
        "seeds": [
            {
                "seed": int(seed),
                "finished": bool(trainings.finished[k]),
                **{key: [_rounded(key, value) for value in table[k]] for key, table in seeds.items()},
            }
            for k, seed in enumerate(trainings.seeds)
        ],
    }


def _measured(measure: str, trainings: Trainings) -> dict[str, list[Any]]:
    """`mean`, `shown`, `digits` and `n` of one measure.  Means have two digits beyond those that a reader is shown."""
    means, is_share = trainings.mean(measure), measure.endswith("accuracy")
    half_widths = (means[2] - means[1]) / 2
    exact = [decimals(half) + 2 for half in half_widths]
    places = [decimals(half, otherwise=2 if is_share else 4) for half in half_widths]
    return {
        "mean": [
            [round(float(value), k) if math.isfinite(value) else None for value, k in zip(row, exact, strict=True)]
            for row in means
        ],
        "shown": [_shown(each, k, " %" if is_share else "") for each, k in zip(means.T, places, strict=True)],
        "digits": [max(k, 2) if is_share else k + 1 for k in places],
        "n": np.isfinite(trainings.values(measure)[trainings.finished]).sum(axis=0).tolist(),
    }


def _shown(estimate: np.ndarray, places: int, unit: str) -> str | None:
    """`99.21 % [99.15, 99.27]`, `0.0312 [—]`; None without a finished training."""
    mean, low, high = estimate
    if math.isnan(mean):
        return None
    span = f"{fixed(low, places)}, {fixed(high, places)}" if math.isfinite(low) else ABSENT
    return f"{fixed(mean, places)}{unit} [{span}]"


def _rounded(measure: str, value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return round(float(value), SEED_DECIMALS) if measure.endswith("accuracy") else float(f"{value:.{SEED_DIGITS}g}")
