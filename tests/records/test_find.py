"""Which stored experiments are meant where none is named."""

from dataclasses import replace

import pytest

from bnexp.config.load import from_mapping
from bnexp.errors import UserError
from bnexp.records.find import plans
from bnexp.records.store import Store

TINY = from_mapping({"norm": "none", "seeds": 2}, name="c")


def names(store: Store, *asked: str) -> list[str]:
    return [plan.name for plan in plans(store, list(asked) or None)]


def test_32_a_copy_that_a_cloud_drive_made_is_refused_so_that_nothing_counts_twice(tmp_path):
    store = Store(tmp_path)
    store.keep_plan(TINY)
    (tmp_path / "experiments/c (conflicted copy).json").write_bytes((tmp_path / "experiments/c.json").read_bytes())
    with pytest.raises(UserError, match=r"c \(conflicted copy\)\.json: holds the plan of c, .* move it away"):
        plans(store)
    assert names(store, "c") == ["c"]


def test_35_what_smoke_left_is_meant_only_where_it_is_alone_or_named(tmp_path):
    store = Store(tmp_path)
    store.keep_plan(replace(TINY, name="c-smoke"))
    assert names(store) == ["c-smoke"]
    store.keep_plan(TINY)
    store.keep_plan(replace(TINY, name="d-smoke"))
    assert names(store) == ["c", "d-smoke"]
    assert names(store, "c-smoke") == ["c-smoke"]


def test_35_an_experiment_that_only_is_called_so_stays(tmp_path):
    store = Store(tmp_path)
    store.keep_plan(replace(TINY, source="c.yaml"))
    store.keep_plan(replace(TINY, name="c-smoke", source="s.yaml", options=("--name", "c-smoke")))
    assert names(store) == ["c", "c-smoke"]
    store.keep_plan(replace(TINY, name="c-smoke", source="c.yaml", options=("--smoke",)))
    assert names(store) == ["c"]
