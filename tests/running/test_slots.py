"""What a slot is at, and what follows from how long it has been at it and what it has been used for."""

from ground import SPECS

from bnexp.records.record import Progress
from bnexp.running.options import Options
from bnexp.running.protocol import Command
from bnexp.running.slots import Idle, Slot, Training
from bnexp.running.survey import Task
from bnexp.specs.trial import Trial
from bnexp.specs.workers import MODELS_KEPT, model_key

PROGRESS = Progress(epoch=1, epochs=1, step=1, steps=2)


class Deaf:
    """A worker that only counts how often it is stopped."""

    stops = 0

    def say(self, command: Command) -> None:
        raise AssertionError(command)

    def stop(self) -> None:
        self.stops += 1


def task(norm: str, seed: int = 0) -> Task:
    return Task(Trial(SPECS[norm], seed), "e", norm)


def test_progress_counts_while_a_trial_is_trained_and_is_nothing_after_its_end() -> None:
    slot = Slot(Deaf())
    slot.train(task("batch"))
    assert slot.progressed(PROGRESS) == task("batch")
    assert isinstance(slot.state, Training)
    assert slot.state.progress == PROGRESS
    slot.become(Idle())
    assert slot.progressed(PROGRESS) is None


def test_what_lasts_too_long_is_stopped_until_it_ends_and_being_idle_may_last() -> None:
    worker = Deaf()
    slot = Slot(worker)
    slot.become(Idle())
    slot.stop_if_late(Options(start_timeout=-1, timeout=1e-9))
    assert (slot.late, worker.stops) == (False, 0)
    slot.train(task("none"))
    slot.stop_if_late(Options(start_timeout=-1))
    assert (slot.late, worker.stops) == (False, 0)
    for _ in range(2):
        slot.stop_if_late(Options(timeout=1e-9))
    assert (slot.late, worker.stops) == (True, 2)
    slot.become(Idle())
    assert not slot.late


def test_the_models_of_a_worker_are_those_it_used_last() -> None:
    slot = Slot(Deaf())
    for norm in ("none", "batch", "none", "layer", *["none"] * MODELS_KEPT):
        slot.train(task(norm))
    assert list(slot.models) == [model_key(SPECS[norm]) for norm in ("batch", "layer", "none")]
