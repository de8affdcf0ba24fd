"""The report as text: one self-contained HTML page, and the same content in Markdown.

Every name in it is somebody else's: jinja2 escapes it in HTML, `curves_data.json_block` in the data of the script,
`formats.markdown_text` in Markdown, and figures are images, in which nothing runs.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from bnexp.reporting import formats, learning_rates
from bnexp.reporting.curves_data import json_block
from bnexp.reporting.section import FEW, Section

SCRIPTS = ("page.js", "curves.js")


def html(sections: Sequence[Section], figures: Mapping[str, str], suffixes: Sequence[str] = ("svg", "png")) -> str:
    """`index.html`; `figures` maps `<slug>-<name of the drawing>` to the text of its SVG, of those that it shows;
    `suffixes` names the formats in which each figure lies beside the page."""
    images = {name: _data_uri(svg) for name, svg in figures.items()}
    script = "".join(_source(name) for name in SCRIPTS)
    return _template("index.html").render(
        sections=sections,
        images=images,
        title=_title(sections),
        rates=learning_rates,
        few=FEW,
        suffixes=suffixes,
        script=Markup(script),
        fingerprint=_fingerprint(script),
    )


def markdown(sections: Sequence[Section]) -> str:
    """`report.md`, beside which the figures lie in `figures/`."""
    return _template("report.md").render(sections=sections, title=_title(sections), rates=learning_rates)


def _title(sections: Sequence[Section]) -> str:
    return "Report: " + ", ".join(section.plan.name for section in sections)


def _source(name: str) -> str:
    """A file of the templates as it stands."""
    return resources.files("bnexp.reporting").joinpath("templates", name).read_text(encoding="utf-8")


def _fingerprint(script: str) -> str:
    """What the page's Content-Security-Policy lets run, and nothing else (https://www.w3.org/TR/CSP3/)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("bnexp.reporting"),
        autoescape=name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"md": formats.markdown_text, "md_table": formats.markdown, "json_block": json_block}
    return environment.get_template(name)


def _data_uri(svg: str) -> Markup:
    return Markup("data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode())
