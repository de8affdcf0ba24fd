"""A claim: what is said of a method, and the rule by which the records of an experiment decide it; pure.

The rule is set before the first trial.  `fingerprint` is the hash of all that decides: of the rule, the metric, the
places, and the specs of what is compared there, but not of the words in which the claim is told.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import Discriminator, Field

from bnexp.specs.experiment import RATE, Experiment, Point
from bnexp.specs.metrics import ACCURACIES, BEST_RATE, FACTORS, of_probe, steps_to
from bnexp.specs.probes import PROBES, Following
from bnexp.specs.values import Frozen, canonical, equal, named
from bnexp.specs.wording import did_you_mean, place_label

RULES = 1
"""Version of the rules' statistics (`claims.rules`, level .05): part of every fingerprint, raised with any change."""

Scalar = str | int | float | bool | None
Where = dict[str, Scalar | Annotated[list[Scalar], Field(min_length=1)]]
"""Keys of the grid, each with a value or a list of values."""

Holds = Literal["everywhere", "somewhere"]
Place = Mapping[str, Any]
"""Keys of the grid with their values, as `StoredPoint.coordinates`."""


class _Rule(Frozen):
    """What all rules have."""

    def told(self, treatment: str, control: str, measure: str) -> str:
        """What is shown where it supports a claim, in words; `measure` is empty where the rule takes none."""
        raise NotImplementedError

    @property
    def bounds(self) -> tuple[float, ...]:
        """The values that the estimate is held against, in its unit."""
        return (0.0,)

    @property
    def later(self) -> int:
        """How often the statistics of this rule alone were changed since version 1 of all."""
        return 0


class Superiority(_Rule):
    """The treatment is better; refuted where it is shown to be worse."""

    name: Literal["superiority"] = "superiority"
    margin: float | None = Field(
        None, gt=0, lt=100, description="`no difference` is said where the difference is shown to lie within this"
    )

    def told(self, treatment: str, control: str, measure: str) -> str:
        within = "" if self.margin is None else f" (no difference: within ± {self.margin:g} pp)"
        return f"{treatment} has a higher {measure} than {control}{within}"

    @property
    def bounds(self) -> tuple[float, ...]:
        return (0.0,) if self.margin is None else (-self.margin, 0.0, self.margin)


class Equivalence(_Rule):
    """The difference lies within the margin; refuted where it is shown to lie beyond it."""

    name: Literal["equivalence"] = "equivalence"
    margin: float = Field(gt=0, lt=100, description="a difference below it does not matter, in percentage points")

    def told(self, treatment: str, control: str, measure: str) -> str:
        return f"the {measure} of {treatment} and {control} differs by less than {self.margin:g} pp"

    @property
    def bounds(self) -> tuple[float, ...]:
        return -self.margin, self.margin


class Noninferiority(_Rule):
    """The treatment is not worse by more than the margin; refuted where it is shown to be."""

    name: Literal["noninferiority"] = "noninferiority"
    margin: float = Field(gt=0, lt=100, description="a loss below it does not matter, in percentage points")

    def told(self, treatment: str, control: str, measure: str) -> str:
        return f"the {measure} of {treatment} is not {self.margin:g} pp or more below that of {control}"

    @property
    def bounds(self) -> tuple[float, ...]:
        return (-self.margin,)


class AtLeast(_Rule):
    """The treatment is better by the gain at least; refuted where it is shown to be less."""

    name: Literal["at-least"] = "at-least"
    gain: float = Field(gt=-100, lt=100, description="in percentage points, treatment against control")

    def told(self, treatment: str, control: str, measure: str) -> str:
        return f"{treatment} minus {control} is above {self.gain:g} pp in {measure}"

    @property
    def bounds(self) -> tuple[float, ...]:
        return (self.gain,)


class Trains(_Rule):
    """The treatment trains in more trials; refuted where it is shown to train in fewer."""

    name: Literal["trains"] = "trains"

    def told(self, treatment: str, control: str, measure: str) -> str:
        return f"{treatment} trains in more trials than {control}"


