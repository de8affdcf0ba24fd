"""From the records of a results folder to a page, figures and tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnexp.reporting.write import ReportFiles


def report(
    results: Path, out: Path | None = None, experiments: Sequence[str] | None = None, *, pdf: bool = False
) -> "ReportFiles":
    """Write the report of a results folder on all cores; `out` is by default `report/` in it (`write.write_report`)."""
    from bnexp.reporting.drawing.helpers import Helpers  # noqa: PLC0415

    with Helpers() as helpers:  # first of all, so that they import what this process imports, at the same time
        from bnexp.records.store import Store  # noqa: PLC0415  # pydantic
        from bnexp.reporting.write import write_report  # noqa: PLC0415  # pandas, matplotlib, scipy

        store = Store(results)
        return write_report(store, out or store.root / "report", experiments, pdf=pdf, helpers=helpers)
