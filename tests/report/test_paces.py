"""How much faster a variant is: pair by pair, with runs that never get there and diverged ones counted."""

import math

import numpy as np
import pytest
from made_up import build

from bnexp.report.comparisons import comparisons, conditions
from bnexp.report.paces import paces
from bnexp.report.tables import summary
from bnexp.results.frames import evaluations, trials
from bnexp.stats.multiplicity import holm


def analysed(store, plan):
    frame = trials(store, plan)
    return conditions(frame, evaluations(store, plan), plan), comparisons(frame, plan)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    faults = {("none", 64, 1): "diverged", ("ln", 64, 2): "missing", ("gn", 64, 3): "other-weights"}
    return analysed(*build(tmp_path_factory.mktemp("results"), batch_sizes=(), seeds=8, faults=faults))


def point(experiment, variant):
    return next(each.point for each in experiment[0] if each.variant == variant)


def test_a_pair_whose_baseline_diverged_stays_in_with_the_whole_budget(experiment):
    pace = paces(*experiment)[point(experiment, "bn-pre"), 98]
    assert (pace.ratio.ratio.n, pace.missed, pace.baseline_missed, pace.ratio.budget) == (8, 0, 1, 2532)
    mine, base = (experiment[0][point(experiment, name)].runs[98] for name in ("bn-pre", "none"))
    times = np.nan_to_num(np.array(base.reached), nan=2532)
    assert pace.ratio.ratio.mean == pytest.approx(np.mean(mine.reached) / times.mean())
    assert pace.baseline_restricted == pytest.approx(times.mean())
    assert pace.saved.mean == pytest.approx(np.mean(mine.reached) - times.mean())


@pytest.mark.parametrize(("variant", "pairs"), [("ln", 7), ("gn", 7), ("bn-post", 8)])
def test_pairs_that_are_missing_or_did_not_start_alike_are_in_no_ratio(experiment, variant, pairs):
    assert paces(*experiment)[point(experiment, variant), 98].ratio.ratio.n == pairs


def test_the_family_of_holm_is_the_comparisons_to_one_target(experiment):
    for target in (98, 99):
        here = [pace for (_, to), pace in paces(*experiment).items() if to == target]
        assert [pace.p_holm for pace in here] == pytest.approx(holm([pace.test.p for pace in here]), nan_ok=True)


def test_where_neither_side_gets_there_there_is_no_ratio(tmp_path):
    found = paces(*analysed(*build(tmp_path, batch_sizes=(), variants=("none", "gn"), seeds=3, faults={})))
    pace = next(pace for (_, target), pace in found.items() if target == 99)
    assert math.isnan(pace.ratio.ratio.mean)
    assert pace.verdict == "nothing"


def test_the_table_holds_them_unrounded(experiment):
    row = summary(*experiment).set_index("variant").loc["bn-pre"]
    pace = paces(*experiment)[point(experiment, "bn-pre"), 99]
    assert row["steps_ratio_99"] == pace.ratio.ratio.mean
    assert (row["steps_ratio_low_99"], row["steps_ratio_high_99"]) == pace.ratio.ratio[1:3]
    assert row["steps_saved_99"] == -pace.saved.mean > 0
    assert row["steps_saved_low_99"] < row["steps_saved_99"] < row["steps_saved_high_99"]
    assert row["steps_ratio_censored_99"] == pace.ratio.censored == 8
