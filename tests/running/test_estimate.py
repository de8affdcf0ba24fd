"""How long it will take, and how many workers there will be."""

from pathlib import Path
from statistics import median
from typing import Any

import pytest
from fake_trainer import record
from ground import SPECS

from bnexp.errors import UserError
from bnexp.machine import available_cores, available_memory
from bnexp.records.record import Progress, Seconds
from bnexp.running import options as options_module
from bnexp.running.costs import Costs, seconds_left, work
from bnexp.running.options import Options, workers
from bnexp.running.progress import Running
from bnexp.running.survey import Task
from bnexp.specs.trial import Trial, TrialSpec


def spec(norm: str = "none", **training: int) -> TrialSpec:
    return TrialSpec.model_validate({"data": "mnist-5k", "norm": norm, "training": training})


def measured(*found: tuple[TrialSpec, float]) -> Costs:
    """What trials of 3,600 training images have taken."""
    costs = Costs()
    for of, seconds in found:
        took = Seconds(data=0, compile=0, train=0, evaluate=0, total=seconds)
        costs.learn(of, record(Trial(of, 0)).model_copy(update={"seconds": took, "train_examples": 3600}))
    return costs


def ratio(one: TrialSpec, other: TrialSpec) -> float:
    return work(one, 3600) / work(other, 3600)


ONE_EPOCH = [(spec("batch", epochs=1), 10), (spec(epochs=1), 4)]
BETWEEN = median(seconds / work(of, 3600) for of, seconds in ONE_EPOCH)
MINE = [TrialSpec.model_validate({"data": {"name": "my:data"}, "training": {"epochs": epochs}}) for epochs in (1, 2)]


@pytest.mark.parametrize(
    ("found", "of", "seconds"),
    [
        ([], spec(), None),
        ([(spec(), 10), (spec(), 12), (spec(), 90)], spec(), 12),  # its own median
        ([(spec(), 100)] * 20 + [(spec(), 10)] * 9, spec(), 10),  # of the latest
        ([(spec(epochs=2), 10)], spec(epochs=6), 10 * ratio(spec(epochs=6), spec(epochs=2))),
        # the same norm before another
        (ONE_EPOCH, spec("batch", epochs=2), 10 * ratio(spec("batch", epochs=2), spec("batch", epochs=1))),
        (ONE_EPOCH, spec("layer", epochs=1), BETWEEN * work(spec("layer", epochs=1), 3600)),
        # a user's own data, once their size is known
        ([(spec(), 10)], MINE[0], None),
        ([(MINE[0], 5)], MINE[1], 5 * ratio(*MINE[::-1])),
    ],
)
def test_what_trials_took_lets_expect_what_others_will(found, of, seconds):
    assert measured(*found).expected(of) == (None if seconds is None else pytest.approx(seconds))


NORMS = ("none", "layer")
PIXELS = {"name": "lstm", "sequence": "pixels", "downsample": 2}
STEPS = {"optimizer": {"name": "sgd", "learning_rate": 0.03}, "steps": 300, "evaluations": 1}


@pytest.mark.parametrize(
    ("blocks", "seconds"),
    [
        ({"norm": "batch", "training": {"epochs": 2}}, 69),
        ({"training": {"epochs": 10}}, 180),  # 143 to 216 of all variants
        ({"model": "mlp", "norm": "batch", "training": {"batch_size": 4, "epochs": 6}, "data": {"train": 10_000}}, 7.7),
        ({"model": "mlp", "training": STEPS}, 0.7),
        ({"model": {"name": "cnn", "initial_scale": 0.01}, "training": STEPS}, 4.4),
        ({"model": PIXELS, "norm": {"name": "batch", "place": "in-cell"}, "training": {"steps": 1200}}, 79),
    ],
)
def test_what_nothing_is_measured_of_is_reckoned_within_a_factor_of_two(blocks: Any, seconds: float) -> None:
    """Seconds that such trials took on two cores of an AMD EPYC, two at a time."""
    data = {"name": "mnist", "validation": 1000, **blocks.pop("data", {})}
    guessed = Costs().guessed(TrialSpec.model_validate({"data": data, **blocks}))
    assert guessed is not None
    assert seconds / 2 < guessed < seconds * 2


@pytest.mark.parametrize(
    "model", [{"name": "cnn", "filters": [8] * 6, "pools": 5}, {"name": "lstm", "downsample": 32}, "mine:model"]
)
def test_a_model_that_fits_ones_own_images_alone_is_learned_from(model: Any) -> None:
    """They may be larger than any that are known."""
    own = [TrialSpec.model_validate({"data": {"name": "my:data"}, "model": model, "norm": norm}) for norm in NORMS]
    assert measured((own[0], 10)).expected(own[1]) == pytest.approx(10 * ratio(*own[::-1]))


