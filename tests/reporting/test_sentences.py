"""What may be said, and what is refused: verdicts and numbers; the words are those of tests/golden/report.md."""

import re

import made_up
import pytest
from made_up import build

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.metric import METRICS
from bnexp.evidence.paired import Comparison, correctable
from bnexp.evidence.side import Counts
from bnexp.records.store import read_record
from bnexp.reporting.parts import incomplete
from bnexp.reporting.parts.accuracy import legend, readable
from bnexp.reporting.parts.differences import difference, tally
from bnexp.reporting.parts.moving_averages import settled
from bnexp.reporting.parts.time_to_accuracy import sentences
from bnexp.stats.bootstrap import Sources
from bnexp.stats.estimates import Interval
from bnexp.stats.multiplicity import holm
from bnexp.stats.paired import improvement, mcnemar, mean_difference, sign_flip_test, tost


def comparison(*d, family=1, planned=None, trained=None, **changes):
    """bn against none with these differences in points; `trained`: in so many of the planned trials of each side."""
    test = sign_flip_test(d)
    n = len(d) if planned is None else planned
    margin = changes.get("margin", 0.1)
    two_sided = tost(d, margin).p
    outcomes = tuple((k >= n - trained[0], k < trained[1]) for k in range(n)) if trained else ((True, True),) * len(d)
    test_of_outcomes = mcnemar(outcomes)
    values = {
        "outcomes": outcomes,
        "trained_test": test_of_outcomes,
        "trained_p_holm": correctable(test_of_outcomes),
        "point": 1,
        "baseline_point": 0,
        "variant": "bn",
        "baseline": "none",
        "coordinates": {},
        "planned": n,
        "differences": d,
        "seeds": tuple(range(len(d))),
        "difference": mean_difference(d),
        "test": test,
        "p_holm": holm([test.p] + [1.0] * (family - 1))[0],
        "family": family,
        "metric": METRICS["test-accuracy"],
        "pending": 0,
        "improvement": improvement(d),
        "least": min(1.0, test.smallest * family),
        "equivalence_p": two_sided,
        "equivalence_family": family,
        "equivalence_p_holm": holm([two_sided] + [1.0] * (family - 1))[0],
        "declared": "",
        "mismatches": {},
    }
    return Comparison(**{**values, **changes})


HIGHER = (0.20, 0.25, 0.15, 0.22, 0.18, 0.21, 0.19, 0.24, 0.16, 0.20)
UNSURE = (0.1, -0.1, 0.05, -0.02, 0.03, 0.1, -0.1, 0.05, -0.02, 0.03)


VERDICTS = {
    "higher": r"^bn has a test accuracy .* higher than none",
    "lower": r"^bn has a test accuracy .* lower than none",
    "equivalent": r"^bn and none are equivalent in test accuracy within ±",
    "undecided": r"^No difference detected in test accuracy between bn and none",
    "nothing": r"^bn against none",
}
SAMPLED = Sources(0.01, 0.1, 0.1, Interval(0.2, -0.01, 0.41, 10), 10_000)
SAMPLED_UNSURE = Sources(0.02, 0.05, 0.05, Interval(-0.01, -0.11, 0.09, 10), 10_000)
AT_16, AT_2 = {"training.batch_size": 16}, {"training.batch_size": 2}


def numbers(text):
    """All numbers of a sentence but the 95 of its intervals and the level of its tests."""
    found = re.findall(r"(?<![\w.])[±+−]?\d+(?:,\d{3})*(?:\.\d+)?", text)
    return " ".join(number for number in found if number != "95")


def words(text):
    """How many words each sentence has, of letters and outside of brackets."""
    sentences = re.split(r"\. ", re.sub(r"\([^)]*\)", "", text))
    return [len(re.findall(r"[A-Za-z][\w-]*", sentence)) for sentence in sentences]


