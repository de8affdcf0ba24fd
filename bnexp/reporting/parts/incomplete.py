"""What stands above everything else: trials that are missing, failed, diverged or did not train."""

import pandas as pd

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.side import ordered_points
from bnexp.records.plan import StoredPlan
from bnexp.reporting.part import Context, Part
from bnexp.reporting.phrases import first, named
from bnexp.specs.wording import ranges

REMARKS = {
    "missing": ("is missing", "are missing", ""),
    "failed": ("failed", "failed", ""),
    "diverged": ("diverged", "diverged", " Diverged trials are counted as such, and are in no mean."),
    "untrained": (
        "did not train",
        "did not train",
        " They end hardly above guessing, and are left out of differences.",
    ),
}


def incomplete(evidence: Evidence, _: Context) -> Part | None:
    """One sentence for each kind."""
    found = sentences(evidence.trials, evidence.plan)
    failures = [each.record.failure for each in evidence.planned if each.record is not None and each.record.failure]
    if failures:
        first_line = (failures[0].message.strip() or failures[0].kind).splitlines()[0]
        found.append(f"The first that failed said: {first_line}")
    return Part(region="notice", sentences=tuple(found)) if found else None


def sentences(trials: pd.DataFrame, plan: StoredPlan) -> list[str]:
    """`3 of 50 trials are missing: ln at batch size 16 (seeds 3, 4), gn at batch size 64 (seed 4).`"""
    found, kinds = [], trials["status"].mask((trials["status"] == "ok") & ~trials["trained"].fillna(True), "untrained")
    for status, (one, many, remark) in REMARKS.items():
        seeds = trials[kinds == status].groupby("point")["seed"].agg(list).to_dict()
        where = [
            f"{named(plan.points[k])} ({'seed' if len(seeds[k]) == 1 else 'seeds'} {ranges(seeds[k], '–', 3)})"
            for k in ordered_points(plan)
            if k in seeds
        ]
        if n := sum(map(len, seeds.values())):
            told = first(where, ", ", ", and at {} more places")
            found.append(f"{n} of {len(trials)} trials {one if n == 1 else many}: {told}.{remark}")
    return found
