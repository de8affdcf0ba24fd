"""The commands as Python functions: `bnexp.load`, `run`, `results`, `report`, `compare`, `verify`; and `claims`."""

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bnexp.config import load as _configs
from bnexp.config.selection import select
from bnexp.errors import UserError
from bnexp.records.find import plans
from bnexp.records.store import Store
from bnexp.running.options import Options, Shard
from bnexp.running.progress import Lines, Watcher
from bnexp.running.runner import run as _run
from bnexp.running.survey import Outcome
from bnexp.specs.experiment import Experiment, PlannedTrial, foreign_code, plan
from bnexp.specs.wording import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from bnexp.claims.verdict import Judged
    from bnexp.evidence.compare import Comparisons
    from bnexp.reporting.write import ReportFiles
    from bnexp.running.verify import Verification

Config = Experiment | Path | str | Mapping[str, Any]
"""An experiment, or what one is loaded from: a file, or the same keys as a mapping."""


def load(config: Config, *, sets: Sequence[str] = (), name: str | None = None, smoke: bool = False) -> Experiment:
    """The experiment that a YAML file or a mapping of the same keys describes, checked and resolved.

    `sets` are changes such as `"training.epochs=3"`; `smoke` makes it tiny, under the name `<name>-smoke`.
    Raises `bnexp.errors.UserError` with every mistake in it.
    """
    if isinstance(config, Experiment):
        if sets or name or smoke:
            raise UserError("sets, name and smoke change a config while it is loaded; an Experiment is loaded already")
        return config
    _not_text("sets", sets)
    if isinstance(config, Mapping):
        return _configs.from_mapping(dict(config), sets=sets, name=name, smoke=smoke)
    if not isinstance(config, Path | str):
        raise UserError(f"a config is a file, a mapping of its keys, or an Experiment, not {config!r:.60}")
    return _configs.load(Path(config), sets=sets, name=name, smoke=smoke)


def selection(
    experiments: Sequence[Experiment], *, seeds: Iterable[int] | None = None, only: Sequence[str] = ()
) -> list[list[PlannedTrial]]:
    """The trials of each experiment that `seeds` and `only` leave; all of them if neither is given.

    Raises UserError where they leave nothing of any experiment: of several, some may have no part in it.
    """
    wanted = None if seeds is None else frozenset(seeds)
    found: list[list[PlannedTrial]] = []
    refusals: list[UserError] = []
    for experiment in experiments:
        try:
            found.append(select(list(plan(experiment)), seeds=wanted, only=only))
        except UserError as error:
            found.append([])
            refusals.append(error)
    if refusals and len(refusals) == len(found):
        raise refusals[0]
    return found


