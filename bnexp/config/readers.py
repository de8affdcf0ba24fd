"""What a file and its `--set` options say: each key from nodes to values; mistakes are collected."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bnexp.config.check import Checker, Finding, located, whole
from bnexp.config.claims import Written, read_claims
from bnexp.config.grid import Entry, Row
from bnexp.config.header import HEADER, Header, read_seeds, well_formed
from bnexp.config.keys import FILLED_IN, FOR_ALL, blocks, every_key
from bnexp.config.mistakes import ConfigError, Mark, Mistakes, Source
from bnexp.config.tree import Node, Path, changed, from_plain, get, leaves, plain, without
from bnexp.config.yaml import parse
from bnexp.specs.experiment import MARGIN
from bnexp.specs.metrics import ACCURACIES, BEST_RATE, PRIMARIES, is_primary, steps_to
from bnexp.specs.norms.own import is_own
from bnexp.specs.trial import TrialSpec
from bnexp.specs.values import equal
from bnexp.specs.wording import described, did_you_mean, nearest, unknown

SETTABLE = ("seeds", "baseline", "baselines", "primary", "margin", "about")
"""Keys of the experiment, not of its trials, that `--set` takes."""


@dataclass(frozen=True)
class Config:
    """What is right in a config; what is wrong is left out, so that the rest can be looked at too."""

    keys: Node
    """The keys of the header."""
    header: Header
    base: Node
    left_out: tuple[Path, ...]
    """Wrong parts of the base: what only their absence makes wrong is no mistake."""
    sets: tuple[tuple[str, Node], ...]
    variants: dict[str, Node]
    baselines: list[str]
    primary: str
    margin: float | None
    claims: list[Written]
    seeds: tuple[int, ...]
    axes: list[list[Row]]
    includes: list[Entry]
    excludes: list[Entry]

    @property
    def axis_keys(self) -> list[str]:
        """The keys that the grid varies."""
        return [key for axis in self.axes for key, _ in axis[0]]

    def mark(self, *key: str) -> Mark:
        """Where the value of a key of the header stands; the start of the file if it is not given."""
        return (get(self.keys, key) or self.keys).mark

    def follows(self, finding: Finding) -> bool:
        """Whether a finding only follows from a part of the base that was left out."""
        return finding.together and any(finding.path[: len(path)] == path for path in self.left_out)

    def trees(self) -> dict[str, Node]:
        """The base with each variant's change, then `--set`, which wins over both."""
        found = {}
        for name, change in self.variants.items():
            base = Node(self.base.value, change.key or self.base.mark, change.key)
            found[name] = changed(changed(base, change.value.items()), self.sets)
        return found


def read_config(file: Node, texts: Sequence[str], checker: Checker, mistakes: Mistakes) -> Config:
    """The config of a file's tree and the texts of `--set`; mistakes are added."""
    given = list(read_sets(texts, mistakes))
    sets = tuple((key, node) for key, node in given if key not in SETTABLE)
    own_class = names_own_class(file) or any(names_own_class(node, key) for key, node in sets)
    written = Node({key: node for key, node in file.value.items() if key in HEADER}, file.mark)
    header = well_formed(changed(written, [pair for pair in given if pair[0] in SETTABLE]), mistakes)
    simple = ("name", "about", "baseline", "baselines", "primary", "margin", "published")
    values = Header(**{key: plain(node) for key, node in header.value.items() if key in simple})
    base, found = _base(file, sets, mistakes), header.value.get
    variants = read_variants(found("variants"), base, "variants" in file.value, mistakes)
    baselines = read_baselines(found("baseline"), found("baselines"), list(variants), mistakes)
    primary, margin = read_primary(values, found, mistakes)
    read_published(found("published"), list(variants), mistakes)
    claims = list(read_claims(found("claims"), [name for name in variants if name != NONE], mistakes))
    seeds = read_seeds(found("seeds", Node(values.seeds, file.mark)), mistakes)
    axes = read_axes(found("grid"), found("zip"), own_class, mistakes)
    includes = list(read_entries("include", found("include"), list(variants), own_class, mistakes))
    excludes = list(read_entries("exclude", found("exclude"), list(variants), own_class, mistakes))
    varied = {key: "an include" for include in includes for key in include.change.value}
    varied |= {key: "the grid" for axis in axes for key, _ in axis[0]}
    report_varied(sets, varied, mistakes)
    base, left_out = _checked(base, checker, mistakes)
    return Config(
        header,
        values,
        base,
        left_out,
        sets,
        variants,
        baselines,
        primary,
        margin,
        claims,
        seeds,
        axes,
        includes,
        excludes,
    )


