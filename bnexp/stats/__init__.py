"""Estimates and tests as pure functions over arrays: nothing is read, nothing is drawn but from a stated seed.

They serve anybody's numbers, of any framework: `from bnexp.stats import mean_difference, sign_flip_test`.  Each is
imported at its first use, since scipy takes a third of a second.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bnexp.stats.bootstrap import image_differences, sources, two_way_bootstrap
    from bnexp.stats.convergence import first_reached, time_to_target
    from bnexp.stats.equivalence import tost
    from bnexp.stats.estimates import interquartile_mean, mean_interval, wilson
    from bnexp.stats.multiplicity import holm
    from bnexp.stats.paired import difference, improvement, mean_difference, sign_flip_test
    from bnexp.stats.power import minimum_detectable_effect
    from bnexp.stats.survival import (
        kaplan_meier,
        log_rank,
        log_rank_scores,
        paired_log_rank,
        restricted,
        restricted_mean,
        time_ratio,
    )

__all__ = [
    "difference",
    "first_reached",
    "holm",
    "image_differences",
    "improvement",
    "interquartile_mean",
    "kaplan_meier",
    "log_rank",
    "log_rank_scores",
    "mean_difference",
    "mean_interval",
    "minimum_detectable_effect",
    "paired_log_rank",
    "restricted",
    "restricted_mean",
    "sign_flip_test",
    "sources",
    "time_ratio",
    "time_to_target",
    "tost",
    "two_way_bootstrap",
    "wilson",
]

_MODULES = {
    "bootstrap": ("image_differences", "sources", "two_way_bootstrap"),
    "convergence": ("first_reached", "time_to_target"),
    "equivalence": ("tost",),
    "estimates": ("interquartile_mean", "mean_interval", "wilson"),
    "multiplicity": ("holm",),
    "paired": ("difference", "improvement", "mean_difference", "sign_flip_test"),
    "power": ("minimum_detectable_effect",),
    "survival": (
        "kaplan_meier",
        "log_rank",
        "log_rank_scores",
        "paired_log_rank",
        "restricted",
        "restricted_mean",
        "time_ratio",
    ),
}


def __getattr__(name: str) -> Any:
    from bnexp.lazy import attribute  # noqa: PLC0415  # the reason is told above

    for module, names in _MODULES.items():
        if name in names:
            return attribute(f"bnexp.stats.{module}:{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
