"""The reference CNN as anyone writes it in Keras, trained with `model.fit`: what bnexp's numbers are held against.

    python tests/training/plain_keras.py none|batch SEED MNIST_NPZ [EPOCHS]

prints one JSON line: test accuracy, final training loss, seconds.  It shares no code with bnexp.

With a global seed, `fit` (Keras 3.15 on TensorFlow 2.21) draws the same order of examples in every epoch, so that a
network sees the same batches again and again; with batch normalization, which learns its batches, the training loss
of later epochs is then up to a third too low.  So the seed is taken back before `fit`: SEED decides the weights and
the split, and the order is drawn anew in each epoch, from chance.
"""

import json
import sys
import time

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def model(norm: str) -> keras.Model:
    """conv 32, pool, conv 64, pool, conv 64, dense 64, dense 10; batch norm before each hidden activation."""

    def block(linear: layers.Layer) -> list[layers.Layer]:
        middle = [layers.BatchNormalization()] if norm == "batch" else []
        return [linear, *middle, layers.Activation("relu")]

    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *block(layers.Conv2D(32, 3)),
            layers.MaxPooling2D(2),
            *block(layers.Conv2D(64, 3)),
            layers.MaxPooling2D(2),
            *block(layers.Conv2D(64, 3)),
            layers.Flatten(),
            *block(layers.Dense(64)),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(norm: str, seed: int, path: str, epochs: int = 10) -> None:
    """Train on the first nine tenths of the shuffled training images and print what came of it."""
    with np.load(path) as data:
        images, labels, test_images, test_labels = (data[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    keras.utils.set_random_seed(seed)
    chosen = np.random.default_rng(seed).permutation(len(images))
    x, y = images[chosen, ..., None].astype("float32") / 255, labels[chosen]
    cut = len(x) // 10
    network = model(norm)
    tf.random.set_seed(None)
    network.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    began = time.perf_counter()
    history = network.fit(x[cut:], y[cut:], 64, epochs, verbose=0, validation_data=(x[:cut], y[:cut])).history
    seconds = time.perf_counter() - began
    loss, accuracy = network.evaluate(test_images[..., None].astype("float32") / 255, test_labels, 1000, verbose=0)
    result = {
        "norm": norm,
        "seed": seed,
        "epochs": epochs,
        "test_accuracy": accuracy,
        "test_loss": loss,
        "train_loss": history["loss"],
        "validation_accuracy": history["val_accuracy"],
        "seconds": round(seconds, 1),
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 10)
