"""The device that a worker trains on, and TensorFlow's settings, made once before its first use."""

from typing import Any

import tensorflow as tf

from bnexp.errors import UserError


def configure(device: str, threads: int) -> dict[str, Any]:
    """Set threads, determinism and memory growth; returns what was taken, for the record.

    `device` is `cpu`, `gpu` or `auto` (a GPU if TensorFlow sees one).  Raises UserError for `gpu` without one.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    gpus = [] if device == "cpu" else tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise UserError(
            "--device gpu: TensorFlow sees no GPU here; use --device cpu, or install bnexp[gpu] and check `nvidia-smi`"
        )
    if not gpus:
        tf.config.set_visible_devices([], "GPU")
        return {"device": "cpu", "device_name": "CPU", "threads": threads, "deterministic": True}
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
    return {"device": "gpu", "device_name": name, "threads": threads, "deterministic": True}
