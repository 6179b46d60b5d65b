"""How results look in a terminal: short tables, one JSON object with --json, errors on stderr."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
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
