"""Estimates and tests as pure functions over arrays: nothing is read, nothing is drawn but from a stated seed.

They serve anybody's numbers, of any framework: `from bnexp.stats import mean_difference, sign_flip_test`.  Each is
imported at its first use, since scipy takes a third of a second.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bnexp.stats.bootstrap import image_differences, sources
    from bnexp.stats.estimates import at_most, interquartile_mean, mean_interval, prediction_interval, wilson
    from bnexp.stats.multiplicity import holm
    from bnexp.stats.paired import (
        difference,
        improvement,
        mcnemar,
        mean_difference,
        minimum_detectable_effect,
        sign_flip_test,
        tost,
    )
    from bnexp.stats.survival import (
        first_reached,
        kaplan_meier,
        log_rank_scores,
        paired_log_rank,
        time_ratio,
        time_to_target,
    )

__all__ = [
    "at_most",
    "difference",
    "first_reached",
    "holm",
    "image_differences",
    "improvement",
    "interquartile_mean",
    "kaplan_meier",
    "log_rank_scores",
    "mcnemar",
    "mean_difference",
    "mean_interval",
    "minimum_detectable_effect",
    "paired_log_rank",
    "prediction_interval",
    "sign_flip_test",
    "sources",
    "time_ratio",
    "time_to_target",
    "tost",
    "wilson",
]

_MODULES = ("bootstrap", "estimates", "multiplicity", "paired", "survival")


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _MODULES:
            if hasattr(found := import_module(f"bnexp.stats.{module}"), name):
                return getattr(found, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
