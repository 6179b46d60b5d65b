"""Signing in to the pages: the cookie, its end, forms that must carry a token, and where nobody signed in is led."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import update
from tests.lib.harmed_database import stored_bytes
from tests.lib.service_site import SERVICE, ServiceSite
from tests.lib.table_sites import NHS_NUMBERS

from crisisrisk.commands.keys import list_keys, revoke_key
from crisisrisk.database.engine import writing
from crisisrisk.database.schema import SignInState
from crisisrisk.errors import RecipeError
from crisisrisk.serving.access import PlaceViewer
from crisisrisk.serving.app import create_app
from crisisrisk.serving.sessions import COOKIE
from crisisrisk.serving.settings import read_settings

VERSION, CONCERNS = "/api/v1/version", "/api/v1/safety-concerns"
NUMBER = NHS_NUMBERS[0]
CONCERN = {"about": "place", "text": "The shelter at the station has closed."}


@pytest.fixture(scope="module")
def app(shared_site: ServiceSite) -> FastAPI:
    """The service, and a page and a form of it that need a role."""
    made = create_app(read_settings(shared_site.site, {}))
    pages = APIRouter()

    @pages.get("/somewhere/{pid}")
    def page(pid: str, viewer: PlaceViewer) -> dict[str, Any]:
        return {"form_token": viewer.form_token}

    @pages.post("/somewhere")
    def form(viewer: PlaceViewer) -> dict[str, str]:
        return {"role": viewer.role_name}

    made.include_router(pages)
    return made


@pytest.fixture
def browser(app: FastAPI) -> TestClient:
    """Somebody's browser, with no cookies, on the machine of the service."""
    return opened_at(app)


def opened_at(app: FastAPI, host: str = "http://127.0.0.1", client: str = "127.0.0.1") -> TestClient:
    """A browser with no cookies, at `client`."""
    return TestClient(app, base_url=host, client=(client, 50_000), follow_redirects=False)


def signed_in(browser: TestClient, site: ServiceSite, role: str = "crisis_team", team: str | None = None) -> Response:
    answer = browser.post("/sign-in", data={"key": site.key(role, team)})
    assert answer.status_code == 303, answer.text
    return answer


def token(browser: TestClient) -> str:
    return str(browser.get("/somewhere/x").json()["form_token"])


def change(site: ServiceSite, **values: datetime) -> None:
    """Set times of every session of the site."""
    with writing(site.engine) as connection:
        connection.execute(update(SignInState).values(**values))


def test_a_key_opens_pages_by_a_cookie_that_no_script_and_no_other_site_has(
    browser: TestClient, shared_site: ServiceSite
) -> None:
    answer = signed_in(browser, shared_site)
    assert answer.headers["location"] == "/"
    said = answer.headers["set-cookie"]
    assert "HttpOnly" in said
    assert "SameSite=strict" in said
    assert "Secure" not in said  # on loopback
    assert f"Max-Age={8 * 3600}" in said
    assert shared_site.key("crisis_team") not in said
    assert browser.get(VERSION).status_code == 200
    assert browser.get("/somewhere/x").status_code == 200


@pytest.mark.parametrize(
    ("host", "client"), [("https://127.0.0.1", "127.0.0.1"), ("http://risk.example", "127.0.0.1"),
                         ("http://127.0.0.1", "10.0.0.7"), ("http://127.0.0.1.example", "127.0.0.1")],
)  # fmt: skip
def test_beyond_loopback_the_cookie_goes_by_tls_alone(
    app: FastAPI, shared_site: ServiceSite, host: str, client: str
) -> None:
    browser = opened_at(app, host, client)
    assert "Secure" in signed_in(browser, shared_site).headers["set-cookie"]


def test_a_session_has_the_role_of_its_key_and_no_more(browser: TestClient, shared_site: ServiceSite) -> None:
    signed_in(browser, shared_site, "care", "north")
    assert browser.get("/api/v1/caseloads/north").status_code == 200
    assert browser.get("/api/v1/caseloads/south").status_code == 404
    assert browser.get("/somewhere/x").status_code == 403


def test_the_page_says_the_same_of_every_key_that_does_not_work(own_site: ServiceSite) -> None:
    good = own_site.key("crisis_team")
    revoke_key(own_site.site, list_keys(own_site.site)[0].key_id)
    browser = opened_at(create_app(read_settings(own_site.site, {})))
    answers = [browser.post("/sign-in", data={"key": key}) for key in ("", "x", good, good[:-1], "crisisrisk_0_0")]
    answers += [browser.post("/sign-in", json={"key": good}), browser.post("/sign-in", data={"role": "audit"})]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert "This key does not work" in answers[0].text
    assert not any("set-cookie" in answer.headers for answer in answers)


