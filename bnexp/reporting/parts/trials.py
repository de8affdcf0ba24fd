"""Every planned trial as a row, for who wants to look behind a mean, with what repeats it."""

import pandas as pd

from bnexp.evidence.experiment import Evidence
from bnexp.records.plan import StoredPlan
from bnexp.reporting.numbers import ABSENT, cell, fixed, headings, significant
from bnexp.reporting.part import Context, Part, Table


def trials(evidence: Evidence, context: Context) -> Part:
    """A table for the page alone: as a file there is `trials.csv`."""
    plan = evidence.plan
    text = readable(evidence.trials, plan)
    commands = []
    for point, seed, status in evidence.trials[["point", "seed", "status"]].itertuples(index=False, name=None):
        repeats = context.repeats[point].trials[seed]
        if status not in ("ok", "diverged"):  # only a trial that has a result can be verified
            repeats = {name: command for name, command in repeats.items() if name != "verify"}
        commands.append(repeats)
    table = Table(
        f"Trials of {plan.name}",
        text,
        legend=("Test figures are those of the last step; `bnexp show TRIAL` prints all that is stored of a trial.",),
        commands=commands,
        about_commands="The commands train one trial alone, or train it again and compare (verify).",
        page_only=True,
    )
    return Part("Every trial", f"{len(text)} rows, each with the command that repeats it", tables=(table,))


def readable(trials: pd.DataFrame, plan: StoredPlan) -> pd.DataFrame:
    """One row per row of `trials` (`records.frames`), in its order: place, seed, what became of it, test figures."""
    heads = [{"variant": point.variant, **headings(point.coordinates)} for point in plan.points]
    rows = [
        {
            **heads[row["point"]],
            "seed": cell(row["seed"]),
            "status": row["status"],
            "test accuracy (%)": fixed(100 * row["test_accuracy"], 2),
            "test loss (nats)": significant(row["test_loss"], 3),
            "training (s)": significant(row["seconds_train"], 3),
            "trial": row["folder"] if row["status"] != "missing" else ABSENT,
        }
        for row in trials.to_dict("records")
    ]
    return pd.DataFrame(rows, dtype="object")
