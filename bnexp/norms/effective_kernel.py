"""What the linear layers with a rule for their weights share: outputs come from a function of the raw kernel."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import keras
from keras import ops

from bnexp.specs.norms.base import Norm


def linear_of(conv: "type[EffectiveKernel]", dense: "type[EffectiveKernel]") -> Callable[..., keras.layers.Layer]:
    """What makes the linear layer of a row of the table, a convolution or a dense layer."""

    def linear(row: Norm, kind: Literal["conv", "dense"], units: int, name: str, **keywords: Any) -> EffectiveKernel:
        made = conv if kind == "conv" else dense
        own = {key: getattr(row, key) for key in made.arguments}
        return made(units, name=name, **own, **keywords)

    return linear


class EffectiveKernel(keras.layers.Layer):
    """Before `keras.layers.Conv2D` or `Dense` among the bases: the layer uses `effective_kernel`, and trains `kernel`.

    The rule is computed in float32 at least; then the kernel is cast to the policy's compute dtype, as Keras does.
    """

    arguments: ClassVar[tuple[str, ...]] = ()
    """What the class is made with beside the arguments of Keras's layer: its attributes, and fields of the row."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{key: getattr(self, key) for key in self.arguments}}

    def build(self, input_shape: Any) -> None:
        """ValueError for channels first: outputs are (N,...,units) throughout."""
        if getattr(self, "data_format", "channels_last") != "channels_last":
            raise ValueError(f"{type(self).__name__} takes data_format='channels_last'; received {self.data_format!r}")
        super().build(input_shape)

    def effective_kernel(self, training: bool | None = None) -> Any:
        """What takes the place of the kernel, of its shape (..., fan-in, units)."""
        raise NotImplementedError

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        outputs = self.apply_kernel(inputs, self.effective_kernel(training))
        if self.bias is not None:
            outputs = outputs + ops.cast(self.bias, outputs.dtype)
        return outputs if self.activation is None else self.activation(outputs)

    def apply_kernel(self, inputs: Any, kernel: Any) -> Any:
        """Convolution or matrix product in the policy's compute dtype, without bias and activation."""
        kernel = ops.cast(kernel, self.compute_dtype)
        return self.convolution_op(inputs, kernel) if self.is_convolution else ops.matmul(inputs, kernel)

    @property
    def is_convolution(self) -> bool:
        return isinstance(self, keras.layers.Conv2D)

    def add_weight(self, *arguments: Any, **keywords: Any) -> Any:
        """As Keras's, but never rounded to the compute dtype: a norm over many weights needs float32."""
        return super().add_weight(*arguments, **{**keywords, "autocast": False})

    def precise(self, value: Any) -> Any:
        """`value`, a weight, in the precision that the rule is computed in."""
        return ops.cast(value, keras.backend.result_type(self.variable_dtype, "float32"))

    def save_own_variables(self, store: Any) -> None:
        """All of them, by Keras's general rule: Conv2D and Dense save only the kernel and the bias."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        keras.layers.Layer.load_own_variables(self, store)


def fan_in_axes(kernel: Any) -> tuple[int, ...]:
    """The axes of a kernel that one output unit sums over: all but the last."""
    return tuple(range(len(kernel.shape) - 1))
