"""Writes a report: reads the records, draws, and puts every file into its place at the end."""

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from bnexp.records import find
from bnexp.records.frames import coordinate_keys
from bnexp.records.store import Store, json_text, write_atomically, written
from bnexp.reporting import formats, learning_rates, page
from bnexp.reporting.figures import style
from bnexp.reporting.palette import looks
from bnexp.reporting.section import Section, section, slugs

MANIFEST = "files.json"
"""Lists the files of a report, so that the next one removes those that it no longer has, and no others."""

PNG_DPI = 250
"""Dots per inch: 850 over a column, 1750 over a page."""

_OURS = re.compile(
    r"index\.html|report\.md|trials\.csv|evaluations\.csv"
    r"|figures/[A-Za-z0-9_-][A-Za-z0-9._-]*\.(svg|png|pdf)|tables/[A-Za-z0-9_-][A-Za-z0-9._-]*\.(csv|md|tex)"
)


@dataclass(frozen=True)
class ReportFiles:
    """A report that was written."""

    index: Path
    """The page to open."""
    files: tuple[Path, ...]
    """All of it, sorted."""
    complete: bool
    """Whether every planned trial has a result; divergence is one."""
    missing: tuple[str, ...]
    """Sentences on trials that are missing, failed or diverged, each with the name of its experiment."""


def write_report(
    store: Store, out: Path, experiments: Sequence[str] | None = None, *, pdf: bool = False
) -> ReportFiles:
    """Write `index.html`, `report.md`, figures, tables and tidy CSV files to the folder `out`.

    `experiments` names those wanted, by default all in the store; `pdf` adds each figure as PDF.  The same results
    under the same path give the same bytes.  Files of an earlier report that this one does not have are removed;
    nothing else in `out` is touched.  Raises UserError where the store has no such experiment, a record is damaged, or
    `out` cannot be written.
    """
    plans = find.plans(store, experiments)
    styles = looks(variant for plan in plans for variant in plan.variants)
    names = slugs([plan.name for plan in plans])
    sections = [section(store, plan, names[plan.name], styles) for plan in plans]
    content = _content(sections, pdf)
    _place(content, out)
    return ReportFiles(
        index=out / "index.html",
        files=tuple(out / name for name in sorted([*content, MANIFEST])),
        complete=all(each.complete for each in sections),
        missing=tuple(f"{each.plan.name}: {sentence}" for each in sections for sentence in each.incomplete),
    )


def _content(sections: Sequence[Section], pdf: bool) -> dict[str, bytes]:
    """Every file of the report by its path inside `out`."""
    content: dict[str, bytes] = {}
    drawn: dict[str, str] = {}
    for each in sections:
        for drawing in each.drawings:
            name = f"{each.slug}-{drawing.name}"
            files = saved(drawing.draw(), pdf=pdf)
            content |= {f"figures/{name}.{suffix}": data for suffix, data in files.items()}
            if not drawing.interactive:
                drawn[name] = files["svg"].decode()
        caption = f"Results of {each.plan.name}. {' '.join(each.legend)}"
        content |= _table(each.slug, each.summary, each.table, caption)
        if each.times["n_runs"].any():
            caption = f"Time to a validation accuracy in {each.plan.name}. {' '.join(each.times_legend)}"
            content |= _table(f"{each.slug}-times", each.times, each.times_table, caption)
        if each.learning_rates is not None:
            content[f"tables/{each.slug}-learning-rates.csv"] = formats.csv(
                learning_rates.numbers(each.learning_rates)
            ).encode()
    content["trials.csv"] = formats.csv(_joined(sections, [each.trials for each in sections])).encode()
    content["evaluations.csv"] = formats.csv(_joined(sections, [each.evaluations for each in sections])).encode()
    content["report.md"] = page.markdown(sections).encode()
    content["index.html"] = page.html(sections, drawn, suffixes=["svg", "png", *(["pdf"] if pdf else [])]).encode()
    return content


def _table(name: str, numbers: pd.DataFrame, text: pd.DataFrame, caption: str) -> dict[str, bytes]:
    """A table's files: its numbers unrounded, and as text for a repository and for a paper."""
    files = {
        "csv": formats.csv(numbers),
        "md": formats.markdown(text),
        "tex": formats.latex(text, caption=caption, label=f"tab:{name}"),
    }
    return {f"tables/{name}.{suffix}": content.encode() for suffix, content in files.items()}


def saved(figure: Figure, *, pdf: bool = False) -> dict[str, bytes]:
    """A figure as `svg` and `png`, and as `pdf` where that is wanted; the bytes depend on nothing but the figure.

    The canvases are asked directly: `Figure.savefig` would place everything anew for each of the formats.
    """
    svg, png, page = BytesIO(), BytesIO(), BytesIO()
    with style():
        figure.set_dpi(PNG_DPI)
        canvas = FigureCanvasAgg(figure)
        figure.draw_without_rendering()  # finds the places
        figure.set_layout_engine("none")
        # Matplotlib has no types for these.
        canvas.print_png(png, metadata={"Software": None})  # type: ignore[no-untyped-call]
        FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
        if pdf:
            nothing = {"CreationDate": None, "Creator": None, "Producer": None}
            FigureCanvasPdf(figure).print_pdf(page, metadata=nothing)  # type: ignore[no-untyped-call]
    return {"svg": svg.getvalue(), "png": png.getvalue()} | ({"pdf": page.getvalue()} if pdf else {})


def _joined(sections: Sequence[Section], tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The tables of all experiments below each other; a grid key that an experiment lacks is empty there."""
    keys = list(dict.fromkeys(key for each in sections for key in coordinate_keys(each.plan)))
    rest = [name for name in tables[0].columns if name not in keys]
    columns = [*rest[:2], *keys, *rest[2:]]
    # As objects, so that 16 does not become 16.0 where another experiment has no batch size.
    same = [table.astype(object).reindex(columns=columns) for table in tables]
    return pd.DataFrame({name: [value for table in same for value in table[name]] for name in columns}, dtype=object)


def _place(content: Mapping[str, bytes], out: Path) -> None:
    """Put the files into `out`, each whole, the page last; then remove what an earlier report left there."""
    with written(out):
        former = _former(out)
        out.mkdir(parents=True, exist_ok=True)
        # Listed before they are written, and the old ones for as long as they lie there: none is ever forgotten.
        write_atomically(out / MANIFEST, json_text(sorted(former | content.keys())))
        with tempfile.TemporaryDirectory(dir=out, prefix=".report-") as folder:
            for name, data in content.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            for name in content:  # `index.html` is the last of them
                (out / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / name).replace(out / name)
        for name in former - content.keys():
            (out / name).unlink(missing_ok=True)
        write_atomically(out / MANIFEST, json_text(sorted(content)))


def _former(out: Path) -> set[str]:
    """The files of the report that lies in `out`; a list that is damaged, or names others' files, is not believed."""
    try:
        names = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return (
        {name for name in names if isinstance(name, str) and _OURS.fullmatch(name)}
        if isinstance(names, list)
        else set()
    )
