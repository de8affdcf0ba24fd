"""Folding: the same outputs from fewer layers, and never others."""

import keras
import numpy as np
import pytest
from keras import layers

import bnexp
from bnexp import norms
from bnexp.errors import UserError

BN = layers.BatchNormalization
IMAGE = (6, 6, 3)


def filled(model, seed=0):
    """The model with weights and statistics away from where they start."""
    generator = np.random.default_rng(seed)
    for variable in model.weights:
        positive = "variance" in variable.name or "deviation" in variable.name or "gamma" in variable.name
        drawn = generator.uniform(0.3, 2.0, variable.shape) if positive else generator.normal(0, 0.4, variable.shape)
        variable.assign(drawn.astype(variable.dtype))
    return model


def chain(*parts, image=IMAGE):
    return filled(keras.Sequential([keras.Input(image), *parts]))


def functional(make, image=IMAGE):
    inputs = keras.Input(image)
    return filled(keras.Model(inputs, make(inputs)))


def normalizations(model):
    return sum(isinstance(layer, (BN, norms.bases.MovingAverages)) for layer in model._flatten_layers())


def same(model, folded):
    x = np.random.default_rng(1).normal(size=(5, *model.input_shape[1:])).astype("float32")
    one, other = (keras.tree.flatten(each(x, training=False)) for each in (model, folded))
    for here, there in zip(one, other, strict=True):
        np.testing.assert_allclose(np.asarray(there), np.asarray(here), rtol=1e-4, atol=1e-4)


FOLDED = {
    "dense": lambda: chain(layers.Dense(4), BN(), image=(7,)),
    "dense of sequences": lambda: chain(layers.Dense(4), BN(), image=(5, 7)),
    "without a bias": lambda: chain(layers.Conv2D(4, 3, use_bias=False), BN(), layers.ReLU()),
    "padded, strided, in groups": lambda: chain(layers.Conv2D(6, 3, 2, padding="same", groups=3), BN()),
    "neither scale nor center": lambda: chain(layers.Conv2D(4, 3), BN(scale=False, center=False)),
    "depthwise": lambda: chain(layers.DepthwiseConv2D(3, depth_multiplier=2), BN(epsilon=0.1)),
    "transposed": lambda: chain(layers.Conv2DTranspose(5, 3, 2), BN()),
    "one dimension": lambda: chain(layers.Conv1D(4, 3), BN(), image=(6, 3)),
    "positive axis": lambda: chain(layers.Conv2D(4, 3), BN(axis=3)),
    "batch-renorm": lambda: chain(layers.Conv2D(4, 3), norms.BatchRenormalization()),
    "ghost-batch": lambda: chain(layers.Conv2D(4, 3), norms.GhostBatchNormalization()),
    "frozen-batch": lambda: chain(layers.Dense(4), norms.FrozenBatchNormalization(), image=(7,)),
    "noisy-batch": lambda: chain(layers.Conv2D(4, 3), norms.NoisyBatchNormalization()),
    "mean-only-batch": lambda: chain(layers.Conv2D(4, 3), norms.MeanOnlyBatchNormalization()),
    "residual branch": lambda: functional(lambda x: layers.Add()([x, BN()(layers.Conv2D(3, 3, padding="same")(x))])),
    "two outputs": lambda: functional(lambda x: {"a": BN()(layers.Conv2D(3, 3)(x)), "b": layers.Flatten()(x)}),
    "a model within": lambda: chain(keras.Sequential([keras.Input(IMAGE), layers.Conv2D(4, 3), BN()]), layers.ReLU()),
}


@pytest.mark.parametrize("case", FOLDED)
def test_a_norm_directly_after_a_linear_layer_disappears_and_the_outputs_stay(case):
    model = FOLDED[case]()
    folded = bnexp.fold(model)
    assert (normalizations(model), normalizations(folded)) == (1, 0)
    same(model, folded)


def twice(x, first, second):
    return layers.Concatenate()([second(first(x)), second(first(2 * x))])


def used_elsewhere(x):
    y = layers.Conv2D(3, 3)(x)
    return layers.Add()([y, BN()(y)])


def output_too(x):
    y = layers.Dense(3)(x)
    return [y, BN()(y)]


def shared_linear(x):
    linear = layers.Dense(3)
    return [BN()(linear(x)), BN()(linear(2 * x))]


class Doubled(BN):
    """Something else than its class says."""

    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training)


