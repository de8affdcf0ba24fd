"""Probes change no result: they confound nothing, and a difference in them alone is no other training."""

from made_up import record

from bnexp.evidence.agreement import agreement
from bnexp.evidence.confounds import audit
from bnexp.evidence.side import Side
from bnexp.records.record import ProbeLook
from bnexp.specs.trial import Trial, TrialSpec

STORED = record(Trial(TrialSpec(), 0), "none")


def probed(value: float):
    looks = (ProbeLook(step=0, values={"nll": {"model": value}}),)
    return STORED.model_copy(update={"probes": {"calibration": looks}})


def test_what_a_probe_measured_is_verified_and_tolerated() -> None:
    assert agreement(probed(2.3), probed(2.3)).verdict == "identical"
    found = agreement(probed(2.3), probed(2.4))
    assert found.verdict == "within tolerance"
    assert (found.first.where, found.first.key) == ("probe calibration (step 0)", "nll of model")


def test_times_are_not_verified() -> None:
    timed = [
        STORED.model_copy(
            update={"probes": {"inference-latency": (ProbeLook(step=1, values={"raw-1": {"model": milliseconds}}),)}}
        )
        for milliseconds in (1.0, 2.0)
    ]
    assert agreement(*timed).verdict == "identical"


def test_probes_of_one_side_confound_nothing() -> None:
    spec = STORED.spec
    sides = [Side("a", each, {0: STORED}, {}, 0) for each in (spec, spec | {"probes": [{"name": "calibration"}]})]
    assert audit(*sides).declared == ()
    assert audit(*sides, "versions").undeclared == ()
