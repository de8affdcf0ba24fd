"""The rule: from the paired differences to regression, improvement, or neither.  Pure numbers, nothing is read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy import special

from bnexp.stats.estimates import Interval, mean_interval
from bnexp.stats.paired import SignFlip, sign_flip_test
from bnexp.stats.power import minimum_detectable_effect

Verdict = Literal["regression", "improvement", "not shown"]

TOLERATED = 0.1
"""The share of diverged trainings from which on a mean over the others flatters."""


@dataclass(frozen=True)
class Judgement:
    """What follows from some pairs, in the metric's unit."""

    difference: Interval
    """Mean of second minus first."""
    confidence: float
    test: SignFlip
    detectable: float
    """The smallest true difference that so many pairs show with 80 % power; NaN for n < 2."""
    verdict: Verdict
    noninferior: bool
    """Whether the whole interval lies on the better side of -margin."""
    by_divergence: bool = False
    """More than a tenth of one side diverged, so that the mean over the others is not judged."""
    by_resolution: bool = False
    """The pairs do not scatter, and the interval is that of the steps in which the values come."""


def judge(
    differences: Sequence[float],
    *,
    higher_is_better: bool,
    margin: float = 0.0,
    confidence: float = 0.95,
    resolution: float = 0.0,
    diverged: tuple[int, int] = (0, 0),
    finished: int | None = None,
) -> Judgement:
    """Judge second minus first, shape (n,), one for each pair.

    Regression: the whole t interval of the mean lies beyond -margin, the worse direction being negative; improvement:
    beyond +margin.

    Differences without any scatter have an interval without width: two pairs that are both one image worse would be
    proof.  Values that come in steps of `resolution` r (one image, the steps between two evaluations) are known to
    ±r/2, so that s is then taken as that of such rounding on both sides, r/√6; where r is 0, the sign-flip test decides
    at 1 - confidence.

    `diverged` counts the trainings of each side, among `finished` pairs, whose loss became infinite.  Where more than a
    tenth of one side did, the mean over the others is not judged: it is a regression where more of the second side
    diverged than of the first, and else there is no verdict.
    """
    estimate, test = mean_interval(differences, confidence=confidence), sign_flip_test(differences)
    constant = len(differences) > 1 and len(set(differences)) == 1 and any(differences)
    if constant and resolution:
        estimate = _widened(estimate, resolution / math.sqrt(6), confidence)
    gain = estimate if higher_is_better else Interval(-estimate.mean, -estimate.high, -estimate.low, estimate.n)
    telling = not constant or resolution > 0 or test.p <= 1 - confidence
    verdict: Verdict = "not shown"
    if telling and gain.high < -margin:
        verdict = "regression"
    elif telling and gain.low > margin:
        verdict = "improvement"
    noninferior = telling and gain.low > -margin
    by_divergence = max(diverged) > TOLERATED * (len(differences) if finished is None else finished)
    if by_divergence:
        verdict, noninferior = ("regression" if diverged[1] > diverged[0] else "not shown"), False
    return Judgement(
        difference=estimate,
        confidence=confidence,
        test=test,
        detectable=minimum_detectable_effect(differences, alpha=1 - confidence) if len(differences) > 1 else math.nan,
        verdict=verdict,
        noninferior=noninferior,
        by_divergence=by_divergence,
        by_resolution=constant and resolution > 0,
    )


def _widened(estimate: Interval, deviation: float, confidence: float) -> Interval:
    """The t interval of n values whose scatter is taken to be `deviation`."""
    half = float(special.stdtrit(estimate.n - 1, (1 + confidence) / 2)) * deviation / math.sqrt(estimate.n)
    return Interval(estimate.mean, estimate.mean - half, estimate.mean + half, estimate.n)
