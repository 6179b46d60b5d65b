"""From the agencies' rows to what a care team is told: everyone has a number, or the one typed reason for none."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.lib.answering_models import let_answer
from tests.lib.explained_site import explained_site, pid, trained
from tests.lib.gate_site import PEOPLE_MAPPING
from tests.lib.operational import copied
from tests.lib.service_site import CASELOADS_MAPPING, CONFIGURATION, EVENTS_MAPPING, ServiceSite, load_rows, opened

from crisisrisk.commands.score import score
from crisisrisk.scoring.lists import TeamLists, team_lists
from crisisrisk.tables.site import read_site
from crisisrisk.tables.store import Store

SOURCES = "".join(
    f'[source.{name}]\nagency = "mental_health_trust"\nsingular = "{name}"\nplural = "{name}s"\n'
    for name in ("s136", "mh_admission")
)
EVENTS = """id,at,known,source,person
n1,2025-12-05 10:00:00,2025-12-05 11:00:00,crisis_line,cat
n2,2026-11-20 10:00:00,2026-11-20 11:00:00,s136,dan
n3,2026-11-10 10:00:00,2026-11-10 11:00:00,mh_admission,eve
n4,2026-11-19 10:00:00,2026-11-19 11:00:00,crisis_line,back
n5,2024-11-19 10:00:00,2024-11-19 11:00:00,crisis_line,old
n6,2026-11-18 10:00:00,2026-11-18 11:00:00,crisis_line,dead
"""
CASELOADS = """person,team,from,known,to
old,north,2026-01-01,2026-01-01,
new,north,2026-01-01,2026-01-01,
dead,north,2026-01-01,2026-01-01,
"""
PEOPLE = """person,born,sex,from
back,2012,female,2026-01-01 00:00:00
new,1980,male,2026-01-01 00:00:00
"""
DEATHS = """person,died,known
dead,2026-11-19 00:00:00,2026-11-20 00:00:00
"""
DEATHS_MAPPING = """
table = "people"
[columns]
person_id = { column = "person", kind = "study_id" }
died_at = { column = "died", zone = "UTC" }
valid_from = { column = "died", zone = "UTC" }
known_at = { column = "known", zone = "UTC" }
"""
OPT_OUTS_MAPPING = """
table = "opt_outs"
[columns]
person_id = { column = "person", kind = "study_id" }
valid_from = { column = "from", zone = "UTC" }
known_at = { column = "from", zone = "UTC" }
"""
LATER = """id,at,known,source,person
z1,2026-12-20 05:00:00,2026-12-20 06:00:00,police_999,sue
"""
EXPECTED = {
    "ann": "scored", "cat": "scored", "dan": "in_crisis_episode", "eve": "in_hospital", "back": "under_18",
    "ben": "opted_out", "old": "out_of_scope", "dead": "out_of_scope", "new": "no_data",
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site where somebody stands for each state."""
    made = explained_site(tmp_path_factory.mktemp("states") / "site")
    made.configure(CONFIGURATION + SOURCES)
    site = read_site(made.site.path)
    rows = {
        "people": (PEOPLE, PEOPLE_MAPPING), "deaths": (DEATHS, DEATHS_MAPPING), "others": (EVENTS, EVENTS_MAPPING),
        "members": (CASELOADS, CASELOADS_MAPPING), "objections": ("person,from\nben,2026-11-01\n", OPT_OUTS_MAPPING),
    }  # fmt: skip
    for name, (text, mapping) in rows.items():
        load_rows(site, name, text, mapping)
    made.engine.dispose()
    return site.path


@pytest.fixture
def states_site(loaded: Path, tmp_path: Path) -> Iterator[ServiceSite]:
    site = opened(copied(loaded, tmp_path / "site"))
    yield site
    site.engine.dispose()


def told(site: ServiceSite) -> dict[str, tuple[int, str]]:
    """By first name the status and the state that a care team gets of each person."""
    client = site.client("care", "north")
    answers = {name: client.get(f"/api/v1/people/{pid(site, name)}/risk") for name in EXPECTED}
    return {name: (answer.status_code, answer.json()["state"]) for name, answer in answers.items()}


def test_everyone_has_a_number_or_the_reason_for_none(states_site: ServiceSite) -> None:
    score(states_site.site, as_of=None, out=None)
    assert told(states_site) == {
        name: (200 if state == "scored" else 422, state) for name, state in EXPECTED.items()
    }  # fmt: skip
    body = states_site.client("care", "north").get("/api/v1/caseloads/north").json()
    assert {one["person_id"] for one in body["pinned"]} == {
        pid(states_site, name) for name, state in EXPECTED.items() if state != "scored"
    }  # fmt: skip
    thin = {one["person_id"]: one["thin_history"] for one in body["people"]}
    # Known for three weeks by two calls, and for eleven months by many.
    assert thin == {pid(states_site, "ann"): True, pid(states_site, "cat"): False}


def test_numbers_expire_and_reasons_do_not(states_site: ServiceSite) -> None:
    score(states_site.site, as_of=None, out=None)
    load_rows(states_site.site, "later", LATER, EVENTS_MAPPING)
    assert told(states_site) == {
        name: (410, "expired") if state == "scored" else (422, state) for name, state in EXPECTED.items()
    }  # fmt: skip


def test_who_may_be_a_child_has_no_number_unless_the_recipe_keeps_them(
    states_site: ServiceSite,
) -> None:
    site, model = states_site.site, trained(7)
    cohort = replace(model.task.cohort, unknown_age="leave_out")
    let_answer(site, replace(model, task=replace(model.task, cohort=cohort)), at="2026-11-21T00:00:00+00:00")
    score(site, as_of=None, out=None)
    found = told(states_site)
    assert found["cat"] == found["back"] == (422, "under_18")
    assert (found["dan"], found["eve"]) == ((422, "in_crisis_episode"), (422, "in_hospital"))


def test_lists_of_the_past_name_nobody_who_objects_now(states_site: ServiceSite) -> None:
    before, cat = datetime(2026, 11, 10, tzinfo=UTC), pid(states_site, "cat")

    def lists() -> TeamLists:
        return team_lists(trained(7), Store(states_site.site).snapshot(), states_site.site, as_of=before)

    assert cat in lists().listed["north"]
    load_rows(states_site.site, "changed her mind", "person,from\ncat,2026-11-15\n", OPT_OUTS_MAPPING)
    after = lists()
    assert cat not in after.standing
    assert not any(cat in listed for listed in after.listed.values())


def test_a_site_that_cares_for_children_has_numbers_for_them(states_site: ServiceSite) -> None:
    configuration = CONFIGURATION + SOURCES + "[people]\nchild_service = true\nyoungest_age = 12\n"
    states_site.configure(configuration)
    made = opened(states_site.site.path)
    model = trained(7)
    cohort = replace(model.task.cohort, minimum_age=made.site.people.minimum_age(18))
    let_answer(made.site, replace(model, task=replace(model.task, cohort=cohort)), at="2026-11-21T00:00:00+00:00")
    score(made.site, as_of=None, out=None)
    assert told(made)["back"] == (200, "scored")
