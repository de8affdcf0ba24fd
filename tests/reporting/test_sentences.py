"""What may be said, and what is refused."""

import json
from dataclasses import replace

import pytest
from made_up import build

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.evidence.side import Counts
from bnexp.records.store import Store
from bnexp.reporting.sentences import convergence, difference, differences, incomplete
from bnexp.stats.bootstrap import Sources
from bnexp.stats.equivalence import tost
from bnexp.stats.estimates import Interval
from bnexp.stats.multiplicity import holm
from bnexp.stats.paired import improvement, mean_difference, sign_flip_test
from bnexp.stats.power import minimum_detectable_effect


def comparison(*d, family=1, planned=None, **changes):
    """bn against none with these differences in points."""
    test = sign_flip_test(d)
    n = len(d) if planned is None else planned
    margin = changes.get("margin", 0.1)
    two_sided = tost(d, margin).p
    values = {
        "point": 1,
        "baseline_point": 0,
        "variant": "bn",
        "baseline": "none",
        "coordinates": {},
        "counts": Counts(len(d), 0, 0, n - len(d)),
        "baseline_counts": Counts(n, 0, 0, 0),
        "planned": n,
        "differences": d,
        "seeds": tuple(range(len(d))),
        "difference": mean_difference(d),
        "test": test,
        "p_holm": holm([test.p] + [1.0] * (family - 1))[0],
        "family": family,
        "improvement": improvement(d),
        "detectable": minimum_detectable_effect(d),
        "equivalence_p": two_sided,
        "equivalence_p_holm": holm([two_sided] + [1.0] * (family - 1))[0],
        "declared": "",
        "mismatches": {},
    }
    return Comparison(**{**values, **changes})


HIGHER = (0.20, 0.25, 0.15, 0.22, 0.18, 0.21, 0.19, 0.24, 0.16, 0.20)
UNSURE = (0.1, -0.1, 0.05, -0.02, 0.03, 0.1, -0.1, 0.05, -0.02, 0.03)