def _base(file: Node, sets: Sequence[tuple[str, Node]], mistakes: Mistakes) -> Node:
    """The keys of the spec at the top of the file, then `--set`; keys of neither spec nor header are reported."""
    items = {}
    for key, node in file.value.items():
        if key.partition(".")[0] in TrialSpec.model_fields:
            items[key] = node
        elif key not in HEADER:
            mistakes.add(node.at_key, f"unknown key {key!r}{near(key, [*HEADER, *FOR_ALL])}")
    report_repeated(Node(items, file.mark), mistakes)
    return changed(changed(Node({}, file.mark), items.items()), sets)


def _checked(base: Node, checker: Checker, mistakes: Mistakes) -> tuple[Node, tuple[Path, ...]]:
    """The base without what is wrong in it whatever the variants change, which is reported."""
    _, findings = checker.spec(base)
    wrong = [finding for finding in findings if not finding.together]
    mistakes += [located(finding, base) for finding in wrong]
    left_out = tuple(whole(finding.path) for finding in wrong)
    for path in left_out:
        base = without(base, path)
    return base, left_out


def known_keys(changes: Node, own_class: bool, mistakes: Mistakes, *others: str) -> dict[str, Node]:
    """The keys of a mapping that a config may vary, without `others`; the rest is reported.

    Where the config names a user's `own_class`, any key of its block may be its argument, and each point tells.
    """
    found = {}
    for key, node in changes.value.items():
        if key in every_key() or (own_class and may_be_argument(key)):
            found[key] = node
        elif key in FOR_ALL:
            mistakes.add(node.at_key, f"{key!r} belongs to the top of the file: all variants have the same")
        elif key not in others:
            mistakes.add(node.at_key, f"unknown key {key!r}{near(key, others)}")
    return found


def may_be_argument(key: str) -> bool:
    """Whether a dotted key could be an argument of a user's own model, layer or optimizer."""
    return key.rpartition(".")[0] in ("model", "norm", "training.optimizer") and key not in FILLED_IN


def names_own_class(node: Node, place: str = "") -> bool:
    """Whether a model, layer or optimizer of the user's own is written anywhere in a tree that stands at a place."""
    if node.is_mapping:
        return any(names_own_class(item, f"{place}.{key}") for key, item in node.value.items())
    if node.is_list:
        return any(names_own_class(item, place) for item in node.value)
    block = f".{place}".removesuffix(".name").rpartition(".")[2]
    return (block == "norm" and is_own(node.value)) or (block in ("model", "optimizer") and ":" in str(node.value))


def near(key: str, also: Sequence[str] = ()) -> str:
    """The nearest of all dotted keys, or the one whose last part is nearest, or what there is at the top."""
    known = every_key()
    if found := nearest(key, [*also, *known]):
        return f"; did you mean {found!r}?"
    last = {dotted.rpartition(".")[2]: dotted for dotted in reversed(known)}
    if found := nearest(key.rpartition(".")[2], last):
        return f"; did you mean {last[found]!r}?"
    block = [dotted for dotted in known if dotted.startswith(key.partition(".")[0] + ".")]
    return did_you_mean(key, block or [*also, *(dotted for dotted in known if "." not in dotted)])


def report_repeated(change: Node, mistakes: Mistakes) -> None:
    """Report a key that is given both dotted and in its block."""
    lines: dict[tuple[str, ...], int] = {}
    for path, node in leaves(change):
        if path in lines:
            where = f"; first on line {lines[path]}" if lines[path] else ""
            mistakes.add(node.at_key, f"duplicate key {'.'.join(path)!r}{where}")
        lines[path] = node.at_key.line


