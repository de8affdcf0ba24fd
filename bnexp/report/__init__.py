"""From the records of a results folder to a page, figures and tables.

`write_report` and `ReportFiles` are found here; they are loaded at their first use, because pandas and matplotlib
take a second.  The package can be called: `bnexp.report("results")`.
"""

from typing import TYPE_CHECKING, Any

from bnexp.lazy import callable_package

if TYPE_CHECKING:
    from bnexp.report.write import ReportFiles, write_report

__all__ = ["ReportFiles", "write_report"]

callable_package(__name__, "bnexp.api:report")


def __getattr__(name: str) -> Any:
    if name in __all__:
        from bnexp.report import write  # noqa: PLC0415  # the reason is told above

        return getattr(write, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
