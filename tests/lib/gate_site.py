"""A small site whose people have bad stretches: appointments are missed in them, and crises are many times likelier.

Missed appointments say more than past crises do, so a model that reads them beats the simple rules.
"""

import csv
import hashlib
import io
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from crisisrisk.tables.site import Site, read_site
from tests.lib.operational import configure
from tests.lib.service_site import load_rows

BEGINS = datetime(2025, 1, 6)
WEEKS = 90
CONFIGURATION = """
name = "Gate site"
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
[source.crisis_line]
agency = "mental_health_trust"
singular = "crisis-line call"
plural = "crisis-line calls"
[source.mh_missed]
agency = "mental_health_trust"
singular = "missed appointment"
plural = "missed appointments"
[source.ed_attendance]
agency = "acute_trust"
singular = "emergency attendance"
plural = "emergency attendances"
[source.ambulance_999]
agency = "ambulance"
singular = "ambulance call"
plural = "ambulance calls"
[[team]]
id = "north"
name = "North"
list_length = 5
[[team]]
id = "south"
name = "South"
list_length = 5
"""
FEATURES = """
[recipe]
name = "person"
subject = "person"
[[group]]
name = "missed"
sources = ["mh_missed"]
aggregations = ["count", "days_since_last"]
lookback_days = [14, 28, 84]
[[group]]
name = "crisis"
sources = ["crisis_line"]
aggregations = ["count", "days_since_last"]
lookback_days = [28, 365]
[[group]]
name = "emergency"
sources = ["ed_attendance"]
aggregations = ["count"]
lookback_days = [28, 365]
[[group]]
name = "person"
aggregations = ["age", "is_female"]
"""
RECIPE = """
name = "person_crisis_28d"
subject = "person"
features = "person.toml"
[outcome]
sources = ["crisis_line"]
horizon_days = 28
[cohort]
minimum_age = 0
[grid]
warm_up_days = 120
[split]
validation_days = 84
test_days = 98
[model]
rounds = 80
min_data_in_leaf = 60
learning_rate = 0.1
threads = 1
[report]
list_length = 5
bootstrap_samples = 20
[gate]
resamples = 40
large_people = 40
large_outcomes = 40
audit_trials = 4
"""
EVENTS_MAPPING = """
table = "events"
[columns]
event_id = "id"
occurred_at = { column = "at", zone = "UTC" }
known_at = { column = "known", zone = "UTC" }
source = "source"
code = { constant = "contact" }
is_crisis = { column = "crisis", true_values = ["yes"] }
person_id = { column = "person", kind = "study_id" }
"""
PEOPLE_MAPPING = """
table = "people"
[columns]
person_id = { column = "person", kind = "study_id" }
birth_year = "born"
sex = "sex"
valid_from = { column = "from", zone = "UTC" }
known_at = { column = "from", zone = "UTC" }
"""
CASELOADS_MAPPING = """
table = "caseloads"
[columns]
person_id = { column = "person", kind = "study_id" }
team_id = "team"
valid_from = { column = "from", zone = "UTC" }
known_at = { column = "from", zone = "UTC" }
"""
# By source: how often in an ordinary week and in a bad one.
WEEKLY = {
    "mh_missed": (0.05, 0.9),
    "crisis_line": (0.01, 0.25),
    "ed_attendance": (0.02, 0.03),
    "ambulance_999": (0.03, 0.06),
}
BAD_BEGINS, BAD_ENDS = 0.012, 0.07


