"""Parts of a plan for several machines: each trial in one of them, pairs together, whatever is finished already."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from ground import SPECS, Ground, experiment

from bnexp.errors import UserError
from bnexp.running.options import Shard
from bnexp.running.survey import of_shard, tasks
from bnexp.specs.trial import Trial

NORMS = ["none", "batch", "layer"]


def parts(seeds: int, of: int) -> list[list[tuple[str, int]]]:
    planned = tasks([experiment(range(seeds), NORMS)])
    return [
        [(task.variant, task.trial.seed) for task in of_shard(planned, Shard(index, of))] for index in range(1, of + 1)
    ]


@pytest.mark.parametrize(("seeds", "of"), [(1, 1), (10, 4), (4, 4), (2, 5), (1, 7)])
def test_each_trial_is_in_one_part(seeds: int, of: int) -> None:
    found = [trial for part in parts(seeds, of) for trial in part]
    assert sorted(found) == sorted((norm, seed) for norm in NORMS for seed in range(seeds))


def test_whole_seeds_stay_together_where_there_are_enough() -> None:
    for part in parts(10, 4):
        for seed in {seed for _, seed in part}:
            assert [norm for norm, one in part if one == seed] == NORMS


def test_where_machines_are_more_than_seeds_no_variant_is_one_machines_own() -> None:
    by_part = [{norm for norm, _ in part} for part in parts(2, 3)]
    assert [len(norms) for norms in by_part] == [2, 2, 2]


def test_the_parts_in_one_folder_are_the_whole(ground: Ground) -> None:
    """Three runs at once, one on each third of the seeds."""
    tiny = experiment(range(6), NORMS)
    with ThreadPoolExecutor(3) as threads:
        outcomes = list(threads.map(lambda k: ground.run(tiny, shard=Shard(k, 3))[0], (1, 2, 3)))
    assert [(outcome.planned, outcome.trained, outcome.exit_code) for outcome in outcomes] == [(6, 6, 0)] * 3
    assert sorted(ground.started()) == sorted([*range(6)] * 3)
    whole, _ = ground.run(tiny)
    assert (whole.skipped, whole.trained) == (18, 0)
    folders = {seed: Trial(SPECS["none"], seed).folder for seed in range(6)}
    assert ground.store.read_plan("tiny").points[0].trials == folders


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0", "1", "a/b", "1/4/2", "-1/4"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"shard: one of so many, as in 1/4"):
        Shard.parse(text)
