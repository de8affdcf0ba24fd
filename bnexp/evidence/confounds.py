"""What differs between the two sides of a comparison besides the thing compared.

Two conditions can only be told apart by what differs between them, so all of it is listed: from the specs and from the
records of both trials of each pair.  What the comparison is about is *declared*; all else is a confound, *undeclared*.
Between two variants of one experiment the specs declare: every key in which they differ, and what follows from it
(numbers of parameters and steps).  Between two versions, that is, two results folders with trials of the same names,
the code is declared: the version and commit of bnexp, and the file of a user's own layer; a spec that differs is not.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from bnexp.evidence.pairing import trained
from bnexp.evidence.side import Side
from bnexp.records.quantities import QUANTITIES, Quantity, plain, text
from bnexp.records.record import TrialRecord

ABSENT = "—"
"""A key that one side's spec does not have."""

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

    one: str
    other: str
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
    pairs = list(trained(one, other).values())
    declared, undeclared = _of_specs(one.spec, other.spec, len(pairs), mode)
    # The keys that one side alone has, and the hash of a user's file, come with the name of the block.
    changes = tuple(each.what for each in declared if not each.what.startswith(FURTHER) and ".source" not in each.what)
    alike: list[str] = []
    unknown: list[str] = []
    found: list[tuple[Quantity, Difference]] = []
    for quantity in AUDITED if pairs else ():
        values = [
            (quantity.get(one_trial), quantity.get(other_trial))
            for one_trial, other_trial in pairs
            if not quantity.whole or one_trial.status == other_trial.status == "ok"
        ]
        unlike = [pair for pair in values if pair[0] != pair[1]]
        if unlike:
            mine, twin = (_most(pair[k] for pair in unlike) for k in (0, 1))
            found.append((quantity, Difference(quantity.label, mine, twin, len(unlike), _touches(quantity))))
        elif all(mine is None for mine, _ in values):
            unknown += [] if quantity.optional or not values else [quantity.label]
        else:
            alike.append(quantity.label)
    code = mode == "versions" and (bool(declared) or any(quantity.label in CODE for quantity, _ in found))
    for quantity, difference in found:
        expected = any(_at(one.spec, key) != _at(other.spec, key) for key in quantity.follows)
        if mode == "versions":
            expected = quantity.label in CODE or (code and quantity.name in PARAMETERS)
        (declared if expected else undeclared).append(difference)
    return Audit(
        one=one.name,
        other=other.name,
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
    return [
        Difference(each.label, text(each.get(stored)), text(each.get(again)), 1, _touches(each))
        for each in AUDITED
        if each.of_machine and each.get(stored) != each.get(again)
    ]


def _touches(quantity: Quantity) -> Touches:
    return "seconds" if quantity.affects == "seconds" else "results"


def _of_specs(one: Spec, other: Spec, pairs: int, mode: Mode) -> tuple[list[Difference], list[Difference]]:
    """Declared and undeclared differences of two specs."""
    declared: list[Difference] = []
    undeclared: list[Difference] = []
    for block in dict.fromkeys([*one, *other]):
        for key, mine, twin in _unlike_keys(block, one.get(block), other.get(block)):
            difference = Difference(key, mine, twin, pairs)
            (declared if mode == "variants" or key == OWN_LAYER else undeclared).append(difference)
    return declared, undeclared


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
        yield f"{FURTHER} {path}", mine or ABSENT, twin or ABSENT


def _further(one: Spec, other: Spec) -> str:
    return ", ".join(f"{key} {plain(value)}" for key, value in one.items() if key not in other)


def _most(values: Iterable[Any]) -> str:
    """The values of one side, most frequent first; of more than two kinds the first two and a count."""
    counts = Counter(text(value) for value in values).most_common()
    more = f" and {len(counts) - 2} others" if len(counts) > 2 else ""
    return " or ".join(text for text, _ in counts[:2]) + more


def _unpaired(one: Side, other: Side) -> Iterable[str]:
    for side in (one, other):
        states = {"missing": [seed for seed, record in sorted(side.records.items()) if record is None]}
        for word, seeds in (states | {word: list(side.of(word)) for word in ("failed", "diverged")}).items():
            if seeds:
                verb = {"missing": "is missing" if len(seeds) == 1 else "are missing"}.get(word, word)
                yield f"{side.name}: {_seeds(seeds)} {verb}"
    for side, twin in ((one, other), (other, one)):
        if alone := sorted(side.records.keys() - twin.records.keys()):
            yield f"{side.name}: {_seeds(alone)} {'was' if len(alone) == 1 else 'were'} planned on this side only"


def _seeds(seeds: list[int]) -> str:
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"


def _at(spec: Spec, key: str) -> Any:
    """The value of a dotted key; None where a spec lacks it."""
    found: Any = spec
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


AUDITED = tuple(each for each in QUANTITIES if each.affects)
"""In the order in which differences are told."""

PARAMETERS = frozenset(each.name for each in AUDITED if each.name.startswith("parameters_"))
CODE = frozenset({"bnexp", "bnexp commit"})
"""What two versions are meant to differ in, besides `OWN_LAYER`."""
OWN_LAYER = "norm.source"
