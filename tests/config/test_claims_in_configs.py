"""Claims in a config: those that are right become values with a hash, wrong ones are refused at their line."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import yaml

from bnexp.config.load import from_mapping, load
from bnexp.config.mistakes import ConfigError
from bnexp.specs.claims import RULE_NAMES, AnyRule, Claim, conditions, fingerprint, points_of
from bnexp.specs.experiment import RATE, cautions

CONFIG = """variants:
  none: {norm: none}
  bn: {norm: batch}
  gn: {norm: {name: group, groups: 8}}
grid: {training.batch_size: [2, 4, 64]}
claims:
  c: {text: t, treatment: bn, control: none%s}
"""
VARIANTS = "known: none, bn, gn"
ACCURACIES = "test-accuracy, recalibrated-accuracy, validation-accuracy, best-rate-accuracy"

ID_RULE = "letters, digits, '.', '_' and '-', at most 64, the first a letter, a digit or '_'"

MISTAKES = {
    # what follows `control: none` on line 7, and what is said of it
    ", rule: noninferiorty": (
        f"7:52: unknown rule 'noninferiorty'; did you mean 'noninferiority'? known: {', '.join(RULE_NAMES)}"
    ),
    ", rule: noninferiority": "7:52: rule lacks a 'margin'",
    ", rule: {name: equivalence, margin: 0}": "7:80: rule.margin must be greater than 0, not 0",
    ", rule: {name: superiority, gain: 1}": "7:72: rule 'superiority' has no key 'gain', only 'at-least' has",
    ", metric: test-loss": f"7:54: metric: the rule 'superiority' takes an accuracy, {ACCURACIES}, not 'test-loss'",
    ", rule: trains, metric: test-loss": "7:68: metric: the rule 'trains' takes none; it counts which trials train",
    ", rule: time-ratio": (
        "7:52: metric: the rule 'time-ratio' takes a time; write one, such as `metric: steps-to-98`"
    ),
    ", rule: {name: ratio, below: 1}": (
        "7:52: metric: the rule 'ratio' takes a number of a probe, such as gradient-ratios.ratio; write one"
    ),
    ", rule: {name: ratio, below: 1}, metric: smoothness.lossrange": (
        "7:85: metric: the rule 'ratio' takes a number of a probe, not 'smoothness.lossrange'; did you mean "
        "'smoothness.loss-range'?"
    ),
    ", rule: {name: ratio, below: 1}, metric: smoothness.loss-range": (
        "7:85: metric: not all of its trials have the probe smoothness; put it into `probes`, as `probes: [smoothness]`"
    ),
    ", rule: {name: ratio, below: 1, look: first}, metric: inference-latency.raw-1": (
        "7:98: metric: inference-latency looks only after the last step, and `look` is first"
    ),
    ", rule: ratio, metric: smoothness.loss-range": "7:52: rule: 'ratio' takes below, above or both; it has neither",
    ", rule: {name: ratio, below: 1, above: 2}, metric: smoothness.loss-range": (
        "7:52: rule: nothing is below 1 and above 2"
    ),
    ", wher: {}": ("7:46: unknown key 'wher'; did you mean 'where'?"),
    ", metric: best-rate-accuracy": f"7:54: best-rate-accuracy needs several learning rates; put {RATE} into the grid",
    ", where: {training.batchsize: 2}": (
        "7:54: where: 'training.batchsize' is no key of the grid; did you mean 'training.batch_size'?"
    ),
    ", where: {training.batch_size: [2, 8]}": "7:79: where: no point has training.batch_size 8; it has 2, 4, 64",
    ", holds: never": "7:53: holds must be everywhere or somewhere, not the text 'never'",
    ", rule: {name: threshold-shift, factor: 10}": (
        f"7:52: threshold-shift needs several learning rates; put {RATE} into the grid"
    ),
    ", rule: {name: interaction, effect: larger, margin: 1, than: {}}": (
        "7:105: than is empty; give it a treatment, a control or a where"
    ),
    ", rule: {name: interaction, effect: larger, margin: 1, than: {treatment: ln}}": (
        f"7:117: treatment: unknown variant 'ln'; {VARIANTS}"
    ),
    ", rule: {name: interaction, effect: larger, margin: 1, than: {control: bn}}": (
        "7:105: than compares 'bn' with itself"
    ),
}


def first_lines(text, tmp_path):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "c.yaml")
    return [str(each).splitlines()[0].removeprefix(f"{tmp_path}/c.yaml:") for each in caught.value.mistakes]


@pytest.mark.parametrize("text", MISTAKES)
def test_a_wrong_claim_is_refused_at_its_place(text, tmp_path):
    assert first_lines(CONFIG % text, tmp_path) == [MISTAKES[text]]


def test_unknown_variants_and_ids_are_refused(tmp_path):
    text = CONFIG.replace("treatment: bn", "treatment: bm").replace("  c:", "  c d:") % ""
    assert first_lines(text, tmp_path) == [
        f"7:3: a claim's id takes {ID_RULE}; not 'c d'",
        f"7:29: treatment: unknown variant 'bm'; {VARIANTS}",
    ]


def test_a_shift_that_the_grid_cannot_show_is_refused(tmp_path):
    text = CONFIG.replace("training.batch_size: [2, 4, 64]", "training.optimizer.learning_rate: [0.1, 0.5]")
    (said,) = first_lines(text % ", rule: {name: threshold-shift, factor: 10}", tmp_path)
    assert said == (
        "7:52: rule: the grid's learning rates span a factor of 5, and can show none of 10; put more into it"
    )


def test_best_rates_are_compared_with_the_baseline_and_their_rates_are_no_places(tmp_path):
    text = CONFIG.replace("training.batch_size: [2, 4, 64]", f"{RATE}: [0.01, 0.1]")
    claim = f", metric: best-rate-accuracy, where: {{{RATE}: 0.1}}"
    assert first_lines(text.replace("control: none", "control: gn") % claim, tmp_path) == [
        "7:40: control: best-rate-accuracy is compared with the baseline, 'none'",
        f"7:80: where: this claim goes through all values of {RATE} itself",
    ]


def test_a_claim_of_too_few_seeds_is_cautioned_of():
    found = experiment()
    assert cautions(found) == []
    (said,) = [each for each in cautions(replace(found, seeds=(0, 1, 2))) if "claim" in each]
    assert said == "x: 1 claim and 3 seeds have no verdict but inconclusive; 6 seeds can have"


def test_claims_of_all_configs_are_one_family():
    """A verdict is after Holm's correction over all of them."""
    found = replace(experiment(), seeds=tuple(range(6)))

    def said(seeds: int, claims: dict[str, Claim]) -> list[str]:
        told = cautions(replace(found, seeds=tuple(range(seeds)), claims=claims), beside=[found] * 7)
        return [text for text in told if "claim" in text]

    assert said(6, found.claims) == [
        "x: 8 claims of all configs and 6 seeds have no verdict but inconclusive; 9 seeds can have"
    ]
    assert said(9, found.claims) == said(6, {}) == []


