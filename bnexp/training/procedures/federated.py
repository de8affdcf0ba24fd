"""Federated averaging on one machine: clients train one after another, in the graph that central training has.

McMahan et al. 2017, https://arxiv.org/abs/1602.05629, algorithm 1, with clients of one size, so that the mean over them
is not weighted.  What is averaged are all floating-point variables of the model, moving averages among them (which
`batch_statistics` may change); the optimizer of each client goes on where it was in its last round.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from bnexp.data import shuffle
from bnexp.errors import UserError
from bnexp.specs.procedure import Federated
from bnexp.specs.trial import stream
from bnexp.training.evaluations import sample
from bnexp.training.loop import Clock, Observer, Setup, batches, epoch_order, learning_rates, stop
from bnexp.training.program import Program, State, Stretch
from bnexp.training.statistics import EVALUATED_RECALIBRATION


def train(setup: Setup, observers: Sequence[Observer], clock: Clock) -> int | None:
    """Train for all rounds, or to the step, which is returned, at which a client, or the mean, diverged.

    Steps are those of one client; observers are told after each round.
    """
    program, training, procedure = setup.program, setup.trial.spec.training, _procedure(setup)
    n, rates = len(setup.parts.train), learning_rates(setup)
    per_round, evaluations = training.steps_per_round(n), training.evaluation_steps(n)
    clients, common = shards(setup), program.state()
    recalibrates = procedure.batch_statistics == "recalibrate" and program.batch_dependent
    if recalibrates and not setup.recalibrates:
        raise UserError(
            f"training.procedure.batch_statistics: recalibrate: {setup.cautions[-1]}; `average` takes them as they are"
        )
    own = dict.fromkeys(range(procedure.clients), common)
    if any(0 in observer.steps for observer in observers):
        stop(observers, clock, 0, [], diverged=False)
    for number in range(procedure.rounds):
        step, done = number * per_round, list[Stretch]()
        ends: list[State] = []
        for client in participants(procedure, setup.trial.seed, number):
            at = step
            with clock("train"):
                program.set_state(_start(program, common, own[client], procedure))
                for order in _batches(setup, clients[client], client, number):
                    now = None if rates is None else rates[at : at + len(order)]
                    done.append(program.train(setup.data.images, setup.data.labels, order, now))
                    at += done[-1].steps
                    if not done[-1].finite:
                        break
                own[client] = program.state()
                ends.append(own[client])
            if not done[-1].finite:
                return stop(observers, clock, at, done, diverged=True)
        with clock("train"):
            common = _mean(ends)
            program.set_state(common)
            if recalibrates:
                program.recalibrate(setup.data.images, sample(setup, EVALUATED_RECALIBRATION))
                common = program.state()
        until = step + per_round
        diverged = until in evaluations and not program.finite()
        if stop(observers, clock, until, done, diverged=diverged) is not None:
            return until
    return None


def orders(setup: Setup) -> Iterator[np.ndarray]:
    """The training examples in the order of all passes, round by round, client by client."""
    clients, procedure = shards(setup), _procedure(setup)
    for number in range(procedure.rounds):
        for client in participants(procedure, setup.trial.seed, number):
            yield from _passes(setup, clients[client], client, number)


def shards(setup: Setup) -> list[np.ndarray]:
    """The training examples of each client, ascending indices, all of one size; drawn from the seed of the trial."""
    procedure, seed = _procedure(setup), setup.trial.seed
    examples, pieces = setup.parts.train, procedure.clients * procedure.pieces
    size = len(examples) // pieces
    drawn = shuffle.order(len(examples), stream(seed, "shards", "examples"))
    if procedure.shards != "iid":
        labels = setup.data.dataset.train_labels[examples]
        drawn = drawn[np.argsort(labels[drawn], kind="stable")]
    dealt = shuffle.order(pieces, stream(seed, "shards", "pieces")).reshape(procedure.clients, -1)
    cut = examples[drawn[: pieces * size]].reshape(pieces, size)
    return [np.sort(cut[mine].ravel()) for mine in dealt]


def participants(procedure: Federated, seed: int, number: int) -> list[int]:
    """The clients that train in a round, ascending."""
    if procedure.participants == procedure.clients:
        return list(range(procedure.clients))
    drawn = shuffle.order(procedure.clients, stream(seed, "clients", number))[: procedure.participants]
    return sorted(drawn.tolist())


def _procedure(setup: Setup) -> Federated:
    procedure = setup.trial.spec.training.procedure
    assert isinstance(procedure, Federated)
    return procedure


def _passes(setup: Setup, indices: np.ndarray, client: int, number: int) -> Iterator[np.ndarray]:
    """The examples of a client in the order of each of its passes in a round; those of the first are central ones."""
    local, seed = _procedure(setup).local_epochs, setup.trial.seed
    for epoch in range(number * local, (number + 1) * local):
        yield epoch_order(indices, seed, epoch, *([client] if client else []))


def _batches(setup: Setup, indices: np.ndarray, client: int, number: int) -> Iterator[np.ndarray]:
    """The batches of a client in a round, as arrays (steps, batch)."""
    training = setup.trial.spec.training
    for ordered in _passes(setup, indices, client, number):
        yield from batches(ordered, training.batch_size, 0, training.steps_per_epoch(len(ordered)))


def _start(program: Program, common: State, own: State, procedure: Federated) -> State:
    """What a client begins a round with: the common weights, its own optimizer and perhaps its own moving averages."""
    model = common.model
    if procedure.batch_statistics == "local":
        pairs = zip(common.model, own.model, program.model.variables, strict=True)
        model = [one if variable.trainable else mine for one, mine, variable in pairs]
    return State(model, own.optimizer)


def _mean(ends: Sequence[State]) -> State:
    """The mean of the models; whole numbers, which count or are the state of random layers, are those of the last."""
    models = zip(*(end.model for end in ends), strict=True)
    mean = [
        np.mean(values, axis=0, dtype=np.float64).astype(values[0].dtype) if values[0].dtype.kind == "f" else values[-1]
        for values in models
    ]
    return State(mean, ends[-1].optimizer)