def run(
    configs: Config | Sequence[Config],
    *,
    results: Path | str = "results",
    seeds: Iterable[int] | None = None,
    only: Sequence[str] = (),
    jobs: int | Literal["auto"] = "auto",
    threads: int = 1,
    device: Literal["auto", "cpu", "gpu"] = "auto",
    data_folder: Path | str | None = None,
    retry_failed: bool = False,
    force: bool = False,
    fail_fast: bool = False,
    max_failures: int = 3,
    timeout: float | None = None,
    budget: float | None = None,
    retries: int | None = None,
    until_decided: bool = False,
    max_seeds: int | None = None,
    shard: tuple[int, int] | str | None = None,
    engine: Literal["local", "dask"] = "local",
    scheduler: str | None = None,
    plugins: bool = True,
    watch: Watcher | None = None,
    resume: str = "",
) -> Outcome:
    """Train every trial of the configs that has no record in the results folder yet, in worker processes.

    `seeds` and `only` (patterns such as `"norm=batch*"`) train a part of the plan, `shard` (`(1, 4)` or `"1/4"`)
    one of several parts of what they leave. `until_decided` adds seeds, 0 to `max_seeds` - 1 at most whatever the
    config has (by default 40 of them), until each primary comparison is decided by a rule that holds at every look
    (`running.until_decided`). `timeout` of a trial and `budget` of the run are in seconds. `plugins=False` refuses
    configs that name code of their own. `watch` is told what goes on; by default one line for each trial goes to
    stderr. The rest is as on the command line. Needs no `__main__` guard, but for `engine="dask"` without a
    `scheduler`. Raises `bnexp.errors.UserError` where a config is wrong or no trial could be trained.
    """
    _not_text("only", only)
    if isinstance(seeds, int):
        raise UserError(f"seeds: those wanted, as in range({seeds}) or [{seeds}], not {seeds}")
    many = configs if isinstance(configs, Sequence) and not isinstance(configs, str) else [configs]
    experiments = [load(config) for config in many]
    names = [experiment.name for experiment in experiments]
    if twice := next((name for name in names if names.count(name) > 1), None):  # plans are stored by name
        raise UserError(f"two experiments are named {twice!r}; give one of them another name")
    for experiment in experiments if not plugins else ():
        if found := foreign_code(experiment):
            raise UserError(f"{experiment.source or experiment.name}: {found[0]} is code, which --no-plugins forbids")
    options = Options(
        jobs=jobs,
        threads=threads,
        device=device,
        data_folder=None if data_folder is None else Path(data_folder),
        retry_failed=retry_failed,
        force=force,
        fail_fast=fail_fast,
        max_failures=max_failures,
        timeout=timeout,
        budget=budget,
        retries=retries,
        shard=Shard.parse(shard) if isinstance(shard, str) else shard and Shard(*shard),
        engine=engine,
        scheduler=scheduler,
        resume=resume,
    )
    store, watch = Store(Path(results)), watch or Lines(sys.stderr)
    if max_seeds is not None and not until_decided:
        raise UserError("--max-seeds: the most seeds that --until-decided adds, which is not given")
    if until_decided:
        if seeds is not None or only or shard is not None or budget is not None or len(experiments) != 1:
            raise UserError(
                "--until-decided chooses the trials of one config itself, without --seeds, --only, --shard and --budget"
            )
        from bnexp.running.until_decided import MAX_SEEDS  # noqa: PLC0415  # imports scipy
        from bnexp.running.until_decided import until_decided as decided  # noqa: PLC0415

        again = replace(options, force=False, retry_failed=False)  # once, and not at every look
        options_of_looks = chain([options], repeat(again))
        return decided(
            experiments[0],
            store,
            lambda one: _run([one], store, next(options_of_looks), watch),
            watch,
            max_seeds=MAX_SEEDS if max_seeds is None else max_seeds,
        )
    chosen = selection(experiments, seeds=seeds, only=only)
    return _run(experiments, store, options, watch, selected=chosen)


def _not_text(name: str, value: Sequence[str]) -> None:
    """A text is a sequence of texts too, its characters, which nobody means."""
    if isinstance(value, str):
        raise UserError(f"{name}: a list of texts, as in [{value!r}], not one text")


def compare(
    a: Path | str,
    b: Path | str,
    *,
    metric: str = "test-accuracy",
    margin: float = 0.0,
    results: Path | str = "results",
    experiment: str | None = None,
    seeds: Iterable[int] | None = None,
    only: Sequence[str] = (),
    simultaneous: bool = False,
    allow_differs: bool = False,
) -> "Comparisons":
    """Compare two variants of an experiment in `results`, or two results folders; differences are `b` minus `a`.

    `metric` is one of `bnexp.evidence.metric.METRICS`, or `steps-to-N`; `margin` is in its unit, and of steps a share:
    0.1 is a tenth more of them.  The result's `failed()` is what makes the command exit with 1.  Raises
    `bnexp.errors.UserError` where the trials differ in more than what is compared (unless `allow_differs`), or where
    there are fewer than three pairs.
    """
    from bnexp.evidence.compare import compare as compared  # noqa: PLC0415  # imports scipy
    from bnexp.evidence.metric import metric as named  # noqa: PLC0415
    from bnexp.evidence.sides import resolve  # noqa: PLC0415

    _not_text("only", only)
    chosen = named(metric)
    wanted = None if seeds is None else frozenset(seeds)
    sides = resolve(str(a), str(b), results=Path(results), experiment=experiment, seeds=wanted, only=only)
    return compared(sides, chosen, margin=margin, simultaneous=simultaneous, allow_differs=allow_differs)


