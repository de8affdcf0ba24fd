"""A user's own layer in a config: its keys, its identity, and what is wrong with it before any process starts."""

import json
import pickle

import pytest
from own_layers import trial

from bnexp.config.load import ConfigError, from_mapping, load
from bnexp.config.selection import select
from bnexp.specs.experiment import plan
from bnexp.specs.trial import Trial, TrialSpec


def test_further_keys_are_its_arguments_beside_place_and_layers(folder):
    norm = trial(folder, {"name": "my_norms:Right", "alpha": 0.3, "sizes": [1, [2]], "layers": "dense"}).spec.norm
    assert norm.arguments == {"alpha": 0.3, "sizes": (1, (2,))}
    assert (norm.layers, norm.place) == ("dense", "before-activation")


def test_a_trial_survives_the_way_to_a_worker_and_into_a_record(folder):
    one = trial(folder, {"name": "my_norms:Right", "sizes": [1, 2]})
    again = Trial(TrialSpec.model_validate(json.loads(json.dumps(one.spec.model_dump(mode="json")))), one.seed)
    assert (again.identity, again.spec, hash(again.spec)) == (one.identity, one.spec, hash(one.spec))
    assert pickle.loads(pickle.dumps(one)) == one
    assert one.folder.startswith("mnist-5k-mlp-Right-b50-s0-")


def test_arguments_and_source_are_part_of_the_identity(folder):
    identities = {trial(folder, {"name": "my_norms:Right", "alpha": alpha}).identity for alpha in (0.1, 0.2)}
    (folder / "my_norms.py").write_text("class Right: ...  # edited")
    identities.add(trial(folder, {"name": "my_norms:Right", "alpha": 0.1}).identity)
    assert len(identities) == 3


def test_an_argument_can_be_an_axis_of_the_grid_and_select_trials(folder):
    (folder / "c.yaml").write_text("norm: my_norms:Right\ngrid: {norm.alpha: [0.1, 0.2]}\nseeds: 2")
    planned = list(plan(load(folder / "c.yaml")))
    assert [point.point.coordinates for point in planned[:2]] == [(("norm.alpha", 0.1),), (("norm.alpha", 0.2),)]
    assert len(select(planned, only=["norm.alpha=0.2"])) == 2


def test_loading_imports_nothing_of_the_users(folder):
    (folder / "loud.py").write_text("raise SystemExit('imported')\nclass Norm: ...")
    assert trial(folder, "loud:Norm").spec.norm.source is not None


MISTAKES = [
    ("my_norm:Right", "norm: no module 'my_norm' (my_norm.py or my_norm/__init__.py) in: "),
    (
        "my_norms:Write",
        "/my_norms.py defines no 'Write' at its top level; it defines: Alone, Cut, Lists, Mine, Nameless, ",
    ),
    ("my_norms:", "norm: a normalization of your own is written module:Class, as in my_norms:MyNorm, not 'my_norms:'"),
    ("unreadable:Norm", "/unreadable.py is not Python that this version can read: "),
    ({"name": "my_norms:Right", "source": "abc"}, "norm.source: norm.source is filled in, not set; remove it"),
    ({"name": "my_norms:Right", "place": "before"}, "norm.place must be before-activation or after-activation, not "),
    (
        {"name": "my_norms:Right", "alpha": {"a": 1}},
        "norm.alpha: an argument of your own class is a number, text, true, false, null or a list, not {'a': 1}",
    ),
    ("xyz", "norm: unknown normalization 'xyz'; known: none, affine, batch, "),
]


@pytest.mark.parametrize(("norm", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
def test_a_mistake(folder, norm, message):
    with pytest.raises(ConfigError) as error:
        trial(folder, norm)
    assert message in str(error.value)


def test_an_unknown_key_of_the_grid_stays_one_where_no_layer_is_the_users():
    with pytest.raises(ConfigError, match=r"unknown key 'norm.alpha'"):
        from_mapping({"norm": "batch", "grid": {"norm.alpha": [1]}}, name="x")
