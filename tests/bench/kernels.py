"""Which of TensorFlow's kernels the time of a step goes to, one thread: microseconds by group as JSON.

NORM BATCH IMAGES as in `network`.  TensorFlow's profiler names each kernel that ran; cheap ones it leaves out now and
then, and these, the loop and the dispatch are what is left of the step.
"""

import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from network import WARM, arguments, images_and_labels

from bnexp.training.device import configure

configure("cpu", 1)

import tensorflow as tf  # noqa: E402  # threads are set before its first use
from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XSpace  # noqa: E402

from bnexp.specs.trial import TrialSpec  # noqa: E402
from bnexp.training.program import Program  # noqa: E402

GROUPS = {"Conv2D": "products", "MatMul": "products", "MaxPool": "pooling", "BatchNorm": "norm", "Apply": "optimizer"}
"""Part of a kernel's name to its group; the others are elementwise operations, sums and copies."""

norm, batch, count = arguments()
images, labels = (tf.constant(array) for array in images_and_labels(count))
spec = TrialSpec.model_validate({"norm": json.loads(norm), "training": {"batch_size": batch}})
program = Program(spec, (28, 28, 1), 10, images.dtype)
order = np.arange(count // batch * batch, dtype=np.int32).reshape(-1, batch)
program.reset(spec, 0, tf.gather(images, order[0]))
program.train(images, labels, order[:WARM])
print("ready", flush=True)
sys.stdin.readline()
with tempfile.TemporaryDirectory() as folder:
    options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=2, python_tracer_level=0)
    with tf.profiler.experimental.Profile(folder, options):
        began = time.perf_counter()
        program.train(images, labels, order)
        seconds = time.perf_counter() - began
    space = XSpace.FromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
spent = Counter(dict.fromkeys((*GROUPS.values(), "elementwise"), 0.0))
for plane in space.planes:
    for event in (event for line in plane.lines for event in line.events):
        path, _, kernel = plane.event_metadata[event.metadata_id].name.rpartition(":")
        if path.startswith("while/body"):
            group = next((group for part, group in GROUPS.items() if part in kernel), "elementwise")
            spent[group] += event.duration_ps / 1e6
found = {group: total / len(order) for group, total in spent.items()}
step = 1e6 * seconds / len(order)
print(json.dumps({"step": step, **found, "rest": step - sum(found.values())}))
