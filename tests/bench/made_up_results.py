"""A results folder of made-up records, for timing the report: `python made_up_results.py FOLDER [100|300|2000]`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "reporting"))
import made_up

# Trials to batch sizes and seeds, with five variants.
SIZES = {100: ((16, 64), 10), 300: ((4, 16, 64), 20), 2000: ((1, 2, 4, 8, 16, 32, 64, 128, 256, 512), 40)}

batch_sizes, seeds = SIZES[int(sys.argv[2]) if len(sys.argv) > 2 else 100]
made_up.build(Path(sys.argv[1]), batch_sizes=batch_sizes, seeds=seeds, epochs=10, faults={})
