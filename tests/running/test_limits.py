"""What takes too long, too much memory or too many tries is ended, and costs no other trial."""

import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from ground import Ground, experiment

from bnexp.errors import UserError
from bnexp.machine import available_gpus
from bnexp.running.options import Options, devices, workers
from bnexp.running.pool import environment
from bnexp.running.progress import Watcher
from bnexp.running.queue import Budget


def test_a_trial_that_takes_longer_than_the_timeout_has_failed_and_the_others_go_on(ground: Ground) -> None:
    ground.behave(s1="hang")
    outcome, said = ground.run(experiment(range(4)), jobs=2, timeout=1.5, retries=3)
    assert (outcome.trained, outcome.failed, outcome.exit_code) == (3, 1, 3)
    failure = ground.failure(1)
    assert (failure.kind, failure.message) == ("timeout", "ended after 1.5 s, the --timeout of a trial")
    assert failure.traceback.splitlines()[-1] == "seed 1"
    assert "FAILED: timeout: ended after 1.5 s" in said
    assert len(ground.trainers()[1]) == 1, "what takes too long is no lost worker, and is not tried again"


def test_a_lost_worker_leaves_its_peak_memory(ground: Ground) -> None:
    """The run is in a process of its own: a worker's peak is not told where its parent had more than it."""
    ground.behave(s0="grow_and_be_killed")
    script = (
        "import sys\nfrom ground import Ground, experiment\nfrom pathlib import Path\n"
        "Ground(Path(sys.argv[1])).run(experiment([0]))"
    )
    subprocess.run([sys.executable, "-c", script, str(ground.folder)], check=True)
    assert 100_000_000 < (ground.record(0).peak_memory_bytes or 0) < 1_000_000_000


def test_a_lost_trial_is_begun_anew_so_often_as_asked(ground: Ground) -> None:
    ground.behave(s0="kill_once", s1="kill")
    outcome, said = ground.run(experiment(range(3)), retries=2)
    assert (outcome.trained, outcome.failed) == (2, 1)
    assert {seed: len(pids) for seed, pids in ground.trainers().items()} == {0: 2, 1: 3, 2: 1}
    assert ground.statuses() == {0: "ok", 1: "failed", 2: "ok"}
    assert said.count("the worker ended: killed by SIGKILL; retrying") == 3


def test_a_worker_that_grows_is_replaced(ground: Ground) -> None:
    ground.behave(**{f"s{seed}": "grow" for seed in range(6)})
    outcome, _ = ground.run(experiment(range(6)), growth=150_000_000)
    assert outcome.trained == 6
    # 100 MB after its first trial, 200 after its second: more than 150 above its first after the third.
    assert [len({pid for pids in ground.trainers().values() for pid in pids})] == [2]
    assert ground.trainers()[2] != ground.trainers()[3]


def test_a_worker_is_replaced_after_its_share_of_trials(ground: Ground) -> None:
    ground.run(experiment(range(5)), trials_per_worker=2)
    one = [pids[0] for pids in ground.trainers().values()]
    assert one[0] == one[1] != one[2] == one[3] != one[4]


def test_a_worker_that_never_gets_ready_ends_the_run_with_its_reason(ground: Ground) -> None:
    (ground.folder / "hang at start").touch()
    began = time.monotonic()
    with pytest.raises(UserError, match=r"the worker ended at its start: not ready after 0\.5 s"):
        ground.run(experiment(range(2)), start_timeout=0.5)
    assert time.monotonic() - began < 20
    assert ground.statuses() == {}


def test_a_worker_killed_at_its_start_is_replaced(ground: Ground) -> None:
    (ground.folder / "be killed at start once").touch()
    outcome, _ = ground.run(experiment(range(2)))
    assert outcome.trained == 2


def test_a_budget_ends_the_run_between_two_seeds_and_the_next_one_goes_on_there(ground: Ground) -> None:
    """Half a second a trial, two variants: the third seed would not end within 2 seconds."""
    ground.behave(**{f"s{seed}": "slow" for seed in range(9)})
    for _ in range(2):
        before = len(ground.statuses())
        outcome, said = ground.run(experiment(range(9), ["none", "batch"]), budget=2.0)
        assert ground.statuses("none") == ground.statuses("batch")
        assert before < len(ground.statuses()) < 9
        assert (outcome.left, outcome.exit_code) == (18 - 2 * len(ground.statuses()), 0)
        assert "at the budget of 2.0 s, with whole seeds" in said


