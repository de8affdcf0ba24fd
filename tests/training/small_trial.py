"""The trial that the training tests share, as a config would write it, and programs of such trials at their start."""

from functools import cache
from typing import Any

from bnexp.data.loading import load
from bnexp.records.record import TrialRecord
from bnexp.specs.trial import TrialSpec
from bnexp.training.device import DeviceData
from bnexp.training.program import Program

SMALL: dict[str, Any] = {
    "data": {"name": "mnist-5k", "train": 330, "validation": 100},
    "training": {"batch_size": 50, "epochs": 2},
}
"""330 real images in batches of 50: six whole batches and one of 30."""
TINY_CNN = {"name": "cnn", "filters": [8], "dense": [8], "pools": 1}


@cache
def images() -> DeviceData:
    """The images of `mnist-5k`."""
    return DeviceData.of(load(small().data))


def small(**blocks: Any) -> TrialSpec:
    """The small trial with some blocks replaced: `small(norm="batch")`."""
    return TrialSpec.model_validate({**SMALL, **blocks})


def numbers(record: TrialRecord) -> dict[str, Any]:
    """All of a record but times, memory and whether the compiled model was there."""
    content = record.model_dump(exclude={"seconds", "started", "peak_memory_bytes"})
    for evaluation in content["evaluations"]:
        del evaluation["seconds"]
    del content["execution"]["compiled_model_reused"]
    return content


def started(spec: TrialSpec, step: str = "graph", seed: int = 3, first: int | None = None) -> Program:
    """A new program at its start, from the data of the `first` so many images where a norm takes any."""
    program = Program(spec, (28, 28, 1), 10, images().images.dtype, step, seed=seed)
    program.reset(spec, seed, None if first is None else images().images[:first])
    return program
