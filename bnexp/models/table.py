"""The named models: what a config may say of each, and the shapes that follow.  No TensorFlow here."""

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, model_validator

from bnexp.values import Frozen, named


class Block(NamedTuple):
    """A place that takes a normalization: linear → [norm] → activation → [norm] → pool."""

    name: str
    """Name of the linear layer: `conv1`, `dense1`."""
    kind: Literal["conv", "dense"]
    shape: tuple[int, ...]
    """What the linear layer gives for one example: (height, width, channels) or (units,)."""


class CnnSpec(Frozen):
    """The reference CNN; without further keys: conv 32, pool, conv 64, pool, conv 64, dense 64, dense 10."""

    name: Literal["cnn"] = "cnn"
    filters: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)] = Field(
        (32, 64, 64), description="filters of each convolution, first to last"
    )
    kernel_size: int = Field(3, ge=1, description="height and width of each kernel, in pixels")
    padding: Literal["valid", "same"] = "valid"
    pools: int = Field(2, ge=0, description="2x2 max-pooling after the first so many convolutions")
    dense: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)] = Field(
        (64,), description="units of each hidden dense layer, first to last"
    )
    activation: Literal["relu", "sigmoid", "tanh", "elu", "gelu", "silu"] = "relu"
    dropout: float = Field(0.0, ge=0, lt=1, description="share dropped after each hidden dense layer")
    initializer: Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal", "orthogonal"] = (
        Field("glorot_uniform", description="Keras initializer of every kernel")
    )
    initial_scale: float = Field(1.0, gt=0, description="every initial kernel is multiplied by this")

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return named(value)

    def blocks(self, image: tuple[int, int, int]) -> list[Block]:
        """The hidden blocks in order, for images of (height, width, channels).

        Raises ValueError where the image becomes smaller than a kernel.
        """
        height, width, _ = image
        blocks: list[Block] = []
        for k, filters in enumerate(self.filters, 1):
            if self.padding == "valid":
                height, width = height - self.kernel_size + 1, width - self.kernel_size + 1
            if min(height, width) < 1:
                raise ValueError(
                    f"conv{k} would see an image smaller than its {self.kernel_size}x{self.kernel_size} kernel; "
                    f"use fewer filters or pools, or padding: same"
                )
            blocks.append(Block(f"conv{k}", "conv", (height, width, filters)))
            if k <= self.pools:
                height, width = height // 2, width // 2
        if min(height, width) < 1:
            raise ValueError(f"{self.pools} times 2x2 pooling leaves nothing of the image; use fewer pools")
        return blocks + [Block(f"dense{k}", "dense", (units,)) for k, units in enumerate(self.dense, 1)]


MODELS = {"cnn": "bnexp.models.cnn:build"}
