"""Where a user's own layer starts: (seed, path within the layer) alone, whatever its way of drawing, whatever ran."""

import json
import random
from pathlib import Path
from typing import Any

import keras
import numpy as np
import own_layers
import pytest
from own_layers import trial
from test_whole_runs import bnexp

from bnexp.errors import UserError
from bnexp.records.record import TrialRecord
from bnexp.specs.trial import Trial, stream
from bnexp.training import Trainer

SOURCE = """
import random

import keras
import numpy as np
import tensorflow as tf
from keras import ops


class Kernel(keras.layers.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.kernel


class Normal(keras.layers.Layer):
    def __init__(self, before=False, fixed=None, **kwargs):
        super().__init__(**kwargs)
        self.before, self.fixed = before, fixed

    def build(self, shape):
        if self.before:
            self.other = self.add_weight(name="other", shape=(shape[-1],), initializer="random_normal")
        start = keras.initializers.RandomNormal(seed=self.fixed)
        self.g = self.add_weight(name="g", shape=(shape[-1],), initializer=start)
        self.h = self.add_weight(name="h", shape=(shape[-1],), initializer=start)

    def call(self, x):
        return x * (1 + self.g + self.h)


class Parts(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.zeros = keras.layers.Dense(1, kernel_initializer="zeros")
        self.drawn = keras.layers.Dense(1)

    def call(self, x):
        return x + self.zeros(x) + self.drawn(x)


class Streams(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.one, self.two = keras.random.SeedGenerator(1), keras.random.SeedGenerator(1)

    def call(self, x, training=None):
        if not training:
            return x
        noise = [keras.random.normal(ops.shape(x), seed=seed) for seed in (self.one, self.two)]
        return x + noise[0] - noise[1]


class Unseeded(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.start = np.random.normal()

    def build(self, shape):
        self.g = self.add_weight(name="g", shape=(shape[-1],), initializer=lambda s, dtype: np.random.normal(size=s))

    def call(self, x, training=None):
        noise = tf.numpy_function(lambda: np.float32(np.random.normal()), [], tf.float32)
        noise = ops.reshape(noise, ()) + keras.random.normal(x.shape[1:])
        return x * (self.start + self.g + random.random() + np.random.random()) + noise


class Hidden(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.steps = tf.Variable(1.0, name="steps")

    def call(self, x):
        return x * self.steps.assign_add(1.0)


class Counts(keras.layers.Layer):
    # Its `keras.metrics.Mean` is no weight, and known to Keras.
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.mean = keras.metrics.Mean()

    def call(self, x):
        self.mean.update_state(ops.mean(x))
        return x + self.mean.result()


class Breaks(keras.layers.Layer):
    # Fails once training has begun, from the value of its state.
    def build(self, shape):
        self.n = self.add_weight(name="n", shape=(), initializer="zeros", trainable=False)

    def call(self, x, training=None):
        if not training:
            return x
        n = self.n.assign_add(1.0)

        def check(n):
            if np.isnan(n) or n > 3:
                raise RuntimeError("it broke")
            return np.float32(1)

        self.n.assign(ops.where(n > 2, 10.0, n))
        return x * ops.reshape(tf.numpy_function(check, [n], tf.float32), ())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "states.py").write_text(SOURCE)
    return tmp_path


def two_blocks(folder: Path, norm: Any, seed: int = 0, **model: Any) -> Trial:
    shape, training = {"name": "mlp", "widths": [4, 3], **model}, {"epochs": 1, "batch_size": 25}
    return trial(folder, norm, seed, model=shape, training=training)


def start(folder: Path, norm: Any, seed: int = 0, **model: Any) -> dict[str, np.ndarray]:
    return own_layers.start(two_blocks(folder, norm, seed, **model))


def bits(record: TrialRecord) -> tuple[Any, ...]:
    rows = [row.model_copy(update={"seconds": 0.0}) for row in record.evaluations]
    return record.fingerprints, rows, record.test, record.other_statistics


@pytest.fixture
def train() -> Any:
    trainer = Trainer(device="cpu", threads=1)
    return lambda made: bits(trainer(made, lambda _: None))


def test_a_weight_named_kernel_starts_as_its_layer_says(folder):
    found = start(folder, "states:Kernel", initial_scale=3.0)
    np.testing.assert_array_equal(found["dense1_norm/kernel"], np.ones(4))
    assert found["dense1/kernel"].std() > 0


def test_random_weights_are_drawn_from_the_seed_and_their_own_path(folder):
    one, again, other = (start(folder, "states:Normal", seed) for seed in (0, 0, 1))
    beside = start(folder, {"name": "states:Normal", "before": True})
    for path in ("dense1_norm/g", "dense1_norm/h"):
        np.testing.assert_array_equal(one[path], again[path])
        np.testing.assert_array_equal(one[path], beside[path])
        assert not np.intersect1d(one[path], other[path]).size
    drawn = [one[path] for path in ("dense1_norm/g", "dense1_norm/h", "dense2_norm/g", "dense2_norm/h")]
    assert len(np.unique(np.concatenate(drawn))) == 4 + 4 + 3 + 3


def test_a_block_more_below_changes_nothing_in_the_layer_of_another(folder):
    norm = {"name": "states:Parts"}
    one, deeper = start(folder, norm), start(folder, norm, widths=[4, 3, 3])
    for path in (path for path in one if path.startswith(("dense1_norm", "dense2_norm"))):
        np.testing.assert_array_equal(one[path], deeper[path])


def test_an_initializer_with_a_seed_of_its_own_keeps_it(folder):
    one, other = (start(folder, {"name": "states:Normal", "fixed": 5}, seed)["dense1_norm/g"] for seed in (0, 1))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one, np.asarray(keras.initializers.RandomNormal(seed=5)((4,))))


def test_parts_without_names_are_numbered_within_the_layer_and_keep_their_zeros(folder):
    keras.layers.Dense(1)
    found = start(folder, "states:Parts")
    kernels = {path: value for path, value in found.items() if "_norm/" in path and path.endswith("kernel")}
    assert [f"dense{k}_norm/{part}/kernel" for k in (1, 2) for part in ("dense", "dense_1")] == list(kernels)
    assert [bool(value.any()) for value in kernels.values()] == [False, True, False, True]


def test_two_seed_generators_of_one_layer_have_a_stream_each(folder, train):
    found = [value for path, value in start(folder, "states:Streams").items() if "seed_generator_state" in path]
    assert len({value.tobytes() for value in found}) == len(found) == 4
    without = train(two_blocks(folder, "none"))
    assert train(two_blocks(folder, "states:Streams"))[1][-1].train_loss != without[1][-1].train_loss


def test_what_a_layer_draws_without_a_seed_follows_from_the_seed_of_the_two_blocks(folder, train):
    first = train(two_blocks(folder, "states:Unseeded"))
    keras.random.normal((3,))
    np.random.seed(1)
    assert train(two_blocks(folder, "states:Unseeded")) == first
    assert train(two_blocks(folder, "states:Unseeded", 1)) != first


def test_state_that_keras_does_not_know_of_is_refused_and_a_metric_is_not(folder, train):
    with pytest.raises(UserError, match=r"norm states:Hidden: keeps a variable .*steps.* make it with self.add_weight"):
        train(two_blocks(folder, "states:Hidden"))
    assert train(two_blocks(folder, "states:Counts")) == train(two_blocks(folder, "states:Counts"))


def test_after_a_failure_the_next_trial_starts_anew(folder, train):
    for seed in (0, 1):
        with pytest.raises(Exception, match="it broke") as error:
            train(two_blocks(folder, "states:Breaks", seed))
        assert "no model can be built" not in str(error.value)


def test_no_program_that_failed_is_used_again(monkeypatch, folder):
    trainer = Trainer(device="cpu", threads=1)
    trainer(two_blocks(folder, "none"), lambda _: None)

    def fail(progress: Any) -> None:
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        trainer(two_blocks(folder, "none"), fail)
    assert not trainer(two_blocks(folder, "none"), lambda _: None).execution["compiled_model_reused"]


@pytest.mark.slow
def test_any_order_of_trials_gives_the_bits_of_each_alone(folder):
    """Alone: each by a trainer of its own.  Then all by one, shuffled, failures among them."""
    names = ["states:Kernel", "states:Normal", "states:Parts", "states:Streams", "states:Unseeded", "batch"]
    trials = [two_blocks(folder, name, seed) for name in names for seed in (0, 1)]
    draw = random.Random(stream(1, "orders"))
    chosen = draw.sample(trials, 5)
    alone = [bits(Trainer(device="cpu", threads=1)(one, lambda _: None)) for one in chosen]
    together, trainer = {}, Trainer(device="cpu", threads=1)
    for k in draw.sample(range(len(chosen)), len(chosen)):
        with pytest.raises(Exception, match=r"it broke|self\.add_weight"):
            trainer(two_blocks(folder, draw.choice(["states:Breaks", "states:Hidden"])), lambda _: None)
        together[k] = bits(trainer(chosen[k], lambda _: None))
    assert [together[k] for k in range(len(chosen))] == alone


PARTS = [
    ("self.g{k} = self.add_weight(shape=s[-1:], initializer='random_normal')", "x = x * (1 + self.g{k})"),
    ("self.kernel{k} = self.add_weight(name='kernel', shape=s[-1:], initializer='ones')", "x = x * self.kernel{k}"),
    ("self.d{k} = keras.layers.Dense(s[-1])", "x = x + self.d{k}(x)"),
    ("self.drop{k} = keras.layers.Dropout(0.3)", "x = self.drop{k}(x, training=training)"),
    (
        "self.seed{k} = keras.random.SeedGenerator()",
        "x = x + keras.random.normal(keras.ops.shape(x), seed=self.seed{k})",
    ),
    ("self.b{k} = keras.layers.BatchNormalization()", "x = self.b{k}(x, training=training)"),
    ("self.c{k} = keras.layers.GaussianNoise(0.1)", "x = self.c{k}(x, training=training)"),
]


def random_layer(draw: random.Random, name: str) -> str:
    """A layer of some parts, in an order."""
    parts = [(make.format(k=k), use.format(k=k)) for k, (make, use) in enumerate(draw.choices(PARTS, k=4))]
    made, used = ("".join(f"        {each[at]}\n" for each in parts) for at in (0, 1))
    head = f"class {name}(keras.layers.Layer):\n    def build(self, s):\n{made}"
    return f"{head}    def call(self, x, training=None):\n{used}        return x\n\n\n"


@pytest.mark.slow
def test_random_layers_train_to_the_same_bits_in_any_order_by_one_worker_or_four(tmp_path):
    draw = random.Random(stream(0, "layers"))
    names = [f"R{k}" for k in range(4)]
    (tmp_path / "r.py").write_text("import keras\n\n\n" + "".join(random_layer(draw, name) for name in names))
    found = []
    for jobs in (1, 4):
        variants = ", ".join(f"{name}: {{norm: 'r:{name}'}}" for name in draw.sample(names, len(names)))
        (tmp_path / "c.yaml").write_text(
            "data: {name: mnist-5k, train: 100, validation: 50}\nmodel: {name: mlp, widths: [4, 4]}\nseeds: 2\n"
            f"training: {{epochs: 1, batch_size: 50}}\nvariants: {{none: {{norm: none}}, {variants}}}\n"
        )
        done = bnexp("run", "c.yaml", "--jobs", str(jobs), "--results", f"by{jobs}", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        records = [json.loads(path.read_text()) for path in sorted(tmp_path.glob(f"by{jobs}/trials/*/record.json"))]
        found.append([[each[key] for key in ("identity", "fingerprints", "test")] for each in records])
    assert found[0] == found[1]
    assert len(found[0]) == 10
