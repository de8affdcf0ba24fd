"""The named initializers of kernels: arguments, and the Keras class that draws each; a line of the union for each."""

from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field, model_validator

from bnexp.specs.values import Word, named

Gain = Annotated[float, Field(gt=0, description="the matrix is multiplied by this")]
Deviation = Annotated[float, Field(gt=0, description="standard deviation, of truncated_normal before it is truncated")]


class Initializer(Word):
    """Its fields are the arguments of the Keras class, by Keras's names and with its defaults."""

    target: ClassVar[str]
    """`"module:class"`; identity, which draws nothing, has none."""


class GlorotUniform(Initializer):
    target = "keras.initializers:GlorotUniform"

    name: Literal["glorot_uniform"] = "glorot_uniform"


class GlorotNormal(Initializer):
    target = "keras.initializers:GlorotNormal"

    name: Literal["glorot_normal"] = "glorot_normal"


class HeUniform(Initializer):
    target = "keras.initializers:HeUniform"

    name: Literal["he_uniform"] = "he_uniform"


class HeNormal(Initializer):
    target = "keras.initializers:HeNormal"

    name: Literal["he_normal"] = "he_normal"


class LecunNormal(Initializer):
    target = "keras.initializers:LecunNormal"

    name: Literal["lecun_normal"] = "lecun_normal"


class Orthogonal(Initializer):
    """Saxe et al. 2014 (https://arxiv.org/abs/1312.6120)."""

    target = "keras.initializers:Orthogonal"

    name: Literal["orthogonal"] = "orthogonal"
    gain: Gain = 1.0


class Normal(Initializer):
    target = "keras.initializers:RandomNormal"

    name: Literal["normal"] = "normal"
    stddev: Deviation = 0.05


class TruncatedNormal(Initializer):
    """Numbers beyond two standard deviations are drawn again."""

    target = "keras.initializers:TruncatedNormal"

    name: Literal["truncated_normal"] = "truncated_normal"
    stddev: Deviation = 0.05


class Uniform(Initializer):
    target = "keras.initializers:RandomUniform"

    name: Literal["uniform"] = "uniform"
    minval: float = Field(-0.05, description="smallest number")
    maxval: float = Field(0.05, description="largest number")

    @model_validator(mode="after")
    def _check(self) -> "Uniform":
        if not self.minval < self.maxval:
            raise ValueError(f"minval ({self.minval:g}) does not lie below maxval ({self.maxval:g})")
        return self


class VarianceScaling(Initializer):
    """Variance scale / n, n the number of inputs, of outputs or their mean: glorot, he and lecun are cases of it."""

    target = "keras.initializers:VarianceScaling"

    name: Literal["variance_scaling"] = "variance_scaling"
    scale: float = Field(1.0, gt=0, description="variance times n")
    mode: Literal["fan_in", "fan_out", "fan_avg"] = Field("fan_in", description="n: inputs, outputs or their mean")
    distribution: Literal["truncated_normal", "untruncated_normal", "uniform"] = "truncated_normal"


class Identity(Initializer):
    """Ones on the diagonal of a matrix; of an LSTM's kernels, in the matrix of each gate."""

    name: Literal["identity"] = "identity"
    gain: Gain = 1.0


AnyInitializer = Annotated[
    GlorotUniform
    | GlorotNormal
    | HeUniform
    | HeNormal
    | LecunNormal
    | Orthogonal
    | Normal
    | TruncatedNormal
    | Uniform
    | VarianceScaling
    | Identity,
    Discriminator("name"),
    named("glorot_uniform"),
]
AnyRecurrent = Annotated[Orthogonal | Identity, Discriminator("name"), named("orthogonal")]
