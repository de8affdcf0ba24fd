"""The verdict on each claim: over the places that it holds for, and corrected over all claims of a results folder.

`everywhere` is an intersection: each place is shown by itself, without correction; it is refuted where one place is
shown to be otherwise, after Holm's correction over the places.  `somewhere` is its mirror image.  One hypothesis a
claim, and Holm's correction over all of them.  A claim whose rule was not stored before the first trial, or that its
config calls exploratory, is no member of that family, and its verdict is exploratory.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from bnexp.claims.contrast import Contrast, contrasts
from bnexp.claims.power import could_show, seeds_to_settle
from bnexp.claims.rules import Shown, shown
from bnexp.evidence.experiment import Evidence
from bnexp.evidence.rule import LEVEL
from bnexp.records.find import plans
from bnexp.records.plan import StoredPlan
from bnexp.records.store import Store
from bnexp.specs.claims import Claim, PublishedFigure, matches
from bnexp.stats.estimates import Interval
from bnexp.stats.multiplicity import holm

Verdict = Literal["supported", "refuted", "no difference", "inconclusive"]
Replicates = Literal["yes", "no", "not comparable"]


@dataclass(frozen=True)
class Replication:
    """A published figure beside ours, at one place."""

    figure: PublishedFigure
    verdict: Replicates
    """yes: it lies in our interval."""
    why: str = ""
    """Why it cannot be compared."""


@dataclass(frozen=True)
class Tested:
    """One place of a claim."""

    contrast: Contrast
    shown: Shown
    replications: tuple[Replication, ...]
    verdict: Verdict = "inconclusive"
    """Corrected over the places; and over the claims where this place by itself would decide the claim."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One claim, with its verdict."""

    plan: StoredPlan = field(repr=False)
    id: str
    places: tuple[Tested, ...]
    p: float
    """The smaller of those of supported and refuted, over the places."""
    p_holm: float
    """After Holm's correction over the claims of the results folder."""
    family: int
    """So many of them; 1 of an exploratory one."""
    verdict: Verdict
    within: bool
    """Whether the difference was shown to lie within the margin, beside what the verdict says."""
    deployed: tuple[tuple[Mapping[str, Any], Interval], ...] = ()
    """Of a claim about recalibrated statistics, the estimate at each place in test accuracy, as a network is used."""

    @property
    def experiment(self) -> str:
        return self.plan.name

    @property
    def claim(self) -> Claim:
        return self.plan.claims[self.id].claim

    @property
    def hash(self) -> str:
        """SHA-256 of the rule (`specs.claims.fingerprint`)."""
        return self.plan.claims[self.id].hash

    @property
    def registered(self) -> str:
        """The one that was stored before the first trial; empty where none was."""
        return self.plan.registered.get(self.id, "")

    @property
    def exploratory(self) -> str:
        """Why the verdict is exploratory; empty where it is not: corrected for, and stored before the first trial."""
        if self.id not in self.plan.late:
            return "exploratory by the config" if self.claim.exploratory else ""
        if self.registered:
            return f"the rule, or what it compares, was edited after the first trial; it was {self.registered[:12]}"
        return "the rule was stored after the first trial"

    @property
    def where(self) -> tuple[Tested, ...]:
        """The places that have the verdict."""
        return tuple(each for each in self.places if each.verdict == self.verdict)

    @property
    def pending(self) -> bool:
        """Whether a trial of it has no result yet."""
        return any(each.contrast.pending for each in self.places)

    @property
    def shared(self) -> int:
        """So many hypotheses share the level at one place."""
        return self.family * (len(self.places) if self.claim.holds == "somewhere" else 1)

    def could_show(self, each: Tested) -> float:
        """See `power.could_show`."""
        return could_show(self.claim, each.contrast, self.shared)

    def seeds_to_settle(self, each: Tested) -> float:
        """See `power.seeds_to_settle`."""
        return seeds_to_settle(self.claim, each.contrast, self.shared)


def judged(store: Store, evidence: Sequence[Evidence] = ()) -> list[Judged]:
    """All claims of a results folder; `evidence`: what was read already of its experiments, which come first."""
    known = {each.plan.name for each in evidence}
    others = [plan for plan in plans(store) if plan.claims and plan.name not in known]
    return judge([*evidence, *(Evidence(store, plan) for plan in others)])


