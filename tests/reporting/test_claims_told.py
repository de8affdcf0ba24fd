"""What is said of claims: by `bnexp claims` as by the report, and only what the verdict says."""

import json
import math
import re
import shutil
from dataclasses import replace

import pytest
from made_up import FAULTS, NORMS, record

from bnexp import api
from bnexp.cli.app import main
from bnexp.config.load import from_mapping
from bnexp.errors import UserError
from bnexp.records.store import Store
from bnexp.reporting.claims import card, places, rows
from bnexp.reporting.write import write_report
from bnexp.specs.experiment import plan
from bnexp.stats.estimates import Interval

SMALL = {"training.batch_size": 16}
CLAIMS = {
    "accuracy": {
        "text": "BN ends at a higher test accuracy",
        "by": "everybody | and <b>more</b>",
        "treatment": "bn-pre",
        "control": "none",
        "rule": {"name": "superiority", "margin": 0.1},
        "published": [
            {"value": 0.2, "source": "A 2015", "where": {"training.batch_size": 64}},
            {"value": 9, "source": "B 2016", "where": SMALL, "differs": "ImageNet"},
        ],
    },
    "small-batch": {
        "text": "BN loses at small batches",
        "treatment": "gn",
        "control": "bn-pre",
        "where": SMALL,
        "rule": {
            "name": "interaction",
            "effect": "larger",
            "margin": 0.05,
            "than": {"where": {"training.batch_size": 64}},
        },
        "twin": "none is known",
    },
    "faster": {"text": "fast", "treatment": "bn-pre", "control": "none", "metric": "steps-to-98", "rule": "time-ratio"},
    "trains": {"text": "it trains", "treatment": "bn-pre", "control": "none", "rule": "trains"},
    "learned": {
        "text": "it learns more",
        "treatment": "bn-pre",
        "control": "none",
        "metric": "recalibrated-accuracy",
        "exploratory": True,
    },
    "same": {"text": "alike", "treatment": "ln", "control": "gn", "rule": {"name": "equivalence", "margin": 0.05}},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("results"), FAULTS)


def stored(root, faults):
    """Ten seeds of the made-up records, with claims that were stored before, but for one that came late."""
    config = {
        "variants": {name: {"norm": norm} for name, norm in NORMS.items()},
        "grid": {"training.batch_size": [16, 64]},
        "training": {"epochs": 3},
        "claims": CLAIMS,
    }
    experiment, store = from_mapping(config, name="made-up"), Store(root)
    store.keep_plan(experiment)
    for each in plan(experiment):
        variant, size = each.point.variant, each.point.spec.training.batch_size
        fate = faults.get((variant, size, each.trial.seed), "finished")
        if fate != "missing":
            store.write(each.trial, record(each.trial, variant, fate))
    late = config["claims"] | {"late": CLAIMS["faster"] | {"text": "said afterwards"}}
    store.keep_plan(from_mapping(config | {"claims": late}, name="made-up"))
    return root


@pytest.fixture(scope="module")
def found(results):
    return {each.id: each for each in api.claims(results)}


def test_the_table_has_who_says_it_the_verdict_and_where_it_holds(found):
    told = {row[0]: row[1:] for row in rows(list(found.values()))}
    where = "batch size 16; supported at batch size 64"
    assert told["accuracy"][:2] == ["everybody | and <b>more</b>", "refuted"]
    assert told["accuracy"][-1] == where
    of = "gn − bn-pre, beyond that of batch size 64"
    assert told["small-batch"] == ["—", "supported", "8 of 10", "+0.35 pp [+0.24, +0.43]", of, "—"]
    assert told["faster"][1:] == ["supported", "10", "0.36× to 0.40× (2 places)", "bn-pre / none", "every place"]
    assert told["late"][1] == "supported (exploratory)"


def test_a_card_says_what_decides_and_what_would(found, results):
    told = card(found["accuracy"], results)
    where = "batch size 16; supported at batch size 64"
    assert told["verdict"] == f"refuted at {where} (p = 0.030 after Holm's correction over the 5 claims of this folder)"
    assert "batch size 64: +0.23 pp [+0.17, +0.31], n = 10, supported" in told["evidence"]
    assert "none in 9 of 10" in told["evidence"]
    assert re.fullmatch(
        r"bn-pre has a higher test accuracy than none \(no difference: within ± 0.1 pp\), or bn-pre trains in more "
        r"trials, everywhere "
        r"\(SHA-256 [0-9a-f]{12}, stored before the first trial\)",
        told["rule"],
    )
    assert told["published"] == (
        "batch size 16: +9 pp (B 2016), replicates: not comparable (ImageNet); "
        "batch size 64: +0.2 pp (A 2015), replicates: yes (inside our +0.23 pp [+0.17, +0.31])"
    )
    assert told["repeat"].startswith("bnexp run made-up.yaml; bnexp claims accuracy")
    open_ones = card(found["same"], results)["to settle it"]
    assert "batch size 16: n = 7 can confirm nothing, n = 8 can" in open_ones
    assert re.search(r"n = 9 could have shown a margin of 0\.1\d pp \(80 % power\); .* \d\d seeds settle it", open_ones)
    assert "stored after the first trial" in card(found["late"], results)["rule"]


def test_places_without_a_mean_are_not_counted_among_those_of_a_range(found):
    """And the other verdicts come in one order."""
    (one, other), nothing = found["faster"].places, Interval(math.nan, math.nan, 0.4, 10)
    blank = replace(one, contrast=replace(one.contrast, estimate=nothing))
    row = rows([replace(found["faster"], places=(blank, other))])[0]
    assert re.fullmatch(r"0\.\d\d× \(1 of 2 places\)", row[4])
    verdicts = ("refuted", "no difference", "supported")
    places = tuple(replace(other, verdict=each) for each in verdicts)
    where = rows([replace(found["faster"], verdict="refuted", places=places)])[0][-1]
    assert [each.partition(" at ")[0] for each in where.split("; ")[1:]] == ["supported", "no difference"]


