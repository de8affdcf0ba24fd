"""The report as one self-contained HTML page.

Every name in it is somebody else's: jinja2 escapes it, `json_block` in the data of the script, and figures are images,
in which nothing runs.
"""

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from markupsafe import Markup

from bnexp.reporting.claims import SUMMARY
from bnexp.reporting.glossary import GLOSSARY
from bnexp.reporting.numbers import ABSENT, Number
from bnexp.reporting.part import Section
from bnexp.reporting.parts.findings import SHOWN
from bnexp.reporting.render import template


def report(sections: Sequence[Section], figures: Mapping[str, bytes], suffixes: Sequence[str]) -> str:
    """`index.html`; `figures` maps `<slug>-<name of the figure>` to the SVG of those that it shows; `suffixes` names
    the formats in which each figure lies beside the page."""
    folder = resources.files("bnexp.reporting") / "templates"
    script = "".join((folder / name).read_text(encoding="utf-8") for name in ("page.js", "curves.js"))
    # What the page's Content-Security-Policy lets run, and nothing else (https://www.w3.org/TR/CSP3/).
    fingerprint = "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    image = "data:image/svg+xml;base64,"
    return template("index.html", json_block=json_block, sorted_by=sorted_by, unbroken=unbroken).render(
        sections=sections,
        images={name: image + base64.b64encode(svg).decode() for name, svg in figures.items()},
        shown=SHOWN,
        summary=SUMMARY,
        glossary=GLOSSARY,
        suffixes=suffixes,
        script=Markup(script),
        fingerprint=fingerprint,
    )


def sorted_by(cell: str) -> str | None:
    """What a cell is sorted by: its number in full, nothing where it has none; None: its text."""
    if not isinstance(cell, Number):
        return "" if cell == ABSENT else None
    if math.isfinite(cell.value):
        return repr(cell.value)
    return "" if math.isnan(cell.value) else "Infinity"  # as JavaScript calls it


def unbroken(text: str) -> str:
    """`text` whose `n = 10`, `95 %` and `[0.36, 0.49]` stay on one line."""
    return re.sub(
        r"(?<=\d) %|(?<=\b[np]) [=<] (?=\d)|(?<=\d), (?=[−+\d.]+\])",
        lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"),
        text,
    )


def json_block(data: Mapping[str, Any]) -> Markup:
    """`data` as JSON that is safe inside a `<script type="application/json">`: no name in it can end the element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.translate({ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}))
