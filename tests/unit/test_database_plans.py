"""Plans, coordinators' changes of them and sites that are full, on SQLite and on a real PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from tests.lib.database import AS_OF, forecast, place_run

from crisisrisk.database.engine import writing
from crisisrisk.database.plans import (
    KeptPost,
    StoredOverride,
    StoredPlan,
    overrides_of,
    plans_of,
    save_override,
    save_plan,
)
from crisisrisk.database.schema import Base, ForecastRun
from crisisrisk.database.scores import save_place_forecast
from crisisrisk.database.site_status import StoredStatus, set_status, statuses, taking_nobody
from crisisrisk.database.upgrade import newest_revision, upgrade

START, END = datetime(2026, 11, 22, 22, tzinfo=UTC), datetime(2026, 11, 23, 8, tzinfo=UTC)
POSTS = (KeptPost(team="team 1", site_id="site-01", start=START, end=END),)


def plan(run: int, **changes: object) -> StoredPlan:
    usual = {
        "shift_id": "night-2026-11-22", "shift_start": START, "shift_end": END, "run": run, "posts": POSTS,
        "made_at": AS_OF, "made_by": "7f3a90c1", "role": "crisis_team", "asked": {"teams": 1, "floors": {"country": 1}},
        "answer": {"plans": [{"share": {"15": 0.61}}]},
    }  # fmt: skip
    return StoredPlan(**{**usual, **changes})  # type: ignore[arg-type]


def status(**changes: object) -> StoredStatus:
    usual = {
        "site_id": "site-09", "state": "full", "reason": "eight people waiting", "starts": AS_OF, "ends": END,
        "set_at": AS_OF, "set_by": "7f3a90c1", "role": "crisis_team",
    }  # fmt: skip
    return StoredStatus(**{**usual, **changes})  # type: ignore[arg-type]


def test_plans_and_their_changes_come_back_as_they_were_kept_the_last_first(engine: Engine) -> None:
    run = save_place_forecast(engine, forecast(), place_run())
    first = save_plan(engine, plan(run)).number
    second = save_plan(engine, plan(run, made_at=AS_OF + timedelta(hours=2), made_by="positions")).number
    save_plan(engine, plan(run, shift_id="day-2026-11-23"))
    later = StoredOverride(
        plan=first, posts=(replace(POSTS[0], site_id="site-02"),), reason="the road is closed", made_at=START,
        made_by="7f3a90c1", role="crisis_team",
    )  # fmt: skip
    changes = (later, replace(later, reason="it is open again"))
    numbers = [save_override(engine, one).number for one in changes]
    kept = plans_of(engine, "night-2026-11-22")
    assert [one.number for one in kept] == [second, first]
    assert plans_of(engine, "night-2026-11-22", most=1) == kept[:1]
    assert kept[1] == replace(plan(run), number=first)
    assert [one.number for one in plans_of(engine, "night-2026-11-22", at=AS_OF)] == [first]
    assert [(one.number, one.reason) for one in overrides_of(engine, first)] == [
        (numbers[1], "it is open again"), (numbers[0], "the road is closed"),
    ]  # fmt: skip
    assert overrides_of(engine, first)[1] == replace(later, number=numbers[0])
    assert overrides_of(engine, second) == []


def test_a_plan_rests_on_a_forecast_that_is_kept_and_goes_with_it(engine: Engine) -> None:
    with pytest.raises(IntegrityError):
        save_plan(engine, plan(999_999))
    run = save_place_forecast(engine, forecast(), place_run())
    kept = save_plan(engine, plan(run)).number
    override = StoredOverride(plan=kept, posts=POSTS, reason="why", made_at=START, made_by="k", role="crisis_team")
    save_override(engine, override)
    with writing(engine) as connection:
        connection.execute(ForecastRun.__table__.delete())
    assert (plans_of(engine, "night-2026-11-22"), overrides_of(engine, kept)) == ([], [])


def test_a_status_holds_from_its_beginning_until_its_end_and_the_last_set_counts(engine: Engine) -> None:
    set_status(engine, status(state="closed", reason="a burst pipe", ends=END + timedelta(days=3)))
    set_status(engine, status())
    set_status(engine, status(site_id="site-03", state="closed", starts=END - timedelta(hours=1)))
    assert statuses(engine)["site-09"] == status()
    for start, end, left_out in [
        (START, START + timedelta(hours=1), ["site-09"]),
        (END, END + timedelta(hours=14), []),
        (AS_OF - timedelta(hours=9), AS_OF, []),
        (END - timedelta(minutes=1), END + timedelta(hours=1), ["site-03", "site-09"]),
    ]:  # fmt: skip
        assert [one.site_id for one in taking_nobody(engine, start, end)] == left_out, (start, end)
    set_status(engine, status(state="open", reason=""))
    assert [one.site_id for one in taking_nobody(engine, START, END)] == ["site-03"]


def test_the_database_itself_refuses_a_state_that_is_none(engine: Engine) -> None:
    with pytest.raises(IntegrityError):
        set_status(engine, status(state="busy"))
    assert statuses(engine) == {}


def test_the_tables_of_plans_are_made_in_a_database_of_the_version_before(engine: Engine) -> None:
    with writing(engine) as connection:
        Base.metadata.drop_all(connection)
        connection.exec_driver_sql("DELETE FROM alembic_version")
    upgrade(engine, to="0006")
    run_before = (
        "INSERT INTO forecast_runs (id, task, model_name, model_version, model_run_id, recipe_fingerprint, outcome, "
        "as_of, data_complete_to, valid_until, made_at) VALUES (1000, 'place', 'place_crisis_shift', 4, 'r', 'f', "
        "'contact', '2026-11-22 06:00:00', '{}', '2026-11-23 06:00:00', '2026-11-22 06:00:00')"
    )
    with writing(engine) as connection:
        connection.exec_driver_sql(run_before)
    assert upgrade(engine) == newest_revision()
    save_plan(engine, plan(1000))
    assert [one.run for one in plans_of(engine, "night-2026-11-22")] == [1000]
