"""How long trials will take, from the seconds that finished ones took.  Computes only."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from functools import partial
from statistics import median

from bnexp.records.record import TrialRecord
from bnexp.specs.trial import TrialSpec

_RECENT = 9  # measurements of one kind that count: the latest, since machine and load may have changed

_STEP_OVERHEAD = 3
"""What a step costs besides its examples, in examples: by the table of reference measurements (batch 64: 10 ms,
batch 8: 1.5 ms, batch 2: 0.6 ms) a step of n examples takes about 0.15 ms times n + 3."""


class Costs:
    """Measured seconds of trials, and what they let expect of others.

    An equal spec is expected to take its own median.  Otherwise the seconds per unit of work, the work being
    steps x (batch size + overhead), are taken from trials with the same model and norm, else with the same
    model, else from any.
    """

    def __init__(self) -> None:
        recent = partial(deque[float], maxlen=_RECENT)
        self._seconds: dict[TrialSpec, deque[float]] = defaultdict(recent)
        self._rates: dict[tuple[str, ...], deque[float]] = defaultdict(recent)
        self._examples: dict[str, int] = {}

    def learn(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Take the seconds of a finished trial into account; a diverged one ended early and says nothing."""
        if record.status != "ok" or record.seconds is None:
            return
        seconds, examples = record.seconds.total, record.train_examples
        self._seconds[spec].append(seconds)
        if examples is not None:
            self._examples[spec.data.model_dump_json()] = examples
            for key in _keys(spec):
                self._rates[key].append(seconds / work(spec, examples))

    def expected(self, spec: TrialSpec) -> float | None:
        """Seconds that a trial of this spec will take; None if nothing measured says so."""
        if spec in self._seconds:
            return median(self._seconds[spec])
        if known := spec.data.known:
            examples: int | None = spec.data.train_examples(known.train)
        else:
            examples = self._examples.get(spec.data.model_dump_json())
        rates = next((self._rates[key] for key in _keys(spec) if key in self._rates), None)
        return None if examples is None or rates is None else median(rates) * work(spec, examples)


def work(spec: TrialSpec, examples: int) -> float:
    """Size of a training in examples, with the overhead of each step."""
    training = spec.training
    return max(1, training.steps_per_epoch(examples)) * training.epochs * (training.batch_size + _STEP_OVERHEAD)


def seconds_left(
    waiting: Mapping[TrialSpec, int], costs: Costs, jobs: int, running: Iterable[float | None] = ()
) -> float | None:
    """Seconds until all is done: the work shared evenly among `jobs` workers, or the longest trial; None if unknown.

    `waiting` counts the trials of each spec that have not begun, `running` holds what each running one still needs.
    """
    each = [(costs.expected(spec), count) for spec, count in waiting.items() if count]
    each += [(seconds, 1) for seconds in running]
    known = [(seconds, count) for seconds, count in each if seconds is not None]
    if len(known) < len(each):
        return None
    return max([sum(seconds * count for seconds, count in known) / jobs, *(seconds for seconds, _ in known)])


def _keys(spec: TrialSpec) -> list[tuple[str, ...]]:
    return [(spec.model.name, spec.norm.name), (spec.model.name,), ()]
