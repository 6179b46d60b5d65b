"""Nights of the past played again with teams where each way to plan would have put them: what a plan is worth."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from crisisrisk.commands.card import write_report
from crisisrisk.commands.replay_again import DRAWS, played_again
from crisisrisk.commands.replay_nights import Asked, PastNights
from crisisrisk.commands.replay_report import Compared, ReplayReport, compared
from crisisrisk.concurrency import cores, in_order
from crisisrisk.errors import DataError, ModelError, UsageError
from crisisrisk.evaluation.oracle import as_counted
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.champions import champion
from crisisrisk.positioning.foresight_kernel import best_known_places
from crisisrisk.positioning.past_plans import FIXED, FORESIGHT, RESIDENTS, by_map, plans_of
from crisisrisk.positioning.plan import Wish
from crisisrisk.positioning.question import Counts, Numbers
from crisisrisk.positioning.replay import Played, Posts, played
from crisisrisk.positioning.service_times import service_records
from crisisrisk.positioning.standby import require_teams
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store
from crisisrisk.timeline import instant
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.keeping import Recipes
from crisisrisk.training.oracle import true_intensity
from crisisrisk.training.past_forecasts import Days, PastForecasts, by_bundle, by_refits, trained_before
from crisisrisk.training.progress import Arrays, Progress, kept_progress, progress_key

NIGHTS_A_STAGE = 28
LEARNED_DAYS = 84
TRUTH = "place_shifts.parquet"
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be replayed. `first`, `last`: local days. `teams` 0: as many as the site's shifts say.

    `refit_weeks`: how long a model answers before the next is fitted; None: as the recipe has it. `truth`: the folder
    of what only an invented city knows; None where there is none. `draws`: how often its nights are drawn again.
    """

    first: str
    last: str
    teams: int | None = None
    shift: str | None = None
    bases: tuple[str, ...] = ()
    travel: Path | None = None
    refit_weeks: int | None = None
    truth: Path | None = None
    draws: int = DRAWS
    wish: Wish = field(default_factory=Wish)


def replay(site: Site, request: Request, *, tell: Tell) -> ReplayReport:
    """Forecast, plan and play every shift of some days. Stopped half-way, the same call goes on where it stopped.

    Raises UsageError for days, shifts and teams that are none, DataError where the data cannot answer.
    """
    began = time.monotonic()
    days, teams = _days(request), _teams(site, request)
    _require_shift(site, request.shift)
    recipes, snapshot = read_recipes(site, "place", None), Store(site).snapshot()
    key = _key(site, recipes, snapshot, request)
    with kept_progress(site, "replay", key) as progress:
        held = snapshot.held_at(progress.moment(snapshot.as_of_now()))
        past = _forecasts(site, recipes, held, days, request, tell, progress)
        nights = PastNights(
            site=site, snapshot=held, past=past, records=service_records(held),
            asked=Asked(teams=teams, bases=request.bases, travel=request.travel), true=_true(past, request.truth),
        )  # fmt: skip
        plans = _planned(nights, request.wish, tell, progress)
        told = compared(nights, played_nights(nights, plans, request.wish))
        again = played_again(nights, plans, request.draws)
    report = ReplayReport(
        name=site.name, days=days, teams=teams, wish=request.wish, by=past.by, issue_hours=past.issue_hours,
        left_out=past.left_out, told=told,
        again=None if again is None else again.as_json(), seconds=time.monotonic() - began,
    )  # fmt: skip
    text = json.dumps(report.released(), indent=1, ensure_ascii=False) + "\n"
    written = write_report(site, key, {"task": "replay"}, {"replay.json": text})
    return replace(report, files=tuple(str(path) for path in written))


# What is asked


