"""The named normalizations: a line for each, in the order of every list.

A method is one file here (arguments, card, formula), one in `bnexp.norms` (its layers), and its line.
"""

from bnexp.lazy import attribute
from bnexp.specs.norms.base import Norm

TABLE = {
    "none": "bnexp.specs.norms.none:NoNorm",
    "affine": "bnexp.specs.norms.affine:AffineNorm",
    "batch": "bnexp.specs.norms.batch:BatchNorm",
    "layer": "bnexp.specs.norms.layer:LayerNorm",
    "layer-channel": "bnexp.specs.norms.layer_channel:LayerChannelNorm",
    "layer-full": "bnexp.specs.norms.layer_full:LayerFullNorm",
    "instance": "bnexp.specs.norms.instance:InstanceNorm",
    "group": "bnexp.specs.norms.group:GroupNorm",
    "rms": "bnexp.specs.norms.rms:RmsNorm",
    "weight": "bnexp.specs.norms.weight:WeightNorm",
    "mean-only-batch": "bnexp.specs.norms.mean_only_batch:MeanOnlyBatchNorm",
    "batch-renorm": "bnexp.specs.norms.batch_renorm:BatchRenorm",
    "ghost-batch": "bnexp.specs.norms.ghost_batch:GhostBatchNorm",
    "frozen-batch": "bnexp.specs.norms.frozen_batch:FrozenBatchNorm",
    "noisy-batch": "bnexp.specs.norms.noisy_batch:NoisyBatchNorm",
    "noise": "bnexp.specs.norms.noise:ActivationNoise",
    "batch-instance": "bnexp.specs.norms.batch_instance:BatchInstanceNorm",
    "switchable": "bnexp.specs.norms.switchable:SwitchableNorm",
    "filter-response": "bnexp.specs.norms.filter_response:FilterResponseNorm",
    "weight-standardized-group": "bnexp.specs.norms.weight_standardized_group:WeightStandardizedGroupNorm",
    "spectral": "bnexp.specs.norms.spectral:SpectralNorm",
    "evonorm-s0": "bnexp.specs.norms.evonorm_s0:EvoNormS0",
    "evonorm-b0": "bnexp.specs.norms.evonorm_b0:EvoNormB0",
}

METHODS: dict[str, type[Norm]] = {name: attribute(target) for name, target in TABLE.items()}
