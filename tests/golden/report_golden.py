"""What the golden files of the report hold, and how it is made of the results folder of `made_up_report`.

`python tests/golden/report_golden.py` writes them anew, from what this bnexp says.  Look at `git diff
tests/golden/report` afterwards: each number that changed is a result that changed.

report/tables/*.csv    the report's tables at full precision
report/compare/*.json  what `bnexp compare --json` says, without its sentences
report/report.md       the report's words, without figures, versions, dates and commands
"""

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from made_up_report import build
from raw_results import GOLDEN, command, report

STORED = GOLDEN / "report"

RECALIBRATED = "--results {} --experiment rates --metric recalibrated-accuracy"

COMPARISONS = {
    # name: what `bnexp compare --json` is given, and its exit code; {} stands for the results folder
    "accuracy": ("none bn-pre --results {} --experiment methods --only batch_size=64 --margin 0.2", 0),
    "accuracy-lower": ("bn-pre none --results {} --experiment many", 1),
    "steps-to-97": ("none ln --results {} --experiment methods --metric steps-to-97 --margin 0.1 --allow-differs", 2),
    "steps-to-98": ("none gn --results {} --experiment equal --metric steps-to-98 --fail-on difference", 1),
    "train-loss": ("none gn --results {} --experiment equal --metric train-loss --margin 0.01", 0),
    "recalibrated": (f"none bn-pre {RECALIBRATED} --simultaneous --only learning_rate=0.00*1", 2),
    "seconds": ("none bn-pre --results {} --experiment many --metric seconds", 1),
    "test-loss": ("none gn --results {} --experiment methods --metric test-loss --seeds 0,1,3,5 --allow-differs", 2),
    "versions": ("{} {}/later --margin 0.2 --require-noninferior", 0),
}

WORDS = ("audit", "paired_by_seed_only", "mismatches", "same_record", "only_one_side")
"""Keys of `bnexp compare --json` that hold sentences and names, which may be worded anew."""


def compared(name: str, results: Path) -> dict[str, Any]:
    """What one of `COMPARISONS` says, without `WORDS`."""
    words, code = COMPARISONS[name]
    text = command("compare", *words.replace("{}", str(results)).split(), "--json", code=code)
    said = json.loads(text.replace(str(results), "results"))
    plain = {key: value for key, value in said.items() if key not in WORDS}
    each = [{key: value for key, value in one.items() if key not in WORDS} for one in said["comparisons"]]
    return plain | {"comparisons": each}


def words_of(report_md: str) -> str:
    """The report's text without what is not of its words: its figures, versions, dates and commands."""
    text = re.sub(r"^### Figures$.*?(?=^### )", "", report_md, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^\| (versions|started|command|bnexp commit) \| .* \|$", r"| \1 | ... |", text, flags=re.MULTILINE)


def main() -> None:
    shutil.rmtree(STORED, ignore_errors=True)
    (STORED / "tables").mkdir(parents=True)
    (STORED / "compare").mkdir()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        build(results)
        written = report(results, Path(folder) / "report")
        for table in sorted(written.glob("tables/*.csv")):
            shutil.copyfile(table, STORED / "tables" / table.name)
        (STORED / "report.md").write_text(words_of((written / "report.md").read_text(encoding="utf-8")))
        for name in COMPARISONS:
            text = json.dumps(compared(name, results), indent=1) + "\n"
            (STORED / "compare" / f"{name}.json").write_text(text)


if __name__ == "__main__":
    main()
