"""The made-up records of the report's tests serve here too."""

import sys
from pathlib import Path

for folder in ("reporting", "audit"):
    sys.path.insert(0, str(Path(__file__).parents[1] / folder))
