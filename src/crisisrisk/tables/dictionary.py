"""The data dictionary and the CSV templates, written from the declarations."""

from crisisrisk.tables.core import TABLES
from crisisrisk.tables.named_tables import NAMED_TABLES
from crisisrisk.tables.schema import Column, Table

INTRODUCTION = """# Tables

What one row of each table is, and what its columns mean. Written by `crisisrisk describe tables` from the declarations
in `src/crisisrisk/tables/core.py`; do not edit. How an agency's file becomes one of these:
[mapping files](mapping-files.md).

A row that breaks a rule goes to `quarantine/` with its row number, the rule and the value; of columns marked
*identifying* only the rule. Tables with a history keep every dated state that ever arrived; of the others the newest
row of each key counts.
"""


NAMED = """
# Files that `crisisrisk.toml` names

CSV files beside the site, read as they are, without a mapping: what is known of its days and places. Declared in
`src/crisisrisk/tables/named_tables.py`. Times without an offset are local. Which key names which file:
[a site's configuration](site.md).
"""


def data_dictionary() -> str:
    """The whole dictionary as Markdown. docs/reference/tables.md is this text."""
    loaded = "".join(_section(table) for table in TABLES.values())
    return INTRODUCTION + loaded + NAMED + "".join(_named_section(table) for table in NAMED_TABLES)


def template_header(table: Table) -> str:
    """The header line of an empty CSV for a table, ending in a line break."""
    return ",".join(table.names) + "\n"


def csv_templates() -> dict[str, str]:
    """File name to content of an empty CSV for every table that is loaded from files."""
    return {f"{table.name}.csv": template_header(table) for table in TABLES.values() if not table.operational_only}


def _section(table: Table) -> str:
    facts = [f"One row is {table.row}.", f"Key: {', '.join(f'`{name}`' for name in table.key)}."]
    facts.append("Keeps its history." if table.history else "The newest row of a key counts.")
    if table.operational_only:
        facts[-1] = "Never in a file."
    return f"\n## {table.name}\n\n{' '.join(facts)}\n\n{_columns(table)}"


def _named_section(table: Table) -> str:
    return f"\n## {table.name}\n\nOne row is {table.row}.\n\n{_columns(table)}"


def _columns(table: Table) -> str:
    head = "| column | type | unit | rules | meaning |\n| --- | --- | --- | --- | --- |\n"
    return head + "".join(_line(column) for column in table.columns)


def _line(column: Column) -> str:
    rules = [str(rule) for rule in column.constraints]
    if column.required:
        rules.insert(0, "required")
    if column.default is not None:
        rules.append(f"{str(column.default).lower()} where empty")
    if column.identifying:
        rules.append("*identifying*")
    cells = (f"`{column.name}`", column.kind.name, column.unit or "", "; ".join(rules), column.meaning)
    return "| " + " | ".join(cells) + " |\n"
