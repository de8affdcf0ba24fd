"""In a real browser the page shows what it should, sorts its tables, and the console stays empty."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from made_up import build

from bnexp.report import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

# No sandbox, because containers often forbid it; and no talk with the browser maker's servers.
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr", "--v=0"),
]

PROBE = """
<script>
(async () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
  for (const image of document.images) { image.loading = "eager"; await image.decode(); }
  const heads = [...document.querySelectorAll("thead th")];
  const table = heads.find((head) => head.textContent === "test accuracy (%)").closest("table");
  const column = (k) => [...table.querySelectorAll("tbody tr")].map((row) => row.cells[k].textContent);
  const press = (k) => table.querySelectorAll("thead th")[k].querySelector("button").click();
  const titles = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
  const accuracy = titles.indexOf("test accuracy (%)");
  const out = { drawn: [...document.images].filter((image) => image.naturalWidth > 100).length };
  press(accuracy); out.up = column(accuracy);
  press(accuracy); out.down = column(accuracy);
  out.sorted = table.querySelectorAll("thead th")[accuracy].getAttribute("aria-sort");
  out.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const result = document.createElement("pre");
  result.id = "probe";
  result.textContent = JSON.stringify(out);
  document.body.append(result);
})();
</script>
"""


def opened(path, profile, *options):
    """The page's elements after its scripts have run, and the lines of its console."""
    done = subprocess.run(
        [CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", *options, "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    store, _ = build(root, batch_sizes=(), seeds=3, faults={("ln", 64, 1): "missing"})
    return write_report(store, root / "report", None).index


def test_the_page_opens_from_disk_without_a_word_in_the_console(page, tmp_path):
    elements, console = opened(page, tmp_path)
    assert console == []
    assert "What may be concluded" in elements


def test_an_error_in_a_page_would_be_seen(page, tmp_path):
    broken = page.with_name("broken.html")
    broken.write_text(page.read_text().replace('"use strict";', "missing();"))
    _, console = opened(broken, tmp_path)
    assert any("missing is not defined" in line for line in console)


def test_a_request_to_the_network_would_be_seen(page, tmp_path):
    broken = page.with_name("asking.html")
    broken.write_text(page.read_text().replace("<main", '<img src="http://127.0.0.1:9/a.png"><main'))
    _, console = opened(broken, tmp_path)
    assert any("127.0.0.1:9" in line for line in console)


@pytest.fixture(scope="module", params=["1280,900", "500,900"], ids=["desktop", "phone"])
def probed(page, request, tmp_path_factory):
    """What the page answers when it is used."""
    used: Path = page.with_name("used.html")
    used.write_text(page.read_text().replace("</body>", PROBE + "</body>"))
    options = (f"--window-size={request.param}", "--virtual-time-budget=20000")
    elements, console = opened(used, tmp_path_factory.mktemp("profile"), *options)
    [answer] = re.findall(r'<pre id="probe">(.*?)</pre>', elements)
    return elements, console, json.loads(answer)


def test_using_the_page_leaves_the_console_empty(probed):
    assert probed[1] == []


def test_every_figure_is_displayed(probed):
    elements, _, answer = probed
    assert answer["drawn"] == elements.count("<figure") >= 6


def test_pressing_a_heading_sorts_the_table_and_pressing_it_again_turns_it_round(probed):
    answer = probed[2]
    numbers = [float(text.split()[0]) for text in answer["up"]]
    assert len(numbers) == 5
    assert numbers == sorted(numbers)
    assert [float(text.split()[0]) for text in answer["down"]] == numbers[::-1]
    assert answer["sorted"] == "descending"


def test_only_tables_and_wide_figures_scroll_sideways(probed):
    assert probed[2]["overflow"] <= 0
