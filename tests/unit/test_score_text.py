"""The list as a terminal shows it: who is in a crisis or in hospital stands above it, and numbers are never 0."""

import json
from datetime import UTC, datetime

import pandas as pd
import pytest
from tests.lib.explained_site import explained_site
from tests.lib.service_site import SERVICE, ServiceSite

from crisisrisk.cli import run
from crisisrisk.commands.score import ScoreResult, likely_in_100, score
from crisisrisk.database.history import scores_of as scores_of_run
from crisisrisk.database.scores import RunMeta
from crisisrisk.errors import UsageError
from crisisrisk.scoring.changes import in_points
from crisisrisk.scoring.ordering import in_100
from crisisrisk.scoring.people import COLUMNS, PersonScores, scores_table
from crisisrisk.scoring.pseudonyms import shown, the_one

AS_OF = datetime(2026, 11, 22, 6, tzinfo=UTC)
META = RunMeta(
    task="t", model_name="m", model_version=1, run_id="r", recipe_fingerprint="f", horizon_days=28, as_of=AS_OF,
    data_complete_to={}, valid_until=AS_OF, made_at=AS_OF, outcome="crisis contact",
)  # fmt: skip
WORDS = {"in_crisis_episode": "in a crisis episode now", "in_hospital": "in hospital", "no_data": "no data yet"}


def scores_of(*people: tuple[str, str, float]) -> PersonScores:
    rows = [(who, state, risk, float("nan"), float("nan"), False, 1, float("nan"), (), AS_OF)
            for who, state, risk in people]  # fmt: skip
    return PersonScores(pd.DataFrame(rows, columns=list(COLUMNS)), META)


EVERYONE = scores_of(
    ("k1_LISTED", "scored", 0.185), ("k1_NOBODY", "no_data", float("nan")), ("k1_WARD", "in_hospital", float("nan")),
    *((f"k1_CRISIS{number:02}", "in_crisis_episode", float("nan")) for number in range(12)),
)  # fmt: skip


def test_people_in_crisis_or_in_hospital_stand_above_the_list_and_others_are_counted() -> None:
    result = ScoreResult(run=1, scores=EVERYONE, caveats=("not reassurance",), words=WORDS, seconds=0.0)
    lines = result.as_text().splitlines()
    assert lines[1] == "12 in a crisis episode now"
    assert lines[2].split() == [f"k1_CRISIS{number:02}" for number in range(10)] + ["and", "2", "more"]
    assert lines[3:6] == ["1 in hospital", "      k1_WARD", "1 no data yet"]
    assert lines[6].startswith("   1  k1_LISTED  about 19 in 100")
    assert lines[7] == "      (not reassurance)"


def test_a_file_begins_with_them() -> None:
    states = scores_table(EVERYONE)["state"].tolist()
    assert states == ["in_crisis_episode"] * 12 + ["in_hospital", "scored", "no_data"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ServiceSite:
    site = explained_site(tmp_path_factory.mktemp("text") / "site")
    site.declare("service.toml", SERVICE)
    return site


def test_the_list_says_what_it_is_about_and_the_beginning_of_a_pseudonym_is_explained(
    made: ServiceSite, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["score", "--site", str(made.site.path)]) == 0
    assert "(contact only)" in capsys.readouterr().out  # the outcome caveat of this site
    first = score(made.site, as_of=None, out=None).scores.frame["person_id"].iloc[0]
    short = shown(first)
    assert len(short) < len(first)
    told = []
    for typed in (first, short, f"{short}…"):
        assert run(["explain", typed, "--site", str(made.site.path)]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1] == told[2]
    assert first in told[0]


def test_weeks_are_scored_in_order_each_by_what_was_known_at_its_own_moment(
    made: ServiceSite, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--site", str(made.site.path), "--as-of", "2026-11-20T06:00"]
    assert run(["score", *at, "--weeks", "3", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    every = [*said["earlier"], said]
    assert [one["as_of"][:16] for one in every] == ["2026-11-06T06:00", "2026-11-13T06:00", "2026-11-20T06:00"]
    assert [one["run"] - every[0]["run"] for one in every] == [0, 1, 2]
    for one in every:
        moment = datetime.fromisoformat(one["as_of"])
        alone = score(made.site, as_of=moment, out=None).scores.frame
        kept = scores_of_run(made.engine, one["run"]).set_index("person_id")["probability"]
        assert kept.to_dict() == pytest.approx(alone.set_index("person_id")["probability"].to_dict(), nan_ok=True)
    assert run(["score", *at, "--weeks", "2"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("person_crisis_28d v6 as of 13 Nov 2026 06:00 UTC · ")


@pytest.mark.parametrize("weeks", ["0", "-1", "54"])
def test_a_number_of_weeks_that_makes_no_sense_is_refused(
    made: ServiceSite, capsys: pytest.CaptureFixture[str], weeks: str
) -> None:
    assert run(["score", "--site", str(made.site.path), "--weeks", weeks]) == 2
    said = capsys.readouterr().err
    assert "not a number of weeks to score" in said
    assert "1 to 53" in said


def test_the_list_names_feeds_that_are_late(made: ServiceSite) -> None:
    """The crisis line was silent from 9 October to 20 November, ten times its longest gap before."""
    told = [score(made.site, as_of=datetime(2026, 11, day, 6, tzinfo=UTC), out=None).caveats for day in (19, 22)]
    assert [line for line in told[0] if line.startswith("late")] == ["late: crisis line 9 Oct 2026 11:00"]
    assert [line for line in told[1] if line.startswith("late")] == []


def test_a_beginning_finds_one_person_and_never_one_of_several() -> None:
    several = {"k1_AAAAAAAAAAAAAA01", "k1_AAAAAAAAAAAAAA02"}
    assert the_one("k1_B", {"k1_BCDEFGHJKMNPQRST"}) == "k1_BCDEFGHJKMNPQRST"
    assert the_one("k1_AAAAAAAAAAAAAA02", {"k1_AAAAAAAAAAAAAA02"}) == "k1_AAAAAAAAAAAAAA02"
    assert the_one("k1_C", set()) == "k1_C"
    with pytest.raises(UsageError) as caught:
        the_one(shown("k1_AAAAAAAAAAAAAA01"), several)
    assert "AAAA" not in str(caught.value)


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.185, "19"),
        (0.005, "0.5"),
        (0.0, "0.1"),
        (0.0004, "0.1"),
        (0.0149, "1"),
        (0.0099, "1"),
        (0.125, "13"),
        (1.0, "100"),
    ],
)
def test_one_rounding_everywhere_and_never_0_in_100(probability: float, words: str) -> None:
    assert likely_in_100(probability) == words == f"{in_100(probability):g}"
    if probability >= 0.01:
        assert in_points(probability) == in_100(probability)
