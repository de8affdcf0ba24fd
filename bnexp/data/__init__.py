"""Datasets of labelled images, loaded and checked with numpy alone.  The API is imported on first use, so that
`bnexp.specs.datasets`, which every config needs, costs nothing."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bnexp.data.dataset import Dataset
    from bnexp.data.division import Split, split
    from bnexp.data.download import fetch
    from bnexp.data.loading import load, locate, present
    from bnexp.data.places import Location

__all__ = ["Dataset", "Location", "Split", "fetch", "load", "locate", "present", "split"]

_HOMES = {
    "Dataset": "dataset",
    "Location": "places",
    "Split": "division",
    "fetch": "download",
    "load": "loading",
    "locate": "loading",
    "present": "loading",
    "split": "division",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
