"""What may be said, and what is refused: verdicts and numbers; the words are those of tests/golden/report.md."""

import re
from dataclasses import replace

import made_up
import pytest
from made_up import build

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.evidence.side import Counts
from bnexp.records.store import Store
from bnexp.reporting.parts import incomplete
from bnexp.reporting.parts.convergence import sentences
from bnexp.reporting.parts.differences import difference
from bnexp.stats.bootstrap import Sources
from bnexp.stats.estimates import Interval
from bnexp.stats.multiplicity import holm
from bnexp.stats.paired import improvement, mean_difference, minimum_detectable_effect, sign_flip_test, tost


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
    ("d", "said"), [((0.2, 0.1, 0.0), "n = 3, 1 of them a tie:"), ((0.2, 0.0, 0.0), "n = 3, 2 of them ties:")]
)
def test_ties_are_named(d, said):
    assert said in difference(comparison(*d))


VERDICTS = {
    "higher": r"^bn has a test accuracy .* higher than none",
    "lower": r"^bn has a test accuracy .* lower than none",
    "signs": r"^Signs that bn has a (higher|lower) test accuracy than none.*, not confirmed",
    "equivalent": r"^bn and none are equivalent in test accuracy within ±",
    "undecided": r"^No detectable difference in test accuracy between bn and none",
    "nothing": r"^bn against none",
}
SAMPLED = Sources(0.01, 0.1, 0.1, Interval(0.2, -0.01, 0.41, 10), 10_000)
SAMPLED_UNSURE = Sources(0.02, 0.05, 0.05, Interval(-0.01, -0.11, 0.09, 10), 10_000)
AT_16, AT_2 = {"training.batch_size": 16}, {"training.batch_size": 2}


def numbers(text):
    """All numbers of a sentence but the 95 of its intervals and the level of its tests."""
    found = re.findall(r"(?<![\w.])[±+−]?\d+(?:,\d{3})*(?:\.\d+)?", text)
    return " ".join(number for number in found if number != "95")


CASES = [
    # what is given, the verdict, every number of the sentence, and what else it must say
    (comparison(*HIGHER), "higher", "0.200 +0.177 +0.223 10 0.002", ()),
    (
        comparison(*HIGHER, family=4, coordinates=AT_16),
        "higher",
        "0.200 16 +0.177 +0.223 10 0.008 4",
        ("at batch size 16", "Holm"),
    ),
    (comparison(*(-d for d in HIGHER), planned=12), "lower", "0.200 −0.223 −0.177 10 12 0.002", ("n = 10 of 12",)),
    (comparison(*HIGHER[:5]), "signs", "+0.20 +0.15 +0.25 5 5 0.0625", ("cannot go below .05",)),
    (
        comparison(*HIGHER[:8], family=8),
        "signs",
        "+0.205 +0.178 +0.232 8 8 8 0.0625",
        ("cannot go below .05", "Holm's correction over 8 comparisons"),
    ),
    (comparison(*UNSURE), "equivalent", "±0.1 +0.01 −0.04 +0.06 10 0.002 10 0.071 80 0.60", ("can detect 0.071 pp",)),
    (
        comparison(*UNSURE, family=4, margin=1, coordinates=AT_16),
        "equivalent",
        "±1 16 +0.01 −0.04 +0.06 10 0.001 4 10 0.071 80 1.00 4",
        ("equivalence p < 0.001 after Holm",),
    ),
    (
        comparison(*UNSURE, margin=0.05),
        "undecided",
        "+0.01 −0.04 +0.06 10 10 0.071 80 0.60 ±0.05",
        ("no equivalence within ±0.05 pp shown",),
    ),
    (
        comparison(*HIGHER, margin=0.5),
        "higher",
        "0.200 +0.177 +0.223 10 0.002 ±0.5 0.001",
        ("yet the two are equivalent within ±0.5 pp",),
    ),
    (
        comparison(0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 5.0),
        "signs",
        "+0.6 −0.8 +2.1 8 0.008",
        ("the interval includes zero",),
    ),
    (
        comparison(*HIGHER, sampling=SAMPLED),
        "higher",
        "0.200 +0.177 +0.223 10 0.002 10,000 −0.01 +0.41",
        ("for these 10,000 test images", "and include zero"),
    ),
    (
        comparison(*UNSURE, sampling=SAMPLED_UNSURE),
        "equivalent",
        "±0.1 +0.01 −0.04 +0.06 10 0.002 10 0.071 80 0.60 10,000 −0.11 +0.09",
        ("go beyond the margin",),
    ),
    (
        comparison(*UNSURE[:5], margin=0.05),
        "undecided",
        "+0.01 −0.08 +0.11 5 5 0.13 80 5 0.0625 ±0.05",
        ("cannot go below .05",),
    ),
    (
        comparison(-3.0, 37.0, planned=3),
        "nothing",
        "+17 −237 +271 2 3 2 0.5",
        ("two pairs neither show a difference nor rule one out",),
    ),
    (comparison(0.20, 0.21), "nothing", "+0.21 +0.14 +0.27 2 2 0.5", ("two pairs neither",)),
    (
        comparison(-90.0, 90.0, 1.0, planned=3),
        "undecided",
        "0 −223 +224 3 3 80 3 0.25 ±0.1",
        ("can detect no difference at all",),
    ),
    (comparison(0.0, 0.0, 0.0, planned=5), "undecided", "0 3 5", ("the detectable difference is unknown",)),
    (comparison(0.2, planned=10), "nothing", "+0.20 1 10", ("one pair has no interval, and nothing follows from it",)),
    (comparison(0.0, 0.0, same=True), "nothing", "", ("nothing to compare",)),
    (comparison(planned=10), "nothing", "0 10", ("no pair of finished trials yet",)),
    (
        comparison(planned=0, baseline_point=None, baseline_counts=None, coordinates=AT_2),
        "nothing",
        "2",
        ("none was not trained there",),
    ),
    (
        comparison(*HIGHER, declared="another model"),
        "higher",
        "0.200 +0.177 +0.223 10 0.002",
        ("paired by seed only, as the config declares another model",),
    ),
    (
        comparison(*HIGHER, planned=11, mismatches={10: "data"}),
        "higher",
        "0.200 +0.177 +0.223 10 11 0.002 1 10",
        ("1 pair left out", "(seed 10: data)"),
    ),
]


