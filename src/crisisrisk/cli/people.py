"""`people identities`, `shown`, `rekey`, `erase`, `readmit`; see `people_rotation` and `people_keys` too."""

from pathlib import Path
from typing import Any

import click

from crisisrisk.cli.audit import account
from crisisrisk.cli.opening import open_site
from crisisrisk.cli.people_keys import destroy_keys
from crisisrisk.cli.people_rotation import renamed, rotate
from crisisrisk.cli.printing import json_option, print_json, site_option
from crisisrisk.errors import UsageError

LEFT = 1
MOST_SHOWN = 20
_IDENTIFIER_FILE = click.option(
    "--identifier-file", type=click.Path(dir_okay=False, path_type=Path),
    help="A file whose first line is the identifier. Default: it is asked for, and not shown.",
)  # fmt: skip
_KIND = click.option(
    "--kind", type=click.Choice(["nhs_number", "study_id"]), default="nhs_number", show_default=True,
    help="What the identifier is.",
)  # fmt: skip
_REASON = click.option("--reason", metavar="TEXT", help="Why. It is kept in the audit trail: name nobody.")
_BY = click.option("--by", metavar="NAME", help="Who decided it.")


@click.group(epilog="Example:  crisisrisk people erase k1_7Q4M2XK0D3RT5VWZ --dry-run")
def people() -> None:
    """Say who people are; erase somebody from everything that is kept, and keep them out; call all by another key."""


people.add_command(rotate)
people.add_command(renamed)
people.add_command(destroy_keys)


@people.command(epilog="Example:  crisisrisk people identities people.csv")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_KIND
@site_option
@json_option
def identities(file: Path, kind: str, site_folder: str | None, as_json: bool) -> int:
    """Keep names, birth dates, NHS numbers and telephones of loaded people, encrypted, for those who care for them.

    FILE is a CSV with a column of the identifier and name (or forename and surname), birth_date and phone. Exits with 1
    when a line was left out."""
    from crisisrisk.commands.identities import load_identities

    done = load_identities(open_site(site_folder), file, kind=kind, user=account())
    if as_json:
        print_json(done.as_json())
    else:
        saved = done.saved
        click.echo(f"{saved.new:,} people new, {saved.changed:,} changed, {saved.same:,} as before.")
        for one in done.refused[:MOST_SHOWN]:
            click.echo(f"line {one.line:,} left out: {one.reason}", err=True)
        if len(done.refused) > MOST_SHOWN:
            click.echo(f"… and {len(done.refused) - MOST_SHOWN:,} more; --json names every line", err=True)
        if done.quarantine is not None:
            click.echo(f"Left-out lines, without what they hold: {done.quarantine}", err=True)
    return LEFT if done.refused else 0


@people.command(epilog="Example:  crisisrisk people shown 1042 --out look.json")
@click.argument("number", metavar="LOOK", type=click.IntRange(1))
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@site_option
@json_option
def shown(number: int, out: Path, site_folder: str | None, as_json: bool) -> None:
    """Write the exact answer of a look, with the names that were in it: for the incident that somebody looks into.

    LOOK is its number in the audit trail. Whoever was erased since is named no more."""
    from crisisrisk.commands.identities import shown_again

    if out.exists():
        raise UsageError("CR-USE-001", "there is a file already", where=str(out))
    found = shown_again(open_site(site_folder), number, user=account())
    out.touch(mode=0o600)
    out.write_bytes(found.body)
    said = {"look": number, "media_type": found.media_type, "named": found.named, "erased": found.erased}
    if as_json:
        print_json(said)
    else:
        click.echo(f"{out}: {found.named:,} people were named, {found.erased:,} of them erased since.")


@people.command(epilog="Example:  crisisrisk people rekey")
@site_option
@json_option
def rekey(site_folder: str | None, as_json: bool) -> None:
    """Encrypt who people are with a new key, and end the one before. The same command again takes up what was cut
    off; a service that runs reads the new key by itself."""
    from crisisrisk.commands.identities import rekey_identities

    rows = rekey_identities(open_site(site_folder), user=account())
    print_json({"rows": rows}) if as_json else click.echo(f"{rows:,} rows are encrypted with a new key.")


