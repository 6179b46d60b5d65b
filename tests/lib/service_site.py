"""A small real site for tests of the service: loaded tables, verified bundles, saved scores and forecasts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from crisisrisk.commands.data import load_files
from crisisrisk.commands.keys import create_key
from crisisrisk.database.engine import open_engine
from crisisrisk.database.scores import save_person_scores, save_place_forecast
from crisisrisk.database.upgrade import upgrade
from crisisrisk.models.trees import NO_TREES, Trees
from crisisrisk.serving.app import create_app
from crisisrisk.serving.settings import read_settings
from crisisrisk.tables.pseudonyms import create_pseudonym_key, pseudonym, read_pseudonym_key
from crisisrisk.tables.site import Site, read_site
from tests.lib.answering_models import let_answer
from tests.lib.database import AS_OF, forecast, person_run, place_run, score_row, scores, totals
from tests.lib.operational import configure
from tests.lib.tiny_models import NAMES, bundle

CONFIGURATION = """
name = "Test site"
time_zone = "Europe/London"
clock = "data"
buckets = 2
pseudonym_key_file = "keys/pseudonym.key"
[cells]
kind = "areas"
[[shift]]
name = "day"
starts = "08:00"
ends = "22:00"
[[shift]]
name = "night"
starts = "22:00"
ends = "08:00"
[source.police_999]
agency = "police"
singular = "999 call"
plural = "999 calls"
settled_after_hours = 2
[source.crisis_line]
agency = "mental_health_trust"
singular = "crisis-line call"
plural = "crisis-line calls"
[[team]]
id = "north"
name = "North"
list_length = 2
[[team]]
id = "south"
name = "South"
"""

SERVICE = """
docs_page = true
[models]
person = "person_crisis_28d"
place = "place_crisis_shift"
[privacy]
officer = "Ms B. Nobody (invented)"
[person_scores]
on = true
clinical_safety_officer = "Dr A. Nobody (invented)"
impact_assessment = "DPIA-0 (invented)"
"""

SITES_MAPPING = """
table = "sites_of_care"
[columns]
site_id = "id"
name = "called"
kind = "kind"
latitude = "north"
longitude = "east"
opens = "opens"
closes = "closes"
capacity = "capacity"
phone = "phone"
"""

# Two kilometres north of the southern base lies the northern one; a third lies far off. Two have names.
SITES = """id,called,kind,north,east,opens,closes,capacity,phone
base-south,,base,52.485,-1.89,,,2,01632 960 001
base-north,,base,52.515,-1.89,,,2,01632 960 002
point-far,Far Lane car park,standby_point,52.70,-1.89,,,1,
cafe,Holgate café,crisis_cafe,52.49,-1.88,18:00,02:00,8,01632 960 009
safety,,place_of_safety,52.50,-1.90,,,3,01632 960 010
"""

EVENTS_MAPPING = """
table = "events"
[columns]
event_id = "id"
occurred_at = { column = "at", zone = "Europe/London" }
known_at = { column = "known", zone = "Europe/London" }
source = "source"
code = { constant = "call" }
person_id = { column = "person", kind = "study_id" }
"""

CASELOADS_MAPPING = """
table = "caseloads"
[columns]
person_id = { column = "person", kind = "study_id" }
team_id = "team"
valid_from = { column = "from", zone = "Europe/London" }
known_at = { column = "known", zone = "Europe/London" }
valid_to = { column = "to", zone = "Europe/London" }
"""

# The last event becomes known a moment before 06:00, so that is what the site's clock says.
EVENTS = """id,at,known,source,person
e1,2026-11-01 10:00:00,2026-11-01 11:00:00,police_999,ann
e2,2026-11-20 10:00:00,2026-11-20 12:00:00,crisis_line,ben
e3,2026-11-22 05:00:00,2026-11-22 05:59:59.999999,police_999,ann
"""

CASELOADS = """person,team,from,known,to
ann,north,2026-01-01,2026-01-01,
ben,north,2026-01-01,2026-01-01,
cat,north,2026-01-01,2026-01-01,
dan,north,2026-01-01,2026-01-01,
eve,north,2026-01-01,2026-01-01,
sue,south,2026-01-01,2026-01-01,
gone,north,2026-01-01,2026-01-01,2026-06-01
moved,north,2026-01-01,2026-01-01,
later,north,2026-12-01,2026-01-01,
unheard,north,2026-01-01,2026-12-01,
back,north,2026-01-01,2026-01-01,2026-02-01
"""

# Later versions in which two care coordinators are named.
WORKERS = """person,team,from,known,to,worker
ann,north,2026-01-01,2026-11-02,,w_1
ben,north,2026-01-01,2026-11-02,,w_2
cat,north,2026-01-01,2026-11-02,,w_1
"""

# Later versions: `moved` turns out to have left, the end of `back` turns out to have been a mistake.
CORRECTIONS = """person,team,from,known,to
moved,north,2026-01-01,2026-11-21,2026-11-20
back,north,2026-01-01,2026-11-21,
"""


PATIENCE = timedelta(seconds=30)
"""The disk of a machine that is busy with the other tests may stall for longer than a service waits for its trail."""


@dataclass
class ServiceSite:
    """The site, its database, and pseudonyms by first name."""

    site: Site
    engine: Engine
    people: Mapping[str, str]
    keys: dict[str, str] = field(default_factory=dict)

    def key(self, role: str, team: str | None = None, *, worker: str | None = None) -> str:
        """A key of a role, made once. `worker`: the care coordinator whose it is."""
        name = f"{role}-{team}-{worker}"
        if name not in self.keys:
            made = create_key(self.site, role=role, team=team, worker=worker, valid_for=timedelta(days=1))
            self.keys[name] = made.secret
        return self.keys[name]

    def client(self, role: str | None = None, team: str | None = None, *, worker: str | None = None) -> TestClient:
        """A client of the service as it is configured now. A defect shows itself as 500, as outside."""
        headers = {} if role is None else {"Authorization": f"Bearer {self.key(role, team, worker=worker)}"}
        app = create_app(read_settings(self.site, {}))
        app.state.service.auditor.longest = PATIENCE
        return TestClient(app, headers=headers, raise_server_exceptions=False)

    def declare(self, name: str, text: str) -> None:
        """Write one of the site's serving/ files."""
        (self.site.path / "serving" / name).write_text(text, encoding="utf-8")

    def configure(self, text: str) -> None:
        """Write the site's configuration; its operational database stays the one that it has."""
        configure(self.site.path, text)

    def score(self, *rows: dict[str, Any], **changes: Any) -> int:
        """Save a scoring run; rows name people by first name."""
        named = [{**row, "person_id": self.people.get(row["person_id"], row["person_id"])} for row in rows]
        return save_person_scores(self.engine, scores(*named), person_run(**changes))

    def forecast(self, shift_id: str = "night-2026-11-22", *, start: datetime | None = None, **changes: Any) -> int:
        """Save a forecast of one shift, as versions did that kept no totals."""
        return save_place_forecast(self.engine, forecast(shift_id, start=start), place_run(**changes))

    def issue(
        self, shift_id: str = "night-2026-11-22", *, run: dict[str, Any], start: datetime | None = None, **changes: Any
    ) -> int:
        """Save a forecast of one shift with its totals, some of their numbers changed."""
        cells = forecast(shift_id, start=start).assign(own_dispersion=0.2)
        return save_place_forecast(
            self.engine, cells, place_run(**run), totals=totals(shift_id, start=start, **changes)
        )


