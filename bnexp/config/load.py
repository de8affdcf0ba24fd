"""From a config file to an experiment: read, merge, expand, check; all mistakes at once, each at its line."""

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bnexp.config.check import Checker, located
from bnexp.config.claims import check_places
from bnexp.config.grid import MAX_POINTS, Candidate, candidates, coordinates, excluded
from bnexp.config.mistakes import ConfigError, Mark, Mistake, Mistakes, Source
from bnexp.config.readers import Config, read_config, report_unused
from bnexp.config.smoke import SEEDS, shrunk, thinned
from bnexp.config.tree import Node, from_plain, get, marks, plain
from bnexp.config.yaml import read
from bnexp.errors import UserError
from bnexp.specs.experiment import RATE, Experiment, Point, equal_variants
from bnexp.specs.metrics import BEST_RATE, is_of_validation
from bnexp.specs.trial import TrialSpec
from bnexp.specs.wording import listed

__all__ = ["ConfigError", "from_mapping", "load", "load_many"]

MAX_TRIALS = 1_000_000

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
MAX_FAILING = 200
"""Points; more would say the same again."""

Checked = list[tuple[Candidate, TrialSpec]]


def load(path: Path, *, sets: Sequence[str] = (), name: str | None = None, smoke: bool = False) -> Experiment:
    """The experiment that a YAML file describes.

    `sets` are changes such as `training.epochs=3` that win over the file, and want a `name`; `smoke` makes it
    small.  Raises ConfigError with all mistakes, UserError where there is no file to read.
    """
    path = Path(path)
    folders = tuple(dict.fromkeys([str(path.resolve().parent), str(Path.cwd())]))
    return _resolved(*read(path), path, folders, sets=sets, name=name, smoke=smoke)


def load_many(
    paths: Sequence[Path], *, sets: Sequence[str] = (), name: str | None = None, smoke: bool = False
) -> list[Experiment]:
    """The experiments of several files, with the mistakes of all; two files with one name are a mistake."""
    experiments: dict[str, Experiment] = {}
    mistakes = Mistakes()
    for path in paths:
        try:
            experiment = load(path, sets=sets, name=name, smoke=smoke)
            earlier = experiments.setdefault(experiment.name, experiment)
            if earlier is not experiment:
                hint = "--name is for one file" if name else "give one of them another `name`"
                message = f"the name {experiment.name!r} is that of {earlier.source} too; {hint}"
                mistakes.add(Mark(Source(str(path))), message)
        except ConfigError as error:
            mistakes += error.mistakes
        except UserError as error:
            mistakes.add(Mark(Source("")), str(error))
    if mistakes:
        raise ConfigError(mistakes)
    return list(experiments.values())


def from_mapping(
    mapping: Mapping[str, Any],
    *,
    name: str | None = None,
    sets: Sequence[str] = (),
    smoke: bool = False,
    search_path: Sequence[str] = (),
) -> Experiment:
    """The experiment that a Python mapping describes, by the rules of a file; messages name the dotted key.

    The name comes from `name` or the mapping.  A user's own dataset is looked for in `search_path`, then in
    the working folder.  Raises ConfigError.
    """
    folders = tuple(dict.fromkeys([*search_path, str(Path.cwd())]))
    return _resolved(from_plain(mapping), Mistakes(), None, folders, sets=sets, name=name, smoke=smoke)


def _resolved(
    file: Node,
    written: Mistakes,
    path: Path | None,
    folders: tuple[str, ...],
    *,
    sets: Sequence[str],
    name: str | None,
    smoke: bool,
) -> Experiment:
    """The experiment of a file in which these mistakes were `written`."""
    if sets and not name:
        raise UserError("--set changes the spec; give its results a name of their own with --name")
    mistakes = Mistakes()
    checker = Checker(folders)
    config = read_config(file, sets, checker, mistakes)
    given = name
    name = _name(given, config, path.stem if path else "", mistakes)
    found = _points(config, checker, mistakes)
    if config.primary == BEST_RATE and found and len({spec.training.optimizer.learning_rate for _, spec in found}) < 2:
        mistakes.add(
            config.mark("primary"), f"primary: {BEST_RATE} needs several learning rates; put {RATE} into the grid"
        )
    if is_of_validation(config.primary) and any(not spec.data.validation for _, spec in found):
        mistakes.add(config.mark("primary"), f"primary: {config.primary} takes validation images; data.validation is 0")
    if (trials := len(config.seeds) * len(found)) > MAX_TRIALS:
        mistakes.add(config.mark("seeds"), f"{trials:,} trials; at most {MAX_TRIALS:,} are taken")
    if sets and not mistakes:
        _report_levelled(_distinct(found, config.axis_keys), config, mistakes)
    if not mistakes:  # what has no points has no places
        check_places(config.claims, _distinct(found, config.axis_keys), config.baselines[0], mistakes)
    places = {mistake.mark[:3] for mistake in written}  # what stands there instead is no second mistake
    Mistakes([*written, *(mistake for mistake in mistakes if mistake.mark[:3] not in places)]).check()
    if smoke:
        found = _small(found, checker)
    return Experiment(
        name=f"{name}-smoke" if smoke else name,
        about=config.header.about,
        variants=tuple(config.variants),
        baseline=config.baselines[0],
        further_baselines=tuple(config.baselines[1:]),
        primary=config.primary,
        seeds=config.seeds[:SEEDS] if smoke else config.seeds,
        points=_distinct(found, config.axis_keys),
        search_path=folders,
        source=str(path or ""),
        margin=config.margin,
        published=() if smoke else tuple(config.header.published or ()),
        claims={} if smoke else {each.name: each.claim for each in config.claims},
        options=(
            *(word for change in sets for word in ("--set", change)),
            *(("--name", given) if given else ()),
            *(("--smoke",) if smoke else ()),
        ),
    )


