"""`meds load`, and `export` in the formats of others."""

import os
from pathlib import Path

import click

from crisisrisk.cli.opening import moment, open_site
from crisisrisk.cli.printing import json_option, print_json, site_option


@click.group(epilog="Example:  crisisrisk meds load MIMIC-IV-MEDS")
def meds() -> None:
    """Data in the MEDS format."""


@meds.command(epilog="Example:  crisisrisk meds load MIMIC-IV-MEDS --mapping mappings/meds.toml")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--mapping", metavar="M", type=click.Path(path_type=Path), help="Default: mappings/meds.toml of the site."
)
@site_option
@json_option
def load(folder: Path, mapping: Path | None, site_folder: str | None, as_json: bool) -> None:
    """Load a MEDS data set: dated rows as contacts, births and deaths as people. The same data twice change nothing."""
    from crisisrisk.commands.meds import load_meds

    site = open_site(site_folder)
    results = load_meds(site, folder, mapping=mapping)
    if as_json:
        print_json({"loads": [result.as_json() for result in results]})
        return
    for result in results:
        click.echo(
            f"{result.table}: {result.rows_loaded:,} of {result.rows_read:,} rows loaded · "
            f"{result.rows_duplicate:,} seen before · {result.rows_quarantined:,} in quarantine"
            + (" · loaded before, nothing changed" if result.already_loaded else "")
        )


@click.group(epilog="Example:  crisisrisk export meds meds-out")
def export() -> None:
    """Write what is loaded in a format of others."""


@export.command("meds", epilog="Example:  crisisrisk export meds meds-out --clock known")
@click.argument("out", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--clock", type=click.Choice(["known", "occurred"]), default="known", show_default=True,
    help="What `time` is: when a thing was known, or when it occurred.",
)  # fmt: skip
@site_option
@json_option
def export_meds(out: Path, clock: str, site_folder: str | None, as_json: bool) -> None:
    """Write people and their contacts as a MEDS data set into DIR. People who object are left out."""
    from crisisrisk.commands import meds

    result = meds.export_meds(open_site(site_folder), out, clock=clock)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(
        f"{result.rows:,} rows of {result.subjects:,} people in {result.files} files, {result.codes:,} codes → {out}"
        f" · {result.objected:,} who object left out · time is when a thing {_said(clock)}"
    )


def _export_places(form: str, example: str) -> None:
    """Add a command that writes the places of a shift in a form."""

    @export.command(form, epilog=f"Example:  crisisrisk export {form} {example}")
    @click.argument("out", metavar="FILE", type=click.Path(path_type=Path))
    @click.option("--shift", metavar="START", help="When the shift starts. Default: the one that runs, or the next.")
    @site_option
    @json_option
    def places(out: Path, shift: str | None, site_folder: str | None, as_json: bool) -> None:
        from crisisrisk.commands.export_places import export_places

        site = open_site(site_folder)
        start = None if shift is None else moment(shift, site.time_zone)
        result = export_places(site, form=form, start=start, out=out, environ=os.environ)
        if as_json:
            print_json(result.as_json())
            return
        click.echo(
            f"{result.places:,} places of {result.shift_id} → {out} · valid until {result.valid_until:%-d %b %H:%M} UTC"
        )

    places.help = (
        "Write the places of a shift into FILE, as they may be released: no count from 1 to 7, with the caveats and "
        "until when it is valid in the file. It is made from the forecast that was kept: run forecast before."
    )


for _form, _example in (("csv", "places.csv"), ("geojson", "places.geojson"), ("parquet", "places.parquet")):
    _export_places(_form, _example)


def _said(clock: str) -> str:
    return "was known" if clock == "known" else "occurred"
