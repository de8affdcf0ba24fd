"""What probes have measured, as the metric of a claim."""

import json
import math

import pytest
from made_up import build
from made_up_claims import claim

from bnexp.claims.contrast import contrasts, measure
from bnexp.claims.rules import shown
from bnexp.evidence.experiment import Evidence

LOOKS = {0: (1.0, 100.0), 10: (10.0, 10.0), 100: (100.0, 1.0)}
"""Step to the numbers of two layers of `none`; of `bn-pre` they are as the factor says."""


def compared(tmp_path, look, factor=lambda step: 2.0, spoilt=(), short=()):
    """The contrast of `bn-pre` and `none`; `none` has a 0 in seeds `spoilt` and no last look in `short`."""
    store, plan = build(tmp_path, variants=("none", "bn-pre"), batch_sizes=(), seeds=8, faults={})
    for path in store.root.glob("trials/*/record.json"):
        record = json.loads(path.read_text())
        batch = record["spec"]["norm"]["name"] == "batch"
        looks = dict([*LOOKS.items()][: 2 if record["seed"] in short and not batch else 3])
        zero = record["seed"] in spoilt and not batch
        record["probes"] = {
            "covariate-shift": [
                {
                    "step": step,
                    "values": {
                        "l2": {"a": (k := factor(step) ** batch * (not zero or step > 0)) * one, "b": k * other}
                    },
                }
                for step, (one, other) in looks.items()
            ]
        }
        path.write_text(json.dumps(record))
    asked = claim({"name": "ratio", "below": 1, "look": look}, treatment="bn-pre", metric="covariate-shift.l2")
    assert measure(asked) == "covariate shift (shift, L2)"
    (found,) = contrasts(asked, Evidence(store, plan))
    return found


@pytest.mark.parametrize(("look", "ratio"), [("every", 2**1.0), ("first", 2**0.0), ("last", 2**2.0)])
def test_looks_are_averaged_as_factors(tmp_path, look, ratio):
    """1, 2 and 4 times as large at the three looks; the median over layers is the same factor."""
    found = compared(tmp_path, look, lambda step: 2.0 ** [*LOOKS].index(step))
    assert (len(found.seeds), found.unit) == (8, "×")
    assert found.differences == pytest.approx([math.log10(ratio)] * 8)
    assert found.estimate.mean == pytest.approx(ratio)
    assert found.estimate.low < ratio < found.estimate.high
    assert list(found.course.values()) == pytest.approx({"every": [1, 2, 4], "first": [1], "last": [4]}[look])


@pytest.mark.parametrize("look", ["every", "first", "last"])
def test_a_trial_of_which_one_look_has_no_positive_number_is_no_pair(tmp_path, look):
    """A gradient that has vanished is no reason to look at the others alone."""
    found = compared(tmp_path, look, spoilt=(2, 5))
    assert found.seeds == (0, 1, 3, 4, 6, 7)
    assert (found.planned, len(found.outcomes)) == (8, 8)


def test_a_trial_that_diverged_before_the_other_did_is_no_pair(tmp_path):
    found = compared(tmp_path, "last", short=(3,))
    assert found.seeds == (0, 1, 2, 4, 5, 6, 7)


@pytest.mark.parametrize(("jobs", "refused"), [(1, False), (2, True)])
def test_times_that_were_taken_beside_other_trials_decide_nothing(tmp_path, jobs, refused):
    store, plan = build(tmp_path, variants=("none", "bn-pre"), batch_sizes=(), seeds=8, faults={})
    for path in store.root.glob("trials/*/record.json"):
        record = json.loads(path.read_text())
        time = 2.0 if record["spec"]["norm"]["name"] == "batch" else 1.0
        record["probes"] = {"inference-latency": [{"step": 100, "values": {"raw-1": {"model": time}}}]}
        record["execution"]["jobs"] = jobs
        path.write_text(json.dumps(record))
    rule = {"name": "ratio", "above": 1}
    asked = claim(rule, treatment="bn-pre", metric="inference-latency.raw-1")
    (found,) = contrasts(asked, Evidence(store, plan))
    assert found.differences == pytest.approx([math.log10(2)] * 8)
    assert (shown(asked, found).supported < 0.05) == (not refused)
    told = "16 of 16 trials were timed while others ran beside them; train them again with --jobs 1 --force"
    assert found.refusal == (told if refused else "")
