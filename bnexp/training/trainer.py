"""One trial's way: data, split, initial weights, training with evaluations, one look at the test set, record."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from bnexp.data import Dataset, Split, load, split
from bnexp.errors import UserError
from bnexp.norms.own_layer import at_hand
from bnexp.records.environment import environment, peak_memory
from bnexp.records.record import (
    Brief,
    Evaluation,
    Fingerprints,
    OtherStatistics,
    Parameters,
    Progress,
    Seconds,
    Test,
    TrialRecord,
)
from bnexp.specs.datasets import ImageSet
from bnexp.specs.norms.own import OwnNorm
from bnexp.specs.trial import PROTOCOL, Trial, TrialSpec, cautions, problems
from bnexp.specs.values import canonical
from bnexp.training.device import configure
from bnexp.training.initial import fingerprint
from bnexp.training.order import batches, epoch_order, order_fingerprint
from bnexp.training.program import Program, Scores
from bnexp.training.statistics import RECALIBRATION_EXAMPLES
from bnexp.training.ways import GRAPH, Way, way

_PROGRAMS_KEPT = 4
"""Compiled models that a worker keeps; each holds some 40 MB."""


class Trainer:
    """Trains trials one after the other in this process, which it configures for one device.

    Datasets and compiled models are kept from trial to trial; they change no result.
    """

    def __init__(self, device: str = "auto", threads: int = 1, data_folder: Path | None = None) -> None:
        self._device = configure(device, threads)
        self._data_folder = data_folder
        self._environment = environment()
        self._data: tuple[str, _Resident] | None = None
        self._programs: dict[str, Program] = {}

    def describe(self) -> dict[str, Any]:
        """The device, its name, threads and determinism, as the record keeps them."""
        return dict(self._device)

    def __call__(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        """Train a trial; `progress` is told of each evaluation.

        Raises UserError where the data cannot be had or do not fit the spec.
        """
        clock, started = _Clock(), datetime.now(UTC)
        with clock("data"):
            data = self._resident(trial)
            sizes = _check_fit(trial.spec, data.dataset)
            parts = split(data.dataset, trial.spec.data, trial.seed)
        cautioned = _cautions(trial.spec, sizes, data.dataset.cautions)
        if cautioned:
            training = trial.spec.training
            total = training.steps_per_epoch(len(parts.train)) * training.epochs
            progress(Progress(epoch=1, epochs=training.epochs, step=0, steps=total, cautions=cautioned))
        with clock("compile"):
            steps = trial.spec.training.evaluation_steps(len(parts.train))[-1]
            chosen = way(trial.spec.training.batch_size, steps, self._device["device"])
            program, reused = self._compiled(trial, data, parts.train[: trial.spec.training.batch_size], chosen)
            first = epoch_order(parts.train, trial.seed, 0)[: trial.spec.training.batch_size]
            weights = program.reset(trial.spec, trial.seed, tf.gather(data.images, first))
        run = _Run(trial, program, data, parts, clock, progress)
        run.train()
        finished = run.diverged_at_step is None
        with clock("evaluate"):
            test, others = _final(trial, program, data, parts) if finished else (None, None)
        with clock("data"):
            fingerprints = _fingerprints(trial, parts, weights)
        return TrialRecord(
            protocol=PROTOCOL,
            identity=trial.identity,
            spec=trial.spec.model_dump(mode="json"),
            seed=trial.seed,
            status="ok" if finished else "diverged",
            diverged_at_step=run.diverged_at_step,
            started=started.isoformat(timespec="seconds"),
            evaluations=tuple(run.evaluations),
            test=test,
            other_statistics=others,
            train_examples=len(parts.train),
            validation_examples=len(parts.validation),
            parameters=_parameters(program),
            fingerprints=fingerprints,
            data_hash=data.dataset.content_hash,
            seconds=clock.seconds(),
            peak_memory_bytes=peak_memory(),
            execution={
                **self._device,
                "precision": program.precision,
                "step": chosen.step,
                "compiled_model_reused": reused,
                **({"pixels": data.dataset.pixels} if data.dataset.pixels else {}),
                **({"cautions": cautioned} if cautioned else {}),
            },
            environment=self._environment,
        )

    def check(self, trial: Trial) -> None:
        """Build the trial's model and use it once; raises UserError where a user's own layer cannot work in it."""
        data = self._resident(trial)
        _check_fit(trial.spec, data.dataset)
        batch = np.arange(min(trial.spec.training.batch_size, len(data.dataset.train_labels)))
        program, _ = self._compiled(trial, data, batch, GRAPH)
        if program.batch_dependent:
            with at_hand(trial.spec.norm, trial.search_path):
                program.evaluate_with_batch_statistics(data.images, data.labels, batch, len(batch))
                program.recalibrate(data.images, batch)

    def _compiled(self, trial: Trial, data: "_Resident", batch: np.ndarray, chosen: Way) -> tuple[Program, bool]:
        """The program of a trial, compiled, and whether it served an earlier one."""
        with at_hand(trial.spec.norm, trial.search_path):
            program, reused = self._program(trial, data, chosen)
            program.compile(data.images, data.labels, batch)
        return program, reused

    def _resident(self, trial: Trial) -> "_Resident":
        """The trial's dataset on the device; the one of the trial before, if it is the same."""
        spec = trial.spec.data
        key = json.dumps([spec.name, spec.source, trial.search_path])
        if self._data is None or self._data[0] != key:
            self._data = None  # let go of the old one before the new one is read
            dataset = load(spec, folder=self._data_folder, search_path=trial.search_path)
            self._data = key, _Resident.of(dataset)
        return self._data[1]

    def _program(self, trial: Trial, data: "_Resident", chosen: Way) -> tuple[Program, bool]:
        """The compiled model for this spec and shape of data, and whether it served an earlier trial."""
        spec = trial.spec
        image, classes = data.dataset.train_images.shape[1:], data.dataset.classes
        folders = trial.search_path if isinstance(spec.norm, OwnNorm) else ()
        key = json.dumps([_shape_of(spec), image, classes, data.images.dtype.name, folders, chosen], sort_keys=True)
        if reused := key in self._programs:
            self._programs[key] = self._programs.pop(key)  # the last used are kept
        else:
            while len(self._programs) >= _PROGRAMS_KEPT:
                del self._programs[next(iter(self._programs))]
            self._programs[key] = Program(spec, image, classes, data.images.dtype, chosen)
        return self._programs[key], reused


