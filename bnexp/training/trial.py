"""One trial: data, split, start, the procedure of its training, one look at the test set, record."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from bnexp.data.division import split
from bnexp.lazy import attribute
from bnexp.models.own_state import SEED_STATE
from bnexp.records.environment import peak_memory
from bnexp.records.record import Fingerprints, Parameters, Progress, TrialRecord
from bnexp.specs.trial import PROTOCOL, Trial
from bnexp.training.evaluations import Evaluations, recalibrates, test_scores
from bnexp.training.initial import fingerprint
from bnexp.training.loop import Clock, Observer, Setup, epoch_order
from bnexp.training.resources import Resources, noticed


def train_trial(
    trial: Trial,
    resources: Resources,
    progress: Callable[[Progress], None],
    observers: Sequence[Callable[[Setup], Observer]] = (),
) -> TrialRecord:
    """Train a trial; `progress` is told of each evaluation, and further observers, made for it, of every stop.

    Raises UserError where the data cannot be had or do not fit the spec.
    """
    clock, started = Clock(), datetime.now(UTC)
    training = trial.spec.training
    with clock("data"):
        data = resources.data(trial)
        parts = split(data.dataset, trial.spec.data, trial.seed)
    with clock("compile"):
        n = len(parts.train)
        if told := noticed(trial, data):
            progress(Progress(epoch=1, epochs=training.passes(n), step=0, steps=training.length(n), cautions=told))
        batches = [parts.train[:size] for size in (training.batch_size, training.smaller_batch(n)) if size]
        program, reused = resources.program(trial, data, *batches)
        first = epoch_order(parts.train, trial.seed, 0)[: training.batch_size]
        start = partial(program.reset, trial.spec, trial.seed, tf.gather(data.images, first))
        weights = start()
    cautions = [*told, *program.cautions]
    setup = Setup(trial, program, data, parts, cautions=cautions)
    with clock("evaluate"):
        setup = replace(setup, recalibrates=recalibrates(setup))
        start()  # what a user's layer drew, or counted, while it was tried
    evaluations = Evaluations(setup, progress)
    with clock("evaluate"):
        probes = {spec.name: attribute(spec.target)(spec, setup) for spec in trial.spec.probes}
    watching = [evaluations, *probes.values(), *(make(setup) for make in observers)]
    diverged_at_step = attribute(f"{training.procedure.target}:train")(setup, watching, clock)
    finished = diverged_at_step is None
    with clock("evaluate"):
        if finished and setup.recalibrates and not recalibrates(setup):  # a layer may change how it trains
            setup = replace(setup, recalibrates=False)
            evaluations.forget_recalibrated()
        test, others = test_scores(setup) if finished else (None, None)
    with clock("data"):
        fingerprints = _fingerprints(setup, weights)
    return TrialRecord(
        protocol=PROTOCOL,
        identity=trial.identity,
        spec=trial.spec.model_dump(mode="json"),
        seed=trial.seed,
        status="ok" if finished else "diverged",
        diverged_at_step=diverged_at_step,
        started=started.isoformat(timespec="seconds"),
        evaluations=tuple(evaluations.rows),
        probes={name: tuple(probe.looks) for name, probe in probes.items()},
        trained=evaluations.trained() if finished else False,
        test=test,
        other_statistics=others,
        train_examples=len(parts.train),
        validation_examples=len(parts.validation),
        parameters=Parameters(
            trainable=_count(program.model.trainable_variables),
            non_trainable=_count(one for one in program.model.non_trainable_variables if one.name != SEED_STATE),
            normalization=sum(_count(norm.parameters) for norm in program.built.norms),
        ),
        fingerprints=fingerprints,
        data_hash=data.dataset.content_hash,
        seconds=clock.seconds(),
        peak_memory_bytes=peak_memory(),
        execution={
            **resources.device,
            "precision": program.precision,
            "step": program.step,
            "compiled_model_reused": reused,
            **({"pixels": data.dataset.pixels} if data.dataset.pixels else {}),
            **({"cautions": setup.cautions} if setup.cautions else {}),
        },
        environment=resources.environment,
    )


def _fingerprints(setup: Setup, weights: dict[str, np.ndarray]) -> Fingerprints:
    """`weights`: what each of the model's variables started at, in their order."""
    built = setup.program.built
    of_norms = built.of_norms
    paths = zip(weights, built.model.variables, strict=True)
    return Fingerprints(
        weights={path: fingerprint([value]) for path, value in weights.items()},
        normalization=tuple(path for path, variable in paths if id(variable) in of_norms),
        order=fingerprint(attribute(f"{setup.trial.spec.training.procedure.target}:orders")(setup)),
        validation=fingerprint([setup.parts.validation]),
    )


def _count(variables: Iterable[keras.Variable]) -> int:
    return sum(int(np.prod(variable.shape)) for variable in variables)