@pytest.mark.parametrize(
    ("d", "said"), [((0.2, 0.1, 0.0), "n=3, 1 of them a tie:"), ((0.2, 0.0, 0.0), "n=3, 2 of them ties:")]
)
def test_ties_are_named(d, said):
    assert said in difference(comparison(*d))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            comparison(*HIGHER),
            (
                "bn has a test accuracy 0.200 points higher than none (95 % interval +0.177 to +0.223, n=10; "
                "sign-flip p=0.002)."
            ),
        ),
        (
            comparison(*HIGHER, family=4, coordinates={"training.batch_size": 16}),
            (
                "bn has a test accuracy 0.200 points higher than none at batch size 16 (95 % interval "
                "+0.177 to +0.223, n=10; sign-flip p=0.008 after Holm's correction over 4 comparisons)."
            ),
        ),
        (
            comparison(*(-d for d in HIGHER), planned=12),
            (
                "bn has a test accuracy 0.200 points lower than none (95 % interval −0.223 to −0.177, n=10 of 12; "
                "sign-flip p=0.002)."
            ),
        ),
        (
            comparison(*HIGHER[:5]),
            (
                "Signs that bn has a higher test accuracy than none, not confirmed: +0.20 points (95 % interval "
                "+0.15 to "
                "+0.25, n=5; the sign-flip test cannot go below .05 with n=5: its smallest p is 0.0625)."
            ),
        ),
        (
            comparison(*HIGHER[:8], family=8),
            (
                "Signs that bn has a higher test accuracy than none, not confirmed: +0.205 points (95 % "
                "interval +0.178 "
                "to +0.232, n=8; the sign-flip test cannot go below .05 with n=8 and Holm's correction over 8 "
                "comparisons: "
                "its smallest p is 0.0625)."
            ),
        ),
        (
            comparison(*UNSURE),
            (
                "bn and none are equivalent in test accuracy within ±0.1 points: +0.01 points (95 % interval −0.04 to "
                "+0.06, n=10; equivalence p=0.002; this many seeds could see 0.071 points; sign-flip p=0.60)."
            ),
        ),
        (
            comparison(*UNSURE, family=4, margin=1, coordinates={"training.batch_size": 16}),
            (
                "bn and none are equivalent in test accuracy within ±1 point at batch size 16: +0.01 points (95 % "
                "interval −0.04 to +0.06, n=10; equivalence p<0.001 after Holm's correction over 4 comparisons; "
                "this many seeds could see 0.071 points; "
                "sign-flip "
                "p=1.00 after Holm's correction over 4 comparisons)."
            ),
        ),
        (
            comparison(*UNSURE, margin=0.05),
            (
                "No detectable difference in test accuracy between bn and none: +0.01 points (95 % interval −0.04 to "
                "+0.06, n=10; this many seeds could see 0.071 points; sign-flip p=0.60), and no equivalence within "
                "±0.05 points shown."
            ),
        ),
        (
            comparison(*HIGHER, margin=0.5),
            (
                "bn has a test accuracy 0.200 points higher than none (95 % interval +0.177 to +0.223, n=10; "
                "sign-flip p=0.002), yet the two are equivalent within ±0.5 points (equivalence p<0.001)."
            ),
        ),
        (
            comparison(0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 5.0),
            (
                "Signs that bn has a higher test accuracy than none, not confirmed: +0.6 points (95 % interval −0.8 to "
                "+2.1, n=8; sign-flip p=0.008; the interval holds zero)."
            ),
        ),
        (
            comparison(*HIGHER, sampling=Sources(0.01, 0.1, 0.1, Interval(0.2, -0.01, 0.41, 10), 10_000)),
            (
                "bn has a test accuracy 0.200 points higher than none (95 % interval +0.177 to +0.223, n=10; "
                "sign-flip p=0.002); this is for these 10,000 test images: for others as well the 95 % interval would "
                "be −0.01 to +0.41, and hold zero."
            ),
        ),
        (
            comparison(*UNSURE, sampling=Sources(0.02, 0.05, 0.05, Interval(-0.01, -0.11, 0.09, 10), 10_000)),
            (
                "bn and none are equivalent in test accuracy within ±0.1 points: +0.01 points (95 % interval −0.04 to "
                "+0.06, n=10; equivalence p=0.002; this many seeds could see 0.071 points; sign-flip p=0.60); this is "
                "for these 10,000 test images: for others as well the 95 % interval would be −0.11 to +0.09, and go "
                "beyond the margin."
            ),
        ),
        (
            comparison(*UNSURE[:5], margin=0.05),
            (
                "No detectable difference in test accuracy between bn and none: +0.01 points (95 % interval −0.08 to "
                "+0.11, n=5; this many seeds could see 0.13 points; the sign-flip test cannot go below .05 with n=5: "
                "its smallest p is 0.0625), and no equivalence within ±0.05 points shown."
            ),
        ),
        (
            comparison(-3.0, 37.0, planned=3),
            (
                "bn against none: +17 points of test accuracy on average over two pairs (95 % interval −237 to +271, "
                "n=2 of 3; the sign-flip test cannot go below .05 with n=2: its smallest p is 0.5); two pairs neither "
                "show a difference nor rule one out."
            ),
        ),
        (
            comparison(0.20, 0.21),
            (
                "bn against none: +0.21 points of test accuracy on average over two pairs (95 % interval +0.14 to "
                "+0.27, n=2; the sign-flip test cannot go below .05 with n=2: its smallest p is 0.5); two pairs "
                "neither "
                "show a difference nor rule one out."
            ),
        ),
        (
            comparison(-90.0, 90.0, 1.0, planned=3),
            (
                "No detectable difference in test accuracy between bn and none: 0 points (95 % interval −223 to +224, "
                "n=3; this many seeds could see no difference at all; the sign-flip test cannot go below .05 with n=3: "
                "its smallest p is 0.25), and no equivalence within ±0.1 points shown."
            ),
        ),
        (
            comparison(0.0, 0.0, 0.0, planned=5),
            (
                "No detectable difference in test accuracy between bn and none: 0 points in each pair (n=3 of 5; "
                "without scatter, what so many seeds could see is unknown)."
            ),
        ),
        (
            comparison(0.2, planned=10),
            (
                "bn against none: +0.20 points of test accuracy in the only pair of finished trials (n=1 of 10); "
                "one pair has no interval, and nothing follows from it."
            ),
        ),
        (
            comparison(0.0, 0.0, same=True),
            "bn against none: both are the same trials under two names, so that there is nothing to compare.",
        ),
        (comparison(planned=10), "bn against none: no pair of finished trials yet (0 of 10)."),
        (
            comparison(planned=0, baseline_point=None, baseline_counts=None, coordinates={"training.batch_size": 2}),
            "bn against none at batch size 2: none was not trained there, so that there is nothing to compare with.",
        ),
        (
            comparison(*HIGHER, declared="another model"),
            (
                "bn has a test accuracy 0.200 points higher than none (95 % interval +0.177 to +0.223, n=10; "
                "sign-flip p=0.002); paired by seed only, as the config declares another model."
            ),
        ),
        (
            comparison(*HIGHER, planned=11, mismatches={10: "data"}),
            (
                "bn has a test accuracy 0.200 points higher than none (95 % interval +0.177 to +0.223, n=10 of 11; "
                "sign-flip p=0.002); 1 pair left out, because they did not start alike (seed 10: data)."
            ),
        ),
    ],
)
def test_the_sentence_on_a_comparison(given, said):
    assert difference(given) == said


