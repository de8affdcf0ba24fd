"""Each fault is put into a real run with real processes; going on then gives the records of an undisturbed run.

Records are compared byte for byte, but for their times and for how many jobs ran beside them.  The runs are processes
of their own that call `bnexp.running.run` without a `__main__` guard.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ground import SPECS, Ground, alive, experiment, texts

from bnexp.errors import UserError
from bnexp.specs.experiment import Point

SCRIPT = """
import json, resource, signal, sys
from pathlib import Path
from ground import experiment
from bnexp.errors import UserError
from bnexp.records.store import Store
from bnexp.running.options import Options
from bnexp.running.runner import run
from bnexp.running.progress import Lines

signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start with it ignored
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and those of nohup with this
folder, options, largest_file = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
if largest_file:
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
try:
    outcome = run(
        [experiment(range(5), ["none", "batch"])],
        Store(folder),
        Options(trainer="fake_trainer:Trainer", resume="bnexp run tiny.yaml", **options),
        Lines(sys.stderr),
    )
except UserError as error:
    sys.exit(str(error))
for number in signals:
    signal.signal(number, signal.SIG_IGN)  # it ends with the code that it has now
sys.exit(outcome.exit_code)
"""

TINY = experiment(range(5), ["none", "batch"])
Until = Callable[[Callable[[], bool], float], float]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The records of a run that nothing happens to."""
    calm = Ground(tmp_path_factory.mktemp("calm"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BNEXP_FAKE", str(calm.folder))
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        process = begin(calm)
        process.communicate(timeout=60)
    found = texts(calm.store.root)
    assert (process.returncode, len(found)) == (0, 10)
    return found


def begin(ground: Ground, largest_file: int = 0, **options: object) -> subprocess.Popen[str]:
    """A run in a process of its own, in a session of its own."""
    (ground.folder / "script.py").write_text(SCRIPT)
    words = [sys.executable, str(ground.folder / "script.py"), str(ground.store.root)]
    words += [json.dumps({"jobs": 2, **options}), str(largest_file)]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)


def goes_on_to(undisturbed: dict[str, str], ground: Ground) -> None:
    """The faults are over: the next run trains what is missing, and all is as if nothing had been."""
    ground.behave()
    outcome, _ = ground.run(TINY, jobs=2, retry_failed=True)
    assert outcome.exit_code == 0
    assert texts(ground.store.root) == undisturbed
    assert not list(ground.store.root.glob("**/.*")), "something half written was left behind"


@pytest.mark.parametrize(
    ("action", "kind", "message", "last_line"),
    [
        ("kill", "signal", "the worker ended: killed by SIGKILL", "about to be killed"),
        ("segfault", "signal", "the worker ended: killed by SIGSEGV", ""),
        ("exit", "exit", "the worker ended: exit code 5", "seed 2"),
        ("leave", "SystemExit", "5", "SystemExit: 5"),
        ("fail", "RuntimeError", "seed 2 will not do", "RuntimeError: seed 2 will not do"),
        ("another", "ValidationError", "the trainer returned the record of another trial, ", ""),
    ],
)
def test_a_trial_that_takes_its_worker_with_it_or_fails(ground, undisturbed, *, action, kind, message, last_line):
    ground.behave(s2=action)
    process = begin(ground)
    process.communicate(timeout=60)
    assert process.returncode == 3
    failure = ground.failure(2)
    assert (failure.kind, failure.message.startswith(message)) == (kind, True)
    assert failure.traceback.strip().endswith(last_line)
    others = {name: text for name, text in undisturbed.items() if "-s2-" not in name}
    assert {name: text for name, text in texts(ground.store.root).items() if "-s2-" not in name} == others
    goes_on_to(undisturbed, ground)


def test_a_worker_that_somebody_kills(ground: Ground, undisturbed: dict[str, str], until: Until) -> None:
    ground.behave(**{"none:2": "sleep_once"})
    process = begin(ground, retries=1)
    until(lambda: ground.hanging() != [], 30)
    os.kill(ground.hanging()[0], signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert texts(ground.store.root) == undisturbed


def test_a_trial_that_hangs(ground: Ground, undisturbed: dict[str, str]) -> None:
    ground.behave(s2="hang")
    process = begin(ground, timeout=1.0)
    process.communicate(timeout=60)
    assert process.returncode == 3
    goes_on_to(undisturbed, ground)


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [
        (signal.SIGINT, 130, "Ctrl-C"),
        (signal.SIGTERM, 143, "SIGTERM"),
        (signal.SIGHUP, 129, "SIGHUP"),
        (signal.SIGKILL, -9, ""),
    ],
)
def test_a_run_that_is_ended(ground, undisturbed, until, *, number, code, name):
    """As a terminal does it: the signal goes to the process and all others of its group."""
    ground.behave(s2="hang")
    process = begin(ground)
    until(lambda: len(ground.hanging()) == 4, 30)
    began = time.monotonic()
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == code
    if name:
        assert time.monotonic() - began < 2
        assert f"Stopped by {name}: 4 trained, 6 left; every finished trial is kept. Go on with:\n  bnexp run" in said
        assert "Traceback" not in said
        assert not any(map(alive, ground.hanging()))
    until(lambda: not any(map(alive, ground.hanging()[::2])), 20)
    for pid in filter(alive, ground.hanging()):  # of a parent that was killed the workers' own children
        os.kill(pid, signal.SIGKILL)
    goes_on_to(undisturbed, ground)


def test_a_second_ctrl_c_changes_nothing(ground: Ground, until: Until) -> None:
    ground.behave(s2="hang")
    process = begin(ground)
    until(lambda: len(ground.hanging()) == 4, 30)
    for _ in range(5):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.001)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said.splitlines()[-1]) == (130, "  bnexp run tiny.yaml")


