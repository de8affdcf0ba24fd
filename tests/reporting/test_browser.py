"""In a real browser the page shows what it should, answers pointer and keys, and its console stays empty."""

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import made_up
import numpy as np
import pytest
from chromium import PROGRAM, Chromium
from made_up import build, renamed

from bnexp.records.frames import evaluations, read, trials
from bnexp.reporting.numbers import interval
from bnexp.reporting.write import write_report
from bnexp.stats.estimates import mean_interval

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine")

HOSTILE = [
    "</script><script>document.title='taken'</script>",
    "<!--<script>",
    '" onfocus="alert(1)" \u2028 \\u003c',
    "\u202eנורמה مجموعة",
    "long-" * 12,
]
PLOT = ".plot > svg"
RESULTS = "[aria-label='Results of made-up']"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Chromium(tmp_path_factory.mktemp("profile")) as it:
        yield it


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two places of a grid; at batch size 16 a trial of `none` diverged and one of `ln` is missing."""
    faults = {("none", 16, 1): "diverged", ("ln", 16, 1): "missing"}
    return build(tmp_path_factory.mktemp("results"), batch_sizes=(16, 64), seeds=4, faults=faults)


@pytest.fixture(scope="module")
def page(results):
    store, _ = results
    return write_report(store, store.root / "report", None).index


@pytest.fixture
def opened(browser, page):
    """The page as it is first seen."""
    browser.console.clear()
    browser.open(page)
    return browser


def texts(browser, selector):
    return browser.js(f"[...document.querySelectorAll({json.dumps(selector)})].map((it) => it.textContent)")


def count(browser, selector):
    return browser.js(f"document.querySelectorAll({json.dumps(selector)}).length")


def press(browser, words, selector=".curves button"):
    """Press the button that says `words`."""
    browser.js(
        "document.querySelector('[data-wanted]')?.removeAttribute('data-wanted');"
        f"[...document.querySelectorAll({json.dumps(selector)})].find((it) => it.textContent === {json.dumps(words)})"
        ".setAttribute('data-wanted', '')"
    )
    browser.click("[data-wanted]")


def unfolded(browser):
    """The same page with all of its parts open, and all columns of its tables."""
    browser.js("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    browser.js("document.querySelectorAll('.more').forEach((button) => button.click())")
    return browser


def open_table(browser):
    """Have the values of the curves as a table."""
    press(browser, "The same values as a table", ".curves summary")
    browser.until("document.querySelector('.curves tbody')")


def readout(browser):
    return texts(browser, ".readout p"), texts(browser, ".readout .seeds li")


def column(browser, k):
    return texts(browser, f"{RESULTS} tbody tr > :nth-child({k + 1})")


def test_the_page_opens_from_disk_without_a_word_in_the_console(opened):
    assert texts(opened, "h2") == ["Not complete", "What was found", "What does this mean?"]
    assert opened.console == []


def changed(browser, page, old, new):
    """The page after a change to its text; what the console then says."""
    other = page.with_name("changed.html")
    other.write_text(page.read_text().replace(old, new, 1))
    browser.console.clear()
    browser.open(other)
    return browser.console


def test_a_request_to_the_network_would_be_refused_and_seen(browser, page):
    console = changed(browser, page, "<main", '<img src="http://127.0.0.1:9/a.png"><main')
    assert any("127.0.0.1:9" in line for line in console)


def test_an_error_would_be_seen(opened):
    opened.js("new Promise((done) => { setTimeout(done, 50); setTimeout(() => missing(), 0); })")
    assert any("missing is not defined" in line for line in opened.console)


@pytest.mark.parametrize(
    "script", ["<script>document.title='taken'</script>", "<img src=x onerror=document.title='taken'>"]
)
def test_no_script_runs_but_the_page_s_own(browser, page, script):
    """Even if a name came into the page unescaped."""
    console = changed(browser, page, "<main", f"{script}<main")
    assert browser.js("document.title") == "Report: made-up"
    assert any("Content Security Policy" in line for line in console)
    assert count(browser, ".curve") == 5


def test_every_figure_is_displayed(opened):
    opened.js("Promise.all([...document.images].map((it) => { it.loading = 'eager'; return it.decode(); }))")
    assert opened.js("[...document.images].filter((it) => it.naturalWidth > 100).length") == count(opened, "figure") > 2


def test_pressing_a_heading_sorts_the_table_and_pressing_it_again_turns_it_round(opened):
    heads = texts(unfolded(opened), f"{RESULTS} thead th")
    k = heads.index("test accuracy (%)")
    press(opened, "test accuracy (%)", f"{RESULTS} th button")
    up = [float(text.split()[0]) for text in column(opened, k)]
    assert len(up) == 10
    assert up == sorted(up)
    opened.press("Enter")  # the heading has the focus
    assert [float(text.split()[0]) for text in column(opened, k)] == up[::-1]
    assert texts(opened, "[aria-sort=descending]") == ["test accuracy (%)"]


def test_a_table_is_sorted_by_numbers_in_full_and_what_has_none_comes_last(opened):
    """Shown as "852–1,013" and "> 2,532": neither the digits that are shown nor the words decide."""
    table = "[...document.querySelectorAll('caption')].find((it) => it.textContent.startsWith('Time to')).parentElement"

    def sorted_by(head, what):
        """`what` of each cell of a column, once its heading was pressed."""
        k = opened.js(f"[...{table}.tHead.rows[0].cells].findIndex((it) => it.textContent === {json.dumps(head)})")
        opened.js(f"{table}.tHead.rows[0].cells[{k}].querySelector('button').click()")
        return opened.js(f"[...{table}.tBodies[0].rows].map((row) => row.cells[{k}].{what})")

    for down in (False, True):
        values = sorted_by("steps, of none's", "dataset.value")
        known = [float(value) for value in values if value]
        assert known == sorted(known, reverse=down)
        assert len(set(known)) > 5
        assert values[: len(known)] == [value for value in values if value] != values
    steps = sorted_by("steps", "textContent")
    reached = [int(text.split("–")[-1].replace(",", "")) for text in steps if not text.startswith(">")]
    assert reached == sorted(reached)
    assert all(text.startswith(">") for text in steps[len(reached) :])


def test_a_row_keeps_its_command_when_the_table_is_sorted(opened):
    press(unfolded(opened), "test accuracy (%)", f"{RESULTS} th button")
    rows = f'[...document.querySelector("{RESULTS} table").tBodies[0].rows]'
    names = opened.js(f"{rows}.map((row) => [row.cells[0].textContent, row.querySelector('button').dataset.copy])")
    assert len(names) == 10
    assert all(f"--only variant={name} " in command for name, command in names)


@pytest.mark.parametrize("older", [False, True], ids=["clipboard", "without one"])
def test_a_button_copies_the_command_of_its_row(opened, older):
    opened.ask("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    opened.js("window.board = navigator.clipboard")
    opened.js("board.writeText('before')")
    if older:
        opened.js("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    unfolded(opened).click(f"{RESULTS} tbody tr:nth-child(2) .copy")
    command = "bnexp run made-up.yaml --only variant=bn-pre --only training.batch_size=16 --seeds 0-3"
    assert opened.js("new Promise((done) => setTimeout(() => done(board.readText()), 50))") == command
    assert texts(opened, "#said") == [f"copied: {command}"]
    assert "copied" in texts(opened, ".copy")
    assert opened.console == []


def test_variants_are_switched_off_and_on(opened):
    assert count(opened, ".curve") == 5
    press(opened, "ln")
    labels = opened.js("[...document.querySelectorAll('.curve')].map((it) => it.getAttribute('aria-label'))")
    assert [text.split(":")[0] for text in labels] == ["none", "bn-pre", "bn-post", "gn"]
    assert texts(opened, ".variant[aria-pressed=false]") == ["ln"]
    press(opened, "hide all")
    assert count(opened, ".curve") == 0
    assert "no variant is switched on" in texts(opened, f"{PLOT} text")
    press(opened, "show all")
    assert count(opened, ".curve") == 5
    press(opened, "ln")
    press(opened, "ln")
    assert count(opened, ".curve") == 5
    assert opened.console == []


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ([], {"validation accuracy (%)", "training steps"}),
        (["logarithmic", "examples"], {"validation accuracy (%)", "training examples seen"}),
        (["loss", "seconds"], {"validation loss (nats)", "seconds of training"}),
        (["training", "examples"], {"training accuracy (%)", "training examples seen"}),
        (["linear", "loss"], {"validation loss (nats)", "training steps"}),
    ],
)
def test_the_axes_are_switched_and_named(opened, words, titles):
    for word in words:
        press(opened, word)
    assert titles <= set(texts(opened, f"{PLOT} text"))
    assert set(words) <= set(texts(opened, ".choice [aria-pressed=true]"))
    assert count(opened, ".curve") == 5
    assert opened.console == []


def test_every_point_lies_inside_the_picture_whatever_the_axes(opened):
    """But for the steep beginning on linear ones, which the picture's edge cuts off."""
    for words in (["logarithmic"], ["loss"], ["seconds"], ["training"], ["accuracy"]):
        press(opened, *words)
        assert "leaves the picture" not in texts(opened, ".curves .legend")[0]
        outside = opened.js(
            "(() => { const box = document.querySelector('.frame .axis').getBoundingClientRect();"
            "const outside = (it) => it.left < box.left - 1 || it.right > box.right + 1"
            " || it.top < box.top - 1 || it.bottom > box.bottom + 1;"
            # A seed that diverged after a few steps is hardly wider than a point.
            "return [...document.querySelectorAll('.seed, .mean')].filter((path) => {"
            "const it = path.getBoundingClientRect();"
            "return outside(it) || (path.matches('.mean') && it.width < 1); }).length; })()"
        )
        assert outside == 0, words