CASES = [
    # what is given, the verdict, every number of the sentence, and what else it must say
    (comparison(*HIGHER), "higher", "0.200 +0.177 +0.223 10 0.002", ""),
    (
        comparison(*HIGHER, family=4, coordinates=AT_16),
        "higher",
        "0.200 16 +0.177 +0.223 10 0.008 4",
        "at batch size 16",
    ),
    (comparison(*(-d for d in HIGHER), planned=12), "lower", "0.200 −0.223 −0.177 10 12 0.002", "n = 10 of 12"),
    (
        comparison(*HIGHER, margin=0.5),
        "higher",
        "0.200 +0.177 +0.223 10 0.002 ±0.5 0.001",
        "Yet the two are equivalent",
    ),
    (
        comparison(*HIGHER, sampling=SAMPLED),
        "higher",
        "0.200 +0.177 +0.223 10 0.002 10,000 −0.01 +0.41",
        "include zero",
    ),
    (comparison(*HIGHER[:5]), "undecided", "+0.20 +0.15 +0.25 5 5 6 0.0625 ±0.1", "n = 6 can: the smallest p"),
    (
        comparison(*HIGHER[:8], family=8),
        "undecided",
        "+0.205 +0.178 +0.232 8 8 9 0.0625 8 ±0.1",
        "Holm's correction over 8 comparisons",
    ),
    (comparison(*[0.01] * 7, 5.0), "undecided", "+0.6 −0.8 +2.1 8 0.008 8 2.1 80 ±0.1", "sign-flip p = 0.008"),
    (
        comparison(*UNSURE),
        "equivalent",
        "±0.1 +0.01 −0.04 +0.06 10 0.002 0.60 10 0.073 80 0 10 26",
        "can detect 0.073 pp",
    ),
    (
        comparison(*UNSURE, family=4, margin=1, coordinates=AT_16),
        "equivalent",
        "±1 16 +0.01 −0.04 +0.06 10 0.001 4 1.00 4 10 0.095 80 0 10 26",
        "equivalence p < 0.001 after Holm",
    ),
    (
        comparison(*UNSURE, sampling=SAMPLED_UNSURE),
        "equivalent",
        "±0.1 +0.01 −0.04 +0.06 10 0.002 0.60 10 0.073 80 0 10 26 10,000 −0.11 +0.09",
        "go beyond the margin",
    ),
    (
        comparison(*UNSURE, margin=0.05),
        "undecided",
        "+0.01 −0.04 +0.06 10 0.60 10 0.073 80 ±0.05",
        "No equivalence within ±0.05 pp is shown",
    ),
    (comparison(*(-90.0, 90.0) * 3, 1.0), "undecided", "0 −83 +83 7 1.00 7 80 ±0.1", "can detect no difference at all"),
    (comparison(0.0, 0.0, 0.0, planned=5), "undecided", "0 3 5", "the detectable difference is unknown"),
    (comparison(0.2, 0.0, 0.0), "undecided", "+0.07 −0.22 +0.35 3 3 2 6 1 ±0.1", "n = 3, 2 of them ties, can"),
    (
        comparison(-3.0, 37.0, planned=3),
        "nothing",
        "+17 −237 +271 2 3 2 6 0.5",
        "neither show a difference nor rule one out",
    ),
    (comparison(0.20, 0.21), "nothing", "+0.21 +0.14 +0.27 2 2 6 0.5", "Two pairs neither"),
    (comparison(0.2, planned=10), "nothing", "+0.20 1 10", "One pair has no interval, and nothing follows from it"),
    (comparison(0.0, 0.0, same=True), "nothing", "", "nothing to compare"),
    (comparison(planned=10), "nothing", "0 10", "no pair of finished trials yet"),
    (comparison(planned=0, baseline_point=None, coordinates=AT_2), "nothing", "2", "none was not trained there"),
    (
        comparison(*HIGHER, planned=11, mismatches={10: "data"}, declared="another model"),
        "higher",
        "0.200 +0.177 +0.223 10 11 0.002 1 10",
        "as the config declares another model. 1 pair left out, because they did not start alike (seed 10: data)",
    ),
]


@pytest.mark.parametrize(("given", "verdict", "figures", "said"), CASES)
def test_the_sentence_on_a_comparison(given, verdict, figures, said):
    """Its verdict and no other, all of its numbers in order, and what a reader must not miss."""
    text = difference(given)
    assert [name for name, pattern in VERDICTS.items() if re.search(pattern, text)] == [verdict]
    assert numbers(text) == figures
    assert said in text
    assert max(words(text)) <= 25


def test_an_interval_without_zero_that_the_test_does_not_confirm_asserts_nothing():
    d = (0.9, 0.8, 0.85, 0.7, 0.9, 0.8, -0.1)
    assert comparison(*d).verdict == "higher"
    text = difference(comparison(*d, p_holm=0.07))
    assert re.search(VERDICTS["undecided"], text)
    assert numbers(text).endswith("±0.1")
    assert "sign-flip p = 0.070" in text


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_five_pairs_or_fewer_never_assert_a_difference_however_clear(n):
    given = comparison(*(1.0 + k / 1000 for k in range(n)))
    assert given.verdict in ("nothing", "undecided")
    assert "can confirm nothing, n = 6 can" in difference(given)
    assert not difference(given).startswith("bn has")


def test_two_pairs_are_never_called_equivalent():
    assert comparison(0.0001, -0.0001).verdict == "nothing"
    assert comparison(0.0001, -0.0001, 0.0).verdict == "equivalent"


def test_which_side_trains_more_often_is_said_first():
    said = difference(comparison(*HIGHER[:3], planned=10, trained=(3, 10), coordinates=AT_16))
    assert said.startswith(
        "bn trains more often than none at batch size 16: bn trained in 10 of 10 trials, none in 3 of 10 (exact "
        "McNemar p = 0.016). Where both trained: No difference detected in test accuracy"
    )
    assert difference(comparison(planned=10, trained=(0, 10))).endswith(
        "(exact McNemar p = 0.002). bn against none: no pair in which both trained (0 of 10)."
    )


