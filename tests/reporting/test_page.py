"""The page and the Markdown say the same, first things first, and take any name."""

import json
import re
from html.parser import HTMLParser
from unittest.mock import ANY

import pandas as pd
import pytest
from made_up import build, renamed

from bnexp.reporting.glossary import GLOSSARY
from bnexp.reporting.write import write_report

HOSTILE = [
    "<script>alert(1)</script>",
    '" onload="alert(1)',
    "$x$ & | `a` [b](javascript:alert(1))",
    "</title></style><b>bold",
    "{{ 7 * 7 }} {% raw %}",
]
VOID = {"meta", "link", "img", "br"}
DATA = {"type": "application/json", "id": ANY}


class Reader(HTMLParser):
    """Tags with their attributes, text, and whether every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open, self.unclosed = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unclosed.append(tag)

    def handle_data(self, text):
        if not {"style", "script"} & set(self.open):
            self.words.append(text)

    @property
    def text(self):
        return " ".join("".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def written(root, **options):
    store, _ = build(root, **options)
    out = write_report(store, root / "report", None).index.parent
    return (out / "index.html").read_text(), (out / "report.md").read_text(), out


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    faults = {("ln", 64, 1): "missing", ("gn", 64, 2): "diverged"}
    return written(tmp_path_factory.mktemp("report"), batch_sizes=(16, 64), seeds=3, faults=faults)


@pytest.fixture(scope="module")
def page(report):
    return Reader(report[0])


def test_what_is_missing_stands_before_what_is_concluded_and_that_before_all_else(page):
    parts = ["Not complete", "1 of 30 trials is missing", "What was found", "bn-pre vs none", "Every test, in words"]
    parts += ["Results of", "Time to an accuracy", "Every trial", "How it was", "Percentage points"]
    places = [page.text.index(part) for part in parts]
    assert places == sorted(places)


def test_a_complete_set_has_no_notice_and_a_single_variant_no_comparison(tmp_path):
    html, markdown, _ = written(tmp_path, variants=("none",), batch_sizes=(), seeds=2, faults={})
    assert "Not complete" not in html + markdown
    assert 'class="notice"' not in html
    assert "nothing to compare it with" in html


def test_divergence_alone_is_told_but_is_not_called_incomplete(tmp_path):
    faults = {("ln", 64, 1): "diverged"}
    html, markdown, _ = written(tmp_path, variants=("none", "ln"), batch_sizes=(), seeds=2, faults=faults)
    assert "Not complete" not in html + markdown
    assert all("1 of 4 trials diverged: ln (seed 1)." in text for text in (html, markdown))


@pytest.mark.parametrize("size", [16, 64])
@pytest.mark.parametrize("variant", ["bn-pre", "bn-post", "ln", "gn"])
def test_there_is_a_sentence_for_every_comparison(page, variant, size):
    assert re.search(rf"{variant} (has|against|and none).{{0,70}} at batch size {size}", page.text)


def test_the_page_is_one_file_that_asks_for_nothing(report, page):
    sources = [attributes.get("src", "") for _, attributes in page.tags if "src" in attributes]
    assert sources
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert [attributes["href"] for attributes in page.all("link")] == ["data:,"]
    assert not re.search(r"https?:|@import|url\(", report[0])


def test_every_link_leads_to_a_file_beside_the_page_or_a_place_in_it(report, page):
    _, markdown, out = report
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    for target in [attributes["href"] for attributes in page.all("a")]:
        assert target[1:] in ids if target.startswith("#") else (out / target).is_file(), target
    for target in re.findall(r"\]\(([^)]*)\)", markdown):
        assert (out / target).is_file(), target


def test_learning_curves_are_data_and_not_pictures(report, page):
    """Pictures of them, embedded, made a page of 40 variants 11 MB large."""
    assert {"Line", "Forest", "Dot"} <= {image["alt"].split()[0] for image in page.all("img")}
    assert not [image["alt"] for image in page.all("img") if "Learning curves" in image["alt"]]
    [block] = re.findall(r'<script type="application/json" id="made-up:curves">(.*?)</script>', report[0], re.DOTALL)
    assert json.loads(block)["places"] == ["batch size 16", "batch size 64"]
    assert {"figures/made-up-loss-steps-training.svg", "figures/made-up-loss-steps-training.png"} <= {
        link["href"] for link in page.all("a")
    }


def test_every_row_has_the_command_that_repeats_it(report, page):
    commands = [button["data-copy"] for button in page.all("button")]
    rows = "bnexp run made-up.yaml --only variant={} --only training.batch_size={} --seeds {}"
    variants = ("none", "bn-pre", "bn-post", "ln", "gn")
    whole = [rows.format(variant, size, "0-2") for size in (16, 64) for variant in variants]
    each = [rows.format(variant, size, seed) for size in (16, 64) for variant in variants for seed in range(3)]
    assert [command for command in commands if "verify" not in command] == whole + each


def test_only_a_trial_that_has_a_result_can_be_verified(report, page):
    verified = {button["data-copy"].split()[-1] for button in page.all("button") if "verify" in button["data-copy"]}
    trials = pd.read_csv(report[2] / "trials.csv")
    assert trials["status"].value_counts().to_dict() == {"ok": 28, "missing": 1, "diverged": 1}
    assert verified == set(trials.loc[trials["status"] != "missing", "folder"])


def test_every_trial_is_a_row_with_what_became_of_it(report, page):
    rows = [re.findall(r"<t[hd][^>]*>([^<]*)<", row) for row in re.findall(r"<tr>(.*?)</tr>", report[0], re.DOTALL)]
    trials = {tuple(row[:3]): row[3:8] for row in rows if len(row) == 9 and row[0] != "variant"}
    assert len(trials) == 30
    assert trials["ln", "64", "1"] == ["missing", "—", "—", "—", "—"]
    status, accuracy, loss, seconds, folder = trials["gn", "64", "2"]
    assert (status, accuracy, loss) == ("diverged", "—", "—")
    assert float(seconds) > 0
    assert folder.startswith("mnist-cnn-group-b64-s2-")
    assert re.fullmatch(r"9\d\.\d\d", trials["none", "16", "0"][1])
    assert "Every trial 30 rows" in page.text


def test_figures_are_linked_in_every_format_in_which_they_lie_there(report, page):
    figures = {path.relative_to(report[2]).as_posix() for path in report[2].glob("figures/*")}
    assert {link["href"] for link in page.all("a") if link["href"].startswith("figures/")} == figures
    assert {name.replace(".svg", ".png") for name in figures} == {name for name in figures if name.endswith(".png")}


def test_it_is_whole_and_can_be_read_by_ear(page):
    assert page.open == page.unclosed == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("header")) == len(page.all("footer")) == 1
    assert page.all("html") == [{"lang": "en"}]
    assert all(image["alt"] for image in page.all("img"))
    assert len(page.all("figcaption")) == len(page.all("img"))
    assert {cell.get("scope") for cell in page.all("th")} == {"col", "row"}
    assert len(page.all("caption")) == len(page.all("table"))


def test_a_figure_of_numbers_tells_them_in_words(page):
    [forest] = [image["alt"] for image in page.all("img") if image["alt"].startswith("Forest")]
    assert re.search(r"bn-pre at batch size 16: [+−]\d\.\d+ \[.*\], n=3", forest)


def test_which_data_and_which_machine_is_told(report, page):
    assert "MNIST (60,000 + 10,000 images): 54,000 to train" in page.text
    assert "A made-up processor" in page.text
    assert "bnexp run made-up.yaml" in page.text
    assert "A made-up processor" in report[1]


def test_an_experiment_in_which_nothing_has_finished_is_reported(tmp_path):
    faults = {(variant, 64, 0): "missing" for variant in ("none", "ln")}
    html, markdown, _ = written(tmp_path, variants=("none", "ln"), batch_sizes=(), seeds=1, faults=faults)
    assert "No trial has finished yet." in html
    assert "No trial has finished yet." in markdown
    assert Reader(html).unclosed == []


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    root = tmp_path_factory.mktemp("hostile")
    store, plan = build(root, batch_sizes=(16, 64), seeds=2, faults={("ln", 16, 1): "missing"})
    other = {"name": 'x"><script>alert(2)<', "about": "<h1>a</h1> | $a$"}
    plan = renamed(plan, HOSTILE, key='a."><i>', place="<img src=x onerror=alert({})>", **other)
    (root / "experiments/made-up.json").unlink()
    store.write_plan(plan.name, plan.model_dump(mode="json"))
    out = write_report(store, root / "report", None).index.parent
    return (out / "index.html").read_text(), (out / "report.md").read_text(), out


def test_hostile_names_are_text_on_the_page(hostile):
    page = Reader(hostile[0])
    for name in HOSTILE:
        assert name in page.text
    assert [script for script in page.all("script") if script != DATA] == [{}]
    assert len(page.all("h1")) == 1
    assert not page.all("i")
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert page.unclosed == []


def test_hostile_names_are_text_in_the_markdown(hostile):
    assert not re.search(r"(?<!\\)<\w", hostile[1])
    assert not re.search(r"\]\(javascript", hostile[1])


def test_hostile_names_stay_out_of_file_names(hostile):
    names = {path.name for path in hostile[2].rglob("*") if path.is_file()}
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in names)


def test_no_figure_carries_a_script(hostile):
    for path in hostile[2].glob("figures/*.svg"):
        text = path.read_text()
        assert not re.search(r"<(script|img|foreignObject|i|b)\b", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))
        HTMLParser().feed(text)


def test_each_term_is_found_in_text_as_it_is_written():
    said = (
        "n = 10, n\N{NO-BREAK SPACE}= 3 of 4, paired by seed, +0.2 pp [+0.1, +0.3], 95 % interval, sign-flip, McNemar, "
    )
    said += "97\N{NO-BREAK SPACE}% in 0.50× the steps, on these test images, incl. test-set sampling, Holm-adjusted p, "
    said += "No difference detected, could have detected, exploratory, supported, inconclusive, sequential p, "
    said += "equivalent, moving averages, recalibrated statistics, batch statistics, log-rank, "
    said += "P(improvement), 6,000 to validate, no difference at batch size 16"
    assert [term.name for term in GLOSSARY if not re.search(term.occurs, said)] == []


def test_no_sentence_of_the_glossary_is_longer_than_25_words():
    sentences = [text for term in GLOSSARY for text in re.split(r"(?<=[.:?]) ", term.meaning)]
    assert [text for text in sentences if len(text.split()) > 25] == []


def test_the_markdown_begins_with_the_same_lines(report, page):
    markdown = report[1].replace("\\", "")
    lines = re.findall(r"^  - (.*)$", markdown, re.MULTILINE)
    assert len(lines) >= 16
    assert all(
        line.replace("\N{NO-BREAK SPACE}", " ") in page.text.replace("\N{NO-BREAK SPACE}", " ") for line in lines
    )
    assert markdown.index(lines[-1]) < markdown.index("### Figures")
    assert max(len(line.split(" | ")) for line in markdown.splitlines() if line.startswith("| ")) == 8
    assert markdown.index("## What does this mean?") > markdown.index("### How it was obtained")