def test_an_interval_without_zero_that_the_test_does_not_confirm_asserts_nothing():
    d = (0.9, 0.8, 0.85, 0.7, 0.9, 0.8, -0.1)
    assert difference(comparison(*d)).startswith("bn has a test accuracy 0.7 points higher than none (95 % interval")
    assert difference(comparison(*d, p_holm=0.07)) == (
        "Signs that bn has a higher test accuracy than none, not confirmed: +0.7 points (95 % interval +0.4 to +1.0, "
        "n=7; sign-flip p=0.070)."
    )


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_five_pairs_or_fewer_never_assert_a_difference_however_clear(n):
    given = comparison(*(1.0 + k / 1000 for k in range(n)))
    assert given.verdict in ("nothing", "signs")
    assert "cannot go below .05" in difference(given)
    assert not difference(given).startswith("bn has")


def test_two_pairs_are_never_called_equivalent():
    assert comparison(0.0001, -0.0001).verdict == "nothing"
    assert comparison(0.0001, -0.0001, 0.0).verdict == "equivalent"


@pytest.mark.parametrize(("side", "name"), [("counts", "bn"), ("baseline_counts", "none")])
def test_no_mean_is_spoken_of_while_more_than_a_tenth_diverged(side, name):
    said = difference(comparison(*HIGHER[:8], **{side: Counts(8, 2, 0, 0)}))
    assert said == (
        "bn against none: nothing is said of the mean test accuracy, because 2 of 10 finished trials of "
        f"{name} diverged."
    )


def test_a_tenth_diverged_is_borne():
    assert "points higher" in difference(comparison(*HIGHER[:9], counts=Counts(9, 1, 0, 0)))


def test_diverged_trials_are_held_against_the_finished_ones_not_the_planned():
    """1 of 3 finished diverged, though only 1 of 30 planned."""
    assert Counts(2, 1, 0, 27).too_many_diverged
    assert not Counts(0, 0, 0, 30).too_many_diverged