def _days(request: Request) -> Days:
    first, last = (_day(text, option) for text, option in ((request.first, "--from"), (request.last, "--to")))
    if last < first:
        raise UsageError(
            "CR-USE-001", "the last day is before the first", where="--from and --to", found=f"{first} to {last}",
            wanted="the earlier day first",
        )  # fmt: skip
    return Days(first=first, last=last, shift=request.shift)


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("CR-USE-001", "not a date", where=option, found=repr(text), wanted="2026-11-22") from None


def _teams(site: Site, request: Request) -> dict[str, int]:
    """By the name of each shift."""
    if request.teams is not None:
        require_teams(request.teams)
        return {one.name: request.teams for one in site.shifts}
    asked = [one for one in site.shifts if request.shift in (None, one.name)]
    if silent := [one.name for one in asked if not one.teams]:
        raise UsageError(
            "CR-USE-001", "nobody says how many teams are on duty", where=f'[[shift]] "{silent[0]}" in crisisrisk.toml',
            wanted="--teams N, or teams in every shift that is replayed",
        )  # fmt: skip
    return {one.name: one.teams for one in site.shifts}


def _require_shift(site: Site, name: str | None) -> None:
    known = [one.name for one in site.shifts]
    if name is not None and name not in known:
        raise UsageError("CR-USE-001", f'there is no shift "{name}"', where="--shift", wanted=", ".join(known))


