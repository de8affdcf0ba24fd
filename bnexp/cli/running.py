"""`bnexp run` and `bnexp plan`: what is to be trained, and training it."""

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bnexp.cli import options
from bnexp.cli.text import note, plural, print_json, table
from bnexp.specs.wording import duration, listed, printable

if TYPE_CHECKING:
    from bnexp.running.progress import Watcher
    from bnexp.specs.experiment import Experiment, PlannedTrial
    from bnexp.specs.trial import Trial


@click.command()
@options.configs
@options.jobs("Trials at a time.")
@click.option("--threads", type=click.IntRange(1), default=1, help="Threads of each trial.")
@click.option("--device", type=options.DEVICES, default="auto")
@click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    default="local",
    help="dask: the workers of a Dask cluster (pip install 'bnexp[dask]').",
)
@click.option("--scheduler", metavar="ADDRESS", help="The Dask scheduler, tcp://...; without it one is started here.")
@options.selecting
@options.sharing
@options.loading
@options.data_dir
@options.results
@click.option("--dry-run", is_flag=True, help="Print what would be trained, as `bnexp plan` does, and end.")
@click.option("--retry-failed", is_flag=True, help="Train failed trials again.")
@click.option("--force", is_flag=True, help="Train again even what is finished; a new record replaces the old one.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first failed trial.")
@click.option(
    "--max-failures",
    type=click.IntRange(0),
    default=3,
    help="Stop after so many identical consecutive failures; 0: never.",
)
@click.option(
    "--timeout", type=options.seconds, metavar="TIME", help="End a trial that takes longer, as failed: 90s, 10m."
)
@click.option(
    "--budget",
    type=options.seconds,
    metavar="TIME",
    help="Start no seed that is unlikely to finish in time: 30m, 1h30m.",
)
@options.until_decided
@options.max_seeds
@click.option("--retries", type=click.IntRange(0), help="Retries when a worker dies.  [default: 0; with dask 2]")
@click.option(
    "--plugins/--no-plugins",
    default=True,
    show_default=False,
    help="Whether a config may name code of its own, module:name.",
)
@click.option("-v", "--verbose", is_flag=True, help="Tell also when each trial starts, and where its log is.")
@click.option("-q", "--quiet", is_flag=True, help="Tell only of failures.")
@options.as_json
def run(
    *,
    configs: tuple[Path, ...],
    loading: dict[str, Any],
    selecting: dict[str, Any],
    shard: str | None,
    results: Path,
    data_dir: Path | None,
    jobs: Any,
    until_decided: bool,
    max_seeds: int | None,
    dry_run: bool,
    verbose: bool,
    quiet: bool,
    as_json: bool,
    **execution: Any,
) -> int:
    """Train what is missing, and store it.

    Trials that have a record in the results folder are skipped: the same command again resumes. Every trial is
    stored as it finishes, so that Ctrl-C loses only those being trained.

    \b
    Examples:
      bnexp run configs/mnist.yaml --seeds 0-4
      bnexp run mnist.yaml --only 'norm=batch*' --jobs 2
      bnexp run mnist.yaml --set training.optimizer.learning_rate=0.01 --name mnist-lr-0.01
      bnexp run configs/*.yaml --smoke
      bnexp run mnist.yaml --budget 30m --timeout 10m
      bnexp run mnist.yaml --engine dask --scheduler tcp://10.0.0.1:8786
    """
    from bnexp import api  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.config.load import load_many  # noqa: PLC0415

    experiments = load_many(configs, **loading)
    chosen = api.selection(experiments, **selecting)
    if not quiet:
        _note_left_out(experiments, chosen)
    if dry_run and until_decided:
        _show_expected(experiments, results, max_seeds, as_json=as_json)
        return 0
    if dry_run:
        _show_plan(experiments, chosen, results, jobs, shard=shard, as_json=as_json)
        return 0
    if not quiet:
        for line in _expected(experiments, results, max_seeds) if until_decided else map(summary, experiments):
            note(line)
        note_cautions([_growing(each) if until_decided else each for each in experiments], smoke=loading["smoke"])
        if not until_decided:
            _note_growing(experiments, results)
        _note_edited(experiments, results)
    outcome = api.run(
        experiments,
        results=results,
        until_decided=until_decided,
        max_seeds=max_seeds,
        shard=shard,
        jobs=jobs,
        data_folder=data_dir,
        watch=_watcher(verbose, quiet, results),
        # This process's own command line, as it can be typed again; `--force` would not resume.
        resume=shlex.join(["bnexp", *(word for word in sys.argv[1:] if word != "--force")]),
        **selecting,
        **execution,
    )
    if as_json:
        print_json({**asdict(outcome), "left": outcome.left, "exit_code": outcome.exit_code})
    if not quiet and outcome.interrupted is None and outcome.planned:
        elsewhere = [] if results == Path("results") else ["--results", str(results)]
        note(f"Next: {shlex.join(['bnexp', 'report', *elsewhere])}")
    return outcome.exit_code


