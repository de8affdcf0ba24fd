"""Commands that repeat what a report shows: the whole of an experiment, a row of its table, a single trial.

They take the config and the options that the experiment was last run with; where these are not known, a config under
its name in the current folder, as `bnexp init` leaves it there.  They name the results folder where it is another one
within the current folder.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bnexp.config.selection import select
from bnexp.errors import UserError
from bnexp.records.plan import StoredPlan, StoredPoint
from bnexp.specs.experiment import PlannedTrial, Point
from bnexp.specs.trial import Trial, TrialSpec
from bnexp.specs.values import leaves
from bnexp.specs.wording import ranges

Named = dict[str, str]  # the name of a command of bnexp, such as `run`, to the whole command line
USUAL = Path("results")  # where the commands look for results unless told otherwise


@dataclass(frozen=True)
class PointCommands:
    """What repeats a row of the table and each of its trials; without `run` where no selection means just these."""

    every: Named  # all seeds of the plan
    trials: Mapping[int, Named]  # by seed


def commands(plan: StoredPlan, results: Path = USUAL) -> list[str]:
    """What trains these trials and writes this report again."""
    where = _results(results)
    return [shlex.join([*_run(plan), *where]), shlex.join(["bnexp", "report", plan.name, *where])]


def claim_commands(plan: StoredPlan, claim: str, results: Path = USUAL) -> list[str]:
    """What trains the trials of a claim, and prints its verdict again."""
    where = _results(results)
    return [shlex.join([*_run(plan), *where]), shlex.join(["bnexp", "claims", claim, *where])]


def point_commands(plan: StoredPlan, results: Path = USUAL) -> list[PointCommands]:
    """One per point of the plan, in its order; each was tried on the plan, and selects what it says."""
    points = [_point(stored) for stored in plan.points]
    return [
        _commands(plan, stored, _patterns(point, points, stored.coordinates), _results(results))
        for stored, point in zip(plan.points, points, strict=True)
    ]


def _results(folder: Path) -> list[str]:
    """The option that names the results folder; one outside the working folder, whose path may name a user, is not."""
    if folder.is_absolute() and folder.is_relative_to(Path.cwd()):
        folder = folder.relative_to(Path.cwd())
    return [] if folder == USUAL or folder.is_absolute() or ".." in folder.parts else ["--results", str(folder)]


def _run(plan: StoredPlan) -> list[str]:
    if plan.config:
        return ["bnexp", "run", plan.config, *plan.options]
    name = plan.name.removesuffix("-smoke")
    return ["bnexp", "run", f"{name}.yaml", *([] if name == plan.name else ["--smoke"])]


def _commands(
    plan: StoredPlan, stored: StoredPoint, patterns: Sequence[str] | None, where: Sequence[str]
) -> PointCommands:
    def run(seeds: str) -> Named:
        if patterns is None:
            return {}
        only = [word for pattern in patterns for word in ("--only", pattern)]
        return {"run": shlex.join([*_run(plan), *only, "--seeds", seeds, *where])}

    trials = {
        seed: run(str(seed)) | {"verify": shlex.join(["bnexp", "verify", folder, *where])}
        for seed, folder in stored.trials.items()
    }
    return PointCommands(run(ranges(set(stored.trials)).replace(" ", "")), trials)


def _point(stored: StoredPoint) -> Point | None:
    """The point as it was planned; None where this version of bnexp would not take its spec."""
    try:
        spec = TrialSpec.model_validate(stored.spec)
    except (ValidationError, UserError):
        return None
    return Point(stored.variant, tuple(stored.coordinates.items()), spec)


def _patterns(point: Point | None, points: Sequence[Point | None], coordinates: Mapping[str, Any]) -> list[str] | None:
    """The patterns of `--only` that select the point and no other; None where there are none."""
    if point is None:
        return None
    # Variants are named in full, so that only points of the same one can be meant by accident.
    alike = [other for other in points if other is not None and other.variant == point.variant]
    others = [dict(leaves(other.spec.model_dump(mode="json"))) for other in alike]
    mine = dict(leaves(point.spec.model_dump(mode="json")))
    varied = [key for key in mine if any(other.get(key) != mine[key] for other in others)]
    gridded = [key for key in varied if any(f"{key}.".startswith(f"{axis}.") for axis in coordinates)]
    for keys in ([], gridded, varied):
        patterns = [f"variant={_literal(point.variant)}", *(f"{key}={_literal(mine[key])}" for key in keys)]
        try:
            found = select([PlannedTrial(each, Trial(each.spec, 0)) for each in alike], only=patterns)
        except UserError:
            continue
        if len(found) == 1 and found[0].point is point:
            return patterns
    return None


def _literal(value: Any) -> str:
    """A pattern that means this very value, as YAML has it."""
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    text = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
    # What does not print could do something in a terminal; the one character is what `?` means too.
    printable = "".join(c if c.isprintable() else "\0" for c in text)
    return re.sub(r"([*?\[])", r"[\1]", printable).replace("\0", "?")
