"""Explanations of one person: they add up, say what is not known, and split a movement without a gap."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.lib.explained_site import THEN, explained_site, pid
from tests.lib.service_site import ServiceSite

from crisisrisk.cli import run
from crisisrisk.commands.explain import ExplainResult, explain
from crisisrisk.errors import UsageError
from crisisrisk.models.champions import champion
from crisisrisk.models.risk_model import RiskModel
from crisisrisk.scoring.answering import Answering
from crisisrisk.scoring.changes import changes, in_points
from crisisrisk.scoring.explaining import explain_person
from crisisrisk.scoring.people import score_people
from crisisrisk.scoring.standing import record_of, standing
from crisisrisk.tables.store import Store

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ServiceSite:
    return explained_site(tmp_path_factory.mktemp("explained") / "site")


@pytest.fixture(scope="module")
def cat(made: ServiceSite) -> ExplainResult:
    return explain(made.site, pid(made, "cat"), as_of=NOW, since=THEN)


def test_the_reasons_and_everything_else_add_up_to_the_score(cat: ExplainResult) -> None:
    answer = cat.answer
    groups = sum(answer.by_group.values())
    assert answer.expected_value + groups == pytest.approx(answer.log_odds, abs=1e-9)
    worded = sum(reason.get("log_odds", 0.0) for reason in answer.reasons)
    assert answer.expected_value + worded + answer.everything_else == pytest.approx(answer.log_odds, abs=1e-9)
    probability = cat.model.risk_model.calibration.apply(answer.log_odds)
    assert answer.probability == pytest.approx(float(probability))


def test_one_person_is_explained_as_in_a_scoring_of_everyone(made: ServiceSite, cat: ExplainResult) -> None:
    scored = score_people(champion(made.site.models, "person"), Store(made.site).snapshot(), made.site, as_of=NOW)
    row = scored.frame.set_index("person_id").loc[pid(made, "cat")]
    for name in ("probability", "lower", "upper", "thin_history"):
        assert row[name] == getattr(cat.answer, name)
    assert cat.answer.lower < cat.answer.probability < cat.answer.upper
    texts = [reason["text"] for reason in cat.answer.reasons]
    assert row["reasons"]
    assert all(reason["text"] in texts for reason in row["reasons"])


def test_the_range_and_a_thin_history_are_said_as_in_a_list(made: ServiceSite, cat: ExplainResult) -> None:
    said, text = cat.as_json(), cat.as_text()
    assert (said["lower"], said["upper"], said["thin_history"]) == (cat.answer.lower, cat.answer.upper, True)
    in_brackets = [round(100 * end) for end in (said["lower"], said["upper"])]
    assert f"in 100 people ({in_brackets[0]} to {in_brackets[1]}, thin history) with a history like this" in text
    assert "In brackets the range" in text or "range, 90 in 100" in text
    assert any("thin history" in caveat for caveat in said["caveats"])


def test_a_model_without_a_range_says_so(made: ServiceSite, cat: ExplainResult) -> None:
    model = cat.answer.model
    line = replace(model.risk_model.calibration, band=None)
    unranged = replace(model, model=RiskModel(model.risk_model.scorer, line))
    snapshot = Store(made.site).snapshot()
    answer = explain_person(
        [unranged], [unranged], snapshot, made.site, pid(made, "cat"), as_of=NOW, since=None
    )  # fmt: skip
    told = ExplainResult(as_of=NOW, answering=Answering(unranged), zone=cat.zone, answer=answer)
    assert (told.as_json()["lower"], told.as_json()["upper"]) == (None, None)
    assert "The range is not known: how far off a number may be was not worked out." in told.as_json()["caveats"]


def test_reasons_carry_the_dated_contacts_behind_them(cat: ExplainResult) -> None:
    police = next(one for one in cat.answer.reasons if "999 calls" in one["text"])
    assert police["events"]
    assert "Nov)" in police["text"]


def test_what_is_not_recorded_is_said_to_be_so(cat: ExplainResult) -> None:
    assert "age: not recorded" in cat.answer.told("not_known")
    assert "Not known\n  · " in cat.as_text()


def test_what_pulls_down_says_why_it_is_not_higher(cat: ExplainResult) -> None:
    down = cat.answer.told("down")
    assert any("crisis-line call" in text for text in down)
    assert "Pulling it down, so why not higher" in cat.as_text()
    assert not any(word in cat.as_text().lower() for word in ("low risk", "safe", "reassuring"))


def test_a_movement_is_split_without_a_gap(made: ServiceSite, cat: ExplainResult) -> None:
    moved = cat.answer.changes
    assert [part.cause for part in moved.parts] == ["new_contacts", "ageing", "model"]
    assert sum(part.log_odds for part in moved.parts) == pytest.approx(moved.log_odds, abs=1e-12)
    assert sum(part.points for part in moved.parts) == moved.points == in_points(moved.after) - in_points(moved.before)
    assert all(part.log_odds != 0 for part in moved.parts)
    assert moved.after == cat.answer.probability
    then = explain(made.site, pid(made, "cat"), as_of=THEN, since=None)
    assert then.model.manifest.version == 6  # the model that answers now; the movement begins at that of then
    texts = [reason["text"] for reason in moved.parts[0].reasons]
    assert any("999 calls" in text for text in texts)


def test_each_part_is_one_cause_alone(made: ServiceSite) -> None:
    now = champion(made.site.models, "person")
    record = record_of(Store(made.site).snapshot(), made.site, pid(made, "cat"), models=[now], as_of=NOW)
    same_model = changes(now, now, record, since=THEN, as_of=NOW)
    assert [part.log_odds for part in same_model.parts if part.cause == "model"] == [0.0]
    # An event of October that became known in November is a new contact, not an old one that fades.
    begin = standing(now, record.known_before(THEN), THEN)
    assert begin.probability == standing(now, record, THEN).probability
    without_news = record.known_before(THEN)
    quiet = changes(now, now, without_news, since=THEN, as_of=NOW)
    assert [part.log_odds for part in quiet.parts if part.cause == "new_contacts"] == [0.0]


def test_a_correction_known_later_is_not_known_then(made: ServiceSite) -> None:
    models = [champion(made.site.models, "person")]
    record = record_of(Store(made.site).snapshot(), made.site, pid(made, "cat"), models=models, as_of=NOW)
    before = record.known_before(THEN)
    assert before.events.num_rows == 3
    assert record.events.num_rows == 6


def test_without_a_score_there_is_a_reason_and_no_number(made: ServiceSite) -> None:
    at = datetime(2026, 10, 6, tzinfo=UTC)
    unscored = explain(made.site, pid(made, "cat"), as_of=NOW, since=datetime(2026, 10, 1, tzinfo=UTC))
    assert unscored.answer.changes is None
    assert "What changed cannot be said: no score then (no_data)" in unscored.as_text()
    with pytest.raises(UsageError, match="nobody of that pseudonym was known") as caught:
        explain(made.site, pid(made, "nobody"), as_of=at, since=None)
    assert pid(made, "nobody") not in str(caught.value)


def test_the_date_to_compare_with_lies_before_the_moment(made: ServiceSite) -> None:
    with pytest.raises(UsageError, match="does not lie before"):
        explain(made.site, pid(made, "cat"), as_of=THEN, since=NOW)


def test_the_command_says_the_same(made: ServiceSite, cat: ExplainResult, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["explain", pid(made, "cat"), "--as-of", "2026-11-22T06:00", "--since", "2026-11-02", "--site"]
    assert run([*asked, str(made.site.path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == json.loads(json.dumps(cat.as_json()))
    assert said["expected_value"] + sum(said["groups"].values()) == pytest.approx(said["log_odds"], abs=1e-9)
    assert run([*asked, str(Path(made.site.path))]) == 0
    text = capsys.readouterr().out
    assert "in 100: " in text
    assert text.startswith(pid(made, "cat"))
