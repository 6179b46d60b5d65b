"""How results look in a terminal: short tables, one JSON object with --json, errors on stderr."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

from crisisrisk.errors import CrisisRiskError

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """`--json`: one JSON object on stdout and nothing else."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, nothing else.")(command)


def site_option(command: Command) -> Command:
    """`--site`: which site folder."""
    text = "The site folder. Default: CRISISRISK_SITE, else the current folder."
    return click.option("--site", "site_folder", metavar="DIR", help=text)(command)


def print_json(content: Mapping[str, Any]) -> None:
    """One object, keys in the order given."""
    click.echo(json.dumps(content, ensure_ascii=False, default=str))


def print_error(error: CrisisRiskError) -> None:
    """The error on stderr, its first line in bold where a person is looking."""
    first, _, rest = error.rendered().partition("\n")
    if colour_wanted():
        first = click.style(first, bold=True)
    click.echo(f"{first}\n{rest}", err=True)


def print_unforeseen(problem: Exception) -> None:
    """A defect: its kind and the last line of ours it went through, never its message."""
    ours = [frame for frame in traceback.extract_tb(problem.__traceback__) if "crisisrisk" in frame.filename]
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "unknown"
    click.echo(f"error: this should not happen ({type(problem).__name__} at {where})", err=True)
    click.echo("  hint    it is a defect of crisisrisk · CRISISRISK_TRACEBACK=1 shows where it went through", err=True)


def colour_wanted() -> bool:
    """Whether stderr is a terminal and NO_COLOR is not set."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def local(moment: datetime, zone: ZoneInfo) -> str:
    """A moment on the site's own clock."""
    return f"{moment.astimezone(zone):%a %d %b %Y %H:%M}"


def tell(line: str) -> None:
    """A line about progress: on stderr, so that stdout stays the answer."""
    click.echo(line, err=True)


class ProgressBar:
    """How far a command is: a bar below its lines where somebody is looking, else a line whenever a part is over."""

    def __init__(self, parts: str, opened: ExitStack) -> None:
        self._parts, self._opened = parts, opened
        self._bar: Any = None

    def tell(self, line: str) -> None:
        """A line above the bar."""
        click.echo(line if self._bar is None else f"\r\033[K{line}", err=True)
        if self._bar is not None:
            self._bar.render_progress()

    def ended(self, over: int, of: int) -> None:
        """So many of the parts are over."""
        if not sys.stderr.isatty():
            tell(f"{over} of {of} {self._parts} are over")
            return
        if self._bar is None or self._bar.length != of or over < self._bar.pos:
            bar = click.progressbar(length=of, file=sys.stderr, label=self._parts, show_pos=True)
            self._bar = self._opened.enter_context(bar)
        self._bar.update(over - self._bar.pos)


@contextmanager
def progress_bar(parts: str) -> Iterator[ProgressBar]:
    """A bar of so many parts, as soon as one is over. `parts`: what they are called."""
    with ExitStack() as opened:
        yield ProgressBar(parts, opened)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """An aligned table: numbers to the right, text to the left."""
    click.echo(table_text(headings, rows))


def table_text(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The lines of an aligned table."""
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max(len(heading), *(len(row[i]) for row in cells), 0) for i, heading in enumerate(headings)]
    right = [all(_numeric(row[i]) for row in rows) and bool(rows) for i in range(len(headings))]

    def line(texts: Sequence[str]) -> str:
        parts = (text.rjust(width) if to_right else text.ljust(width)
                 for text, width, to_right in zip(texts, widths, right, strict=True))  # fmt: skip
        return "  ".join(parts).rstrip()

    return "\n".join([line(headings), *(line(row) for row in cells)])


def _numeric(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
