"""What the processes that run and that train trials must agree on, beside the trials themselves."""

import json
from functools import cache

from bnexp.specs.trial import TrialSpec
from bnexp.specs.values import canonical

GPU_SHARING = "BNEXP_GPU_SHARING"
"""The environment variable that tells a worker how many of them share its GPU."""

MODELS_KEPT = 4
"""Compiled models that a worker keeps; each holds some 40 MB."""


def model_parts(spec: TrialSpec) -> dict[str, object]:
    """The part of a spec that a compiled model is built from: not the data, the learning rate or the length."""
    training = spec.training
    return {
        "model": canonical(spec.model),
        "norm": canonical(spec.norm),
        "optimizer": {**canonical(training.optimizer), "learning_rate": None},
        "scheduled": training.scheduled,
        "loss": [training.label_smoothing, training.class_weights],
    }


@cache
def model_key(spec: TrialSpec) -> str:
    """What trials have in common that can share a compiled model: its parts, the batch size and the dataset."""
    rest = [spec.training.batch_size, spec.data.name, spec.data.source]
    return json.dumps([model_parts(spec), rest], sort_keys=True)
