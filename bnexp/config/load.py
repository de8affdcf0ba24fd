"""From a config file to an experiment: read, merge, expand, check; all mistakes at once, each at its line."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bnexp.config.check import Checker, located
from bnexp.config.grid import Candidate, candidates, coordinates, count, excluded
from bnexp.config.lines import Lines
from bnexp.config.smoke import SEEDS, shrunk, thinned
from bnexp.config.tree import ConfigError, Mark, Mistake, Node, Source, from_plain, in_order, marks, plain
from bnexp.config.yaml import read
from bnexp.errors import UserError
from bnexp.specs.experiment import Experiment, Point
from bnexp.specs.trial import TrialSpec
from bnexp.specs.wording import listed

__all__ = ["ConfigError", "from_mapping", "load", "load_many"]

MAX_TRIALS = 1_000_000

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_ENOUGH = 200  # failing points; more would say the same again


def load(path: Path, *, sets: Sequence[str] = (), name: str | None = None, smoke: bool = False) -> Experiment:
    """The experiment that a YAML file describes.

    `sets` are changes such as `training.epochs=3` that win over the file, and want a `name`; `smoke` makes it
    small.  Raises ConfigError with all mistakes, UserError where there is no file to read.
    """
    path = Path(path)
    folders = tuple(dict.fromkeys([str(path.resolve().parent), str(Path.cwd())]))
    written: list[Mistake] = []
    tree = read(path, written)
    try:
        experiment = _resolved(tree, str(path), path.stem, folders, sets=sets, name=name, smoke=smoke)
    except ConfigError as error:
        places = {mistake.mark[:3] for mistake in written}  # what stands there instead is no second mistake
        written += [mistake for mistake in error.mistakes if mistake.mark[:3] not in places]
    if written:
        raise ConfigError(in_order(written))
    return experiment


def load_many(
    paths: Sequence[Path], *, sets: Sequence[str] = (), name: str | None = None, smoke: bool = False
) -> list[Experiment]:
    """The experiments of several files, with the mistakes of all; two files with one name are a mistake."""
    experiments: dict[str, Experiment] = {}
    mistakes: list[Mistake] = []
    for path in paths:
        try:
            experiment = load(path, sets=sets, name=name, smoke=smoke)
        except ConfigError as error:
            mistakes += error.mistakes
            continue
        except UserError as error:
            mistakes.append(Mistake(Mark(Source("")), str(error)))
            continue
        if earlier := experiments.get(experiment.name):
            hint = "--name is for one file" if name else "give one of them another `name`"
            message = f"the name {experiment.name!r} is that of {earlier.source} too; {hint}"
            mistakes.append(Mistake(Mark(Source(str(path))), message))
        experiments.setdefault(experiment.name, experiment)
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
    if not isinstance(mapping, Mapping):
        raise ConfigError([Mistake(Mark(Source("")), f"a config is a mapping, not {type(mapping).__name__}")])
    folders = tuple(dict.fromkeys([*search_path, str(Path.cwd())]))
    return _resolved(from_plain(mapping), "", "", folders, sets=sets, name=name, smoke=smoke)


def _resolved(
    file: Node, source: str, stem: str, folders: tuple[str, ...], *, sets: Sequence[str], name: str | None, smoke: bool
) -> Experiment:
    if sets and not name:
        raise UserError("--set changes the spec; give its results a name of their own with --name")
    mistakes: list[Mistake] = []
    lines = Lines(file, sets, mistakes)
    checker = Checker(folders)
    lines.check_base(checker)
    name = _name(name, lines, stem, mistakes)
    found = _points(lines, checker, mistakes)
    if len(lines.seeds) * len(found) > MAX_TRIALS:
        mistakes.append(
            Mistake(lines.mark("seeds"), f"{len(lines.seeds) * len(found):,} trials; at most {MAX_TRIALS:,} are taken")
        )
    if not mistakes:
        mistakes += _levelled(_distinct(found, lines.axis_keys), lines)
    if mistakes:
        raise ConfigError(in_order(mistakes))
    if smoke:
        found = _small(found, checker)
    return Experiment(
        name=f"{name}-smoke" if smoke else name,
        about=lines.about,
        variants=tuple(lines.variants),
        baseline=lines.baseline,
        seeds=lines.seeds[:SEEDS] if smoke else lines.seeds,
        points=_distinct(found, lines.axis_keys),
        search_path=folders,
        source=source,
        margin=lines.margin,
    )


def _name(given: str | None, lines: Lines, stem: str, mistakes: list[Mistake]) -> str:
    """The experiment's name, which becomes the name of a file in the results folder."""
    name = given or lines.name or stem
    if _NAME.fullmatch(name):
        return name
    rule = "letters, digits, '.', '_' and '-', at most 64, the first a letter, a digit or '_'"
    if given:
        mistakes.append(Mistake(Mark(Source("--name")), f"a name takes {rule}; not {given!r}"))
    elif lines.name:
        mistakes.append(Mistake(lines.mark("name"), f"name takes {rule}; not {lines.name!r}"))
    elif not stem:
        mistakes.append(Mistake(lines.mark(), "an experiment needs a name; give name=..., or the key 'name'"))
    else:
        hint = "add `name:` to the file, or use --name"
        mistakes.append(
            Mistake(lines.mark(), f"the file's name {stem!r} cannot name results, which takes {rule}; {hint}")
        )
    return name