class ThresholdShift(_Rule):
    """The treatment still trains at learning rates larger by the factor; refuted where the shift is shown smaller."""

    name: Literal["threshold-shift"] = "threshold-shift"
    factor: float = Field(gt=0, description="of learning rates: 10 for ten times as large")

    def told(self, treatment: str, control: str, measure: str) -> str:
        return f"{treatment} trains up to learning rates more than {self.factor:g} times as large as {control} does"

    @property
    def bounds(self) -> tuple[float, ...]:
        return (self.factor,)


class Than(Frozen):
    """What the effect is held against: of other variants, or of the same ones elsewhere."""

    treatment: str | None = Field(None, description="the variant in its place; default: that of the claim")
    control: str | None = Field(None, description="the variant in its place; default: that of the claim")
    where: dict[str, Scalar] = Field(
        default_factory=dict, description="keys of the grid with one value each that take the place of the claim's"
    )

    @property
    def variants(self) -> tuple[str, ...]:
        """Those that it names."""
        return tuple(name for name in (self.treatment, self.control) if name)


class Interaction(_Rule):
    """The effect of the treatment is smaller, or larger, than that of `than`.

    `smaller`: `than` has an effect above zero, the claim's own is below the margin, and smaller than it; refuted where
    it is above the margin.  `larger`: the claim's own effect is above the margin, and larger than that of `than`.
    """

    name: Literal["interaction"] = "interaction"
    effect: Literal["smaller", "larger"] = Field(description="what the claim's own effect is beside that of `than`")
    margin: float = Field(gt=0, lt=100, description="of the claim's own effect, in percentage points")
    than: Than = Field(description="what it is held against")

    def told(self, treatment: str, control: str, measure: str) -> str:
        place = place_label(self.than.where)
        other = f"{self.than.treatment or treatment} minus {self.than.control or control}{' at ' * bool(place)}{place}"
        own, above = ("above", "") if self.effect == "larger" else ("below", ", which is above zero")
        compared = f"{self.effect} than {other}{above}"
        return f"{treatment} minus {control} is {own} {self.margin:g} pp in {measure}, and {compared}"

    @property
    def later(self) -> int:
        return int(self.effect == "smaller")  # it was also refuted where `than` was shown to have no effect above zero


class TimeRatio(_Rule):
    """The treatment takes at most this share of the control's time; refuted where it is shown to take more."""

    name: Literal["time-ratio"] = "time-ratio"
    at_most: float = Field(1.0, gt=0, description="of the control's steps: 0.5 for half of them")

    def told(self, treatment: str, control: str, measure: str) -> str:
        return f"{treatment} takes less than {self.at_most:g} times the {measure} of {control}"

    @property
    def bounds(self) -> tuple[float, ...]:
        return (self.at_most,)


class Ratio(_Rule):
    """What a probe measures is so many times the control's; refuted where it is shown to be otherwise.

    A trial's number is the median over the layers that it is of, and the geometric mean over the looks.
    """

    name: Literal["ratio"] = "ratio"
    below: float | None = Field(None, gt=0, description="treatment by control is less than this")
    above: float | None = Field(None, gt=0, description="treatment by control is more than this")
    look: Literal["every", "first", "last"] = Field("every", description="which of the probe's looks count")

    def told(self, treatment: str, control: str, measure: str) -> str:
        bounds = [f"{word} than {x:g}" for word, x in (("less", self.below), ("more", self.above)) if x is not None]
        return f"the {measure} of {treatment} is {' and '.join(bounds)} times that of {control}{LOOKS[self.look]}"

    @property
    def bounds(self) -> tuple[float, ...]:
        return tuple(bound for bound in (self.below, self.above) if bound is not None)


LOOKS = {"every": "", "first": " before the first step", "last": " after the last step"}