def test_times_take_validation_images(tmp_path):
    text = "data.validation: 0\n" + CONFIG % ", rule: time-ratio, metric: steps-to-98"
    assert first_lines(text, tmp_path) == ["8:72: metric: steps-to-98 takes validation images; data.validation is 0"]


MAPPING = {"variants": {"none": {"norm": "none"}, "bn": {"norm": "batch"}}, "grid": {"training.batch_size": [2, 64]}}


def experiment(*, variants=None, **claim):
    keys = {"text": "t", "treatment": "bn", "control": "none", **claim}
    return from_mapping(MAPPING | ({"variants": variants} if variants else {}) | {"claims": {"c": keys}}, name="x")


def digest(**changes):
    found = experiment(**changes)
    return fingerprint(found.claims["c"], found)


def test_the_hash_is_of_what_decides_and_not_of_the_words():
    same = [{"text": "other words"}, {"by": "x"}, {"published": [{"value": 1, "source": "y"}]}, {"twin": "z"}]
    same += [{"rule": "superiority"}, {"rule": {"name": "superiority"}}, {"holds": "everywhere"}]
    assert {digest(**each) for each in same} == {digest()}
    other = [{"where": {"training.batch_size": 2}}, {"holds": "somewhere"}, {"rule": "trains"}]
    other += [{"treatment": "none", "control": "bn"}, {"metric": "recalibrated-accuracy"}]
    other += [{"variants": MAPPING["variants"] | {"bn": {"norm": {"name": "batch", "momentum": 0.5}}}}]
    found = [digest(**each) for each in other]
    assert len({digest(), *found}) == 1 + len(other)


