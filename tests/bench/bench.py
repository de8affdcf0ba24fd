"""What `make bench` measures: training beside `model.fit` and torch, every method, start-up, memory, the report.

    python tests/bench/bench.py [--rounds 3] [--data-dir FOLDER] [--out results/bench]

Machines are shared and noisy, so ways are measured in turn, on the same work, and what counts is the ratio within a
round: tables give medians, and the range of the ratios.  All of it stands beside the targets that the project has set
itself, met or missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scale import command

from bnexp.records.environment import environment
from bnexp.specs.norms.table import METHODS

HERE = Path(__file__).parent
WORKERS = len(os.sched_getaffinity(0))
FLOP_PER_IMAGE = 16.4e6  # of the reference CNN without normalization, forward and backward
# By batch size: images per measurement of training, and under the profiler.
IMAGES = {256: 20_480, 128: 19_200, 64: 19_200, 32: 12_800, 16: 9_600, 8: 6_400, 2: 2_000}
PROFILED_IMAGES = {64: 6_400, 8: 3_200, 2: 1_000}
GRID_EPOCHS = {64: 24, 8: 16, 2: 9}
"""Epochs of 3,600 images in each of the four trials of a whole command, by batch size: enough steps for XLA at 2."""
TWO_NORMS = "variants: {none: {norm: none}, bn: {norm: batch}}\n"
RESIDENT = {"resident": "Rss", "its share": "Pss"}
PLAIN = [sys.executable, "-W", "ignore"]
BNEXP = [sys.executable, "-m", "bnexp"]
PEAK_TARGETS = {
    "none": {256: 0.75, 128: 0.75, 64: 0.75, 32: 0.75, 8: 0.65, 2: 0.45},
    "batch": {256: 0.65, 128: 0.65, 64: 0.65, 32: 0.65, 8: 0.5, 2: 0.35},
}
"""Of the speed of matrix products, by norm and batch size."""
METHODS_TARGET = 0.6
"""Of the speed without normalization, at batch 64."""


class Row(NamedTuple):
    """One round at one batch size: training images per second of each way, all workers together."""

    norm: str
    batch_size: int
    fit: float
    torch: float | None
    bnexp: float
    peak: float
    """Of the best float32 matrix products of all workers together, in this round: GFLOP/s."""

    @property
    def share(self) -> float:
        """Of the peak that convolutions and dense layers of bnexp reach."""
        return self.bnexp * FLOP_PER_IMAGE / (self.peak * 1e9)


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A new Python process for one measurement, without TensorFlow's log."""
    command = [*PLAIN, str(HERE / script), *map(str, arguments)]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=quiet)


def answers(processes: Sequence[subprocess.Popen[str]]) -> list[dict[str, float]]:
    """What each process measured, all let go when the last of them is ready; RuntimeError if one failed."""
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    found = []
    for process in processes:
        out, _ = process.communicate(timeout=600)
        if process.returncode:
            raise RuntimeError(f"a measurement failed: {process.args}")
        found.append(json.loads(out.splitlines()[-1]))
    return found


def together(script: str, norm: str, batch: int, images: int) -> float:
    """Images per second of as many processes as cores, side by side, until the slowest has finished."""
    slowest = max(answer["seconds"] for answer in answers([start(script, norm, batch, images) for _ in range(WORKERS)]))
    return WORKERS * images / slowest


def training(rounds: int, batches: Sequence[int]) -> Iterator[Row]:
    """All rounds, the ways in turn."""
    has_torch = find_spec("torch") is not None
    for _ in range(rounds):
        for norm in ("none", "batch"):
            for batch in batches:
                images = IMAGES[batch]
                fit = images / answers([start("with_fit.py", norm, batch, images)])[0]["seconds"]
                torch = together("with_torch.py", norm, batch, images) if has_torch else None
                peak = sum(answer["gflops"] for answer in answers([start("matmul.py") for _ in range(WORKERS)]))
                yield Row(norm, batch, fit, torch, together("with_bnexp.py", json.dumps(norm), batch, images), peak)


