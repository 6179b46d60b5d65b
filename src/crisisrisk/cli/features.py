"""`features list`, `features explain`, `features build`; `features audit` is beside this file."""

from pathlib import Path

import click

from crisisrisk.cli.features_audit import audit
from crisisrisk.cli.opening import moment, open_site
from crisisrisk.cli.printing import json_option, print_json, print_table, site_option


@click.group(epilog="Example:  crisisrisk features list")
def features() -> None:
    """List, explain and build features."""


features.add_command(audit)


@features.command("list", epilog="Example:  crisisrisk features list")
@site_option
@json_option
def list_features(site_folder: str | None, as_json: bool) -> None:
    """Every column that the site's recipes make, with its meaning."""
    from crisisrisk.commands.features import feature_list

    rows = feature_list(open_site(site_folder))
    if as_json:
        print_json({"features": [row.as_json() for row in rows]})
        return
    print_table(["subject", "feature", "meaning"], [(row.subject, row.name, row.meaning) for row in rows])


@features.command(epilog="Example:  crisisrisk features explain s136_count_in_28_days")
@click.argument("name", metavar="NAME")
@site_option
@json_option
def explain(name: str, site_folder: str | None, as_json: bool) -> None:
    """What one column means, which events it reads, and what it is where nothing was seen."""
    from crisisrisk.commands.features import explain_feature

    explained = explain_feature(open_site(site_folder), name)
    if as_json:
        print_json(explained.as_json())
        return
    click.echo(explained.as_text())


@features.command(epilog="Example:  crisisrisk features build person --as-of 2026-11-16 --out features.parquet")
@click.argument("subject", type=click.Choice(["person", "place"]))
@click.option("--as-of", "as_of", required=True, metavar="T[,T…]", help="One moment or several, with commas.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE.parquet", help="Where to.")
@site_option
@json_option
def build(subject: str, as_of: str, out: Path, site_folder: str | None, as_json: bool) -> None:
    """Write the feature matrix of a cohort, or of the shifts that start next, as of one moment or several."""
    from crisisrisk.commands.features import build_features

    site = open_site(site_folder)
    moments = [moment(text.strip(), site.time_zone) for text in as_of.split(",")]
    result = build_features(site, subject, moments, out)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(f"{result.rows:,} rows × {result.features:,} features in {result.seconds:.1f} s → {out}")
