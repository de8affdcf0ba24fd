"""What differs between the two sides of a comparison besides the thing compared.

Two conditions can only be told apart by what differs between them, so all of it is listed: from the specs and from the
records of both trials of each pair.  What the comparison is about is *declared*; all else is a confound, *undeclared*.
Between two variants of one experiment the specs declare: every key in which they differ, and what follows from it
(numbers of parameters and steps).  Between two versions, that is, two results folders with trials of the same names,
the code is declared: the version and commit of bnexp, and the file of a user's own layer; a spec that differs is not.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bnexp.records.record import TrialRecord

ABSENT = "—"
"""A key that one side's spec does not have."""

UNRECORDED = "not recorded"

FURTHER = "further keys of"
"""What is said of the keys that one side's block alone has."""

Touches = Literal["results", "seconds"]
Mode = Literal["variants", "versions"]
Spec = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """One side of a comparison: its trials at one place of the grid."""

    name: str
    spec: Spec
    """The resolved spec, every key explicit."""
    records: Mapping[int, TrialRecord | None]
    """Seed to record, of every planned trial; None where there is none yet."""


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


@dataclass(frozen=True)
class _Field:
    """Something that every record should hold."""

    what: str
    value: Callable[[TrialRecord], Any]
    touches: Touches = "results"
    follows: Callable[[Spec, Spec], bool] | None = None
    """Whether a difference follows from the specs."""
    optional: bool = False
    """An absence on both sides is no gap."""
    whole: bool = False
    """Asked of trainings that went to their end alone; a diverged one stopped where it did."""


def audit(one: Side, other: Side, mode: Mode = "variants") -> Audit:
    """What differs between two sides.

    The environment is compared within pairs: that one half of the seeds was trained elsewhere confounds nothing where
    both trials of each were.
    """
    pairs = [
        (mine, twin)
        for seed in sorted(one.records.keys() & other.records.keys())
        for mine, twin in [(one.records[seed], other.records[seed])]
        if mine is not None and twin is not None and mine.status != "failed" and twin.status != "failed"
    ]
    declared, undeclared = _of_specs(one.spec, other.spec, len(pairs), mode)
    # The keys that one side alone has, and the hash of a user's file, come with the name of the block.
    changes = tuple(each.what for each in declared if not each.what.startswith(FURTHER) and ".source" not in each.what)
    alike: list[str] = []
    unknown: list[str] = []
    found: list[tuple[_Field, Difference]] = []
    for field in FIELDS if pairs else ():
        values = [
            (field.value(one_trial), field.value(other_trial))
            for one_trial, other_trial in pairs
            if not field.whole or one_trial.status == other_trial.status == "ok"
        ]
        unlike = [pair for pair in values if pair[0] != pair[1]]
        if unlike:
            mine, twin = (_most(pair[k] for pair in unlike) for k in (0, 1))
            found.append((field, Difference(field.what, mine, twin, len(unlike), field.touches)))
        elif all(mine is None for mine, _ in values):
            unknown += [] if field.optional or not values else [field.what]
        else:
            alike.append(field.what)
    code = mode == "versions" and (bool(declared) or any(field.what in CODE for field, _ in found))
    for field, difference in found:
        expected = field.follows is not None and field.follows(one.spec, other.spec)
        if mode == "versions":
            expected = field.what in CODE or (code and field.what in PARAMETERS)
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
        Difference(field.what, _text(field.value(stored)), _text(field.value(again)), 1, field.touches)
        for field in FIELDS
        if field.what not in MEASURED and field.value(stored) != field.value(again)
    ]


def pace_setters(record: TrialRecord) -> dict[str, str] | None:
    """What a record tells of where and how its trial was computed that bears on its seconds, by name.

    None where it does not tell device, processor, threads and trials at a time: then its seconds compare with nothing.
    """
    found = {field.what: field.value(record) for field in FIELDS if field.touches == "seconds" or field.what in _PACE}
    if any(found[what] is None for what in ("device", "processor", "threads", "trials at a time")):
        return None
    return {what: _text(value) for what, value in found.items() if value is not None}


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
            yield path, _value(one), _value(other)
        return
    for key in [key for key in one if key in other]:
        yield from _unlike_keys(f"{path}.{key}", one[key], other[key])
    mine, twin = _further(one, other), _further(other, one)
    if mine or twin:
        yield f"{FURTHER} {path}", mine or ABSENT, twin or ABSENT


def _further(one: Spec, other: Spec) -> str:
    return ", ".join(f"{key} {_value(value)}" for key, value in one.items() if key not in other)


def _value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    text = str(value)
    return text[:12] if len(text) == 64 and set(text) <= set("0123456789abcdef") else text


