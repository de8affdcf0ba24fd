"""Phrases that several topics share: places, lists, and what an interval and a test over pairs show."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from bnexp.evidence.condition import Condition
from bnexp.evidence.metric import Metric
from bnexp.evidence.paired import Comparison, Estimate
from bnexp.evidence.rule import LEVEL
from bnexp.evidence.time_to_accuracy import TimeRatio
from bnexp.reporting.numbers import ABSENT, Number, decimals, ends, fixed, interval, p_value, ratio
from bnexp.specs.experiment import seeds_needed
from bnexp.specs.wording import place_label
from bnexp.stats.estimates import Interval, at_most

LISTED = 6  # so many places are named; the rest is counted


def at(coordinates: Mapping[str, Any]) -> str:
    """` at batch size 16`; empty without a grid."""
    label = place_label(coordinates)
    return f" at {label}" if label else ""


class Placed(Protocol):
    """A variant at a place of the grid."""

    @property
    def variant(self) -> str: ...

    @property
    def coordinates(self) -> Mapping[str, Any]: ...


def named(each: Placed) -> str:
    """`ln at batch size 16`."""
    return f"{each.variant}{at(each.coordinates)}"


def first(items: Iterable[str], separator: str, more: str, listed: int = LISTED) -> str:
    """The first so many, and how many more there are, as `more` says it."""
    texts = list(items)
    rest = more.format(len(texts) - listed) if len(texts) > listed else ""
    return separator.join(texts[:listed]) + rest


def places(conditions: Iterable[Condition]) -> dict[str, dict[str, Condition]]:
    """The places of the grid in order, as text, each with its conditions by variant."""
    found: dict[str, dict[str, Condition]] = {}
    for condition in conditions:
        found.setdefault(place_label(condition.coordinates), {})[condition.variant] = condition
    return found


def counted(n: int, one: str, many: str = "") -> str:
    """`1 pair`, `2 pairs`."""
    return f"{n} {one if n == 1 else many or f'{one}s'}"


def change(estimate: Interval) -> str:
    """`+0.18`: a difference with the digits that its interval leaves."""
    return fixed(estimate.mean, decimals(estimate.half_width), sign=True)


def times_as_long(estimate: Interval) -> str:
    """`0.42× [0.36, 0.49]`."""
    text = ratio(estimate)
    return text if text.startswith(ABSENT) else text.replace(" ", "× ", 1)


def effect(found: Estimate) -> Number:
    """`+0.18 [+0.10, +0.26]`, or of times `0.42 [0.36, 0.49]`."""
    return ratio(found.ratio) if found.ratio else interval(found.difference, sign=True)


def amount(found: Comparison) -> str:
    """`+0.18 pp [+0.10, +0.26]`, with the unit."""
    size, estimate = f"{change(found.difference)} {pp(found.metric)}", found.difference
    if estimate.n < 2:
        return size
    return f"{size} [{'no interval yet' if math.isnan(estimate.low) else ', '.join(ends(estimate, sign=True))}]"


def span(estimate: Interval, confidence: float = 0.95) -> str:
    """`95 % interval +0.10 to +0.26`, of a difference."""
    if math.isnan(estimate.low) and estimate.n > 1:
        return f"no {per_cent(confidence)} interval yet"
    return f"{per_cent(confidence)} interval {' to '.join(ends(estimate, sign=True))}"


def per_cent(share: float) -> str:
    """`95 %`."""
    return f"{100 * share:.4g} %"


def pp(metric: Metric) -> str:
    """The unit of differences, short."""
    return "pp" if metric.unit == "%" else metric.unit


def out_of(n: int, planned: int) -> str:
    """`n = 10`, `n = 9 of 10`: pairs."""
    return f"n = {n}" + (f" of {planned}" if n < planned else "")


def can_detect(n: int, size: str) -> str:
    """`n = 10 can detect 0.071 pp (80 % power)`."""
    return f"n = {n} can detect {size} (80 % power)"


def left_out(mismatches: Mapping[int, str]) -> str:
    """`1 pair left out, because they did not start alike (seed 2: data)`, of seed to what disagrees."""
    why = "; ".join(f"seed {seed}: {text}" for seed, text in mismatches.items())
    return f"{counted(len(mismatches), 'pair')} left out, because they did not start alike ({why})"


def trained(found: Estimate, one: str, other: str) -> str:
    """`bn trained in 3 of 10 trials, none in 10 of 10 (exact McNemar p = 0.016)`; empty where all of them did."""
    n, (first, second) = len(found.outcomes), found.trained
    if first == second == n:
        return ""
    p = found.trained_test.p if math.isnan(found.trained_p_holm) else found.trained_p_holm
    test = p_phrase("sequential" if found.sequential else "exact McNemar", p, 1)
    return f"{other} trained in {second} of {n} trials, {one} in {first} of {n} ({test})"


def untrained(found: Estimate, other: str) -> str:
    """`bn failed to train in 0 of 10 trials (at most 26 %)`, with the bound of that share."""
    n, failed = len(found.outcomes), len(found.outcomes) - found.trained[1]
    return f"{other} failed to train in {failed} of {n} trials (at most {fixed(100 * at_most(failed, n), 0)} %)"


def tested(name: str, found: Estimate | TimeRatio) -> str:
    """Its test over swaps of the pairs, corrected over its family, and whether so few of them can confirm anything."""
    test, family, needed = found.test, found.family, seeds_needed(found.family)
    if found.least < LEVEL:
        return p_phrase(name.removesuffix(" test"), found.p_holm, family)
    ties = {0: "", 1: ", 1 of them a tie,"}.get(test.ties, f", {test.ties} of them ties,")
    more = f", n = {needed} can" if needed > test.n else ""  # else it is the ties
    correction = f" after Holm's correction over {family} comparisons" if family > 1 else ""
    least = f"the smallest p of the {name} is {found.least:.3g}{correction}"
    return f"n = {test.n}{ties} can confirm nothing{more}: {least}"


def p_phrase(name: str, p: float, family: int) -> str:
    """`sign-flip p = 0.031 after Holm's correction over 4 comparisons`."""
    text = p_value(p)
    relation = f"< {text[1:]}" if text.startswith("<") else f"= {text}"
    return f"{name} p {relation}" + (f" after Holm's correction over {family} comparisons" if family > 1 else "")