def test_a_failure_is_said_and_the_others_are_compared():
    said = difference(comparison(*HIGHER[:9], planned=10, trained=(10, 9)))
    assert said.startswith(
        "bn trained in 9 of 10 trials, none in 10 of 10 (exact McNemar p = 1.00). Where both trained: "
    )
    assert "pp higher" in said


def test_an_equivalence_is_of_trials_that_train_and_says_how_many_do_not():
    assert "bn failed to train in 0 of 10 trials (at most 26 %)" in difference(comparison(*UNSURE))


def test_trials_that_did_not_train_are_held_against_those_with_a_result_not_the_planned():
    """1 of 3 diverged, failed or guesses, though only 1 of 30 planned."""
    assert Counts(2, 1, 0, 27).too_many_untrained
    assert Counts(2, 0, 1, 27).too_many_untrained
    assert Counts(3, 0, 0, 27, untrained=1).too_many_untrained
    assert not Counts(9, 0, 1, 20).too_many_untrained
    assert not Counts(0, 0, 0, 30).too_many_untrained


@pytest.mark.parametrize("d", [(0.0,) * 9, UNSURE, UNSURE[:4], (0.0,), ()])
@pytest.mark.parametrize("family", [1, 8])
def test_nothing_is_ever_called_equal_or_the_same(d, family):
    text = difference(comparison(*d, family=family, planned=10)).lower()
    assert not re.search("equal|same|identical|no difference (?!detected)|not significant", text)


def test_many_missing_places_are_counted(tmp_path):
    everything = {
        (variant, size, seed): "missing" for variant in made_up.NORMS for size in (16, 64) for seed in range(5)
    }
    found = Evidence(*build(tmp_path, faults=everything))
    [said] = incomplete.sentences(found.trials, found.plan)
    assert said.startswith("50 of 50 trials are missing: none at batch size 16 (seeds 0–4), bn-pre at batch size 16")
    assert said.endswith(", and at 4 more places.")
    assert numbers(difference(found.comparisons[0])) == "16 0 5"
    assert sentences(found) == []


def test_trials_that_end_at_guessing_are_told_and_are_in_no_difference(tmp_path):
    store, plan = build(tmp_path, batch_sizes=(), variants=("none", "ln"), seeds=10, faults={})
    for path in tmp_path.glob("trials/*layer*/record.json"):
        found = read_record(path)
        if found.seed < 7:
            path.write_text(found.model_copy(update={"trained": False}).model_dump_json())
    found = Evidence(store, plan)
    assert incomplete.sentences(found.trials, plan)[0].startswith("7 of 20 trials did not train: ln (seeds 0–6).")
    assert list(readable(found)["n"]) == ["10/10", "10/10 (7 not trained)"]
    (c,) = found.comparisons
    assert (c.trains, c.trained, c.seeds, c.equivalent) == ("lower", (10, 3), (7, 8, 9), False)
    assert difference(c).startswith("ln trains less often than none: ln trained in 3 of 10 trials, none in 10 of 10")
    assert "26 % for 0 of 10, 91 % for 7 of 10" in " ".join(legend(found))


def test_with_ten_seeds_differences_are_confirmed_in_accuracy_and_in_times(tmp_path):
    found = Evidence(*build(tmp_path, seeds=10, batch_sizes=(), variants=("none", "bn-pre", "bn-post"), faults={}))
    assert tally(found.comparisons).startswith(
        "Of 2 comparisons with none, test accuracy is higher in 2 and lower in 0,"
    )
    text = sentences(found)[2]
    assert re.match(
        r"bn-pre to 99 %, exploratory: 0\.2\d× \[—, 0\.\d\d\] the steps of none \(n = 10; log-rank p = 0", text
    )
    assert re.search(r" In seconds of training: 0\.2\d× \[—, 0\.\d\d\] those of none \(n = 10; log-rank p = 0", text)


def test_with_two_pairs_no_ratio_of_the_steps_is_told(tmp_path):
    text = sentences(Evidence(*build(tmp_path, batch_sizes=(), variants=("none", "bn-pre"), seeds=2, faults={})))[1]
    assert text.startswith(
        "bn-pre to 98 %, exploratory: too few pairs for a ratio (n = 2). "
        "bn-pre reaches it at a median of 304–362 steps (2 of 2); none"
    )


def test_a_variant_with_the_spec_of_the_baseline_is_not_compared(tmp_path):
    store, plan = build(tmp_path, variants=("none", "ln"), batch_sizes=(), seeds=2, faults={})
    twin = plan.points[0].model_copy(update={"variant": "again"})
    plan = plan.model_copy(update={"variants": (*plan.variants, "again"), "points": (*plan.points, twin)})
    found = [(each.variant, each.same) for each in Evidence(store, plan).comparisons]
    assert found == [("ln", False), ("again", True)]


@pytest.mark.parametrize(("momentum", "steps"), [(0.99, 459), (0.9, 44), (0.0, 1)])
def test_an_average_has_settled_at_the_first_step_with_less_than_a_hundredth_left(momentum, steps):
    assert settled(momentum) == steps
    assert momentum**steps < 0.01 <= momentum ** (steps - 1)
