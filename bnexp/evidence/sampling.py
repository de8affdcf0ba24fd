"""What of a difference's error comes from the seeds, and what from the test images being few."""

from collections.abc import Sequence
from dataclasses import replace

from bnexp.evidence.comparisons import Comparison
from bnexp.records.frames import read
from bnexp.records.plan import StoredPlan
from bnexp.records.record import Test
from bnexp.records.store import Store
from bnexp.stats.bootstrap import Sources, image_differences, sources


def with_sampling(comparisons: Sequence[Comparison], store: Store, plan: StoredPlan) -> list[Comparison]:
    """The comparisons with their `sampling`, from the misclassified images that the records name.

    None where there are fewer than two pairs, or the pairs were tested on different images.
    """
    tests = {(each.point, each.seed): each.record.test for each in read(store, plan) if each.record is not None}
    return [replace(c, sampling=_sampling(c, tests)) for c in comparisons]


def _sampling(c: Comparison, tests: dict[tuple[int, int], Test | None]) -> Sources | None:
    if c.baseline_point is None or c.difference.n < 2 or c.same or "other data" in c.declared:
        return None
    mine = [test for seed in c.seeds if (test := tests.get((c.point, seed)))]
    base = [test for seed in c.seeds if (test := tests.get((c.baseline_point, seed)))]
    sizes = {test.examples for test in (*mine, *base)}
    if len(mine) != len(c.seeds) or len(base) != len(c.seeds) or len(sizes) != 1:
        return None
    x = image_differences([test.missed for test in mine], [test.missed for test in base], sizes.pop())
    return sources(100.0 * x)
