"""Notes of coordinators: places set aside and added, told on board and paper, and read by nothing that learns."""

import ast
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.lib.answering_models import let_answer_who_learned_until
from tests.lib.database import AS_OF
from tests.lib.reading import in_one
from tests.lib.service_site import ServiceSite, load_rows

import crisisrisk
from crisisrisk.database.shift_notes import notes_of

both = pytest.mark.both_databases

NIGHT = "night-2026-11-22"
SHIFT = f"/api/v1/shifts/{NIGHT}"
CAME_MAPPING = """
table = "events"
[columns]
event_id = "id"
occurred_at = { column = "at", zone = "Europe/London" }
known_at = { column = "at", zone = "Europe/London" }
source = { constant = "police_999" }
code = { constant = "call" }
place_id = "place"
"""


@pytest.fixture
def site(own_site: ServiceSite) -> ServiceSite:
    """A site with a forecast of the night."""
    own_site.issue(NIGHT, run={"as_of": AS_OF})
    return own_site


def say(site: ServiceSite, kind: str, reason: str = "the match was moved", **more: Any) -> Any:
    body = {"kind": kind, "reason": reason, **more}
    return site.client("crisis_team").post(f"{SHIFT}/adjustments", json=body)


@both
def test_a_note_is_kept_with_the_forecast_that_stood_there_and_told_in_the_briefing(site: ServiceSite) -> None:
    answer = say(site, "note", "the café at the station closes at one")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["reference"], body["kind"], body["forecast"], body["place_id"]) == ("N-1", "note", "S-2", None)
    assert (body["role"], body["made_at"]) == ("crisis_team", "2026-11-22T06:00:00Z")
    assert site.client("crisis_team").get(f"{SHIFT}/briefing").json()["notes"] == [body]


@both
def test_a_place_set_aside_leaves_the_list_and_the_forecast_stays_as_it_was_issued(site: ServiceSite) -> None:
    client = site.client("crisis_team")
    before = client.get(f"{SHIFT}/hotspots").json()
    assert say(site, "suppress", place_id="place-01").status_code == 200
    assert client.get(f"{SHIFT}/hotspots").json() == before
    page = client.get(f"/shifts/{NIGHT}").text
    assert "<strong>Set aside: Place 1</strong>: the match was moved" in page
    assert "Highest: Place 2, Place 3." in page
    table = page[page.index("<tbody") : page.index("</tbody>")]
    assert [f"Place {n}</a>" in table for n in (1, 2, 3)] == [False, True, True]
    everything = client.get(f"/shifts/{NIGHT}?all=1").text
    assert 'Place 1</a><span class="cr-tag">set aside by the coordinator</span>' in everything
    paper = client.get(f"{SHIFT}/briefing?f=text").text
    where, notes = paper[paper.index("Where") : paper.index("Teams")], paper[paper.index("Notes") :]
    assert ("Place 1" in where, "Place 2" in where) == (False, True)
    assert "Sun 06:00 Set aside: Place 1: the match was moved" in notes


@both
def test_what_was_said_last_of_a_place_counts_and_can_be_taken_back(site: ServiceSite) -> None:
    say(site, "suppress", place_id="place-01")
    say(site, "add", "a festival", place_id="place-01")
    [standing] = notes_of(site.engine, NIGHT)
    assert (standing.kind, standing.number) == ("add", 2)
    assert say(site, "withdraw", withdraws="N-2").status_code == 200
    [standing] = notes_of(site.engine, NIGHT)
    assert (standing.kind, standing.number) == ("suppress", 1)
    assert say(site, "withdraw", withdraws="N-2").status_code == 404
    assert say(site, "withdraw", withdraws="N-1").json()["withdraws"] == "N-1"
    assert list(notes_of(site.engine, NIGHT)) == []


