"""The best float32 matrix product of this process, one thread: GFLOP/s as JSON.  See `network`."""

import json
import sys
import time

import numpy as np

from bnexp.training.device import configure

configure("cpu", 1)

import tensorflow as tf  # noqa: E402  # threads are set before its first use

SIZE = 1024
a, b = (tf.constant(np.random.default_rng(seed).random((SIZE, SIZE), np.float32)) for seed in (0, 1))
tf.matmul(a, b)
print("ready", flush=True)
sys.stdin.readline()
fastest = float("inf")
for _ in range(40):
    began = time.perf_counter()
    tf.matmul(a, b)
    fastest = min(fastest, time.perf_counter() - began)
print(json.dumps({"gflops": 2 * SIZE**3 / fastest / 1e9}))