def table(header: str, rows: Iterable[Sequence[object]]) -> list[str]:
    """A table in Markdown; columns whose heads begin with `>` stand to the right."""
    heads = header.split(" | ")
    lines = [[head.lstrip(">") for head in heads], ["--:" if head.startswith(">") else "---" for head in heads], *rows]
    return [f"| {' | '.join(map(str, cells))} |".replace("|  |", "| |") for cells in lines]


def met(fulfilled: bool) -> str:
    """Whether a target is."""
    return "met" if fulfilled else "missed"


def training_table(rows: Sequence[Row]) -> list[str]:
    """Medians of images per second, medians and ranges of ratios, and of the share of the matrix products' speed."""
    lines = []
    for norm, batch in dict.fromkeys((row.norm, row.batch_size) for row in rows):
        own = [row for row in rows if (row.norm, row.batch_size) == (norm, batch)]
        torch = [row.bnexp / row.torch for row in own if row.torch]
        shares = [row.share for row in own]
        cells = [norm, batch, f"{median(row.fit for row in own):.0f}"]
        cells += [f"{median(row.torch or 0 for row in own):.0f}" if torch else "–"]
        cells += [f"{median(row.bnexp for row in own):.0f}", _range([row.bnexp / row.fit for row in own])]
        cells += [_range(torch) if torch else "–", _range(shares), _verdict(shares, PEAK_TARGETS[norm].get(batch))]
        lines.append(cells)
    return table(
        "norm | >batch | >fit, im./s | >torch, im./s | >bnexp, im./s | >to fit | >to torch | >of peak | target", lines
    )


