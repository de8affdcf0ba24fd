"""`make audit`: what a report promises, held against thousands of made-up experiments; writes results/audit/."""

import csv
import sys
from pathlib import Path

import numpy as np
from scenarios import SCENARIOS


def main(out: Path, n: int) -> int:
    """Run all scenarios with `n` experiments each; 1 where a promise is not kept."""
    found = [each for scenario in SCENARIOS for each in scenario(n, np.random.default_rng(0))]
    out.mkdir(parents=True, exist_ok=True)
    rows = [
        (each.promise, each.nominal, f"{100 * each.share:.1f} % ± {100 * each.error:.1f}", each.n) for each in found
    ]
    head = ("promise", "nominal", "measured (± standard error)", "experiments")
    with (out / "audit.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])
    lines = [f"| {' | '.join(map(str, row))} |" for row in (head, (":--", "--:", "--:", "--:"), *rows)]
    about = f"What a report promises, and how often it was so in {n:,} made-up experiments each: `make audit`."
    (out / "audit.md").write_text("\n".join(["# Audit", "", about, "", *lines, ""]), encoding="utf-8")
    print("\n".join(lines))
    broken = [each.promise for each in found if not each.kept]
    print("\n".join(f"not kept: {promise}" for promise in broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[2] / "results" / "audit", int(sys.argv[1]) if len(sys.argv) > 1 else 2000))
