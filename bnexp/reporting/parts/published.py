"""Published test accuracies beside the results: inside their intervals, or outside."""

from collections.abc import Iterator

from bnexp.evidence.condition import Condition
from bnexp.evidence.experiment import Evidence
from bnexp.evidence.metric import METRICS
from bnexp.reporting.numbers import ends, interval
from bnexp.reporting.part import Context, Part
from bnexp.reporting.phrases import named
from bnexp.specs.experiment import Published
from bnexp.stats.estimates import prediction_interval

ABOUT = (
    "The figure of a single run is held against the prediction interval of one run (mean ± t · s · √(1 + 1/n)), a mean "
    "over many runs against the interval of the mean. Published values may come from other data, models or training."
)


def published(evidence: Evidence, _: Context) -> Part | None:
    """A sentence per value and variant; None where the config names no value, or none has an interval yet."""
    said = tuple(sentences(evidence))
    return Part("Published values", paragraphs=(ABOUT,), sentences=said) if said else None


def sentences(evidence: Evidence) -> Iterator[str]:
    """Each value beside the variant that it is of, or all, place by place of the grid."""
    for value in evidence.plan.published:
        for condition in evidence.conditions:
            # Values without any scatter have an interval without width, which would leave everything out.
            if value.variant in (None, condition.variant) and condition.accuracy.half_width > 0:
                yield _sentence(value, condition, evidence)


def _sentence(value: Published, condition: Condition, evidence: Evidence) -> str:
    mean = condition.accuracy
    values = METRICS["test-accuracy"].of(evidence.sides[condition.point].of("ok"))
    run = prediction_interval([*values.values()])
    run = run._replace(low=max(run.low, 0.0), high=min(run.high, 100.0))  # an accuracy goes no further
    within, of_one_run = ("within" if low <= value.value <= high else "outside" for _, low, high, _ in (mean, run))
    return (
        f"{named(condition)}: the published {value.value:g} % ({value.source}) lies {within} the 95 % interval of the "
        f"mean over n = {mean.n} seeds, {interval(mean)} %. It lies {of_one_run} the 95 % prediction interval of one "
        f"run, [{', '.join(ends(run))}]."
    )