def make_site(folder: Path) -> ServiceSite:
    """A site whose clock stands at 22 November 2026, 06:00, with tables, both bundles, a scoring and a forecast."""
    site = _load(folder)
    _promote(site)
    upgrade(open_engine(site.database_url))
    made = opened(folder)
    fill(made)
    return made


def fill(made: ServiceSite) -> None:
    """A scoring and a forecast, as the last ones that were made."""
    made.score(
        score_row("ann", 0.182), score_row("ben", 0.41), score_row("cat", None, "in_hospital"),
        score_row("dan", 0.004), score_row("sue", 0.3), score_row("gone", 0.2), score_row("moved", 0.2),
    )  # fmt: skip
    made.forecast()


def opened(folder: Path) -> ServiceSite:
    """A site that was made before, perhaps elsewhere."""
    site = read_site(folder)
    return ServiceSite(site, open_engine(site.database_url), _people(site))


def _load(folder: Path) -> Site:
    (folder / "serving").mkdir(parents=True)
    configure(folder, CONFIGURATION)
    (folder / "serving" / "service.toml").write_text(SERVICE)
    site = read_site(folder)
    create_pseudonym_key(site)
    texts = {"events": (EVENTS, EVENTS_MAPPING), "caseloads": (CASELOADS, CASELOADS_MAPPING)}
    for name, (rows, mapping) in texts.items():
        load_rows(site, name, rows, mapping)
    load_rows(site, "sites", SITES, SITES_MAPPING)
    load_rows(site, "corrections", CORRECTIONS, CASELOADS_MAPPING)
    return site


def load_rows(site: Site, name: str, rows: str, mapping: str) -> None:
    """Load rows of CSV through a mapping; none may be refused."""
    file, described = site.path / f"{name}.csv", site.path / f"{name}.toml"
    file.write_text(rows)
    described.write_text(mapping)
    result = load_files(site, [file], described)
    assert result.rows_quarantined == 0, result


def with_workers(site: ServiceSite) -> None:
    """Say who cares for three people of the north."""
    load_rows(site.site, "workers", WORKERS, CASELOADS_MAPPING + 'worker_id = "worker"\n')


def _promote(site: Site) -> None:
    for subject, name in (("person", "person_crisis_28d"), ("place", "place_crisis_shift")):
        made = bundle(subject, Trees(NO_TREES, NAMES, 0))
        named = replace(made, manifest=replace(made.manifest, name=name, version=4), task=replace(made.task, name=name))
        let_answer(site, named, at=AS_OF.isoformat())
        site.reports.mkdir(exist_ok=True)
        (site.reports / f"{name}-{made.manifest.run_id[:8]}.json").write_text(f'{{"task": "{name}"}}')


def _people(site: Site) -> dict[str, str]:
    key = read_pseudonym_key(site)
    names = set(re.findall(r"^([a-z]+),(?:north|south)", CASELOADS, flags=re.MULTILINE)) | {"nobody"}
    return {name: str(pseudonym(key, "study_id", name)) for name in sorted(names)}
