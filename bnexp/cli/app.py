"""The command `bnexp`: its table of commands, and the one place where errors become exit codes."""

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TextIO

import click

from bnexp import __version__
from bnexp.errors import UserError
from bnexp.lazy import attribute

COMMANDS = {
    "run": "bnexp.cli.running:run",
    "report": "bnexp.cli.trials:report",
    "plan": "bnexp.cli.running:plan",
    "compare": "bnexp.cli.compare:compare",
    "claims": "bnexp.cli.claims:claims",
    "status": "bnexp.cli.trials:status",
    "show": "bnexp.cli.trials:show",
    "logs": "bnexp.cli.trials:logs",
    "verify": "bnexp.cli.verify:verify",
    "norms": "bnexp.cli.norms:norms",
    "validate": "bnexp.cli.configs:validate",
    "schema": "bnexp.cli.configs:schema",
    "init": "bnexp.cli.configs:init",
    "doctor": "bnexp.cli.doctor:doctor",
    "data": "bnexp.cli.configs:data",
}
"""In the order of the help text.  These modules import click and nothing heavy."""

BROKEN_PIPE = 141  # 128 + SIGPIPE, as of any program whose reader has gone
_FULL = (errno.ENOSPC, errno.EDQUOT)  # the disk, or the user's part of it


class Commands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = COMMANDS.get(cmd_name)
        return attribute(target) if target else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = get_close_matches(name, COMMANDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "`bnexp --help` lists the commands"
            ctx.fail(f"no command {name!r}; {hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="bnexp")
def app() -> None:
    """Honest, reproducible comparison of how neural networks are normalized.

    \b
    Example:
      bnexp init mnist          write a config into this folder
      bnexp run mnist.yaml      train what is missing; again = resume
      bnexp report              results/report/index.html

    Results go to stdout, progress and logs to stderr.  Exit codes: 0 done; 1 a fault of bnexp itself, a regression
    that `compare` found, a difference that `verify` found; 2 wrong use or configuration; 3 finished with failed trials;
    4 `report --strict` on an incomplete set; 130 interrupted; 143 terminated.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, by default this process's own; returns the exit code, and never raises."""
    _open_closed_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _call(words)
        sys.stdout.flush()
        sys.stderr.flush()
    except UserError as error:
        return _say(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _say("interrupted", 130)
    except BrokenPipeError:
        _forget(sys.stdout, sys.stderr)
        return BROKEN_PIPE
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            _forget(sys.stdout)
            return _say(f"cannot be written: {error.filename or 'the output'} ({error.strerror})", UserError.exit_code)
        plea = f"This is a fault of bnexp {__version__}, not yours; please report it with all of the above."
        return _say(f"{traceback.format_exc()}\n{plea}", 1)
    return code


def _open_closed_streams() -> None:
    """Where the shell closed one (`2>&-`) it goes nowhere, and no file that we open gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _call(words: list[str]) -> int:
    """The command's own exit code; its return value, or 0."""
    try:
        with app.make_context("bnexp", words or ["--help"]) as context:
            return int(app.invoke(context) or 0)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return 2


def _say(text: str, code: int) -> int:
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:  # gone, or full
        _forget(sys.stdout, sys.stderr)
    return code


def _forget(*streams: TextIO) -> None:
    """Nothing can be written there any more: what is still buffered must not raise when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())