def _points(lines: Lines, checker: Checker, mistakes: list[Mistake]) -> list[tuple[Candidate, TrialSpec]]:
    """The checked points; what is wrong with the others is reported once, however many of them show it."""
    trees = lines.trees()
    if (points := count(lines.axes) * len(trees)) > lines.MAX_POINTS:
        mark = lines.mark("grid" if lines.mark("grid") != lines.mark() else "zip")
        mistakes.append(Mistake(mark, f"the grid has {points:,} points; at most {lines.MAX_POINTS:,} are taken"))
        return []
    found: list[tuple[Candidate, TrialSpec]] = []
    shown: dict[Mistake, dict[str, None]] = {}
    used: set[int] = set()
    failing = 0
    remaining: set[str] = set()
    for candidate in candidates(trees, lines.axes, lines.includes):
        spec, findings = checker.spec(candidate.tree)
        matching = [k for k, entry in enumerate(lines.excludes) if excluded(candidate, entry, lambda: spec)]  # noqa: B023  # called before the next turn
        used.update(matching)
        if matching:
            continue
        remaining.add(candidate.variant)
        if spec is not None:
            found.append((candidate, spec))
        for finding in findings:
            if lines.follows(finding):
                continue
            shown.setdefault(located(finding, candidate.tree), {})[candidate.variant] = None
        failing += spec is None
        if failing > _ENOUGH:
            break
    mistakes += _with_variants(shown, lines)
    if not mistakes:  # an axis that was left out would make entries match nothing
        lines.report_excludes(used, remaining)
    return found


def _with_variants(shown: dict[Mistake, dict[str, None]], lines: Lines) -> list[Mistake]:
    """Says which variants a mistake concerns where neither its place nor its being everywhere says so."""
    result = []
    for mistake, variants in shown.items():
        own = any(mistake.mark in set(marks(lines.variants[name])) for name in variants)
        if own or len(variants) == len(lines.variants):
            result.append(mistake)
        else:
            names = listed(map(repr, variants))
            result.append(
                Mistake(
                    mistake.mark, f"{mistake.message} (in {'variant' if len(variants) == 1 else 'variants'} {names})"
                )
            )
    return result


def _levelled(points: Sequence[Point], lines: Lines) -> list[Mistake]:
    """Variants that `--set` has made the same, because it wins over what they differ in."""
    first: dict[tuple[tuple[Any, ...], ...], str] = {}
    mistakes = []
    for name, change in lines.variants.items() if lines.sets else ():
        content = tuple((point.coordinates, point.spec) for point in points if point.variant == name)
        twin = first.setdefault(content, name)
        if plain(change) != plain(lines.variants[twin]):
            message = f"--set makes this variant the same as {twin!r}, so that nothing is compared; edit the file"
            mistakes.append(Mistake(change.key or change.mark, message))
    return mistakes


def _small(found: list[tuple[Candidate, TrialSpec]], checker: Checker) -> list[tuple[Candidate, TrialSpec]]:
    specs = {id(candidate): spec for candidate, spec in found}
    small = []
    mistakes: list[Mistake] = []
    for candidate in thinned([candidate for candidate, _ in found]):
        tree = shrunk(candidate.tree, specs[id(candidate)])
        spec, findings = checker.spec(tree)
        mistakes += [located(finding, tree) for finding in findings]
        if spec is not None:
            small.append((candidate._replace(tree=tree), spec))
    if mistakes:
        raise ConfigError(mistakes)
    return small


def _distinct(found: list[tuple[Candidate, TrialSpec]], axis_keys: Sequence[str]) -> tuple[Point, ...]:
    """Points in order; what `include` gives again, or `--smoke` has made equal, is there once."""
    points: dict[tuple[str, tuple[tuple[str, Any], ...]], Point] = {}
    for candidate, spec in found:
        place = coordinates(spec, axis_keys, candidate.row)
        points.setdefault((candidate.variant, place), Point(candidate.variant, place, spec))
    return tuple(points.values())
