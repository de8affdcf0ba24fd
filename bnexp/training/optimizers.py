"""The optimizers: Keras's, with Adam's update in one kernel for each variable."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from bnexp.errors import UserError
from bnexp.specs.optimizer import Adam, Sgd


class FusedAdam:
    """Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980), as `keras.optimizers.Adam` computes it.

    m ← m + (1 − β₁)(g − m), v ← v + (1 − β₂)(g² − v), w ← w − η √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε) for each weight w
    with gradient g at step t = 1, 2, ...; TensorFlow does it in one pass over memory, where Keras makes twelve.  Then,
    as in Keras, every weight that has a constraint is put under it.
    """

    def __init__(self, spec: Adam) -> None:
        self._spec = spec
        self.learning_rate = tf.Variable(spec.learning_rate, trainable=False, dtype=tf.float32)  # as Keras rounds it
        self._steps = tf.Variable(0, trainable=False, dtype=tf.int64)
        self._moments: dict[int, tuple[tf.Variable, tf.Variable]] = {}

    @property
    def variables(self) -> list[tf.Variable]:
        """All that a step changes beside the weights: t, and of each weight m and v."""
        return [self._steps, *(moment for pair in self._moments.values() for moment in pair)]

    def build(self, weights: Sequence[keras.Variable]) -> None:
        """Make m and v for these weights, all zero; UserError where one is not updated as others are."""
        for weight in weights:
            if weight.overwrite_with_gradient:
                raise UserError(
                    f"{weight.path} is to be overwritten by its gradient, which `adam` does not do here; `sgd` does"
                )
            zeros = tf.zeros(weight.shape, weight.value.dtype)
            self._moments[id(weight)] = tf.Variable(zeros, trainable=False), tf.Variable(zeros, trainable=False)

    def apply(self, gradients: Sequence[tf.Tensor], weights: Sequence[keras.Variable]) -> None:
        """Change `weights`, of those of `build`, by one step."""
        beta_1, beta_2 = self._spec.beta_1, self._spec.beta_2
        self._steps.assign_add(1)
        for gradient, weight in zip(gradients, weights, strict=True):
            kind, (m, v) = weight.value.dtype, self._moments[id(weight)]
            steps = tf.cast(self._steps, kind)
            tf.raw_ops.ResourceApplyAdam(
                var=weight.value.handle,
                m=m.handle,
                v=v.handle,
                beta1_power=tf.pow(_single(beta_1, kind), steps),
                beta2_power=tf.pow(_single(beta_2, kind), steps),
                lr=tf.cast(self.learning_rate, kind),
                beta1=tf.constant(beta_1, kind),
                beta2=tf.constant(beta_2, kind),
                epsilon=tf.constant(self._spec.epsilon, kind),
                grad=tf.convert_to_tensor(gradient),  # of a look-up they are the rows that were looked up
            )
        for weight in weights:
            if weight.constraint is not None:
                weight.assign(weight.constraint(weight))


def sgd(spec: Sgd) -> keras.optimizers.Optimizer:
    """Keras's gradient descent."""
    return keras.optimizers.SGD(spec.learning_rate, spec.momentum, spec.nesterov)


def _single(number: float, kind: tf.DType) -> tf.Tensor:
    """`number` after rounding to float32, which is what Keras raises to a power."""
    return tf.cast(tf.constant(number, tf.float32), kind)
