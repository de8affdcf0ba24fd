"""Writes a report: reads the records, draws, and puts every file into its place at the end."""

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bnexp.claims.verdict import judged
from bnexp.evidence.experiment import Evidence
from bnexp.records import find
from bnexp.records.frames import coordinate_keys
from bnexp.records.store import Store, json_text, write_atomically, written
from bnexp.reporting.drawing.figures import drawn, looks
from bnexp.reporting.drawing.helpers import Helpers
from bnexp.reporting.part import Section, Table, slugs
from bnexp.reporting.parts import section
from bnexp.reporting.render import html, latex, markdown

MANIFEST = "files.json"
"""Lists the files of a report, so that the next one removes those that it no longer has, and no others."""

_OURS = re.compile(
    r"index\.html|report\.md|trials\.csv|evaluations\.csv|probes\.csv"
    r"|figures/[A-Za-z0-9_-][A-Za-z0-9._-]*\.(svg|png|pdf|tex)|tables/[A-Za-z0-9_-][A-Za-z0-9._-]*\.(csv|md|tex)"
)


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        """As a notebook shows it."""
        return "\n".join([f"{self.index} ({len(self.files)} files)", *self.missing])


def write_report(
    store: Store,
    out: Path,
    experiments: Sequence[str] | None = None,
    *,
    pdf: bool = False,
    helpers: Helpers | None = None,
) -> ReportFiles:
    """Write `index.html`, `report.md`, figures, tables and tidy CSV files to the folder `out`.

    `experiments` names those wanted, by default all in the store; `pdf` adds each figure as PDF, and those for a paper;
    `helpers` draw some of the figures.  The same results under the same path, and data at hand, give the same bytes.
    Files of an earlier report that this one does not have are removed; nothing else in `out` is touched.  Raises
    UserError where the store has no such experiment, a record is damaged, or `out` cannot be written.
    """
    plans = find.plans(store, experiments)
    styles = looks(variant for plan in plans for variant in plan.variants)
    names = slugs([plan.name for plan in plans])
    evidence = [Evidence(store, plan) for plan in plans]
    claims = judged(store, evidence) if any(plan.claims for plan in plans) else []
    sections = [section(each, names[each.plan.name], styles, store.root, claims) for each in evidence]
    content = _content(sections, evidence, ["svg", "png", *(["pdf"] if pdf else [])], helpers or Helpers(0))
    _place(content, out)
    return ReportFiles(
        index=out / "index.html",
        files=tuple(out / name for name in sorted([*content, MANIFEST])),
        complete=all(each.complete for each in sections),
        missing=tuple(f"{each.name}: {sentence}" for each in sections for sentence in each.notices),
    )


def _content(
    sections: Sequence[Section], evidence: Sequence[Evidence], suffixes: Sequence[str], helpers: Helpers
) -> dict[str, bytes]:
    """Every file of the report by its path inside `out`."""
    content: dict[str, bytes] = {}
    figures = {each.file(figure.name): figure for each in sections for figure in each.figures}
    papers = {each.file(figure.name): figure for each in sections for figure in each.papers if "pdf" in suffixes}
    wanted = [(figures, suffixes), (papers, ["pdf"])]
    drawing = helpers.begin(drawn, [(each.draw, formats) for them, formats in wanted for each in them.values()])
    for each in sections:
        for table in each.tables:
            name = each.file(table.file)
            content |= {f"tables/{name}.{suffix}": _table(table, name, suffix).encode() for suffix in table.formats}
    content["trials.csv"] = _joined(evidence, [each.trials for each in evidence]).encode()
    content["evaluations.csv"] = _joined(evidence, [each.evaluations for each in evidence]).encode()
    if any(not each.probes.empty for each in evidence):
        content["probes.csv"] = _joined(evidence, [each.probes for each in evidence]).encode()
    content["report.md"] = markdown.report(sections).encode()
    content |= {
        f"figures/{name}.tex": latex.figure(name, caption=figure.caption).encode() for name, figure in papers.items()
    }
    pictures = dict(zip([*figures, *papers], drawing.results(), strict=True))
    content |= {f"figures/{name}.{suffix}": data for name, files in pictures.items() for suffix, data in files.items()}
    shown = {name: pictures[name]["svg"] for name, figure in figures.items() if not figure.file_only}
    content["index.html"] = html.report(sections, shown, suffixes).encode()
    return content


def _table(table: Table, name: str, suffix: str) -> str:
    if suffix == "csv" and table.numbers is not None:
        return _csv(table.numbers)
    if suffix == "md":
        return markdown.table(table.text)
    columns = [name for name in table.paper or table.text.columns if name in table.text]
    frame = table.text[columns].rename(columns=table.paper)
    return latex.table(frame, caption=table.paper_caption or table.caption, label=f"tab:{name}")


def _csv(frame: pd.DataFrame) -> str:
    """Full numbers, as Python writes them; empty where there is nothing."""
    return frame.to_csv(index=False, lineterminator="\n")


def _joined(evidence: Sequence[Evidence], tables: Sequence[pd.DataFrame]) -> str:
    """The tables of all experiments below each other; a grid key that an experiment lacks is empty there."""
    keys = list(dict.fromkeys(key for each in evidence for key in coordinate_keys(each.plan)))
    rest = [name for name in tables[0].columns if name not in keys]
    columns = [*rest[:2], *keys, *rest[2:]]
    # As objects, so that 16 does not become 16.0 where another experiment has no batch size.
    return _csv(pd.concat([table.astype(object).reindex(columns=columns) for table in tables]))


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
    listed = names if isinstance(names, list) else []
    return {name for name in listed if isinstance(name, str) and _OURS.fullmatch(name)}
