"""The results folder: whole files or none, and clear words about those that cannot be read."""

import errno
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bnexp.errors import UserError
from bnexp.records.record import TrialRecord
from bnexp.records.store import Store, write_atomically
from bnexp.specs.experiment import Experiment, Point, Published
from bnexp.specs.trial import PROTOCOL, Trial, TrialSpec

SPEC = TrialSpec.model_validate({"data": "mnist-5k"})
TRIAL = Trial(SPEC, 0)
TINY = Experiment("tiny", "", ("none",), "none", (0, 1, 2), (Point("none", (), SPEC),))


def record(started: str = "2026-01-01T00:00:00+00:00") -> TrialRecord:
    common = {
        "protocol": PROTOCOL,
        "identity": TRIAL.identity,
        "spec": SPEC.model_dump(mode="json"),
        "seed": TRIAL.seed,
    }
    return TrialRecord(**common, status="diverged", started=started)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


def test_a_record_is_read_as_it_was_written_last(store: Store) -> None:
    assert store.read(TRIAL) is None
    for started in ("earlier", "later"):
        path = store.write(TRIAL, record(started))
        assert store.read(TRIAL) == record(started)
    assert [entry.name for entry in path.parent.iterdir()] == ["record.json"]


def _changed(text: str, **values: object) -> str:
    return json.dumps({**json.loads(text), **values})


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda text: text[: len(text) // 2], "Invalid JSON: EOF"),
        (lambda text: "", "Invalid JSON: EOF"),
        (lambda text: "\0" * len(text), "Invalid JSON"),
        (lambda text: _changed(text, schema_version=4, novelty=1), "schema version 4; this bnexp reads version 3"),
        (lambda text: _changed(text, seed="0"), "seed: Input should be a valid integer"),
        (lambda text: _changed(text, novelty=1), "novelty: Extra inputs are not permitted"),
        (lambda text: _changed(text, identity="f" * 64), "holds the trial ffffffffffffffff, not "),
    ],
    ids=["half", "empty", "zeros", "newer schema", "wrong type", "unknown key", "another trial"],
)
def test_a_record_that_is_not_this_trials_is_named_with_the_reason(
    store: Store, spoil: Callable[[str], str], reason: str
) -> None:
    path = store.write(TRIAL, record())
    path.write_text(spoil(path.read_text()))
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}: .*{re.escape(reason)}.*move it away"):
        store.read(TRIAL)


def test_what_a_killed_writer_leaves_is_never_taken_for_a_record(store: Store) -> None:
    folder = store.folder(TRIAL)
    folder.mkdir(parents=True)
    (folder / ".record.json.abc").write_text('{"schema')
    assert store.read(TRIAL) is None
    store.write(TRIAL, record())
    assert store.read(TRIAL) == record()


WRITER = """
import sys
from pathlib import Path
from bnexp.records.store import write_atomically
print("go", flush=True)
n = 0
while True:
    n += 1
    write_atomically(Path(sys.argv[1]), f"{n % 10}" * 200_000)
"""


