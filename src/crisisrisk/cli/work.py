"""`work`: the worker of a site."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from crisisrisk.cli.opening import open_site
from crisisrisk.cli.printing import json_option, local, print_json, print_table, site_option, tell
from crisisrisk.errors import UsageError

CHECK_FAILED = 1


@click.command(epilog="Example:  crisisrisk work --once  ·  crisisrisk work --list")
@click.option("--once", is_flag=True, help="Do what is due now, and end. Exit code 1 when a job failed.")
@click.option("--list", "listed", is_flag=True, help="Say what is done when, and how it stands; do nothing.")
@site_option
@json_option
def work(once: bool, listed: bool, site_folder: str | None, as_json: bool) -> int | None:
    """Do what is due, one job at a time, whenever it is: load new files from the inbox, forecast the coming shifts,
    score people, end what is kept no longer, back up the database. Stops when told to (SIGTERM)."""
    from crisisrisk.commands.work import listed_jobs, work_once
    from crisisrisk.commands.work import work as work_on

    if once and listed:
        raise UsageError("CR-USE-001", "--once and --list ask for different things")
    site = open_site(site_folder)
    if listed:
        jobs = [one.as_json() for one in listed_jobs(site)]
        if as_json:
            print_json({"jobs": jobs})
        else:
            print_jobs(jobs, site.time_zone)
        return None
    if not once:
        if as_json:
            raise UsageError("CR-USE-001", "--json tells of an end", hint="say --once or --list")
        work_on(site, tell=tell)
        return None
    done = work_once(site, tell=tell)
    if as_json:
        print_json(done.as_json())
    elif not done.jobs:
        click.echo("Nothing is due.")
    return CHECK_FAILED if done.failed else 0


def print_jobs(jobs: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> None:
    """A table of the worker's jobs, on the site's own clock."""
    rows = [
        [one["name"], one["state"], _local(one["succeeded_at"], zone), _local(one["next_due_at"], zone),
         one["code"] or "", " ".join(f"{name}={count}" for name, count in one["result"].items())]
        for one in jobs
    ]  # fmt: skip
    print_table(["job", "state", "done", "next", "failed with", "made"], rows)


def _local(text: str | None, zone: ZoneInfo) -> str | None:
    return None if text is None else local(datetime.fromisoformat(text), zone)