@click.command()
@options.configs
@options.selecting
@options.sharing
@options.loading
@options.until_decided
@options.max_seeds
@options.jobs("Trials at a time, for the time left.")
@options.results
@options.as_json
def plan(
    *,
    configs: tuple[Path, ...],
    loading: dict[str, Any],
    selecting: dict[str, Any],
    shard: str | None,
    until_decided: bool,
    max_seeds: int | None,
    results: Path,
    jobs: Any,
    as_json: bool,
) -> None:
    """Print what `run` would train: done, to do, failed, time left.

    The time left follows from the seconds that finished trials took; nothing is trained or written. With
    --until-decided: how many seeds are to be expected.

    \b
    Example:
      bnexp plan configs/mnist.yaml --seeds 0-4
    """
    from bnexp import api  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.config.load import load_many  # noqa: PLC0415

    experiments = load_many(configs, **loading)
    chosen = api.selection(experiments, **selecting)
    _note_left_out(experiments, chosen)
    note_cautions([_growing(each) if until_decided else each for each in experiments], smoke=loading["smoke"])
    _note_edited(experiments, results)
    if until_decided:
        _show_expected(experiments, results, max_seeds, as_json=as_json)
        return
    if max_seeds is not None:
        raise click.UsageError("--max-seeds: the most seeds that --until-decided adds, which is not given")
    _show_plan(experiments, chosen, results, jobs, shard=shard, as_json=as_json)


def summary(experiment: "Experiment") -> str:
    """Such as `mnist: 5 variants x 1 grid point x 10 seeds = 50 trials`."""
    points, variants, seeds = len(experiment.points), len(experiment.variants), len(experiment.seeds)
    places = len({repr(point.coordinates) for point in experiment.points})
    total = f"{plural(seeds, 'seed')} = {plural(points * seeds, 'trial')}"
    if variants * places == points:
        return f"{experiment.name}: {plural(variants, 'variant')} x {plural(places, 'grid point')} x {total}"
    return f"{experiment.name}: {plural(points, 'point')} ({plural(variants, 'variant')}) x {total}"


def note_cautions(experiments: "Sequence[Experiment]", *, smoke: bool) -> None:
    """Says what is worth knowing of the experiments' points before they are trained.

    Not of `--smoke`, which tries whether the config works: its numbers say nothing.
    """
    from bnexp.specs.experiment import cautions  # noqa: PLC0415  # pydantic: not for `--help`

    for k, experiment in enumerate(() if smoke else experiments):
        for text in cautions(experiment, beside=[*experiments[:k], *experiments[k + 1 :]]):
            note(f"caution: {text}")


def _growing(experiment: "Experiment") -> "Experiment":
    """As `--until-decided` takes it: the number of its seeds is not fixed."""
    return replace(experiment, looks=())


def _expected(experiments: "Sequence[Experiment]", results: Path, max_seeds: int | None) -> list[str]:
    """How many seeds `--until-decided` may take."""
    from bnexp.records.store import Store  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.running.until_decided import MAX_SEEDS, expected  # noqa: PLC0415  # scipy

    return [line for each in experiments for line in expected(each, Store(results), max_seeds or MAX_SEEDS)]


def _show_expected(experiments: "Sequence[Experiment]", results: Path, max_seeds: int | None, *, as_json: bool) -> None:
    lines = _expected(experiments, results, max_seeds)
    if as_json:
        print_json({"expected": lines})
    else:
        click.echo("\n".join(lines))


def _note_growing(experiments: "Sequence[Experiment]", results: Path) -> None:
    """Says where seeds were once added until all was decided: a fixed number is none any more."""
    from bnexp.records.plan import united_plan  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.records.store import Store  # noqa: PLC0415

    for each in experiments:
        if united_plan(each, Store(results).read_plan(each.name)).looks is not None:
            note(
                f"{each.name}: seeds were added here until all was decided; its report stays with the sequential rule, "
                "however many seeds follow (--name begins anew)"
            )


