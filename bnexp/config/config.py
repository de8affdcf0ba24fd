"""What a file and its `--set` options say, taken apart by the readers of its keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from bnexp.config import readers
from bnexp.config.check import Checker, Finding, located, whole
from bnexp.config.grid import Entry, Row
from bnexp.config.header import HEADER, Header, read_seeds, well_formed
from bnexp.config.mistakes import Mark, Mistakes
from bnexp.config.tree import Node, Path, changed, get, plain, without
from bnexp.specs.trial import TrialSpec


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
    baseline: str
    seeds: tuple[int, ...]
    axes: list[list[Row]]
    includes: list[Entry]
    excludes: list[Entry]

    @property
    def axis_keys(self) -> list[str]:
        """The keys that the grid varies."""
        return [key for axis in self.axes for key, _ in axis[0]]

    def mark(self, *path: str | int) -> Mark:
        """Where the value of a key of the header stands; the start of the file if it is not given."""
        return (get(self.keys, path) or self.keys).mark

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
    given = list(readers.read_sets(texts, mistakes))
    sets = tuple((key, node) for key, node in given if key not in readers.SETTABLE)
    own_norm = readers.names_own_norm(file) or any(readers.names_own_norm(node, key) for key, node in sets)
    written = Node({key: node for key, node in file.value.items() if key in HEADER}, file.mark)
    header = well_formed(changed(written, [pair for pair in given if pair[0] in readers.SETTABLE]), mistakes)
    simple = ("name", "about", "baseline", "margin")
    values = Header(**{key: plain(node) for key, node in header.value.items() if key in simple})
    base, found = _base(file, sets, mistakes), header.value.get
    variants = readers.read_variants(found("variants"), base, "variants" in file.value, mistakes)
    baseline = readers.read_baseline(values.baseline, found("baseline"), list(variants), mistakes)
    seeds = read_seeds(found("seeds", Node(values.seeds, file.mark)), mistakes)
    axes = readers.read_axes(found("grid"), found("zip"), own_norm, mistakes)
    includes = list(readers.read_entries("include", found("include"), list(variants), own_norm, mistakes))
    excludes = list(readers.read_entries("exclude", found("exclude"), list(variants), own_norm, mistakes))
    varied = {key: "an include" for include in includes for key in include.change.value}
    varied |= {key: "the grid" for axis in axes for key, _ in axis[0]}
    readers.report_varied(sets, varied, mistakes)
    base, left_out = _checked(base, checker, mistakes)
    return Config(header, values, base, left_out, sets, variants, baseline, seeds, axes, includes, excludes)


def _base(file: Node, sets: Sequence[tuple[str, Node]], mistakes: Mistakes) -> Node:
    """The keys of the spec at the top of the file, then `--set`; keys of neither spec nor header are reported."""
    items = {}
    for key, node in file.value.items():
        if key.partition(".")[0] in TrialSpec.model_fields:
            items[key] = node
        elif key not in HEADER:
            mistakes.add(node.at_key, f"unknown key {key!r}{readers.near(key, HEADER)}")
    readers.report_repeated(Node(items, file.mark), mistakes)
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
