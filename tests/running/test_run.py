"""Runs with real worker processes: what is trained, skipped, stored, counted and told."""

import io
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fake_trainer
import pytest
from ground import SPECS, Ground, experiment

from bnexp.errors import UserError
from bnexp.records.record import Progress, TrialRecord
from bnexp.running.live import LiveView
from bnexp.running.progress import State, Watcher
from bnexp.running.survey import Task
from bnexp.specs.experiment import PlannedTrial
from bnexp.specs.trial import Trial


def test_every_trial_gets_a_record_and_a_line(ground: Ground) -> None:
    outcome, said = ground.run(experiment(range(3), ["none", "batch"]), jobs=2)
    assert (outcome.planned, outcome.trained, outcome.exit_code) == (6, 6, 0)
    assert ground.statuses("none") == ground.statuses("batch") == {0: "ok", 1: "ok", 2: "ok"}
    lines = [line for line in said.splitlines() if line.startswith("[")]
    assert [line[:5] for line in lines] == ["[ 1/6", "[ 2/6", "[ 3/6", "[ 4/6", "[ 5/6", "[ 6/6"]
    assert "tiny batch seed 2: test accuracy " in said
    assert said.splitlines()[0] == "6 trials: 6 to train (2 at a time)"
    assert said.splitlines()[-1] == "6 trained"


def test_trials_start_seed_by_seed_over_all_experiments(ground: Ground) -> None:
    ground.run(experiment(range(3)), experiment(range(3), ["batch"], name="other"))
    assert ground.started() == [0, 0, 1, 1, 2, 2]


def test_more_seeds_train_only_the_new_ones(ground: Ground) -> None:
    for seeds in (2, 4, 4):
        ground.run(experiment(range(seeds)))
    assert ground.started() == [0, 1, 2, 3]


def test_a_trial_that_two_experiments_share_is_trained_once(ground: Ground) -> None:
    outcome, _ = ground.run(experiment([0, 1]), experiment([1, 2], name="other"))
    assert (outcome.planned, outcome.trained) == (3, 3)
    assert sorted(ground.started()) == [0, 1, 2]
    assert ground.store.plans() == ["other", "tiny"]


def test_only_the_selected_trials_are_trained_and_the_plan_stays_whole(ground: Ground) -> None:
    whole = experiment(range(3))
    selected = [PlannedTrial(whole.points[0], Trial(SPECS["none"], 1))]
    outcome, _ = ground.run(whole, selected=[selected])
    assert (outcome.planned, ground.started()) == (1, [1])
    assert ground.store.read_plan("tiny").seeds == (0, 1, 2)


def test_force_trains_again_and_replaces_the_record(ground: Ground) -> None:
    ground.run(experiment([0]))
    ground.behave(s0="diverge")
    outcome, _ = ground.run(experiment([0]), force=True)
    assert (outcome.trained, outcome.skipped, outcome.diverged) == (1, 0, 1)
    assert ground.statuses() == {0: "diverged"}


@pytest.mark.parametrize(
    ("actions", "counts", "line"),
    [
        # trained, diverged, failed; a divergence is a result and no failure
        (["diverge"], (1, 1, 0), "tiny none seed 0: diverged at step 3"),
        # failures that differ, or have a success between them, do not end the run
        (["fail"] * 5 + ["train"], (1, 0, 5), "1 trained, 5 failed. "),
        (["fail_alike", "fail_alike", "train", "fail_alike", "fail_alike"], (1, 0, 4), "1 trained, 4 failed. "),
    ],
)
def test_what_trials_come_to(ground: Ground, actions: list[str], counts: tuple[int, int, int], line: str) -> None:
    ground.behave(**{f"s{seed}": action for seed, action in enumerate(actions)})
    outcome, said = ground.run(experiment(range(len(actions))))
    assert (outcome.trained, outcome.diverged, outcome.failed) == counts
    assert (outcome.left, outcome.exit_code, line in said) == (0, 3 if counts[2] else 0, True)


def test_a_failure_shows_its_traceback_and_leaves_the_rest(ground: Ground) -> None:
    ground.behave(s1="fail")
    outcome, said = ground.run(experiment(range(3)))
    assert (outcome.trained, outcome.failed, outcome.exit_code) == (2, 1, 3)
    assert ground.statuses() == {0: "ok", 1: "failed", 2: "ok"}
    assert "[ 2/3] tiny none seed 1: FAILED: RuntimeError: seed 1 will not do" in said
    assert "Traceback (most recent call last)" in said
    assert ground.failure(1).kind == "RuntimeError"
    assert "fake_trainer.py" in ground.failure(1).traceback
    assert "Traceback" in ground.store.log(Trial(SPECS["none"], 1)).read_text()


def test_a_fault_that_the_user_mends_is_tried_again_unasked(ground: Ground) -> None:
    ground.behave(s0="no_data")
    outcome, said = ground.run(experiment([0]))
    assert outcome.exit_code == 3
    assert "FAILED: mnist is not here; `bnexp data fetch mnist` downloads it" in said
    assert "Traceback" not in said
    assert "Fix the cause shown above, then run again" in said
    assert "--retry-failed" not in said
    ground.behave()
    outcome, _ = ground.run(experiment([0]))
    assert (outcome.trained, outcome.exit_code) == (1, 0)