@both
def test_a_place_far_down_is_added_to_the_list_and_to_paper(site: ServiceSite) -> None:
    from tests.lib.database import forecast, place_run, totals

    from crisisrisk.database.scores import save_place_forecast

    cells = forecast(NIGHT, places=14).assign(own_dispersion=0.2)
    cells["released_rank"] = cells["rank"]
    save_place_forecast(site.engine, cells, place_run(as_of=AS_OF), totals=totals(NIGHT))
    say(site, "add", "a festival", place_id="place-14")
    client = site.client("crisis_team")
    page = client.get(f"/shifts/{NIGHT}").text
    assert "The highest 11 of 14 places, with those added" in page
    assert 'Place 14</a><span class="cr-tag">added by the coordinator</span>' in page
    paper = client.get(f"{SHIFT}/briefing?f=text").text
    where = paper[paper.index("Where") : paper.index("Teams")]
    assert [f"Place {n} " in where for n in (7, 8, 14)] == [True, False, True]
    say(site, "suppress", "the match was moved", place_id="place-02")
    page = client.get(f"/shifts/{NIGHT}").text
    rows = page[page.index('class="nhsuk-table cr-table cr-places"') :].partition("</table>")[0]
    ranks = {int(rank) for rank in re.findall(r'<text class="cr-rank [^>]*>(\d+)</text>', page)}
    assert ranks == {int(rank) for rank in re.findall(r'<tr id="place-(\d+)">', rows)} | {2}, "set aside it stays"
    assert ranks == {*range(1, 12), 14}


@both
def test_a_small_number_in_a_note_stays_on_the_board(site: ServiceSite) -> None:
    say(site, "note", "3 people wait at the station")
    paper = site.client("crisis_team").get(f"{SHIFT}/briefing?f=text").text
    assert ("3 people" in paper, "Sun 06:00 what it says stands on the board" in paper) == (False, True)


@both
def test_a_note_about_a_shift_that_is_over_is_refused(site: ServiceSite) -> None:
    load_rows(site.site, "later", "id,at,place\nn1,2026-11-23 09:00:00,place-01\n", CAME_MAPPING)
    answer = say(site, "note")
    assert (answer.status_code, answer.json()["detail"]) == (409, "this shift is over: a note comes too late")
    assert (
        "This shift is over, so no note can be added." in site.client("crisis_team").get(f"/shifts/{NIGHT}/notes").text
    )


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "suppress"}, {"kind": "add", "place_id": "nowhere"}, {"kind": "note", "withdraws": "N-1"},
     {"kind": "withdraw"}, {"kind": "withdraw", "withdraws": "1"}, {"kind": "note", "reason": "for 943 476 5919"},
     {"kind": "note", "reason": "for k1_7Q4M2XK0D3RT5VWZ"}, {"kind": "note", "reason": ""}],
)  # fmt: skip
def test_what_cannot_be_noted_is_refused_and_not_repeated(site: ServiceSite, wrong: dict[str, Any]) -> None:
    body = {"reason": "the match was moved", **wrong}
    answer = site.client("crisis_team").post(f"{SHIFT}/adjustments", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "CR-HTTP-422"), answer.text
    assert "943" not in answer.text
    assert list(notes_of(site.engine, NIGHT)) == []


@both
def test_nobody_but_the_crisis_team_sees_notes(site: ServiceSite) -> None:
    say(site, "suppress", place_id="place-01")
    page = site.client("data").get(f"/shifts/{NIGHT}").text
    assert ("the match was moved" in page, "Place 1</a>" in page) == (False, True)


def test_nothing_that_learns_or_forecasts_reads_what_coordinators_note() -> None:
    """Notes are in the operational database alone; the packages that make features, labels and models never ask it."""
    source = Path(crisisrisk.__file__).parent
    readers = set()
    for file in source.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        if "crisisrisk.database.shift_notes" in imported or "ShiftNote" in names:
            readers.add(file.relative_to(source).parts[0])
    assert readers == {"database", "serving"}


