"""What of a difference's error comes from the seeds, and what from the test images being few: sentences."""

from collections.abc import Sequence

from bnexp.evidence.paired import Comparison
from bnexp.reporting.numbers import ends, significant
from bnexp.specs.wording import place_label


def sampling(comparisons: Sequence[Comparison]) -> list[str]:
    """One sentence per comparison whose mean is spoken of: both errors, and what both make of the interval."""
    found = []
    for c in comparisons:
        if c.sampling is None or c.verdict == "nothing" or not any(c.differences):
            continue
        label = place_label(c.coordinates)
        found.append(
            f"{c.variant} against {c.baseline}{f' at {label}' if label else ''}: the standard error of the difference "
            f"is {significant(c.sampling.seeds, 2)} points from the seeds and {significant(c.sampling.images, 2)} from "
            f"the {c.sampling.n_images:,} test images, {significant(c.sampling.both, 2)} from both; for other seeds on "
            f"other images the 95 % interval is {' to '.join(ends(c.sampling.interval, sign=True))}."
        )
    return found
