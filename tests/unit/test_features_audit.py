"""The leakage audit: it passes where nothing leaks, and catches every engine and every file that reads the future."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from tests.lib.histories import BASE, EventVersion, PersonVersion, event_table, people_table

from crisisrisk.cli import run
from crisisrisk.cohorts import PersonRows
from crisisrisk.commands import features_audit
from crisisrisk.episodes import EpisodeRule
from crisisrisk.evaluation.giveaways import COLUMNS, columns_alone, values_followed
from crisisrisk.features.audit import (
    difference,
    events_rewritten_after,
    events_rewritten_before,
    history_rewritten_after,
    instants,
    with_instants,
)
from crisisrisk.features.person import person_features
from crisisrisk.tables.clocks import source_clocks
from crisisrisk.tables.site import read_site
from crisisrisk.timeline import FOREVER_US, microseconds

SMALL = ("--scale", "sample", "--people", "500", "--years", "1.5", "--seed", "5", "--processes", "1", "--no-truth")
AS_OF = microseconds(BASE)
DAY = timedelta(days=1)
RECIPE = """
[recipe]
name = "audited"
subject = "person"
[[group]]
name = "any_contact"
sources = "all"
aggregations = ["count", "days_since_last", "distinct_days", "share_out_of_hours", "trend"]
lookback_days = [28, 91, 365]
short_days = 28
singular = "contact"
plural = "contacts"
[[group]]
name = "person"
aggregations = ["age", "deprivation_decile"]
"""


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small invented city as it is, and with the planted column that knows the future, both loaded."""
    made = {}
    for name, options in {"honest": (), "leaking": ("--defect", "leaking_column")}.items():
        folder = tmp_path_factory.mktemp("audited") / name
        assert run(["simulate", *SMALL, *options, "--out", str(folder)]) == 0
        assert run(["data", "load-folder", str(folder), "--site", str(folder)]) == 0
        (folder / "features").mkdir()
        (folder / "features" / "person.toml").write_text(RECIPE, encoding="utf-8")
        made[name] = folder
    return made


def audited(site: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, object]]:
    capsys.readouterr()
    code = run(["features", "audit", "--site", str(site), "--trials", "12", *options, "--json"])
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return code, answer


