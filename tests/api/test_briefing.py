"""The briefing: true counts on the board, and a page to print, which is a release."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.lib.database import AS_OF, RELEASED_TEXT, forecast, place_run, totals
from tests.lib.service_site import ServiceSite, opened

from crisisrisk.cli import run
from crisisrisk.database.plans import plans_of, save_plan
from crisisrisk.database.scores import save_place_forecast
from crisisrisk.errors import RecipeError

SHIFT = "/api/v1/shifts/night-2026-11-22"


@pytest.fixture
def site(own_site: ServiceSite) -> ServiceSite:
    """A site with a forecast of the night that kept its totals."""
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    return own_site


def plan(site: ServiceSite) -> Any:
    asked = {"teams": [{"name": "A", "base": "base-north"}], "target_minutes": 4, "use": True}
    return site.client("crisis_team").post(f"{SHIFT}/positions", json=asked).json()


def brief(site: ServiceSite, form: str = "json") -> Any:
    return site.client("crisis_team").get(f"{SHIFT}/briefing?f={form}")


def test_the_board_has_the_headline_the_places_the_plan_and_its_change(site: ServiceSite) -> None:
    made = plan(site)
    body = brief(site).json()
    assert body["headline"].startswith("looks ordinary: 67 in 100 that 1 to 3 come")
    assert [place["place_name"] for place in body["places"]] == ["Place 1", "Place 2", "Place 3"]
    assert body["places"][0]["expected"] == 1.3
    assert (body["plan"]["reference"], body["plan"]["posts"]) == (made["reference"], made["plan"])
    assert (body["plan"]["changed"], body["plan"]["reason"]) == (None, made["plans"][0]["reason"])
    assert body["caveats"][-1] == "Live calls come first. A place not listed is not therefore safe."
    changed = {"kind": "positions", "posts": [{"team": "A", "site_id": "point-far"}], "reason": "a closed road"}
    reference = site.client("crisis_team").post(f"{SHIFT}/adjustments", json=changed).json()["reference"]
    told = brief(site).json()["plan"]
    assert ([post["site_id"] for post in told["posts"]], told["changed"]["reference"]) == (["point-far"], reference)


def test_what_changed_since_the_plan_is_said(site: ServiceSite) -> None:
    assert "No plan was chosen for this shift." in brief(site).json()["caveats"]
    plan(site)
    assert not [caveat for caveat in brief(site).json()["caveats"] if "plan again" in caveat]
    full = {"state": "closed", "reason": "a burst pipe", "until": "2026-11-23T08:00:00Z"}
    site.client("crisis_team").put("/api/v1/sites/base-south/status", json=full)
    site.issue("night-2026-11-22", run={"as_of": AS_OF})
    body = brief(site).json()
    assert [caveat for caveat in body["caveats"] if "plan again" in caveat] == [
        "A team stands at base-south, which is closed; plan again.",
        "The plan was made from an earlier forecast than the one shown here; plan again.",
    ]
    assert [one["site_id"] for one in body["left_out"]] == ["base-south"]


@pytest.mark.parametrize("form", ["text", "html"])
def test_a_page_has_ranks_and_ranges_and_nothing_that_may_not_leave_the_board(site: ServiceSite, form: str) -> None:
    plan(site)
    client = site.client("crisis_team")
    until = "2026-11-23T08:00:00Z"
    for name, reason in (("safety", "3 people waiting"), ("cafe", "a burst pipe")):
        said = {"state": "full", "reason": reason, "until": until}
        assert client.put(f"/api/v1/sites/{name}/status", json=said).status_code == 200
    answer = brief(site, form)
    assert answer.headers["content-type"].startswith("text/html" if form == "html" else "text/plain")
    page = answer.text
    assert "Looks ordinary: 65 in 100 that it is about usual" in page
    assert ("Place 1" in page, "0 to 2" in page, "0 to 5 contacts in all" in page) == (True, True, True)
    assert RELEASED_TEXT in page
    # What is so on the board: its counts, its reasons, its usual count, and a coordinator's own small number.
    for secret in ("6 triage calls", "67 in 100", "1.3", "1 to 3", "3 people", "0.8", "place-01"):
        assert secret not in page, secret
    assert "base-south" in page
    assert "safety, full from Sun 06:00 until Mon 08:00; why stands on the board" in page
    assert "Holgate café, full from Sun 06:00 until Mon 08:00: a burst pipe" in page
    assert (
        "in 100 of all contacts expected find a free team within 4 minutes; somewhat more are usually reached" in page
    )
    order = [page.index(words) for words in ("Where", "Teams", "Full or closed", "Live calls come first")]
    assert order == sorted(order)
    assert "A place not listed is not therefore safe." in page


def test_a_number_to_ring_stands_in_one_line(site: ServiceSite) -> None:
    plan(site)
    page = brief(site, "html").text
    assert "<span>01632 960 010</span>" in page
    assert "span{white-space:nowrap}" in page
    assert not re.search(r"<span>[\d: –]*(?:22:00|08:00)", page), "times may end a line"
    assert "01632 960 010" in brief(site, "text").text


def test_a_team_that_only_advises_is_on_the_page_too(site: ServiceSite) -> None:
    config = site.site.path / "crisisrisk.toml"
    config.write_text(config.read_text() + '\n[positions]\nlone_working_until = "21:00"\nlone_working_from = "09:00"\n')
    teams = [{"name": "A", "base": "base-north"}, {"name": "lone", "base": "base-north", "staff": 1}]
    client = opened(site.site.path).client("crisis_team")
    assert client.post(f"{SHIFT}/positions", json={"teams": teams, "use": True}).status_code == 200
    told = client.get(f"{SHIFT}/briefing").json()["plan"]
    assert ({post["team"] for post in told["posts"]}, told["by_telephone"]) == ({"A"}, ["lone"])
    page = client.get(f"{SHIFT}/briefing?f=text").text
    assert re.search(r"\n  lone +by telephone only\n", page)


def test_what_is_near_is_near_the_site_where_the_team_stands_then(site: ServiceSite) -> None:
    plan(site)
    [kept] = plans_of(site.engine, "night-2026-11-22")
    [post], middle = kept.posts, AS_OF.replace(hour=23)
    [*_, like] = kept.answer["near"]["A"]
    near = [{**like, "site": "safety", "minutes": 4.0, "from": post.start.isoformat(), "whom": "under 18"},
            {**like, "site": "safety", "minutes": 31.0, "from": middle.isoformat(), "whom": "adults",
             "to": post.end.isoformat(), "conditions": "not with an injury"}]  # fmt: skip
    posts = (replace(post, end=middle), replace(post, site_id="point-far", start=middle))
    save_plan(site.engine, replace(kept, posts=posts, answer={**kept.answer, "near": {"A": near}}), use=True)
    rows = [line for line in brief(site, "text").text.splitlines() if line.startswith("  A ")]
    assert [("4 min for under 18" in row, "31 min" in row) for row in rows] == [(True, False), (False, True)]
    assert "safety 31 min (not with an injury) 01632" in rows[1]


def test_on_paper_another_place_is_worth_more_than_conditions(site: ServiceSite) -> None:
    plan(site)
    [kept] = plans_of(site.engine, "night-2026-11-22")
    near = [{**one, "conditions": "not with an injury that needs an emergency department"} for one in
            kept.answer["near"]["A"]]  # fmt: skip
    save_plan(site.engine, replace(kept, answer={**kept.answer, "near": {"A": near}}), use=True)
    [row] = [line for line in brief(site, "text").text.splitlines() if line.startswith("  A ")]
    assert ("safety" in row, "Holgate café" in row, "injury" in row) == (True, True, False)


def test_what_is_near_a_team_that_was_put_elsewhere_is_told_too(site: ServiceSite) -> None:
    plan(site)
    changed = {"kind": "positions", "posts": [{"team": "A", "site_id": "base-north"}], "reason": "a closed road"}
    assert site.client("crisis_team").post(f"{SHIFT}/adjustments", json=changed).status_code == 200
    [row] = [line for line in brief(site, "text").text.splitlines() if line.startswith("  A ")]
    assert re.search(r"base-north .* place of safety safety \d+ min 01632 960 010", row), row
    assert re.search(r" · Holgate café \d+ min only 22:00–02:00 01632 960 009", row), row
    later = {"team": "A", "site_id": "base-south", "from": "2026-11-23T02:00:00Z"}
    changed = {"kind": "positions", "posts": [later], "reason": "it is late"}
    assert site.client("crisis_team").post(f"{SHIFT}/adjustments", json=changed).status_code == 200
    [row] = [line for line in brief(site, "text").text.splitlines() if line.startswith("  A ")]
    assert "café" not in row  # the plan has the team there all night, and the café closes at two


def test_the_page_says_who_may_have_it_and_a_site_may_say_that_itself(site: ServiceSite) -> None:
    usual = "For staff of this shift. Keep it out of public view. Shred it when the shift is over."
    assert brief(site, "text").text.splitlines()[1] == usual
    service = site.site.path / "serving" / "service.toml"
    said = service.read_text()
    service.write_text(f'{said}\n[briefing]\nhandling = "Official: the crisis team alone"\n')
    assert '<p class="handling">Official: the crisis team alone</p>' in brief(site, "html").text
    service.write_text(f'{said}\n[briefing]\nhandling = "{"x" * 151}"\n')
    with pytest.raises(RecipeError, match="wanted one line of 1 to 150 characters"):
        site.client()


def test_words_that_are_long_are_cut_between_words_and_say_so(site: ServiceSite) -> None:
    plan(site)
    said = {"state": "full", "reason": "nobody " * 40, "until": "2026-11-23T08:00:00Z"}
    assert site.client("crisis_team").put("/api/v1/sites/cafe/status", json=said).status_code == 200
    assert re.search(r"until Mon 08:00: (nobody )+nobody…\n", brief(site, "text").text)


def test_words_of_people_are_text_on_the_page_and_no_markup(site: ServiceSite) -> None:
    plan(site)
    said = {"state": "full", "reason": "<script>alert()</script>", "until": "2026-11-23T08:00:00Z"}
    site.client("crisis_team").put("/api/v1/sites/cafe/status", json=said)
    page = brief(site, "html").text
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_forecast_of_before_has_a_briefing_that_says_what_it_lacks(own_site: ServiceSite) -> None:
    assert brief(own_site).json()["headline"] == "Its forecast does not say how the whole shift looks."
    assert "Its forecast does not say how the whole shift looks." in brief(own_site, "text").text


def test_a_shift_without_a_forecast_has_no_briefing(site: ServiceSite) -> None:
    client = site.client("crisis_team")
    for shift in ("day-2026-11-22", "nothing", "%00"):
        answer = client.get(f"/api/v1/shifts/{shift}/briefing")
        assert (answer.status_code, answer.json()["detail"]) == (404, "no forecast was made for this shift")
    assert client.get(f"{SHIFT}/briefing?f=pdf").status_code == 422


def test_the_command_writes_the_same_page(site: ServiceSite, capsys: pytest.CaptureFixture[str]) -> None:
    plan(site)
    folder = site.site.path
    for name, form in (("tonight.html", "html"), ("tonight.txt", "text")):
        assert run(["brief", "--site", str(folder), "--shift", "2026-11-22T22:00", "--out", str(folder / name)]) == 0
        assert (folder / name).read_text() == brief(site, form).text
    # Without a start: the shift that comes next.
    assert run(["brief", "--site", str(folder)]) == 0
    assert capsys.readouterr().out.count("Test site: night, Sunday 22 November 22:00 to Monday 08:00") == 3
    assert run(["brief", "--site", str(folder), "--json"]) == 0
    assert re.search(r'"shift": "night-2026-11-22"', capsys.readouterr().out)


@pytest.mark.parametrize(
    ("more", "problem"),
    [(("--shift", "2026-11-24T22:00"), "no forecast was kept of this shift"),
     (("--out", "tonight.pdf"), "this kind of file is not written here")],
)  # fmt: skip
def test_the_command_says_what_it_cannot_do(
    site: ServiceSite, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], problem: str
) -> None:
    assert run(["brief", "--site", str(site.site.path), *more]) == 2
    assert problem in capsys.readouterr().err


def test_moments_on_the_page_are_by_the_clock_on_the_wall(own_site: ServiceSite) -> None:
    config = own_site.site.path / "crisisrisk.toml"
    config.write_text(config.read_text().replace('"Europe/London"', '"Europe/Berlin"'))
    outdated = {"as_of": AS_OF, "valid_until": AS_OF, "data_complete_to": {"crisis_line": AS_OF - timedelta(days=2)}}
    own_site.issue("night-2026-11-22", run=outdated)
    client = opened(own_site.site.path).client("crisis_team")
    page, board = (client.get(f"{SHIFT}/briefing?f={form}").text for form in ("text", "json"))
    silent = (
        "Silent for too long, and what they have seen since is not in this: crisis-line calls (since Fri 20 Nov 07:00)."
    )
    assert f"\nRecords known to Fri 20 Nov 07:00. {silent}\n" in page
    assert "late: crisis_line" not in page
    assert "was to be replaced by Sun 22 Nov 07:00;" in page
    assert re.search(r"\d\dZ", page) is None
    assert ("since 2026-11-20T06:00Z" in board, "replaced by 2026-11-22T06:00Z" in board) == (True, True)


def test_a_range_that_ends_at_none_reads_as_no_promise(site: ServiceSite) -> None:
    cells = forecast("night-2026-11-22").assign(own_dispersion=0.2, released_upper=0)
    save_place_forecast(site.engine, cells, place_run(as_of=AS_OF), totals=totals("night-2026-11-22"))
    page = brief(site, "text").text
    assert ("none, now and then 1" in page, "0 to 0" in page) == (True, False)


def test_a_place_that_is_full_for_an_hour_is_near_in_the_others(site: ServiceSite) -> None:
    plan(site)
    before = brief(site, "text").text
    assert re.search(r"place of safety safety \d+ min(?! only)", before)
    span = {"from": "2026-11-23T01:00:00Z", "until": "2026-11-23T02:00:00Z"}
    said = {"state": "full", "reason": "a burst pipe", **span}
    assert site.client("crisis_team").put("/api/v1/sites/safety/status", json=said).status_code == 200
    now = brief(site, "text").text
    hours = re.findall(r"place of safety safety \d+ min only (\d\d:\d\d–\d\d:\d\d)", now)
    assert hours == ["22:00–01:00", "02:00–08:00"]
