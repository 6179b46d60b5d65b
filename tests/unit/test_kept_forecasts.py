"""Forecasts that are kept after they were read once: always what the database says now, in bounded number."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from tests.lib.database import AS_OF, forecast, place_run

from crisisrisk.database import kept_forecasts
from crisisrisk.database.engine import open_engine, writing
from crisisrisk.database.latest import forecast_for, shifts_between
from crisisrisk.database.scores import save_place_forecast
from crisisrisk.database.upgrade import upgrade

NIGHT = "night-2026-11-22"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(made)
    yield made
    made.dispose()


def save(engine: Engine, shift_id: str = NIGHT, *, hours: float = 0, places: int = 3) -> int:
    at = AS_OF + timedelta(hours=hours)
    return save_place_forecast(engine, forecast(shift_id, places=places), place_run(as_of=at, made_at=at))


def afresh(engine: Engine) -> tuple[object, object]:
    """What an engine that has kept nothing reads."""
    other = open_engine(str(engine.url))
    everything = AS_OF - timedelta(days=9), AS_OF + timedelta(days=9)
    return forecast_for(other, NIGHT), shifts_between(other, *everything)


def kept(engine: Engine) -> tuple[object, object]:
    return forecast_for(engine, NIGHT), shifts_between(engine, AS_OF - timedelta(days=9), AS_OF + timedelta(days=9))


def same(one: tuple[object, object], other: tuple[object, object]) -> bool:
    return repr(one).replace("(", "[").replace(")", "]") == repr(other).replace("(", "[").replace(")", "]")


def test_what_is_kept_is_what_is_read_after_each_new_and_each_deleted_run(engine: Engine) -> None:
    assert kept(engine) == (None, [])
    for hours, places in ((0, 3), (3, 4), (1, 5)):
        save(engine, hours=hours, places=places)
        save(engine, "day-2026-11-23", hours=hours)
        assert same(kept(engine), afresh(engine))
    found = forecast_for(engine, NIGHT)
    assert found is not None
    assert len(found[1]) == 4, "of the run of the newest moment, not of the one saved last"
    with writing(engine) as connection:
        connection.exec_driver_sql(f"DELETE FROM forecasts WHERE run_id = {found[0].run.number}")
        connection.exec_driver_sql(f"DELETE FROM forecast_runs WHERE id = {found[0].run.number}")
    assert same(kept(engine), afresh(engine))
    left = forecast_for(engine, NIGHT)
    assert left is not None
    assert len(left[1]) == 5


def test_a_number_that_is_used_again_is_another_run(engine: Engine) -> None:
    first = save(engine)
    assert forecast_for(engine, NIGHT) is not None
    with writing(engine) as connection:
        for table, column in (("forecasts", "run_id"), ("forecast_runs", "id")):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE {column} = {first}")
    assert save(engine, hours=1, places=7) == first
    assert same(kept(engine), afresh(engine))


def test_more_runs_than_are_kept_are_all_found(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_forecasts, "MOST_RUNS", 2)
    monkeypatch.setattr(kept_forecasts, "MOST_BOARDS", 1)
    for number in range(5):
        save(engine, f"day-2026-11-2{number}", hours=number)
    save(engine)
    for _ in range(3):
        assert same(kept(engine), afresh(engine))
    assert len(kept_forecasts.kept_forecasts(engine)._shifts._values) == 2


def test_a_board_that_was_read_is_not_read_again(engine: Engine) -> None:
    save(engine)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: asked.append(str(arguments[2])))
    forecast_for(engine, NIGHT)
    assert any("forecasts.expected" in one for one in asked)
    asked.clear()
    forecast_for(engine, NIGHT)
    assert asked
    assert not any("forecasts.expected" in one for one in asked)
