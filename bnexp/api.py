"""The commands as Python functions: `bnexp.load`, `bnexp.run`, `bnexp.results`, `bnexp.report`."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bnexp.errors import UserError
from bnexp.experiment import load as _configs
from bnexp.experiment.grid import Experiment, PlannedTrial, plan, select
from bnexp.results.find import plans
from bnexp.results.store import Store
from bnexp.running import Options, Outcome
from bnexp.running import run as _run
from bnexp.running.progress import Lines, Watcher

if TYPE_CHECKING:
    import pandas as pd

    from bnexp.report import ReportFiles

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
    watch: Watcher | None = None,
    resume: str = "",
) -> Outcome:
    """Train every trial of the configs that has no record in the results folder yet, in worker processes.

    `seeds` and `only` (patterns such as `"norm=batch*"`) train a part of the plan.  `watch` is told what goes on;
    by default one line for each trial goes to stderr.  The rest is as on the command line.  Needs no `__main__`
    guard.  Raises `bnexp.errors.UserError` where a config is wrong or no trial could be trained.
    """
    _not_text("only", only)
    if isinstance(seeds, int):
        raise UserError(f"seeds: those wanted, as in range({seeds}) or [{seeds}], not {seeds}")
    many = configs if isinstance(configs, Sequence) and not isinstance(configs, str) else [configs]
    experiments = _different([load(config) for config in many])
    options = Options(
        jobs=jobs,
        threads=threads,
        device=device,
        data_folder=None if data_folder is None else Path(data_folder),
        retry_failed=retry_failed,
        force=force,
        fail_fast=fail_fast,
        max_failures=max_failures,
        resume=resume,
    )
    chosen = selection(experiments, seeds=seeds, only=only)
    return _run(experiments, Store(Path(results)), options, watch or Lines(sys.stderr), selected=chosen)


def _not_text(name: str, value: Sequence[str]) -> None:
    """A text is a sequence of texts too, its characters, which nobody means."""
    if isinstance(value, str):
        raise UserError(f"{name}: a list of texts, as in [{value!r}], not one text")


def _different(experiments: list[Experiment]) -> list[Experiment]:
    """The experiments, if no two would store their plans under one name."""
    names = [experiment.name for experiment in experiments]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"two experiments are named {twice!r}; give one of them another name")
    return experiments


def results(folder: Path | str = "results", *, experiments: Sequence[str] | None = None) -> "pd.DataFrame":
    """One row for each planned trial of a results folder, finished or not, as a tidy table.

    Columns: `experiment`, `variant`, the keys of the grids, then those of `bnexp.results.frames.TRIAL_COLUMNS`
    (`seed`, `status`, `test_accuracy`, ...).  `experiments` names those wanted, by default all.
    """
    import pandas as pd  # noqa: PLC0415  # heavy, and a run needs it not

    from bnexp.results.frames import trials  # noqa: PLC0415  # imports pandas

    store = Store(Path(folder))
    return pd.concat([trials(store, stored) for stored in plans(store, experiments)], ignore_index=True)


def report(
    results: Path | str = "results",
    *,
    out: Path | str | None = None,
    experiments: Sequence[str] | None = None,
    pdf: bool = False,
) -> "ReportFiles":
    """Write the report of a results folder: `index.html`, `report.md`, `figures/` and `tables/`.

    They go to `out`, by default `report/` inside the results folder.  `pdf` adds each figure as PDF.
    """
    from bnexp.report import write_report  # noqa: PLC0415  # imports pandas and matplotlib

    store = Store(Path(results))
    return write_report(store, store.root / "report" if out is None else Path(out), experiments, pdf=pdf)