@pytest.mark.parametrize(("given", "verdict", "figures", "said"), CASES)
def test_the_sentence_on_a_comparison(given, verdict, figures, said):
    """Its verdict and no other, all of its numbers in order, and what a reader must not miss."""
    text = difference(given)
    assert [name for name, pattern in VERDICTS.items() if re.search(pattern, text)] == [verdict]
    assert numbers(text) == figures
    assert [words for words in said if words not in text] == []


def test_an_interval_without_zero_that_the_test_does_not_confirm_asserts_nothing():
    d = (0.9, 0.8, 0.85, 0.7, 0.9, 0.8, -0.1)
    assert comparison(*d).verdict == "higher"
    text = difference(comparison(*d, p_holm=0.07))
    assert re.search(VERDICTS["signs"], text)
    assert numbers(text) == "+0.7 +0.4 +1.0 7 0.070"


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
    assert said.startswith("bn against none: nothing is said of the mean")
    assert f"2 of 10 finished trials of {name} diverged" in said


def test_a_tenth_diverged_is_borne():
    assert "pp higher" in difference(comparison(*HIGHER[:9], counts=Counts(9, 1, 0, 0)))


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
def evidence(results):
    return Evidence(*results)


def test_what_is_missing_is_said_with_its_places_and_seeds(evidence):
    missing, failed, diverged = incomplete.sentences(evidence.trials, evidence.plan)
    assert missing == "3 of 50 trials are missing: ln at batch size 16 (seeds 3, 4), gn at batch size 64 (seed 4)."
    assert failed == "1 of 50 trials failed: bn-post at batch size 16 (seed 1)."
    assert diverged.startswith("1 of 50 trials diverged: none at batch size 16 (seed 1).")


def test_many_missing_places_are_counted(results, tmp_path):
    plan = results[1]
    [said] = incomplete.sentences(Evidence(Store(tmp_path), plan).trials, plan)
    assert said.startswith("50 of 50 trials are missing: none at batch size 16 (seeds 0–4), bn-pre at batch size 16")
    assert said.endswith(", and at 4 more places.")


def test_complete_results_lack_nothing(tmp_path):
    store, plan = build(tmp_path, variants=("none", "ln"), seeds=2, faults={})
    assert incomplete.incomplete(Evidence(store, plan), None) is None