def _range(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _verdict(ratios: Sequence[float], target: float | None) -> str:
    return "" if target is None else f"≥ {target:g}: {met(median(ratios) >= target)}"


def bnexp_run(folder: str, config: str, *words: object) -> list[str]:
    """The command that trains a config, which is written for it, in a folder."""
    path = Path(folder) / "short.yaml"
    path.write_text(config)
    return [*BNEXP, "run", str(path), "--quiet", "--results", f"{folder}/results", *map(str, words)]


def grid_table(rounds: int) -> list[str]:
    """Whole commands: `bnexp run` of a grid beside a script that calls `fit` for one model after the other."""
    rows = []
    for batch, epochs in GRID_EPOCHS.items():
        pairs = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                config = (
                    f"data: {{name: mnist-5k, validation: 0.1}}\ntraining: {{epochs: {epochs}, batch_size: {batch}, "
                    f"evaluations: 1}}\n{TWO_NORMS}seeds: 2\n"
                )
                script = [*PLAIN, str(HERE / "fit_grid.py"), str(batch), str(epochs), "2", "none", "batch"]
                pairs.append((_seconds(script), _seconds(bnexp_run(folder, config))))
        ratios = [fit / own for fit, own in pairs]
        fit, own = (median(side) for side in zip(*pairs, strict=True))
        rows.append([batch, f"{fit:.0f} s", f"{own:.0f} s", _range(ratios)])
    return table(">batch | >script with `fit` | >`bnexp run` | >ratio", rows)


def kernels_table() -> list[str]:
    """Where the time of a step goes, by kernels; see `kernels.py`."""
    rows = []
    for norm in ("none", "batch"):
        for batch, images in PROFILED_IMAGES.items():
            (found,) = answers([start("kernels.py", json.dumps(norm), batch, images)])
            step = found.pop("step")
            rows.append([norm, batch, f"{step:.0f} µs", *(f"{100 * part / step:.0f} %" for part in found.values())])
    heads = [
        "convolutions and matrix products",
        "pooling",
        "fused batch norm",
        "Adam",
        "elementwise, sums, copies",
        "rest",
    ]
    return table(" | ".join(["norm", *(f">{head}" for head in ["batch", "a step", *heads])]), rows)


def memory_table(data_folder: Path | None) -> list[str]:
    """Peak memory of two workers side by side that train three norms each, sampled five times a second.

    Resident: all that a worker has in memory.  Its share: what it alone has, and of libraries that both have half.
    """
    name, train = ("mnist", "10000") if data_folder else ("mnist-5k", "null")
    config = (
        f"data: {{name: {name}, validation: 0.1, train: {train}}}\ntraining: {{epochs: 1}}\n"
        "variants: {none: {norm: none}, bn: {norm: batch}, gn: {norm: group}}\nseeds: 2\n"
    )
    words = ["--jobs", 2, *(["--data-dir", data_folder] if data_folder else [])]
    peaks = {"Rss": 0.0, "Pss": 0.0}
    for _, sizes in _sampled(config, words, 0.2):
        peaks = {key: max(peak, sizes.get(key, 0.0)) for key, peak in peaks.items()}
    growth = _growth()
    rows = [[what, f"{peaks[key]:.0f} MB", "≤ 700 MB", met(peaks[key] <= 700)] for what, key in RESIDENT.items()]
    rows.append(["growth, 10th to 100th trial", f"{growth:.0f} MB", "flat: ≤ 20 MB", met(growth <= 20)])
    return table(f"of a worker on {name} | >measured | target | ", rows)


def _growth() -> float:
    """Megabytes by which one worker is larger in its 11th to 100th trial than in those before, two norms in turn."""
    config = f"data: {{name: mnist-5k, validation: 0.1, train: 640}}\ntraining: {{epochs: 1}}\n{TWO_NORMS}seeds: 50\n"
    early, late = 0.0, 0.0
    for finished, sizes in _sampled(config, ["--jobs", 1], 0.02):
        if 1 <= finished < 10:  # before the first is finished, it is importing
            early = max(early, sizes.get("Rss", 0.0))
        elif finished >= 10:
            late = max(late, sizes.get("Rss", 0.0))
    if not early or not late:
        raise RuntimeError("no growth was measured")
    return late - early


def _sampled(config: str, words: Sequence[object], pause: float) -> Iterator[tuple[int, dict[str, float]]]:
    """While a config is trained: how many trials are finished, and the megabytes of each worker (Linux)."""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.Popen(bnexp_run(folder, config, *words), stdout=subprocess.DEVNULL)
        while run.poll() is None:
            finished = len(list(Path(folder).glob("results/trials/*/record.json")))
            children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
            for pid in children.read_text().split() if children.exists() else ():
                with suppress(OSError):  # it has just ended
                    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
                    sizes = {key: value.split() for key, _, value in (line.partition(":") for line in lines)}
                    yield finished, {key: int(sizes[key][0]) * 1024 / 1e6 for key in ("Rss", "Pss")}
            time.sleep(pause)
    if run.returncode:
        raise RuntimeError(f"a measured run failed: exit code {run.returncode}")


def scale_table() -> list[str]:
    """Large plans; see `scale.py`."""
    done = subprocess.run([sys.executable, str(HERE / "scale.py")], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    targets = [
        ("`bnexp plan` of 20,000 trials, none of them finished", "plan_seconds", "s", 10.0),
        ("the same, all of them finished", "plan_done_seconds", "s", 10.0),
        ("`bnexp run` of 20,000 finished trials", "resume_seconds", "s", 10.0),
        ("its memory", "resume_megabytes", "MB", 1000.0),
        ("`bnexp run` of 300 finished trials", "resume_300_seconds", "s", 3.0),
        ("the parent, for each trial", "parent_milliseconds_per_trial", "ms", 5.0),
    ]
    rows = [
        [what, f"{found[key]:.{0 if unit == 'MB' else 1}f} {unit}", f"≤ {target:g} {unit}", met(found[key] <= target)]
        for what, key, unit, target in targets
    ]
    return table("what | >measured | target | ", rows)


def report_table() -> list[str]:
    """The report of 300 and of 2,000 made-up trials: seconds, peak memory, size of the page."""
    rows = []
    for trials, limits in ((300, {"page": 6.0}), (2000, {"seconds": 25.0, "memory": 2000.0})):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, str(HERE / "made_up_results.py"), folder, str(trials)], check=True)
            seconds, memory = command("report", "--results", folder)
            page = (Path(folder) / "report" / "index.html").stat().st_size / 1e6
        found = {"seconds": seconds, "memory": memory, "page": page}
        units = {"seconds": "s", "memory": "MB", "page": "MB"}
        wanted = " and ".join(f"≤ {limit:g} {units[key]}" for key, limit in limits.items())
        good = all(found[key] <= limit for key, limit in limits.items())
        rows.append([f"{trials:,} trials", f"{seconds:.0f}", f"{memory:.0f} MB", f"{page:.1f} MB", wanted, met(good)])
    return table(">report of | >seconds | >memory | >page | targets | ", rows)