def test_nothing_is_ever_called_equal_or_the_same():
    for d in ((0.0,) * 9, UNSURE, UNSURE[:4], (0.0,), ()):
        for family in (1, 8):
            text = difference(comparison(*d, family=family, planned=10)).lower()
            assert not {"equal", "same", "identical", "no difference", "not significant"} & {
                word for word in ("equal", "same", "identical", "no difference", "not significant") if word in text
            }


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return build(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def found(results):
    return Evidence(*results)


def test_what_is_missing_is_said_with_its_places_and_seeds(found):
    assert incomplete(found.trials, found.plan) == [
        "3 of 50 trials are missing: ln at batch size 16 (seeds 3, 4), gn at batch size 64 (seed 4).",
        "1 of 50 trials failed: bn-post at batch size 16 (seed 1).",
        (
            "1 of 50 trials diverged: none at batch size 16 (seed 1). "
            "Diverged trials are counted as such, and are in no mean."
        ),
    ]


def test_many_missing_places_are_counted(results, tmp_path):
    plan = results[1]
    said = incomplete(Evidence(Store(tmp_path), plan).trials, plan)
    assert len(said) == 1
    assert said[0].startswith("50 of 50 trials are missing: none at batch size 16 (seeds 0–4), bn-pre at batch size 16")
    assert said[0].endswith(", and at 4 more places.")


def test_complete_results_lack_nothing(tmp_path):
    store, plan = build(tmp_path, variants=("none", "ln"), seeds=2, faults={})
    assert incomplete(Evidence(store, plan).trials, plan) == []


def test_there_is_one_sentence_per_comparison(found):
    said = differences(found.comparisons)
    assert len(said) == len(set(said)) == 8
    assert said[4] == (
        "Signs that bn-pre has a higher test accuracy than none at batch size 64, not confirmed: +0.24 points (95 % "
        "interval +0.15 to +0.33, n=5; the sign-flip test cannot go below .05 with n=5: its smallest p is 0.0625)."
    )
    assert said[3] == (
        "gn against none at batch size 16: nothing is said of the mean test accuracy, because 1 of 5 finished trials "
        "of none diverged; 1 pair left out, because they did not start alike (seed 2: initial conv1/kernel)."
    )


def test_steps_to_a_target_are_told_with_the_trials_that_never_got_there(found):
    said = convergence(found.conditions, found.comparisons)
    assert len(said) == 24
    assert said[1] == (
        "No detectable difference in steps to 98 % between bn-pre and none at batch size 16: 0.23 of the steps of none "
        "(95 % interval 0.04 to 1.31, n=5; this many seeds could see a factor of 10.4; ratio of the mean steps within "
        "10,125, where 1 of none is not there yet: without this limit it would be smaller; the log-rank test cannot go "
        "below .05 with n=5: its smallest p is 0.0625); bn-pre gets there after a median of 675 steps (5 of 5 trials); "
        "none gets there after a median of 1,013 steps (4 of 5 trials); no detectable difference in seconds of "
        "training: 0.31 of those of none (95 % interval 0.06 to 1.75, n=5; ratio of the means within 97.2; this many "
        "seeds could see a factor of 10.4; the log-rank test cannot go below .05 with n=5: its smallest p is 0.0625)."
    )
    assert (
        "No detectable difference in steps to 99 % between ln and none at batch size 16: 0.71 of the steps of none "
        "(95 % interval 0.12 to 4.08, n=3; this many seeds could see a factor of 9.94; ratio of the mean steps within "
        "10,125, where 2 of ln and 3 of none are not there yet; the log-rank test cannot go below .05 with n=3, 2 of "
        "them ties: its smallest p is 1); ln gets there in 1 of 3 trials, so that its median lies above 10,125 steps; "
        "none does not get there within 10,125 steps (0 of 5); no detectable difference in seconds of training: 0.73 "
        "of those of none (95 % interval 0.14 to 3.68, n=3; ratio of the means within 97.2; this many seeds could see "
        "a factor of 8.45; the log-rank test cannot go below .05 with n=3, 2 of them ties: its smallest p is 1)."
    ) in said
    assert (
        "Signs that bn-pre reaches 98 % sooner at batch size 64, not confirmed: in 0.25 of the steps of none (the same "
        "in each of 5 pairs; the log-rank test cannot go below .05 with n=5: its smallest p is 0.0625); bn-pre gets "
        "there after a median of 422 steps (5 of 5 trials); none gets there after a median of 1,688 steps (5 of 5 "
        "trials); signs that it takes fewer seconds of training, not confirmed: 0.33 of those of none (the same in "
        "each of 5 pairs; the log-rank test cannot go below .05 with n=5: its smallest p is 0.0625)."
    ) in said
    assert (
        "At batch size 64, validation accuracy of 99 %: neither ln nor none gets there within 2,532 steps "
        "(0 of 5 trials, 0 of 5)."
    ) in said


def test_with_ten_pairs_the_ratio_of_the_steps_is_told_with_its_interval(tmp_path):
    store, plan = build(tmp_path, batch_sizes=(), variants=("none", "bn-pre", "bn-post"), seeds=10, faults={})
    evidence = Evidence(store, plan)
    said = convergence(evidence.conditions, evidence.comparisons)
    assert said[2] == (
        "bn-pre reaches 99 % in 0.30 of the steps of none (95 % interval 0.22 to 0.41, n=10; ratio of the mean steps "
        "within 2,532, where 10 of none are not there yet: without this limit it would be smaller; log-rank p=0.004 "
        "after Holm's correction over 2 comparisons); bn-pre gets there after a median of 676 steps (10 of 10 trials); "
        "none does not get there within 2,532 steps (0 of 10); in seconds of training 0.40 of those of none (95 % "
        "interval 0.29 to 0.55, n=10; ratio of the means within 24.3; log-rank p=0.004 after Holm's correction over 2 "
        "comparisons)."
    )


def test_with_two_pairs_no_ratio_of_the_steps_is_told(tmp_path):
    store, plan = build(tmp_path, batch_sizes=(), variants=("none", "bn-pre"), seeds=2, faults={})
    evidence = Evidence(store, plan)
    said = convergence(evidence.conditions, evidence.comparisons)
    assert said[1] == (
        "Validation accuracy of 98 %: bn-pre gets there after a median of 422 steps (2 of 2 trials); none gets there "
        "after a median of 1,688 steps (2 of 2 trials)."
    )


def test_without_a_validation_split_nothing_is_said_of_targets(tmp_path):
    store, plan = build(tmp_path, variants=("none", "ln"), batch_sizes=(), seeds=2, faults={})
    for path in tmp_path.glob("trials/*/record.json"):
        record = json.loads(path.read_text())
        path.write_text(
            json.dumps(record | {"evaluations": [e | {"validation_accuracy": None} for e in record["evaluations"]]})
        )
    evidence = Evidence(store, plan)
    assert convergence(evidence.conditions, evidence.comparisons) == []


def test_nothing_finished_still_gives_a_sentence_each(results, tmp_path):
    plan = results[1]
    empty = Evidence(Store(tmp_path), plan)
    said = differences(empty.comparisons)
    assert said[0] == "bn-pre against none at batch size 16: no pair of finished trials yet (0 of 5)."
    assert convergence(empty.conditions, empty.comparisons) == []


def test_sentences_of_a_grid_name_the_place(found):
    for each in found.comparisons:
        place = f"at batch size {each.coordinates['training.batch_size']}"
        assert place in difference(each)
        assert place not in difference(replace(each, coordinates={}))


def test_a_variant_with_the_spec_of_the_baseline_is_not_compared(tmp_path):
    store, plan = build(tmp_path, variants=("none", "ln"), batch_sizes=(), seeds=2, faults={})
    twin = plan.points[0].model_copy(update={"variant": "again"})
    plan = plan.model_copy(update={"variants": (*plan.variants, "again"), "points": (*plan.points, twin)})
    assert [(each.variant, each.same) for each in Evidence(store, plan).comparisons] == [
        ("ln", False),
        ("again", True),
    ]