def test_there_is_one_sentence_per_comparison(evidence):
    said = [difference(each) for each in evidence.comparisons]
    assert len(said) == len(set(said)) == 8
    assert "bn-pre has a higher test accuracy than none at batch size 64, not confirmed" in said[4]
    assert numbers(said[4]) == "64 +0.24 +0.15 +0.33 5 5 0.0625"
    assert said[3].startswith("gn against none at batch size 16: nothing is said of the mean")
    assert "1 of 5 finished trials of none diverged" in said[3]
    assert "1 pair left out" in said[3]
    assert "(seed 2: initial conv1/kernel)" in said[3]


CONVERGENCE = [
    # which sentence, its verdicts on steps and on seconds, and all numbers
    (
        1,
        "No detectable difference in steps to 98 % between bn-pre and none at batch size 16",
        "no detectable difference in seconds of training",
        "98 16 0.23 0.04 1.31 5 5 10.4 80 10,125 1 5 0.0625 675 5 5 1,013 4 5 0.31 0.06 1.75 5 97.2 5 10.4 80 5 0.0625",
    ),
    (
        8,
        "No detectable difference in steps to 99 % between ln and none at batch size 16",
        "no detectable difference in seconds of training",
        "99 16 0.71 0.12 4.08 3 3 9.94 80 10,125 2 3 3 2 1 1 3 10,125 10,125 0 5 0.73 0.14 3.68 3 97.2 3 8.45 80 3 2 1",
    ),
    (
        13,
        "Signs that bn-pre reaches 98 % sooner at batch size 64, not confirmed",
        "signs that it takes fewer seconds of training, not confirmed",
        "98 64 0.25 5 5 0.0625 422 5 5 1,688 5 5 0.33 5 5 0.0625",
    ),
    (20, "At batch size 64, validation accuracy of 99 %", "neither ln nor none", "64 99 2,532 0 5 0 5"),
]


@pytest.mark.parametrize(("k", "steps", "seconds", "figures"), CONVERGENCE)
def test_steps_to_a_target_are_told_with_the_trials_that_never_reached_it(evidence, k, steps, seconds, figures):
    said = sentences(evidence)
    assert len(said) == 24
    assert said[k].startswith(steps)
    assert seconds in said[k]
    assert numbers(said[k]) == figures


def test_with_ten_pairs_the_ratio_of_the_steps_is_told_with_its_interval(tmp_path):
    store, plan = build(tmp_path, batch_sizes=(), variants=("none", "bn-pre", "bn-post"), seeds=10, faults={})
    text = sentences(Evidence(store, plan))[2]
    assert text.startswith("bn-pre reaches 99 % in 0.30 of the steps of none (95 % interval 0.22 to 0.41, n = 10;")
    assert "; in seconds of training 0.40 of those of none (95 % interval 0.29 to 0.55, n = 10;" in text
    assert numbers(text) == (
        "99 0.30 0.22 0.41 10 2,532 10 0.004 2 676 10 10 2,532 0 10 0.40 0.29 0.55 10 24.3 0.004 2"
    )


def test_with_two_pairs_no_ratio_of_the_steps_is_told(tmp_path):
    store, plan = build(tmp_path, batch_sizes=(), variants=("none", "bn-pre"), seeds=2, faults={})
    text = sentences(Evidence(store, plan))[1]
    assert text.startswith("Validation accuracy of 98 %: bn-pre reaches it at a median of 422 steps")
    assert numbers(text) == "98 422 2 2 1,688 2 2"


def test_without_a_validation_split_nothing_is_said_of_targets(tmp_path, monkeypatch):
    whole = made_up._evaluations
    unseen = {"validation_accuracy": None, "validation_loss": None}
    monkeypatch.setattr(
        made_up, "_evaluations", lambda *given: tuple(each.model_copy(update=unseen) for each in whole(*given))
    )
    assert sentences(Evidence(*build(tmp_path, batch_sizes=(), seeds=2))) == []


def test_nothing_finished_still_gives_a_sentence_each(results, tmp_path):
    empty = Evidence(Store(tmp_path), results[1])
    assert numbers(difference(empty.comparisons[0])) == "16 0 5"
    assert sentences(empty) == []


def test_sentences_of_a_grid_name_the_place(evidence):
    for each in evidence.comparisons:
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
