"""The view of a run on a terminal: finished trials scroll up, the running ones stand below."""

from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bnexp.running.progress import Lines, State
from bnexp.running.survey import Outcome
from bnexp.specs.wording import duration, printable


class LiveView(Lines):
    """Redrawn at each tick, from the runner's own thread.  All text goes through `Text`: no markup in names."""

    def __init__(self, stream: TextIO, console: Console | None = None) -> None:
        super().__init__(stream)
        self._console = console or Console(file=stream, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._note = "starting the workers"

    def say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)

    def planned(self, planned: int, skipped: int, failed_before: int, jobs: int) -> None:
        super().planned(planned, skipped, failed_before, jobs)
        if jobs:
            self._live.start()

    def ready(self, description: dict[str, Any]) -> None:
        super().ready(description)
        self._note = ""

    def tick(self, state: State) -> None:
        self._live.update(view(state, self._note), refresh=True)

    def stopped(self, outcome: Outcome, resume: str) -> None:
        self.close()
        super().stopped(outcome, resume)

    def close(self) -> None:
        self._live.stop()


def view(state: State, note: str = "") -> Group:
    """The lines below: the whole, then each running trial with its epoch, step and latest validation accuracy."""
    whole = Table.grid(padding=(0, 1))
    left = f"about {duration(state.seconds_left)} left" if state.seconds_left else note
    bar = ProgressBar(total=max(1, state.planned), completed=state.done, width=30)
    whole.add_row(bar, Text(f"{state.done}/{state.planned} trials"), Text(left))
    running = Table.grid(padding=(0, 2))
    for each in state.running:
        cells = ["starting", "", ""]
        if far := each.progress:
            accuracy = far.validation_accuracy
            seen = "" if accuracy is None else f"validation {accuracy * 100:.2f} %"
            cells = [f"epoch {far.epoch}/{far.epochs}", f"step {far.step}/{far.steps}", seen]
        cells = [f"  {printable(each.task.label)}", *cells, duration(each.seconds)]
        name, *others = cells  # the name has what tells the trials apart: it is folded where it is long, never cut
        running.add_row(Text(name, overflow="fold"), *(Text(cell, no_wrap=True) for cell in others))
    return Group(whole, running)
