"""Datasets of labelled images, loaded and checked with numpy alone, which is imported when they are."""

from typing import TYPE_CHECKING

from bnexp.lazy import attributes

if TYPE_CHECKING:
    from bnexp.data.dataset import Dataset
    from bnexp.data.division import Split, split
    from bnexp.data.download import fetch
    from bnexp.data.loading import load, locate, present, test_images
    from bnexp.data.places import Location

__all__ = ["Dataset", "Location", "Split", "fetch", "load", "locate", "present", "split", "test_images"]

__getattr__ = attributes(
    __name__,
    {
        "Dataset": "dataset",
        "Location": "places",
        "Split": "division",
        "fetch": "download",
        "load": "loading",
        "locate": "loading",
        "present": "loading",
        "split": "division",
        "test_images": "loading",
    },
)
