"""`bnexp status`, `show` and `logs`: what a results folder holds."""

from collections import Counter, deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bnexp.cli import options
from bnexp.cli.text import print_json, table
from bnexp.errors import UserError

if TYPE_CHECKING:
    from bnexp.records.plan import StoredPlan
    from bnexp.records.record import TrialRecord
    from bnexp.records.store import Store


@dataclass(frozen=True)
class Standing:
    """Counts of an experiment's trials."""

    experiment: str
    variants: int
    seeds: int
    trials: int
    ok: int
    diverged: int
    failed: int
    missing: int
    latest: str | None
    """Start of the trial that was started last, UTC."""

    @property
    def complete(self) -> bool:
        """Whether every trial has a result."""
        return not (self.failed or self.missing)


@click.command()
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT...]")
@options.results
@options.as_json
def status(experiments: tuple[str, ...], results: Path, as_json: bool) -> None:
    """Print how complete each stored experiment is.

    \b
    Example:
      bnexp status
    """
    from bnexp.records.find import plans  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.records.store import Store  # noqa: PLC0415
    from bnexp.running.progress import printable  # noqa: PLC0415

    store = Store(results)
    found = [standing(store, plan) for plan in plans(store, experiments)]
    if as_json:
        print_json([{**asdict(each), "complete": each.complete} for each in found])
        return
    header = ["experiment", ">variants", ">seeds", ">trials", ">ok", ">diverged", ">failed", ">missing", "latest start"]
    rows = [
        [printable(s.experiment), s.variants, s.seeds, s.trials, s.ok, s.diverged, s.failed, s.missing, s.latest or "-"]
        for s in found
    ]
    click.echo(table(header, rows))


def standing(store: "Store", plan: "StoredPlan") -> Standing:
    """How far an experiment is; raises UserError at a record that cannot be read."""
    counts: Counter[str] = Counter()
    latest: str | None = None
    for point in plan.points:
        for folder in point.trials.values():
            record = store.read_folder(folder)
            if record is None:
                counts["missing"] += 1
                continue
            counts[record.status] += 1
            latest = max(latest or "", record.started)
    return Standing(
        experiment=plan.name,
        variants=len(plan.variants),
        seeds=len(plan.seeds),
        trials=counts.total(),
        ok=counts["ok"],
        diverged=counts["diverged"],
        failed=counts["failed"],
        missing=counts["missing"],
        latest=latest,
    )


@click.command()
@click.argument("trial")
@options.results
@options.as_json
def show(trial: str, results: Path, as_json: bool) -> None:
    """Print the record of one trial.

    TRIAL is the name of its folder, its first characters, or those of its identity (the digits at the end).

    \b
    Example:
      bnexp show mnist-cnn-batch-b64-s0
    """
    from bnexp.records.find import find, record  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.records.store import Store  # noqa: PLC0415

    folder = find(Store(results), trial)
    found = record(folder)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        click.echo(record_text(folder, found))


@click.command()
@click.argument("trial")
@click.option("-n", "--tail", type=click.IntRange(0), help="Only the last so many lines.")
@options.results
def logs(trial: str, tail: int | None, results: Path) -> None:
    """Print what the worker printed while it trained one trial.

    TRIAL is as for `bnexp show`. For a failed trial, look here first.

    \b
    Example:
      bnexp logs mnist-cnn-batch-b64-s0 --tail 20
    """
    from bnexp.records.find import find  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.records.store import Store  # noqa: PLC0415

    folder = find(Store(results), trial)
    try:
        with (folder / "run.log").open(encoding="utf-8", errors="replace") as file:
            for line in file if tail is None else deque(file, maxlen=tail):
                click.echo(line, nl=False)
    except FileNotFoundError:
        raise UserError(f"{folder}: there is no run.log; only the record was kept") from None


def record_text(folder: Path, record: "TrialRecord") -> str:
    """A record for people: what it was, how it went, what it took, where it ran."""
    parts = [
        [f"{folder.name}: {record.status}"],
        _facts("trial", _trial_facts(record)),
        _facts("spec", _flat(record.spec)),
        _evaluations(record),
        _facts("test", _test_facts(record)),
        _failure(record),
        _facts(
            "seconds",
            {key: f"{value:.2f}" for key, value in (record.seconds.model_dump() if record.seconds else {}).items()},
        ),
        _facts("execution", _flat(record.execution)),
        _facts("environment", _flat(record.environment)),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _trial_facts(record: "TrialRecord") -> dict[str, str]:
    facts = {"identity": record.identity, "seed": str(record.seed), "started": record.started}
    if record.diverged_at_step is not None:
        facts["diverged at step"] = f"{record.diverged_at_step:,}"
    if record.train_examples is not None:
        facts["examples"] = (
            f"{record.train_examples:,} for training, {record.validation_examples or 0:,} for validation"
        )
    if record.parameters:
        facts["parameters"] = (
            f"{record.parameters.trainable:,} trainable ({record.parameters.normalization:,} of normalization), "
            f"{record.parameters.non_trainable:,} others"
        )
    if record.data_hash:
        facts["data"] = f"SHA-256 {record.data_hash}"
    if record.fingerprints:
        facts["data order"] = record.fingerprints.order
        facts["initial weights"] = ", ".join(f"{path} {digest}" for path, digest in record.fingerprints.weights.items())
    if record.peak_memory_bytes:
        facts["peak memory"] = f"{record.peak_memory_bytes / 1e6:,.0f} MB"
    return facts


def _test_facts(record: "TrialRecord") -> dict[str, str]:
    if record.test is None:
        return {}
    facts = {
        "accuracy": f"{_percent(record.test.accuracy)} of {record.test.examples:,} images",
        "missed": f"{len(record.test.missed):,} images",
        "loss": f"{_number(record.test.loss)} nats",
    }
    if other := record.other_statistics:
        facts["with batch statistics"] = f"{_percent(other.batch.accuracy)}, {_number(other.batch.loss)} nats"
        facts["recalibrated"] = (
            f"{_percent(other.recalibrated.accuracy)}, {_number(other.recalibrated.loss)} nats "
            f"(over {other.recalibration_examples:,} training images)"
        )
    per_class = zip(record.test.correct_per_class, record.test.examples_per_class, strict=True)
    facts["by class"] = ", ".join(f"{label}: {right}/{count}" for label, (right, count) in enumerate(per_class))
    return facts


def _evaluations(record: "TrialRecord") -> list[str]:
    if not record.evaluations:
        return []
    header = [">step", ">examples", ">epoch", ">seconds", ">train loss", ">train acc.", ">valid. loss", ">valid. acc."]
    rows = [
        [
            f"{each.step:,}",
            f"{each.examples:,}",
            f"{each.epoch:.2f}",
            f"{each.seconds:.2f}",
            _number(each.train_loss),
            _percent(each.train_accuracy),
            _number(each.validation_loss),
            _percent(each.validation_accuracy),
        ]
        for each in record.evaluations
    ]
    return ["evaluations", table(header, rows, indent="  ")]


def _failure(record: "TrialRecord") -> list[str]:
    if record.failure is None:
        return []
    return [f"failure: {record.failure.kind}: {record.failure.message}", *record.failure.traceback.splitlines()]


def _facts(title: str, facts: dict[str, str]) -> list[str]:
    width = max(map(len, facts), default=0)
    return [title, *(f"  {key:{width}}  {value}" for key, value in facts.items())] if facts else []


def _flat(tree: dict[str, object], prefix: str = "") -> dict[str, str]:
    """Nested keys as dotted ones, with their values as text."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = "null" if value is None else str(value)
    return flat


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.2f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
