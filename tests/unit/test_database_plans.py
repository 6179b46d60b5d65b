"""Plans, coordinators' changes of them and sites that are full, on SQLite and on a real PostgreSQL."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from tests.lib.database import AS_OF, forecast, place_run

from crisisrisk.database.engine import writing
from crisisrisk.database.plans import (
    COMMAND,
    KeptPost,
    StoredOverride,
    StoredPlan,
    overrides_of,
    plan_in_use,
    plans_of,
    save_override,
    save_plan,
    use_plan,
)
from crisisrisk.database.schema import Base, ForecastRun
from crisisrisk.database.scores import save_place_forecast
from crisisrisk.database.site_status import StoredStatus, set_status, statuses, taking_nobody
from crisisrisk.database.upgrade import newest_revision, upgrade

START, END = datetime(2026, 11, 22, 22, tzinfo=UTC), datetime(2026, 11, 23, 8, tzinfo=UTC)
RUN_BEFORE = (
    "INSERT INTO forecast_runs (id, task, model_name, model_version, model_run_id, recipe_fingerprint, outcome, "
    "as_of, data_complete_to, valid_until, made_at) VALUES (1000, 'place', 'place_crisis_shift', 4, 'r', 'f', "
    "'contact', '2026-11-22 06:00:00', '{}', '2026-11-23 06:00:00', '2026-11-22 06:00:00')"
)
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


def test_the_plan_of_a_shift_is_what_a_coordinator_chose_last_else_what_the_command_made_last(engine: Engine) -> None:
    run, night = save_place_forecast(engine, forecast(), place_run()), "night-2026-11-22"
    by_command = {"made_by": COMMAND, "role": COMMAND}
    tried = save_plan(engine, plan(run))
    assert plan_in_use(engine, night) is None
    made = [save_plan(engine, plan(run, **by_command), use=True) for _ in range(2)]
    save_plan(engine, plan(run, **by_command))
    assert in_use(engine) == (made[1].number, None, COMMAND)
    use_plan(engine, tried.number, made_at=START, made_by="k", role="crisis_team")
    save_plan(engine, plan(run, **by_command), use=True)
    assert in_use(engine) == (tried.number, None, "crisis_team")
    before = plan_in_use(engine, night, before=START)
    assert before is not None
    assert (before.plan.number, before.role) == (made[1].number + 2, COMMAND)
    change = StoredOverride(
        plan=made[0].number, posts=POSTS, reason="why", made_at=START, made_by="k", role="crisis_team"
    )  # fmt: skip
    kept = save_override(engine, change)
    assert in_use(engine) == (made[0].number, kept.number, "crisis_team")
    assert plan_in_use(engine, "day-2026-11-23") is None


def in_use(engine: Engine, shift: str = "night-2026-11-22") -> tuple[int, int | None, str]:
    used = plan_in_use(engine, shift)
    assert used is not None
    return used.plan.number, None if used.override is None else used.override.number, used.role


def test_of_plans_of_the_version_before_the_last_one_is_still_the_shifts(engine: Engine) -> None:
    with writing(engine) as connection:
        Base.metadata.drop_all(connection)
        connection.exec_driver_sql("DELETE FROM alembic_version")
    upgrade(engine, to="0016")
    posts = json.dumps([{"team": "A", "site_id": "s", "from": START.isoformat(), "to": END.isoformat()}])
    plans = ((1, "n1", "2026-11-22 07:00"), (2, "n1", "2026-11-22 08:00"), (3, "n1", "2026-11-23 09:00"),
             (4, "n2", "2026-11-22 09:00"))  # fmt: skip
    with writing(engine) as connection:
        connection.exec_driver_sql(RUN_BEFORE)
        for number, shift, made_at in plans:
            connection.exec_driver_sql(
                "INSERT INTO plans (id, shift_id, shift_start, shift_end, run_id, posts, asked, answer, made_at, "
                f"made_by, role) VALUES ({number}, '{shift}', '2026-11-22 22:00:00', '2026-11-23 08:00:00', 1000, "
                f"'{posts}', '{{}}', '{{}}', '{made_at}:00', 'k', 'crisis_team')"
            )
        for number, of in ((1, 1), (2, 2), (3, 2)):
            connection.exec_driver_sql(
                "INSERT INTO plan_overrides (id, plan_id, posts, reason, made_at, made_by, role) VALUES "
                f"({number}, {of}, '{posts}', 'why', '2026-11-22 21:00:00', 'k', 'crisis_team')"
            )
    assert upgrade(engine) == newest_revision()
    assert in_use(engine, "n1") == (2, 3, "crisis_team")  # the third plan was made once the shift was over
    assert in_use(engine, "n2") == (4, None, "crisis_team")


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
    with writing(engine) as connection:
        connection.exec_driver_sql(RUN_BEFORE)
    assert upgrade(engine) == newest_revision()
    save_plan(engine, plan(1000))
    assert [one.run for one in plans_of(engine, "night-2026-11-22")] == [1000]