def test_of_a_model_of_ones_own_nothing_is_known() -> None:
    assert Costs().guessed(TrialSpec.model_validate({"data": "mnist", "model": "mine:model"})) is None


def test_nothing_measured_means_unknown() -> None:
    assert seconds_left({spec(): 1}, Costs().expected, jobs=1) is None
    assert seconds_left({}, Costs().expected, jobs=1) == 0


@pytest.mark.parametrize(
    ("waiting", "running", "jobs", "left"),
    [(4, [], 2, 20), (4, [6.0], 2, 23), (1, [], 8, 10), (0, [30.0, 1.0], 2, 30), (0, [None], 1, None)],
)
def test_the_rest_is_shared_by_the_workers(waiting, running, jobs, left):
    assert seconds_left({spec(): waiting}, measured((spec(), 10)).expected, jobs, running) == left


def test_a_running_trial_needs_the_rest_of_what_it_is_expected_to_take() -> None:
    task = Task(Trial(SPECS["none"], 0), "e", "none")
    progress = Progress(epoch=1, epochs=4, step=100, steps=400)
    assert Running(task, 8, progress).seconds_left(10) == 2
    assert Running(task, 12, progress).seconds_left(10) == 0
    assert Running(task, 8, progress).seconds_left(None) == 24
    assert Running(task, 8, None).seconds_left(None) is None


@pytest.mark.parametrize(
    ("cores", "memory", "options", "trials", "count"),
    [
        (8, 64_000_000_000, {}, 100, 8),
        (8, 64_000_000_000, {}, 3, 3),
        (8, 3_900_000_000, {}, 100, 3),
        (8, 64_000_000_000, {"threads": 4}, 100, 2),
        (2, 500_000_000, {}, 100, 1),
        (8, 64_000_000_000, {"device": "gpu"}, 100, 1),
        (1, 500_000_000, {"jobs": 5}, 100, 5),
    ],
)
def test_jobs_follow_cores_and_memory(monkeypatch, *, cores, memory, options, trials, count):
    monkeypatch.setattr(options_module, "available_cores", lambda: cores)
    monkeypatch.setattr(options_module, "available_memory", lambda: memory)
    assert workers(Options(**options), trials) == count  # type: ignore[arg-type]  # from the table


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text + "\n")


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, None),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
    ],
)
def test_cores_follow_the_quota_of_the_cgroup(tmp_path: Path, files: dict[str, str], cores: int | None) -> None:
    write(tmp_path, files)
    assert available_cores(tmp_path) == (cores or available_cores(tmp_path / "none"))


@pytest.mark.parametrize(
    ("files", "memory"),
    [
        ({}, 5_000_000 * 1024),
        ({"memory.max": "max", "memory.current": "1"}, 5_000_000 * 1024),
        ({"memory.max": "2000", "memory.current": "500"}, 1500),
        ({"memory/memory.limit_in_bytes": "2000", "memory/memory.usage_in_bytes": "2500"}, 0),
    ],
)
def test_memory_is_what_the_machine_and_the_cgroup_leave(tmp_path: Path, files: dict[str, str], memory: int) -> None:
    write(tmp_path, {**files, "meminfo": "MemTotal: 9000000 kB\nMemAvailable: 5000000 kB"})
    assert available_memory(tmp_path, tmp_path / "meminfo") == memory


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, "jobs: a whole number from 1, or 'auto', not 0"),
        ({"jobs": "many"}, "jobs: a whole number from 1, or 'auto', not 'many'"),
        ({"jobs": True}, "jobs: a whole number from 1, or 'auto', not True"),
        ({"threads": 0}, "threads: a whole number from 1, not 0"),
        ({"device": "tpu"}, "device: 'auto', 'cpu' or 'gpu', not 'tpu'"),
        ({"max_failures": -1}, "max_failures: a whole number from 0 (never), not -1"),
        ({"timeout": 0}, "timeout: a number of seconds above 0, not 0"),
        ({"budget": -1.0}, "budget: a number of seconds above 0, not -1.0"),
        ({"retries": -1}, "retries: a whole number from 0, not -1"),
        ({"engine": "ray"}, "engine: 'local' or 'dask', not 'ray'"),
        ({"scheduler": "tcp://a:1"}, "scheduler: the address of a Dask scheduler, which takes engine='dask'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as error:
        Options(**options)  # type: ignore[arg-type]  # that is the point
    assert str(error.value) == message


def test_40_before_anything_is_measured_trials_have_the_seconds_of_another_machine() -> None:
    costs = Costs()
    assert costs.expected(TrialSpec()) is None
    assert costs.guessed(TrialSpec()) == pytest.approx(work(TrialSpec(), 54_000))
    assert measured((spec(), 10)).guessed(spec()) == 10