def _most(values: Iterable[Any]) -> str:
    """The values of one side, most frequent first; of more than two kinds the first two and a count."""
    counts = Counter(_text(value) for value in values).most_common()
    more = f" and {len(counts) - 2} others" if len(counts) > 2 else ""
    return " or ".join(text for text, _ in counts[:2]) + more


def _text(value: Any) -> str:
    if value is None:
        return UNRECORDED
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return _value(value)


def _unpaired(one: Side, other: Side) -> Iterable[str]:
    for side in (one, other):
        for word in ("missing", "failed", "diverged"):
            seeds = [seed for seed, record in sorted(side.records.items()) if _fate(record) == word]
            if seeds:
                verb = {"missing": "is missing" if len(seeds) == 1 else "are missing"}.get(word, word)
                yield f"{side.name}: {_seeds(seeds)} {verb}"
    for side, twin in ((one, other), (other, one)):
        if alone := sorted(side.records.keys() - twin.records.keys()):
            yield f"{side.name}: {_seeds(alone)} {'was' if len(alone) == 1 else 'were'} planned on this side only"


def _fate(record: TrialRecord | None) -> str:
    return "missing" if record is None else record.status


def _seeds(seeds: list[int]) -> str:
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"


def _parameters(kind: str) -> Callable[[TrialRecord], Any]:
    return lambda record: getattr(record.parameters, kind) if record.parameters else None


def _last(key: str) -> Callable[[TrialRecord], Any]:
    return lambda record: getattr(record.evaluations[-1], key) if record.evaluations else None


def _environment(key: str) -> Callable[[TrialRecord], Any]:
    return lambda record: record.environment.get(key)


def _execution(key: str) -> Callable[[TrialRecord], Any]:
    return lambda record: record.execution.get(key)


def _commit(record: TrialRecord) -> str | None:
    commit = record.environment.get("git_commit")
    if commit is None:
        return None
    return f"{commit[:12]}{', with changes' if record.environment.get('git_dirty') else ''}"


def _memory(record: TrialRecord) -> str | None:
    size = record.environment.get("memory_bytes")
    return None if size is None else f"{size / 2**30:.3g} GiB"


def _blocks(*names: str) -> Callable[[Spec, Spec], bool]:
    """Whether the specs differ in one of these blocks."""
    return lambda one, other: any(one.get(name) != other.get(name) for name in names)


def _dataset(one: Spec, other: Spec) -> bool:
    return any(one["data"].get(key) != other["data"].get(key) for key in ("name", "source"))


FIELDS = (
    _Field("trainable parameters", _parameters("trainable"), follows=_blocks("model", "norm", "data")),
    _Field("of them in norms", _parameters("normalization"), follows=_blocks("model", "norm", "data")),
    _Field("parameters not trained", _parameters("non_trainable"), follows=_blocks("model", "norm", "data")),
    _Field("data", lambda record: record.data_hash, follows=_dataset),
    _Field("training images", lambda record: record.train_examples, follows=_blocks("data")),
    _Field("validation images", lambda record: record.validation_examples, follows=_blocks("data")),
    _Field("steps", _last("step"), follows=_blocks("data", "training"), whole=True),
    _Field("images seen", _last("examples"), follows=_blocks("data", "training"), whole=True),
    _Field("protocol", lambda record: record.protocol),
    _Field("bnexp", _environment("bnexp")),
    _Field("bnexp commit", _commit, optional=True),
    _Field("TensorFlow", _environment("tensorflow")),
    _Field("Keras", _environment("keras")),
    _Field("NumPy", _environment("numpy")),
    _Field("Python", _environment("python"), "seconds"),
    _Field("device", _execution("device")),
    _Field("device name", _execution("device_name")),
    _Field("processor", _environment("cpu")),
    _Field("threads", _execution("threads")),
    _Field("determinism", _execution("deterministic")),
    _Field("precision", _execution("precision")),
    # The way of a step is chosen by batch size and number of steps, besides the device.
    _Field("way of a step", _execution("step"), follows=_blocks("data", "training")),
    _Field("trials at a time", _execution("jobs"), "seconds"),
    _Field("cores", _environment("cores"), "seconds"),
    _Field("memory", _memory, "seconds"),
    _Field("platform", _environment("platform"), "seconds"),
)
"""In the order in which they are told."""

PARAMETERS = frozenset({"trainable parameters", "of them in norms", "parameters not trained"})
CODE = frozenset({"bnexp", "bnexp commit"})
"""What two versions are meant to differ in, besides `OWN_LAYER`."""
OWN_LAYER = "norm.source"
_PACE = frozenset({"device", "device name", "processor", "threads", "TensorFlow", "Keras", "determinism", "precision"})
"""Of what bears on results, what bears on seconds too."""
MEASURED = PARAMETERS | {"data", "training images", "validation images", "steps", "images seen", "protocol"}
"""What belongs to a trial itself, not to where and how it was computed."""
