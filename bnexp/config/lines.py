"""The parts of one config, each checked for its own sense: base, variants, axes, entries, seeds, `--set`."""

from collections.abc import Iterator, Sequence

from bnexp.config.check import Checker, form, located, whole
from bnexp.config.grid import MAX_POINTS, Exclude, Include, Row, same
from bnexp.config.header import HINTS, Header
from bnexp.config.keys import FILLED_IN, blocks, every_key
from bnexp.config.mistakes import Finding
from bnexp.config.tree import (
    ConfigError,
    Mark,
    Mistake,
    Node,
    Path,
    Source,
    get,
    leaves,
    merge,
    plain,
    put,
    without,
)
from bnexp.config.yaml import parse
from bnexp.specs.experiment import MARGIN, MAX_SEED, MAX_SEEDS
from bnexp.specs.norms.own import is_own
from bnexp.specs.trial import TrialSpec
from bnexp.specs.wording import described, did_you_mean, nearest, unknown

_SETTABLE = ("seeds", "baseline", "margin", "about")
_HEADER = tuple(Header.model_fields)


class Lines:
    """What a file and its `--set` options say, taken apart.

    Every mistake goes to `mistakes`, and what is wrong is left out, so that the rest can be looked at too.
    """

    MAX_POINTS = MAX_POINTS

    def __init__(self, file: Node, sets: Sequence[str], mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        self.left_out: list[Path] = []
        """Wrong parts of the base: what only their absence makes wrong is no mistake."""
        self.sets = list(self._sets(sets))
        header = Node({key: node for key, node in file.value.items() if key in _HEADER}, file.mark)
        for key, node in self.sets:
            if key in _SETTABLE:
                header = put(header, (key,), node, {})
        self.sets = [(key, node) for key, node in self.sets if key not in _SETTABLE]
        names = [*_norm_names(file), *(name for key, node in self.sets for name in _norm_names(node, key))]
        self._own_norm = any(map(is_own, names))
        self._header = self._well_formed(header)
        self._keys = self._header.value
        rest = Node(dict(self._spec_keys(file)), file.mark)
        self.report_twice(rest)
        self.base = merge(Node({}, file.mark), rest, blocks())
        self.base = self._with_sets(self.base)

        self.name: str | None = self._scalar("name")
        self.about: str = self._scalar("about") or ""
        self.variants: dict[str, Node] = self._variants(has_variants="variants" in header.value)
        self.baseline: str = self._baseline()
        self.margin: float = float(plain(self._keys["margin"])) if "margin" in self._keys else MARGIN
        self.seeds = self._seeds()
        self.axes = self._axes()
        self.axis_keys = [key for axis in self.axes for key, _ in axis[0]]
        self.includes = self._includes()
        self.excludes = self._excludes()
        self._check_sets()

    def add(self, mark: Mark, message: str) -> None:
        self.mistakes.append(Mistake(mark, message))

    def mark(self, *path: str | int) -> Mark:
        """Where the value of a key stands; the start of the file if it is not given."""
        node = get(self._header, path)
        return node.mark if node else self._header.mark

    def check_base(self, checker: Checker) -> None:
        """Report what is wrong in the base whatever the variants change, and leave it out."""
        _, found = checker.spec(self.base)
        wrong = [finding for finding in found if not finding.together]
        self.mistakes += [located(finding, self.base) for finding in wrong]
        for finding in wrong:
            self.left_out.append(whole(finding.path))
            self.base = without(self.base, whole(finding.path))

    def follows(self, finding: Finding) -> bool:
        """Whether a finding only follows from a part of the base that was left out."""
        return finding.together and any(finding.path[: len(path)] == path for path in self.left_out)

    def trees(self) -> dict[str, Node]:
        """The base with each variant's change, then `--set`, which wins over both."""
        trees = {}
        for name, change in self.variants.items():
            start = Node(self.base.value, change.key or self.base.mark, change.key)
            trees[name] = self._with_sets(merge(start, change, blocks()))
        return trees

    def report_twice(self, change: Node) -> None:
        """Report a key that is given both dotted and in its block."""
        seen: dict[tuple[str, ...], Node] = {}
        for path, node in _written(change):
            if path in seen:
                first = (seen[path].key or seen[path].mark).line
                where = f"; first on line {first}" if first else ""
                self.add(node.key or node.mark, f"duplicate key {'.'.join(path)!r}{where}")
            seen[path] = node

    def report_excludes(self, used: set[int], remaining: set[str]) -> None:
        """Report entries that left nothing out, and those that leave nothing."""
        for k, entry in enumerate(self.excludes):
            if k not in used:
                self.add(entry.mark, "excludes nothing; every key of an entry must match a point, so check its values")
        gone = [name for name in self.variants if name not in remaining]
        if self.excludes and len(gone) == len(self.variants):
            self.add(self.mark("exclude"), "leaves no point of the experiment")
        else:
            for name in gone:
                self.add(self.mark("exclude"), f"leaves no point of the variant {name!r}; remove the variant instead")

    def _well_formed(self, header: Node) -> Node:
        """The header keys without those whose form is wrong, which are reported."""
        for key in [key for key, node in header.value.items() if node.value is None]:
            self.add(header.value[key].mark, f"{key} is empty; {HINTS.get(key, 'give it a value, or remove it')}")
            header = without(header, (key,))
        found = form(header, Header)
        for finding in found:
            pattern = ".".join("*" if k else str(part) for k, part in enumerate(finding.path[:2]))
            hint = f"; {HINTS[pattern]}" if pattern in HINTS else ""
            mistake = located(finding, header)
            self.mistakes.append(mistake._replace(message=mistake.message + hint))
        for finding in found:
            place = finding.path[:2]
            if place[0] == "variants" and len(place) == 2 and (node := get(header, place)):
                # The variant itself stays, so that entries that name it are right.
                header = put(header, ("variants", str(place[1])), Node(None, node.mark, node.key), {})
            else:
                header = without(header, place)
        return header

    def _spec_keys(self, file: Node) -> Iterator[tuple[str, Node]]:
        """The keys at the top of the file that make the base; others that are no header keys are reported."""
        for key, node in file.value.items():
            if key.partition(".")[0] in TrialSpec.model_fields:
                yield key, node
            elif key not in _HEADER:
                self.add(node.key or node.mark, f"unknown key {key!r}{_near(key, _HEADER)}")

    def _scalar(self, key: str) -> str | None:
        return self._keys[key].value if key in self._keys else None

    def _sets(self, sets: Sequence[str]) -> Iterator[tuple[str, Node]]:
        for text in sets:
            mark = Mark(Source(f"--set {text}"))
            key, equals, value = (part.strip() for part in text.partition("="))
            if not (key and equals):
                self.add(mark, "takes key=value, as in training.batch_size=32")
            elif key == "name":
                self.add(mark, "the name is set with --name")
            elif key.partition(".")[0] in _HEADER and key not in _SETTABLE:
                self.add(mark, f"cannot change `{key.partition('.')[0]}`; edit the file")
            elif key not in _SETTABLE and key not in every_key() and not _maybe_argument(key):
                self.add(mark, f"unknown key {key!r}{_near(key, _SETTABLE)}")
            else:
                try:
                    yield key, _moved(parse(value, mark.source.name), mark)
                except ConfigError as error:
                    self.add(mark, error.mistakes[0].message)

    def _with_sets(self, tree: Node) -> Node:
        for key, node in sorted(self.sets, key=lambda pair: pair[0].count(".")):
            tree = put(tree, tuple(key.split(".")), node, blocks())
        return tree

    def _check_sets(self) -> None:
        varied = dict.fromkeys(self.axis_keys, "the grid")
        varied |= {key: "an include" for include in self.includes for key, _ in include.changes if key not in varied}
        for key, node in self.sets:
            for other, where in varied.items():
                if f"{key}.".startswith(f"{other}."):
                    self.add(
                        node.mark, f"{other} is varied by {where}, so it cannot be set; edit the file, or use --only"
                    )

    def _variants(self, has_variants: bool) -> dict[str, Node]:
        if "variants" in self._keys:
            found = {}
            for name, given in self._keys["variants"].value.items():
                mark = given.key or given.mark
                if not name.strip() or not name.isprintable() or len(name) > 64:
                    self.add(mark, f"a variant's name is printable text of 1 to 64 characters, not {name[:80]!r}")
                    continue
                change = given if given.is_mapping else Node({}, mark, mark)
                self.report_twice(change)
                found[name] = self._without_header_keys(change)
            return found or self._only("")
        name = get(self.base, ("norm", "name"))
        if "norm" not in self.base.value and not has_variants:
            self.add(
                self._header.mark, "has neither `variants` nor a `norm`; add one, as in `variants: {bn: {norm: batch}}`"
            )
        return self._only(str(name.value) if name else blocks()["norm",])

    def _without_header_keys(self, change: Node) -> Node:
        """The change of a variant, without keys that only the top of the file takes."""
        items = dict(change.value)
        for key in [key for key in items if key in _HEADER]:
            self.add(items[key].key or change.mark, f"{key!r} belongs to the top of the file, not to a variant")
            del items[key]
        return Node(items, change.mark, change.key)

    def _only(self, name: str) -> dict[str, Node]:
        return {name: Node({}, self._header.mark)}

    def _baseline(self) -> str:
        baseline = self._scalar("baseline")
        if baseline is None:
            return next(iter(self.variants))
        if baseline not in self.variants and "" not in self.variants:
            self.add(self.mark("baseline"), f"baseline: {unknown('variant', baseline, list(self.variants))}")
        return baseline

    def _seeds(self) -> tuple[int, ...]:
        node = self._keys.get("seeds", Node(Header.model_fields["seeds"].default, self._header.mark))
        if node.is_list:
            return self._seed_list(node)
        if type(node.value) is not int:
            self.add(node.mark, f"seeds is a number of seeds or a list of them, not {described(node.value)}")
        elif not 1 <= node.value <= MAX_SEEDS:
            self.add(
                node.mark,
                f"seeds, as a number, is from 1 to {MAX_SEEDS:,}, not {node.value}; one seed is a list: [{node.value}]",
            )
        else:
            return tuple(range(node.value))
        return (0,)

    def _seed_list(self, node: Node) -> tuple[int, ...]:
        seeds: list[int] = []
        for item in node.value:
            if type(item.value) is not int or not 0 <= item.value <= MAX_SEED:
                self.add(item.mark, f"a seed is a whole number from 0 to {MAX_SEED}, not {described(item.value)}")
            elif item.value in seeds:
                self.add(item.mark, f"the seed {item.value} stands here twice")
            else:
                seeds.append(item.value)
        if not node.value:
            self.add(node.mark, "seeds is empty; give at least one")
        return tuple(seeds) or (0,)

    def _axes(self) -> list[list[Row]]:
        """The grid's axes in the order of the file; the rows of `zip` are one more."""
        axes: list[list[Row]] = []
        grid = self._known_axes("grid")
        for key, node in grid.items():
            self._report_equal(key, node)
            axes.append([((key, _keyed(item, node)),) for item in node.value])
        rows = self._known_axes("zip")
        for key in [key for key in rows if key in grid]:
            self.add(rows[key].key or rows[key].mark, f"{key!r} is a key of `grid` too; keep one of them")
            del rows[key]
        if not rows:
            return axes
        first, *others = rows
        for key in others:
            if (here := len(rows[key].value)) != (there := len(rows[first].value)):
                lengths = f"{key!r} has {here}, {first!r} has {there}"
                self.add(rows[key].mark, f"the lists of `zip` advance together, so they have one length; {lengths}")
        columns = [[(key, _keyed(item, node)) for item in node.value] for key, node in rows.items()]
        return [*axes, list(zip(*columns, strict=False))]

    def _known_axes(self, where: str) -> dict[str, Node]:
        found = {}
        for key, node in (self._keys[where].value if where in self._keys else {}).items():
            if self._is_key(key):
                found[key] = node
            else:
                self.add(node.key or node.mark, f"unknown key {key!r}{_near(key)}")
        return found

    def _is_key(self, key: str) -> bool:
        """Where the file names a user's own layer, any key of `norm` may be its argument; each point tells."""
        return key in every_key() or (self._own_norm and _maybe_argument(key))

    def _report_equal(self, key: str, axis: Node) -> None:
        values = [plain(item) for item in axis.value]
        for k, item in enumerate(axis.value):
            if any(same(values[k], earlier) for earlier in values[:k]):
                self.add(item.mark, f"{key} has this value twice")

    def _entries(self, where: str) -> Iterator[tuple[Node, tuple[str, ...], dict[str, Node]]]:
        """Each entry of `include` or `exclude` with the variants that it names, or all, and its other keys."""
        for entry in self._keys[where].value if where in self._keys else ():
            chosen = entry.value.get("variant")
            items = {key: node for key, node in entry.value.items() if key != "variant"}
            names = tuple(self.variants) if chosen is None else tuple(self._chosen(chosen))
            known = {}
            for key, node in items.items():
                if self._is_key(key):
                    known[key] = node
                else:
                    self.add(node.key or node.mark, f"unknown key {key!r}{_near(key, ('variant',))}")
            self.report_twice(Node(known, entry.mark))
            if not entry.value:
                self.add(entry.mark, f"an entry of `{where}` is empty; give it keys")
            elif names and len(known) == len(items):
                yield entry, names, known

    def _chosen(self, node: Node) -> Iterator[str]:
        for item in node.value if node.is_list else [node]:
            if not isinstance(item.value, str):
                self.add(item.mark, f"variant takes a name or a list of names, not {described(item.value)}")
            elif item.value in self.variants:
                yield item.value
            elif "" not in self.variants:
                self.add(item.mark, unknown("variant", item.value, list(self.variants)))

    def _includes(self) -> list[Include]:
        return [Include(names, tuple(items.items())) for _, names, items in self._entries("include")]

    def _excludes(self) -> list[Exclude]:
        found = []
        for entry, names, items in self._entries("exclude"):
            tree = merge(Node({}, entry.mark), Node(items, entry.mark), blocks())
            values = tuple((path, plain(node)) for path, node in leaves(tree))
            found.append(Exclude(names, values, entry.mark))
        return found


def _maybe_argument(key: str) -> bool:
    return key.startswith("norm.") and key.count(".") == 1 and key not in FILLED_IN


def _norm_names(node: Node, where: str = "") -> Iterator[str]:
    """Every name that is written at a `norm`, anywhere in a file."""
    if node.is_mapping:
        for key, item in node.value.items():
            yield from _norm_names(item, f"{where}.{key}")
    elif node.is_list:
        for item in node.value:
            yield from _norm_names(item, where)
    elif isinstance(node.value, str) and f".{where}".endswith((".norm", ".norm.name")):
        yield node.value


def _near(key: str, also: tuple[str, ...] = ()) -> str:
    """The nearest of all dotted keys, or the one whose last part is nearest, or what there is at the top."""
    known = every_key()
    if near := nearest(key, [*also, *known]):
        return f"; did you mean {near!r}?"
    last = {dotted.rpartition(".")[2]: dotted for dotted in reversed(known)}
    if near := nearest(key.rpartition(".")[2], last):
        return f"; did you mean {last[near]!r}?"
    block = [dotted for dotted in known if dotted.startswith(key.partition(".")[0] + ".")]
    return did_you_mean(key, block or [*also, *(dotted for dotted in known if "." not in dotted)])


def _keyed(item: Node, axis: Node) -> Node:
    """A value of an axis; its key is the axis's."""
    return Node(item.value, item.mark, axis.key)


def _moved(node: Node, mark: Mark) -> Node:
    """The tree with one place for all of it: the option that it came from."""
    if node.is_mapping:
        return Node({key: _moved(item, mark) for key, item in node.value.items()}, mark, mark)
    if node.is_list:
        return Node([_moved(item, mark) for item in node.value], mark, mark)
    return Node(node.value, mark, mark)


def _written(change: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Every leaf that a change sets, dotted keys taken apart."""
    for key, node in change.value.items():
        place = (*path, *key.split("."))
        if node.is_mapping:
            yield from _written(node, place)
        else:
            yield (*place, "name") if place in blocks() and isinstance(node.value, str) else place, node
