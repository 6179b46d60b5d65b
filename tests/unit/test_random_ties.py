"""Where a site wants it, people of nearly the same risk stand in a random order, which is kept with each scoring."""

import json

import numpy as np
import pytest
from tests.lib.database import score_row
from tests.lib.explained_site import explained_site
from tests.lib.service_site import SERVICE, ServiceSite, make_site

from crisisrisk.cli import run
from crisisrisk.commands.score import score
from crisisrisk.database.latest import latest_person_scores
from crisisrisk.scoring.ordering import tie_key

DRAWN = SERVICE + "[lists]\nrandom_ties = true\nrandom_ties_seed = 12\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ServiceSite:
    return explained_site(tmp_path_factory.mktemp("ties") / "site")


def test_it_is_off_and_nothing_is_drawn(made: ServiceSite) -> None:
    made.declare("service.toml", SERVICE)
    scores = score(made.site, as_of=None, out=None).scores
    assert scores.meta.tie_seed is None
    assert scores.frame["tie_key"].isna().all()
    found = latest_person_scores(made.engine)
    assert found is not None
    assert found[0].meta.tie_seed is None
    assert found[1]["tie_key"].isna().all()


def test_the_seed_and_every_key_are_kept_and_no_number_changes(
    made: ServiceSite, capsys: pytest.CaptureFixture[str]
) -> None:
    made.declare("service.toml", SERVICE)
    before = score(made.site, as_of=None, out=None).scores.frame.set_index("person_id")
    made.declare("service.toml", DRAWN)
    assert run(["score", "--site", str(made.site.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tie_seed"] == 12
    found = latest_person_scores(made.engine)
    assert found is not None
    stored, frame = found
    assert stored.meta.tie_seed == 12
    scored = frame[frame["state"] == "scored"]
    keys = [tie_key(12, stored.meta.as_of, person) for person in scored["person_id"]]
    assert scored["tie_key"].tolist() == keys
    assert frame[frame["state"] != "scored"]["tie_key"].isna().all()
    assert scored["probability"].is_monotonic_decreasing
    after = frame.set_index("person_id").loc[before.index]
    for name in ("state", "probability", "lower", "upper"):
        assert np.array_equal(after[name], before[name], equal_nan=name != "state")


def test_the_service_lists_people_in_the_kept_order(tmp_path) -> None:
    site = make_site(tmp_path / "site")
    risk = {"dan": 0.304, "ann": 0.301, "ben": 0.184, "cat": 0.179, "eve": 0.176, "back": 0.05}
    keys = {"dan": 0.9, "ann": 0.2, "ben": 0.7, "cat": 0.1, "eve": 0.5, "back": 0.05}
    site.score(*(score_row(name, chance, tie_key=keys[name]) for name, chance in risk.items()), tie_seed=12)
    of = {pseudonym: name for name, pseudonym in site.people.items()}

    def listed(limit: int) -> list[str]:
        body = site.client("care", "north").get(f"/api/v1/caseloads/north?limit={limit}").json()
        assert body["people_scored"] == len(risk)
        return [of[one["person_id"]] for one in body["people"]]

    # The team's own list ends after two. 30 in 100 is said of two people, 18 of three.
    assert listed(10) == ["ann", "dan", "cat", "eve", "ben", "back"]
    assert listed(2) == ["ann", "dan"]
    # A list that ends among the three shows the likeliest of them, whatever was drawn.
    assert listed(3) == ["ann", "dan", "ben"]
    assert listed(1) == ["dan"]
