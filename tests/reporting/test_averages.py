"""Sentences on moving averages: how long they lag, and what recalibrated statistics change."""

import pytest
from made_up import build

from bnexp.evidence.experiment import Evidence
from bnexp.reporting.parts.differences import differences
from bnexp.reporting.parts.moving_averages import moving_averages, settled


def said(root, **arguments):
    part = moving_averages(Evidence(*build(root, **arguments)), None)
    return part.sentences if part else ()


@pytest.mark.parametrize(("momentum", "steps"), [(0.99, 459), (0.9, 44), (0.0, 1)])
def test_an_average_has_settled_at_the_first_step_with_less_than_a_hundredth_left(momentum, steps):
    assert settled(momentum) == steps
    assert momentum**steps < 0.01 <= momentum ** (steps - 1)


def test_the_lag_is_told_once_for_all_variants_that_share_a_momentum(tmp_path):
    lag = [text for text in said(tmp_path) if "use moving averages" in text]
    assert len(lag) == 1
    assert lag[0].startswith("Validation and test figures of bn-pre and bn-post use moving averages (momentum 0.99)")
    assert "until step 459" in lag[0]


def test_a_training_that_ends_before_its_averages_settle_is_named(tmp_path):
    """One epoch of 54,000 images in batches of 256 is 211 steps: 0.99^211 = 12 %."""
    found = [text for text in said(tmp_path, batch_sizes=(16, 256), epochs=1) if "training ends" in text]
    assert found
    assert all(
        "at batch size 256" in text and "after 211 steps" in text and "still hold 12 %" in text for text in found
    )


def test_recalibration_is_reported_with_its_interval(tmp_path):
    found = [text for text in said(tmp_path, batch_sizes=(16, 64)) if text.startswith("bn-pre at batch size 16:")]
    assert len(found) == 1
    assert "recalibration gains (95 % interval +0.40 to +0.40 pp, n = " in found[0]


def test_a_conclusion_names_the_moving_averages_where_they_are_to_blame(tmp_path):
    """At batch size 16 recalibration of the made-up records gains 0.4 points in every trial; `ln` has none."""
    evidence = Evidence(*build(tmp_path, batch_sizes=(16,), variants=("none", "bn-pre", "ln"), faults={}))
    [bn, ln] = differences(evidence, None).sentences
    assert "with recalibrated statistics the same weights reach 99.11 % instead of 98.71 %" in bn
    assert "recalibrated" not in ln


def test_methods_that_do_not_depend_on_the_batch_are_not_spoken_of(tmp_path):
    assert said(tmp_path, variants=("none", "ln", "gn")) == ()
