"""A report in a format: names in it are somebody else's, and come out harmless."""

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


def template(name: str, **filters: Callable[..., Any]) -> Template:
    """A file of `templates/`, in which a report is a loop over sections and their parts; HTML is escaped."""
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
