"""The device that a worker trains on, and TensorFlow's settings, made once before its first use."""

from typing import Any

import keras
import tensorflow as tf

from bnexp.errors import UserError


def configure(device: str, threads: int) -> dict[str, Any]:
    """Set threads, determinism, precision and memory growth; returns what was taken, for the record.

    `device` is `cpu`, `gpu` or `auto` (a GPU if TensorFlow sees one).  Raises UserError for `gpu` without one.

    Trials are computed in float32 throughout, whatever a user's `~/.keras/keras.json` says, and on a GPU without
    TensorFloat-32 (TensorFlow's default), whose products keep 10 bits of the mantissa instead of 23.
    """
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    tf.config.experimental.enable_tensor_float_32_execution(False)
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
        return _taken("cpu", "CPU", threads)
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
    return _taken("gpu", name, threads)


def _taken(device: str, name: str, threads: int) -> dict[str, Any]:
    return {"device": device, "device_name": name, "threads": threads, "deterministic": True}
