"""What is wrong with a config, and at which place of which source."""

from dataclasses import dataclass
from typing import NamedTuple

from bnexp.errors import UserError


@dataclass(frozen=True, eq=False)
class Source:
    """A text that a config, or a part of it, came from."""

    name: str
    """How messages call it: the file as the user named it, `--set a=b`, or a place in a Python mapping."""
    lines: tuple[str, ...] = ()


class Mark(NamedTuple):
    """A place in a source."""

    source: Source
    line: int = 0
    """From 1; 0 if the source has no lines."""
    column: int = 0
    """From 1."""
    width: int = 1
    """Characters, on that line."""


class Mistake(NamedTuple):
    """What is wrong, and where."""

    mark: Mark
    message: str

    def __str__(self) -> str:
        source, line, column, width = self.mark
        if not line:
            return f"{source.name}: {self.message}" if source.name else self.message
        where = f"{source.name}:{line}:{column}: {self.message}"
        return f"{where}\n{_snippet(source.lines[line - 1], line, column, width)}" if source.lines else where


class Mistakes(list[Mistake]):
    """The mistakes of one config, collected as they are found."""

    def add(self, mark: Mark, message: str) -> None:
        self.append(Mistake(mark, message))

    def check(self) -> None:
        """Raise ConfigError if there are any: by line and column, those without a line last, as they were found."""
        if self:
            raise ConfigError(sorted(self, key=lambda mistake: (mistake.mark.line or 10**9, mistake.mark.column)))


class ConfigError(UserError):
    """All mistakes of one or more configs."""

    SHOWN = 30

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = tuple(dict.fromkeys(mistakes))
        shown = [str(mistake) for mistake in self.mistakes[: self.SHOWN]]
        if (more := len(self.mistakes) - self.SHOWN) > 0:
            shown.append(f"... and {more} more")
        super().__init__("\n".join(shown))


def _snippet(text: str, line: int, column: int, width: int) -> str:
    """The line with a caret under the place, cut where it is long."""
    text = "".join(character if character.isprintable() else " " for character in text)
    start = max(0, column - 1 - 60) if len(text) > 120 else 0
    shown = ("…" if start else "") + text[start : start + 120] + ("…" if len(text) > start + 120 else "")
    place = column - 1 - start + (1 if start else 0)
    carets = "^" * max(1, min(width, len(shown) - place))
    return f"{line:6} | {shown.rstrip()}\n{'':6} | {' ' * place}{carets}"
