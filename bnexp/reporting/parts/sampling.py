"""What of a difference's error comes from the seeds, and what from the test images being few."""

from collections.abc import Sequence

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.reporting.numbers import ends, significant
from bnexp.reporting.part import Context, Part
from bnexp.reporting.phrases import at


def sampling(evidence: Evidence, _: Context) -> Part | None:
    """Both errors, in words."""
    said = sentences(evidence.comparisons)
    return (
        Part("Seeds and test images", "how much of the error is due to each", sentences=tuple(said)) if said else None
    )


def sentences(comparisons: Sequence[Comparison]) -> list[str]:
    """One per comparison whose mean is spoken of: both errors, and what both make of the interval."""
    return [
        f"{c.variant} against {c.baseline}{at(c.coordinates)}: the standard error of the difference "
        f"is {significant(c.sampling.seeds, 2)} pp from the seeds and {significant(c.sampling.images, 2)} pp from "
        f"the {c.sampling.n_images:,} test images, {significant(c.sampling.both, 2)} pp from both; for other seeds on "
        f"other images the 95 % interval is {' to '.join(ends(c.sampling.interval, sign=True))}."
        for c in comparisons
        if c.sampling is not None and c.verdict != "nothing" and any(c.differences)
    ]
