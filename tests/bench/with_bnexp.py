"""A model of bnexp in one of its workers, one thread.  See `network`; NORM may be any method of the table."""

import json

import numpy as np
from network import WARM, arguments, images_and_labels, when_asked

from bnexp.training.device import configure

configure("cpu", 1)

import tensorflow as tf  # noqa: E402  # threads are set before its first use

from bnexp.specs.trial import TrialSpec  # noqa: E402
from bnexp.training.program import Program  # noqa: E402

norm, batch, count = arguments()
images, labels = (tf.constant(array) for array in images_and_labels(count))
spec = TrialSpec.model_validate({"norm": json.loads(norm), "training": {"batch_size": batch}})
program = Program(spec, (28, 28, 1), 10, images.dtype)
order = np.random.default_rng(1).permutation(count).astype(np.int32)[: count // batch * batch].reshape(-1, batch)
program.reset(spec, 0, tf.gather(images, order[0]))
program.train(images, labels, order[:WARM])
when_asked(lambda: program.train(images, labels, order))