STAYS = {
    "activation inside": lambda: chain(layers.Conv2D(4, 3, activation="relu"), BN()),
    "after an activation": lambda: chain(layers.Conv2D(4, 3), layers.ReLU(), BN()),
    "after pooling": lambda: chain(layers.Conv2D(4, 3), layers.MaxPooling2D(), BN()),
    "after dropout": lambda: chain(layers.Conv2D(4, 3), layers.Dropout(0.5), BN()),
    "first": lambda: chain(BN(), layers.Conv2D(4, 3)),
    "another axis": lambda: chain(layers.Conv2D(4, 3), BN(axis=1)),
    "shared norm and linear layer": lambda: functional(lambda x: twice(x, layers.Conv2D(3, 3), BN())),
    "shared linear layer": lambda: functional(shared_linear),
    "output used elsewhere": lambda: functional(used_elsewhere),
    "output of the model": lambda: functional(output_too),
    "in training mode": lambda: functional(lambda x: BN()(layers.Conv2D(3, 3)(x), training=True)),
    "a subclass": lambda: chain(layers.Conv2D(4, 3), Doubled()),
    "weight normalization": lambda: chain(norms.WeightNormConv2D(4, 3), norms.MeanOnlyBatchNormalization()),
    "of the example too": lambda: chain(layers.Conv2D(4, 3), norms.BatchInstanceNormalization()),
    "in half precision": lambda: chain(layers.Conv2D(4, 3, dtype="mixed_float16"), BN(dtype="mixed_float16")),
}


@pytest.mark.parametrize("case", STAYS)
def test_what_cannot_be_folded_stays(case):
    model = STAYS[case]()
    folded = bnexp.fold(model)
    assert normalizations(folded) == normalizations(model)
    same(model, folded)


def test_a_network_of_residual_blocks_keeps_only_the_norm_after_its_sum():
    def network(x):
        for width in (3, 4):
            y = BN()(layers.SeparableConv2D(width, 3, padding="same")(layers.ReLU()(x)))  # no single linear layer
            y = BN()(layers.Conv2D(width, 3, padding="same")(layers.ReLU()(y)))
            x = layers.Add()([y, BN()(layers.Conv2D(width, 1)(x))])
        return layers.Dense(10)(layers.GlobalAveragePooling2D()(BN()(x)))

    model = functional(network)
    folded = bnexp.fold(model)
    assert (normalizations(model), normalizations(folded)) == (7, 3)
    same(model, folded)


def test_the_original_stays_and_the_copy_is_its_own():
    model = chain(layers.Conv2D(4, 3), BN(), layers.Flatten(), layers.Dense(2))
    before = [value.copy() for value in model.get_weights()]
    folded = bnexp.fold(model)
    x = np.ones((2, *IMAGE), "float32")
    expected = np.asarray(folded(x))
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    filled(model, seed=9)
    np.testing.assert_array_equal(np.asarray(folded(x)), expected)


def test_without_copies_what_stays_is_shared():
    model = chain(layers.Conv2D(4, 3), BN(), layers.Flatten(), layers.Dense(2))
    folded = bnexp.fold(model, copy=False)
    assert folded.layers[-1] is model.layers[-1]
    assert folded.layers[1] is not model.layers[0]
    same(model, folded)


def test_a_part_of_a_model_that_begins_behind_the_linear_layer_is_its_own_graph():
    inputs = keras.Input((7,))
    middle = layers.Dense(4)(inputs)
    whole = keras.Model(inputs, BN()(middle))
    other = filled(keras.Model(middle, whole.output))
    assert normalizations(bnexp.fold(other)) == 1
    same(other, bnexp.fold(other))


@pytest.mark.filterwarnings(  # Keras 3.15 hands its variables to h5py, which asks numpy for them
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
def test_a_folded_model_is_saved_and_read_as_any_other(tmp_path):
    folded = bnexp.fold(chain(layers.Conv2D(4, 3), BN()))
    folded.save(tmp_path / "folded.keras")
    same(folded, keras.models.load_model(tmp_path / "folded.keras"))


class Own(keras.Model):
    def call(self, inputs):
        return inputs


class Scaled(keras.Model):
    """A graph whose call is another."""

    def call(self, inputs, training=None):
        return 3 * super().call(inputs, training=training)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Own, "fold takes a Sequential or functional model; Own has a call of its own"),
        (lambda: Scaled(x := keras.Input((3,)), layers.Dense(2)(x)), "Scaled has a call of its own"),
        (lambda: keras.Sequential([layers.Dense(2)], name="net"), "fold: net has no weights yet; give it an Input"),
    ],
)
def test_what_is_no_graph_of_layers_is_refused(make, message):
    with pytest.raises(UserError, match=message):
        bnexp.fold(make())
