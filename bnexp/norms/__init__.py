"""Normalization methods: one file each, and the table that names them.  Importing this imports no TensorFlow.

Our own layers fit any Keras model: `from bnexp.norms import BatchRenormalization` (this imports TensorFlow).
"""

from typing import Any

from bnexp.lazy import attribute

_LAYERS = {
    "Affine": "bnexp.norms.affine",
    "BatchInstanceNormalization": "bnexp.norms.batch_instance",
    "BatchRenormalization": "bnexp.norms.batch_renorm",
    "EvoNormB0": "bnexp.norms.evonorm_b0",
    "EvoNormS0": "bnexp.norms.evonorm_s0",
    "FilterResponseNormalization": "bnexp.norms.filter_response",
    "FullLayerNormalization": "bnexp.norms.layer_full",
    "GhostBatchNormalization": "bnexp.norms.ghost_batch",
    "MeanOnlyBatchNormalization": "bnexp.norms.mean_only_batch",
    "SpectralNormConv2D": "bnexp.norms.spectral",
    "SpectralNormDense": "bnexp.norms.spectral",
    "SwitchableNormalization": "bnexp.norms.switchable",
    "WeightNormConv2D": "bnexp.norms.weight",
    "WeightNormDense": "bnexp.norms.weight",
    "WeightStandardizedConv2D": "bnexp.norms.weight_standardized_group",
    "WeightStandardizedDense": "bnexp.norms.weight_standardized_group",
}


def __getattr__(name: str) -> Any:
    if name in _LAYERS:
        return attribute(f"{_LAYERS[name]}:{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAYERS])
