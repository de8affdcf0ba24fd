"""From made-up records to verdicts: over places, over claims, and beside published figures."""

import math
from dataclasses import replace

import numpy as np
import pytest
from made_up_claims import claim, contrast, plan
from made_up_reports import evidence

from bnexp.claims import verdict
from bnexp.claims.contrast import contrasts
from bnexp.claims.rules import Shown
from bnexp.claims.verdict import Judged, judge
from bnexp.specs.experiment import RATE
from bnexp.stats.multiplicity import holm

NOISE = 0.01 * np.array([1, -1] * 8)
RATES = (0.001, 0.01, 0.1, 1.0)


def scores(*gains, seeds=10):
    """Test accuracies of none and batch, place by place, which gains so much there."""
    return np.array([row for gain in gains for row in (98 + NOISE[:seeds], 98 + gain - NOISE[:seeds])])


def only(claims, accuracy, *, rates=(), seeds=10, edited=(), **others):
    """The verdicts by id."""
    found = evidence(plan(claims, seeds, rates=rates, edited=edited), accuracy, **others)
    return {each.id: each for each in judge([found])}


def test_a_claim_is_judged_with_its_estimate_and_its_seeds():
    found = only({"a": claim()}, scores(0.5))["a"]
    assert (found.verdict, found.family, found.exploratory) == ("supported", 1, "")
    (place,) = found.places
    assert place.contrast.estimate.mean == pytest.approx(0.5)
    assert place.contrast.estimate.low > 0
    assert (place.contrast.planned, len(place.contrast.seeds), found.pending) == (10, 10, False)


def test_seeds_that_are_still_to_come_keep_no_verdict_waiting():
    found = only({"a": claim()}, scores(0.5), missing_from=8)["a"]
    assert (found.verdict, found.pending, found.places[0].contrast.pending) == ("supported", True, 2)


EVERYWHERE = {
    # gains at four places: the verdict if the claim holds everywhere, and if somewhere
    (0.5, 0.5, 0.5, 0.5): ("supported", "supported"),
    (0.5, 0.0, 0.0, 0.0): ("inconclusive", "supported"),
    (0.5, -0.5, 0.0, 0.0): ("refuted", "supported"),
    (0.0, 0.0, 0.0, 0.0): ("inconclusive", "inconclusive"),
    (-0.5, -0.5, -0.5, -0.5): ("refuted", "refuted"),
}


@pytest.mark.parametrize("gains", EVERYWHERE)
def test_over_places(gains):
    claims = {holds: claim(holds=holds) for holds in ("everywhere", "somewhere")}
    found = only(claims, scores(*gains), rates=RATES)
    assert tuple(found[holds].verdict for holds in claims) == EVERYWHERE[gains]


def test_where_it_holds_is_said():
    found = only({"a": claim(holds="somewhere")}, scores(0.5, 0.0, 0.5, -0.5), rates=RATES)["a"]
    assert [each.verdict for each in found.places] == ["supported", "inconclusive", "supported", "refuted"]
    assert [each.contrast.place[RATE] for each in found.where] == [0.001, 0.1]


def test_places_can_be_chosen():
    found = only({"a": claim(where={RATE: [0.01, 0.1]})}, scores(0, 0.5, 0.5, 0), rates=RATES)["a"]
    assert (found.verdict, len(found.places)) == ("supported", 2)


def test_no_difference_takes_a_margin_and_a_difference_within_it_is_said_beside():
    assert only({"a": claim({"name": "superiority", "margin": 0.2})}, scores(0.0))["a"].verdict == "no difference"
    found = only({"a": claim({"name": "superiority", "margin": 0.5})}, scores(0.2))["a"]
    assert (found.verdict, found.within) == ("supported", True)


def test_all_claims_share_the_level_and_the_clear_one_goes_first():
    claims = {str(k): claim(text=str(k)) for k in range(3)}
    found = only(claims, scores(0.5, seeds=7), seeds=7)
    assert {each.family for each in found.values()} == {3}
    assert found["0"].p_holm == pytest.approx(3 * found["0"].p)
    assert {each.verdict for each in found.values()} == {"supported" if found["0"].p_holm < 0.05 else "inconclusive"}


def test_a_rule_that_was_edited_is_exploratory_and_no_member_of_the_family():
    found = only({"a": claim(), "b": claim({"name": "noninferiority", "margin": 1})}, scores(0.5), edited=["b"])
    assert [each.family for each in found.values()] == [1, 1]
    assert "edited after the first trial; it was another" in found["b"].exploratory
    assert found["b"].verdict == "supported"


def test_published_figures_lie_in_our_interval_or_do_not_or_cannot_be_compared():
    figures = [{"value": value, "source": "x"} for value in (0.5, 3.0)]
    figures += [
        {"value": 0.5, "source": "x", "differs": "ImageNet"},
        {"value": 1, "source": "y", "where": {RATE: 0.01}},
    ]
    (place,) = only({"a": claim(published=figures)}, scores(0.5))["a"].places
    assert [(each.verdict, each.why) for each in place.replications] == [
        ("yes", ""),
        ("no", ""),
        ("not comparable", "ImageNet"),
    ]
    (early,) = only({"a": claim(published=figures[:1])}, scores(0.5), missing_from=4)["a"].places
    assert early.replications[0].verdict == "not comparable"