def test_a_linear_picture_begins_with_it_and_says_what_is_cut_off(opened):
    assert texts(opened, ".choice [aria-pressed=true]") == ["validation", "accuracy", "steps", "linear"]
    assert "The steep beginning leaves the picture" in texts(opened, ".curves .legend")[0]
    # What counts is the last nine tenths: there the means lie inside, and no tick is below them.
    ticks = [float(text) for text in texts(opened, f"{PLOT} .frame text") if re.fullmatch(r"[\d.]+", text)]
    assert min(tick for tick in ticks if tick > 50) > 90


def expected(results, variant, point, step, measure="validation_accuracy"):
    """Mean with interval as text, and the values of the finished trainings, in per cent."""
    store, plan = results
    table, looks = trials(plan, read(store, plan)), evaluations(plan, read(store, plan))
    ok = table[(table["point"] == point) & (table["status"] == "ok")]["seed"]
    rows = looks[(looks["point"] == point) & (looks["step"] == step) & looks["seed"].isin(ok)]
    assert set(rows["variant"]) == {variant}
    values = 100 * rows[measure].to_numpy()
    return interval(mean_interval(values)), values


def hover(browser, variant, k):
    """Put the pointer on an evaluation of a curve, found by the way of its line."""
    browser.js(f"document.querySelector('{PLOT}').scrollIntoView({{block: 'center', behavior: 'instant'}})")
    points = browser.js(
        f"(() => {{ const path = document.querySelector('.curve[data-variant=\"{variant}\"] .mean');"
        r"return path.getAttribute('d').match(/[\d.]+ [\d.]+/g).map((it) => new DOMPoint(...it.split(' ').map(Number)))"
        ".map((it) => it.matrixTransform(path.getScreenCTM())).map((it) => [it.x, it.y]); })()"
    )
    browser.hover(*points[k])


