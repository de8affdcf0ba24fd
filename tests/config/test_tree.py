"""How changes are merged, and where the parts of the result come from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnexp.config.mistakes import ConfigError
from bnexp.config.tree import changed, from_plain, get, plain
from bnexp.config.yaml import parse


def merged(base, change):
    return plain(changed(from_plain(base), from_plain(change).value.items()))


ADAM = {"training": {"optimizer": {"rate": 1}}}
SGD = {"training": {"optimizer": {"name": "sgd"}}}
BATCH = {"norm": {"name": "batch", "momentum": 0.9}}
PLACED = {"norm": {"name": "batch", "place": "x"}}
MERGED = {
    # what a case shows: base, change, result
    "mappings key by key": ({"data": {"a": 1, "b": 2}}, {"data": {"b": 3}}, {"data": {"a": 1, "b": 3}}),
    "dotted key sets one leaf": ({"data": {"a": 1, "b": 2}}, {"data.b": 3}, {"data": {"a": 1, "b": 3}}),
    "dotted key makes its blocks": ({}, {"a.b.c": 3}, {"a": {"b": {"c": 3}}}),
    "word for word": ({"norm": "batch"}, {"norm": "layer"}, {"norm": {"name": "layer"}}),
    "a new name replaces the block": (BATCH, {"norm": "layer"}, {"norm": {"name": "layer"}}),
    "the same name keeps the block": (BATCH, PLACED, {"norm": {"name": "batch", "momentum": 0.9, "place": "x"}}),
    "a block without a name keeps it": ({"norm": "batch"}, {"norm": {"momentum": 0.9}}, BATCH),
    "a dotted name is one leaf": (PLACED, {"norm.name": "layer"}, {"norm": {"name": "layer", "place": "x"}}),
    "dotted key into a word": ({"norm": "batch"}, {"norm.place": "x"}, PLACED),
    "short keys first": ({}, {"norm.place": "x", "norm": "batch"}, PLACED),
    "the default name counts: other": (
        ADAM,
        {"training.optimizer": "sgd"},
        {"training": {"optimizer": {"name": "sgd"}}},
    ),
    "the default name counts: same": (
        ADAM,
        {"training.optimizer": {"name": "adam", "beta": 2}},
        {"training": {"optimizer": {"rate": 1, "name": "adam", "beta": 2}}},
    ),
    "a list is one value": ({"filters": [1, 2, 3]}, {"filters": [4]}, {"filters": [4]}),
    "null is a value": ({"train": 5}, {"train": None}, {"train": None}),
}


@pytest.mark.parametrize(("base", "change", "result"), MERGED.values(), ids=MERGED)
def test_merging(base, change, result):
    assert merged(base, change) == result


keys = st.sampled_from(["a", "b", "c"])
trees = st.dictionaries(
    keys, st.recursive(st.integers(0, 3), lambda below: st.dictionaries(keys, below, max_size=3), max_leaves=6)
)


@given(trees, trees)
def test_merging_with_nothing_or_once_more_changes_nothing(base, change):
    assert merged(base, {}) == base
    assert merged({}, base) == base
    once = merged(base, change)
    assert merged(once, change) == once


@given(trees, trees)
def test_merging_leaves_its_arguments_alone(base, change):
    base_node, change_node = from_plain(base), from_plain(change)
    changed(base_node, change_node.value.items())
    assert (plain(base_node), plain(change_node)) == (base, change)


def test_every_part_keeps_the_line_that_it_came_from():
    base = parse("norm: batch\ntraining:\n  epochs: 1\n", "f")
    change = parse("# \n# \n# \n# \nnorm.momentum: 0.5\ntraining: {batch_size: 2}\n", "f")
    tree = changed(base, change.value.items())
    parts = [("norm", "name"), ("norm", "momentum"), ("training", "epochs"), ("training", "batch_size")]
    assert [get(tree, path).mark.line for path in parts] == [1, 5, 3, 6]


HOLDS_ITSELF = {}
HOLDS_ITSELF["a"] = HOLDS_ITSELF


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"a": {1: 2}}, "^a: a key must be text, not 1$"),
        ({"a": [object]}, r"^a\.0: takes text, numbers, true, false, lists and dicts, not <class 'object'>$"),
        (HOLDS_ITSELF, "nested more than 32 levels deep"),
    ],
    ids=["a number as key", "an object", "itself"],
)
def test_a_mapping_holds_plain_values(mapping, message):
    with pytest.raises(ConfigError, match=message):
        from_plain(mapping)
