"""A store that remembers reads a record once, and refuses what a store refuses."""

import pytest
from made_up import build

from bnexp.errors import UserError
from bnexp.records.remembering import RememberingStore


def test_a_record_is_read_once(tmp_path):
    _, plan = build(tmp_path, variants=("none",), batch_sizes=(), seeds=1, faults={})
    store = RememberingStore(tmp_path)
    folder = plan.points[0].trials[0]
    first = store.read_folder(folder)
    (tmp_path / "trials" / folder / "record.json").unlink()
    assert first is not None
    assert store.read_folder(folder) is first
    assert RememberingStore(tmp_path).read_folder(folder) is None


def test_a_damaged_record_is_refused_every_time(tmp_path):
    _, plan = build(tmp_path, variants=("none",), batch_sizes=(), seeds=1, faults={})
    folder = plan.points[0].trials[0]
    (tmp_path / "trials" / folder / "record.json").write_text("{")
    store = RememberingStore(tmp_path)
    for _ in range(2):
        with pytest.raises(UserError, match="not a readable record"):
            store.read_folder(folder)
