"""The optimizers that are not Keras's own classes: Adam's update in one kernel for each variable, and a user's."""

import inspect
from typing import Any

import keras
import tensorflow as tf

from bnexp.specs.optimizer import OwnOptimizer
from bnexp.usercode.code import own_code


class _Alone(keras.optimizers.Optimizer):
    """Keras's steps without its way through `tf.distribute`, which keeps the graph of every model for good."""

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any) -> None:
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            self.update_step(gradient, variable.value, learning_rate)

    def _apply_weight_decay(self, variables: Any) -> None:
        for variable in variables if self.weight_decay else ():
            rate, decay = (tf.cast(number, variable.dtype) for number in (self.learning_rate, self.weight_decay))
            variable.value.assign_sub(variable.value * decay * rate)


class SGD(_Alone, keras.optimizers.SGD):
    """Keras's gradient descent."""


class RMSprop(_Alone, keras.optimizers.RMSprop):
    """Keras's RMSprop."""


class FusedAdam(_Alone, keras.optimizers.Adam):
    """Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980), all but its update Keras's.

    m ← m + (1 − β₁)(g − m), v ← v + (1 − β₂)(g² − v), w ← w − η √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε) for each weight w
    with gradient g at step t = 1, 2, ...; TensorFlow does it in one pass over memory, where Keras makes twelve.
    """

    def update_step(self, gradient: tf.Tensor, variable: Any, learning_rate: tf.Tensor) -> None:
        """Change one weight, of those that it was built for, by one step."""
        kind, index = variable.dtype, self._get_variable_index(variable)
        steps = tf.cast(self.iterations.value + 1, kind)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(_single(self.beta_1, kind), steps),
            beta2_power=tf.pow(_single(self.beta_2, kind), steps),
            lr=tf.cast(learning_rate, kind),
            beta1=tf.constant(self.beta_1, kind),
            beta2=tf.constant(self.beta_2, kind),
            epsilon=tf.constant(self.epsilon, kind),
            grad=tf.convert_to_tensor(gradient),  # of a look-up they are the rows that were looked up
        )


def own(spec: OwnOptimizer) -> keras.optimizers.Optimizer:
    """A new optimizer of a user's class or Keras's, within `usercode.in_use`; UserError where it cannot be made."""
    code = own_code("training.optimizer", spec.name, spec.source, ())
    assert code is not None, spec
    inherited = [name for name in inspect.signature(keras.optimizers.Optimizer).parameters if name != "kwargs"]
    made: keras.optimizers.Optimizer = code.make(keras.optimizers.Optimizer, inherited, spec.own_arguments)
    return made


def _single(number: float, kind: tf.DType) -> tf.Tensor:
    """`number` after rounding to float32, which is what Keras raises to a power."""
    return tf.cast(tf.constant(number, tf.float32), kind)
