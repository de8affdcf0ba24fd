"""How the comparisons of an experiment went, counted by verdict."""

from made_up import build

from bnexp.evidence.experiment import Evidence
from bnexp.reporting.parts.differences import tally


def test_every_comparison_is_counted_once(tmp_path):
    assert tally(Evidence(*build(tmp_path)).comparisons) == (
        "Of 8 comparisons with none, test accuracy is higher in 0 and lower in 0, with signs of a difference, not "
        "confirmed, in 4, equivalence within ±0.1 pp in 0, and neither shown in 0; in 4 nothing can be said of the "
        "mean."
    )


def test_with_ten_seeds_differences_are_confirmed(tmp_path):
    said = tally(Evidence(*build(tmp_path, seeds=10, batch_sizes=(), faults={})).comparisons)
    assert said.startswith("Of 4 comparisons with none, test accuracy is higher in 4 and lower in 0, ")
    assert said.endswith("and neither shown in 0.")