@pytest.mark.parametrize("k", [-12, -6, -1])  # further left the curves lie on each other
def test_pointing_at_a_curve_tells_mean_interval_n_and_every_seed(opened, results, k):
    hover(opened, 2, k)
    said, seeds = readout(opened)
    step = int(re.sub(r"\D", "", said[1]))
    text, values = expected(results, "bn-post", 2, step)
    assert said[0] == "bn-post"
    assert said[2] == text.replace(" [", " % [")
    assert said[3] == "n = 4 of 4; mean and 95 % interval"
    found = [float(re.fullmatch(r"seed \d([\d.]+)", line)[1]) for line in seeds]
    assert np.allclose(found, values, atol=0.006)
    assert opened.console == []


def test_another_place_of_the_grid_shows_its_own_curves(opened, results):
    opened.js(
        "(() => { const it = document.querySelector('.controls select'); it.value = 1;"
        "it.dispatchEvent(new Event('change')); })()"
    )
    hover(opened, 0, -1)
    said, _ = readout(opened)
    text, _ = expected(results, "none", 5, int(re.sub(r"\D", "", said[1])))
    assert said[2] == text.replace(" [", " % [")
    assert "at batch size 64" in opened.js(f"document.querySelector('{PLOT}').getAttribute('aria-label')")


