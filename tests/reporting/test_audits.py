"""What the report says of confounds: the sentence above the comparisons, and the tables."""

from made_up import build, record

from bnexp.evidence.experiment import Evidence
from bnexp.reporting.parts.confounds import confounds, declared
from bnexp.reporting.write import write_report
from bnexp.specs.trial import Trial, TrialSpec


def audit_of(store, plan):
    """The sentence, whether it alarms, and the table of what is not declared."""
    evidence = Evidence(store, plan)
    warning, part = confounds(evidence, None), declared(evidence, None)
    undeclared = [table.text for table in part.tables if "is not declared" in table.caption]
    if warning is not None:
        assert warning.paragraphs == part.paragraphs[:1]
    return part.paragraphs[0], warning is not None, undeclared[0] if undeclared else None


def alter(store, plan, variant, *, seeds=range(9), places=(16, 64), execution=None, **environment):
    """Give the records of a variant another environment or execution."""
    for point in plan.points:
        if point.variant == variant and point.spec["training"]["batch_size"] in places:
            for seed in point.trials.keys() & set(seeds):
                trial = Trial(TrialSpec.model_validate(point.spec), seed)
                found = record(trial, variant)
                changes = {
                    "environment": {**found.environment, **environment},
                    "execution": {**found.execution, **(execution or {})},
                }
                store.write(trial, found.model_copy(update=changes))


def test_where_nothing_else_differs_it_says_so(tmp_path):
    sentence, alarming, undeclared = audit_of(*build(tmp_path, faults={}, seeds=2))
    assert "no recorded confounder within pairs" in sentence
    assert not alarming
    assert undeclared is None


def test_a_difference_at_one_place_is_told_with_the_place(tmp_path):
    store, plan = build(tmp_path, faults={}, variants=("none", "ln"))
    alter(store, plan, "ln", places=[16], cpu="Another processor")
    sentence, alarming, undeclared = audit_of(store, plan)
    assert alarming
    assert sentence.startswith("In 1 of 2 comparisons the sides differ in more than the config declares: processor.")
    (row,) = undeclared.itertuples(index=False, name=None)
    assert row == ("ln", "processor", "A made-up processor", "Another processor", "batch size 16")


def test_some_pairs_of_a_comparison_are_counted(tmp_path):
    store, plan = build(tmp_path, faults={}, variants=("none", "ln"), batch_sizes=())
    alter(store, plan, "ln", seeds=[0, 3], execution={"jobs": 7})
    sentence, alarming, undeclared = audit_of(store, plan)
    assert sentence.endswith("The sides differ in what bears on seconds alone: trials at a time.")
    assert not alarming
    assert undeclared["where"].tolist() == ["2 of 5 pairs"]


def test_one_variant_alone_has_no_audit(tmp_path):
    store, plan = build(tmp_path, faults={}, variants=("none",))
    assert confounds(Evidence(store, plan), None) is declared(Evidence(store, plan), None) is None
    page = write_report(store, tmp_path / "out").index.read_text()
    assert "What differs besides the variant" not in page


def test_page_and_markdown_hold_it_above_the_comparisons(tmp_path):
    store, plan = build(tmp_path, faults={})
    alter(store, plan, "ln", cpu="<b>Another</b>")
    index = write_report(store, tmp_path / "out").index
    page, text = index.read_text(), (index.parent / "report.md").read_text()
    for whole, first in ((page, '<ul class="sentences">'), (text, "\n- ")):
        assert whole.index("the sides differ in more than the config declares: processor") < whole.index(first)
    assert "&lt;b&gt;Another&lt;/b&gt;" in page
    assert r"\<b>Another" in text
    assert "What made-up declares different, and what follows from it" in page
    assert "### What differs besides the variant" in text
