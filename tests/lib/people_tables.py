"""A small site with contacts, links, registers and caseloads of invented people: what comes of them is compared."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from crisisrisk.commands.data import LoadResult, load_files
from crisisrisk.tables.site import Site
from tests.lib.table_sites import EVENTS, LINKS, make_site, write_csv, write_mapping

Row = dict[str, Any]

PEOPLE = """table = "people"
[columns]
person_id = { column = "person", kind = "study_id" }
valid_from = { column = "known" }
known_at = { column = "known" }
home_place_id = "home"
sex = "sex"
"""

CASELOADS = """table = "caseloads"
[columns]
person_id = { column = "person", kind = "study_id" }
team_id = "team"
valid_from = { column = "known" }
known_at = { column = "known" }
"""


def event_row(
    number: int, person: str | None, key: str | None = None, *, day: int = 1, source: str = "police_999"
) -> Row:
    """A call."""
    at = f"2026-{1 + number % 9:02}-{day:02}T10:00Z"
    return {"id": f"e{number}", "at": at, "known": f"2026-10-{day:02}T12:00Z", "source": source, "code": "call",
            "person": person, "key": key}  # fmt: skip


EVENT_ROWS = [
    *(event_row(number, ("ann", "ben", "cat")[number % 3]) for number in range(12)),
    *(
        event_row(20 + number, None, ("K-ann", "K-ben", "K-moved", "K-left", "K-nobody")[number % 5])
        for number in range(10)
    ),
    event_row(40, None, "K-ann", source="nhs_111"),  # another agency's key of that name is another person's
    event_row(3, "ben", day=5),  # a correction: of ann's contact, that it was ben's
]
LINK_ROWS = [
    {"source": "police_999", "key": key, "person": person, "known": f"2026-10-{day:02}"}
    for key, person, day in (("K-ann", "ann", 2), ("K-ben", "ben", 2), ("K-moved", "ben", 2), ("K-moved", "ann", 9),
                             ("K-left", "ann", 2), ("K-left", "cat", 9))
]  # fmt: skip
PEOPLE_ROWS = [
    {"person": person, "known": "2026-01-01", "home": f"home-of-{person}", "sex": sex}
    for person, sex in (("ann", "female"), ("ben", "male"), ("cat", "attack helicopter"))
]
CASELOAD_ROWS = [{"person": person, "team": "north", "known": "2026-01-01"} for person in ("ann", "ben")]
TABLES = {
    "events": (EVENTS, EVENT_ROWS), "links": (LINKS, LINK_ROWS), "people": (PEOPLE, PEOPLE_ROWS),
    "caseloads": (CASELOADS, CASELOAD_ROWS),
}  # fmt: skip
OF_ANN = {"K-ann": "police_999", "K-moved": "police_999"}


def load_table(site: Site, name: str, rows: Sequence[Row], mapping: str) -> LoadResult:
    """Load rows through a mapping."""
    return load_files(site, [write_csv(site.path.parent / f"{name}.csv", rows)], write_mapping(site, mapping, name))


def loaded_site(parent: Path, keep: Callable[[Row], bool] = lambda _: True, *, key: str | None = None) -> Site:
    """A site in a folder with the rows that are kept. `key`: the text of another key file."""
    site = make_site(parent)
    if key is not None and site.pseudonym_key_file is not None:
        site.pseudonym_key_file.write_text(key)
    for name, (mapping, rows) in TABLES.items():
        load_table(site, name, [row for row in rows if keep(row)], mapping)
    return site