AnyRule = Annotated[
    Superiority | Equivalence | Noninferiority | AtLeast | Trains | ThresholdShift | Interaction | TimeRatio | Ratio,
    Discriminator("name"),
    named("superiority"),
]

RULE_NAMES = tuple(get_args(rule.model_fields["name"].annotation)[0] for rule in get_args(get_args(AnyRule)[0]))


class PublishedFigure(Frozen):
    """A figure of others for what the claim estimates."""

    value: float = Field(description="in the unit of the claim's estimate, treatment against control")
    source: str = Field(min_length=1, max_length=300, description="where it stands, with its table or figure")
    where: dict[str, Scalar] = Field(
        default_factory=dict, description="the place of the grid that it is held against; default: every one"
    )
    differs: str = Field("", description="why it cannot be compared, such as `ImageNet, ResNet-50`; default: it can")


class Claim(Frozen):
    """What is claimed, and how it is decided."""

    text: str = Field(min_length=1, max_length=300, description="the claim, as it is told")
    by: str = Field("", max_length=300, description="who says it, with a link")
    treatment: str = Field(description="the variant that the claim is about")
    control: str = Field(description="the variant that it is compared with, seed by seed")
    where: Where = Field(
        default_factory=dict, description="keys of the grid, each with a value or a list; default: every place"
    )
    metric: str | None = Field(
        None,
        description="as of `bnexp compare`: an accuracy, of `time-ratio` a `steps-to-N`; or `best-rate-accuracy`; of "
        "`ratio` a number of a probe, such as `smoothness.loss-range`; default: `test-accuracy`",
    )
    rule: AnyRule = Field(Superiority(), description="by what it is supported, and by what refuted")
    holds: Holds = Field("everywhere", description="in every place of `where`, or `somewhere`: in one at least")
    exploratory: bool = Field(
        False, description="whether it is none of those over which verdicts are corrected, and its own is exploratory"
    )
    published: Annotated[list[PublishedFigure], Field(min_length=1)] | None = Field(
        None, description="figures of others for the same"
    )
    twin: str = Field("", max_length=500, description="what of it can be proven exactly, and what checks that")

    @property
    def variants(self) -> tuple[str, str]:
        """Treatment and control."""
        return self.treatment, self.control

    @property
    def varied(self) -> str:
        """The key of the grid that its places are without: the learning rate, where rule or metric varies it."""
        return RATE if isinstance(self.rule, ThresholdShift) or self.metric == BEST_RATE else ""

    @property
    def measured(self) -> str:
        """The metric's name; empty where the rule takes none."""
        return "" if isinstance(self.rule, Trains | ThresholdShift) else self.metric or "test-accuracy"


def refused_numbers(rule: AnyRule) -> str:
    """What is wrong with the rule's own numbers; empty where nothing is."""
    if not isinstance(rule, Ratio):
        return ""
    if rule.below is None and rule.above is None:
        return "rule: 'ratio' takes below, above or both; it has neither"
    if rule.below is not None and rule.above is not None and rule.below <= rule.above:
        return f"rule: nothing is below {rule.below:g} and above {rule.above:g}"
    return ""


def _refused_ratio(rule: Ratio, metric: str) -> str:
    """Why the metric is no number of a probe at such looks; empty where it is one."""
    if found := of_probe(metric):
        late = rule.look == "first" and not issubclass(PROBES[found.probe], Following)
        return f"metric: {found.probe} looks only after the last step, and `look` is first" if late else ""
    hint = f", not {metric!r}{did_you_mean(metric, FACTORS)}" if metric else f", such as {FACTORS[0]}; write one"
    return f"metric: the rule 'ratio' takes a number of a probe{hint}"


