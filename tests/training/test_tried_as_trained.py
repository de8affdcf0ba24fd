"""A user's own layer is tried in the way in which it will be trained."""

from small_trial import small

from bnexp.specs.trial import Trial

LAYER = """
import keras
import tensorflow as tf


class Foreign(keras.layers.Layer):
    def call(self, x):
        y = tf.numpy_function(lambda a: 2 * a, [x], tf.float32)
        y.set_shape(x.shape)
        return x + tf.stop_gradient(y - x)
"""


def test_31_what_xla_cannot_compile_is_tried_as_a_graph_and_trained_so_on_a_gpu(trainer, tmp_path, monkeypatch):
    (tmp_path / "m.py").write_text(LAYER)
    own = Trial(small(model={"name": "mlp", "widths": [4]}, norm={"name": "m:Foreign"}), 0, (str(tmp_path),))
    trainer.check(own)
    monkeypatch.setitem(trainer.device, "device", "gpu")
    trainer.check(own)
    record = trainer(own, lambda _: None)
    assert (record.status, record.execution["step"]) == ("ok", "graph")