def read_sets(texts: Sequence[str], mistakes: Mistakes) -> Iterator[tuple[str, Node]]:
    """Each key of `--set KEY=VALUE` with its value; these win over the file."""
    for text in texts:
        mark = Mark(Source(f"--set {text}"))
        key, equals, value = (part.strip() for part in text.partition("="))
        top = key.partition(".")[0]
        if not (key and equals):
            mistakes.add(mark, "takes key=value, as in training.batch_size=32")
        elif key == "name":
            mistakes.add(mark, "the name is set with --name")
        elif top in HEADER and key not in SETTABLE:
            mistakes.add(mark, f"cannot change `{top}`; edit the file")
        elif key not in (*SETTABLE, *FOR_ALL, *every_key()) and not may_be_argument(key):
            mistakes.add(mark, f"unknown key {key!r}{near(key, [*SETTABLE, *FOR_ALL])}")
        else:
            try:
                yield key, from_plain(plain(parse(value, mark.source.name)), mark)
            except ConfigError as error:
                mistakes.add(mark, error.mistakes[0].message)


def report_varied(sets: Sequence[tuple[str, Node]], varied: Mapping[str, str], mistakes: Mistakes) -> None:
    """Report keys that cannot be set because the grid or an include (`varied` says which) gives them values."""
    for key, node in sets:
        for other, where in varied.items():
            if f"{key}.".startswith(f"{other}."):
                message = f"{other} is varied by {where}, so it cannot be set; edit the file, or use --only"
                mistakes.add(node.mark, message)


NONE = ""
"""The name of the only variant where none could be read; entries may then name any."""


def read_variants(node: Node | None, base: Node, written: bool, mistakes: Mistakes) -> dict[str, Node]:
    """The changes by name; without `variants` the base alone, named after its norm.

    `written` says whether the file has the key, right or wrong.
    """
    found = {}
    for name, change in node.value.items() if node else ():
        if not name.strip() or not name.isprintable() or len(name) > 64:
            message = f"a variant's name is printable text of 1 to 64 characters, not {name[:80]!r}"
            mistakes.add(change.at_key, message)
            continue
        items = change.value if change.is_mapping else {}
        report_repeated(change._replace(value=items), mistakes)
        of_the_top = [key for key in items if key in (*HEADER, *FOR_ALL)]
        for key in of_the_top:
            mistakes.add(items[key].at_key, f"{key!r} belongs to the top of the file, not to a variant")
        found[name] = change._replace(value={key: item for key, item in items.items() if key not in of_the_top})
    if node:
        return found or {NONE: Node({}, base.mark)}
    norm = get(base, ("norm", "name"))
    if "norm" not in base.value and not written:
        mistakes.add(base.mark, "has neither `variants` nor a `norm`; add one, as in `variants: {bn: {norm: batch}}`")
    return {str(norm.value) if norm else blocks()["norm",]: Node({}, base.mark)}


def read_baselines(one: Node | None, several: Node | None, variants: Sequence[str], mistakes: Mistakes) -> list[str]:
    """The variants that the others are compared with; by default the first."""
    if one and several:
        mistakes.add(several.at_key, "`baseline` is given too; keep one of them")
    key = "baseline" if one else "baselines"
    found: list[str] = []
    for node in [one] if one else several.value if several else ():
        if node.value not in variants and NONE not in variants:
            mistakes.add(node.mark, f"{key}: {unknown('variant', node.value, variants)}")
        elif node.value in found:
            mistakes.add(node.mark, f"the variant {node.value!r} stands here twice")
        else:
            found.append(node.value)
    return found or list(variants[:1])


