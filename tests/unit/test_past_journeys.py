"""Journeys of teams, from what a site has loaded of deployments and contacts, and the detour learned from them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.lib.table_sites import make_site, write_csv, write_mapping

from crisisrisk.commands.data import load_files
from crisisrisk.positioning.journeys import with_learned_detour
from crisisrisk.positioning.past_journeys import journeys_of
from crisisrisk.positioning.travel import Roads
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

EVENTS = """table = "events"
[columns]
event_id = "id"
occurred_at = { column = "sent" }
known_at = "known"
dispatched_at = "sent"
arrived_at = "arrived"
source = { constant = "police_999" }
code = { constant = "call" }
latitude = "lat"
longitude = "lon"
team_id = "team"
"""
SITES = """table = "sites_of_care"
[columns]
site_id = "site"
kind = "kind"
latitude = "lat"
longitude = "lon"
"""
DEPLOYMENTS = """table = "deployments"
[columns]
team_id = "team"
site_id = "site"
from = "since"
to = "until"
known_at = "known"
"""
NIGHT = datetime(2026, 2, 1, 18, tzinfo=UTC)
KM = 1 / 111.195
"""Degrees of latitude in a kilometre."""


def when(minutes: float, night: int = 0) -> str:
    return (NIGHT + timedelta(days=night, minutes=minutes)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Sixty nights on which a team goes ten kilometres in 32 minutes; one contact with another team's, one long ago."""
    made = make_site(tmp_path)
    calls = [
        {"id": f"a{night}", "sent": when(60, night), "arrived": when(92, night), "known": when(200, night),
         "lat": 52.4 + 10 * KM, "lon": -1.9, "team": "car"}
        for night in range(60)
    ]  # fmt: skip
    calls.append({**calls[0], "id": "stranger", "team": "nobody"})
    calls.append({**calls[0], "id": "off duty", "sent": when(700), "arrived": when(800), "known": when(900)})
    calls.append({**calls[0], "id": "nowhere", "lat": None, "lon": None})
    calls.append({**calls[0], "id": "not yet known", "known": when(0, 90)})
    posts = [
        {"team": "car", "site": "base", "since": when(0, night), "until": when(480, night), "known": None}
        for night in range(60)
    ]
    loads = [
        (EVENTS, calls, "calls"), (DEPLOYMENTS, posts, "posts"),
        (SITES, [{"site": "base", "kind": "base", "lat": 52.4, "lon": -1.9}], "sites"),
    ]  # fmt: skip
    for mapping, rows, name in loads:
        done = load_files(made, [write_csv(made.path / f"{name}.csv", rows)], write_mapping(made, mapping, name))
        assert done.rows_quarantined == 0
    return made


def towns(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    return np.ones(len(latitude), dtype=bool)


def test_a_journey_goes_from_where_the_team_stood_to_where_the_contact_was(site: Site) -> None:
    found = journeys_of(
        Store(site).snapshot(), issued_at=NIGHT + timedelta(days=80), zone=site.time_zone, towns_at=towns
    )
    assert len(found) == 60
    assert found.kilometres == pytest.approx(np.full(60, 10.0), rel=1e-3)
    assert found.minutes.tolist() == [32.0] * 60
    assert set(found.hour.tolist()) == {19, 20}  # local: the clocks go forward within these nights
    learned = with_learned_detour(Roads(), found)
    assert learned.learned_from == 60
    assert learned.detour == pytest.approx(30 / 60 * Roads().urban_kmh[19] / 10, rel=1e-3)


def test_only_what_was_known_when_the_forecast_was_issued_counts(site: Site) -> None:
    early = journeys_of(
        Store(site).snapshot(), issued_at=NIGHT + timedelta(days=10), zone=site.time_zone, towns_at=towns
    )
    assert len(early) == 10
    assert with_learned_detour(Roads(), early) == Roads()  # too few


def test_a_site_without_deployments_has_no_journeys(tmp_path: Path) -> None:
    made = make_site(tmp_path)
    rows = [{"site": "base", "kind": "base", "lat": 52.4, "lon": -1.9}]
    load_files(made, [write_csv(made.path / "sites.csv", rows)], write_mapping(made, SITES))
    assert len(journeys_of(Store(made).snapshot(), issued_at=NIGHT, zone=made.time_zone, towns_at=towns)) == 0
