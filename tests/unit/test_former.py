"""After a change of model the higher of two answers, for a while: in scorings, answers and explanations."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.explained_site import NAME, explained_site, pid, trained
from tests.lib.service_site import EVENTS_MAPPING, SERVICE, ServiceSite, load_rows

from crisisrisk.cli import run
from crisisrisk.commands.explain import explain
from crisisrisk.commands.score import score
from crisisrisk.database.latest import latest_person_scores
from crisisrisk.models.bundle import Bundle, write_bundle
from crisisrisk.models.calibration import Calibration
from crisisrisk.models.champions import Change, bundle_folder, former_versions, set_champion_bundle
from crisisrisk.models.risk_model import RiskModel
from crisisrisk.models.signing import signing_key
from crisisrisk.scoring.answering import Answering, answered_at, answering
from crisisrisk.scoring.former import FORMER, same_question
from crisisrisk.scoring.people import COLUMNS, score_people
from crisisrisk.tables.store import Store

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
KEPT = SERVICE + "[updating]\nkeep_higher_days = 5\n"


# Which versions still count


def changed(*versions: tuple[int, float]) -> list[Change]:
    """Which version began to answer on which day."""
    return [Change(version=one, by="t", at=(START + day * DAY).isoformat(), reason="t") for one, day in versions]


@pytest.mark.parametrize(
    ("made", "day", "within", "former"),
    [
        ([(1, 0)], 1, 9, ()),
        ([(1, 0), (2, 10)], 12, 5, (1,)),
        ([(1, 0), (2, 10)], 15, 5, ()),  # five days are over
        ([(1, 0), (2, 10), (3, 12)], 13, 5, (2, 1)),  # two promotions in a row: nobody falls by the second either
        ([(1, 0), (2, 10), (3, 12)], 16, 5, (2,)),
        ([(1, 0), (2, 10), (1, 12)], 13, 99, ()),  # a rollback ends it
        ([(1, 0), (2, 10), (1, 12), (3, 14)], 15, 99, (1,)),  # and what it took back never speaks again
        ([(1, 0), (2, 10)], 11, 0, ()),
    ],
)
def test_who_answered_before_counts_for_the_stated_days_or_until_a_rollback(made, day, within, former) -> None:
    assert former_versions(changed(*made), at=START + day * DAY, within=within * DAY) == former


steps = st.lists(st.tuples(st.sampled_from(["promote", "back"]), st.integers(0, 9)), min_size=1, max_size=9)


@given(steps, st.integers(0, 40), st.integers(0, 40))
def test_nobody_who_answers_or_was_taken_back_counts_and_more_days_never_take_one_away(steps, fewer, more) -> None:
    versions, day, newest = [(1, 0.0)], 0.0, 1
    for what, pause in steps:
        day += pause
        earlier = [one for one, _ in versions if one != versions[-1][0]]
        if what == "promote" or not earlier:
            newest += 1
            versions.append((newest, day))
        else:
            versions.append((earlier[-1], day))
    at = START + (day + 1) * DAY
    found = [former_versions(changed(*versions), at=at, within=days * DAY) for days in sorted((fewer, more))]
    assert set(found[0]) <= set(found[1])
    assert versions[-1][0] not in found[1]
    numbers = [one for one, _ in versions]
    rolled_back = [place for place, one in enumerate(numbers) if one in numbers[:place]]
    since = max(rolled_back, default=0)
    assert set(found[1]) <= set(numbers[since:])


# One site, two models: each says more of some people


def two_models() -> tuple[Bundle, Bundle]:
    """The second says more of those it ranks low and less of those it ranks high than the first."""
    first, second = trained(5), trained(6)
    flat = Calibration(kind="platt", slope=0.3, intercept=-0.4, band=second.risk_model.calibration.band)
    return first, replace(second, model=RiskModel(second.risk_model.scorer, flat))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ServiceSite:
    """Version 5 answered before yesterday, version 6 since. Forty more people have records."""
    site = explained_site(tmp_path_factory.mktemp("former") / "site")
    folder = site.site.models / NAME
    for path in (*folder.glob("v5/*"), *folder.glob("v6/*"), folder / "champion.json"):
        path.unlink()
    (site.site.state / "models.json").unlink()
    for version, bundle in zip((5, 6), two_models(), strict=True):
        (folder / f"v{version}").rmdir()
        write_bundle(bundle_folder(site.site.models, NAME, version), bundle, signing_key(site.site))
        promote(site, version, days_ago=10 if version == 5 else 1)
    load_rows(site.site, "many", _records(), EVENTS_MAPPING)
    return site


def service_caveat(made: ServiceSite, name: str) -> str:
    return answering(made.site, keep_higher_days=0).now.phrases.caveats[name]


def promote(made: ServiceSite, version: int, *, days_ago: float = 0) -> None:
    at = (datetime.now(UTC) - days_ago * DAY).isoformat()
    change = Change(version=version, by="tests", at=at, reason="tests")
    set_champion_bundle(made.site.models, NAME, change, signing_key(made.site))


def _records() -> str:
    random, lines = np.random.default_rng(1), ["id,at,known,source,person"]
    for person in range(40):
        for number in range(int(random.integers(1, 9))):
            at = datetime(2026, 8, 1) + float(random.uniform(0, 110)) * DAY
            source = ("crisis_line", "police_999")[int(random.integers(2))]
            at_text, known = (f"{one:%Y-%m-%d %H:%M:%S}" for one in (at, at + DAY / 24))
            lines.append(f"m{person}-{number},{at_text},{known},{source},many{person}")
    return "\n".join([*lines, ""])


def test_everyone_has_the_higher_number_with_what_belongs_to_it(made: ServiceSite) -> None:
    first, second = two_models()
    snapshot = Store(made.site).snapshot()
    at = snapshot.as_of_now()
    alone = {
        one.manifest.version: score_people(one, snapshot, made.site, as_of=at).frame.set_index("person_id")
        for one in (first, second)
    }
    both = score_people(second, snapshot, made.site, as_of=at, former=[first])
    frame = both.frame.set_index("person_id")
    scored = frame[frame["state"] == "scored"]
    assert len(scored) > 40
    assert set(scored["model_version"]) == {5, 6}
    for person, row in scored.iterrows():
        numbers = {version: one.loc[person, "probability"] for version, one in alone.items()}
        assert row["probability"] == max(numbers.values())
        assert row["probability"] == numbers[row["model_version"]]
        own = alone[row["model_version"]].loc[person]
        for name in ("thin_history", "reasons"):
            assert row[name] == own[name]
    # A range holds among the numbers of one model, not among those that were picked for being higher.
    assert alone[6]["lower"].notna().any()
    assert frame[["lower", "upper"]].isna().all(axis=None)
    assert scored["probability"].is_monotonic_decreasing
    assert (both.meta.model_version, both.meta.former_versions) == (6, (5,))
    # Whoever has no score has the same state as without: it is the model that answers who says so.
    others = frame[frame["state"] != "scored"]
    assert others["state"].to_dict() == alone[6].loc[others.index, "state"].to_dict()


def test_of_equals_the_model_that_answers_speaks(made: ServiceSite) -> None:
    second = answering(made.site, keep_higher_days=0).now
    again = score_people(second, Store(made.site).snapshot(), made.site, as_of=START + 320 * DAY, former=[second])
    alone = score_people(second, Store(made.site).snapshot(), made.site, as_of=START + 320 * DAY)
    same = [name for name in COLUMNS if name not in ("lower", "upper")]
    assert again.frame[same].equals(alone.frame[same])


def test_a_scoring_keeps_whose_number_each_is_and_answers_say_so(
    made: ServiceSite, capsys: pytest.CaptureFixture[str]
) -> None:
    made.declare("service.toml", KEPT)
    assert run(["score", "--site", str(made.site.path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["model"]["version"], said["higher_of"]) == (6, [6, 5])
    found = latest_person_scores(made.engine)
    assert found is not None
    stored, frame = found
    assert stored.meta.former_versions == (5,)
    scored = frame[frame["state"] == "scored"]
    assert said["from_former"] == int((scored["model_version"] == 5).sum()) > 0
    whose = scored.set_index("person_id")["model_version"]
    client = made.client("care", "north")
    for name in ("ann", "ben", "cat"):
        answer = client.get(f"/api/v1/people/{made.people[name]}/risk").json()
        assert (answer["model"]["version"], answer["model_version"]) == (6, whose[made.people[name]])
        assert FORMER in answer["caveats"]  # who keeps the new number was picked too
        assert (answer["lower"], answer["upper"]) == (None, None)
        assert service_caveat(made, "interval") not in answer["caveats"]
    body = client.get("/api/v1/caseloads/north?limit=3").json()
    listed = [one["probability"] for one in body["people"]]
    assert listed == sorted(listed, reverse=True)
    assert FORMER in body["caveats"]
    assert run(["score", "--site", str(made.site.path)]) == 0
    text = capsys.readouterr().out
    assert f"the higher of v6 and v5: {said['from_former']} numbers are of before" in text
    assert " by v5   " in text
    assert FORMER in text
    assert "In brackets the range" not in text


def test_an_explanation_is_of_the_number_that_is_shown(made: ServiceSite) -> None:
    made.declare("service.toml", KEPT)
    frame = score(made.site, as_of=None, out=None).scores.frame
    scored = frame[frame["state"] == "scored"]
    for version in (5, 6):
        row = scored[scored["model_version"] == version].iloc[0]
        told = explain(made.site, row["person_id"], as_of=None, since=datetime(2026, 11, 1, tzinfo=UTC))
        answer = told.answer
        assert answer.model.manifest.version == version
        assert answer.probability == row["probability"]
        assert np.isnan([answer.lower, answer.upper, row["lower"], row["upper"]]).all()
        assert answer.expected_value + sum(answer.by_group.values()) == pytest.approx(answer.log_odds, abs=1e-9)
        said = told.as_json()
        assert (said["model"]["version"], said["higher_of"]) == (version, [6, 5])
        assert FORMER in said["caveats"]
        assert (f"{NAME} v{version}" in told.as_text(), FORMER in told.as_text()) == (True, True)
        if answer.changes is not None:
            moved = answer.changes
            assert moved.after == answer.probability
            assert sum(part.log_odds for part in moved.parts) == pytest.approx(moved.log_odds, abs=1e-12)


def test_it_ends_with_the_days_and_another_question_is_not_compared(
    made: ServiceSite, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answering(made.site, keep_higher_days=5).versions == (6, 5)
    assert answering(made.site, keep_higher_days=0.5).versions == (6,)
    made.declare("service.toml", SERVICE)  # 0 days: as the file that `init` writes
    assert run(["score", "--site", str(made.site.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["higher_of"] == [6]
    # From then on there are ranges again.
    frame = score(made.site, as_of=None, out=None).scores.frame
    assert frame["lower"].notna().any()
    then = answered_at(
        made.site, answering(made.site, keep_higher_days=0).now, datetime.now(UTC) - 2 * DAY, keep_higher_days=5
    )
    assert then.versions == (5,)


def test_another_question_is_not_compared_and_a_rollback_ends_it(
    made: ServiceSite, capsys: pytest.CaptureFixture[str]
) -> None:
    other = trained(7)
    other = replace(other, task=replace(other.task, horizon_days=90))
    assert not same_question(other.task, trained(6).task)
    write_bundle(bundle_folder(made.site.models, NAME, 7), other, signing_key(made.site))
    promote(made, 7)
    made.declare("service.toml", KEPT)
    found = answering(made.site, keep_higher_days=5)
    assert isinstance(found, Answering)
    assert (found.versions, found.other_questions) == ((7,), (6, 5))
    assert run(["score", "--site", str(made.site.path)]) == 0
    assert "v6 and v5 answered another question" in capsys.readouterr().out
    promote(made, 6)
    assert answering(made.site, keep_higher_days=5).versions == (6,)
    assert run(["score", "--site", str(made.site.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["higher_of"] == [6]
    answer = made.client("care", "north").get(f"/api/v1/people/{pid(made, 'cat')}/risk").json()
    assert (answer["model"]["version"], answer["model_version"]) == (6, 6)


def test_days_that_are_none_are_refused(made: ServiceSite, capsys: pytest.CaptureFixture[str]) -> None:
    for value in ("-1", "inf", "nan", "5000"):
        made.declare("service.toml", SERVICE + f"[updating]\nkeep_higher_days = {value}\n")
        assert run(["score", "--site", str(made.site.path)]) == 2
        assert "updating.keep_higher_days is" in capsys.readouterr().err
    made.declare("service.toml", SERVICE)


def test_a_model_of_before_that_was_changed_stops_the_scoring(made: ServiceSite, tmp_path: Path) -> None:
    from crisisrisk.errors import ModelError

    promote(made, 5)  # a rollback; what is promoted next has it before it
    write_bundle(bundle_folder(made.site.models, NAME, 8), trained(8), signing_key(made.site))
    promote(made, 8)
    text = bundle_folder(made.site.models, NAME, 5) / "model.txt"
    kept = text.read_bytes()
    text.write_bytes(kept.replace(b"num_leaves", b"num_Leaves", 1))
    with pytest.raises(ModelError) as caught:
        answering(made.site, keep_higher_days=5)
    assert caught.value.code == "CR-MODEL-001"
    text.write_bytes(kept)
    assert answering(made.site, keep_higher_days=5).versions == (8, 5)