def read_primary(header: Header, found: Callable[[str], Node | None], mistakes: Mistakes) -> tuple[str, float | None]:
    """The primary metric, and the margin in its unit: by default of accuracies alone."""
    name, margin = header.primary, found("margin")
    if (given := found("primary")) and not is_primary(name):
        mistakes.add(given.mark, f"primary: {unknown('metric', name, (*PRIMARIES, 'steps-to-99'))}")
    if name == BEST_RATE and (several := found("baselines")) and len(several.value) > 1:
        mistakes.add(several.mark, f"baselines: one alone, where the primary metric is {BEST_RATE}")
    if margin and steps_to(name):
        mistakes.add(margin.mark, f"margin: {name} has none; times are not tested for equivalence")
    accuracy = name in (*ACCURACIES, BEST_RATE)
    return name, header.margin if margin else MARGIN if accuracy else None


def read_published(node: Node | None, variants: Sequence[str], mistakes: Mistakes) -> None:
    """Report variants of published results that are none."""
    for entry in node.value if node else ():
        if named := entry.value.get("variant"):
            list(_chosen(named, variants, mistakes))


def read_axes(grid: Node | None, rows: Node | None, own_class: bool, mistakes: Mistakes) -> list[list[Row]]:
    """The grid's axes in the order of the file; the rows of `zip` are one more."""
    crossed, together = (known_keys(node, own_class, mistakes) if node else {} for node in (grid, rows))
    for key, axis in crossed.items():
        values = [plain(item) for item in axis.value]
        for k, item in enumerate(axis.value):
            if any(equal(values[k], earlier) for earlier in values[:k]):
                mistakes.add(item.mark, f"{key} has this value twice")
    for key in [key for key in together if key in crossed]:
        mistakes.add(together.pop(key).at_key, f"{key!r} is a key of `grid` too; keep one of them")
    axes: list[list[Row]] = [[(pair,) for pair in _pairs(key, axis)] for key, axis in crossed.items()]
    if not together:
        return axes
    first, *others = together
    there = len(together[first].value)
    for key in others:
        if (here := len(together[key].value)) != there:
            message = "the lists of `zip` advance together, so they have one length"
            mistakes.add(together[key].mark, f"{message}; {key!r} has {here}, {first!r} has {there}")
    return [*axes, list(zip(*(_pairs(key, axis) for key, axis in together.items()), strict=False))]


def _pairs(key: str, axis: Node) -> list[tuple[str, Node]]:
    """The axis's key with each of its values."""
    return [(key, Node(item.value, item.mark, axis.key)) for item in axis.value]


def read_entries(
    where: str, node: Node | None, variants: Sequence[str], own_class: bool, mistakes: Mistakes
) -> Iterator[Entry]:
    """Each entry of `include` or `exclude`: the variants that it names, or all, and its other keys."""
    for entry in node.value if node else ():
        chosen = entry.value.get("variant")
        names = tuple(variants) if chosen is None else tuple(_chosen(chosen, variants, mistakes))
        known = known_keys(entry, own_class, mistakes, "variant")
        change = Node(known, entry.mark)
        report_repeated(change, mistakes)
        if not entry.value:
            mistakes.add(entry.mark, f"an entry of `{where}` is empty; give it keys")
        elif names and len(known) + ("variant" in entry.value) == len(entry.value):
            yield Entry(names, change)


def _chosen(node: Node, variants: Sequence[str], mistakes: Mistakes) -> Iterator[str]:
    for item in node.value if node.is_list else [node]:
        if not isinstance(item.value, str):
            mistakes.add(item.mark, f"variant takes a name or a list of names, not {described(item.value)}")
        elif item.value in variants:
            yield item.value
        elif "" not in variants:
            mistakes.add(item.mark, unknown("variant", item.value, variants))


def report_unused(
    unused: Sequence[Entry], place: Mark, variants: Sequence[str], remaining: set[str], mistakes: Mistakes
) -> None:
    """Report entries of `exclude` that left nothing out, and variants of which they leave nothing."""
    for entry in unused:
        mistakes.add(
            entry.change.mark, "excludes nothing; every key of an entry must match a point, so check its values"
        )
    if not remaining:
        mistakes.add(place, "leaves no point of the experiment")
        return
    for name in variants:
        if name not in remaining:
            mistakes.add(place, f"leaves no point of the variant {name!r}; remove the variant instead")
