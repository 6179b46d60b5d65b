"""The two pages that are open all day, at their largest: the caseload of a team of 500 and the board of 600 places.

`python -m benchmarks service_pages`. A site made as any is: invented files loaded, names kept encrypted, both models,
24 weekly scorings, the forecast of the next shifts; the real service, its trail of who looked with the disk asked each
time. One reader after the other. A page's weight is what it and everything that it loads weigh as they are sent.
"""

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
from tests.lib.answering_models import let_answer
from tests.lib.running_service import running_service
from tests.lib.weighing import loaded_by

from benchmarks.report import Figure, Outcome
from benchmarks.score_people import demo_model, invented_site, print_aside
from crisisrisk.commands.demo import answering_run
from crisisrisk.commands.forecast import forecast
from crisisrisk.commands.identities import load_identities
from crisisrisk.commands.keys import create_key
from crisisrisk.commands.score import score
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

PEOPLE, RESIDENTS, YEARS, WEEKS = 1_900, 790_000, 1.5, 24
FEWEST_PEOPLE, FEWEST_RESIDENTS, FEW_WEEKS = 800, 60_000, 2
TIMES, WARM = 200, 5
BAR_MS, BAR_KB = 100.0, 120.0


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """Milliseconds within which 95 in 100 answers came, and kilobytes. There are no peers: these are our own pages."""
    with tempfile.TemporaryDirectory() as name:
        site = _site(Path(name), scale)
        with running_service(site.path, Path(name) / "log") as service:
            base, crisis = f"http://127.0.0.1:{service.port}", _key(site, "crisis_team")
            care, size = _largest_team(site, base)
            board, places = _next_shift(base, crisis)
            pages = {
                f"caseload of {size}": _read(base, care, "/caseload?tab=all", scale),
                f"caseload of {size}, what is new": _read(base, care, "/caseload", scale),
                f"board of {places} places": _read(base, crisis, board, scale),
                f"board of {places} places, all of them listed": _read(base, crisis, f"{board}?all=true", scale),
            }
            service.stop()
    figures = []
    for what, (milliseconds, kilobytes) in pages.items():
        figures += [
            Figure(what=f"{what}, 95 in 100 within", value=milliseconds, unit="ms", bar=BAR_MS, less_is_better=True),
            Figure(what=f"{what}, weight", value=kilobytes, unit="kB", bar=BAR_KB, less_is_better=True),
        ]
    return Outcome(of=f"{TIMES} times each, one after the other, by HTTP on this machine", figures=tuple(figures))


def _site(folder: Path, scale: float) -> Site:
    model = demo_model(folder / "demo")
    site = invented_site(
        folder / "city", max(round(PEOPLE * scale), FEWEST_PEOPLE), YEARS,
        residents=max(round(RESIDENTS * scale), FEWEST_RESIDENTS),
    )  # fmt: skip
    load_identities(site, site.path / "people.csv", kind="nhs_number", user="the benchmark")
    let_answer(site, model, at=datetime.now(UTC).isoformat())
    now = Store(site).snapshot().as_of_now()
    for week in range(WEEKS if scale == 1 else FEW_WEEKS, -1, -1):
        score(site, as_of=now - timedelta(weeks=week), out=None)
    answering_run(site, "place", tell=print_aside)
    forecast(site, start=None, hours=24.0, out=None)
    return site


def _key(site: Site, role: str, team: str | None = None) -> httpx.Headers:
    secret = create_key(site, role=role, team=team, valid_for=timedelta(hours=1)).secret
    return httpx.Headers({"X-API-Key": secret, "Accept": "text/html", "Accept-Encoding": "gzip"})


def _largest_team(site: Site, base: str) -> tuple[httpx.Headers, int]:
    """Who reads the longest caseload, and how many are on it."""
    found = []
    for team in site.teams:
        reader = _key(site, "care", team)
        told = httpx.get(f"{base}/api/v1/caseloads/{team}?limit=1", headers=reader, timeout=60).json()
        found.append((reader, int(told["people_on_caseload"])))
    return max(found, key=lambda one: one[1])


def _next_shift(base: str, reader: httpx.Headers) -> tuple[str, int]:
    """The page of the first shift that is forecast, and of how many places that is."""
    listed = httpx.get(f"{base}/api/v1/shifts", headers=reader, timeout=60).json()["shifts"]
    shift = next(one["id"] for one in listed if one["forecast"] is not None)
    told = httpx.get(f"{base}/api/v1/shifts/{shift}/hotspots?limit=1", headers=reader, timeout=60).json()
    return f"/shifts/{shift}", int(told["places_forecast"])


def _read(base: str, reader: httpx.Headers, path: str, scale: float) -> tuple[float, float]:
    """Milliseconds within which 95 in 100 answers came, and kilobytes of the page with all that it loads."""
    seconds = []
    with httpx.Client(base_url=base, headers=reader, timeout=60) as client:
        for _ in range(WARM):
            text = _page(client, path)
        for _ in range(max(round(TIMES * min(scale, 1)), 20)):
            began = time.perf_counter()
            _page(client, path)
            seconds.append(time.perf_counter() - began)
        loaded = loaded_by(text, lambda at: client.get(at).text)
        weight = sum(_weight(client, one) for one in {path, *loaded})
    return 1000 * float(np.quantile(seconds, 0.95)), weight / 1000


def _page(client: httpx.Client, path: str) -> str:
    answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path} was answered with {answer.status_code}")
    return answer.text


def _weight(client: httpx.Client, path: str) -> int:
    """Bytes as they are sent."""
    with client.stream("GET", path) as answer:
        return sum(len(part) for part in answer.iter_raw())
