"""The comparison of an experiment whose learning rate is varied, as tables and sentences."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import pandas as pd

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.learning_rates import RateComparison, Tuned
from bnexp.evidence.paired import Comparison
from bnexp.reporting.numbers import ABSENT, Number, fixed, interval, p_value
from bnexp.reporting.part import Context, Part, Table
from bnexp.reporting.parts.differences import difference
from bnexp.reporting.phrases import at, counted, named
from bnexp.specs.wording import every, place_label


def learning_rates(evidence: Evidence, _: Context) -> Part | None:
    """At one rate for all and each at its own best; None where the rate is not varied."""
    rates = evidence.learning_rates
    if rates is None:
        return None
    pairs = max((c.difference.n for c in rates.own), default=0)
    table = Table(
        f"Learning rates of {evidence.plan.name}",
        readable(rates),
        numbers(rates),
        file="learning-rates",
        formats=("csv", "tex"),
        legend=(legend(rates),),
        paper={
            "variant": "variant",
            "place": "place",
            "own best rate": "rate",
            "validation there (%)": "validation (%)",
            "difference at own best (pp)": "difference (pp)",
            "p at own best (Holm)": "p (Holm)",
        },
        paper_caption=(
            f"Each variant at its own best learning rate ({evidence.plan.name}), chosen by validation accuracy over "
            f"{counted(len(rates.choosing), 'seed')} (mean with its 95 % t interval; *: the last rate that was tried). "
            f"Difference in test accuracy to {evidence.plan.baseline} over pairs of the other seeds (n = {pairs} at "
            "most), in percentage points, with its 95 % t interval; p: exact sign-flip test with Holm's correction."
        ),
    )
    return Part(
        "Learning rates", "one for all, and each at its own best", sentences=tuple(sentences(rates)), tables=(table,)
    )


Found = TypeVar("Found", Comparison, Tuned)


def _by_place(found: Iterable[Found]) -> dict[tuple[str, str], Found]:
    return {(each.variant, place_label(each.coordinates)): each for each in found}


def readable(rates: RateComparison) -> pd.DataFrame:
    """As text, a row per variant and place; the two comparisons side by side."""
    same, own = _by_place(rates.same), _by_place(rates.own)
    rows = []
    for (variant, place), each in _by_place(rates.tuned).items():
        shared, best, compared = rates.shared.get(place), each.best, own.get((variant, place))
        edge = "*" if each.edge else ""
        rows.append(
            {
                "variant": variant,
                "place": place,
                "rates tried": _listed(each.points),
                "same rate": ABSENT if shared is None else Number(f"{shared:g}", shared),
                "difference at it (pp)": _cell(same.get((variant, place))),
                "own best rate": ABSENT if best is None else Number(f"{best:g}{edge}", best),
                "validation there (%)": ABSENT if best is None else interval(each.validation[best]),
                "difference at own best (pp)": _cell(compared),
                "p at own best (Holm)": p_value(compared.p_holm) if compared and compared.asserts else ABSENT,
            }
        )
    text = pd.DataFrame(rows, dtype="object")
    return text if any(text["place"]) else text.drop(columns="place")


def _cell(c: Comparison | None) -> str:
    return ABSENT if c is None else interval(c.difference, sign=True)


def _listed(rates: Iterable[float]) -> str:
    return ", ".join(f"{rate:g}" for rate in rates)


def numbers(rates: RateComparison) -> pd.DataFrame:
    """At full precision, a row per comparison, for CSV."""
    tuned = _by_place(rates.tuned)
    rows = []
    for kind, c in [("same rate", c) for c in rates.same] + [("own best rate", c) for c in rates.own]:
        place = place_label(c.coordinates)
        mine, base, own = tuned[c.variant, place], tuned[c.baseline, place], kind == "own best rate"
        rows.append(
            {
                "comparison": kind,
                "variant": c.variant,
                **c.coordinates,
                "baseline": c.baseline,
                "learning_rate": mine.best if own else rates.shared[place],
                "baseline_learning_rate": base.best if own else rates.shared[place],
                "edge": mine.edge if own else "",  # of the rates tried
                "baseline_edge": base.edge if own else "",
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
    """How rates are chosen, warnings, then both comparisons of each variant beside each other."""
    if not rates.validated:
        return ["No learning rate can be chosen without validation images, and none is chosen on test images."]
    same, tuned = _by_place(rates.same), _by_place(rates.tuned)
    found = [_choosing(rates), *_warnings(rates.tuned)]
    for (variant, place), c in _by_place(rates.own).items():
        if (twin := same.get((variant, place))) is not None:
            found.append(f"At one learning rate for all, {rates.shared[place]:g}: {difference(twin)}")
        mine, base = tuned[variant, place].best, tuned[c.baseline, place].best
        if base is None:
            found.append(
                f"{c.baseline}{at(c.coordinates)} has no learning rate to be compared with {variant} at {mine:g}."
            )
        else:
            tried = f"({variant} {mine:g}, {c.baseline} {base:g})"
            found.append(f"Each at its own best of the learning rates tried {tried}: {difference(c)}")
    return found


def _choosing(rates: RateComparison) -> str:
    """Which seeds choose."""
    which = every([*map(str, rates.choosing)])
    return (
        f"Learning rates are chosen on the validation images of every fourth seed ({which}), and compared on the other "
        "seeds."
    )


def _warnings(tuned: Sequence[Tuned]) -> Iterator[str]:
    """Best rates at the end of those tried, other rates to choose from, and rates without a result."""
    for each in tuned:
        if each.best is not None and each.edge:
            yield (
                f"Warning: the best learning rate of {named(each)}, {each.best:g}, is the {each.edge} tried "
                f"({fixed(each.validation[each.best].mean, 2)} % validation accuracy); a better one may lie beyond, so "
                "that the comparison may be unfair to it."
            )
    if len({tuple(each.points) for each in tuned}) > 1:
        tried = "; ".join(f"{named(each)} {_listed(each.points)}" for each in tuned)
        yield f"Warning: not all variants had the same learning rates to choose from ({tried})."
    for each in tuned:
        if each.excluded:
            yield (
                f"{named(each)}: {_listed(each.excluded)} cannot be chosen, because of the choosing seeds none has "
                "finished there or more than a tenth did not train."
            )


def legend(rates: RateComparison) -> str:
    """What the columns of `readable` mean."""
    text = (
        "Own best rate: the learning rate with the highest mean validation accuracy after the last step, over the "
        "choosing seeds that finished at every rate; the test images have no part in the choice. Same rate: the one "
        "with the highest validation accuracy over all variants together. Differences in test accuracy, paired by "
        "seed, with their 95 % t interval: over the other seeds, so that it holds for the rates that were chosen."
    )
    edges = any(each.edge for each in rates.tuned)
    return text + (" *: at the end of the rates tried; better ones may lie beyond." if edges else "")
