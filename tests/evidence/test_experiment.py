"""All of an experiment is computed from one pass over its records, and each number once."""

import pytest
from folders import write
from made_up import build

from bnexp.evidence.experiment import Evidence
from bnexp.records.store import Store

PARTS = ("conditions", "comparisons", "times", "confounds", "learning_rates", "trials", "evaluations", "sides")


class Counting(Store):
    """Notes which folders are read."""

    def __init__(self, root):
        super().__init__(root)
        self.read_folders = []

    def read_folder(self, name):
        self.read_folders.append(name)
        return super().read_folder(name)


def test_each_record_is_read_once_and_each_part_computed_once(tmp_path):
    _, plan = build(tmp_path, seeds=2)
    store = Counting(tmp_path)
    evidence = Evidence(store, plan)
    for name in PARTS * 2:
        assert getattr(evidence, name) is getattr(evidence, name)
    assert sorted(store.read_folders) == sorted(folder for point in plan.points for folder in point.trials.values())


@pytest.mark.parametrize(("fate", "complete"), [("diverged", True), ("failed", False), ("missing", False)])
def test_divergence_is_a_result(tmp_path, fate, complete):
    built = build(tmp_path, variants=("none",), batch_sizes=(), seeds=2, faults={("none", 64, 1): fate})
    assert Evidence(*built).complete is complete


def test_a_comparison_without_scatter_counts_to_the_family_of_equivalence(tmp_path):
    """ln always has the accuracy of none: nothing to test, yet one of the two comparisons that Holm counts."""
    none, gn = (98.9, 98.8, 98.9, 99.0, 98.7, 98.9), (98.9, 98.9, 98.8, 99.0, 98.8, 98.9)
    store = write(tmp_path, {"none": none, "gn": gn, "ln": none})
    gn, ln = Evidence(store, store.read_plan("made-up")).comparisons
    assert gn.equivalence_p_holm == pytest.approx(2 * gn.equivalence_p)
    assert gn.equivalence_p_holm < 1
    assert (gn.family, ln.family, ln.equivalent) == (2, 2, False)


def test_another_baseline_turns_the_differences(tmp_path):
    store, plan = build(tmp_path, batch_sizes=())
    other = Evidence(store, plan.model_copy(update={"baseline": "bn-pre"})).comparisons
    assert {each.baseline for each in other} == {"bn-pre"}
    assert [each.variant for each in other] == ["none", "bn-post", "ln", "gn"]
    assert other[0].difference.mean == pytest.approx(-Evidence(store, plan).comparisons[0].difference.mean)
