"""Which class is taken for which, and the test images that most trials miss."""

from collections import Counter
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.data.loading import test_images
from bnexp.evidence.experiment import Evidence
from bnexp.records.record import Test
from bnexp.reporting.drawing.confusion import confusion_matrices, missed_images
from bnexp.reporting.drawing.figures import plain
from bnexp.reporting.numbers import Number, cell, fixed
from bnexp.reporting.part import Context, Figure, Part, Table

PANELS = 6  # variants in the figure
LISTED = 3  # confusions of each variant in the text; the CSV has all
IMAGES = 16  # test images that are listed and drawn


def confusion(evidence: Evidence, _: Context) -> Part | None:
    """None where no trial says what it took images for, where the trials have several data, or where none is missed."""
    tests = told(evidence)
    hashes = {record.data_hash for side in evidence.sides for record in side.of("ok").values()}
    if len(hashes) != 1 or not any(test.missed for mine in tests.values() for test in mine.values()):
        return None
    counts = {variant: matrix(mine.values()) for variant, mine in tests.items()}
    every: dict[str, Test] = {}  # variants may share trials
    for mine in tests.values():
        every |= mine
    found, missed = confusions(tests, counts), most_missed(every.values())
    name, data = evidence.plan.name, evidence.sides[0].spec["data"]["name"]
    together = ", at all places of the grid together" if any(each.coordinates for each in evidence.sides) else ""
    about = f"over all trials of a variant that trained{together}"
    figures = [_matrices(tests, counts, found, about)]
    if (images := test_images(data, hashes.pop() or "")) is not None:
        figures.append(_pictures(images[missed["image"].to_numpy()], missed))
    return Part(
        "Confusions and most-missed images",
        "which class is taken for which",
        paragraphs=() if images is not None else (_not_drawn(data),),
        tables=(_confusions(name, found, about), _missed(name, missed)),
        figures=tuple(figures),
    )


def told(evidence: Evidence) -> dict[str, dict[str, Test]]:
    """Variant to identity to test of the trials that trained and say what they took missed images for."""
    found: dict[str, dict[str, Test]] = {}
    for side in evidence.ordered:
        for each in side.of("ok").values():
            if each.trained is not False and each.test and each.test.predicted is not None:
                found.setdefault(side.name, {})[each.identity] = each.test
    return found


def matrix(tests: Collection[Test]) -> NDArray[np.int64]:
    """Test images by true class and predicted class, (classes,classes), summed over the trials."""
    found = np.diag(np.sum([each.correct_per_class for each in tests], axis=0))
    for each in tests:
        np.add.at(found, (np.array(each.labels, int), np.array(each.predicted, int)), 1)
    return np.asarray(found)


def confusions(tests: Mapping[str, Collection[str]], counts: Mapping[str, NDArray[np.int64]]) -> pd.DataFrame:
    """Those that occurred, variant by variant, the most frequent first; `times` is over its n trials together."""
    frames = []
    for variant, mine in counts.items():
        wrong = mine * ~np.eye(len(mine), dtype=bool)
        true, predicted = np.nonzero(wrong)
        times = wrong[true, predicted]
        columns = {"variant": variant, "n": len(tests[variant]), "true_class": true, "predicted_class": predicted}
        shares = {"per_1000": 1000 * times / mine.sum(1)[true], "share_of_errors": times / max(wrong.sum(), 1)}
        frame = pd.DataFrame({**columns, "times": times, **shares})
        frames.append(frame.sort_values("times", ascending=False, kind="stable"))
    return pd.concat([each for each in frames if len(each)], ignore_index=True)


def most_missed(tests: Collection[Test]) -> pd.DataFrame:
    """The `IMAGES` that most of the n trials miss, the most missed first, each with its most frequent wrong class."""
    missed = (zip(each.missed, each.labels or (), each.predicted or (), strict=True) for each in tests)
    taken = Counter(each for test in missed for each in test)
    keys = ["image", "true_class", "predicted_class", "times"]
    frame = pd.DataFrame([(*key, times) for key, times in taken.items()], columns=keys)
    frame = frame.assign(missed_by=frame.groupby("image")["times"].transform("sum"), n=len(tests))
    frame = frame.sort_values(["missed_by", "image", "times", "predicted_class"], ascending=[False, True, False, True])
    return frame.drop_duplicates("image").head(IMAGES)