FATES = (
    {
        # none trains up to .01, batch up to .1, but for seed 0, of which batch trains at all rates
        (4, seed): "failed"
        for seed in range(10)
    }
    | {(6, seed): "diverged" for seed in range(10)}
    | {(7, seed): "untrained" for seed in range(1, 10)}
)


def test_the_largest_rate_that_trains_is_known_to_the_grid():
    rule = claim({"name": "threshold-shift", "factor": 3})
    stored = plan({"a": rule}, 10, rates=RATES)
    (found,) = contrasts(rule, evidence(stored, scores(0, 0, 0, 0), fates=FATES))
    assert found.place == {}
    # none trains at 0.01 and not at 0.1, batch at 0.1 and not at 1: by a factor of 1 to 100.
    assert found.differences == pytest.approx([1, *[0] * 9])
    assert found.most == pytest.approx([1e3, *[2] * 9])
    assert (found.estimate.n, found.planned, found.pending) == (10, 10, 0)
    assert found.estimate.mean == pytest.approx(10)


@pytest.mark.parametrize(("fails", "least", "most"), [(0, 3, 1e3), (1, -1e3, -3)], ids=["none", "batch"])
def test_what_trains_at_no_rate_is_below_the_grid_and_what_trains_at_all_above(fails, least, most):
    rule = claim({"name": "threshold-shift", "factor": 3})
    fates = {(fails, seed): "failed" for seed in range(10)}
    (found,) = contrasts(rule, evidence(plan({"a": rule}, 10, rates=RATES), scores(0, 0, 0, 0), fates=fates))
    assert (found.differences, found.most) == ((least,) * 10, (most,) * 10)
    assert found.estimate.mean == (0.0 if fails else math.inf)


def test_between_a_shift_and_one_without_an_end_the_smaller_is_the_median():
    """Five seeds stop in one cell of the grid; in five more the treatment trains at every rate."""
    rule = claim({"name": "threshold-shift", "factor": 3})
    fates = {(2 * k, seed): "failed" for k in (2, 3) for seed in range(10)}
    fates |= {(2 * k + 1, seed): "failed" for k in (2, 3) for seed in range(5)}
    (found,) = contrasts(rule, evidence(plan({"a": rule}, 10, rates=RATES), scores(0, 0, 0, 0), fates=fates))
    assert found.most == pytest.approx([1] * 5 + [1e3] * 5)
    assert found.estimate.mean == pytest.approx(1)
    assert found.estimate.n == 10


def test_a_time_is_judged_when_all_pairs_are_there_and_against_the_ratio_of_the_rule():
    looks = [round(10 * 2 ** (k / 4)) for k in range(36)]
    reached = {98.0: np.array([[1000 + 10 * k for k in range(10)], [400 + 10 * k for k in range(10)]])}
    rules = {f"{x}": claim({"name": "time-ratio", "at_most": x}, metric="steps-to-98") for x in (1.0, 0.6, 0.2)}
    given = {"reached": reached, "looks": looks}
    found = only(rules, scores(0), **given)
    assert [each.verdict for each in found.values()] == ["supported", "supported", "refuted"]
    assert found["1.0"].places[0].contrast.estimate.mean == pytest.approx(0.42, abs=0.05)
    early = only(rules, scores(0), missing_from=9, **given)
    assert [each.verdict for each in early.values()] == ["inconclusive"] * 3


def test_at_each_ones_best_rate_the_other_seeds_decide_once_all_are_there():
    rule = claim(metric="best-rate-accuracy")
    accuracy = scores(-0.5, 0.4, seeds=16)
    given = {"rates": RATES[:2], "seeds": 16}
    found = only({"a": rule}, accuracy, **given)["a"]
    (place,) = found.places
    assert (found.verdict, len(place.contrast.seeds), place.contrast.place) == ("supported", 12, {})
    assert place.contrast.estimate.mean == pytest.approx(0.4, abs=0.02)
    assert only({"a": rule}, accuracy, missing_from=15, **given)["a"].verdict == "inconclusive"
    assert only({"a": rule}, accuracy, missing_from=0, **given)["a"].verdict == "inconclusive"


def test_a_variant_that_is_trained_as_the_control_shows_no_equivalence():
    """Each pair is one trial twice."""
    stored = plan({"a": claim({"name": "equivalence", "margin": 0.1})})
    points = [stored.points[0], stored.points[0].model_copy(update={"variant": "batch"})]
    found = judge([evidence(stored.model_copy(update={"points": points}), scores(0)[[0, 0]])])[0]
    assert (found.verdict, found.places[0].contrast.estimate.n) == ("inconclusive", 0)


