"""What differs between the two sides of a comparison besides the thing compared.

Two conditions can only be told apart by what differs between them, so all of it is listed: from the specs and from the
records of both trials of each pair.  What the comparison is about is *declared*; all else is a confound, *undeclared*.
Between two variants of one experiment the specs declare: every key in which they differ, and what follows from it
(numbers of parameters and steps).  Between two versions, that is, two results folders with trials of the same names,
the code is declared: the version and commit of bnexp, and the file of a user's own layer; a spec that differs is not.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bnexp.evidence.side import Side, finished
from bnexp.records.quantities import QUANTITIES, Quantity, of, plain, text
from bnexp.records.record import TrialRecord
from bnexp.specs.wording import listed

FURTHER = "further keys of"
"""What is said of the keys that one side's block alone has."""

Touches = Literal["results", "seconds"]
Mode = Literal["variants", "versions"]
Spec = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """One thing in which the sides differ."""

    what: str
    """A dotted key of the spec, or words."""
    one: str
    """The value of the first side as text; of several, the most frequent ones."""
    other: str
    pairs: int
    """In how many pairs it differs."""
    touches: Touches = "results"
    """`seconds`: it bears on the time that a training takes, and on no other figure."""


@dataclass(frozen=True)
class Audit:
    """All that differs between two sides."""

    pairs: int
    """Seeds whose trials finished on both sides, the diverged ones included."""
    declared: tuple[Difference, ...]
    undeclared: tuple[Difference, ...]
    changes: tuple[str, ...]
    """The declared keys that were set independently: more than one, and none of them alone explains a difference."""
    alike: tuple[str, ...]
    """What the records hold and is the same within every pair."""
    unknown: tuple[str, ...]
    """What no record of a pair holds."""
    unpaired: tuple[str, ...]
    """Planned trials that form no pair, by their side: "gn: seed 4 is missing"."""

    def confounds(self, *, seconds: bool = False) -> tuple[Difference, ...]:
        """The undeclared differences that bear on a figure; on one of time with `seconds`."""
        return tuple(each for each in self.undeclared if seconds or each.touches == "results")


def audit(one: Side, other: Side, mode: Mode = "variants") -> Audit:
    """What differs between two sides.

    The environment is compared within pairs: that one half of the seeds was trained elsewhere confounds nothing where
    both trials of each were.
    """
    pairs = list(finished(one, other).values())
    of_specs = [
        Difference(key, mine, twin, len(pairs))
        for block in one.spec | other.spec
        if block not in WATCHING
        for key, mine, twin in _unlike_keys(block, one.spec.get(block), other.spec.get(block))
    ]
    declared = [each for each in of_specs if mode == "variants" or each.what == OWN_LAYER]
    undeclared = [each for each in of_specs if each not in declared]
    # The keys that one side alone has, and the hash of a user's file, come with the name of the block.
    changes = tuple(each.what for each in declared if not each.what.startswith(FURTHER) and ".source" not in each.what)
    alike: list[str] = []
    unknown: list[str] = []
    found: list[tuple[Quantity, Difference]] = []
    for quantity in AUDITED if pairs else ():
        asked = [pair for pair in pairs if not quantity.whole or all(trial.status == "ok" for trial in pair)]
        if difference := _difference(quantity, asked):
            found.append((quantity, difference))
        elif any(quantity.get(trial) is not None for trial, _ in asked):
            alike.append(quantity.label)
        elif asked and not quantity.optional:
            unknown.append(quantity.label)
    other_code = bool(declared) or any(quantity.label in CODE for quantity, _ in found)
    for quantity, difference in found:
        if mode == "versions":
            expected = quantity.label in CODE or (other_code and quantity.name.startswith("parameters_"))
        else:
            expected = any(of(key)(one.spec) != of(key)(other.spec) for key in quantity.follows)
        (declared if expected else undeclared).append(difference)
    return Audit(
        pairs=len(pairs),
        declared=tuple(declared),
        undeclared=tuple(undeclared),
        changes=changes,
        alike=tuple(alike),
        unknown=tuple(unknown),
        unpaired=tuple(_unpaired(one, other)),
    )


def surroundings(stored: TrialRecord, again: TrialRecord) -> list[Difference]:
    """In what two trainings of one trial differ that no spec says: software, machine, execution."""
    found = (_difference(each, [(stored, again)]) for each in AUDITED if each.of_machine)
    return [each for each in found if each]


def _difference(quantity: Quantity, pairs: Sequence[tuple[TrialRecord, TrialRecord]]) -> Difference | None:
    """In what it differs within some of the pairs; None where it does in none."""
    values = [(quantity.get(one), quantity.get(other)) for one, other in pairs]
    unlike = [both for both in values if both[0] != both[1]]
    mine, twin = (_most(both[k] for both in unlike) for k in (0, 1))
    touches: Touches = "seconds" if quantity.affects == "seconds" else "results"
    return Difference(quantity.label, mine, twin, len(unlike), touches) if unlike else None


def _unlike_keys(path: str, one: Any, other: Any) -> Iterable[tuple[str, str, str]]:
    """Dotted keys whose values differ; the keys that one side alone has are told together."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        if one != other:
            yield path, plain(one), plain(other)
        return
    for key in [key for key in one if key in other]:
        yield from _unlike_keys(f"{path}.{key}", one[key], other[key])
    mine, twin = _further(one, other), _further(other, one)
    if mine or twin:
        yield f"{FURTHER} {path}", mine or "—", twin or "—"


def _further(one: Spec, other: Spec) -> str:
    return plain({key: value for key, value in one.items() if key not in other and value is not None})


def _most(values: Iterable[Any]) -> str:
    """The values of one side, most frequent first; of more than two kinds the first two and a count."""
    counts = Counter(text(value) for value in values).most_common()
    more = f" and {len(counts) - 2} others" if len(counts) > 2 else ""
    return " or ".join(text for text, _ in counts[:2]) + more


def _unpaired(one: Side, other: Side) -> Iterable[str]:
    for side in (one, other):
        missing = [seed for seed, record in sorted(side.records.items()) if record is None]
        yield from _said(side, missing, "is missing", "are missing")
        for state in ("failed", "diverged"):
            yield from _said(side, list(side.of(state)), state, state)
    for side, twin in ((one, other), (other, one)):
        alone, where = sorted(side.records.keys() - twin.records.keys()), "planned on this side only"
        yield from _said(side, alone, f"was {where}", f"were {where}")


def _said(side: Side, seeds: list[int], of_one: str, of_several: str) -> Iterable[str]:
    if seeds:
        noun, verb = ("seed", of_one) if len(seeds) == 1 else ("seeds", of_several)
        yield f"{side.name}: {noun} {listed(seeds)} {verb}"


AUDITED = tuple(each for each in QUANTITIES if each.affects)
"""In the order in which differences are told."""

WATCHING = ("probes",)
"""Parts of the spec that change no result."""

CODE = ("bnexp", "bnexp commit")
"""What two versions are meant to differ in, besides `OWN_LAYER`."""
OWN_LAYER = "norm.source"