def _name(given: str | None, config: Config, stem: str, mistakes: Mistakes) -> str:
    """The experiment's name, which becomes the name of a file in the results folder."""
    written = config.header.name
    name = given or written or stem
    rule = "letters, digits, '.', '_' and '-', at most 64, the first a letter, a digit or '_'"
    if _NAME.fullmatch(name):
        return name
    if given:
        mistakes.add(Mark(Source("--name")), f"a name takes {rule}; not {given!r}")
    elif written:
        mistakes.add(config.mark("name"), f"name takes {rule}; not {written!r}")
    elif not stem:
        mistakes.add(config.mark(), "an experiment needs a name; give name=..., or the key 'name'")
    else:
        message = f"the file's name {stem!r} is not a valid experiment name; use {rule}"
        mistakes.add(config.mark(), f"{message}; add `name:` to the file, or use --name")
    return name


def _points(config: Config, checker: Checker, mistakes: Mistakes) -> Checked:
    """The checked points; what is wrong with the others is reported once, however many of them show it."""
    trees = config.trees()
    if (points := math.prod(map(len, config.axes)) * len(trees)) > MAX_POINTS:
        where = "grid" if get(config.keys, ("grid",)) else "zip"
        mistakes.add(config.mark(where), f"the grid has {points:,} points; at most {MAX_POINTS:,} are taken")
        return []
    found: Checked = []
    shown: dict[Mistake, dict[str, None]] = {}
    unused, remaining, failing = list(config.excludes), set(), 0
    for candidate in candidates(trees, config.axes, config.includes):
        spec, findings = checker.spec(candidate.tree)
        if matching := [entry for entry in config.excludes if excluded(candidate, entry, spec)]:
            unused = [entry for entry in unused if entry not in matching]
            continue
        remaining.add(candidate.variant)
        if spec is not None:
            found.append((candidate, spec))
        for finding in findings:
            if not config.follows(finding):
                shown.setdefault(located(finding, candidate.tree), {})[candidate.variant] = None
        failing += spec is None
        if failing > MAX_FAILING:
            break
    mistakes += _with_variants(shown, config)
    if config.excludes and not mistakes:  # an axis that was left out would make entries match nothing
        report_unused(unused, config.mark("exclude"), list(config.variants), remaining, mistakes)
    return found


def _with_variants(shown: Mapping[Mistake, Collection[str]], config: Config) -> Iterable[Mistake]:
    """Says which variants a mistake concerns where neither its place nor its being everywhere says so."""
    for mistake, names in shown.items():
        own = any(mistake.mark in marks(config.variants[name]) for name in names)
        if own or len(names) == len(config.variants):
            yield mistake
        else:
            which = f"{'variant' if len(names) == 1 else 'variants'} {listed(map(repr, names))}"
            yield Mistake(mistake.mark, f"{mistake.message} (in {which})")


def _report_levelled(points: Sequence[Point], config: Config, mistakes: Mistakes) -> None:
    """Report variants that `--set` has made the same, because it wins over what they differ in."""
    for name, twin in equal_variants(config.variants, points):
        change = config.variants[name]
        if plain(change) != plain(config.variants[twin]):
            message = f"--set makes this variant the same as {twin!r}, so that nothing is compared; edit the file"
            mistakes.add(change.at_key, message)


def _small(found: Checked, checker: Checker) -> Checked:
    small = []
    mistakes = Mistakes()
    for candidate, spec in thinned(found):
        tree = shrunk(candidate.tree, spec)
        smaller, findings = checker.spec(tree)
        mistakes += [located(finding, tree) for finding in findings]
        if smaller is not None:
            small.append((candidate._replace(tree=tree), smaller))
    mistakes.check()
    return small


def _distinct(found: Checked, axis_keys: Sequence[str]) -> tuple[Point, ...]:
    """Points in order; what `include` gives again, or `--smoke` has made equal, is there once."""
    points: dict[tuple[str, tuple[tuple[str, Any], ...]], Point] = {}
    for candidate, spec in found:
        place = coordinates(spec, axis_keys, candidate.row)
        points.setdefault((candidate.variant, place), Point(candidate.variant, place, spec))
    return tuple(points.values())
