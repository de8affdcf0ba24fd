"""Which classes are missed: the share of each one's test images, over the seeds."""

import numpy as np
import pandas as pd

from bnexp.evidence.experiment import Evidence
from bnexp.reporting.numbers import ABSENT, fixed, headings
from bnexp.reporting.part import Context, Part, Table


def classes(evidence: Evidence, _: Context) -> Part | None:
    """A row per condition, a column per class; None before a trial has been tested."""
    shares = {each.point: missed(evidence, each.point) for each in evidence.conditions}
    if not any(each.size for each in shares.values()):
        return None
    rows = [
        {
            "variant": each.variant,
            **headings(each.coordinates),
            **{f"class {k}": fixed(share, 1) for k, share in enumerate(shares[each.point])},
        }
        for each in evidence.conditions
    ]
    table = Table(
        f"Test images missed in {evidence.plan.name}, by class (%)",
        pd.DataFrame(rows, dtype="object").fillna(ABSENT),
        legend=("Share of each class's test images that were misclassified, in per cent: mean over finished trials.",),
        page_only=True,
    )
    return Part("Missed test images by class", "per cent of each class", tables=(table,))


def missed(evidence: Evidence, point: int) -> np.ndarray:
    """Shares in per cent by class, (classes,), as means over the trials that are ok; (0,) without one."""
    tests = [record.test for record in evidence.sides[point].records.values() if record is not None and record.test]
    if not tests:
        return np.zeros(0)
    counts = np.array([test.examples_per_class for test in tests], dtype=float)
    with np.errstate(invalid="ignore"):  # a class without test images has no share
        wrong = 1 - np.array([test.correct_per_class for test in tests]) / counts
    return np.asarray(100 * wrong.mean(axis=0))
