"""How long trials will take, from the seconds that finished ones took.  Computes only."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from statistics import median

from bnexp.records.record import TrialRecord
from bnexp.specs.trial import TrialSpec

_RECENT = 9
"""Measurements of one kind that count: the latest, since machine and load may have changed."""

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
        self._exact: dict[TrialSpec, deque[float]] = defaultdict(_recent)
        self._rates: dict[tuple[str, ...], deque[float]] = defaultdict(_recent)
        self._examples: dict[str, int] = {}

    def add(self, spec: TrialSpec, examples: int | None, seconds: float) -> None:
        """A trial of this spec, with so many training examples if known, took so many seconds."""
        self._exact[spec].append(seconds)
        if examples is None:
            return
        self._examples[spec.data.model_dump_json()] = examples
        for key in _keys(spec):
            self._rates[key].append(seconds / work(spec, examples))

    def learn(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Take the seconds of a finished trial into account; a diverged one ended early and says nothing."""
        if record.status == "ok" and record.seconds is not None:
            self.add(spec, record.train_examples, record.seconds.total)

    def expected(self, spec: TrialSpec) -> float | None:
        """Seconds that a trial of this spec will take; None if nothing measured says so."""
        if spec in self._exact:
            return median(self._exact[spec])
        examples = self._train_examples(spec)
        if examples is None:
            return None
        for key in _keys(spec):
            if key in self._rates:
                return median(self._rates[key]) * work(spec, examples)
        return None

    def _train_examples(self, spec: TrialSpec) -> int | None:
        if known := spec.data.known:
            return spec.data.train_examples(known.train)
        return self._examples.get(spec.data.model_dump_json())


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
    total, longest = 0.0, 0.0
    each = [(costs.expected(spec), count) for spec, count in waiting.items() if count]
    each += [(seconds, 1) for seconds in running]
    for seconds, count in each:
        if seconds is None:
            return None
        total += seconds * count
        longest = max(longest, seconds)
    return max(total / jobs, longest)


def _recent() -> deque[float]:
    return deque(maxlen=_RECENT)


def _keys(spec: TrialSpec) -> list[tuple[str, ...]]:
    return [(spec.model.name, spec.norm.name), (spec.model.name,), ()]
