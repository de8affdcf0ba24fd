"""The templates, in which a report is a loop over sections and their parts."""

from collections.abc import Callable
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


def template(name: str, **filters: Callable[..., Any]) -> Template:
    """A file of `templates/`; what is put into one of HTML is escaped."""
    environment = Environment(
        loader=PackageLoader("bnexp.reporting"),
        autoescape=name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= filters
    return environment.get_template(name)


def source(name: str) -> str:
    """A file of `templates/` as it stands."""
    return resources.files("bnexp.reporting").joinpath("templates", name).read_text(encoding="utf-8")