def _key(site: Site, recipes: Recipes, snapshot: Snapshot, request: Request) -> str:
    """The same for the same request, recipes, data and site."""
    named = (request.travel or site.positions.travel, site.positions.barriers)
    parts = [
        progress_key(site, recipes.fingerprint, snapshot.digest),
        repr(request),
        *(hashlib.sha256(file.read_bytes()).hexdigest() for file in named if file is not None and file.is_file()),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


# Forecasts


def _forecasts(
    site: Site, recipes: Recipes, snapshot: Snapshot, days: Days, request: Request, tell: Tell, progress: Progress
) -> PastForecasts:
    """By the model that answers where it saw nothing of the nights, else by models fitted again."""
    _require_data(site, recipes, snapshot, days)
    bundle = _answering(site)
    if bundle is not None and request.refit_weeks is None and trained_before(bundle, days, site):
        tell("forecasting with the model that answers: it was trained before the first of these nights …")
        return by_bundle(bundle, snapshot, site, days)
    if bundle is not None and request.refit_weeks is None:
        tell("the model that answers may have seen these nights: fitting models that have not …")
    return by_refits(recipes, snapshot, site, days, weeks=request.refit_weeks, tell=tell, progress=progress)


def _require_data(site: Site, recipes: Recipes, snapshot: Snapshot, days: Days) -> None:
    """Raise DataError for days that all lie before there is enough to forecast from, or after the data."""
    began = [counts.first_occurred for counts in snapshot.sources().values() if counts.rows]
    if not began:
        raise DataError("CR-DATA-005", "there is not one event to replay", hint="load files first")
    warm = timedelta(days=recipes.training.grid.warm_up_days)
    first, last = (
        moment.astimezone(site.time_zone).date() for moment in (instant(min(began)) + warm, snapshot.as_of_now())
    )
    if days.last < first or days.first > last:
        raise DataError(
            "CR-DATA-005", "there is not one shift to replay", where="--from and --to",
            found=f"{days.first} to {days.last}", wanted=f"days from {first} to {last}, the first weeks to fit on",
        )  # fmt: skip


def _answering(site: Site) -> Bundle | None:
    try:
        return champion(site.models, "place")
    except ModelError:
        return None


def _true(past: PastForecasts, truth: Path | None) -> Numbers | None:
    """The true intensities of an invented city as counts are counted, which the shifts before teach."""
    if truth is None:
        return None
    if not (truth / TRUTH).is_file():
        raise UsageError("CR-USE-001", "the folder holds no truth of places", where=str(truth), wanted=TRUTH)
    data, first = past.data, past.data.shifts[past.shifts[0]].start
    begins, ends = first - timedelta(days=LEARNED_DAYS), first - timedelta(hours=past.issue_hours)
    over = [one for one, shift in enumerate(data.shifts) if begins <= shift.start and shift.end <= ends]
    before = np.array(over, dtype=np.int64)
    known = true_intensity(truth, data, np.concatenate([before, past.shifts]))
    return as_counted(known[len(before) :], known[: len(before)], data.counts[before].astype(np.int64))


# Plans


def _planned(nights: PastNights, wish: Wish, tell: Tell, progress: Progress) -> list[Mapping[str, Counts]]:
    """For each night the site of each team, by the name of the plan."""
    found: list[Mapping[str, Counts]] = []
    for first in range(0, len(nights), NIGHTS_A_STAGE):
        some = range(first, min(first + NIGHTS_A_STAGE, len(nights)))
        kept = progress.arrays(f"plans-{first}", partial(_plans_of, nights, some, wish))
        found += _by_night(kept, some)
        tell(f"planned {some[-1] + 1:,} of {len(nights):,} shifts")
    return found


def _plans_of(nights: PastNights, some: Sequence[int], wish: Wish) -> Arrays:
    """Nights at once, as many as there are cores: HiGHS and the draws run outside the interpreter's lock."""
    nights.prepare(some)
    residents = _by_residents(nights, some, wish)
    made = in_order([partial(_plans_of_night, nights, one, wish, residents) for one in some], workers=cores())
    return {f"{number}.{name}": at for number, plans in zip(some, made, strict=True) for name, at in plans.items()}


def _by_residents(nights: PastNights, some: Sequence[int], wish: Wish) -> dict[int, dict[str, Counts]]:
    """By the sites of a shift the plan for residents, made once: where they live hardly changes in a month."""
    found: dict[int, dict[str, Counts]] = {}
    for number in some:
        sites = nights.place(number).sites
        if id(sites) not in found:
            night = nights.to_plan(number)
            maps = {name: one for name, one in night.maps.items() if name == RESIDENTS}
            found[id(sites)] = {name: by_map(night, one, wish) for name, one in maps.items()}
    return found


def _plans_of_night(
    nights: PastNights, number: int, wish: Wish, residents: Mapping[int, Mapping[str, Counts]]
) -> dict[str, Counts]:
    return plans_of(nights.to_plan(number), wish, known=residents[id(nights.place(number).sites)])


def _by_night(kept: Arrays, some: Sequence[int]) -> list[Mapping[str, Counts]]:
    by_night: dict[int, dict[str, Counts]] = {number: {} for number in some}
    for label, at in kept.items():
        number, _, name = label.partition(".")
        by_night[int(number)][name] = np.asarray(at, dtype=np.int64)
    return [by_night[number] for number in some]


def played_nights(nights: PastNights, plans: Sequence[Mapping[str, Counts]], wish: Wish) -> dict[str, Compared]:
    """Every night under every plan that was made for all of them, and under perfect foresight."""
    every = range(len(nights))
    contacts, ways = [nights.night(one) for one in every], [nights.ways(one) for one in every]
    names = [name for name in plans[0] if all(name in one for one in plans)]
    at: dict[str, list[Counts]] = {name: [one[name] for one in plans] for name in names}
    at[FORESIGHT] = [
        best_known_places(
            night.minute, night.cell, night.service, np.stack([at[name][one] for name in names]),
            nights.place(one).sites.room, wish.target, way.site_to_cell, way.cell_to_cell, way.site_to_site,
        )
        for one, night, way in zip(every, contacts, ways, strict=True)
    ]  # fmt: skip
    found = {}
    for name, stood in at.items():
        posts = [Posts(homes=one[None], begins=np.zeros(1)) for one in stood]
        moved = sum(int((one != usual).sum()) for one, usual in zip(stood, at[FIXED], strict=True))
        result: Played = played(contacts, posts, ways)
        found[name] = Compared(played=result, moves_a_night=moved / len(nights))
    return found
