"""Who objects and who cares for whom as of a moment: the latest version known before it decides, for each spell."""

from datetime import UTC, datetime

import pyarrow as pa

from crisisrisk.purposes import DIRECT_CARE, PLANNING
from crisisrisk.scoring.registers import opted_out_at, teams_at
from crisisrisk.tables.core import TABLES
from crisisrisk.timeline import microseconds


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


def table(name: str, rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=TABLES[name].arrow_schema)


def test_an_objection_counts_from_when_it_was_known_until_it_ends() -> None:
    objections = table(
        "opt_outs",
        [{"person_id": "a", "valid_from": day(1), "known_at": day(3), "valid_to": day(20), "kind": "objection"}],
    )
    assert opted_out_at(objections, microseconds(day(3)), purpose=PLANNING) == frozenset()
    assert opted_out_at(objections, microseconds(day(4)), purpose=PLANNING) == {"a"}
    assert opted_out_at(objections, microseconds(day(20)), purpose=PLANNING) == frozenset()


def test_the_national_opt_out_binds_planning_and_not_a_persons_own_care() -> None:
    kinds = {"a": "national", "b": "local", "c": "scoring", "d": None, "e": "of another day"}
    rows = [{"person_id": who, "valid_from": day(1), "known_at": day(1), "kind": kind} for who, kind in kinds.items()]
    objections = table("opt_outs", rows)
    assert opted_out_at(objections, microseconds(day(2)), purpose=PLANNING) == set(kinds)
    assert opted_out_at(objections, microseconds(day(2)), purpose=DIRECT_CARE) == {"b", "c", "d", "e"}


def test_a_correction_replaces_the_version_before_it() -> None:
    spell = {"person_id": "a", "team_id": "north", "valid_from": day(1)}
    caseloads = table("caseloads", [{**spell, "known_at": day(2)}, {**spell, "known_at": day(10), "valid_to": day(8)}])
    assert teams_at(caseloads, microseconds(day(9))) == {"a": "north"}
    assert teams_at(caseloads, microseconds(day(11))) == {}


def test_of_two_teams_the_one_that_began_last() -> None:
    caseloads = table(
        "caseloads",
        [
            {"person_id": "a", "team_id": "south", "valid_from": day(5), "known_at": day(5)},
            {"person_id": "a", "team_id": "north", "valid_from": day(1), "known_at": day(1)},
        ],
    )
    assert teams_at(caseloads, microseconds(day(6))) == {"a": "south"}
    assert teams_at(caseloads, microseconds(day(4))) == {"a": "north"}
