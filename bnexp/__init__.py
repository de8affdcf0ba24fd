"""bnexp: honest, reproducible comparison of how neural networks are normalized.

The commands as functions (`bnexp.api` documents them):

>>> experiment = bnexp.load("configs/mnist.yaml")
>>> bnexp.run(experiment)
>>> bnexp.results()
>>> bnexp.report()
>>> bnexp.compare("none", "bn-pre").failed()

For any Keras model: `bnexp.fold(model)`, in which batch normalizations are part of the layers before them.
"""

from typing import TYPE_CHECKING

from bnexp.lazy import attributes

if TYPE_CHECKING:
    from bnexp.api import compare, load, report, results, run, verify
    from bnexp.norms.fold import fold

__version__ = "0.1.0"
__all__ = ["__version__", "compare", "fold", "load", "report", "results", "run", "verify"]
__getattr__ = attributes(__name__, {**dict.fromkeys(__all__, "api"), "fold": "norms.fold"})
