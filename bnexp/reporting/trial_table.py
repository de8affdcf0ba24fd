"""Every planned trial as a row of text, for who wants to look behind a mean."""

from typing import Any

import pandas as pd

from bnexp.records.plan import StoredPlan
from bnexp.reporting.numbers import ABSENT, fixed, headings, significant


def readable_trials(trials: pd.DataFrame, plan: StoredPlan) -> pd.DataFrame:
    """One row per row of `trials` (`results.frames`), in its order: place, seed, what became of it, test figures."""
    heads = [headings(point.coordinates) for point in plan.points]
    return pd.DataFrame([_row(row, plan, heads) for row in trials.to_dict("records")], dtype="object")


def _row(row: dict[Any, Any], plan: StoredPlan, heads: list[dict[str, str]]) -> dict[str, str]:
    point = row["point"]
    return {
        "variant": plan.points[point].variant,
        **heads[point],
        "seed": str(row["seed"]),
        "status": row["status"],
        "test accuracy (%)": fixed(100 * row["test_accuracy"], 2),
        "test loss (nats)": significant(row["test_loss"], 3),
        "training (s)": significant(row["seconds_train"], 3),
        "trial": row["folder"] if row["status"] != "missing" else ABSENT,
    }
