"""`features audit`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crisisrisk.cli.opening import moment, open_site
from crisisrisk.cli.printing import json_option, print_json, print_table, site_option, tell

if TYPE_CHECKING:
    from crisisrisk.commands.features_audit import FeatureAudit

AUDIT_FAILED = 1
MOST_NAMED = 8


@click.command(epilog="Example:  crisisrisk features audit --trials 200")
@click.option("--as-of", "as_of", metavar="T", help="This moment in every trial. Default: random ones.")
@click.option(
    "--trials", metavar="N", type=int, default=100, show_default=True, help="How often to rewrite the future."
)
@click.option("--seed", metavar="S", type=int, default=1, show_default=True, help="Other trials.")
@click.option("--recipe", metavar="FILE", type=click.Path(path_type=Path), help="Another training recipe of people.")
@site_option
@json_option
def audit(
    as_of: str | None, trials: int, seed: int, recipe: Path | None, site_folder: str | None, as_json: bool
) -> int:
    """Try on the site's own data whether the future reaches a feature. Exit code 1 when it does, or seems to."""
    from crisisrisk.commands.features_audit import audit_features

    site = open_site(site_folder)
    at = None if as_of is None else moment(as_of, site.time_zone)
    result = audit_features(site, as_of=at, trials=trials, seed=seed, recipe=recipe, tell=tell)
    if as_json:
        print_json(result.as_json())
    else:
        _print(result)
    return 0 if result.passed else AUDIT_FAILED


def _print(result: "FeatureAudit") -> None:
    _print_trials(result)
    _print_giveaways(result)
    findings = [(one.source, finding) for one in result.clocks for finding in one.findings]
    coarse = sum(bool(one.findings) for one in result.clocks)
    click.echo(f"\nWhen things became known: {coarse} of {len(result.clocks)} sources look made up or coarse")
    if findings:
        print_table(["source", "look at"], findings)
    click.echo("\npassed" if result.passed else "\nFAILED: see what is named above")


def _print_trials(result: "FeatureAudit") -> None:
    outcome = "nothing changed" if not result.leaks else f"{len(result.leaks)} things changed that must not"
    click.echo(
        f"{result.trials:,} times everything known or occurring from a moment on was rewritten: {outcome} "
        f"({result.rows:,} rows × {result.features} features, the cohort, caseloads, objections, links)"
    )
    if result.leaks:
        rows = [
            (f"{leak.as_of:%Y-%m-%d %H:%M}", leak.what, leak.cells, ", ".join(leak.columns)) for leak in result.leaks
        ]
        print_table(["as of (UTC)", "what changed", "cells", "columns"], rows[:20])
    click.echo("\nControl: rewriting what was known before the moment must be noticed")
    lines = [(one.table, one.trials, one.noticed, "NOT NOTICED" if one.failed else "") for one in result.controls]
    print_table(["table", "rewritten", "noticed", ""], lines)
    if result.unmoved:
        named = ", ".join(result.unmoved[:MOST_NAMED]) + (" …" if len(result.unmoved) > MOST_NAMED else "")
        click.echo(
            f"{len(result.unmoved)} of {result.features} columns never moved with the past of contacts and people, so "
            f"nothing is shown of them: {named}"
        )


def _print_giveaways(result: "FeatureAudit") -> None:
    from crisisrisk.commands.features_audit import SHOWN, SUSPICIOUS_AUROC, SUSPICIOUS_SHARE

    click.echo(f"\nColumns that alone rank the outcome best (suspicious from {SUSPICIOUS_AUROC:g})")
    if result.not_judged:
        click.echo(f"not judged: {result.not_judged}")
    else:
        print_table(["feature", "AUROC"], [(one.name, one.auroc) for one in result.columns[:SHOWN]])
    click.echo(f"\nValues that the outcome follows most often (suspicious where at least {SUSPICIOUS_SHARE:.0%})")
    lines = [
        (f"{one.source} {one.column} = {one.value}", one.events, one.people, one.share, one.lower, one.others)
        for one in result.values[:SHOWN]
    ]
    print_table(["value", "events", "people", "followed", "at least", "other values"], lines)
    for name in [one.name for one in result.suspicious_columns]:
        click.echo(f"SUSPICIOUS: {name} alone ranks nearly perfectly")
    for one in result.suspicious_values:
        click.echo(f"SUSPICIOUS: {one.source} {one.column} = {one.value} knows what comes: was it written afterwards?")
