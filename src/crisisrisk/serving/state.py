"""What the service keeps between requests: the database, a view of the loaded tables, the verified bundles."""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import Depends, Request
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from crisisrisk.database.engine import open_engine
from crisisrisk.database.history import numbers_in
from crisisrisk.database.latest import latest_forecast_run, latest_run
from crisisrisk.database.upgrade import newest_revision, revision
from crisisrisk.episodes import EpisodeRule
from crisisrisk.errors import CrisisRiskError, ServiceError
from crisisrisk.positioning.site_names import SiteNames, names_of_sites
from crisisrisk.purposes import Purpose
from crisisrisk.scoring.registers import opted_out_at
from crisisrisk.serving.audit import Auditor
from crisisrisk.serving.bundles import VerifiedModel
from crisisrisk.serving.caseloads import Caseloads
from crisisrisk.serving.clock import WatchedClock
from crisisrisk.serving.contacts import Contact, events_of
from crisisrisk.serving.cool_off import CoolOffs
from crisisrisk.serving.exposures import ShownScores
from crisisrisk.serving.identities import Identities
from crisisrisk.serving.issuer_sign_in import IssuerSignIn
from crisisrisk.serving.logs import log
from crisisrisk.serving.people_budget import PeopleBudget
from crisisrisk.serving.place_counts import PlaceCounts
from crisisrisk.serving.sessions import Sessions
from crisisrisk.serving.settings import Settings
from crisisrisk.serving.tiles import Tiles, open_tiles
from crisisrisk.serving.tokens import Tokens
from crisisrisk.serving.trail import audit_trail
from crisisrisk.serving.unallocated import LATELY, crises_lately, crisis_records
from crisisrisk.serving.usual_board import UsualBoards, UsualPlace
from crisisrisk.serving.warm_up import WarmUp
from crisisrisk.tables.store import Snapshot, Store
from crisisrisk.timeline import Shift, microseconds

READY = "ready"
TEAMS_KEPT = 32
"""Of how many teams the contacts are kept in memory until the next load."""
BUSY_SECONDS = 2
"""What somebody waits for a database that is locked, before it is said that there is no answer now."""
AT_ONCE = 2
"""How many plans are made at once."""
DEGRADED = "degraded: "
"""Before what is wrong with a part that answers all the same."""
WATCH_SECONDS = 1.0
"""How often the service looks whether another model should answer."""


@dataclass(frozen=True)
class SiteView:
    """What the service needs of one state of the loaded tables."""

    digest: str
    caseloads: Caseloads
    complete_to: Mapping[str, datetime]
    end_of_data: datetime
    """Where a site's clock stands that stands at the end of its data."""
    opt_outs: pa.Table
    snapshot: Snapshot
    """The tables themselves, for what is not read at every question."""

    kept_events: dict[tuple[str, ...], pa.Table] = field(default_factory=dict)
    kept_numbers: dict[tuple[str, ...], dict[int, Mapping[str, float | None]]] = field(default_factory=dict)
    kept_crises: dict[tuple[EpisodeRule, date], pa.Table] = field(default_factory=dict)

    def numbers_of(
        self, engine: Engine, people: tuple[str, ...], runs: Collection[int]
    ) -> Mapping[int, Mapping[str, float | None]]:
        """By run and person the numbers of some people. A scoring that is kept stays as it is, so it is read once."""
        kept = self.kept_numbers.get(people, {})
        missing = [run for run in runs if run not in kept]
        found = {run: kept[run] for run in runs if run in kept}
        if missing:
            found |= numbers_in(engine, people, missing)
            if len(self.kept_numbers) >= TEAMS_KEPT:
                self.kept_numbers.clear()
            self.kept_numbers[people] = dict(found)
        return found

    def events_of(self, people: tuple[str, ...]) -> pa.Table:
        """Every version of the contacts of some people, kept for a while: a team asks again and again."""
        found = self.kept_events.get(people)
        if found is None:
            found = events_of(self.snapshot, people)
            if len(self.kept_events) >= TEAMS_KEPT:
                self.kept_events.clear()
            self.kept_events[people] = found
        return found

    def crises_lately(self, rule: EpisodeRule, now: datetime) -> Mapping[str, Sequence[Contact]]:
        """By person the crisis contacts of the last 91 days. Everybody's records are read once a load and day."""
        key = (rule, now.date())
        if key not in self.kept_crises:
            self.kept_crises.clear()
            self.kept_crises[key] = crisis_records(self.snapshot, rule, now - LATELY - timedelta(days=1))
        return crises_lately(self.kept_crises[key], now, days=self.snapshot.days_alone)

    @cached_property
    def site_names(self) -> SiteNames:
        """What the sites of care are called."""
        return names_of_sites(self.snapshot.table("sites_of_care"))

    @cached_property
    def _ever_objected(self) -> frozenset[str]:
        return frozenset(self.opt_outs["person_id"].to_pylist())

    def opted_out(self, people: Iterable[str], now: datetime, purpose: Purpose) -> frozenset[str]:
        """Those of some people whose objection to a purpose holds now, as known now: it need not wait for a scoring."""
        ever = self._ever_objected.intersection(people)
        if not ever:
            return ever
        asked = pa.array(list(ever), pa.string())
        theirs = pc.is_in(self.opt_outs["person_id"].cast(pa.string()), value_set=asked)
        return opted_out_at(self.opt_outs.filter(theirs), microseconds(now), purpose=purpose)


