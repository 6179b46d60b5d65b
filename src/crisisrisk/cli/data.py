"""`data check`, `data load`, `data status`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crisisrisk.cli.opening import open_site
from crisisrisk.cli.printing import json_option, local, print_json, print_table, site_option
from crisisrisk.cli.work import print_jobs

if TYPE_CHECKING:
    from crisisrisk.commands.data import LoadResult, OptOutStatus

CHECK_FAILED = 1


@click.group(epilog="Example:  crisisrisk data load police_999.csv --mapping mappings/police_999.toml")
def data() -> None:
    """Check and load files, and say what is there."""


@data.command(epilog="Example:  crisisrisk data check police_999.csv --mapping mappings/police_999.toml")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--mapping", required=True, metavar="M", type=click.Path(path_type=Path), help="The mapping file.")
@site_option
@json_option
def check(file: Path, mapping: Path, site_folder: str | None, as_json: bool) -> int:
    """Say what a load of FILE would do, and write nothing. Exit code 1 when rows would be refused."""
    from crisisrisk.commands.data import check_file

    result = check_file(open_site(site_folder), file, mapping)
    if as_json:
        print_json(result.as_json())
    else:
        click.echo(f"{file.name}: {result.rows_read:,} rows read · {result.rows_quarantined:,} would be refused")
        print_rules(result.broken_rules)
        for source, rows in result.days_alone.items():
            click.echo(f"{source}: {rows:,} rows have a day alone, and are told without a time of day")
    return CHECK_FAILED if result.rows_quarantined else 0


@data.command(epilog="Example:  crisisrisk data load police_*.csv --mapping mappings/police_999.toml")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--mapping", required=True, metavar="M", type=click.Path(path_type=Path), help="The mapping file.")
@site_option
@json_option
def load(files: tuple[Path, ...], mapping: Path, site_folder: str | None, as_json: bool) -> None:
    """Check FILEs and load them, all of them or nothing. The same file twice changes nothing."""
    from crisisrisk.commands.data import load_files

    site = open_site(site_folder)
    result = load_files(site, files, mapping)
    if as_json:
        print_json(result.as_json())
        return
    _print_loads([result], site.quarantine)


@data.command("load-folder", epilog="Example:  crisisrisk data load-folder invented --site invented")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@site_option
@json_option
def load_folder(folder: Path, site_folder: str | None, as_json: bool) -> None:
    """Load every file that DIR/load_order.toml names, in its order. What was loaded before is left as it is."""
    from crisisrisk.commands.data import load_folder

    site = open_site(site_folder)
    results = load_folder(site, folder)
    if as_json:
        print_json({"loads": [result.as_json() for result in results]})
        return
    _print_loads(results, site.quarantine)


def _print_loads(results: "Sequence[LoadResult]", quarantine: Path) -> None:
    for result in results:
        if result.already_loaded:
            click.echo(f"{result.table}: these files were loaded before; nothing changed")
            continue
        click.echo(
            f"{result.table}: {result.rows_loaded:,} of {result.rows_read:,} rows loaded · "
            f"{result.rows_duplicate:,} seen before · {result.rows_quarantined:,} in quarantine · "
            f"{result.seconds:.1f} s"
        )
    if any(result.rows_quarantined for result in results):
        click.echo(f"why: {quarantine}")


def print_rules(problems: dict[str, int]) -> None:
    """How often each rule was broken."""
    if problems:
        print_table(["rule", "rows"], list(problems.items()))


@data.command(epilog="Example:  crisisrisk data status --json")
@site_option
@json_option
def status(site_folder: str | None, as_json: bool) -> None:
    """What is loaded, up to when each source is complete, what is late and what was refused."""
    from crisisrisk.commands.data import data_status

    site = open_site(site_folder)
    result = data_status(site)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(f"{site.name} · as of {local(result.as_of, site.time_zone)} · data {result.digest[:12]}\n")
    headings = ["source", "rows", "first", "last", "known to", "complete to", "late"]
    rows = [
        (
            one.source,
            one.rows,
            *(local(when, site.time_zone) for when in (one.first_occurred, one.last_occurred)),
            *(local(when, site.time_zone) for when in (one.last_known, one.complete_to)),
            "late" if one.late else "",
        )
        for one in result.sources
    ]
    print_table(headings, rows)
    click.echo()
    print_table(["table", "rows"], list(result.tables.items()))
    for file in result.refused_files:
        click.echo("\nfile refused: " + " · ".join(f"{name} {text}" for name, text in file.items()))
    if result.national_opt_out is not None:
        click.echo(f"\n{_said_of(result.national_opt_out)}")
    if result.jobs:
        click.echo()
        print_jobs(result.as_json()["jobs"], site.time_zone)
    if result.quarantined:
        click.echo(f"\nIn quarantine ({site.quarantine}):")
        print_rules(result.quarantined)
    click.echo("\nLinked to a person (too few to say where empty):")
    shares = [(one.by, one.group, one.total, one.linked, one.share) for one in result.linked]
    print_table(["by", "group", "of", "linked", "share"], shares)


def _said_of(checked: "OptOutStatus") -> str:
    if checked.checked_on is None:
        return "national opt-out: no list is in use · planning is refused · crisisrisk optouts apply"
    held = "" if checked.usable else " · planning is refused"
    age = f"{checked.age_days} of {checked.maximum_age_days} days ago"
    return f"national opt-out: {checked.people:,} people without one · checked {checked.checked_on}, {age}{held}"
