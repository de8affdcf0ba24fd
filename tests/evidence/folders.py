"""Results folders whose test accuracies a test states, for what compares them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from made_up import NORMS, build, record

from bnexp.records.record import TrialRecord
from bnexp.records.store import Store
from bnexp.specs.trial import Trial, TrialSpec

Change = Callable[[TrialRecord], TrialRecord]


def write(
    root: Path,
    accuracies: Mapping[str, Sequence[float]],
    *,
    change: Mapping[str, Change] | None = None,
    fates: Mapping[tuple[str, int], str] | None = None,
    name: str = "made-up",
    batch_sizes: Sequence[int] = (),
) -> Store:
    """An experiment with a variant for each key and, seed by seed, its test accuracy in per cent.

    `change` alters the records of a variant, `fates` those of a variant and seed: missing, failed, diverged, ...
    """
    seeds = max(map(len, accuracies.values()))
    faults = {(variant, 64, seed): fate for (variant, seed), fate in (fates or {}).items()}
    store, plan = build(
        root, name=name, variants=tuple(accuracies), batch_sizes=batch_sizes, seeds=seeds, faults=faults
    )
    for point in plan.points:
        for seed in point.trials:
            trial = Trial(TrialSpec.model_validate(point.spec), seed)
            if (found := store.read(trial)) is None:
                continue
            if found.test is not None:
                test = found.test.model_copy(update={"accuracy": accuracies[point.variant][seed] / 100})
                found = found.model_copy(update={"test": test})
            store.write(trial, (change or {}).get(point.variant, lambda same: same)(found))
    return store


def elsewhere(**values: Any) -> Change:
    """With other values in `environment` or, for keys of it, `execution`."""

    def change(found: TrialRecord) -> TrialRecord:
        computed = {"device", "device_name", "threads", "jobs", "deterministic", "precision", "step"} & values.keys()
        execution = found.execution | {key: values[key] for key in computed}
        environment = found.environment | {key: values[key] for key in values.keys() - computed}
        return found.model_copy(update={"execution": execution, "environment": environment})

    return change


def trial_record(variant: str = "none", seed: int = 0, fate: str = "finished", **spec: Any) -> TrialRecord:
    """One made-up record; further keys go to its spec."""
    return record(Trial(TrialSpec.model_validate({"norm": NORMS[variant], **spec}), seed), variant, fate)