class Service:
    """One running service. Everything here is safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine: Engine = open_engine(settings.site.database_url, busy_seconds=BUSY_SECONDS)
        self.auditor = Auditor(
            audit_trail(settings), PeopleBudget(settings.service.privacy.people_a_day, settings.site.time_zone)
        )
        self.identities = Identities(self.engine, settings.site.path / settings.service.identities.key_file)
        self.sessions = Sessions(self.engine, settings.service.sign_in, settings.site.path)
        self.tokens = _tokens(settings)
        self.issuer = _issuer(settings, self.engine, self.tokens)
        self.tiles_unusable: str | None = None
        """What is wrong with the tiles that the site declares; the map then is without."""
        self.tiles = self._open_tiles()
        self.shown = ShownScores(self.engine, settings.site.time_zone)
        self.person_model = VerifiedModel(settings.site.models, "person", settings.service.person_model)
        self.place_model = VerifiedModel(settings.site.models, "place", settings.service.place_model)
        self.planning = threading.BoundedSemaphore(AT_ONCE)
        self.scoring = threading.BoundedSemaphore(AT_ONCE)
        self.warm_up = WarmUp(settings.site)
        self._store = Store(settings.site)
        self._counts = PlaceCounts(settings.site)
        self._usual = UsualBoards(settings.site, self._counts)
        self.cool_offs = CoolOffs(settings.site, self.engine)
        self._view: SiteView | None = None
        self._lock = threading.Lock()
        self.clock = WatchedClock()
        self.stopping = False
        """Whether the process is about to end: it answers what still comes, and is no longer ready."""
        self._stopped = threading.Event()

    @property
    def models(self) -> tuple[VerifiedModel, ...]:
        """The models that this service answers from."""
        people = not self.settings.service.person_scores.missing
        # A site that only looks at people is ready without a model of places.
        places = self.place_model.expected() or not (people and self.person_model.expected())
        return (*([self.place_model] if places else []), *([self.person_model] if people else []))

    def start(self) -> None:
        """Follow the models folder from now on, beside the requests, and make ready what is worked out."""
        if not self.settings.service.person_scores.missing:
            self.warm_up.start(self.person_model.bundle)
        threading.Thread(target=self._watch, name="models", daemon=True).start()

    def stop(self) -> None:
        """Follow it no longer, and let go of the audit trail and the database."""
        self._stopped.set()
        self.warm_up.stop()
        self.auditor.close()
        self.engine.dispose()

    def _watch(self) -> None:
        while not self._stopped.wait(WATCH_SECONDS):
            for model in self.models:
                model.refresh()

    def view(self) -> SiteView:
        """The tables as they are now; rebuilt only when a load changed them. Raises DataError when there are none."""
        snapshot = self._store.snapshot()
        with self._lock:
            if self._view is None or self._view.digest != snapshot.digest:
                self._view = SiteView(
                    digest=snapshot.digest,
                    caseloads=Caseloads(snapshot.table("caseloads")),
                    complete_to=snapshot.complete_to(),
                    end_of_data=snapshot.as_of_now(),
                    opt_outs=snapshot.table("opt_outs"),
                    snapshot=snapshot,
                )
            elif self._view.snapshot is not snapshot:  # the same rows, of which the ledger of loads says more
                self._view = replace(self._view, snapshot=snapshot)
            return self._view

    def now(self) -> datetime:
        """The site's clock. Where it is the system's, it goes on even when the tables cannot be read."""
        return self.view().end_of_data if self.settings.site.clock == "data" else self.clock.now()

    def usual(self, shift: Shift) -> tuple[UsualPlace, ...]:
        """What a shift usually brings to each cell, from the tables alone. Raises DataError where they do not say."""
        return self._usual.of(self._store.snapshot(), shift)

    def came_lately(self, place_id: str, as_of: datetime) -> Mapping[str, int] | None:
        """By source how many crisis contacts came to a cell in the 28 days before a moment, as known before it.

        None of a place that is no cell, and where the tables do not say.
        """
        try:
            return self._counts.of(self._store.snapshot()).lately(place_id, as_of)
        except (CrisisRiskError, OSError, ValueError, LookupError) as problem:
            log(logging.ERROR, "contacts of places could not be counted", problem=type(problem).__name__)
            return None

    def watch_clock(self) -> None:
        """Hold the clock to the newest answers that are stored: it may have gone back while nothing ran."""
        for newest in (latest_forecast_run, latest_run):
            try:
                run = newest(self.engine)
            except SQLAlchemyError:
                return  # said at /readyz
            if run is not None:
                self.clock.not_before(run.meta.made_at)

    def parts(self) -> dict[str, str]:
        """Each part of the service, and whether it is ready or what is wrong with it."""
        checks: dict[str, Callable[[], object]] = {
            "process": self._check_process, "clock": self._check_clock, "database": self._check_database,
            "tables": self.view,
        }  # fmt: skip
        if not self.settings.service.person_scores.missing:
            checks["audit"] = self.auditor.check
        said = {name: _said(check) for name, check in checks.items()}
        unnamed = _said(self.identities.check) if said["database"] == READY else READY
        if unnamed != READY:  # care goes on by pseudonym
            said["identities"] = f"{DEGRADED}{unnamed}"
        unlinked = READY if self.issuer is None else _said(self.issuer.check)
        if unlinked != READY:  # keys go on opening pages
            said["sign_in"] = f"{DEGRADED}{unlinked}"
        if self.tiles_unusable is not None:  # the map is drawn without
            said["map"] = f"{DEGRADED}{self.tiles_unusable}"
        return said | {f"{model.subject}_model": _said_of(model) for model in self.models}

    def _open_tiles(self) -> Tiles | None:
        declared = self.settings.service.map
        if not declared.tiles:
            return None
        try:
            return open_tiles(self.settings.site.path / declared.tiles, declared.attribution)
        except (CrisisRiskError, OSError) as failure:
            self.tiles_unusable = failure.problem if isinstance(failure, CrisisRiskError) else type(failure).__name__
            return None

    def _check_process(self) -> None:
        if self.stopping:
            raise ServiceError("CR-HTTP-503", "the service is stopping")

    def _check_clock(self) -> None:
        behind = self.clock.behind()
        if behind:
            raise ServiceError("CR-HTTP-503", f"the machine's clock went back by {behind.total_seconds():.0f} seconds")

    def _check_database(self) -> None:
        found, newest = revision(self.engine), newest_revision()
        if found != newest:
            problem = "it cannot be reached, or has no tables" if found is None else f"it is at revision {found}"
            raise ServiceError("CR-DB-002", f"{problem}; see: crisisrisk db upgrade", wanted=f"revision {newest}")


def _tokens(settings: Settings) -> Tokens | None:
    declared, site = settings.service.sign_in.oidc, settings.site
    return None if declared is None else Tokens(declared, settings.roles, frozenset(site.teams), site.path)


def _issuer(settings: Settings, engine: Engine, tokens: Tokens | None) -> IssuerSignIn | None:
    flow = None if tokens is None else tokens.declared.pages
    return None if tokens is None or flow is None else IssuerSignIn(engine, tokens, flow, settings.site.path)


def _said_of(model: VerifiedModel) -> str:
    said = _said(model.manifest)
    return f"{DEGRADED}{model.refusal}" if said == READY and model.refusal is not None else said


def _said(check: Callable[[], object]) -> str:
    try:
        check()
    except CrisisRiskError as problem:
        return f"{problem.code}: {problem.problem}"
    except (OSError, ValueError, TypeError, LookupError, SQLAlchemyError) as failure:
        # Whatever is wrong with a file is wrong with its part alone. The failure's text may hold a path or a value.
        kind = type(failure).__name__
        log(logging.ERROR, "a part could not be checked", problem=kind)
        return f"CR-HTTP-503: it cannot be read ({kind})"
    return READY


async def service_of(request: Request) -> Service:
    """The running service, for routes."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


ServiceOf = Annotated[Service, Depends(service_of)]