def test_a_trainer_that_calls_exit_fails_its_trial_and_the_worker_goes_on(ground: Ground) -> None:
    ground.behave(s0="leave")
    outcome, _ = ground.run(experiment(range(2)))
    assert (outcome.trained, outcome.failed) == (1, 1)
    assert len({pid for pids in ground.trainers().values() for pid in pids}) == 1


def test_what_another_run_finishes_meanwhile_is_not_trained_again(ground: Ground) -> None:
    class Other(Watcher):
        def finished(self, task: Task, record: TrialRecord, state: State) -> None:
            later = Trial(task.trial.spec, 2)
            if task.trial.seed == 0:
                ground.store.write(later, fake_trainer.record(later))

    outcome, _ = ground.run(experiment(range(4)), watch=Other())
    assert (outcome.trained, outcome.skipped) == (3, 1)
    assert ground.started() == [0, 1, 3]


def test_a_trial_that_ends_while_the_run_is_stopped_is_kept(ground: Ground) -> None:
    class CtrlC(Watcher):
        def progressed(self, task: Task, progress: Progress) -> None:
            time.sleep(1)  # the trial takes half of it, and its record then lies unread
            signal.raise_signal(signal.SIGINT)

    ground.behave(s0="slow")
    outcome, _ = ground.run(experiment(range(2)), watch=CtrlC())
    assert (outcome.interrupted, outcome.trained, outcome.left) == (signal.SIGINT, 1, 1)
    assert ground.statuses() == {0: "ok"}


@pytest.mark.parametrize(
    ("options", "file", "message"),
    [
        ({"device": "gpu"}, None, "there is no GPU here; use --device cpu"),
        ({}, "raise at start", "ImportError: no module named tensorflow"),
        ({}, "die at start", "the worker ended at its start: exit code 7\nthe trainer starts\na library is missing"),
        ({"trainer": "no_such_module:Trainer"}, None, "No module named 'no_such_module'"),
    ],
)
def test_a_trainer_that_cannot_be_had_ends_the_run_before_any_trial(ground, options, file, message):
    if file:
        (ground.folder / file).touch()
    with pytest.raises(UserError) as error:
        ground.run(experiment(range(2)), jobs=2, **options)
    assert message in str(error.value)
    assert ground.statuses() == {}
    plan = ground.store.read_plan("tiny")  # which is there before the first trial
    assert plan.points[0].trials == {seed: Trial(SPECS["none"], seed).folder for seed in range(2)}


def test_each_trial_has_its_own_log(ground: Ground) -> None:
    ground.run(experiment(range(2)))
    for seed in range(2):
        trial = Trial(SPECS["none"], seed)
        assert ground.store.log(trial).read_text() == f"the trainer starts\nthis is {trial.identity}\nseed {seed}\n"


def test_the_record_says_what_ran_beside_it(ground: Ground) -> None:
    ground.run(experiment(range(3)), jobs=2, threads=3)
    assert ground.record(0).execution == {"device": "cpu", "jobs": 2, "threads": 3}


def test_a_file_in_the_current_folder_is_not_taken_for_a_module(ground, tmp_path, monkeypatch):
    (tmp_path / "queue.py").write_text("raise SystemExit('this is not the queue of the standard library')")
    monkeypatch.chdir(tmp_path)
    outcome, _ = ground.run(experiment([0]))
    assert outcome.trained == 1


def test_a_run_needs_no_main_thread(ground: Ground) -> None:
    with ThreadPoolExecutor(1) as threads:
        outcome, _ = threads.submit(ground.run, experiment(range(2))).result()
    assert outcome.trained == 2


def test_the_handlers_of_signals_are_given_back(ground: Ground) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    ground.run(experiment([0]))
    assert {number: signal.getsignal(number) for number in before} == before


def test_no_descriptor_and_no_process_is_left_behind(ground: Ground) -> None:
    ground.behave(s1="kill", s2="hang", s3="fail_alike", s4="fail_alike", s5="fail_alike")
    before = sorted(Path("/proc/self/fd").iterdir())
    ground.run(experiment(range(6)), jobs=2)  # ends by three equal failures, with a trial that hangs
    assert sorted(Path("/proc/self/fd").iterdir()) == before
    workers = {pid for pids in ground.trainers().values() for pid in pids}
    assert len(workers) == 3
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def test_the_parent_does_without_tensorflow() -> None:
    code = (
        "import sys, bnexp.running, bnexp.running.live; print([m for m in sys.modules if m in ('tensorflow', 'keras')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_23_a_caution_of_the_data_is_told_once_and_before_the_first_result(ground: Ground) -> None:
    ground.behave(s0="caution", s1="caution", s2="caution_late")
    _, said = ground.run(experiment(range(3)), jobs=2)
    lines = said.splitlines()
    assert [line for line in lines if "caution" in line] == ["caution: the data are blank", "caution: and few"]
    assert lines.index("caution: the data are blank") < next(k for k, line in enumerate(lines) if "test acc" in line)


def test_23_a_caution_whose_progress_was_not_heard_comes_with_the_record_in_the_live_view_too(ground: Ground) -> None:
    ground.behave(s0="caution_late")
    stream = io.StringIO()
    ground.run(experiment([0]), watch=LiveView(stream))
    assert stream.getvalue().count("caution: the data are blank") == 1
