"""How much faster a variant is: pair by pair, with runs that never get there and diverged ones counted."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from made_up import build

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.time_to_accuracy import Runs, paired_times
from bnexp.records.store import read_record
from bnexp.reporting.drawing.figures import looks
from bnexp.reporting.parts import section
from bnexp.reporting.parts.differences import difference, headline
from bnexp.reporting.parts.time_to_accuracy import legend, numbers, readable, speed_line
from bnexp.reporting.parts.time_to_accuracy import sentences as convergence


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    faults = {("none", 64, 1): "diverged", ("ln", 64, 2): "missing", ("gn", 64, 3): "other-weights"}
    return Evidence(*build(tmp_path_factory.mktemp("results"), batch_sizes=(), seeds=8, faults=faults))


def two(root, seeds, *, diverged=(), change=None):
    """bn-pre against none; of bn-pre these seeds diverged, and `change` alters records, by norm and seed."""
    faults = {("bn-pre", 64, seed): "diverged" for seed in diverged}
    store, plan = build(root, batch_sizes=(), variants=("none", "bn-pre"), seeds=seeds, faults=faults)
    for path in root.glob("trials/*/record.json") if change else ():
        record = read_record(path)
        path.write_text(change(record, record.spec["norm"]["name"], record.seed).model_dump_json())
    return Evidence(store, plan)


def elsewhere(record, **execution):
    return record.model_copy(update={"execution": {**record.execution, **execution}})


def at_pace(record, factor):
    """With a clock that goes faster or slower."""
    looks = tuple(each.model_copy(update={"seconds": each.seconds * factor}) for each in record.evaluations)
    return record.model_copy(update={"evaluations": looks})


def point(experiment, variant):
    return next(each.point for each in experiment.conditions if each.variant == variant)


def test_a_pair_whose_baseline_diverged_stays_in_as_one_that_is_never_there(experiment):
    compared = experiment.times["steps"][point(experiment, "bn-pre"), 98]
    assert compared.ratio.n == 8
    base = experiment.conditions[point(experiment, "none")].runs["steps"][98]
    assert (math.isnan(base.reached[1]), base.watched[1], base.looks[1][-1]) == (True, 2532, 2532)
    assert compared.ratio.low < compared.ratio.mean < compared.ratio.high < 1
    assert (compared.verdict, compared.test.p) == ("lower", 2 / 2**8)


def test_nobody_is_seen_to_be_there_at_the_last_evaluation(experiment):
    """Because none confirms it: for the ratio a run is watched until the one before."""
    gn = next(each for each in experiment.conditions if each.variant == "gn").runs["steps"][98]
    for seed, times in zip(gn.seeds, gn.looks, strict=True):
        steps = experiment.evaluations.query(f"variant == 'gn' and seed == {seed}")["step"]
        assert [*times, 2532] == list(steps)


def test_examples_are_the_steps_times_the_batch_but_for_the_smaller_last_ones(experiment):
    """54,000 images are 843 batches of 64 and one of 48 an epoch."""
    for condition in experiment.conditions:
        steps, examples = (condition.runs[measure][98] for measure in ("steps", "examples"))
        assert set(steps.watched) == {3 * 844}
        assert set(examples.watched) == {3 * 54_000}
        done = np.array(steps.reached)
        assert examples.reached == pytest.approx(done * 64 - done // 844 * 16, nan_ok=True)


def test_seconds_are_those_of_the_record_and_a_diverged_run_is_watched_at_its_own_pace(tmp_path):
    store, plan = build(tmp_path, batch_sizes=(), seeds=3, faults={("ln", 64, 1): "diverged"})
    found = Evidence(store, plan)
    ln = next(each for each in found.conditions if each.variant == "ln").runs["seconds"][97]
    looks = found.evaluations.query("variant == 'ln'")
    for seed, reached, watched in zip(ln.seeds, ln.reached, ln.watched, strict=True):
        mine = looks[looks["seed"] == seed]
        last = mine.iloc[-1]
        assert watched == pytest.approx(last["seconds"] * 3 * 844 / last["step"])
        above = mine["validation_accuracy"] >= 0.97
        there = mine["seconds"][above & above.shift(-1, fill_value=False)]
        assert reached == pytest.approx(there.iloc[0] if len(there) else math.nan, nan_ok=True)
    assert ln.watched[1] > looks[looks["seed"] == 1]["seconds"].max()


def test_seconds_are_compared_only_within_pairs_that_shared_one_machine_alike(tmp_path):
    changes = {("batch", 0): {"jobs": 1}, ("batch", 3): {"threads": 2}}
    found = two(tmp_path, 6, change=lambda record, *which: elsewhere(record, **changes.get(which, {})))
    steps, seconds = (found.times[measure][point(found, "bn-pre"), 98] for measure in ("steps", "seconds"))
    assert (steps.ratio.n, steps.unlike) == (6, 0)
    assert (seconds.ratio.n, seconds.unlike) == (4, 2)
    assert "2 pairs are in no ratio of seconds" in " ".join(legend(found))
    assert "; 2 pairs left out that are not known to have shared one machine alike." in convergence(found)[1]
    assert "(4 pairs)" in readable(found)["seconds, of none's"].iloc[3]


def test_variants_with_their_own_batch_sizes_are_compared_in_examples_too(tmp_path):
    """At batch size 16 a variant takes four times the steps of one at 64, for the same examples."""
    store, plan = build(tmp_path, batch_sizes=(16, 64), variants=("none", "bn-pre"), seeds=4, faults={})
    points = [each for each in plan.points if each.variant == "none" and each.spec["training"]["batch_size"] == 64]
    points += [each for each in plan.points if each.variant != "none" and each.spec["training"]["batch_size"] == 16]
    own = plan.model_copy(update={"points": tuple(p.model_copy(update={"coordinates": {}}) for p in points)})
    found = Evidence(store, own)
    by = {measure: found.times[measure][1, 98].ratio.mean for measure in ("steps", "examples")}
    assert by["examples"] == pytest.approx(by["steps"] * 16 / 64, rel=0.02)
    assert "examples, of none's" in readable(found)
    assert " In examples: 0.1" in convergence(found)[0]
    assert "× [—] those of none" in convergence(found)[0]
    assert "examples" not in readable(Evidence(store, plan))


def test_a_run_on_a_faster_machine_sets_no_budget_for_the_others(tmp_path):
    """Twenty times as fast, and never at 99 %: that pair is left out, and with it its short budget."""
    which = ("none", 3)
    before = two(tmp_path / "before", 7).times["seconds"][1, 99]
    found = two(
        tmp_path / "after",
        7,
        change=lambda record, *each: elsewhere(at_pace(record, 0.05), device="gpu") if each == which else record,
    )
    after = found.times["seconds"][1, 99]
    assert (before.ratio.n, after.ratio.n, after.unlike) == (7, 6, 1)
    assert after.ratio.mean == pytest.approx(before.ratio.mean, rel=0.1)
    none = next(each for each in found.conditions if each.variant == "none")
    assert math.isnan(none.times["seconds"][99].budget)
    assert readable(found).query("variant == 'none'")["seconds"].iloc[-1] == "—"


def test_the_clock_of_a_diverged_run_decides_nothing(tmp_path):
    """Its seconds to the planned end are those of the others, however fast it went before it broke."""
    found = [
        two(
            tmp_path / str(factor),
            8,
            diverged=[2],
            change=lambda record, *each, f=factor: at_pace(record, f) if each == ("batch", 2) else record,
        ).times["seconds"][1, 98]
        for factor in (1, 0.001)
    ]
    assert found[0] == found[1]
    assert found[0].ratio.n == 8


def test_seconds_of_unknown_surroundings_are_compared_with_nothing(tmp_path):
    nothing = {"execution": {}, "environment": {}}
    found = two(tmp_path, 4, change=lambda record, *_: record.model_copy(update=nothing))
    compared = found.times["seconds"][1, 98]
    assert (compared.ratio.n, compared.unlike, compared.verdict) == (0, 4, "nothing")
    assert found.times["steps"][1, 98].ratio.n == 4
    assert convergence(found)[1].endswith(
        " In seconds of training: too few pairs for a ratio (n = 0); "
        "4 pairs left out that are not known to have shared one machine alike."
    )


def test_a_diverged_run_that_did_not_start_alike_is_in_no_ratio(tmp_path):
    def change(record, *which):
        other = record.fingerprints.model_copy(update={"order": "another order"})
        return record.model_copy(update={"fingerprints": other}) if which == ("batch", 1) else record

    assert two(tmp_path / "alike", 6, diverged=[1]).times["steps"][1, 98].ratio.n == 6
    found = two(tmp_path / "other", 6, diverged=[1], change=change)
    assert found.times["steps"][1, 98].ratio.n == 5
    assert found.comparisons[0].mismatches == {1: "order of the examples"}


def ratio_of(mine, base, budgets=(1000.0,)):
    """Of made-up times, looked at every 10; `nan` did not get there by the budget, which all or each pair has."""
    n = len(mine)
    ends = tuple(budgets) * (n // len(budgets))
    looks = tuple(tuple(np.arange(10.0, end + 1, 10.0)) for end in ends)
    sides = [Runs(tuple(range(n)), tuple(side), ends, ("here",) * n, looks) for side in (mine, base)]
    return paired_times(*sides)


def test_what_the_test_shows_its_interval_shows():
    """Fifteen seeds a little later and one far sooner: the test sees ranks, and so does the ratio."""
    compared = ratio_of([110.0] * 15 + [10.0], [100.0] * 15 + [900.0])
    assert compared.p_holm < 0.05
    assert compared.verdict == "higher"
    assert 1 <= compared.ratio.low < compared.ratio.mean
    assert replace(compared, p_holm=0.06).verdict == "undecided"


def test_one_pair_that_was_hardly_watched_sets_no_budget_for_the_others():
    """The tenth pair ended after 20 on both sides."""
    times = [[*(t + k for k in range(0, 90, 10)), math.nan] for t in (100.0, 300.0)]
    compared = ratio_of(*times, budgets=[1000.0] * 9 + [20.0])
    assert (compared.ratio.n, compared.verdict, compared.test.p) == (10, "lower", 2 / 2**9)
    assert compared.ratio.high < 0.7


def test_sides_that_were_watched_for_different_lengths_are_cut_at_the_shorter_one():
    """A swap within a pair must not change how long a side was watched."""
    n = 6
    mine = Runs(tuple(range(n)), (math.nan,) * n, (100.0,) * n, (None,) * n, ((50.0, 100.0),) * n)
    base = Runs(tuple(range(n)), (150.0,) * n, (300.0,) * n, (None,) * n, ((50.0, 100.0, 150.0, 300.0),) * n)
    compared = paired_times(mine, base)
    assert (compared.test.p, compared.verdict) == (1, "undecided")
    assert math.isnan(compared.ratio.mean)


@pytest.mark.parametrize(
    ("seeds", "diverged", "line"),
    [
        (6, (), r"98 % validation accuracy in 0\.3\d× the steps \[0\.\d\d, 0\.\d\d\]"),
        (5, (), r"98 % validation accuracy in 0\.3\d× the steps \(too few pairs for an interval\)"),
        (2, (), r"reaches 98 % validation accuracy at a median of 304–362 steps \(2 of 2\)"),
        (6, range(6), r"does not reach 98 % validation accuracy within 2,532 steps \(0 of 6\)"),
        (6, range(4), r"98 % validation accuracy in [\d.]+× the steps [\[(].*[\])]"),
    ],
)
def test_speed_in_a_line(tmp_path, seeds, diverged, line):
    """To 98 %: that is the highest which half of both sides reached, or else the baseline."""
    found = two(tmp_path, seeds, diverged=diverged)
    assert re.fullmatch(line, speed_line(found, 1))
    assert re.fullmatch(
        rf"reaches 98 % validation accuracy at a median of \S+ steps \({seeds} of {seeds}\)", speed_line(found, 0)
    )


def test_what_is_sooner_is_not_said_where_the_experiment_is_about_something_else(experiment):
    told = " ".join(convergence(experiment))
    assert not re.search("sooner|later than|higher|No difference", told)
    assert re.match(r"bn-pre to 97 %, exploratory: 0\.\d+× \[\S+, \S+\] the steps of none \(n = 8; log-rank p", told)
    assert " In seconds of training: 0." in told


def test_where_every_training_diverged_there_are_steps_and_no_seconds(tmp_path):
    faults = {(variant, 64, seed): "diverged" for variant in ("none", "gn") for seed in range(3)}
    found = Evidence(*build(tmp_path, batch_sizes=(), variants=("none", "gn"), seeds=3, faults=faults))
    assert found.times["seconds"] == {}
    assert "seconds" not in " ".join(convergence(found))
    assert len(convergence(found)) == 3
    assert set(numbers(found).query("measure == 'seconds'")["n_runs"]) == {0}
    text = readable(found)
    assert list(text["target (%)"]) == ["97", "97", "98", "98", "99", "99"]
    assert set(text["runs that reached it"]) == {"0/3"}
    assert set(text["steps"]) == {"> 2,532"}
    assert "No run reached 97, 98 or 99 %." in legend(found)


def test_a_clock_that_does_not_go_forward_leaves_the_run_out_of_the_seconds_alone(tmp_path):
    stopped = [("batch", 2), ("none", 0)]
    found = two(tmp_path, 5, diverged=[2], change=lambda record, *each: at_pace(record, float(each not in stopped)))
    assert found.times["seconds"][1, 98].ratio.n == 3
    assert found.times["steps"][1, 98].ratio.n == 5


def test_where_the_time_is_what_the_experiment_is_about_its_ratio_is_the_verdict(tmp_path):
    store, plan = build(tmp_path, batch_sizes=(), seeds=10, variants=("none", "bn-pre", "ln"), faults={})
    found = Evidence(store, plan.model_copy(update={"primary": "steps-to-97", "margin": None}))
    assert [(c.verdict, c.shift, c.family) for c in found.primary] == [("lower", "lower", 2)] * 2
    assert [c.ratio for c in found.primary] == [found.times["steps"][point, 97].ratio for point in (1, 2)]
    assert {c.verdict for c in found.comparisons} == {"exploratory"}
    assert re.fullmatch(
        r"sooner, 0\.38× \[0\.\d+, 0\.\d+\] the steps, n = 10 \(Holm-adjusted p = 0\.004\)", headline(found.primary[0])
    )
    assert difference(found.primary[0]).startswith(
        "bn-pre reaches 97 % validation accuracy sooner than none: 0.38× [0."
    )
    shown = section(found, "it", looks(plan.variants), store.root)
    (forest,) = (figure for figure in shown.figures if figure.name == "differences")
    assert forest.caption == "Ratio of steps to 97 % validation accuracy to the baseline's, pair by pair."
    assert "ratio of steps to 97 % validation accuracy" in forest.draw().axes[0].get_xlabel()