def test_a_writer_that_is_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    for pause in (0.01, 0.013, 0.017, 0.019, 0.023, 0.029):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(pause)
        writer.kill()
        writer.communicate()
        if path.exists():
            text = path.read_text()
            assert len(text) == 200_000
            assert len(set(text)) == 1
    assert path.exists()


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    texts = {letter * 100_000 for letter in "ab"}
    write_atomically(path, min(texts))
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            for text in texts:
                write_atomically(path, text)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert all(path.read_text() in texts for _ in range(300))
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_record_and_nothing_else(
    store: Store, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = store.write(TRIAL, record("earlier"))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(UserError, match=r"record\.json: cannot be written \(No space left on device\)"):
        store.write(TRIAL, record("later"))
    monkeypatch.undo()
    assert store.read(TRIAL).started == "earlier"
    assert [entry.name for entry in path.parent.iterdir()] == ["record.json"]


@pytest.mark.parametrize(
    ("seeds", "kept"), [((0, 1, 2, 3), (0, 1, 2, 3)), ((0,), (0, 1, 2)), ((7, 1), (7, 1, 0, 2))], ids=repr
)
def test_the_seeds_of_the_stored_plan_stay_while_the_points_do(
    store: Store, seeds: tuple[int, ...], kept: tuple[int, ...]
) -> None:
    assert store.read_plan("tiny") is None
    assert store.keep_plan(TINY) == store.read_plan("tiny")
    plan = store.keep_plan(replace(TINY, seeds=seeds))
    assert store.plans() == ["tiny"]
    assert plan.seeds == kept
    assert plan.points[0].trials == {seed: Trial(SPEC, seed).folder for seed in kept}
    assert store.read_plan("tiny") == plan


def test_a_plan_without_a_margin_being_older_is_read_with_the_default(store: Store) -> None:
    plan = store.keep_plan(replace(TINY, margin=0.3)).model_dump(mode="json")
    assert store.read_plan("tiny").margin == 0.3
    store.write_plan("tiny", {key: value for key, value in plan.items() if key != "margin"})
    assert store.read_plan("tiny").margin == 0.1


def test_published_results_are_stored_and_older_plans_have_none(store: Store) -> None:
    of_others = (Published(value=99.05, source="LeCun et al. 1998", variant="none"),)
    plan = store.keep_plan(replace(TINY, published=of_others))
    assert store.read_plan("tiny") == plan
    assert plan.published == of_others
    older = {key: value for key, value in plan.model_dump(mode="json").items() if key != "published"}
    store.write_plan("tiny", older)
    assert store.read_plan("tiny").published == ()


def test_another_margin_is_stored_and_leaves_all_trials_in_the_plan(store: Store) -> None:
    store.keep_plan(replace(TINY, seeds=(0, 1, 2, 3)))
    store.write(TRIAL, record())
    assert store.left_behind(replace(TINY, margin=0.2)) == 0
    kept = store.keep_plan(replace(TINY, margin=0.2))
    assert (kept.margin, kept.seeds) == (0.2, (0, 1, 2, 3))


def test_an_edited_config_replaces_the_plan_and_leaves_the_records(store: Store) -> None:
    store.keep_plan(TINY)
    store.write(TRIAL, record())
    longer = SPEC.model_copy(update={"training": SPEC.training.model_copy(update={"epochs": 3})})
    edited = replace(TINY, seeds=(0,), points=(Point("none", (), longer),))
    assert store.left_behind(edited) == 1
    plan = store.keep_plan(edited)
    assert plan.seeds == (0,)
    assert plan.points[0].spec["training"]["epochs"] == 3
    assert store.read(TRIAL) == record()


def test_grid_coordinates_of_any_kind_leave_the_points_the_same(store: Store) -> None:
    point = Point("none", (("model.filters", (8, 8)), ("norm", {"name": "none"})), SPEC)
    store.keep_plan(replace(TINY, points=(point,)))
    assert store.keep_plan(replace(TINY, points=(point,), seeds=(3,))).seeds == (3, 0, 1, 2)


@pytest.mark.parametrize("name", ["", "../outside", "a/b", ".hidden", "..", "nul\0"])
def test_a_name_that_leaves_the_folder_is_refused(store: Store, name: str) -> None:
    with pytest.raises(UserError, match="experiment name"):
        store.keep_plan(replace(TINY, name=name))


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "Invalid JSON"), ('{"schema_version": 9}', "schema version 9; this bnexp reads version 1")],
)
def test_an_unreadable_plan_is_named_with_the_reason(store: Store, text: str, reason: str) -> None:
    store.keep_plan(TINY)
    store.plan_file("tiny").write_text(text)
    with pytest.raises(UserError, match=rf"tiny\.json: not a readable plan \(.*{reason}"):
        store.read_plan("tiny")
