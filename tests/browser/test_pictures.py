"""The pictures in docs/pictures: each screen, made here, and made again before its words are others.

`CRISISRISK_PICTURES=write python -m pytest tests/browser/test_pictures.py` makes them again. A picture is held to what
its page says and not to its pixels, which are another machine's with another font.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser
from tests.api.test_usefulness import OCTOBER, say
from tests.lib.browsing import opened, served
from tests.lib.database import AS_OF, forecast, place_run, score_row, totals
from tests.lib.night_sites import NIGHTS_MAPPING, PLACES_MAPPING, with_night_sources
from tests.lib.service_site import ServiceSite, load_rows, make_site, with_workers

from crisisrisk.commands.identities import load_identities
from crisisrisk.database.scores import save_place_forecast

ROOT = Path(__file__).parents[2]
FOLDER, PAGE = ROOT / "docs" / "pictures", ROOT / "docs" / "explanation" / "screens.md"
DIGESTS = FOLDER / "words.json"
SHIFT = "night-2026-11-22"
LATITUDE = (52.48, 52.50, 52.47, 52.51, 52.49, 52.46, 52.52, 52.485)
LONGITUDE = (-1.89, -1.86, -1.93, -1.90, -1.94, -1.87, -1.95, -1.84)
SIZE = {"width": 1120, "height": 1150}
NAMES = ("Marl Reach", "Vetch Rise", "Orchard Green", "Kestrel Fold", "Bramble Wharf", "Nettle Cross", "Ivy Mill",
         "Juniper Bank")  # fmt: skip
PEOPLE = """study_id,surname,forename,birth_date
ann,Bekequist,Briro,05/02/1983
ben,Falennor,Ivlen,21/02/1978
cat,Morvane,Tessil,14/06/1990
dan,Osterly,Quarn,30/11/1969
eve,Pellwick,Sorrel,09/09/2001
"""


HOURLY = [0.16, 0.15, 0.13, 0.12, 0.10, 0.09, 0.08, 0.06, 0.05, 0.06]


class Screen(NamedTuple):
    """Who sees a page, where it is, and what it is called."""

    role: str
    address: str
    words: str


SCREENS = {
    "shift-board": Screen("crisis_team", f"/shifts/{SHIFT}", "The shift board"),
    "place": Screen("crisis_team", f"/shifts/{SHIFT}/places/place-01", "One place of a shift"),
    "positions": Screen("crisis_team", f"/shifts/{SHIFT}/positions", "Where teams stand"),
    "briefing": Screen("crisis_team", f"/shifts/{SHIFT}/print", "The briefing to print"),
    "caseload": Screen("care", "/caseload?tab=all", "The caseload of a team"),
    "person": Screen("care", "/people/{ben}", "One person"),
    "caller": Screen("triage_clinician", "/caller", "Who is on the line"),
    "unallocated": Screen("allocation", "/unallocated", "People with no team"),
    "usefulness": Screen("lead", "/usefulness", "How useful a list was"),
    "data": Screen("data", "/data", "How fresh the data are"),
    "models": Screen("data", "/models", "Which models answer"),
}


@pytest.fixture(scope="module")
def shown_site(tmp_path_factory: pytest.TempPathFactory) -> ServiceSite:
    """An invented site as it looks on an ordinary evening: a forecast, a plan, scores of some weeks, names."""
    made = make_site(tmp_path_factory.mktemp("pictures") / "site")
    cells = forecast(SHIFT, places=len(NAMES)).assign(
        own_dispersion=0.2, place_name=NAMES, usual=0.3, lower=0, upper=[3, 2, 2, 2, 1, 1, 1, 1],
        latitude=LATITUDE, longitude=LONGITUDE,
    )  # fmt: skip
    with_contacts(made)
    save_place_forecast(made.engine, cells, place_run(), totals=totals(SHIFT, places=len(NAMES), hourly=HOURLY))
    for week in range(12, 0, -1):
        moment = AS_OF - timedelta(weeks=week)
        rows = (score_row("ann", 0.12 + week / 100), score_row("ben", 0.5 - week / 50), score_row("dan", 0.004))
        made.score(*rows, as_of=moment, made_at=moment)
    made.score(score_row("ann", 0.182), score_row("ben", 0.41), score_row("cat", None, "in_hospital"),
               score_row("dan", 0.004))  # fmt: skip
    with_workers(made)
    people = made.site.path / "names.csv"
    people.write_text(PEOPLE)
    load_identities(made.site, people, kind="study_id", user="the tests")
    say(made, {"agree": 23, "disagree": 9, "acted": 11})
    say(made, {"agree": 19, "disagree": 12, "acted": 9}, at=OCTOBER - timedelta(days=30))
    asked = {"teams": [{"name": "A", "base": "base-north"}, {"name": "B", "base": "base-south"}], "use": True}
    answer = made.client("crisis_team").post(f"/api/v1/shifts/{SHIFT}/positions", json=asked)
    assert answer.status_code == 200, answer.text
    return made


@pytest.fixture(scope="module")
def there(shown_site: ServiceSite) -> Iterator[str]:
    """Where its service is."""
    with served(shown_site) as found:
        yield found


def with_contacts(made: ServiceSite) -> None:
    """Say where the places are, and what came to the first of them in four weeks."""
    made.site = with_night_sources(made.site.path)
    where = zip(NAMES, LATITUDE, LONGITUDE, strict=True)
    places = "".join(f"place-0{one},{name},{north},{east},area\n" for one, (name, north, east) in enumerate(where, 1))
    load_rows(made.site, "places", f"place,name,lat,lon,kind\n{places}", PLACES_MAPPING)
    calls = "".join(f"t{day},2026-11-{day:02} 23:10:00,2026-11-{day:02} 23:50:00,street_triage,place-01,\n"
                    for day in (1, 6, 9, 13, 17, 21))  # fmt: skip
    load_rows(made.site, "triage", f"id,at,known,source,place,premises\n{calls}", NIGHTS_MAPPING)


def words_of(text: str) -> str:
    """What a page says, without what no two sites have alike: pseudonyms, references, who looked on which day."""
    # The last of these headings: a link of the same name stands at the head of the page.
    text = re.sub(r"(?s)\nWho has looked\n(?!.*\nWho has looked\n).*?\nWhat this can", "\nWhat this can", text)
    same = re.sub(r"k1_[0-9A-Z]{16}", "PERSON", text)
    same = re.sub(r"\b(?=[0-9a-f]*[0-9])[0-9a-f]{8,}\b|\bR-[\w.-]+|\bB-[\w.-]+", "REFERENCE", same)
    return re.sub(r"\s+", " ", same)


@pytest.mark.parametrize("name", SCREENS)
def test_a_picture_is_of_the_page_as_it_is(browser: Browser, there: str, shown_site: ServiceSite, name: str) -> None:
    screen = SCREENS[name]
    with opened(browser, there, shown_site, role=screen.role, viewport=SIZE) as page:
        page.goto(screen.address.format(**shown_site.people))
        text = words_of(page.locator("body").inner_text())
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        if os.environ.get("CRISISRISK_PICTURES") == "write":
            FOLDER.mkdir(exist_ok=True)
            page.screenshot(path=FOLDER / f"{name}.png")
            kept = json.loads(DIGESTS.read_text()) if DIGESTS.exists() else {}
            DIGESTS.write_text(json.dumps(kept | {name: digest}, indent=1, sort_keys=True) + "\n")
    assert (FOLDER / f"{name}.png").stat().st_size > 10_000
    assert json.loads(DIGESTS.read_text())[name] == digest, f"{__doc__}\nNow it says: {text}"


def test_every_picture_is_shown_and_told_in_words() -> None:
    text, readme = PAGE.read_text(), (ROOT / "README.md").read_text()
    for name, screen in SCREENS.items():
        assert f"![{screen.words}](../pictures/{name}.png)" in text
    assert len(re.findall(r"!\[[^\]]+\]\(docs/pictures/[a-z-]+\.png\)", readme)) == 2
    assert {path.stem for path in FOLDER.glob("*.png")} == set(SCREENS)
