"""`describe`: the generated pages, printed, written or compared with what is committed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from crisisrisk.cli.printing import json_option, print_json
from crisisrisk.errors import KINDS, UsageError
from crisisrisk.shipped import repository


@dataclass(frozen=True)
class Page:
    """One generated file, and the function that makes its text."""

    path: str
    render: Callable[[], str]


def _tables() -> str:
    from crisisrisk.tables.dictionary import data_dictionary

    return data_dictionary()


def _features() -> str:
    from crisisrisk.commands.features import shipped_dictionary

    return shipped_dictionary()


def _person_features() -> str:
    from crisisrisk.commands.features import published_comparison

    return published_comparison()


def _aggregations() -> str:
    from crisisrisk.features.dictionary import aggregations_page

    return aggregations_page()


def _recipes() -> str:
    from crisisrisk.training.reference import recipes_page

    return recipes_page()


def _openapi() -> str:
    from crisisrisk.commands.serve import openapi_document

    return openapi_document()


def _errors() -> str:
    """Every error code, its meaning, exit code and HTTP status."""
    exits = {1: "a check failed", 2: "wrong use", 3: "data", 4: "model", 5: "service"}
    lines = [
        "# Errors",
        "",
        "Written by `crisisrisk describe errors` from `src/crisisrisk/errors.py`; do not edit.",
        "",
        "Exit codes: 0 fine · " + " · ".join(f"{code} {name}" for code, name in exits.items()) + ".",
    ]
    for code, kind in sorted(KINDS.items()):
        lines += [
            "",
            f"## {code}",
            "",
            kind.meaning,
            "",
            f"Exit code {kind.exit_code} · HTTP status {kind.http_status}",
        ]
    return "\n".join(lines) + "\n"


def _commands() -> str:
    """Every command's own help."""
    from crisisrisk.cli import crisisrisk

    parts = ["# Commands\n\nWritten by `crisisrisk describe commands` from the commands themselves; do not edit.\n"]
    for path, command, context in _walk(crisisrisk, click.Context(crisisrisk, info_name="crisisrisk")):
        parts.append(f"## {path}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def _walk(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    context.max_content_width = context.terminal_width = 110
    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _walk(below, click.Context(below, info_name=name, parent=context))


PAGES: Mapping[str, Page] = {
    "tables": Page("docs/reference/tables.md", _tables),
    "features": Page("features/DICTIONARY.md", _features),
    "person-features": Page("docs/explanation/person-features.md", _person_features),
    "aggregations": Page("docs/reference/aggregations.md", _aggregations),
    "recipes": Page("docs/reference/recipes.md", _recipes),
    "commands": Page("docs/reference/commands.md", _commands),
    "errors": Page("docs/reference/errors.md", _errors),
    "api": Page("serving/openapi.json", _openapi),
}


def page_text(name: str) -> str:
    """A generated page as it is committed."""
    return PAGES[name].render()


@click.command(epilog="Example:  crisisrisk describe tables")
@click.argument("what", type=click.Choice([*PAGES, "all"]))
@click.option("--write", is_flag=True, help="Write the file in the repository.")
@click.option("--check", is_flag=True, help="Exit with 1 when the committed file is stale.")
@json_option
def describe(what: str, write: bool, check: bool, as_json: bool) -> int:
    """Print a generated page, write it, or check that the committed one is fresh."""
    names = list(PAGES) if what == "all" else [what]
    texts = {name: page_text(name) for name in names}
    if not write and not check:
        print_json(texts) if as_json else click.echo("\n".join(texts.values()), nl=False)
        return 0
    stale = [name for name in names if _committed(name) != texts[name]]
    if write:
        for name in stale:
            _path(name).parent.mkdir(parents=True, exist_ok=True)
            _path(name).write_text(texts[name], encoding="utf-8")
    _report(stale, write=write, as_json=as_json)
    return 1 if stale and not write else 0


def _report(stale: list[str], *, write: bool, as_json: bool) -> None:
    if as_json:
        print_json({"written" if write else "stale": [PAGES[name].path for name in stale]})
        return
    for name in stale:
        click.echo(f"{'written' if write else 'stale'}: {PAGES[name].path}")
    if stale and not write:
        click.echo("write them again with: make docs")


def _path(name: str) -> Path:
    root = repository()
    if root is None:
        raise UsageError(
            "CR-USE-001", "generated pages are written and checked in the repository only",
            hint="without --write and --check the page is printed",
        )  # fmt: skip
    return root / PAGES[name].path


def _committed(name: str) -> str | None:
    path = _path(name)
    return path.read_text(encoding="utf-8") if path.is_file() else None