def _matrices(
    tests: Mapping[str, Collection[str]], counts: Mapping[str, NDArray[np.int64]], found: pd.DataFrame, about: str
) -> Figure:
    shown = list(counts)[:PANELS]
    with np.errstate(invalid="ignore"):  # a class without test images has no share
        shares = [1000 * counts[name] / counts[name].sum(1, keepdims=True) for name in shown]
    caption = "Confusion matrices: of 1,000 test images of a class (row), how many get each predicted class (column)."
    if len(counts) > PANELS:
        caption += f" The first {PANELS} of {len(counts)} variants; the table has all."
    said = "; ".join(
        "{variant}: most often {true_class} is taken for {predicted_class}, {per_1000:.1f} of 1,000".format_map(row)
        for row in found[found["variant"].isin(shown)].drop_duplicates("variant").to_dict("records")
    )
    titles = [f"{plain(name, 22)} (n = {len(tests[name])})" for name in shown]
    draw = partial(confusion_matrices, titles, shares, about)
    return Figure("confusion", caption, f"{caption} {said}.", draw, wide=len(shown) > 1)


def _pictures(images: NDArray[np.uint8], missed: pd.DataFrame) -> Figure:
    rows = missed.to_dict("records")
    above, below = "{true_class} → {predicted_class}", "no. {image}: {missed_by}/{n}"
    alternative = "image {image}, a {true_class}, most often taken for {predicted_class}, missed by {missed_by} of {n}"
    over, under, said = ([each.format_map(row) for row in rows] for each in (above, below, alternative))
    caption = "The test images that most trials miss."
    draw = partial(missed_images, images, over, under)
    return Figure("missed-images", caption, f"{caption} {'; '.join(said)}.", draw, wide=True)


def _confusions(name: str, found: pd.DataFrame, about: str) -> Table:
    rows = [
        {
            "variant": row["variant"],
            "n": cell(row["n"]),
            "true class": cell(row["true_class"]),
            "predicted class": cell(row["predicted_class"]),
            "times": fixed(row["times"], 0),
            "per 1,000 of the class": fixed(row["per_1000"], 0 if row["per_1000"] >= 10 else 1),
            "of all errors (%)": fixed(100 * row["share_of_errors"], 1),
        }
        for row in found.groupby("variant", sort=False).head(LISTED).to_dict("records")
    ]
    legend = (
        f"The {LISTED} most frequent of each variant, {about} (n). Times: in all these trials together. "
        "Per 1,000 of the class: of the test images of the true class."
    )
    return _table("Most frequent confusions", name, rows, numbers=found, file="confusions", legend=(legend,))


def _missed(name: str, missed: pd.DataFrame) -> Table:
    rows = [
        {
            "test image": cell(row["image"]),
            "true class": cell(row["true_class"]),
            "missed by": Number(f"{row['missed_by']} of {row['n']}", row["missed_by"]),
            "most often taken for": cell(row["predicted_class"]),
            "times": cell(row["times"]),
        }
        for row in missed.to_dict("records")
    ]
    legend = "Test image: its index in the dataset's own order. Missed by: trials that trained, of all variants."
    return _table("Most-missed test images", name, rows, numbers=missed, file="missed-images", legend=(legend,))


def _table(what: str, name: str, rows: list[dict[str, str]], **more: Any) -> Table:
    return Table(f"{what} in {name}", pd.DataFrame(rows, dtype="object"), formats=("csv", "md"), **more)


def _not_drawn(data: str) -> str:
    if ":" in data:
        return "The images are not drawn: to load data of your own would run your code."
    return (
        f"The images are not drawn, because {data}, as it was trained on, is not on this machine. "
        f"`bnexp data fetch {data}` gets it; then write the report again."
    )
