"""Published values beside results: in sentences and in the figure."""

import pytest
from made_up import build

from bnexp.evidence.experiment import Evidence
from bnexp.reporting.drawing.figures import looks
from bnexp.reporting.parts import section
from bnexp.specs.experiment import Published

LENET = Published(value=99.05, source="LeCun et al. 1998")


def made(root, *published, **options):
    store, plan = build(root, variants=("none", "bn-pre"), batch_sizes=(), faults={}, **{"seeds": 10} | options)
    plan = plan.model_copy(update={"published": published})
    return section(Evidence(store, plan), "it", looks(plan.variants), root)


def test_a_value_is_held_against_the_mean_and_against_one_run(tmp_path):
    part = made(tmp_path, LENET).parts["published"]
    none, bn = part.sentences
    assert none == (
        "none: the published 99.05 % (LeCun et al. 1998) lies outside the 95 % interval of the mean over n = 10 seeds, "
        "98.87 [98.83, 98.91] %. It lies outside the 95 % prediction interval of one run, [98.74, 99.00]."
    )
    assert bn.endswith(
        "99.10 [99.06, 99.13] %. It lies within the 95 % prediction interval of one run, [98.97, 99.22]."
    )
    assert "mean over many runs against the interval of the mean" in part.paragraphs[0]


def test_a_value_of_one_variant_is_held_against_that_alone(tmp_path):
    part = made(tmp_path, LENET.model_copy(update={"variant": "bn-pre"})).parts["published"]
    assert [sentence.partition(":")[0] for sentence in part.sentences] == ["bn-pre"]


@pytest.mark.parametrize(("published", "seeds"), [((), 10), ((LENET,), 1)])
def test_without_a_value_or_an_interval_nothing_is_said(tmp_path, published, seeds):
    assert "published" not in made(tmp_path, *published, seeds=seeds).parts


def test_the_figure_has_a_line_with_its_source_through_all_rows_or_that_of_a_variant(tmp_path):
    own = Published(value=98.8, source="own runs", variant="bn-pre")
    [figure] = [each for each in made(tmp_path, LENET, own).figures if each.name == "accuracy"]
    [axes] = figure.draw().axes
    dashed = {line.get_xdata()[0]: line.get_ydata() for line in axes.lines if line.get_linestyle() == "--"}
    assert (max(dashed[99.05]), list(dashed[98.8])) == (1.5, [0.55, 1.45])
    low, high = axes.get_xlim()
    assert (low < 98.8, high > 99.05) == (True, True)
    assert {"99.05 LeCun et al. 1998", "98.8 bn-pre, own runs"} <= {text.get_text() for text in axes.texts}
    assert "Published: 99.05 % (LeCun et al. 1998)." in figure.alternative