def test_39_the_time_left_is_that_within_the_budget(ground: Ground) -> None:
    """Of nine seeds of half a second each and two variants, a budget of 2 seconds leaves no more than it."""
    ground.behave(**{f"s{seed}": "slow" for seed in range(9)})
    _, said = ground.run(experiment(range(9), ["none", "batch"]), budget=2.0)
    left = [float(text) for text in re.findall(r"about ([\d.]+) s left", said)]
    assert left
    assert max(left) <= 2.0


def test_a_block_that_is_not_expected_to_end_in_time_is_not_begun() -> None:
    budget = Budget(100)
    assert budget.admits(0, lambda _: 1000)
    assert budget.admits(1, lambda _: 50)
    assert not budget.admits(2, lambda _: 101)
    assert budget.spent
    assert budget.admits(1, lambda _: 1000)  # begun is begun
    assert not budget.admits(3, lambda _: 1)  # nothing further, lest seeds be left out
    assert Budget(None).admits(5, lambda _: 1e9)


def test_an_interruption_while_a_lost_trial_waits_for_its_next_try(ground: Ground) -> None:
    class CtrlC(Watcher):
        def lost(self, task: object, message: str) -> None:
            signal.raise_signal(signal.SIGINT)

    ground.behave(s0="kill")
    outcome, _ = ground.run(experiment(range(2)), retries=5, watch=CtrlC())
    assert (outcome.interrupted, outcome.trained, outcome.failed, outcome.left) == (signal.SIGINT, 0, 0, 2)
    assert ground.statuses() == {}


def test_a_trial_that_is_lost_when_the_budget_is_spent_is_still_trained(ground: Ground) -> None:
    """Its seed was begun, and a seed that was begun is whole at the end."""
    ground.behave(**{"none:0": "kill_once", "batch:0": "slow"})
    outcome, said = ground.run(experiment(range(3), ["none", "batch"]), budget=0.01, retries=1, jobs=2)
    assert ground.statuses("none") == ground.statuses("batch") == {0: "ok"}
    assert (outcome.trained, outcome.failed, outcome.left) == (2, 0, 4)
    assert "with whole seeds" in said


@pytest.mark.parametrize(
    ("device", "count", "gpus", "expected"),
    [
        ("gpu", 1, ["a"], [("a", None)]),
        ("gpu", 4, ["a"], [("a", "4")] * 4),
        ("gpu", 2, ["a", "b"], [("a", None), ("b", None)]),
        ("gpu", 3, ["a", "b"], [("a", "2"), ("b", None), ("a", "2")]),
        ("auto", 4, ["a", "b", "c"], [("a", "2"), ("b", None), ("c", None), ("a", "2")]),
        ("auto", 2, [], [(None, "2")] * 2),  # TensorFlow may see one that nvidia-smi does not tell of
        ("cpu", 2, ["a", "b"], [("-1", None)] * 2),
    ],
)
def test_workers_take_the_gpus_in_turn_and_are_told_how_many_share_theirs(monkeypatch, device, count, gpus, expected):
    """GPUs that are made up."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    options = Options(device=device)
    found = [environment(options, each) for each in devices(options, count, gpus)]
    assert [(each.get("CUDA_VISIBLE_DEVICES"), each.get("BNEXP_GPU_SHARING")) for each in found] == expected


@pytest.mark.parametrize(
    ("visible", "answer", "gpus"),
    [
        ("", "GPU-1\n", ()),
        ("-1", "GPU-1\n", ()),
        ("2,0", "GPU-1\n", ("2", "0")),
        (None, "GPU-1\nGPU-2\n", ("GPU-1", "GPU-2")),
        (None, FileNotFoundError("nvidia-smi"), ()),
    ],
)
def test_the_gpus_are_those_that_cuda_would_show(monkeypatch, visible, answer, gpus):
    def nvidia_smi(words: list[str], **_: object) -> SimpleNamespace:
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(stdout=answer)

    monkeypatch.setattr(subprocess, "run", nvidia_smi)
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert available_gpus() == gpus
    assert workers(Options(device="gpu"), 100) == max(1, len(gpus))
