"""Runs over a real Dask scheduler and worker processes: the same records, and what is lost is trained again."""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ground import SPECS, Ground, alive, children, experiment, texts

from bnexp.errors import UserError
from bnexp.records.record import TrialRecord
from bnexp.running.options import Device, Options
from bnexp.running.pool import Worker
from bnexp.running.progress import State, Watcher
from bnexp.running.protocol import Begun, Ready, Train, Trained
from bnexp.running.survey import Task
from bnexp.specs.trial import Trial

distributed = pytest.importorskip("distributed", reason="the extra `dask` is not installed")

Until = Callable[[Callable[[], bool], float], float]


@pytest.fixture
def cluster(ground: Ground) -> Iterator[Any]:
    """A scheduler and three worker processes of one thread; they inherit what `ground` has set."""
    with distributed.LocalCluster(
        n_workers=3,
        threads_per_worker=1,
        memory_limit=0,
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster


def on(cluster: Any) -> dict[str, str]:
    """The options of a run on the cluster."""
    return {"engine": "dask", "scheduler": cluster.scheduler_address}


@pytest.fixture
def soon_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler that has gone is waited for for 4 s, not 20."""
    monkeypatch.setattr("bnexp.running.dask_engine.CONNECT_SECONDS", 4)


class Killer(Watcher):
    """Kills the Dask worker whose own worker process hangs, once."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.killed = False
        self.lost_labels: list[str] = []

    def tick(self, state: State) -> None:
        for pid in self.ground.hanging() if not self.killed else ():
            self.killed = True
            dask_worker = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
            os.kill(int(dask_worker), signal.SIGKILL)

    def lost(self, task: Task, message: str) -> None:
        self.lost_labels.append(task.label)


def test_a_dask_worker_killed_in_mid_trial_changes_no_record(ground: Ground, cluster: Any, tmp_path: Path) -> None:
    """Byte for byte what the local engine gives, but for times; and the same logs."""
    tiny = experiment(range(6), ["none", "batch"])
    ground.behave(**{"none:1": "sleep_once"})
    watch = Killer(ground)
    outcome, _ = ground.run(tiny, **on(cluster), jobs="auto", watch=watch)
    assert watch.lost_labels == ["tiny none seed 1"]
    assert (outcome.trained, outcome.failed, outcome.exit_code) == (12, 0, 0)
    local = Ground(tmp_path / "local")
    local.run(tiny, jobs=2)
    assert texts(ground.store.root) == texts(local.store.root)
    for seed in range(6):
        trial = Trial(SPECS["none"], seed)
        assert ground.store.log(trial).read_text() == local.store.log(trial).read_text()


@pytest.mark.slow
def test_a_trial_that_ends_its_worker_each_time_fails_after_its_retries(ground: Ground, cluster: Any) -> None:
    ground.behave(s1="kill")
    outcome, said = ground.run(experiment(range(3)), **on(cluster), jobs="auto")
    assert (outcome.trained, outcome.failed, outcome.exit_code) == (2, 1, 3)
    assert len(ground.trainers()[1]) == 3
    failure = ground.failure(1)
    assert (failure.kind, failure.message) == ("signal", "the worker ended: killed by SIGKILL")
    assert failure.traceback.splitlines()[-1] == "about to be killed"
    assert said.count("retrying") == 2


@pytest.mark.slow
def test_a_trial_that_hangs_is_ended_there_too(ground: Ground, cluster: Any, until: Until) -> None:
    ground.behave(s0="hang")
    outcome, _ = ground.run(experiment(range(3)), **on(cluster), jobs="auto", timeout=1.0)
    assert (outcome.trained, outcome.failed) == (2, 1)
    assert ground.failure(0).kind == "timeout"
    until(lambda: not any(map(alive, ground.hanging())), 20)


def test_an_interruption_leaves_no_process_on_the_machines(ground: Ground, cluster: Any, until: Until) -> None:
    class CtrlC(Watcher):
        def tick(self, state: State) -> None:
            if len(state.running) == 3:
                until(lambda: len(ground.trainers()) == 3, 20)
                signal.raise_signal(signal.SIGINT)

    ground.behave(s0="hang", s1="hang", s2="hang")
    outcome, _ = ground.run(experiment(range(6)), **on(cluster), jobs="auto", watch=CtrlC())
    assert (outcome.interrupted, outcome.trained, outcome.left) == (signal.SIGINT, 0, 6)
    trainers = [pid for pids in ground.trainers().values() for pid in pids]
    assert len(trainers) == 3
    until(lambda: not any(map(alive, trainers)), 20)


@pytest.mark.slow
def test_a_lost_scheduler_ends_the_run_and_the_same_command_goes_on(ground, cluster, soon_given_up):
    class Close(Watcher):
        def finished(self, task: Task, record: TrialRecord, state: State) -> None:
            if state.done == 2:
                cluster.close(timeout=5)

    with pytest.raises(UserError, match="does not answer any more; every finished trial is kept"):
        ground.run(experiment(range(8)), **on(cluster), jobs=1, watch=Close())
    kept = ground.statuses()
    assert 2 <= len(kept) < 8
    outcome, _ = ground.run(experiment(range(8)))
    assert (outcome.skipped, outcome.trained) == (len(kept), 8 - len(kept))


@pytest.mark.slow
def test_without_an_address_a_cluster_of_this_machine_is_started(ground: Ground) -> None:
    outcome, _ = ground.run(experiment(range(3)), engine="dask", jobs=2)
    assert (outcome.trained, outcome.exit_code) == (3, 0)
    assert [ground.record(seed).execution["jobs"] for seed in range(3)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("options", "patched", "reason"),
    [
        ({"scheduler": "tcp://127.0.0.1:9"}, ("CONNECT_SECONDS", 1), r"127\.0\.0\.1:9: no Dask scheduler answers"),
        ({}, ("__version__", "0.0.1"), r"a Dask worker has bnexp .*, this process 0\.0\.1"),
        ({"trainer": "no_such_module:Trainer"}, (), r"(?s)no trial can be trained: .*No module named 'no_such_module'"),
        ({"device": "gpu", "start_timeout": 1}, (), r"has had no workers with the resource GPU for 1\.0 s"),
    ],
    ids=["nobody there", "another version", "no trainer", "no worker with a GPU"],
)
def test_a_cluster_that_cannot_train_ends_the_run_with_the_reason(
    ground: Ground, cluster: Any, monkeypatch: pytest.MonkeyPatch, *, options: dict[str, Any], patched: Any, reason: str
) -> None:
    if patched:
        monkeypatch.setattr(f"bnexp.running.dask_engine.{patched[0]}", patched[1])
    with pytest.raises(UserError, match=reason):
        ground.run(experiment(range(2)), **{**on(cluster), **options})
    assert ground.statuses() == {}


def test_gpu_trials_go_to_workers_that_offer_one(ground: Ground) -> None:
    """As far as the trainer there, which finds none: here is no GPU."""
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, memory_limit=0, dashboard_address="127.0.0.1:0", resources={"GPU": 1}
        ) as cluster,
        pytest.raises(UserError, match=r"--device gpu: there is no GPU here"),
    ):
        ground.run(experiment(range(2)), **on(cluster), device="gpu")