def claims(results: Path | str = "results", *, ids: Sequence[str] | None = None) -> "list[Judged]":
    """The claims of a results folder, each with its verdict (`bnexp.claims`); all of them are one family.

    `ids` names those wanted, by default all.  Raises `bnexp.errors.UserError` where there is none, or none of a name.
    """
    from bnexp.claims.verdict import judged  # noqa: PLC0415  # imports scipy

    if ids is not None:
        _not_text("ids", ids)
    found = judged(Store(Path(results)))
    if not found:
        raise UserError(f"{results}: nothing is claimed here; the key `claims` of a config says what is")
    known = list(dict.fromkeys(each.id for each in found))
    for name in ids or ():
        if name not in known:
            raise UserError(f"{results}: no claim is named {name!r}{did_you_mean(name, known)}")
    return [each for each in found if ids is None or each.id in ids]


def verify(
    trial: str,
    *,
    results: Path | str = "results",
    tolerance: float | None = None,
    threads: int | None = None,
    device: Literal["auto", "cpu", "gpu"] | None = None,
    data_folder: Path | str | None = None,
    modules: Path | str | None = None,
    watch: Watcher | None = None,
) -> "Verification":
    """Train a stored trial again, in a worker process, and hold it against its record, which is not touched.

    `trial` is the name of its folder or the beginning of that or of its identity.  Threads and device are by default
    those of the record.  The user's own modules are looked for in the folder `modules`, such as that of the config,
    then in the working folder.  Raises `bnexp.errors.UserError` where the trial failed, or cannot be trained again as
    it was.
    """
    from bnexp.records.find import find, record  # noqa: PLC0415  # with the rest of this command
    from bnexp.running.verify import execution_of  # noqa: PLC0415
    from bnexp.running.verify import verify as verified  # noqa: PLC0415

    if tolerance is not None and not 0 <= tolerance < math.inf:
        raise UserError(f"tolerance: a number from 0, not {tolerance!r}")
    if modules is not None and not Path(modules).is_dir():
        raise UserError(f"modules: there is no folder {modules}")
    folder = find(Store(Path(results)), trial)
    stored = record(folder)
    wanted = {"threads": threads, "device": device, "data_folder": None if data_folder is None else Path(data_folder)}
    execution = {**execution_of(stored), **{key: value for key, value in wanted.items() if value is not None}}
    return verified(
        folder.name,
        stored,
        Options(jobs=1, **execution),
        watch or Watcher(),
        search_path=[str(Path(each).absolute()) for each in (modules, Path.cwd()) if each is not None],
        tolerance=tolerance,
    )


def results(folder: Path | str = "results", *, experiments: Sequence[str] | None = None) -> "pd.DataFrame":
    """One row for each planned trial of a results folder, finished or not, as a tidy table.

    Columns: `experiment`, `variant`, the keys of the grids, then those of `bnexp.records.frames.TRIAL_COLUMNS`
    (`seed`, `status`, `test_accuracy`, ...).  `experiments` names those wanted, by default all.
    """
    import pandas as pd  # noqa: PLC0415  # heavy, and a run needs it not

    from bnexp.records.frames import read, trials  # noqa: PLC0415  # imports pandas

    store = Store(Path(folder))
    return pd.concat([trials(each, read(store, each)) for each in plans(store, experiments)], ignore_index=True)


def report(
    results: Path | str = "results",
    *,
    out: Path | str | None = None,
    experiments: Sequence[str] | None = None,
    pdf: bool = False,
) -> "ReportFiles":
    """Write the report of a results folder: `index.html`, `report.md`, `figures/` and `tables/`.

    They go to `out`, by default `report/` inside the results folder.  `pdf` adds each figure as PDF, and
    those for a paper.
    """
    from bnexp.reporting import report as reported  # noqa: PLC0415

    return reported(Path(results), None if out is None else Path(out), experiments, pdf=pdf)