@people.command(epilog='Example:  crisisrisk people erase --reason "asked by letter, 21 November" --by "A. Nobody"')
@click.argument("person", metavar="[PID]", required=False)
@_IDENTIFIER_FILE
@_KIND
@_REASON
@_BY
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@click.option("--again", is_flag=True, help="Erase again whoever was erased before: after a copy was put back.")
@click.option("--yes", is_flag=True, help="Do not ask whether that is meant.")
@site_option
@json_option
def erase(
    person: str | None, identifier_file: Path | None, kind: str, reason: str | None, by: str | None, dry_run: bool,
    again: bool, yes: bool, site_folder: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Erase a person, named by pseudonym or its beginning; without one their NHS number is asked for. The same command
    again takes up what was cut off. Exits with 1 when files that somebody put there still name the person."""
    from crisisrisk.commands.erase import erase_again, erase_person, whom, would_erase

    site = open_site(site_folder, cut_off=again)  # who came back with a copy goes before a change of the key goes on
    if again:
        made = erase_again(site, reason=reason or "erased before", by=by or account(), user=account())
        result = {"people": len(made), "erased": [one.as_json() for one in made]}
        print_json(result) if as_json else click.echo(f"{len(made):,} people were there again, and are no longer.")
        return LEFT if any(one.left for one in made) else 0
    said = whom(site, typed=person, identifier=_identifier(person, identifier_file, kind), kind=kind)
    if dry_run or not yes:
        found = would_erase(site, said)
        if dry_run and as_json:
            print_json(found.as_json())
        else:
            _tell(found.as_json(), "would go", err=not dry_run)
        if dry_run:
            return 0
    if not reason or not by:
        raise UsageError("CR-USE-001", "somebody is erased for a reason, by somebody", wanted="--reason TEXT --by NAME")
    if not yes:
        click.confirm("Erase this person for good?", abort=True, err=True)
    done = erase_person(site, said, reason=reason, by=by, user=account())
    if as_json:
        print_json(done.as_json())
    else:
        _tell(done.as_json(), "gone")
    return LEFT if done.left else 0


@people.command(
    epilog='Example:  crisisrisk people readmit k1_7Q4M2XK0D3RT5VWZ --reason "in care again" --by "A. Nobody"'
)
@click.argument("person", metavar="[PID]", required=False)
@_IDENTIFIER_FILE
@_KIND
@_REASON
@_BY
@site_option
@json_option
def readmit(
    person: str | None, identifier_file: Path | None, kind: str, reason: str | None, by: str | None,
    site_folder: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Let new rows of somebody who was erased count again. What was erased does not come back."""
    from crisisrisk.commands.erase import Whom, whom
    from crisisrisk.commands.erase import readmit as admitted
    from crisisrisk.tables.pseudonyms import PSEUDONYM

    if not reason or not by:
        raise UsageError(
            "CR-USE-001", "somebody is admitted for a reason, by somebody", wanted="--reason TEXT --by NAME"
        )
    site = open_site(site_folder)
    whole = person is not None and PSEUDONYM.fullmatch(person)
    said = (
        Whom(person_id=str(person)) if whole
        else whom(site, typed=person, identifier=_identifier(person, identifier_file, kind), kind=kind)
    )  # fmt: skip
    was = admitted(site, said, reason=reason, by=by, user=account())
    if as_json:
        print_json({"was_erased": was})
    else:
        click.echo("New rows of this person count again." if was else "This person was not erased.")
    return 0


def _identifier(person: str | None, file: Path | None, kind: str) -> str | None:
    """What was typed unseen, or the first line of a file."""
    if person is not None:
        return None
    if file is None:
        return str(click.prompt(f"The person's {kind.replace('_', ' ')}", hide_input=True, err=True))
    try:
        return file.read_text(encoding="utf-8-sig").split("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        raise UsageError("CR-USE-001", "the file of the identifier cannot be read", where=file.name) from None


def _tell(said: dict[str, Any], verb: str, *, err: bool = False) -> None:
    kinds = {"stored": "rows of stored tables", "database": "rows of the database", "files": "files and folders"}
    for name, kind in kinds.items():
        counts = ", ".join(f"{table} {count:,}" for table, count in said[name].items())
        click.echo(f"{kind}: {counts or 'none'}{f' {verb}' if counts else ''}", err=err)
    for path in said["left"]:
        click.echo(f"still names the person, and is yours to remove: {path}", err=err)
    if said["erased_before"]:
        click.echo("This person was erased before; new rows are refused.", err=err)
