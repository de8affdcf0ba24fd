"""The device that a worker trains on, TensorFlow's settings, made once before its first use, and data on the device."""

import os
import subprocess
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bnexp.data.dataset import Dataset
from bnexp.errors import UserError
from bnexp.specs.datasets import ImageSet
from bnexp.specs.workers import GPU_SHARING

_LEFT = 0.1
"""Of a GPU's memory is nobody's: each process's own context lies outside its share."""


def configure(device: str, threads: int) -> dict[str, Any]:
    """Set threads, determinism, precision and memory; returns what was taken, for the record.

    `device` is `cpu`, `gpu` or `auto` (a GPU if TensorFlow sees one).  Raises UserError for `gpu` without one.

    Trials are computed in float32 throughout, whatever a user's `~/.keras/keras.json` says, and on a GPU without
    TensorFloat-32 (TensorFlow's default), whose products keep 10 bits of the mantissa instead of 23.  Memory of a GPU
    is taken as it is needed; workers that share it (`GPU_SHARING`) may take equal shares of it at most.
    """
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    tf.config.experimental.enable_tensor_float_32_execution(False)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    taken = {"device": "cpu", "device_name": "CPU", "threads": threads, "deterministic": True}
    gpus = [] if device == "cpu" else tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        advice = "use --device cpu, or install bnexp[gpu] and check `nvidia-smi`"
        raise UserError(f"--device gpu: TensorFlow sees no GPU here; {advice}")
    if not gpus:
        tf.config.set_visible_devices([], "GPU")
        return taken
    gpu = gpus[0]  # one trial, one device
    tf.config.set_visible_devices(gpu, "GPU")
    workers = int(os.environ.get(GPU_SHARING, "1"))
    total = _smallest_memory() if workers > 1 else None
    if total is None:
        tf.config.experimental.set_memory_growth(gpu, True)
    else:
        # Growth within the limit is by TF_FORCE_GPU_ALLOW_GROWTH, which every worker has: TensorFlow takes only one of
        # the two settings for a device.
        share = tf.config.LogicalDeviceConfiguration(memory_limit=(1 - _LEFT) * total / workers)
        tf.config.set_logical_device_configuration(gpu, [share])
    name = tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return {**taken, "device": "gpu", "device_name": name}


def _smallest_memory() -> float | None:
    """Megabytes of the smallest GPU, by `nvidia-smi`, whose order may not be TensorFlow's; None if unknown."""
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=True, timeout=30).stdout
        return min(float(line) for line in answer.splitlines() if line.strip())
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


@dataclass(frozen=True)
class DeviceData:
    """A dataset, with its training images and labels on the device."""

    dataset: Dataset
    images: tf.Tensor
    labels: tf.Tensor

    @property
    def sizes(self) -> ImageSet:
        """What could not be known of a user's own dataset before it was loaded."""
        dataset = self.dataset
        counts = len(dataset.train_labels), len(dataset.test_labels)
        return ImageSet(dataset.name, *counts, dataset.train_images.shape[1:], dataset.classes)

    @classmethod
    def of(cls, dataset: Dataset) -> "DeviceData":
        images = tf.constant(dataset.train_images)
        if "CPU" in images.device:
            # One copy for both: the array is a view of the tensor's memory.
            dataset = replace(dataset, train_images=np.asarray(memoryview(images)))
        return cls(dataset, images, tf.constant(dataset.train_labels, tf.int32))