def test_of_an_interaction_both_effects_are_told(found, results):
    evidence = card(found["small-batch"], results)["evidence"]
    assert "+0.35 pp [+0.24, +0.43], +0.18 pp here and −0.17 pp there, n = 8 of 10" in evidence
    header, [cells] = places(found["small-batch"])
    assert dict(zip(header, cells, strict=True))[">there"] == "−0.17 pp"
    assert ">there" not in places(found["accuracy"])[0]


def test_what_holds_under_recalibrated_statistics_is_told_beside_test_accuracy(found, results):
    """Where batch normalization is judged by what it has learned, its moving averages are not hidden."""
    deployed = [told for _, told in found["learned"].deployed]
    assert deployed == [each.contrast.estimate for each in found["accuracy"].places]
    assert deployed != [each.contrast.estimate for each in found["learned"].places]
    assert "batch size 64: +0.23 pp [+0.17, +0.31]" in card(found["learned"], results)["with moving averages"]
    assert not found["accuracy"].deployed


def test_one_claim_has_a_row_for_each_place(found):
    header, cells = places(found["accuracy"])
    assert header[0] == "place"
    assert [(row[0], row[1], row[-1]) for row in cells] == [
        ("batch size 16", "9/10", "refuted"),
        ("batch size 64", "10/10", "supported"),
    ]


def test_the_report_opens_with_the_same_cards(found, results, tmp_path):
    written = write_report(Store(results), tmp_path)
    text = (tmp_path / "report.md").read_text()
    first = text[text.index("## What was found") :]
    positions = [first.index(each.claim.text) for each in found.values()]
    assert positions == sorted(positions)
    assert positions[-1] < first.index("Each variant against none")
    for line in card(found["small-batch"], results).values():
        assert line.replace("&", "\\&").replace("_", "\\_") in text
    page = written.index.read_text()
    assert "<b>more</b>" not in page
    assert "supported (exploratory)" in page


def test_a_report_of_several_experiments_opens_with_the_verdicts_of_all(results, tmp_path):
    assert "What is claimed, and what was found" not in (
        write_report(Store(results), tmp_path / "one").index.read_text()
    )
    folder = shutil.copytree(results, tmp_path / "results")
    claims = {
        "alone": CLAIMS["trains"],
        "aside": CLAIMS["faster"] | {"exploratory": True, "text": "faster, by the way"},
    }
    variants = {name: {"norm": NORMS[name]} for name in ("none", "bn-pre")}
    Store(folder).keep_plan(from_mapping({"variants": variants, "seeds": 2, "claims": claims}, name="other"))
    page = write_report(Store(folder), tmp_path / "two").index.read_text()
    text = (tmp_path / "two" / "report.md").read_text()
    opening = text[text.index("## What is claimed") : text.index("## What was found")]
    assert "| BN ends at a higher test accuracy | refuted | 9–10 of 10 |" in opening
    assert "| bn-pre − none | batch size 16; supported at batch size 64 |" in opening
    assert opening.count("| it trains |") == 2
    assert "by the way" not in opening
    assert page.index('<a href="#other">it trains</a>') < page.index("The command bnexp claims prints the same")
    assert text.index("## Not complete") < text.index("## What is claimed")
    assert page.index('id="incomplete"') < page.index('id="summary:verdicts"')


def test_trials_that_did_not_train_stand_below_the_verdicts_of_several_complete_experiments(tmp_path):
    folder = stored(tmp_path / "results", dict.fromkeys(FAULTS, "diverged"))
    [plan] = (folder / "experiments").glob("*.json")
    content = json.loads(plan.read_text())
    plan.with_name("twin.json").write_text(json.dumps(content | {"name": "twin"}))
    page = write_report(Store(folder), tmp_path / "two").index.read_text()
    text = (tmp_path / "two" / "report.md").read_text()
    assert (
        text.index("## What is claimed") < text.index("## Trials that did not train") < text.index("## What was found")
    )
    assert page.index('id="summary:verdicts"') < page.index('id="incomplete"') < page.index('class="experiment"')
    assert text.count("## Trials that did not train") == page.count('id="incomplete"') == 1


def test_the_command_prints_text_markdown_and_json(results, capsys):
    assert main(["claims", "--results", str(results)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split()[:2] == ["claim", "who"]
    assert main(["claims", "small-batch", "--results", str(results)]) == 0
    said = capsys.readouterr().out
    assert "exact twin: none is known" in said
    assert "+0.35 pp [+0.24, +0.43]" in said
    assert main(["claims", "--markdown", "--results", str(results)]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("| :--")
    assert main(["claims", "--json", "--results", str(results)]) == 0
    data = {each["id"]: each for each in json.loads(capsys.readouterr().out)}
    assert data["accuracy"]["where"] == [SMALL]
    assert data["small-batch"]["places"][0]["effects"].keys() == {"own", "other"}
    assert len(data["learned"]["with_moving_averages"]) == 2
    assert data["late"]["exploratory"] == "the rule was stored after the first trial"
    assert data["same"]["places"][1]["seeds_to_settle"] > 9


def test_claims_that_are_not_there_are_refused_with_a_hint(results, tmp_path):
    with pytest.raises(UserError, match="no claim is named 'acuracy'; did you mean 'accuracy'"):
        api.claims(results, ids=["acuracy"])
    store = Store(tmp_path)
    store.keep_plan(from_mapping({"norm": "none"}, name="x"))
    with pytest.raises(UserError, match="nothing is claimed here; the key `claims`"):
        api.claims(tmp_path)
