"""`bnexp doctor`: whether this machine has what bnexp needs."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import click

from bnexp.cli import options
from bnexp.cli.text import print_json, table
from bnexp.errors import UserError

OK, WARN, FAIL = "ok", "warn", "FAIL"

_PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "matplotlib", "pydantic", "scipy", "jinja2", "mlxtend")
_PATIENCE = 180  # seconds; importing TensorFlow from a cold disk takes its time
_SMALL_DISK = 1e9  # bytes; a thousand trials take about a tenth of it

_TENSORFLOW = """
import json, tensorflow as tf
devices = [device.device_type for device in tf.config.list_physical_devices()]
print(json.dumps({"tensorflow": tf.__version__, "devices": devices}))
"""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    what: str
    state: str  # `ok`; `warn`: it goes without; `FAIL`: bnexp cannot train or report
    found: str


@click.command()
@options.data_dir
@options.results
@options.as_json
def doctor(data_dir: Path | None, results: Path, as_json: bool) -> int:
    """Check this machine: versions, memory, disk, data, devices.

    Exits with 2 if something that is needed is missing.

    \b
    Example:
      bnexp doctor --data-dir ~/data
    """
    checks = list(look(data_dir, results))
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        click.echo(table(["", "what", "found"], [[check.state, check.what, check.found] for check in checks]))
    return 2 if any(check.state == FAIL for check in checks) else 0


def look(data_dir: Path | None, results: Path) -> Iterator[Check]:
    """All checks, in the order in which a trial would meet them."""
    yield Check("Python", OK, f"{platform.python_version()} at {sys.executable}")
    yield packages()
    yield machine()
    yield tensorflow(sys.executable)
    yield writable(results)
    yield from datasets(data_dir)


def packages() -> Check:
    """Versions of what bnexp imports."""
    found, missing = [], []
    for name in ("bnexp", *_PACKAGES):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("packages", FAIL, f"missing: {', '.join(missing)}; pip install bnexp brings them")
    return Check("packages", OK, ", ".join(found))


def machine() -> Check:
    """Cores, memory and GPUs, and how many trials `--jobs auto` would train at a time."""
    from bnexp import machine as here  # noqa: PLC0415
    from bnexp.running.options import WORKER_MEMORY, Options, workers  # noqa: PLC0415

    cores, memory, gpus = here.available_cores(), here.available_memory(), len(here.available_gpus())
    text = f"{cores} cores, {memory / 1e9:.1f} GB of memory free, {gpus} GPU: "
    text += f"--jobs auto trains {workers(Options(), cores)} at a time"
    if memory < WORKER_MEMORY:
        return Check("machine", WARN, f"{text}; one trial on all of MNIST may need {WORKER_MEMORY / 1e9:.1f} GB")
    return Check("machine", OK, text)


def tensorflow(interpreter: str) -> Check:
    """Whether TensorFlow can be imported, and what devices it sees; in a process of its own."""
    command = [interpreter, "-c", _TENSORFLOW]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, env=environment, check=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("TensorFlow", FAIL, f"cannot be started: {error}")
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or [f"exit code {error.returncode}"])[-1]
        return Check("TensorFlow", FAIL, f"cannot be imported: {last}")
    said = json.loads(done.stdout.strip().splitlines()[-1])
    gpus = said["devices"].count("GPU")
    sees = f"{gpus} GPU and the CPU" if gpus else "the CPU, no GPU"
    return Check("TensorFlow", OK, f"{said['tensorflow']} sees {sees}")


def writable(results: Path) -> Check:
    """Whether the results folder, or the folder where it would be made, takes files, and how many more."""
    there = next(path for path in (results.absolute(), *results.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        return Check("results", FAIL, f"{results} cannot be written: {error.strerror}; choose another with --results")
    state = OK if free > _SMALL_DISK else WARN
    return Check("results", state, f"{results} can be written, {free / 1e9:.1f} GB free")


def datasets(data_dir: Path | None) -> Iterator[Check]:
    """Where each dataset would be taken from, and whether it is what its name says; only the embedded one is needed."""
    from bnexp.data.loading import UNPROVEN, locate, present  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.specs.datasets import DATASETS  # noqa: PLC0415

    for name in DATASETS:
        try:
            held = present(name, folder=data_dir)
            missing = "" if held else f"not here; {locate(name, folder=data_dir).origin}"
        except UserError as error:
            yield Check(f"data: {name}", WARN, str(error).splitlines()[0])
        except ImportError as error:
            yield Check(f"data: {name}", FAIL, str(error))
        else:
            state = OK if held and not held.checked.startswith(UNPROVEN) else WARN
            yield Check(f"data: {name}", state, f"{held.origin}; checked: {held.checked}" if held else missing)
