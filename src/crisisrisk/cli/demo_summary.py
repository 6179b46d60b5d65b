"""The end of `crisisrisk demo`: what was loaded, who, where, and what to do next."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.cli.printing import local
from crisisrisk.commands.demo import DemoResult
from crisisrisk.commands.explain import movement_in_words
from crisisrisk.commands.model import Promoted
from crisisrisk.commands.score import chance_in_words
from crisisrisk.scoring.directions import in_brief
from crisisrisk.scoring.pseudonyms import shown
from crisisrisk.training.results import TrainedRun

TOP = 10
SHOWN_REASONS = 2


def summary(result: DemoResult) -> str:
    """The lines that a newcomer reads."""
    parts = [_loaded(result), _who(result), _where(result), _standing(result), _next(result)]
    return "\n\n".join("\n".join(lines) for lines in parts)


def _loaded(result: DemoResult) -> Iterator[str]:
    site, status = result.site, result.status
    files = sum(load.files for load in result.loads)
    agencies = len({site.sources[source.source].agency for source in status.sources})
    refused = sum(load.rows_quarantined for load in result.loads)
    yield (
        f"Loaded    {files} files from {agencies} agencies · {status.tables['events']:,} contacts · "
        f"{result.people:,} people · "
        + (f"{refused} rows in quarantine (why: {site.quarantine})" if refused else "loaded before, nothing changed")
    )
    silent = [
        f"{source.source} (silent since {source.last_known.astimezone(site.time_zone):%a %d %b %H:%M})"
        for source in status.sources
        if source.late
    ]
    late = f" · late: {', '.join(silent)}" if silent else ""
    yield f"Complete  to {local(status.as_of, site.time_zone)}{late}"


def _who(result: DemoResult) -> Iterator[str]:
    run, scores = result.person, result.scores.scores
    yield f"Who       {run.model}  v{scores.meta.model_version}  run {run.run_id[:8]}   {run.judged_on}"
    yield f"            {_precision(run)}"
    slope = f"calibration slope {run.metrics['calibration_slope']:.2f}"
    yield "            " + "  ".join([*(_with_interval(run, name) for name in ("auprc", "auroc")), slope])
    yield f"            {_gate(result.promoted)}"
    for rank, row in enumerate(scores.top(TOP), 1):
        reasons = _reasons(row)
        yield f"{rank:>4}  {shown(row['person_id'])}  {chance_in_words(row)}   {reasons}"
    for caveat in result.scores.caveats:
        yield f"      ({caveat})"
    first = result.history[0].scores.meta.as_of
    yield (
        f"      history  {len(result.history) + 1} weekly scorings since {local(first, result.site.time_zone)}, "
        "made afterwards: what screens draw, no proof of how good it is"
    )
    if result.changed is not None:
        person, moved = result.changed
        since = local(moved.since, result.site.time_zone)
        yield f"      since {since}  {shown(person)}  {movement_in_words(moved)}"


def _gate(promoted: Promoted) -> str:
    """How the promotion gate went, in one line."""
    failed = [check for check in promoted.checks if check.partition(": ")[2].startswith("FAILED")]
    if not failed:
        return f"promotion gate: {len(promoted.checks)} checks, all passed"
    passed = len(promoted.checks) - len(failed)
    return (
        f"promotion gate: {passed} of {len(promoted.checks)} checks passed; "
        f"accepted for the demo, and kept with the model: {', '.join(promoted.accepted)}"
    )


def _with_interval(run: TrainedRun, name: str) -> str:
    interval = run.report["intervals"][name]
    return f"{name.upper()} {run.metrics[name]:.3f} ({interval['lower']:.3f}–{interval['upper']:.3f})"


def _precision(run: TrainedRun) -> str:
    """Of the people listed, how many had the outcome: the model beside the simple rules."""
    parts = [f"model {_hundredths(run.metrics)}"]
    parts += [f"{name.replace('_', ' ')} {_hundredths(values)}" for name, values in run.baselines.items()]
    parts.append(f"chance {100 * run.report['prevalence']:.0f}")
    return f"of 100 listed ({run.report['list_length']} a team a week) had a crisis contact: " + " · ".join(parts)


def _hundredths(metrics: Mapping[str, Any]) -> str:
    return f"{100 * metrics['precision_at_k']:.0f}"


def _where(result: DemoResult) -> Iterator[str]:
    zone = result.site.time_zone
    frame = result.forecast.forecast.frame
    rows = frame[frame["shift_id"] == frame["shift_id"].iloc[0]].to_dict("records")
    expected, usual = (sum(row[name] for row in rows) for name in ("expected", "usual"))
    yield f"Where     {_shift(rows[0], zone)}   about {expected:.0f} crisis contacts, usual {usual:.0f}"
    yield f"            {_deviance(result.place)}"
    for row in rows[:TOP]:
        reasons = _reasons(row)
        line = f"{row['rank']:>4}  {row['place_name']:<22} {row['expected']:.2f}  usual {row['usual']:.2f}   {reasons}"
        yield line.rstrip()
    first = result.forecasts[0].forecast.meta.as_of
    yield (
        f"      history  {len(result.forecasts)} forecasts as of {local(first, zone)} and later, "
        "made afterwards: shifts that are over, and what changed"
    )


def _standing(result: DemoResult) -> Iterator[str]:
    made = result.positions
    plan = made.plans[0]
    yield f"Stand     {plan.reason}"
    posts = (f"{crew.name} at {made.names.label(site)}" for crew, site in zip(made.crews, plan.at, strict=True))
    more = "" if plan.one_more_team is None else f" · one more team would reach {plan.one_more_team:.1f} more"
    yield f"            {' · '.join(posts)}{more}"


def _reasons(row: Mapping[str, Any]) -> str:
    """The two strongest reasons, as lists tell them."""
    told = in_brief([(reason["direction"], reason["text"]) for reason in row["reasons"]], most=SHOWN_REASONS)
    return " · ".join(told) or "as its history says"


def program(name: str) -> str:
    """How to start a program of this environment from a shell: by its name where that finds it, else by its path."""
    beside = Path(sys.executable).with_name(name)
    found = shutil.which(name)
    return name if found is not None and Path(found) == beside else str(beside)


def _shift(row: Mapping[str, Any], zone: ZoneInfo) -> str:
    start, end = (row[name].astimezone(zone) for name in ("start", "end"))
    return f"{row['shift_name']}, {start:%a %d %b %H:%M} – {end:%a %H:%M}"


def _deviance(run: TrainedRun) -> str:
    best = run.best_baseline
    return (
        f"{run.model}  run {run.run_id[:8]}   deviance {run.metrics['deviance']:.4f} · "
        f"best simple forecast ({best.replace('_', ' ')}) {run.baselines[best]['deviance']:.4f}"
    )


def _next(result: DemoResult) -> Iterator[str]:
    folder = result.site.path
    yield f"Next      {program('crisisrisk')} serve --site {folder}      the service and its shift board, http://127.0.0.1:8000"
    yield f"          {program('crisisrisk')} keys create --site {folder} --role crisis_team      a key to ask it with"
    for sheet in (result.card, result.place_card):
        yield f"          open report      {sheet.files[0]}"
    yield f"          {program('mlflow')} ui --backend-store-uri {result.site.mlflow_tracking_uri}      the runs"
    yield f"Took      {result.seconds:.0f} s. Nobody in this city exists."
