"""The reference CNN trained by `model.fit`, as anyone writes it, on all cores.  See `network`."""

import sys
from pathlib import Path

from network import WARM, arguments, images_and_labels, when_asked

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from plain_keras import model

norm, batch, count = arguments()
images, labels = images_and_labels(count)
x = images.astype("float32") / 255
network = model(norm)
network.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
network.fit(x[: WARM * batch], labels[: WARM * batch], batch, 1, verbose=0)
when_asked(lambda: network.fit(x, labels, batch, 1, verbose=0))
