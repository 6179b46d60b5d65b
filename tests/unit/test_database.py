"""The operational database, on SQLite and on a real PostgreSQL."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError
from tests.lib.database import AS_OF, forecast, person_run, place_run, score_row, scores, totals

from crisisrisk.database.alerts import wait_for_others
from crisisrisk.database.data_queries import KeptQuery, save_query
from crisisrisk.database.engine import answers, open_engine, write_ahead_log_is_safe, writing
from crisisrisk.database.keys import all_keys, end_key, key_of, make_key
from crisisrisk.database.latest import (
    caseload_scores,
    forecast_for,
    latest_person_scores,
    latest_run,
    person_score,
    shifts_between,
)
from crisisrisk.database.rows import Author, add
from crisisrisk.database.schema import ApiKey, Base, DataQuery, ForecastRun, Score, ScoringRun
from crisisrisk.database.scores import RELEASED, save_person_scores, save_place_forecast
from crisisrisk.database.totals import issued_totals, totals_of
from crisisrisk.database.upgrade import current_engine, newest_revision, revision, upgrade
from crisisrisk.errors import DataError, ServiceError, SiteError, TimeError, UsageError


def rows_in(engine: Engine, table: type[Base]) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


# Migrations


def test_the_migrations_make_exactly_the_declared_tables(engine: Engine) -> None:
    assert revision(engine) == newest_revision()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_an_upgrade_of_a_current_database_changes_nothing(engine: Engine) -> None:
    save_person_scores(engine, scores(score_row("k1_A")), person_run())
    assert upgrade(engine) == newest_revision()
    assert rows_in(engine, Score) == 1


def test_a_new_database_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    current_engine(f"sqlite:///{tmp_path / 'new' / 'crisisrisk.db'}").dispose()
    assert (tmp_path / "new" / "crisisrisk.db").stat().st_mode & 0o077 == 0


def test_a_failed_upgrade_leaves_no_half_made_table(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'crisisrisk.db'}")
    with writing(engine) as connection:  # the last table of the migration exists already, so it fails there
        connection.exec_driver_sql("CREATE TABLE api_keys (id TEXT)")
    with pytest.raises(ServiceError) as raised:
        upgrade(engine)
    assert raised.value.code == "CR-DB-002"
    with engine.connect() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    assert names == ["api_keys"]


def test_a_database_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    engine = current_engine(f"sqlite:///{tmp_path / 'crisisrisk.db'}")
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ServiceError) as raised:
        upgrade(engine)
    assert raised.value.found == "9999"
    assert revision(engine) == "9999"


# Engines


@pytest.mark.parametrize(
    ("version", "safe"),
    [((3, 40, 1), False), ((3, 44, 5), False), ((3, 44, 6), True), ((3, 45, 9), False), ((3, 50, 6), False),
     ((3, 50, 7), True), ((3, 51, 2), False), ((3, 51, 3), True), ((3, 52, 0), True), ((3, 6, 23), True)],
)  # fmt: skip
def test_the_write_ahead_log_is_used_only_where_its_race_is_mended(version: tuple[int, int, int], safe: bool) -> None:
    assert write_ahead_log_is_safe(version) is safe


def test_sqlite_keeps_every_commit_and_its_foreign_keys(tmp_path: Path) -> None:
    engine = current_engine(f"sqlite:///{tmp_path / 'crisisrisk.db'}")
    wanted = "wal" if write_ahead_log_is_safe(sqlite3.sqlite_version_info) else "delete"
    with engine.connect() as connection:
        settings = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                    for name in ("journal_mode", "synchronous", "foreign_keys")]  # fmt: skip
    assert settings == [wanted, 2, 1]


@pytest.mark.parametrize("url", ["mysql://user:hunter2@host/db", "hunter2", "oracle://hunter2@x/y"])
def test_other_databases_are_refused_without_quoting_the_url(url: str) -> None:
    with pytest.raises(SiteError) as raised:
        open_engine(url)
    assert raised.value.wanted == "sqlite:///… or postgresql://…"
    assert "hunter2" not in raised.value.rendered()


def test_a_database_that_is_not_there_is_said_to_be_unreachable() -> None:
    engine = open_engine("postgresql://nobody:hunter2@127.0.0.1:9/none")
    assert answers(engine) is False
    assert revision(engine) is None
    with pytest.raises(ServiceError) as raised:
        upgrade(engine)
    assert "hunter2" not in raised.value.rendered()


def test_a_file_that_is_no_database_is_an_error_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "crisisrisk.db"
    file.write_bytes(b"no database at all " * 100)
    engine = open_engine(f"sqlite:///{file}")
    assert answers(engine) is False
    assert revision(engine) is None
    with pytest.raises(ServiceError) as raised:
        current_engine(f"sqlite:///{file}")
    assert (raised.value.code, raised.value.problem) == ("CR-DB-002", "the operational database cannot be used")
    assert file.read_bytes().startswith(b"no database")


def test_a_file_that_was_replaced_or_deleted_is_not_read_any_more(tmp_path: Path) -> None:
    file, other = tmp_path / "crisisrisk.db", tmp_path / "other.db"
    engine = current_engine(f"sqlite:///{file}")
    save_person_scores(engine, scores(score_row("k1_A")), person_run())
    current_engine(f"sqlite:///{other}")
    assert latest_run(engine) is not None
    other.replace(file)
    assert latest_run(engine) is None
    file.unlink()
    assert revision(engine) is None


@pytest.mark.parametrize("damaged", ["{nope", "", "[1"])
def test_a_row_that_cannot_be_read_does_not_keep_the_database_locked(engine: Engine, damaged: str) -> None:
    save_person_scores(engine, scores(*(score_row(f"k1_{number}") for number in range(300))), person_run())
    with writing(engine) as connection:
        connection.execute(Score.__table__.update().values(reasons=damaged))
    found = caseload_scores(engine, [f"k1_{number}" for number in range(300)])
    assert found is not None
    for score in found[1].values():
        with pytest.raises(ValueError, match="line 1") as kept:  # what was raised is kept, with all that it refers to
            _ = score.reasons
    with writing(open_engine(engine.url.render_as_string(hide_password=False))) as connection:
        connection.execute(Score.__table__.update().values(reasons="[]"))
    assert kept.value is not None
    assert caseload_scores(engine, ["k1_1"]) is not None


# Scores


def test_scores_come_back_as_they_were_saved(engine: Engine) -> None:
    number = save_person_scores(
        engine,
        scores(score_row("k1_A", 0.1), score_row("k1_B", 0.25), score_row("k1_C", None, "in_hospital")),
        person_run(),
    )
    found = latest_person_scores(engine)
    assert found is not None
    run, frame = found
    assert (run.number, run.meta) == (number, person_run())
    assert frame["person_id"].tolist() == ["k1_B", "k1_A", "k1_C"]
    assert frame["probability"].tolist()[:2] == [0.25, 0.1]
    assert frame["probability"].isna().tolist() == [False, False, True]
    single = person_score(engine, "k1_A")
    assert single is not None
    assert single[1] is not None
    assert single[1].reasons[0]["text"] == "2 crisis-line calls in the last 7 days"


def test_the_newest_as_of_answers_whatever_was_saved_last(engine: Engine) -> None:
    new = save_person_scores(engine, scores(score_row("k1_A", 0.3)), person_run())
    old = person_run(as_of=AS_OF - timedelta(days=7))
    save_person_scores(engine, scores(score_row("k1_A", 0.1)), old)
    run = latest_run(engine, model_name="person_crisis_28d")
    assert run is not None
    assert run.number == new
    assert caseload_scores(engine, [], model_name="person_crisis_28d", model_version=4) is not None
    assert caseload_scores(engine, [], model_name="person_crisis_28d", model_version=5) is None
    earlier = latest_run(engine, at=AS_OF - timedelta(days=1))
    assert earlier is not None
    assert earlier.meta.as_of == old.as_of
    assert latest_run(engine, model_name="another") is None


def test_a_person_whom_the_run_does_not_know_has_no_score(engine: Engine) -> None:
    assert person_score(engine, "k1_A") is None
    save_person_scores(engine, scores(score_row("k1_A")), person_run())
    found = person_score(engine, "k1_B")
    assert found is not None
    assert found[1] is None


def test_a_caseload_longer_than_one_statement_is_found_whole(engine: Engine) -> None:
    people = [f"k1_{number:04}" for number in range(1_201)]
    save_person_scores(engine, scores(*(score_row(person, 0.01) for person in people)), person_run())
    found = caseload_scores(engine, [*people[1:], "k1_unknown"])
    assert found is not None
    assert set(found[1]) == set(people[1:])


@pytest.mark.parametrize(
    ("row", "problem"),
    [(score_row("k1_A", None), "probabilities that do not fit their states"),
     (score_row("k1_A", 0.2, "in_hospital"), "probabilities that do not fit their states"),
     (score_row("k1_A", 1.2), "probabilities that do not fit their states"),
     (score_row("k1_A", float("inf")), "probabilities that do not fit their states"),
     (score_row("k1_A", None, "fine"), "an unknown state"),
     (score_row("k1_B"), "people who are in the table twice")],
)  # fmt: skip
def test_scores_that_cannot_be_are_refused_whole(engine: Engine, row: dict[str, object], problem: str) -> None:
    with pytest.raises(DataError) as raised:
        save_person_scores(engine, scores(score_row("k1_B"), row), person_run())
    assert raised.value.problem == problem
    assert "k1_" not in raised.value.rendered()
    assert rows_in(engine, ScoringRun) == 0


def test_a_missing_column_is_named(engine: Engine) -> None:
    with pytest.raises(DataError) as raised:
        save_person_scores(engine, scores(score_row("k1_A")).drop(columns="state"), person_run())
    assert (raised.value.code, raised.value.wanted) == ("CR-DB-003", "state")


def test_a_save_that_fails_half_way_leaves_nothing(engine: Engine) -> None:
    too_long = "k1_" + "x" * 200
    table = scores(*(score_row(f"k1_{number}") for number in range(5_000)), score_row(too_long))
    if engine.dialect.name == "sqlite":  # which does not limit texts: the second batch fails on a trigger instead
        with writing(engine) as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER fail BEFORE INSERT ON scores WHEN length(NEW.person_id) > 100 "
                "BEGIN SELECT RAISE(ABORT, 'too long'); END"
            )
        with pytest.raises(IntegrityError):
            save_person_scores(engine, table, person_run())
    else:
        from sqlalchemy.exc import DataError as DatabaseDataError

        with pytest.raises(DatabaseDataError) as raised:
            save_person_scores(engine, table, person_run())
        assert "k1_" not in str(raised.value)
    assert (rows_in(engine, ScoringRun), rows_in(engine, Score)) == (0, 0)


def test_the_database_itself_refuses_a_score_without_its_probability(engine: Engine) -> None:
    number = save_person_scores(engine, scores(), person_run())
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(
            Score.__table__.insert().values(run_id=number, person_id="k1_A", state="scored", reasons="[]")
        )


def test_more_scores_than_one_statement_may_hold_are_saved_together(engine: Engine) -> None:
    table = scores(*(score_row(f"k1_{number:016}", number / 40_001) for number in range(40_000)))
    save_person_scores(engine, table, person_run())
    assert rows_in(engine, Score) == 40_000


# Forecasts


def test_a_forecast_comes_back_as_it_was_issued(engine: Engine) -> None:
    number = save_place_forecast(engine, forecast(), place_run())
    found = forecast_for(engine, "night-2026-11-22", model_name="place_crisis_shift")
    assert found is not None
    shift, places = found
    assert (shift.run.number, shift.run.meta, shift.places) == (number, place_run(), 3)
    assert shift.start == datetime(2026, 11, 22, 22, tzinfo=UTC)
    assert [place.rank for place in places] == [1, 2, 3]
    assert places[0].expected == 1.3
    assert forecast_for(engine, "night-2026-11-23") is None


def test_how_contacts_of_a_shift_are_made_comes_back_with_it(engine: Engine) -> None:
    modes = {"night-2026-11-22": {"expected": {"attendance": 1.75, "s136": 0.65}, "released": {"rest": 2.4}}}
    save_place_forecast(engine, forecast(), place_run(modes=modes))
    save_place_forecast(engine, forecast("day-2026-11-23"), place_run())
    night, day = (forecast_for(engine, name) for name in ("night-2026-11-22", "day-2026-11-23"))
    assert night is not None
    assert day is not None
    assert (night[0].modes, night[0].released_modes) == ({"attendance": 1.75, "s136": 0.65}, {"rest": 2.4})
    assert (day[0].modes, day[0].released_modes) == ({}, {})


def test_a_forecast_without_words_for_release_is_kept_without(engine: Engine) -> None:
    save_place_forecast(engine, forecast().drop(columns=list(RELEASED)), place_run())
    found = forecast_for(engine, "night-2026-11-22")
    assert found is not None
    assert (found[0].usual, found[0].released_usual, found[0].released_expected) == (pytest.approx(2.4), None, None)
    assert {(one.released_expected, one.released_rank, one.released_reasons) for one in found[1]} == {(None, None, ())}


def test_a_long_name_of_a_place_does_not_end_a_nights_forecast_and_a_long_id_is_said(engine: Engine) -> None:
    """A PostgreSQL refuses texts that are longer than their column, a SQLite takes them: both do the same."""
    long, areas = "Flats behind the market, " * 20, totals()
    areas.loc[areas["area_id"] == "east", "area_name"] = long
    save_place_forecast(engine, forecast().assign(place_name=long, shift_name=long), place_run(), totals=areas)
    found = forecast_for(engine, "night-2026-11-22")
    assert found is not None
    assert {one.place_name for one in found[1]} == {f"{long[:199]}…"}
    assert found[0].shift_name == f"{long[:99]}…"
    assert [one.area_name for one in totals_of(engine, "night-2026-11-22", found[0].run.number)] == [
        "", f"{long[:199]}…", "West",
    ]  # fmt: skip
    with pytest.raises(DataError) as raised:
        save_place_forecast(
            engine, forecast().assign(place_id=[f"place-{'0' * 100}{one}" for one in "123"]), place_run()
        )
    assert (raised.value.code, raised.value.where, raised.value.found) == ("CR-DB-003", "place_id", "107 characters")
    assert rows_in(engine, ForecastRun) == 1


def test_the_newest_issue_answers_and_older_ones_can_be_asked_for(engine: Engine) -> None:
    save_place_forecast(engine, forecast(places=2), place_run())
    later = place_run(as_of=AS_OF + timedelta(hours=6), run_id="later")
    save_place_forecast(engine, forecast(places=4), later)
    newest, before = (forecast_for(engine, "night-2026-11-22", at=at) for at in (None, AS_OF + timedelta(hours=1)))
    assert newest is not None
    assert before is not None
    assert (len(newest[1]), len(before[1])) == (4, 2)


def test_shifts_are_listed_once_in_order_with_their_totals(engine: Engine) -> None:
    night = datetime(2026, 11, 22, 22, tzinfo=UTC)
    save_place_forecast(engine, forecast("night-2026-11-22", start=night), place_run())
    save_place_forecast(engine, forecast("day-2026-11-23", start=night + timedelta(hours=10)), place_run())
    save_place_forecast(engine, forecast("night-2026-11-22", start=night, places=1), place_run())
    listed = shifts_between(engine, night, night + timedelta(days=1))
    assert [(shift.shift_id, shift.places, shift.shift_name) for shift in listed] == [
        ("night-2026-11-22", 1, "night"), ("day-2026-11-23", 3, "day"),
    ]  # fmt: skip
    assert listed[0].expected == pytest.approx(1.3)
    assert shifts_between(engine, night + timedelta(days=1), night + timedelta(days=2)) == []


@pytest.mark.parametrize("change", [{"expected": -0.1}, {"expected": float("nan")}, {"rank": 0}, {"place_id": "same"}])
def test_a_forecast_that_cannot_be_is_refused(engine: Engine, change: dict[str, object]) -> None:
    with pytest.raises(DataError):
        save_place_forecast(engine, forecast().assign(**change), place_run())


def test_moments_without_a_zone_are_refused(engine: Engine) -> None:
    with pytest.raises(TimeError):
        save_place_forecast(engine, forecast().assign(start=datetime(2026, 11, 22, 22)), place_run())


def test_totals_come_back_as_they_were_issued_and_none_takes_anothers_place(engine: Engine) -> None:
    """A week, a day and an hour before: the newest answers, all are kept, and each knows its own issue time."""
    issued = [(168.0, 168), (16.0, 24), (0.5, 1)]
    for ahead, hours in issued:
        save_place_forecast(
            engine, forecast(), place_run(as_of=AS_OF + timedelta(hours=16 - ahead)),
            totals=totals(issue_hours=hours, hours_ahead=ahead, expected=2.0 + ahead / 1000),
        )  # fmt: skip
    found = forecast_for(engine, "night-2026-11-22")
    assert found is not None
    whole = found[0].total
    assert whole is not None
    assert (whole.issue_hours, whole.lower, whole.upper, whole.hourly) == (1, 1.0, 4.0, (0.1,) * 10)
    kept = issued_totals(engine, "night-2026-11-22", model_name="place_crisis_shift")
    assert [(one.total.hours_ahead, one.total.issue_hours, one.total.expected) for one in kept] == [
        (168.0, 168, 2.168), (16.0, 24, 2.016), (0.5, 1, 2.0005),
    ]  # fmt: skip
    assert [len(issued_totals(engine, "night-2026-11-22", at=AS_OF + timedelta(hours=hours))) for hours in (-200, 0, 9)
            ] == [0, 2, 2]  # fmt: skip
    areas = totals_of(engine, "night-2026-11-22", kept[0].run.number)
    assert [(one.area_id, one.area_name, one.places) for one in areas] == [
        ("", "", 3), ("east", "East", 1), ("west", "West", 2),
    ]  # fmt: skip


@pytest.mark.parametrize("change", [{"lower": 5}, {"expected": float("nan")}, {"lower": -1}])
def test_totals_that_cannot_be_are_refused_with_their_forecast(engine: Engine, change: dict[str, object]) -> None:
    with pytest.raises(DataError, match="totals that cannot be"):
        save_place_forecast(engine, forecast(), place_run(), totals=totals().assign(**change))
    assert rows_in(engine, ForecastRun) == 0


@pytest.mark.parametrize("before", ["0001", "0003", "0004", "0006"])
def test_a_forecast_of_an_earlier_version_is_kept_by_the_upgrade_and_says_that_it_has_no_totals(
    engine: Engine, before: str
) -> None:
    """The tables as an earlier version made them, with a forecast in them, brought forward."""
    with writing(engine) as connection:
        Base.metadata.drop_all(connection)
        connection.exec_driver_sql("DELETE FROM alembic_version")
    upgrade(engine, to=before)
    assert revision(engine) == before
    with writing(engine) as connection:
        connection.exec_driver_sql(
            "INSERT INTO forecast_runs (id, task, model_name, model_version, model_run_id, recipe_fingerprint, "
            "outcome, as_of, data_complete_to, valid_until, made_at) VALUES (1000, 'place', "
            "'place_crisis_shift', 4, 'r', 'f', 'contact', '2026-11-22 06:00:00', '{}', "
            "'2026-11-23 06:00:00', '2026-11-22 06:00:00')"
        )
        connection.exec_driver_sql(
            "INSERT INTO forecasts (run_id, shift_id, place_id, shift_name, shift_start, shift_end, place_name, "
            "expected, lower, upper, usual, rank, reasons, released_usual, released_reasons) VALUES (1000, "
            "'night-2026-11-22', 'a', 'night', '2026-11-22 22:00:00', '2026-11-23 08:00:00', "
            "'A', 1.5, 0, 3, 1.2, 1, '[]', 1.1, '[]')"
        )
    assert upgrade(engine) == newest_revision()
    found = forecast_for(engine, "night-2026-11-22")
    assert found is not None
    assert (found[0].expected, found[0].total, found[1][0].own_dispersion) == (1.5, None, None)
    assert issued_totals(engine, "night-2026-11-22") == []
    save_place_forecast(engine, forecast(), place_run(as_of=AS_OF + timedelta(hours=1)), totals=totals())
    assert len(issued_totals(engine, "night-2026-11-22")) == 1


# Keys


def test_a_key_is_kept_only_as_a_hash_and_works_until_it_ends(engine: Engine) -> None:
    made = make_key(engine, role="care", team="north", valid_for=timedelta(days=1))
    assert len(made.secret.rsplit("_", 1)[1]) == 64  # 256 bits
    with engine.connect() as connection:
        assert made.secret not in str(connection.execute(select(ApiKey.__table__)).all())
    assert key_of(engine, made.secret) == made.record
    end_key(engine, made.record.key_id)
    assert key_of(engine, made.secret) is None
    assert all_keys(engine)[0].revoked_at is not None


def test_an_expired_key_does_not_work(engine: Engine) -> None:
    made = make_key(engine, role="data", team=None, valid_for=timedelta(seconds=-1))
    assert key_of(engine, made.secret) is None


CHANGES: dict[str, Callable[[str], str]] = {
    "cut": lambda key: key[:-1], "longer": lambda key: key + "0", "upper case": str.upper, "empty": lambda key: "",
    "no prefix": lambda key: key.removeprefix("crisisrisk_"), "more parts": lambda key: key + "_0",
    "not a text": lambda key: "\ud800", "only the id": lambda key: key.rsplit("_", 1)[0],
}  # fmt: skip


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_key_changed_anywhere_does_not_work(engine: Engine, change: str) -> None:
    made = make_key(engine, role="data", team=None, valid_for=timedelta(days=1))
    assert key_of(engine, CHANGES[change](made.secret)) is None


def test_an_unknown_key_cannot_be_revoked(engine: Engine) -> None:
    with pytest.raises(UsageError) as raised:
        end_key(engine, "nothing")
    assert raised.value.code == "CR-ACCESS-002"


# At once


def test_two_of_a_team_who_ask_the_same_of_a_contact_at_once_ask_one_question(engine: Engine) -> None:
    """The second waits for the first, and finds its question."""
    author = Author(team_id="north", made_by="7f3a90c1", role="care")
    asked: dict[str, Any] = {
        "made_at": AS_OF, "event_id": "e1", "source": "police_999", "occurred_at": AS_OF, "problem": "twice",
        "words": None,
    }  # fmt: skip
    with ThreadPoolExecutor(1) as pool, writing(engine) as connection:
        wait_for_others(connection)
        second = pool.submit(save_query, engine, author, "k1_A", **asked)
        with pytest.raises(TimeoutError):
            second.result(timeout=0.2)
        first = add(connection, DataQuery, KeptQuery, {**asdict(author), "person_id": "k1_A", **asked})
        connection.commit()
        assert second.result(timeout=30) == first