def refused_metric(claim: Claim) -> str:
    """Why the rule cannot use the metric that is given; empty where it can."""
    rule, metric = claim.rule.name, claim.metric
    if isinstance(claim.rule, Ratio):
        return _refused_ratio(claim.rule, metric or "")
    if not claim.measured:
        return f"metric: the rule {rule!r} takes none; it counts which trials train" if metric else ""
    if isinstance(claim.rule, TimeRatio):
        known = metric is not None and steps_to(metric)
        hint = f", such as steps-to-98, not {metric!r}" if metric else "; write one, such as `metric: steps-to-98`"
        return "" if known else f"metric: the rule {rule!r} takes a time{hint}"
    accuracies = ACCURACIES if isinstance(claim.rule, Interaction) else (*ACCURACIES, BEST_RATE)
    if claim.measured in accuracies:
        return ""
    return f"metric: the rule {rule!r} takes an accuracy, {', '.join(accuracies)}, not {claim.measured!r}"


Key = tuple[tuple[str, Any], ...]
"""The same as a key."""


class Condition(NamedTuple):
    """A place at which a claim is tested."""

    place: Key
    """Without the learning rate, where the rule or the metric varies it."""
    than: Key = ()
    """Of an interaction, the place that it is held against."""


def matches(place: Place, where: Mapping[str, Any]) -> bool:
    """Whether a place of the grid has one of the values of each key."""
    return all(
        key in place and any(equal(place[key], one) for one in (values if isinstance(values, list) else [values]))
        for key, values in where.items()
    )


def conditions(claim: Claim, points: Sequence[tuple[str, Place]]) -> list[Condition]:
    """The places, in order, at which all variants of the claim are; `points`: variant and place of each.

    Of an interaction that is held against another place, that place itself is none.
    """
    having: dict[Key, set[str]] = {}
    for variant, coordinates in points:
        having.setdefault(tuple(pair for pair in coordinates.items() if pair[0] != claim.varied), set()).add(variant)
    than, found = compared_with(claim), []
    as_planned = {place: place for place in having}  # `1` in the claim is `1.0` in the plan
    for place, variants in having.items():
        there = tuple((key, than.where.get(key, value)) for key, value in place)
        there = as_planned.get(there, there)
        itself = isinstance(claim.rule, Interaction) and (*than.variants, there) == (*claim.variants, place)
        if not itself and {*claim.variants} <= variants and {*than.variants} <= having.get(there, set()):
            found.append(Condition(place, there))
    return [each for each in found if matches(dict(each.place), claim.where)]


def compared_with(claim: Claim) -> Than:
    """Of an interaction, `than` with the claim's variants where it names none; of other rules the claim's own place."""
    than = claim.rule.than if isinstance(claim.rule, Interaction) else Than()
    treatment, control = claim.variants
    return than.model_copy(update={"treatment": than.treatment or treatment, "control": than.control or control})


def points_of(claim: Claim, experiment: Experiment) -> list[Point]:
    """The points whose trials decide the claim."""
    found = conditions(claim, [(point.variant, dict(point.coordinates)) for point in experiment.points])
    sides = {(name, each.place) for each in found for name in claim.variants}
    sides |= {(name, each.than) for each in found for name in compared_with(claim).variants}
    return [
        each
        for each in experiment.points
        if (each.variant, tuple(pair for pair in each.coordinates if pair[0] != claim.varied)) in sides
    ]


def fingerprint(claim: Claim, experiment: Experiment) -> str:
    """SHA-256 of what decides: the rule and the specs of what is compared; not of `text`, `by`, `published`, `twin`.

    What is read once, when all trials are there, has the number of seeds in it too, where that is fixed.
    """
    decides = claim.model_copy(update={"text": "", "by": "", "published": None, "twin": ""})
    content = {
        "rules": RULES + claim.rule.later,
        "claim": canonical(decides),
        "points": [[each.variant, each.coordinates, canonical(each.spec)] for each in points_of(claim, experiment)],
    }
    read_once = isinstance(claim.rule, Trains | TimeRatio) or claim.metric == BEST_RATE
    if read_once and experiment.looks is None:
        content["seeds"] = len(experiment.seeds)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