def test_a_training_that_diverged_is_crossed_told_and_not_in_the_mean(opened, results):
    press(opened, "logarithmic")
    assert count(opened, ".ended") == 1
    hover(opened, 0, 12)
    said, seeds = readout(opened)
    assert said[3].startswith("n = 3 of 4")
    assert [line.endswith(" ×") for line in seeds] == [False, True, False, False]
    assert said[2] == expected(results, "none", 0, int(re.sub(r"\D", "", said[1])))[0].replace(" [", " % [")


def test_the_pointer_leaves_and_the_values_go(opened):
    hover(opened, 2, -1)
    assert len(readout(opened)[1]) == 4
    opened.hover(5, 5)
    assert readout(opened)[1] == []
    assert count(opened, ".emphasized") == 0


def active(browser, attribute):
    return browser.js(f"document.activeElement.getAttribute('{attribute}')")


def spoken(browser):
    return active(browser, "aria-valuetext")


def go_to_the_first_curve(browser):
    browser.js("[...document.querySelectorAll('.variants button')].at(-1).focus()")
    browser.press("Tab")


def test_keys_go_to_a_curve_and_along_it(opened):
    go_to_the_first_curve(opened)
    assert active(opened, "role") == "slider"
    assert active(opened, "aria-label") == "none: validation accuracy (%) against training steps"
    # The curve that has the focus is seen.
    assert opened.js("getComputedStyle(document.querySelector('.curve:focus .target')).strokeOpacity") == "0.3"
    assert opened.js("document.querySelector('.curve:focus').classList.contains('on')") is True
    opened.press("Home")
    first = spoken(opened)
    opened.press("ArrowRight")
    second = spoken(opened)
    steps = [int(re.match(r"step ([\d,]+): ", text)[1].replace(",", "")) for text in (first, second)]
    assert steps[0] < steps[1]
    assert re.search(r"%? \[[\d.]+, [\d.]+\], n = 3 of 4$", second)
    assert "".join(second.split(": ")[1].split(",")[0].split()) in "".join(" ".join(readout(opened)[0]).split())
    opened.press("End")
    assert spoken(opened) not in (first, second)
    opened.press("Escape")
    assert readout(opened)[1] == []
    opened.press("Tab")
    assert active(opened, "aria-label").startswith("bn-pre")


def test_the_place_on_a_curve_is_kept_when_the_window_changes(browser, page):
    browser.open(page)
    go_to_the_first_curve(browser)
    browser.press("Home")
    first, drawn = spoken(browser), f"document.querySelector('{PLOT}').viewBox.baseVal.width"
    wide = browser.js(drawn)
    browser.ask("Emulation.setDeviceMetricsOverride", width=700, height=900, deviceScaleFactor=1, mobile=False)
    browser.until(f"{drawn} < {wide}")
    assert spoken(browser) == first
    assert len(readout(browser)[1]) == 4


def test_the_values_stand_in_a_table_too(opened, results):
    open_table(opened)
    press(opened, "gn")
    heads = texts(opened, ".curves thead th")
    assert heads == ["step", "none", "bn-pre", "bn-post", "ln"]
    rows = opened.js(
        "[...document.querySelectorAll('.curves tbody tr')].map((row) => [...row.cells].map((it) => it.textContent))"
    )
    step = int(rows[3][0].replace(",", ""))
    assert rows[3][2] == expected(results, "bn-pre", 1, step)[0].replace(" [", " % [") + " (4/4)"
    assert rows[3][4].endswith(" (3/4)")


def test_every_button_says_what_it_does_and_whether_it_is_pressed(opened):
    assert opened.js("[...document.querySelectorAll('button')].every((it) => it.ariaLabel || it.textContent.trim())")
    unpressed = texts(opened, ".curves button:not([aria-pressed])")
    assert unpressed == ["show all", "hide all"]


