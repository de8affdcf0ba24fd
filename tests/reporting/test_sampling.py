"""Seeds and test images apart, from the misclassified images of the records."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import build

from bnexp.evidence.experiment import Evidence
from bnexp.reporting.parts.accuracy import BOTH, legend, readable, summary
from bnexp.reporting.parts.sampling import sentences
from bnexp.stats.bootstrap import sources


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return build(tmp_path_factory.mktemp("results"), batch_sizes=(), seeds=4, faults={("gn", 64, 2): "missing"})


@pytest.fixture(scope="module")
def found(results):
    return Evidence(*results).comparisons


def test_it_is_that_of_the_images_that_either_network_missed(results, found):
    store, plan = results
    x = np.zeros((4, 10_000))
    for seed in range(4):
        mine, base = (store.read_folder(plan.points[k].trials[seed]).test.missed for k in (1, 0))
        x[seed, list(base)] += 100
        x[seed, list(mine)] -= 100
    assert found[0].sampling[:3] == pytest.approx(sources(x)[:3])
    assert found[0].sampling.interval.mean == pytest.approx(found[0].difference.mean)


def test_its_error_over_the_seeds_is_that_of_the_paired_interval(found):
    for each in found:
        t = {4: 3.182446, 3: 4.302653}[each.difference.n]
        assert t * each.sampling.seeds == pytest.approx(each.difference.half_width, rel=1e-5)


def test_a_missing_pair_is_left_out(found):
    assert found[-1].sampling.interval.n == found[-1].difference.n == 3


def test_there_is_a_sentence_for_each_mean_that_is_spoken_of(found):
    said = sentences(found)
    assert len(said) == 4
    assert said[0].startswith("bn-pre against none: the standard error of the difference is 0.0")
    assert "from the 10,000 test images" in said[0]
    assert sentences([replace(found[0], same=True), replace(found[0], sampling=None)]) == []


def test_the_table_shows_both_errors(results, found):
    evidence = Evidence(*results)
    row = summary(evidence).set_index("variant").loc["bn-pre"]
    assert (row["error_seeds"], row["error_images"], row["error_both"]) == found[0].sampling[:3]
    text = readable(evidence)
    assert text[BOTH].iloc[0] == "—"
    assert text[BOTH].iloc[1].startswith("[")
    assert f"{BOTH}: the 95 % interval" in " ".join(legend(evidence))


def test_one_pair_has_no_errors_to_tell_apart(tmp_path):
    store, plan = build(tmp_path, batch_sizes=(), seeds=1, faults={})
    assert {each.sampling for each in Evidence(store, plan).comparisons} == {None}
