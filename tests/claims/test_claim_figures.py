"""The figure of a claim: a row for each place, with intervals that hold at all of them together."""

import matplotlib.colors
import numpy as np
import pytest
from made_up_claims import claim, plan
from made_up_reports import evidence

from bnexp.claims.verdict import judge
from bnexp.reporting.drawing.claims import LOOKS, where

RATES = (0.001, 0.01, 0.1, 1.0)
GAINS = (0.5, -0.5, 0.0, 0.0)


def judged(rule="superiority", **others):
    z = 0.1 * np.random.default_rng(1).standard_normal((2 * len(RATES), 10))
    accuracy = 98 + z + np.repeat(GAINS, 2)[:, None] * np.tile([0, 1], len(RATES))[:, None]
    (found,) = judge([evidence(plan({"a": claim(rule, holds="somewhere", **others)}, 10, rates=RATES), accuracy)])
    return found


def whiskers(figure):
    """Ends and colour of the horizontal lines, by row."""
    found = {}
    for line in figure.axes[0].lines:
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        if len(x) == 2 and y[0] == y[1] and float(y[0]).is_integer():
            found[int(y[0])] = (*x, matplotlib.colors.to_hex(line.get_color()))
    return found


def test_each_place_has_its_row_its_verdict_and_an_interval_that_is_wider_than_its_own():
    found = judged()
    figure = where(found, "batch minus none", (0.0,))
    assert [text.get_text() for text in figure.axes[0].texts] == [each.verdict for each in found.places]
    assert [each.verdict for each in found.places] == ["supported", "refuted", "inconclusive", "inconclusive"]
    for row, (low, high, colour) in whiskers(figure).items():
        alone, together = found.places[row].contrast.estimate, found.places[row].contrast.interval(1 - 0.05 / 4)
        assert (low, high) == pytest.approx((together.low, together.high))
        assert low < alone.low < alone.high < high
        assert colour == LOOKS[found.places[row].verdict]["color"].lower()


def test_the_axis_of_factors_is_logarithmic_and_of_shares_goes_to_a_hundred():
    assert where(judged(), "x", ()).axes[0].get_xscale() == "linear"
    shares = where(judged("trains"), "trials that trained (%)", ())
    assert shares.axes[0].get_xlim() == (-4, 104)
    times = where(judged({"name": "time-ratio"}, metric="steps-to-90"), "x", (1.0,))
    assert times.axes[0].get_xscale() == "log"