# Where nobody signed in is led


def test_who_is_not_signed_in_is_led_from_a_page_to_sign_in_and_back(
    browser: TestClient, shared_site: ServiceSite
) -> None:
    person = shared_site.people["ann"]
    answer = browser.get(f"/somewhere/{person}?from=board&n=2")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sign-in?next=/somewhere/{person}{quote('?from=board&n=2')}"
    page = browser.get(answer.headers["location"])
    assert page.status_code == 200
    assert person not in page.text  # whoever stands at the screen is not told whom somebody else looked at
    assert "form-action 'self'" in page.headers["content-security-policy"]
    back = browser.post(answer.headers["location"], data={"key": shared_site.key("crisis_team")})
    assert back.headers["location"] == f"/somewhere/{person}?from=board&n=2"


def test_programs_are_told_401_and_so_is_a_form(browser: TestClient) -> None:
    for path in (VERSION, "/api/v1/board?shift=x"):
        assert browser.get(path).status_code == 401
    assert browser.post("/somewhere").status_code == 401


def test_what_somebody_wrote_is_not_lost_with_a_session_that_ended_meanwhile(
    browser: TestClient, shared_site: ServiceSite
) -> None:
    form = {"form_token": "0" * 64, "kind": "note", "reason": f"The <fair> ends at two.\n{NUMBER}", "back": "a list"}
    page = {"Accept": "text/html"}
    told = browser.post("/shifts/night-2026-11-22/notes", data=form, headers=page)
    assert told.status_code == 401
    assert "You are not signed in any more</h1>" in told.text
    assert "The &lt;fair&gt; ends at two.<br>" in told.text
    assert not [one for one in (NUMBER, "a list", "keys create", "Bearer") if one in told.text]
    for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Content-Type": "text/plain"}):
        assert "fair" not in browser.post("/shifts/x/notes", data=form, headers={**page, **foreign}).text
    browser.post("/sign-in", data={"key": shared_site.key("crisis_team")})
    before = browser.post("/shifts/night-2026-11-22/notes", data=form, headers=page)
    assert before.status_code == 403
    assert "from before you signed in again" in before.text
    assert "The &lt;fair&gt; ends at two." in before.text


@pytest.mark.parametrize(
    "where", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "\\/elsewhere.example",
              "/\t/elsewhere.example", "javascript:alert(1)", "/ /elsewhere.example", "/x\r\nSet-Cookie: a=b", "",
              "somewhere", "/" + "x" * 1001, "/é"],
)  # fmt: skip
def test_the_way_back_leads_nowhere_else(browser: TestClient, shared_site: ServiceSite, where: str) -> None:
    answer = browser.post("/sign-in", params={"next": where}, data={"key": shared_site.key("crisis_team")})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


# Forms


def test_a_change_by_cookie_needs_the_forms_token(browser: TestClient, shared_site: ServiceSite) -> None:
    signed_in(browser, shared_site)
    good = token(browser)
    assert browser.post("/somewhere", data={"form_token": good}).json() == {"role": "crisis_team"}
    assert browser.post("/somewhere", headers={"X-Form-Token": good}).status_code == 200
    assert browser.post(CONCERNS, json=CONCERN, headers={"X-Form-Token": good}).status_code == 201
    refused = [
        browser.post("/somewhere"), browser.post("/somewhere", data={"form_token": ""}),
        browser.post("/somewhere", data={"form_token": good[:-1] + ("0" if good[-1] != "0" else "1")}),
        browser.post("/somewhere", data={"form_token": browser.cookies[COOKIE]}),
        browser.post("/somewhere", json={"form_token": good}), browser.post(f"/somewhere?form_token={good}"),
        browser.post("/somewhere", data={"form_token": good}, headers={"Sec-Fetch-Site": "cross-site"}),
        browser.post(CONCERNS, json=CONCERN), browser.post("/sign-out"),
    ]  # fmt: skip
    assert all(answer.status_code == 403 and "CR-ACCESS-004" in answer.text for answer in refused)
    assert browser.get(VERSION).status_code == 200


def test_one_sessions_token_is_no_other_sessions(app: FastAPI, shared_site: ServiceSite) -> None:
    browsers = [opened_at(app) for _ in range(2)]
    for one in browsers:
        signed_in(one, shared_site)
    assert browsers[1].post("/somewhere", data={"form_token": token(browsers[0])}).status_code == 403