def methods_table() -> list[str]:
    """Every method in one worker, at two batch sizes, relative to no normalization, measured in between."""
    speeds: dict[tuple[str, int], list[float]] = defaultdict(list)
    for k, name in enumerate(METHODS):
        # No normalization again and again: what the others are held against must not be one slow moment.
        for each in ["none", name] if k % 4 == 0 and name != "none" else [name]:
            for batch, images in ((64, 6_400), (2, 1_000)):
                (answer,) = answers([start("with_bnexp.py", json.dumps(each), batch, images)])
                speeds[each, batch].append(images / answer["seconds"])
    rows = []
    for name in METHODS:
        pairs = [[median(speeds[each, batch]) for each in (name, "none")] for batch in (64, 2)]
        cells = [cell for speed, none in pairs for cell in (f"{speed:.0f}", f"{speed / none:.2f}")]
        rows.append([name, *cells[:2], _verdict([pairs[0][0] / pairs[0][1]], METHODS_TARGET), *cells[2:]])
    heads = " | ".join(
        f">batch {batch}, images/s | >relative to none{more}" for batch, more in ((64, " | target"), (2, ""))
    )
    return table(f"norm | {heads}", rows)


def commands_table(rounds: int) -> list[str]:
    """Start-up, a short trial alone beside a script with `fit`, and the report of 100 trials."""
    with tempfile.TemporaryDirectory() as folder:
        config = (
            "name: short\ndata: {name: mnist-5k, validation: 0.1}\ntraining: {epochs: 1}\n"
            "variants: {none: {norm: none}}\nseeds: 2\n"
        )
        one = bnexp_run(folder, config, "--seeds", 0, "--force")
        helps = median(_seconds([*BNEXP, "--help"]) for _ in range(2 * rounds + 1))
        script = [*PLAIN, str(HERE / "fit_grid.py"), "64", "1", "1", "none"]
        ratio = median(_seconds(one) / _seconds(script) for _ in range(rounds))
        _seconds(bnexp_run(folder, config, "--jobs", 1, "--force"))
        records = [json.loads(path.read_text()) for path in Path(folder).glob("results/trials/*/record.json")]
        reused = next(record["seconds"] for record in records if record["execution"]["compiled_model_reused"])
        second = reused["data"] + reused["compile"]
        _seconds([sys.executable, str(HERE / "made_up_results.py"), f"{folder}/hundred"])
        report = _seconds([*BNEXP, "report", "--results", f"{folder}/hundred"])
    rows = [
        ["`bnexp --help`", f"{helps:.2f} s", "≤ 0.3 s", met(helps <= 0.3)],
        ["one short trial alone / script with `fit`", f"{ratio:.2f}", "≤ 1.1", met(ratio <= 1.1)],
        ["second trial of a shape, before its first step", f"{second:.2f} s", "≤ 0.1 s", met(second <= 0.1)],
        ["`bnexp report` of 100 trials", f"{report:.1f} s", "≤ 4 s", met(report <= 4)],
    ]
    return table("what | >measured | target | ", rows)


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


PARTS = {
    "training": "Training, the reference CNN",
    "grid": "Whole commands: two norms, two seeds, on 3,600 images",
    "methods": "Every method, one worker",
    "kernels": "Where the time of a step goes, one worker",
    "memory": "Memory",
    "commands": "Commands",
    "scale": "Large plans",
    "report": "Large reports",
}


