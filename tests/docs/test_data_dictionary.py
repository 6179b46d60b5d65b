"""docs/reference/tables.md is what the declarations say."""

from pathlib import Path

from crisisrisk.tables.core import TABLES
from crisisrisk.tables.dictionary import data_dictionary

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "tables.md"


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == data_dictionary(), (
        "run: crisisrisk describe tables > docs/reference/tables.md"
    )


def test_every_column_of_every_table_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for table in TABLES.values():
        section = page.split(f"\n## {table.name}\n")[1].split("\n## ")[0]
        assert [name for name in table.names if f"| `{name}` |" not in section] == [], table.name
