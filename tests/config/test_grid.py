"""The order of the points, and selections from the plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnexp.config.load import from_mapping
from bnexp.config.selection import parse_seeds, select
from bnexp.errors import UserError
from bnexp.specs.experiment import plan
from bnexp.specs.wording import ranges

TWO = {"none": {"norm": "none"}, "bn": {"norm": "batch"}}


def experiment(variants=TWO, **keys):
    return from_mapping({"variants": variants, **keys}, name="e")


def places(found):
    """Variant and grid values of each point."""
    return [(point.variant, *(value for _, value in point.coordinates)) for point in found.points]


def test_the_grid_turns_its_last_axis_fastest_and_the_variants_within():
    found = experiment(grid={"training.batch_size": [16, 64], "training.epochs": [1, 2]})
    cells = [(16, 1), (16, 2), (64, 1), (64, 2)]
    assert places(found) == [(name, *cell) for cell in cells for name in ("none", "bn")]
    assert found.points[0].coordinates == (("training.batch_size", 16), ("training.epochs", 1))
    assert [point.spec.training.epochs for point in found.points] == [1, 1, 2, 2] * 2


def test_the_plan_is_seed_major():
    planned = list(plan(experiment(seeds=[5, 3])))
    assert [(one.trial.seed, one.point.variant) for one in planned] == [(5, "none"), (5, "bn"), (3, "none"), (3, "bn")]


def test_zip_advances_its_keys_together_as_the_last_axis():
    found = experiment(
        {"bn": {"norm": "batch"}},
        grid={"data.train": [100, 200]},
        zip={"training.batch_size": [16, 64], "training.epochs": [1, 2]},
    )
    assert places(found) == [("bn", 100, 16, 1), ("bn", 100, 64, 2), ("bn", 200, 16, 1), ("bn", 200, 64, 2)]


def test_included_points_follow_and_have_every_coordinate():
    found = experiment(
        grid={"training.batch_size": [16]},
        include=[{"variant": "bn", "training.epochs": 3}, {"training.batch_size": 512}],
    )
    assert places(found) == [("none", 16), ("bn", 16), ("bn", 64, 3), ("none", 512), ("bn", 512)]
    assert found.points[2].coordinates == (("training.batch_size", 64), ("training.epochs", 3))


def test_a_point_that_the_grid_has_is_not_included_again():
    found = experiment(grid={"training.batch_size": [16]}, include=[{"training.batch_size": 16}])
    assert places(found) == [("none", 16), ("bn", 16)]


EXCLUDED = {
    "a value": ({"training.batch_size": 2}, [("none", 4), ("bn", 4)]),
    "of a variant": ({"variant": "bn", "training.batch_size": 2}, [("none", 2), ("none", 4), ("bn", 4)]),
    "by a word": ({"norm": "batch", "training.batch_size": 2}, [("none", 2), ("none", 4), ("bn", 4)]),
    "by a default": ({"norm.momentum": 0.99, "training": {"batch_size": 4}}, [("none", 2), ("bn", 2), ("none", 4)]),
    "any of several": ({"variant": ["bn", "none"], "training.batch_size": [4, 9]}, [("none", 2), ("bn", 2)]),
}


@pytest.mark.parametrize(("entry", "left"), EXCLUDED.values(), ids=EXCLUDED)
def test_excluded_points_match_every_key(entry, left):
    assert places(experiment(grid={"training.batch_size": [2, 4]}, exclude=[entry])) == left


def test_points_that_are_excluded_need_not_be_right():
    grid = {"norm.groups": [4, 7]}
    found = experiment({"gn": {"norm": "group"}}, grid=grid, exclude=[{"norm.groups": 7}])
    assert places(found) == [("gn", 4)]


def test_the_grid_wins_over_the_variants_own_value():
    found = experiment(
        {"a": {"norm": "layer", "training.epochs": 9}}, grid={"norm": ["batch", {"name": "group", "groups": 4}]}
    )
    assert [point.spec.norm.name for point in found.points] == ["batch", "group"]
    assert places(found) == [("a", "batch"), ("a", "group(groups=4)")]


def test_coordinates_are_scalars():
    found = experiment({"a": {}}, grid={"model.filters": [[8, 16], [16, 32]], "data.train": [None, 500]})
    assert places(found)[:2] == [("a", "[8, 16]", None), ("a", "[8, 16]", 500)]


@pytest.fixture(scope="module")
def planned():
    norms = {"none": "none", "bn-pre": "batch", "bn-post": "batch", "gn": "group"}
    grid = {"training.batch_size": [16, 64], "training.optimizer.learning_rate": [0.001, 0.1]}
    return list(plan(experiment({name: {"norm": norm} for name, norm in norms.items()}, grid=grid, seeds=3)))


LEFT = {
    # how many of 48 trials patterns of `--only`, separated by spaces, leave
    48: ("", "norm=*", "optimizer=adam", "data=mnist", "data.train=null"),
    24: ("bn-*", "variant=bn-*", "norm=batch", "training.batch_size=16", "batch_size=1*", "learning_rate=1e-3"),
    12: ("none", "norm.groups=8"),
    6: ("bn-* batch_size=16 learning_rate=.1",),
}


@pytest.mark.parametrize(("only", "count"), [(only, count) for count, patterns in LEFT.items() for only in patterns])
def test_only_selects(planned, only, count):
    found = select(planned, only=only.split())
    assert len(found) == count
    assert found == [one for one in planned if one in found], "the order is the plan's"


def test_seeds_select(planned):
    assert {one.trial.seed for one in select(planned, seeds=frozenset({0, 2}), only=[])} == {0, 2}


OFFER = "matches nothing; there is variant: none, bn-pre, bn-post, gn"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"only": ["bnn"]}, f"--only bnn: {OFFER}"),
        ({"only": ["gn", "batch_size=99"]}, f"--only gn batch_size=99: {OFFER}; batch_size: 16, 64"),
        ({"only": ["batchsize=3"]}, "--only: unknown key 'batchsize'; did you mean"),
        ({"only": ["name=x"]}, "--only name: several blocks have this key; write one of data.name, model.name, "),
        ({"only": ["training=3"]}, "--only training: is a block; write one of its keys, as in training.…"),
        ({"seeds": frozenset({1, 7})}, "--seeds: 7 is not among the seeds of the config, 0-2"),
    ],
)
def test_selections_that_are_wrong(planned, options, message):
    with pytest.raises(UserError) as caught:
        select(planned, **options)
    assert str(caught.value).startswith(message)


WRITTEN = "--seeds takes numbers and ranges, as in 0-4,7, not"
TOO_MANY = "--seeds: a seed is at most 2147483648, and there are at most 100,000 of them"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *((text, f"{WRITTEN} {text!r}") for text in ("", "a", "-3", "1,,2")),
        ("4-2", "--seeds: the range 4-2 runs backwards; write 2-4"),
        *((text, TOO_MANY) for text in ("0-999999", "9999999999")),
    ],
)
def test_seeds_that_are_written_otherwise(text, message):
    with pytest.raises(UserError) as caught:
        parse_seeds(text)
    assert str(caught.value) == message


def test_seeds_are_numbers_and_ranges():
    assert parse_seeds(" 3, 0 - 1 ,7-7") == {0, 1, 3, 7}


@given(st.frozensets(st.integers(0, 50), min_size=1))
def test_ranges_are_read_as_they_are_written(seeds):
    assert parse_seeds(ranges(set(seeds))) == seeds