@dataclass(frozen=True)
class _Resident:
    """A dataset with its tensors on the device."""

    dataset: Dataset
    images: tf.Tensor
    labels: tf.Tensor

    @classmethod
    def of(cls, dataset: Dataset) -> "_Resident":
        images = tf.constant(dataset.train_images)
        if "CPU" in images.device:
            # One copy for both: the array is a view of the tensor's memory.
            dataset = replace(dataset, train_images=np.asarray(memoryview(images)))
        return cls(dataset, images, tf.constant(dataset.train_labels, tf.int32))


class _Clock:
    """Adds up wall-clock seconds of the parts of a trial."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.parts = {"data": 0.0, "compile": 0.0, "train": 0.0, "evaluate": 0.0}
        self._part = ""
        self._since = 0.0

    def __call__(self, part: Literal["data", "compile", "train", "evaluate"]) -> "_Clock":
        self._part = part
        return self

    def __enter__(self) -> None:
        self._since = time.perf_counter()

    def __exit__(self, *exception: object) -> None:
        self.parts[self._part] += time.perf_counter() - self._since

    def seconds(self) -> Seconds:
        return Seconds(**self.parts, total=time.perf_counter() - self._began)


@dataclass
class _Run:
    """The training proper: stretches of steps, each ended by an evaluation."""

    trial: Trial
    program: Program
    data: _Resident
    parts: Split
    clock: _Clock
    progress: Callable[[Progress], None]
    evaluations: list[Evaluation] = field(default_factory=list)
    diverged_at_step: int | None = None

    def train(self) -> None:
        """Train from evaluation to evaluation until the last, or until the loss is no longer finite."""
        training = self.trial.spec.training
        per_epoch = training.steps_per_epoch(len(self.parts.train))
        step, order = 0, np.empty(0, np.int32)
        for until in training.evaluation_steps(len(self.parts.train)):
            epoch, first = divmod(step, per_epoch)
            if first == 0:
                order = epoch_order(self.parts.train, self.trial.seed, epoch)
            done = self._stretch(order, step, first, first + until - step)
            self._evaluate(*done)
            if self.diverged_at_step is not None:
                return
            step = until
            accuracy = self.evaluations[-1].validation_accuracy
            self.progress(
                Progress(
                    epoch=epoch + 1,
                    epochs=training.epochs,
                    step=step,
                    steps=per_epoch * training.epochs,
                    validation_accuracy=accuracy,
                )
            )

    def _stretch(self, order: np.ndarray, step: int, first: int, last: int) -> tuple[int, int, float, int]:
        """Train steps `first` to `last` of an epoch; the steps done in all, and examples, loss and hits of these."""
        examples, loss_sum, correct = 0, 0.0, 0
        with self.clock("train"):
            for batch in batches(order, self.trial.spec.training.batch_size, first, last):
                done = self.program.train(self.data.images, self.data.labels, batch)
                step += done.steps
                examples += done.steps * batch.shape[1]
                loss_sum += done.loss_sum
                correct += done.correct
                if not done.finite:
                    self.diverged_at_step = step
                    break
        if self.diverged_at_step is None and not self.program.finite():
            self.diverged_at_step = step  # the last update itself overflowed
        return step, examples, loss_sum, correct

    def _evaluate(self, step: int, examples: int, loss_sum: float, correct: int) -> None:
        with self.clock("evaluate"):
            scores = None
            if len(self.parts.validation):
                scores = self.program.evaluate(self.data.images, self.data.labels, self.parts.validation)
        seen = examples + (self.evaluations[-1].examples if self.evaluations else 0)
        self.evaluations.append(
            Evaluation(
                step=step,
                examples=seen,
                epoch=seen / self.trial.spec.training.examples_per_epoch(len(self.parts.train)),
                seconds=self.clock.parts["train"],
                train_loss=_finite(loss_sum / examples),
                train_accuracy=correct / examples,
                validation_loss=_finite(scores.loss) if scores else None,
                validation_accuracy=_share(scores) if scores else None,
            )
        )


def _final(trial: Trial, program: Program, data: _Resident, parts: Split) -> tuple[Test, OtherStatistics | None]:
    """The one look at the test set; its images are on the device only for this moment."""
    dataset = data.dataset
    images, labels = tf.constant(dataset.test_images), tf.constant(dataset.test_labels, tf.int32)
    everything = np.arange(len(dataset.test_labels))
    test = _test(dataset, program.evaluate(images, labels, everything))
    if not program.batch_dependent:
        return test, None
    batch_size = trial.spec.training.batch_size
    within_batch = program.evaluate_with_batch_statistics(images, labels, everything, batch_size)
    some = epoch_order(parts.train, trial.seed, 0)[:RECALIBRATION_EXAMPLES]
    program.recalibrate(data.images, some)
    recalibrated = program.evaluate(images, labels, everything)
    return test, OtherStatistics(
        batch=_brief(within_batch), recalibrated=_brief(recalibrated), recalibration_examples=len(some)
    )


def _test(dataset: Dataset, scores: Scores) -> Test:
    per_class = np.bincount(dataset.test_labels, minlength=dataset.classes)
    correct = np.bincount(dataset.test_labels[scores.correct], minlength=dataset.classes)
    return Test(
        examples=len(dataset.test_labels),
        loss=_finite(scores.loss),
        accuracy=_share(scores),
        examples_per_class=tuple(map(int, per_class)),
        correct_per_class=tuple(map(int, correct)),
        missed=tuple(map(int, np.flatnonzero(~scores.correct))),
    )


def _brief(scores: Scores) -> Brief:
    return Brief(loss=_finite(scores.loss), accuracy=_share(scores))


def _fingerprints(trial: Trial, parts: Split, weights: dict[str, np.ndarray]) -> Fingerprints:
    return Fingerprints(
        weights={path: fingerprint(value) for path, value in weights.items()},
        normalization=tuple(path for path in weights if path.rpartition("/")[0].endswith("_norm")),
        order=order_fingerprint(parts.train, trial.seed, trial.spec.training.epochs),
        validation=fingerprint(parts.validation),
    )


def _parameters(program: Program) -> Parameters:
    model = program.model
    normalization = [layer for layer in model.layers if layer.name.endswith("_norm")]
    gains = [variable for variable in model.trainable_variables if variable.path.endswith("/gain")]  # weight norm's
    return Parameters(
        trainable=_count(model.trainable_variables),
        non_trainable=_count(variable for variable in model.non_trainable_variables if "seed" not in variable.path),
        normalization=sum(_count(layer.trainable_variables) for layer in normalization) + _count(gains),
    )


def _count(variables: Any) -> int:
    return sum(int(np.prod(variable.shape)) for variable in variables)


def _shape_of(spec: TrialSpec) -> dict[str, Any]:
    """The part of a spec that a compiled model depends on: not the data, the learning rate or the length."""
    optimizer = {**canonical(spec.training.optimizer), "learning_rate": None}
    return {"model": canonical(spec.model), "norm": canonical(spec.norm), "optimizer": optimizer}


def _check_fit(spec: TrialSpec, dataset: Dataset) -> ImageSet:
    """The sizes of a dataset; UserError where a user's own, known only now, does not fit the spec."""
    height, width, channels = dataset.train_images.shape[1:]
    sizes = ImageSet(
        dataset.name,
        len(dataset.train_labels),
        len(dataset.test_labels),
        (height, width, channels),
        dataset.classes,
    )
    if found := problems(spec, sizes):
        raise UserError("\n".join(f"{'.'.join(problem.path)}: {problem.message}" for problem in found))
    return sizes


def _cautions(spec: TrialSpec, sizes: ImageSet, of_data: tuple[str, ...]) -> tuple[str, ...]:
    """What is known since the data were loaded, and may surprise."""
    before = cautions(spec)
    return of_data + tuple(f"norm {spec.norm.name}: {text}" for text in cautions(spec, sizes) if text not in before)


def _share(scores: Scores) -> float:
    return float(np.mean(scores.correct))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
