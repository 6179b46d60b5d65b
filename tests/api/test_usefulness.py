"""How useful lists and forecasts were: months that are over, rounded counts, no worker apart."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.api.test_unallocated import OPT_OUTS
from tests.lib.service_site import ServiceSite, load_rows

from crisisrisk.database.feedback import save_feedback, save_shift_feedback
from crisisrisk.database.rows import Author
from crisisrisk.database.usefulness import ScoreVerdict
from crisisrisk.serving.usefulness import complete_months, score_counts

PATH = "/api/v1/usefulness"
OCTOBER = datetime(2026, 10, 14, 9, tzinfo=UTC)


def say(site: ServiceSite, counts: Mapping[str, int], *, at: datetime = OCTOBER, **changes: Any) -> None:
    """Feedback of a team, its verdicts so often, by three users in turn."""
    asked = {"person": "ann", "team": "north", "users": 3, "follows": None} | changes
    for number, verdict in enumerate(verdict for verdict, count in counts.items() for _ in range(count)):
        author = Author(team_id=asked["team"], made_by=f"user{number % asked['users']}", role="care")
        save_feedback(
            site.engine, author, site.people[asked["person"]], made_at=at, run_id=1, verdict=verdict, reason=None,
            words=None, follows=asked["follows"],
        )  # fmt: skip


def months(site: ServiceSite, role: str = "lead", team: str = "north") -> Mapping[str, Any]:
    told = site.client(role, team if role == "lead" else None).get(PATH).json()["teams"]
    return {month["month"]: month for one in told if one["team"] == team for month in one["months"]}


@pytest.mark.both_databases
def test_a_months_verdicts_are_rounded_and_their_share_is_made_from_the_rounded(own_site: ServiceSite) -> None:
    say(own_site, {"agree": 23, "disagree": 9, "acted": 11})
    say(own_site, {"agree": 12, "disagree": 3, "acted": 9}, follows=1)
    october = months(own_site)["2026-10"]
    assert october["at_once"] == {"said": 45, "agreed": 25, "disagreed": 10, "acted": 10, "useful_in_100": 80}
    assert october["week_later"] == {
        "said": 25, "agreed": 10, "disagreed": "under 8", "acted": 10, "useful_in_100": None,
    }  # fmt: skip


def test_months_that_are_over_are_told_by_the_clock_on_the_wall(own_site: ServiceSite) -> None:
    say(own_site, {"agree": 10}, at=datetime(2026, 9, 30, 23, 30, tzinfo=UTC))  # half past midnight of October
    say(own_site, {"acted": 10}, at=datetime(2026, 10, 31, 23, 30, tzinfo=UTC))
    say(own_site, {"disagree": 20}, at=datetime(2026, 11, 2, tzinfo=UTC))  # the month that is running
    found = months(own_site)
    assert list(found) == ["2025-11", "2025-12", *(f"2026-{month:02}" for month in range(1, 11))]
    assert [found[month]["at_once"]["said"] for month in ("2026-09", "2026-10")] == [0, 20]
    assert complete_months(datetime(2026, 1, 1, tzinfo=UTC), own_site.site.time_zone)[-1] == (2025, 12)


def test_where_two_spoke_no_verdict_is_told(own_site: ServiceSite) -> None:
    say(own_site, {"agree": 20, "disagree": 10}, users=2)
    assert months(own_site)["2026-10"]["at_once"] == {
        "said": 30, "agreed": None, "disagreed": None, "acted": None, "useful_in_100": None,
    }  # fmt: skip


def test_a_lead_sees_the_own_team_and_analysis_every_one_in_order_of_their_ids(own_site: ServiceSite) -> None:
    say(own_site, {"agree": 10})
    say(own_site, {"disagree": 30}, team="south", person="sue")
    answers = [own_site.client("lead", "north").get(PATH), own_site.client("data").get(PATH)]
    assert [[one["team"] for one in answer.json()["teams"]] for answer in answers] == [["north"], ["north", "south"]]
    assert months(own_site, "data", "south")["2026-10"]["at_once"]["disagreed"] == 30
    text = answers[1].text
    assert not [name for name in (*own_site.people.values(), "user0", "rank") if name in text]


def test_feedback_about_who_objects_counts_nowhere(own_site: ServiceSite) -> None:
    say(own_site, {"agree": 20})
    say(own_site, {"disagree": 20}, person="ben")
    load_rows(own_site.site, "opt_outs", "person,kind,from\nben,scoring,2026-11-01\n", OPT_OUTS)
    assert months(own_site)["2026-10"]["at_once"]["said"] == 20


def test_forecasts_are_counted_without_a_team(own_site: ServiceSite) -> None:
    for number in range(30):
        save_shift_feedback(
            own_site.engine, shift_id="night-2026-11-22", run_id=1, place_id=None, words=None, made_at=OCTOBER,
            verdict="useful" if number < 21 else "not_useful", made_by="c", role="crisis_team",
        )  # fmt: skip
    told = own_site.client("lead", "north").get(PATH).json()["forecasts"][-1]
    assert told == {"month": "2026-10", "said": 30, "useful": 20, "not_useful": 10, "useful_in_100": 65}


@pytest.mark.parametrize("counts", [(0, 0, 0), (1, 0, 0), (7, 7, 7), (8, 8, 8), (100, 1, 0), (8, 0, 12)])
def test_no_count_of_one_to_seven_is_told_nor_can_be_worked_out(counts: Sequence[int]) -> None:
    kinds = ("agree", "disagree", "acted")
    said = [
        ScoreVerdict("north", OCTOBER, kind, True, f"user{number}", "p")
        for kind, count in zip(kinds, counts, strict=True)
        for number in range(count)
    ]
    told = score_counts(said)
    shown = [told.said, *(told.by_verdict or {}).values()]
    assert not [count for count in shown if isinstance(count, int) and ((0 < count < 8 and count != 5) or count % 5)]
    if told.useful_in_100 is not None:
        assert all(count == 0 or count >= 8 for count in counts)


def test_the_page_tells_months_in_which_somebody_spoke_the_newest_first(own_site: ServiceSite) -> None:
    say(own_site, {"agree": 23, "disagree": 9, "acted": 11})
    say(own_site, {"agree": 12}, at=datetime(2026, 8, 3, tzinfo=UTC))
    page = own_site.client("lead", "north").get("/usefulness").text
    assert page.index("October 2026") < page.index("August 2026")
    cells = re.sub(r'<span class="cr-label"[^>]*>[^<]*</span>', "", page)  # what names a cell in a narrow window
    assert "<td>45</td><td>80 in 100</td>" in cells
    assert "September 2026" not in page
    assert "Nobody said anything in the last twelve months" in page, "of forecasts"