def main() -> None:
    """Measure, print the tables, and write them with the raw rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", default=",".join(PARTS), help="which tables to measure; the others stay as they are")
    parser.add_argument("--data-dir", type=Path, help="of MNIST, for memory on all of it; without it mnist-5k")
    parser.add_argument("--out", type=Path, default=Path("results/bench"))
    options = parser.parse_args()
    parts = options.parts.split(",")
    if strange := set(parts) - PARTS.keys():
        parser.error(f"no part {', '.join(sorted(strange))}; there are {', '.join(PARTS)}")
    options.out.mkdir(parents=True, exist_ok=True)  # before hours of measuring: whether it can be written shows now
    stored = options.out / "bench.json"
    found: dict[str, Any] = json.loads(stored.read_text()) if stored.exists() else {"tables": {}}
    here = environment()  # before anything is written: the figure of a bench is no change of what it measures
    commit = f"{str(here['git_commit'])[:7]}{' and changes' if here['git_dirty'] else ''}"
    if "training" in parts:
        rows = [*training(options.rounds, [64, 8, 2]), *training(1, [256, 128, 32, 16])]
        found["training"] = [row._asdict() for row in rows]
        draw(rows, options.out)
    rounds = {"training": options.rounds, "grid": max(1, options.rounds - 1), "commands": options.rounds}
    measure = {
        "training": lambda: training_table([Row(**row) for row in found["training"]]),
        "grid": lambda: grid_table(rounds["grid"]),
        "methods": methods_table,
        "kernels": kernels_table,
        "memory": lambda: memory_table(options.data_dir),
        "commands": lambda: commands_table(options.rounds),
        "scale": scale_table,
        "report": report_table,
    }
    for part in parts:
        found["tables"][part] = {"commit": commit, "rounds": rounds.get(part, 1), "lines": measure[part]()}
        print(f"{PARTS[part]}\n" + "\n".join(found["tables"][part]["lines"]), flush=True)
    stored.write_text(json.dumps(found, indent=1) + "\n")
    (options.out / "bench.md").write_text(text(found))


def text(found: dict[str, Any]) -> str:
    """All tables as one document, each with the commit that it was measured at."""
    head = (
        "The ways in turn, ratios within a round (batches of 256, 128, 32 and 16, the methods and the kernels: one); "
        f"{WORKERS} cores, {environment()['cpu']}.  `fit`: one process on all cores; torch and bnexp: {WORKERS} "
        "processes of one thread, images (im.) of all together.  Compilation is left out of training, not out of whole "
        "commands; "
        f"`of peak` counts 16.4 MFLOP an image, convolutions and dense layers alone, beside the best float32 matrix "
        f"products of {WORKERS} processes together in the same round."
    )
    pages = ["# Bench", head]
    for part, title in PARTS.items():
        if table := found["tables"].get(part):
            at = f"{table['rounds']} rounds" if table["rounds"] > 1 else "1 round"
            pages += [f"## {title}", f"Commit {table['commit']}, {at}.", "\n".join(table["lines"])]
    return "\n\n".join(pages) + "\n"


def draw(rows: Sequence[Row], folder: Path) -> None:
    """Ratio to `fit` against batch size, a point a round."""
    figure = Figure(figsize=(4.6, 3.0), layout="constrained")
    axes = figure.subplots()
    for norm, colour, marker in (("none", "#000000", "o"), ("batch", "#D55E00", "s")):
        batches = sorted({row.batch_size for row in rows if row.norm == norm})
        ratios = {b: [row.bnexp / row.fit for row in rows if (row.norm, row.batch_size) == (norm, b)] for b in batches}
        axes.plot(batches, [median(ratios[b]) for b in batches], color=colour, label=norm)
        for b in batches:
            axes.plot([b] * len(ratios[b]), ratios[b], marker, color=colour, markersize=3.5, markerfacecolor="none")
    axes.set_xscale("log", base=2)
    axes.set_xticks(batches, [str(b) for b in batches])
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("batch size")
    axes.set_ylabel("images/s, ratio to model.fit")
    axes.legend(frameon=False)
    FigureCanvasAgg(figure).print_png(str(folder / "bench.png"))


if __name__ == "__main__":
    main()