def _note_edited(experiments: "Sequence[Experiment]", results: Path) -> None:
    """Says where a config is not the one whose trials lie under its name: they will no longer be reported.

    And of which claims the rule comes too late.
    """
    from bnexp.records.store import Store  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.running.survey import changed_files  # noqa: PLC0415

    for experiment in experiments:
        gone = Store(results).left_behind(experiment)
        if gone and (files := changed_files(experiment, Store(results))):
            note(
                f"{experiment.name}: {', '.join(files)} changed since it was last run here: "
                f"{plural(gone, 'finished trial')} to train again (the earlier ones stay stored, out of the report; "
                "--name keeps both)"
            )
        elif gone:
            note(
                f"{experiment.name}: the config was edited since it was last run here; "
                f"{plural(gone, 'finished trial')} of the earlier form stay stored, but the report takes this one only "
                "(--name keeps both)"
            )
        if late := Store(results).united(experiment).late:
            rule = "the rule" if len(late) == 1 else "the rules"
            note(f"{experiment.name}: exploratory, since {rule} came or changed after the first trial: {listed(late)}")


def _note_left_out(experiments: "Sequence[Experiment]", chosen: "Sequence[list[PlannedTrial]]") -> None:
    """Says which of several experiments `--seeds` and `--only` leave nothing of."""
    for experiment, planned in zip(experiments, chosen, strict=True):
        if not planned:
            note(f"{experiment.name}: no trial of it matches --seeds and --only, so that it is left out")


def _watcher(verbose: bool, quiet: bool, results: Path) -> "Watcher":
    """What tells of the run: a live view on a terminal, lines elsewhere."""
    from bnexp.records.store import Store  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.running.progress import Errors, Lines  # noqa: PLC0415

    if quiet:
        return Errors(sys.stderr)
    if sys.stderr.isatty() and not verbose:
        from bnexp.running.live import LiveView  # noqa: PLC0415  # rich, only where it is seen

        return LiveView(sys.stderr)
    return Lines(sys.stderr, log=Store(results).log if verbose else None)


def _show_plan(
    experiments: "Sequence[Experiment]",
    selected: "Sequence[list[PlannedTrial]]",
    results: Path,
    jobs: Any,
    *,
    shard: str | None,
    as_json: bool,
) -> None:
    from bnexp.records.store import Store  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.running.costs import seconds_left  # noqa: PLC0415
    from bnexp.running.options import Options, Shard, workers  # noqa: PLC0415
    from bnexp.running.survey import of_shard, survey, tasks  # noqa: PLC0415

    wanted = of_shard(tasks(experiments, selected), Shard.parse(shard) if shard else None)
    whole = survey(wanted, Store(results))
    at_a_time = workers(Options(jobs=jobs), max(1, len(whole.waiting)))
    groups = {"done": whole.finished, "to_do": whole.waiting, "failed": whole.failed}
    group_of = {task.trial.identity: group for group, some in groups.items() for task in some}

    def counts(trials: "Sequence[Trial]") -> dict[str, Any]:
        found = Counter(group_of[trial.identity] for trial in trials)
        waiting = Counter(trial.spec for trial in trials if group_of[trial.identity] == "to_do")
        left = seconds_left(waiting, whole.costs.guessed, at_a_time)
        return {"trials": len(trials), **{group: found[group] for group in groups}, "seconds_left": left}

    rows = []
    for experiment, chosen in zip(experiments, selected, strict=True):
        for variant in experiment.variants:
            named = [planned.trial for planned in chosen if planned.point.variant == variant]
            if mine := [trial for trial in named if trial.identity in group_of]:
                rows.append({"experiment": experiment.name, "variant": variant, **counts(mine)})
    total = counts([task.trial for task in whole.tasks])
    left = total.pop("seconds_left")
    if as_json:
        print_json({"variants": rows, **total, "jobs": at_a_time, "seconds_left": left})
        return
    cells = [
        [
            printable(row["experiment"]),
            printable(row["variant"]),
            *(row[key] for key in total),
            "-" if not row["to_do"] else "?" if row["seconds_left"] is None else duration(row["seconds_left"]),
        ]
        for row in rows
    ]
    click.echo(table(["experiment", "variant", ">trials", ">done", ">to do", ">failed", ">time left"], cells))
    click.echo("\n{}: {done} done, {to_do} to do, {failed} failed".format(plural(total["trials"], "trial"), **total))
    if whole.waiting:
        measured = "unknown until a first trial is measured" if left is None else f"about {duration(left)}"
        if left is not None and not whole.costs.measured:
            measured += (
                ", give or take a factor of two, on two cores of an AMD EPYC, until a first trial is measured here"
            )
        click.echo(f"time left: {measured} ({at_a_time} at a time)")
    if whole.failed:
        click.echo("failed trials are skipped unless `bnexp run` is given --retry-failed")