def test_a_claim_names_the_points_that_decide_it():
    found = experiment(where={"training.batch_size": 2})
    assert [(each.variant, each.coordinates) for each in points_of(found.claims["c"], found)] == [
        ("none", (("training.batch_size", 2),)),
        ("bn", (("training.batch_size", 2),)),
    ]
    rule = {"name": "interaction", "effect": "larger", "margin": 1, "than": {"where": {"training.batch_size": 64}}}
    held = experiment(rule=rule)
    places = [(each.variant, dict(each.coordinates)) for each in held.points]
    (only,) = conditions(held.claims["c"], places)
    assert (only.place, only.than) == ((("training.batch_size", 2),), (("training.batch_size", 64),))
    assert len(points_of(held.claims["c"], held)) == 4


def test_the_hash_stays_what_it_is():
    """One that changes calls every registered claim edited."""
    assert digest()[:12] == "696ac2c8b828"


def test_an_interaction_names_other_variants():
    names = ("none", "none-dropout", "bn", "bn-dropout")
    variants = {
        name: {"norm": "batch" if "bn" in name else "none", "model.dropout": 0.2 * ("dropout" in name)}
        for name in names
    }
    than = {"treatment": "none-dropout", "control": "none"}
    rule = {"name": "interaction", "effect": "smaller", "margin": 0.1, "than": than}
    found = experiment(variants=variants, treatment="bn-dropout", control="bn", rule=rule)
    claim = found.claims["c"]
    assert {each.variant for each in points_of(claim, found)} == {*names}
    assert claim.rule.told(*claim.variants, "accuracy") == (
        "bn-dropout minus bn is below 0.1 pp in accuracy, and smaller than none-dropout minus none, which is above zero"
    )


TOLD = {
    "superiority": "bn has a higher accuracy than none",
    "equivalence": "the accuracy of bn and none differs by less than 0.5 pp",
    "noninferiority": "the accuracy of bn is not 0.5 pp or more below that of none",
    "at-least": "bn minus none is above 0.5 pp in accuracy",
    "trains": "bn trains in more trials than none",
    "threshold-shift": "bn trains up to learning rates more than 10 times as large as none does",
    "interaction": "bn minus none is above 0.5 pp in accuracy, and larger than bn minus none at batch size 2",
    "time-ratio": "bn takes less than 1 times the accuracy of none",
    "ratio": "the accuracy of bn is less than 1 times that of none before the first step",
}


@pytest.mark.parametrize("name", RULE_NAMES)
def test_a_rule_says_what_it_shows(name):
    numbers = {
        "margin": 0.5,
        "gain": 0.5,
        "factor": 10,
        "effect": "larger",
        "than": {"where": {"training.batch_size": 2}},
        "below": 1,
        "look": "first",
    }
    (form,) = (each for each in get_args(get_args(AnyRule)[0]) if each.model_fields["name"].default == name)
    needed = {
        key: numbers[key]
        for key, field in form.model_fields.items()
        if field.is_required() or (name == "ratio" and key in numbers)
    }
    claim = Claim.model_validate({"text": "t", "treatment": "bn", "control": "none", "rule": {"name": name, **needed}})
    assert claim.rule.told(*claim.variants, "accuracy") == TOLD[name]


def test_the_example_and_the_rules_of_the_readme_are_those_that_there_are():
    readme = (Path(__file__).parents[2] / "configs/README.md").read_text()
    section = readme.split("### Claims")[1].split("\n## ")[0]
    (example,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    variants = {"bn": {"norm": "batch"}, "gn": {"norm": {"name": "group", "groups": 8}}}
    config = {"variants": variants, "grid": {"training.batch_size": [2, 4, 32]}}
    assert [*from_mapping(config | yaml.safe_load(example), name="x").claims] == ["small-batch"]
    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == [*RULE_NAMES]
    assert [key for key in Claim.model_fields if f"`claims.ID.{key}`" not in section] == []


def test_a_smoke_run_claims_nothing():
    config = MAPPING | {"claims": {"c": {"text": "t", "treatment": "bn", "control": "none"}}}
    assert from_mapping(config, name="x", smoke=True).claims == {}


def test_statistics_that_changed_for_one_rule_alone_change_its_hash_alone():
    """Of `interaction` with `smaller`, which is refuted by less since then."""
    numbers = {"name": "interaction", "margin": 1, "than": {"where": {"training.batch_size": 2}}}
    later = {
        effect: Claim(text="t", treatment="b", control="a", rule=numbers | {"effect": effect}).rule.later
        for effect in ("smaller", "larger")
    }
    assert later == {"smaller": 1, "larger": 0}
    assert Claim(text="t", treatment="b", control="a").rule.later == 0