def judge(evidence: Sequence[Evidence]) -> list[Judged]:
    """The claims of these experiments, as one family."""
    found = [_tested(each, name, stored.claim) for each in evidence for name, stored in each.plan.claims.items()]
    members = [not each.exploratory for each in found]
    differs, alike = (
        np.where(members, holm(np.where(members, p, math.nan)), p)
        for p in ([each.p for each in found], [_within(each.places) for each in found])
    )
    return [
        _decided(each, float(p), float(same), sum(members) if member else 1)
        for each, p, same, member in zip(found, differs, alike, members, strict=True)
    ]


def _tested(evidence: Evidence, name: str, claim: Claim) -> Judged:
    places = tuple(
        Tested(each, shown(claim, each), tuple(_replications(claim, each))) for each in contrasts(claim, evidence)
    )
    supported, refuted = _over_places(claim, places)
    deployed: tuple[tuple[Mapping[str, Any], Interval], ...] = ()
    if claim.metric == "recalibrated-accuracy":
        as_used = contrasts(claim.model_copy(update={"metric": "test-accuracy"}), evidence)
        deployed = tuple((each.place, each.estimate) for each in as_used if each.seeds)
    return Judged(
        plan=evidence.plan,
        id=name,
        places=places,
        p=min(supported, refuted),
        p_holm=math.nan,
        family=1,
        verdict="inconclusive",
        within=False,
        deployed=deployed,
    )


def _over_places(claim: Claim, places: Sequence[Tested]) -> tuple[float, float]:
    """p of supported and of refuted."""
    supported, refuted = ([getattr(each.shown, name) for each in places] for name in ("supported", "refuted"))
    corrected = list(zip(supported, refuted, _corrected(places), strict=True))
    if claim.holds == "everywhere":
        return max(supported, default=1.0), min((p for yes, no, p in corrected if no < yes), default=1.0)
    return min((p for yes, no, p in corrected if yes < no), default=1.0), max(refuted, default=1.0)


def _corrected(places: Sequence[Tested]) -> list[float]:
    """p of what each place shows, either way, after Holm's correction over them."""
    return [float(p) for p in holm([min(each.shown.supported, each.shown.refuted) for each in places])]


def _within(places: Sequence[Tested]) -> float:
    """p of a difference beyond the margin somewhere; NaN where the rule has none."""
    return max((each.shown.no_difference for each in places), default=math.nan)


def _decided(found: Judged, p_holm: float, alike: float, family: int) -> Judged:
    supported, refuted = _over_places(found.claim, found.places)
    within = alike < LEVEL
    verdict: Verdict = "no difference" if within else "inconclusive"
    if p_holm < LEVEL:
        verdict = "supported" if supported < refuted else "refuted"
    found = replace(found, p_holm=p_holm, family=family, verdict=verdict, within=within)
    return replace(found, places=_places(found))


def _places(found: Judged) -> tuple[Tested, ...]:
    """Each with its own verdict; where the whole was shown as an intersection, that is the verdict of each."""
    intersection = "supported" if found.claim.holds == "everywhere" else "refuted"
    if found.verdict in ("no difference", intersection):
        return tuple(replace(each, verdict=found.verdict) for each in found.places)
    deciding = "refuted" if intersection == "supported" else "supported"
    own = [getattr(each.shown, deciding) for each in found.places]
    alike = found.family * holm([each.shown.no_difference for each in found.places])

    def corrected(p: float, decides: bool, there: float) -> float:
        """Of a place that would decide the claim by itself, over the claims too."""
        if not decides:
            return there
        return found.p_holm if found.verdict == deciding and p == min(own) else found.family * there

    decides = [p < getattr(each.shown, intersection) for p, each in zip(own, found.places, strict=True)]
    differs = list(map(corrected, own, decides, _corrected(found.places)))

    def of(each: Tested, p: float, same: float) -> Verdict:
        if p < LEVEL:
            return "supported" if each.shown.supported < each.shown.refuted else "refuted"
        return "no difference" if same < LEVEL else "inconclusive"

    return tuple(
        replace(each, verdict=of(each, p, same)) for each, p, same in zip(found.places, differs, alike, strict=True)
    )


def _replications(claim: Claim, found: Contrast) -> Iterable[Replication]:
    """Each published figure that is of this place, or of every one."""
    for figure in claim.published or ():
        if not matches(found.place, figure.where):
            continue
        low, high = found.estimate.low, found.estimate.high
        if figure.differs or math.isnan(low):
            yield Replication(figure, "not comparable", figure.differs or "there is no interval of ours yet")
        else:
            yield Replication(figure, "yes" if low <= figure.value <= high else "no")
