"""A results folder of 100 made-up records, for timing the report: `python made_up_results.py FOLDER`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
import made_up

made_up.build(Path(sys.argv[1]), batch_sizes=(16, 64), seeds=10, epochs=10, faults={})