@both
def test_a_handover_tells_what_changed_since_the_forecast_before_as_both_were_issued(site: ServiceSite) -> None:
    from datetime import timedelta

    from tests.lib.database import forecast, place_run, totals

    from crisisrisk.database.scores import save_place_forecast

    before = AS_OF - timedelta(hours=12)
    cells = forecast(NIGHT, places=12).assign(own_dispersion=0.2)
    early = cells.assign(expected=[2.0, *cells["expected"][1:10], 0.01, 0.3], rank=[*range(1, 11), 12, 11])
    save_place_forecast(site.engine, early, place_run(as_of=before), totals=totals(NIGHT, expected=4.0, upper=9))
    late = cells.assign(rank=[1, 11, *range(3, 11), 2, 12], expected=[1.3, 0.2, *cells["expected"][2:10], 0.9, 0.3])
    save_place_forecast(site.engine, late, place_run(as_of=AS_OF), totals=totals(NIGHT))
    say(site, "note", "the warden rings")
    client = site.client("crisis_team")
    assert "What changed since the forecast before" in client.get(f"/shifts/{NIGHT}").text
    page = client.get(f"/shifts/{NIGHT}/changes?since=S-3").text
    told = (
        "fewer crisis contacts are expected in the whole shift: 2.4 now, 4.0 then. "
        "The range is 1 to 4 now; it was 1 to 9."
    )
    assert f"Since Sat 21 Nov 18:00 {told} New among the ten highest: Place 11. No longer among them: Place 2." in page
    assert ("2.0 before, 1.3 now" in page, "0.01 before, 0.90 now" in page) == (True, True)
    rows = page[page.index("<tbody") : page.index("</tbody>")]
    assert [f">Place {n}</a>" in rows for n in (1, 2, 3, 11, 12)] == [True, True, False, True, False]
    assert "the warden rings" in page
    assert client.get(f"/shifts/{NIGHT}/changes?since=S-99").status_code == 404
    assert site.client("data").get(f"/shifts/{NIGHT}/changes").status_code == 403


@both
def test_forecasts_that_said_the_same_again_are_folded_and_small_steps_add_up(own_site: ServiceSite) -> None:
    from datetime import timedelta

    from tests.lib.database import forecast, place_run, totals

    from crisisrisk.database.scores import save_place_forecast

    # The third place goes down by four hundredths of a contact an hour: after three of them by a tenth.
    for hours in range(8, 0, -1):
        cells = forecast(NIGHT).assign(own_dispersion=0.2)
        cells.loc[2, "expected"] -= 0.04 * (8 - hours)
        whole = totals(NIGHT, expected=4.0 if hours == 8 else 2.38)
        save_place_forecast(own_site.engine, cells, place_run(as_of=AS_OF - timedelta(hours=hours)), totals=whole)
    own_site.issue(NIGHT, run={"as_of": AS_OF})
    page = in_one(own_site.client("crisis_team").get(f"/shifts/{NIGHT}/changes").text)
    others = page[page.index("Beside another forecast") :]
    stands, _, folded = others.partition("and 4 in which nothing changed")
    assert [f">S-{run} of " in stands for run in range(2, 10)] == [True, True, False, False, True, False, False, True]
    assert [f"S-{run} of " in folded for run in range(2, 10)] == [False, False, True, True, False, True, True, False]
    assert "S-9 of Sun 22 Nov 05:00, as here: 2.4 expected, range 1 to 4" in others.replace("<li>", "")
    board = in_one(own_site.client("crisis_team").get(f"/shifts/{NIGHT}").text)
    stands, _, folded = board.partition("and 7 in which these numbers did not change")
    assert ("S-2</td>" in stands, "S-3</td>" in stands, "S-4</td>" in folded) == (True, True, True)


@pytest.mark.parametrize(
    ("hours", "says"),
    [
        (1, "Both forecasts were worked out afterwards, from what was known when they say that they were made."),
        (-1, "The forecast S-2 was worked out afterwards, from what was known when it says that it was made."),
        (-3, None),
    ],
)
def test_what_changed_between_forecasts_of_a_time_that_the_model_learned_from_proves_nothing(
    own_site: ServiceSite, hours: int, says: str | None
) -> None:
    until = (AS_OF + timedelta(hours=hours)).isoformat()
    let_answer_who_learned_until(own_site.site, "place", until, version=5, at=AS_OF.isoformat())
    for before in (2, 0):
        own_site.issue(NIGHT, run={"as_of": AS_OF - timedelta(hours=before), "model_version": 5})
    page = own_site.client("crisis_team").get(f"/shifts/{NIGHT}/changes").text
    assert "both as they were made" in page
    assert page.count("worked out afterwards") == (says is not None)
    assert says is None or says in page


