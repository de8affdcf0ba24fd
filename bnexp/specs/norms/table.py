"""The named normalizations: what a config may say of each, and where it is built.

A row is a frozen value with the method's arguments as fields, and the facts of its card as class variables.
`target` and `linear_target` name the functions that build the Keras layers, so that listing the methods imports no
TensorFlow.
"""

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from bnexp.specs.norms.activations import EvoNormB0, EvoNormS0, FilterResponseNorm
from bnexp.specs.norms.base import Averaging, Norm, Normalizing, Placed
from bnexp.specs.norms.batches import BatchInstanceNorm, BatchNorm, BatchRenorm, GhostBatchNorm, SwitchableNorm
from bnexp.specs.norms.examples import (
    AffineNorm,
    GroupNorm,
    InstanceNorm,
    LayerChannelNorm,
    LayerFullNorm,
    LayerNorm,
    NoNorm,
    RmsNorm,
)
from bnexp.specs.norms.weights import MeanOnlyBatchNorm, SpectralNorm, WeightNorm, WeightStandardizedGroupNorm

__all__ = [
    "METHODS",
    "AffineNorm",
    "AnyNorm",
    "Averaging",
    "BatchInstanceNorm",
    "BatchNorm",
    "BatchRenorm",
    "EvoNormB0",
    "EvoNormS0",
    "FilterResponseNorm",
    "GhostBatchNorm",
    "GroupNorm",
    "InstanceNorm",
    "LayerChannelNorm",
    "LayerFullNorm",
    "LayerNorm",
    "MeanOnlyBatchNorm",
    "NoNorm",
    "Norm",
    "Normalizing",
    "Placed",
    "RmsNorm",
    "SpectralNorm",
    "SwitchableNorm",
    "WeightNorm",
    "WeightStandardizedGroupNorm",
]

METHODS: dict[str, type[Norm]] = {
    "none": NoNorm,
    "affine": AffineNorm,
    "batch": BatchNorm,
    "layer": LayerNorm,
    "layer-channel": LayerChannelNorm,
    "layer-full": LayerFullNorm,
    "instance": InstanceNorm,
    "group": GroupNorm,
    "rms": RmsNorm,
    "weight": WeightNorm,
    "mean-only-batch": MeanOnlyBatchNorm,
    "batch-renorm": BatchRenorm,
    "ghost-batch": GhostBatchNorm,
    "batch-instance": BatchInstanceNorm,
    "switchable": SwitchableNorm,
    "filter-response": FilterResponseNorm,
    "weight-standardized-group": WeightStandardizedGroupNorm,
    "spectral": SpectralNorm,
    "evonorm-s0": EvoNormS0,
    "evonorm-b0": EvoNormB0,
}


def _name(value: Any) -> str | None:
    return value.get("name", "none") if isinstance(value, dict) else getattr(value, "name", None)


AnyNorm = Annotated[
    Annotated[NoNorm, Tag("none")]
    | Annotated[AffineNorm, Tag("affine")]
    | Annotated[BatchNorm, Tag("batch")]
    | Annotated[LayerNorm, Tag("layer")]
    | Annotated[LayerChannelNorm, Tag("layer-channel")]
    | Annotated[LayerFullNorm, Tag("layer-full")]
    | Annotated[InstanceNorm, Tag("instance")]
    | Annotated[GroupNorm, Tag("group")]
    | Annotated[RmsNorm, Tag("rms")]
    | Annotated[WeightNorm, Tag("weight")]
    | Annotated[MeanOnlyBatchNorm, Tag("mean-only-batch")]
    | Annotated[BatchRenorm, Tag("batch-renorm")]
    | Annotated[GhostBatchNorm, Tag("ghost-batch")]
    | Annotated[BatchInstanceNorm, Tag("batch-instance")]
    | Annotated[SwitchableNorm, Tag("switchable")]
    | Annotated[FilterResponseNorm, Tag("filter-response")]
    | Annotated[WeightStandardizedGroupNorm, Tag("weight-standardized-group")]
    | Annotated[SpectralNorm, Tag("spectral")]
    | Annotated[EvoNormS0, Tag("evonorm-s0")]
    | Annotated[EvoNormB0, Tag("evonorm-b0")],
    Discriminator(_name),
]
