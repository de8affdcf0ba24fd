"""The claims of a config: each checked by itself, then against the variants and the places of the grid."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from bnexp.config.check import findings, located
from bnexp.config.mistakes import Mistakes
from bnexp.config.tree import Node, Path, get, plain
from bnexp.specs.claims import (
    Claim,
    Interaction,
    Ratio,
    Than,
    ThresholdShift,
    TimeRatio,
    compared_with,
    conditions,
    matches,
    refused_metric,
    refused_numbers,
)
from bnexp.specs.experiment import RATE, Point
from bnexp.specs.metrics import BEST_RATE, is_of_validation, of_probe
from bnexp.specs.wording import described, did_you_mean, listed, unknown

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


class Written(NamedTuple):
    """A claim and where it stands."""

    name: str
    claim: Claim
    node: Node

    def at(self, *path: str) -> Node:
        """The part that a mistake is about, or the nearest around it."""
        while path and get(self.node, path) is None:
            path = path[:-1]
        found = get(self.node, path)
        return self.node if found is None else found


def read_claims(written: Node | None, variants: Sequence[str], mistakes: Mistakes) -> Iterator[Written]:
    """The claims that are right by themselves; `variants`: those that are known, none where they are wrong."""
    for name, given in written.value.items() if written else ():
        each = given
        if not _ID.fullmatch(name):
            rule = "letters, digits, '.', '_' and '-', at most 64, the first a letter, a digit or '_'"
            mistakes.add(each.at_key, f"a claim's id takes {rule}; not {name[:80]!r}")
        if (word := get(given, ("rule",))) and isinstance(word.value, str):
            each = given._replace(value={**given.value, "rule": word._replace(value={"name": word})})
        try:
            claim = Claim.model_validate(plain(each))
        except ValidationError as error:
            mistakes += [located(finding, each) for finding in findings(error, plain(each), Claim)]
            continue
        found = Written(name, claim, each)
        known = len(mistakes)
        _check_variants(found, variants, mistakes)
        if refusal := refused_numbers(claim.rule):
            mistakes.add(found.at("rule").mark, refusal)
        if refusal := refused_metric(claim):
            mistakes.add(found.at("metric").mark if claim.metric else found.at("rule").mark, refusal)
        if len(mistakes) == known:
            yield found


def _check_variants(found: Written, variants: Sequence[str], mistakes: Mistakes) -> None:
    claim = found.claim
    named: dict[Path, str] = {("treatment",): claim.treatment, ("control",): claim.control}
    if isinstance(claim.rule, Interaction):
        than, place = claim.rule.than, found.at("rule", "than").mark
        named |= {
            ("rule", "than", key): name
            for key, name in (("treatment", than.treatment), ("control", than.control))
            if name
        }
        if than == Than():
            mistakes.add(place, "than is empty; give it a treatment, a control or a where")
        elif len({*compared_with(claim).variants}) == 1:
            mistakes.add(place, f"than compares {claim.rule.than.treatment or claim.treatment!r} with itself")
    for path, name in named.items() if variants else ():
        if name not in variants:
            mistakes.add(found.at(*map(str, path)).mark, f"{path[-1]}: {unknown('variant', name, variants)}")
    if claim.treatment == claim.control:
        mistakes.add(found.at("control").mark, f"the claim compares {claim.treatment!r} with itself")


def check_places(claims: Iterable[Written], points: Sequence[Point], baseline: str, mistakes: Mistakes) -> None:
    """Report what the points of the experiment do not have."""
    places = [(point.variant, dict(point.coordinates)) for point in points]
    for found in claims:
        claim = found.claim
        where: list[tuple[Path, Mapping[str, Any]]] = [(("where",), claim.where)]
        if isinstance(claim.rule, Interaction):
            where.append((("rule", "than", "where"), claim.rule.than.where))
        where += [(("published", k, "where"), each.where) for k, each in enumerate(claim.published or ())]
        known = len(mistakes)
        for path, keys in where:
            _check_where(found, path, keys, [place for _, place in places], mistakes)
        if claim.varied:
            _check_rates(found, places, mistakes)
        if claim.metric == BEST_RATE and claim.control != baseline:
            mistakes.add(found.at("control").mark, f"control: {BEST_RATE} is compared with the baseline, {baseline!r}")
        if isinstance(claim.rule, TimeRatio) or is_of_validation(claim.measured):
            without_images = any(not point.spec.data.validation for point in points if point.variant in claim.variants)
            if without_images:
                mistakes.add(
                    found.at("metric").mark, f"metric: {claim.measured} takes validation images; data.validation is 0"
                )
        if isinstance(claim.rule, Ratio):
            _check_probe(found, points, mistakes)
        if len(mistakes) == known and not conditions(claim, places):
            names = listed(claim.variants)
            mistakes.add(found.at("where").mark, f"no place of the grid has both {names} and all that the claim names")


def _check_probe(found: Written, points: Sequence[Point], mistakes: Mistakes) -> None:
    claim, wanted = found.claim, of_probe(found.claim.measured)
    if wanted and any(
        wanted.probe not in [str(probe.name) for probe in point.spec.probes]
        for point in points
        if point.variant in claim.variants
    ):
        hint = f"put it into `probes`, as `probes: [{wanted.probe}]`"
        mistakes.add(found.at("metric").mark, f"metric: not all of its trials have the probe {wanted.probe}; {hint}")


def _check_where(
    found: Written, path: Path, keys: Mapping[str, Any], places: Sequence[Mapping[str, Any]], mistakes: Mistakes
) -> None:
    varied = list(dict.fromkeys(key for place in places for key in place))
    for key, values in keys.items():
        node = get(found.node, (*path, key)) or found.node
        if key == found.claim.varied:
            mistakes.add(node.at_key, f"where: this claim goes through all values of {RATE} itself")
        elif key not in varied:
            hint = did_you_mean(key, varied) if varied else "; the config has no grid"
            mistakes.add(node.at_key, f"where: {key!r} is no key of the grid{hint}")
        else:
            items = node.value if node.is_list else [node]
            wanted = values if isinstance(values, list) else [values]
            there = list(dict.fromkeys(place[key] for place in places if key in place))
            for item, value in zip(items, wanted, strict=True):
                if not any(matches(place, {key: value}) for place in places):
                    mistakes.add(item.mark, f"where: no point has {key} {described(value)}; it has {listed(there)}")


def _check_rates(found: Written, places: Sequence[tuple[str, Mapping[str, Any]]], mistakes: Mistakes) -> None:
    claim = found.claim
    rates = {place[RATE] for variant, place in places if variant in claim.variants and RATE in place}
    what = found.at("rule") if isinstance(claim.rule, ThresholdShift) else found.at("metric")
    if len(rates) < 2:
        name = claim.rule.name if isinstance(claim.rule, ThresholdShift) else BEST_RATE
        mistakes.add(what.mark, f"{name} needs several learning rates; put {RATE} into the grid")
    elif isinstance(claim.rule, ThresholdShift) and (span := max(rates) / min(rates)) < claim.rule.factor:
        rule = f"the grid's learning rates span a factor of {span:g}, and can show none of {claim.rule.factor:g}"
        mistakes.add(what.mark, f"rule: {rule}; put more into it")
