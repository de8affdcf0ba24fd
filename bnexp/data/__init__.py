"""Datasets of labelled images, loaded and checked with numpy alone."""

from bnexp.data.dataset import Dataset
from bnexp.data.division import Split, split
from bnexp.data.download import fetch
from bnexp.data.loading import load, locate, present
from bnexp.data.places import Location

__all__ = ["Dataset", "Location", "Split", "fetch", "load", "locate", "present", "split"]
