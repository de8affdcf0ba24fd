"""Holm's correction over any set of comparisons: one family, whatever was compared in it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from bnexp.stats.multiplicity import holm

T = TypeVar("T")


def in_family(found: Sequence[T], **p: Callable[[T], float]) -> list[T]:
    """`found` as one family: each with its corrected p-values in the fields named, and in `family` its size.

    `p` holds the name of a field and what it corrects: `p_holm=lambda each: each.test.p`.  NaN, which is no test, stays
    so and does not count; the size is that of the first.
    """
    raw = {name: [get(each) for each in found] for name, get in p.items()}
    family = sum(not math.isnan(value) for value in next(iter(raw.values())))
    corrected = {name: holm(values).tolist() for name, values in raw.items()}
    return [
        replace(each, family=family, **{name: values[k] for name, values in corrected.items()})  # type: ignore[type-var]
        for k, each in enumerate(found)
    ]
