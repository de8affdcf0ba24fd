"""Confusion matrices and the most-missed test images: counted from what each trial took its missed images for."""

from collections import Counter

import numpy as np
import pytest
from made_up import PER_CLASS, TEST, build

from bnexp.evidence.experiment import Evidence
from bnexp.records import record
from bnexp.reporting.parts import confusion as part
from bnexp.reporting.write import write_report

TWO = record.Test(  # five images, two of class 0, three of class 1
    examples=5,
    loss=0.5,
    accuracy=0.4,
    examples_per_class=(2, 3),
    correct_per_class=(1, 1),
    missed=(1, 2, 4),
    labels=(0, 1, 1),
    predicted=(1, 0, 0),
)
OTHER = TWO.model_copy(update={"correct_per_class": (2, 2), "missed": (2,), "labels": (1,), "predicted": (0,)})


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return build(
        tmp_path_factory.mktemp("results"), variants=("none", "ln"), seeds=3, faults={("ln", 16, 1): "diverged"}
    )


def changed(evidence, **changes):
    """The evidence with these fields in every record."""
    for side in evidence.sides:
        for seed, each in side.records.items():
            side.records[seed] = each.model_copy(update=changes)
    return evidence


def test_a_confusion_matrix_by_hand():
    assert part.matrix([TWO, OTHER]).tolist() == [[3, 1], [3, 3]]
    found = part.confusions({"ln": ["a", "b"]}, {"ln": part.matrix([TWO, OTHER])})
    assert found.to_dict("records") == [
        {"variant": "ln", "n": 2, "true_class": 1, "predicted_class": 0, "times": 3, "per_1000": 500.0}
        | {"share_of_errors": 0.75},
        {"variant": "ln", "n": 2, "true_class": 0, "predicted_class": 1, "times": 1, "per_1000": 250.0}
        | {"share_of_errors": 0.25},
    ]


def test_the_most_missed_images_by_hand():
    third = OTHER.model_copy(update={"missed": (2, 4), "labels": (1, 1), "predicted": (2, 2)})
    found = part.most_missed([TWO, OTHER, third])
    assert found[["image", "missed_by", "n", "predicted_class", "times"]].to_numpy().tolist() == [
        [2, 3, 3, 0, 2],
        [4, 2, 3, 0, 1],  # as often taken for 2: the smaller class
        [1, 1, 3, 1, 1],
    ]


def test_a_variants_rows_hold_all_its_tested_images(results):
    tests = part.told(Evidence(*results))
    assert {variant: len(mine) for variant, mine in tests.items()} == {"none": 6, "ln": 5}  # over both batch sizes
    for mine in tests.values():
        assert part.matrix(mine.values()).sum(1).tolist() == [len(mine) * images for images in PER_CLASS]


def test_tables_and_figures_say_the_same(results):
    evidence = Evidence(*results)
    found = part.confusion(evidence, None)
    confusions, missed = (table.numbers for table in found.tables)
    assert confusions["times"].sum() == sum(
        len(each.test.missed) for side in evidence.sides for each in side.of("ok").values()
    )
    every = Counter(i for side in evidence.sides for each in side.of("ok").values() for i in each.test.missed)
    assert missed["missed_by"].tolist() == [times for _, times in every.most_common(part.IMAGES)]
    assert found.tables[0].text["times"].tolist()[0] == str(confusions["times"][0])
    assert all(len(table.text.columns) <= 8 for table in found.tables)
    [figure] = found.figures
    canvas = figure.draw()
    assert {text.get_text() for text in canvas.axes[0].texts} == {"none (n = 6)", "ln (n = 5)"}
    assert (canvas.axes[0].get_xlabel(), canvas.axes[0].get_ylabel()) == ("predicted class", "true class")
    assert "none: most often" in figure.alternative


@pytest.mark.parametrize(
    "changes",
    [
        {"trained": False},
        {"test": TWO.model_copy(update={"labels": None, "predicted": None})},
        {"test": TWO.model_copy(update={"correct_per_class": (2, 3), "missed": (), "labels": (), "predicted": ()})},
    ],
    ids=["nothing trained", "older records", "nothing missed"],
)
def test_there_may_be_nothing_to_tell(results, changes):
    assert part.confusion(changed(Evidence(*results), **changes), None) is None


def test_images_of_several_datasets_are_not_counted_together(results):
    evidence = Evidence(*results)
    evidence.sides[0].records[0] = evidence.sides[0].records[0].model_copy(update={"data_hash": "another"})
    assert part.confusion(evidence, None) is None


def test_images_are_drawn_where_the_very_data_are_at_hand(results, monkeypatch):
    asked = []
    images = np.zeros((TEST, 28, 28, 1), np.uint8)
    monkeypatch.setattr(part, "test_images", lambda *named: asked.append(named) or images)
    evidence = Evidence(*results)
    found = part.confusion(evidence, None)
    assert asked == [("mnist", evidence.sides[0].records[0].data_hash)]
    assert [figure.name for figure in found.figures] == ["confusion", "missed-images"]
    assert found.paragraphs == ()
    texts = [text.get_text() for text in found.figures[1].draw().axes[0].texts]
    first = found.tables[1].numbers.iloc[0]
    assert len(texts) == 2 * part.IMAGES
    assert texts[:2] == [f"{first.true_class} → {first.predicted_class}", f"no. {first.image}: {first.missed_by}/11"]


def test_without_the_data_the_report_says_how_to_get_the_images(results, tmp_path):
    """The made-up records name MNIST, with a hash that is not its own."""
    index = write_report(results[0], tmp_path / "report").index
    for text in (index.read_text(), (index.parent / "report.md").read_text().replace("\\", "")):
        assert "`bnexp data fetch mnist` gets it" in text
    assert {path.name for path in index.parent.glob("*/made-up-[cm]*[ns]*")} >= {
        *("made-up-confusion.png", "made-up-confusion.svg", "made-up-confusions.csv", "made-up-missed-images.md")
    }
    assert "made-up-missed-images.png" not in {path.name for path in index.parent.glob("figures/*")}


def test_data_of_a_users_own_are_never_loaded(results):
    evidence = Evidence(*results)
    evidence.sides[0].spec["data"]["name"] = "no_such_module:images"
    found = part.confusion(evidence, None)
    assert found.paragraphs == ("The images are not drawn: to load data of your own would run your code.",)


def test_an_older_record_alone_gives_a_report_without_this_part(results, tmp_path):
    store, _ = build(tmp_path, variants=("none",), batch_sizes=(), seeds=1, faults={})
    (path,) = store.root.glob("trials/*/record.json")
    new = record.TrialRecord.model_validate_json(path.read_text())
    test = new.test.model_copy(update={"labels": None, "predicted": None})
    path.write_text(new.model_copy(update={"test": test}).model_dump_json())
    assert '"predicted"' not in path.read_text()
    index = write_report(store, tmp_path / "report").index
    assert "most-missed" not in index.read_text()
