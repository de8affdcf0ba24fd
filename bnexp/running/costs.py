"""How long trials take: by what others took, or by the size of their models where nothing is measured yet."""

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from statistics import median
from typing import NamedTuple

from bnexp.records.record import TrialRecord
from bnexp.specs.datasets import ImageSet
from bnexp.specs.model import AnyModel, CnnSpec, LstmSpec, OwnModel
from bnexp.specs.trial import TrialSpec

_RECENT = 9  # measurements of one kind that count: the latest, since machine and load may have changed


class Costs:
    """Measured seconds of trials, and what they let expect of others.

    An equal spec is expected to take its own median.  Otherwise the seconds per unit of `work` are taken from trials
    with the same model and norm, else with the same model, else from any.
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

    @property
    def measured(self) -> bool:
        """Whether anything is."""
        return bool(self._rates)

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

    def guessed(self, spec: TrialSpec) -> float | None:
        """The same, or where nothing is measured yet the seconds on a reference machine; None of a user's own model."""
        seconds = self.expected(spec)
        known = spec.data.known
        if seconds is None and not self.measured and known and not isinstance(spec.model, OwnModel):
            seconds = work(spec, spec.data.train_examples(known.train))
        return seconds


def _keys(spec: TrialSpec) -> list[tuple[str, ...]]:
    return [(spec.model.name, spec.norm.name), (spec.model.name,), ()]


START, PRODUCT, NUMBER, CALL, PROBE = 0.3, 2.3e-11, 2.2e-10, 2.4e-5, 0.004
"""Seconds of `work`: of a trial; of a multiplication and of an output of a hidden layer, for one example; of a layer in
a step, whatever the batch; of a probe at a layer, each time.

Fitted to the records of `results/reference`: 90 % of their 316 points are within a factor of 2, whole configs too, but
for `online`, whose trials took three times as long.
"""


def work(spec: TrialSpec, examples: int) -> float:
    """Seconds of a trial with so many training examples, by a fit to trials on an AMD EPYC and an Intel Xeon.

    A step takes three passes through the model; what normalizes by the batch is seen under other statistics too.
    """
    known = spec.data.known
    data = known or ImageSet("", examples, examples // 6, _IMAGE, 10)
    # Of a user's own model or images nothing is known but how long other trials with them took.
    reckoned = known is not None and not isinstance(spec.model, OwnModel)
    training, size = spec.training, _size(spec.model if reckoned else CnnSpec(), data.shape if reckoned else _IMAGE)
    steps = max(1, training.length(examples)) * getattr(training.procedure, "participants", 1)
    looks, validation = len(training.evaluation_steps(examples)), spec.data.validation_examples(data.train)
    scored, calls = float(looks * validation + data.test), float(steps)
    if spec.norm.batch_dependent:
        scored += looks * 1.5 * (validation + _RECALIBRATION) + 2 * data.test
        calls += data.test / training.batch_size / 3
    passes, normalizing = 3 * steps * training.batch_size + scored, 1 + (spec.norm.name != "none")
    return (
        START
        + passes * (PRODUCT * size.products + NUMBER * size.numbers * normalizing)
        + CALL * calls * size.layers * normalizing
        + PROBE * len(spec.probes) * looks * size.layers
    )


_IMAGE = (28, 28, 1)
_RECALIBRATION = 2_000  # training images at each look


class _Size(NamedTuple):
    """Of a model, for one example."""

    products: int
    numbers: int
    layers: int
    """Operations after each other."""


def _size(model: AnyModel, image: tuple[int, int, int]) -> _Size:
    """Raises ValueError where the image is too small for the model, or does not divide."""
    if isinstance(model, LstmSpec):
        [step, state] = model.blocks(image)
        steps, units = math.prod(image) // model.downsample**2 // step.shape[0], state.shape[0]
        return _Size(steps * 4 * units * (step.shape[0] + units), steps * 8 * units, 6 * steps)
    products, inputs, channels = 0, math.prod(image), image[-1]
    blocks = model.blocks(image)
    for k, block in enumerate(blocks):
        outputs = math.prod(block.shape)
        if isinstance(model, CnnSpec) and block.kind == "conv":
            products += outputs * model.kernel_size**2 * channels
            pooled, channels = 4 if k < model.pools else 1, block.shape[-1]
        else:
            products += outputs * inputs
            pooled = 1
        inputs = outputs // pooled
    return _Size(products, sum(math.prod(block.shape) for block in blocks), len(blocks) + 1)


def seconds_left(
    waiting: Mapping[TrialSpec, int],
    expected: Callable[[TrialSpec], float | None],
    jobs: int,
    running: Iterable[float | None] = (),
) -> float | None:
    """Seconds until all is done: the work shared evenly among `jobs` workers, or the longest trial; None if unknown.

    `waiting` counts the trials of each spec that have not begun, `running` holds what each running one still needs.
    """
    each = [(expected(spec), count) for spec, count in waiting.items() if count]
    each += [(seconds, 1) for seconds in running]
    known = [(seconds, count) for seconds, count in each if seconds is not None]
    if len(known) < len(each):
        return None
    return max([sum(seconds * count for seconds, count in known) / jobs, *(seconds for seconds, _ in known)])
