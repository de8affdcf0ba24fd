"""From two words to a verdict: variants, results folders, what is refused, and what Python users get."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from folders import elsewhere, write

import bnexp
from bnexp.errors import UserError
from bnexp.evidence.experiment import Evidence
from bnexp.records.store import Store
from bnexp.reporting import comparison as text

GOOD, BAD = (99.0, 99.1, 98.9, 99.0, 99.2, 99.1), (98.5, 98.7, 98.4, 98.3, 98.7, 98.5)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def variants(here: Path) -> None:
    """Results of `none` and, everywhere worse, `ln`."""
    write(here / "results", {"none": GOOD, "ln": BAD})


@pytest.fixture
def versions(here: Path) -> None:
    """Two results folders, the new one everywhere worse."""
    write(here / "old", {"none": GOOD, "ln": GOOD})
    write(here / "new", {"none": BAD, "ln": BAD[::-1]})


def only(found):
    (each,) = found.comparisons
    return each


def test_a_worse_variant_is_a_regression_and_fails(variants):
    found = bnexp.compare("none", "ln")
    assert (only(found).verdict, found.failed()) == ("regression", True)
    assert only(found).difference.mean == pytest.approx(sum(BAD) / 6 - sum(GOOD) / 6)
    assert text.remarks(found) == []
    assert repr(found).endswith("accuracy of ln minus none -0.533 [-0.642, -0.425] percentage points, n=6: regression")


@pytest.mark.parametrize("pattern", ["ln", "variant=l*"])
def test_two_folders_compare_each_variant_with_itself_by_seed(here, pattern):
    write(here / "old", {"none": GOOD, "ln": GOOD})
    write(here / "new", {"none": GOOD, "ln": BAD}, change={"ln": elsewhere(git_commit="1" * 40)})
    found = bnexp.compare("old", "new", only=[pattern])
    each = only(found)
    assert (each.label, each.one, each.other, each.seeds) == ("made-up ln", "old", "new", (0, 1, 2, 3, 4, 5))
    assert found.failed()


def test_a_folder_that_holds_the_same_records_was_not_trained_anew(here):
    """A cache that a job restored would otherwise pass every version of a layer."""
    for root in ("old", "new"):
        write(here / root, {"none": GOOD, "ln": GOOD})
    with pytest.raises(UserError, match="very same record of 6 trials, so that nothing was trained anew"):
        bnexp.compare("old", "new")


def test_what_one_folder_alone_has_is_told(here):
    write(here / "old", {"none": GOOD, "ln": GOOD})
    write(here / "new", {"ln": BAD, "gn": BAD})
    found = bnexp.compare("old", "new")
    assert only(found).label == "made-up ln"
    assert found.unmatched == ("old: only there is made-up none", "new: only there is made-up gn")


def test_trials_that_shared_the_machine_otherwise_are_refused_in_seconds_alone(here):
    write(here / "results", {"none": GOOD, "ln": BAD}, change={"ln": elsewhere(jobs=8)})
    assert bnexp.compare("none", "ln").failed()
    with pytest.raises(UserError, match="trials at a time: none has 2, ln has 8"):
        bnexp.compare("none", "ln", metric="seconds")


def test_fewer_than_three_pairs_are_refused_with_the_reasons(here):
    fates = {("ln", seed): "missing" for seed in range(2, 6)}
    write(here / "results", {"none": GOOD, "ln": BAD}, fates=fates)
    with pytest.raises(UserError, match="2 of 6 planned pairs; ln: seeds 2, 3, 4, 5 are missing"):
        bnexp.compare("none", "ln")


def test_pairs_that_did_not_start_alike_are_left_out_and_said(here):
    write(here / "results", {"none": GOOD, "ln": BAD}, fates={("ln", 2): "other-weights"})
    found = bnexp.compare("none", "ln")
    assert only(found).seeds == (0, 1, 3, 4, 5)
    why = "1 pair left out, because they did not start alike (seed 2: initial conv1/kernel)"
    assert why in text.sentences(found)[0]


@pytest.mark.parametrize(
    ("side", "failed", "head", "verdict"),
    [("ln", True, "Regression.", "regression"), ("none", False, "Improvement.", "improvement")],
)
def test_a_side_that_trains_less_often_is_worse_whatever_its_mean(here, side, failed, head, verdict):
    accuracies = {"none": (*BAD, *BAD), "ln": (*GOOD, *GOOD)}
    write(here / "results", accuracies, fates={(side, k): ("diverged", "failed")[k % 2] for k in range(8)})
    found = bnexp.compare("none", "ln")
    assert (found.failed(), found.failed(require_noninferior=True)) == (failed, True)
    (said,) = text.sentences(found)
    assert said.startswith(head)
    assert f"{side} in 4 of 12" in said or f"{side} trained in 4 of 12 trials" in said
    assert "(exact McNemar p = 0.016); where both trained: +" in said
    assert text.rows(found)[0][-1] == f"{verdict} (share that trained)"


def test_a_side_that_never_trains_is_a_regression_without_a_mean(here):
    write(here / "results", {"none": GOOD, "ln": GOOD}, fates={("ln", seed): "failed" for seed in range(6)})
    assert bnexp.compare("none", "ln").failed()


def test_too_few_pairs_of_trials_that_trained_are_refused_with_the_reason(here):
    write(here / "results", {"none": GOOD, "ln": GOOD}, fates={("ln", seed): "diverged" for seed in range(5)})
    with pytest.raises(UserError, match=r"1 of 6 planned pairs; .* in 5 of 6 pairs one side or both did not train"):
        bnexp.compare("none", "ln")


def test_where_only_one_side_reaches_the_target_the_other_is_not_shown_to_be_not_inferior(here):
    write(here / "results", {"bn-pre": GOOD, "none": GOOD})
    found = bnexp.compare("bn-pre", "none", metric="steps-to-99", margin=1e6)
    assert ([side.reached for side in only(found).times], found.failed(), found.failed(require_noninferior=True)) == (
        [6, 0],
        False,
        True,
    )
    assert not bnexp.compare("none", "bn-pre", metric="steps-to-99", margin=1e6).failed(require_noninferior=True)


def test_seeds_can_be_chosen_and_three_are_enough(variants):
    assert only(bnexp.compare("none", "ln", seeds=range(3))).seeds == (0, 1, 2)
    with pytest.raises(UserError, match="--seeds: 7 not among the planned seeds, 0-5"):
        bnexp.compare("none", "ln", seeds=[0, 7])


def test_intervals_that_hold_together_are_wider(versions):
    alone, together = (bnexp.compare("old", "new", simultaneous=s) for s in (False, True))
    assert together.confidence == pytest.approx(0.975)
    for narrow, wide in zip(alone.comparisons, together.comparisons, strict=True):
        assert wide.difference.half_width > narrow.difference.half_width


def test_several_comparisons_are_corrected_for_their_number(versions):
    """Six pairs of two places can confirm nothing: 2 · 2/2^6 is more than .05."""
    found = bnexp.compare("old", "new")
    assert [each.p_holm for each in found.comparisons] == [2 * each.test.p for each in found.comparisons]
    assert {each.verdict for each in found.comparisons} == {"not shown"}
    assert "corrected for their number (Holm)" in text.remarks(found)[0]
    assert "trained by the same code" in text.remarks(found)[1]


def test_steps_are_compared_by_their_ratio_as_in_the_report(here):
    write(here / "results", {"none": GOOD, "bn-pre": BAD})
    found = bnexp.compare("none", "bn-pre", metric="steps-to-98")
    store = Store(here / "results")
    (name,) = store.plans()
    reported = Evidence(store, store.read_plan(name)).times["steps"][1, 98]
    each = only(found)
    assert (each.ratio, each.test, each.verdict) == (reported.ratio, reported.test, "improvement")
    assert reported.verdict == "lower"
    assert re.search(r": 0\.\d+ \[0\.\d+, 0\.\d+\] times the steps to 98 % validation", text.sentences(found)[0])
    assert "log-rank p = 0.031" in text.sentences(found)[0]
    assert re.fullmatch(r"304–362", text.rows(found)[0][3])
    assert text.plain(found)["comparisons"][0]["difference"]["mean"] == reported.ratio.mean


def test_of_steps_a_margin_is_a_share_of_them(here):
    """none takes some 2.8 times those of bn-pre: more than 1.5 times, less than five."""
    write(here / "results", {"bn-pre": GOOD, "none": BAD})
    verdicts = [only(bnexp.compare("bn-pre", "none", metric="steps-to-98", margin=m)).verdict for m in (0, 0.5, 4)]
    assert verdicts == ["regression", "regression", "not shown"]
    shown = [only(bnexp.compare("bn-pre", "none", metric="steps-to-98", margin=m)).noninferior for m in (0, 0.5, 4)]
    assert shown == [False, False, True]


def test_who_never_gets_there_has_no_ratio(here):
    write(here / "results", {"none": GOOD, "bn-pre": BAD})
    found = bnexp.compare("none", "bn-pre", metric="steps-to-99")
    assert [side.reached for side in only(found).times] == [0, 6]
    assert "no ratio of steps to 99 %" in text.sentences(found)[0]
    assert "reached by 0 of 6 of none and 6 of 6 of bn-pre" in text.sentences(found)[0]
    assert only(found).verdict == "improvement"
    assert text.plain(found)["comparisons"][0]["values"][0][0] is None


def test_a_config_that_changes_two_things_says_that_they_are_not_told_apart(variants):
    found = bnexp.compare("none", "ln")
    audit = dataclasses.replace(only(found).audit, changes=("norm.name", "training.epochs"))
    several = dataclasses.replace(found, comparisons=(dataclasses.replace(only(found), audit=audit),))
    assert text.remarks(several)[0].startswith("The config changes more than one thing: norm.name, training.epochs.")


def test_each_place_of_a_grid_is_compared_for_itself_and_can_be_chosen(here):
    write(here / "results", {"none": GOOD, "ln": BAD}, batch_sizes=(16, 64))
    both = bnexp.compare("none", "ln")
    assert [row[0] for row in text.rows(both)] == ["made-up, batch size 16", "made-up, batch size 64"]
    one = only(bnexp.compare("none", "ln", only=["batch_size=64"]))
    assert one.coordinates == {"training.batch_size": 64}
    assert one.values == both.comparisons[1].values


def test_places_whose_pairs_differ_otherwise_are_audited_apart(here):
    store = write(here / "results", {"none": GOOD, "ln": BAD}, batch_sizes=(16, 64))
    for path in store.root.glob("trials/*-layer-b16-*/record.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {"execution": record["execution"] | {"jobs": 8}}))
    said = text.audits(bnexp.compare("none", "ln"))
    assert [line for line in said if not line.startswith(" ")] == ["made-up, batch size 16:", "made-up, batch size 64:"]
    assert sum("[bears on seconds only]" in line for line in said) == 1


def test_folders_that_share_nothing_are_refused(here):
    write(here / "old", {"none": GOOD}, name="one")
    write(here / "new", {"none": GOOD}, name="two")
    with pytest.raises(UserError, match="share no experiment: old has one, new has two"):
        bnexp.compare("old", "new")
    write(here / "newer", {"ln": GOOD}, name="one")
    with pytest.raises(UserError, match="no variant at the same place of a grid; old: only there is one none; newer"):
        bnexp.compare("old", "newer")


@pytest.mark.parametrize(
    ("none", "ln", "head", "said"),
    [
        ((99.0,) * 6, (98.6,) * 6, "Regression.", "do not scatter"),
        (GOOD, GOOD, "No regression shown.", "do not scatter"),
    ],
)
def test_pairs_without_scatter_say_what_their_interval_rests_on(here, none, ln, head, said):
    write(here / "results", {"none": none, "ln": ln})
    (sentence,) = text.sentences(bnexp.compare("none", "ln"))
    assert sentence.startswith(head)
    assert said in sentence


REFUSED = [
    (("none", "lln"), {}, "no variant is named 'lln'; did you mean 'ln'?"),
    (("none", "none"), {}, "none is compared with itself"),
    (("results", "results/"), {}, "results is compared with itself"),
    (("results", "ln"), {}, "results is a results folder and ln is none"),
    (("none", "empty"), {}, "empty: no experiment is stored in this folder"),
    (("none", "ln"), {"experiment": "mde-up"}, "no experiment is named 'mde-up'; did you mean 'made-up'?"),
    (("none", "ln"), {"margin": -1}, "a number from 0, in percentage points, not -1"),
    (("none", "ln"), {"margin": float("nan")}, "a number from 0, in percentage points, not nan"),
    (("none", "ln"), {"only": ["size=3"]}, "no key of the grid is 'size'"),
    (("none", "ln"), {"only": ["gn*"]}, "matches nothing; there is made-up"),
    (("none", "ln"), {"only": "ln"}, "only: a list of texts"),
]


@pytest.mark.parametrize(("sides", "options", "message"), REFUSED)
def test_what_means_nothing_is_refused(here, variants, sides, options, message):
    (here / "empty").mkdir()
    with pytest.raises(UserError) as error:
        bnexp.compare(*sides, **options)
    assert message in str(error.value)


def test_variants_of_several_experiments_ask_for_one(here):
    for name in ("one", "two"):
        write(here / "results", {"none": GOOD, "ln": BAD}, name=name)
    with pytest.raises(UserError, match="several experiments, one, two; choose with --experiment"):
        bnexp.compare("none", "ln")
    assert only(bnexp.compare("none", "ln", experiment="two")).experiment == "two"


def test_before_all_planned_pairs_have_a_result_there_is_no_verdict(here):
    write(here / "results", {"none": (*GOOD, *GOOD), "ln": (*BAD, *BAD)}, fates={("ln", 11): "missing"})
    found = bnexp.compare("none", "ln")
    assert (found.comparisons[0].verdict, len(found.undecidable), found.failed()) == ("not shown", 1, False)
    assert found.failed(require_noninferior=True)
    assert bnexp.compare("none", "ln", seeds=range(11)).failed()


def test_seeds_that_were_added_until_all_was_decided_are_compared_by_a_rule_that_holds_then(here):
    store = write(here / "results", {"none": (*GOOD, *GOOD), "ln": (*BAD, *BAD)}, fates={("ln", 11): "missing"})
    plan = store.read_plan("made-up").model_copy(update={"looks": (10, 11)})
    store.write_plan("made-up", plan.model_dump(mode="json"))
    found = bnexp.compare("none", "ln")
    (each,) = found.comparisons
    assert (each.sequential, each.verdict, found.undecidable) == (True, "regression", ())
    assert "sequential p" in text.sentences(found)[0]
    assert bnexp.compare("none", "ln", margin=2.0).comparisons[0].verdict == "not shown"
    with pytest.raises(UserError, match="the test of times does not hold there"):
        bnexp.compare("none", "ln", metric="steps-to-98")
