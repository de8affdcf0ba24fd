"""One thread and determinism, as in a worker; TensorFlow takes these settings only before its first use."""

from bnexp.training.device import configure

configure("cpu", threads=1)