def make_gate_site(
    folder: Path, *, people: int = 260, seed: int = 11, leaking: bool = False, until_week: int = WEEKS,
    silent_from: datetime | None = None, begins: datetime = BEGINS, clock: str = "data",
) -> Site:  # fmt: skip
    """The site with its tables loaded. `leaking`: what nobody could know announces every crisis.

    `until_week`: events from this week on are not loaded; `events_from` has them. `silent_from`: from then on the
    crisis line sends nothing.
    """
    for name, text in {"features/person.toml": FEATURES, "training/person_crisis_28d.toml": RECIPE}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    configure(folder, CONFIGURATION.replace('clock = "data"', f'clock = "{clock}"'))
    site = read_site(folder)
    _always_the_same_key(site)
    random = np.random.default_rng(seed)
    named = [f"p{number}" for number in range(people)]
    text = _silent(_events(named, random, leaking, begins), silent_from)
    load_rows(site, "events", _in_weeks(text, 0, until_week), EVENTS_MAPPING)
    began = (begins - timedelta(days=30)).isoformat(sep=" ")
    load_rows(site, "people", _people(named, began, random), PEOPLE_MAPPING)
    teams = [(name, ("north", "south")[number % 2], began) for number, name in enumerate(named)]
    load_rows(site, "caseloads", _csv(("person", "team", "from"), teams), CASELOADS_MAPPING)
    return site


def events_from(week: int, *, people: int, seed: int = 11) -> str:
    """The events of the same people from a week on."""
    text = _events([f"p{number}" for number in range(people)], np.random.default_rng(seed), leaking=False)
    return _in_weeks(text, week, WEEKS)


def _in_weeks(text: str, first: int, end: int) -> str:
    """The rows of CSV whose event happened from one week to before another."""
    if (first, end) == (0, WEEKS):
        return text
    begins, ends = (f"{BEGINS + timedelta(days=7 * week):%Y-%m-%d %H:%M:%S}" for week in (first, end))
    head, *rows = csv.reader(io.StringIO(text))
    at = head.index("at")
    return _csv(tuple(head), [row for row in rows if begins <= row[at] < ends])


def _silent(text: str, silent_from: datetime | None) -> str:
    if silent_from is None:
        return text
    head, *rows = csv.reader(io.StringIO(text))
    source, known = head.index("source"), head.index("known")
    limit = f"{silent_from:%Y-%m-%d %H:%M:%S}"
    return _csv(tuple(head), [row for row in rows if row[source] != "crisis_line" or row[known] < limit])


def _always_the_same_key(site: Site) -> None:
    """Draws are of people by their pseudonym: another key gives other draws, and an interval near 0 another answer."""
    path = site.path / "keys" / "pseudonym.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"k1 {hashlib.sha256(b'the gate site').hexdigest()}\n")
    path.chmod(0o600)


def _events(named: list[str], random: np.random.Generator, leaking: bool, since: datetime = BEGINS) -> str:
    rows, bad = [], random.random(len(named)) < BAD_BEGINS / (BAD_BEGINS + BAD_ENDS)
    for week in range(WEEKS):
        ends, begins = random.random(len(named)) < BAD_ENDS, random.random(len(named)) < BAD_BEGINS
        bad = np.where(bad, ~ends, begins)
        for source, (usual, worse) in WEEKLY.items():
            for person, times in enumerate(random.poisson(np.where(bad, worse, usual))):
                for _ in range(times):
                    at = since + timedelta(days=7 * week + round(float(random.uniform(0, 7)), 4))
                    rows += _told(len(rows), named[person], source, at)
                    if leaking and source == "crisis_line":
                        rows += _told(len(rows), named[person], "ed_attendance", at - timedelta(days=27))
    return _csv(("id", "person", "source", "at", "known", "crisis"), rows)


def _told(number: int, person: str, source: str, at: datetime) -> list[tuple[object, ...]]:
    known = at + timedelta(hours=1)
    crisis = "yes" if source == "crisis_line" else "no"
    return [(f"e{number}", person, source, f"{at:%Y-%m-%d %H:%M:%S}", f"{known:%Y-%m-%d %H:%M:%S}", crisis)]


def _people(named: list[str], began: str, random: np.random.Generator) -> str:
    born, sex = random.integers(1945, 2005, len(named)), random.choice(["female", "male"], len(named), p=[0.25, 0.75])
    return _csv(("person", "born", "sex", "from"), zip(named, born, sex, [began] * len(named), strict=True))


def _csv(head: tuple[str, ...], rows: object) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([head, *rows])  # type: ignore[misc]
    return text.getvalue()
