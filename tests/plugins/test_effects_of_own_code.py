"""What a user's code does beside computing: to the process that others train in, to chance, to the scores."""

import json

import keras
import numpy as np
import pytest
from own_layers import trial
from test_whole_runs import bnexp

from bnexp.errors import UserError
from bnexp.training import Trainer

HEAD = "import keras\nimport numpy as np\nfrom keras import ops\n"
LAYER = "class L(keras.layers.Layer):\n    def call(self, x):\n        return x\n"
EFFECTS = {
    "policy": "keras.mixed_precision.set_global_policy('mixed_bfloat16')\n",
    "epsilon": "keras.config.set_epsilon(1e-3)\n",
    "patch": "c = keras.layers.Dense.call\nkeras.layers.Dense.call = lambda self, x, training=None: 0.3 * c(self, x)\n",
    "attribute": "keras.my_counter = 1\n",
}


@pytest.fixture
def trainer():
    """As a worker has it; what is altered here is put back."""
    call, policy, epsilon = keras.layers.Dense.call, keras.config.dtype_policy(), keras.config.epsilon()
    yield Trainer(device="cpu", threads=1)
    keras.layers.Dense.call = call
    keras.config.set_dtype_policy(policy)
    keras.config.set_epsilon(epsilon)
    vars(keras).pop("my_counter", None)


def trained(trainer, folder, source, norm="m:L", seed=0):
    (folder / "m.py").write_text(HEAD + source)
    return trainer(trial(folder, norm, seed), lambda _: None)


@pytest.mark.slow
@pytest.mark.parametrize("effect", EFFECTS)
def test_a_process_that_own_code_has_altered_is_known(trainer, folder, effect):
    assert not trainer.altered()
    trained(trainer, folder, LAYER)
    assert not trainer.altered()
    trained(trainer, folder, EFFECTS[effect] + LAYER)
    assert trainer.altered()


@pytest.mark.slow
def test_and_no_trial_of_others_is_trained_in_it(tmp_path):
    (tmp_path / "m.py").write_text(HEAD + EFFECTS["patch"] + LAYER)
    config = (
        "data: {{name: mnist-5k, train: 100, validation: 50}}\nmodel: {{name: mlp, widths: [4]}}\nseeds: 2\n"
        "training: {{epochs: 1}}\nbaseline: none\nvariants: {{{}none: {{norm: none}}}}\n"
    )
    found = {}
    for name, variants in (("alone", ""), ("beside", "a: {norm: m:L}, ")):
        (tmp_path / "c.yaml").write_text(config.format(variants))
        done = bnexp("run", "c.yaml", "--jobs", "1", "--results", name, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        records = [json.loads(path.read_text()) for path in sorted(tmp_path.glob(f"{name}/trials/*none*/record.json"))]
        found[name] = [record["evaluations"][-1]["train_loss"] for record in records]
    assert done.stderr.count("caution: m:L: changes Keras or NumPy for its whole process") == 1
    assert len(found["alone"]) == 2
    assert found["beside"] == found["alone"]


def test_a_generator_without_a_seed_has_that_of_the_trial(trainer, folder):
    """`np.random.default_rng()` would ask the system."""
    source = (
        "from numpy.random import default_rng\nclass L(keras.layers.Layer):\n    def build(self, shape):\n"
        "        self.g = self.add_weight(name='g', shape=shape[-1:], initializer='ones')\n"
        "        self.g.assign(default_rng().normal(size=shape[-1:]) + np.random.default_rng().normal())\n"
        "    def call(self, x):\n        return self.g * x\n"
    )
    one, again, other = (trained(trainer, folder, source, seed=seed).evaluations[-1].train_loss for seed in (0, 0, 1))
    assert one == again != other
    assert np.random.default_rng(3).normal() == np.random.default_rng(3).normal() != np.random.default_rng().normal()


NOISY = """
class L(keras.layers.BatchNormalization):
    def call(self, x, training=None):
        y = super().call(x, training=training)
        return keras.random.dropout(y, 0.9, seed=3) if training else y
"""
BY_BATCH = "class L(keras.layers.Layer):\n    def call(self, x):\n        return x - ops.mean(x, axis=0)\n"


@pytest.mark.parametrize(
    ("source", "norm", "says"),
    [
        (
            NOISY,
            "m:L",
            "no scores with batch or recalibrated statistics: in training, a layer does more than normalize",
        ),
        (BY_BATCH, "m:L", "at inference its outputs change with the batch that an image is in"),
        (LAYER, "m:L", ""),
        (LAYER, "keras.layers:BatchNormalization", ""),
    ],
)
def test_scores_that_mean_something_else_are_left_out_or_said(trainer, folder, source, norm, says):
    record = trained(trainer, folder, source, norm)
    cautions = record.execution.get("cautions", [])
    assert len(cautions) == bool(says)
    assert all(says in text for text in cautions)
    assert (record.other_statistics is None) == (norm == "m:L")


@pytest.mark.parametrize("word", ["no", "off", "False"])
def test_a_word_for_a_truth_is_refused(trainer, folder, word):
    """It would count as true."""
    with pytest.raises(UserError, match=f"center is true or false, and '{word}' is a text"):
        trained(trainer, folder, LAYER, {"name": "keras.layers:BatchNormalization", "center": word})


def test_a_weight_that_is_to_be_overwritten_by_its_gradient_is(trainer, folder):
    """As Keras's `fit` does: after a step it is the gradient, and adam has no part in it."""
    source = (
        "class L(keras.layers.Layer):\n    def build(self, shape):\n"
        "        self.g = self.add_weight(name='g', shape=shape[-1:], initializer='ones')\n"
        "        self.g.overwrite_with_gradient = True\n    def call(self, x):\n        return self.g * x\n"
    )
    record = trained(trainer, folder, source)
    assert record.status == "ok"
    plain = trained(trainer, folder, source.replace("        self.g.overwrite_with_gradient = True\n", ""))
    assert record.evaluations[-1].train_loss != plain.evaluations[-1].train_loss


def test_a_file_that_a_layer_reads_is_told(trainer, folder):
    (folder / "k.json").write_text("2.0")
    source = "import json, pathlib\nK = json.loads(pathlib.Path(__file__).with_name('k.json').read_text())\n"
    record = trained(trainer, folder, source + LAYER)
    [text] = record.execution["cautions"]
    assert text == "norm m:L: reads k.json, which is no part of a trial's identity: an edit of it would not be noticed"
