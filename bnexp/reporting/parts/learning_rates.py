"""The comparison of an experiment whose learning rate is varied, as tables and sentences."""

from collections.abc import Sequence

import pandas as pd

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.learning_rates import RateComparison, Tuned
from bnexp.evidence.paired import Comparison
from bnexp.reporting.numbers import ABSENT, Number, fixed, interval, p_value
from bnexp.reporting.part import Context, Part, Table
from bnexp.reporting.parts.differences import difference
from bnexp.reporting.phrases import named
from bnexp.specs.wording import place_label


def learning_rates(evidence: Evidence, _: Context) -> Part | None:
    """At one rate for all and each at its own best; None where the rate is not varied."""
    rates = evidence.learning_rates
    if rates is None:
        return None
    table = Table(
        f"Learning rates of {evidence.plan.name}",
        readable(rates),
        numbers(rates),
        file="learning-rates",
        formats=("csv",),
        legend=(legend(rates),),
    )
    return Part("Learning rates", sentences=tuple(sentences(rates)), tables=(table,))


def readable(rates: RateComparison) -> pd.DataFrame:
    """As text, a row per variant and place; the two comparisons side by side."""
    same, own = ({(c.variant, place_label(c.coordinates)): c for c in side} for side in (rates.same, rates.own))
    rows = []
    for each in rates.tuned:
        place = place_label(each.coordinates)
        shared = rates.shared.get(place)
        rows.append(
            {
                "variant": each.variant,
                **({"place": place} if any(one.coordinates for one in rates.tuned) else {}),
                "rates tried": ", ".join(f"{rate:g}" for rate in each.points),
                "same rate": ABSENT if shared is None else Number(f"{shared:g}", shared),
                "difference at it (pp)": _cell(same.get((each.variant, place))),
                "own best rate": _best(each),
                "validation there (%)": ABSENT if each.best is None else interval(each.validation[each.best]),
                "difference at own best (pp)": _cell(own.get((each.variant, place))),
                "p at own best (Holm)": ABSENT if (c := own.get((each.variant, place))) is None else p_value(c.p_holm),
            }
        )
    return pd.DataFrame(rows, dtype="object")


def numbers(rates: RateComparison) -> pd.DataFrame:
    """At full precision, a row per comparison, for CSV."""
    rows = []
    for kind, side in (("same rate", rates.same), ("own best rate", rates.own)):
        for c in side:
            place = place_label(c.coordinates)
            here = {each.variant: each for each in rates.tuned if place_label(each.coordinates) == place}
            mine, base = here[c.variant], here[c.baseline]
            chosen = [rates.shared[place]] * 2 if kind == "same rate" else [mine.best, base.best]
            rows.append(
                {
                    "comparison": kind,
                    "variant": c.variant,
                    **c.coordinates,
                    "baseline": c.baseline,
                    "learning_rate": chosen[0],
                    "baseline_learning_rate": chosen[1],
                    "edge": mine.edge if kind == "own best rate" else "",  # of the rates tried
                    "baseline_edge": base.edge if kind == "own best rate" else "",
                    "n_pairs": c.difference.n,
                    "difference": c.difference.mean,
                    "difference_low": c.difference.low,
                    "difference_high": c.difference.high,
                    "sign_flip_p": c.test.p,
                    "sign_flip_p_holm": c.p_holm,
                    "holm_family": c.family,
                    "verdict": c.verdict,
                }
            )
    return pd.DataFrame(rows)


def sentences(rates: RateComparison) -> list[str]:
    """Warnings first, then both comparisons of each variant beside each other."""
    if not rates.validated:
        return ["No learning rate can be chosen without validation images, and none is chosen on test images."]
    same = {(c.variant, place_label(c.coordinates)): c for c in rates.same}
    found = [*_edges(rates.tuned), *_unequal(rates.tuned)]
    for c in rates.own:
        place = place_label(c.coordinates)
        if (twin := same.get((c.variant, place))) is not None:
            found.append(f"At one learning rate for all, {rates.shared[place]:g}: {difference(twin)}")
        best = {each.variant: each.best for each in rates.tuned if place_label(each.coordinates) == place}
        mine, base = best[c.variant], best[c.baseline]
        found.append(
            f"Each at its own best of the learning rates tried ({c.variant} {mine:g}, {c.baseline} {base:g}; "
            f"chosen on validation images): {difference(c)}"
        )
    return found


def legend(rates: RateComparison) -> str:
    """What the columns of `readable` mean."""
    text = (
        "Own best rate: the learning rate with the highest mean validation accuracy after the last step, over the "
        "seeds that finished at every rate; the test images have no part in the choice. Same rate: the one with "
        "the highest validation accuracy over all variants together. Differences in test accuracy, paired by seed, "
        "with their 95 % t interval; it knows nothing of the choice, made on the same seeds."
    )
    edges = any(each.edge for each in rates.tuned)
    return text + (" *: at the end of the rates tried; better ones may lie beyond." if edges else "")


def _edges(tuned: Sequence[Tuned]) -> list[str]:
    """Where the best rate stands at the end of those tried, so that it may not be the best there is."""
    return [
        f"Warning: the best learning rate of {named(each)}, {each.best:g}, is the {each.edge} tried "
        f"({fixed(each.validation[each.best].mean, 2)} % validation accuracy); a better one may lie beyond, so that "
        "the comparison may be unfair to it."
        for each in tuned
        if each.edge and each.best is not None
    ]


def _unequal(tuned: Sequence[Tuned]) -> list[str]:
    """Where variants had different rates to choose from, or rates without a result."""
    found = []
    if len({tuple(each.points) for each in tuned}) > 1:
        tried = "; ".join(f"{named(each)} {', '.join(f'{rate:g}' for rate in each.points)}" for each in tuned)
        found.append(f"Warning: not all variants had the same learning rates to choose from ({tried}).")
    found += [
        f"{named(each)}: {', '.join(f'{rate:g}' for rate in each.unfinished)} cannot be chosen, because no trial has "
        "finished there or more than a tenth diverged."
        for each in tuned
        if each.unfinished
    ]
    return found


def _best(each: Tuned) -> str:
    return ABSENT if each.best is None else Number(f"{each.best:g}{'*' if each.edge else ''}", each.best)


def _cell(c: Comparison | None) -> str:
    return ABSENT if c is None else interval(c.difference, sign=True)