def test_a_key_that_is_sent_needs_no_token_and_no_cookie_counts_beside_it(
    browser: TestClient, shared_site: ServiceSite
) -> None:
    signed_in(browser, shared_site)
    key = shared_site.key("data")
    assert browser.post("/somewhere", headers={"X-API-Key": key}).json() == {"role": "data"}
    for headers in ({"Authorization": "Bearer nothing"}, {"Authorization": "Basic x"}, {"X-API-Key": "nothing"}):
        assert browser.get(VERSION, headers=headers).status_code == 401


def test_another_site_cannot_sign_somebody_in(browser: TestClient, shared_site: ServiceSite) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = browser.post("/sign-in", data={"key": shared_site.key("crisis_team")}, headers=headers)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


# Its end


def test_signing_out_ends_the_session_even_for_who_copied_the_cookie(
    app: FastAPI, browser: TestClient, shared_site: ServiceSite
) -> None:
    signed_in(browser, shared_site)
    copied = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
    answer = browser.post("/sign-out", data={"form_token": token(browser)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert COOKIE not in browser.cookies
    assert TestClient(app).get(VERSION, headers=copied).status_code == 401


def test_ending_the_key_ends_its_sessions_at_once(own_site: ServiceSite) -> None:
    browser = opened_at(create_app(read_settings(own_site.site, {})))
    signed_in(browser, own_site)
    assert browser.get(VERSION).status_code == 200
    revoke_key(own_site.site, list_keys(own_site.site)[0].key_id)
    assert browser.get(VERSION).status_code == 401
    # and so does taking its role away
    browser.cookies.clear()
    signed_in(browser, own_site, "data")
    own_site.declare("roles.toml", '[care]\nmeaning = "care"\nreaches = ["version", "own_people"]\n')
    later = TestClient(create_app(read_settings(own_site.site, {})), cookies=dict(browser.cookies))
    assert later.get(VERSION).status_code == 401


@pytest.mark.parametrize(
    "times", [{"used_at": timedelta(minutes=-31)}, {"ends_at": timedelta(seconds=-1)}, {"ended_at": timedelta()}]
)
def test_a_session_ends_by_time(own_site: ServiceSite, times: dict[str, timedelta]) -> None:
    browser = opened_at(create_app(read_settings(own_site.site, {})))
    signed_in(browser, own_site)
    now = datetime.now(UTC)
    change(own_site, used_at=now - timedelta(minutes=29))
    assert browser.get(VERSION).status_code == 200  # which counts as use
    change(own_site, ends_at=now + timedelta(minutes=5))
    assert browser.get(VERSION).status_code == 200
    change(own_site, **{name: datetime.now(UTC) + by for name, by in times.items()})
    assert browser.get(VERSION).status_code == 401


def test_a_cookie_that_was_not_signed_here_opens_nothing(own_site: ServiceSite) -> None:
    app = create_app(read_settings(own_site.site, {}))
    browser = opened_at(app)
    assert TestClient(app, cookies={COOKIE: f"{'0' * 64}.{'0' * 64}"}).get(VERSION).status_code == 401  # no key yet
    signed_in(browser, own_site)
    value = browser.cookies[COOKIE]
    said, signature = value.split(".")
    other = "0" if said[0] != "0" else "1"
    forgeries = ("", said, f"{said}.", f"{said}.{signature[::-1]}", f"{other}{said[1:]}.{signature}", f"{value}.x",
                 f"{said}.{'0' * 64}", value.upper(), "x" * 5000)  # fmt: skip
    for forged in forgeries:
        assert TestClient(app).get(VERSION, headers={"Cookie": f"{COOKIE}={forged}"}).status_code == 401, forged
    assert said not in stored_bytes(own_site.engine).decode("latin-1")


def test_the_key_of_cookies_is_for_its_owner_alone(own_site: ServiceSite) -> None:
    app = create_app(read_settings(own_site.site, {}))
    browser = opened_at(app)
    signed_in(browser, own_site)
    file = own_site.site.path / "keys" / "sign-in.key"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    answer = browser.get(VERSION)
    assert (answer.status_code, answer.json()["code"]) == (503, "CR-ACCESS-003")
    assert str(file) not in answer.text
    file.unlink()
    assert browser.get(VERSION).status_code == 401


@pytest.mark.parametrize("said", ["idle_minutes = 61", "idle_minutes = 0", "longest_hours = 13", "longest_hours = nan"])
def test_sessions_that_would_last_are_refused(own_site: ServiceSite, said: str) -> None:
    own_site.declare("service.toml", f"{SERVICE}[sign_in]\n{said}\n")
    with pytest.raises(RecipeError, match=r"sign_in\."):
        read_settings(own_site.site, {})