@both
def test_a_shift_with_one_forecast_has_nothing_to_hand_over(own_site: ServiceSite) -> None:
    page = own_site.client("crisis_team").get(f"/shifts/{NIGHT}/changes").text
    assert "Only one forecast was made of this shift" in page


@both
def test_the_board_splits_what_is_expected_by_how_contacts_are_made(own_site: ServiceSite) -> None:
    from tests.lib.database import forecast, place_run

    from crisisrisk.database.scores import save_place_forecast

    expected = {"attendance": 1.0, "telephone_advice": 0.8, "s136": 0.4, "amhp_assessment": 0.2}
    modes = {NIGHT: {"expected": expected, "released": {"rest": 2.4}}}
    save_place_forecast(own_site.engine, forecast(), place_run(as_of=AS_OF, modes=modes))
    page = own_site.client("crisis_team").get(f"/shifts/{NIGHT}").text
    split = page[page.index("How contacts are likely to be made") :]
    for name, number in (("Somebody attends", "1.0"), ("Advice by telephone", "0.80"), ("Section 136", "0.40"),
                         ("AMHP assessment", "0.20")):  # fmt: skip
        assert f'{name}</dt><dd class="nhsuk-summary-list__value">about {number}</dd>' in split


@both
def test_the_board_says_how_each_place_moved_since_the_shift_of_this_name_before(own_site: ServiceSite) -> None:
    from tests.lib.database import forecast, place_run

    from crisisrisk.database.scores import save_place_forecast

    client = own_site.client("crisis_team")
    assert "Change" not in client.get(f"/shifts/{NIGHT}").text
    night = AS_OF.replace(day=21, hour=22)
    cells = forecast("night-2026-11-21", start=night).iloc[:2].assign(expected=[0.9, 0.66])
    save_place_forecast(own_site.engine, cells, place_run(as_of=AS_OF - timedelta(days=1)))
    page = client.get(f"/shifts/{NIGHT}").text
    assert "Change: beside what was forecast of Sat 21 Nov 22:00, the shift of this name before." in page
    moved = re.findall(r"<td>((?:up|down) from [^<]*|none|not forecast then)</td>", page)
    assert moved == ["up from 0.90", "none", "not forecast then"]
    assert (
        "Change" not in own_site.client("care", "north").get(f"/shifts/{NIGHT}").text
    )  # a release has no such numbers


@both
def test_a_place_says_where_a_team_could_stand_near_it_nearest_first(own_site: ServiceSite) -> None:
    page = own_site.client("crisis_team").get(f"/shifts/{NIGHT}/places/place-01").text
    near = page[page.index("Where a team could stand near here") :]
    told = re.findall(r"<li>([\w -]+) \((base|standby point)\), ([\d.]+) km away in a straight line</li>", near)
    assert len(told) == 3
    assert told[-1][0] == "Far Lane car park"
    assert [float(far) for _, _, far in told] == sorted(float(far) for _, _, far in told)


def test_a_range_that_ends_at_none_does_not_read_as_a_promise() -> None:
    from crisisrisk.serving.pages.page import span_of_place

    assert (span_of_place(0, 0), span_of_place(0, 1)) == ("none, now and then 1", "0 to 1")
    assert span_of_place(None, None) == "not estimated"


@pytest.mark.parametrize(
    ("came", "said"),
    [
        ((0, 0, 0), "had a contact."),
        ((2, 0, 0), "No contact came elsewhere."),
        ((0, 0, 1), "Of the 2 places that were listed none had a contact. The one contact came elsewhere."),
        ((0, 0, 3), "All 3 contacts came elsewhere."),
        ((1, 0, 2), "Of 3 contacts 1 came at these places and 2 elsewhere."),
    ],
)
def test_how_often_the_list_was_right_is_a_sentence(came: tuple[int, ...], said: str) -> None:
    from types import SimpleNamespace

    from crisisrisk.serving.pages.shift_review import hits_said

    places: Any = [SimpleNamespace(listed=number < 2, came=many) for number, many in enumerate(came)]
    assert hits_said(places).endswith(said)