def test_an_interaction_is_held_against_another_place():
    rule = claim({"name": "interaction", "effect": "larger", "margin": 0.2, "than": {"where": {RATE: 0.001}}})
    found = only({"a": rule}, scores(0.0, 0.5, 0.6, 0.7), rates=RATES)["a"]
    assert (found.verdict, len(found.places)) == ("supported", 3)
    assert found.places[0].contrast.estimate.mean == pytest.approx(0.5)


def test_where_the_control_breaks_by_not_training_the_effect_is_larger():
    rule = claim({"name": "interaction", "effect": "larger", "margin": 0.2, "than": {"where": {RATE: 0.001}}})
    fates = {(2, seed): "failed" for seed in range(8)}
    found = only({"a": rule}, scores(0.0, 0.0), rates=RATES[:2], fates=fates)["a"]
    assert (found.verdict, found.places[0].contrast.trained_apart) == ("supported", (0, 8))
    everywhere = fates | {(0, seed): "failed" for seed in range(8)}
    assert only({"a": rule}, scores(0.0, 0.0), rates=RATES[:2], fates=everywhere)["a"].verdict == "inconclusive"


def test_what_is_inconclusive_says_what_could_have_been_seen_and_what_would_settle_it():
    random = np.random.default_rng(0)
    accuracy = np.array([98 + random.normal(0, 0.2, 10), 98.05 + random.normal(0, 0.2, 10)])
    found = only({"a": claim()}, accuracy)["a"]
    assert found.verdict == "inconclusive"
    assert 0.25 < found.could_show(found.places[0]) < 0.8
    assert found.seeds_to_settle(found.places[0]) > 10


def test_a_null_folder_of_many_claims_asserts_something_in_5_of_100_at_most():
    """Four claims on four places each, some everywhere, some somewhere; the standard error is 3 %."""
    random = np.random.default_rng(4)
    claims = {
        **{f"e{k}": claim(where={RATE: RATES[k]}) for k in range(2)},
        **{f"s{k}": claim(holds="somewhere", where={RATE: [*RATES[2 * k : 2 * k + 2]]}) for k in range(2)},
    }
    stored = plan(claims, 12, rates=RATES)
    wrong = 0
    for _ in range(40):
        found = judge([evidence(stored, 98 + random.normal(0, 0.1, (8, 12)))])
        wrong += any(each.verdict != "inconclusive" for each in found)
    assert wrong / 40 < 0.13
    assert not any(math.isnan(each.p_holm) for each in found)


@pytest.mark.parametrize("claims", [1, 16])
@pytest.mark.parametrize("just", [False, True])
def test_beside_claims_that_are_refuted_a_null_place_gets_a_verdict_in_5_of_100_at_most(claims, just):
    """Each claim is refuted at one place, clearly or just so, and null at another; the standard error is 1 %.

    Of all claims together where the verdict is one that would decide the claim, else of each claim.
    """
    random = np.random.default_rng(5)
    stored = plan({f"c{k}": claim() for k in range(claims)}, 12)
    deciding, other = 0, 0
    for _ in range(500):
        found = []
        for k, (name, p) in enumerate(zip(stored.claims, random.uniform(size=claims), strict=True)):
            shown = Shown(1.0, 0.0249 / (claims - k) if just else 1e-6)
            places = (
                verdict.Tested(contrast([0.0]), shown, ()),
                verdict.Tested(contrast([0.0]), Shown(min(1.0, 2 * p), min(1.0, 2 * (1 - p))), ()),
            )
            one = Judged(plan=stored, id=name, places=places, p=0, p_holm=0, family=1, verdict="refuted", within=False)
            found.append(replace(one, p=min(verdict._over_places(one.claim, places))))
        corrected = holm([each.p for each in found])
        told = [verdict._decided(each, p, math.nan, claims) for each, p in zip(found, corrected, strict=True)]
        assert just or all(each.verdict == each.places[0].verdict == "refuted" for each in told)
        deciding += any(each.places[1].verdict == "refuted" for each in told)
        other += sum(each.places[1].verdict == "supported" for each in told)
    assert deciding / 500 < 0.08
    assert other / 500 / claims < 0.08


def test_whole_numbers_in_a_claim_are_the_plans_own():
    """`1` in the config of a key that takes fractions is `1.0` in the plan."""
    rates = (1.0, 10.0)
    rule = {"name": "interaction", "effect": "larger", "margin": 0.2, "than": {"where": {RATE: 1}}}
    found = only({"a": claim(rule, where={RATE: 10})}, scores(0.0, 1.0), rates=rates)["a"]
    assert found.verdict == "supported"


def test_a_claim_that_its_config_calls_exploratory_is_corrected_for_nobody():
    found = only({"a": claim(), "b": claim(exploratory=True), "c": claim(holds="somewhere")}, scores(0.5))
    assert {name: (each.family, each.exploratory) for name, each in found.items()} == {
        "a": (2, ""),
        "b": (1, "exploratory by the config"),
        "c": (2, ""),
    }
    assert found["b"].p_holm == found["b"].p < found["a"].p_holm
    late = only({"b": claim(exploratory=True)}, scores(0.5), edited=["b"])["b"]
    assert "edited after the first trial" in late.exploratory
