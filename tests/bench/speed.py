"""Training speed of bnexp's workers beside plain `model.fit`, in turn, on the same work.  `make bench` runs it.

    python tests/bench/speed.py [--rounds 3] [--out results/bench]

Each round trains the reference CNN with and without batch normalization, on random images, first by one
`model.fit` on all cores, then by as many bnexp workers as cores, one thread each, side by side.  Compilation is
left out of both.  Machines are noisy: what counts is the ratio within a round; the table gives its median and range.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

IMAGES = {64: 19_200, 8: 6_400, 2: 2_000}
"""Training images per measurement, by batch size."""

FIT = """
import sys, time, json
import keras, numpy as np
sys.path.insert(0, {folder!r})
from plain_keras import model
norm, batch, examples = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
generator = np.random.default_rng(0)
x, y = generator.random((examples, 28, 28, 1), dtype="float32"), generator.integers(0, 10, examples)
network = model(norm)
network.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
network.fit(x[: 20 * batch], y[: 20 * batch], batch, 1, verbose=0)
print("ready", flush=True)
sys.stdin.readline()
began = time.perf_counter()
network.fit(x, y, batch, 1, verbose=0)
print(json.dumps(time.perf_counter() - began))
"""

WORKER = """
import sys, time, json
import numpy as np
from bnexp.training.device import configure
configure("cpu", 1)
import tensorflow as tf
from bnexp.experiment.spec import TrialSpec
from bnexp.training.program import Program
norm, batch, examples = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
generator = np.random.default_rng(0)
images = tf.constant(generator.integers(0, 256, (examples, 28, 28, 1), dtype=np.uint8))
labels = tf.constant(generator.integers(0, 10, examples, dtype=np.int32))
spec = TrialSpec.model_validate({"norm": norm, "training": {"batch_size": batch}})
program = Program(spec, (28, 28, 1), 10, images.dtype)
order = generator.permutation(examples).astype(np.int32).reshape(-1, batch)
program.train(images, labels, order[:20])
print("ready", flush=True)
sys.stdin.readline()
began = time.perf_counter()
program.train(images, labels, order)
print(json.dumps(time.perf_counter() - began))
"""


class Row(NamedTuple):
    """One round at one batch size: training images per second of each way."""

    norm: str
    batch_size: int
    fit: float
    bnexp: float


def start(script: str, arguments: list[str]) -> subprocess.Popen[str]:
    """A new Python process for one measurement, without TensorFlow's log."""
    command = [sys.executable, "-W", "ignore", "-c", script, *arguments]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=quiet)


def seconds(processes: list[subprocess.Popen[str]]) -> list[float]:
    """What each process measured, all let go when the last of them has compiled; RuntimeError if one failed."""
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [_answer(process) for process in processes]


def _answer(process: subprocess.Popen[str]) -> float:
    out, _ = process.communicate(timeout=600)
    if process.returncode:
        raise RuntimeError(f"a measurement failed: {process.args}")
    return float(json.loads(out.splitlines()[-1]))


def measure(rounds: int) -> Iterator[Row]:
    """All rounds, both ways in turn."""
    fit = FIT.format(folder=str(Path(__file__).parent.parent / "training"))
    workers = len(os.sched_getaffinity(0))
    for _ in range(rounds):
        for norm in ("none", "batch"):
            for batch, images in IMAGES.items():
                arguments = [norm, str(batch), str(images)]
                (plain,) = seconds([start(fit, arguments)])
                slowest = max(seconds([start(WORKER, arguments) for _ in range(workers)]))
                yield Row(norm, batch, images / plain, workers * images / slowest)


def table(rows: list[Row]) -> str:
    """A Markdown table: median images per second, and the median and range of the ratio within a round."""
    lines = [
        "| norm | batch | model.fit, images/s | bnexp, images/s | ratio (range) |",
        "| --- | --: | --: | --: | --: |",
    ]
    for norm, batch in dict.fromkeys((row.norm, row.batch_size) for row in rows):
        own = [row for row in rows if (row.norm, row.batch_size) == (norm, batch)]
        ratios = [row.bnexp / row.fit for row in own]
        fit, bnexp = statistics.median(row.fit for row in own), statistics.median(row.bnexp for row in own)
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(f"| {norm} | {batch} | {fit:.0f} | {bnexp:.0f} | {spread} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, and write it with the raw rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("results/bench"))
    options = parser.parse_args()
    rows = list(measure(options.rounds))
    text = f"{options.rounds} rounds, {len(os.sched_getaffinity(0))} cores, the two ways in turn.\n\n{table(rows)}\n"
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "speed.md").write_text(text)
    (options.out / "speed.json").write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
