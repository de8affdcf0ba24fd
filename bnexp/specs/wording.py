"""Words for messages: what was received, the nearest valid name, lengths of time, names that are somebody else's."""

import difflib
import itertools
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any


def listed(names: Iterable[object]) -> str:
    """`a, b, c`."""
    return ", ".join(str(name) for name in names)


def either(names: Sequence[object]) -> str:
    """`a, b or c`."""
    return " or ".join(part for part in (listed(names[:-1]), listed(names[-1:])) if part)


def every(names: Sequence[object]) -> str:
    """`a, b and c`."""
    return " and ".join(part for part in (listed(names[:-1]), listed(names[-1:])) if part)


def nearest(word: str, known: Collection[str]) -> str:
    """The known name that was probably meant, or an empty string."""
    plain = {_plain(name): name for name in known}
    bare = re.sub("-?norm(alization)?$", "", _plain(word))
    if bare in plain:  # `BatchNorm`, as everyone calls it
        return plain[bare]
    found = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else ""


def did_you_mean(word: str, known: Collection[str]) -> str:
    """`; did you mean 'x'?`, or, where nothing is near, `; known: a, b, c`."""
    near = nearest(word, known)
    return f"; did you mean {near!r}?" if near else f"; known: {listed(known)}"


_ELSEWHERE = re.compile(
    "adagrad|adadelta|adamax|nadam|ftrl|lion|lamb|lars|muon|adafactor|resnet|vgg|densenet|vit|gru|rnn|"
    "cifar|cifar100|svhn|kmnist|emnist|qmnist|imagenet",
    re.IGNORECASE,
)
"""Names that mean something in the field, and are no misspelling of what is known here."""


def unknown(noun: str, word: object, known: Collection[str]) -> str:
    """`unknown normalization 'btch'; did you mean 'batch'? known: none, batch, layer`."""
    if _ELSEWHERE.fullmatch(str(word)):
        return f"bnexp has no {noun} {word!r}; known: {listed(known)}"
    near = nearest(word, known) if isinstance(word, str) else ""
    return f"unknown {noun} {word!r}; " + (f"did you mean {near!r}? " if near else "") + f"known: {listed(known)}"


def described(value: Any) -> str:
    """What was received, as a reader of a config calls it."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = value if len(value) <= 40 else value[:40] + "…"
        return f"the text {text!r}"
    if isinstance(value, dict):
        return "a block of keys"
    if isinstance(value, list | tuple):
        return "a list"
    return str(value)


def a_type(value: object) -> str:
    """`a str`, `an int`: what kind of thing was received."""
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def label(value: Any) -> str | int | float | bool | None:
    """A value of the grid as one scalar: a block becomes `group(groups=8)`, a list `[32, 64]`."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        rest = listed(f"{key}={label(item)}" for key, item in value.items() if key != "name")
        return f"{value.get('name', '')}({rest})" if rest else str(value.get("name", ""))
    return f"[{listed(label(item) for item in value)}]"


def duration(seconds: float) -> str:
    """A length of time for people: `0.4 s`, `41 s`, `12 min`, `1 h 20 min`."""
    if seconds < 99.5:
        return f"{seconds:.{1 if seconds < 9.95 else 0}f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def printable(text: str) -> str:
    """`text` on one line, with what could steer a terminal or reverse its writing shown as an escape."""
    harmful = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return "".join(ascii(one)[1:-1] if unicodedata.category(one) in harmful else one for one in text)


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def key_label(key: str) -> str:
    """`batch size` for `training.batch_size`."""
    return key.rpartition(".")[2].replace("_", " ")


def place_label(coordinates: Mapping[str, Any]) -> str:
    """`batch size 16, learning rate 0.01`: a place of the grid; empty where there is no grid."""
    last = [key_label(key) for key in coordinates]
    return ", ".join(
        f"{label if last.count(label) == 1 else key} {value}"
        for (key, value), label in zip(coordinates.items(), last, strict=True)
    )


def ranges(seeds: Iterable[int], dash: str = "-", least: int = 2) -> str:
    """`{0, 1, 2, 7}` as `0-2, 7`; runs of so many at least are joined."""
    # Within a run, seeds and positions advance together.
    runs = itertools.groupby(enumerate(sorted(seeds)), lambda pair: pair[1] - pair[0])
    found = [[seed for _, seed in run] for _, run in runs]
    return listed(f"{run[0]}{dash}{run[-1]}" if len(run) >= least else listed(run) for run in found) or "none"
