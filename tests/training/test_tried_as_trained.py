"""A user's own layer is tried in the way in which it will be trained."""

import pytest
from small_trial import small

from bnexp.errors import UserError
from bnexp.specs.trial import Trial
from bnexp.training.execution import XLA_FEWEST_STEPS

LAYER = """
import keras
import tensorflow as tf


class Foreign(keras.layers.Layer):
    def call(self, x):
        y = tf.numpy_function(lambda a: 2 * a, [x], tf.float32)
        y.set_shape(x.shape)
        return x + tf.stop_gradient(y - x)
"""


def test_31_what_xla_cannot_compile_is_found_before_the_first_trial_that_needs_it(trainer, tmp_path):
    (tmp_path / "m.py").write_text(LAYER)

    def trial(batch_size, epochs):
        training = {"epochs": epochs, "batch_size": batch_size}
        own = {"model": {"name": "mlp", "widths": [4]}, "norm": {"name": "m:Foreign"}, "training": training}
        return Trial(small(**own), 0, (str(tmp_path),))

    examples = small().data.train
    trainer.check(trial(2, 1))
    with pytest.raises(
        UserError, match=r"norm m:Foreign: no model can be built with it: Detected unsupported operations .*PyFunc"
    ):
        trainer.check(trial(2, -(-2 * XLA_FEWEST_STEPS // examples)))
