"""Write the golden files of the report anew, from what this bnexp says: `python tests/golden/make_report_golden.py`.

Look at `git diff tests/golden/report` afterwards: each number that changed is a result that changed.
"""

import json
import shutil
import tempfile
from pathlib import Path

from made_up_report import build
from raw_results import report
from report_golden import COMPARISONS, STORED, compared, words_of


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
