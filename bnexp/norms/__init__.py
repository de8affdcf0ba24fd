"""Normalization methods: one file each, and the table that names them.  Importing this imports no TensorFlow.

Our own layers fit any Keras model: `from bnexp.norms import BatchRenormalization` (this imports TensorFlow).
"""

from bnexp.lazy import attributes

_LAYERS = {
    "ActivationNoise": "noise",
    "Affine": "affine",
    "BatchInstanceNormalization": "batch_instance",
    "BatchRenormalization": "batch_renorm",
    "CellBatchNormalization": "in_cell",
    "CellLayerNormalization": "in_cell",
    "EvoNormB0": "evonorm_b0",
    "EvoNormS0": "evonorm_s0",
    "FilterResponseNormalization": "filter_response",
    "FrozenBatchNormalization": "frozen_batch",
    "FullLayerNormalization": "layer_full",
    "GhostBatchNormalization": "ghost_batch",
    "MeanOnlyBatchNormalization": "mean_only_batch",
    "NoisyBatchNormalization": "noisy_batch",
    "NormalizedLSTM": "in_cell",
    "SpectralNormConv2D": "spectral",
    "SpectralNormDense": "spectral",
    "SwitchableNormalization": "switchable",
    "WeightNormConv2D": "weight",
    "WeightNormDense": "weight",
    "WeightStandardizedConv2D": "weight_standardized_group",
    "WeightStandardizedDense": "weight_standardized_group",
}

__getattr__ = attributes(__name__, _LAYERS)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAYERS])
