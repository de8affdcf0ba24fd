"""Norms that make no sense in a model are refused when the config is loaded, with the key and the reason."""

from typing import Any

import pytest

from bnexp.config.load import ConfigError, from_mapping

NOT_DENSE = "a dense layer gives one number per example and channel, which instance norm makes the constant β"
NONE_SUCH = " has no layers of this kind that are normalized; it has"
CONSTANT = "which would become a constant"
EIGHT = "8 groups do not divide the"
BY_DEFAULT = "(norm.groups has its default)"
ONE_NUMBER = "layer norm of dense1, which is one number for each example, would be a constant"
ACTS = "acts on the kernel of a convolution or dense layer, and lstm normalizes none"
INSIDE = "the inputs and the final state of lstm have no"
ON_STATE = "; layers: state leaves the inputs as they are"

REFUSED = [
    ("mlp", "instance", f"norm: instance takes convolutions, and mlp has none: {NOT_DENSE}"),
    ("lstm", "instance", f"norm: instance takes convolutions, and lstm has none: {NOT_DENSE}"),
    ("cnn", {"name": "instance", "layers": "dense"}, "norm.layers: norm.layers must be conv, not the text 'dense'"),
    ("mlp", {"name": "batch", "layers": "conv"}, f"norm.layers: mlp{NONE_SUCH} dense"),
    ("cnn", {"name": "batch", "layers": "rows"}, f"norm.layers: cnn{NONE_SUCH} conv, dense"),
    ("lstm", {"name": "batch", "layers": "dense"}, f"norm.layers: lstm{NONE_SUCH} inputs, state"),
    (
        {"name": "lstm", "sequence": "columns"},
        {"name": "batch", "layers": "rows"},
        f"norm.layers: lstm{NONE_SUCH} inputs, state",
    ),
    ("lstm", "weight", f"norm: weight {ACTS}"),
    ("lstm", "spectral", f"norm: spectral {ACTS}"),
    ("lstm", "evonorm-s0", "norm: evonorm-s0 stands in place of an activation, and those of lstm are inside its cell"),
    (
        "lstm",
        {"name": "layer", "place": "after-activation"},
        "norm.place: the inputs and the final state of lstm have no activation behind them; leave the place out",
    ),
    (
        "cnn",
        {"name": "batch", "place": "in-cell"},
        "norm.place: in-cell is a place in the cell of lstm, and cnn has before-activation and after-activation",
    ),
    (
        "lstm",
        {"name": "group", "place": "inputs"},
        "norm.place: group has no form in the cell of lstm, only batch and layer have; leave the place out",
    ),
    (
        "lstm",
        {"name": "batch", "place": "inputs", "layers": "inputs"},
        "norm.layers: place: inputs says what is normalized in the cell of lstm; leave layers out",
    ),
    (
        "lstm",
        {"name": "layer", "place": "in-cell", "use_bias": False},
        "norm.use_bias: the bias in the cell of lstm comes after what is normalized; leave use_bias out",
    ),
    *(
        (
            "lstm",
            {"name": name, "use_bias": False},
            f"norm.use_bias: {INSIDE} linear layer before them; leave use_bias out",
        )
        for name in ("batch", "none")
    ),
    *(
        ({"name": "mlp", "widths": [1]}, name, f"norm: {ONE_NUMBER}")
        for name in ("layer", "layer-full")
    ),
    ("lstm", "group", f"norm: {EIGHT} 28 channels of rows{ON_STATE} {BY_DEFAULT}"),
    (
        {"name": "lstm", "sequence": "pixels"},
        "layer",
        f"norm: layer norm of pixels, which is one number for each example, would be a constant{ON_STATE}",
    ),
    ("cnn", {"name": "group", "groups": 7}, "norm.groups: 7 groups do not divide the 32 channels of conv1"),
    ({"name": "mlp", "widths": [64, 20]}, "group", f"norm: {EIGHT} 20 channels of dense2 {BY_DEFAULT}"),
    (
        {"name": "mlp", "widths": [8]},
        {"name": "group", "groups": 8},
        f"norm.groups: 8 groups leave one number to each group of dense1, {CONSTANT}; use fewer groups",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("model", "norm", "message"), REFUSED, ids=[str(case[:2]) for case in REFUSED])
def test_a_norm_that_makes_no_sense_is_refused(model: Any, norm: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        from_mapping({"model": model, "norm": norm}, name="x")
    assert str(error.value) == message


WRONG_MODELS = [
    ("mpl", "model: unknown model 'mpl'; did you mean 'mlp'? known: cnn, mlp, lstm, or your own module:function"),
    ({"name": "mlp", "width": [3]}, "model.width: model.width must be a whole number, not a list"),
    ({"name": "mlp", "widths": []}, "model.widths: model.widths is empty"),
    ({"name": "mlp", "widths": 64}, "model.widths: model.widths must be a list, not 64"),
    ({"name": "lstm", "units": 0}, "model.units: model.units must be at least 1, not 0"),
    ({"name": "lstm", "filters": [3]}, "model.filters: model 'lstm' has no key 'filters', only 'cnn' has"),
]


@pytest.mark.parametrize(("model", "message"), WRONG_MODELS, ids=[message for _, message in WRONG_MODELS])
def test_a_wrong_model_is_refused(model: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        from_mapping({"model": model, "norm": "none"}, name="x")
    assert str(error.value) == message


def test_the_rows_of_a_users_own_images_are_not_judged_before_they_are_known(tmp_path) -> None:
    (tmp_path / "mine.py").write_text("def load(): ...")
    experiment = from_mapping(
        {"data": "mine:load", "model": "lstm", "norm": {"name": "group", "groups": 16}},
        name="x",
        search_path=[str(tmp_path)],
    )
    assert experiment.points[0].spec.norm.groups == 16