@pytest.mark.parametrize("width", [1280, 768, 390, 320])
def test_only_tables_and_wide_figures_scroll_sideways(browser, page, width):
    browser.open(page, width=width)
    browser.js("for (const part of document.querySelectorAll('details')) part.open = true")
    assert browser.js("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.js(f"document.querySelector('{PLOT}').getBoundingClientRect().width") > min(width, 1000) * 0.6


def test_a_curve_that_is_black_on_paper_has_the_colour_of_text_in_the_dark(browser, page):
    colours = []
    for dark in (False, True):
        browser.open(page, dark=dark)
        colours.append(browser.js("getComputedStyle(document.querySelector('.curve')).color"))
        assert colours[-1] == browser.js("getComputedStyle(document.body).color")
    assert colours[0] != colours[1]


def test_without_scripts_the_first_screen_the_folded_parts_and_the_glossary_stay(browser, page):
    browser.open(page)
    line = next(text for text in texts(browser, ".findings dd") if text.startswith("accuracy: "))
    browser.open(page, scripts=False)
    seen = browser.ask("DOMSnapshot.captureSnapshot", computedStyles=["display"])
    strings = seen["strings"]
    layout = seen["documents"][0]["layout"]
    shown = [strings[k] for k in layout["text"] if k >= 0]
    assert any(text.startswith("Without JavaScript the learning curves are not drawn") for text in shown)
    assert line.removeprefix("accuracy: ") in [text.strip() for text in shown]
    assert {"Every test, in words", "Every trial", "P(improvement)"} <= set(shown)
    assert not any(text in ("run", "copy a command", "loss") for text in shown)
    nodes = seen["documents"][0]["nodes"]
    assert "IMG" in [strings[nodes["nodeName"][k]] for k in layout["nodeIndex"]]
    browser.ask("Emulation.setScriptExecutionDisabled", value=False)


DIVERGED = {(variant, 64, seed): "diverged" for variant in ("none", "ln") for seed in range(2)}
UNUSUAL = {
    # what is built, and what is said of a curve's first evaluation
    "one seed": ({"seeds": 1}, r"n = 1 of 1; no interval from one"),
    "every training diverged": ({"seeds": 2, "faults": DIVERGED}, r"n = 0 of 2"),
    "one variant": ({"seeds": 2, "variants": ("none",)}, r"n = 2 of 2; mean and 95 % interval"),
}


@pytest.mark.parametrize(("options", "said"), UNUSUAL.values(), ids=UNUSUAL.keys())
def test_unusual_experiments_are_drawn_on_all_axes(browser, tmp_path, options, said):
    store, _ = build(tmp_path, **{"variants": ("none", "ln"), "batch_sizes": (), "faults": {}, **options})
    browser.console.clear()
    browser.open(write_report(store, tmp_path / "report").index)
    for words in texts(browser, ".choice button"):
        press(browser, words)
        assert count(browser, ".curve") == len(options.get("variants", ("none", "ln")))
    browser.js("document.querySelector('.curve').focus()")
    browser.press("Home")
    assert said in readout(browser)[0]
    open_table(browser)
    assert count(browser, ".curves tbody tr") > 1
    assert browser.console == []


def test_without_validation_images_only_training_is_drawn(browser, tmp_path, monkeypatch):
    nothing = {"validation_loss": None, "validation_accuracy": None}
    whole = made_up._evaluations
    monkeypatch.setattr(
        made_up, "_evaluations", lambda *trial: tuple(look.model_copy(update=nothing) for look in whole(*trial))
    )
    store, _ = build(tmp_path, variants=("none", "ln"), batch_sizes=(), seeds=2, faults={})
    browser.open(write_report(store, tmp_path / "report").index)
    assert "training accuracy (%)" in texts(browser, f"{PLOT} text")
    assert not {"validation", "training"} & set(texts(browser, ".choice button"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    root = tmp_path_factory.mktemp("hostile")
    store, plan = build(root, batch_sizes=(), seeds=2, faults={})
    plan = renamed(plan, HOSTILE, name="</script><script>document.title='taken too'")
    (root / "experiments/made-up.json").unlink()
    store.write_plan("hostile", plan.model_dump(mode="json"))
    return write_report(store, root / "report", None).index


@pytest.mark.parametrize("width", [1280, 390])
def test_names_of_others_are_only_text(browser, hostile, width):
    browser.console.clear()
    browser.open(hostile, width=width)
    assert browser.js("document.title").startswith("Report: ")
    assert texts(browser, ".variant bdi") == HOSTILE
    open_table(browser)
    assert texts(browser, ".curves thead th")[1:] == HOSTILE
    press(browser, "logarithmic")
    for k in range(5):
        hover(browser, k, 20)
        assert readout(browser)[0][0] == HOSTILE[k]
    assert count(browser, "script:not([type])") == 1
    assert browser.js("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.console == []


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Without a grid, and batch normalization seen under both statistics."""
    root = tmp_path_factory.mktemp("plain")
    store, _ = build(root, batch_sizes=(), seeds=6, epochs=10, faults={}, recalibrated=True)
    return write_report(store, root / "report").index


@pytest.mark.parametrize("width", [1280, 390])
def test_the_first_screen_holds_every_finding_and_fits(browser, plain, width):
    browser.open(plain, width=width)
    assert texts(browser, ".findings dt") == ["bn-pre vs none", "bn-post vs none", "ln vs none", "gn vs none"]
    assert [text.partition(":")[0] for text in texts(browser, ".findings dd")] == [
        *["accuracy", "recalibrated", "speed"] * 2,
        *["accuracy", "speed"] * 2,
    ]
    screens = 1 if width > 800 else 1.2  # on a phone the last of four variants takes a little scrolling
    assert browser.js(f"document.querySelector('.findings').getBoundingClientRect().bottom < {screens} * innerHeight")
    assert browser.js("document.documentElement.scrollWidth - innerWidth") <= 0
    inside = "(it) => { const box = it.getBoundingClientRect(); return box.left >= 0 && box.right <= innerWidth; }"
    assert browser.js(f"[...document.querySelectorAll('.findings dd, .seen img, .plot > svg')].every({inside})")
    assert browser.js("document.querySelectorAll('details[open]').length") == 0


def test_many_findings_are_grouped_by_place_and_folded_beyond_a_dozen(browser, tmp_path):
    store, _ = build(tmp_path, batch_sizes=(2, 4, 8, 16), seeds=1, epochs=1, faults={})
    browser.open(write_report(store, tmp_path / "report").index)
    assert texts(browser, ".findings ~ h3, p ~ h3")[:3] == ["batch size 2", "batch size 4", "batch size 8"]
    assert count(browser, ".experiment > .findings dt") == 12
    assert texts(browser, ".experiment > details > summary")[0] == "4 more comparisons"


def test_solid_is_what_was_learned_and_dotted_the_moving_averages(browser, plain):
    browser.open(plain)
    assert count(browser, ".averaged") == 2
    assert "Dotted: the same weights with moving averages." in texts(browser, ".curves .legend")[0]
    hover(browser, 1, -1)
    said = readout(browser)[0]
    assert float(said[2].split()[0]) > float(re.match(r"with moving averages ([\d.]+) %", said[4])[1])
    press(browser, "training")
    assert count(browser, ".averaged") == 0
    assert "Dotted" not in texts(browser, ".curves .legend")[0]


def test_a_wide_table_shows_eight_columns_and_the_others_on_demand(opened):
    opened.js("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    seen = f'[...document.querySelectorAll("{RESULTS} thead th")].filter((it) => it.offsetWidth).length'
    assert opened.js(seen) == 8
    press(opened, texts(opened, ".more")[0], ".more")
    assert opened.js(seen) > 12
    assert texts(opened, ".more[aria-expanded=true]") == ["fewer columns"]
    press(opened, "fewer columns", ".more")
    assert opened.js(seen) == 8


def described(browser, selector):
    """What assistive technology is told of an element besides its name."""
    node = browser.ask("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
    tree = browser.ask("Accessibility.getPartialAXTree", objectId=node["result"]["objectId"], fetchRelatives=False)
    return tree["nodes"][0]["description"]["value"]


PP = "[aria-describedby='term-3']"
"""The first occurrence of `pp`."""


def test_a_term_is_explained_to_pointer_keys_and_finger(browser, plain):
    browser.open(plain)
    meaning = "Percentage points: the difference of two percentages."
    assert texts(browser, PP)[0] == "pp"
    assert described(browser, PP).startswith(meaning)
    tip = "document.getElementById('tip')"
    box = f'document.querySelector("{PP}").getBoundingClientRect()'
    place = browser.js(f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({box})")
    assert browser.js(f"{tip}.hidden")
    browser.hover(*place)
    assert texts(browser, "#tip")[0].startswith(meaning)
    browser.hover(5, 5)
    assert browser.js(f"{tip}.hidden")
    browser.js(f'document.querySelector("{PP}").focus()')
    assert not browser.js(f"{tip}.hidden")
    browser.press("Escape")
    assert browser.js(f"{tip}.hidden")
    browser.open(plain, width=390)
    browser.click(PP)
    box = browser.js(f"(({{left, right}}) => [left, right])({tip}.getBoundingClientRect())")
    assert 0 <= box[0] < box[1] <= 390


def test_keys_open_a_folded_part_and_lead_to_the_glossary(browser, plain):
    browser.open(plain)
    browser.js("document.querySelector('[href=\\'#glossary\\']').focus()")
    browser.press("Enter")
    browser.until("location.hash === '#glossary'")
    browser.js("document.querySelector('.part summary').focus()")
    browser.press("Enter")
    assert texts(browser, "details[open] h3") == ["Every test, in words"]
    assert browser.js("document.querySelector('.part .sentences').getBoundingClientRect().height > 50")


def test_each_term_is_marked_once_on_the_first_screen(browser, plain):
    browser.open(plain)
    terms = "[...document.querySelectorAll('.term')].filter((it) => !it.closest('details'))"
    marked = browser.js(f"{terms}.map((it) => it.getAttribute('aria-describedby'))")
    assert len(marked) == len(set(marked)) >= 5


def test_on_paper_every_part_is_open_and_light(browser, plain):
    browser.open(plain, dark=True)
    browser.ask(
        "Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    assert browser.js("getComputedStyle(document.documentElement).getPropertyValue('--paper').trim()") == "#fff"
    assert browser.js("[...document.querySelectorAll('.controls, .skip')].every((it) => !it.offsetWidth)")
    pages = len(re.findall(rb"/Type /Page\b", base64.b64decode(browser.ask("Page.printToPDF")["data"])))
    assert pages > 6
    browser.js("dispatchEvent(new Event('beforeprint'))")
    assert count(browser, "details:not([open])") == 0
    browser.js("dispatchEvent(new Event('afterprint'))")
    assert count(browser, "details[open]") == 0
    browser.ask("Emulation.setEmulatedMedia", media="")


@pytest.fixture(scope="module")
def axe():
    """The accessibility checker axe-core (https://github.com/dequelabs/axe-core), which is no part of the project."""
    build = Path(__file__).parents[2] / "build"
    found = Path(os.environ.get("AXE") or build / "node_modules/axe-core/axe.min.js")
    if not found.is_file() and shutil.which("npm"):
        command = ["npm", "install", "--prefix", build, "--no-audit", "--no-fund", "--silent", "axe-core@4"]
        subprocess.run(command, capture_output=True, timeout=120, check=False)
    if not found.is_file():
        pytest.skip("axe-core is not here: `npm install --prefix build axe-core`, or AXE=/path/to/axe.min.js")
    return found.read_text(encoding="utf-8")


@pytest.mark.parametrize("screen", [(1280, False), (1280, True), (390, False), (390, True)])
@pytest.mark.parametrize("which", ["plain", "page"])
def test_an_accessibility_checker_finds_nothing(browser, axe, request, which, screen):
    width, dark = screen
    browser.open(request.getfixturevalue(which), width=width, dark=dark)
    for folded in (True, False):
        browser.js(axe)
        found = browser.js("axe.run().then((it) => it.violations.map((one) => `${one.id}: ${one.nodes[0].html}`))")
        assert found == [], folded
        unfolded(browser)
