"""The made-up records and reports of other tests serve here too."""

import sys
from pathlib import Path

for folder in ("reporting", "audit"):
    sys.path.insert(0, str(Path(__file__).parents[1] / folder))
