"""What so many seeds could have shown, and how many settle a claim, held against the rules themselves."""

import math
from pathlib import Path

import numpy as np
import pytest
from made_up_claims import claim, contrast

from bnexp.claims.power import could_show, seeds_to_settle
from bnexp.claims.rules import shown

README = Path(__file__).parents[2] / "configs" / "README.md"
SCATTER, PATHS = 0.1, 400
APART = np.resize([1, -1], 12), np.resize([1, 1, -1, -1], 12)  # with no correlation
TWO_BOUNDS = {"name": "ratio", "below": 1.1, "above": 0.9}


def scattered(mean, pattern=APART[0]):
    """Of this mean, and of the standard deviation `SCATTER`."""
    return mean + SCATTER * pattern / pattern.std(ddof=1)


def normal(mean, seeds, stream):
    return np.random.default_rng(stream).normal(mean, SCATTER, (PATHS, seeds))


def settles(rule, contrasts, needed, *verdicts):
    """Whether so many seeds decide four fifths, and one fewer does not; the standard error is 2 %."""
    return share(rule, contrasts(needed), *verdicts) > 0.74 and share(rule, contrasts(needed - 1), *verdicts) < 0.86


def share(rule, contrasts, *verdicts):
    found = [shown(claim(rule), each) for each in contrasts]
    return np.mean([min(getattr(each, name) for name in verdicts) < 0.05 for each in found])


@pytest.mark.parametrize(
    "rule",
    [
        {"name": "superiority"},
        {"name": "at-least", "gain": 0.3},
        {"name": "noninferiority", "margin": 0.3},
        {"name": "ratio", "below": 0.9},
        {"name": "ratio", "above": 1.5},
    ],
)
def test_what_could_have_been_shown_is_shown_in_80_of_100(rule):
    """The standard error is 2 %."""
    could = could_show(claim(rule), contrast(scattered(0.0)))
    true = math.log10(could) if rule["name"] == "ratio" else could
    found = share(rule, map(contrast, normal(true, 12, 5)), "supported")
    assert found == pytest.approx(0.8, abs=0.08)


@pytest.mark.parametrize("seeds", [8, 10, 12, 13, 20])
def test_the_readme_of_the_configs_says_what_so_many_seeds_show(seeds):
    rule, found = claim({"name": "superiority"}), contrast(3 * scattered(0.0, np.resize([1, -1], seeds)))
    alone, first = (could_show(rule, found, family) / (3 * SCATTER) for family in (1, 16))
    told = f"{first:.1f}" if math.isfinite(first) else "nothing"
    assert f"| {seeds} | {alone:.1f} | {told} |" in README.read_text()


def test_the_margin_of_a_ratio_with_two_bounds_is_one_within_which_1_is_shown_to_lie():
    could = could_show(claim(TWO_BOUNDS), contrast(scattered(0.0)))
    within = {"name": "ratio", "below": could, "above": 1 / could}
    assert share(within, map(contrast, normal(0.0, 12, 5)), "supported") == pytest.approx(0.8, abs=0.08)


@pytest.mark.parametrize(
    ("rule", "mean"),
    [
        ({"name": "superiority", "margin": 0.3}, 0.05),
        ({"name": "equivalence", "margin": 0.2}, 0.1),
        ({"name": "at-least", "gain": 0.3}, 0.35),
        ({"name": "ratio", "below": 1}, 0.05),
        (TWO_BOUNDS, 0.0),
    ],
)
def test_so_many_seeds_give_a_verdict_in_80_of_100(rule, mean):
    needed = seeds_to_settle(claim(rule), contrast(scattered(mean)))
    verdicts = ("supported", "refuted", *(["no_difference"] if rule["name"] == "superiority" else []))
    assert settles(rule, lambda n: map(contrast, normal(mean, n, 6)), int(needed), *verdicts)


@pytest.mark.parametrize(
    ("effect", "means"), [("larger", (0.6, 0.1)), ("larger", (0.35, 0.2)), ("smaller", (0.1, 0.2))]
)
def test_of_an_interaction_both_effects_are_simulated(effect, means):
    rule = {"name": "interaction", "effect": effect, "margin": 0.3, "than": {"where": {"training.batch_size": 64}}}

    def of(own, there):
        return contrast(own - there, own=tuple(own), there=tuple(there))

    def contrasts(n):
        return [of(*each) for each in zip(normal(means[0], n, 7), normal(means[1], n, 8), strict=True)]

    needed = seeds_to_settle(claim(rule), of(*map(scattered, means, APART)))
    assert settles(rule, contrasts, int(needed), "supported", "refuted")
    assert math.isnan(could_show(claim(rule), of(*map(scattered, means, APART))))


def test_so_few_seeds_that_nothing_could_be_shown():
    three = contrast(SCATTER * np.array([1, -1, 0]))
    assert [could_show(claim({"name": "ratio", side: 1}), three) for side in ("below", "above")] == [math.inf] * 2


def test_shifts_are_between_two_ends_and_nothing_follows_from_one_that_has_none():
    rule = claim({"name": "threshold-shift", "factor": 10})
    least, most = scattered(1.1), scattered(1.35)
    assert 12 < seeds_to_settle(rule, contrast(least, most=tuple(most))) < 40
    endless = contrast(least, most=(*most[:-1], 1e3))
    assert math.isnan(seeds_to_settle(rule, endless))
    assert math.isnan(seeds_to_settle(claim(), contrast([0.5] * 12)))
    assert math.isnan(seeds_to_settle(claim("trains"), contrast(scattered(0.0))))
