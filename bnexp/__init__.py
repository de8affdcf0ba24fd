"""bnexp: honest, reproducible comparison of how neural networks are normalized.

The commands as functions (`bnexp.api` documents them):

>>> experiment = bnexp.load("configs/mnist.yaml")
>>> bnexp.run(experiment)
>>> bnexp.results()
>>> bnexp.report()
>>> bnexp.compare("none", "bn-pre").failed()
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bnexp.api import compare, load, report, results, run, verify

__version__ = "0.1.0"
__all__ = ["__version__", "compare", "load", "report", "results", "run", "verify"]


def __getattr__(name: str) -> Any:
    from bnexp.lazy import attribute  # noqa: PLC0415  # `import bnexp` costs nothing, whoever imports it

    if name in __all__:
        return attribute(f"bnexp.api:{name}")
    raise AttributeError(f"module 'bnexp' has no attribute {name!r}")