def test_a_process_that_was_ended_for_being_idle_is_started_anew(ground, monkeypatch, until):
    """In this process, as a Dask worker would do it: no trial is lost by it, whatever its retries."""
    from bnexp.running import dask_node  # noqa: PLC0415  # beside its only use

    monkeypatch.setattr(dask_node, "IDLE_SECONDS", 0.2)
    said: list[Any] = []
    make = partial(Worker, Options(trainer="fake_trainer:Trainer"), Device("cpu"))
    before = set(children())
    assert isinstance(dask_node.ask("one", None, make), Ready)
    until(lambda: set(children()) == before, 10)
    train = Train(Trial(SPECS["none"], 0), "")
    assert isinstance(dask_node.ask("one", train, make, tell=said.append), Trained)
    assert said[0] == Begun()
    dask_node.release(["one"])
    assert set(children()) == before


@pytest.mark.slow
def test_a_cluster_that_all_workers_have_left_ends_the_run(ground: Ground, cluster: Any) -> None:
    class Leave(Watcher):
        def finished(self, task: Task, record: TrialRecord, state: State) -> None:
            if state.done == 2:
                cluster.scale(0)

    ground.behave(**{f"s{seed}": "slow" for seed in range(30)})
    with pytest.raises(UserError, match=r"has had no workers for 5\.0 s; every finished trial is kept"):
        ground.run(experiment(range(30)), **on(cluster), watch=Leave(), start_timeout=5.0)
    assert 2 <= len(ground.statuses(seeds=30)) < 30
    assert set(ground.statuses(seeds=30).values()) == {"ok"}


@pytest.mark.slow
def test_what_was_finished_when_the_scheduler_went_is_kept(ground: Ground, cluster: Any, soon_given_up: None) -> None:
    """News that lie there unread are read out, and reading them ends."""
    from bnexp.running.dask_engine import DaskEngine  # noqa: PLC0415  # beside its only use

    options = Options(**on(cluster), trainer="fake_trainer:Trainer", jobs=1)
    with DaskEngine(options) as engine:
        worker = engine.start()
        events = (event for _ in range(100) for _, event in engine.events(0.2))
        assert isinstance(next(events), Ready)
        worker.say(Train(Trial(SPECS["none"], 0), str(ground.folder / "run.log")))
        while not any(isinstance(event, Trained) for _, event in engine.news):
            time.sleep(0.05)
        cluster.close(timeout=5)
        assert isinstance([event for _, event in engine.last_words()][-1], Trained)