def test_honest_data_pass_and_every_control_is_noticed(
    sites: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, answer = audited(sites["honest"], capsys)
    assert (code, answer["passed"], answer["leaks"]) == (0, True, [])
    controls = {one["table"]: one for one in answer["controls"]}  # type: ignore[union-attr,index]
    assert {"events", "people", "caseloads", "person_links"} <= controls.keys()
    assert all(one["noticed"] > 0 for one in controls.values())
    assert answer["columns"]
    assert answer["not_judged"] is None
    assert answer["unmoved"] == []  # every column of a small recipe moved with the past


def test_columns_of_which_nothing_is_shown_are_named(
    sites: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    site = tmp_path / "site"
    shutil.copytree(sites["honest"], site)
    never = '[[group]]\nname = "never"\nsources = ["mh_contact"]\naggregations = ["count"]\nlookback_days = [28]\n'
    text = f'{RECIPE}{never}where = {{ outcome = "of no row" }}\n'
    (site / "features" / "person.toml").write_text(text, encoding="utf-8")
    code, answer = audited(site, capsys, "--trials", "3")
    assert "never_count_in_28_days" in answer["unmoved"]  # type: ignore[operator]
    assert code == 0
    assert run(["features", "audit", "--site", str(site), "--trials", "3"]) == 0
    assert "never moved with the past of contacts and people" in capsys.readouterr().out


def test_the_shipped_features_pass(sites: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(sites["honest"], site)
    (site / "features" / "person.toml").unlink()  # the shipped one counts where a site has none
    code, answer = audited(site, capsys, "--trials", "30")
    assert (code, answer["leaks"]) == (0, [])
    assert answer["features"] == len(features_audit.read_recipes(read_site(site), "person", None).features.names)


def test_the_planted_leak_is_caught(sites: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = audited(sites["leaking"], capsys)
    assert (code, answer["passed"]) == (1, False)
    assert answer["leaks"] == []  # its times are in order: nothing but its success gives it away
    assert "mh_contact outcome = escalated" in answer["suspicious_values"]  # type: ignore[operator]
    assert all("escalated" in name for name in answer["suspicious_values"])  # type: ignore[union-attr]


def test_the_verdict_is_printed(sites: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["features", "audit", "--site", str(sites["leaking"]), "--trials", "2"]) == 1
    shown = capsys.readouterr().out
    assert "2 times everything known or occurring from a moment on was rewritten: nothing changed" in shown
    assert "SUSPICIOUS: mh_contact outcome = escalated knows what comes" in shown
    assert "gp                        always known at midnight" in shown
    assert shown.rstrip().endswith("FAILED: see what is named above")


def test_one_moment_may_be_asked_for(sites: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert audited(sites["honest"], capsys, "--as-of", "2026-06-01")[0] == 0
    assert run(["features", "audit", "--site", str(sites["honest"]), "--trials", "0"]) == 2


def known_as_it_occurs(events: pa.Table) -> pa.Table:
    return with_instants(events, "known_at", instants(events, "occurred_at"))


def known_a_microsecond_earlier(events: pa.Table) -> pa.Table:
    return with_instants(events, "known_at", instants(events, "known_at") - 1)


def never_superseded(events: pa.Table) -> pa.Table:
    """Reads the last version alone, as if it had always been known."""
    last = instants(events, "superseded_at") == FOREVER_US
    first = np.minimum(instants(events, "known_at"), instants(events, "occurred_at") + 1)
    return with_instants(events, "known_at", first).filter(pa.array(last))


@pytest.mark.parametrize("wrong", [known_as_it_occurs, known_a_microsecond_earlier, never_superseded])
def test_an_engine_that_reads_the_future_is_caught(
    sites: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    wrong: Callable[[pa.Table], pa.Table],
) -> None:
    def leaking(recipe: object, events: pa.Table, people: pa.Table, rows: object, **options: object) -> object:
        return person_features(recipe, wrong(events), people, rows, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(features_audit, "person_features", leaking)
    code, answer = audited(sites["honest"], capsys)
    assert code == 1
    leaks = answer["leaks"]
    assert {leak["what"] for leak in leaks} == {"features"}  # type: ignore[union-attr,index]
    assert all(leak["columns"][0].startswith("any_contact") for leak in leaks)  # type: ignore[union-attr,index]


@pytest.mark.parametrize("moments", [1, 4])
def test_a_way_of_computing_that_reads_the_future_is_caught_although_the_other_does_not(
    sites: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, moments: int
) -> None:
    def leaking(recipe: object, events: pa.Table, people: pa.Table, rows: PersonRows, **options: object) -> object:
        read = known_as_it_occurs(events) if len(rows) == moments * len(rows.person_id) else events
        return person_features(recipe, read, people, rows, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(features_audit, "person_features", leaking)
    code, answer = audited(sites["honest"], capsys)
    assert (code, {leak["what"] for leak in answer["leaks"]}) == (1, {"features"})  # type: ignore[union-attr,index]


def test_an_engine_that_sees_nothing_fails_its_control(
    sites: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(recipe: object, events: pa.Table, people: pa.Table, rows: object, **_: object) -> NDArray[np.float32]:
        return np.zeros((len(rows), len(recipe.names)), dtype=np.float32)  # type: ignore[arg-type,attr-defined]

    monkeypatch.setattr(features_audit, "person_features", blind)
    code, answer = audited(sites["honest"], capsys)
    assert (code, answer["leaks"]) == (1, [])
    events = next(one for one in answer["controls"] if one["table"] == "events")  # type: ignore[union-attr,index]
    assert (events["trials"] > 0, events["noticed"]) == (True, 0)


@pytest.mark.parametrize(("register", "table"), [("teams_at", "caseloads"), ("opted_out_at", "opt_outs")])
def test_a_register_read_as_it_stands_today_is_caught(
    sites: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    register: str,
    table: str,
) -> None:
    honest = getattr(features_audit, register)
    today = microseconds(datetime(2100, 1, 1, tzinfo=UTC))
    monkeypatch.setattr(features_audit, register, lambda rows, _, **named: honest(rows, today, **named))
    code, answer = audited(sites["honest"], capsys)
    assert code == 1
    assert {leak["what"] for leak in answer["leaks"]} == {table}  # type: ignore[union-attr,index]


# Rewriting


def past_and_future() -> list[EventVersion]:
    return [
        EventVersion(event_id=f"e{number}", occurred_at=BASE + shift * DAY, known_at=BASE + (shift + delay) * DAY)
        for number, (shift, delay) in enumerate([(-9, 1), (-3, 1), (-3, 3), (-1, 5), (2, 1), (4, -9), (0, 0)])
    ]


def test_what_had_occurred_and_was_known_stays_whatever_the_future_becomes() -> None:
    events = event_table(past_and_future())
    seen = set()
    for seed in range(40):
        rewritten = events_rewritten_after(events, AS_OF, np.random.default_rng(seed))
        occurred, known = instants(rewritten, "occurred_at"), instants(rewritten, "known_at")
        early = rewritten.filter(pa.array((occurred < AS_OF) & (known < AS_OF)))
        assert sorted(early["event_id"].to_pylist()) == ["e0", "e1"]
        assert (instants(early, "superseded_at") >= AS_OF).all()
        seen |= set(instants(rewritten, "known_at")[known >= AS_OF] - AS_OF)
        assert rewritten.schema == events.schema
    assert {0, 1} <= seen, "the moment itself and the microsecond after it are tried"


def test_the_control_takes_from_the_past_alone() -> None:
    events = event_table(past_and_future())
    kept = {
        name
        for seed in range(20)
        for name in events_rewritten_before(events, AS_OF, np.random.default_rng(seed))["event_id"].to_pylist()
    }
    always = set.intersection(
        *(
            set(events_rewritten_before(events, AS_OF, np.random.default_rng(seed))["event_id"].to_pylist())
            for seed in range(20)
        )
    )
    assert (kept, always) == ({f"e{number}" for number in range(7)}, {"e2", "e3", "e4", "e5", "e6"})


def test_a_dated_history_keeps_what_was_known() -> None:
    people = people_table(
        PersonVersion(person_id="a", known_at=BASE + shift * DAY, birth_year=1950 + shift) for shift in (-5, -2, 0, 3)
    )
    for seed in range(20):
        rewritten = history_rewritten_after(people, AS_OF, np.random.default_rng(seed))
        early = rewritten.filter(pa.array(instants(rewritten, "known_at") < AS_OF))
        assert early["birth_year"].to_pylist() == [1945, 1948]
        assert rewritten.num_rows > 4


def test_nothing_rewritten_is_nothing() -> None:
    random = np.random.default_rng(1)
    assert events_rewritten_after(event_table(()), AS_OF, random).num_rows == 0
    assert history_rewritten_after(people_table(()), AS_OF, random).num_rows == 0


def test_a_difference_is_of_bits() -> None:
    one = np.array([[0.0, np.nan, 1.0]], dtype=np.float32)
    assert not difference(one, one.copy(), ("a", "b", "c"))
    changed = difference(one, np.array([[-0.0, np.nan, 2.0]], dtype=np.float32), ("a", "b", "c"))
    assert (changed.cells, changed.rows, changed.columns) == (2, 1, ("a", "c"))


# What knows too much


def test_a_column_is_judged_in_both_directions_and_where_it_is_not_known() -> None:
    happened = np.arange(100) >= 90
    noise = np.random.default_rng(1).normal(size=100)
    absent = np.where(happened, np.nan, 1.0)
    columns = np.stack([noise, -happened.astype(float), absent, np.zeros(100)], axis=1).astype(np.float32)
    found = {one.name: one.auroc for one in columns_alone(columns, happened, ("noise", "minus", "absent", "constant"))}
    assert found["minus"] == found["absent"] == 1.0
    assert found["constant"] == 0.5
    assert 0.5 <= found["noise"] < 0.75
    assert {one.auroc for one in columns_alone(columns, np.zeros(100, dtype=bool), ("a", "b", "c", "d"))} == {0.5}


RULE = EpisodeRule(sources=("s136",), stable_gap_days=7)


def visits(outcome_before_crisis: str, people: int = 30) -> pa.Table:
    """Each person: a visit that a crisis follows in a fortnight, and one half a year later that none follows."""
    versions = []
    for number in range(people):
        person, first = f"p{number:02}", BASE + number * DAY
        shared = {"person_id": person, "source": "mh_contact", "is_crisis": False}
        for name, when, outcome in (("one", first, outcome_before_crisis), ("two", first + 180 * DAY, "seen")):
            versions.append(
                EventVersion(
                    event_id=f"{person} {name}", occurred_at=when, known_at=when + DAY, outcome=outcome, **shared
                )
            )
        crisis = first + 15 * DAY
        versions.append(
            EventVersion(
                event_id=f"{person} s136", person_id=person, occurred_at=crisis, known_at=crisis, source="s136"
            )
        )
    return event_table(versions)


def test_a_value_that_the_outcome_always_follows_is_named() -> None:
    later = microseconds(BASE + 400 * DAY)
    first, *rest = values_followed(RULE, [visits("escalated")], horizon_days=28, complete_to_us=later)
    assert (first.source, first.column, first.value) == ("mh_contact", "outcome", "escalated")
    assert (first.events, first.people, first.followed, first.share, first.others) == (30, 30, 30, 1.0, 0.0)
    assert 0.85 < first.lower < 0.9
    assert all(one.lower < 0.4 for one in rest)


def test_a_record_that_is_only_there_when_something_comes_is_named() -> None:
    """Nothing is written in it: that it is there at all is what knows."""
    later = microseconds(BASE + 400 * DAY)
    events = visits("seen")
    kept = [not name.endswith("two") for name in events["event_id"].to_pylist()]
    events = events.filter(pa.array(kept))
    source = ["note" if one == "mh_contact" else one for one in events["source"].to_pylist()]
    columns = dict(zip(events.column_names, events.columns, strict=True))
    columns["source"] = pa.array(source).dictionary_encode().cast(events["source"].type)
    columns |= {name: pa.nulls(len(source), events[name].type) for name in COLUMNS if name != "source"}
    (found,) = values_followed(RULE, [pa.table(columns)], horizon_days=28, complete_to_us=later)
    assert (found.source, found.column, found.value, found.share) == ("note", "source", "note", 1.0)


@pytest.mark.parametrize(
    ("column", "filled"), [("value", 3.5), ("ended_at", (BASE - 900 * DAY).replace(microsecond=0))]
)
def test_a_cell_that_is_only_filled_in_when_something_comes_is_named(column: str, filled: object) -> None:
    """Whatever stands in it: that anything does is what knows."""
    events = visits("seen")
    at = events.schema.get_field_index(column)
    cells = [filled if name.endswith("one") else None for name in events["event_id"].to_pylist()]
    events = events.set_column(at, events.schema.field(at), pa.array(cells, events.schema.field(at).type))
    later = microseconds(BASE + 400 * DAY)
    first, *rest = values_followed(RULE, [events], horizon_days=28, complete_to_us=later)
    assert (first.source, first.column, first.value, first.share) == ("mh_contact", column, "filled in", 1.0)
    assert all(one.lower < 0.4 for one in rest)


def test_values_count_only_while_the_future_is_complete_and_for_enough_people() -> None:
    soon = microseconds(BASE + 30 * DAY)
    assert values_followed(RULE, [visits("escalated")], horizon_days=28, complete_to_us=soon) == ()
    later = microseconds(BASE + 400 * DAY)
    assert values_followed(RULE, [visits("escalated", people=5)], horizon_days=28, complete_to_us=later) == ()
    both = [visits("escalated", people=8), visits("escalated", people=8)]
    assert values_followed(RULE, both, horizon_days=28, complete_to_us=later)[0].people == 16


# Clocks


def clocks_of(delays: Callable[[int], timedelta], first: datetime = BASE) -> tuple[str, ...]:
    versions = [
        EventVersion(event_id=str(number), occurred_at=(when := first + number * DAY), known_at=when + delays(number))
        for number in range(40)
    ]
    (clock,) = source_clocks(event_table(versions), ZoneInfo("Europe/London"))
    return clock.findings


@pytest.mark.parametrize(
    ("delays", "words"),
    [
        (lambda number: timedelta(minutes=number * 37), ()),
        (lambda number: timedelta(), ("known the moment it occurs",)),
        (lambda number: timedelta(hours=24), ("always known 24 hours later",)),
        (lambda number: timedelta(hours=5 * number) * (-1 if number < 4 else 1), ("8% known before it occurred",)),
    ],
)
def test_a_made_up_clock_is_seen(delays: Callable[[int], timedelta], words: tuple[str, ...]) -> None:
    findings = clocks_of(delays, BASE + timedelta(hours=9, minutes=13))
    assert len(findings) == len(words)
    assert all(finding.startswith(word) for finding, word in zip(findings, words, strict=True))


def test_one_moment_for_all_is_that_of_an_extract() -> None:
    extract = BASE + timedelta(days=90, hours=3)
    (finding,) = clocks_of(
        lambda number: extract - (BASE + timedelta(hours=9) + number * DAY), BASE + timedelta(hours=9)
    )
    assert finding.startswith("all known at one moment")


def test_midnights_are_those_of_the_local_clock() -> None:
    """The clocks go back after six days: midnight is 23:00 UTC before, and 00:00 UTC after."""
    zone, first = ZoneInfo("Europe/London"), BASE.replace(hour=13)

    def to_midnight(number: int) -> timedelta:
        occurred = first + number * DAY
        local = (occurred.astimezone(zone) + DAY * (1 + number % 3)).replace(hour=0, tzinfo=None)
        return local.replace(tzinfo=zone).astimezone(UTC) - occurred

    assert [finding[:24] for finding in clocks_of(to_midnight, first)] == ["always known at midnight"]


@pytest.mark.parametrize(("hour", "said"), [(0, True), (9, False)])
def test_a_source_of_days_is_named_since_what_asks_for_its_hour_reads_the_night(hour: int, said: bool) -> None:
    """Over a change of the clocks."""
    zone, first = ZoneInfo("Europe/London"), BASE.date()
    versions = [
        EventVersion(
            event_id=str(number),
            occurred_at=(when := datetime.combine(first + number * DAY, time(hour), tzinfo=zone).astimezone(UTC)),
            known_at=when + timedelta(minutes=37 * number + 5),
        )
        for number in range(40)
    ]
    (clock,) = source_clocks(event_table(versions), zone)
    assert (clock.occurred_at_midnight, bool(clock.findings)) == (float(said), said)
    assert all(finding.startswith("occurs at a day and no hour") for finding in clock.findings)


def test_few_rows_say_nothing() -> None:
    versions = [EventVersion(event_id=str(number), occurred_at=BASE, known_at=BASE) for number in range(10)]
    (clock,) = source_clocks(event_table(versions), ZoneInfo("Europe/London"))
    assert (clock.rows, clock.at_occurrence, clock.findings) == (10, 1.0, ())
