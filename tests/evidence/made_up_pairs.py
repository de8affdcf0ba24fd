"""Comparisons of made-up differences, in points, one value a seed: as the report makes them, and as `compare` does.

`trained`, of shape (n, 2), says which of the two trials of each pair trained, by default all; the differences of the
other pairs do not count.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from bnexp.evidence.compare import Compared
from bnexp.evidence.metric import METRICS, Metric
from bnexp.evidence.paired import Comparison, Estimate, corrected, estimate
from bnexp.evidence.side import Pairs
from bnexp.stats.paired import improvement, tost


def estimated(
    d: Sequence[float], *, resolution: float = 0.0, trained: Any = None, planned: int = 0, **options: Any
) -> Estimate:
    """Of differences, shape (n,), from a metric whose values come in steps of `resolution`."""
    records = {k: tuple(SimpleNamespace(value=value) for value in (0.0, x)) for k, x in enumerate(d)}
    outcomes = dict(enumerate([(True, True)] * len(d) if trained is None else [*map(tuple, trained)]))
    seeds = tuple(range(planned or len(d)))
    found = Pairs(seeds, records, outcomes, declared="", mismatches={}, copies=())  # type: ignore[arg-type]
    metric = Metric("m", "m", "%", True, lambda x: float(x.value), resolution=lambda _: resolution)  # type: ignore[attr-defined]
    return estimate(found, metric, **options)


def compared(d: Sequence[float], *, higher_is_better: bool = True, **options: Any) -> Compared:
    """As `compare` does, a family of its own."""
    about: dict[str, Any] = {"experiment": "", "label": "", "coordinates": {}, "one": "a", "other": "b"}
    about |= {"times": options.pop("times", None), "copies": (), "audit": None}
    found = estimated(d, **options)
    return Compared(higher_is_better=higher_is_better, **about, **vars(found))


def reported(d: Sequence[float], *, margin: float = 0.1, **options: Any) -> Comparison:
    """As the report does, a family of its own; the margin is that of equivalence."""
    found = estimated(d, **options)
    about: dict[str, Any] = {"point": 1, "baseline_point": 0, "variant": "bn", "baseline": "none", "coordinates": {}}
    about |= {"improvement": improvement(d), "margin": margin, "metric": METRICS["test-accuracy"]}
    p = tost(found.differences, margin).p
    return Comparison(**about, equivalence_p=p, equivalence_p_holm=p, **vars(found))


def families(differences: np.ndarray) -> tuple[list[Comparison], list[Compared]]:
    """Of (comparisons, seeds), as one family: what the report makes of them, and what `compare` does."""
    return (
        corrected([reported(d) for d in differences], equivalence_p_holm=lambda each: each.equivalence_p),
        corrected([compared(d) for d in differences]),
    )
