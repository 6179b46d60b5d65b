"""What the tables declare, and what is derived from it."""

import pyarrow as pa
import pytest

from crisisrisk.tables.checking import broken_rules
from crisisrisk.tables.core import EVENTS, SMALL_TABLES, TABLES
from crisisrisk.tables.dictionary import csv_templates
from crisisrisk.tables.schema import FLAG, NUMBER, TIME, WHOLE, Column, Table, pandera_schema


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_column_has_a_meaning_that_ends_in_a_full_stop(table: Table) -> None:
    assert [column.name for column in table.columns if not column.meaning.endswith(".")] == []


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_keys_orders_and_rules_name_columns_of_the_table(table: Table) -> None:
    named = {*table.key, *table.sort, *([table.start] if table.start else [])}
    named |= {rule.other for column in table.columns for rule in column.rules if hasattr(rule, "other")}
    assert named - set(table.names) == set()


def test_tables_with_a_history_know_when_they_were_known() -> None:
    for table in TABLES.values():
        assert not table.history or table.column("known_at").required, table.name


def test_identities_are_declared_and_never_a_file() -> None:
    assert TABLES["identities"].operational_only
    assert "identities.csv" not in csv_templates()
    assert all(table.name != "identities" for table in SMALL_TABLES)


def test_a_template_is_the_header_of_the_table() -> None:
    assert csv_templates()["person_links.csv"] == "source,source_person_key,person_id,valid_from,known_at,confidence\n"


def test_pandera_carries_the_checks_of_single_columns() -> None:
    schema = pandera_schema(EVENTS, EVENTS.names)
    assert [check.name for check in schema.columns["latitude"].checks] == ["-90 to 90"]
    assert [check.name for check in schema.columns["premises"].checks] == ["one of public, private"]
    assert not schema.columns["code"].nullable
    assert schema.columns["outcome" if "outcome" in schema.columns else "premises"].nullable


def rows(**cells: object) -> pa.Table:
    """One row of events that breaks no rule, but for the cells given."""
    usual: dict[str, object] = {"event_id": "1", "occurred_at": 0, "known_at": 0, "source": "police_999", "code": "A",
                                "is_crisis": False}  # fmt: skip
    return pa.table(
        [cell(column, {**usual, **cells}.get(column.name)) for column in EVENTS.columns], schema=EVENTS.arrow_schema
    )


def cell(column: Column, value: object) -> pa.Array:
    if column.kind in (TIME, FLAG, NUMBER, WHOLE):
        return pa.array([value]).cast(column.kind.stored)
    plain = pa.array([value], pa.string())
    return plain.dictionary_encode() if column.kind.repeats else plain


def broken(**cells: object) -> list[tuple[str, str]]:
    return [(fault.column, fault.rule) for fault in broken_rules(EVENTS, rows(**cells))]


YEAR = 365 * 86_400_000_000


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ({}, []),
        ({"code": None}, [("code", "not empty")]),
        ({"occurred_at": 300 * YEAR}, [("occurred_at", "from 1900, before 2200")]),
        ({"latitude": 91.0, "longitude": 0.0}, [("latitude", "-90 to 90")]),
        ({"latitude": 51.0}, [("longitude", "together with latitude")]),
        ({"ended_at": -1}, [("ended_at", "not before occurred_at")]),
        ({"ended_at": 0}, []),
        ({"value": 1e308}, [("value", "-1e+09 to 1e+09")]),
        ({"origin": "elsewhere"}, [("origin", "one of public, partner, team_initiated, follow_up")]),
    ],
)
def test_a_row_that_breaks_a_rule_is_named_with_it(cells: dict[str, object], wanted: list[tuple[str, str]]) -> None:
    assert broken(**cells) == wanted
