"""Scores and forecasts as they were made: saved whole or not at all, read back with the run that made them."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, insert

from crisisrisk.database.engine import writing
from crisisrisk.database.lengths import fitting
from crisisrisk.database.schema import Base, Forecast, ForecastRun, ForecastTotal, Score, ScoringRun
from crisisrisk.errors import DataError
from crisisrisk.timeline import microseconds

if TYPE_CHECKING:
    import pandas as pd

SCORED = "scored"
STATES = (SCORED, "no_data", "in_crisis_episode", "in_hospital", "opted_out", "under_18", "out_of_scope", "stale")
"""What a stored score may say; `expired` is never stored, it comes with time."""

BATCH = 5_000
RELEASED_NUMBERS = ("released_expected", "released_lower", "released_upper", "released_usual")
RELEASED = (*RELEASED_NUMBERS, "released_rank", "released_reasons")
_FORECAST_NUMBERS = (
    "latitude",
    "longitude",
    "lower",
    "upper",
    "usual",
    "expected",
    *RELEASED_NUMBERS,
    "own_dispersion",
)
_TOTAL_NUMBERS = (
    "hours_ahead",
    "expected",
    "lower",
    "upper",
    "usual",
    "usual_low",
    "usual_high",
    "quieter",
    "busier",
    *RELEASED_NUMBERS,
    "released_quieter",
    "released_busier",
    "shared_dispersion",
)
_TOTAL_TEXTS = ("shift_id", "area_id", "area_name", "outlook", "released_outlook")


@dataclass(frozen=True, kw_only=True)
class RunMeta:
    """What a run of scoring or forecasting says about itself.

    `as_of`: the moment it stands at (for a forecast, the moment of issue). `data_complete_to`: per source, up to
    when its records are complete. `valid_until`: after this its answers are no longer shown as current.
    `horizon_days`: None for a forecast, whose horizon is the shift.
    """

    task: str
    model_name: str
    model_version: int
    run_id: str
    recipe_fingerprint: str
    horizon_days: int | None
    as_of: datetime
    data_complete_to: Mapping[str, datetime]
    valid_until: datetime
    made_at: datetime
    outcome: str
    former_versions: tuple[int, ...] = ()
    """Of people: the versions whose higher numbers counted too."""
    tie_seed: int | None = None
    """Of people: what the order of equal numbers was drawn by; None where it was not drawn."""
    modes: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    """Of places: by shift the expected contacts made in each way, `expected` as they are and `released`."""
    widened_by: tuple[str, ...] = ()
    """Of places: the late sources that ranges are wider for; of each `data_complete_to` says up to when it is known."""


def save_person_scores(engine: Engine, scores: "pd.DataFrame", meta: RunMeta) -> int:
    """Keep a scoring run with everyone's score or state, in one transaction. Returns the number of the run.

    Columns: `person_id, state, probability, lower, upper, reasons` (JSON text or lists), and, where they are given,
    `thin_history` (left out: false for everyone), `model_version` (the run's own) and `tie_key`; others are ignored.
    Probability is NaN exactly where `state` is not `scored`. Raises DataError naming what is wrong, never whom.
    """
    given = {"thin_history": False, "model_version": meta.model_version, "tie_key": None}
    scores = scores.assign(**{name: value for name, value in given.items() if name not in scores.columns})
    rows = [
        {
            "person_id": str(row["person_id"]), "state": str(row["state"]),
            "probability": _number(row["probability"]), "lower": _number(row["lower"]),
            "upper": _number(row["upper"]), "reasons": _json_text(row["reasons"]),
            "thin_history": bool(row["thin_history"]), "model_version": int(row["model_version"]),
            "tie_key": _number(row["tie_key"]),
        }
        for row in _rows(scores, ("person_id", "state", "probability", "lower", "upper", "reasons", *given))
    ]  # fmt: skip
    _check_scores(rows)
    return _save(engine, ScoringRun, {Score: rows}, meta)


def save_place_forecast(
    engine: Engine, forecast: "pd.DataFrame", meta: RunMeta, *, totals: "pd.DataFrame | None" = None
) -> int:
    """Keep a forecast as issued, in one transaction, beside all that were issued before. Returns the run's number.

    Columns: `shift_id, shift_name, start, end, place_id, place_name, latitude, longitude, expected, lower, upper,
    rank, usual, reasons`; and, for what leaves the live board, `released_` and `expected, lower, upper, usual, rank,
    reasons`: where they are left out, the cell is not released; `own_dispersion`; and `last_contact`. Others are
    ignored. `totals`: of whole shifts and areas, with the columns of the table `forecast_totals`. Names too long for
    their column are cut.
    Raises DataError for a missing column, an impossible number, or an id too long for its column.
    """
    given = (*RELEASED, "own_dispersion", "last_contact")
    forecast = forecast.assign(**{name: None for name in given if name not in forecast.columns})
    names = ("shift_id", "shift_name", "start", "end", "place_id", "place_name", "latitude", "longitude",
             "expected", "lower", "upper", "rank", "usual", "reasons", *given)  # fmt: skip
    rows = [
        {
            **{name: str(row[name]) for name in ("shift_id", "shift_name", "place_id", "place_name")},
            **{name: _number(row[name]) for name in _FORECAST_NUMBERS},
            "shift_start": _moment(row["start"]), "shift_end": _moment(row["end"]), "rank": int(row["rank"]),
            "released_rank": _whole(row["released_rank"]),
            "last_contact": None if _is_missing(row["last_contact"]) else _moment(row["last_contact"]),
            "reasons": _json_text(row["reasons"]), "released_reasons": _json_text(row["released_reasons"]),
        }
        for row in _rows(forecast, names)
    ]  # fmt: skip
    _check_forecast(rows)
    summed = [] if totals is None else _totals(totals)
    saved = {Forecast: fitting(Forecast, rows), ForecastTotal: fitting(ForecastTotal, summed)}
    return _save(engine, ForecastRun, saved, meta)


def _totals(totals: "pd.DataFrame") -> list[dict[str, Any]]:
    names = (*_TOTAL_TEXTS, *_TOTAL_NUMBERS, "start", "end", "places", "issue_hours", "hourly")
    rows: list[dict[str, Any]] = [
        {
            **{name: str(row[name]) for name in _TOTAL_TEXTS},
            **{name: _number(row[name]) for name in _TOTAL_NUMBERS},
            "shift_start": _moment(row["start"]), "shift_end": _moment(row["end"]), "places": int(row["places"]),
            "issue_hours": int(row["issue_hours"]), "hourly": _json_text(row["hourly"]),
        }
        for row in _rows(totals, names)
    ]  # fmt: skip
    wrong = sum(not 0 <= (row["lower"] or 0) <= (row["upper"] or 0) or row["expected"] is None for row in rows)
    if wrong:
        raise DataError(
            "CR-DB-003", "totals that cannot be", found=f"{wrong} rows", wanted="expected, and 0 ≤ lower ≤ upper"
        )
    return rows


def _save(
    engine: Engine,
    run_table: type[ScoringRun] | type[ForecastRun],
    tables: Mapping[type[Base], Sequence[dict[str, Any]]],
    meta: RunMeta,
) -> int:
    with writing(engine) as connection:
        values = {**_run_values(meta), **(_people_values(meta) if run_table is ScoringRun else _place_values(meta))}
        made = connection.execute(insert(run_table).values(**values).returning(run_table.id))
        number = int(made.scalar_one())
        for row_table, rows in tables.items():
            for start in range(0, len(rows), BATCH):
                batch = [{**row, "run_id": number} for row in rows[start : start + BATCH]]
                connection.execute(insert(row_table), batch)
    return number


def _run_values(meta: RunMeta) -> dict[str, Any]:
    return {
        "task": meta.task, "model_name": meta.model_name, "model_version": meta.model_version,
        "model_run_id": meta.run_id, "recipe_fingerprint": meta.recipe_fingerprint, "outcome": meta.outcome,
        "horizon_days": meta.horizon_days, "as_of": meta.as_of, "valid_until": meta.valid_until,
        "made_at": meta.made_at,
        "data_complete_to": {source: moment.isoformat() for source, moment in sorted(meta.data_complete_to.items())},
    }  # fmt: skip


def _people_values(meta: RunMeta) -> dict[str, Any]:
    return {"former_versions": list(meta.former_versions), "tie_seed": meta.tie_seed}


def _place_values(meta: RunMeta) -> dict[str, Any]:
    return {"modes": meta.modes, "widened_by": list(meta.widened_by)}


def _rows(frame: "pd.DataFrame", names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if missing := [name for name in names if name not in frame.columns]:
        raise DataError(
            "CR-DB-003", "a table to save lacks a column", wanted=missing[0], found=", ".join(map(str, frame.columns))
        )
    columns = [frame[name].tolist() for name in names]
    return (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))


def _check_scores(rows: Sequence[dict[str, Any]]) -> None:
    unknown = sorted({row["state"] for row in rows} - set(STATES))
    if unknown:
        raise DataError("CR-DB-003", "an unknown state", found=unknown[0], wanted=", ".join(STATES))
    wrong = sum((row["state"] == SCORED) != (row["probability"] is not None) for row in rows)
    outside = sum(row["probability"] is not None and not 0 <= row["probability"] <= 1 for row in rows)
    if wrong or outside:
        raise DataError(
            "CR-DB-003", "probabilities that do not fit their states", found=f"{max(wrong, outside)} rows",
            wanted='0 to 1 where the state is "scored", none elsewhere',
        )  # fmt: skip
    if repeated := len(rows) - len({row["person_id"] for row in rows}):
        raise DataError(
            "CR-DB-003", "people who are in the table twice", found=f"{repeated} rows", wanted="one row each"
        )


def _check_forecast(rows: Sequence[dict[str, Any]]) -> None:
    impossible = sum(row["expected"] is None or row["expected"] < 0 or row["rank"] < 1 for row in rows)
    if impossible:
        raise DataError(
            "CR-DB-003", "expected numbers or ranks that cannot be", found=f"{impossible} rows",
            wanted="expected 0 or more, ranks from 1",
        )  # fmt: skip
    if repeated := len(rows) - len({(row["shift_id"], row["place_id"]) for row in rows}):
        raise DataError(
            "CR-DB-003",
            "places that are in a shift twice",
            found=f"{repeated} rows",
            wanted="one row for shift and place",
        )


def _number(value: Any) -> float | None:
    """A finite number, or None for what pandas calls missing. Infinity stays, to be refused."""
    return None if _is_missing(value) else float(value)


def _is_missing(value: Any) -> bool:
    return value is None or bool(value != value) or str(value) == "<NA>"


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _moment(value: Any) -> datetime:
    moment: datetime = value.to_pydatetime() if hasattr(value, "to_pydatetime") else value
    microseconds(moment)
    return moment


def _json_text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "[]"
    return value if isinstance(value, str) else json.dumps(list(value), ensure_ascii=False)