def test_a_disk_that_is_full(ground: Ground, undisturbed: dict[str, str]) -> None:
    """No file may be larger than 60 kB, and one record would be: as at a quota, in the middle of writing it."""
    ground.behave(s2="fat")
    process = begin(ground, largest_file=60_000)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "cannot be written (File too large); every record stored so far is whole" in said
    whole = texts(ground.store.root)
    assert whole == {name: undisturbed[name] for name in whole}
    assert not any("-s2-" in name for name in whole)
    goes_on_to(undisturbed, ground)


def test_a_folder_that_takes_no_file(ground: Ground, undisturbed: dict[str, str]) -> None:
    """A file stands where the folder of a trial would be, which stops root as well."""
    in_the_way = ground.path(2).parent
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("")
    with pytest.raises(UserError, match=r"cannot be (read|written)"):
        ground.run(TINY, jobs=2)
    in_the_way.unlink()
    goes_on_to(undisturbed, ground)


def test_a_reader_that_goes_away(ground: Ground, undisturbed: dict[str, str]) -> None:
    """What is said goes into a pipe that nobody reads any more."""
    process = begin(ground)
    assert process.stderr is not None
    process.stderr.close()
    process.wait(timeout=60)
    assert process.returncode != 0
    goes_on_to(undisturbed, ground)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "not a readable record"),
        (lambda text: "", "not a readable record"),
        (lambda text: text.replace('"schema_version": 3', '"schema_version": 99'), "schema version 99"),
        (lambda text: text.replace('"schema_version": 3', '"schema_version": 0'), "schema version 0"),
    ],
    ids=["cut in half", "empty", "newer", "older"],
)
def test_a_record_that_cannot_be_read(ground, undisturbed, damage, message):
    ground.run(TINY, jobs=2)
    path = ground.path(2)
    path.write_text(damage(path.read_text()))
    before = ground.started()
    with pytest.raises(UserError, match=message) as error:
        ground.run(TINY)
    assert str(path) in str(error.value)
    assert ground.started() == before, "something was trained although a record is damaged"
    path.unlink()
    goes_on_to(undisturbed, ground)
    assert len(ground.started()) == len(before) + 1


def test_two_runs_at_once_of_which_one_is_killed(ground: Ground, undisturbed: dict[str, str], until: Until) -> None:
    """The second trains what the first is not at, and takes over what the first leaves."""
    ground.behave(s2="sleep_once")
    one = begin(ground)
    until(lambda: len(ground.hanging()) == 2, 30)
    other = begin(ground)
    until(lambda: len(texts(ground.store.root)) == 8, 30)
    assert sorted(ground.started()) == sorted([*range(5)] * 2)
    one.kill()
    one.communicate()
    _, said = other.communicate(timeout=60)
    assert (other.returncode, "6 trained, 4 finished before" in said) == (0, True)
    assert sorted(ground.started()) == sorted([*range(5), 2] * 2)
    assert texts(ground.store.root) == undisturbed
    shutil.rmtree(ground.store.root / "experiments")  # not even the plan is needed to go on
    goes_on_to(undisturbed, ground)


def test_an_edited_config_mixes_nothing(ground: Ground) -> None:
    """Other epochs are other trials in other folders; the records of the first form stay as they are."""
    ground.run(TINY, jobs=2)
    before = texts(ground.store.root)
    spec = SPECS["none"].model_copy(update={"training": SPECS["none"].training.model_copy(update={"epochs": 3})})
    outcome, _ = ground.run(replace(TINY, variants=("none",), seeds=(0, 1), points=(Point("none", (), spec),)))
    assert outcome.trained == 2
    after = texts(ground.store.root)
    assert {name: after[name] for name in before} == before
    assert len(after) == 12


def test_the_limit_on_files_is_one_that_a_record_meets(ground: Ground) -> None:
    """Of the test above: a plain record fits into 60 kB, the fat one does not."""
    ground.behave(s0="fat")
    ground.run(experiment(range(2)))
    sizes = [ground.path(seed).stat().st_size for seed in range(2)]
    assert sizes[1] < 60_000 < sizes[0]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
